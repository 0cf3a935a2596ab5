"""One day's files become one, in steps each of which may be done again after a crash.

1. merged into a file of its own beside the tables, synced, read back, digests compared;
2. recorded (`_compactions`); 3. put in its place; 4. one Delta commit that takes the old files
out and puts the new one in. Before the record nothing has happened; after it, it is finished
when the historian is next opened for writing. The old files stay until `vacuum`.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from goldenbatch.core.errors import IntegrityError
from goldenbatch.stores.historian import _compactions, _files, _manifest
from goldenbatch.stores.historian._cold import Cold, encodings, stats_text
from goldenbatch.stores.historian._compactions import Compaction, Lineage
from goldenbatch.stores.historian._groups import Groups, groups_of
from goldenbatch.stores.historian._manifest import FileEntry, Manifest
from goldenbatch.stores.historian._merge import Bounds, Digests, RowGroups, Tally, merge, tally_file

if TYPE_CHECKING:
    from goldenbatch.core.series import ReadingKind

MERGING = "merging"


@dataclass(frozen=True)
class Merged:
    """Files of a day merged into one that is whole on the disk and not yet in the table.

    Attributes:
        path: Where it lies; None when no row is left.
        entry: As it will stand in the table, but for its path.
    """

    kind: ReadingKind
    date: str
    removed: tuple[FileEntry, ...]
    path: Path | None
    entry: FileEntry | None


@dataclass(frozen=True)
class Compactor:
    """Merges files and puts them in place.

    Attributes:
        folder: The historian's folder.
        cold: Its tables.
        name: Name of a tag by its number.
        on_step: Told the name of each step that was done.
    """

    folder: Path
    cold: Cold
    name: Callable[[int], str]
    on_step: Callable[[str], None]

    def merged(
        self, kind: ReadingKind, files: Sequence[FileEntry], without: Collection[int] = ()
    ) -> Merged:
        """Merge files of one date; none of the tables is touched yet.

        Args:
            kind: Of the readings.
            files: All of one date, in the order in which they came.
            without: Hand-overs whose rows are left out, because they are deleted.

        Raises:
            IntegrityError: A file is not what was written, or the merged one would not be;
                nothing was changed.
        """
        for file in files:
            self.cold.require_whole(file)
        manifests = self.manifests(files)
        groups = groups_of(manifests, kind)
        target = self.folder / MERGING / f"{uuid.uuid4().hex}.parquet"
        _files.make_dir(target.parent)
        before, bounds = self._merge(kind, files, target, groups, without)
        self.on_step("merged")
        if not bounds.n_rows:
            target.unlink()
            return Merged(kind, files[0].date, tuple(files), None, None)
        self._check(kind, target, groups, before)
        self.on_step("checked")
        entry = FileEntry(
            kind, "", target.stat().st_size, _files.file_digest(target), files[0].date,
            stats_text(bounds.n_rows, bounds.times, bounds.tags, bounds.seqs),
        )  # fmt: skip
        return Merged(kind, files[0].date, tuple(files), target, entry)

    def manifests(self, files: Iterable[FileEntry]) -> list[Manifest]:
        """Hand-overs that may have rows in files, by the bounds of their frames."""
        spans = [_seqs(file) for file in files]
        found = []
        base = 0
        for n in _manifest.manifest_numbers(self.folder / "chunks"):
            if any(first <= n and last > base for first, last in spans):
                path = _manifest.manifest_path(self.folder / "chunks", n)
                found.append(_manifest.load_manifest(path))
            base = n
        return found

    def _merge(
        self, kind: ReadingKind, files: Sequence[FileEntry], target: Path, groups: Groups,
        without: Collection[int],
    ) -> tuple[Digests, Bounds]:  # fmt: skip
        """Write the merged file, durable; digests of the rows as they lay in the old ones."""
        tally = Tally(groups, kind, self.name)
        left_out = {code for code, (n, _) in enumerate(groups.names) if n in without}
        opened: list[RowGroups] = []
        try:
            for file in files:
                opened.append(RowGroups(self.cold.local(file), kind))
            bounds = merge(opened, target, tally, encodings(kind, is_final=True), left_out)
        finally:
            for one in opened:
                one.close()
        _files.fsync_file(target)
        _files.fsync_dir(target.parent)
        kept = {key: one for key, one in tally.digests().items() if key[0] not in left_out}
        return kept, bounds

    def _check(self, kind: ReadingKind, path: Path, groups: Groups, before: Digests) -> None:
        """What lies on the disk must give each chunk's digests, as the old files did."""
        tally = Tally(groups, kind, self.name)
        tally_file(path, tally, is_whole=True)
        after = tally.digests()
        if after != before:
            wrong = sorted(key for key in before.keys() | after.keys()
                           if before.get(key) != after.get(key))  # fmt: skip
            raise _not_the_same(groups, self.name(wrong[0][1]), wrong[0][0])
        for (group, tag), (n_rows, digest) in after.items():
            leaf = groups.leaves.get((group, self.name(tag)))
            if leaf is None or (leaf.n_readings == n_rows and leaf.digest != digest):
                raise _not_the_same(groups, self.name(tag), group)

    def put(self, merged: Merged, at: int, lineage: Lineage) -> Compaction:
        """Record a merge and bring it into the table. Called while nothing is handed over."""
        number = len(lineage.records) + 1
        added: tuple[FileEntry, ...] = ()
        if merged.path is not None and merged.entry is not None:
            waiting = self.folder / MERGING / f"{number:020d}.parquet"
            merged.path.replace(waiting)
            _files.fsync_dir(waiting.parent)
            place = f"date={merged.date}/compacted-{number:08d}-{merged.kind}.parquet"
            added = (_named(merged.entry, place),)
        record = Compaction(
            number, merged.kind, merged.date, at, lineage.last, merged.removed, added
        )
        _compactions.store(self.folder, record)
        self.on_step("noted")
        self.finish(record)
        return record

    def finish(self, record: Compaction) -> None:
        """Do all that is left of a recorded compaction; again does nothing."""
        waiting = self.folder / MERGING / f"{record.number:020d}.parquet"
        if waiting.exists():
            self.cold.place.adopt(record.kind, record.added[0].path, waiting)
        self.on_step("placed")
        self.cold.swap(record)
        self.on_step("swapped")

    def recover(self, lineage: Lineage) -> None:
        """Finish what a crash has cut short, and take away what never was recorded."""
        if lineage.records:
            self.finish(lineage.records[-1])
        for path in (self.folder / MERGING).glob("*.parquet"):
            path.unlink()


def _seqs(file: FileEntry) -> tuple[int, int]:
    stats = json.loads(file.stats)
    return int(stats["minValues"]["seq"]), int(stats["maxValues"]["seq"])


def _named(entry: FileEntry, path: str) -> FileEntry:
    return FileEntry(entry.kind, path, entry.size, entry.sha256, entry.date, entry.stats)


def _not_the_same(groups: Groups, tag: str, group: int) -> IntegrityError:
    n, source = groups.names[group] if group >= 0 else (0, "nobody")
    return IntegrityError(
        f"the merged readings of tag {tag!r} are not those that {source!r} brought in "
        f"hand-over {n}.",
        hint="Nothing was changed: check memory and disk, then run `goldenbatch verify`.",
    )


def due(
    files: Mapping[str, list[FileEntry]], lineage: Lineage, before: str
) -> list[tuple[str, list[FileEntry]]]:
    """Closed days with more files than one, or with one that no compaction has made.

    Args:
        files: Living files of one kind by date.
        lineage: What was compacted.
        before: First date that is not yet closed, ISO 8601.
    """
    found = []
    for date, own in sorted(files.items()):
        made = lineage.added(own[0].kind)
        if date < before and (len(own) > 1 or own[0].path not in made):
            found.append((date, own))
    return found


def free_bytes(folder: Path) -> int:
    """Room on the disk."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize
