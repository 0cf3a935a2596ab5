"""Fit a release model to given rows, for the registry: of the kind that its trial chose.

Which kind, is settled forward in time by the trial; here it is fitted once more, to all rows that
may be learnt from, and frozen. Linear kinds carry an interval and their domain along; forests say a
value alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from goldenbatch.core.artefacts import LINEAR, SKOPS
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.model_training import Frozen, TrainingRows
from goldenbatch.science.errors import MissingEngineError, ScienceError

if TYPE_CHECKING:
    from goldenbatch.science.forward.prequential import Estimator

CODE_VERSION: Final = "release-1"
LEAST_ROWS: Final = 30


class ReleaseTrainingSettings(BaseModel):
    """Settings of a release model.

    Attributes:
        candidate: Kind of model, as the trial chose it.
        limit: Reporting limit, which `tobit` needs; results at or below it are censored.
        n_trees: Of forests.
        coverage: Of the interval of linear kinds.
        n_folds: Parts in which whole groups are left out for it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    candidate: Literal[
        "average", "extra-trees", "extra-trees-transformed", "boosting", "ridge", "tobit"
    ] = "average"
    limit: float = -math.inf
    n_trees: int = Field(default=100, ge=10, le=2000)
    coverage: float = Field(default=0.9, gt=0.5, lt=1)
    n_folds: int = Field(default=5, ge=2)


def train_release(rows: TrainingRows, settings: Mapping[str, Any], seed: int) -> Frozen:
    """Fit the kind of model that the trial chose, and freeze it.

    Args:
        rows: All that it may learn from.
        settings: See `ReleaseTrainingSettings`.
        seed: Of forests, and deals groups to parts.

    Raises:
        BadInputError: A setting is impossible, or the rows are too few.
        MissingEngineError: A forest is asked for and skops is not installed.
    """
    from goldenbatch.science.forward.choice import candidate

    chosen = _settings(settings)
    _require_rows(rows, chosen)
    try:
        # Rows are complete here; a gap later on is a row that is not scored.
        model = candidate(
            chosen.candidate,
            limit=chosen.limit,
            n_trees=chosen.n_trees,
            seed=seed,
            is_complete=True,
        )
        is_linear = chosen.candidate in ("ridge", "tobit")
        content = _linear(model, rows, chosen, seed) if is_linear else _forest(model, rows)
    except MissingEngineError:
        raise
    except ScienceError as error:
        raise BadInputError(
            f"the release model cannot be fitted: {error}.", hint="Correct it.", key="settings"
        ) from error
    return Frozen(
        content=content,
        media_type=LINEAR if is_linear else SKOPS,
        method=f"release model, {chosen.candidate}",
        code_version=CODE_VERSION,
        settings=chosen.model_dump(mode="json", exclude={"limit"})
        | ({"limit": chosen.limit} if math.isfinite(chosen.limit) else {}),
        seeds={"model": seed},
    )


def _require_rows(rows: TrainingRows, chosen: ReleaseTrainingSettings) -> None:
    n_groups = len(set(rows.groups))
    if len(rows.reference) < LEAST_ROWS or n_groups < chosen.n_folds:
        raise BadInputError(
            f"{len(rows.reference)} rows in {n_groups} groups are too few for a release model.",
            hint=f"Give at least {LEAST_ROWS} rows in {chosen.n_folds} groups.",
            key="data",
        )


def _settings(settings: Mapping[str, Any]) -> ReleaseTrainingSettings:
    try:
        return ReleaseTrainingSettings.model_validate(dict(settings))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(one) for one in first["loc"])
        raise BadInputError(f"{key}: {first['msg']}.", key=f"settings.{key}") from error


def _forest(model: Any, rows: TrainingRows) -> bytes:
    """As a skops file, which names the inputs."""
    try:
        from skops import io
    except ImportError as error:
        message = "a forest is kept as a skops file: install goldenbatch[skops]"
        raise MissingEngineError(message) from error
    fitted = model.fit(rows.inputs, rows.reference)
    # Texts, as the file may hold no objects; sklearn itself takes names from data frames only.
    fitted.feature_names_in_ = np.asarray(rows.names, dtype=np.str_)
    return bytes(io.dumps(fitted))


def _linear(
    model: Estimator, rows: TrainingRows, chosen: ReleaseTrainingSettings, seed: int
) -> bytes:
    """As a linear model with the interval of groups left out, and the ranges that it saw."""
    from sklearn.base import clone

    from goldenbatch.science.predictors import LinearModel
    from goldenbatch.science.statistics import conformal_half_width

    groups = sorted(set(rows.groups))
    order = np.random.default_rng(seed).permutation(len(groups))
    part_of = {groups[g]: k % chosen.n_folds for k, g in enumerate(order.tolist())}
    parts = np.asarray([part_of[one] for one in rows.groups])
    left_out = np.empty_like(rows.reference)
    for part in range(chosen.n_folds):
        is_out = parts == part
        fitted = clone(model).fit(rows.inputs[~is_out], rows.reference[~is_out])
        left_out[is_out] = fitted.predict(rows.inputs[is_out])
    errors = np.maximum(left_out, chosen.limit) - rows.reference
    half = conformal_half_width(errors, chosen.coverage)
    has_interval = bool(np.isfinite(half))
    coefficients, base, centre = _line(model.fit(rows.inputs, rows.reference), rows)
    return LinearModel(
        inputs=rows.names,
        outputs=(rows.output,),
        coefficients=(tuple(coefficients.tolist()),),
        intercept=(base,),
        centre=tuple(centre.tolist()),
        half_width=(half,) if has_interval else (),
        coverage=chosen.coverage if has_interval else 0.0,
        lower=tuple(rows.inputs.min(axis=0).tolist()),
        upper=tuple(rows.inputs.max(axis=0).tolist()),
    ).to_bytes()


def _line(fitted: Any, rows: TrainingRows) -> tuple[Any, float, Any]:
    """Coefficients in the units of the inputs, the value at the average row, and that row."""
    steps = [step for _, step in getattr(fitted, "steps", [("", fitted)])]
    coefficients = np.asarray(steps[-1].coef_, dtype=np.float64).reshape(-1)
    if len(steps) > 1:
        coefficients = coefficients / steps[0].scale_
    centre = rows.inputs.mean(axis=0)
    base = float(np.asarray(fitted.predict(centre[None, :])).reshape(-1)[0])
    return coefficients, base, centre
