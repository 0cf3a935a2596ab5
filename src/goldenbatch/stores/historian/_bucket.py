"""Tables in a bucket (S3 and what speaks it, ADLS, GCS), through the client that delta-rs has.

Keys, region and endpoint come from the environment under the names of their makers (AWS_*,
AZURE_*, GOOGLE_*), never from the home's files. An object is there whole or not at all, so that
nothing is synced or renamed. What is read is fetched once and kept in `cache/`; a file of ours
never changes, its name says which it is.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from goldenbatch.core.errors import IntegrityError

PREFIXES = ("AWS_", "AZURE_", "GOOGLE_")
_PART = 8 << 20
_WHOLE = 256 << 10
"""Up to this size an object is fetched whole: asking twice takes longer."""
_IN_USE_NS = 600 * 10**9


def environment(tier: str = "") -> dict[str, str]:
    """What the environment says of how to reach buckets.

    Args:
        tier: Name of a tier, of which `GOLDENBATCH_TIER_<NAME>_AWS_...` and so on say more.
    """
    found = {name: value for name, value in os.environ.items() if name.startswith(PREFIXES)}
    own = f"GOLDENBATCH_TIER_{tier.upper().replace('-', '_')}_" if tier else ""
    for name, value in os.environ.items():
        if own and name.startswith(own) and name.removeprefix(own).startswith(PREFIXES):
            found[name.removeprefix(own)] = value
    return found


class Bucket:
    """Tables below a URL.

    Args:
        url: Such as `s3://bucket/site`.
        cache: Folder of what was fetched.
        cache_bytes: Beyond that what was not used for ten minutes is dropped, oldest first.
        options: How it is reached; as the environment says by default.

    Attributes:
        n_bytes_fetched: Bytes of readings that were fetched so far, whole or by ranges.
    """

    def __init__(
        self, url: str, cache: Path, cache_bytes: int,
        options: Callable[[], dict[str, str]] = environment,
    ) -> None:  # fmt: skip
        self._url, self._cache, self._limit = url.rstrip("/"), cache, cache_bytes
        self._options, self.n_bytes_fetched = options, 0
        self._lock = threading.Lock()
        self._systems: dict[str, Any] = {}

    @property
    def url(self) -> str:
        """Where the tables lie."""
        return self._url

    @property
    def options(self) -> dict[str, str]:
        """What delta-rs needs to reach it."""
        return self._options()

    def uri(self, kind: str) -> str:
        """Name of a table for delta-rs."""
        return f"{self._url}/{kind}".rstrip("/")

    def path(self, kind: str, name: str) -> str:
        """Full name of an object."""
        return f"{self.uri(kind)}/{name}"

    def _files(self, kind: str) -> Any:
        """The client of one table; it takes and gives bytes."""
        with self._lock:
            if kind not in self._systems:
                from deltalake._internal import DeltaFileSystemHandler

                self._systems[kind] = DeltaFileSystemHandler(self.uri(kind), self.options)
            return self._systems[kind]

    def local(self, kind: str, name: str, size: int) -> Path:
        """The object on this machine; fetched when it is not there yet.

        Raises:
            IntegrityError: It is missing, or not as long as it was.
        """
        path = self._cache / kind / name
        if path.exists() and path.stat().st_size == size:
            os.utime(path)
            return path
        return self.fresh(kind, name, size)

    def fresh(self, kind: str, name: str, size: int) -> Path:
        """The object fetched anew, whatever is in the cache.

        Raises:
            IntegrityError: It is missing, or not as long as it was.
        """
        path = self._cache / kind / name
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{uuid.uuid4().hex}.tmp")
        try:
            source = self._files(kind).open_input_file(name)
            with temporary.open("wb") as out:
                while data := source.read(_PART):
                    out.write(data)
                    self.n_bytes_fetched += len(data)
        except FileNotFoundError as error:
            raise IntegrityError(
                f"{self.path(kind, name)} cannot be read (it is missing).",
                hint="Restore the object from a version or a backup of the bucket.",
            ) from error
        if temporary.stat().st_size != size:
            temporary.unlink()
            raise IntegrityError(f"{self.path(kind, name)} has not the {size} bytes of its entry.")
        temporary.replace(path)
        self._make_room()
        return path

    def source(self, kind: str, name: str, size: int) -> Any:
        """An object that is read by ranges; None when it is small, or on this machine already.

        Raises:
            IntegrityError: It is missing, or not as long as it was.
        """
        path = self._cache / kind / name
        if size <= _WHOLE or (path.exists() and path.stat().st_size == size):
            return None
        try:
            found = self._files(kind).open_input_file(name)
        except FileNotFoundError as error:
            raise IntegrityError(
                f"{self.path(kind, name)} cannot be read (it is missing).",
                hint="Restore the object from a version or a backup of the bucket.",
            ) from error
        if found.size() != size:
            raise IntegrityError(f"{self.path(kind, name)} has not the {size} bytes of its entry.")
        return Ranges(found, self)

    def content(self, kind: str, name: str) -> bytes:
        """Content of a small object."""
        return _whole(self._files(kind).open_input_file(name))

    def _make_room(self) -> None:
        """Drop the oldest beyond the limit; what a question may be reading stays."""
        recent_ns = time.time_ns() - _IN_USE_NS
        with self._lock:
            held = [(path.stat(), path) for path in self._cache.rglob("*.parquet")]
            held.sort(key=lambda one: one[0].st_mtime_ns)
            total = sum(status.st_size for status, _ in held)
            for status, path in held:
                if total <= self._limit or status.st_mtime_ns > recent_ns:
                    break
                path.unlink(missing_ok=True)
                total -= status.st_size

    def has_table(self, kind: str) -> bool:
        """Whether a table was made."""
        from deltalake import DeltaTable

        return bool(DeltaTable.is_deltatable(self.uri(kind), storage_options=self.options))

    def has(self, kind: str, name: str) -> bool:
        """Whether an object is there."""
        from pyarrow.fs import FileType

        (info,) = self._files(kind).get_file_info([name])
        return bool(info.type == FileType.File)

    def write(self, kind: str, name: str, data: memoryview) -> None:
        """Put an object; it is there whole on return."""
        parts = (bytes(data[start : start + _PART]) for start in range(0, data.nbytes, _PART))
        self._put(kind, name, parts)

    def _put(self, kind: str, name: str, parts: Iterable[bytes]) -> None:
        """An object in parts; it appears when it is closed, and not at all if it is not."""
        out = self._files(kind).open_output_stream(name, None)
        for part in parts:
            out.write(part)
        out.close()

    def adopt(self, kind: str, name: str, source: Path) -> None:
        """Put a file of this machine; it stays in the cache."""
        with source.open("rb") as stream:
            self._put(kind, name, iter(lambda: stream.read(_PART), b""))
        path = self._cache / kind / name
        path.parent.mkdir(parents=True, exist_ok=True)
        source.replace(path)

    def take(self, kind: str, name: str, source: Path) -> None:
        """Put a copy of a file of this machine."""
        with source.open("rb") as stream:
            self._put(kind, name, iter(lambda: stream.read(_PART), b""))

    def delete(self, kind: str, names: Iterable[str]) -> None:
        """Delete objects, and what of them is in the cache."""
        for name in names:
            if self.has(kind, name):
                self._files(kind).delete_file(name)
            (self._cache / kind / name).unlink(missing_ok=True)

    def settle(self, kind: str) -> None:
        """Nothing to do: an object is durable when it was put."""

    def settle_log(self, kind: str) -> None:
        """Nothing to do."""

    def discard_torn(self, kind: str) -> None:
        """Nothing to do: a commit is one object, put on the condition that there is none."""

    def log_folder(self, kind: str) -> Path:
        """A copy of the Delta log as it is now."""
        from pyarrow.fs import FileType

        target = self._cache / kind / "_delta_log"
        target.mkdir(parents=True, exist_ok=True)
        files = self._files(kind)
        found = files.get_file_info_selector("_delta_log", True, False)
        names = {Path(one.path).name for one in found if one.type == FileType.File}
        for path in target.iterdir():
            if path.name not in names:
                path.unlink()
        for name in names:
            (target / name).write_bytes(_whole(files.open_input_file(f"_delta_log/{name}")))
        return target


class Ranges:
    """An object as a file, of which only what is read is fetched.

    Args:
        source: The object, open.
        owner: Counts the bytes.
    """

    def __init__(self, source: Any, owner: Bucket) -> None:
        self._source, self._owner, self._lock = source, owner, threading.Lock()
        self.closed = False

    def read(self, n_bytes: int = -1) -> bytes:
        """The next bytes."""
        with self._lock:
            data = bytes(self._source.read(n_bytes if n_bytes >= 0 else None))
            self._owner.n_bytes_fetched += len(data)
            return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place."""
        self._source.seek(offset, whence)
        return int(self._source.tell())

    def tell(self) -> int:
        """The place."""
        return int(self._source.tell())

    def size(self) -> int:
        """Bytes of the object."""
        return int(self._source.size())

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def writable(self) -> bool:
        """It is not."""
        return False

    def flush(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Give it back."""
        self.closed = True


def _whole(source: Any) -> bytes:
    return b"".join(iter(lambda: source.read(_PART), b""))
