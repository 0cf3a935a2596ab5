"""Snapshots in a folder: files cut into pieces that are named by their SHA-256.

`pieces/ab/cdef...` hold the content, once whatever holds it; `snapshots/<name>.json` says which
files there are and which pieces they are made of. The manifest is written last and whole, so
that a snapshot is there with all its pieces or is not there.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from goldenbatch.core.errors import IntegrityError, NotFoundError
from goldenbatch.runtime._state import write_durably

FORM: Final = "goldenbatch/backup/1"
PIECE: Final = 1 << 20


@dataclass(frozen=True)
class FileEntry:
    """One file of a snapshot: its path in the home, size, mode and pieces in order."""

    path: str
    size: int
    mode: int
    pieces: tuple[str, ...]


@dataclass(frozen=True)
class Snapshot:
    """What a snapshot holds.

    Attributes:
        name: Its name in the folder.
        home: Uid of the home.
        made_at: Microseconds UTC.
        n_events: Events in the ledger's copy.
        root: Root of the tree over them.
        checkpoint: Newest signed note in it.
        n_frames: Number of the last frame of the historian's copy.
        notes: What one should know when restoring.
        manifest_digest: SHA-256 of the manifest; empty before it is written.
    """

    name: str
    home: str
    made_at: int
    version: str
    n_events: int
    root: str
    checkpoint: str
    n_frames: int
    has_keys: bool
    files: tuple[FileEntry, ...]
    notes: tuple[str, ...] = ()
    manifest_digest: str = field(default="", compare=False)

    @property
    def n_bytes(self) -> int:
        """Bytes of all files."""
        return sum(one.size for one in self.files)


class Vault:
    """A folder of snapshots.

    Args:
        folder: Made when the first file is added.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.n_new_bytes = 0

    # ---- writing ----------------------------------------------------------------------------

    def add(self, source: Path, path: str, *, size: int | None = None) -> FileEntry:
        """Take in a file as it is now; what the folder holds already is not written again.

        Args:
            source: The file.
            path: Its path in the home.
            size: Only so many bytes of it, for files that go on growing.
        """
        pieces, n_bytes = [], 0
        with source.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode & 0o777
            left = os.fstat(stream.fileno()).st_size if size is None else size
            while left > 0 and (data := stream.read(min(PIECE, left))):
                pieces.append(self.put(data))
                n_bytes += len(data)
                left -= len(data)
        return FileEntry(path, n_bytes, mode, tuple(pieces))

    def add_bytes(self, data: bytes, path: str, mode: int = 0o644) -> FileEntry:
        """Take in content that is no file of its own."""
        pieces = [self.put(data[start : start + PIECE]) for start in range(0, len(data), PIECE)]
        return FileEntry(path, len(data), mode, tuple(pieces))

    def put(self, data: bytes) -> str:
        """Store one piece; one of the same name that was damaged is written anew."""
        digest = hashlib.sha256(data).hexdigest()
        place = self._piece(digest)
        if place.exists() and hashlib.sha256(place.read_bytes()).hexdigest() == digest:
            return digest
        place.parent.mkdir(parents=True, exist_ok=True)
        write_durably(place, data)
        self.n_new_bytes += len(data)
        return digest

    def close(self, snapshot: Snapshot) -> str:
        """Write the manifest, which makes the snapshot; gives its SHA-256."""
        values = asdict(snapshot)
        values.pop("manifest_digest")
        data = json.dumps({"form": FORM, **values}, sort_keys=True, ensure_ascii=False).encode()
        digest = hashlib.sha256(data).hexdigest()
        place = self._manifest(snapshot.name)
        place.parent.mkdir(parents=True, exist_ok=True)
        write_durably(place, digest.encode() + b"\n" + data)
        return digest

    # ---- reading ----------------------------------------------------------------------------

    def names(self) -> list[str]:
        """Names of all snapshots, oldest first."""
        return sorted(path.stem for path in (self.folder / "snapshots").glob("*.json"))

    def load(self, name: str = "") -> Snapshot:
        """A snapshot by name; the newest by default.

        Raises:
            NotFoundError: There is none.
            IntegrityError: Its manifest was changed.
        """
        names = self.names()
        if not names or (name and name not in names):
            known = f"There are {', '.join(names[-5:])}." if names else "Make one with `backup`."
            raise NotFoundError(f"{self.folder} holds no snapshot {name or 'at all'}.", hint=known)
        place = self._manifest(name or names[-1])
        digest, _, data = place.read_bytes().partition(b"\n")
        if hashlib.sha256(data).hexdigest().encode() != digest:
            raise IntegrityError(
                f"the manifest {place} is not what was written.",
                hint="Use another snapshot; keep this folder for the investigation.",
            )
        values: dict[str, Any] = json.loads(data)
        if values.pop("form") != FORM:
            raise IntegrityError(
                f"{place} is of another form than {FORM}.",
                hint="Restore it with the version of goldenbatch that wrote it.",
            )
        values["files"] = tuple(
            FileEntry(one["path"], one["size"], one["mode"], tuple(one["pieces"]))
            for one in values["files"]
        )
        values["notes"] = tuple(values["notes"])
        return Snapshot(**values, manifest_digest=digest.decode())

    def check(self, snapshot: Snapshot) -> list[str]:
        """What of a snapshot is damaged or missing, by the names of its files."""
        known: dict[str, bool] = {}
        found = []
        for entry in snapshot.files:
            for number, digest in enumerate(entry.pieces, 1):
                if digest not in known:
                    known[digest] = self._is_whole(digest)
                if not known[digest]:
                    found.append(
                        f"{entry.path}: piece {number} of {len(entry.pieces)} "
                        f"({self._piece(digest)}) is damaged or missing."
                    )
        return found

    def read(self, entry: FileEntry) -> Iterator[bytes]:
        """Content of a file, piece by piece, each checked.

        Raises:
            IntegrityError: A piece is damaged or missing.
        """
        for number, digest in enumerate(entry.pieces, 1):
            place = self._piece(digest)
            data = place.read_bytes() if place.exists() else b""
            if hashlib.sha256(data).hexdigest() != digest:
                raise IntegrityError(
                    f"{entry.path}: piece {number} of {len(entry.pieces)} ({place}) is damaged "
                    "or missing.",
                    hint="Use another snapshot; keep this folder for the investigation.",
                )
            yield data

    def _is_whole(self, digest: str) -> bool:
        place = self._piece(digest)
        if not place.exists():
            return False
        return hashlib.sha256(place.read_bytes()).hexdigest() == digest

    def _piece(self, digest: str) -> Path:
        return self.folder / "pieces" / digest[:2] / digest[2:]

    def _manifest(self, name: str) -> Path:
        return self.folder / "snapshots" / f"{name}.json"
