"""Autocorrelation: how strong it is, what it does to a chart, and how to chart residuals.

References:
    Jenkins (1954), Biometrika 41:405, doi:10.1093/biomet/41.3-4.405 (angular transformation).
    Alwan and Roberts (1988), J. Bus. Econ. Stat. 6:87, doi:10.1080/07350015.1988.10509640
    (charts of residuals of a time-series model).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from goldenbatch.science._arrays import Floats, vector
from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.statistics.rules import RunLength

_N_PAIRS_MIN = 4


@dataclass(frozen=True, slots=True)
class Lag1:
    """Lag-1 autocorrelation with its interval.

    Attributes:
        estimate: over pairs of neighbours of which neither is missing.
        lower, upper: of the interval.
        n_pairs: neighbours used.
        confidence: of the interval.
    """

    estimate: float
    lower: float
    upper: float
    n_pairs: int
    confidence: float

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out zero, so that plain limits do not hold."""
        return self.lower > 0 or self.upper < 0


def lag1_autocorrelation(values: ArrayLike, confidence: float = 0.95) -> Lag1:
    """Estimate the lag-1 autocorrelation; its arcsine has a variance of about 1/n.

    Args:
        values: in time order; NaN marks a missing value, and no pair is built over a gap.
        confidence: of the interval.

    Raises:
        DataError: fewer than 4 pairs, or no variation.

    References:
        Jenkins (1954).

    >>> round(lag1_autocorrelation([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).estimate, 3)
    0.5
    """
    series = vector(values)
    is_pair = ~np.isnan(series[1:]) & ~np.isnan(series[:-1])
    n_pairs = int(is_pair.sum())
    centred = series - np.nanmean(series) if n_pairs else series
    total = float(np.nansum(centred**2))
    if n_pairs < _N_PAIRS_MIN or not total > 0:
        message = f"{n_pairs} pairs of neighbours with variation {total}; give a longer series"
        raise DataError(message)
    products = (centred[1:] * centred[:-1])[is_pair]
    estimate = max(-1.0, min(1.0, float(products.sum()) / total))
    reach = float(ndtri(0.5 + 0.5 * confidence)) / math.sqrt(n_pairs)
    angle = math.asin(estimate)
    lower = math.sin(max(-math.pi / 2, angle - reach))
    upper = math.sin(min(math.pi / 2, angle + reach))
    return Lag1(estimate, lower, upper, n_pairs, confidence)


@dataclass(frozen=True, slots=True)
class Ar1Design:
    """First-order autoregression whose residuals are charted.

    Attributes:
        coefficient: phi of x[t] - centre = phi (x[t-1] - centre) + e[t].
        centre: mean of the reference period.
        sigma: standard deviation of e.
        n_reference: values of the reference period.
        fitted_until: end (exclusive) of the reference period, index or time.
    """

    coefficient: float
    centre: float
    sigma: float
    n_reference: int = 0
    fitted_until: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(**plain)


def ar1_reference(values: ArrayLike, *, fitted_until: int | None = None) -> Ar1Design:
    """Fit the autoregression on a reference period.

    Args:
        values: in time order; NaN marks a missing value.
        fitted_until: end (exclusive) of the reference period; the number of rows if left out.

    Raises:
        DataError: as `lag1_autocorrelation`.

    >>> ar1_reference([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).coefficient
    0.5
    """
    series = vector(values)
    phi = lag1_autocorrelation(series).estimate
    centre = float(np.nanmean(series))
    residuals = _residuals(series, phi, centre)
    sigma = float(np.nanstd(residuals, ddof=1))
    n_reference = int((~np.isnan(series)).sum())
    until = len(series) if fitted_until is None else fitted_until
    return Ar1Design(phi, centre, sigma, n_reference, until)


def ar1_step(design: Ar1Design, previous: float | None, value: float) -> tuple[float | None, float]:
    """Return the next state (the value itself) and the residual, value by value.

    The state is None before the first value and after a missing one: then the residual is NaN,
    because nothing is predicted over a gap.

    >>> design = Ar1Design(coefficient=0.5, centre=10.0, sigma=1.0)
    >>> ar1_step(design, 12.0, 11.5)
    (11.5, 0.5)
    """
    if math.isnan(value):
        return None, math.nan
    if previous is None:
        return value, math.nan
    return value, (value - design.centre) - design.coefficient * (previous - design.centre)


def ar1_residuals(design: Ar1Design, values: ArrayLike) -> Floats:
    """Return the residuals of a series, shape (n,); equal to stepping, bit by bit.

    >>> ar1_residuals(Ar1Design(0.5, 10.0, 1.0), [12.0, 11.5]).tolist()
    [nan, 0.5]
    """
    return _residuals(vector(values), design.coefficient, design.centre)


def _residuals(series: Floats, phi: float, centre: float) -> Floats:
    out = np.full(len(series), math.nan)
    out[1:] = (series[1:] - centre) - phi * (series[:-1] - centre)
    return out


def run_length_ar1(
    coefficient: float, width: float = 3.0, seed: int = 0, n_runs: int = 2000
) -> RunLength:
    """Return the in-control run length of an individuals chart on autocorrelated values.

    The limits are what a long reference period gives with the moving-range sigma, which is too
    small by sqrt(1 - phi). Simulated.

    Args:
        coefficient: phi of the first-order autoregression, between -1 and 1.
        width: of the limits, in moving-range sigma.
        seed: of the simulation.
        n_runs: simulated runs.

    Raises:
        DesignError: the coefficient is not between -1 and 1.

    >>> 12 < run_length_ar1(0.7, n_runs=500).mean < 18
    True
    """
    if not -1 < coefficient < 1:
        message = f"an autoregression with coefficient {coefficient} has no steady state"
        raise DesignError(message)
    generator = np.random.default_rng(seed)
    limit = width * math.sqrt(1.0 - coefficient)
    spread = math.sqrt(1.0 - coefficient**2)
    values = generator.standard_normal(n_runs)
    lengths = np.zeros(n_runs)
    active = np.arange(n_runs)
    n_done = 0
    while len(active):
        n_done += 1
        is_out = np.abs(values) > limit
        lengths[active[is_out]] = n_done
        active = active[~is_out]
        noise = generator.standard_normal(len(active))
        values = coefficient * values[~is_out] + spread * noise
    error = float(lengths.std(ddof=1)) / math.sqrt(n_runs)
    return RunLength(float(lengths.mean()), error, n_runs, seed)
