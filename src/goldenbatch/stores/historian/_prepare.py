"""From a frame as a connector writes it to columns that can be stored; bad input is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from goldenbatch.core.errors import BadInputError
from goldenbatch.core.series import Frame, ReadingKind
from goldenbatch.stores.historian._columns import Ints, ints, logged_schema, stored_order
from goldenbatch.stores.historian._grid import Grid, Pieces, pieces_of, without_nan
from goldenbatch.stores.historian._packed import PACKED_ROWS
from goldenbatch.stores.historian._tags import TagDictionary

# 1900-01-01 and 2262-01-01: outside of it a time is a mistake, and engines disagree on it.
FIRST_TIME, LAST_TIME = -2_208_988_800_000_000, 9_214_646_400_000_000
MAX_TEXT = 400
MAX_SOURCE = 200


@dataclass(frozen=True)
class Prepared:
    """Columns of a frame with numbers for tags.

    Attributes:
        rows: Of `logged_schema(kind)`, in the order in which the connector wrote it, or, where
            `is_packed`, by (tag, time); or a grid.
        newest: The newest reading of each tag, of `logged_schema(kind)`.
        is_packed: Whether there are so many rows that the log keeps them packed.
    """

    rows: pa.RecordBatch | Grid
    newest: pa.RecordBatch
    is_packed: bool = False


def require_frame(frame: Frame) -> None:
    """Refuse a frame whose names or times cannot be kept.

    Raises:
        BadInputError: Names the frame and what is wrong.
    """
    where = f"frame {frame.source[:60]!r}/{frame.key[:60]!r}"
    limits = (("source", frame.source, MAX_SOURCE), ("key", frame.key, MAX_TEXT))
    for name, text, longest in limits:
        if not 0 < len(text) <= longest or not text.isprintable():
            raise BadInputError(
                f"{where}: its {name} must be 1 to {longest} printable characters.",
                hint="Name the source after its card or server and the key after its rows.",
            )
    if not FIRST_TIME <= frame.received_at < LAST_TIME:
        raise BadInputError(f"{where}: received_at {frame.received_at} is no time in microseconds.")


def _flat(column: pa.ChunkedArray) -> Any:
    if column.num_chunks == 1:
        return column.chunk(0)
    flat = column.combine_chunks()
    return pa.concat_arrays(flat.chunks) if isinstance(flat, pa.ChunkedArray) else flat


def _values(frame: Frame) -> Any:
    """Value column with NaN as missing, and no missing elements inside arrays."""
    values = _flat(frame.readings.column("value"))
    if frame.kind == "number":
        values = without_nan(values)
    elif frame.kind == "array" and values.values.null_count:
        nan = float("nan")
        rows = [
            None if row is None else [nan if item is None else item for item in row]
            for row in values.to_pylist()
        ]
        values = pa.array(rows, type=values.type)
    return values


def prepare(frame: Frame, tags: TagDictionary) -> Prepared:
    """Check a frame and give its tags their numbers, durable before they are used.

    Raises:
        BadInputError: A null or a wrong quality, a time out of range, a tag of another kind,
            or two readings of one tag at one time.
    """
    table, where = frame.readings, f"frame {frame.source}/{frame.key}"
    for name in ("time", "tag", "quality"):
        if table.column(name).null_count:
            raise BadInputError(f"{where}: column {name!r} has missing entries.")
    pieces = pieces_of(table, frame.kind)
    if pieces is not None:
        return _prepare_grid(where, pieces, frame.kind, tags)
    _require_quality(where, ints(table, "quality"))
    time = ints(table, "time")
    _require_times(where, time, lambda row: table.column("tag")[row].as_py())
    tag = _numbered(table.column("tag"), frame.kind, tags)
    arrays = [
        _flat(table.column("time")),
        pa.array(tag),
        _values(frame),
        _flat(table.column("quality")),
    ]
    batch = pa.RecordBatch.from_arrays(arrays, schema=logged_schema(frame.kind))
    order = stored_order(tag, time)
    last = _newest(where, *_moved(order, tag, time), tags)
    if batch.num_rows < PACKED_ROWS:
        if order is None and len(last) == batch.num_rows:
            return Prepared(batch, batch)
        rows = last if order is None else order[last]
        return Prepared(batch, batch.take(pa.array(rows, pa.int64())))
    if order is not None:
        batch = _taken(batch, order)
    return Prepared(batch, batch.take(pa.array(last, pa.int64())), is_packed=True)


def _moved(
    order: Ints | None, tag: NDArray[np.int32], time: Ints
) -> tuple[NDArray[np.int32], Ints]:
    return (tag, time) if order is None else (tag[order], time[order])


def _taken(batch: pa.RecordBatch, order: Ints) -> pa.RecordBatch:
    """Rows in an order; the quality is not moved where all are the same."""
    rows, quality = pa.array(order), ints(batch, "quality")
    is_same = bool((quality == quality[0]).all())
    columns = [
        batch.column(name) if name == "quality" and is_same else batch.column(name).take(rows)
        for name in batch.schema.names
    ]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _numbered(column: pa.ChunkedArray, kind: ReadingKind, tags: TagDictionary) -> NDArray[np.int32]:
    """Number of the tag of each row; new tags are made durable."""
    if not len(column):
        return np.empty(0, dtype=np.int32)
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    flat = _flat(column.unify_dictionaries())
    known = tags.known(flat.dictionary, kind)
    if known is not None:
        found: NDArray[np.int32] = known[flat.indices.to_numpy(zero_copy_only=False)]
        return found
    codes, names = _coded(column)
    numbers = np.asarray(tags.ids(names, kind), dtype=np.int32)
    if len(names) == len(flat.dictionary):
        tags.remember(flat.dictionary, kind, numbers)
    found = numbers[codes]
    return found


def _coded(tags: pa.ChunkedArray) -> tuple[NDArray[Any], list[str]]:
    """Codes of the rows and the names that they stand for, each once and each occurring."""
    if not pa.types.is_dictionary(tags.type):
        tags = tags.dictionary_encode()
    flat = _flat(tags.unify_dictionaries())
    codes = flat.indices.to_numpy(zero_copy_only=False)
    names = flat.dictionary.to_pylist()
    if None in names or len(set(names)) != len(names):
        return _coded(pa.chunked_array([flat.cast(pa.string())]))
    is_used = np.zeros(len(names), dtype=bool)
    is_used[codes] = True
    if not is_used.all():
        place = np.cumsum(is_used) - 1
        codes, names = place[codes], [names[code] for code in np.flatnonzero(is_used).tolist()]
    return codes, names


def _prepare_grid(where: str, pieces: Pieces, kind: ReadingKind, tags: TagDictionary) -> Prepared:
    for marks in pieces.quality:
        if marks is not None:
            _require_quality(where, marks)
    _require_times(where, pieces.time, lambda _: pieces.names[0])
    numbers = np.asarray(tags.ids(pieces.names, kind), dtype=np.int64)
    values = pieces.values
    if kind == "number":
        values = tuple(without_nan(one) for one in values)
    grid = Grid(kind, pieces.time, numbers, values, pieces.quality)
    return Prepared(grid, grid.newest())


def _require_quality(where: str, quality: Ints) -> None:
    if quality.size and (quality.min() < 0 or quality.max() > 0xFFFFFFFF):
        raise BadInputError(
            f"{where}: a quality is no OPC UA status code (0 to 4294967295).",
            hint="Use goldenbatch.core.series.Quality.",
        )


def _require_times(where: str, time: Ints, name: Callable[[int], str]) -> None:
    if not time.size or (time.min() >= FIRST_TIME and time.max() < LAST_TIME):
        return
    row = int(np.flatnonzero((time < FIRST_TIME) | (time >= LAST_TIME))[0])
    raise BadInputError(
        f"{where}: tag {name(row)!r} has a reading at {time[row]} us, "
        "outside the years 1900 to 2261.",
        hint="Times are microseconds UTC since 1970; correct the source's unit or clock.",
    )


def newest_rows(rows: pa.RecordBatch | Grid) -> pa.RecordBatch:
    """The newest reading of each tag."""
    return rows.newest() if isinstance(rows, Grid) else rows.take(pa.array(_newest_of(rows)))


def _newest_of(batch: pa.RecordBatch) -> Ints:
    tag, time = ints(batch, "tag"), ints(batch, "time")
    order = stored_order(tag, time)
    by_tag = tag if order is None else tag[order]
    last = np.flatnonzero(np.append(by_tag[1:] != by_tag[:-1], True)[: len(tag)])
    return last if order is None else order[last]


def _newest(where: str, tag: NDArray[np.int32], time: Ints, tags: TagDictionary) -> Ints:
    """Place of the newest reading of each tag in rows by (tag, time); refuses two at one time."""
    is_last = np.ones(len(tag), dtype=bool)
    is_last[:-1] = tag[1:] != tag[:-1]
    twice = np.flatnonzero(~is_last[:-1] & (time[1:] == time[:-1]))
    if twice.size:
        row = int(twice[0])
        raise BadInputError(
            f"{where}: tag {tags.name(int(tag[row]))!r} has two readings at "
            f"{time[row]} us in one frame.",
            hint="Write the second one in a later frame if it corrects the first.",
        )
    return np.flatnonzero(is_last)
