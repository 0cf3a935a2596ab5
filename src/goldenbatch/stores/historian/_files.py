"""Files that are whole or absent: write, fsync, rename, fsync of the folder."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from goldenbatch.core.records import to_iso


def fsync_dir(path: Path) -> None:
    """Make names in a folder durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def fsync_file(path: Path) -> None:
    """Make a file's content durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_dir(path: Path) -> None:
    """Make a folder and its parents durable."""
    if path.is_dir():
        return
    make_dir(path.parent)
    path.mkdir(exist_ok=True)
    fsync_dir(path.parent)


def write_all(handle: int, data: bytes | memoryview) -> None:
    """Write everything; `os.write` may take only a part."""
    view = memoryview(data)
    while view.nbytes:
        view = view[os.write(handle, view) :]


def write_atomic(path: Path, data: bytes) -> None:
    """Put a file in place whole, durable on return."""
    temporary = path.with_name(f"{path.name}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        write_all(handle, data)
        os.fsync(handle)
    finally:
        os.close(handle)
    temporary.replace(path)
    fsync_dir(path.parent)


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def stamp(micros: int) -> str:
    """Time of a note."""
    return to_iso(micros)
