"""Results at the reporting limit: known to be no higher, and never taken for a measured value.

References:
    Helsel (2012), Statistics for Censored Environmental Data, 2nd ed. (why substitution misleads).
    Gneiting and Raftery (2007), J. Am. Stat. Assoc. 102:359, doi:10.1198/016214506000001437
    (interval score).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Bools, Floats, vector
from goldenbatch.science.errors import DataError


@dataclass(frozen=True, slots=True, eq=False)
class Reported:
    """Results as they were reported.

    Attributes:
        values: shape (n,); at a censored row the limit; NaN where there is none.
        is_censored: whether it says only "at or below the limit", shape (n,).
        limit: the reporting limit; minus infinity: nothing is censored.
    """

    values: Floats
    is_censored: Bools
    limit: float

    @classmethod
    def of(cls, values: ArrayLike, limit: float = -math.inf) -> Reported:
        """Results of which those at or below a limit are censored.

        >>> Reported.of([0.02, 0.05, 0.07], limit=0.05).is_censored.tolist()
        [True, True, False]
        """
        results = vector(values, "results")
        is_censored = np.asarray(results <= limit)
        return cls(np.where(is_censored, limit, results), is_censored, float(limit))

    def rows(self, chosen: Bools) -> Reported:
        """Only some rows."""
        return Reported(self.values[chosen], self.is_censored[chosen], self.limit)

    @property
    def uncensored_share(self) -> float:
        """Share of the results that are measured values; NaN of none."""
        n = int((~np.isnan(self.values)).sum())
        return 1.0 - int(self.is_censored.sum()) / n if n else math.nan

    def reportable(self, predicted: ArrayLike) -> Floats:
        """Predictions as they would be reported: not below the limit, shape (n,)."""
        return np.maximum(vector(predicted, "predictions"), self.limit)

    def errors(self, predicted: ArrayLike) -> Floats:
        """Distance of each prediction from what is known of the result, shape (n,).

        A prediction at or below the limit is no error at a censored row; one above it is wrong
        by what it lies above, which is the least that the error can be.

        Raises:
            DataError: Another number of predictions.

        >>> Reported.of([0.05, 0.05, 0.09], 0.05).errors([0.02, 0.08, 0.08]).round(3).tolist()
        [0.0, 0.03, -0.01]
        """
        guess = vector(predicted, "predictions")
        if guess.shape != self.values.shape:
            raise DataError(f"{len(self.values)} results have {len(guess)} predictions")
        away = guess - self.values
        return np.where(self.is_censored, np.maximum(away, 0.0), away)


def interval_score(
    reported: Reported, lower: ArrayLike, upper: ArrayLike, coverage: float = 0.9
) -> Floats:
    """Width of each interval and what it costs to miss, shape (n,); smaller is better.

    Interval and result are taken as they would be reported, that is not below the limit.

    Args:
        reported: results, shape (n,).
        lower: ends, shape (n,).
        upper: ends, shape (n,).
        coverage: that the intervals claim.

    >>> interval_score(Reported.of([5.0]), [4.0], [4.5], 0.9).round(6).tolist()
    [10.5]
    """
    low, high = reported.reportable(lower), reported.reportable(upper)
    y, weight = reported.values, 2.0 / (1.0 - coverage)
    below, above = np.maximum(low - y, 0.0), np.maximum(y - high, 0.0)
    return np.asarray(high - low + weight * (below + above), dtype=np.float64)
