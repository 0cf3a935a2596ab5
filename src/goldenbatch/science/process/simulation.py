"""Running a recipe on a model. A solver's failure is a result with its reason, not an error."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.science.errors import DataError
from goldenbatch.science.process.direct import Direct
from goldenbatch.science.process.integrate import Settings, StepError, Stepper, engine_version
from goldenbatch.science.process.plan import Plan, plan
from goldenbatch.science.process.ranges import Ranges
from goldenbatch.science.process.result import Note, NoteKind, Provenance, Simulation, Status
from goldenbatch.science.process.sensing import Sensors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.model import Given, Model
    from goldenbatch.science.process.recipe import Happening, Recipe


@dataclass
class _Run:
    """One run while it goes on."""

    model: Model
    recipe: Recipe
    plan: Plan
    stepper: Stepper
    p: NDArray[np.float64]
    sensors: Sensors | None
    x: NDArray[np.float64]
    z: NDArray[np.float64]
    u: NDArray[np.float64]
    ranges: Ranges
    declared: Mapping[str, float]
    shows: Direct
    watches: Direct
    counters: list[int]
    rows: list[tuple[float, Any, Any, Any, Any]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    watched: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    given: dict[str, float] = field(default_factory=dict)
    memories: dict[str, Any] = field(default_factory=dict)
    seen_once: set[tuple[NoteKind, str]] = field(default_factory=set)

    def note(self, time: float, kind: NoteKind, name: str, text: str) -> None:
        """Note something once for each kind and name, except jumps and events."""
        if kind in ("bound", "extrapolation", "fault"):
            if (kind, name) in self.seen_once:
                return
            self.seen_once.add((kind, name))
        self.notes.append(Note(time, kind, name, text))


def simulate(
    model: Model,
    recipe: Recipe,
    *,
    initial: Mapping[str, Given] | None = None,
    parameters: Mapping[str, Given] | None = None,
    settings: Settings | None = None,
    seed: int | None = None,
    posterior: str = "",
) -> Simulation:
    """Run a recipe.

    Args:
        model: What to run.
        recipe: What is done.
        initial: Initial states that differ from the declared ones.
        parameters: Parameters that differ from the declared ones.
        settings: Of the solver.
        seed: Of the sensors' noise; None: without.
        posterior: Digest of the fit that `parameters` were drawn from.

    Raises:
        DataError: The recipe, a start or a parameter is impossible; nothing was run.

    >>> from goldenbatch.science.process.builder import ModelBuilder
    >>> from goldenbatch.science.process.recipe import Recipe
    >>> m = ModelBuilder("decay", version="1", title="First order", time_unit="h")
    >>> c = m.state("c", "g/L", initial=1.0, lower=0.0)
    >>> m.derivative(c, -m.parameter("k", "1/h", value=0.5) * c)
    >>> run = simulate(m.build(), Recipe(duration=2.0, interval=1.0))
    >>> run.status, round(run.final("c"), 5)
    ('complete', 0.36788)
    """
    settings = settings or Settings()
    p = model.parameter_vector(parameters)
    x = model.x0(p, initial)
    resolved = plan(model, recipe)
    u = model.input_vector(resolved.inputs(0.0))
    if seed is not None and seed < 0:
        raise DataError(f"the seed is {seed}.", hint="Give a whole number from 0 on.")
    needs_sensors = bool(recipe.controllers or recipe.faults or seed is not None)
    run = _Run(
        model, recipe, resolved, Stepper(model, settings), p,
        Sensors(model, recipe.faults, seed) if needs_sensors else None,
        x, model.guess_vector(), u, Ranges(model),
        dict(zip(model.columns("inputs"), map(float, model.input_vector()), strict=True)),
        _direct(model.output_function), _direct(model.watch_function),
        [k for name in recipe.resets for k in range(model.n_x)[model.at("states", name)]],
        given=_given(model, x, initial or {}),
        memories={one.name: one.start() for one in recipe.controllers},
    )  # fmt: skip
    _check_start(run)
    status, reason = _loop(run)
    for time, text in run.stepper.retries:
        run.note(time, "retry", "solver", text)
    return _result(run, status, reason, settings, seed, posterior)


def _given(model: Model, x: NDArray[np.float64], initial: Mapping[str, Given]) -> dict[str, float]:
    whole = dict(zip(model.columns("states"), map(float, x), strict=True))
    return {
        element: whole[element]
        for one in model.states if one.name in initial for element in one.elements
    }  # fmt: skip


def _direct(function: Any) -> Direct:
    names = [function.name_in(k) for k in range(function.n_in())]
    return Direct(function, names, [function.name_out(0)])


def _check_start(run: _Run) -> None:
    run.watched = _watched(run, 0.0)
    for watch, value in zip(run.model.watches, run.watched, strict=True):
        if watch.stops and value > 0.0:
            raise DataError(
                f"the run of {run.model.name} would begin with {watch.name!r}: {watch.help}",
                hint="Correct the initial states or the recipe.",
            )


def _loop(run: _Run) -> tuple[Status, str]:
    borders = run.plan.borders
    try:
        run.z = run.stepper.consistent(0.0, run.x, run.z, run.u, run.p)
        for t, following in itertools.pairwise(borders):
            _jump(run, t)
            slopes, p = _command(run, t, following - t)
            ended = _sudden(run, t)
            _record(run, t, p)
            ended = ended or _advance(run, t, following - t, slopes, p)
            if ended:
                return "stopped", ended
        _jump(run, borders[-1])
        ended = _sudden(run, borders[-1])
        _record(run, borders[-1], run.p)
        if ended:
            return "stopped", ended
    except StepError as error:
        return "failed", f"solver gave up after {run.rows[-1][0] if run.rows else 0.0:g}: {error}"
    return "complete", ""


def _jump(run: _Run, t: float) -> None:
    due = [
        (at, one) for at, one in run.plan.happenings if abs(at - t) <= 1e-9 * run.recipe.interval
    ]
    for _, one in due:
        run.x = _after(run, one)
        shown = ", ".join(f"{name} {value:g}" for name, value in one.arguments.items())
        run.note(t, "jump", one.jump, f"{one.jump}: {shown}")
    if due and run.model.n_z:
        run.z = run.stepper.consistent(t, run.x, run.z, run.u, run.p)


def _sudden(run: _Run, t: float) -> str:
    """Events that a jump or a new command brings at a border; the text of one that stops."""
    before, run.watched = run.watched, _watched(run, t)
    risen = [(t, k, (run.x, run.z)) for k in np.flatnonzero((before <= 0.0) & (run.watched > 0.0))]
    ended, _ = _happened(run, risen)
    return ended


def _happened(run: _Run, risen: list[tuple[float, Any, Any]]) -> tuple[str, Any]:
    """Note events in order of time up to one that stops: its text, its time and state."""
    for at, k, state in sorted(risen, key=lambda one: one[:2]):
        watch = run.model.watches[k]
        run.note(at, "event", watch.name, watch.help or watch.name)
        if watch.stops:
            text = f"{watch.name} at {at:g} {run.model.time_unit}: {watch.help}".rstrip(": ")
            return text, (at, state)
    return "", None


def _after(run: _Run, one: Happening) -> NDArray[np.float64]:
    jump = next(jump for jump in run.model.jumps if jump.name == one.jump)
    arguments = [float(one.arguments[name]) for name, _ in jump.arguments]
    after = run.model.jump_functions[jump.name](arguments, run.x, run.p)
    return np.array(after, dtype=float).ravel()


def _command(run: _Run, t: float, h: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Set the inputs of the coming interval; return their slopes and its parameters."""
    recipe = run.recipe
    asked = run.plan.inputs(t)
    slopes = run.plan.slopes(t, h)
    values: Mapping[str, float] = {**run.declared, **asked}
    p = run.p
    if run.sensors is not None:
        seen = run.sensors.show(t, _outputs_now(run, t))
        for controller in recipe.controllers:
            memory = _shifted(run, controller, t)
            run.memories[controller.name], set_now = controller.step(memory, t, seen, values)
            values = {**values, **set_now}
        commanded = values
        for fault in recipe.faults:
            values = fault.applied(t, values)
        changed = {name for name in values if values[name] != commanded[name]}
        slopes = {
            n: s for n, s in slopes.items() if n not in changed and n not in _manipulated(recipe)
        }
        p = _parameters(run, t)
    run.u = np.array([values[name] for name in run.declared])
    return np.array([slopes.get(name, 0.0) for name in run.declared]), p


def _shifted(run: _Run, controller: Any, t: float) -> Any:
    memory = run.memories[controller.name]
    for at, shift in run.plan.shifts:
        if shift.name == controller.name and abs(at - t) <= 1e-9 * run.recipe.interval:
            memory = controller.shifted(memory, float(shift.value))
    return memory


def _manipulated(recipe: Recipe) -> set[str]:
    return {getattr(one, "manipulated", "") for one in recipe.controllers}


def _parameters(run: _Run, t: float) -> NDArray[np.float64]:
    names = run.model.columns("parameters")
    values: Mapping[str, float] = dict(zip(names, run.p, strict=True))
    declared = values
    for fault in run.recipe.faults:
        values = fault.parameters(t, values)
    return run.p if values is declared else np.array([values[name] for name in names])


def _advance(
    run: _Run, t: float, h: float, slopes: NDArray[np.float64], p: NDArray[np.float64]
) -> str:
    """Integrate one interval; the text of the event that ended the run there, or none."""
    before, start = run.watched, (_reset(run), run.z)
    run.x, run.z = run.stepper.advance(t, h, *start, (run.u, slopes), p)
    for adjust in run.recipe.adjustments:
        run.x = adjust(t + h, run.x)
    run.watched = after = _watched(run, t + h, u=run.u + slopes * h)
    risen = np.flatnonzero((before <= 0.0) & (after > 0.0))
    if not risen.size:
        return ""
    ended, where = _happened(run, [_locate(run, (t, h, slopes, p), start, int(k)) for k in risen])
    if ended:
        at, (run.x, run.z) = where
        run.u = run.u + slopes * (at - t)
        _record(run, at, p)
    return ended


def _reset(run: _Run) -> NDArray[np.float64]:
    """States at the start of an interval: those that count within it begin at zero."""
    if not run.counters:
        return run.x
    x = run.x.copy()
    x[run.counters] = 0.0
    return x


def _locate(
    run: _Run, interval: tuple[float, float, Any, Any], start: tuple[Any, Any], index: int
) -> tuple[float, int, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Time at which a watched expression passes zero, by bisection, its number, the state there."""
    t, h, slopes, p = interval
    low, high = 0.0, 1.0
    state = start
    for _ in range(40):
        middle = 0.5 * (low + high)
        state = run.stepper.advance(t, middle * h, *start, (run.u, slopes), p)
        value = _watched(run, t + middle * h, *state, run.u + slopes * (middle * h))[index]
        low, high = (low, middle) if value > 0.0 else (middle, high)
        if (high - low) * h <= 1e-6 * run.recipe.interval:
            break
    ended = run.stepper.advance(t, high * h, *start, (run.u, slopes), p)
    return t + high * h, index, ended


def _watched(
    run: _Run, t: float, x: Any = None, z: Any = None, u: Any = None
) -> NDArray[np.float64]:
    if not run.model.watches:
        return np.empty(0)
    x, z = (run.x, run.z) if x is None else (x, z)
    return run.watches(t, x, z, run.u if u is None else u, run.p)[0]


def _outputs_now(run: _Run, t: float) -> dict[str, float]:
    (values,) = run.shows(t, run.x, run.z, run.u, run.p)
    return dict(zip((one.name for one in run.model.outputs), values.tolist(), strict=True))


def _record(run: _Run, t: float, p: NDArray[np.float64]) -> None:
    if run.sensors is not None and t == run.plan.borders[-1]:
        run.sensors.show(t, _outputs_now(run, t))
    run.rows.append((t, run.x, run.z, run.u, p))
    for kind, name, text in run.ranges.left(run.x, run.z, run.u, p):
        run.note(t, kind, name, text)


def _result(
    run: _Run, status: Status, reason: str, settings: Settings, seed: int | None, posterior: str
) -> Simulation:
    model = run.model
    time = np.array([row[0] for row in run.rows])
    x, z, u, p = (
        np.array([row[k] for row in run.rows]).reshape(len(time), -1) for k in range(1, 5)
    )
    values: dict[str, NDArray[np.float64]] = {}
    for kind, block in (("states", x), ("algebraics", z), ("inputs", u)):
        values |= {name: block[:, k] for k, name in enumerate(model.columns(kind))}
    if model.outputs and time.size:
        y = np.array(model.output_function(time[None, :], x.T, z.T, u.T, p.T), dtype=float)
        values |= {one.name: y[k] for k, one in enumerate(model.outputs) if one.name not in values}
        for name in (one.name for one in model.outputs if not np.isfinite(values[one.name]).all()):
            odd = time[int(np.argmax(~np.isfinite(values[name])))]
            run.note(float(odd), "bound", name, f"{name} is no number from here on or for a while")
    measured = {} if run.sensors is None else run.sensors.measured
    provenance = Provenance(
        model.name, model.version, model.digest, run.recipe.digest,
        dict(zip(model.columns("parameters"), map(float, run.p), strict=True)),
        posterior, asdict(settings), seed, engine_version(), run.given,
    )  # fmt: skip
    return Simulation(
        time, values, {name: _padded(m, time.size) for name, m in measured.items()},
        _units(model), status, reason, tuple(sorted(run.notes, key=lambda n: n.time)), provenance,
        model.columns("inputs"), tuple(one.name for one in model.outputs),
    )  # fmt: skip


def _padded(shown: list[float], n_rows: int) -> NDArray[np.float64]:
    """What a sensor showed, row by row: nothing at a stop between two of them."""
    return np.array([*shown[:n_rows], *[np.nan] * (n_rows - len(shown))], dtype=float)


def _units(model: Model) -> dict[str, str]:
    units = {"time": model.time_unit}
    for kind in ("states", "algebraics", "inputs"):
        units |= {element: one.unit for one in getattr(model, kind) for element in one.elements}
    return units | {one.name: one.unit for one in model.outputs if one.name not in units}
