"""Whether a filter's own covariance is true: NEES against known states, NIS against readings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.science.errors import DataError
from goldenbatch.science.process.tracking._algebra import cholesky, forward

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class ConsistencyTest:
    """Two-sided chi-square test of a sum of normalised squares.

    Attributes:
        mean: Of the squares, per degree of freedom; 1 where the filter is consistent.
        lower: The mean lies between `lower` and `upper` with the asked-for probability.
        upper: See there.
        p_value: Two-sided.
        n: Degrees of freedom.
    """

    mean: float
    lower: float
    upper: float
    p_value: float
    n: int

    @property
    def is_consistent(self) -> bool:
        """Whether the mean lies inside."""
        return self.lower <= self.mean <= self.upper


def nees(error: NDArray[np.float64], cov: NDArray[np.float64]) -> float:
    """Normalised estimation error squared: chi-square of the number of states.

    Args:
        error: Estimate minus truth. Shape `(n,)`.
        cov: Covariance that the filter states. Shape `(n, n)`.

    References:
        Bar-Shalom et al. 2001, doi:10.1002/0471221279, equation 5.4.2-2.

    >>> nees(np.array([1.0, 2.0]), np.diag([1.0, 4.0]))
    2.0
    """
    whitened = forward(cholesky(cov), np.asarray(error, dtype=float))
    return float(whitened @ whitened)


def nis_test(
    squares: Sequence[float], degrees: Sequence[int], probability: float = 0.95
) -> ConsistencyTest:
    """Test of normalised innovations (or errors) squared over several times.

    Args:
        squares: One of each time.
        degrees: Number of readings (or states) behind each.
        probability: Of the interval.

    Raises:
        DataError: There are none.

    References:
        Bar-Shalom et al. 2001, doi:10.1002/0471221279, section 5.4.2.

    >>> nis_test([1.0, 1.2, 0.7], [1, 1, 1]).is_consistent
    True
    """
    from scipy.special import chdtr, chdtri

    n = int(sum(degrees))
    if n == 0:
        raise DataError("no reading was taken in: nothing can be tested.", hint="Wait for some.")
    total = float(sum(squares))
    tail = 0.5 * (1.0 - probability)
    below = float(chdtr(n, total))
    return ConsistencyTest(
        total / n, float(chdtri(n, 1.0 - tail)) / n, float(chdtri(n, tail)) / n,
        min(1.0, 2.0 * min(below, 1.0 - below)), n,
    )  # fmt: skip
