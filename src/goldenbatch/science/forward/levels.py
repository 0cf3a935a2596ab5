"""What was known of a product when a batch was decided on: naive predictions, and inputs of models.

A model that does not beat the best of these forward in time has learnt nothing of use.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Floats, vector
from goldenbatch.science.errors import DataError
from goldenbatch.science.forward.timeline import Timeline

BASELINES = ("mean of the code", "last result of the code", "mean of the last five of the code")
"""Names of the naive predictions, in the order of `Levels.predictions`."""


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Levels of each row's own key from results known at its time; all of shape (n,).

    Attributes:
        mean: of all known results of the key; of all keys where it has none; NaN before any.
        last: the newest known result.
        recent: mean of the newest few.
        n: known results of the key.
    """

    mean: Floats
    last: Floats
    recent: Floats
    n: Floats

    def predictions(self) -> dict[str, Floats]:
        """The naive predictions by name."""
        return dict(zip(BASELINES, (self.mean, self.last, self.recent), strict=True))

    def columns(self) -> Floats:
        """As inputs of a model, shape (n, 4)."""
        return np.column_stack([self.mean, self.last, self.recent, self.n])


def recent_levels(
    results: ArrayLike, keys: Sequence[str], timeline: Timeline, n_recent: int = 5
) -> Levels:
    """Mean, last and recent mean of each row's key, from results known at its time only.

    Args:
        results: shape (n,); missing ones are passed over.
        keys: product code of each row, shape (n,).
        timeline: when rows are predicted and results are known.
        n_recent: results of the recent mean.

    Raises:
        DataError: lengths differ.

    >>> levels = recent_levels([4.0, 6.0, 9.0], ["a", "a", "a"], Timeline.of([1, 2, 3]))
    >>> levels.mean.tolist(), levels.last.tolist()
    ([nan, 4.0, 5.0], [nan, 4.0, 6.0])
    """
    values = vector(results, "results")
    if len(values) != len(timeline) or len(keys) != len(timeline):
        message = f"{len(timeline)} times have {len(values)} results and {len(keys)} keys"
        raise DataError(message)
    if n_recent < 1:
        raise DataError(f"a mean of the last {n_recent} is none: give 1 or more")
    names = np.asarray([str(one) for one in keys], dtype=object)
    order = timeline.order()
    found = np.full((4, len(values)), math.nan)
    found[3] = 0.0
    for at in np.unique(timeline.at):
        own = np.flatnonzero(timeline.at == at)
        usable = order[(timeline.known(int(at)) & ~np.isnan(values))[order]]
        if not len(usable):
            continue
        whole = _levels(values[usable], n_recent)
        for name in dict.fromkeys(names[own]):
            rows = own[names[own] == name]
            same = values[usable[names[usable] == name]]
            levels = _levels(same, n_recent) if len(same) else whole
            found[:3, rows] = np.asarray(levels)[:, None]
            found[3, rows] = len(same)
    return Levels(*found)


def _levels(values: Floats, n_recent: int) -> tuple[float, float, float]:
    return float(values.mean()), float(values[-1]), float(values[-n_recent:].mean())
