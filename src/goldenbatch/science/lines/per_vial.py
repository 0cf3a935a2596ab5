"""The same line of vials as plain SimPy, one event loop step for each vial at each station.

It is slow and simple: the check of the fast line and its peer in the benchmark. Both draw the
same stops and rejects, so that each vial's time must be the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from goldenbatch.science._arrays import Floats
from goldenbatch.science.lines._fill_draws import LineDraws, LotDraws
from goldenbatch.science.lines._world import Process, engine
from goldenbatch.science.lines.fill_line import FillLine, VialLot, check_fill_line


def per_vial_exits(line: FillLine, lots: Sequence[VialLot], *, seed: int) -> Floats:
    """Return when each good vial left the line, in minutes.

    Args:
        line: a line that is cleared as a whole between lots.
        lots: in the order in which they are filled.
        seed: of the streams.

    Raises:
        BadInputError: a line or a lot that cannot be.
        MissingEngineError: SimPy is not installed.

    >>> from goldenbatch.science.lines.fill_line import Station
    >>> line = FillLine("two", (Station("filler", 100.0, buffer=50), Station("capper", 50.0)))
    >>> exits = per_vial_exits(line, [VialLot("A1", "2R", 500)], seed=1)
    >>> len(exits), round(float(exits[-1]), 2)
    (500, 10.01)
    """
    check_fill_line(line, lots)
    env = engine().Environment()
    draws = LineDraws(line.stations, seed)
    exits: list[float] = []
    env.process(_lots(env, line, lots, draws, exits))
    env.run()
    return np.array(exits)


class _Floor:
    """Vials that wait and places that are left, before and behind each station."""

    def __init__(self, env: Any, line: FillLine, n_vials: int) -> None:
        simpy = engine()
        self.env, self.line = env, line
        self.queues = [simpy.Store(env) for _ in line.stations]
        self.places = [simpy.Container(env, one.buffer or np.inf) for one in line.stations]
        for _ in range(n_vials):
            self.queues[0].put(env.now)


def _lots(
    env: Any, line: FillLine, lots: Sequence[VialLot], draws: LineDraws, exits: list[float]
) -> Process:
    before = ""
    for lot in lots:
        if before:
            yield env.timeout(line.between(before, lot.kind))
        before = lot.kind
        floor = _Floor(env, line, lot.n_vials)
        drawn = draws.lot(lot.n_vials, lot.kind)
        yield env.all_of(
            [env.process(_station(floor, k, one, exits)) for k, one in enumerate(drawn)]
        )


def _station(floor: _Floor, k: int, one: LotDraws, exits: list[float]) -> Process:
    env, is_last = floor.env, k + 1 == len(floor.line.stations)
    stops: dict[int, float] = {}
    for at, minutes in zip(one.at, one.minutes, strict=True):
        stops[at] = stops.get(at, 0.0) + minutes
    for vial in range(one.n_in):
        ready = yield floor.queues[k].get()
        if ready > env.now:
            yield env.timeout(ready - env.now)
        if k:
            yield floor.places[k - 1].get(1)
        yield env.timeout(one.cycle + stops.get(vial, 0.0))
        if one.stays is not None and not one.stays[vial]:
            continue
        if is_last:
            exits.append(env.now)
        else:
            yield floor.places[k].put(1)
            floor.queues[k + 1].put(env.now + floor.line.stations[k].travel)
