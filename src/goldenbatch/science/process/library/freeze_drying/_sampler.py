"""Sequential Monte Carlo from a standard normal prior to a posterior, in batches.

Every likelihood is evaluated for all particles at once, which suits a batch kernel; tempering
from the prior on needs no starting point and finds several modes and bent ridges.

References:
    Del Moral, Doucet and Jasra (2006), J. R. Stat. Soc. B 68:411,
    doi:10.1111/j.1467-9868.2006.00553.x.
    Chopin and Papaspiliopoulos (2020), An Introduction to Sequential Monte Carlo, chapter 17,
    doi:10.1007/978-3-030-47845-2 (adaptive tempering).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import DataError

LogLikelihood = Callable[[Floats], Floats]
"""Particles, shape (n, d), to log likelihoods, shape (n,); minus infinity where impossible."""


@dataclass(frozen=True, slots=True)
class SamplerSettings:
    """How to sample.

    Attributes:
        n_particles: of the population.
        n_moves: Metropolis moves of every particle after each rise in temperature.
        n_last_moves: after the last.
        ess_share: effective share of the population that a rise may cost.
    """

    n_particles: int = 1000
    n_moves: int = 6
    n_last_moves: int = 20
    ess_share: float = 0.5


@dataclass(frozen=True, slots=True)
class Sample:
    """A population that stands for the posterior.

    Attributes:
        particles: standardised, shape (n, d).
        log_likelihood: shape (n,).
        log_evidence: of the model.
        acceptance: of the last moves.
        n_distinct: particles that differ.
        n_evaluations: likelihoods computed.
        seed: of the generator.
    """

    particles: Floats
    log_likelihood: Floats
    log_evidence: float
    acceptance: float
    n_distinct: int
    n_evaluations: int
    seed: int


def sample(
    log_likelihood: LogLikelihood, n_dimensions: int, seed: int, settings: SamplerSettings
) -> Sample:
    """Draw from the posterior of standard normal parameters.

    Raises:
        DataError: no draw from the prior is possible.
    """
    rng = np.random.default_rng(seed)
    n = settings.n_particles
    particles = rng.standard_normal((n, n_dimensions))
    level = log_likelihood(particles)
    n_evaluations, warmth, evidence, acceptance, scale = n, 0.0, 0.0, 0.0, 1.0
    if not np.isfinite(level).any():
        raise DataError("no draw from the prior can explain the data at all; check both")
    while warmth < 1.0:
        rise = _rise(level, 1.0 - warmth, settings.ess_share)
        evidence += _log_mean(rise * level)
        chosen = _systematic(rise * level, rng)
        particles, level, warmth = particles[chosen], level[chosen], warmth + rise
        n_moves = settings.n_last_moves if warmth >= 1.0 else settings.n_moves
        factor = np.linalg.cholesky(np.cov(particles.T) + 1e-10 * np.eye(n_dimensions))
        for _ in range(n_moves):
            jump = rng.standard_normal((n, n_dimensions)) @ factor.T
            particles, level, acceptance = _move(
                (particles, level, warmth), particles + scale * 2.38 / n_dimensions**0.5 * jump,
                log_likelihood, rng,
            )  # fmt: skip
            scale *= float(np.exp(acceptance - 0.25))
            n_evaluations += n
    n_distinct = len(np.unique(level))
    return Sample(particles, level, evidence, acceptance, n_distinct, n_evaluations, seed)


def _move(
    now: tuple[Floats, Floats, float],
    offered: Floats,
    log_likelihood: LogLikelihood,
    rng: np.random.Generator,
) -> tuple[Floats, Floats, float]:
    particles, level, warmth = now
    other = log_likelihood(offered)
    prior = 0.5 * (np.sum(particles**2, axis=1) - np.sum(offered**2, axis=1))
    with np.errstate(invalid="ignore"):
        gain = warmth * (other - level) + prior
    taken = np.log(rng.uniform(size=len(level))) < np.where(np.isfinite(other), gain, -np.inf)
    kept = np.where(taken[:, None], offered, particles)
    return kept, np.where(taken, other, level), float(taken.mean())


def _rise(level: Floats, most: float, share: float) -> float:
    """Largest rise in temperature that keeps this share of the population effective."""

    def effective(rise: float) -> float:
        weights = _weights(rise * level)
        return float(1.0 / np.sum(weights**2)) / len(level)

    if effective(most) >= share:
        return most
    low, high = 0.0, most
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (middle, high) if effective(middle) >= share else (low, middle)
    return max(low, 1e-12)


def _weights(log_weights: Floats) -> Floats:
    shifted = np.exp(np.nan_to_num(log_weights - np.max(log_weights), nan=-np.inf))
    return np.asarray(shifted / shifted.sum())


def _log_mean(log_values: Floats) -> float:
    top = float(np.max(log_values))
    return top + float(np.log(np.mean(np.exp(log_values - top))))


def _systematic(log_weights: Floats, rng: np.random.Generator) -> np.ndarray:
    """Systematic resampling."""
    n = len(log_weights)
    marks = (rng.uniform() + np.arange(n)) / n
    chosen = np.searchsorted(np.cumsum(_weights(log_weights)), marks)
    return np.minimum(chosen, n - 1)
