"""When readings of a place are to be judged: while a batch, or named phases of it, ran there.

A model names the states that it is valid in and is silent outside them: a spectrum of rinsing
water is no batch that went wrong. What ran is often known only after the readings are there, and
may be corrected; the gate then says which windows opened and which closed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from goldenbatch.core.batches import (
    BatchCorrected,
    BatchCreated,
    BatchEnded,
    EquipmentStatusChanged,
    PhaseCorrected,
    PhaseEnded,
    PhaseStarted,
)
from goldenbatch.core.records import Body, Event, from_iso

FOREVER: Final = 2**62
KINDS: Final = frozenset(
    one.kind
    for one in (
        BatchCorrected, BatchCreated, BatchEnded, EquipmentStatusChanged, PhaseCorrected,
        PhaseEnded, PhaseStarted,
    )
)  # fmt: skip
"""Kinds of events that a gate reads."""
MAX_BATCHES: Final = 500
"""Ended batches that are remembered: corrections of older ones open and close nothing."""
Span = tuple[int, int]


@dataclass
class Gate:
    """What ran at a place, folded from events; its state is plain JSON.

    Attributes:
        place: Where the readings are from; what runs at it or around it counts.
        phases: Names of phases in which readings count; none: in all of a batch.
        silent: Equipment statuses in which they do not, whatever runs.
        batches: Batch to its place, start and end.
        runs: Batch, place, phase and run as JSON to start and end.
        statuses: Changes of the equipment status of the place, time and status, in order.
    """

    place: str
    phases: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    batches: dict[str, list[Any]] = field(default_factory=dict)
    runs: dict[str, list[Any]] = field(default_factory=dict)
    statuses: list[list[Any]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """What it has read, to go on from."""
        return {"batches": self.batches, "runs": self.runs, "statuses": self.statuses}

    def read(self, kept: dict[str, Any] | None) -> Gate:
        """Go on from what was kept; the given stays as it is."""
        if kept:
            copy = json.loads(json.dumps(kept))
            self.batches, self.runs = copy["batches"], copy["runs"]
            self.statuses = copy["statuses"]
        return self

    def take(self, events: Iterable[Event]) -> bool:
        """Fold further events, in ledger order; whether any was of the place."""
        is_new = False
        for event in events:
            body = event.decode()
            if body is not None and event.kind in KINDS:
                is_new = self._take(body) or is_new
        if is_new:
            self._forget()
        return is_new

    def _is_here(self, place: str) -> bool:
        return bool(place) and (self.place == place or self.place.startswith(f"{place}/"))

    def _take(self, body: Body) -> bool:
        if isinstance(body, EquipmentStatusChanged):
            if not self._is_here(body.place):
                return False
            self.statuses.append([body.at, body.status.value])
            self.statuses.sort(key=lambda one: one[0])
            return True
        if isinstance(body, PhaseStarted | PhaseEnded | PhaseCorrected):
            return self._phase(body)
        batch = str(getattr(body, "batch", ""))
        known = self.batches.setdefault(batch, ["", None, None])
        if isinstance(body, BatchCreated):
            known[0], known[1] = body.place, body.started_at
        elif isinstance(body, BatchEnded):
            known[2] = body.ended_at
        elif isinstance(body, BatchCorrected) and body.field == "place":
            known[0] = body.new
        elif isinstance(body, BatchCorrected) and body.field in ("started_at", "ended_at"):
            known[1 if body.field == "started_at" else 2] = from_iso(body.new) if body.new else None
        return True

    def _phase(self, body: PhaseStarted | PhaseEnded | PhaseCorrected) -> bool:
        if not self._is_here(body.place):
            return False
        key = json.dumps([body.batch, body.place, body.phase, body.run])
        run = self.runs.setdefault(key, [None, None])
        if isinstance(body, PhaseCorrected):
            run[body.field == "ended_at"] = body.new
        else:
            run[isinstance(body, PhaseEnded)] = body.at
        return True

    def _forget(self) -> None:
        ended = [name for name, one in self.batches.items() if one[2] is not None]
        old = set(ended[: max(0, len(ended) - MAX_BATCHES)])
        if old:
            self.batches = {name: one for name, one in self.batches.items() if name not in old}
            kept = {key: run for key, run in self.runs.items() if json.loads(key)[0] not in old}
            self.runs = kept

    def windows(self) -> list[Span]:
        """Half-open windows in which readings count, in order, none touching another."""
        spans: list[Span] = []
        for key, (start, end) in self.runs.items():
            batch, _, phase, _ = json.loads(key)
            if start is not None and (not self.phases or phase in self.phases):
                last = self.batches.get(batch, ["", None, None])[2]
                spans.append((start, end if end is not None else last or FOREVER))
        for place, start, end in self.batches.values() if not self.phases else ():
            if start is not None and self._is_here(place):
                spans.append((start, FOREVER if end is None else end))
        ends = [*(one[0] for one in self.statuses[1:]), FOREVER][: len(self.statuses)]
        quiet = [
            (at, until)
            for (at, status), until in zip(self.statuses, ends, strict=True)
            if status in self.silent
        ]
        return without(merged(spans), merged(quiet))


def merged(spans: Iterable[Span]) -> list[Span]:
    """Spans in order, those that overlap or touch as one; empty ones left out.

    >>> merged([(5, 7), (1, 3), (3, 4), (9, 9)])
    [(1, 4), (5, 7)]
    """
    found: list[Span] = []
    for start, end in sorted(one for one in spans if one[0] < one[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def without(spans: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """What of merged spans lies in none of the other merged ones.

    >>> without([(0, 10)], [(2, 3), (8, 20)])
    [(0, 2), (3, 8)]
    """
    found: list[Span] = []
    for start, end in spans:
        at = start
        for low, high in others:
            if high <= at or low >= end:
                continue
            if low > at:
                found.append((at, low))
            at = max(at, high)
        if at < end:
            found.append((at, end))
    return found


def covers(spans: Sequence[Span], time: int) -> bool:
    """Whether a time lies in one of the spans."""
    return any(start <= time < end for start, end in spans)
