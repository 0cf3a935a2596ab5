"""Times of vials through a tandem line, in blocks by max-plus algebra.

With service times s, arrivals a and the times p at which a place behind becomes free, vial j
leaves at d(j) = max(max(d(j-1), a(j)) + s(j), p(j)). With C = cumsum(s) this is
d(j) - C(j) = max(d(j-1) - C(j-1), a(j) - C(j-1), p(j) - C(j)): a running maximum. The place of
vial m behind a station is free when the next station takes vial m - B, with B places; a block of
at most B vials needs only times of the block before, so that each block is computed at once.
Stations with a narrow buffer between them go through a block in shorter blocks of their own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.science._arrays import Bools, Floats, Integers
from goldenbatch.science.lines._fill_draws import LotDraws

if TYPE_CHECKING:
    from goldenbatch.science.lines.fill_line import FillLine
    from goldenbatch.science.lines.simulation import Columns

_LARGEST = 4096
"""Vials of a block: its arrays stay in the processor's cache."""

_NARROW = 128
"""Places of a buffer under which its stations are run in blocks of their own."""

_COUNTS = ("busy", "down", "blocked", "starved", "clearance")


class Link:
    """Places between two stations: when the next one took the vials that stood in them."""

    def __init__(self, n_places: int) -> None:
        self.n_places = n_places
        self._taken = np.full(n_places, -np.inf)
        self._n_put = self._n_taken = 0

    def put(self, n: int) -> Floats:
        """When places are free for the next n vials."""
        first = self._n_put % self.n_places
        self._n_put += n
        if first + n <= self.n_places:
            return self._taken[first : first + n]
        return np.concatenate([self._taken[first:], self._taken[: first + n - self.n_places]])

    def take(self, times: Floats) -> None:
        """When the next vials were taken."""
        n, first = len(times), self._n_taken % self.n_places
        here = min(n, self.n_places - first)
        self._taken[first : first + here] = times[:here]
        self._taken[: n - here] = times[here:]
        self._n_taken += n


@dataclass(frozen=True, slots=True, eq=False)
class Wave:
    """Vials on their way.

    Attributes:
        times: at which they arrive.
        origins: by number of a dwell limit, when they left the station at which it begins.
    """

    times: Floats
    origins: dict[int, Floats]

    def part(self, first: int, last: int) -> Wave:
        """Some of the vials."""
        if first == 0 and last >= len(self.times):
            return self
        origins = {i: begun[first:last] for i, begun in self.origins.items()}
        return Wave(self.times[first:last], origins)


def joined(waves: Sequence[Wave]) -> Wave:
    """Waves one behind the other."""
    if not waves:
        return Wave(np.empty(0), {})
    origins = {i: np.concatenate([wave.origins[i] for wave in waves]) for i in waves[0].origins}
    return Wave(np.concatenate([wave.times for wave in waves]), origins)


def segments(places: Sequence[int]) -> tuple[list[tuple[range, int]], int]:
    """Cut a line where its buffers are wide, so that only narrow ones ask for short blocks.

    Args:
        places: between each station and the next.

    Returns:
        Stations of each segment with the block that its own buffers allow, and the block of the
        line as a whole.
    """
    wide = [n for n in places if n >= _NARROW]
    block = min([_LARGEST, *wide])
    found: list[tuple[range, int]] = []
    first = 0
    for k, n in enumerate([*places, _LARGEST]):
        if n >= _NARROW or k == len(places):
            inner = min([block, *places[first:k]])
            found.append((range(first, k + 1), inner))
            first = k + 1
    return found, block


class Kernel:
    """The line as it runs, lot after lot."""

    def __init__(self, line: FillLine) -> None:
        self._line = line
        n = len(line.stations)
        self._links = [
            Link(station.buffer) if station.buffer and k < n - 1 else None
            for k, station in enumerate(line.stations)
        ]
        places = [link.n_places if link else _LARGEST for link in self._links]
        self._segments, self._block = segments(places[:-1])
        self._travel = [station.travel for station in line.stations[:-1]] + [0.0]
        self._free = [0.0] * n
        self._counts = [[0.0] * len(_COUNTS) for _ in line.stations]
        self._n_in, self._n_out = np.zeros((2, n), dtype=np.int64)
        names = [station.name for station in line.stations]
        self._limits = [
            (names.index(limit.after), names.index(limit.before), limit.maximum)
            for limit in line.dwell
        ]
        self._longest = np.zeros(len(self._limits))
        self._n_over = np.zeros(len(self._limits), dtype=np.int64)
        self._steps = np.arange(self._block + 1, dtype=np.float64)

    def lot(
        self, drawn: Sequence[LotDraws], cleared: float, *, is_first: bool
    ) -> tuple[float, float, list[Floats]]:
        """Run a lot; return when it began, when it ended, and when its good vials left."""
        last = max(self._free)
        for k, station in enumerate(self._line.stations):
            before = self._free[k]
            if not is_first and self._line.clears == "line":
                self._free[k] = last + cleared
            elif not is_first:
                self._free[k] += station.clearance
            self._counts[k][4] += self._free[k] - before
        begun = self._free[0]
        exits: list[Floats] = []
        cursors = np.zeros(len(drawn), dtype=np.int64)
        for first in range(0, drawn[0].n_in, self._block):
            n = min(self._block, drawn[0].n_in - first)
            exits.append(self._run_block(drawn, cursors, n))
        for k, one in enumerate(drawn):
            self._n_in[k] += one.n_in
            self._n_out[k] += one.n_out
        # A station's last vial may be a reject: the lot ends when the line is empty.
        ended = max(self._free)
        return begun, ended, exits

    def stations(self) -> Columns:
        """What each station did, in minutes."""
        names = np.array([station.name for station in self._line.stations], dtype=object)
        counts = np.array(self._counts)
        times = {name: counts[:, i] for i, name in enumerate(_COUNTS)}
        return {"station": names, "n_in": self._n_in, "n_out": self._n_out, **times}

    def dwell(self) -> Columns:
        """The limits and how they were kept."""
        limits = self._line.dwell
        return {
            "after": np.array([limit.after for limit in limits], dtype=object),
            "before": np.array([limit.before for limit in limits], dtype=object),
            "limit": np.array([limit.maximum for limit in limits]),
            "longest": self._longest,
            "n_over": self._n_over,
        }

    def _run_block(self, drawn: Sequence[LotDraws], cursors: Integers, n: int) -> Floats:
        wave = Wave(np.full(n, -np.inf), {})
        for stations, block in self._segments:
            n_here = len(wave.times)
            waves = [
                self._through(stations, drawn, cursors, wave.part(first, first + block))
                for first in range(0, n_here, block)
            ]
            wave = waves[0] if len(waves) == 1 else joined(waves)
        return wave.times

    def _through(
        self, stations: range, drawn: Sequence[LotDraws], cursors: Integers, wave: Wave
    ) -> Wave:
        """Run vials through stations; give when each one arrives behind them."""
        times, origins = wave.times, wave.origins
        for k in stations:
            one, first, n = drawn[k], int(cursors[k]), len(times)
            cursors[k] += n
            stays = None if one.stays is None else one.stays[first : first + n]
            taken, left = self._station(k, one, first, times, stays)
            if k and (link := self._links[k - 1]) is not None:
                link.take(taken)
            for i, (after, before, limit) in enumerate(self._limits):
                if before == k and n:
                    dwell = taken - origins[i]
                    self._longest[i] = max(self._longest[i], float(dwell.max()))
                    self._n_over[i] += int((dwell > limit).sum())
                if after == k:
                    origins = {**origins, i: left}
            if stays is not None:
                left = left[stays]
                origins = {i: begun[stays] for i, begun in origins.items()}
            travel = self._travel[k]
            times = left + travel if travel else left
        return Wave(times, origins)

    def _station(
        self, k: int, one: LotDraws, first: int, arrival: Floats, stays: Bools | None
    ) -> tuple[Floats, Floats]:
        """Return when each vial was taken and when it left."""
        n = len(arrival)
        if not n:
            return arrival, arrival
        done = self._steps[1 : n + 1] * one.cycle
        begun = self._steps[:n] * one.cycle
        down = 0.0
        for i in range(bisect_left(one.at, first), bisect_left(one.at, first + n)):
            place, minutes = one.at[i] - first, one.minutes[i]
            done[place:] += minutes
            begun[place + 1 :] += minutes
            down += minutes
        floor = arrival - begun
        link = self._links[k]
        if link is not None:
            n_out = n if stays is None else int(np.count_nonzero(stays))
            free_at = link.put(n_out)
            if stays is None:
                np.maximum(floor, free_at - done, out=floor)
            else:
                floor[stays] = np.maximum(floor[stays], free_at - done[stays])
        free = self._free[k]
        floor[0] = max(floor[0], free)
        left = np.maximum.accumulate(floor, out=floor) + done
        taken = np.empty(n)
        taken[0] = max(free, arrival[0])
        np.maximum(left[:-1], arrival[1:], out=taken[1:])
        last = float(left[-1])
        # What it waited for vials: from each one's leaving to the taking of the next.
        starved = float(np.add.reduce(taken) - np.add.reduce(left)) + last - free
        busy = one.cycle * n
        counts = self._counts[k]
        counts[0] += busy
        counts[1] += down
        counts[2] += last - free - starved - busy - down
        counts[3] += starved
        self._free[k] = last
        return taken, left
