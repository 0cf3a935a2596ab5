"""What a unit of the demonstration plant shows: numbers in a batch, and which batch and phase."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from goldenbatch.apps.demo.schedule import Slot, Unit

TEXTS = ("batch", "phase")
Row = tuple[int, float | str]
"""Time in microseconds UTC, and what was shown from then on."""


def shown_at(unit: Unit, signals: Sequence[str], now: int, epoch: int) -> dict[str, Row]:
    """What a unit shows at a time, each with the time of its own measurement.

    Between two batches the numbers stand still: nothing is measured, and nothing is told.
    """
    slot = _slot(unit, now, epoch)
    hours = slot.hours(now)
    course = slot.course
    row = max(0, int(np.searchsorted(course.times_h, hours, side="right")) - 1)
    at = min(slot.at(float(course.times_h[row])), now)
    shown: dict[str, Row] = {one: (at, float(course.signals[one][row])) for one in signals}
    phase = course.phase_at(hours)
    for name, value in (("batch", course.batch if phase else ""), ("phase", phase)):
        shown[name] = (min(_since(slot, now), now), value)
    return shown


def _slot(unit: Unit, now: int, epoch: int) -> Slot:
    """The batch that runs, or the last one that did; the first one before it begins."""
    return unit.slot(max(unit.first, unit.number_at(now, epoch)), epoch)


def _since(slot: Slot, now: int) -> int:
    """When batch and phase became what they are."""
    times = [one for one, _, _ in _changes(slot) if one <= now]
    return times[-1] if times else slot.start


def _changes(slot: Slot) -> Iterator[tuple[int, str, str]]:
    """(time, batch, phase) of each change within a batch, its end included."""
    for phase, begins in slot.course.phases:
        yield slot.at(begins), slot.course.batch, phase
    yield slot.end, "", ""


def rows_between(unit: Unit, signal: str, window: tuple[int, int], epoch: int) -> list[Row]:
    """All that a signal showed from one time to another, both included."""
    first, last = window
    numbers = range(max(unit.first, unit.number_at(first, epoch)), unit.number_at(last, epoch) + 1)
    rows: list[Row] = []
    for slot in (unit.slot(number, epoch) for number in numbers):
        if signal in TEXTS:
            place = 1 + TEXTS.index(signal)
            rows += [(one[0], str(one[place])) for one in _changes(slot)]
        else:
            values = slot.course.signals[signal].tolist()
            times = [slot.at(time) for time in slot.course.times_h.tolist()]
            rows += list(zip(times, values, strict=True))
    return [one for one in rows if first <= one[0] <= last]
