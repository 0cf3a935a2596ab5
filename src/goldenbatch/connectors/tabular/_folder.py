"""The files of a watched folder: which are there, which have come to rest, which were taken."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from goldenbatch.connectors.tabular._files import Original, original_of
from goldenbatch.connectors.tabular._sheet import natural
from goldenbatch.connectors.tabular.card import SourceCard, TableSpec
from goldenbatch.core.errors import BadInputError

MAX_WAITING = 10_000
"""Files that are watched at once; further ones are looked at when these are taken."""
GONE_S = 3600.0
"""After so many seconds of absence it is forgotten that a file was taken."""
_UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".filepart", ".crdownload", ".swp")
"""Ends of names under which programs write what is not finished yet."""


class FolderSettings(BaseModel):
    """What stands under `[settings]` of a connection to a folder.

    Attributes:
        card: Source card of the home that says what the files are: `cards/<card>.toml`.
        folder: Where the files come; relative to the home.
        settle_s: Seconds that a file must have been unchanged, as seen from here: clocks of
            network shares do not count.
        poll_s: Seconds between two looks.
        marker: A file is complete only when one of its name with this ending is beside it,
            such as `.done`; empty: none is needed.
        after: Leave files where they are, or move them.
        done: Folder below the watched one into which files are moved that were taken.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    card: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")
    folder: str = Field(min_length=1)
    settle_s: float = Field(default=10.0, ge=0)
    poll_s: float = Field(default=5.0, gt=0)
    marker: str = Field(default="", pattern=r"^[^/\\]*$")
    after: Literal["leave", "move"] = "leave"
    done: str = Field(default="done", pattern=r"^[^/\\.][^/\\]*$")


def read_settings(name: str, settings: dict[str, object]) -> FolderSettings:
    """The settings of a card.

    Raises:
        BadInputError: One is missing, unknown or impossible; names it.
    """
    try:
        return FolderSettings.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(one) for one in first["loc"])
        raise BadInputError(
            f"connection {name!r}: {where}: {first['msg']}.",
            hint="See the settings of the connector folder.",
            key=where,
        ) from error


@dataclass(frozen=True)
class SeenFile:
    """A file as it was seen.

    Attributes:
        file: Name below the folder, with forward slashes.
        mark: Its size and time of change.
        changed_at: Time of change as the share says, microseconds UTC.
    """

    table: TableSpec
    path: Path
    file: str
    mark: str
    changed_at: int

    @property
    def key(self) -> str:
        """Under which the position of the file is kept."""
        return f"file/{self.table.name}/{self.file}"


@dataclass(frozen=True)
class Taken:
    """What became of a file at the last attempt; kept as a position.

    Attributes:
        mark: The file as it was then, and what else it depended on.
        why: Why it was refused; empty: it was taken.
        start: Of the gap that was recorded for it, microseconds UTC.
        end: Of that gap, exclusive.
    """

    mark: str
    why: str = ""
    start: int = 0
    end: int = 0

    def as_text(self) -> str:
        """As a position."""
        return json.dumps({name: one for name, one in asdict(self).items() if one})

    @classmethod
    def of(cls, text: str) -> Taken | None:
        """From a position; None: the file was never tried."""
        return cls(**json.loads(text)) if text else None


@dataclass
class Folder:
    """Looks at a folder; knows since when each file has been as it is.

    Attributes:
        monotonic: Seconds that only ever grow.
    """

    settings: FolderSettings
    root: Path
    monotonic: Callable[[], float]
    _since: dict[str, tuple[str, float]] = field(default_factory=dict)
    _gone: dict[str, float] = field(default_factory=dict)
    _present: set[str] = field(default_factory=set)

    def look(
        self, card: SourceCard, is_done: Callable[[SeenFile], bool]
    ) -> tuple[list[SeenFile], int]:
        """Files that are to be taken now, and how many more are there that are not at rest.

        Raises:
            OSError: The folder cannot be read.
        """
        now = self.monotonic()
        since: dict[str, tuple[str, float]] = {}
        ready, n_waiting = [], 0
        self._present = set()
        for one in self._files(card):
            self._present.add(one.key)
            if is_done(one):
                continue
            if len(since) >= MAX_WAITING:
                n_waiting += 1
                continue
            mark, seen_at = self._since.get(one.key, ("", now))
            since[one.key] = (one.mark, seen_at if mark == one.mark else now)
            if now - since[one.key][1] >= self.settings.settle_s and self._is_marked(one):
                ready.append(one)
            else:
                n_waiting += 1
        self._since = since
        return ready, n_waiting

    def gone(self, keys: Iterable[str]) -> list[str]:
        """Those of some keys whose files have not been there for long.

        A share that shows nothing for a while must not make all be read again.
        """
        now = self.monotonic()
        absent = [key for key in keys if key not in self._present]
        self._gone = {key: self._gone.get(key, now) for key in absent}
        return [key for key, since in self._gone.items() if now - since >= GONE_S]

    def read(self, one: SeenFile) -> Original | None:
        """Bytes of a file; None if it changed meanwhile, which makes it wait again.

        Raises:
            OSError: It cannot be read, or is gone.
        """
        original = original_of(one.path, one.file)
        if _mark(one.path.stat()) == one.mark and len(original.content) == _size(one.mark):
            return original
        self._since.pop(one.key, None)
        return None

    def wait_again(self, one: SeenFile) -> None:
        """Let a file rest once more before it is tried again."""
        self._since[one.key] = (one.mark, self.monotonic())

    def move(self, one: SeenFile) -> Path:
        """Move a file that was taken; none that is there already is written over.

        Raises:
            OSError: It cannot be moved.
        """
        target = self.root / self.settings.done / one.file
        target.parent.mkdir(parents=True, exist_ok=True)
        number = 1
        while target.exists():
            number += 1
            target = target.with_name(f"{one.path.stem}.{number}{one.path.suffix}")
        os.replace(one.path, target)
        if self.settings.marker:
            self._marker(one).unlink(missing_ok=True)
        return target

    def _files(self, card: SourceCard) -> Iterator[SeenFile]:
        if not self.root.is_dir():
            raise FileNotFoundError(f"there is no folder {self.root}")
        for table in card.tables:
            found = {
                path.relative_to(self.root).as_posix(): path
                for pattern in table.files
                for path in self.root.glob(pattern)
            }
            for file in sorted(found, key=natural):
                if self._is_ours(file):
                    yield from _seen(table, found[file], file)

    def _is_ours(self, file: str) -> bool:
        first, _, _ = file.partition("/")
        name = file.rpartition("/")[2]
        is_done = self.settings.after == "move" and first == self.settings.done and first != file
        return not (is_done or name.startswith((".", "~$")) or name.lower().endswith(_UNFINISHED))

    def _marker(self, one: SeenFile) -> Path:
        return one.path.with_name(one.path.name + self.settings.marker)

    def _is_marked(self, one: SeenFile) -> bool:
        return not self.settings.marker or self._marker(one).exists()


def _seen(table: TableSpec, path: Path, file: str) -> Iterator[SeenFile]:
    try:
        status = path.stat()
    except OSError:
        return  # gone since it was listed
    if path.is_file():
        yield SeenFile(table, path, file, _mark(status), status.st_mtime_ns // 1000)


def _mark(status: os.stat_result) -> str:
    return f"{status.st_size}:{status.st_mtime_ns}"


def _size(mark: str) -> int:
    return int(mark.partition(":")[0])
