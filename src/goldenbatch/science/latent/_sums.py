"""Sums over the columns of rows with the same bits for each row alone and in any block; no BLAS."""

from __future__ import annotations

from typing import Any

import numpy as np

from goldenbatch.science._arrays import Floats

try:
    # What np.einsum calls when it is not to optimise: half of its time for one row is the way
    # there. Where NumPy moves it, the way is taken.
    from numpy._core.multiarray import c_einsum as _c_einsum
except ImportError:  # pragma: no cover - another NumPy
    _c_einsum = np.einsum

plain_einsum: Any = _c_einsum

MOST_AT_ONCE = 4096


def row_dot(X: Floats, W: Floats) -> Floats:
    """Return X @ W.T with the same bits for each row alone and in any block.

    Both arrays are made contiguous along the summed axis, which einsum then takes as its inner
    loop whatever the number of rows.

    Args:
        X: shape (n, p).
        W: shape (k, p).

    >>> row_dot(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [0.0, 1.0]]))
    array([[11.,  2.]])
    """
    return sum_in_parts("ij,kj->ik", X, W)


def column_sum(T: Floats, P: Floats) -> Floats:
    """Return T @ P with the same bits for each row alone and in any block.

    Each value is summed over the components one after the other: einsum takes the columns as
    its inner loop, which beats many short sums where there are few components.

    Args:
        T: shape (n, a).
        P: shape (a, p).

    >>> column_sum(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [0.0, 1.0]]))
    array([[3., 6.]])
    """
    return _sum("ik,kj->ij", T, P)


def row_squares(X: Floats) -> Floats:
    """Return the sum of squares of each row, shape (n,), with the same bits alone and in a block.

    >>> row_squares(np.array([[3.0, 4.0]]))
    array([25.])
    """
    return sum_in_parts("ij,ij->i", X, X)


def sum_in_parts(subscripts: str, left: Floats, right: Floats) -> Floats:
    """Return what einsum gives, the last axis of both summed, rows alone and together alike.

    >>> sum_in_parts("ij,ij->i", np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]))
    array([11.])
    """
    # einsum cuts its inner loop at 8192 values counted from the start of the block, so that
    # longer rows would be cut in other places alone than together: they are cut here, in step.
    n_columns = left.shape[-1]
    if n_columns <= MOST_AT_ONCE:
        return _sum(subscripts, left, right)
    total = _sum(subscripts, left[..., :MOST_AT_ONCE], right[..., :MOST_AT_ONCE])
    for start in range(MOST_AT_ONCE, n_columns, MOST_AT_ONCE):
        part = slice(start, start + MOST_AT_ONCE)
        total = total + _sum(subscripts, left[..., part], right[..., part])
    return total


def _sum(subscripts: str, left: Floats, right: Floats) -> Floats:
    first, second = np.ascontiguousarray(left), np.ascontiguousarray(right)
    return np.asarray(plain_einsum(subscripts, first, second))
