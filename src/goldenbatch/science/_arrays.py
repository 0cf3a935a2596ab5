"""Checks of input arrays, with errors that say what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from goldenbatch.science.errors import DataError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]


def vector(values: ArrayLike, name: str = "values") -> Floats:
    """Return values as a one-dimensional float array; NaN marks a missing value.

    Raises:
        DataError: the input has another shape, holds text, or holds an infinity.
    """
    array = _floats(values, name)
    if array.ndim != 1:
        message = f"{name} has shape {array.shape}; give one value per row, shape (n,)"
        raise DataError(message)
    return array


def matrix(values: ArrayLike, name: str = "x") -> Floats:
    """Return values as a C-contiguous float array (n_rows, n_columns); NaN marks missing.

    Raises:
        DataError: the input has another shape, holds text, or holds an infinity.
    """
    array = _floats(values, name)
    if array.ndim != 2:
        message = f"{name} has shape {array.shape}; give rows and columns, shape (n, p)"
        raise DataError(message)
    return array


def complete(array: Floats, name: str) -> Floats:
    """Return the array unchanged if nothing is missing.

    Raises:
        DataError: a value is missing.
    """
    n_missing = int(np.isnan(array).sum())
    if n_missing:
        message = f"{name} has {n_missing} missing values; remove these rows or give them values"
        raise DataError(message)
    return array


def present(values: ArrayLike, n_needed: int, name: str = "values") -> Floats:
    """Return the values that are not missing.

    Raises:
        DataError: fewer than `n_needed` are left.
    """
    array = vector(values, name)
    kept = array[~np.isnan(array)]
    if len(kept) < n_needed:
        message = f"{name} has {len(kept)} values that are not missing; {n_needed} are needed"
        raise DataError(message)
    return kept


def _floats(values: Any, name: str) -> Floats:
    try:
        array = np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        message = f"{name} cannot be read as numbers: {error}"
        raise DataError(message) from error
    if np.ndim(values) == 0:
        array = array.reshape(())
    if np.isinf(array).any():
        message = f"{name} has infinite values; mark missing values with NaN"
        raise DataError(message)
    return array
