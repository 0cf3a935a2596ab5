"""Intervals that hold without a normal distribution."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv

from goldenbatch.science._arrays import present
from goldenbatch.science.errors import DataError


@dataclass(frozen=True, slots=True)
class Interval:
    """A range of values.

    Attributes:
        lower, upper: ends.
        confidence: how often such an interval holds the truth.
    """

    lower: float
    upper: float
    confidence: float

    def covers(self, value: float) -> bool:
        """Whether the value lies between the ends, ends included."""
        return self.lower <= value <= self.upper


def clopper_pearson(n_events: int, n: int, confidence: float = 0.95) -> Interval:
    """Return the exact interval of a rate.

    Args:
        n_events: counted events.
        n: trials.
        confidence: of the two-sided interval.

    Raises:
        DataError: counts that cannot be.

    References:
        Clopper and Pearson (1934), Biometrika 26:404, doi:10.1093/biomet/26.4.404.

    >>> interval = clopper_pearson(0, 10)
    >>> interval.lower, round(interval.upper, 4)
    (0.0, 0.3085)
    """
    if not 0 <= n_events <= n or n == 0:
        message = f"{n_events} events in {n} trials give no rate"
        raise DataError(message)
    tail = 0.5 * (1.0 - confidence)
    lower = float(betaincinv(n_events, n - n_events + 1, tail)) if n_events else 0.0
    upper = float(betaincinv(n_events + 1, n - n_events, 1.0 - tail)) if n_events < n else 1.0
    return Interval(lower, upper, confidence)


def conformal_half_width(residuals: ArrayLike, coverage: float = 0.9) -> float:
    """Return the half width of a split-conformal prediction interval.

    Args:
        residuals: of rows that the model was not fitted on; the sign does not matter.
        coverage: wanted for new rows that are exchangeable with these.

    Returns:
        Half width in the unit of the residuals; infinite where there are too few residuals.

    Raises:
        DataError: no residual, or a coverage outside 0 to 1.

    References:
        Lei et al. (2018), J. Am. Stat. Assoc. 113:1094, doi:10.1080/01621459.2017.1307116.

    >>> conformal_half_width([-1.0, 2.0, -3.0, 4.0], coverage=0.6)
    3.0
    """
    if not 0 < coverage < 1:
        message = f"coverage {coverage} is not between 0 and 1"
        raise DataError(message)
    sizes = np.sort(np.abs(present(residuals, 1, "residuals")))
    rank = math.ceil((len(sizes) + 1) * coverage - 1e-9)
    return float(sizes[rank - 1]) if rank <= len(sizes) else math.inf
