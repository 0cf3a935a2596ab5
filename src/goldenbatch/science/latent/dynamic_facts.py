"""What a dynamic plan is made of: its names, numbers and arrays, and whether they fit together."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import PlanError
from goldenbatch.science.latent.alarm_limits import AlarmLimit, FalseAlarms, LimitSource


@dataclass(frozen=True, slots=True)
class DynamicFacts:
    """Names and numbers of a dynamic plan that are no arrays.

    Attributes:
        kind: pca, dpca, cva, or the name of another model of this form.
        columns: tags of a raw row.
        lags: rows before the newest one that count.
        statistics: names, in the order of the projection.
        widths: rows of the projection that belong to each statistic.
        limits: every limit that was made.
        in_force: which of them decide.
        smoothing: weight of the newest row in the average of a statistic; 1: no average.
        is_log: averages and limits are of the natural logarithm of the statistic.
        n_rows: of the training data.
        false_alarms: rows where any statistic is above its limit in force; None if not measured.
        max_missing_fraction: rows with a larger share of missing tags are not scored.
        fitted_until: end (exclusive) of the training rows, index or time; None if unknown.
    """

    kind: str
    columns: tuple[str, ...]
    lags: int
    statistics: tuple[str, ...]
    widths: tuple[int, ...]
    limits: tuple[AlarmLimit, ...]
    in_force: LimitSource
    smoothing: float = 1.0
    is_log: bool = False
    n_rows: int = 2
    false_alarms: FalseAlarms | None = None
    max_missing_fraction: float = 0.5
    fitted_until: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        lists = {name: list(getattr(self, name)) for name in ("columns", "statistics", "widths")}
        limits = [limit.to_json() for limit in self.limits]
        return asdict(self) | lists | {"limits": limits, "in_force": self.in_force.value}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        known = {f.name: data[f.name] for f in fields(cls)}
        known |= {name: tuple(data[name]) for name in ("columns", "statistics", "widths")}
        known["limits"] = tuple(AlarmLimit.from_json(limit) for limit in data["limits"])
        known["in_force"] = LimitSource(data["in_force"])
        found = data["false_alarms"]
        known["false_alarms"] = None if found is None else FalseAlarms(**found)
        return cls(**known)


@dataclass(frozen=True, slots=True, eq=False)
class DynamicArrays:
    """The numbers of a dynamic plan; p tags, m = p (lags + 1), K statistics.

    Attributes:
        centre, scale: shape (p,).
        projection: of the newest row, then the row before it, ..., shape (sum of widths, m).
        start: where the averages start: their mean on good rows, shape (K,).
        precision: inverse covariance of a standardised row, shape (p, p), or of a row and the row
            before it, shape (2 p, 2 p): what fills missing values.
    """

    centre: Floats
    scale: Floats
    projection: Floats
    start: Floats
    precision: Floats


def check_parts(facts: DynamicFacts, arrays: DynamicArrays) -> None:
    """Check that shapes fit together, and that numbers are finite.

    Raises:
        PlanError: they do not, or are not.
    """
    p, n_statistics = len(facts.columns), len(facts.statistics)
    wide = arrays.precision.shape[0] if arrays.precision.ndim == 2 else 0
    shapes = {
        "centre": (arrays.centre.shape, (p,)),
        "scale": (arrays.scale.shape, (p,)),
        "projection": (arrays.projection.shape, (sum(facts.widths), p * (facts.lags + 1))),
        "start": (arrays.start.shape, (n_statistics,)),
        "precision": (arrays.precision.shape, (2 * p, 2 * p) if wide != p else (p, p)),
        "widths": ((len(facts.widths),), (n_statistics,)),
    }
    wrong = [name for name, (found, wanted) in shapes.items() if found != wanted]
    numbers = [getattr(arrays, f.name) for f in fields(DynamicArrays)]
    values = [one.value for one in facts.limits]
    is_finite = all(np.isfinite(array).all() for array in (*numbers, np.array(values)))
    in_force = [one.statistic for one in facts.limits if one.source is facts.in_force]
    if len({*facts.columns, ""}) <= p:
        wrong.append("the names of tags, of which one is empty or stands there twice")
    if sorted(in_force) != sorted(facts.statistics):
        wrong.append(f"limits in force ({facts.in_force.value}) are for {in_force}")
    if not facts.is_log and not all(value > 0 for value in values):
        wrong.append("a limit is not positive")
    is_set = 0.0 < facts.smoothing <= 1.0 and facts.lags >= 0 and p > 0 and n_statistics > 0
    if wrong or not is_finite or not is_set or not (arrays.scale > 0).all():
        message = f"the parts of the dynamic plan do not fit together: {wrong or 'bad numbers'}"
        raise PlanError(message)
