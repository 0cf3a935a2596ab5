"""The course of a run of vials: what each station was doing, and how many stood where, over time.

The figures of a run need no course; an animation does. It is taken from the very computation of
`run_fill_line`, of which it changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.core.errors import BadInputError
from goldenbatch.science.lines._fill_draws import LineDraws, LotDraws
from goldenbatch.science.lines._fill_kernel import Kernel
from goldenbatch.science.lines.fill_line import FillLine, VialLot, check_fill_line

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science._arrays import Bools, Floats, Integers

STATES = ("busy", "blocked", "starved", "down")
"""States of a station in a course, by their number; a cleared station is starved."""


@dataclass(frozen=True, slots=True, eq=False)
class FillCourse:
    """What was where at moments of a run.

    Attributes:
        times: minutes since the first vial was taken. Shape `(n_times,)`.
        states: number in `STATES`. Shape `(n_stations, n_times)`.
        n_taken: vials that a station had taken. Shape `(n_stations, n_times)`.
        n_left: good vials that had left a station. Shape `(n_stations, n_times)`.
        lots: number of the lot of which the first station took a vial last. Shape `(n_times,)`.
    """

    times: Floats
    states: NDArray[np.int8]
    n_taken: Integers
    n_left: Integers
    lots: Integers

    @property
    def levels(self) -> Integers:
        """Vials between each station and the next one. Shape `(n_stations - 1, n_times)`."""
        return np.asarray(self.n_left[:-1] - self.n_taken[1:])


class _Recorder(Kernel):
    """The line as it runs, with all times of all vials."""

    def __init__(self, line: FillLine) -> None:
        super().__init__(line)
        n = len(line.stations)
        self.taken: list[list[Floats]] = [[] for _ in range(n)]
        self.left: list[list[Floats]] = [[] for _ in range(n)]
        self.down: list[list[Floats]] = [[] for _ in range(n)]
        self.cycle: list[list[Floats]] = [[] for _ in range(n)]
        self.good: list[list[Floats]] = [[] for _ in range(n)]

    def _station(
        self, k: int, one: LotDraws, first: int, arrival: Floats, stays: Bools | None
    ) -> tuple[Floats, Floats]:
        taken, left = super()._station(k, one, first, arrival, stays)
        if not taken.size:
            return taken, left
        down = np.zeros(taken.size)
        for place, minutes in zip(one.at, one.minutes, strict=True):
            if first <= place < first + taken.size:
                down[place - first] += minutes
        self.taken[k].append(taken.copy())
        self.left[k].append(left.copy())
        self.down[k].append(down)
        self.cycle[k].append(np.full(taken.size, one.cycle))
        self.good[k].append(left.copy() if stays is None else left[stays])
        return taken, left


def fill_course(
    line: FillLine, lots: Sequence[VialLot], *, seed: int, replication: int = 0, n_times: int = 1500
) -> FillCourse:
    """The course of the run that `run_fill_line` makes with the same seed and replication.

    Args:
        line: the line.
        lots: in the order in which they are filled.
        seed: of the streams.
        replication: with the seed, names the run.
        n_times: moments, evenly spread from the first vial to the last one.

    Raises:
        BadInputError: a line or a lot that cannot be, or fewer than two moments.

    >>> from goldenbatch.science.lines.fill_line import Station
    >>> line = FillLine("two", (Station("filler", 100.0, buffer=50), Station("capper", 50.0)))
    >>> course = fill_course(line, [VialLot("A1", "2R", 500)], seed=1, n_times=11)
    >>> int(course.levels.max()), int(course.n_left[-1, -1])
    (50, 500)
    """
    check_fill_line(line, lots)
    if n_times < 2:
        raise BadInputError(f"{n_times} moments are no course.", hint="Give 2 or more.")
    draws = LineDraws(line.stations, seed, replication)
    kernel = _Recorder(line)
    begins: list[float] = []
    before = ""
    for lot in lots:
        cleared = line.between(before, lot.kind) if before and line.clears == "line" else 0.0
        begun, ended, _ = kernel.lot(draws.lot(lot.n_vials, lot.kind), cleared, is_first=not before)
        begins.append(begun)
        before = lot.kind
    times = np.linspace(begins[0], ended, n_times)
    parts = [_at(kernel, k, times) for k in range(len(line.stations))]
    states, n_taken, n_left = (np.stack(one) for one in zip(*parts, strict=True))
    number = np.searchsorted(np.array(begins), times, side="right") - 1
    return FillCourse(times - begins[0], states.astype(np.int8), n_taken, n_left, number)


def _at(kernel: _Recorder, k: int, times: Floats) -> tuple[Integers, Integers, Integers]:
    """State, vials taken and good vials left of a station at moments."""
    if not kernel.taken[k]:  # everything was rejected before it
        none = np.zeros(times.size, np.int64)
        return none + STATES.index("starved"), none, none
    taken, left, down, cycle = (
        np.concatenate(one[k]) for one in (kernel.taken, kernel.left, kernel.down, kernel.cycle)
    )
    n_taken = np.searchsorted(taken, times, side="right")
    n_left = np.searchsorted(np.concatenate(kernel.good[k]), times, side="right")
    own = np.maximum(n_taken - 1, 0)
    since = times - taken[own]
    state = np.select(
        [(n_taken == 0) | (times >= left[own]), since < down[own], since <= down[own] + cycle[own]],
        [STATES.index("starved"), STATES.index("down"), STATES.index("busy")],
        STATES.index("blocked"),
    )
    return state, n_taken, n_left
