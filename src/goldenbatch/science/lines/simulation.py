"""One run of a declared line: lots, states of machines, events and figures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldenbatch.core.errors import BadInputError
from goldenbatch.science._arrays import Floats
from goldenbatch.science.lines._lot import Floor
from goldenbatch.science.lines._machine import STATES
from goldenbatch.science.lines._plan import Plan, build_floor
from goldenbatch.science.lines._world import Streams, World, engine
from goldenbatch.science.lines.declaration import Line
from goldenbatch.science.lines.reading import check_line
from goldenbatch.science.lines.twins import Twin, check_twins

Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How a line is run.

    Attributes:
        horizon: when the run ends at the latest, in the line's unit of time.
        warm_up: time that is run and not counted.
        keeps_periods: whether each state of each machine is kept with its begin and end, which
            the search for moving bottlenecks needs.
        keeps_moves: whether it is kept when each lot came where, as an animation needs it.
    """

    horizon: float
    warm_up: float = 0.0
    keeps_periods: bool = False
    keeps_moves: bool = False

    def __post_init__(self) -> None:
        """Refuse a run that has no time to count."""
        if not 0 <= self.warm_up < self.horizon < math.inf:
            raise BadInputError(
                f"a warm-up of {self.warm_up} in a horizon of {self.horizon}.",
                hint="Give 0 <= warm-up < horizon, finite.",
                key="horizon",
            )


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What one run gave; columns are arrays of equal length.

    Attributes:
        lots: lot, product, released, begun, ended, amount, outcome, where (times NaN where they
            did not come; every lot that was released is here, finished or not).
        states: machine, unit, and the share of counted time in each state.
        buffers: buffer, mean and largest number of lots.
        resources: resource, utilisation (of the people that were there), mean there, overtime
            (their number times time).
        events: time, kind, place, lot, value, limit, consequence.
        periods: machine, state, begin, end; empty unless they were asked for.
        moves: time, lot, place (a machine or a buffer; empty: it has left), in order of time;
            empty unless they were asked for.
        figures: throughput (lots a unit of time), amount_rate, cycle_time (of lots that finished
            in counted time, from release), work_in_progress (mean lots), n_finished, n_lost,
            makespan (end of the last lot; NaN while lots are left), counted_time.
        status: `finished` (the plan is done) or `horizon`.
        reason: why a plan is not done.
        provenance: digests, seed, replication, versions, settings.
    """

    lots: Columns
    states: Columns
    buffers: Columns
    resources: Columns
    events: Columns
    periods: Columns
    moves: Columns
    figures: Mapping[str, float]
    status: str
    reason: str
    provenance: Mapping[str, Any]


def simulate_line(
    line: Line,
    settings: RunSettings,
    *,
    seed: int,
    replication: int = 0,
    twins: Mapping[str, Twin] | None = None,
) -> Run:
    """Run a line once.

    Args:
        line: what is run; it is checked first.
        settings: horizon and warm-up.
        seed: of all streams of random numbers.
        replication: with the seed, names the run; runs of two lines with the same seed and
            replication use common random numbers.
        twins: runs or functions of the unit twins that the line names.

    Raises:
        BadInputError: a line that cannot be, or a twin that is missing.
        MissingEngineError: SimPy is not installed.

    References:
        Banks, Carson, Nelson and Nicol (2010), Discrete-Event System Simulation, 5th ed.,
        Prentice Hall, ch. 3 (process interaction).

    >>> from goldenbatch.science.lines.reading import read_line
    >>> line = read_line({
    ...     "name": "one mixer", "units": [{"name": "mixer"}],
    ...     "products": [{"name": "A", "route": [{"name": "mix", "unit": "mixer", "duration": 2}]}],
    ...     "plan": [{"product": "A", "n_lots": 3}],
    ... })
    >>> run = simulate_line(line, RunSettings(horizon=24.0), seed=1)
    >>> run.status, run.figures["makespan"], run.figures["throughput"]
    ('finished', 6.0, 0.5)
    """
    check_line(line)
    check_twins(line.twins, twins or {})
    world = World(
        engine().Environment(), Streams(seed, replication), settings.keeps_periods,
        keeps_moves=settings.keeps_moves,
    )  # fmt: skip
    floor = build_floor(world, line)
    plan = Plan(floor, line, twins or {})
    if settings.warm_up:
        world.env.process(_warm_up(floor, settings.warm_up))
    world.env.run(until=world.env.any_of([plan.done, world.env.timeout(settings.horizon)]))
    end = world.now
    is_done = plan.is_done
    for group in floor.groups.values():
        for machine in group.machines:
            machine.close()
    begin = settings.warm_up if end > settings.warm_up else 0.0
    return Run(
        lots=_lots(floor),
        states=_states(floor, end - begin),
        buffers=_buffers(floor, end, begin),
        resources=_resources(floor, end, begin),
        events=_events(world),
        periods=_periods(world),
        moves=_moves(world),
        figures=_figures(floor, begin, end, is_done),
        status="finished" if is_done else "horizon",
        reason="" if is_done else _why(floor, plan),
        provenance=_provenance(line, settings, seed, replication, twins or {}),
    )


def _warm_up(floor: Floor, at: float) -> Any:
    yield floor.world.env.timeout(at)
    for group in floor.groups.values():
        for machine in group.machines:
            machine.restart()
    for store in floor.stores.values():
        store.level.restart(at)
    floor.people.restart(at)
    floor.present.restart(at)
    floor.world.periods.clear()


def _figures(floor: Floor, begin: float, end: float, is_done: bool) -> dict[str, float]:
    ended = [lot for lot in floor.records if begin < lot.ended <= end]
    finished = [lot for lot in ended if lot.outcome == "finished"]
    span = end - begin
    stays = [lot.ended - lot.released for lot in finished]
    return {
        "throughput": len(finished) / span,
        "amount_rate": sum(lot.amount for lot in finished) / span,
        "cycle_time": float(np.mean(stays)) if stays else math.nan,
        "work_in_progress": floor.present.mean(end, begin),
        "n_finished": float(len(finished)),
        "n_lost": float(len(ended) - len(finished)),
        "counted_time": span,
        "makespan": max(lot.ended for lot in floor.records) if is_done else math.nan,
    }


def _why(floor: Floor, plan: Plan) -> str:
    left = [lot for lot in floor.records if lot.outcome == "in work"]
    if plan.is_endless:
        return "the plan has no end"
    where = ", ".join(f"{lot.lot} at {lot.where!r}" for lot in left[:5]) or "not released"
    return f"{plan.n_planned - plan.n_ended} of {plan.n_planned} lots are not done: {where}"


def _lots(floor: Floor) -> Columns:
    rows = floor.records
    texts = {name: _texts(getattr(row, name) for row in rows) for name in ("lot", "product")}
    times = {
        name: np.array([getattr(row, name) for row in rows], dtype=np.float64)
        for name in ("released", "begun", "ended", "amount")
    }
    ends = {name: _texts(getattr(row, name) for row in rows) for name in ("outcome", "where")}
    return {**texts, **times, **ends}


def _states(floor: Floor, span: float) -> Columns:
    machines = [machine for group in floor.groups.values() for machine in group.machines]
    shares = {
        state: np.array([machine.times[state] / span for machine in machines]) for state in STATES
    }
    return {
        "machine": _texts(machine.name for machine in machines),
        "unit": _texts(machine.unit.name for machine in machines),
        **shares,
    }


def _buffers(floor: Floor, end: float, begin: float) -> Columns:
    levels = [store.level for store in floor.stores.values()]
    return {
        "buffer": _texts(floor.stores),
        "mean": np.array([level.mean(end, begin) for level in levels]),
        "largest": np.array([level.largest for level in levels]),
    }


def _resources(floor: Floor, end: float, begin: float) -> Columns:
    people = floor.people
    used = _means(people.used.values(), end, begin)
    there = _means(people.there.values(), end, begin)
    with np.errstate(invalid="ignore", divide="ignore"):
        utilisation = np.where(there > 0, used / there, np.nan)
    return {
        "resource": _texts(people.used),
        "utilisation": utilisation,
        "there": there,
        "overtime": _means(people.overtime.values(), end, begin) * (end - begin),
    }


def _means(levels: Any, end: float, begin: float) -> Floats:
    return np.array([level.mean(end, begin) for level in levels], dtype=np.float64)


def _events(world: World) -> Columns:
    rows = world.events
    return {
        "time": np.array([row.time for row in rows], dtype=np.float64),
        **{name: _texts(getattr(row, name) for row in rows) for name in ("kind", "place", "lot")},
        "value": np.array([row.value for row in rows], dtype=np.float64),
        "limit": np.array([row.limit for row in rows], dtype=np.float64),
        "consequence": _texts(row.consequence for row in rows),
    }


def _periods(world: World) -> Columns:
    rows = world.periods
    return {
        "machine": _texts(row[0] for row in rows),
        "state": _texts(row[1] for row in rows),
        "begin": np.array([row[2] for row in rows], dtype=np.float64),
        "end": np.array([row[3] for row in rows], dtype=np.float64),
    }


def _moves(world: World) -> Columns:
    return {
        "time": np.array([row[0] for row in world.moves], dtype=np.float64),
        "lot": _texts(row[1] for row in world.moves),
        "place": _texts(row[2] for row in world.moves),
    }


def _texts(values: Any) -> NDArray[Any]:
    # An object array: texts of any length, and none is cut.
    return np.array(list(values), dtype=object)


def _provenance(
    line: Line, settings: RunSettings, seed: int, replication: int, twins: Mapping[str, Twin]
) -> dict[str, Any]:
    return {
        "line": line.name,
        "line_digest": line.digest,
        "time_unit": line.time_unit,
        "seed": seed,
        "replication": replication,
        "settings": asdict(settings),
        "twins": {name: _twin_name(twins[name]) for name in line.twins},
        "simpy": str(engine().__version__),
        "numpy": np.__version__,
        "generator": "PCG64",
    }


def _twin_name(twin: Twin) -> str:
    digest = getattr(twin, "digest", None)
    if isinstance(digest, str):
        return f"sha256:{digest}"
    return f"{getattr(twin, '__module__', '')}:{getattr(twin, '__qualname__', repr(type(twin)))}"
