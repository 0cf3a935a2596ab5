"""Settings of the yield study: one table for the command and for the analyst."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from goldenbatch.capabilities.monitoring._common import AnalystSettings
from goldenbatch.capabilities.monitoring.yields.facts import FactRule
from goldenbatch.core.findings import Severity
from goldenbatch.core.results import LimitKind
from goldenbatch.science.drivers import (
    CauseSettings,
    ForwardSettings,
    StudySettings,
)

RIGHT_FIRST_TIME = "right_first_time"
"""Target that is no attribute: 1 where a batch was right first time, else 0."""

Statistic = Literal["mean", "sd", "max", "min"]


class RightFirstTimeSettings(AnalystSettings):
    """What counts against a batch.

    Attributes:
        severity: From which on a confirmed finding counts, and an undecided one keeps it open.
        deviations: Kinds of events that are deviations, in the stream of the batch or naming it.
        once: Phases that may run once a batch; a second run is rework.
        ended_by: Attributes of which a result says that the batch has ended.
        limits: Kinds of limits of the plant that results are held to.
    """

    severity: Severity = Severity.MINOR
    deviations: tuple[str, ...] = ()
    once: tuple[str, ...] = ()
    ended_by: tuple[str, ...] = ()
    limits: tuple[LimitKind, ...] = (LimitKind.IN_PROCESS, LimitKind.ACTION, LimitKind.RELEASE)

    def rule(self, *ignored: str) -> FactRule:
        """The rule over the facts of a batch; findings of the ignored analysts never count."""
        return FactRule(
            least=self.severity,
            deviations=frozenset(self.deviations),
            once=frozenset(self.once),
            ended_by=frozenset(self.ended_by),
            ignored=frozenset(ignored),
        )


class AdjustableSettings(AnalystSettings):
    """A variable that people may set, and where it has been proven.

    Attributes:
        column: Name of the column in the table of batches.
        parameter: Parameter of the product's master recipe whose proven range holds; used where
            no range is given here.
        lower: Lower end of the proven range, in the unit of the column.
        upper: Upper end.
    """

    column: str = Field(min_length=1)
    parameter: str = ""
    lower: float | None = None
    upper: float | None = None

    @model_validator(mode="after")
    def _has_a_range(self) -> AdjustableSettings:
        if (self.lower is None) != (self.upper is None):
            raise ValueError(f"{self.column}: give both ends of the proven range, or none")
        if self.lower is None and not self.parameter:
            raise ValueError(f"{self.column}: give lower and upper, or the recipe's parameter")
        if self.lower is not None and self.upper is not None and not self.lower < self.upper:
            raise ValueError(f"{self.column}: the range {self.lower} to {self.upper} is empty")
        return self


class YieldSettings(AnalystSettings):
    """Settings of `monitoring.yields`.

    Attributes:
        target: Attribute of batches that is the yield, or `right_first_time`.
        higher_is_better: Whether the target should rise.
        whole: Material whose lots are kept whole; empty: each batch stands alone.
        materials: Materials whose lots' results are columns; `*` stands for any letters.
        attributes: Results of the batch itself that are columns, such as in-process tests; never
            what the target is computed from.
        tags: Tags that are summed up over each phase.
        environment: Tags that are summed up over the whole batch.
        phases: Phases whose durations and tags are columns.
        statistics: How tags are summed up, weighted by time.
        block: Length of a block of time: results are known to later blocks only.
        past_share: Share of the batches, the earliest, that the method is chosen on.
        has_trees: Whether trees are tried beside straight lines.
        least_present: Share of the batches that a column must have a value in.
        least_states: Different values that a cause must have had.
        adjustable: Variables that advice may be given on.
        design_space: Study whose newest kept design space holds; its factors are columns.
        probability: That the design space must give.
        right_first_time: What counts against a batch.
        n_reference: Batches of each product that its chart is made from.
        weight: Of the newest batch in the EWMA of forecast scores that charts a yield.
        in_control_arl: Batches between false alarms that the limits of that chart are made for.
        n_window: Newest batches that right first time is judged over.
        alpha: Chance that so few of them are right first time though nothing changed.
        n_newest: Batches, the newest, that candidates are looked for in when a chart alarms.
        severity: Of the findings.
        seed: Of all resampling.
    """

    target: str = Field(min_length=1)
    higher_is_better: bool = True
    whole: str = ""
    materials: tuple[str, ...] = ("*",)
    attributes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    phases: tuple[str, ...] = ("*",)
    statistics: tuple[Statistic, ...] = ("mean", "sd", "max")
    block: Literal["day", "week", "month", "quarter"] = "month"
    past_share: float = Field(default=0.5, gt=0.1, lt=0.9)
    has_trees: bool = False
    least_present: float = Field(default=0.5, gt=0, le=1)
    least_states: int = Field(default=8, ge=2)
    adjustable: tuple[AdjustableSettings, ...] = ()
    design_space: str = ""
    probability: float = Field(default=0.95, gt=0, le=1)
    right_first_time: RightFirstTimeSettings = RightFirstTimeSettings()
    n_reference: int = Field(default=25, ge=8, le=1000)
    weight: float = Field(default=0.1, gt=0, le=1)
    in_control_arl: float = Field(default=500.0, ge=20, le=100_000)
    n_window: int = Field(default=20, ge=5, le=200)
    alpha: float = Field(default=0.002, gt=0, lt=0.1)
    n_newest: int = Field(default=300, ge=40)
    severity: Severity = Severity.MINOR
    seed: int = Field(default=0, ge=0)

    @property
    def is_share(self) -> bool:
        """Whether the target is 0 or 1."""
        return self.target == RIGHT_FIRST_TIME

    def study(self) -> StudySettings:
        """Settings of the method."""
        return StudySettings(
            forward=ForwardSettings(has_trees=self.has_trees, seed=self.seed),
            causes=CauseSettings(least_units=self.least_states),
            is_share=self.is_share,
            seed=self.seed,
        )
