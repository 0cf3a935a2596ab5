"""Batches on a grid of maturity, unfolded into rows; the mean course and its spread.

References:
    Nomikos and MacGregor (1994), AIChE J. 40:1361, doi:10.1002/aic.690400809 (batch-wise).
    Wold, Kettaneh, Friden and Holmberg (1998), Chemom. Intell. Lab. Syst. 44:331,
    doi:10.1016/S0169-7439(98)00162-2 (observation-wise).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Floats, matrix
from goldenbatch.science.errors import DataError
from goldenbatch.science.latent.batch.runs import BatchRun

_LEAST_SPREAD = 0.25
_OF_WHOLE = 0.02


def on_grid(
    maturity: Floats, rows: Floats, n_points: int, before: tuple[float, Floats] | None = None
) -> Floats:
    """Rows on a grid of maturity 0 to 1, straight between samples; NaN where not reached.

    Args:
        maturity: never falling, shape (n,).
        rows: shape (n, p).
        n_points: of the grid.
        before: maturity and row of the sample before, for a batch that comes in parts.

    Returns:
        Shape (n_points, p). A point that lies before the first sample takes its values.

    >>> on_grid(np.array([0.0, 1.0]), np.array([[1.0], [3.0]]), 3).tolist()
    [[1.0], [2.0], [3.0]]
    """
    grid = np.arange(n_points) / max(n_points - 1, 1)
    if before is not None:
        maturity = np.concatenate([[before[0]], maturity])
        rows = np.concatenate([before[1][None, :], rows])
    found = np.full((n_points, rows.shape[1]), np.nan)
    place = np.searchsorted(maturity, grid - 1e-12, side="left")
    is_there = place < len(maturity)
    now = place[is_there]
    last = np.maximum(now - 1, 0)
    gap = maturity[now] - maturity[last]
    share = np.where(gap > 0, (grid[is_there] - maturity[last]) / np.where(gap > 0, gap, 1.0), 1.0)
    share = np.clip(share, 0.0, 1.0)[:, None]
    found[is_there] = rows[last] + (rows[now] - rows[last]) * share
    return found


def resampled(run: BatchRun, n_points: int) -> Floats:
    """A whole batch stretched linearly to a number of points, shape (n_points, p).

    Needs the end of the batch, so it is for finished ones.

    >>> resampled(BatchRun("a", [0.0, 2.0, 4.0], [[0.0], [2.0], [4.0]]), 5)[:, 0].tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0]
    """
    span = float(run.time[-1] - run.time[0])
    if not span > 0:
        message = f"batch {run.name} has one sample; it cannot be stretched"
        raise DataError(message)
    return on_grid((run.time - run.time[0]) / span, run.values, n_points)


def unfold_batchwise(aligned: ArrayLike) -> Floats:
    """A row a batch: all variables at the first point, then at the second, and so on.

    Args:
        aligned: shape (n_batches, n_points, p).

    Returns:
        Shape (n_batches, n_points * p).

    >>> unfold_batchwise(np.arange(8.0).reshape(2, 2, 2)).tolist()
    [[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]]
    """
    cube = _cube(aligned)
    return np.asarray(cube.reshape(len(cube), -1))


def fold_batchwise(rows: ArrayLike, n_points: int) -> Floats:
    """Rows of `unfold_batchwise` back to shape (n_batches, n_points, p).

    Raises:
        DataError: the columns are no multiple of the points.

    >>> fold_batchwise([[0.0, 1.0, 2.0, 3.0]], 2).tolist()
    [[[0.0, 1.0], [2.0, 3.0]]]
    """
    table = matrix(rows, "rows")
    if n_points < 1 or table.shape[1] % n_points:
        message = f"{table.shape[1]} columns do not fold into {n_points} points"
        raise DataError(message)
    return np.asarray(table.reshape(len(table), n_points, -1))


def unfold_observationwise(aligned: ArrayLike) -> Floats:
    """A row an observation: batch after batch, shape (n_batches * n_points, p).

    >>> unfold_observationwise(np.arange(8.0).reshape(2, 2, 2)).shape
    (4, 2)
    """
    cube = _cube(aligned)
    return np.asarray(cube.reshape(-1, cube.shape[2]))


def mean_course(aligned: ArrayLike, *, smooth: float = 0.05) -> tuple[Floats, Floats]:
    """Mean and spread of each variable at each point, over the batches that reached it.

    The spread is the standard deviation between batches, its square averaged over neighbouring
    points, and never below a quarter of its level over the course: a point where the golden
    batches happen to agree must not make an alarm of a small difference.

    Args:
        aligned: shape (n_batches, n_points, p); NaN where a batch did not reach.
        smooth: width of the average as a share of the course.

    Returns:
        Mean and spread, each of shape (n_points, p); spread 1 for a variable that never moves.

    Raises:
        DataError: a point that fewer than 2 batches reached.

    >>> mean, spread = mean_course([[[1.0]], [[3.0]]])
    >>> mean.tolist(), spread.round(3).tolist()
    ([[2.0]], [[1.414]])
    """
    cube = _cube(aligned)
    count = (~np.isnan(cube)).sum(axis=0)
    if (count < 2).any():
        point, column = np.argwhere(count < 2)[0]
        message = (
            f"{count[point, column]} golden batch has a value of column {column} at point {point} "
            f"of {cube.shape[1]}; give more batches, or let `reach` end the course earlier"
        )
        raise DataError(message)
    mean = np.nanmean(cube, axis=0)
    variance = np.nansum((cube - mean) ** 2, axis=0) / (count - 1)
    variance = moving_mean(variance, smooth)
    level = np.sqrt(np.median(variance, axis=0))
    whole = np.sqrt(np.nanmean((cube - np.nanmean(cube, axis=(0, 1))) ** 2, axis=(0, 1)))
    least = np.maximum(_LEAST_SPREAD * level, _OF_WHOLE * whole)
    spread = np.maximum(np.sqrt(variance), least)
    size = np.maximum(np.nanmax(np.abs(cube), axis=(0, 1)), 1e-300)
    return mean, np.where(spread > 1e-12 * size, spread, 1.0)


def moving_mean(curve: Floats, share: float) -> Floats:
    """Average over neighbouring points along the first axis; the window shrinks at the ends.

    >>> moving_mean(np.array([0.0, 3.0, 0.0]), 1.0).tolist()
    [1.5, 1.0, 1.5]
    """
    n = len(curve)
    half = int(share * n / 2.0)
    if half < 1:
        return curve
    total = np.concatenate([np.zeros((1, *curve.shape[1:])), np.cumsum(curve, axis=0)])
    place = np.arange(n)
    low, high = np.maximum(place - half, 0), np.minimum(place + half + 1, n)
    width = (high - low).astype(float).reshape(-1, *([1] * (curve.ndim - 1)))
    return np.asarray(np.maximum((total[high] - total[low]) / width, 0.0))


def at_maturity(curve: Floats, maturity: Floats) -> Floats:
    """A curve over the grid at maturities from 0 to 1, straight between its points.

    Args:
        curve: shape (n_points,) or (n_points, p).
        maturity: shape (n,); taken into 0 to 1.

    >>> at_maturity(np.array([0.0, 10.0]), np.array([0.25, 2.0])).tolist()
    [2.5, 10.0]
    """
    place = np.clip(maturity, 0.0, 1.0) * (len(curve) - 1)
    low = np.minimum(place.astype(np.int64), max(len(curve) - 2, 0))
    share = (place - low).reshape(-1, *([1] * (curve.ndim - 1)))
    high = np.minimum(low + 1, len(curve) - 1)
    return np.asarray(curve[low] + (curve[high] - curve[low]) * share)


def _cube(aligned: ArrayLike) -> Floats:
    cube = np.asarray(aligned, dtype=np.float64)
    if cube.ndim != 3:
        message = f"aligned batches have shape {cube.shape}; give (n_batches, n_points, p)"
        raise DataError(message)
    return cube
