"""The text of local times: formats, foreign month names, fractions rounded once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import Literal

from goldenbatch.core._months import month_of
from goldenbatch.core.errors import BadInputError

SECOND = 1_000_000
"""Microseconds of a second."""


class LocalTimeError(BadInputError):
    """A local time that cannot be resolved: no time, missing, or of the repeated hour.

    Attributes:
        reason: `unreadable`, `missing` (the clock sprang over it) or `repeated`.
    """

    def __init__(
        self, message: str, reason: Literal["unreadable", "missing", "repeated"], hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint or "Correct the time or its zone in the source card.")
        self.reason = reason


@dataclass(frozen=True)
class TimeFormat:
    """How a source writes local times.

    Attributes:
        pattern: Directives of `strptime` (`%d %m %Y %y %H %I %M %S %f %p %b %B %z`); empty:
            ISO 8601. `%b` and `%B` take names in any of the supported languages, and `%f` any
            number of digits. A missing day or time is the first.
        language: Restricts month names to one language (`sl`, `de`, ...); empty: all.
    """

    pattern: str = ""
    language: str = ""


@dataclass(frozen=True)
class LocalTime:
    """A local time as it was read: naive moment, and offset if the text had one."""

    moment: datetime
    offset: timedelta | None = None


_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?\s*(Z|[+-]\d\d:?\d\d)?"
)
_PIECES = {
    "d": r"(?P<d>\d{1,2})", "m": r"(?P<m>\d{1,2})", "Y": r"(?P<Y>\d{4})", "y": r"(?P<y>\d\d)",
    "H": r"(?P<H>\d{1,2})", "I": r"(?P<I>\d{1,2})", "M": r"(?P<M>\d{1,2})",
    "S": r"(?P<S>\d{1,2})", "f": r"(?P<f>\d+)", "p": r"(?P<p>[AaPp]\.?[Mm]\.?)",
    "b": r"(?P<b>[^\W\d_]+\.?)", "B": r"(?P<b>[^\W\d_]+\.?)", "z": r"(?P<z>Z|[+-]\d\d:?\d\d)",
    "%": "%",
}  # fmt: skip


@lru_cache(maxsize=256)
def _compile(pattern: str) -> re.Pattern[str]:
    parts: list[str] = []
    for piece in re.findall(r"%.|\s+|[^%\s]|%", pattern, re.DOTALL):
        if piece.startswith("%"):
            if piece[1:] not in _PIECES:
                raise BadInputError(
                    f"time format {pattern!r} has the unknown directive {piece!r}.",
                    hint=f"Known: {' '.join('%' + key for key in _PIECES)}.",
                )
            parts.append(_PIECES[piece[1:]])
        else:
            parts.append(r"\s+" if piece.isspace() else re.escape(piece))
    try:
        return re.compile("".join(parts))
    except re.error as error:
        raise BadInputError(f"time format {pattern!r} names a part twice.") from error


def parse_local(text: str, form: TimeFormat | None = None) -> LocalTime:
    """Read a local time, rounded once to the microsecond, half to even.

    Raises:
        LocalTimeError: The text is not of the format, or no such day or time exists.

    >>> parse_local("maj.19", TimeFormat("%b.%y")).moment
    datetime.datetime(2019, 5, 1, 0, 0)
    """
    form = form or TimeFormat()
    found = (_compile(form.pattern) if form.pattern else _ISO).fullmatch(text.strip())
    if found is None:
        wanted = f"the format {form.pattern!r}" if form.pattern else "ISO 8601"
        raise LocalTimeError(f"time {text!r} is not of {wanted}.", "unreadable")
    if form.pattern:
        parts = found.groupdict()
    else:
        parts = dict(zip("YmdHMSfz", found.groups(), strict=True))
    try:
        return _assemble(parts, form)
    except (ValueError, OverflowError) as error:
        raise LocalTimeError(f"time {text!r} does not exist: {error}.", "unreadable") from error


def _assemble(parts: dict[str, str | None], form: TimeFormat) -> LocalTime:
    hour = int(parts.get("H") or parts.get("I") or 0)
    if parts.get("I"):
        if not 1 <= hour <= 12:
            raise ValueError(f"{hour} is no hour of a 12-hour clock")
        hour = hour % 12 + (12 if (parts.get("p") or "").lower().startswith("p") else 0)
    month = (
        month_of(parts["b"] or "", form.language) if parts.get("b") else int(parts.get("m") or 1)
    )
    short = parts.get("y")
    # POSIX: 69..99 are of the last century.
    year = int(short) + (1900 if int(short) >= 69 else 2000) if short else int(parts.get("Y") or 1)
    if year == 1:
        raise ValueError("the format has no year")
    moment = datetime(
        year,
        month,
        int(parts.get("d") or 1),
        hour,
        int(parts.get("M") or 0),
        int(parts.get("S") or 0),
    )
    fraction = Decimal(f"0.{parts.get('f') or 0}") * SECOND
    micros = int(fraction.to_integral_value(rounding=ROUND_HALF_EVEN))
    return LocalTime(moment + timedelta(microseconds=micros), _offset(parts.get("z")))


def _offset(text: str | None) -> timedelta | None:
    if not text:
        return None
    if text == "Z":
        return timedelta(0)
    sign = -1 if text[0] == "-" else 1
    return sign * timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))


_PLAIN = {"": "T ", "%Y-%m-%d %H:%M:%S": " ", "%Y-%m-%dT%H:%M:%S": "T"}


def parse_plain(text: str, pattern: str) -> LocalTime | None:
    """The commonest form, many times faster; None: let the thorough way look at it."""
    if len(text) != 19 or pattern not in _PLAIN or text[10] not in _PLAIN[pattern]:
        return None
    if text[4] != "-" or text[16] != ":":
        return None
    try:
        return LocalTime(datetime.fromisoformat(text))
    except ValueError:
        return None
