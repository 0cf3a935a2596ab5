"""Chunks: how the readings of a source are closed and bound to the ledger by one digest.

A *chunk* is what one source wrote between two hand-overs of the historian. Its digest is the
root of a Merkle tree (RFC 6962, section 2.1, SHA-256) whose leaves are, in this order,

1. the frames: `frames_bytes(...)`, so that key, origin and reason of a correction are bound;
2. one leaf a tag, by the UTF-8 bytes of the tag's name: `readings_header(...)` and then its
   rows by (time, seq).

All integers are little-endian. A row is `time` i64 (us UTC), `seq` i64, `received_at` i64,
`quality` i64 and the value:

- number: f64; a missing value is the NaN `7ff8000000000000`;
- text, reference: i32 length in bytes and UTF-8; a missing value is length -1;
- array: i32 number of elements and f64s; a missing value is length -1.

The digest of a window of one tag (`HistorianPort.digest`) is the plain SHA-256 of such a
tag's bytes, so that a stand-alone verifier needs neither Parquet nor this package.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from goldenbatch.core.records import Body, record_type

READINGS_MAGIC = b"goldenbatch/readings/1\n"
FRAMES_MAGIC = b"goldenbatch/frames/1\n"
MISSING_NUMBER = 0x7FF8000000000000


@record_type
class ChunkClosed(Body):
    """A chunk of a source was handed over to the cold store and is bound by its root."""

    source: str = Field(min_length=1, description="Source whose readings these are.")
    chunk: int = Field(ge=1, description="Number of the chunk of its source, from 1.")
    first_seq: int = Field(ge=1, description="First frame of the source in the chunk.")
    last_seq: int = Field(ge=1, description="Last frame of the source in the chunk.")
    tables: dict[str, int] = Field(description="Readings in each physical table.")
    n_readings: int = Field(ge=0, description="Readings in all tables.")
    root: str = Field(pattern=r"^[0-9a-f]{64}$", description="Merkle root (RFC 6962).")
    layout: Literal["goldenbatch/chunk/1"] = "goldenbatch/chunk/1"


@dataclass(frozen=True)
class FrameEntry:
    """What is kept of a frame for ever, beside its readings.

    Attributes:
        seq: Number of the frame.
        source: Where it came from.
        key: Identity within the source.
        kind: Physical table of its readings.
        received_at: Microseconds UTC.
        n_readings: Number of readings.
        origin: Digest of the original file and rows, or empty.
        reason: Why existing readings were written again, or empty.
        digest: Hash of the raw record, chained to the record before it, hexadecimal.
    """

    seq: int
    source: str
    key: str
    kind: str
    received_at: int
    n_readings: int
    origin: str
    reason: str
    digest: str


@dataclass(frozen=True)
class HandOver:
    """Chunks that were closed together; their readings lie in common files and go together.

    Attributes:
        n: Number of its last frame; its name.
        chunks: What the ledger holds of it, one a source.
        tags: Names of the tags that it has readings of.
        window: Times of its readings, half-open; (0, 0) when it has none.
        deleted: On whose word its readings were deleted; empty: they are there.
    """

    n: int
    chunks: tuple[ChunkClosed, ...]
    tags: frozenset[str]
    window: tuple[int, int]
    deleted: str = ""

    @property
    def ref(self) -> str:
        """Its name, as deletions name it."""
        return f"hand-over/{self.n}"

    @property
    def n_readings(self) -> int:
        """Readings in it."""
        return sum(one.n_readings for one in self.chunks)


def leaf_hash(data: bytes | memoryview) -> bytes:
    """Hash of a leaf (RFC 6962, 2.1).

    >>> leaf_hash(b"").hex()[:16]
    '6e340b9cffb37a98'
    """
    digest = hashlib.sha256(b"\x00")
    digest.update(data)
    return digest.digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Root over leaf hashes, in their order (RFC 6962, 2.1); of nothing: SHA-256 of nothing.

    >>> merkle_root([leaf_hash(b"")]) == leaf_hash(b"")
    True
    """
    if not leaves:
        return hashlib.sha256().digest()
    level = list(leaves)
    while len(level) > 1:
        paired = [
            hashlib.sha256(b"\x01" + level[i] + level[i + 1]).digest()
            for i in range(0, len(level) - 1, 2)
        ]
        level = paired + level[len(paired) * 2 :]
    return level[0]


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<I", len(data)) + data


def frames_bytes(frames: Iterable[FrameEntry]) -> bytes:
    """Canonical bytes of the frames of a chunk, by seq.

    Each is seq, received_at and n_readings (i64), then key, kind, origin and reason (u32
    length and UTF-8), then the 32 bytes of its digest.
    """
    parts = [FRAMES_MAGIC]
    for frame in sorted(frames, key=lambda entry: entry.seq):
        parts.append(struct.pack("<qqq", frame.seq, frame.received_at, frame.n_readings))
        parts += [_text(frame.key), _text(frame.kind), _text(frame.origin), _text(frame.reason)]
        parts.append(bytes.fromhex(frame.digest))
    return b"".join(parts)


def readings_header(tag: str, kind: str, n_readings: int) -> bytes:
    """What stands before the rows of a tag: magic, tag, kind (u32 length, UTF-8), count (i64)."""
    return READINGS_MAGIC + _text(tag) + _text(kind) + struct.pack("<q", n_readings)


def row_bytes(kind: str, row: Sequence[Any]) -> bytes:
    """One row (time, seq, received_at, quality, value), the slow reference of the layout.

    >>> len(row_bytes("number", (1, 1, 1, 0, 2.5)))
    40
    >>> row_bytes("text", (1, 1, 1, 0, None))[-4:].hex()
    'ffffffff'
    """
    head, value = struct.pack("<qqqq", *row[:4]), row[4]
    if kind == "number":
        missing = value is None or value != value  # noqa: PLR0124 - NaN is the missing value
        return (
            head + struct.pack("<Q", MISSING_NUMBER) if missing else head + struct.pack("<d", value)
        )
    if value is None:
        return head + struct.pack("<i", -1)
    if kind == "array":
        return head + struct.pack(f"<i{len(value)}d", len(value), *value)
    data: bytes = value.encode()
    return head + struct.pack("<i", len(data)) + data


def readings_bytes(tag: str, kind: str, rows: Sequence[Sequence[Any]]) -> bytes:
    """Canonical bytes of a tag's rows (time, seq, received_at, quality, value)."""
    ordered = sorted(rows, key=lambda row: (row[0], row[1]))
    return readings_header(tag, kind, len(ordered)) + b"".join(
        row_bytes(kind, row) for row in ordered
    )
