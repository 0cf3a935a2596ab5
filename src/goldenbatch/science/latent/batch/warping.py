"""Dynamic time warping: whole batches to a reference, and a batch that is still running.

Plain NumPy: a column of the cost matrix is one vector operation, so that aligning costs about
10 us a sample.

References:
    Sakoe and Chiba (1978), IEEE Trans. ASSP 26:43, doi:10.1109/TASSP.1978.1163055.
    Kassidas, MacGregor and Taylor (1998), AIChE J. 44:864, doi:10.1002/aic.690440412.
    Tormene et al. (2009), Artif. Intell. Med. 45:11, doi:10.1016/j.artmed.2008.11.007 (open end).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Floats, Integers, complete, matrix, vector
from goldenbatch.science.errors import DataError, DesignError

MOST_STEP = 3
"""Points of the reference that one sample may pass in open-end warping."""


@dataclass(frozen=True, slots=True, eq=False)
class WarpingPath:
    """The best way through the cost matrix.

    Attributes:
        distance: sum of the weighted squared differences along the path.
        reference: points of the reference, shape (n_steps,), never falling.
        query: points of the query, shape (n_steps,), never falling.
    """

    distance: float
    reference: Integers
    query: Integers


def warp(
    query: ArrayLike,
    reference: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    band: float | None = None,
) -> WarpingPath:
    """Align a whole batch with a reference, both ends fixed (symmetric steps of 1).

    Args:
        query: shape (n, p).
        reference: shape (r, p).
        weights: of the variables, shape (p,); 1 if left out.
        band: largest distance from the diagonal as a share of the reference's length
            (Sakoe-Chiba); None: no band.

    Raises:
        DataError: shapes do not fit, or values are missing.
        DesignError: no path fits into the band.

    >>> warp([[1.0], [1.0], [2.0], [3.0]], [[1.0], [2.0], [3.0]]).distance
    0.0
    """
    x, y, w = _checked(query, reference, weights)
    n, r = len(x), len(y)
    total = np.zeros((n, r))
    for j in range(x.shape[1]):
        total += w[j] * (x[:, j, None] - y[None, :, j]) ** 2
    if band is not None:
        gap = np.arange(n)[:, None] / max(n - 1, 1) - np.arange(r) / max(r - 1, 1)
        total[np.abs(gap) > band + 1.0 / r] = np.inf
    before: Floats | None = None
    for i in range(n):
        total[i] = before = _symmetric(total[i], before)
    if not np.isfinite(total[-1, -1]):
        message = f"no path of {n} to {r} points fits into a band of {band}; widen it"
        raise DesignError(message)
    return _backtracked(total)


def _symmetric(local: Floats, before: Floats | None) -> Floats:
    """One row of the accumulated cost; steps along the reference too."""
    if before is None:
        return np.asarray(np.cumsum(local))
    shifted = np.concatenate([[np.inf], before[:-1]])
    entry = np.minimum(before, shifted) + local
    is_open = np.isfinite(local)
    if is_open.all():
        # D[j] = min over l <= j of entry[l] + local[l+1] + ... + local[j].
        run = np.cumsum(local)
        return np.asarray(np.minimum.accumulate(entry - run) + run)
    found = np.full(len(local), np.inf)
    inside = np.flatnonzero(is_open)
    cut = slice(int(inside[0]), int(inside[-1]) + 1)
    run = np.cumsum(local[cut])
    found[cut] = np.minimum.accumulate(entry[cut] - run) + run
    return found


def _backtracked(total: Floats) -> WarpingPath:
    i, j = total.shape[0] - 1, total.shape[1] - 1
    costs, steps = total.tolist(), [(i, j)]
    while i or j:
        if not (i and j):
            i, j = max(i - 1, 0), max(j - 1, 0)
        else:
            both, back, down = costs[i - 1][j - 1], costs[i - 1][j], costs[i][j - 1]
            if both <= back and both <= down:
                i, j = i - 1, j - 1
            elif back <= down:
                i -= 1
            else:
                j -= 1
        steps.append((i, j))
    path = np.array(steps[::-1], dtype=np.int64)
    return WarpingPath(float(max(total[-1, -1], 0.0)), path[:, 1], path[:, 0])


def warped(query: ArrayLike, path: WarpingPath, n_points: int) -> Floats:
    """The query on the points of the reference: the mean of what the path puts at each point.

    Args:
        query: shape (n, p).
        path: of the query to the reference.
        n_points: of the reference.

    >>> warped([[1.0], [3.0], [5.0]], warp([[1.0], [3.0], [5.0]], [[1.0], [5.0]]), 2).tolist()
    [[2.0], [5.0]]
    """
    rows = matrix(query, "query")
    total, count = np.zeros((n_points, rows.shape[1])), np.zeros(n_points)
    np.add.at(total, path.reference, rows[path.query])
    np.add.at(count, path.reference, 1.0)
    return np.asarray(total / count[:, None])


def kassidas_weights(
    batches: Sequence[ArrayLike], reference: ArrayLike, *, n_iterations: int = 3
) -> Floats:
    """Weights of the variables: high where the aligned batches agree with one another.

    The weight of a variable is the inverse of its summed squared deviation from the average
    trajectory; weights are scaled to sum to their number, and aligned batches weigh anew.

    Args:
        batches: each of shape (n_i, p), scaled alike.
        reference: shape (r, p).
        n_iterations: from 1 on; the average settles after 2 or 3.

    Raises:
        DesignError: fewer than 2 batches.

    References:
        Kassidas, MacGregor and Taylor (1998), step 4 of the iterative procedure.

    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> line = np.linspace(0, 1, 12)
    >>> made = [np.column_stack([line, rng.normal(size=12)]) for _ in range(4)]
    >>> w = kassidas_weights(made, made[0])
    >>> bool(w[0] > 10 * w[1]), round(float(w.sum()), 9)
    (True, 2.0)
    """
    if len(batches) < 2:
        message = f"{len(batches)} batch gives no weights; give at least 2"
        raise DesignError(message)
    target = complete(matrix(reference, "reference"), "reference")
    weights = np.ones(target.shape[1])
    for _ in range(n_iterations):
        aligned = np.stack(
            [warped(one, warp(one, target, weights=weights), len(target)) for one in batches]
        )
        average = aligned.mean(axis=0)
        deviation = np.sum((aligned - average) ** 2, axis=(0, 1))
        least = 1e-9 * max(float(deviation.max()), 1e-300)
        weights = 1.0 / np.maximum(deviation, least)
        weights *= len(weights) / weights.sum()
        target = average
    return np.asarray(weights)


@dataclass(frozen=True, slots=True, eq=False)
class OpenEnd:
    """Open-end warping of a running batch: each sample costs one pass over the reference.

    A sample stays, or passes up to `MOST_STEP` points; each sample counts once, so that ends
    are compared fairly.

    Attributes:
        reference: shape (r, p).
        weights: of the variables, shape (p,).
        band: largest distance from the planned course as a share of the reference.
        pace: points of the reference that a unit of time passes, as planned.
    """

    reference: Floats
    weights: Floats
    band: float
    pace: float

    def step(
        self, column: Floats | None, row: Floats, elapsed: float
    ) -> tuple[Floats | None, int | None]:
        """Take one sample.

        Args:
            column: accumulated cost after the sample before; None at the start.
            row: shape (p,); what is missing does not count.
            elapsed: time since the start.

        Returns:
            The next column, and the point of the reference where the batch is; None where the
            band holds no point any more.
        """
        local = _local(row, self.reference, self.weights)
        points = np.arange(len(local))
        planned = elapsed * self.pace
        is_off = np.abs(points - planned) > self.band * (len(local) - 1) + 1.0
        if column is None:
            total = np.where(points <= MOST_STEP, local, np.inf)
        else:
            best = column.copy()
            for k in range(1, min(MOST_STEP, len(local) - 1) + 1):
                np.minimum(best[k:], column[:-k], out=best[k:])
            total = best + local
        if is_off.all():
            return column, None
        kept = np.where(is_off, np.inf, total)
        if not np.isfinite(kept).any():
            return column, None
        # Equal costs: the point nearest to the planned course, as a flat course says nothing.
        least = kept.min()
        near = np.flatnonzero(kept <= least)
        return kept, int(near[np.argmin(np.abs(near - planned))])


def _local(row: Floats, reference: Floats, weights: Floats) -> Floats:
    """Weighted squared difference of one row to each point of the reference, shape (r,)."""
    square = (reference - row) ** 2 * weights
    # Summed variable by variable: one order, whatever the shape.
    total = np.zeros(len(reference))
    for j in range(square.shape[1]):
        total += np.where(np.isnan(square[:, j]), 0.0, square[:, j])
    return total


def _checked(
    query: ArrayLike, reference: ArrayLike, weights: ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    x = complete(matrix(query, "query"), "query")
    y = complete(matrix(reference, "reference"), "reference")
    w = np.ones(y.shape[1]) if weights is None else vector(weights, "weights")
    if not x.shape[1] == y.shape[1] == len(w) or not len(x) or not len(y):
        message = (
            f"query {x.shape}, reference {y.shape} and {len(w)} weights do not fit together; "
            "give the same variables to each"
        )
        raise DataError(message)
    return x, y, w
