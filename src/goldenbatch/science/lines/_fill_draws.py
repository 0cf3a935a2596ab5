"""What chance has in store for a lot of vials at each station: stops, and vials taken out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.science._arrays import Bools, Integers
from goldenbatch.science.lines._world import Streams

if TYPE_CHECKING:
    from goldenbatch.science.lines.fill_line import Station, Stop


@dataclass(frozen=True, slots=True, eq=False)
class LotDraws:
    """One lot at one station; vials are numbered from 0 as they come in.

    Attributes:
        n_in, n_out: vials that come in and that go on.
        cycle: minutes a vial.
        at: numbers of the vials at which it stops, ascending.
        minutes: how long each stop takes.
        stays: shape (n_in,), False for a vial that is taken out here; None where all stay.
    """

    n_in: int
    n_out: int
    cycle: float
    at: list[int]
    minutes: list[float]
    stays: Bools | None


class _StopStream:
    """Stops of one kind at one station; what is left of a gap goes on with the next lot."""

    def __init__(self, streams: Streams, station: str, stop: Stop) -> None:
        self.stop = stop
        self._gap = stop.every.sampler(streams.of(station, stop.name, "every"))
        self._minutes = stop.duration.sampler(streams.of(station, stop.name, "duration"))
        self._left = self._gap()

    def lot(self, n: int, speed: float) -> tuple[list[int], list[float]]:
        """Vials at which it stops in a lot of n, and for how long."""
        per_unit = speed if self.stop.clock == "minutes" else 1.0
        at, minutes = [], []
        next_at = math.ceil(self._left * per_unit)
        while next_at < n:
            at.append(next_at)
            minutes.append(self._minutes())
            next_at += max(1, math.ceil(self._gap() * per_unit))
        self._left = (next_at - n) / per_unit
        return at, minutes


class LineDraws:
    """Draws of all stations; the same seed gives the same, whatever computes with them."""

    def __init__(self, stations: Sequence[Station], seed: int, replication: int = 0) -> None:
        streams = Streams(seed, replication)
        self._stations = stations
        self._stops = [
            [_StopStream(streams, station.name, stop) for stop in station.stops]
            for station in stations
        ]
        self._rejects = [streams.of(station.name, "rejects") for station in stations]
        self.n_stops = {
            (station.name, stop.name): 0 for station in stations for stop in station.stops
        }

    def lot(self, n_vials: int, kind: str) -> list[LotDraws]:
        """Draw a lot, station by station."""
        drawn, n = [], n_vials
        for number, station in enumerate(self._stations):
            drawn.append(self._at_station(number, station, n, kind))
            n = drawn[-1].n_out
        return drawn

    def _at_station(self, number: int, station: Station, n: int, kind: str) -> LotDraws:
        speed = station.speed_of(kind)
        lost = np.zeros(n, dtype=bool)
        at: list[int] = []
        minutes: list[float] = []
        for stream in self._stops[number]:
            places, times = stream.lot(n, speed)
            at += places
            minutes += times
            self.n_stops[station.name, stream.stop.name] += len(places)
            for place in places if stream.stop.removes else ():
                lost[place : place + stream.stop.removes] = True
        if station.rejects:
            lost[_chosen(self._rejects[number], n, station.rejects)] = True
        stops = sorted(zip(at, minutes, strict=True), key=lambda stop: stop[0])
        n_lost = int(lost.sum())
        return LotDraws(
            n, n - n_lost, 1.0 / speed,
            [place for place, _ in stops], [time for _, time in stops],
            ~lost if n_lost else None,
        )  # fmt: skip


def _chosen(generator: np.random.Generator, n: int, chance: float) -> Integers:
    """Numbers under n, each chosen with a chance, by the gaps between them."""
    parts: list[Integers] = []
    reached = -1
    while reached < n:
        gaps = generator.geometric(chance, size=max(16, int(1.1 * (n - reached) * chance)))
        parts.append(reached + np.cumsum(gaps))
        reached = int(parts[-1][-1])
    places = np.concatenate(parts)
    return places[places < n]
