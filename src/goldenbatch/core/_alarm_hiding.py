"""When alarms are not shown: shelved, suppressed by the state of the equipment, out of service.

References:
    ANSI/ISA-18.2-2016, 11 (shelving, suppression by design, out of service).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

NEVER: Final = 2**62


@dataclass
class Spans:
    """Half-open spans of time in their order, none within another; the newest one counts."""

    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    is_last_ended: bool = False

    def begin(self, start: int, end: int) -> None:
        """A span from now on; what was open ends with it."""
        self.cut(start)
        self.starts.append(start)
        self.ends.append(max(start, end))
        self.is_last_ended = False

    def cut(self, at: int) -> None:
        """End the newest span."""
        if self.ends:
            self.ends[-1] = max(self.starts[-1], min(self.ends[-1], at))
            self.is_last_ended = True

    def end_at(self, at: int) -> int:
        """End of the span that a moment lies in; 0: it lies in none."""
        place = bisect_right(self.starts, at) - 1
        return self.ends[place] if place >= 0 and at < self.ends[place] else 0

    def ends_between(self, first: int, last: int) -> list[int]:
        """Ends of spans from a moment to another, both included."""
        return self.ends[bisect_left(self.ends, first) : bisect_right(self.ends, last)]


@dataclass
class Hiding:
    """What hides alarms.

    Attributes:
        shelved: By alarm.
        out: By alarm.
        states: Place to (moment, state) of its equipment, in time order.
    """

    shelved: dict[str, Spans] = field(default_factory=dict)
    out: dict[str, Spans] = field(default_factory=dict)
    states: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    def put_state(self, place: str, at: int, state: str) -> None:
        """A state that equipment took; of two at one moment the one told last counts."""
        insort(self.states.setdefault(place, []), (at, state), key=_moment)

    def state(self, place: str, at: int) -> str:
        """State of the equipment of a place, or of the nearest place above that has one."""
        for above in _upwards(place):
            known = self.states.get(above, [])
            if (n_before := bisect_right(known, at, key=_moment)) > 0:
                return known[n_before - 1][1]
        return ""

    def edges(self, alarm: str, place: str, first: int, last: int) -> set[int]:
        """Moments, both ends included, at which an alarm may be shown again."""
        found: set[int] = set()
        for spans in (self.shelved.get(alarm), self.out.get(alarm)):
            if spans is not None:
                found.update(spans.ends_between(first, last))
        for above in _upwards(place):
            known = self.states.get(above, [])
            begin, end = (
                bisect_left(known, first, key=_moment),
                bisect_right(known, last, key=_moment),
            )
            found.update(at for at, _ in known[begin:end])
        return found


def _moment(one: tuple[int, str]) -> int:
    return one[0]


def _upwards(place: str) -> Iterator[str]:
    while place:
        yield place
        place = place.rpartition("/")[0]
