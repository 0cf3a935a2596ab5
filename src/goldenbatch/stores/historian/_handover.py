"""From the log to the cold tables, in steps each of which may be done again after a crash."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from goldenbatch.core.chunks import FrameEntry
from goldenbatch.core.errors import IntegrityError
from goldenbatch.core.series import KINDS, ReadingKind
from goldenbatch.stores.historian._cold import Cold
from goldenbatch.stores.historian._columns import Ints, Leaf, ints, leaves, stored_order
from goldenbatch.stores.historian._hot import Hot
from goldenbatch.stores.historian._manifest import (
    FileEntry,
    Manifest,
    SourceChunk,
    State,
    chunk_root,
)

Name = Callable[[int], str]


def ordered(table: pa.Table) -> pa.Table:
    """A stored table by (tag, time, seq)."""
    order = stored_order(ints(table, "tag"), ints(table, "time"), ints(table, "seq"))
    return (table if order is None else table.take(pa.array(order))).combine_chunks()


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
    codes = _source_codes(ints(table, "seq"), frames, sources)
    found: dict[str, list[Leaf]] = {}
    if len(sources) == 1 and not codes.any():
        return {sources[0]: list(leaves(table, kind, name))}
    for code in np.unique(codes).tolist():
        rows = np.flatnonzero(codes == code)
        part = table if len(rows) == table.num_rows else table.take(pa.array(rows))
        found[sources[code] if code >= 0 else ""] = list(leaves(part, kind, name))
    return found


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


def plan(hot: Hot, n: int, state: State, cold: Cold, name: Name) -> Manifest:
    """Write the files of a hand-over, durable but not yet committed, and say what it moves."""
    frames = tuple(hot.frames(n))
    tables: dict[ReadingKind, pa.Table] = {}
    files: list[FileEntry] = []
    for kind in KINDS:
        table = hot.table(kind)
        if table.num_rows:
            tables[kind] = ordered(table)
            files += cold.write_files(kind, tables[kind], n)
    return Manifest(
        n=n,
        base=state.n,
        previous=state.manifest,
        chain=frames[-1].digest,
        files=tuple(files),
        frames=frames,
        chunks=make_chunks(tables, frames, state, name),
    )


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
            problems.append(f"{cold.folder / kind}: hand-over {manifest.n} is damaged ({error})")
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
