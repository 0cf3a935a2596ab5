"""Normal tolerance limits: what holds a stated share of all that a process makes.

A capability index says how far the limits lie; a tolerance limit says, from few qualification
batches, where the process may go with a stated confidence.

References:
    ISO 16269-6:2014, Determination of statistical tolerance intervals, 6.
    Howe (1969), J. Am. Stat. Assoc. 64:610, doi:10.1080/01621459.1969.10500999 (two-sided).
    Krishnamoorthy and Mathew (2009), doi:10.1002/9780470473900, 2.2 (one-sided, exact).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from numpy.typing import ArrayLike
from scipy.special import chdtri, nctdtrit, ndtri

from goldenbatch.science._arrays import present
from goldenbatch.science.errors import DesignError


@dataclass(frozen=True, slots=True)
class ToleranceLimits:
    """Limits that hold a share of all values, with a confidence.

    Attributes:
        lower, upper: infinite on a side that was not asked for.
        factor: limits lie so many sample standard deviations from the mean.
        share: of the values that lies within.
        confidence: that it does.
        n: values used.
    """

    lower: float
    upper: float
    factor: float
    share: float
    confidence: float
    n: int


def two_sided_factor(n: int, share: float = 0.95, confidence: float = 0.95) -> float:
    """Return k so that mean -+ k s holds a share of a normal population.

    k = z((1 + share) / 2) sqrt((n - 1) (1 + 1/n) / chi2(1 - confidence; n - 1)).

    Raises:
        DesignError: fewer than 2 values, or a share or confidence outside (0, 1).

    References:
        Howe (1969); NIST/SEMATECH e-Handbook 7.2.6.3 (n = 43: 2.217).

    >>> round(two_sided_factor(43, 0.90, 0.99), 3)
    2.217
    """
    _check(n, share, confidence)
    chi2 = float(chdtri(n - 1, confidence))
    return float(ndtri(0.5 * (1.0 + share))) * math.sqrt((n - 1) * (1.0 + 1.0 / n) / chi2)


def one_sided_factor(n: int, share: float = 0.95, confidence: float = 0.95) -> float:
    """Return k so that mean + k s lies above a share of a normal population; exact.

    k = t'(confidence; n - 1, z(share) sqrt(n)) / sqrt(n), t' the noncentral t quantile.

    Raises:
        DesignError: as `two_sided_factor`.

    References:
        NIST/SEMATECH e-Handbook 7.2.6.3 (n = 43: 1.8740).

    >>> round(one_sided_factor(43, 0.90, 0.99), 4)
    1.874
    """
    _check(n, share, confidence)
    shift = float(ndtri(share)) * math.sqrt(n)
    return float(nctdtrit(n - 1, shift, confidence)) / math.sqrt(n)


def tolerance_limits(
    values: ArrayLike,
    *,
    has_lower: bool = True,
    has_upper: bool = True,
    share: float = 0.95,
    confidence: float = 0.95,
) -> ToleranceLimits:
    """Return tolerance limits of normal values, two-sided or towards one side.

    Args:
        values: shape (n,); NaN marks a missing value.
        has_lower: whether a lower limit is asked for; with an upper one: two-sided.
        has_upper: whether an upper one is.
        share: of the population.
        confidence: that the share lies within.

    Raises:
        DesignError: no side is asked for, or share or confidence is impossible.
        DataError: fewer than 2 values.

    >>> found = tolerance_limits([9.0, 10.0, 11.0, 10.0, 10.0], has_lower=False)
    >>> round(found.upper, 2), found.lower
    (12.97, -inf)
    """
    if not (has_lower or has_upper):
        raise DesignError("a tolerance limit needs a side; ask for lower, upper or both")
    kept = present(values, 2)
    n, mean, sd = len(kept), float(kept.mean()), float(kept.std(ddof=1))
    make = two_sided_factor if has_lower and has_upper else one_sided_factor
    factor = make(n, share, confidence)
    lower = mean - factor * sd if has_lower else -math.inf
    upper = mean + factor * sd if has_upper else math.inf
    return ToleranceLimits(lower, upper, factor, share, confidence, n)


def _check(n: int, share: float, confidence: float) -> None:
    if n < 2 or not 0.0 < share < 1.0 or not 0.0 < confidence < 1.0:
        message = f"no tolerance limit of {n} values, share {share}, confidence {confidence}"
        raise DesignError(message)
