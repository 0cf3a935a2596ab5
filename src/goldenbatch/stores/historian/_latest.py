"""Newest reading of each tag, in arrays by the tag's number; saved with each hand-over."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from goldenbatch.core.chunks import FrameEntry
from goldenbatch.core.series import KINDS, ReadingKind
from goldenbatch.stores.historian._columns import Ints, ints, stored_schema

NEVER = np.iinfo(np.int64).min


class Latest:
    """Time, seq, received_at and quality by tag; numbers in an array, other values by tag."""

    def __init__(self) -> None:
        self._columns = np.full((4, 0), NEVER, dtype=np.int64)
        self._numbers = np.empty(0, dtype=np.float64)
        self._objects: dict[int, Any] = {}
        self.n_known = 0

    def _grow(self, n_tags: int) -> None:
        have = self._numbers.size
        if n_tags <= have:
            return
        room = max(n_tags, have * 2, 1024)
        columns = np.full((4, room), NEVER, dtype=np.int64)
        columns[:, :have] = self._columns
        numbers = np.full(room, np.nan)
        numbers[:have] = self._numbers
        self._columns, self._numbers = columns, numbers

    def update(self, entry: FrameEntry, rows: pa.RecordBatch, kind: ReadingKind) -> None:
        """Take the newest readings of a frame, one a tag."""
        seq = np.full(rows.num_rows, entry.seq, dtype=np.int64)
        received = np.full(rows.num_rows, entry.received_at, dtype=np.int64)
        self._take(rows, seq, received, kind)

    def _take(self, rows: Any, seq: Ints, received: Ints, kind: ReadingKind) -> None:
        """Rows, one a tag, that replace what is older by (time, seq)."""
        tag, time = ints(rows, "tag"), ints(rows, "time")
        if not tag.size:
            return
        self._grow(int(tag.max()) + 1)
        known = self._columns[0, tag]
        is_newer = (time > known) | ((time == known) & (seq > self._columns[1, tag]))
        taken = np.flatnonzero(is_newer)
        self.n_known += int(np.count_nonzero(known[taken] == NEVER))
        tag = tag[taken]
        self._columns[0, tag] = time[taken]
        self._columns[1, tag] = seq[taken]
        self._columns[2, tag] = received[taken]
        self._columns[3, tag] = ints(rows, "quality")[taken]
        values = rows.column("value")
        if kind == "number":
            self._numbers[tag] = values.to_numpy(zero_copy_only=False)[taken]
        else:
            chosen = values.take(pa.array(taken)).to_pylist()
            self._objects.update(zip(tag.tolist(), chosen, strict=True))

    def take_table(self, table: pa.Table, kind: ReadingKind) -> None:
        """Newest rows, one a tag, as a stored table."""
        self._take(table, ints(table, "seq"), ints(table, "received_at"), kind)

    def forget(self, spans: Sequence[tuple[int, int]]) -> Ints:
        """Forget newest readings of frames `after < seq <= upto`; numbers of their tags."""
        seq, is_gone = self._columns[1], np.zeros(self._numbers.size, dtype=bool)
        for after, upto in spans:
            is_gone |= (seq > after) & (seq <= upto)
        lost = np.flatnonzero(is_gone & (self._columns[0] != NEVER))
        self._columns[:, lost] = NEVER
        self._numbers[lost] = np.nan
        for tag in lost.tolist():
            self._objects.pop(tag, None)
        self.n_known -= int(lost.size)
        return lost

    def has(self, tag: int) -> bool:
        """Whether the tag has ever had a reading."""
        return tag < self._numbers.size and bool(self._columns[0, tag] != NEVER)

    def known(self) -> Ints:
        """Numbers of all tags that have a reading."""
        return np.flatnonzero(self._columns[0] != NEVER)

    def table(self, tags: Ints, kind: ReadingKind) -> pa.Table:
        """Newest readings of tags that have one, as a stored table."""
        time, seq, received, quality = self._columns[:, tags]
        if kind == "number":
            values = pa.array(self._numbers[tags], from_pandas=True)
        else:
            chosen = [self._objects[tag] for tag in tags.tolist()]
            values = pa.array(chosen, type=stored_schema(kind).field("value").type)
        stamp = pa.timestamp("us", tz="UTC")
        columns = [
            pa.array(time).view(stamp),
            pa.array(tags.astype(np.int32)),
            values,
            pa.array(quality),
            pa.array(seq),
            pa.array(received).view(stamp),
        ]
        return pa.Table.from_arrays(columns, schema=stored_schema(kind))

    def dump(self, n: int, kinds: Ints) -> bytes:
        """All with a digest, as of a hand-over; `kinds` is the kind's index by tag."""
        known, parts = self.known(), [struct.pack("<q", n)]
        for code, kind in enumerate(KINDS):
            sink = pa.BufferOutputStream()
            table = self.table(known[kinds[known] == code], kind)
            with pa.ipc.new_stream(sink, table.schema) as writer:
                writer.write_table(table)
            data = sink.getvalue().to_pybytes()
            parts += [struct.pack("<Q", len(data)), data]
        body = b"".join(parts)
        return hashlib.sha256(body).digest() + body


def load_latest(path: Path) -> tuple[Latest, int] | None:
    """What was saved and of which hand-over; None when absent or damaged."""
    data = path.read_bytes() if path.exists() else b""
    if len(data) < 40 or hashlib.sha256(data[32:]).digest() != data[:32]:
        return None
    latest, offset = Latest(), 40
    (n,) = struct.unpack_from("<q", data, 32)
    for kind in KINDS:
        (size,) = struct.unpack_from("<Q", data, offset)
        offset += 8
        with pa.ipc.open_stream(pa.py_buffer(data[offset : offset + size])) as reader:
            latest.take_table(reader.read_all(), kind)
        offset += size
    return latest, n
