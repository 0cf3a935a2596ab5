"""Adaptive importance sampling: many fewer runs than chains, where the posterior is one hill.

References:
    Cappe et al. 2008, doi:10.1007/s11222-008-9059-x (population Monte Carlo); Owen & Zhou 2000,
    doi:10.1080/01621459.2000.10473909 (weights by the mixture of all rounds); Koblents & Miguez
    2015, doi:10.1007/s11222-013-9440-2 (weights flattened where few are effective).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FREEDOM = 5.0
"""Of the proposals: heavier tails than the posterior's, so that no weight runs away."""


def adaptive_importance(
    energy: Callable[[NDArray[np.float64]], float],
    begin: NDArray[np.float64],
    *,
    n_rounds: int = 10,
    n_each: int = 200,
    seed: int = 0,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points and their weights; the effective number says whether they can be trusted.

    Args:
        energy: Minus the logarithm of the density; infinite where it is zero.
        begin: Draws of a first approximation. Shape `(n_begin, n)`.
        n_rounds: After each the proposal takes mean and covariance of the weighted points.
        n_each: Points a round.
        seed: Of the generator.

    Returns:
        Shapes `(n_rounds * n_each, n)` and `(n_rounds * n_each,)`; the weights sum to one.

    >>> begin = np.random.default_rng(0).standard_normal((100, 1))
    >>> points, weights = adaptive_importance(lambda x: 0.5 * float((x[0] - 2.0) ** 2), begin)
    >>> round(float(weights @ points[:, 0]), 1), effective(weights) > 900
    (2.0, True)
    """
    random = np.random.default_rng(seed)
    n = begin.shape[1]
    mean, root = begin.mean(axis=0), _root(np.atleast_2d(np.cov(begin, rowvar=False)) * 1.5)
    points, energies = np.empty((0, n)), np.empty(0)
    proposals: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    weights = np.empty(0)
    for _ in range(n_rounds):
        tails = np.sqrt(FREEDOM / random.chisquare(FREEDOM, n_each))
        drawn = mean + (random.standard_normal((n_each, n)) @ root.T) * tails[:, None]
        points = np.concatenate([points, drawn])
        energies = np.concatenate([energies, [energy(row) for row in drawn]])
        proposals.append((mean, root))
        weights = _weights(points, energies, proposals)
        guide = _tempered(weights, 5.0 * n)
        mean = guide @ points
        away = points - mean
        root = _root(1.2 * (away * guide[:, None]).T @ away)
    return points, weights


def effective(weights: NDArray[np.float64]) -> float:
    """Number of independent draws that weighted ones are worth.

    >>> effective(np.array([0.5, 0.5, 0.0]))
    2.0
    """
    total = float(weights.sum())
    return total**2 / float((weights**2).sum()) if total > 0.0 else 0.0


def _weights(
    points: NDArray[np.float64],
    energies: NDArray[np.float64],
    proposals: list[tuple[NDArray[np.float64], NDArray[np.float64]]],
) -> NDArray[np.float64]:
    densities = np.array([_log_t(points, *proposal) for proposal in proposals])
    most = densities.max(axis=0)
    mixture = most + np.log(np.exp(densities - most).mean(axis=0))
    logs = np.where(np.isfinite(energies), -energies - mixture, -np.inf)
    if not np.isfinite(logs).any():
        return np.zeros(logs.size)
    raw = np.exp(logs - logs.max())
    found: NDArray[np.float64] = raw / raw.sum()
    return found


def _tempered(weights: NDArray[np.float64], least: float) -> NDArray[np.float64]:
    """Weights to a power that leaves enough of them effective: far off, the way counts."""
    if not weights.any():
        return np.full(weights.size, 1.0 / weights.size)
    power = 1.0
    guide = weights
    while effective(guide) < least and power > 1e-3:
        power *= 0.7
        guide = weights**power
    found: NDArray[np.float64] = guide / guide.sum()
    return found


def _log_t(
    points: NDArray[np.float64], mean: NDArray[np.float64], root: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Logarithm of Student's density, up to a constant of its dimension."""
    z = np.linalg.solve(root, (points - mean).T)
    n = mean.size
    inside = np.log1p((z**2).sum(axis=0) / FREEDOM)
    return np.asarray(-0.5 * (FREEDOM + n) * inside - np.log(np.diag(root)).sum(), dtype=float)


def _root(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    floor = 1e-10 * float(np.trace(covariance)) / len(covariance) + 1e-300
    root = np.linalg.cholesky(covariance + floor * np.eye(len(covariance)))
    return np.asarray(root, dtype=float)
