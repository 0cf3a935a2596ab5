"""Limits from left-out rows, and the false-alarm rate that a limit really has, with its interval.

Statistics of rows in time order are seldom independent: an exact interval of a rate is then far
too narrow, and a quantile of few effective rows too low. Both are allowed for here.

References:
    Kunsch (1989), Ann. Stat. 17:1217, doi:10.1214/aos/1176347265 (block bootstrap).
    Sokal (1997), in Functional Integration, doi:10.1007/978-1-4899-0319-8_6 (window of the
    integrated autocorrelation time).
    Hahn and Meeker (1991), Statistical Intervals, doi:10.1002/9780470316771, 4.7 (prediction
    limit of one future value).
    Wilks (1941), Ann. Math. Stat. 12:91, doi:10.1214/aoms/1177731788 (order statistics).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from goldenbatch.science._arrays import Floats, present
from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.latent.alarm_limits import FalseAlarms
from goldenbatch.science.statistics.autocorrelation import lag1_autocorrelation
from goldenbatch.science.statistics.intervals import clopper_pearson

_WINDOW = 5.0
_CONFIDENCE = 0.95


def effective_rows(values: ArrayLike) -> float:
    """Return how many independent rows say as much about the mean as these rows in time order.

    Args:
        values: in time order; missing ones are left out.

    Raises:
        DataError: fewer than 4 values.

    References:
        Sokal (1997), 3: n over the integrated autocorrelation time, summed up to 5 times itself.

    >>> rows = np.random.default_rng(0).normal(size=4000)
    >>> 3000 < effective_rows(rows) <= 4000, effective_rows(np.repeat(rows, 10)) < 6000
    (True, True)
    """
    kept = present(values, 4, "the statistic")
    centred = kept - kept.mean()
    n, power = len(centred), float(centred @ centred)
    if not power > 0:
        return float(n)
    time = 1.0
    for lag in range(1, n // 2):
        time += 2.0 * float(centred[:-lag] @ centred[lag:]) / power
        if lag >= _WINDOW * time:
            break
    return n / min(max(time, 1.0), n / 2.0)


def predictive_limit(values: ArrayLike, rate: float) -> float:
    """Return the limit that the next value of a normal series is above at a given rate.

    mean + t(1 - rate; e - 1) s sqrt(1 + 1 / e), e the number of effective rows: few or
    correlated rows push the limit out.

    Args:
        values: of good rows that were left out of the fit, in time order.
        rate: share of good rows above the limit.

    Raises:
        DataError: fewer than 4 values.

    References:
        Hahn and Meeker (1991), equation 4.14, with effective rows.

    >>> rows = np.random.default_rng(0).normal(size=20000)
    >>> round(predictive_limit(rows, 0.01), 1)
    2.3
    """
    kept = present(values, 4, "the statistic")
    e = max(effective_rows(kept), 3.0)
    spread = float(kept.std(ddof=1)) * math.sqrt(1.0 + 1.0 / e)
    return float(kept.mean()) + float(stdtrit(e - 1.0, 1.0 - rate)) * spread


def order_limit(values: ArrayLike, rate: float) -> float:
    """Return the held-out value that a new value is above in at most a given share of cases.

    Args:
        values: of good rows that nothing was fitted on.
        rate: share of good rows above the limit.

    Raises:
        DataError: too few rows for this rate.

    References:
        Wilks (1941): a new value is above the k-th largest of n with probability k / (n + 1).

    >>> order_limit(list(range(1, 100)), 0.02)
    98.0
    """
    kept = np.sort(present(values, 1, "the held-out statistic"))
    k = math.floor((len(kept) + 1) * rate + 1e-9)
    if k < 1:
        needed = math.ceil(1.0 / rate) - 1
        message = f"{len(kept)} held-out rows are too few for a rate of {rate:g}; {needed} needed"
        raise DataError(message)
    return float(kept[len(kept) - k])


def correlation_rows(values: ArrayLike) -> int:
    """Return how many rows one block needs to be nearly independent; 1 if neighbours are.

    >>> correlation_rows(np.random.default_rng(0).normal(size=500))
    1
    """
    kept = present(values, 5, "the statistic")
    if not kept.std() > 0 or not lag1_autocorrelation(kept).is_clear:
        return 1
    return math.ceil(2.0 * len(kept) / effective_rows(kept))


def measured_rate(
    runs: Sequence[ArrayLike],
    *,
    block_rows: int,
    measured_on: str,
    n_resamples: int = 2000,
    seed: int = 0,
) -> FalseAlarms:
    """Measure a false-alarm rate on good rows, with a 95 % interval.

    Rows that are independent (`block_rows` 1) get the exact interval; else blocks of rows are
    resampled. Where no block has an alarm, or all are alarms, resampling knows nothing: the
    interval is then the exact one of as many rows as there are blocks.

    Args:
        runs: alarms of each stretch of rows in time order; no block reaches over two.
        block_rows: rows of a block; a shorter run is a block by itself.
        measured_on: which rows these are, in words.
        n_resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        DataError: there is no row.
        DesignError: a block has no row.

    References:
        Kunsch (1989), 2.1 (moving blocks).

    >>> found = measured_rate([[False] * 99 + [True]], block_rows=1, measured_on="later rows")
    >>> found.rate, round(found.upper, 4), found.interval
    (0.01, 0.0545, 'exact')
    """
    stretches = [np.asarray(run, dtype=np.float64) for run in runs if len(np.asarray(run))]
    if not stretches or block_rows < 1:
        if block_rows < 1:
            raise DesignError("a block needs at least one row")
        raise DataError("there is no row to measure a false-alarm rate on")
    n = sum(len(run) for run in stretches)
    n_alarms = int(sum(run.sum() for run in stretches))
    rate = n_alarms / n
    if block_rows == 1:
        exact = clopper_pearson(n_alarms, n, _CONFIDENCE)
        return FalseAlarms(rate, exact.lower, exact.upper, n, "exact", measured_on)
    sums, sizes = _blocks(stretches, block_rows)
    n_blocks = max(1, round(n / float(sizes.mean())))
    if n_alarms in (0, n):
        exact = clopper_pearson(n_blocks if n_alarms else 0, n_blocks, _CONFIDENCE)
        note = "exact, of as many rows as blocks"
        return FalseAlarms(rate, exact.lower, exact.upper, n, note, measured_on)
    drawn = np.random.default_rng(seed).integers(0, len(sums), size=(n_resamples, n_blocks))
    rates = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(rates, [0.5 - _CONFIDENCE / 2, 0.5 + _CONFIDENCE / 2])
    return FalseAlarms(rate, float(low), float(high), n, "block bootstrap", measured_on)


def _blocks(runs: Sequence[Floats], block_rows: int) -> tuple[Floats, Floats]:
    """Alarms and rows of every block that fits into a run."""
    sums, sizes = [], []
    for run in runs:
        size = min(block_rows, len(run))
        total = np.concatenate([[0.0], np.cumsum(run)])
        sums.append(total[size:] - total[:-size])
        sizes.append(np.full(len(run) - size + 1, float(size)))
    return np.concatenate(sums), np.concatenate(sizes)
