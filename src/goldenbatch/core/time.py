"""Time: local clocks with their IANA zone, months of many languages, manufacturing days.

Everything else in the platform holds int64 microseconds UTC. Here, once, the time that a
source wrote down becomes that number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from goldenbatch.core._time_text import (
    SECOND,
    LocalTime,
    LocalTimeError,
    TimeFormat,
    parse_local,
    parse_plain,
)
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.records import EPOCH
from goldenbatch.core.site import Window

HOUR = 3600 * SECOND
"""Microseconds of an hour."""

__all__ = [
    "HOUR", "SECOND", "LocalClock", "LocalTime", "LocalTimeError", "ManufacturingCalendar", "Shift",
    "TimeFormat", "Window", "load_zone", "local_text", "parse_local", "to_micros",
]  # fmt: skip


@lru_cache(maxsize=64)
def load_zone(name: str) -> ZoneInfo:
    """The IANA zone of a name.

    Raises:
        BadInputError: There is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadInputError(
            f"{name!r} is no IANA time zone.", hint="Give one such as Europe/Ljubljana or UTC."
        ) from error


def to_micros(moment: datetime) -> int:
    """Microseconds UTC of an aware datetime.

    Raises:
        ValueError: It has no zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no zone")
    return (moment.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)


def local_text(micros: int, zone: str) -> str:
    """Local time of a moment as ISO 8601 with its offset, for people.

    >>> local_text(1_541_000_000_000_000, "Europe/Ljubljana")
    '2018-10-31T16:33:20+01:00'
    """
    return (EPOCH + timedelta(microseconds=micros)).astimezone(load_zone(zone)).isoformat()


class LocalClock:
    """Turns the local times of one file, in the order of its rows, into microseconds UTC.

    In the repeated hour of autumn a row alone does not say which of the two it is. The clock
    remembers the row before: a time that runs back by most of an hour starts the second pass.
    If no order can tell (the first row of a file, an hour of silence, a small step back), the
    row is refused for quarantine, unless `repeated` says otherwise.

    Args:
        zone: IANA zone of the source.
        form: How it writes times.
        repeated: `order` as above; `refuse` quarantines the whole repeated hour; `first` and
            `second` take that pass always (for sources that are known to do so).

    >>> clock = LocalClock("Europe/Ljubljana")
    >>> _ = clock.micros("2019-10-27 01:59:50")
    >>> first, second = clock.micros("2019-10-27 02:50:00"), clock.micros("2019-10-27 02:10:00")
    >>> (second - first) // 60_000_000
    20
    """

    def __init__(
        self,
        zone: str,
        form: TimeFormat | None = None,
        repeated: Literal["order", "refuse", "first", "second"] = "order",
    ) -> None:
        self.zone = load_zone(zone)
        self.form = form or TimeFormat()
        self.repeated = repeated
        self._before: int | None = None
        self._offsets: dict[int, timedelta | None] = {}

    def micros(self, text: str) -> int:
        """Microseconds UTC of the next row's time.

        Raises:
            LocalTimeError: The text is no time, falls into the missing hour, or cannot be
                told apart in the repeated hour. The clock then goes on as if it had not been.
        """
        local = parse_plain(text, self.form.pattern) or parse_local(text, self.form)
        if local.offset is not None:
            found = (local.moment - local.offset - _NAIVE_EPOCH) // _MICRO
        else:
            found = self._resolve(local.moment, text)
        self._before = found
        return found

    def _resolve(self, moment: datetime, text: str) -> int:
        try:
            return self._offset_applied(moment, text)
        except OverflowError as error:
            # Year 9999 stands for "never" in many systems; in UTC it may be beyond the calendar.
            message = f"time {text!r} lies beyond the calendar in {self.zone.key}."
            raise LocalTimeError(message, "unreadable") from error

    def _offset_applied(self, moment: datetime, text: str) -> int:
        day = moment.toordinal()
        if day not in self._offsets:
            self._offsets[day] = _offset_of_day(moment, self.zone)
        offset = self._offsets[day]
        if offset is not None:
            return (moment - offset - _NAIVE_EPOCH) // _MICRO
        first, second = _passes(moment, self.zone)
        if first == second:
            return first
        if first > second:
            raise LocalTimeError(
                f"time {text!r} does not exist in {self.zone.key}: the clock sprang over it.",
                "missing",
            )
        if self.repeated in ("first", "second"):
            return first if self.repeated == "first" else second
        chosen = self._by_order(first, second) if self.repeated == "order" else None
        if chosen is None:
            raise LocalTimeError(
                f"time {text!r} occurs twice in {self.zone.key}, and the order of the rows does "
                "not tell which is meant.",
                "repeated",
                hint="State the offset in the source, or set `repeated` in the source card.",
            )
        return chosen

    def _by_order(self, first: int, second: int) -> int | None:
        """The pass that continues the rows before, within the length of both passes."""
        if self._before is None or self._before > second:
            return None
        if self._before > first:
            # A small step back is a row out of order, not the second pass.
            return second if second - self._before < self._before - first else None
        # A first reading after a long silence could be of either pass.
        return first if first - self._before < second - first else None


_MICRO = timedelta(microseconds=1)
_NAIVE_EPOCH = EPOCH.replace(tzinfo=None)


def _offset_of_day(moment: datetime, zone: ZoneInfo) -> timedelta | None:
    """The only offset of a local day; None when the clock changes on it or beside it."""
    if moment.year in (1, 9999):
        return None
    start = datetime(moment.year, moment.month, moment.day)
    offsets = {
        (start + timedelta(hours=hour)).replace(tzinfo=zone, fold=fold).utcoffset()
        for hour in range(25)
        for fold in (0, 1)
    }
    return offsets.pop() if len(offsets) == 1 else None


def _passes(moment: datetime, zone: ZoneInfo) -> tuple[int, int]:
    """Both readings of a local time: equal; first later: missing; first earlier: repeated."""
    first = to_micros(moment.replace(tzinfo=zone, fold=0))
    second = to_micros(moment.replace(tzinfo=zone, fold=1))
    return first, second


@dataclass(frozen=True)
class Shift:
    """One shift of one manufacturing day, `[start, end)` in microseconds UTC."""

    day: date
    name: str
    window: Window


@dataclass(frozen=True)
class ManufacturingCalendar:
    """Manufacturing days and shifts of a site, right across changes of the clock.

    Attributes:
        zone: IANA zone of the site.
        starts_at: Local time at which the manufacturing day starts.
        shifts: Pairs (name, local start), in the order of the day, the first one at its start.
    """

    zone: str
    starts_at: clock_time = clock_time(6)
    shifts: Sequence[tuple[str, clock_time]] = ()

    def __post_init__(self) -> None:
        """Refuse shifts that do not follow one another through the day."""
        load_zone(self.zone)
        if not self.shifts:
            return
        starts = [self._into_day(start) for _, start in self.shifts]
        if starts[0] != 0 or starts != sorted(set(starts)):
            raise BadInputError(
                f"shifts {', '.join(name for name, _ in self.shifts)} do not follow one another "
                f"from the start of the day, {self.starts_at:%H:%M}.",
                hint="List them in order; the first one starts with the day.",
            )

    def _into_day(self, start: clock_time) -> int:
        minutes = (start.hour - self.starts_at.hour) * 60 + start.minute - self.starts_at.minute
        return minutes % (24 * 60)

    def day_of(self, micros: int) -> date:
        """Manufacturing day of a moment, named after the local date of its start.

        >>> ManufacturingCalendar("UTC").day_of(5 * 3600 * 1_000_000).isoformat()
        '1969-12-31'
        """
        local = (EPOCH + timedelta(microseconds=micros)).astimezone(load_zone(self.zone))
        guess = local.date()
        for day in (guess + timedelta(days=1), guess):
            if micros >= self._start(day):
                return day
        return guess - timedelta(days=1)

    def window(self, day: date) -> Window:
        """The manufacturing day; 23 or 25 hours long when the clock changes in it."""
        return self._start(day), self._start(day + timedelta(days=1))

    def shifts_of(self, day: date) -> tuple[Shift, ...]:
        """The shifts of a day; together they are the day."""
        ends = [*(self._at(day, start) for _, start in self.shifts), self.window(day)[1]]
        return tuple(
            Shift(day, name, (ends[number], ends[number + 1]))
            for number, (name, _) in enumerate(self.shifts)
        )

    def shift_of(self, micros: int) -> Shift | None:
        """The shift of a moment; None if the site has no shifts."""
        for shift in self.shifts_of(self.day_of(micros)):
            if shift.window[0] <= micros < shift.window[1]:
                return shift
        return None

    def _start(self, day: date) -> int:
        return self._at(day, self.starts_at)

    def _at(self, day: date, start: clock_time) -> int:
        """A local time of a manufacturing day; a missing one is when the clock has sprung."""
        is_next = (start.hour, start.minute) < (self.starts_at.hour, self.starts_at.minute)
        moment = datetime.combine(day + timedelta(days=1 if is_next else 0), start)
        first, second = _passes(moment, load_zone(self.zone))
        return first if first <= second else _end_of_gap(moment, load_zone(self.zone))


def _end_of_gap(moment: datetime, zone: ZoneInfo) -> int:
    """First moment after the gap that a missing local time lies in."""
    first, second = _passes(moment, zone)
    # Offsets differ between the two readings; the change lies between them, to the minute.
    lower, upper = second, first
    offset = _offset_at(upper, zone)
    while upper - lower > SECOND:
        middle = (lower + upper) // 2 // SECOND * SECOND
        if middle == lower:
            break
        lower, upper = (lower, middle) if _offset_at(middle, zone) == offset else (middle, upper)
    return upper


def _offset_at(micros: int, zone: ZoneInfo) -> timedelta:
    moment = (EPOCH + timedelta(microseconds=micros)).astimezone(zone)
    return moment.utcoffset() or timedelta(0)
