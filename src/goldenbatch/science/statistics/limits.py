"""Limits from a reference period, and their false-alarm rate on later data only.

A limit is never judged on the rows that made it: `false_alarm_rate` refuses to.

References:
    Jones-Farmer et al. (2014), J. Qual. Technol. 46:265, doi:10.1080/00224065.2014.11917969
    (phase I and phase II of a chart kept apart).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import present
from goldenbatch.science.errors import DataError, OverlapError
from goldenbatch.science.statistics.charts import ChartSettings, SigmaMethod, reference
from goldenbatch.science.statistics.intervals import clopper_pearson


@dataclass(frozen=True, slots=True)
class FalseAlarmRate:
    """How often a limit alarms on good data that it was not fitted on.

    Attributes:
        n_alarms: rows with an alarm.
        n: rows judged; missing rows are not counted.
        rate: n_alarms / n.
        lower, upper: exact (Clopper-Pearson) interval of the rate.
        confidence: of the interval.
        fitted_until: end (exclusive) of the rows that the limit was fitted on, index or time.
        measured_from: first row judged, same scale.
    """

    n_alarms: int
    n: int
    rate: float
    lower: float
    upper: float
    confidence: float
    fitted_until: int
    measured_from: int

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(**plain)


def false_alarm_rate(
    is_alarm: ArrayLike,
    at: ArrayLike,
    *,
    fitted_until: int,
    is_judged: ArrayLike | None = None,
    confidence: float = 0.95,
) -> FalseAlarmRate:
    """Measure the false-alarm rate of a limit on later data that is known to be good.

    Args:
        is_alarm: per row, shape (n,).
        at: index or time of each row, integers, shape (n,).
        fitted_until: end (exclusive) of the rows that the limit was fitted on.
        is_judged: rows that count; leave out missing rows with it. All if left out.
        confidence: of the interval.

    Raises:
        OverlapError: a row lies before `fitted_until`.
        DataError: shapes differ, or no row is judged.

    >>> rate = false_alarm_rate([False, True, False], [10, 11, 12], fitted_until=10)
    >>> rate.n_alarms, rate.n, round(rate.rate, 3), round(rate.upper, 3)
    (1, 3, 0.333, 0.906)
    """
    alarms = np.asarray(is_alarm, dtype=np.bool_)
    times = np.asarray(at, dtype=np.int64)
    judged = np.ones(alarms.shape, np.bool_) if is_judged is None else np.asarray(is_judged, bool)
    if not alarms.shape == times.shape == judged.shape or alarms.ndim != 1:
        message = f"alarms {alarms.shape}, times {times.shape}, judged {judged.shape} differ"
        raise DataError(message)
    if not judged.any():
        message = "no row is left to measure a false-alarm rate on; give later rows"
        raise DataError(message)
    n_before = int((times[judged] < fitted_until).sum())
    if n_before:
        message = (
            f"{n_before} of {int(judged.sum())} rows lie before {fitted_until}, where the limit "
            "was fitted; measure it on later rows only"
        )
        raise OverlapError(message)
    n, n_alarms = int(judged.sum()), int((alarms & judged).sum())
    interval = clopper_pearson(n_alarms, n, confidence)
    ends = (interval.lower, interval.upper, confidence)
    return FalseAlarmRate(n_alarms, n, n_alarms / n, *ends, fitted_until, int(times[judged].min()))


@dataclass(frozen=True, slots=True)
class ReferenceLimits:
    """Limits of single values from a reference period.

    Attributes:
        lower, centre, upper: in the unit of the values.
        method: how they were made.
        n_reference: values used.
        fitted_until: end (exclusive) of the reference period.
    """

    lower: float
    centre: float
    upper: float
    method: str
    n_reference: int
    fitted_until: int

    def is_outside(self, values: ArrayLike) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Say which values lie outside; a missing value does not."""
        array = np.asarray(values, dtype=np.float64)
        return np.asarray((array < self.lower) | (array > self.upper))


def sigma_limits(
    values: ArrayLike,
    width: float = 3.0,
    sigma_method: SigmaMethod = SigmaMethod.MOVING_RANGE,
    *,
    fitted_until: int | None = None,
) -> ReferenceLimits:
    """Return limits at centre +- width * sigma.

    Args:
        values: of the reference period, in time order.
        width: in sigma.
        sigma_method: from moving ranges or overall.
        fitted_until: end (exclusive) of the period; the number of rows if left out.

    >>> limits = sigma_limits([9.0, 10.0, 11.0, 10.0, 9.0])
    >>> round(limits.lower, 3), round(limits.upper, 3)
    (7.141, 12.459)
    """
    design = reference(
        values, ChartSettings(width=width), sigma_method=sigma_method, fitted_until=fitted_until
    )
    half = width * design.sigma
    until = 0 if design.fitted_until is None else design.fitted_until
    return ReferenceLimits(
        design.centre - half,
        design.centre,
        design.centre + half,
        f"{width:g} sigma, {design.sigma_method.value}",
        design.n_reference,
        until,
    )


def quantile_limits(
    values: ArrayLike, coverage: float = 0.9973, *, fitted_until: int | None = None
) -> ReferenceLimits:
    """Return distribution-free limits that a new value leaves in at most 1 - coverage of cases.

    Args:
        values: of the reference period; exchangeable with what comes later.
        coverage: share of new values between the limits.
        fitted_until: end (exclusive) of the period; the number of rows if left out.

    Raises:
        DataError: too few values for this coverage.

    References:
        Wilks (1941), Ann. Math. Stat. 12:91, doi:10.1214/aoms/1177731788.

    >>> limits = quantile_limits(list(range(1, 40)), coverage=0.9)
    >>> limits.lower, limits.upper
    (2.0, 38.0)
    """
    kept = np.sort(present(values, 2, "values of the reference period"))
    n = len(kept)
    rank = int(np.floor((n + 1) * (1.0 - coverage) / 2.0 + 1e-9))
    if rank < 1:
        n_needed = int(np.ceil(2.0 / (1.0 - coverage))) - 1
        message = f"{n} values are too few for coverage {coverage}; {n_needed} are needed"
        raise DataError(message)
    method = f"quantiles, coverage {coverage:g}"
    until = np.asarray(values).shape[0] if fitted_until is None else fitted_until
    ends = (float(kept[rank - 1]), float(np.median(kept)), float(kept[n - rank]))
    return ReferenceLimits(*ends, method, n, until)
