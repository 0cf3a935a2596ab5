"""Readings that are durable in the log and not yet in the cold table, in memory."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from goldenbatch.core.chunks import FrameEntry
from goldenbatch.core.series import KINDS, ReadingKind
from goldenbatch.stores.historian._columns import stored_schema

SMALL_ROWS, MANY_SMALL = 16_384, 256


def stored_batch(entry: FrameEntry, batch: pa.RecordBatch, kind: ReadingKind) -> pa.RecordBatch:
    """A logged batch with its seq and received_at as columns."""
    n_rows = batch.num_rows
    seq = pa.array(np.full(n_rows, entry.seq, dtype=np.int64))
    received = pa.array(np.full(n_rows, entry.received_at, dtype=np.int64))
    columns = [*batch.columns, seq, received.view(pa.timestamp("us", tz="UTC"))]
    return pa.RecordBatch.from_arrays(columns, schema=stored_schema(kind))


class Hot:
    """Frames above the last hand-over; what a reader has taken never changes under it."""

    def __init__(self) -> None:
        self.entries: list[FrameEntry] = []
        self.keys: dict[tuple[str, str], FrameEntry] = {}
        self.n_readings = self.n_bytes = 0
        self._blocks: dict[ReadingKind, list[pa.RecordBatch]] = {kind: [] for kind in KINDS}
        self._n_small: dict[ReadingKind, int] = dict.fromkeys(KINDS, 0)

    def add(self, entry: FrameEntry, batch: pa.RecordBatch, kind: ReadingKind) -> None:
        """Take a durable frame."""
        self.entries.append(entry)
        self.keys[entry.source, entry.key] = entry
        self.n_readings += batch.num_rows
        if not batch.num_rows:
            return
        blocks = self._blocks[kind]
        blocks.append(stored_batch(entry, batch, kind))
        self.n_bytes += blocks[-1].nbytes
        if batch.num_rows >= SMALL_ROWS:
            self._n_small[kind] = 0
            return
        self._n_small[kind] += 1
        if self._n_small[kind] >= MANY_SMALL:
            # Many small batches make each query walk them all: fold the tail into one.
            table = pa.Table.from_batches(blocks[-MANY_SMALL:]).combine_chunks()
            self._blocks[kind] = [*blocks[:-MANY_SMALL], *table.to_batches()]
            self._n_small[kind] = 0

    def table(self, kind: ReadingKind, upto: int | None = None) -> pa.Table:
        """Readings of a kind in order of seq, all or up to a frame."""
        table = pa.Table.from_batches(self._blocks[kind], schema=stored_schema(kind))
        if upto is None or (self.entries and self.entries[-1].seq <= upto):
            return table
        return table.filter(pc.less_equal(table.column("seq"), upto))

    def frames(self, upto: int) -> list[FrameEntry]:
        """Entries up to a frame."""
        return [entry for entry in self.entries if entry.seq <= upto]

    def taken(self, upto: int) -> Hot:
        """A copy with the frames up to one, that does not change any more."""
        other = Hot()
        other.entries = self.frames(upto)
        for kind in KINDS:
            other._blocks[kind] = self.table(kind, upto).to_batches()
        return other

    def drop(self, upto: int) -> None:
        """Forget what is in the cold table."""
        self.entries = [entry for entry in self.entries if entry.seq > upto]
        self.keys = {(entry.source, entry.key): entry for entry in self.entries}
        self.n_readings = sum(entry.n_readings for entry in self.entries)
        self.n_bytes = 0
        for kind, blocks in self._blocks.items():
            table = pa.Table.from_batches(blocks, schema=stored_schema(kind))
            rest = table.filter(pc.greater(table.column("seq"), upto)).combine_chunks()
            self._blocks[kind] = rest.to_batches() if rest.num_rows else []
            self.n_bytes += rest.nbytes
            self._n_small[kind] = 0
