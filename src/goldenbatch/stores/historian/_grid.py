"""Readings of several tags at the same times: the times once, a column a tag, compressed.

A press that is read every ten seconds gives a dozen values a row. In long form each of them
carries its time, tag and quality; as a grid they cost the log an eighth of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from goldenbatch.core.series import ReadingKind
from goldenbatch.stores.historian._columns import TIME, Ints, logged_schema

LAYOUT = "grid"
GRID_ROWS = 4_096
"""Fewer readings are kept in long form, where many small frames fold into one."""

_GRID_KINDS: tuple[ReadingKind, ...] = ("number", "text")
_COMPRESSION = "lz4"


@dataclass(frozen=True)
class Grid:
    """Columns over one axis of strictly ascending times.

    Attributes:
        time: Microseconds UTC, int64, shape `(n_times,)`.
        tags: Number of the tag of each column.
        values: One array a tag, each of `n_times`.
        quality: One array a tag; None where all readings are good.
    """

    kind: ReadingKind
    time: Ints
    tags: Ints
    values: tuple[Any, ...]
    quality: tuple[Ints | None, ...]

    @property
    def num_rows(self) -> int:
        """Number of readings."""
        return len(self.time) * len(self.tags)

    def encode(self) -> memoryview:
        """Payload of a record: an Arrow stream with its buffers compressed."""
        names, columns = ["time"], [pa.array(self.time)]
        for tag, values, quality in zip(self.tags.tolist(), self.values, self.quality, strict=True):
            names.append(f"v{tag}")
            columns.append(values)
            if quality is not None:
                names.append(f"q{tag}")
                columns.append(pa.array(quality))
        batch = pa.RecordBatch.from_arrays(columns, names=names)
        sink = pa.BufferOutputStream()
        # Not in threads: their pool may be busy with the next file.
        options = pa.ipc.IpcWriteOptions(compression=_COMPRESSION, use_threads=False)
        with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
            writer.write_batch(batch)
        return memoryview(sink.getvalue()).cast("B")

    def batch(self) -> pa.RecordBatch:
        """In long form, a tag after the other, of `logged_schema`."""
        return self._long(range(len(self.tags)), slice(None))

    def newest(self) -> pa.RecordBatch:
        """Newest reading of each tag, in long form."""
        return self._long(range(len(self.tags)), slice(len(self.time) - 1, None))

    def inside(self, tags: Ints, spans: Sequence[tuple[int, int]]) -> pa.RecordBatch | None:
        """Readings of tags in ascending `[first, last)` spans, in long form; None: there are none.

        What does not fit is never made.
        """
        columns = np.flatnonzero(np.isin(self.tags, tags)).tolist()
        if not columns:
            return None
        edges = np.searchsorted(self.time, np.asarray(spans, dtype=np.int64))
        rows = [slice(a, b) for a, b in edges.tolist() if a < b]
        if not rows:
            return None
        if len(rows) == 1:
            return self._long(columns, rows[0])
        chosen = np.concatenate([np.arange(one.start, one.stop) for one in rows])
        return self._long(columns, chosen)

    def _long(self, columns: Sequence[int], rows: slice | Ints) -> pa.RecordBatch:
        time = self.time[rows]
        n_rows, n_columns = len(time), len(columns)
        tag = np.repeat(self.tags[list(columns)].astype(np.int32), n_rows)
        quality = np.zeros(n_rows * n_columns, dtype=np.int64)
        parts = []
        for place, column in enumerate(columns):
            values, own = self.values[column], self.quality[column]
            if isinstance(rows, slice):
                start, stop, _ = rows.indices(len(self.time))
                parts.append(values.slice(start, stop - start))
            else:
                parts.append(values.take(pa.array(rows)))
            if own is not None:
                quality[place * n_rows : (place + 1) * n_rows] = own[rows]
        arrays = [
            pa.array(np.tile(time, n_columns)).view(TIME),
            pa.array(tag),
            pa.concat_arrays(parts),
            pa.array(quality),
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=logged_schema(self.kind))


def decode(payload: memoryview, kind: ReadingKind) -> Grid:
    """Grid of a payload that `Grid.encode` has made."""
    with pa.ipc.open_stream(pa.py_buffer(payload)) as reader:
        batch = reader.read_next_batch()
    held = dict(zip(batch.schema.names, batch.columns, strict=True))
    tags = [int(name[1:]) for name in held if name.startswith("v")]
    marks = [held.get(f"q{tag}") for tag in tags]
    return Grid(
        kind=kind,
        time=held["time"].to_numpy(),
        tags=np.asarray(tags, dtype=np.int64),
        values=tuple(held[f"v{tag}"] for tag in tags),
        quality=tuple(None if mark is None else mark.to_numpy() for mark in marks),
    )


@dataclass(frozen=True)
class Pieces:
    """A frame's table that turned out to be a grid, its tags still by name."""

    names: list[str]
    time: Ints
    values: tuple[Any, ...]
    quality: tuple[Ints | None, ...]


def pieces_of(table: pa.Table, kind: ReadingKind) -> Pieces | None:
    """The table as columns, where each of its chunks is one tag and all have the same times.

    This is how a connector hands over columns of one file without copying them into one.
    """
    if kind not in _GRID_KINDS or table.num_rows < GRID_ROWS:
        return None
    columns = {name: table.column(name).chunks for name in table.column_names}
    n_pieces = len(columns["tag"])
    lengths = {tuple(len(chunk) for chunk in chunks) for chunks in columns.values()}
    is_coded = pa.types.is_dictionary(table.schema.field("tag").type)
    if not is_coded or len(lengths) != 1 or len(set(next(iter(lengths)))) != 1:
        return None
    names = [_only_name(chunk) for chunk in columns["tag"]]
    if None in names or len(set(names)) != n_pieces or not _same(columns["time"]):
        return None
    time = columns["time"][0].view(pa.int64()).to_numpy()
    if not bool(np.all(time[1:] > time[:-1])):
        return None
    return Pieces(
        names=[str(name) for name in names],
        time=time,
        values=tuple(columns["value"]),
        quality=tuple(_marks(columns["quality"])),
    )


def _only_name(chunk: Any) -> str | None:
    codes = chunk.indices.to_numpy(zero_copy_only=False)
    if chunk.indices.null_count or codes[0] != codes[-1] or bool((codes != codes[0]).any()):
        return None
    name = chunk.dictionary[int(codes[0])].as_py()
    return None if name is None else str(name)


def _same(chunks: Sequence[Any]) -> bool:
    return all(_is_same_memory(chunk, chunks[0]) or chunk.equals(chunks[0]) for chunk in chunks[1:])


def _is_same_memory(one: Any, other: Any) -> bool:
    here, there = one.buffers()[1], other.buffers()[1]
    return bool(here.address == there.address and one.offset == other.offset)


def _marks(chunks: Sequence[Any]) -> list[Ints | None]:
    found: list[Ints | None] = []
    for at, chunk in enumerate(chunks):
        if at and _is_same_memory(chunk, chunks[at - 1]):
            found.append(found[-1])
            continue
        marks = chunk.to_numpy(zero_copy_only=False)
        found.append(marks if marks.any() else None)
    return found


def without_nan(values: Any) -> Any:
    """Numbers with NaN as missing."""
    bare = values.to_numpy(zero_copy_only=False)
    if values.null_count == 0 and not bool(np.isnan(bare).any()):
        return values
    is_nan = pc.fill_null(pc.is_nan(values), False)
    return pc.if_else(is_nan, pa.scalar(None, pa.float64()), values)
