"""The dictionary of tags: name and kind to a number, durable before a number is used.

File `tags.log`: blocks of magic `GBT1`, length (u32), CRC-32 of all that follows (u32), first
id (u32), number of tags (u32), previous digest (32 bytes), CRC-32 of the head up to here, and
JSON `[[kind, name], ...]`.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import threading
import zlib
from array import array
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from goldenbatch.core.errors import BadInputError, IntegrityError
from goldenbatch.core.series import KINDS, ReadingKind
from goldenbatch.stores.historian import _files

BLOCK = struct.Struct("<4sIIII32sI")
MAGIC = b"GBT1"
MAX_NAME = 400
N_RECENT, RECENT_NAMES = 64, 10_000
"""Dictionaries of frames whose numbers are kept, and up to how many names each."""


class TagDictionary:
    """Names of tags, their numbers and kinds; append-only.

    Args:
        path: The file; it is made with the first tag.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._ids: dict[str, int] = {}
        self._names: list[str] = []
        self._kinds = array("b")
        self._chain, self._size = bytes(32), 0
        self._recent: dict[tuple[str, int, str], tuple[pa.Array, NDArray[np.int32]]] = {}
        self.refresh()

    def __len__(self) -> int:
        """Number of tags."""
        return len(self._names)

    def refresh(self) -> None:
        """Read what has been added to the file; a torn last block is left for the next append."""
        data = self._path.read_bytes() if self._path.exists() else b""
        while self._size < len(data):
            end = self._load(data, self._size)
            if end is None:
                break
            self._size = end

    def _load(self, data: bytes, offset: int) -> int | None:
        """Take the block at an offset; None when it is a torn tail."""
        rest = data[offset:]
        if len(rest) < BLOCK.size:
            return None
        magic, n_bytes, crc, first, n_tags, previous, head_crc = BLOCK.unpack_from(rest)
        end: int = BLOCK.size + n_bytes
        is_right = magic == MAGIC and head_crc == zlib.crc32(rest[: BLOCK.size - 4])
        if (is_right and len(rest) < end) or not any(rest):
            return None
        block = rest[12 : BLOCK.size - 4] + rest[BLOCK.size : end]
        is_right = is_right and crc == zlib.crc32(block)
        if not is_right or first != len(self._names) or previous != self._chain:
            raise IntegrityError(
                f"{self._path}: the dictionary of tags is damaged at offset {offset}.",
                hint="Restore the file from the home's backup.",
            )
        for kind, name in json.loads(rest[BLOCK.size : end]):
            self._add(name, KINDS.index(kind))
        if len(self._names) != first + n_tags:
            raise IntegrityError(f"{self._path}: a tag stands twice before offset {offset + end}.")
        self._chain = hashlib.sha256(block).digest()
        return offset + end

    def _add(self, name: str, kind: int) -> None:
        self._ids[name] = len(self._names)
        self._names.append(name)
        self._kinds.append(kind)

    def ids(self, names: Sequence[str], kind: ReadingKind) -> list[int]:
        """Numbers of tags of a kind; new ones are made durable first.

        Raises:
            BadInputError: A tag is of another kind, or its name cannot be one.
        """
        code = KINDS.index(kind)
        with self._lock:
            known = [self._ids.get(name, -1) for name in names]
            if -1 not in known and {self._kinds[number] for number in known} <= {code}:
                return known
            new: list[str] = []
            for name in names:
                number = self._ids.get(name)
                if number is None:
                    _require_name(name)
                    new.append(name)
                elif self._kinds[number] != code:
                    raise BadInputError(
                        f"tag {name!r} holds readings of kind {KINDS[self._kinds[number]]!r}, "
                        f"not {kind!r}.",
                        hint="Give the new readings a tag of their own.",
                    )
            if new:
                self._append(new, kind, code)
            return [self._ids[name] for name in names]

    def known(self, names: pa.Array, kind: ReadingKind) -> NDArray[np.int32] | None:
        """Numbers of names that were remembered: most frames name the same tags."""
        held = self._recent.get(_sketch(names, kind))
        return held[1] if held is not None and held[0].equals(names) else None

    def remember(self, names: pa.Array, kind: ReadingKind, numbers: NDArray[np.int32]) -> None:
        """Keep the numbers of names, none of them twice, for the next frame that has them."""
        if len(names) > RECENT_NAMES:
            return
        with self._lock:
            if len(self._recent) >= N_RECENT:
                self._recent.clear()
            self._recent[_sketch(names, kind)] = (names, numbers)

    def _append(self, names: list[str], kind: ReadingKind, code: int) -> None:
        body = json.dumps([[kind, name] for name in names], ensure_ascii=False).encode()
        head = struct.pack("<II32s", len(self._names), len(names), self._chain)
        head = struct.pack("<4sII", MAGIC, len(body), zlib.crc32(head + body)) + head
        data = head + struct.pack("<I", zlib.crc32(head)) + body
        is_new = not self._path.exists()
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.ftruncate(handle, self._size)
            _files.write_all(handle, data)
            os.fdatasync(handle)
        except OSError:
            os.ftruncate(handle, self._size)
            raise
        finally:
            os.close(handle)
        if is_new:
            _files.fsync_dir(self._path.parent)
        for name in names:
            self._add(name, code)
        self._chain, self._size = hashlib.sha256(head[12:] + body).digest(), self._size + len(data)

    def find(self, name: str) -> int | None:
        """Number of a tag; None when it is unknown."""
        return self._ids.get(name)

    def name(self, tag: int) -> str:
        """Name of a number."""
        return self._names[tag]

    def kind(self, tag: int) -> ReadingKind:
        """Kind of a number."""
        return KINDS[self._kinds[tag]]

    def kind_codes(self) -> NDArray[np.int64]:
        """Index of the kind of each number."""
        with self._lock:
            return np.array(self._kinds, dtype=np.int64)

    def same_as_file(self) -> bool:
        """Whether the file, read anew, says what is held in memory."""
        other = TagDictionary(self._path)
        n_bytes = self._path.stat().st_size if self._path.exists() else 0
        return (other._chain, other._size, n_bytes) == (self._chain, self._size, self._size)


def _sketch(names: pa.Array, kind: ReadingKind) -> tuple[str, int, str]:
    return kind, len(names), str(names[0].as_py()) if len(names) else ""


def _require_name(name: str) -> None:
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise BadInputError(
            f"{name[:60]!r} cannot be the name of a tag.",
            hint=f"Use 1 to {MAX_NAME} printable characters, such as `site/unit/signal`.",
        )
