"""Process capability and performance with confidence intervals.

References:
    Kane (1986), J. Qual. Technol. 18:41, doi:10.1080/00224065.1986.11978984.
    Bissell (1990), Appl. Stat. 39:331, doi:10.2307/2347383 (interval of Cpk).
    Cryer and Ryan (1990), J. Qual. Technol. 22:187, doi:10.1080/00224065.1990.11979238
    (efficiency of the moving-range sigma, 0.605).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from numpy.typing import ArrayLike
from scipy.special import chdtri, ndtri

from goldenbatch.science._arrays import present
from goldenbatch.science.errors import DesignError
from goldenbatch.science.statistics.charts import reference
from goldenbatch.science.statistics.intervals import Interval

_MOVING_RANGE_EFFICIENCY = 0.605


@dataclass(frozen=True, slots=True)
class Index:
    """A capability index with its interval.

    Attributes:
        estimate: NaN for Cp and Pp where one specification limit is missing.
        interval: two-sided.
    """

    estimate: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Capability:
    """Capability (moving-range sigma) and performance (overall sigma) of a process.

    Attributes:
        cp, cpk: from the moving-range sigma: what the process could do.
        pp, ppk: from the overall sigma: what it did.
        n: values used.
    """

    cp: Index
    cpk: Index
    pp: Index
    ppk: Index
    n: int


def process_capability(
    values: ArrayLike,
    lower: float | None = None,
    upper: float | None = None,
    confidence: float = 0.95,
) -> Capability:
    """Return Cp, Cpk, Pp and Ppk; normal values are assumed.

    Args:
        values: in time order; NaN marks a missing value.
        lower: specification limit; None if there is none.
        upper: specification limit; None if there is none.
        confidence: of the intervals.

    Raises:
        DesignError: no specification limit, or they are the wrong way round.
        DataError: too few values, or no variation.

    >>> result = process_capability([9.0, 10.0, 11.0, 10.0, 9.0, 10.0, 11.0, 10.0], 7.0, 13.0)
    >>> round(result.ppk.estimate, 3), round(result.pp.interval.lower, 3)
    (1.323, 0.65)
    """
    if (lower is None and upper is None) or (
        lower is not None and upper is not None and lower >= upper
    ):
        message = f"specification limits {lower} and {upper} give no capability"
        raise DesignError(message)
    design = reference(values)
    n = len(present(values, 2))
    within = (design.centre, design.sigma_moving_range, _MOVING_RANGE_EFFICIENCY * (n - 1))
    overall = (design.centre, design.sigma_overall, float(n - 1))
    cp, cpk = _pair(within, (lower, upper), n, confidence)
    pp, ppk = _pair(overall, (lower, upper), n, confidence)
    return Capability(cp, cpk, pp, ppk, n)


def _pair(
    moments: tuple[float, float, float],
    limits: tuple[float | None, float | None],
    n: int,
    confidence: float,
) -> tuple[Index, Index]:
    centre, sigma, freedom = moments
    lower, upper = limits
    potential = math.nan if lower is None or upper is None else (upper - lower) / (6.0 * sigma)
    tail = 0.5 * (1.0 - confidence)
    # Pp / estimate is a chi variable over its degrees of freedom (Kane 1986).
    low = potential * math.sqrt(float(chdtri(freedom, 1.0 - tail)) / freedom)
    high = potential * math.sqrt(float(chdtri(freedom, tail)) / freedom)
    sides = [
        *([] if upper is None else [(upper - centre) / (3.0 * sigma)]),
        *([] if lower is None else [(centre - lower) / (3.0 * sigma)]),
    ]
    actual = min(sides)
    error = math.sqrt(1.0 / (9.0 * n) + actual**2 / (2.0 * freedom))
    reach = float(ndtri(1.0 - tail)) * error
    return (
        Index(potential, Interval(low, high, confidence)),
        Index(actual, Interval(actual - reach, actual + reach, confidence)),
    )
