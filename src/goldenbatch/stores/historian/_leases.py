"""Which versions of the tables are being read, here and in other processes.

A reader holds a file `readers/<pid>-<random>` locked and keeps in it the number of the last
compaction that it has seen of each kind. Who is gone has lost the lock, however it died.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from goldenbatch.core.series import KINDS

FOLDER = "readers"
_WIDTH = 256


class InUse:
    """What this process reads, made known to others.

    Args:
        folder: The historian's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._lock = threading.Lock()
        self._running: Counter[tuple[str, int]] = Counter()
        self._seen: dict[str, int] = dict.fromkeys(KINDS, 0)
        self._handle = -1
        self._path: Path | None = None

    def show(self) -> None:
        """Let other processes know; a writer vacuums itself and need not."""
        # On a disk that cannot be written the age of the files must protect the reader.
        with contextlib.suppress(OSError):
            self._open()

    def _open(self) -> None:
        self._folder.mkdir(exist_ok=True)
        path = self._folder / f"{os.getpid()}-{uuid.uuid4().hex[:12]}"
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        fcntl.flock(handle, fcntl.LOCK_EX)
        self._handle, self._path = handle, path
        self._show()

    def _oldest(self) -> dict[str, int]:
        found = dict(self._seen)
        for (kind, number), n_running in self._running.items():
            if n_running > 0:
                found[kind] = min(found[kind], number)
        return found

    def _show(self) -> None:
        if self._handle >= 0:
            data = json.dumps(self._oldest()).ljust(_WIDTH).encode()
            os.pwrite(self._handle, data, 0)

    def saw(self, numbers: Mapping[str, int]) -> None:
        """From now on new questions read these versions."""
        with self._lock:
            self._seen = {kind: numbers.get(kind, 0) for kind in KINDS}
            self._show()

    @contextlib.contextmanager
    def reading(self, kind: str, number: int) -> Iterator[None]:
        """While the block runs the files of a version are needed."""
        with self._lock:
            self._running[kind, number] += 1
        try:
            yield
        finally:
            with self._lock:
                self._running[kind, number] -= 1
                if not self._running[kind, number]:
                    del self._running[kind, number]
                    if number < self._seen[kind]:
                        self._show()

    def oldest(self) -> dict[str, int]:
        """By kind the oldest version that anybody reads, here or elsewhere."""
        with self._lock:
            found = self._oldest()
        for path in sorted(self._folder.glob("*")) if self._folder.is_dir() else ():
            other = _other(path)
            for kind in KINDS:
                found[kind] = min(found[kind], other.get(kind, found[kind]))
        return found

    def close(self) -> None:
        """Give the file back."""
        if self._handle >= 0 and self._path is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._handle)
            self._handle = -1


def _other(path: Path) -> dict[str, int]:
    """What another process reads; its file goes when it is dead."""
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return {}
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            data = os.pread(handle, _WIDTH, 0)
            # Not yet written: it is just beginning, and may see anything.
            return json.loads(data) if data.strip() else dict.fromkeys(KINDS, 0)
        path.unlink(missing_ok=True)
        return {}
    finally:
        os.close(handle)
