"""Where the cold tables lie: a folder of this machine, or a bucket by URL; files by their name."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from goldenbatch.core.errors import BadInputError, IntegrityError
from goldenbatch.stores.historian import _files
from goldenbatch.stores.historian.settings import HistorianSettings

if TYPE_CHECKING:
    from goldenbatch.stores.historian._tiered import Tiered

WHERE = "tables.json"


def open_place(folder: Path, settings: HistorianSettings, *, is_writer: bool = False) -> Tiered:
    """Where the tables of a historian lie, with its tiers; the first writer settles it for good.

    Raises:
        BadInputError: The settings name another place than the one in use.
    """
    path = folder / WHERE
    known = json.loads(path.read_bytes())["url"] if path.exists() else None
    wanted = settings.tables_url.rstrip("/")
    if known is None and wanted and is_writer and not (folder / "state.json").exists():
        _files.write_atomic(path, json.dumps({"url": wanted}).encode())
        known = wanted
    if wanted and wanted != known:
        raise BadInputError(
            f"the tables of {folder} lie {'in ' + known if known else 'in that folder'}, "
            f"not in {wanted}.",
            hint="Leave tables_url as it was; to move them, copy the files and change tables.json.",
        )
    from goldenbatch.stores.historian._bucket import Bucket
    from goldenbatch.stores.historian._tiered import Tiered

    home: Place = Folder(folder)
    if known:
        home = Bucket(known, folder / "cache", settings.cache_bytes)
    return Tiered(home, folder, settings.cache_bytes)


class Place(Protocol):
    """Files of the tables, each whole or absent; `kind` is a table's own folder."""

    @property
    def options(self) -> dict[str, str] | None:
        """What delta-rs needs to reach it."""

    def uri(self, kind: str) -> str:
        """Name of a table for delta-rs."""

    def path(self, kind: str, name: str) -> str:
        """Full name of a file, for people and engines."""

    def local(self, kind: str, name: str, size: int) -> Path:
        """The file on this machine, fetched where it lies elsewhere."""

    def source(self, kind: str, name: str, size: int) -> Any:
        """An open file that is read by ranges; None where it had better be read whole."""

    def content(self, kind: str, name: str) -> bytes:
        """Content of a small file."""

    def fresh(self, kind: str, name: str, size: int) -> Path:
        """The file on this machine as it is now, whatever was fetched before."""

    def take(self, kind: str, name: str, source: Path) -> None:
        """Copy a file of this machine into its place, durable on return; the source stays."""

    def has_table(self, kind: str) -> bool:
        """Whether a table was made."""

    def has(self, kind: str, name: str) -> bool:
        """Whether a file is there."""

    def write(self, kind: str, name: str, data: memoryview) -> None:
        """Write a file, durable on return."""

    def adopt(self, kind: str, name: str, source: Path) -> None:
        """Take a file of this machine into its place, durable on return; the source is gone."""

    def delete(self, kind: str, names: Iterable[str]) -> None:
        """Delete files, for good on return; those that are not there stay away."""

    def settle(self, kind: str) -> None:
        """Make the names of new folders durable."""

    def settle_log(self, kind: str) -> None:
        """Make the newest entries of a Delta log durable."""

    def discard_torn(self, kind: str) -> None:
        """Take away a newest commit that a power cut has torn; it is made again."""

    def log_folder(self, kind: str) -> Path:
        """The Delta log on this machine, fetched where it lies elsewhere."""


class Folder:
    """Tables in a folder of this machine.

    Args:
        folder: The historian's folder.
    """

    options: dict[str, str] | None = None

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def uri(self, kind: str) -> str:
        """Name of a table for delta-rs."""
        return str(self._folder / kind)

    def path(self, kind: str, name: str) -> str:
        """Full name of a file."""
        return str(self._folder / kind / name)

    def local(self, kind: str, name: str, size: int) -> Path:
        """The file itself.

        Raises:
            IntegrityError: It is missing.
        """
        del size
        path = self._folder / kind / name
        if not path.exists():
            raise IntegrityError(
                f"{path} cannot be read (it is missing).",
                hint="Restore the file from the home's backup.",
            )
        return path

    def source(self, kind: str, name: str, size: int) -> Any:
        """None: the file is on this machine."""
        del kind, name, size

    def content(self, kind: str, name: str) -> bytes:
        """Content of a small file."""
        return (self._folder / kind / name).read_bytes()

    def fresh(self, kind: str, name: str, size: int) -> Path:
        """The file itself."""
        return self.local(kind, name, size)

    def take(self, kind: str, name: str, source: Path) -> None:
        """Copy a file of this machine into its place, durable on return."""
        path = self._folder / kind / name
        _files.make_dir(path.parent)
        temporary = path.with_name(f"{path.name}.tmp")
        with source.open("rb") as stream, temporary.open("wb") as out:
            shutil.copyfileobj(stream, out, 1 << 20)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(path)
        _files.fsync_dir(path.parent)

    def has_table(self, kind: str) -> bool:
        """Whether a table was made."""
        return (self._folder / kind / "_delta_log").is_dir()

    def has(self, kind: str, name: str) -> bool:
        """Whether a file is there."""
        return (self._folder / kind / name).exists()

    def write(self, kind: str, name: str, data: memoryview) -> None:
        """Write a file, durable on return; its folder is settled by `settle`."""
        path = self._folder / kind / name
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            _files.write_all(handle, data)
            os.fsync(handle)
        finally:
            os.close(handle)
        _files.fsync_dir(path.parent)

    def adopt(self, kind: str, name: str, source: Path) -> None:
        """Move a file into its place, durable on return."""
        path = self._folder / kind / name
        path.parent.mkdir(parents=True, exist_ok=True)
        source.replace(path)
        _files.fsync_dir(path.parent)
        _files.fsync_dir(path.parent.parent)

    def delete(self, kind: str, names: Iterable[str]) -> None:
        """Delete files; done again it does nothing."""
        folders = set()
        for name in names:
            path = self._folder / kind / name
            path.unlink(missing_ok=True)
            folders.add(path.parent)
        for folder in sorted(folders):
            if folder.is_dir():
                _files.fsync_dir(folder)

    def settle(self, kind: str) -> None:
        """Make the names of new folders durable."""
        _files.fsync_dir(self._folder / kind)
        _files.fsync_dir(self._folder)

    def settle_log(self, kind: str) -> None:
        """delta-rs makes no fsync: do it for the newest entries of its log."""
        log = self._folder / kind / "_delta_log"
        for path in sorted(path for path in log.iterdir() if path.is_file())[-8:]:
            _files.fsync_file(path)
        _files.fsync_dir(log)
        _files.fsync_dir(log.parent)
        _files.fsync_dir(self._folder)

    def discard_torn(self, kind: str) -> None:
        """Take away a newest commit that is no JSON."""
        log = self._folder / kind / "_delta_log"
        newest = sorted(log.glob("*.json"))[-1:] if log.is_dir() else []
        for path in newest:
            try:
                for line in path.read_text().splitlines() or [""]:
                    json.loads(line)
            except ValueError:
                path.unlink()

    def log_folder(self, kind: str) -> Path:
        """The Delta log."""
        return self._folder / kind / "_delta_log"
