"""What all dynamic models share when they are fitted: gaps filled, windows, averages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from goldenbatch.science._arrays import Bools, Floats
from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.latent._filling import fill_rows

_ROUNDS = 25
_SETTLED = 1e-4
_RIDGE = 1e-2

TINY = 1e-12
"""Least statistic that a logarithm is taken of, and share of variation that counts as none."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One statistic of a fitted model: the sum of squares of a projection of windows.

    Attributes:
        name: of the statistic.
        rows: of the projection, shape (k, m).
        theoretical: its limit by theory, for single rows; None if there is none.
    """

    name: str
    rows: Floats
    theoretical: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Filled:
    """Standardised training rows without gaps.

    Attributes:
        rows: shape (n, p); NaN all over where a row has too little in it.
        precision: what filled them, and will fill later rows.
    """

    rows: Floats
    precision: Floats


def enough(rows: Floats, max_missing_fraction: float) -> Bools:
    """Say which rows have enough in them to be used."""
    n_tags = rows.shape[1]
    most = min(max_missing_fraction * n_tags, n_tags - 1)
    return np.asarray(np.isnan(rows).sum(axis=1) <= most)


def filled_rows(Z: Floats, is_good: Bools, *, has_order: bool) -> Filled:
    """Fill gaps and estimate what fills them, in turn, until neither moves.

    As in expectation-maximisation, without the variance of what was filled in: for the few gaps
    of a training set that is small beside the ridge.
    """
    gaps = np.isnan(Z)
    n_missing = gaps.sum(axis=1).astype(np.int64)
    filled = np.where(gaps, 0.0, Z)
    filled[~is_good] = np.nan
    has_gaps = bool((is_good & (n_missing > 0)).any())
    for _ in range(_ROUNDS):
        precision = _precision(filled, has_order=has_order)
        if not has_gaps:
            break
        new = fill_rows(Z, n_missing, is_good, None, precision)
        change = float(np.nanmax(np.abs(new - filled)))
        filled = new
        if change <= _SETTLED:
            break
    return Filled(filled, precision)


def windows(filled: Floats, n_rows: int) -> tuple[Floats, Bools]:
    """Return windows of rows, newest first, and which of them are whole.

    Args:
        filled: shape (n, p); NaN rows break windows.
        n_rows: of a window; window i ends at row i + n_rows - 1.

    Raises:
        DataError: no window is whole.
    """
    n = len(filled) - n_rows + 1
    if n < 2:
        message = f"{len(filled)} rows are too few for windows of {n_rows}"
        raise DataError(message)
    parts = [filled[n_rows - 1 - back : n_rows - 1 - back + n] for back in range(n_rows)]
    stacked = np.concatenate(parts, axis=1)
    return stacked, np.asarray(~np.isnan(stacked).any(axis=1))


def ridged(covariance: Floats, share: float) -> Floats:
    """Return the covariance drawn to a multiple of unity, which can always be inverted."""
    level = float(np.trace(covariance)) / len(covariance)
    return np.asarray((1.0 - share) * covariance + share * level * np.eye(len(covariance)))


def refuse_empty(eigenvalues: Floats, n_components: int) -> None:
    """Refuse components that carry no variation: dividing by it would be an alarm at every row.

    Args:
        eigenvalues: largest first.
        n_components: asked for.

    Raises:
        DesignError: there are fewer components with any variation.
    """
    rank = int((eigenvalues > TINY * eigenvalues[0]).sum())
    if n_components > rank:
        message = (
            f"only {rank} of {len(eigenvalues)} components carry any variation; ask for no more"
        )
        raise DesignError(message)


def averaged(raw: Floats, start: Floats, smoothing: float, *, is_log: bool) -> Floats:
    """Return what is compared with limits; NaN rows stay, and the averages pass them by.

    Args:
        raw: statistics of rows, shape (n, K).
        start: where the averages start, shape (K,).
        smoothing: weight of the newest row.
        is_log: averages of logarithms.
    """
    shown = np.log(np.maximum(np.ascontiguousarray(raw), TINY)) if is_log else raw
    if smoothing == 1.0:
        return shown
    out, old = np.full_like(shown, np.nan), 1.0 - smoothing
    places = np.flatnonzero(~np.isnan(shown[:, 0]))
    for k in range(shown.shape[1]):
        average, column = float(start[k]), []
        for value in shown[places, k].tolist():
            average = old * average + smoothing * value
            column.append(average)
        out[places, k] = column
    return out


def _precision(filled: Floats, *, has_order: bool) -> Floats:
    whole = windows(filled, 2) if has_order else windows(filled, 1)
    kept = whole[0][whole[1]]
    if len(kept) < 2:
        message = "no two rows that follow one another have enough in them; give fuller rows"
        raise DataError(message)
    centred = kept - kept.mean(axis=0)
    return np.asarray(np.linalg.inv(ridged(centred.T @ centred / (len(kept) - 1), _RIDGE)))
