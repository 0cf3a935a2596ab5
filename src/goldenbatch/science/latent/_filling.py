"""Missing values of rows in time order, filled by their best linear prediction.

With Q the inverse covariance of what is there (k) and what is missing (m), the conditional mean
of a centred normal row is z(m) = -inv(Q(m, m)) Q(m, k) z(k); only as many equations as missing
values are to be solved. No BLAS: the same bits in a block and in a stream.
"""

from __future__ import annotations

import numpy as np

from goldenbatch.science._arrays import Bools, Floats, Integers
from goldenbatch.science.latent.steps import row_dot


def fill_rows(
    Z: Floats, n_missing: Integers, is_good: Bools, last: Floats | None, precision: Floats
) -> Floats:
    """Return rows without gaps; rows with too little in them are NaN all over.

    Args:
        Z: standardised rows, shape (n, p).
        n_missing: missing values of each row.
        is_good: rows that have enough in them.
        last: the filled row before the first; None if there is none.
        precision: of a row, (p, p), or of a row and the row before it, (2 p, 2 p).
    """
    filled = np.array(Z)
    filled[~is_good] = np.nan
    for i in np.flatnonzero(is_good & (n_missing > 0)):
        before = last if i == 0 else filled[i - 1]
        has_before = before is not None and not np.isnan(before[0])
        filled[i] = _filled(Z[i], before if has_before else None, precision)
    return filled


def _filled(z: Floats, before: Floats | None, precision: Floats) -> Floats:
    p = len(z)
    whole = np.full(len(precision), np.nan)
    whole[:p] = z
    if before is not None and len(precision) > p:
        whole[p:] = before
    gaps = np.isnan(whole)
    known = np.where(gaps, 0.0, whole)
    right = -row_dot(known[None, :], precision[gaps])[0]
    whole[gaps] = _solved(precision[np.ix_(gaps, gaps)], right)
    return whole[:p]


def _solved(A: Floats, b: Floats) -> Floats:
    """Gauss without pivots: A is symmetric and positive definite."""
    A, b = np.array(A), np.array(b)
    n = len(b)
    for i in range(n - 1):
        factor = A[i + 1 :, i] / A[i, i]
        A[i + 1 :, i + 1 :] -= factor[:, None] * A[i, i + 1 :]
        b[i + 1 :] -= factor * b[i]
    x = np.zeros(n)
    for i in range(n - 1, -1, -1):
        above = float(np.einsum("i,i->", A[i, i + 1 :], x[i + 1 :])) if i < n - 1 else 0.0
        x[i] = (b[i] - above) / A[i, i]
    return x
