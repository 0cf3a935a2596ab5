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
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from goldenbatch.core.errors import IntegrityError

PREFIXES = ("AWS_", "AZURE_", "GOOGLE_")
_PART = 8 << 20
_IN_USE_NS = 600 * 10**9


def environment() -> dict[str, str]:
    """What the environment says of how to reach buckets."""
    return {name: value for name, value in os.environ.items() if name.startswith(PREFIXES)}


class Bucket:
    """Tables below a URL.

    Args:
        url: Such as `s3://bucket/site`.
        cache: Folder of what was fetched.
        cache_bytes: Beyond that what was not used for ten minutes is dropped, oldest first.
    """

    def __init__(self, url: str, cache: Path, cache_bytes: int) -> None:
        self._url, self._cache, self._limit = url, cache, cache_bytes
        self._lock = threading.Lock()
        self._systems: dict[str, Any] = {}

    @property
    def options(self) -> dict[str, str]:
        """What delta-rs needs to reach it."""
        return environment()

    def uri(self, kind: str) -> str:
        """Name of a table for delta-rs."""
        return f"{self._url}/{kind}"

    def path(self, kind: str, name: str) -> str:
        """Full name of an object."""
        return f"{self._url}/{kind}/{name}"

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
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{uuid.uuid4().hex}.tmp")
        try:
            source = self._files(kind).open_input_file(name)
            with temporary.open("wb") as out:
                while data := source.read(_PART):
                    out.write(data)
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


def _whole(source: Any) -> bytes:
    return b"".join(iter(lambda: source.read(_PART), b""))
