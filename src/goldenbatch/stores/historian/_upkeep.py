"""The verbs that tend the cold tables: daily compaction, and the removal of superseded files."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from goldenbatch.core.errors import IntegrityError
from goldenbatch.core.series import KINDS, ReadingKind
from goldenbatch.core.site import Clock, Window
from goldenbatch.stores.historian import _files, _frames, _leases, _manifest
from goldenbatch.stores.historian._cold import DAY_US, Cold
from goldenbatch.stores.historian._compaction import MERGING, Compactor, Merged, due, free_bytes
from goldenbatch.stores.historian._compactions import Compaction, Lineage
from goldenbatch.stores.historian._log import FrameLog, WriteRefusedError
from goldenbatch.stores.historian._manifest import FileEntry
from goldenbatch.stores.historian._recover import Loaded
from goldenbatch.stores.historian._reflush import remade
from goldenbatch.stores.historian._tags import TagDictionary
from goldenbatch.stores.historian.settings import HistorianSettings

Held = Callable[[Window], bool]
"""Whether a legal hold covers readings of a window."""
CACHE, QUARANTINE = "cache", "quarantine"
LEFT_OUT = frozenset({"lock"})
_LATE_US = 3_600_000_000
"""A day is closed an hour after its end, when what is late by minutes has come."""


@dataclass(frozen=True)
class Vacuumed:
    """What a vacuum took away and what it left.

    Attributes:
        n_files: Files that went.
        n_bytes: Their size.
        n_kept: Superseded files that stay: too young, held, or in use by a reader.
    """

    n_files: int
    n_bytes: int
    n_kept: int


@dataclass(frozen=True)
class Repaired:
    """A file that was not what was written.

    Attributes:
        path: Below the historian's folder.
        is_restored: Whether the backup or the log had the right one, and it is in its place.
    """

    path: str
    is_restored: bool


class Upkeep:
    """Part of `Historian`: compaction of closed days and vacuum."""

    _folder: Path
    _cold: Cold
    _loaded: Loaded
    _tags: TagDictionary
    _clock: Clock
    _settings: HistorianSettings
    _flush_lock: threading.Lock
    _upkeep_lock: threading.Lock
    _lineage: Lineage
    _leases: _leases.InUse
    notes: list[str]
    _on_step: Callable[[str], None]

    def _writer(self) -> FrameLog:
        raise NotImplementedError

    def _refusing(self) -> AbstractContextManager[None]:
        raise NotImplementedError

    def _compactor(self) -> Compactor:
        return Compactor(self._folder, self._cold, self._tags.name, self._on_step)

    def compact(self, now: int | None = None) -> tuple[Compaction, ...]:
        """Give the readings of each closed day one file a kind, laid out for reading tags.

        Writers and readers go on meanwhile. The digests of all readings are compared before
        the table is touched; a crash leaves the old files or the new one. The old ones stay
        on the disk until `vacuum`.

        Args:
            now: Days that ended an hour before are closed; microseconds, the clock's if None.

        Returns:
            What was done, one a kind and day.

        Raises:
            IntegrityError: A file is not what was written; it is named, nothing was changed.
            WriteRefusedError: The disk is full or broken; nothing was changed.
        """
        log = self._writer()
        moment = self._clock() if now is None else now
        closed = str(np.datetime64((moment - _LATE_US) // DAY_US, "D"))
        done = []
        with self._upkeep_lock:
            for kind in KINDS:
                with log.lock:
                    by_date = self._at_home(self._by_date(kind))
                for date, files in due(by_date, self._lineage, closed):
                    one = self._compact_day(log, kind, date, files)
                    done += [one] if one else []
        return tuple(done)

    def _compact_day(
        self, log: FrameLog, kind: ReadingKind, date: str, files: list[FileEntry]
    ) -> Compaction | None:
        with self._refusing():
            needed = 2 * sum(file.size for file in files)
            if free_bytes(self._folder) < needed:
                raise WriteRefusedError(
                    f"{self._folder}: compacting {kind} of {date} needs {needed} bytes.",
                    hint="Make room on the disk; nothing was changed.",
                )
            merged = self._compactor().merged(kind, files)
        with self._flush_lock, self._refusing():
            with log.lock:
                still = self._by_date(kind).get(date, [])
            if not {file.path for file in files} <= {file.path for file in still}:
                if merged.path is not None:
                    merged.path.unlink()
                return None  # deleted meanwhile
            return self._put(log, merged)

    def _put(self, log: FrameLog, merged: Merged) -> Compaction:
        one = self._compactor().put(merged, self._clock(), self._lineage)
        snapshot = self._cold.snapshot(one.kind)
        with log.lock:
            self._lineage = Lineage.of([*self._lineage.records, one])
            self._loaded.cold = {**self._loaded.cold, one.kind: snapshot}
            self._leases.saw({kind: held.compaction for kind, held in self._loaded.cold.items()})
        self._on_step("seen")
        return one

    def _at_home(self, by_date: dict[str, list[FileEntry]]) -> dict[str, list[FileEntry]]:
        """Without files in tiers: what comes late for such a day has a file of its own."""
        now = self._cold.place.tiers().now
        if not now:
            return by_date
        own = {
            date: [file for file in files if (file.kind, file.path) not in now]
            for date, files in by_date.items()
        }
        return {date: files for date, files in own.items() if files}

    def table_files(self, kind: ReadingKind) -> tuple[FileEntry, ...]:
        """Files that hold the readings of a kind now, by date."""
        return tuple(file for files in self._by_date(kind).values() for file in files)

    def _by_date(self, kind: ReadingKind) -> dict[str, list[FileEntry]]:
        """Living files of a kind by date, each day's in the order in which they came."""
        held = {file.name: file for file in self._loaded.cold[kind].files}
        known = {path: one[1] for path, one in self._lineage.added(kind).items()}
        missing = held.keys() - known.keys()
        if missing:
            known |= self._from_manifests(kind, missing)
        found: dict[str, list[FileEntry]] = {}
        for name in sorted(held, key=lambda name: (held[name].seqs, name)):
            found.setdefault(known[name].date, []).append(known[name])
        return dict(sorted(found.items()))

    def _from_manifests(self, kind: str, names: Collection[str]) -> dict[str, FileEntry]:
        """Entries of files that hand-overs have written; the number is in the name."""
        found = {}
        for n in sorted({int(name.partition("/")[2].partition("-")[0]) for name in names}):
            path = _manifest.manifest_path(self._folder / "chunks", n)
            for file in _manifest.load_manifest(path).files:
                if file.kind == kind and file.path in names:
                    found[file.path] = file
        return found

    def vacuum(self, is_held: Held | None = None, now: int | None = None) -> Vacuumed:
        """Take superseded files off the disk that nobody can need any more.

        A file stays while a compaction is younger than `keep_superseded_s`, while a reader, here
        or in another process, has a version of the table that names it, or while `is_held`
        says that a legal hold covers its day. No reading is lost: all of them lie in the files
        that took its place.

        Args:
            is_held: Asked for the window of each day.
            now: Microseconds; the clock's if None.
        """
        self._writer()
        moment = self._clock() if now is None else now
        oldest = moment - self._settings.keep_superseded_s * 1_000_000
        gone: list[FileEntry] = []
        n_kept = 0
        with self._upkeep_lock, self._flush_lock, self._refusing():
            in_use = self._leases.oldest()
            for one in self._lineage.records:
                home = self._cold.place.home
                there = [file for file in one.removed if home.has(file.kind, file.path)]
                is_needed = one.at > oldest or in_use.get(one.kind, one.number) < one.number
                if is_needed or (is_held is not None and is_held(_window(one.date))):
                    n_kept += len(there)
                    continue
                home.delete(one.kind, [file.path for file in there])
                gone += there
        return Vacuumed(len(gone), sum(file.size for file in gone), n_kept)

    def repair(self, backup: Path | None = None) -> tuple[Repaired, ...]:
        """Replace files that are not what was written, from the log or a restored backup.

        A damaged file is kept in `quarantine/`. What does not have the digest that the manifests
        hold is never taken. The log has the frames of the newest hand-over only.

        Args:
            backup: Historian's folder of a restored home; None: only from the log.

        Raises:
            WriteRefusedError: The disk is full or broken.
        """
        self._writer()
        done = []
        with self._upkeep_lock, self._flush_lock, self._refusing():
            for kind in KINDS:
                for file in self.table_files(kind):
                    if not self._is_whole(file):
                        done.append(self._repaired(file, backup))
        return tuple(done)

    def _mend(self, manifest: _manifest.Manifest) -> None:
        """Make damaged files of a hand-over that was begun again, from the log."""
        for file in manifest.files:
            if not self._is_whole(file):
                done = self._repaired(file, None, manifest)
                word = "made again from the log" if done.is_restored else "damaged"
                self.notes.append(f"{_files.stamp(self._clock())} {done.path} was {word}")

    def _good(
        self, file: FileEntry, backup: Path | None, manifest: _manifest.Manifest | None
    ) -> Path | None:
        """The same file where it is whole: in a backup, or as the log gives it."""
        if backup is not None:
            good = backup / file.kind / file.path
            if good.is_file() and _files.file_digest(good) == file.sha256:
                return good
        if manifest is None:
            path = _manifest.manifest_path(self._folder / "chunks", self._loaded.state.n)
            manifest = _manifest.load_manifest(path) if path.exists() else None
        if manifest is None or file not in manifest.files:
            return None
        return remade(self._folder, self._cold, manifest, [file]).get(file)

    def _is_whole(self, file: FileEntry) -> bool:
        try:
            path = self._cold.place.fresh(file.kind, file.path, file.size)
        except IntegrityError:
            return False
        return _files.file_digest(path) == file.sha256

    def _repaired(
        self, file: FileEntry, backup: Path | None, manifest: _manifest.Manifest | None = None
    ) -> Repaired:
        where = f"{file.kind}/{file.path}"
        good = self._good(file, backup, manifest)
        if good is None:
            return Repaired(where, is_restored=False)
        if self._cold.place.has(file.kind, file.path):
            kept = self._folder / QUARANTINE / where.replace("/", "_")
            _files.make_dir(kept.parent)
            _files.write_atomic(kept, self._cold.local(file).read_bytes())
        self._cold.place.write(file.kind, file.path, memoryview(good.read_bytes()))
        return Repaired(where, is_restored=True)

    @contextlib.contextmanager
    def still(self) -> Iterator[Iterator[Path]]:
        """While the block runs nothing is handed over, so that the files can be copied.

        Gives the files one after the other, in the order in which they must be copied, since
        frames go on being appended: what was acknowledged, the log, then the names of the
        tags in it. Take the next when the one before has been copied. The index of keys is left
        out; whoever opens the copy for writing makes it anew.
        """
        with self._flush_lock:
            yield self._files_to_copy()

    def _files_to_copy(self) -> Iterator[Path]:
        log, tags = self._folder / "log", self._folder / "tags.log"
        yield log / _frames.MARK
        yield from sorted(log.glob("*.frames"))
        if tags.exists():
            yield tags
        old = superseded(self._lineage)
        for path in sorted(self._folder.rglob("*")):
            below = path.relative_to(self._folder)
            is_left_out = path.name in LEFT_OUT or path.suffix == ".tmp"
            is_left_out |= below.parts[0] in (MERGING, _leases.FOLDER, CACHE)
            is_left_out |= "/".join(below.parts[1:]) in old.get(below.parts[0], ())
            is_done = path.parent == log or path == tags
            if path.is_file() and not (
                is_left_out or is_done or path.name.startswith("keys.sqlite")
            ):
                yield path


def _window(date: str) -> Window:
    start = int(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp()) * 1_000_000
    return start, start + DAY_US


def superseded(lineage: Lineage) -> Mapping[str, frozenset[str]]:
    """Paths of files in whose place others are, by kind."""
    return {
        kind: frozenset(
            file.path for one in lineage.records if one.kind == kind for file in one.removed
        )
        for kind in KINDS
    }
