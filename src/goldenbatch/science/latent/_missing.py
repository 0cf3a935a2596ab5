"""Scores of rows with missing values, by trimmed-score regression.

References:
    Arteaga and Ferrer (2002), J. Chemom. 16:408, doi:10.1002/cem.750 (TSR).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.science._arrays import Bools, Floats
from goldenbatch.science.latent.steps import row_dot

if TYPE_CHECKING:
    from goldenbatch.science.latent.plan import LatentArrays


def trimmed_scores(z: Floats, known: Bools, arrays: LatentArrays) -> Floats:
    """Trimmed-score regression (Arteaga and Ferrer 2002).

    With t the scores, R z(known) = G t + noise, G = R(known) P(known)'. As R e = 0 for each
    training residual e, the noise is -R(missing) e(missing); its residuals count as uncorrelated.
    """
    G, covariance = _trimmed(known, arrays)
    trimmed = row_dot(z[None, known], arrays.projection[:, known])[0]
    solved = np.linalg.lstsq(covariance, trimmed, rcond=None)[0]
    return np.asarray(
        arrays.score_variance * row_dot(solved[None, :], np.ascontiguousarray(G.T))[0]
    )


def trimmed_weights(known: Bools, arrays: LatentArrays, *, is_solved: bool) -> Floats:
    """The same as a matrix: scores are its product with z(known); shape (a, n_known).

    Args:
        known: which columns are there, shape (p,).
        arrays: the model plane.
        is_solved: by `solve`; else by LAPACK, as plans of arithmetic 1 are.
    """
    G, covariance = _trimmed(known, arrays)
    right = np.ascontiguousarray(arrays.projection[:, known])
    if is_solved:
        solved = solve(covariance, right)
    else:
        solved = np.asarray(np.linalg.lstsq(covariance, right, rcond=None)[0], dtype=np.float64)
    turned = row_dot(np.ascontiguousarray(solved.T), np.ascontiguousarray(G.T))
    return np.ascontiguousarray(arrays.score_variance[:, None] * turned.T)


def solve(A: Floats, B: Floats) -> Floats:
    """Solve A X = B for a positive semi-definite A, with one order of operations everywhere.

    Gauss-Jordan with pivots from the diagonal; what A does not determine is 0.

    Args:
        A: shape (a, a).
        B: shape (a, m).

    >>> solve(np.array([[4.0, 2.0], [2.0, 3.0]]), np.array([[8.0], [7.0]])).tolist()
    [[1.25], [1.5]]
    """
    left, right = np.array(A), np.array(B)
    n_rows = len(left)
    remaining = np.ones(n_rows, dtype=np.bool_)
    floor = n_rows * np.finfo(np.float64).eps * max(float(left.diagonal().max()), 0.0)
    for _ in range(n_rows):
        k = int(np.where(remaining, left.diagonal(), -np.inf).argmax())
        if left[k, k] <= floor:
            right[remaining] = 0.0
            break
        remaining[k] = False
        row, goal = left[k] / left[k, k], right[k] / left[k, k]
        factor = left[:, k].copy()
        left -= factor[:, None] * row
        right -= factor[:, None] * goal
        left[k], right[k] = row, goal
    return right


def _trimmed(known: Bools, arrays: LatentArrays) -> tuple[Floats, Floats]:
    """G, and the covariance of the trimmed scores."""
    R, P = arrays.projection, arrays.loadings
    G = row_dot(R[:, known], P[:, known])
    lost = R[:, ~known]
    noise = row_dot(lost * arrays.residual_variance[~known], lost)
    return G, row_dot(G * arrays.score_variance, G) + noise
