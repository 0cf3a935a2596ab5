"""What other ways to split would have said: shown beside the forward figures, never instead."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Bools, Floats, matrix, vector
from goldenbatch.science.errors import DataError
from goldenbatch.science.forward.prequential import Estimator


def split_r2(
    estimator: Estimator,
    X: ArrayLike,
    results: ArrayLike,
    groups: Sequence[str],
    *,
    n_folds: int = 5,
    seed: int = 0,
) -> dict[str, float]:
    """Share of the variance explained by rows left out at random, by whole lots, and at the end.

    Args:
        estimator: not fitted; it is cloned for each fit.
        X: inputs in the order of time, shape (n, p).
        results: shape (n,); rows without one are left out.
        groups: lot of each row; "" is a lot of its own.
        n_folds: parts of the first two.
        seed: deals rows and lots to parts.

    Returns:
        `random`, `lots_out` and `last_fifth`, each against the mean of the rows left out; NaN
        where these do not vary.

    Raises:
        DataError: fewer than 10 rows, or fewer lots than parts.

    >>> from sklearn.linear_model import LinearRegression
    >>> x = np.arange(30.0)
    >>> found = split_r2(LinearRegression(), x[:, None], 2 * x, [str(k // 3) for k in range(30)])
    >>> {name: round(value, 6) for name, value in found.items()}
    {'random': 1.0, 'lots_out': 1.0, 'last_fifth': 1.0}
    """
    y = vector(results, "results")
    is_there = ~np.isnan(y)
    rows, y = matrix(X, "X")[is_there], y[is_there]
    n = len(y)
    lots = [lot or f"row {k}" for k, lot in enumerate(groups) if is_there[k]]
    number = np.unique(lots, return_inverse=True)[1]
    n_lots = int(number.max(initial=-1)) + 1
    if n < 10 or n_lots < n_folds:
        raise DataError(f"{n} results of {n_lots} lots are too few for {n_folds} parts")
    generator = np.random.default_rng(seed)
    at_random = generator.permutation(n) % n_folds
    by_lot = (generator.permutation(n_lots) % n_folds)[number]
    is_late = np.arange(n) >= n - max(1, n // 5)
    return {
        "random": _r2(y, _left_out(estimator, rows, y, [at_random == k for k in range(n_folds)])),
        "lots_out": _r2(y, _left_out(estimator, rows, y, [by_lot == k for k in range(n_folds)])),
        "last_fifth": _r2(y, _left_out(estimator, rows, y, [is_late])),
    }


def _left_out(estimator: Estimator, rows: Floats, y: Floats, parts: Sequence[Bools]) -> Floats:
    from sklearn.base import clone

    found = np.full(len(y), math.nan)
    for is_out in parts:
        if is_out.any() and not is_out.all():
            model = clone(estimator).fit(rows[~is_out], y[~is_out])
            found[is_out] = np.asarray(model.predict(rows[is_out])).reshape(-1)
    return found


def _r2(y: Floats, predicted: Floats) -> float:
    is_there = ~np.isnan(predicted)
    seen = y[is_there]
    squares = float(np.sum((seen - seen.mean()) ** 2)) if len(seen) else 0.0
    return 1.0 - float(np.sum((seen - predicted[is_there]) ** 2)) / squares if squares else math.nan
