"""Steps that are linear in a row: baselines, extended scatter, and the map of another instrument.

References:
    Barnes, Dhanoa and Lister (1989), doi:10.1366/0003702894202201 (detrending).
    Martens and Stark (1991), doi:10.1016/0731-7085(91)80188-F (extended scatter correction).
    Wang, Veltkamp and Kowalski (1991), Anal. Chem. 63:2750, doi:10.1021/ac00023a016 (DS, PDS).
"""

from __future__ import annotations

import numpy as np

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import DataError
from goldenbatch.science.latent._sums import column_sum, row_dot


def detrended(X: Floats, basis: Floats) -> Floats:
    """Take out what lies in an orthonormal basis, shape (k, p)."""
    _check(X, basis)
    return np.asarray(X - column_sum(row_dot(X, basis), basis))


def scatter_free(X: Floats, numbers: Floats) -> Floats:
    """EMSC: fit a reference and a baseline, take out the baseline, divide by the size.

    Args:
        X: shape (n, p).
        numbers: shape (2 k, p): k rows of the pseudo-inverse, that of the reference first, then
            k rows of the basis, the reference first.
    """
    _check(X, numbers)
    k = len(numbers) // 2
    found = row_dot(X, numbers[:k])
    size = found[:, :1]
    baseline = column_sum(found[:, 1:], numbers[k + 1 :])
    return np.asarray((X - baseline) / np.where(size != 0, size, np.nan))


def banded(X: Floats, numbers: Floats) -> Floats:
    """Give each column from its neighbours: piecewise direct standardisation.

    Args:
        X: shape (n, p).
        numbers: shape (2 h + 2, p): constants, then the weights of columns j - h to j + h; a
            weight beyond the ends is zero.
    """
    _check(X, numbers)
    half, n_columns = (len(numbers) - 2) // 2, X.shape[1]
    out = np.repeat(numbers[:1], len(X), axis=0)
    for shift in range(-half, half + 1):
        weights = numbers[1 + half + shift]
        first, end = max(0, -shift), min(n_columns, n_columns - shift)
        out[:, first:end] += X[:, first + shift : end + shift] * weights[first:end]
    return out


def low_rank(X: Floats, numbers: Floats) -> Floats:
    """Return constants + kept share of each column + rows through a few directions.

    Args:
        X: shape (n, p).
        numbers: shape (2 r + 2, p): constants, kept shares, r directions in, r directions out.
    """
    _check(X, numbers)
    r = (len(numbers) - 2) // 2
    out = np.asarray(X * numbers[1] + numbers[0])
    if r:
        out += column_sum(row_dot(X, numbers[2 : 2 + r]), numbers[2 + r :])
    return out


def _check(X: Floats, numbers: Floats) -> None:
    if numbers.ndim != 2 or X.shape[1] != numbers.shape[1]:
        message = f"rows have {X.shape[1]} columns; the step was made for {numbers.shape[-1]}"
        raise DataError(message)
