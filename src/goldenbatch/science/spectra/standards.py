"""Which samples to measure on both instruments: few, and spread over what the master has seen.

References:
    Kennard and Stone (1969), Technometrics 11:137, doi:10.1080/00401706.1969.10490666.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Floats, Integers, complete, matrix
from goldenbatch.science.errors import DesignError


def kennard_stone(rows: ArrayLike, n: int) -> Integers:
    """Return n rows that lie far from one another, the two most distant ones first.

    Each further row is the one whose nearest chosen row is farthest away.

    Args:
        rows: scores or treated spectra, shape (n_rows, p), complete.
        n: how many, at least 2.

    Raises:
        DesignError: n is below 2 or above the number of rows.

    >>> kennard_stone([[0.0], [1.0], [5.0], [10.0]], 3).tolist()
    [0, 3, 2]
    """
    X = complete(matrix(rows, "rows"), "rows")
    if not 2 <= n <= len(X):
        message = f"{n} standards cannot be chosen among {len(X)} rows; take 2 to {len(X)}"
        raise DesignError(message)
    squares = _squared_distances(X)
    first, second = np.unravel_index(int(squares.argmax()), squares.shape)
    chosen = sorted((int(first), int(second)))
    while len(chosen) < n:
        reach = squares[:, chosen].min(axis=1)
        reach[chosen] = -1.0
        chosen.append(int(reach.argmax()))
    return np.array(chosen, dtype=np.int64)


def _squared_distances(X: Floats) -> Floats:
    sizes = np.sum(X * X, axis=1)
    return np.asarray(np.maximum(sizes[:, None] + sizes[None, :] - 2.0 * (X @ X.T), 0.0))
