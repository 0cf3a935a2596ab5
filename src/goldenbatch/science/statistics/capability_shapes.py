"""Capability where values are not normal, miss a target, or are censored at a reporting limit.

References:
    ISO 22514-2:2017, 6.3 (capability by the 0.135 %, 50 % and 99.865 % quantiles).
    Clements (1989), Quality Progress 22(9):95 (the same quantiles by a fitted family).
    Yeo and Johnson (2000), Biometrika 87:954, doi:10.1093/biomet/87.4.954 (the family here).
    Boyles (1991), J. Qual. Technol. 23:17, doi:10.1080/00224065.1991.11979279 (interval of Cpm).
    Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13 (percentiles).
    Cohen (1959), Technometrics 1:217, doi:10.1080/00401706.1959.10489859 (censored samples).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize, minimize_scalar
from scipy.special import chdtri, log_ndtr, ndtri

from goldenbatch.science._arrays import Floats, present
from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.statistics.capability import Index
from goldenbatch.science.statistics.intervals import Interval

_N_MIN = 20
_CENSORED_MAX = 0.8
_TAIL = 0.00135
_POWERS = (-3.0, 5.0)
_PIVOTS = (0.0, -1.0, 1.0, -2.0, 2.0, -3.0, 3.0)


@dataclass(frozen=True, slots=True)
class QuantileCapability:
    """Performance by quantiles of a fitted family.

    Attributes:
        pp: specification width over the width between the outer quantiles; NaN for one side.
        ppk: the nearer specification limit's distance from the median over that of its quantile.
        lower_quantile, median, upper_quantile: of the fitted family, unit of the values.
        power: of the transformation; 1 is the normal family.
        n: values used.
    """

    pp: Index
    ppk: Index
    lower_quantile: float
    median: float
    upper_quantile: float
    power: float
    n: int


@dataclass(frozen=True, slots=True)
class CensoredCapability:
    """Performance against an upper limit where some results are below a reporting limit.

    Attributes:
        ppk: of the upper limit.
        mean, sigma: of the fitted normal, of logarithms where so asked.
        n: results, the censored ones included.
        n_censored: results below the reporting limit.
    """

    ppk: Index
    mean: float
    sigma: float
    n: int
    n_censored: int


def taguchi_index(
    values: ArrayLike, lower: float, upper: float, target: float, confidence: float = 0.95
) -> Index:
    """Return Cpm: specification width over six root mean squared distances from the target.

    Args:
        values: NaN marks a missing value.
        lower: specification limit.
        upper: specification limit.
        target: between them.
        confidence: of the interval.

    Raises:
        DesignError: limits and target are not in order.
        DataError: fewer than 20 values.

    References:
        Boyles (1991): the square is chi-squared with n (1 + d^2)^2 / (1 + 2 d^2) degrees.

    >>> values = [9.0, 10.0, 11.0, 10.0] * 6
    >>> round(taguchi_index(values, 7.0, 13.0, 10.0).estimate, 3)
    1.414
    """
    if not lower < target < upper:
        message = f"target {target} is not between {lower} and {upper}"
        raise DesignError(message)
    kept = present(values, _N_MIN)
    n, sigma = len(kept), float(kept.std())
    away = (float(kept.mean()) - target) / sigma if sigma > 0 else math.inf
    estimate = (upper - lower) / (6.0 * math.sqrt(float(np.mean((kept - target) ** 2))))
    freedom = n * (1.0 + away**2) ** 2 / (1.0 + 2.0 * away**2) if sigma > 0 else float(n)
    tail = 0.5 * (1.0 - confidence)
    low = estimate * math.sqrt(float(chdtri(freedom, 1.0 - tail)) / freedom)
    high = estimate * math.sqrt(float(chdtri(freedom, tail)) / freedom)
    return Index(estimate, Interval(low, high, confidence))


def quantile_capability(
    values: ArrayLike,
    lower: float | None = None,
    upper: float | None = None,
    *,
    confidence: float = 0.95,
    n_resamples: int = 400,
    seed: int = 0,
) -> QuantileCapability:
    """Return Pp and Ppk of values that need not be normal.

    A power transformation makes them as normal as it can; the quantiles of the normal are
    carried back. Intervals are percentiles of a bootstrap that fits the power anew.

    Args:
        values: NaN marks a missing value.
        lower: specification limit; None if there is none.
        upper: specification limit; None if there is none.
        confidence: of the intervals.
        n_resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        DesignError: no specification limit, or they are the wrong way round.
        DataError: fewer than 20 values, or no variation.

    References:
        ISO 22514-2:2017, 6.3; Yeo and Johnson (2000).

    >>> values = np.random.default_rng(0).lognormal(0.0, 0.5, 300)
    >>> found = quantile_capability(values, upper=6.0, n_resamples=50)
    >>> found.lower_quantile > 0.1, found.power < 0.5, 0.9 < found.ppk.estimate < 2.0
    (True, True, True)
    """
    _check_limits(lower, upper)
    kept = present(values, _N_MIN)
    if not kept.std() > 0:
        raise DataError("the values show no variation, so that there is no capability")
    fitted, pivot = _quantiles(kept)
    pp, ppk = _indices(fitted, lower, upper)
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(n_resamples):
        sample = kept[rng.integers(0, len(kept), len(kept))]
        if sample.std() > 0:
            draws.append(_indices(_quantiles(sample, (pivot,))[0], lower, upper))
    columns = np.array(draws)
    return QuantileCapability(
        Index(pp, _percentiles(columns[:, 0], confidence)),
        Index(ppk, _percentiles(columns[:, 1], confidence)),
        *fitted,
        len(kept),
    )


def censored_capability(
    values: ArrayLike,
    n_censored: int,
    reporting_limit: float,
    upper: float,
    *,
    is_lognormal: bool = False,
    confidence: float = 0.95,
) -> CensoredCapability:
    """Return Ppk against an upper limit where results below a reporting limit are not known.

    Maximum likelihood of a normal (or lognormal) with left-censored results; the interval is
    from the likelihood's curvature.

    Args:
        values: results at or above the reporting limit.
        n_censored: results reported as below it.
        reporting_limit: below the upper limit.
        upper: specification limit.
        is_lognormal: fit logarithms.
        confidence: of the interval.

    Raises:
        DataError: fewer than 20 results, or more than four fifths of them censored.
        DesignError: limits are not in order, or a value lies below the reporting limit.

    References:
        Cohen (1959).

    >>> values = [0.06, 0.07, 0.08, 0.09, 0.1, 0.12] * 4
    >>> round(censored_capability(values, 8, 0.05, 0.2).ppk.estimate, 2)
    1.42
    """
    known = present(values, 1)
    if n_censored < 0 or not reporting_limit < upper or (known < reporting_limit).any():
        message = f"{n_censored} below {reporting_limit} and an upper limit {upper} do not fit"
        raise DesignError(message)
    n = len(known) + n_censored
    if n < _N_MIN or n_censored > _CENSORED_MAX * n:
        message = (
            f"{n_censored} of {n} results are below the reporting limit {reporting_limit:g}; a "
            "capability would be made up: state the share outside the specification instead"
        )
        raise DataError(message)
    logged: Callable[[float], float] = math.log if is_lognormal else float
    x = np.log(known) if is_lognormal else known
    edge, limit = logged(reporting_limit), logged(upper)

    def deviance(at: Floats) -> float:
        mean, sigma = float(at[0]), math.exp(float(at[1]))
        z = (x - mean) / sigma
        below = n_censored * float(log_ndtr((edge - mean) / sigma))
        return float(0.5 * np.sum(z * z)) + len(x) * float(at[1]) - below

    start = np.array([float(x.mean()), math.log(max(float(x.std()), 1e-9 + abs(limit) * 1e-6))])
    at = minimize(deviance, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-9}).x
    mean, sigma = float(at[0]), math.exp(float(at[1]))
    slope = np.array([-1.0 / (3.0 * sigma), -(limit - mean) / (3.0 * sigma)])
    covariance = np.linalg.inv(_curvature(deviance, at))
    error = math.sqrt(float(slope @ covariance @ slope))
    estimate = (limit - mean) / (3.0 * sigma)
    reach = float(ndtri(0.5 * (1.0 + confidence))) * error
    interval = Interval(estimate - reach, estimate + reach, confidence)
    return CensoredCapability(Index(estimate, interval), mean, sigma, n, n_censored)


def _check_limits(lower: float | None, upper: float | None) -> None:
    if (lower is None and upper is None) or (
        lower is not None and upper is not None and lower >= upper
    ):
        message = f"specification limits {lower} and {upper} give no capability"
        raise DesignError(message)


def _quantiles(
    kept: Floats, pivots: tuple[float, ...] = _PIVOTS
) -> tuple[tuple[float, float, float, float], float]:
    """(Lower quantile, median, upper quantile, power) of the fitted family, and its pivot.

    The pivot, where the transformation changes sides, is the likeliest of a few places in
    standard deviations from the median: a far one makes it the shifted power of Box and Cox.
    """
    middle, scale = float(np.median(kept)), float(kept.std())
    z = (kept - middle) / scale
    fits = []
    for pivot in pivots:
        found = minimize_scalar(
            lambda power, at=pivot: -_likelihood(z - at, power), bounds=_POWERS, method="bounded"
        )
        fits.append((float(found.fun), pivot, float(found.x)))
    _, pivot, power = min(fits)
    y = _forward(z - pivot, power)
    mean, sigma = float(y.mean()), float(y.std(ddof=1))
    outer = -float(ndtri(_TAIL)) * sigma
    ends = np.array([mean - outer, mean, mean + outer])
    low, median, high = (middle + scale * (pivot + _backward(ends, power))).tolist()
    return (low, median, high, power), pivot


def _likelihood(z: Floats, power: float) -> float:
    y = _forward(z, power)
    slope = (power - 1.0) * float(np.sum(np.sign(z) * np.log1p(np.abs(z))))
    return -0.5 * len(z) * math.log(max(float(y.var()), 1e-300)) + slope


def _forward(z: Floats, power: float) -> Floats:
    up, down = np.maximum(z, 0.0), np.maximum(-z, 0.0)
    return np.where(z >= 0, _lift(up, power), -_lift(down, 2.0 - power))


def _lift(size: Floats, power: float) -> Floats:
    if abs(power) < 1e-8:
        return np.log1p(size)
    return np.asarray(np.expm1(power * np.log1p(size)) / power)


def _backward(y: Floats, power: float) -> Floats:
    up, down = np.maximum(y, 0.0), np.maximum(-y, 0.0)
    return np.where(y >= 0, _drop(up, power), -_drop(down, 2.0 - power))


def _drop(size: Floats, power: float) -> Floats:
    """Inverse of `_lift`; what lies beyond its range is infinitely far away."""
    if abs(power) < 1e-8:
        return np.expm1(size)
    inside = power * size
    with np.errstate(divide="ignore"):
        return np.where(inside > -1.0, np.expm1(np.log1p(np.maximum(inside, -1.0)) / power), np.inf)


def _indices(
    fitted: tuple[float, float, float, float], lower: float | None, upper: float | None
) -> tuple[float, float]:
    low, median, high, _ = fitted
    sides = [
        *([] if upper is None else [(upper - median) / (high - median)]),
        *([] if lower is None else [(median - lower) / (median - low)]),
    ]
    width = math.nan if lower is None or upper is None else (upper - lower) / (high - low)
    return width, min(sides)


def _percentiles(column: Floats, confidence: float) -> Interval:
    if np.isnan(column).any():
        return Interval(math.nan, math.nan, confidence)
    tail = 0.5 * (1.0 - confidence)
    low, high = np.quantile(column, [tail, 1.0 - tail])
    return Interval(float(low), float(high), confidence)


def _curvature(function: Callable[[Floats], float], at: Floats) -> Floats:
    """Second derivatives by central differences."""
    steps = 1e-4 * np.maximum(1.0, np.abs(at))
    found = np.empty((2, 2))
    for i in range(2):
        for j in range(2):
            a, b = np.zeros(2), np.zeros(2)
            a[i], b[j] = steps[i], steps[j]
            corners = (
                function(at + a + b)
                - function(at + a - b)
                - function(at - a + b)
                + function(at - a - b)
            )
            found[i, j] = corners / (4.0 * steps[i] * steps[j])
    return found
