"""Whether all that is stored is what was written: recomputed from the bytes on the disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from goldenbatch.core.chunks import ChunkClosed
from goldenbatch.core.errors import IntegrityError, UnreachableError
from goldenbatch.core.records import Body
from goldenbatch.stores.historian import _frames, _gone, _manifest
from goldenbatch.stores.historian._cold import Cold, Snapshot
from goldenbatch.stores.historian._keys import KeyIndex
from goldenbatch.stores.historian._latest import load_latest
from goldenbatch.stores.historian._manifest import Manifest, State, chunk_root
from goldenbatch.stores.historian._tags import TagDictionary
from goldenbatch.stores.historian._verify_tables import HandOvers, Tables

if TYPE_CHECKING:
    from goldenbatch.core.series import ReadingKind


@dataclass(frozen=True)
class Problem:
    """Something stored that is not what was written.

    Attributes:
        where: File, or chunk and tag.
        message: What is wrong with it.
    """

    where: str
    message: str


@dataclass(frozen=True)
class Stored:
    """What a verification looks at, as of one moment."""

    folder: Path
    cold: Cold
    tags: TagDictionary
    state: State
    head: int
    deleted: Mapping[int, str] | None = None


def check_live(stored: Stored, *, has_writer_elsewhere: bool) -> Iterator[Problem]:
    """Problems of what a writer goes on writing: the dictionary of tags and the log."""
    yield from _check_tags(stored)
    yield from _check_log(stored, has_writer_elsewhere=has_writer_elsewhere)


def check_closed(
    stored: Stored, recorded: Iterable[ChunkClosed] | None, steps: Iterable[Body] | None = None
) -> Iterator[Problem]:
    """Problems of all hand-overs; compared with the ledger when its events are given."""
    manifests: list[Manifest] = []
    for item in _check_manifests(stored):
        if isinstance(item, Problem):
            yield item
        else:
            manifests.append(item)
    # A hand-over that was begun is made again from the log: parts of it may be missing.
    begun = [manifest for manifest in manifests if manifest.n > stored.state.n]
    finished = manifests[: len(manifests) - len(begun)]
    if steps is not None:
        yield from _check_steps(stored, list(steps))
    if recorded is not None:
        yield from _check_recorded(finished, begun, recorded)
    try:
        gone = _gone.load_gone(stored.folder)
    except (IntegrityError, ValueError, TypeError, KeyError) as error:
        yield Problem(str(stored.folder / _gone.GONE), str(error))
        gone = {}
    yield from _check_gone(stored, gone, {manifest.n for manifest in finished})
    held = HandOvers(tuple(finished), tuple(begun), gone)
    tables = Tables(stored.folder, stored.cold, stored.tags.name)
    for where, message in tables.check(held):
        yield Problem(where, message)
    yield from _check_derived(stored, finished, begun)


def _check_tags(stored: Stored) -> Iterator[Problem]:
    path = stored.folder / "tags.log"
    try:
        if not stored.tags.same_as_file():
            yield Problem(str(path), "the dictionary of tags is not what was read at the start")
    except (IntegrityError, ValueError) as error:
        yield Problem(str(path), str(error))


def _check_log(stored: Stored, *, has_writer_elsewhere: bool) -> Iterator[Problem]:
    folder, last = stored.folder / "log", None
    mark = folder / _frames.MARK
    # Read twice: a writer elsewhere may be just writing it.
    if mark.exists() and not any(_frames.is_mark(mark.read_bytes()) for _ in range(2)):
        yield Problem(str(mark), "the mark of the newest acknowledged frame was changed")
    try:
        for path, scan in _frames.scan_log(folder, is_thorough=True):
            if scan.is_torn and not has_writer_elsewhere:
                yield Problem(str(path), f"unfinished bytes at offset {scan.end}")
            for record in scan.records:
                entry = record.entry
                if entry.seq == stored.state.n and entry.digest != stored.state.chain:
                    yield Problem(str(path), f"frame {entry.seq} is not the one handed over")
                if entry.seq == stored.state.n + 1 and record.previous.hex() != stored.state.chain:
                    yield Problem(str(path), f"frame {entry.seq} does not follow the hand-over")
                last = entry
    except IntegrityError as error:
        yield Problem(str(folder), str(error))
    else:
        if (last.seq if last else stored.state.n) < stored.head:
            yield Problem(str(folder), f"the log ends before frame {stored.head}, the newest")


def _check_manifests(stored: Stored) -> Iterator[Problem | Manifest]:
    folder, base, previous = stored.folder / "chunks", 0, ""
    for n in _manifest.manifest_numbers(folder):
        path = _manifest.manifest_path(folder, n)
        try:
            manifest = _manifest.load_manifest(path)
        except (IntegrityError, ValueError, TypeError, KeyError) as error:
            yield Problem(str(path), str(error))
            base, previous = n, _manifest.manifest_digest(folder, n)
            continue
        if manifest.base != base or manifest.previous != previous:
            yield Problem(str(path), f"does not follow hand-over {base}")
        for chunk in manifest.chunks:
            own = [frame for frame in manifest.frames if frame.source == chunk.source]
            if chunk_root(own, list(chunk.leaves)) != chunk.root:
                yield Problem(str(path), f"root of chunk {chunk.source}/{chunk.chunk} is wrong")
        base, previous = n, _manifest.manifest_digest(folder, n)
        yield manifest
    if base < stored.state.n:
        yield Problem(str(folder), f"hand-overs end at {base}, the state at {stored.state.n}")


def _check_recorded(
    finished: list[Manifest], begun: list[Manifest], recorded: Iterable[ChunkClosed]
) -> Iterator[Problem]:
    held = {(part.source, part.chunk): part.body() for item in finished for part in item.chunks}
    open_ = {(part.source, part.chunk): part.body() for item in begun for part in item.chunks}
    for body in recorded:
        key = (body.source, body.chunk)
        own = held.pop(key, None) or open_.get(key)
        where = f"chunk {body.source}/{body.chunk}"
        if own is None:
            yield Problem(where, "is recorded in the ledger and missing in the historian")
        elif own != body:
            yield Problem(where, "is not what the ledger has recorded of it")
    for source, number in held:
        yield Problem(f"chunk {source}/{number}", "is not recorded in the ledger")


def _check_steps(stored: Stored, recorded: list[Body]) -> Iterator[Problem]:
    """What went to tiers and from them must be what the ledger has recorded."""
    try:
        held: list[Body] = [one.body() for one in stored.cold.place.tiers().records]
    except (IntegrityError, ValueError, TypeError, KeyError):
        return  # named by the check of the tables
    for number in range(max(len(held), len(recorded))):
        where = f"step {number + 1} to tiers"
        if number >= len(recorded):
            yield Problem(where, "is not recorded in the ledger")
        elif number >= len(held):
            yield Problem(where, "is recorded in the ledger and missing in the historian")
        elif held[number] != recorded[number]:
            yield Problem(where, "is not what the ledger has recorded of it")


def _check_gone(
    stored: Stored, gone: Mapping[int, _gone.Gone], finished: set[int]
) -> Iterator[Problem]:
    """What was deleted must be so on the ledger's word, and wholly."""
    for n, one in gone.items():
        where = f"hand-over {n}"
        if n not in finished:
            yield Problem(where, "is said to be deleted and was never there")
        if stored.deleted is not None and n not in stored.deleted:
            yield Problem(where, "its readings were deleted, and no event says so")
        try:
            is_left = _gone.is_left(stored.cold, one)
        except UnreachableError as error:
            yield Problem(where, f"deleted under {one.why}; nobody can say that it went: {error}")
            continue
        if is_left:
            yield Problem(where, f"its readings were deleted under {one.why}, but they are there")
    for n, why in (stored.deleted or {}).items():
        if n in finished and n not in gone:
            yield Problem(
                f"hand-over {n}", f"the ledger says it was deleted under {why}, but it is there"
            )


def _check_derived(
    stored: Stored, finished: list[Manifest], begun: list[Manifest]
) -> Iterator[Problem]:
    path = stored.folder / "keys.sqlite"
    frames = [frame for manifest in finished for frame in manifest.frames]
    more = [frame for manifest in begun for frame in manifest.frames]
    keys = KeyIndex(path, is_read_only=True)
    try:
        if not keys.same_as(frames) and not keys.same_as(frames + more):
            yield Problem(str(path), "is not the index of the frames; delete it to rebuild it")
    finally:
        keys.close()
    path = stored.folder / "latest.bin"
    if path.exists() and load_latest(path) is None:
        yield Problem(str(path), "does not match its own digest")


def snapshots(cold: Cold) -> dict[ReadingKind, Snapshot]:
    """Newest version of each kind's table."""
    kinds: tuple[ReadingKind, ...] = ("number", "text", "array", "reference")
    return {kind: cold.snapshot(kind) for kind in kinds}
