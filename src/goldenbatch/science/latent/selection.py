"""Deterministic folds, and the number of components by cross-validation.

References:
    Hastie, Tibshirani and Friedman (2009), The Elements of Statistical Learning, section 7.10
    (one-standard-error rule).
    Ballabio and Consonni (2013), Anal. Methods 5:3790, doi:10.1039/C3AY40582F (venetian blinds).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Floats, Integers, complete, vector
from goldenbatch.science.errors import DesignError


def interleaved_folds(n: int, n_folds: int) -> tuple[Integers, ...]:
    """Return folds of every n_folds-th row (venetian blinds).

    >>> [fold.tolist() for fold in interleaved_folds(5, 2)]
    [[0, 2, 4], [1, 3]]
    """
    _check(n, n_folds)
    return tuple(np.arange(start, n, n_folds, dtype=np.int64) for start in range(n_folds))


def contiguous_folds(n: int, n_folds: int) -> tuple[Integers, ...]:
    """Return folds of rows that follow one another: for rows in time order.

    >>> [fold.tolist() for fold in contiguous_folds(5, 2)]
    [[0, 1, 2], [3, 4]]
    """
    _check(n, n_folds)
    return tuple(np.array_split(np.arange(n, dtype=np.int64), n_folds))


def grouped_folds(groups: Sequence[Hashable]) -> tuple[Integers, ...]:
    """Return one fold per group (lot, batch, instrument, scale), in order of appearance.

    Raises:
        DesignError: fewer than 2 groups.

    >>> [fold.tolist() for fold in grouped_folds(["a", "b", "a"])]
    [[0, 2], [1]]
    """
    names = list(dict.fromkeys(groups))
    _check(len(names), len(names))
    places: dict[Hashable, list[int]] = {name: [] for name in names}
    for i, name in enumerate(groups):
        places[name].append(i)
    return tuple(np.array(places[name], dtype=np.int64) for name in names)


def one_standard_error(squared_errors: ArrayLike) -> int:
    """Return the smallest number of components within one standard error of the best.

    Args:
        squared_errors: of rows left out, shape (n, n_components_max); column a - 1 has those
            of a components.

    >>> one_standard_error([[4.0, 1.0, 0.9], [5.0, 1.2, 1.2], [3.0, 0.9, 0.9]])
    2
    """
    errors = complete(np.asarray(squared_errors, dtype=np.float64), "squared errors")
    means = errors.mean(axis=0)
    best = int(means.argmin())
    reach = float(errors[:, best].std(ddof=1)) / np.sqrt(len(errors))
    return int(np.flatnonzero(means <= means[best] + reach)[0]) + 1


def components_for_variance(eigenvalues: ArrayLike, share: float = 0.9) -> int:
    """Return the smallest number of components that explain a share of the variance.

    >>> components_for_variance([5.0, 3.0, 1.0, 1.0], 0.8)
    2
    """
    values = complete(vector(eigenvalues, "eigenvalues"), "eigenvalues")
    shares = np.cumsum(values) / values.sum()
    return min(len(values), int(np.searchsorted(shares, share - 1e-12)) + 1)


@dataclass(frozen=True, slots=True, eq=False)
class CrossValidation:
    """What cross-validation of a PLS found.

    Attributes:
        rmse: of left-out rows for 1 to n_components_max components, shape (n_components_max,);
            over all targets, each divided by its standard deviation if there are several.
        n_components: chosen by the one-standard-error rule.
        predicted: left-out predictions of the chosen model, shape (n, m).
        t2, spe: left-out statistics of the chosen model, shape (n,).
        n_folds: number of folds.
    """

    rmse: Floats
    n_components: int
    predicted: Floats
    t2: Floats
    spe: Floats
    n_folds: int


def _check(n: int, n_folds: int) -> None:
    if not 2 <= n_folds <= n:
        message = f"{n} rows or groups cannot be split into {n_folds} folds; take 2 to {n}"
        raise DesignError(message)
