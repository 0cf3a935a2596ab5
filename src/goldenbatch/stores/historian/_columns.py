"""Columns as they are stored, hot and cold, and their canonical bytes, vectorised."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from goldenbatch.core.chunks import MISSING_NUMBER, readings_header
from goldenbatch.core.series import ReadingKind, value_type

Ints = NDArray[np.int64]
TIME = pa.timestamp("us", tz="UTC")
N_FIXED = 36


def logged_schema(kind: ReadingKind) -> pa.Schema:
    """Columns of a record's payload: a frame's, with the number of the tag."""
    return pa.schema(
        [
            pa.field("time", TIME, nullable=False),
            pa.field("tag", pa.int32(), nullable=False),
            pa.field("value", value_type(kind)),
            pa.field("quality", pa.int64(), nullable=False),
        ]
    )


def stored_schema(kind: ReadingKind) -> pa.Schema:
    """Columns of the cold table without its partition: logged, seq and received_at."""
    extra = [
        pa.field("seq", pa.int64(), nullable=False),
        pa.field("received_at", TIME, nullable=False),
    ]
    return pa.schema([*logged_schema(kind), *extra])


def ints(table: Any, name: str) -> Ints:
    """A column of whole numbers or times, as int64."""
    column = table.column(name)
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if pa.types.is_timestamp(column.type):
        column = column.view(pa.int64())
    return column.to_numpy(zero_copy_only=False).astype(np.int64, copy=False)  # type: ignore[no-any-return]


def stored_order(tag: Ints, time: Ints, seq: Ints | None = None) -> Ints | None:
    """Order by (tag, time, seq); None when the rows stand so already.

    Rows of equal tag and time must be in order of seq when `seq` is not given.
    """
    same_tag = tag[1:] == tag[:-1]
    is_later = time[1:] > time[:-1]
    is_same = time[1:] == time[:-1]
    if seq is not None:
        is_later |= is_same & (seq[1:] >= seq[:-1])
    else:
        is_later |= is_same
    if bool(np.all((tag[1:] > tag[:-1]) | (same_tag & is_later))):
        return None
    keys = (time, tag) if seq is None else (seq, time, tag)
    return np.lexsort(keys)


@dataclass(frozen=True)
class Leaf:
    """Digest of one tag in one chunk."""

    tag: str
    kind: ReadingKind
    n_readings: int
    digest: str


def _fixed(table: pa.Table) -> Ints:
    columns = [ints(table, name) for name in ("time", "seq", "received_at", "quality")]
    return np.stack(columns, axis=1) if columns[0].size else np.empty((0, 4), dtype=np.int64)


def _number_bytes(table: pa.Table) -> tuple[NDArray[np.uint8], Ints]:
    column = table.column("value").combine_chunks()
    values = pc.fill_null(column, float("nan")).to_numpy(zero_copy_only=False).copy()
    bits = values.view(np.int64)
    bits[np.isnan(values)] = MISSING_NUMBER
    rows = np.concatenate([_fixed(table), bits[:, None]], axis=1)
    return np.ascontiguousarray(rows).reshape(-1).view(np.uint8), np.arange(
        0, rows.size * 8 + 1, 40, dtype=np.int64
    )


def _varying_bytes(table: pa.Table, kind: ReadingKind) -> tuple[NDArray[np.uint8], Ints]:
    array = table.column("value").combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks)
    n_rows, width = len(array), 8 if kind == "array" else 1
    is_null = pc.is_null(array).to_numpy(zero_copy_only=False)
    offsets = np.frombuffer(array.buffers()[1], dtype=np.int32)[
        array.offset : array.offset + n_rows + 1
    ].astype(np.int64)
    lengths = np.where(is_null, 0, np.diff(offsets))
    if kind == "array":
        data = np.ascontiguousarray(array.values.to_numpy(zero_copy_only=False)).view(np.uint8)
    else:
        held = array.buffers()[2]
        data = np.frombuffer(held, dtype=np.uint8) if held is not None else np.empty(0, np.uint8)
    fixed = np.empty((n_rows, N_FIXED), dtype=np.uint8)
    fixed[:, :32] = np.ascontiguousarray(_fixed(table)).view(np.uint8).reshape(n_rows, 32)
    marks = np.where(is_null, -1, lengths).astype("<i4")
    fixed[:, 32:] = marks.view(np.uint8).reshape(n_rows, 4)
    sizes = lengths * width
    ends = np.concatenate([[0], np.cumsum(sizes + N_FIXED)]).astype(np.int64)
    out = np.empty(int(ends[-1]), dtype=np.uint8)
    out[ends[:-1, None] + np.arange(N_FIXED)] = fixed
    before = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)[:n_rows]
    running = np.arange(int(sizes.sum()), dtype=np.int64)
    within = running - np.repeat(before, sizes)
    source = np.repeat(offsets[:-1] * width, sizes) + within
    out[np.repeat(ends[:-1] + N_FIXED, sizes) + within] = data[source]
    return out, ends


def row_bytes(table: pa.Table, kind: ReadingKind) -> tuple[NDArray[np.uint8], Ints]:
    """Canonical bytes of all rows one after another, and where each begins and the last ends."""
    if table.num_rows == 0:
        return np.empty(0, dtype=np.uint8), np.zeros(1, dtype=np.int64)
    return _number_bytes(table) if kind == "number" else _varying_bytes(table, kind)


def leaves(table: pa.Table, kind: ReadingKind, name: Callable[[int], str]) -> Iterator[Leaf]:
    """One leaf a tag of a stored table that is ordered by (tag, time, seq)."""
    if table.num_rows == 0:
        return
    data, ends = row_bytes(table, kind)
    view = data.data
    tag = ints(table, "tag")
    starts = np.flatnonzero(np.concatenate([[True], tag[1:] != tag[:-1]]))
    stops = np.append(starts[1:], len(tag))
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        label = name(int(tag[start]))
        digest = hashlib.sha256(b"\x00" + readings_header(label, kind, stop - start))
        digest.update(view[ends[start] : ends[stop]])
        yield Leaf(label, kind, stop - start, digest.hexdigest())


def window_digest(table: pa.Table, kind: ReadingKind, tag: str) -> str:
    """SHA-256 of the canonical bytes of one tag's readings, in the order of (time, seq)."""
    digest = hashlib.sha256(readings_header(tag, kind, table.num_rows))
    digest.update(row_bytes(table, kind)[0].data)
    return digest.hexdigest()
