"""What a simulation's output says: means with intervals, warm-up, and paired differences.

References:
    Law (2015), Simulation Modeling and Analysis, 5th ed., McGraw-Hill, ch. 9 and 11.
    White (1997), Simulation 69:323, doi:10.1177/003754979706900601 (MSER).
    White, Cobb and Spratt (2000), Proc. Winter Simulation Conf. 755,
    doi:10.1109/WSC.2000.899798 (MSER-5).
    Welch (1983), in Computer Performance Modeling Handbook, Academic Press, 268-328.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from goldenbatch.science._arrays import Floats, complete, matrix, vector
from goldenbatch.science.errors import DataError, DesignError

N_LEAST_BATCHES = 10
"""Fewer batch means leave too little to tell how much they vary."""

_N_LAST_CUTS = 5
"""Cuts that leave fewer means than this are small by chance only."""


@dataclass(frozen=True, slots=True)
class MeanInterval:
    """A mean with its two-sided Student interval.

    Attributes:
        mean: in the unit of the values.
        lower, upper: of the interval; infinite with one value.
        confidence: of the interval.
        n: independent values (replications or batches).
        deviation: standard deviation of the values; NaN with one.
    """

    mean: float
    lower: float
    upper: float
    confidence: float
    n: int
    deviation: float

    def contains(self, value: float) -> bool:
        """Whether a value lies in the interval."""
        return self.lower <= value <= self.upper

    @property
    def half_width(self) -> float:
        """Half the width of the interval."""
        return 0.5 * (self.upper - self.lower)


@dataclass(frozen=True, slots=True)
class WarmUp:
    """How much of a series' beginning is left out.

    Attributes:
        n_left_out: values.
        method: by which it was found.
        is_reliable: False where the rule left out more than half, which says that the run is
            too short to have settled.
        statistic: the rule's least value (MSER) or the level that was reached (Welch).
    """

    n_left_out: int
    method: str
    is_reliable: bool
    statistic: float


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """The mean difference of two scenarios under common random numbers.

    Attributes:
        difference: second minus first, with its interval.
        correlation: of the two over replications; over 0 is what the common numbers bring.
        variance_ratio: variance of the paired difference over that of independent runs.
    """

    difference: MeanInterval
    correlation: float
    variance_ratio: float

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.difference.lower > 0 or self.difference.upper < 0


def mean_interval(values: ArrayLike, confidence: float = 0.95) -> MeanInterval:
    """Return the mean of independent values with its Student interval.

    Raises:
        DataError: no values, or a missing one.
        DesignError: a confidence outside 0 to 1.

    References:
        Law (2015), eq. 9.1.

    >>> found = mean_interval([9.0, 10.0, 11.0])
    >>> found.mean, round(found.lower, 3), round(found.upper, 3)
    (10.0, 7.516, 12.484)
    """
    if not 0 < confidence < 1:
        raise DesignError(f"a confidence of {confidence} is none; give 0 < confidence < 1")
    array = complete(vector(values), "values")
    if not len(array):
        raise DataError("no values, so no mean; give 1 or more")
    mean = float(array.mean())
    if len(array) == 1:
        return MeanInterval(mean, -math.inf, math.inf, confidence, 1, math.nan)
    deviation = float(array.std(ddof=1))
    reach = float(stdtrit(len(array) - 1, 0.5 + 0.5 * confidence)) * deviation
    reach /= math.sqrt(len(array))
    return MeanInterval(mean, mean - reach, mean + reach, confidence, len(array), deviation)


def batch_means(values: ArrayLike, n_batches: int = 20, confidence: float = 0.95) -> MeanInterval:
    """Return the mean of one long series with the interval of its batch means.

    The series is cut into batches of equal length (values left over at the beginning are not
    used); batches must be long against the series' memory.

    Raises:
        DesignError: fewer than 10 batches.
        DataError: fewer than 2 values a batch, or a missing value.

    References:
        Law (2015), sec. 9.5.3.

    >>> batch_means([1.0, 2.0] * 30, n_batches=10).mean
    1.5
    """
    array = complete(vector(values), "values")
    if n_batches < N_LEAST_BATCHES:
        raise DesignError(f"{n_batches} batches are too few; give {N_LEAST_BATCHES} or more")
    size = len(array) // n_batches
    if size < 2:
        raise DataError(f"{len(array)} values do not make {n_batches} batches of 2 or more")
    means = array[len(array) - size * n_batches :].reshape(n_batches, size).mean(axis=1)
    return mean_interval(means, confidence)


def mser(values: ArrayLike, batch: int = 5) -> WarmUp:
    """Find the warm-up by MSER: the cut that leaves the least standard error of the mean.

    Args:
        values: of one series in time order, or the mean of replications at each index.
        batch: values averaged before the rule is applied; 5 makes it MSER-5.

    Raises:
        DataError: fewer than 10 batches, or a missing value.

    References:
        White (1997); White, Cobb and Spratt (2000). Hoad, Robinson and Davies (2010), J. Oper.
        Res. Soc. 61:1389, doi:10.1057/jors.2009.121: the last five cuts are not looked at, and a
        cut beyond the first half is not trusted.

    >>> mser([9.0] * 10 + [1.0, 2.0] * 45).n_left_out
    10
    """
    array = complete(vector(values), "values")
    n_batches = len(array) // batch
    if n_batches < N_LEAST_BATCHES:
        few = N_LEAST_BATCHES * batch
        raise DataError(f"{len(array)} values are too few; give {few} or more")
    means = array[: n_batches * batch].reshape(n_batches, batch).mean(axis=1)
    last = n_batches - 1 - _N_LAST_CUTS
    left = np.arange(n_batches, 0, -1, dtype=np.float64)
    centred = means - means[n_batches // 2 :].mean()
    total = np.cumsum(centred[::-1])[::-1]
    squares = np.cumsum((centred**2)[::-1])[::-1]
    statistic = (np.maximum(squares - total**2 / left, 0.0) / left**2)[: last + 1]
    cut = int(np.argmin(statistic))
    is_reliable = cut <= n_batches // 2
    return WarmUp(cut * batch, f"MSER-{batch}", is_reliable, float(statistic[cut]))


def welch(values: ArrayLike, window: int, tolerance: float = 0.05) -> WarmUp:
    """Find the warm-up by Welch's moving average of the mean over replications.

    The cut is the first index from which the moving average stays within `tolerance` of the
    mean of its last half for good: the reading of Welch's plot, made a rule.

    Args:
        values: shape (n_replications, n_indices).
        window: half width of the moving average, at most a quarter of the indices.
        tolerance: relative to the final level.

    Raises:
        DesignError: a window that is too wide.

    References:
        Welch (1983); Law (2015), sec. 9.5.1.

    >>> welch([[5.0, 3.0, 1.0] + [1.0] * 21] * 3, window=1).n_left_out
    3
    """
    series = complete(matrix(values), "values").mean(axis=0)
    if not 0 < window <= len(series) // 4:
        raise DesignError(f"a window of {window} on {len(series)} indices; give 1 to a quarter")
    smooth = _moving_average(series, window)
    level = float(smooth[len(smooth) // 2 :].mean())
    is_off = np.abs(smooth - level) > tolerance * abs(level)
    cut = int(np.flatnonzero(is_off)[-1]) + 1 if is_off.any() else 0
    return WarmUp(cut, f"Welch, window {window}", cut <= len(smooth) // 2, level)


def paired_difference(
    first: ArrayLike, second: ArrayLike, confidence: float = 0.95
) -> PairedDifference:
    """Compare two scenarios replication by replication.

    Args:
        first: one value a replication.
        second: the same, with the same random numbers at the same index.
        confidence: of the interval.

    Raises:
        DataError: other lengths, or fewer than 2 replications.

    References:
        Law (2015), sec. 10.2.1 and 11.2 (common random numbers).

    >>> paired_difference([1.0, 2.0, 3.0], [1.5, 2.5, 3.5]).difference.mean
    0.5
    """
    a, b = complete(vector(first), "first"), complete(vector(second), "second")
    if len(a) != len(b) or len(a) < 2:
        raise DataError(f"{len(a)} and {len(b)} replications; give 2 or more pairs")
    apart = float(a.var(ddof=1) + b.var(ddof=1))
    together = float((b - a).var(ddof=1))
    spread = float(a.std(ddof=1) * b.std(ddof=1))
    product = float(((a - a.mean()) * (b - b.mean())).sum() / (len(a) - 1))
    correlation = product / spread if spread > 0 else math.nan
    ratio = together / apart if apart > 0 else math.nan
    return PairedDifference(mean_interval(b - a, confidence), correlation, ratio)


def _moving_average(series: Floats, window: int) -> Floats:
    """Law's moving average: narrower windows at the beginning, none at the end."""
    n = len(series) - window
    sums = np.concatenate([[0.0], np.cumsum(series)])
    reach = np.minimum(np.arange(n), window)
    index = np.arange(n)
    averages: Floats = (sums[index + reach + 1] - sums[index - reach]) / (2 * reach + 1)
    return averages
