"""Bootstrap-t of a smooth function of means over independent groups, with delta-method errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from goldenbatch.science._arrays import Floats

Value = Callable[[Floats], Floats]
"""Sums, shape (..., n_sums), to the function of them."""

_CHUNK: Final = 250
_LEAST_FINITE: Final = 0.95


def bootstrap_t(
    value: Value, sums: Floats, theta: float, confidence: float, seed: int, n_resamples: int
) -> tuple[float, float] | None:
    """One-sided bounds of a function of means over groups; None where it does not vary."""
    n_groups, n_sums = sums.shape
    products = np.einsum("gi,gj->gij", sums, sums).reshape(n_groups, n_sums * n_sums)
    both = np.concatenate([sums, products], axis=1)
    own = _standard_error(value, both.mean(axis=0)[None, :], n_groups, n_sums)[0]
    if not math.isfinite(own):
        return None
    if own == 0.0:
        return theta, theta
    generator = np.random.default_rng(seed)
    found = []
    for start in range(0, n_resamples, _CHUNK):
        size = min(_CHUNK, n_resamples - start)
        weights = generator.multinomial(n_groups, np.full(n_groups, 1.0 / n_groups), size=size)
        means = np.einsum("bg,gk->bk", weights / n_groups, both)
        with np.errstate(divide="ignore", invalid="ignore"):
            errors = _standard_error(value, means, n_groups, n_sums)
            found.append((value(means[:, :n_sums]) - theta) / errors)
    scores = np.concatenate(found)
    scores = scores[np.isfinite(scores)]
    if len(scores) < _LEAST_FINITE * n_resamples:
        return None
    low, high = np.quantile(scores, [1.0 - confidence, confidence])
    return theta - float(high) * own, theta - float(low) * own


def freedom(value: Value, sums: Floats) -> float:
    """Degrees of freedom of a mean square by how it varies between groups (Satterthwaite)."""
    n_groups, n_sums = sums.shape
    products = np.einsum("gi,gj->gij", sums, sums).reshape(n_groups, n_sums * n_sums)
    both = np.concatenate([sums, products], axis=1).mean(axis=0)[None, :]
    own = float(_standard_error(value, both, n_groups, n_sums)[0])
    return 1.0 / (2.0 * own**2) if own > 0 else float(n_groups)


def _standard_error(value: Value, means: Floats, n_groups: int, n_sums: int) -> Floats:
    """By the delta method, from means of sums and of their products, shape (n, k + k * k)."""
    first = means[:, :n_sums]
    second = means[:, n_sums:].reshape(-1, n_sums, n_sums)
    covariance = second - np.einsum("bi,bj->bij", first, first)
    gradient = np.empty_like(first)
    for k in range(n_sums):
        step = np.zeros_like(first)
        step[:, k] = 1e-6 * np.maximum(np.abs(first[:, k]), 1e-9)
        rise = value(first + step) - value(first - step)
        gradient[:, k] = rise / (2.0 * step[:, k])
    variance = np.einsum("bi,bij,bj->b", gradient, covariance, gradient)
    return np.asarray(np.sqrt(np.maximum(variance, 0.0) / (n_groups - 1)), dtype=np.float64)
