"""The worker process of one run: `python -m goldenbatch.capabilities.twin.studio_worker FOLDER`.

It reads what is asked from the folder, writes its progress and its results there, and ends. What
it may take of memory and time is bounded; it ends by itself when the node that began it is gone.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from goldenbatch.core.errors import GoldenbatchError

PROGRESS, FAILURE = "progress.json", "failure.json"
EVERY_S: Final = 0.2
REFUSED, ORPHANED = 2, 3
NICE: Final = 10
"""Below the node, whose writers must not wait for a simulation."""
MOST_FILE_BYTES: Final = 512 * 2**20


def main(folder: Path) -> int:
    """Do what a folder asks; the exit code: 0 done, 2 refused with a reason in the folder."""
    asked = json.loads((folder / "asked.json").read_text("utf-8"))
    _bound(int(asked["memory_bytes"]))
    _watch_parent(os.getppid())
    tell = _teller(folder / PROGRESS)
    try:
        if asked["work"] == "catalog":
            from goldenbatch.capabilities.twin.studio_catalog import catalog

            _write(folder / "catalog.json", catalog())
        else:
            from goldenbatch.capabilities.twin.studio_work import do_work

            do_work(asked["work"], folder / asked["file"], folder / "out", asked["options"], tell)
    except GoldenbatchError as error:
        _write(folder / FAILURE, {"reason": error.message, "hint": error.hint})
        return REFUSED
    except MemoryError:
        _write(folder / FAILURE, {"reason": "it needs more memory than a run may take",
                                  "hint": "Take fewer members or points."})  # fmt: skip
        return REFUSED
    return 0


def _bound(memory_bytes: int) -> None:
    """Bound what the process may take; elsewhere than on POSIX only the clock of the node does."""
    try:
        import resource
    except ImportError:  # pragma: no cover  (Windows)
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_FILE_BYTES, MOST_FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(NICE)


def _watch_parent(parent: int) -> None:
    """End when the node is gone: nobody would take the result, and another will begin it anew."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(ORPHANED)

    threading.Thread(target=watch, daemon=True, name="parent").start()


def _teller(path: Path) -> Callable[[int, int], None]:
    last = [0.0]

    def tell(n_done: int, n_all: int) -> None:
        now = time.monotonic()
        if now - last[0] >= EVERY_S or n_done == n_all:
            last[0] = now
            _write(path, {"n_done": n_done, "n_all": n_all})

    return tell


def _write(path: Path, document: dict[str, Any]) -> None:
    """Whole or not at all, for whoever reads meanwhile."""
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(document, ensure_ascii=False), "utf-8")
    beside.replace(path)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
