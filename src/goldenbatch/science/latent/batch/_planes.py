"""The two models of deviations: observation-wise, and batch-wise with a missing future.

No BLAS on the way from deviations to statistics: a sample gives the same bits alone as in a
block, and after a restart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from goldenbatch.science._arrays import Floats, Integers
from goldenbatch.science.errors import DesignError
from goldenbatch.science.latent.batch.settings import BatchSettings
from goldenbatch.science.latent.steps import row_dot, row_squares

Arrays = Mapping[str, Floats]
Memory = dict[str, Any]
_RIDGE = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    """What a model says of n samples; NaN where a sample is not scored.

    Attributes:
        t2, spe: shape (n,).
        t2_parts, spe_parts: signed parts of each variable, shape (n, p); they sum to the
            statistic (squares with the sign of the residual for SPE).
    """

    t2: Floats
    spe: Floats
    t2_parts: Floats
    spe_parts: Floats


# ---- observation-wise ---------------------------------------------------------------------------


def fit_observation(
    settings: BatchSettings, z: Sequence[Floats], grids: Sequence[Floats]
) -> dict[str, Floats]:
    """Model of the variables over all maturities.

    Args:
        settings: components and memory.
        z: scaled deviations of the samples of each batch, shape (n_i, p).
        grids: not used.
    """
    del grids
    weight = settings.memory
    joined = np.concatenate([_with_memory(one, weight, None)[0] for one in z])
    rows = joined[~np.isnan(joined).any(axis=1)]
    p = z[0].shape[1]
    scale = np.ones(rows.shape[1])
    if weight:
        # The spread of the average of white noise is the least: a variable that never moved in
        # the golden batches must not make all of the statistic when it does.
        least = np.sqrt(weight / (2.0 - weight))
        scale[p:] = np.maximum(np.sqrt(np.mean(rows[:, p:] ** 2, axis=0)), least)
    n_most = min(rows.shape[1] - 1, len(z) - 2)
    n_components = min(settings.n_components, n_most)
    if n_components < 1:
        message = f"{len(z)} golden batches with {p} variables carry no component; give more"
        raise DesignError(message)
    scaled = rows / scale
    _, V = np.linalg.eigh(scaled.T @ scaled)
    loadings = _signed(np.ascontiguousarray(V.T[::-1][:n_components]))
    variance = np.mean((rows / scale @ loadings.T) ** 2, axis=0)
    return {"scale": scale, "loadings": loadings, "variance": np.maximum(variance, 1e-12)}


def run_observation(
    arrays: Arrays, settings: BatchSettings, memory: Memory, z: Floats
) -> tuple[Memory, Statistics]:
    """Score samples; the moving averages go on from the memory."""
    p = z.shape[1]
    loadings, variance = arrays["loadings"], arrays["variance"]
    start = np.array(memory["average"]) if "average" in memory else None
    rows, average = _with_memory(z, settings.memory, start)
    kept = {} if average is None else {"average": average.tolist()}
    F = np.ascontiguousarray(rows / arrays["scale"])
    T = row_dot(F, loadings)
    rebuilt = np.ascontiguousarray(loadings.T)
    residual = F - row_dot(T, rebuilt)
    part = row_dot(T / variance, rebuilt) * F
    spe = np.sign(residual) * residual * residual
    return kept, Statistics(
        row_squares(T / np.sqrt(variance)), row_squares(residual), _fold(part, p), _fold(spe, p)
    )


def _with_memory(z: Floats, weight: float, start: Floats | None) -> tuple[Floats, Floats | None]:
    """Each row with the moving average of the rows up to it; rows with gaps leave it as it is."""
    if not weight:
        return z, None
    average = np.zeros(z.shape[1]) if start is None else start
    found = np.empty_like(z)
    is_whole = np.asarray(~np.isnan(z).any(axis=1))
    for i in range(len(z)):
        if is_whole[i]:
            average = average + weight * (z[i] - average)
        found[i] = average
    return np.concatenate([z, found], axis=1), average


def _fold(parts: Floats, p: int) -> Floats:
    return parts if parts.shape[1] == p else parts[:, :p] + parts[:, p:]


def _signed(loadings: Floats) -> Floats:
    flip = np.sign(loadings[np.arange(len(loadings)), np.abs(loadings).argmax(axis=1)])
    return np.asarray(loadings * flip[:, None])


# ---- batch-wise ---------------------------------------------------------------------------------


def fit_batchwise(
    settings: BatchSettings, z: Sequence[Floats], grids: Sequence[Floats]
) -> dict[str, Floats]:
    """Model of whole batches; scores of a running batch by trimmed score regression.

    Args:
        settings: components.
        z: not used.
        grids: deviations on the grid of each batch, shape (k, p), 0 where not reached.

    References:
        Arteaga and Ferrer (2002), doi:10.1002/cem.750, applied to the unknown future as in
        Garcia-Munoz, Kourti and MacGregor (2004), doi:10.1021/ie034020w.
    """
    del z
    cube = np.stack(grids)
    n, k, p = cube.shape
    n_components = min(settings.n_components, n - 2)
    if n_components < 1:
        message = f"{n} golden batches carry no batch-wise component; give at least 3"
        raise DesignError(message)
    _, _, Vt = np.linalg.svd(cube.reshape(n, -1), full_matrices=False)
    loadings = _signed(Vt[:n_components]).T.reshape(k, p, n_components)
    trimmed = trimmed_scores(cube, loadings)
    weights = _trimmed_regression(trimmed)
    scores = np.einsum("kab,nkb->nka", weights, trimmed)
    inverse = np.asarray(
        np.linalg.inv(_ridged(np.einsum("nka,nkb->kab", scores, scores) / (n - 1))),
        dtype=np.float64,
    )
    return {"loadings": loadings, "weights": weights, "inverse": inverse}


def trimmed_scores(cube: Floats, loadings: Floats) -> Floats:
    """Scores of the known part of batches up to each grid point, shape (n, k, a)."""
    return np.asarray(np.cumsum(np.einsum("nkp,kpa->nka", cube, loadings), axis=1))


def _trimmed_regression(trimmed: Floats) -> Floats:
    """Regression of whole scores on trimmed ones at each grid point, shape (k, a, a)."""
    gram = np.einsum("nka,nkb->kab", trimmed, trimmed)
    cross = np.einsum("nka,nb->kab", trimmed, trimmed[:, -1])
    return np.ascontiguousarray(np.swapaxes(np.linalg.solve(_ridged(gram), cross), 1, 2))


def _ridged(matrices: Floats) -> Floats:
    """Each matrix (k, a, a) with a little of its own level on the diagonal."""
    a = matrices.shape[1]
    level = np.maximum(np.trace(matrices, axis1=1, axis2=2) / a, 1e-12)
    return np.asarray(matrices + _RIDGE * level[:, None, None] * np.eye(a))


def run_batchwise(
    arrays: Arrays, memory: Memory, z: Floats, grid: tuple[Floats, int, Integers], at: Integers
) -> tuple[Memory, Statistics]:
    """Score samples of a running batch.

    Args:
        arrays: of `fit_batchwise`.
        memory: sums over the grid points before.
        z: deviations of the samples, shape (n, p).
        grid: new grid points (n_new, p), number of the first, and points filled after each sample.
        at: grid point nearest to each sample, shape (n,).
    """
    loadings = arrays["loadings"]
    _, p, a = loadings.shape
    new, first, filled = grid
    before = np.array(memory["sums"]) if "sums" in memory else np.zeros((p, a))
    sums = running_sums(before, new, loadings[first : first + len(new)])
    own = sums[filled - first]
    last = filled - 1
    trimmed = added(own, 1)
    scores = _times(arrays["weights"][last], trimmed)
    direction = _times(arrays["inverse"][last], scores)
    back = _times(np.swapaxes(arrays["weights"][last], 1, 2), direction)
    rebuilt = added(loadings[at] * scores[:, None, :], 2)
    residual = np.ascontiguousarray(z - rebuilt)
    is_known = ~np.isnan(z).any(axis=1)
    t2 = np.where(is_known, added(scores * direction, 1), np.nan)
    t2_parts = added(own * back[:, None, :], 2)
    t2_parts[~is_known] = np.nan
    spe_parts = np.sign(residual) * residual * residual
    return {"sums": sums[-1].tolist()}, Statistics(t2, row_squares(residual), t2_parts, spe_parts)


def running_sums(before: Floats, new: Floats, loadings: Floats) -> Floats:
    """Sums of deviations times loadings after 0, 1, ... new grid points, shape (n_new+1, p, a)."""
    steps = new[:, :, None] * loadings
    return np.asarray(np.add.accumulate(np.concatenate([before[None], steps]), axis=0))


def _times(matrices: Floats, vectors: Floats) -> Floats:
    """Each matrix (n, a, a) times its vector (n, a)."""
    return added(matrices * vectors[:, None, :], 2)


def added(array: Floats, axis: int) -> Floats:
    """Sum along an axis in the order of its places, whatever the memory looks like.

    NumPy's own sum goes another way for a block of one.
    """
    moved = np.moveaxis(array, axis, 0)
    total = moved[0].copy()
    for one in moved[1:]:
        total = total + one
    return np.asarray(total)
