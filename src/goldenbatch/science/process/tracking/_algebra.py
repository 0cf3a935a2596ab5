"""Matrix products in one fixed order of accumulation, without BLAS: a restart is bit-equal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]


def product(a: Matrix, b: Matrix) -> Matrix:
    """`a @ b`."""
    found: Matrix = np.einsum("ij,jk->ik", a, b)
    return found


def congruence(f: Matrix, p: Matrix) -> Matrix:
    """`f p f^T`, symmetric."""
    found = product(product(f, p), np.ascontiguousarray(f.T))
    return 0.5 * (found + found.T)


def cholesky(p: Matrix) -> Matrix:
    """Lower factor; of a matrix that is singular but for rounding, of one slightly wider."""
    size = np.sqrt(np.maximum(np.diag(p), 0.0))
    safe = np.where(size > 0, size, 1.0)
    unit = p / safe[:, None] / safe[None, :]
    for jitter in (0.0, 1e-14, 1e-12, 1e-10, 1e-8, 1e-6):
        try:
            factor = np.linalg.cholesky(unit + np.diag(np.where(size > 0, jitter, 1.0)))
        except np.linalg.LinAlgError:
            continue
        return np.asarray(factor * size[:, None])
    values, vectors = np.linalg.eigh(0.5 * (unit + unit.T))
    _, upper = np.linalg.qr((vectors * np.sqrt(np.maximum(values, 0.0))).T)
    return np.asarray((upper.T * np.sign(np.diag(upper))) * size[:, None])


def forward(lower: Matrix, b: Matrix) -> Matrix:
    """`lower^-1 b` by forward substitution. Shapes `(n, n)` and `(n,)` or `(n, m)`."""
    found = np.array(b, dtype=float)
    for i in range(lower.shape[0]):
        for j in range(i):
            found[i] = found[i] - lower[i, j] * found[j]
        found[i] = found[i] / lower[i, i]
    return found
