"""Predictions of PLS for 1, 2, ... components from products of spectra: fast repeated folds.

A set of n spectra with p channels enters only by the n x n products of its spectra, which all
folds share; a fold then costs a n^2 and not a n p. One target only.

References:
    Lindgren, Geladi and Wold (1993), J. Chemom. 7:45, doi:10.1002/cem.1180070104 (kernel PLS).
    Rosipal and Trejo (2001), J. Mach. Learn. Res. 2:97 (dual form).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from goldenbatch.science._arrays import Floats, Integers

Split = tuple[Integers, Integers]
"""Rows of the fit, and rows that are predicted."""

_TINY = 1e-12


def products(spectra: Floats) -> Floats:
    """Return the products of spectra less their mean, shape (n, n)."""
    centred = spectra - spectra.mean(axis=0)
    return np.asarray(centred @ centred.T)


def left_out(K: Floats, reference: Floats, splits: Sequence[Split], n_components: int) -> Floats:
    """Return predictions of the rows that each split leaves out, shape (n, n_components).

    A row that several splits leave out gets the mean of its predictions; one that none does, NaN.
    """
    total = np.zeros((len(reference), n_components))
    count = np.zeros((len(reference), 1))
    for kept, left in splits:
        total[left] += path(K, reference, kept, left, n_components)
        count[left] += 1
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def path(K: Floats, reference: Floats, kept: Integers, left: Integers, n_components: int) -> Floats:
    """Return predictions of rows `left` by a fit to rows `kept`, shape (n_left, n_components).

    Components that the rows cannot carry repeat the last one that they can.
    """
    own, other = K[np.ix_(kept, kept)], K[np.ix_(left, kept)]
    column = own.mean(axis=0)
    whole = float(column.mean())
    own = own - column - column[:, None] + whole
    other = other - other.mean(axis=1, keepdims=True) - column + whole
    mean = float(reference[kept].mean())
    dual = _dual(own, reference[kept] - mean, n_components)
    return np.asarray(mean + other @ dual)


def _dual(K: Floats, y: Floats, n_components: int) -> Floats:
    """Coefficients of the rows of the fit, column a - 1 for a components, shape (n, a_max)."""
    n = len(y)
    T, U = np.zeros((n, n_components)), np.zeros((n, n_components))
    inner = np.zeros((n_components, n_components))
    dual = np.zeros((n, n_components))
    rest, size = y.copy(), float(np.sqrt(np.trace(K @ K)))
    for a in range(n_components):
        norm = float(np.linalg.norm(rest))
        u = rest / norm if norm > 0 else rest
        image = K @ u
        # Twice, because one Gram-Schmidt pass loses orthogonality for late components.
        t = image - T[:, :a] @ (T[:, :a].T @ image)
        t = t - T[:, :a] @ (T[:, :a].T @ t)
        length = float(np.linalg.norm(t))
        if length <= _TINY * size:
            dual[:, a:] = dual[:, a - 1 : a] if a else 0.0
            break
        T[:, a], U[:, a] = t / length, u
        inner[: a + 1, a] = T[:, : a + 1].T @ image
        rest = rest - T[:, a] * float(T[:, a] @ rest)
        part = slice(0, a + 1)
        dual[:, a] = U[:, part] @ np.linalg.solve(inner[part, part], T[:, part].T @ y)
    return dual
