"""Drift of units that follow one another, with a run length that holds for any distribution.

A new unit (a batch, a lot) is ranked among those before it. While nothing changes, the units are
exchangeable: their ranks are then independent and uniform, however the values are distributed and
however few they are. The normal score of the rank goes on a CUSUM, whose run length is known.
Ties and the steps of a rank make the scores a little narrower than normal, so that alarms are
rarer than stated, not more frequent.

References:
    Parent (1965), Sequential ranking procedures, Stanford University technical report
    (independence of sequential ranks).
    McDonald (1990), Naval Research Logistics 37:627 (a CUSUM of sequential ranks).
    Vovk, Gammerman and Shafer (2005), Algorithmic Learning in a Random World, chapter 2,
    doi:10.1007/b106715 (ranks of any distance that treats all units alike).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import ndtri

from goldenbatch.science._arrays import Floats, matrix, vector
from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.statistics.run_length import one_sided_cusum_arl

SHRINKAGE = 0.2
"""Share of the correlations that is given up, so that few units span many features."""
_BACK = 0.5


def rank_score(before: ArrayLike, value: float) -> float:
    """Normal score of a value's rank among those before it and itself.

    Args:
        before: values of earlier units, shape (n,); missing ones are left out.
        value: of the new unit; NaN gives NaN.

    Raises:
        DataError: there is no earlier value.

    >>> round(rank_score([1.0, 2.0, 3.0], 2.5), 4)
    0.3186
    """
    if math.isnan(value):
        return math.nan
    known = vector(before, "before")
    known = known[~np.isnan(known)]
    if not len(known):
        raise DataError("a value cannot be ranked among none")
    n_below, n_equal = int(np.sum(known < value)), int(np.sum(known == value))
    return float(ndtri((n_below + 0.5 * (n_equal + 1)) / (len(known) + 1)))


def distance_score(before: ArrayLike, row: ArrayLike) -> float:
    """Normal score of the rank of a unit's distance from the middle of all, itself included.

    The distance is that of Mahalanobis with correlations shrunk towards none. It treats all
    units alike, so that its ranks are uniform for any distribution.

    Args:
        before: features of earlier units, shape (n_units, n_features).
        row: of the new unit, shape (n_features,); a missing feature gives NaN.

    Raises:
        DataError: there are fewer than two earlier units, or they lack a feature.

    >>> before = [[0.0, 0.1], [0.2, -0.1], [-0.2, 0.0], [0.1, 0.2]]
    >>> round(distance_score(before, [3.0, -3.0]), 4)
    1.2816
    """
    known, new = matrix(before, "before"), vector(row, "row")
    if np.isnan(new).any():
        return math.nan
    if len(known) < 2 or np.isnan(known).any() or known.shape[1] != len(new):
        raise DataError(f"{known.shape} earlier units with gaps cannot rank one of {len(new)}")
    sizes = _distances(np.concatenate([known, new[None, :]]))
    return rank_score(sizes[:-1], float(sizes[-1]))


def _distances(rows: Floats) -> Floats:
    """Squared distance of each row from the mean of all; in one fixed order, without BLAS."""
    centred = rows - rows.mean(axis=0)
    spread = np.sqrt(np.mean(centred**2, axis=0))
    scaled = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)
    n_features = scaled.shape[1]
    kept = np.einsum("ij,ik->jk", scaled, scaled) * ((1.0 - SHRINKAGE) / len(rows))
    kept[np.diag_indices(n_features)] = 1.0
    factor, solved = np.zeros_like(kept), np.zeros_like(scaled)
    for j in range(n_features):  # Cholesky and forward substitution at once
        column = kept[j:, j] - np.einsum("ik,k->i", factor[j:, :j], factor[j, :j])
        factor[j:, j] = column / math.sqrt(column[0])
        part = np.einsum("ik,k->i", solved[:, :j], factor[j, :j])
        solved[:, j] = (scaled[:, j] - part) / factor[j, j]
    return np.asarray(np.einsum("ij,ij->i", solved, solved))


@dataclass(frozen=True, slots=True)
class DriftChart:
    """A CUSUM of normal scores.

    Attributes:
        slack: k, half of the shift that matters, in standard deviations.
        threshold: h; beyond it there is an event.
        is_two_sided: watches falls too.
        arl0: mean number of units to a false alarm.
    """

    slack: float
    threshold: float
    is_two_sided: bool
    arl0: float


@dataclass(frozen=True, slots=True)
class DriftState:
    """All that a chart remembers; a value that fits into JSON.

    Attributes:
        upper, lower: sums, never above the threshold, so that an event ends soon after its cause.
        is_open: there is an event.
        n_run: units since the larger sum was last at zero: where a change probably began.
    """

    upper: float = 0.0
    lower: float = 0.0
    is_open: bool = False
    n_run: int = 0

    @property
    def largest(self) -> float:
        """The larger sum."""
        return max(self.upper, self.lower)

    @property
    def side(self) -> int:
        """1 where it rose, -1 where it fell."""
        return 1 if self.upper >= self.lower else -1

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(**plain)


@cache
def drift_chart(arl0: float, slack: float = 0.5, *, is_two_sided: bool = True) -> DriftChart:
    """Design a chart by its run length without drift.

    Args:
        arl0: mean number of units to a false alarm.
        slack: k, half of the shift that matters.
        is_two_sided: watches falls too; then each side has twice the run length (Kemp 1961).

    Raises:
        DesignError: no chart has it.

    >>> round(drift_chart(465.4).threshold, 2)
    5.0
    """
    target = 2.0 * arl0 if is_two_sided else arl0
    if not 1.0 < arl0 < math.inf or not 0.0 < slack < 5.0:
        raise DesignError(f"no chart has a run length of {arl0} with a slack of {slack}")

    def miss(h: float) -> float:
        return math.log(one_sided_cusum_arl(0.0, slack, h)) - math.log(target)

    low, high = 1e-3, 1.0
    if miss(low) >= 0:
        return DriftChart(slack, low, is_two_sided, arl0)
    while miss(high) < 0:
        high *= 1.5
    return DriftChart(slack, float(brentq(miss, low, high, xtol=1e-9)), is_two_sided, arl0)


def drift_step(chart: DriftChart, state: DriftState, score: float) -> DriftState:
    """Take the score of one more unit; a missing one changes nothing.

    An event opens above the threshold, and ends where the sum has come back to half of it: one
    that comes and goes about the threshold stays one. After it the sums begin anew.

    >>> state = DriftState()
    >>> for _ in range(12):
    ...     state = drift_step(drift_chart(200.0), state, 2.0)
    >>> state.is_open, state.side
    (True, 1)
    """
    if math.isnan(score):
        return state
    top = chart.threshold
    upper = min(max(0.0, state.upper + score - chart.slack), 1.25 * top)
    lower = min(max(0.0, state.lower - score - chart.slack), 1.25 * top)
    lower = lower if chart.is_two_sided else 0.0
    largest = max(upper, lower)
    n_run = state.n_run + 1 if largest > 0 else 0
    if state.is_open and largest < _BACK * top:
        return DriftState()
    return replace(
        state, upper=upper, lower=lower, is_open=state.is_open or largest > top, n_run=n_run
    )
