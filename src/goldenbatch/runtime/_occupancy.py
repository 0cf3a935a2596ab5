"""Which batch occupied a place at a time, folded from the events of batches and phases."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

from goldenbatch.core.batches import (
    BatchCorrected,
    BatchCreated,
    BatchEnded,
    PhaseCorrected,
    PhaseEnded,
    PhaseStarted,
)
from goldenbatch.core.records import Event, from_iso

KINDS = frozenset(
    one.kind
    for one in (
        BatchCorrected,
        BatchCreated,
        BatchEnded,
        PhaseCorrected,
        PhaseEnded,
        PhaseStarted,
    )
)
_FOREVER = 2**62
_Key = tuple[str, str, str, int]


@dataclass
class _Line:
    """Runs at one place by start, with the running maximum of their ends."""

    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    batches: list[str] = field(default_factory=list)
    latest_end: list[int] = field(default_factory=list)

    def at(self, time: int) -> str:
        place = bisect_right(self.starts, time) - 1
        while place >= 0 and self.latest_end[place] > time:
            if self.ends[place] > time:
                return self.batches[place]
            place -= 1
        return ""


class Occupancy:
    """Fold of phases and batches; the run that started last occupies a place.

    A phase occupies its place and everything inside it; a batch occupies the place that it
    was created at, from its start to its end. The nearest place counts first.
    """

    def __init__(self) -> None:
        self._runs: dict[_Key, list[int | None]] = {}
        self._ends: dict[str, int] = {}
        self._homes: dict[str, str] = {}
        self._lines: dict[str, _Line] | None = None

    def add(self, events: Iterable[Event]) -> None:
        """Fold further events, in ledger order."""
        for event in events:
            if event.kind in KINDS:
                self._add(event)
                self._lines = None

    def _add(self, event: Event) -> None:
        body = event.decode()
        if isinstance(body, PhaseStarted | PhaseEnded):
            run = self._run((body.batch, body.place, body.phase, body.run))
            run[isinstance(body, PhaseEnded)] = body.at
        elif isinstance(body, PhaseCorrected):
            run = self._run((body.batch, body.place, body.phase, body.run))
            run[body.field == "ended_at"] = body.new
        elif isinstance(body, BatchCreated):
            self._homes[body.batch] = body.place
            self._run((body.batch, body.place, "", 0))[0] = body.started_at
        elif isinstance(body, BatchEnded):
            self._ends[body.batch] = body.ended_at
        elif isinstance(body, BatchCorrected):
            self._correct(body)

    def _run(self, key: _Key) -> list[int | None]:
        return self._runs.setdefault(key, [None, None])

    def _correct(self, body: BatchCorrected) -> None:
        key = (body.batch, self._homes.get(body.batch, ""), "", 0)
        if body.field == "place":
            self._homes[body.batch] = body.new
            self._runs[(body.batch, body.new, "", 0)] = self._runs.pop(key, [None, None])
        elif body.field == "started_at":
            self._run(key)[0] = from_iso(body.new) if body.new else None
        elif body.field == "ended_at" and body.new:
            self._ends[body.batch] = from_iso(body.new)

    def at(self, place: str, time: int) -> str:
        """Batch that occupied a place at a time; empty when none did."""
        lines = self._index()
        path = place
        while path:
            line = lines.get(path)
            batch = line.at(time) if line is not None else ""
            if batch:
                return batch
            path = path.rpartition("/")[0]
        return ""

    def _index(self) -> dict[str, _Line]:
        if self._lines is None:
            self._lines = {}
            ordered = sorted(
                (run[0], key, run[1]) for key, run in self._runs.items() if run[0] is not None
            )
            for start, (batch, place, _, _), end in ordered:
                line = self._lines.setdefault(place, _Line())
                stop = self._ends.get(batch, _FOREVER) if end is None else end
                line.starts.append(start)
                line.ends.append(stop)
                line.batches.append(batch)
                line.latest_end.append(max(stop, line.latest_end[-1] if line.latest_end else stop))
        return self._lines
