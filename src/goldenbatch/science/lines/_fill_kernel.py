"""Times of vials through a tandem line, in blocks by max-plus algebra.

With service times s, arrivals a and the times p at which a place behind becomes free, vial j
leaves at d(j) = max(max(d(j-1), a(j)) + s(j), p(j)). With C = cumsum(s) this is
d(j) - C(j) = max(d(j-1) - C(j-1), a(j) - C(j-1), p(j) - C(j)): a running maximum. The place of
vial m behind a station is free when the next station takes vial m - B, with B places; a block of
at most B vials needs only times of the block before, so that each block is computed at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.science._arrays import Floats
from goldenbatch.science.lines._fill_draws import LotDraws

if TYPE_CHECKING:
    from goldenbatch.science.lines.fill_line import FillLine
    from goldenbatch.science.lines.simulation import Columns

_LARGEST = 4096
"""Vials of a block: its arrays stay in the processor's cache."""

_COUNTS = ("busy", "down", "blocked", "starved", "clearance")


class Link:
    """Places between two stations: when the next one took the vials that stood in them."""

    def __init__(self, n_places: int) -> None:
        self.n_places = n_places
        self._taken = np.full(n_places, -np.inf)
        self._n = 0

    def free_at(self, n: int) -> Floats:
        """When places become free for the next n vials."""
        first = self._n % len(self._taken)
        if first + n <= len(self._taken):
            return self._taken[first : first + n]
        return np.concatenate([self._taken[first:], self._taken[: first + n - len(self._taken)]])

    def take(self, times: Floats) -> None:
        """When the vials were taken."""
        n, first = len(times), self._n % len(self._taken)
        here = min(n, len(self._taken) - first)
        self._taken[first : first + here] = times[:here]
        self._taken[: n - here] = times[here:]
        self._n += n


class Kernel:
    """The line as it runs, lot after lot."""

    def __init__(self, line: FillLine) -> None:
        self._line = line
        n = len(line.stations)
        self._links = [
            Link(station.buffer) if station.buffer and k < n - 1 else None
            for k, station in enumerate(line.stations)
        ]
        self._block = min([_LARGEST, *(link.n_places for link in self._links if link)])
        self._free = np.zeros(n)
        self._counts = np.zeros((n, len(_COUNTS)))
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
        before = self._free.copy()
        if not is_first and self._line.clears == "line":
            self._free[:] = self._free.max() + cleared
        elif not is_first:
            self._free += [station.clearance for station in self._line.stations]
        self._counts[:, 4] += self._free - before
        begun = float(self._free[0])
        exits: list[Floats] = []
        cursors = np.zeros(len(drawn), dtype=np.int64)
        for first in range(0, drawn[0].n_in, self._block):
            n = min(self._block, drawn[0].n_in - first)
            exits.append(self._run_block(drawn, cursors, n))
        for k, one in enumerate(drawn):
            self._n_in[k] += one.n_in
            self._n_out[k] += one.n_out
        # A station's last vial may be a reject: the lot ends when the line is empty.
        ended = float(self._free.max())
        return begun, ended, exits

    def stations(self) -> Columns:
        """What each station did, in minutes."""
        names = np.array([station.name for station in self._line.stations], dtype=object)
        times = {name: self._counts[:, i].copy() for i, name in enumerate(_COUNTS)}
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

    def _run_block(self, drawn: Sequence[LotDraws], cursors: np.ndarray, n: int) -> Floats:
        arrival = np.full(n, -np.inf)
        origins: dict[int, Floats] = {}
        for k, one in enumerate(drawn):
            first = int(cursors[k])
            cursors[k] += len(arrival)
            stays = None if one.stays is None else one.stays[first : first + len(arrival)]
            taken, left = self._station(k, one, first, arrival, stays)
            if k and (link := self._links[k - 1]) is not None:
                link.take(taken)
            for i, (after, before, limit) in enumerate(self._limits):
                if before == k and len(taken):
                    dwell = taken - origins[i]
                    self._longest[i] = max(self._longest[i], float(dwell.max()))
                    self._n_over[i] += int((dwell > limit).sum())
                if after == k:
                    origins[i] = left
            if stays is not None:
                left = left[stays]
                origins = {i: times[stays] for i, times in origins.items()}
            arrival = left + self._line.stations[k].travel
        return left

    def _station(
        self, k: int, one: LotDraws, first: int, arrival: Floats, stays: np.ndarray | None
    ) -> tuple[Floats, Floats]:
        """Return when each vial was taken and when it left."""
        n = len(arrival)
        if not n:
            return arrival, arrival
        done = self._steps[1 : n + 1] * one.cycle
        begun = self._steps[:n] * one.cycle
        low, high = np.searchsorted(one.at, (first, first + n))
        down = 0.0
        for place, minutes in zip(one.at[low:high] - first, one.minutes[low:high], strict=True):
            done[place:] += minutes
            begun[place + 1 :] += minutes
            down += minutes
        floor = arrival - begun
        link = self._links[k]
        if link is not None:
            n_out = n if stays is None else int(stays.sum())
            free_at = link.free_at(n_out)
            if stays is None:
                np.maximum(floor, free_at - done, out=floor)
            else:
                floor[stays] = np.maximum(floor[stays], free_at - done[stays])
        floor[0] = max(floor[0], self._free[k])
        left = np.maximum.accumulate(floor, out=floor) + done
        taken = np.empty(n)
        taken[0] = max(self._free[k], arrival[0])
        np.maximum(left[:-1], arrival[1:], out=taken[1:])
        self._count(k, taken, left, (one.cycle * n, down))
        return taken, left

    def _count(self, k: int, taken: Floats, left: Floats, worked: tuple[float, float]) -> None:
        span = float(left[-1]) - float(self._free[k])
        starved = float(taken.sum() - left[:-1].sum()) - float(self._free[k])
        busy, down = worked
        self._counts[k, :4] += (busy, down, span - starved - busy - down, starved)
        self._free[k] = left[-1]
