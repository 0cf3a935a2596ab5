"""Readings that are durable in the log and not yet in the cold table, in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from goldenbatch.core.chunks import FrameEntry
from goldenbatch.core.series import KINDS, ReadingKind
from goldenbatch.stores.historian._columns import stored_schema
from goldenbatch.stores.historian._grid import Grid
from goldenbatch.stores.historian._query import MAX_SEQ, Selection

SMALL_ROWS, MANY_SMALL = 16_384, 16
"""Blocks of fewer rows are folded; so many of them at once."""
_LONG_BYTES = 44
"""Bytes of a number in long form, which a reader or the hand-over will ask for."""


@dataclass(frozen=True)
class HotGrid:
    """A frame that came as a grid and stays one until somebody reads it."""

    seq: int
    received_at: int
    grid: Grid

    def stored(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Rows of it with their seq and received_at."""
        return stored_batch(self.seq, self.received_at, rows, self.grid.kind)


Block: TypeAlias = pa.RecordBatch | HotGrid


def stored_batch(
    seq: int, received_at: int, batch: pa.RecordBatch, kind: ReadingKind
) -> pa.RecordBatch:
    """A logged batch with its seq and received_at as columns."""
    n_rows = batch.num_rows
    seqs = pa.array(np.full(n_rows, seq, dtype=np.int64))
    received = pa.array(np.full(n_rows, received_at, dtype=np.int64))
    columns = [*batch.columns, seqs, received.view(pa.timestamp("us", tz="UTC"))]
    return pa.RecordBatch.from_arrays(columns, schema=stored_schema(kind))


def _seqs(block: Block) -> tuple[int, int]:
    """First and last frame of a block; only small frames are folded into one."""
    if isinstance(block, HotGrid):
        return block.seq, block.seq
    column = block.column("seq")
    return column[0].as_py(), column[block.num_rows - 1].as_py()


def _size(block: Block, kind: ReadingKind) -> int:
    if isinstance(block, HotGrid):
        return block.grid.num_rows * _LONG_BYTES
    return block.num_rows * _LONG_BYTES if kind == "number" else int(block.nbytes)


def _cut(blocks: Sequence[Block], after: int, upto: int) -> Iterator[Block]:
    """What of the blocks belongs to frames `after < seq <= upto`."""
    for block in blocks:
        first, last = _seqs(block)
        if after < first and last <= upto:
            yield block
        elif not isinstance(block, HotGrid) and first <= upto and last > after:
            seq = block.column("seq")
            yield block.filter(pc.and_(pc.greater(seq, after), pc.less_equal(seq, upto)))


def may_fit(kind: ReadingKind, blocks: Sequence[Block], chosen: Selection) -> pa.Table:
    """A stored table of all readings that are chosen, and of others in small frames.

    Of a grid no more is put into long form than is asked for.
    """
    found = []
    for block in blocks:
        if not isinstance(block, HotGrid):
            found.append(block)
        elif chosen.after < block.seq <= chosen.upto:
            rows = block.grid.inside(chosen.tags, chosen.spans)
            found += [] if rows is None else [block.stored(rows)]
    return pa.Table.from_batches(found, schema=stored_schema(kind))


class Hot:
    """Frames above the last hand-over; what a reader has taken never changes under it."""

    def __init__(self) -> None:
        self.entries: list[FrameEntry] = []
        self.keys: dict[tuple[str, str], FrameEntry] = {}
        self.n_readings = self.n_bytes = 0
        self._blocks: dict[ReadingKind, list[Block]] = {kind: [] for kind in KINDS}
        self._folded: dict[ReadingKind, list[int]] = {kind: [] for kind in KINDS}

    def add(self, entry: FrameEntry, rows: pa.RecordBatch | Grid, kind: ReadingKind) -> None:
        """Take a durable frame."""
        self.entries.append(entry)
        self.keys[entry.source, entry.key] = entry
        self.n_readings += rows.num_rows
        if not rows.num_rows:
            return
        blocks = self._blocks[kind]
        if isinstance(rows, Grid):
            blocks.append(HotGrid(entry.seq, entry.received_at, rows))
        else:
            blocks.append(stored_batch(entry.seq, entry.received_at, rows, kind))
        self.n_bytes += _size(blocks[-1], kind)
        self._fold(kind)

    def _fold(self, kind: ReadingKind) -> None:
        """Many small batches make each query walk them all: fold those at the tail, by steps.

        Never much more than `SMALL_ROWS` at once, for the writer of a frame waits meanwhile.
        """
        blocks, folded = self._blocks[kind], self._folded[kind]
        newest = blocks[-1]
        if isinstance(newest, HotGrid) or newest.num_rows >= SMALL_ROWS:
            folded.clear()
            return
        folded.append(0)  # how often each block of the tail was folded
        while folded:
            n = next((n for n, one in enumerate(reversed(folded)) if one != folded[-1]), None)
            n_equal = len(folded) if n is None else n
            tail = [block for block in blocks[-n_equal:] if not isinstance(block, HotGrid)]
            n_rows = sum(block.num_rows for block in tail)
            if n_equal < 2 or (n_equal < MANY_SMALL and n_rows < SMALL_ROWS):
                return
            table = pa.Table.from_batches(tail).combine_chunks()
            blocks[-n_equal:] = table.to_batches()
            folded[-n_equal:] = [folded[-1] + 1] if n_rows < SMALL_ROWS else []

    def blocks(self, kind: ReadingKind) -> list[Block]:
        """The blocks of a kind in order of seq, for `may_fit`; the list is the caller's."""
        return list(self._blocks[kind])

    def table(self, kind: ReadingKind) -> pa.Table:
        """All readings of a kind in order of seq."""
        batches = [
            block.stored(block.grid.batch()) if isinstance(block, HotGrid) else block
            for block in self._blocks[kind]
        ]
        return pa.Table.from_batches(batches, schema=stored_schema(kind))

    def frames(self, upto: int) -> list[FrameEntry]:
        """Entries up to a frame."""
        return [entry for entry in self.entries if entry.seq <= upto]

    def taken(self, upto: int) -> Hot:
        """A copy with the frames up to one, that does not change any more."""
        other = Hot()
        other.entries = self.frames(upto)
        for kind, blocks in self._blocks.items():
            other._blocks[kind] = list(_cut(blocks, 0, upto))
        return other

    def drop(self, upto: int) -> None:
        """Forget what is in the cold table."""
        self.entries = [entry for entry in self.entries if entry.seq > upto]
        self.keys = {(entry.source, entry.key): entry for entry in self.entries}
        self.n_readings = sum(entry.n_readings for entry in self.entries)
        self.n_bytes = 0
        for kind, blocks in self._blocks.items():
            self._blocks[kind] = list(_cut(blocks, upto, MAX_SEQ))
            self._folded[kind] = []
            for block in self._blocks[kind]:
                self.n_bytes += _size(block, kind)
