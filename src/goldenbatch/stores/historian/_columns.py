"""Columns as they are stored, hot and cold, and their order."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from goldenbatch.core.series import ReadingKind, value_type

Ints = NDArray[np.int64]
TIME = pa.timestamp("us", tz="UTC")
_RADIX = 1 << 16


@cache
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


@cache
def stored_schema(kind: ReadingKind) -> pa.Schema:
    """Columns of the cold table without its partition: logged, seq and received_at."""
    extra = [
        pa.field("seq", pa.int64(), nullable=False),
        pa.field("received_at", TIME, nullable=False),
    ]
    return pa.schema([*logged_schema(kind), *extra])


def raw_ints(table: Any, name: str) -> NDArray[Any]:
    """A column of whole numbers or times as it lies in memory, without a copy where it can be."""
    column = table.column(name)
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if pa.types.is_timestamp(column.type):
        column = column.view(pa.int64())
    return column.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def ints(table: Any, name: str) -> Ints:
    """A column of whole numbers or times, as int64."""
    return raw_ints(table, name).astype(np.int64, copy=False)


def by_tag(tag: NDArray[Any]) -> Ints:
    """Stable order by the number of the tag, by counting 16 bits at a time."""
    low = int(tag.min()) if tag.size else 0
    shifted = tag - low
    if not tag.size or int(shifted.max()) < _RADIX:
        return np.argsort(shifted.astype(np.uint16), kind="stable")
    order = np.argsort((shifted & (_RADIX - 1)).astype(np.uint16), kind="stable")
    high = shifted >> 16
    if int(high.max()) >= _RADIX:
        return np.argsort(tag, kind="stable")
    return order[np.argsort(high.astype(np.uint16)[order], kind="stable")]


def _is_ordered(tag: NDArray[Any], time: Ints, seq: Ints | None) -> bool:
    """Whether rows stand by (tag, time, seq); without `seq`, those of equal times do anyway."""
    same = tag[1:] == tag[:-1]
    if not bool(np.all(tag[1:] >= tag[:-1])) or bool(np.any(same & (time[1:] < time[:-1]))):
        return False
    if seq is None:
        return True
    twice = np.flatnonzero(same & (time[1:] == time[:-1]))
    return bool(np.all(seq[twice + 1] >= seq[twice]))


def stored_order(tag: NDArray[Any], time: Ints, seq: Ints | None = None) -> Ints | None:
    """Order by (tag, time, seq); None when the rows stand so already.

    Rows of equal tag and time must be in order of seq when `seq` is not given.
    """
    if _is_ordered(tag, time, seq):
        return None
    # Readings come in order of time: then it is enough to part them by tag.
    order = by_tag(tag)
    if _is_ordered(tag[order], time[order], None if seq is None else seq[order]):
        return order
    return np.lexsort((time, tag) if seq is None else (seq, time, tag))


def ordered(table: pa.Table) -> pa.Table:
    """A stored table by (tag, time, seq), in one chunk; columns of one value are not moved."""
    table = table.combine_chunks()
    order = stored_order(raw_ints(table, "tag"), ints(table, "time"), ints(table, "seq"))
    if order is None:
        return table
    rows, columns = pa.array(order), []
    for name in table.column_names:
        column = table.column(name)
        columns.append(column if _is_constant(table, name) else column.take(rows))
    return pa.Table.from_arrays(columns, schema=table.schema)


def _is_constant(table: pa.Table, name: str) -> bool:
    if name not in ("quality", "seq", "received_at"):
        return False
    held = raw_ints(table, name)
    return bool(held[0] == held[-1]) and bool((held == held[0]).all())
