"""The next experiment: which run would tell most about what the data do not yet hold.

The Fisher information that a candidate run would bring is added to that of the data at hand; the
covariance that remains is judged by its volume (D), mean (A) or longest axis (E). Bounds count as
the widest of priors, so that an unidentified direction has a finite length that can shrink.

References:
    Franceschini & Macchietto 2008, doi:10.1016/j.ces.2007.11.034; Atkinson, Donev & Tobias 2007,
    Optimum experimental designs, with SAS; Pronzato & Walter 1985,
    doi:10.1016/0025-5564(85)90068-9 (criteria averaged over what is not known).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process.fitting.judging import Aim, Candidate, Gain, Judge
from goldenbatch.science.process.fitting.problem import Measured, Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.fitting.problem import Batch
    from goldenbatch.science.process.fitting.result import Fit


def rank_experiments(
    problem: Problem, found: Fit, candidates: Sequence[Candidate], aim: Aim | None = None
) -> tuple[Gain, ...]:
    """Candidates by what they are expected to bring, the best first.

    Raises:
        DesignError: There is no candidate, or a parameter of interest was not fitted.
        DataError: No candidate can be run.

    >>> from goldenbatch.science.process import ModelBuilder, Noise, Recipe
    >>> from goldenbatch.science.process.fitting import Batch, Measured, Problem, fit
    >>> m = ModelBuilder("fall", version="1", title="First order", time_unit="h")
    >>> c = m.state("c", "g/L", initial=1.0, lower=0.0)
    >>> m.derivative(c, -m.parameter("k", "1/h", value=0.5, lower=0.1, upper=2.0) * c)
    >>> m.output("y", c, "g/L", noise=Noise(0.01))
    >>> t = np.array([1.0, 4.0])
    >>> batch = Batch("a", Recipe(4.0, 4.0), {"y": Measured(t, np.exp(-0.4 * t))})
    >>> problem = Problem(m.build(), (batch,), fitted=("k",))
    >>> longer = Batch("longer", Recipe(9.0, 9.0))
    >>> runs = [Candidate.sampled(longer, {"y": [time]}) for time in (0.5, 2.5, 9.0)]
    >>> [round(gain.volume, 2) for gain in rank_experiments(problem, fit(problem), runs)]
    [0.75, 0.93, 0.97]
    """
    if not candidates:
        raise DesignError("there is no candidate.", hint="Give at least one.")
    judge = Judge(problem, found, aim or Aim())
    gains = [judge.gain(one) for one in candidates]
    if all(np.isinf(gain.value) for gain in gains):
        raise DataError(
            f"no candidate can be run: {gains[0].reason}",
            hint="Check recipes and initial states.",
        )
    return tuple(sorted(gains, key=lambda gain: gain.value))


def choose_times(
    problem: Problem,
    found: Fit,
    candidate: Candidate,
    n_samples: int,
    aim: Aim | None = None,
) -> tuple[Candidate, Gain]:
    """The best few of a candidate's samples, by exchange from a greedy start.

    Args:
        problem: That was fitted.
        found: The fit.
        candidate: With all times that are possible; each is one sample of one output.
        n_samples: How many to take.
        aim: What for.

    Raises:
        DesignError: More samples are asked for than there are.

    >>> from goldenbatch.science.process import ModelBuilder, Noise, Recipe
    >>> from goldenbatch.science.process.fitting import Batch, Measured, Problem, fit
    >>> m = ModelBuilder("fall", version="1", title="First order", time_unit="h")
    >>> c = m.state("c", "g/L", initial=1.0, lower=0.0)
    >>> m.derivative(c, -m.parameter("k", "1/h", value=0.5, lower=0.1, upper=2.0) * c)
    >>> m.output("y", c, "g/L", noise=Noise(0.01))
    >>> t = np.array([1.0, 4.0])
    >>> batch = Batch("a", Recipe(4.0, 4.0), {"y": Measured(t, np.exp(-0.4 * t))})
    >>> problem = Problem(m.build(), (batch,), fitted=("k",))
    >>> run = Candidate.sampled(Batch("b", Recipe(9.0, 9.0)), {"y": [0.5, 2.5, 5.0, 9.0]})
    >>> kept, gain = choose_times(problem, fit(problem), run, 2)
    >>> kept.batch.data["y"].times.tolist()
    [2.5, 5.0]
    """
    judge = Judge(problem, found, aim or Aim())
    blocks = [rows for rows in judge.rows_of(candidate) if rows is not None]
    if not blocks:
        raise DataError("the candidate cannot be run.", hint="Check its recipe.")
    n_rows = blocks[0].shape[0]
    if not 1 <= n_samples <= n_rows:
        raise DesignError(
            f"{n_samples} samples of {n_rows} possible ones.", hint="Give more times, or ask less."
        )
    chosen: list[int] = []
    while len(chosen) < n_samples:
        chosen.append(judge.best_row(blocks, chosen, range(n_rows)))
    for _ in range(20):
        before = list(chosen)
        for k in range(n_samples):
            others = chosen[:k] + chosen[k + 1 :]
            chosen[k] = judge.best_row(blocks, others, range(n_rows))
        if chosen == before:
            break
    kept = replace(candidate, batch=_only(candidate.batch, sorted(chosen)))
    return kept, judge.gain(kept)


def optimise_experiment(
    problem: Problem,
    found: Fit,
    build: Callable[[NDArray[np.float64]], Candidate],
    bounds: Sequence[tuple[float, float]],
    aim: Aim | None = None,
    *,
    seed: int = 0,
    n_starts: int = 12,
) -> tuple[NDArray[np.float64], Gain]:
    """The best values of continuous factors: feed rates, temperatures, times of samples.

    A Latin hypercube, then a simplex search from its best point.

    Args:
        problem: That was fitted.
        found: The fit.
        build: From factors, shape `(n_factors,)`, to the run that they make.
        bounds: Of each factor.
        aim: What for.
        seed: Of the hypercube.
        n_starts: Its points.

    Raises:
        DataError: No point can be run.

    >>> from goldenbatch.science.process import ModelBuilder, Noise, Recipe
    >>> from goldenbatch.science.process.fitting import Batch, Measured, Problem, fit
    >>> m = ModelBuilder("fall", version="1", title="First order", time_unit="h")
    >>> c = m.state("c", "g/L", initial=1.0, lower=0.0)
    >>> m.derivative(c, -m.parameter("k", "1/h", value=0.5, lower=0.1, upper=2.0) * c)
    >>> m.output("y", c, "g/L", noise=Noise(0.01))
    >>> t = np.array([1.0, 4.0])
    >>> batch = Batch("a", Recipe(4.0, 4.0), {"y": Measured(t, np.exp(-0.4 * t))})
    >>> problem = Problem(m.build(), (batch,), fitted=("k",))
    >>> def build(factors):
    ...     return Candidate.sampled(Batch("b", Recipe(9.0, 9.0)), {"y": [factors[0]]})
    >>> best, gain = optimise_experiment(problem, fit(problem), build, [(0.5, 9.0)])
    >>> round(float(best[0]), 1)
    2.5
    """
    from scipy.optimize import minimize

    judge = Judge(problem, found, aim or Aim())
    low, high = np.array(bounds, float).T
    random = np.random.default_rng(seed)

    def value(unit: NDArray[np.float64]) -> float:
        if ((unit < 0.0) | (unit > 1.0)).any():
            return float("inf")
        try:
            return judge.gain(build(low + unit * (high - low))).value
        except (DataError, DesignError):
            return float("inf")

    strata = random.permuted(np.tile(np.arange(n_starts), (low.size, 1)), axis=1).T
    cube = (strata + random.random(strata.shape)) / n_starts
    best = min(cube, key=value)
    if np.isinf(value(best)):
        raise DataError("no point of the factors can be run.", hint="Check bounds and `build`.")
    simplex = np.vstack([best, *(_corner(best, k) for k in range(low.size))])
    options = {"initial_simplex": simplex, "xatol": 1e-4, "fatol": 1e-6, "maxfev": 60 * low.size}
    ended = minimize(value, best, method="Nelder-Mead", bounds=[(0.0, 1.0)] * low.size,
                     options=options)  # fmt: skip
    factors: NDArray[np.float64] = low + np.clip(ended.x, 0.0, 1.0) * (high - low)
    return factors, judge.gain(build(factors))


def _corner(best: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    corner = best.copy()
    corner[k] += 0.15 if corner[k] < 0.5 else -0.15
    return corner


def _only(batch: Batch, rows: Sequence[int]) -> Batch:
    """A batch with those of its samples, counted as `Rows` lays them out."""
    data, start = {}, 0
    for name, one in batch.data.items():
        mine = [row - start for row in rows if start <= row < start + one.times.size]
        start += one.times.size
        if mine:
            data[name] = Measured(one.times[mine], one.values[mine])
    return replace(batch, data=data)
