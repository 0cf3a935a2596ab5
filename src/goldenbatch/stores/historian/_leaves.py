"""Canonical bytes of readings (`core.chunks`), vectorised, and the digests over them."""

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
from goldenbatch.core.series import ReadingKind
from goldenbatch.stores.historian._columns import Ints, ints, raw_ints

Bytes = NDArray[np.uint8]
N_FIXED = 36
NUMBER_BYTES = 40
_BLOCK_ROWS = 16_384
_BLOCK_BYTES = 8 << 20
"""Blocks of rows that stay in the processor's cache while they are laid out and hashed."""


@dataclass(frozen=True)
class Leaf:
    """Digest of one tag in one chunk."""

    tag: str
    kind: ReadingKind
    n_readings: int
    digest: str


@dataclass(frozen=True)
class Runs:
    """Rows of a stored table by tag and group (a source of a hand-over), each run in one piece.

    Attributes:
        table: Ordered by (tag, group, time, seq).
        kind: Of its readings.
        tag: Number of the tag of each run.
        group: Group of each run.
        edges: First row of each run, and the number of rows.
    """

    table: pa.Table
    kind: ReadingKind
    tag: Ints
    group: Ints
    edges: Ints

    def pieces(self) -> Iterator[tuple[int, memoryview]]:
        """Canonical bytes, each with the index of its run; long runs come in several pieces."""
        run = 0
        for first, data, ends in _blocks(self.table, self.kind):
            last, view = first + len(ends) - 1, memoryview(data)
            while run < len(self.tag) and self.edges[run] < last:
                start, stop = max(first, int(self.edges[run])), min(last, int(self.edges[run + 1]))
                yield run, view[int(ends[start - first]) : int(ends[stop - first])]
                if stop < self.edges[run + 1]:
                    break
                run += 1


def runs_of(table: pa.Table, kind: ReadingKind, group: Ints | None = None) -> Runs:
    """Runs of a table that is ordered by (tag, time, seq).

    Args:
        table: In one chunk.
        kind: Of its readings.
        group: Of each row; None: all are of group 0.
    """
    tag = raw_ints(table, "tag")
    if group is None:
        starts = _starts(tag[1:] != tag[:-1], len(tag))
        return _runs(table, kind, tag, np.zeros(len(starts), dtype=np.int64), starts)
    starts = _starts((tag[1:] != tag[:-1]) | (group[1:] != group[:-1]), len(tag))
    keys = np.stack([tag[starts], group[starts]])
    if len(starts) and np.unique(keys, axis=1).shape[1] < len(starts):
        # Two groups wrote one tag by turns: part them, each stays in order of time.
        order = np.lexsort((group, tag))
        return runs_of(table.take(pa.array(order)).combine_chunks(), kind, group[order])
    return _runs(table, kind, tag, group[starts], starts)


def _starts(is_other: NDArray[np.bool_], n_rows: int) -> Ints:
    first = [0] if n_rows else []
    return np.concatenate([np.asarray(first, dtype=np.int64), np.flatnonzero(is_other) + 1])


def _runs(table: pa.Table, kind: ReadingKind, tag: NDArray[Any], group: Ints, starts: Ints) -> Runs:
    edges = np.append(starts, len(tag)).astype(np.int64)
    return Runs(table, kind, tag[starts].astype(np.int64), group, edges)


def _blocks(table: pa.Table, kind: ReadingKind) -> Iterator[tuple[int, Any, Ints]]:
    """First row of a block, its bytes, and where each of its rows begins and the last ends."""
    n_rows = table.num_rows
    if kind != "number":
        size = max(64, _BLOCK_BYTES // max(1, table.nbytes // max(1, n_rows)))
        for first in range(0, n_rows, size):
            data, ends = _varying_bytes(table.slice(first, size), kind)
            yield first, data, ends
        return
    names = ("time", "seq", "received_at", "quality")
    columns = [raw_ints(table, name) for name in names]
    bits = number_bits(table.column("value"))
    for first in range(0, n_rows, _BLOCK_ROWS):
        n_here = min(_BLOCK_ROWS, n_rows - first)
        rows = np.empty((n_here, 5), dtype=np.int64)
        for place, column in enumerate((*columns, bits)):
            rows[:, place] = column[first : first + n_here]
        ends = np.arange(0, (n_here + 1) * NUMBER_BYTES, NUMBER_BYTES, dtype=np.int64)
        yield first, rows.reshape(-1).view(np.uint8), ends


def number_bits(column: pa.ChunkedArray) -> Ints:
    """Bits of the numbers; a missing one is one certain NaN."""
    column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    values = column.to_numpy(zero_copy_only=False)
    is_nan = np.isnan(values)
    bits: Ints = values.view(np.int64)
    if is_nan.any():
        bits = bits.copy()
        bits[is_nan] = MISSING_NUMBER
    return bits


def _fixed(table: pa.Table) -> Ints:
    columns = [ints(table, name) for name in ("time", "seq", "received_at", "quality")]
    return np.stack(columns, axis=1) if columns[0].size else np.empty((0, 4), dtype=np.int64)


def _varying_bytes(table: pa.Table, kind: ReadingKind) -> tuple[Bytes, Ints]:
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


def grouped_leaves(
    table: pa.Table, kind: ReadingKind, name: Callable[[int], str], group: Ints | None = None
) -> Iterator[tuple[int, Leaf]]:
    """Group and leaf of each run of a table that is ordered by (tag, time, seq)."""
    runs = runs_of(table, kind, group)
    sizes, current, digest = np.diff(runs.edges).tolist(), -1, hashlib.sha256()
    labels = [name(tag) for tag in runs.tag.tolist()]

    def closed(run: int) -> tuple[int, Leaf]:
        leaf = Leaf(labels[run], kind, sizes[run], digest.hexdigest())
        return int(runs.group[run]), leaf

    for run, piece in runs.pieces():
        if run != current:
            if current >= 0:
                yield closed(current)
            current = run
            digest = hashlib.sha256(b"\x00" + readings_header(labels[run], kind, sizes[run]))
        digest.update(piece)
    if current >= 0:
        yield closed(current)


def leaves(table: pa.Table, kind: ReadingKind, name: Callable[[int], str]) -> Iterator[Leaf]:
    """One leaf a tag of a stored table that is ordered by (tag, time, seq)."""
    for _, leaf in grouped_leaves(table, kind, name):
        yield leaf


def window_digest(table: pa.Table, kind: ReadingKind, tag: str) -> str:
    """SHA-256 of the canonical bytes of one tag's readings, in the order of (time, seq)."""
    digest = hashlib.sha256(readings_header(tag, kind, table.num_rows))
    for _, data, _ in _blocks(table, kind):
        digest.update(memoryview(data))
    return digest.hexdigest()
