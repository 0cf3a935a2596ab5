"""Bytes of the frame log: a segment's header, records chained by SHA-256, and their scan.

Segment: `GBLOG001`, first seq (u64), digest before it (32 bytes), CRC-32, zeros to 64 bytes.
Record: 96 bytes of head (magic, CRC-32 of the body, length of meta, length of payload, seq,
previous digest, digest, CRC-32 of the head), meta as JSON padded with spaces to 8 bytes, and
the payload: one Arrow IPC record batch, or what meta names as its `layout`
(`_grid`, `_packed`, `_slim`).
Digest = SHA-256(previous, lengths and seq, body).
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from goldenbatch.core.chunks import FrameEntry
from goldenbatch.core.errors import IntegrityError

SEGMENT = struct.Struct("<8sQ32sI12x")
HEAD = struct.Struct("<4sIIQQ32s32sI")
SEGMENT_MAGIC, RECORD_MAGIC = b"GBLOG001", b"GBF1"
GENESIS = bytes(32)
SECTOR = 512
MARK, MARK_BYTES = "acknowledged", 12


@dataclass(frozen=True)
class Record:
    """A record as it lies in a segment; `payload` points into the segment's bytes."""

    entry: FrameEntry
    previous: bytes
    payload: memoryview
    end: int
    layout: str = ""


@dataclass(frozen=True)
class Scan:
    """What a segment holds: its records, where the good part ends, and whether more follows."""

    first_seq: int
    previous: bytes
    records: list[Record]
    end: int
    is_torn: bool


def segment_header(first_seq: int, previous: bytes) -> bytes:
    """Header of a new segment."""
    crc = zlib.crc32(struct.pack("<8sQ32s", SEGMENT_MAGIC, first_seq, previous))
    return SEGMENT.pack(SEGMENT_MAGIC, first_seq, previous, crc)


def encode_mark(seq: int) -> bytes:
    """Content of the file `acknowledged`: the newest frame of which a writer was told."""
    body = struct.pack("<Q", seq)
    return body + struct.pack("<I", zlib.crc32(body))


def acknowledged(folder: Path) -> int:
    """Newest frame known to be acknowledged: a lower bound, exact but for a power cut."""
    path = folder / MARK
    data = path.read_bytes() if path.exists() else b""
    return int(struct.unpack_from("<Q", data)[0]) if is_mark(data) else 0


def is_mark(data: bytes) -> bool:
    """Whether bytes are a whole mark."""
    return len(data) == MARK_BYTES and encode_mark(struct.unpack_from("<Q", data)[0]) == data


def _digest(previous: bytes, sizes: bytes, meta: bytes, payload: bytes | memoryview) -> bytes:
    digest = hashlib.sha256(previous)
    digest.update(sizes)
    digest.update(meta)
    digest.update(payload)
    return digest.digest()


def encode_meta(entry: FrameEntry, layout: str = "") -> bytes:
    """What a record says of its frame and payload, padded to 8 bytes."""
    body = {
        "source": entry.source,
        "key": entry.key,
        "kind": entry.kind,
        "received_at": entry.received_at,
        "n_readings": entry.n_readings,
        "origin": entry.origin,
        "reason": entry.reason,
    }
    if layout:
        body["layout"] = layout
    meta = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return meta + b" " * (-len(meta) % 8)


def encode_head(seq: int, previous: bytes, meta: bytes, payload: memoryview) -> tuple[bytes, bytes]:
    """Head of a record, and its digest."""
    sizes = struct.pack("<IQQ", len(meta), payload.nbytes, seq)
    digest = _digest(previous, sizes, meta, payload)
    crc = zlib.crc32(payload, zlib.crc32(meta))
    head = struct.pack("<4sI", RECORD_MAGIC, crc) + sizes + previous + digest
    return head + struct.pack("<I", zlib.crc32(head)), digest


def _damaged(path: Path, offset: int, what: str) -> IntegrityError:
    return IntegrityError(
        f"{path}: {what} at offset {offset}.",
        hint="The log was changed after it was written: restore the home from its backup.",
    )


def _looks_torn(data: memoryview, offset: int, end: int) -> bool:
    """Whether an incomplete write explains a bad record: cut short, or sectors never written."""
    if end > len(data):
        return True
    first = -(-offset // SECTOR) * SECTOR
    starts = range(first, end, SECTOR)
    return any(not any(data[start : min(start + SECTOR, end)]) for start in starts)


def scan_segment(path: Path, *, is_last: bool, is_thorough: bool = False) -> Scan:
    """Records of a segment; only the last segment may have a torn tail.

    Args:
        path: The segment.
        is_last: Whether no other segment follows.
        is_thorough: Recompute the digests as well, not only the check sums.

    Raises:
        IntegrityError: Something that was acknowledged has changed; names file and offset.
    """
    data = memoryview(path.read_bytes())
    if len(data) < SEGMENT.size or not any(data[: SEGMENT.size]):
        if is_last:
            return Scan(0, GENESIS, [], 0, True)
        raise _damaged(path, 0, "the segment's header is missing")
    magic, first_seq, previous, crc = SEGMENT.unpack_from(data)
    is_padded = not any(data[52 : SEGMENT.size])
    if magic != SEGMENT_MAGIC or crc != zlib.crc32(data[:48]) or not is_padded:
        raise _damaged(path, 0, "the segment's header is damaged")
    records: list[Record] = []
    offset, before, seq = SEGMENT.size, previous, first_seq
    while offset < len(data):
        record = _record(path, data, offset, is_last=is_last, is_thorough=is_thorough)
        if record is None:
            return Scan(first_seq, previous, records, offset, True)
        if record.entry.seq != seq or record.previous != before:
            raise _damaged(path, offset, f"frame {record.entry.seq} does not follow the one before")
        records.append(record)
        offset, before, seq = record.end, bytes.fromhex(record.entry.digest), seq + 1
    return Scan(first_seq, previous, records, offset, False)


def _record(
    path: Path, data: memoryview, offset: int, *, is_last: bool, is_thorough: bool
) -> Record | None:
    """The record at an offset; None when it is a torn tail."""
    if offset + HEAD.size > len(data):
        if is_last:
            return None
        raise _damaged(path, offset, "a record ends too early")
    magic, crc, n_meta, n_payload, seq, previous, digest, head_crc = HEAD.unpack_from(data, offset)
    head_end = offset + HEAD.size
    if magic != RECORD_MAGIC or head_crc != zlib.crc32(data[offset : head_end - 4]):
        if is_last and _looks_torn(data, offset, head_end) and not any(data[head_end:]):
            return None
        if is_last and not any(data[offset:]):
            return None
        raise _damaged(path, offset, "the head of a record is damaged")
    end = head_end + n_meta + n_payload
    if end > len(data):
        if is_last:
            return None
        raise _damaged(path, offset, f"frame {seq} ends too early")
    body = data[head_end:end]
    if crc != zlib.crc32(body):
        if is_last and end == len(data) and _looks_torn(data, offset, end):
            return None
        raise _damaged(path, offset, f"frame {seq} does not match its check sum")
    meta, payload = bytes(body[:n_meta]), body[n_meta:]
    sizes = struct.pack("<IQQ", n_meta, n_payload, seq)
    if is_thorough and digest != _digest(previous, sizes, meta, payload):
        raise _damaged(path, offset, f"frame {seq} does not match its digest")
    said = json.loads(meta)
    layout = str(said.pop("layout", ""))
    entry = FrameEntry(seq=seq, digest=digest.hex(), **said)
    return Record(entry, previous, payload, end, layout)


def scan_log(folder: Path, *, is_thorough: bool = False) -> Iterator[tuple[Path, Scan]]:
    """Segments in order, each checked to follow the one before.

    Raises:
        IntegrityError: A segment is missing in the middle or was changed.
    """
    paths = sorted(folder.glob("*.frames"))
    expected: tuple[int, bytes] | None = None
    for path in paths:
        scan = scan_segment(path, is_last=path == paths[-1], is_thorough=is_thorough)
        if scan.end and expected not in (None, (scan.first_seq, scan.previous)):
            raise _damaged(path, 0, "the segment does not follow the one before it")
        if scan.records:
            last = scan.records[-1].entry
            expected = (last.seq + 1, bytes.fromhex(last.digest))
        elif scan.end:
            expected = (scan.first_seq, scan.previous)
        yield path, scan
