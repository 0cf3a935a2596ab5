"""Copies of chunks: the canonical bytes that a chunk's root was made over, for outsiders.

A copied chunk is one file: for each leaf, in order, its length (i64, little-endian) and its
bytes as `core.chunks` defines them; a leaf that is withheld has the length -1 and its 32 bytes
of hash, so that the root can still be computed.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from goldenbatch.core.chunks import frames_bytes, leaf_hash, merkle_root, readings_header
from goldenbatch.core.errors import IntegrityError
from goldenbatch.core.series import KINDS, ReadingKind
from goldenbatch.core.site import Window
from goldenbatch.stores.historian import _compactions, _manifest
from goldenbatch.stores.historian._cold import Cold
from goldenbatch.stores.historian._columns import ints, ordered, stored_schema
from goldenbatch.stores.historian._gone import load_gone
from goldenbatch.stores.historian._leaves import runs_of
from goldenbatch.stores.historian._manifest import FileEntry, Manifest, SourceChunk
from goldenbatch.stores.historian._places import open_place
from goldenbatch.stores.historian._tags import TagDictionary
from goldenbatch.stores.historian.settings import HistorianSettings

WITHHELD = -1
_DAY_US = 86_400_000_000


@dataclass(frozen=True)
class ChunkCopy:
    """A chunk with the bytes of its leaves.

    Attributes:
        root: Merkle root, as the ledger holds it.
        leaves: Bytes of each leaf in order; only the hash where `is_withheld` says so.
    """

    source: str
    chunk: int
    root: str
    leaves: tuple[bytes, ...]
    is_withheld: tuple[bool, ...]

    def content(self) -> Iterator[bytes]:
        """Content of the file, in parts."""
        for data, is_withheld in zip(self.leaves, self.is_withheld, strict=True):
            yield struct.pack("<q", WITHHELD if is_withheld else len(data))
            yield data


def chunk_copies(
    folder: Path, windows: Sequence[Window] | None = None, tags: Collection[str] | None = None
) -> Iterator[ChunkCopy]:
    """Chunks that were handed over, oldest first, each checked against its root.

    Args:
        folder: The historian's; only read.
        windows: Only chunks with readings in one of them; None: all.
        tags: Only the readings of these; of others the hash is given; None: all.

    Raises:
        IntegrityError: Readings are not those whose root was recorded.
    """
    names = TagDictionary(folder / "tags.log")
    held = _Rows(folder)
    last, gone = _manifest.load_state(folder).n, load_gone(folder)
    for n in _manifest.manifest_numbers(folder / "chunks"):
        if n > last:
            return  # begun and not finished: it is made again
        manifest = _manifest.load_manifest(_manifest.manifest_path(folder / "chunks", n))
        if windows is not None and not _may_overlap(manifest, windows):
            continue
        if manifest.n in gone:
            yield from (_remains(manifest, chunk) for chunk in manifest.chunks)
            continue
        found = _readings(manifest, held, names)
        for chunk in manifest.chunks:
            own = found.get(chunk.source, {})
            if windows is None or any(_overlaps(times, windows) for _, times in own.values()):
                yield _copy(manifest, chunk, {tag: data for tag, (data, _) in own.items()}, tags)


Readings = dict[str, dict[str, tuple[bytes, tuple[int, int]]]]
"""Source to tag to canonical bytes, and times of the first and last reading."""


def _may_overlap(manifest: Manifest, windows: Sequence[Window]) -> bool:
    """By the dates of its files, which are those of the readings in UTC."""
    for file in manifest.files:
        start = int(datetime.fromisoformat(file.date).replace(tzinfo=UTC).timestamp()) * 1_000_000
        if any(first < start + _DAY_US and last > start for first, last in windows):
            return True
    return False


def _overlaps(times: tuple[int, int], windows: Sequence[Window]) -> bool:
    return any(first <= times[1] and last > times[0] for first, last in windows)


class _Rows:
    """Rows of hand-overs, wherever compactions have put them; the last file stays in memory."""

    def __init__(self, folder: Path) -> None:
        self._cold = Cold(open_place(folder, HistorianSettings()), 1)
        self._lineage = _compactions.load(folder)
        self._last: tuple[str, pa.Table] | None = None

    def of(self, manifest: Manifest, kind: ReadingKind) -> pa.Table:
        """All of one kind that a hand-over has brought, by (tag, time, seq)."""
        own = [file for file in manifest.files if file.kind == kind]
        parts = []
        for file in self._lineage.living(own):
            table = self._table(kind, file)
            if file not in own:
                seq = ints(table, "seq")
                table = table.filter(pa.array((seq > manifest.base) & (seq <= manifest.n)))
            parts.append(table)
        return ordered(pa.concat_tables(parts)) if parts else stored_schema(kind).empty_table()

    def _table(self, kind: ReadingKind, file: FileEntry) -> pa.Table:
        if self._last is None or self._last[0] != f"{kind}/{file.path}":
            table = self._cold.read(kind, [file])
            self._last = (f"{kind}/{file.path}", table)
        return self._last[1]


def _readings(manifest: Manifest, held: _Rows, names: TagDictionary) -> Readings:
    source_of = {frame.seq: frame.source for frame in manifest.frames}
    found: Readings = {}
    for kind in KINDS:
        table = held.of(manifest, kind)
        if not table.num_rows:
            continue
        sources = np.array([source_of.get(int(seq), "") for seq in ints(table, "seq")])
        for source in sorted(set(sources.tolist())):
            rows = np.flatnonzero(sources == source)
            part = table if len(rows) == table.num_rows else table.take(pa.array(rows))
            for tag, data, times in _by_tag(part.combine_chunks(), kind, names):
                found.setdefault(source, {})[tag] = (data, times)
    return found


def _by_tag(
    table: pa.Table, kind: ReadingKind, names: TagDictionary
) -> Iterator[tuple[str, bytes, tuple[int, int]]]:
    runs, time = runs_of(table, kind), ints(table, "time")
    found: list[list[bytes]] = [[] for _ in runs.tag]
    for run, piece in runs.pieces():
        found[run].append(bytes(piece))
    edges = runs.edges.tolist()
    for run, tag in enumerate(runs.tag.tolist()):
        start, stop, name = edges[run], edges[run + 1], names.name(tag)
        content = b"".join([readings_header(name, kind, stop - start), *found[run]])
        yield name, content, (int(time[start]), int(time[stop - 1]))


def _remains(manifest: Manifest, chunk: SourceChunk) -> ChunkCopy:
    """A chunk whose readings were deleted: its frames, and the hash of each tag's leaf."""
    frames = [frame for frame in manifest.frames if frame.source == chunk.source]
    hashes = [bytes.fromhex(leaf.digest) for leaf in chunk.leaves]
    is_withheld = (False, *(True for _ in hashes))
    leaves = (frames_bytes(frames), *hashes)
    return ChunkCopy(chunk.source, chunk.chunk, chunk.root, leaves, is_withheld)


def _copy(
    manifest: Manifest, chunk: SourceChunk, readings: dict[str, bytes], tags: Collection[str] | None
) -> ChunkCopy:
    frames = [frame for frame in manifest.frames if frame.source == chunk.source]
    leaves, hashes = [frames_bytes(frames)], [leaf_hash(frames_bytes(frames))]
    is_withheld = [False]
    for leaf in chunk.leaves:
        data = readings.get(leaf.tag, b"")
        hashes.append(leaf_hash(data))
        is_withheld.append(tags is not None and leaf.tag not in tags)
        leaves.append(hashes[-1] if is_withheld[-1] else data)
    if merkle_root(hashes).hex() != chunk.root:
        raise IntegrityError(
            f"the readings of chunk {chunk.source}/{chunk.chunk} are not those that were recorded.",
            hint="Run `goldenbatch verify`; restore the home from its backup.",
        )
    return ChunkCopy(chunk.source, chunk.chunk, chunk.root, tuple(leaves), tuple(is_withheld))
