"""From the log to the cold tables, in steps each of which may be done again after a crash."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from goldenbatch.core.chunks import FrameEntry
from goldenbatch.core.errors import IntegrityError
from goldenbatch.core.series import KINDS, ReadingKind
from goldenbatch.stores.historian._cold import Cold
from goldenbatch.stores.historian._columns import Ints, ints, ordered
from goldenbatch.stores.historian._hot import Hot
from goldenbatch.stores.historian._leaves import Leaf, grouped_leaves
from goldenbatch.stores.historian._manifest import (
    FileEntry,
    Manifest,
    SourceChunk,
    State,
    chunk_root,
)

Name = Callable[[int], str]


def _source_codes(seq: Ints, frames: Sequence[FrameEntry], sources: Sequence[str]) -> Ints:
    """Index of the source of each row."""
    number = {source: index for index, source in enumerate(sources)}
    seqs = np.asarray([frame.seq for frame in frames], dtype=np.int64)
    codes = np.asarray([number[frame.source] for frame in frames], dtype=np.int64)
    place = np.minimum(np.searchsorted(seqs, seq), len(seqs) - 1)
    return np.where(seqs[place] == seq, codes[place], -1)


def source_leaves(
    kind: ReadingKind, table: pa.Table, frames: Sequence[FrameEntry], name: Name
) -> dict[str, list[Leaf]]:
    """Leaves by source of an ordered table; rows of no known frame stand under ''."""
    sources = sorted({frame.source for frame in frames})
    seqs = np.asarray([frame.seq for frame in frames], dtype=np.int64)
    seq = ints(table, "seq")
    group = None
    if len(sources) != 1 or not _are_known(seq, seqs):
        group = _source_codes(seq, frames, sources)
    found: dict[str, list[Leaf]] = {}
    for code, leaf in grouped_leaves(table, kind, name, group):
        found.setdefault(sources[code] if code >= 0 else "", []).append(leaf)
    return found


def _are_known(seq: Ints, seqs: Ints) -> bool:
    """Whether all rows belong to frames, told from the ends where these are without a gap."""
    if not seq.size or not seqs.size:
        return not seq.size
    is_dense = int(seqs[-1] - seqs[0]) == len(seqs) - 1
    return is_dense and bool(seq.min() >= seqs[0]) and bool(seq.max() <= seqs[-1])


def make_chunks(
    tables: dict[ReadingKind, pa.Table], frames: Sequence[FrameEntry], state: State, name: Name
) -> tuple[SourceChunk, ...]:
    """One chunk a source over the frames of a hand-over."""
    by_source: dict[str, list[Leaf]] = {}
    for kind, table in tables.items():
        for source, found in source_leaves(kind, table, frames, name).items():
            by_source.setdefault(source, []).extend(found)
    chunks = []
    for source in sorted({frame.source for frame in frames}):
        own = [frame for frame in frames if frame.source == source]
        sealed = sorted(by_source.get(source, []), key=lambda leaf: leaf.tag.encode())
        counts: dict[str, int] = {
            kind: sum(leaf.n_readings for leaf in sealed if leaf.kind == kind)
            for kind in sorted({leaf.kind for leaf in sealed})
        }
        chunks.append(
            SourceChunk(
                source=source,
                chunk=state.chunks.get(source, 0) + 1,
                first_seq=own[0].seq,
                last_seq=own[-1].seq,
                tables=counts,
                root=chunk_root(own, sealed),
                leaves=tuple(sealed),
            )
        )
    return tuple(chunks)


@dataclass(frozen=True)
class Plan:
    """A hand-over whose files are written, and whether they hold what they were made of."""

    manifest: Manifest
    is_right: bool


def plan(hot: Hot, n: int, state: State, cold: Cold, name: Name) -> Plan:
    """Write the files of a hand-over, durable but not yet committed, and say what it moves."""
    frames = tuple(hot.frames(n))
    tables: dict[ReadingKind, pa.Table] = {}
    for kind in KINDS:
        table = hot.table(kind)
        if table.num_rows:
            tables[kind] = ordered(table)
    # The digests are taken beside writing and reading back: all leave the interpreter free.
    with ThreadPoolExecutor(1) as pool:
        writing = [pool.submit(_written, cold, kind, table, n) for kind, table in tables.items()]
        chunks = make_chunks(tables, frames, state, name)
        written = [task.result() for task in writing]
    manifest = Manifest(
        n=n,
        base=state.n,
        previous=state.manifest,
        chain=frames[-1].digest,
        files=tuple(file for files, _ in written for file in files),
        frames=frames,
        chunks=chunks,
    )
    return Plan(manifest, all(is_right for _, is_right in written))


def _written(
    cold: Cold, kind: ReadingKind, table: pa.Table, n: int
) -> tuple[list[FileEntry], bool]:
    """Files of a table, and whether what lies on the disk is, bit for bit, the table."""
    parts = cold.write_files(kind, table, n)
    return [file for file, _ in parts], all(cold.holds(kind, *part) for part in parts)


def differences(manifest: Manifest, cold: Cold, name: Name) -> list[str]:
    """What the files of a hand-over hold that is not what was written; empty when all is right."""
    found: dict[tuple[str, str], Leaf] = {}
    problems: list[str] = []
    for kind in KINDS:
        files = [file for file in manifest.files if file.kind == kind]
        if not files:
            continue
        try:
            table = ordered(cold.read(kind, files))
            for source, items in source_leaves(kind, table, manifest.frames, name).items():
                found.update({(source, leaf.tag): leaf for leaf in items})
        except IntegrityError as error:
            problems.append(error.message)
        except (IndexError, UnicodeDecodeError, pa.ArrowException) as error:
            problems.append(f"{cold.place.uri(kind)}: hand-over {manifest.n} is damaged ({error})")
    for chunk in manifest.chunks:
        for leaf in chunk.leaves:
            held = found.pop((chunk.source, leaf.tag), None)
            if held != leaf:
                n_held = held.n_readings if held else 0
                problems.append(
                    f"tag {leaf.tag!r} of chunk {chunk.source}/{chunk.chunk}: its {n_held} stored "
                    f"readings are not the {leaf.n_readings} that were written"
                )
    problems += [
        f"tag {tag!r} has readings in hand-over {manifest.n} that no frame of {source!r} brought"
        for source, tag in found
    ]
    return problems
