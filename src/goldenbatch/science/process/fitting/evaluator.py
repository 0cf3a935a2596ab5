"""Residuals of a problem and their exact derivatives, for every method of this package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.science.errors import DataError
from goldenbatch.science.process.fitting.shooting import Seeds, Shooter, start_gradient
from goldenbatch.science.process.fitting.unknowns import Unknown, outer
from goldenbatch.science.process.integrate import Settings, StepError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.fitting.problem import Batch, Problem

FIT_SETTINGS = Settings(rtol=1e-7, atol=1e-9)
"""Tighter than those of a run: derivatives and small differences of the objective count."""


@dataclass(frozen=True)
class Rows:
    """All measured values of a problem, batch after batch, output after output.

    Attributes:
        batch: Index of the batch. Shape `(n_data,)`, as the others.
        output: Index of the output in the model.
        time: When sampled, in the model's time unit.
        value: In the unit of the output.
        n_missing: Values that are nan and were left out.
    """

    batch: NDArray[np.int64]
    output: NDArray[np.int64]
    time: NDArray[np.float64]
    value: NDArray[np.float64]
    n_missing: int

    @classmethod
    def of(cls, problem: Problem) -> Rows:
        """Lay the data out.

        Raises:
            DataError: No value is left.
        """
        place = {one.name: k for k, one in enumerate(problem.loaded.outputs)}
        parts: list[tuple[NDArray[np.float64], ...]] = [(np.empty(0),) * 4]
        n_missing = 0
        for number, batch in enumerate(problem.batches):
            for name, one in batch.data.items():
                there = np.isfinite(one.values)
                n_missing += int((~there).sum())
                time, value = one.times[there], one.values[there]
                parts.append((np.full(time.size, number), np.full(time.size, place[name]),
                              time, value))  # fmt: skip
        batch_of, output, time, value = (np.concatenate(list(p)) for p in zip(*parts, strict=True))
        if not value.size:
            raise DataError("no batch has a measured value.", hint="Give data.")
        return cls(batch_of.astype(int), output.astype(int), time, value, n_missing)


class Evaluator:
    """Outputs and residuals of all batches for a vector of unknowns."""

    def __init__(self, problem: Problem, settings: Settings | None = None) -> None:
        """Resolve batches and unknowns.

        Raises:
            DataError: Data, recipes and starts do not fit the model.
        """
        self.problem, self.model = problem, problem.loaded
        self.settings = settings or FIT_SETTINGS
        self.unknowns: tuple[Unknown, ...] = problem.unknowns
        self.rows = Rows.of(problem)
        self._places = [
            np.array(
                [k for k, one in enumerate(self.unknowns) if one.batch in ("", batch.name)], int
            )
            for batch in problem.batches
        ]
        self.runs: list[tuple[Batch, Shooter, NDArray[np.int64], NDArray[np.int64]]] = []
        for number, batch in enumerate(problem.batches):
            mine = np.flatnonzero(self.rows.batch == number)
            times, back = np.unique(self.rows.time[mine], return_inverse=True)
            shooter = Shooter(self.model, batch.recipe, times, self.settings)
            self.runs.append((batch, shooter, mine, back))
        self._fixed = [problem.parameters_of(batch) for batch in problem.batches]
        self.prior_rows = [(k, *one.prior) for k, one in enumerate(self.unknowns) if one.prior]
        self.n_runs = 0

    @property
    def n_prior(self) -> int:
        """Number of rows that are priors, after those of the data."""
        return len(self.prior_rows)

    def start_of(
        self, number: int, inner: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Parameters and initial states of a batch. Shapes `(n_p,)` and `(n_x,)`.

        Raises:
            DataError: A state that follows from parameters lies outside its bounds.
        """
        p = self._fixed[number].copy()
        values = outer(self.unknowns, inner)
        for k in self._places[number]:
            if self.unknowns[k].kind == "parameter":
                p[self.unknowns[k].place] = values[k]
        x = self.model.x0(p, self.problem.batches[number].initial)
        for k in self._places[number]:
            if self.unknowns[k].kind == "initial":
                x[self.unknowns[k].place] = values[k]
        return p, x

    def seeds_of(self, number: int, inner: NDArray[np.float64], p: NDArray[np.float64]) -> Seeds:
        """Derivatives of parameters and initial states of a batch by its inner unknowns."""
        mine = self._places[number]
        by_p = np.zeros((self.model.n_p, mine.size))
        for column, k in enumerate(mine):
            one = self.unknowns[k]
            if one.kind == "parameter":
                by_p[one.place, column] = one.slope(one.outer(float(inner[k])))
        by_x = np.array(start_gradient(self.model)(p), dtype=float) @ by_p
        for name in self.problem.batches[number].initial:
            by_x[self.model.at("states", name)] = 0.0
        for column, k in enumerate(mine):
            one = self.unknowns[k]
            if one.kind == "initial":
                by_x[one.place] = 0.0
                by_x[one.place, column] = one.slope(one.outer(float(inner[k])))
        return Seeds(by_p, by_x)

    def outputs(self, inner: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predicted value of each row. Shape `(n_data,)`.

        Raises:
            StepError: The solver gave up on a batch.
        """
        found = np.empty(self.rows.value.size)
        for number, (_, shooter, mine, back) in enumerate(self.runs):
            if mine.size:
                y, _ = shooter.run(*self.start_of(number, inner))
                found[mine] = y[back, self.rows.output[mine]]
                self.n_runs += 1
        return found

    def gradient(
        self, inner: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Predicted values and derivatives. Shapes `(n_data,)`, `(n_data, n_unknowns)`.

        Raises:
            StepError: The solver gave up on a batch.
        """
        found = np.empty(self.rows.value.size)
        slopes = np.zeros((found.size, len(self.unknowns)))
        for number, (_, shooter, mine, back) in enumerate(self.runs):
            if mine.size:
                p, x = self.start_of(number, inner)
                y, dy = shooter.run(p, x, self.seeds_of(number, inner, p))
                found[mine] = y[back, self.rows.output[mine]]
                if dy is not None:
                    slopes[np.ix_(mine, self._places[number])] = dy[back, self.rows.output[mine]]
                self.n_runs += 1
        return found, slopes

    def residuals(self, inner: NDArray[np.float64], sd: NDArray[np.float64]) -> NDArray[np.float64]:
        """Standardised residuals, then those of the priors; nan where the solver gave up."""
        try:
            found = (self.outputs(inner) - self.rows.value) / sd
        except (StepError, DataError):
            found = np.full(sd.size, np.nan)
        return np.concatenate([found, self.prior_residuals(inner)])

    def prior_residuals(self, inner: NDArray[np.float64]) -> NDArray[np.float64]:
        """Standardised distances from the means of the priors. Shape `(n_prior,)`."""
        return np.array([(inner[k] - mean) / sd for k, mean, sd in self.prior_rows])

    def jacobian(self, inner: NDArray[np.float64], sd: NDArray[np.float64]) -> NDArray[np.float64]:
        """Derivatives of `residuals`. Shape `(n_data + n_prior, n_unknowns)`."""
        return self.jacobian_rows(self.gradient(inner)[1], sd)

    def jacobian_rows(
        self, slopes: NDArray[np.float64], sd: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Derivatives of the residuals from those of the outputs."""
        priors = np.zeros((self.n_prior, len(self.unknowns)))
        for row, (k, _, width) in enumerate(self.prior_rows):
            priors[row, k] = 1.0 / width
        return np.concatenate([slopes / sd[:, None], priors])
