"""Equivalence of paired means by two one-sided t tests, for differences that are near normal.

References:
    Schuirmann (1987), J. Pharmacokinet. Biopharm. 15:657, doi:10.1007/BF01068419.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from goldenbatch.science._arrays import present
from goldenbatch.science.errors import DesignError


@dataclass(frozen=True, slots=True)
class Tost:
    """Outcome of two one-sided tests.

    Attributes:
        mean: mean difference.
        lower, upper: one-sided bounds of it, each of `confidence`.
        p_value: the larger of the two: equivalent where it is below 1 - confidence.
        n: differences.
    """

    mean: float
    lower: float
    upper: float
    confidence: float
    margin: float
    p_value: float
    n: int

    @property
    def is_equivalent(self) -> bool:
        """Whether the mean was shown to lie within the margin on both sides."""
        return self.p_value < 1.0 - self.confidence


def paired_tost(differences: ArrayLike, margin: float, confidence: float = 0.95) -> Tost:
    """Test whether the mean of independent differences lies within +-margin.

    Args:
        differences: one per group, shape (n,); missing ones are left out.
        margin: above 0, in the unit of the differences.
        confidence: of each of the two tests.

    Raises:
        DataError: fewer than 2 differences.
        DesignError: the margin is not above 0, or the confidence no share.

    >>> paired_tost([0.1, -0.2, 0.0, 0.1, -0.1], margin=0.5).is_equivalent
    True
    """
    if not margin > 0 or not math.isfinite(margin) or not 0.5 <= confidence < 1:
        raise DesignError(f"a margin of {margin} at confidence {confidence} tests nothing")
    gaps = present(differences, 2, "differences")
    n, mean = len(gaps), float(gaps.mean())
    error = float(gaps.std(ddof=1)) / math.sqrt(n)
    if error == 0.0:
        return Tost(mean, mean, mean, confidence, margin, float(abs(mean) >= margin), n)
    above = float(stdtr(n - 1, -(mean + margin) / error))
    below = float(stdtr(n - 1, (mean - margin) / error))
    half = float(stdtrit(n - 1, confidence)) * error
    return Tost(mean, mean - half, mean + half, confidence, margin, max(above, below), n)
