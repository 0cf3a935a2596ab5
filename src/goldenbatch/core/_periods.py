"""Periods of retention: durations of the calendar (ISO 8601) and the last moment of a date."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from goldenbatch.core.records import EPOCH, from_iso

_PERIOD = re.compile(r"^P(?=\d)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?$")
_DATE = re.compile(r"^(\d{4})-(\d{2})(?:-(\d{2}))?$")
_BEHIND = timedelta(hours=12)
"""A date ends last in the zone that is furthest behind UTC."""


@dataclass(frozen=True)
class Period:
    """A duration of the calendar: years and months are not numbers of days."""

    months: int = 0
    days: int = 0
    text: str = "P0D"

    @classmethod
    def parse(cls, text: str) -> Period:
        """A period from ISO 8601.

        Raises:
            ValueError: It is none, or has hours.

        >>> Period.parse("P1Y6M").months
        18
        """
        found = _PERIOD.match(text)
        if not found:
            raise ValueError(f"{text!r} is no period of days, weeks, months or years, like P5Y")
        years, months, weeks, days = (int(one or 0) for one in found.groups())
        return cls(12 * years + months, 7 * weeks + days, text)

    def after(self, micros: int) -> int | None:
        """The end of the period after a moment; None: beyond the calendar, so never.

        A day that a month lacks becomes the first of the next: what is kept is kept longer.

        >>> from goldenbatch.core.records import to_iso
        >>> to_iso(Period.parse("P1Y").after(from_iso("2024-02-29T00:00:00Z")))[:10]
        '2025-03-01'
        """
        try:
            start = EPOCH + timedelta(microseconds=micros)
            year, month = divmod(start.year * 12 + start.month - 1 + self.months, 12)
            try:
                moved = start.replace(year=year, month=month + 1)
            except ValueError:
                moved = start.replace(year=year, month=month + 2, day=1)
            return (moved + timedelta(days=self.days) - EPOCH) // timedelta(microseconds=1)
        except (OverflowError, ValueError):
            return None


def last_moment(text: str) -> int | None:
    """The moment by which a date is over everywhere: `2027-03`, `2027-03-31`, or a time.

    Returns:
        None for what is no such date: nothing may be concluded from it.

    >>> from goldenbatch.core.records import to_iso
    >>> to_iso(last_moment("2027-02"))
    '2027-03-01T12:00:00.000000Z'
    """
    found = _DATE.match(text.strip())
    try:
        if not found:
            return from_iso(text.strip())
        year, month, day = int(found[1]), int(found[2]), int(found[3] or 1)
        start = datetime(year, month, day, tzinfo=UTC)
        if found[3]:
            end = start + timedelta(days=1)
        else:
            end = start.replace(year=year + month // 12, month=month % 12 + 1)
        return (end + _BEHIND - EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return None
