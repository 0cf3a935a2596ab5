"""Draws of the posterior of a fit, by the cheapest way that holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.science.process.fitting.evaluator import Evaluator
from goldenbatch.science.process.fitting.importance import adaptive_importance, effective
from goldenbatch.science.process.fitting.laplace import truncated_draws
from goldenbatch.science.process.fitting.sampler import Chains, sample
from goldenbatch.science.process.fitting.search import objective

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.fitting.problem import Problem
    from goldenbatch.science.process.fitting.result import Fit
    from goldenbatch.science.process.posterior import Posterior

ENOUGH = 150
"""Effective draws with which importance sampling is trusted."""


def draw(
    problem: Problem,
    found: Fit,
    n_draws: int,
    *,
    batch: str = "",
    chains: Chains | None = None,
    least: float = 0.7,
    most_unknowns: int = 12,
) -> Posterior:
    """Draws that can be trusted, by the cheapest way that holds.

    The normal approximation is held against the true posterior by importance weights. Where
    they leave at least the share `least` of the draws effective, the draws are taken again by
    weight. Else, on a curved ridge such as every practically unidentified pair makes, normal
    draws leave the ridge and predictions come out far too wide: importance sampling that adapts
    is tried, and chains are run where that leaves too few effective draws.

    Args:
        problem: That was fitted.
        found: The fit.
        n_draws: How many.
        batch: Whose parameters and initial states are wanted besides the shared.
        chains: Where they are needed; its seed and inflation hold for all ways.
        least: Share of effective draws.
        most_unknowns: With more, only the normal way is gone: its draws are returned as they
            are, and the method says how many of them are effective.

    >>> from goldenbatch.science.process import ModelBuilder, Noise, Recipe
    >>> from goldenbatch.science.process.fitting import Batch, Measured, Problem, fit
    >>> m = ModelBuilder("fall", version="1", title="First order", time_unit="h")
    >>> c = m.state("c", "g/L", initial=1.0, lower=0.0)
    >>> m.derivative(c, -m.parameter("k", "1/h", value=0.5, lower=0.1, upper=2.0) * c)
    >>> m.output("y", c, "g/L", noise=Noise(0.01))
    >>> t = np.array([1.0, 4.0])
    >>> batch = Batch("a", Recipe(4.0, 4.0), {"y": Measured(t, np.exp(-0.4 * t))})
    >>> problem = Problem(m.build(), (batch,), fitted=("k",))
    >>> draw(problem, fit(problem), 200).method
    'laplace, 100% effective, seed 0'
    """
    chains = chains or Chains()
    target = _Target(Evaluator(problem, chains.solver), found, chains.inflation)
    inner, weights = target.normal(n_draws, chains.seed)
    share = effective(weights) / n_draws
    if share >= least:
        method = f"laplace, {share:.0%} effective, seed {chains.seed}"
        taken = _taken(inner, weights, n_draws, chains.seed)
        return found.as_posterior(taken, method, batch)
    if inner.shape[1] > most_unknowns:
        method = f"laplace, only {share:.0%} effective, seed {chains.seed}"
        return found.as_posterior(inner, method, batch)
    points, weights = adaptive_importance(target.energy, inner, seed=chains.seed)
    if effective(weights) >= ENOUGH:
        method = f"adaptive importance, {effective(weights):.0f} effective, seed {chains.seed}"
        taken = _taken(points, weights, n_draws, chains.seed)
        return found.as_posterior(taken, method, batch)
    sampled = sample(problem, found, chains, batch=batch)
    rows = sampled.inner.reshape(-1, inner.shape[1])
    every = np.linspace(0, len(rows) - 1, n_draws).round().astype(int)
    method = sampled.posterior.method
    if not sampled.has_converged:
        method += f", chains have not met (R-hat {max(sampled.r_hat.values()):.2f})"
    return found.as_posterior(rows[every], method, batch)


def _taken(
    points: NDArray[np.float64], weights: NDArray[np.float64], n_draws: int, seed: int
) -> NDArray[np.float64]:
    """Points by their weights, spread as evenly as can be (systematic resampling)."""
    random = np.random.default_rng(seed)
    ladder = (np.arange(n_draws) + random.random()) / n_draws
    chosen = np.searchsorted(np.cumsum(weights) / weights.sum(), ladder)
    taken: NDArray[np.float64] = points[np.minimum(chosen, len(points) - 1)]
    return taken[random.permutation(n_draws)]


class _Target:
    """The posterior on the inner scale, and its normal approximation."""

    def __init__(self, here: Evaluator, found: Fit, inflation: float) -> None:
        self._here, self._found, self._inflation = here, found, inflation
        boxes = np.array([one.box for one in here.unknowns])
        self._low, self._high = boxes[:, 0], boxes[:, 1]

    def energy(self, inner: NDArray[np.float64]) -> float:
        """Minus the logarithm of the density, from the estimates on; infinite outside the box."""
        if (inner < self._low).any() or (inner > self._high).any():
            return float("inf")
        rise = objective(self._here, inner, self._found.sd) - self._found.objective
        return 0.5 * rise / self._inflation

    def normal(self, n_draws: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Normal draws inside the box, and their importance weights."""
        found = self._found
        curvature, pull = found.curvature / self._inflation, found.gradient / self._inflation
        box = (self._low, self._high)
        inner = truncated_draws(found.inner, curvature, pull, box, n_draws, seed=seed)
        away = inner - found.inner
        normal = away @ pull + 0.5 * np.einsum("ij,jk,ik->i", away, curvature, away)
        true = np.array([self.energy(row) for row in inner])
        return inner, np.exp(np.clip(normal - true, -700.0, 50.0))
