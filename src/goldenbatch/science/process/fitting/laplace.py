"""Draws from a normal distribution inside a box, also where it is flat in some directions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TINY = 1e-12


def truncated_draws(
    mode: NDArray[np.float64],
    precision: NDArray[np.float64],
    gradient: NDArray[np.float64],
    box: tuple[NDArray[np.float64], NDArray[np.float64]],
    n_draws: int,
    *,
    seed: int,
    n_sweeps: int = 60,
) -> NDArray[np.float64]:
    """Draws of density exp(-g'd - d'Hd/2), d = x - mode, inside a box. Shape `(n_draws, n)`.

    Gibbs steps along the eigenvectors of the scaled precision and along the axes, one chain a
    draw: independent draws where the box does not bind, uniform ones where the density is flat.

    Args:
        mode: Shape `(n,)`.
        precision: Symmetric, may be singular. Shape `(n, n)`.
        gradient: Of minus the log-density at the mode: not zero at a bound. Shape `(n,)`.
        box: Finite lower and upper bounds. Shapes `(n,)`.
        n_draws: How many.
        seed: Of the generator.
        n_sweeps: Sweeps of each chain.

    References:
        Geweke 1991, Efficient simulation from the multivariate normal distributions subject to
        linear constraints, Computing Science and Statistics 23:571.

    >>> zero, one = np.zeros(1), np.ones(1)
    >>> draws = truncated_draws(zero, np.eye(1), zero, (zero, 9.0 * one), 4000, seed=1)
    >>> bool(abs(draws.mean() - (2 / np.pi) ** 0.5) < 0.03)
    True
    """
    random = np.random.default_rng(seed)
    low, high = box
    width = high - low
    start = np.clip(mode, low, high)
    scaled = precision * np.outer(width, width)
    pull = gradient * width
    _, vectors = np.linalg.eigh(scaled)
    ways = np.concatenate([vectors.T, np.eye(mode.size)])
    # y = (x - start) / width, so that the box has sides of length 1 about the mode.
    bottom, top = (low - start) / width, (high - start) / width
    offset = (start - mode) / width
    y = np.zeros((n_draws, mode.size))
    for _ in range(n_sweeps):
        for way in ways:
            y += _step(y + offset, way, scaled, pull, (bottom - y, top - y), random)[:, None] * way
            np.clip(y, bottom, top, out=y)
    return start + y * width


def _step(
    y: NDArray[np.float64],
    way: NDArray[np.float64],
    precision: NDArray[np.float64],
    pull: NDArray[np.float64],
    room: tuple[NDArray[np.float64], NDArray[np.float64]],
    random: np.random.Generator,
) -> NDArray[np.float64]:
    """How far to go along one direction. Shape `(n_draws,)`."""
    safe = np.where(np.abs(way) > _TINY, way, 1.0)
    limits = np.stack([room[0] / safe, room[1] / safe])
    moves = np.abs(way) > _TINY
    low = np.where(moves, limits.min(axis=0), -np.inf).max(axis=1)
    high = np.where(moves, limits.max(axis=0), np.inf).min(axis=1)
    low, high = np.minimum(low, 0.0), np.maximum(high, 0.0)
    curve = float(way @ precision @ way)
    slope = y @ precision @ way + float(pull @ way)
    return _line(slope, curve, low, high, random.random(len(y)))


def _line(
    slope: NDArray[np.float64],
    curve: float,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    chance: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Quantile of density exp(-slope s - curve s^2 / 2) on [low, high]."""
    from scipy.special import log_ndtr, ndtri_exp

    if curve < 1e-9:
        # Nearly flat: exponential in s, its limit is uniform.
        rate = slope * (high - low)
        rate = np.where(np.abs(rate) < 1e-9, 1e-9, rate)
        part = -np.log1p(-chance * -np.expm1(-np.abs(rate))) / np.abs(rate)
        return low + (high - low) * np.where(rate > 0.0, part, 1.0 - part)
    sd = curve**-0.5
    centre = -slope / curve
    a, b = (low - centre) / sd, (high - centre) / sd
    # Mirror so that the mass lies in the left tail, where log_ndtr keeps its digits.
    flip = a > 0.0
    a, b = np.where(flip, -b, a), np.where(flip, -a, b)
    log_a, log_b = log_ndtr(a), log_ndtr(b)
    ratio = np.exp(np.minimum(log_a - log_b, 0.0))
    z = ndtri_exp(np.minimum(log_b + np.log(ratio + chance * (1.0 - ratio)), -1e-300))
    z = np.clip(z, a, b)
    found: NDArray[np.float64] = np.clip(centre + sd * np.where(flip, -z, z), low, high)
    return found
