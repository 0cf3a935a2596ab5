"""Draws from the posterior itself, where a normal approximation is not enough.

References:
    Haario, Saksman & Tamminen 2001, doi:10.2307/3318737 (adaptive Metropolis); Vehtari et al.
    2021, doi:10.1214/20-BA1221 (split R-hat, effective sample size).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.science.errors import DesignError
from goldenbatch.science.process.fitting.evaluator import FIT_SETTINGS, Evaluator
from goldenbatch.science.process.fitting.laplace import truncated_draws
from goldenbatch.science.process.fitting.search import objective
from goldenbatch.science.process.posterior import Posterior

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.fitting.problem import Problem
    from goldenbatch.science.process.fitting.result import Fit
    from goldenbatch.science.process.integrate import Settings


@dataclass(frozen=True)
class Chains:
    """How to sample.

    Attributes:
        n_chains: Started at draws of the normal approximation.
        n_steps: Kept of each chain.
        n_warm: Steps before, in which the proposal adapts.
        seed: Of the generator.
        inflation: Factor of the variances, such as `Fit.reduced_chi2`.
        solver: Of the runs.
    """

    n_chains: int = 4
    n_steps: int = 1000
    n_warm: int = 500
    seed: int = 0
    inflation: float = 1.0
    solver: Settings = FIT_SETTINGS

    def __post_init__(self) -> None:
        """Refuse what gives no diagnosis."""
        if self.n_chains < 2 or self.n_steps < 20 or self.n_warm < 20:
            raise DesignError(
                f"{self.n_chains} chains of {self.n_warm} + {self.n_steps} steps.",
                hint="Give at least two chains, and 20 steps before and after warming up.",
            )


@dataclass(frozen=True)
class Sampled:
    """Draws and whether they can be trusted.

    Attributes:
        posterior: Of all unknowns that are shared, and of one batch where it was named.
        inner: On the inner scale. Shape `(n_chains, n_steps, n_unknowns)`.
        r_hat: Split R-hat by label: above 1.05 the chains have not met.
        effective: Effective number of draws by label.
        acceptance: Share of accepted steps.
    """

    posterior: Posterior
    inner: NDArray[np.float64] = field(repr=False)
    r_hat: dict[str, float]
    effective: dict[str, float]
    acceptance: float

    @property
    def has_converged(self) -> bool:
        """Whether every R-hat is at most 1.05."""
        return max(self.r_hat.values()) <= 1.05


def sample(
    problem: Problem, found: Fit, chains: Chains | None = None, *, batch: str = ""
) -> Sampled:
    """Draws by adaptive Metropolis, for problems of few unknowns and fast runs.

    Unknowns without a prior are uniform on the inner scale: in the logarithm for those that are
    searched by it.

    Args:
        problem: That was fitted.
        found: The fit: its errors of measurement stay as they are.
        chains: How to sample.
        batch: Whose parameters and initial states are wanted besides the shared.
    """
    chains = chains or Chains()
    here = Evaluator(problem, chains.solver)
    low, high = (np.array(side) for side in zip(*(u.box for u in here.unknowns), strict=True))
    begin = truncated_draws(
        found.inner, found.curvature / chains.inflation, found.gradient / chains.inflation,
        (low, high), max(200, chains.n_chains), seed=chains.seed,
    )  # fmt: skip
    walker = _Walker(here, found, chains, (low, high), _covariance(begin))
    runs = [walker.run(begin[k], number) for number, k in enumerate(range(chains.n_chains))]
    inner = np.array([kept for kept, _ in runs])
    labels = [one.label for one in here.unknowns]
    method = f"adaptive Metropolis, {chains.n_chains} chains, seed {chains.seed}"
    return Sampled(
        found.as_posterior(inner.reshape(-1, low.size), method, batch), inner,
        {label: split_r_hat(inner[:, :, k]) for k, label in enumerate(labels)},
        {label: effective_size(inner[:, :, k]) for k, label in enumerate(labels)},
        float(np.mean([accepted for _, accepted in runs])),
    )  # fmt: skip


def _covariance(draws: NDArray[np.float64]) -> NDArray[np.float64]:
    found = np.atleast_2d(np.cov(draws, rowvar=False))
    return found + 1e-12 * np.eye(len(found))


@dataclass
class _Walker:
    here: Evaluator
    found: Fit
    chains: Chains
    box: tuple[NDArray[np.float64], NDArray[np.float64]]
    covariance: NDArray[np.float64]

    def run(self, begin: NDArray[np.float64], number: int) -> tuple[NDArray[np.float64], float]:
        """One chain: what is kept, and the share of accepted steps."""
        random = np.random.default_rng([self.chains.seed, number])
        x, energy = begin, self._energy(begin)
        if not np.isfinite(energy):
            x, energy = self.found.inner, self._energy(self.found.inner)
        n_all = self.chains.n_warm + self.chains.n_steps
        path = np.empty((n_all, x.size))
        scale, n_accepted = 2.38 / np.sqrt(x.size), 0
        root = np.linalg.cholesky(self.covariance)
        for step in range(n_all):
            proposed = x + scale * root @ random.standard_normal(x.size)
            other = self._energy(proposed)
            chance = float(np.exp(min(0.0, energy - other)))
            if random.random() < chance:
                x, energy = proposed, other
                n_accepted += step >= self.chains.n_warm
            path[step] = x
            if step < self.chains.n_warm:
                # Robbins-Monro towards the best rate of acceptance; frozen afterwards.
                scale *= float(np.exp((chance - 0.3) / np.sqrt(step + 1.0)))
                if step in (self.chains.n_warm // 2, 3 * self.chains.n_warm // 4):
                    root = np.linalg.cholesky(_covariance(path[step // 3 : step + 1]))
        return path[self.chains.n_warm :], n_accepted / self.chains.n_steps

    def _energy(self, inner: NDArray[np.float64]) -> float:
        """Minus the log-posterior up to a constant."""
        low, high = self.box
        if (inner < low).any() or (inner > high).any():
            return float("inf")
        return 0.5 * objective(self.here, inner, self.found.sd) / self.chains.inflation


def split_r_hat(chains: NDArray[np.float64]) -> float:
    """Spread between half-chains against that within; 1 where they agree.

    Args:
        chains: Shape `(n_chains, n_steps)`.

    >>> rng = np.random.default_rng(1)
    >>> split_r_hat(rng.standard_normal((4, 500))) < 1.02
    True
    >>> split_r_hat(np.arange(1000.0).reshape(4, 250)) > 2.0
    True
    """
    half = chains.shape[1] // 2
    parts = np.concatenate([chains[:, :half], chains[:, half : 2 * half]])
    within = float(parts.var(axis=1, ddof=1).mean())
    between = half * float(parts.mean(axis=1).var(ddof=1))
    if within <= 0.0:
        return 1.0 if between <= 0.0 else float("inf")
    return float(np.sqrt(((half - 1) / half * within + between / half) / within))


def effective_size(chains: NDArray[np.float64]) -> float:
    """Independent draws that the chains are worth, by Geyer's initial positive sequence.

    Args:
        chains: Shape `(n_chains, n_steps)`.

    >>> rng = np.random.default_rng(1)
    >>> 1500 < effective_size(rng.standard_normal((4, 500))) <= 2000
    True
    """
    n_chains, n = chains.shape
    centred = chains - chains.mean(axis=1, keepdims=True)
    size = 2 ** int(np.ceil(np.log2(2 * n)))
    power = np.abs(np.fft.rfft(centred, size)) ** 2
    covariance = np.fft.irfft(power, size)[:, :n].mean(axis=0) / n
    if covariance[0] <= 0.0:
        return float(n_chains * n)
    rho = covariance / covariance[0]
    pairs = rho[1 : n - 1 : 2] + rho[2:n:2]
    below = np.flatnonzero(pairs < 0.0)
    kept = pairs[: below[0]] if below.size else pairs
    return float(n_chains * n / max(1.0, 1.0 + 2.0 * kept.sum()))
