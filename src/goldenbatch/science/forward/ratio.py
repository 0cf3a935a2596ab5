"""How large a model's error is beside a baseline's, with an interval that knows of groups."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Floats, complete, vector
from goldenbatch.science.errors import DataError

LEAST_GROUPS = 4


@dataclass(frozen=True, slots=True)
class ErrorRatio:
    """RMSE of a model over that of a baseline on the same rows; below 1 the model is better.

    Attributes:
        ratio: of the two.
        lower, upper: ends of the paired interval; (0, inf) where the groups cannot tell.
        confidence: of it.
        n_rows, n_groups: what it rests on.
        seed: of the bootstrap.
    """

    ratio: float
    lower: float
    upper: float
    confidence: float
    n_rows: int
    n_groups: int
    seed: int


def error_ratio(
    model: ArrayLike,
    baseline: ArrayLike,
    groups: Sequence[str],
    *,
    confidence: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> ErrorRatio:
    """Ratio of root mean square errors with a studentised bootstrap of whole groups.

    Errors of one lot, or of one month, are alike: drawing rows would make the interval narrower
    than it is. The logarithm of the ratio is studentised by its linearised standard error.

    Args:
        model: errors, shape (n,); complete.
        baseline: errors on the same rows, shape (n,).
        groups: lot or month of each row.
        confidence: of the two-sided interval.
        n_resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        DataError: lengths differ, a value is missing, or an error of the baseline is nowhere.

    References:
        Hall (1988), Ann. Stat. 16:927, doi:10.1214/aos/1176350933 (bootstrap-t); Field and Welsh
        (2007), doi:10.1111/j.1467-9868.2007.00593.x (of clusters).

    >>> rng = np.random.default_rng(1)
    >>> old = rng.normal(size=60)
    >>> found = error_ratio(0.5 * old, old, [str(k // 3) for k in range(60)])
    >>> found.ratio, found.n_groups
    (0.5, 20)
    """
    new = complete(vector(model, "errors of the model"), "errors of the model") ** 2
    old = complete(vector(baseline, "errors of the baseline"), "errors of the baseline") ** 2
    if not len(new) == len(old) == len(groups) or not len(new):
        raise DataError(f"{len(new)} errors stand beside {len(old)} and {len(groups)} groups")
    if not old.sum() > 0:
        raise DataError("the baseline has no error: no model can be better")
    place = np.unique([str(one) for one in groups], return_inverse=True)[1]
    sums = np.stack([np.bincount(place, new), np.bincount(place, old)])
    n_groups = sums.shape[1]
    ratio = math.sqrt(float(new.sum() / old.sum()))
    ends = (0.0, math.inf)
    if n_groups >= LEAST_GROUPS and ratio > 0:
        generator = np.random.default_rng(seed)
        chances = np.full(n_groups, 1.0 / n_groups)
        drawn = generator.multinomial(n_groups, chances, size=n_resamples).astype(np.float64)
        ends = _interval(np.asarray(sums, dtype=np.float64), drawn, math.log(ratio), confidence)
    return ErrorRatio(ratio, *ends, confidence, len(new), n_groups, seed)


def _interval(sums: Floats, drawn: Floats, value: float, confidence: float) -> tuple[float, float]:
    own = _linearised(sums, np.ones((1, sums.shape[1])))[1][0]
    if own <= 1e-12:
        return math.exp(value), math.exp(value)
    values, errors = _linearised(sums, drawn)
    away = values - value
    far = np.where(away == 0, 0.0, np.copysign(math.inf, away))
    scores = np.sort(np.divide(away, errors, out=far, where=errors > 1e-9 * own))
    tail = 0.5 * (1.0 - confidence)
    n = len(scores)
    low = float(scores[max(math.floor(tail * (n + 1)) - 1, 0)])
    high = float(scores[min(math.ceil((1.0 - tail) * (n + 1)) - 1, n - 1)])
    return math.exp(value - high * own), math.exp(value - low * own)


def _linearised(sums: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Logarithm of the ratio and its standard error for weights of groups, shape (b, g)."""
    n_groups = sums.shape[1]
    new, old = np.einsum("bg,g->b", weights, sums[0]), np.einsum("bg,g->b", weights, sums[1])
    new, old = np.maximum(new, 1e-300), np.maximum(old, 1e-300)
    influence = 0.5 * (sums[0] / new[:, None] - sums[1] / old[:, None])
    squares = np.einsum("bg,bg,bg->b", weights, influence, influence)
    errors = np.sqrt(squares * n_groups / (n_groups - 1))
    return 0.5 * np.log(new / old), np.asarray(errors)
