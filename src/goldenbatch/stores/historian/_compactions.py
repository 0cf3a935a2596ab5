"""Records of compactions: which files took the place of which, chained, one a day and kind.

File `compactions/<number>.json`: the SHA-256 of the rest in hexadecimal, a line feed, and JSON.
It is written when the new files lie whole on the disk, before the Delta commit that takes the
old ones out and puts the new ones in; what a crash cuts short there is done again from it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from goldenbatch.core.errors import IntegrityError
from goldenbatch.core.series import ReadingKind
from goldenbatch.stores.historian import _files
from goldenbatch.stores.historian._manifest import FileEntry, Manifest

FOLDER = "compactions"
UNFINISHED = ".parquet.tmp"


@dataclass(frozen=True)
class Compaction:
    """Files of one day whose rows went into others; no reading came, went or changed.

    Attributes:
        number: From 1, over all kinds.
        kind: Of the readings.
        date: Partition, ISO 8601.
        at: Microseconds UTC.
        previous: Digest of the record before it.
        removed: Files that are in the table no more.
        added: Files that took their place.
    """

    number: int
    kind: ReadingKind
    date: str
    at: int
    previous: str
    removed: tuple[FileEntry, ...]
    added: tuple[FileEntry, ...]


@dataclass(frozen=True)
class Lineage:
    """Where the rows of files are now.

    Attributes:
        records: All compactions, by number.
    """

    records: tuple[Compaction, ...] = ()
    _heirs: Mapping[tuple[str, str], Compaction] = field(default_factory=dict)

    @classmethod
    def of(cls, records: Iterable[Compaction]) -> Lineage:
        """Lineage of some records."""
        kept = tuple(records)
        heirs: dict[tuple[str, str], Compaction] = {
            (one.kind, file.path): one for one in kept for file in one.removed
        }
        return cls(kept, heirs)

    @property
    def last(self) -> str:
        """Digest by which the next record names the newest; of none: empty."""
        return digest_of(self.records[-1]) if self.records else ""

    def added(self, kind: str) -> dict[str, tuple[Compaction, FileEntry]]:
        """Files that compactions have made, by path."""
        own = [one for one in self.records if one.kind == kind]
        return {file.path: (one, file) for one in own for file in one.added}

    def is_removed(self, file: FileEntry) -> bool:
        """Whether others have taken a file's place."""
        return (file.kind, file.path) in self._heirs

    def living(self, files: Iterable[FileEntry]) -> list[FileEntry]:
        """Files that hold the rows of `files` now, each once, in their order."""
        found: dict[tuple[str, str], FileEntry] = {}
        todo = list(files)[::-1]
        while todo:
            file = todo.pop()
            heir = self._heirs.get((file.kind, file.path))
            if heir is None:
                found.setdefault((file.kind, file.path), file)
            else:
                todo += heir.added[::-1]
        return list(found.values())

    def all_of(self, files: Iterable[FileEntry]) -> tuple[FileEntry, ...]:
        """`files` and all into which their rows have gone since, each once."""
        found: dict[tuple[str, str], FileEntry] = {}
        todo = list(files)[::-1]
        while todo:
            file = todo.pop()
            if found.setdefault((file.kind, file.path), file) is file:
                heir = self._heirs.get((file.kind, file.path))
                todo += heir.added[::-1] if heir else ()
        return tuple(found.values())

    def has_moved(self, manifest: Manifest) -> bool:
        """Whether rows of a hand-over lie in other files than it wrote."""
        return any(self.is_removed(file) for file in manifest.files)


def _body(one: Compaction) -> bytes:
    return json.dumps(asdict(one), ensure_ascii=False, separators=(",", ":")).encode()


def digest_of(one: Compaction) -> str:
    """Digest of a record."""
    return hashlib.sha256(_body(one)).hexdigest()


def path_of(folder: Path, number: int) -> Path:
    """Where a record lies, below the historian's folder."""
    return folder / FOLDER / f"{number:020d}.json"


def store(folder: Path, one: Compaction) -> None:
    """Write a record, durable on return."""
    body = _body(one)
    _files.make_dir(folder / FOLDER)
    sealed = hashlib.sha256(body).hexdigest().encode() + b"\n" + body
    _files.write_atomic(path_of(folder, one.number), sealed)


def _load(path: Path) -> Compaction:
    data = path.read_bytes()
    if data[64:65] != b"\n" or hashlib.sha256(data[65:]).hexdigest().encode() != data[:64]:
        raise IntegrityError(
            f"{path} does not match its own digest.", hint="Restore it from the home's backup."
        )
    said = json.loads(data[65:])
    for name in ("removed", "added"):
        said[name] = tuple(FileEntry(**item) for item in said[name])
    return Compaction(**said)


def load(folder: Path) -> Lineage:
    """All records, each checked to follow the one before it.

    Raises:
        IntegrityError: One was changed or is missing; names it.
    """
    records: list[Compaction] = []
    previous = ""
    for path in sorted((folder / FOLDER).glob("*.json")):
        one = _load(path)
        if one.number != len(records) + 1 or one.previous != previous:
            raise IntegrityError(
                f"{path} does not follow compaction {len(records)}.",
                hint="Restore the folder from the home's backup.",
            )
        records.append(one)
        previous = digest_of(one)
    return Lineage.of(records)
