"""Charts of subgroup means with the spread within subgroups: Xbar-R, Xbar-S and I-MR-R/S.

Sizes may differ. The means may be charted as Shewhart, EWMA or CUSUM: each is standardised by
its own size first, so that the run lengths of `run_length` hold. Where subgroups differ by more
than what is within them explains (campaigns, lots), sigma comes from the means themselves.

References:
    Montgomery (2013), sections 6.2 (R), 6.3 (S, unequal sizes), 6.4 and example 6.11 (I-MR-R).
    Tippett (1925), Biometrika 17:364, doi:10.1093/biomet/17.3-4.364 (mean of the range).
    Burr (1969), J. Qual. Technol. 1:163 (unequal sizes).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, ndtr

from goldenbatch.science._arrays import Floats, vector
from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.statistics.charts import (
    D2_OF_TWO,
    ChartDesign,
    ChartPoint,
    ChartSettings,
    ChartState,
)
from goldenbatch.science.statistics.scoring import step

_N_SUBGROUPS_MIN = 4


class SpreadMethod(StrEnum):
    """Where the sigma of the means comes from, and which spread chart goes with them.

    `range` and `deviation`: from within the subgroups (Xbar-R, Xbar-S). `between`: from moving
    ranges of the means (I-MR-R), for subgroups that differ by nature.
    """

    RANGE = "range"
    DEVIATION = "deviation"
    BETWEEN = "between"


@dataclass(frozen=True, slots=True)
class SubgroupDesign:
    """A frozen chart of means and its spread chart.

    Attributes:
        settings: of the chart of means.
        method: where sigma comes from.
        centre: mean of all values.
        sigma: of single values within subgroups.
        sigma_means: of the means, for `between`; NaN else, where it follows from the size.
        n_subgroups: in the reference period.
    """

    settings: ChartSettings
    method: SpreadMethod
    centre: float
    sigma: float
    sigma_means: float
    n_subgroups: int

    def __post_init__(self) -> None:
        """Refuse a chart without width."""
        object.__setattr__(self, "method", SpreadMethod(self.method))
        is_between = self.method is SpreadMethod.BETWEEN
        if not (math.isfinite(self.centre) and 0 < self.sigma < math.inf) or (
            is_between and not 0 < self.sigma_means < math.inf
        ):
            message = f"centre {self.centre}, sigma {self.sigma} and {self.sigma_means}: no chart"
            raise DesignError(message)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values that `from_json` reads back to an equal design."""
        plain = asdict(self)
        plain["settings"] |= {"kind": self.settings.kind.value, "rules": list(self.settings.rules)}
        plain["method"] = self.method.value
        plain["sigma_means"] = None if math.isnan(self.sigma_means) else self.sigma_means
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        fields = dict(plain)
        fields["settings"] = ChartSettings(**fields["settings"])
        fields["sigma_means"] = math.nan if fields["sigma_means"] is None else fields["sigma_means"]
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class SubgroupPoint:
    """One subgroup on both charts.

    Attributes:
        mean: of the subgroup; NaN if it is empty.
        point: on the chart of means; its statistic and limits in the unit of the values, for a
            CUSUM in sigma of the mean.
        spread: range or standard deviation; NaN for one value.
        spread_lower, spread_upper: its limits at this size.
        alarms: of both charts; `spread-high` and `spread-low` are those of the spread.
    """

    mean: float
    point: ChartPoint
    spread: float
    spread_lower: float
    spread_upper: float
    alarms: tuple[str, ...] = ()


def c4(n: int) -> float:
    """Return the mean of the standard deviation of n standard normal values.

    References:
        Montgomery (2013), appendix VI.

    >>> round(c4(5), 4)
    0.94
    """
    _check_size(n)
    return math.sqrt(2.0 / (n - 1)) * math.exp(float(gammaln(n / 2.0) - gammaln((n - 1) / 2.0)))


@lru_cache(maxsize=64)
def d2(n: int) -> float:
    """Return the mean of the range of n standard normal values.

    References:
        Tippett (1925), equation 8.

    >>> round(d2(5), 3)
    2.326
    """
    _check_size(n)
    x = np.linspace(-9.0, 9.0, 3601)
    below = ndtr(x)
    return float(np.trapezoid(1.0 - below**n - ndtr(-x) ** n, x))


@lru_cache(maxsize=64)
def d3(n: int) -> float:
    """Return the standard deviation of the range of n standard normal values.

    References:
        Tippett (1925): twice the integral of 1 - Phi(y)^n - (1 - Phi(x))^n + (Phi(y) - Phi(x))^n
        over x < y is the mean square of the range.

    >>> round(d3(5), 3)
    0.864
    """
    _check_size(n)
    x = np.linspace(-8.0, 8.0, 801)
    below, h = ndtr(x), 0.02
    inside = 1.0 - below[None, :] ** n - (1.0 - below[:, None]) ** n
    inside += np.maximum(below[None, :] - below[:, None], 0.0) ** n
    # On the diagonal the integrand is not zero and half of each cell counts.
    total = np.triu(inside, 1).sum() + 0.5 * np.trace(inside)
    return math.sqrt(2.0 * float(total) * h * h - d2(n) ** 2)


def subgroup_reference(
    subgroups: Sequence[ArrayLike],
    settings: ChartSettings | None = None,
    method: SpreadMethod = SpreadMethod.DEVIATION,
) -> SubgroupDesign:
    """Estimate a chart of means from a reference period.

    Args:
        subgroups: values of each, in time order; sizes may differ, NaN marks a missing value.
        settings: of the chart of means; Shewhart at 3 sigma if left out.
        method: where sigma comes from.

    Raises:
        DataError: fewer than 4 subgroups, or no variation.

    References:
        Montgomery (2013), equations 6.30 and 6.31 for unequal sizes; Burr (1969) for ranges.

    >>> design = subgroup_reference([[9.0, 11.0], [10.0, 10.4], [9.4, 10.6], [10.0, 9.2]])
    >>> round(design.centre, 2), round(design.sigma, 3)
    (9.95, 0.94)
    """
    kept = [_present(one) for one in subgroups]
    kept = [one for one in kept if len(one)]
    if len(kept) < _N_SUBGROUPS_MIN:
        message = f"{len(kept)} subgroups with values; {_N_SUBGROUPS_MIN} are needed"
        raise DataError(message)
    several = [one for one in kept if len(one) > 1]
    chosen = SpreadMethod(method)
    sigma = _within(several, chosen)
    means = np.array([one.mean() for one in kept])
    between = math.nan
    if chosen is SpreadMethod.BETWEEN:
        between = float(np.abs(np.diff(means)).mean()) / D2_OF_TWO
        centre = float(means.mean())
    else:
        centre = float(np.concatenate(kept).mean())
    if not sigma > 0 or between == 0:
        message = "the reference period shows no variation; choose a longer one"
        raise DataError(message)
    return SubgroupDesign(settings or ChartSettings(), chosen, centre, sigma, between, len(kept))


def subgroup_step(
    design: SubgroupDesign, state: ChartState, values: ArrayLike
) -> tuple[ChartState, SubgroupPoint]:
    """Score one subgroup on both charts; one without values changes nothing.

    >>> design = SubgroupDesign(ChartSettings(), SpreadMethod.RANGE, 10.0, 1.0, math.nan, 25)
    >>> _, point = subgroup_step(design, ChartState(), [11.6, 11.6, 11.6, 11.6])
    >>> point.alarms, round(point.point.upper, 2)
    (('nelson-1',), 11.5)
    """
    kept = _present(values)
    n = len(kept)
    mean = float(kept.mean()) if n else math.nan
    scale = (
        design.sigma_means
        if design.method is SpreadMethod.BETWEEN
        else design.sigma / math.sqrt(max(n, 1))
    )
    chart = ChartDesign(design.settings, design.centre, scale)
    after, point = step(chart, state, mean)
    spread, low, high = _spread(design, kept)
    names = [*point.alarms]
    names += ["spread-high"] if spread > high else []
    names += ["spread-low"] if spread < low else []
    return after, SubgroupPoint(mean, point, spread, low, high, tuple(names))


def subgroup_block(
    design: SubgroupDesign, subgroups: Sequence[ArrayLike], state: ChartState | None = None
) -> tuple[list[SubgroupPoint], ChartState]:
    """Score subgroups in order by stepping: a block and a stream are one path."""
    state = state or ChartState()
    points = []
    for values in subgroups:
        state, point = subgroup_step(design, state, values)
        points.append(point)
    return points, state


def _present(values: ArrayLike) -> Floats:
    array = vector(values, "subgroup")
    return array[~np.isnan(array)]


def _within(several: Sequence[Floats], method: SpreadMethod) -> float:
    """Sigma within subgroups: weighted ranges, or the pooled standard deviation without bias."""
    if not several:
        raise DataError("no subgroup has two values, so that nothing is known of the spread in it")
    if method is SpreadMethod.RANGE:
        # Burr (1969): least variance for unequal sizes; equal to Rbar / d2 for equal ones.
        shares = np.array([(d2(len(one)) / d3(len(one))) ** 2 for one in several])
        ranges = np.array([float(np.ptp(one)) / d2(len(one)) for one in several])
        return float(np.sum(shares * ranges) / shares.sum())
    freedom = sum(len(one) - 1 for one in several)
    squares = sum(float(np.sum((one - one.mean()) ** 2)) for one in several)
    return math.sqrt(squares / freedom) / c4(freedom + 1)


def _spread(design: SubgroupDesign, kept: Floats) -> tuple[float, float, float]:
    """Range or deviation of a subgroup with its 3-sigma limits."""
    n = len(kept)
    if n < 2:
        return math.nan, math.nan, math.nan
    if design.method is SpreadMethod.RANGE:
        centre, width, found = d2(n), d3(n), float(np.ptp(kept))
    else:
        centre, found = c4(n), float(kept.std(ddof=1))
        width = math.sqrt(1.0 - centre * centre)
    low = max(0.0, centre - 3.0 * width) * design.sigma
    return found, low, (centre + 3.0 * width) * design.sigma


def _check_size(n: int) -> None:
    if n < 2:
        message = f"a subgroup of {n} has no spread"
        raise DesignError(message)
