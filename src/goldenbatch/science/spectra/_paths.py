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
    return np.asarray(mean + np.einsum("ij,jk->ik", other, dual))


def _dual(K: Floats, y: Floats, n_components: int) -> Floats:
    """Coefficients of the rows of the fit, column a - 1 for a components, shape (n, a_max).

    einsum and not BLAS: waking threads for products this small costs ten times the products.
    """
    n = len(y)
    T, R = np.zeros((n_components, n)), np.zeros((n_components, n))
    dual = np.zeros((n_components, n))
    rest, size = y.copy(), float(np.sqrt(np.einsum("ij,ij->", K, K)))
    for a in range(n_components):
        norm = float(np.sqrt(np.einsum("i,i->", rest, rest)))
        r = rest / norm if norm > 0 else rest
        t = np.einsum("ij,j->i", K, r)
        # Twice, because one Gram-Schmidt pass loses orthogonality for late components.
        for _ in range(2):
            shares = np.einsum("ai,i->a", T[:a], t)
            t = t - np.einsum("a,ai->i", shares, T[:a])
            r = r - np.einsum("a,ai->i", shares, R[:a])
        length = float(np.sqrt(np.einsum("i,i->", t, t)))
        if length <= _TINY * size:
            dual[a:] = dual[a - 1] if a else 0.0
            break
        T[a], R[a] = t / length, r / length
        explained = float(np.einsum("i,i->", T[a], y))
        dual[a] = R[a] * explained + (dual[a - 1] if a else 0.0)
        rest = rest - T[a] * float(np.einsum("i,i->", T[a], rest))
    return np.ascontiguousarray(dual.T)
