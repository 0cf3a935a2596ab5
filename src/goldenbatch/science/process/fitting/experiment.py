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

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process.fitting.evaluator import Evaluator
from goldenbatch.science.process.fitting.problem import Measured, Problem
from goldenbatch.science.process.integrate import StepError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.fitting.problem import Batch
    from goldenbatch.science.process.fitting.result import Fit
    from goldenbatch.science.process.posterior import Posterior

Criterion = Literal["D", "A", "E"]


@dataclass(frozen=True)
class Candidate:
    """A run that could be made.

    Attributes:
        batch: Its recipe and initial states, and for each output the times of its samples;
            values are not looked at. What is unknown of its start counts as unknown.
        cost: In any unit, for the reader.
    """

    batch: Batch
    cost: float = 1.0

    @classmethod
    def sampled(
        cls, batch: Batch, times: Mapping[str, Sequence[float]], cost: float = 1.0
    ) -> Candidate:
        """A batch with samples at times, by output."""
        data = {n: Measured(np.asarray(t, float), np.ones(len(t))) for n, t in times.items()}
        return cls(replace(batch, data=data), cost)


@dataclass(frozen=True)
class Gain:
    """What a candidate is expected to bring.

    Attributes:
        candidate: Name of its batch.
        cost: As given.
        value: Logarithm of the ratio of the criterion after to before, averaged over the points:
            the lower the better; D: of the volume, A: of the mean, E: of the longest axis.
        worst: The highest of them.
        volume: Volume of the confidence region of the parameters of interest after, over
            before, at the estimates.
        before: Standard error of each parameter of interest now, on the inner scale of the
            search (relative for those searched by their logarithm).
        after: And as expected with the candidate.
        n_failed: Points at which the candidate could not be run.
    """

    candidate: str
    cost: float
    value: float
    worst: float
    volume: float
    before: dict[str, float] = field(repr=False)
    after: dict[str, float] = field(repr=False)
    n_failed: int = 0

    @property
    def ratios(self) -> dict[str, float]:
        """Standard error after over before."""
        return {label: self.after[label] / self.before[label] for label in self.before}


@dataclass(frozen=True)
class Aim:
    """What an experiment is chosen for.

    Attributes:
        criterion: D, A or E.
        of: Labels of the parameters of interest; empty: all shared ones.
        posterior: Draws to average over; None: the estimates only.
        n_points: How many of them, evenly taken.
    """

    criterion: Criterion = "D"
    of: tuple[str, ...] = ()
    posterior: Posterior | None = None
    n_points: int = 8


def rank_experiments(
    problem: Problem, found: Fit, candidates: Sequence[Candidate], aim: Aim | None = None
) -> tuple[Gain, ...]:
    """Candidates by what they are expected to bring, the best first.

    Raises:
        DesignError: There is no candidate, or a parameter of interest was not fitted.
        DataError: No candidate can be run.
    """
    if not candidates:
        raise DesignError("there is no candidate.", hint="Give at least one.")
    judge = _Judge(problem, found, aim or Aim())
    gains = [judge.gain(one) for one in candidates]
    if all(np.isinf(gain.value) for gain in gains):
        raise DataError("no candidate can be run.", hint="Check recipes and initial states.")
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
    """
    judge = _Judge(problem, found, aim or Aim())
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
    """
    from scipy.optimize import minimize

    judge = _Judge(problem, found, aim or Aim())
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


class _Judge:
    """Criterion of information, over the points of an aim."""

    def __init__(self, problem: Problem, found: Fit, aim: Aim) -> None:
        self.problem, self.found, self.aim = problem, found, aim
        labels = [one.label for one in found.unknowns]
        self.shared = [k for k, one in enumerate(found.unknowns) if not one.batch]
        of = aim.of or tuple(labels[k] for k in self.shared)
        strangers = [label for label in of if label not in labels]
        if strangers or not of:
            raise DesignError(
                f"{strangers[0]!r} was not fitted." if strangers else "nothing is shared.",
                hint=f"Fitted were: {', '.join(labels)}.",
            )
        self.labels = of
        self.of = [labels.index(label) for label in of]
        width = np.array([one.box[1] - one.box[0] for one in found.unknowns])
        # A uniform distribution over the bounds has variance width^2 / 12.
        self.now = found.curvature + np.diag(12.0 / width**2)
        self.points = self._points()

    def _points(self) -> list[NDArray[np.float64]]:
        """Inner values of the shared unknowns: the estimates, then draws."""
        base = self.found.inner[self.shared]
        posterior = self.aim.posterior
        if posterior is None:
            return [base]
        names = [self.found.unknowns[k].name for k in self.shared]
        missing = set(names) - set(posterior.names)
        if missing:
            raise DataError(f"the posterior has no {sorted(missing)[0]!r}.", hint="Fit it too.")
        n = min(self.aim.n_points, len(posterior.draws))
        rows = np.linspace(0, len(posterior.draws) - 1, n).round().astype(int)
        columns = [posterior.names.index(name) for name in names]
        return [base] + [
            np.array([
                self.found.unknowns[k].inner(float(value))
                for k, value in zip(self.shared, posterior.draws[row, columns], strict=True)
            ])
            for row in rows
        ]  # fmt: skip

    def rows_of(self, candidate: Candidate) -> list[NDArray[np.float64] | None]:
        """Standardised sensitivities at each point: the fit's unknowns, then its own."""
        batch = candidate.batch
        blind = {n: replace(one, values=np.ones_like(one.times)) for n, one in batch.data.items()}
        alone = replace(self.problem, batches=(replace(batch, data=blind),))
        here = Evaluator(alone)
        own = [k for k, one in enumerate(here.unknowns) if one.batch]
        n_before = len(self.found.unknowns)
        found: list[NDArray[np.float64] | None] = []
        for point in self.points:
            inner = np.array([one.inner(one.value) for one in here.unknowns])
            inner[: len(point)] = point
            try:
                y, slopes = here.gradient(inner)
            except (StepError, DataError):
                found.append(None)
                continue
            rows = np.zeros((y.size, n_before + len(own)))
            rows[:, self.shared] = slopes[:, : len(point)]
            rows[:, n_before:] = slopes[:, own]
            found.append(rows / self._errors(here, y)[:, None])
        self._own = np.array([_least(here, k) for k in own])
        return found

    def _errors(self, here: Evaluator, y: NDArray[np.float64]) -> NDArray[np.float64]:
        sd = np.empty(y.size)
        noises = {**{o.name: o.noise for o in here.model.outputs}, **self.found.noises}
        for place, output in enumerate(here.model.outputs):
            mine = here.rows.output == place
            noise = noises[output.name]
            if mine.any() and noise is None:
                raise DesignError(
                    f"{output.name!r} has no noise: what it would tell cannot be weighed.",
                    hint="Declare its noise, or fit data of it first.",
                )
            if noise is not None:
                sd[mine] = np.sqrt(noise.sd**2 + (noise.relative * y[mine]) ** 2)
        return np.maximum(sd, 1e-3 * float(sd.max()))

    def gain(self, candidate: Candidate) -> Gain:
        """What a candidate brings."""
        before = self._covariance(self.now)
        changes, after = [], before
        for number, rows in enumerate(self.rows_of(candidate)):
            if rows is None:
                continue
            left = self._covariance(self._with(rows))
            changes.append(self._judged(left) - self._judged(before))
            after = left if number == 0 else after
        n_failed = len(self.points) - len(changes)
        names = self.labels
        volume = 0.5 * (np.linalg.slogdet(after)[1] - np.linalg.slogdet(before)[1])
        return Gain(
            candidate.batch.name, candidate.cost,
            float(np.mean(changes)) if changes else float("inf"),
            float(np.max(changes)) if changes else float("inf"), float(np.exp(volume)),
            dict(zip(names, map(float, np.sqrt(np.diag(before))), strict=True)),
            dict(zip(names, map(float, np.sqrt(np.diag(after))), strict=True)), n_failed,
        )  # fmt: skip

    def best_row(
        self, blocks: list[NDArray[np.float64]], chosen: Sequence[int], pool: Sequence[int]
    ) -> int:
        """The sample that adds most to those chosen, none twice."""
        left = [row for row in pool if row not in set(chosen)]
        return min(left, key=lambda row: self._of_rows(blocks, [*chosen, row]))

    def _of_rows(self, blocks: list[NDArray[np.float64]], chosen: Sequence[int]) -> float:
        judged = [self._judged(self._covariance(self._with(rows[chosen]))) for rows in blocks]
        return float(np.mean(judged))

    def _with(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        n = len(self.now)
        whole = rows.T @ rows
        whole[:n, :n] += self.now
        whole[range(n, len(whole)), range(n, len(whole))] += self._own
        return whole

    def _covariance(self, information: NDArray[np.float64]) -> NDArray[np.float64]:
        scale = np.sqrt(np.diag(information))
        inverse = np.linalg.inv(information / np.outer(scale, scale)) / np.outer(scale, scale)
        found: NDArray[np.float64] = inverse[np.ix_(self.of, self.of)]
        return found

    def _judged(self, covariance: NDArray[np.float64]) -> float:
        """Logarithm of volume, root mean variance or longest axis."""
        if self.aim.criterion == "D":
            return 0.5 * float(np.linalg.slogdet(covariance)[1])
        if self.aim.criterion == "A":
            return 0.5 * float(np.log(np.trace(covariance) / len(covariance)))
        return 0.5 * float(np.log(np.linalg.eigvalsh(covariance)[-1]))


def _least(here: Evaluator, k: int) -> float:
    """Information on an unknown of the candidate alone: its prior, or its bounds."""
    one = here.unknowns[k]
    if one.prior is not None:
        return 1.0 / one.prior[1] ** 2
    return 12.0 / (one.box[1] - one.box[0]) ** 2
