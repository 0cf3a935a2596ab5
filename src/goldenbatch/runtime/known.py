"""The view as known now: the same ticks over source time, late and corrected data in place.

Let T_k be the running maximum, over all that live had seen up to tick k, of the times that
the plant gave: source times of readings, and of events `performed_at` or the time in the
body (`source_time`). A time later than the clock of its own tick does not count: it is the
future. T_0 lies before everything.

- `new_readings` at tick k: the newest known versions of readings with
  T_(k-1) < time <= T_k, by time and then tag. A reading that came late is seen where it
  belongs; one that was corrected is seen once, with its newest value.
- `read`: newest known versions, cut off after T_k.
- An event *takes effect* at the first tick with T_k >= its source time, but not later than
  live saw it; one without a source time takes effect where live saw it, or before, with the
  first timed event that follows in its stream (a sample entered late comes with its result).
  `new_events` at tick k are the events that take effect there, in ledger order.
- Corrections are applied to what they correct and do not appear themselves.
- What came after the last tick is known too: timed events and readings up to T_n are placed
  by their time, events without a time are left out.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from goldenbatch.core.analyst import Tick
from goldenbatch.core.plant import Plant
from goldenbatch.core.series import Series
from goldenbatch.runtime._ahead import Ahead
from goldenbatch.runtime._corrections import corrected, source_time
from goldenbatch.runtime._occupancy import Occupancy
from goldenbatch.runtime.serving import models_of
from goldenbatch.runtime.views import PlantHistory, Stores, empty_series, read_by_kind

if TYPE_CHECKING:
    from goldenbatch.core.prediction import ServedModel
    from goldenbatch.core.records import Event

EARLIEST = -2_208_988_800_000_000
"""1900-01-01: before all readings that a historian takes."""

_TICKS_AT_ONCE = 256


@dataclass(frozen=True)
class KnownView:
    """The plant as known now, cut off at a tick's source time; see the module."""

    views: KnownViews
    tick: Tick
    after: int
    upto: int
    plant: Plant
    occupancy: Occupancy

    def new_events(self, kinds: Collection[str]) -> Sequence[Event]:
        """Events of these kinds that take effect at the tick, in ledger order."""
        return [event for event in self.views.effects(self.tick.number) if event.kind in kinds]

    def events(self, kinds: Collection[str], stream_prefix: str = "") -> Sequence[Event]:
        """All events of these kinds that took effect up to the tick, in ledger order."""
        found = [
            event
            for number in range(1, self.tick.number + 1)
            for event in self.views.effects(number)
            if event.kind in kinds and event.stream.startswith(stream_prefix)
        ]
        return sorted(found, key=lambda event: event.seq)

    def new_readings(self, tags: Sequence[str]) -> Series:
        """Readings of these tags between the last tick's source time and this one's."""
        if self.after >= self.upto:
            return empty_series()
        historian, between = self.views.stores.historian, self.views.between
        return read_by_kind(historian, tags, lambda names: between(names, self.after, self.upto))

    def read(self, tags: Sequence[str], window: tuple[int, int]) -> Series:
        """Newest versions of readings of a window, cut off after the tick's source time."""
        start, end = max(window[0], EARLIEST), min(window[1], self.upto + 1)
        if start >= end:
            return empty_series()
        historian = self.views.stores.historian
        return read_by_kind(historian, tags, lambda names: historian.read(names, (start, end)))

    def artefact(self, digest: str) -> bytes:
        """Content of the registry, checked against its digest."""
        return self.views.stores.registry.get(digest)

    def model(self, use: str) -> ServedModel:
        """The model that was active for a use at the tick: acts on models are never back-dated."""
        return self.views.models.at(use, self.tick.ledger_seq)

    def batch_at(self, place: str, time: int) -> str:
        """Batch that occupied a place at a time; empty when none did."""
        return self.occupancy.at(place, time)


class KnownViews:
    """Views as known now of the logged ticks; made for rising ticks."""

    def __init__(self, stores: Stores, ticks: Sequence[Tick]) -> None:
        self.stores, self.models = stores, models_of(stores)
        events = list(stores.ledger.events())
        self._source_times = source_times(stores, ticks, events)
        self._effects = _effects(ticks, self._source_times, events)
        self.between = Ahead(self._source_times, self._by_time, lambda one: one.times()).between
        self._plants = PlantHistory(stores.ledger)
        self._occupancy = Occupancy()
        self._folded = 0

    def _by_time(self, names: list[str], after: int, upto: int) -> Series:
        series = self.stores.historian.read(names, (after + 1, upto + 1))
        order = [("time", "ascending"), ("tag", "ascending")]
        return Series(series.kind, series.table.sort_by(order))

    def effects(self, number: int) -> Sequence[Event]:
        """Events that take effect at a tick."""
        return self._effects.get(number, ())

    def at(self, tick: Tick, previous: Tick) -> KnownView:
        """View of a tick whose predecessor is given."""
        if tick.number < self._folded:
            self._occupancy, self._folded = Occupancy(), 0
        for number in range(self._folded + 1, tick.number + 1):
            self._occupancy.add(self.effects(number))
        self._folded = tick.number
        times = self._source_times
        after = times[previous.number - 1] if previous.number else EARLIEST - 1
        plant = self._plants.at(tick.ledger_seq, tick.at)
        return KnownView(self, tick, after, times[tick.number - 1], plant, self._occupancy)


def source_times(stores: Stores, ticks: Sequence[Tick], events: Sequence[Event]) -> list[int]:
    """T_k of each tick, in microseconds UTC; see the module."""
    newest = _newest_readings(stores, ticks)
    last_events = [tick.ledger_seq for tick in ticks]
    for event in events:
        place = bisect_left(last_events, event.seq)
        time = source_time(event) if place < len(ticks) else None
        if time is not None and time <= ticks[place].at:
            newest[place] = max(newest[place], time)
    running, times = EARLIEST, []
    for time in newest:
        running = max(running, time)
        times.append(running)
    return times


def _newest_readings(stores: Stores, ticks: Sequence[Tick]) -> list[int]:
    """Newest source time among the readings that each tick brought."""
    import numpy as np

    newest = np.full(len(ticks), EARLIEST, dtype=np.int64)
    by_kind: dict[str, list[str]] = {}
    for tag, kind in stores.historian.tags().items():
        by_kind.setdefault(kind, []).append(tag)
    clocks = np.array([tick.at for tick in ticks], dtype=np.int64)
    for first in range(0, len(ticks), _TICKS_AT_ONCE):
        block = ticks[first : first + _TICKS_AT_ONCE]
        after = ticks[first - 1].historian_seq if first else 0
        ends = np.array([tick.historian_seq for tick in block])
        for tags in by_kind.values():
            if after >= block[-1].historian_seq:
                continue
            series = stores.historian.since(tags, after, block[-1].historian_seq)
            places = first + np.searchsorted(ends, series.seqs())
            times = series.times()
            is_past = times <= clocks[places]
            np.maximum.at(newest, places[is_past], times[is_past])
    return [int(time) for time in newest]


def _effects(
    ticks: Sequence[Tick], times: Sequence[int], events: Sequence[Event]
) -> dict[int, list[Event]]:
    """Tick number to the events that take effect there, in ledger order."""
    last_events = [tick.ledger_seq for tick in ticks]
    never = len(ticks)
    following: dict[str, int] = {}
    placed: list[tuple[int, Event]] = []
    for event in reversed(corrected(events)):
        seen = bisect_left(last_events, event.seq)
        time = source_time(event)
        if time is None:
            place = min(seen, following.get(event.stream, never))
        else:
            place = min(seen, bisect_left(times, time))
            following[event.stream] = min(place, following.get(event.stream, never))
        placed.append((place, event))
    effects: dict[int, list[Event]] = {}
    for place, event in reversed(placed):
        if place < never:
            effects.setdefault(place + 1, []).append(event)
    return effects
