"""Times of columns: any format and language, local to UTC row by row, microseconds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from goldenbatch.core.errors import BadInputError

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

NO_TIME = -(2**63)
"""Stands for the time of a row that has none."""
UNITS_US = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "min": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
}
MONTHS: dict[str, tuple[str, ...]] = {
    "en": ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    "sl": ("jan", "feb", "mar", "apr", "maj", "jun", "jul", "avg", "sep", "okt", "nov", "dec"),
    "hr": ("sij", "velj", "ožu", "tra", "svi", "lip", "srp", "kol", "ruj", "lis", "stu", "pro"),
    "de": ("jan", "feb", "mär", "apr", "mai", "jun", "jul", "aug", "sep", "okt", "nov", "dez"),
    "nl": ("jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"),
    "da": ("jan", "feb", "mar", "apr", "maj", "jun", "jul", "aug", "sep", "okt", "nov", "dec"),
    "sv": ("jan", "feb", "mar", "apr", "maj", "jun", "jul", "aug", "sep", "okt", "nov", "dec"),
    "no": ("jan", "feb", "mar", "apr", "mai", "jun", "jul", "aug", "sep", "okt", "nov", "des"),
    "fr": ("jan", "fév", "mar", "avr", "mai", "juin", "juil", "aoû", "sep", "oct", "nov", "déc"),
    "it": ("gen", "feb", "mar", "apr", "mag", "giu", "lug", "ago", "set", "ott", "nov", "dic"),
    "es": ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"),
    "pt": ("jan", "fev", "mar", "abr", "mai", "jun", "jul", "ago", "set", "out", "nov", "dez"),
    "pl": ("sty", "lut", "mar", "kwi", "maj", "cze", "lip", "sie", "wrz", "paź", "lis", "gru"),
}
"""Shortest beginnings of month names by language; a longer name is known by its beginning."""

_FIELDS = {
    "Y": r"\d{4}",
    "y": r"\d{2}",
    "m": r"\d{1,2}",
    "d": r"\d{1,2}",
    "H": r"\d{1,2}",
    "I": r"\d{1,2}",
    "p": r"[AaPp]\.?[Mm]\.?",
    "M": r"\d{2}",
    "S": r"\d{2}",
    "f": r"\d{1,9}",
    "b": r"\pL+",
    "B": r"\pL+",
    "z": r"Z|[+-]\d{2}:?\d{2}",
}
_ISO = (
    r"^(?P<Y>\d{4})-(?P<m>\d{2})(?:-(?P<d>\d{2})(?:[T ](?P<H>\d{2}):(?P<M>\d{2})"
    r"(?::(?P<S>\d{2})(?:[.,](?P<f>\d{1,9}))?)?(?P<z>Z|[+-]\d{2}:?\d{2})?)?)?$"
)
_RANGES = {"m": (1, 12), "d": (1, 31), "H": (0, 23), "I": (1, 12), "M": (0, 59), "S": (0, 59)}
_OFFSET_END = 24 * UNITS_US["h"]
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(us|ms|s|min|h|d)")
_BUCKET = 900_000_000  # changes of offset since 1970 fall on quarter hours


@dataclass
class Times:
    """Times of the rows of a column.

    Attributes:
        micros: Microseconds UTC, 0 where refused, shape `(n_rows,)`.
        problems: Reason by row number for each row without a time.
    """

    micros: NDArray[np.int64]
    problems: dict[int, str]


def duration_us(text: str) -> int:
    """Microseconds of a duration such as `1.25 min`.

    Raises:
        ValueError: It is no positive duration with a unit.

    >>> duration_us("1.25 min")
    75000000
    """
    found = _DURATION.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r} is no duration such as '1.25 min'")
    return round(float(found[1]) * UNITS_US[found[2]])


def parse_local(text: str, zone: str) -> int:
    """Microseconds UTC of one ISO 8601 text, local in the zone where it has no offset.

    Raises:
        BadInputError: It is no time, or stands in the repeated or missing hour.
    """
    import pyarrow as pa

    times = parse_times(pa.array([text]), ("iso",), "en", zone)
    if times.problems:
        raise BadInputError(f"{times.problems[0]}.", hint="Give an offset, as in 08:00+01:00.")
    return int(times.micros[0])


def parse_times(
    texts: pa.Array, formats: Sequence[str], months: str | Sequence[str], zone: str
) -> Times:
    """Times of a column of texts in the first format that fits each.

    Args:
        texts: Trimmed texts, shape `(n_rows,)`.
        formats: `iso`, `epoch_s`, `epoch_ms`, `epoch_us`, `epoch_ns` or strptime formats.
        months: Language or twelve names of months.
        zone: IANA zone of texts without an offset.
    """
    n_rows = len(texts)
    micros = np.zeros(n_rows, dtype=np.int64)
    is_open = np.ones(n_rows, dtype=bool)
    is_utc = np.zeros(n_rows, dtype=bool)
    for form in formats:
        rows = np.flatnonzero(is_open)
        if not len(rows):
            break
        part = texts if len(rows) == n_rows else texts.take(rows)
        values, has_offset, is_good = _parse(part, form, months)
        micros[rows[is_good]] = values[is_good]
        is_utc[rows[is_good]] = has_offset[is_good]
        is_open[rows[is_good]] = False
    problems = {
        int(row): f"{texts[int(row)].as_py()!r} is no time of form {' or '.join(formats)}"
        for row in np.flatnonzero(is_open)
    }
    rows = np.flatnonzero(~is_open & ~is_utc)
    utc, refused = to_utc(micros[rows], zone)
    micros[rows] = utc
    problems.update(
        (int(rows[at]), f"{texts[int(rows[at])].as_py()!r} {why}") for at, why in refused.items()
    )
    micros[list(problems)] = 0
    return Times(micros, problems)


def _parse(
    texts: pa.Array, form: str, months: str | Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """(microseconds, has an offset, is good) of each text in one format."""
    import pyarrow.compute as pc

    if form in _EPOCHS:
        return _epochs(texts, form)
    if form == "iso":
        values = _iso_cast(texts)
        if values is not None:
            nowhere = np.zeros(len(texts), dtype=bool)
            return values, nowhere, ~nowhere
    fields = pc.extract_regex(texts, _ISO if form == "iso" else _pattern(form))
    if fields.null_count == len(fields):
        nothing = np.zeros(len(texts), dtype=bool)
        return np.zeros(len(texts), dtype=np.int64), nothing, nothing
    return _combine(fields, months)


_EPOCHS = {"epoch_s": 0, "epoch_ms": 3, "epoch_us": 6, "epoch_ns": 9}
"""Digits after the seconds of times since 1970."""


def _epochs(
    texts: pa.Array, form: str
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    n_digits = _EPOCHS[form]
    fraction = r"(\.\d+)?" if n_digits < 6 else ""
    # An int64 holds 18 digits, and 19 of those that begin with less than a nine.
    digits = rf"\d{{1,{12 + n_digits}}}" if n_digits < 9 else r"(\d{1,18}|[1-8]\d{18})"
    is_number = pc.match_substring_regex(texts, rf"^-?{digits}{fraction}$")
    numbers = pc.if_else(is_number, texts, None)
    if n_digits < 6:
        scale = 10 ** (6 - n_digits)
        values = np.rint(np.nan_to_num(_numpy(numbers.cast(pa.float64()))) * scale)
    else:
        whole_numbers = pc.fill_null(numbers.cast(pa.int64()), 0)
        scale = 10 ** (n_digits - 6)
        values = (_numpy(whole_numbers).astype(np.int64) + scale // 2) // scale
    good = _numpy(is_number).astype(bool)
    return values.astype(np.int64), np.ones(len(texts), dtype=bool), good


def _iso_cast(texts: pa.Array) -> NDArray[np.int64] | None:
    """Local microseconds where all texts are `YYYY-MM-DD hh:mm:ss`: much the most common."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pc.all(pc.equal(pc.binary_length(texts), 19)).as_py():
        return None
    try:
        moments = texts.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        return None
    return _numpy(moments.cast(pa.int64())).astype(np.int64)


def _pattern(form: str) -> str:
    """Regular expression of a strptime format."""
    pieces, at, named = [], 0, set()
    while at < len(form):
        mark = form[at + 1] if form[at] == "%" and at + 1 < len(form) else ""
        if mark in _FIELDS and mark not in named:
            named.add(mark)
            pieces.append(f"(?P<{mark}>{_FIELDS[mark]})")
        elif mark == "%":
            pieces.append("%")
        elif mark:
            raise BadInputError(
                f"time format {form!r}: %{mark} is not known here.",
                hint=f"Use iso, epoch_s, epoch_ms or %{', %'.join(_FIELDS)}, each once.",
            )
        else:
            pieces.append(re.escape(form[at]))
        at += 2 if mark else 1
    if not named & {"Y", "y"} or ("I" in named) != ("p" in named) or {"H", "I"} <= named:
        raise BadInputError(
            f"time format {form!r} leaves the time open.",
            hint="It needs the year, and either %H or %I with %p.",
        )
    return f"^{''.join(pieces)}$"


def _combine(
    fields: pa.StructArray, months: str | Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    names = [field.name for field in fields.type]
    good = ~_numpy(fields.is_null()).astype(bool)
    numbers: dict[str, NDArray[np.int64]] = {}
    for name in names:
        column = pc.struct_field(fields, name)
        if name in ("b", "B"):
            numbers["m"], known = _month_numbers(column, months)
            good &= known
        elif name not in ("f", "z", "p"):
            digits = pc.if_else(pc.equal(column, ""), None, column).cast(pa.int64())
            default = 1 if name in "md" else 0
            numbers[name] = _numpy(digits.fill_null(default)).astype(np.int64)
    for name, (lower, upper) in _RANGES.items():
        if name in numbers:
            good &= (numbers[name] >= lower) & (numbers[name] <= upper)
    if "I" in names:
        is_pm = pc.starts_with(pc.utf8_lower(pc.struct_field(fields, "p").fill_null("")), "p")
        numbers["H"] = numbers["I"] % 12 + 12 * _numpy(is_pm).astype(np.int64)
    days, known = _days(numbers, len(fields))
    good &= known
    micros = days * UNITS_US["d"]
    for name, unit in (("H", "h"), ("M", "min"), ("S", "s")):
        if name in numbers:
            micros = micros + numbers[name] * UNITS_US[unit]
    if "f" in names:
        digits = pc.utf8_rpad(pc.struct_field(fields, "f").fill_null(""), 9, "0")
        nanos = _numpy(digits.cast(pa.int64())).astype(np.int64)
        micros = micros + (nanos + 500) // 1000
    offset, has_offset = _offsets(pc.struct_field(fields, "z") if "z" in names else None, good)
    return micros - offset, has_offset, good & (np.abs(offset) < _OFFSET_END)


def _days(
    numbers: dict[str, NDArray[np.int64]], n_rows: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Days since 1970 and whether the day exists in its month."""
    ones = np.ones(n_rows, dtype=np.int64)
    if "y" in numbers:  # POSIX: 69..99 are 19xx
        year = np.where(numbers["y"] >= 69, 1900, 2000) + numbers["y"]
    else:
        year = numbers.get("Y", ones * 1970)
    month, day = numbers.get("m", ones), numbers.get("d", ones)
    first = ((year - 1970) * 12 + np.clip(month, 1, 12) - 1).astype("datetime64[M]")
    start = first.astype("datetime64[D]").astype(np.int64)
    length = (first + np.timedelta64(1, "M")).astype("datetime64[D]").astype(np.int64) - start
    return start + day - 1, (day <= length) & (year >= 1677) & (year <= 2261)


def _month_numbers(
    names: pa.Array, months: str | Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    import pyarrow.compute as pc

    starts = MONTHS[months] if isinstance(months, str) else tuple(months)
    encoded = pc.utf8_lower(names.fill_null("")).dictionary_encode()
    number = []
    for name in encoded.dictionary.to_pylist():
        found = [at for at, start in enumerate(starts, 1) if name.startswith(start.lower())]
        number.append(found[0] if len(found) == 1 else 0)
    values = np.asarray(number, dtype=np.int64)[_numpy(encoded.indices)]
    return np.maximum(values, 1), values > 0


def _offsets(
    texts: pa.Array | None, good: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    if texts is None:
        return np.zeros(len(good), dtype=np.int64), np.zeros(len(good), dtype=bool)
    encoded = texts.fill_null("").dictionary_encode()
    values = []
    for text in encoded.dictionary.to_pylist():
        sign = -1 if text.startswith("-") else 1
        clock = text.lstrip("Z+-").replace(":", "") or "0000"
        is_clock = int(clock[2:]) < 60
        minutes = int(clock[:2]) * 60 + int(clock[2:]) if is_clock else _OFFSET_END
        values.append((sign * minutes * UNITS_US["min"], bool(text)))
    index = _numpy(encoded.indices)
    return (
        np.asarray([one for one, _ in values], dtype=np.int64)[index],
        np.asarray([has for _, has in values], dtype=bool)[index] & good,
    )


def to_utc(local: NDArray[np.int64], zone: str) -> tuple[NDArray[np.int64], dict[int, str]]:
    """Microseconds UTC of local times, and the reason of each row that has none.

    The repeated hour is resolved by the order of the rows where it goes back exactly once.
    """
    if zone in ("UTC", "Etc/UTC") or not len(local):
        return local, {}
    first, last = _zone_offsets(local, ZoneInfo(zone))
    utc = local - first
    problems = {
        int(row): f"does not exist in {zone}: the clock skipped that hour"
        for row in np.flatnonzero(first < last)
    }
    repeated = np.flatnonzero(first > last)
    if not len(repeated):
        return utc, problems
    nights = local[repeated] // UNITS_US["d"]
    for night in np.unique(nights):
        rows = repeated[nights == night]
        back = np.flatnonzero(np.diff(local[rows]) < 0)
        if len(back) == 1:
            later = rows[back[0] + 1 :]
            utc[later] = local[later] - last[later]
            continue
        reason = f"is in the repeated hour of {zone}, and the order of rows does not tell which"
        problems.update((int(row), reason) for row in rows)
    return utc, problems


def _zone_offsets(
    local: NDArray[np.int64], zone: ZoneInfo
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Offsets (fold 0, fold 1) of local times, looked up once a quarter of an hour."""
    buckets, where = np.unique(local // _BUCKET, return_inverse=True)
    offsets = np.empty((2, len(buckets)), dtype=np.int64)
    epoch = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    for at, bucket in enumerate(buckets.tolist()):
        moment = epoch + timedelta(microseconds=bucket * _BUCKET)
        for fold in (0, 1):
            offset = zone.utcoffset(moment.replace(tzinfo=zone, fold=fold)) or timedelta()
            offsets[fold, at] = offset // timedelta(microseconds=1)
    return offsets[0][where], offsets[1][where]


def _numpy(column: pa.Array) -> NDArray[np.generic]:
    return np.asarray(column.to_numpy(zero_copy_only=False))
