"""Many members of one shape of schedule: states at all borders, by CasADi or by the kernel."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from goldenbatch.science.process.ensembles.kernel import REASONS, kernel_of
from goldenbatch.science.process.integrate import StepError, Stepper, integrator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.ensembles._schedule import Schedule
    from goldenbatch.science.process.integrate import Settings
    from goldenbatch.science.process.model import Model

Engine = Literal["casadi", "kernel"]


@dataclass
class Rows:
    """States and algebraic variables at all borders, after the jumps there.

    Attributes:
        x: Shape `(m, n_borders, n_x)`; nan from where a member failed.
        z: Shape `(m, n_borders, n_z)`.
        ends: States at the end of each interval, before jumps. Shape `(m, n_intervals, n_x)`.
        failed: Members that the engine gave up, with what it said.
    """

    x: NDArray[np.float64]
    z: NDArray[np.float64]
    ends: NDArray[np.float64]
    failed: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """Members whose schedules have one shape.

    Attributes:
        schedules: Of one shape.
        of: Schedule of each member. Shape `(m,)`.
        p: Parameters. Shape `(m, n_p)`.
        x0: Initial states. Shape `(m, n_x)`.
    """

    schedules: Sequence[Schedule]
    of: NDArray[np.int64]
    p: NDArray[np.float64]
    x0: NDArray[np.float64]


def run_group(model: Model, group: Group, engine: Engine, settings: Settings) -> Rows:
    """Run all members of a group from border to border, jump by jump."""
    m, n = len(group.p), len(group.schedules[0].drive)
    rows = Rows(
        np.full((m, n + 1, model.n_x), np.nan),
        np.full((m, n + 1, model.n_z), np.nan),
        np.full((m, n, model.n_x), np.nan),
    )
    run = _kernel_segment if engine == "kernel" else _casadi_segment
    jumps = group.schedules[0].jumps
    cuts = sorted({0, n, *(k for k, _, _ in jumps)})
    x = _jumped(model, group, 0, group.x0)
    rows.x[:, 0] = x
    for start, end in itertools.pairwise(cuts):
        run(model, group, settings, (start, end), rows)
        rows.ends[:, start:end] = rows.x[:, start + 1 : end + 1]
        rows.x[:, end] = _jumped(model, group, end, rows.x[:, end])
    return rows


def _jumped(model: Model, group: Group, border: int, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """States after the jumps at a border."""
    for place, (k, name, _) in enumerate(group.schedules[0].jumps):
        if k == border:
            arguments = np.array([one.jumps[place][2] for one in group.schedules])[group.of]
            after = model.jump_functions[name](arguments.T, x.T, group.p.T)
            x = np.array(after, dtype=float).T.reshape(x.shape)
    return x


def _scales(model: Model, kind: str) -> NDArray[np.float64]:
    parts = [np.full(one.size, one.scale) for one in getattr(model, kind)]
    return np.concatenate(parts) if parts else np.empty(0)


def _kernel_segment(
    model: Model, group: Group, settings: Settings, ends: tuple[int, int], rows: Rows
) -> None:
    start, end = ends
    alive = np.array([k for k in range(len(group.p)) if k not in rows.failed], dtype=np.int64)
    scale = _scales(model, "states")
    drive = np.array([one.drive[start:end] for one in group.schedules])
    x, status = kernel_of(model).solve(
        rows.x[alive, start] / scale, group.p[alive], drive, group.of[alive], settings
    )
    rows.x[alive, start + 1 : end + 1] = x[:, 1:] * scale
    for row in np.flatnonzero(status[:, 0]):
        rows.failed[int(alive[row])] = f"the kernel {REASONS[int(status[row, 0])]}"


def _casadi_segment(
    model: Model, group: Group, settings: Settings, ends: tuple[int, int], rows: Rows
) -> None:
    start, end = ends
    step = _Step(model, settings)
    for k in range(len(group.p)):
        if k in rows.failed:
            continue
        drive = group.schedules[group.of[k]].drive
        try:
            z = _consistent(model, settings, group, k, start, rows)
        except StepError as error:
            rows.failed[k] = f"casadi: {error}"
            continue
        rows.z[k, start] = z
        x, z, is_through = step.run(rows.x[k, start], z, group.p[k], drive[start:end])
        rows.x[k, start + 1 : end + 1], rows.z[k, start + 1 : end + 1] = x, z
        if not is_through:
            rows.failed[k] = "casadi gave up"


class _Step:
    """The integrator of one interval, called through buffers: no object is made for a call."""

    def __init__(self, model: Model, settings: Settings) -> None:
        engine: Literal["cvodes", "idas"] = "idas" if model.n_z else "cvodes"
        limits = (settings.max_steps, settings.first_step)
        function = integrator(model, engine, settings.rtol, settings.atol, *limits)
        self._sx, self._sz = _scales(model, "states"), _scales(model, "algebraics")
        self._x, self._z = np.empty(model.n_x), np.empty(model.n_z)
        self._xf, self._zf = np.empty(model.n_x), np.empty(model.n_z)
        self._packed = np.empty(model.n_p + 2 * model.n_u + 2)
        self._buffer, self._call = function.buffer()
        inputs, outputs = function.name_in(), function.name_out()
        for name, array in (("x0", self._x), ("z0", self._z), ("p", self._packed)):
            self._buffer.set_arg(inputs.index(name), array.data)
        for name, array in (("xf", self._xf), ("zf", self._zf)):
            self._buffer.set_res(outputs.index(name), array.data)

    def run(
        self,
        x: NDArray[np.float64],
        z: NDArray[np.float64],
        p: NDArray[np.float64],
        drive: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], bool]:
        """States and algebraic variables after each interval; whether it got through all."""
        xs, zs = np.full((len(drive), x.size), np.nan), np.full((len(drive), z.size), np.nan)
        self._x[:], self._z[:], self._packed[: p.size] = x / self._sx, z / self._sz, p
        tail = self._packed[p.size :]
        try:
            for k, row in enumerate(drive):
                tail[:] = row
                self._call()
                xs[k] = self._x[:] = self._xf
                zs[k] = self._z[:] = self._zf
        except RuntimeError:
            return xs * self._sx, zs * self._sz, False
        return xs * self._sx, zs * self._sz, bool(np.isfinite(xs).all())


def _consistent(
    model: Model, settings: Settings, group: Group, k: int, start: int, rows: Rows
) -> NDArray[np.float64]:
    """Algebraic variables at the start of a segment."""
    if not model.n_z:
        return np.empty(0)
    schedule = group.schedules[group.of[k]]
    guess = model.guess_vector() if start == 0 else rows.z[k, start]
    t, u = float(schedule.time[start]), schedule.inputs[start]
    return Stepper(model, settings).consistent(t, rows.x[k, start], guess, u, group.p[k])
