"""Where artefacts lie: a folder of this machine or a bucket by URL; named bytes, whole or absent.

A bucket is reached through the client that delta-rs has, as the historian's tables are. Keys,
region and endpoint come from the environment under the names of their makers (AWS_*, AZURE_*,
GOOGLE_*), never from the home's files.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Protocol

from goldenbatch.core.errors import BadInputError, GoldenbatchError, IntegrityError

WHERE: Final = "place.json"
_PATIENCE = {"max_retries": "4", "retry_timeout": "30s", "connect_timeout": "10s"}
"""Whoever asks for an artefact waits for a bucket that is away: seconds, not minutes."""
_PREFIXES = ("AWS_", "AZURE_", "GOOGLE_")
_PART = 8 << 20
_COLOURS = re.compile("\x1b\\[[0-9;]*m")


class ArtefactRefusedError(GoldenbatchError):
    """An artefact that could not be made durable; nothing of it was kept."""

    exit_code = 74


class Place(Protocol):
    """Objects by name, each whole or absent."""

    def describe(self, name: str) -> str:
        """Full name of an object, for people."""

    def read(self, name: str) -> bytes | None:
        """Content of an object; None when it is not there."""

    def write(self, name: str, data: bytes) -> None:
        """Put an object; it is there whole, and durable, on return."""

    def has(self, name: str) -> bool:
        """Whether an object is there."""

    def delete(self, name: str) -> int:
        """Delete an object for good; how many bytes it had, 0 when it was not there."""

    def names(self) -> Iterator[str]:
        """Names of all objects, in no order; those being written are left out."""


def open_place(folder: Path, url: str, *, is_read_only: bool = False) -> Place:
    """Where the artefacts of a registry lie; the first opening with a URL settles it for good.

    Raises:
        BadInputError: Another place is in use, or artefacts lie in the folder already.
    """
    wanted = url.rstrip("/")
    known = settled_url(folder)
    if wanted and wanted != known:
        lies = known or "that folder"
        if known or next(Folder(folder).names(), None) is not None:
            raise BadInputError(
                f"the artefacts of {folder} lie in {lies}, not in {wanted}.",
                hint="Leave [registry] url as it was; move them with `goldenbatch registry move`.",
            )
        if not is_read_only:
            make_dir(folder)
            settle(folder, wanted)
        known = wanted
    return Bucket(known) if known else Folder(folder)


def settled_url(folder: Path) -> str:
    """Where a registry's artefacts were put; empty: in its folder.

    Raises:
        IntegrityError: The file that says so cannot be read.
    """
    path = folder / WHERE
    try:
        return str(json.loads(path.read_bytes())["url"]) if path.exists() else ""
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise IntegrityError(
            f"{path} does not say where the artefacts lie ({error}).",
            hint="Restore the file from the home's backup.",
        ) from error


def settle(folder: Path, url: str) -> None:
    """Say where the artefacts lie from now on; empty: in the folder."""
    if url:
        write_whole(folder / WHERE, json.dumps({"url": url.rstrip("/")}).encode() + b"\n")
    else:
        (folder / WHERE).unlink(missing_ok=True)
        sync_dir(folder)


class Folder:
    """Objects as files of a folder.

    Args:
        folder: It is made when something is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def describe(self, name: str) -> str:
        """Path of the file."""
        return str(self._folder / name)

    def read(self, name: str) -> bytes | None:
        """Content of the file."""
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Write a file under another name, sync, rename, sync the folder.

        Raises:
            ArtefactRefusedError: The disk is full or broken.
        """
        path = self._folder / name
        try:
            make_dir(path.parent)
            write_whole(path, data)
        except OSError as error:
            raise ArtefactRefusedError(
                f"artefact {path} was not stored ({error.strerror}).",
                hint="Make room on the disk and store it again; nothing of it was kept.",
            ) from error

    def has(self, name: str) -> bool:
        """Whether the file is there."""
        return (self._folder / name).exists()

    def delete(self, name: str) -> int:
        """Delete the file, for good on return."""
        path = self._folder / name
        if not path.exists():
            return 0
        size = path.stat().st_size
        path.unlink(missing_ok=True)
        sync_dir(path.parent)
        return size

    def names(self) -> Iterator[str]:
        """Names of the files."""
        for path in self._folder.glob("*/*/*"):
            if not path.name.startswith("."):
                yield path.relative_to(self._folder).as_posix()


class Bucket:
    """Objects below a URL, such as `s3://bucket/site`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._client: Any = None

    def describe(self, name: str) -> str:
        """URL of the object."""
        return f"{self._url}/{name}"

    def _files(self) -> Any:
        with self._lock:
            if self._client is None:
                from deltalake._internal import DeltaFileSystemHandler

                known = {
                    name: value for name, value in os.environ.items() if name.startswith(_PREFIXES)
                }
                self._client = DeltaFileSystemHandler(self._url, {**_PATIENCE, **known})
            return self._client

    def read(self, name: str) -> bytes | None:
        """Content of the object.

        Raises:
            ArtefactRefusedError: The bucket cannot be reached, or refuses.
        """
        try:
            source = self._files().open_input_file(name)
            return b"".join(iter(lambda: source.read(_PART), b""))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise self._unreachable(name, error) from error

    def write(self, name: str, data: bytes) -> None:
        """Put the object; it appears when it is closed, and not at all if it is not.

        Raises:
            ArtefactRefusedError: The bucket cannot be reached, or refuses.
        """
        try:
            out = self._files().open_output_stream(name, None)
            for start in range(0, len(data), _PART):
                out.write(data[start : start + _PART])
            out.close()
        except (OSError, ValueError) as error:
            raise self._unreachable(name, error) from error

    def has(self, name: str) -> bool:
        """Whether the object is there.

        Raises:
            ArtefactRefusedError: The bucket cannot be reached, or refuses.
        """
        return self._size(name) is not None

    def _size(self, name: str) -> int | None:
        from pyarrow.fs import FileType

        try:
            (info,) = self._files().get_file_info([name])
        except (OSError, ValueError) as error:
            raise self._unreachable(name, error) from error
        return int(info.size) if info.type == FileType.File else None

    def delete(self, name: str) -> int:
        """Delete the object.

        Raises:
            ArtefactRefusedError: The bucket cannot be reached, or refuses.
        """
        size = self._size(name)
        if size is None:
            return 0
        try:
            self._files().delete_file(name)
        except (OSError, ValueError) as error:
            raise self._unreachable(name, error) from error
        return size

    def names(self) -> Iterator[str]:
        """Names of the objects.

        Raises:
            ArtefactRefusedError: The bucket cannot be reached, or refuses.
        """
        from pyarrow.fs import FileType

        try:
            found = self._files().get_file_info_selector("sha256", True, True)
        except (OSError, ValueError) as error:
            raise self._unreachable("sha256", error) from error
        yield from (one.path for one in found if one.type == FileType.File)

    def _unreachable(self, name: str, error: Exception) -> ArtefactRefusedError:
        words = " ".join(str(error).split())
        return ArtefactRefusedError(
            f"{self.describe(name)} cannot be reached ({_COLOURS.sub('', words)[:300]}).",
            hint="See to the network, and to the keys in the environment; then try again.",
        )


def sync_dir(path: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path: Path, data: bytes) -> None:
    """Write under another name, sync, rename, sync the folder."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_dir(path.parent)


def make_dir(path: Path) -> None:
    """Make a folder and those above it, with their names durable."""
    if not path.is_dir():
        make_dir(path.parent)
        path.mkdir(exist_ok=True)
        sync_dir(path.parent)
