"""Frames of an outlet: taken apart, compared with what is stored, put into words."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from goldenbatch.core.series import Frame, Quality, ReadingKind, frame_table

if TYPE_CHECKING:
    import pyarrow as pa

    from goldenbatch.core.site import HistorianPort, Window


def by_tag(frame: Frame) -> list[Frame]:
    """One frame for each tag of a frame, each with a key of its own."""
    import pyarrow.compute as pc

    column = frame.readings.column("tag")
    tags = column.unique().to_pylist()
    if len(tags) == 1:
        return [frame]
    return [_part(frame, f"#{tag}", frame.readings.filter(pc.equal(column, tag))) for tag in tags]


def halves(frame: Frame) -> list[Frame]:
    """Both halves of a frame, each with a key of its own; one that cannot be halved is itself."""
    n = frame.readings.num_rows
    if n < 2:
        return [frame]
    first, second = frame.readings.slice(0, n // 2), frame.readings.slice(n // 2)
    return [_part(frame, "<", first), _part(frame, ">", second)]


def _part(frame: Frame, mark: str, readings: pa.Table) -> Frame:
    return Frame(
        source=frame.source,
        key=f"{frame.key}{mark}",
        kind=frame.kind,
        readings=readings,
        received_at=frame.received_at,
        origin=frame.origin,
        reason=frame.reason,
    )


def extent(frame: Frame) -> tuple[Window, tuple[str, ...]]:
    """Window around all times of a frame, and its tags."""
    import pyarrow as pa
    import pyarrow.compute as pc

    times = pc.min_max(frame.readings.column("time").cast(pa.int64())).as_py()
    tags = tuple(sorted(frame.readings.column("tag").unique().to_pylist()))
    return (times["min"], times["max"] + 1), tags


def as_json_lines(frame: Frame, reason: str) -> bytes:
    """The readings of a frame as JSON Lines, each with the reason why it was refused."""
    import pyarrow as pa

    table = frame.readings
    table = table.set_column(0, "time", table.column("time").cast(pa.int64()))
    lines = [
        json.dumps({**row, "source": frame.source, "key": frame.key, "reason": reason})
        for row in table.to_pylist()
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def unseen(historian: HistorianPort, frame: Frame) -> Frame | None:
    """The readings of a frame that are not stored with the same value and quality yet."""
    import pyarrow as pa

    known, rows = historian.tags(), _rows(frame.readings)
    asked = sorted({row[0] for row in rows if known.get(row[0]) == frame.kind})
    if not asked:
        return frame
    # What a source begins with is most often its newest reading, which is in memory; else its
    # times may lie years apart, and reading all that lies between would take for ever.
    have = _by_place(historian.latest(asked).table)
    stored = set(asked)
    open_ = [row for row in rows if row[0] in stored and have.get(row[:2]) != row[2:]]
    if open_:
        times = [row[1] for row in open_]
        tags = sorted({row[0] for row in open_})
        have |= _by_place(historian.read(tags, (min(times), max(times) + 1)).table)
    keep = [have.get(row[:2]) != row[2:] for row in rows]
    if not any(keep):
        return None
    table = frame.readings.filter(pa.array(keep))
    return Frame(
        source=frame.source,
        key=frame.key,
        kind=frame.kind,
        readings=table,
        received_at=frame.received_at,
        origin=frame.origin,
        reason=frame.reason,
    )


def _by_place(table: Any) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Value and quality by tag and time."""
    return {row[:2]: row[2:] for row in _rows(table)}


def _rows(table: Any) -> list[tuple[Any, ...]]:
    import pyarrow as pa

    times = table.column("time").cast(pa.int64()).to_pylist()
    values = [_value(one) for one in table.column("value").to_pylist()]
    tags, qualities = table.column("tag").to_pylist(), table.column("quality").to_pylist()
    return list(zip(tags, times, values, qualities, strict=True))


def _value(value: Any) -> Any:
    """A value that equals itself: not-a-number as nothing, a list as a tuple."""
    if isinstance(value, float) and math.isnan(value):
        return None
    return tuple(_value(one) for one in value) if isinstance(value, list) else value


def health(prefix: str, signals: Mapping[str, float | str | bool], now: int) -> list[Frame]:
    """Frames of signals of a source's health: numbers and texts."""
    kinds: dict[ReadingKind, dict[str, Any]] = {"number": {}, "text": {}}
    for name, value in signals.items():
        kind: ReadingKind = "text" if isinstance(value, str) else "number"
        kinds[kind][f"{prefix}/{name}"] = value if kind == "text" else float(value)
    return [
        Frame(prefix, f"{kind}/{now}", kind, _good(kind, found, now), now)
        for kind, found in kinds.items()
        if found
    ]


def _good(kind: ReadingKind, values: Mapping[str, Any], now: int) -> Any:
    n = len(values)
    return frame_table(kind, [now] * n, list(values), list(values.values()), [Quality.GOOD] * n)
