"""Shapley values of forests against one reference, exact, by the boxes of their leaves.

References:
    Lundberg, Erion et al. (2020), Nat. Mach. Intell. 2:56, doi:10.1038/s42256-019-0138-9
    (interventional TreeSHAP).
    Shapley (1953), A value for n-person games, Contributions to the Theory of Games 2:307.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Bools, Floats, Integers, matrix, vector
from goldenbatch.science.errors import DataError

_MOST_CELLS = 4_000_000


def forest_shapley(forest: Any, X: ArrayLike, reference: ArrayLike | None = None) -> Floats:
    """Split each prediction of a forest over its columns, against one reference row.

    A leaf answers for a box. A coalition takes its columns from the row and all others from the
    reference; it reaches the leaf if all are in the box. With p columns that only the row has in
    the box and q that only the reference has, the leaf's value v is worth
    v (p-1)! q! / (p+q)! to each of the p and -v p! (q-1)! / (p+q)! to each of the q.

    Args:
        forest: A fitted regressor of scikit-learn with `estimators_`, or one tree.
        X: shape (n, p); complete.
        reference: shape (p,); zeros by default.

    Returns:
        Shape (n, p); rows sum to the prediction less that of the reference.

    Raises:
        DataError: The reference has another number of columns, or the trees have many outputs.

    >>> from sklearn.tree import DecisionTreeRegressor
    >>> tree = DecisionTreeRegressor().fit([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 4])
    >>> forest_shapley(tree, [[1.0, 1.0]]).tolist()
    [[2.0, 2.0]]
    """
    rows = matrix(X, "X")
    base = np.zeros(rows.shape[1]) if reference is None else vector(reference, "reference")
    if base.shape != (rows.shape[1],):
        message = f"the reference has {len(base)} columns, X has {rows.shape[1]}"
        raise DataError(message)
    trees = [one.tree_ for one in getattr(forest, "estimators_", [forest])]
    if any(one.n_outputs != 1 for one in trees):
        message = "the trees have more than one output; explain one output at a time"
        raise DataError(message)
    # Trees of scikit-learn compare in single precision: so must we, or a tie goes the other way.
    singles, single = rows.astype(np.float32), base.astype(np.float32)
    total = np.zeros_like(rows)
    for tree in trees:
        _add_tree(total, tree, singles, single)
    return np.asarray(total / len(trees))


def _add_tree(total: Floats, tree: Any, rows: Any, base: Any) -> None:
    lower, upper, value, used = _boxes(tree)
    if not len(used):
        return
    is_base_in = (base[used] > lower) & (base[used] <= upper)
    step = max(1, _MOST_CELLS // lower.size)
    for start in range(0, len(rows), step):
        part = rows[start : start + step][:, None, used]
        is_in = (part > lower) & (part <= upper)
        total[start : start + step, used] += _worth(is_in, is_base_in[None], value)


def _worth(is_in: Bools, is_base_in: Bools, value: Floats) -> Floats:
    """Shapley values of one tree; (n, leaves, used), (1, leaves, used), (leaves,) to (n, used)."""
    mine, other = is_in & ~is_base_in, is_base_in & ~is_in
    is_reachable = (is_in | is_base_in).all(axis=2)
    p, q = mine.sum(axis=2), other.sum(axis=2)
    gain, loss = _weights(int(max(p.max(), q.max())))
    plus = np.where(is_reachable, value * gain[p, q], 0.0)
    minus = np.where(is_reachable, value * loss[p, q], 0.0)
    return np.asarray(
        np.einsum("nlk,nl->nk", mine, plus, optimize=True)
        - np.einsum("nlk,nl->nk", other, minus, optimize=True)
    )


def _weights(most: int) -> tuple[Floats, Floats]:
    """(p-1)! q! / (p+q)! and p! (q-1)! / (p+q)! for p and q up to most; 0 where undefined."""
    from scipy.special import gammaln

    p, q = np.meshgrid(np.arange(most + 1.0), np.arange(most + 1.0), indexing="ij")
    whole = gammaln(p + q + 1)
    with np.errstate(invalid="ignore"):
        gain = np.where(p > 0, np.exp(gammaln(np.maximum(p, 1)) + gammaln(q + 1) - whole), 0.0)
        loss = np.where(q > 0, np.exp(gammaln(p + 1) + gammaln(np.maximum(q, 1)) - whole), 0.0)
    return gain, loss


def _boxes(tree: Any) -> tuple[Floats, Floats, Floats, Integers]:
    """Leaves as boxes lower < x <= upper over the columns that the tree looks at."""
    feature = np.asarray(tree.feature)
    used = np.unique(feature[feature >= 0]).astype(np.int64)
    place = {int(column): k for k, column in enumerate(used)}
    found: list[tuple[Floats, Floats, float]] = []
    stack = [(0, np.full(len(used), -np.inf), np.full(len(used), np.inf))]
    while stack:
        node, lower, upper = stack.pop()
        if tree.children_left[node] < 0:
            found.append((lower, upper, float(tree.value[node, 0, 0])))
            continue
        k, threshold = place[int(feature[node])], tree.threshold[node]
        left, right = upper.copy(), lower.copy()
        left[k] = min(left[k], threshold)
        right[k] = max(right[k], threshold)
        stack.append((int(tree.children_left[node]), lower, left))
        stack.append((int(tree.children_right[node]), right, upper))
    lows, highs, values = zip(*found, strict=True)
    return np.array(lows), np.array(highs), np.array(values), used
