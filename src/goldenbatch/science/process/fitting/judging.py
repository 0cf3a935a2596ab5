"""Judging information: what a candidate run would add to what the data hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process.fitting.evaluator import Evaluator
from goldenbatch.science.process.fitting.prediction import by_name
from goldenbatch.science.process.fitting.problem import Measured, Problem
from goldenbatch.science.process.integrate import StepError
from goldenbatch.science.process.simulation import simulate

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
        reason: Why it cannot be run at the estimates, such as an overflow; then `value` is
            infinite.
        is_extrapolated: Whether it leaves the calibrated range: what it would tell is then
            itself a guess.
    """

    candidate: str
    cost: float
    value: float
    worst: float
    volume: float
    before: dict[str, float] = field(repr=False)
    after: dict[str, float] = field(repr=False)
    n_failed: int = 0
    reason: str = ""
    is_extrapolated: bool = False

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


class Judge:
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
        self._own = np.array([_least(here, k) for k in own])
        self._reason, self._is_far = self._tried(here, batch)
        if self._reason:
            return [None] * len(self.points)
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
        return found

    def _tried(self, here: Evaluator, batch: Batch) -> tuple[str, bool]:
        """Why a run at the estimates does not come to its end, and whether it goes too far."""
        inner = np.array([one.inner(one.value) for one in here.unknowns])
        inner[: len(self.points[0])] = self.points[0]
        p, x = here.start_of(0, inner)
        model = here.model
        names = (model.columns("parameters"), model.columns("states"))
        given = [
            dict(zip(n, map(float, v), strict=True)) for n, v in zip(names, (p, x), strict=True)
        ]
        run = simulate(
            model, batch.recipe, parameters=by_name(model, "parameters", given[0], p),
            initial=by_name(model, "states", given[1], x),
        )  # fmt: skip
        return ("" if run.is_complete else run.reason), run.is_extrapolated

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
            self._reason, self._is_far,
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
