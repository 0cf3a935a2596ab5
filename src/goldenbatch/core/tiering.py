"""Tiering of readings: which days go to which cheaper place when, by a signed, versioned policy.

A policy names places by URL and rules by class of data. A day's readings go to a place when all
their tags are of classes that a rule sends there and their time at home is over; a place off the
site takes operational data only. What no rule names stays at home: tiering fails closed.

References:
    21 CFR 211.180(c), 11.10(c); EU GMP Annex 11 (2011), 7.1, 17.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DayFile:
    """A file with readings of one kind and day, as the historian keeps them.

    Attributes:
        kind: Of its readings.
        path: Its name in the table.
        date: The day in UTC, ISO 8601.
        window: The day, half-open, microseconds.
        n_readings: Readings in it, all versions.
        n_bytes: Its size.
        digest: SHA-256 of its bytes.
        tags: Tags that have readings in it, or may have.
        is_compacted: Whether it is the one file of its day.
        tier: Where it lies; empty: at home.
    """

    kind: str
    path: str
    date: str
    window: tuple[int, int]
    n_readings: int
    n_bytes: int
    digest: str
    tags: frozenset[str]
    is_compacted: bool
    tier: str = ""
