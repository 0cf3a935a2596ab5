"""Golden-batch envelopes: where good batches run, point by point and as a whole.

References:
    Lei, Wasserman et al. (2018), J. Am. Stat. Assoc. 113:1094,
    doi:10.1080/01621459.2017.1307116 (conformal, exchangeable batches).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from goldenbatch.science._arrays import Bools, Floats, present
from goldenbatch.science.errors import DesignError
from goldenbatch.science.latent.batch.unfolding import mean_course


@dataclass(frozen=True, slots=True, eq=False)
class Envelope:
    """A band around the mean course.

    Attributes:
        mean, spread: shape (n_points, p).
        factor: half width over spread.
        coverage: share of good batches that the band holds, as it can be promised: at each point
            alone (pointwise) or over all points and variables at once (simultaneous).
        is_simultaneous: which of the two.
    """

    mean: Floats
    spread: Floats
    factor: float
    coverage: float
    is_simultaneous: bool

    @property
    def lower(self) -> Floats:
        """Lower edge, shape (n_points, p)."""
        return self.mean - self.factor * self.spread

    @property
    def upper(self) -> Floats:
        """Upper edge, shape (n_points, p)."""
        return self.mean + self.factor * self.spread

    def holds(self, aligned: ArrayLike) -> Bools:
        """Whether each point lies inside; what is missing does. Same shape as given."""
        x = np.asarray(aligned, dtype=np.float64)
        return np.asarray(~((x < self.lower) | (x > self.upper)))


def golden_envelope(
    aligned: ArrayLike, coverage: float = 0.9, *, is_simultaneous: bool = True
) -> Envelope:
    """Band from golden batches.

    The pointwise band is Student's prediction interval at each point. The simultaneous one takes
    the largest deviation of each batch from the course of the *other* batches; its factor is the
    order statistic that holds a new, exchangeable batch with at least the coverage that is said.

    Args:
        aligned: golden batches, shape (n_batches, n_points, p); NaN where not reached.
        coverage: wanted; with few batches the simultaneous band promises n/(n+1) at most, and
            says so in `coverage`.
        is_simultaneous: over all points and variables at once.

    Raises:
        DesignError: fewer than 3 batches, or a coverage that is no share.

    >>> rng = np.random.default_rng(0)
    >>> band = golden_envelope(rng.normal(size=(20, 30, 2)), 0.9)
    >>> round(band.coverage, 3), bool(band.factor > 3.0)
    (0.905, True)
    """
    cube = np.asarray(aligned, dtype=np.float64)
    if not 0 < coverage < 1 or len(cube) < 3:
        message = f"{len(cube)} batches give no band of coverage {coverage}; give 3 or more"
        raise DesignError(message)
    mean, spread = mean_course(cube)
    if not is_simultaneous:
        n = len(cube)
        factor = float(stdtrit(n - 1, 0.5 + coverage / 2.0)) * math.sqrt(1.0 + 1.0 / n)
        return Envelope(mean, spread, factor, coverage, False)
    largest = []
    for i in range(len(cube)):
        centre, width = mean_course(np.delete(cube, i, axis=0))
        largest.append(float(np.nanmax(np.abs(cube[i] - centre) / width)))
    factor, kept = conformal_quantile(largest, coverage)
    return Envelope(mean, spread, factor, kept, True)


def conformal_quantile(scores: ArrayLike, coverage: float) -> tuple[float, float]:
    """The order statistic that a further exchangeable score stays below, and how surely.

    Args:
        scores: of batches that were left out, shape (n,); NaN is dropped.
        coverage: wanted probability.

    Returns:
        Bound and promised probability: rank/(n+1) for the rank that is used; at most n/(n+1),
        which is less than wanted where there are few scores.

    Raises:
        DataError: no score.

    References:
        Vovk, Gammerman and Shafer (2005), proposition 2.4, doi:10.1007/b106715.

    >>> conformal_quantile([3.0, 1.0, 2.0, 4.0], 0.6), conformal_quantile([1.0, 2.0], 0.9)
    ((3.0, 0.6), (2.0, 0.6666666666666666))
    """
    ordered = np.sort(present(scores, 1, "scores"))
    n = len(ordered)
    rank = min(n, max(1, math.ceil(coverage * (n + 1) - 1e-9)))
    return float(ordered[rank - 1]), rank / (n + 1)
