"""What happened in one run of a line, for an animation: states, lots or vials, levels, over time.

Recorded is the first replication of the study, with its seed: what is seen is one of the runs
that the figures rest on, not a run made to be looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from goldenbatch.capabilities.twin.vial_line import VialFile
    from goldenbatch.science.lines.declaration import Line
    from goldenbatch.science.lines.simulation import Run

MOST_SCENARIOS = 3
MOST_MOVES = 3_000
"""Of lots in a scenario; the recording of a longer run ends where they are used up."""
N_MOMENTS = 1_200
MOST_VIALS = 400_000
"""Of all lots that are recorded; later lots are left out."""


def recording_of(path: Path) -> dict[str, Any] | None:
    """The recording of a line's first scenarios; None where there is nothing that moves.

    Args:
        path: Of the line, as its command reads it.

    Returns:
        `time_unit`, `states` (their names), and `scenarios`, each with `name`, `end`, `columns`
        (places in the order of the flow: `unit` with its `machines`, `buffer` with its
        `capacity`), `tracks` (machine to times and numbers of states), `levels` (buffer to times
        and counts), `lots` (moves: time, lot, place), `finished` (times and counts), `notes`
        (time and text) and `is_cut`.
    """
    from goldenbatch.capabilities.twin.line_commands import module_of

    kind = module_of(path).__name__.rpartition(".")[2]
    if kind == "plant_line":
        return _plant(path)
    return _vials(path) if kind == "vial_line" else None


# ---- a plant: lots that go from machine to machine ----------------------------------------------


def _plant(path: Path) -> dict[str, Any]:
    from goldenbatch.capabilities.twin.line_files import load_line
    from goldenbatch.science.lines._machine import STATES
    from goldenbatch.science.lines.simulation import RunSettings, simulate_line

    read = load_line(path)
    settings = RunSettings(read.settings.horizon, keeps_periods=True, keeps_moves=True)
    scenarios = []
    for name, line in islice(read.scenarios.items(), MOST_SCENARIOS):
        run = simulate_line(line, settings, seed=read.seed, twins=read.twins)
        scenarios.append(_of_lots(name, line, run, STATES))
    unit = next(iter(read.scenarios.values())).time_unit
    return {"kind": "lots", "time_unit": unit, "states": list(STATES), "scenarios": scenarios}


def _of_lots(name: str, line: Line, run: Run, states: Sequence[str]) -> dict[str, Any]:
    times = run.moves["time"]
    is_cut = times.size > MOST_MOVES
    end = float(times[MOST_MOVES - 1]) if is_cut else float(np.nanmax(_ends(run, times)))
    is_kept = times <= end
    moves = [
        [round(float(t), 4), str(lot), str(place)]
        for t, lot, place in zip(times[is_kept], run.moves["lot"][is_kept],
                                 run.moves["place"][is_kept], strict=True)
    ]  # fmt: skip
    machines: dict[str, list[str]] = {}
    for machine, unit in zip(run.states["machine"], run.states["unit"], strict=True):
        machines.setdefault(str(unit), []).append(str(machine))
    buffers = [one.name for one in line.buffers]
    return {
        "name": name, "end": end, "is_cut": is_cut,
        "columns": list(_columns(line, machines)),
        "tracks": _tracks(run, end, states),
        "levels": {one: _levels(moves, one) for one in buffers},
        "lots": moves,
        "finished": _finished(run, end),
        "notes": _notes(run, end),
        "figures": {key: float(run.figures[key]) for key in ("throughput", "cycle_time")},
    }  # fmt: skip


def _ends(run: Run, times: Any) -> Any:
    return np.concatenate([run.periods["end"], times, [0.0]])


def _columns(line: Line, machines: Mapping[str, list[str]]) -> Iterable[dict[str, Any]]:
    """Places in the order in which the routes name them."""
    capacity = {one.name: one.capacity for one in line.buffers}
    seen: set[str] = set()
    for product in line.products:
        for step in product.route:
            if step.unit not in seen:
                seen.add(step.unit)
                yield {"kind": "unit", "name": step.unit, "machines": machines[step.unit]}
            if step.buffer and step.buffer not in seen:
                seen.add(step.buffer)
                places = capacity[step.buffer]
                yield {"kind": "buffer", "name": step.buffer,
                       "capacity": places if np.isfinite(places) else None}  # fmt: skip


def _tracks(run: Run, end: float, states: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {str(name): {"t": [], "s": []} for name in run.states["machine"]}
    columns = (run.periods[key].tolist() for key in ("machine", "state", "begin"))
    for machine, state, begin in zip(*columns, strict=True):
        if begin <= end:
            found[machine]["t"].append(round(begin, 4))
            found[machine]["s"].append(states.index(state))
    return found


def _levels(moves: Sequence[Sequence[Any]], buffer: str) -> dict[str, list[Any]]:
    """How many lots stand in a buffer: in by a move to it, out by the lot's next move."""
    inside: set[str] = set()
    times, counts = [0.0], [0]
    for time, lot, place in moves:
        if place == buffer:
            inside.add(lot)
        elif lot in inside:
            inside.discard(lot)
        else:
            continue
        times.append(time)
        counts.append(len(inside))
    return {"t": times, "n": counts}


def _finished(run: Run, end: float) -> dict[str, list[Any]]:
    ended = np.sort(run.lots["ended"][run.lots["outcome"] == "finished"].astype(float))
    ended = ended[ended <= end]
    return {"t": [0.0, *ended.round(4).tolist()], "n": list(range(ended.size + 1))}


def _notes(run: Run, end: float) -> list[list[Any]]:
    rows = zip(*(run.events[key].tolist() for key in
                 ("time", "kind", "place", "lot", "consequence")), strict=True)  # fmt: skip
    told = [
        [round(time, 4), " · ".join(filter(None, (kind, place, lot, consequence)))]
        for time, kind, place, lot, consequence in rows
        if time <= end
    ]
    return told[:500]


# ---- a line of vials: stations, and how many stand between them ---------------------------------


def _vials(path: Path) -> dict[str, Any]:
    from goldenbatch.capabilities.twin.vial_line import load_vial_line
    from goldenbatch.science.lines.fill_course import STATES

    read = load_vial_line(path)
    scenarios = [
        _of_vials(name, read) for name in islice(read.scenarios, MOST_SCENARIOS)
    ]  # fmt: skip
    return {"kind": "vials", "time_unit": "min", "states": list(STATES), "scenarios": scenarios}


def _of_vials(name: str, read: VialFile) -> dict[str, Any]:
    from goldenbatch.science.lines.fill_course import fill_course

    line, n_vials = read.scenarios[name], 0
    lots: list[Any] = []
    for lot in read.lots:
        n_vials += lot.n_vials
        if lots and n_vials > MOST_VIALS:
            break
        lots.append(lot)
    course = fill_course(line, lots, seed=read.study.seed, n_times=N_MOMENTS)
    times = course.times.round(3)
    columns: list[dict[str, Any]] = []
    levels = {}
    for k, station in enumerate(line.stations):
        columns.append({"kind": "unit", "name": station.name, "machines": [station.name]})
        if k + 1 < len(line.stations):
            buffer = f"behind {station.name}"
            columns.append({"kind": "buffer", "name": buffer, "capacity": station.buffer})
            levels[buffer] = _changes(times, course.levels[k], "n")
    lots_at = _changes(times, course.lots, "n")
    changes = zip(lots_at["t"], lots_at["n"], strict=True)
    return {
        "name": name, "end": float(times[-1]), "is_cut": len(lots) < len(read.lots),
        "columns": columns,
        "tracks": {one.name: _changes(times, course.states[k], "s")
                   for k, one in enumerate(line.stations)},
        "levels": levels,
        "lots": [],
        "finished": _changes(times, course.n_left[-1], "n"),
        "notes": [[t, f"lot {lots[int(n)].lot}, {lots[int(n)].kind}"] for t, n in changes],
        "figures": {},
    }  # fmt: skip


def _changes(times: Any, values: Any, key: str) -> dict[str, list[Any]]:
    """Moments at which a column changes, and its value from then on."""
    rows = np.flatnonzero(np.diff(values, prepend=values[0] - 1))
    return {"t": times[rows].tolist(), key: values[rows].tolist()}
