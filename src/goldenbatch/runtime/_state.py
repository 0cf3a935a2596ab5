"""What an analyst remembers between ticks, on disk: whole or not at all, with its digest."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goldenbatch.core.analyst import State
from goldenbatch.core.errors import BadInputError, IntegrityError


@dataclass(frozen=True)
class Saved:
    """State of an analyst after a tick.

    Attributes:
        cursor: Number of the last tick that it assessed.
        adoption: Version of the adoption under which it did.
        state: Plain JSON.
        derived: Numbers of the frames that it wrote after its last tick was taken.
    """

    cursor: int
    adoption: int
    state: State
    derived: tuple[int, ...] = ()


def state_text(state: State) -> str:
    """State as JSON text; what the next tick starts from is this text read again.

    Raises:
        BadInputError: The state is not plain JSON.
    """
    try:
        return json.dumps(state, sort_keys=True, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise BadInputError(
            f"the state is not plain JSON: {error}.",
            hint="Keep numbers, texts, lists and objects only.",
        ) from error


class StateFolder:
    """One file an analyst in a folder; it can be rebuilt by replaying the ticks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, Saved] = {}

    def path(self, name: str) -> Path:
        """File of an analyst."""
        return self._folder / f"{name}.json"

    def names(self) -> Sequence[str]:
        """Analysts that have a file."""
        return sorted(path.stem for path in self._folder.glob("*.json"))

    def load(self, name: str) -> Saved | None:
        """State of an analyst; None when none was saved.

        Raises:
            IntegrityError: The file is not what was saved.
        """
        if name not in self._known:
            try:
                content = self.path(name).read_bytes()
            except FileNotFoundError:
                return None
            self._known[name] = self._parse(name, content)
        return self._known[name]

    def _parse(self, name: str, content: bytes) -> Saved:
        try:
            data: dict[str, Any] = json.loads(content)
            digest = data.pop("digest")
            if digest != _digest(data):
                raise ValueError("its digest is another")
            return Saved(data["cursor"], data["adoption"], data["state"], tuple(data["derived"]))
        except (ValueError, KeyError, TypeError) as error:
            raise IntegrityError(
                f"the state of analyst {name!r} ({self.path(name)}) is not what was saved: "
                f"{error}.",
                hint="Delete the file; the next wake rebuilds it from the logged ticks.",
            ) from error

    def save(self, name: str, saved: Saved) -> None:
        """Replace the state of an analyst, whole or not at all."""
        data: dict[str, Any] = {
            "cursor": saved.cursor,
            "adoption": saved.adoption,
            "state": saved.state,
            "derived": list(saved.derived),
        }
        text = json.dumps({**data, "digest": _digest(data)}, sort_keys=True)
        # After a power cut the older state may stand there: its ticks then run again.
        write_durably(self.path(name), text.encode(), is_folder_synced=False)
        self._known[name] = saved


def _digest(data: dict[str, Any]) -> str:
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def write_durably(
    path: Path, content: bytes, mode: int = 0o644, *, is_folder_synced: bool = True
) -> None:
    """Write a file whole or not at all: beside it, fsync, rename, fsync of the folder."""
    partial = path.with_name(f"{path.name}.partial")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(partial, path)
    if not is_folder_synced:
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
