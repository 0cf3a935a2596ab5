"""Months and days as trial files write them, as whole numbers in their order."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from goldenbatch.core.errors import BadInputError

_NAMES: Final = {
    1: "jan januar january",
    2: "feb februar february",
    3: "mar marec march mär märz mrz",
    4: "apr april",
    5: "may maj mai",
    6: "jun junij june juni",
    7: "jul julij july juli",
    8: "aug avg avgust august",
    9: "sep sept september",
    10: "oct okt oktober october",
    11: "nov november",
    12: "dec dez december dezember",
}
MONTHS: Final = {name: number for number, names in _NAMES.items() for name in names.split()}
"""Names of months in English, German and Slovenian."""

_NAMED = re.compile(r"^([^\W\d_]+)[\s./-]*(\d{4}|\d{2})$")
_ISO = re.compile(r"^(\d{4})-(\d{1,2})(?:-(\d{1,2}))?(?:[Tt ].*)?$")


def month_number(text: str, names: Mapping[str, int] | None = None) -> int | None:
    """Months since year 0; None where it is no month.

    >>> month_number("maj.20") - month_number("2019-12-31"), month_number("spring")
    (5, None)
    """
    cleaned = text.strip().lower()
    if found := _ISO.match(cleaned):
        month = int(found[2])
        return int(found[1]) * 12 + month - 1 if 1 <= month <= 12 else None
    known = MONTHS | {name.lower(): number for name, number in (names or {}).items()}
    if (found := _NAMED.match(cleaned)) and found[1] in known:
        year = int(found[2])
        return (year if year > 99 else 2000 + year) * 12 + known[found[1]] - 1
    return None


def day_number(text: str) -> int | None:
    """Days since year 1; None where it is no day.

    >>> day_number("2020-03-01") - day_number("2020-02-28")
    2
    """
    found = _ISO.match(text.strip())
    if not found or found[3] is None:
        return None
    try:
        return date(int(found[1]), int(found[2]), int(found[3])).toordinal()
    except ValueError:
        return None


def period_numbers(
    cells: Sequence[Any], column: str, period: str, names: Mapping[str, int]
) -> list[int]:
    """Periods of rows.

    Raises:
        BadInputError: A cell is no such period.
    """
    if period == "order":
        return list(range(len(cells)))
    found = []
    for row, cell in enumerate(cells, start=1):
        number = _number(cell, period, names)
        if number is None:
            raise BadInputError(
                f"row {row} of column {column!r} has {cell!r}, which is no {period}.",
                hint="Months are written nov.18 or 2018-11, days 2018-11-30; name other months "
                "under settings.months, or set settings.period.",
                key="columns.time",
            )
        found.append(number)
    return found


def _number(cell: Any, period: str, names: Mapping[str, int]) -> int | None:
    if isinstance(cell, str):
        return month_number(cell, names) if period == "month" else day_number(cell)
    # A column of numbers counts periods by itself.
    return int(cell) if math.isfinite(cell) and float(cell).is_integer() else None


def period_label(number: int, period: str) -> str:
    """A period as people write it.

    >>> period_label(24226, "month"), period_label(7, "order")
    ('2018-11', '7')
    """
    if period == "month" and number >= 12:
        return f"{number // 12:04d}-{number % 12 + 1:02d}"
    if period == "day" and number >= 1:
        return date.fromordinal(number).isoformat()
    return str(number)
