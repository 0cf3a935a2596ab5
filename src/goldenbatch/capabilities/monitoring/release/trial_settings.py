"""Settings of the trial of release models, fixed before any test row is opened."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from goldenbatch.capabilities.monitoring.release.gate import GateCriteria
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.trial import TrialFile
from goldenbatch.science.forward import LeakSettings, Specification


class Limits(BaseModel):
    """Limits of an attribute in its own unit.

    Attributes:
        lower: Lower limit; none by default.
        upper: Upper limit; none by default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    lower: float = -math.inf
    upper: float = math.inf

    def specification(self) -> Specification:
        """As the evaluation takes them."""
        return Specification(self.lower, self.upper)


class ReleaseTrialSettings(BaseModel):
    """What is predicted when, from what, and what is asked of it.

    Attributes:
        period: How `columns.time` is read: `month` (`nov.18`, `2018-11`), `day` (`2018-11-30`) or
            `order` (rows as they stand, each a period).
        months: Further names of months, with their numbers.
        known_after: Periods after which the result of a batch is known; 1: in the next one.
        every: Periods that one fit serves; 0: one fit at the end of the training side serves all,
            as a locked model does.
        n_least: Known results before anything is predicted.
        reporting_limit: Attribute to the limit at or below which its results are censored.
        specification: Attribute to its limits.
        unit: Attribute to its unit.
        exclude: Patterns of columns that are no predictors, such as the final tests.
        stages: Stage of the process to patterns of its columns, in their order.
        decided_after: The stage after which it is decided; empty: no stages are looked at.
        recorded_at: Column to the column that says when its values were recorded.
        candidates: Models to choose from, on the training side alone; the first is kept unless
            another is clearly better there.
        n_trees: Of forests.
        coverage: Of the interval.
        leaks: From where on a column is too good.
        explained: Column to why it may be good alone, such as a probe read before the decision;
            it is told, and no longer held against the model. A copy of the result stays a leak.
        planted_leak: Adds a column that is the result with noise, of this share of its spread
            within products, to see that it is caught; none by default.
        has_splits: Whether random and lot-wise cross-validation stand beside the forward figures.
        criteria: Of the gate.
        seed: Of all that is random.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    period: Literal["month", "day", "order"] = "month"
    months: Mapping[str, int] = Field(default_factory=dict)
    known_after: int = Field(default=1, ge=1)
    every: int = Field(default=1, ge=0)
    n_least: int = Field(default=60, ge=10)
    reporting_limit: Mapping[str, float] = Field(default_factory=dict)
    specification: Mapping[str, Limits] = Field(default_factory=dict)
    unit: Mapping[str, str] = Field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    stages: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    decided_after: str = ""
    recorded_at: Mapping[str, str] = Field(default_factory=dict)
    candidates: tuple[str, ...] = Field(
        default=("average", "extra-trees", "extra-trees-transformed", "ridge", "tobit"),
        min_length=1,
    )
    n_trees: int = Field(default=100, ge=10, le=2000)
    coverage: float = Field(default=0.9, gt=0.5, lt=1)
    leaks: LeakSettings = Field(default_factory=LeakSettings)
    explained: Mapping[str, str] = Field(default_factory=dict)
    planted_leak: float | None = Field(default=None, ge=0)
    has_splits: bool = True
    criteria: GateCriteria = Field(default_factory=GateCriteria)
    seed: int = 0


def settings_of(file: TrialFile) -> ReleaseTrialSettings:
    """Settings of a trial file.

    Raises:
        BadInputError: One is unknown or impossible, or names an attribute that is no target.
    """
    try:
        return ReleaseTrialSettings.model_validate(dict(file.settings))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise BadInputError(
            f"{key}: {first['msg']}.",
            hint="See the settings of monitoring.release in its how-to.",
            key=f"settings.{key}",
        ) from error
