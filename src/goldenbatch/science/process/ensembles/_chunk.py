"""One chunk of an ensemble, as a worker runs it: arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from goldenbatch.science.errors import DataError
from goldenbatch.science.process.ensembles._fast import Engine, Group, Rows, run_group
from goldenbatch.science.process.ensembles._schedule import Schedule, schedule
from goldenbatch.science.process.ensembles.factors import changed
from goldenbatch.science.process.ensembles.runs import COMPLETE, FAILED, STOPPED
from goldenbatch.science.process.ensembles.study import Study
from goldenbatch.science.process.simulation import simulate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.model import Model
    from goldenbatch.science.process.recipe import Recipe


@dataclass(frozen=True)
class Chunk:
    """What a worker gets.

    Attributes:
        study: With the model's reference.
        engine: Resolved.
        parameters: Shape `(m, n_p)`.
        starts: Shape `(m, n_x)`.
        levels: Values of the factors that change the recipe. Shape `(m, n_factors)`.
        grid: Times of the kept columns. Shape `(n_times,)`.
    """

    study: Study
    engine: Literal["casadi", "kernel", "simulate"]
    parameters: NDArray[np.float64]
    starts: NDArray[np.float64]
    levels: NDArray[np.float64]
    grid: NDArray[np.float64]


@dataclass
class Outcome:
    """What a worker returns; columns as in `Ensemble`."""

    figures: NDArray[np.float64]
    columns: NDArray[np.float64]
    status: NDArray[np.int8]
    reasons: list[str]
    stops: list[str]
    is_retried: NDArray[np.bool_]
    is_extrapolated: NDArray[np.bool_]

    @classmethod
    def empty(cls, m: int, n_figures: int, n_columns: int, n_times: int) -> Outcome:
        """Nothing known yet."""
        flags = np.zeros(m, bool)
        return cls(
            np.full((m, n_figures), np.nan), np.full((m, n_columns, n_times), np.nan),
            np.full(m, COMPLETE, np.int8), [""] * m, [""] * m, flags, flags.copy(),
        )  # fmt: skip


def run_chunk(chunk: Chunk) -> Outcome:
    """Run all members of a chunk."""
    worker = _Worker(chunk)
    worker.run()
    return worker.out


class _Worker:
    """A chunk while it is run."""

    def __init__(self, chunk: Chunk) -> None:
        study = chunk.study
        self.chunk, self.study, self.model = chunk, study, study.load()
        figures, columns = study.all_figures, study.columns
        self.out = Outcome.empty(len(chunk.parameters), len(figures), len(columns), chunk.grid.size)
        self.recipes, self.of = _recipes(study, chunk.levels)

    def run(self) -> None:
        """Every member that can be run."""
        possible = self._possible()
        if self.chunk.engine == "simulate":
            for k in possible:
                self._one_by_one(int(k))
            return
        schedules = {
            int(number): schedule(self.model, self.recipes[number])
            for number in np.unique(self.of[possible])
        }
        shapes: dict[Any, list[int]] = {}
        for k in possible:
            shapes.setdefault(schedules[int(self.of[k])].shape, []).append(int(k))
        for members in shapes.values():
            self._run_shape(np.array(members), schedules)

    def _possible(self) -> NDArray[np.int64]:
        """Members inside the physical bounds; the others have failed, with their reason."""
        out = self.out
        for kind, block, what in (("parameters", self.chunk.parameters, "parameter"),
                                  ("states", self.chunk.starts, "initial state")):  # fmt: skip
            for one in getattr(self.model, kind):
                values = block[:, self.model.at(kind, one.name)]
                inside = ((values >= one.lower) & (values <= one.upper)).all(axis=1)
                for k in np.flatnonzero(~inside):
                    out.status[k] = FAILED
                    out.reasons[k] = out.reasons[k] or f"impossible {what} {one.name!r}"
        return np.flatnonzero(out.status != FAILED)

    def _run_shape(self, members: NDArray[np.int64], schedules: Mapping[int, Schedule]) -> None:
        """Members whose schedules have one shape, in one call."""
        numbers, own = np.unique(self.of[members], return_inverse=True)
        chosen = [schedules[int(number)] for number in numbers]
        p, x = self.chunk.parameters[members], self.chunk.starts[members]
        group = Group(chosen, own.reshape(-1), p, x)
        engine: Engine = "kernel" if self.chunk.engine == "kernel" else "casadi"
        rows = run_group(self.model, group, engine, self.study.settings)
        for k, one in enumerate(chosen):
            inside = np.flatnonzero(group.of == k)
            odd = np.array([int(row) in rows.failed for row in inside], bool)
            odd |= _stopping(self.model, one, rows, inside, p[inside])
            self._take(one, rows, inside[~odd], members[inside[~odd]])
            for row in members[inside[odd]]:
                self._one_by_one(int(row))
        for row in rows.failed:
            self.out.is_retried[members[row]] = True

    def _take(
        self, own: Schedule, rows: Rows, inside: NDArray[np.int64], members: NDArray[np.int64]
    ) -> None:
        """Figures and columns of members that share a schedule and came to its end."""
        out, p = self.out, self.chunk.parameters[members]
        values = _Columns(self.model, own, rows, inside, p)
        for j, figure in enumerate(self.study.all_figures):
            is_time = figure.kind == "end_time"
            column = np.zeros((len(members), 1)) if is_time else values[figure.column]
            out.figures[members, j] = figure.of(own.time, column)
        for j, name in enumerate(self.study.columns):
            out.columns[members, j] = _on_grid(self.chunk.grid, own.time, values[name])
        out.is_extrapolated[members] = _extrapolated(self.model, own, rows, inside, p)

    def _one_by_one(self, k: int) -> None:
        """A member by `simulate`, with its ladder of solvers, controllers, faults, events."""
        out, model = self.out, self.model
        try:
            run = simulate(
                model, self.recipes[self.of[k]], settings=self.study.settings,
                initial=_named(model, "states", self.chunk.starts[k]),
                parameters=_named(model, "parameters", self.chunk.parameters[k]),
            )  # fmt: skip
        except DataError as error:
            out.status[k], out.reasons[k] = FAILED, f"refused: {str(error).splitlines()[0]}"
            return
        out.is_extrapolated[k] = run.is_extrapolated
        if run.status == "failed":
            out.status[k], out.reasons[k] = FAILED, f"solver gave up: {run.reason.split(': ')[-1]}"
            return
        if run.status == "stopped":
            out.status[k], out.stops[k] = STOPPED, run.reason.split(" at ")[0]
            out.reasons[k] = f"ended by {out.stops[k]!r}"
        for j, figure in enumerate(self.study.all_figures):
            column = run.time if figure.kind == "end_time" else run[figure.column]
            out.figures[k, j] = figure.of(run.time, column[None, :])[0]
        for j, name in enumerate(self.study.columns):
            out.columns[k, j] = _on_grid(self.chunk.grid, run.time, run[name][None, :])[0]


def _recipes(study: Study, levels: NDArray[np.float64]) -> tuple[list[Recipe], NDArray[np.int64]]:
    """Recipes that differ, and which of them each member has."""
    chosen = [one for one in study.factors if one.changes_recipe]
    if not chosen or not levels.shape[1]:
        return [study.recipe], np.zeros(len(levels), np.int64)
    rows, of = np.unique(levels, axis=0, return_inverse=True)
    return [changed(study.recipe, chosen, row) for row in rows], of.reshape(-1).astype(np.int64)


class _Columns:
    """Columns of members that share a schedule, worked out when they are asked for."""

    def __init__(
        self, model: Model, own: Schedule, rows: Rows, members: Any, p: NDArray[np.float64]
    ) -> None:
        self._model, self._own, self._p = model, own, p
        self._x, self._z = rows.x[members], rows.z[members]
        self._outputs: NDArray[np.float64] | None = None

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        m, n = self._x.shape[:2]
        for kind, block in (("states", self._x), ("algebraics", self._z)):
            if name in self._model.columns(kind):
                return np.asarray(block[:, :, self._model.columns(kind).index(name)])
        if name in self._model.columns("inputs"):
            place = self._model.columns("inputs").index(name)
            return np.broadcast_to(self._own.inputs[:, place], (m, n))
        if self._outputs is None:
            self._outputs = evaluated(
                self._model.output_function, self._own, self._x, self._z, self._p
            )
        names = [one.name for one in self._model.outputs]
        return self._outputs[:, :, names.index(name)]


def evaluated(
    function: Any,
    own: Schedule,
    x: NDArray[np.float64],
    z: NDArray[np.float64],
    p: NDArray[np.float64],
) -> NDArray[np.float64]:
    """A function `(t, x, z, u, p)` at all borders of all members. Shape `(m, n, n_values)`."""
    m, n = x.shape[:2]
    n_values = function.size1_out(0)
    if m * n * n_values == 0:
        return np.empty((m, n, n_values))
    flat = function(
        np.tile(own.time[:n], m)[None, :], x.reshape(m * n, -1).T, z.reshape(m * n, -1).T,
        np.tile(own.inputs[:n], (m, 1)).T, np.repeat(p, n, axis=0).T,
    )  # fmt: skip
    values: NDArray[np.float64] = np.array(flat, dtype=float).T.reshape(m, n, n_values)
    return values


def _stopping(
    model: Model, own: Schedule, rows: Rows, inside: NDArray[np.int64], p: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Members in which an event that ends a run is seen; where it begins, `simulate` finds."""
    stops = [k for k, one in enumerate(model.watches) if one.stops]
    if not stops:
        return np.zeros(len(inside), bool)
    x, z = rows.x[inside], rows.z[inside]
    at_borders = evaluated(model.watch_function, own, x, z, p)[:, :, stops]
    n_u, lengths = model.n_u, own.drive[:, -1:]
    later = own.drive[:, :n_u] + own.drive[:, n_u : 2 * n_u] * lengths
    ends = Schedule(own.time[1:], later, own.drive, ())
    at_ends = evaluated(model.watch_function, ends, rows.ends[inside], z[:, 1:], p)[:, :, stops]
    return np.asarray((at_borders > 0.0).any(axis=(1, 2)) | (at_ends > 0.0).any(axis=(1, 2)), bool)


def _extrapolated(
    model: Model, own: Schedule, rows: Rows, inside: NDArray[np.int64], p: NDArray[np.float64]
) -> NDArray[np.bool_]:
    x, z = rows.x[inside], rows.z[inside]
    outside = np.zeros(len(x), bool)
    inputs = np.broadcast_to(own.inputs, (len(x), *own.inputs.shape))
    for kind, block in (("states", x), ("algebraics", z), ("inputs", inputs),
                        ("parameters", p[:, None, :])):  # fmt: skip
        place = 0
        for one in getattr(model, kind):
            if one.valid is not None:
                values, slack = block[:, :, place : place + one.size], 1e-6 * one.scale
                low, high = one.valid[0] - slack, one.valid[1] + slack
                beyond: NDArray[np.bool_] = (values < low) | (values > high)
                outside[beyond.any(axis=(1, 2))] = True
            place += one.size
    return outside


def _on_grid(
    grid: NDArray[np.float64], time: NDArray[np.float64], rows: NDArray[np.float64]
) -> NDArray[np.float64]:
    if grid.shape == time.shape and np.array_equal(grid, time):
        return rows
    return np.array([np.interp(grid, time, row, left=np.nan, right=np.nan) for row in rows])


def _named(model: Model, kind: str, row: NDArray[np.float64]) -> dict[str, Any]:
    return {one.name: row[model.at(kind, one.name)].tolist() for one in getattr(model, kind)}
