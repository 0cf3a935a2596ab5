"""Whether a batch is like those whose results were known when it was decided on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Bools, matrix
from goldenbatch.science.errors import DataError
from goldenbatch.science.forward.timeline import Timeline


def forward_domain(
    X: ArrayLike,
    keys: Sequence[str],
    timeline: Timeline,
    *,
    n_own: int = 5,
    margin: float = 0.1,
    share: float = 0.1,
) -> Bools:
    """Rows of a known product whose inputs lie in the ranges that were seen before, shape (n,).

    Args:
        X: inputs, shape (n, p); NaN marks missing and is outside no range.
        keys: product code of each row, shape (n,).
        timeline: when rows are predicted and results are known.
        n_own: known rows of a product from which on it counts as known.
        margin: that a range is widened by at both ends, of its width.
        share: of the inputs that may lie outside.

    Raises:
        DataError: lengths differ.

    >>> x = [[1.0], [2.0], [1.5], [9.0]]
    >>> forward_domain(x, ["a"] * 4, Timeline.of(range(4)), n_own=2, share=0.0).tolist()
    [False, False, True, False]
    """
    rows = matrix(X, "X")
    names = np.asarray([str(one) for one in keys], dtype=object)
    if not len(rows) == len(names) == len(timeline):
        raise DataError(f"{len(timeline)} times have {len(rows)} rows and {len(names)} keys")
    inside = np.zeros(len(rows), dtype=bool)
    for at in np.unique(timeline.at):
        known, own = timeline.known(int(at)), np.flatnonzero(timeline.at == at)
        if not known.any():
            continue
        past = rows[known]
        low = np.where(np.isnan(past), np.inf, past).min(axis=0)
        high = np.where(np.isnan(past), -np.inf, past).max(axis=0)
        # A column that was never seen bounds nothing, and is counted as outside.
        room = np.where(high >= low, margin * (high - low), 0.0)
        is_out = (rows[own] < low - room) | (rows[own] > high + room)
        counts = {name: int((known & (names == name)).sum()) for name in set(names[own])}
        is_known = np.array([counts[name] >= n_own for name in names[own]])
        inside[own] = is_known & (is_out.mean(axis=1) <= share)
    return inside
