"""Words and numbers as a model card shows them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from goldenbatch.core.records import EPOCH

MOST_NAMES: Final = 24
"""So many names stand in a line; of more, how many there are."""


class When:
    """Times in the zone of the home, with its offset.

    Args:
        zone: IANA name.
    """

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)

    def __call__(self, micros: int | None) -> str:
        """A time for people; nothing where there is none."""
        if micros is None:
            return ""
        moment = EPOCH + timedelta(microseconds=micros)
        return moment.astimezone(self._zone).strftime("%Y-%m-%d %H:%M:%S %z")


def listed(names: Iterable[str], most: int = MOST_NAMES) -> str:
    """Names in a line; of many, the first ones and how many there are.

    >>> listed(["a", "b"]), listed("abcd", 2)
    ('a, b', 'a, b and 2 more (4 in all)')
    """
    found = list(names)
    if len(found) <= most:
        return ", ".join(found)
    return f"{', '.join(found[:most])} and {len(found) - most} more ({len(found)} in all)"


def plain(name: str) -> str:
    """A name of a measure or a record as words.

    >>> plain("rmse_left_out"), plain("ModelTrained")
    ('rmse left out', 'model trained')
    """
    parts = re.findall(r"[A-Z][a-z0-9]*", name)
    return " ".join(parts).lower() if parts else name.replace("_", " ")


def number(value: float | None) -> str:
    """A number with four digits; nothing where there is none.

    >>> number(1.23456), number(None)
    ('1.235', '')
    """
    return "" if value is None else "not found" if value != value else f"{value:.4g}"  # noqa: PLR0124
