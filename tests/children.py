"""Processes that work until they are killed, forked from one that has the imports done.

Imports take ten times as long as a life. A kit is a module with `crash_child(folder, seed)`:
it works without end and writes a line to its output for what it was told is on the disk.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

SERVER = """
import ctypes, importlib, importlib.util, os, signal, sys
def die_with_parent():  # or a child would work on when the tests are ended
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
die_with_parent()
for name in sys.argv[2:]:
    importlib.import_module(name)
spec = importlib.util.spec_from_file_location("crash_kit", sys.argv[1])
kit = importlib.util.module_from_spec(spec)
spec.loader.exec_module(kit)
for line in sys.stdin:
    folder, seed, said = line.rstrip().split("|")
    child = os.fork()
    if child == 0:
        die_with_parent()
        os.dup2(os.open(said, os.O_CREAT | os.O_WRONLY | os.O_APPEND), 1)
        kit.crash_child(folder, int(seed))
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


class Children:
    """Starts children of a kit and kills them.

    Args:
        kit: File of the module with `crash_child`.
        imports: Modules that every child needs at once.
    """

    def __init__(self, kit: Path, *imports: str) -> None:
        self._arguments = [str(kit), *imports]

    def __enter__(self) -> Children:
        self._server = subprocess.Popen(
            [sys.executable, "-c", SERVER, *self._arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        return self

    def __exit__(self, failure: object, *_: object) -> None:
        if failure is not None:  # a child may be at work, which ends with the server alone
            self._server.kill()
        self._server.communicate()

    def live(
        self, folder: Path, seed: int, delay_s: float, watch: Callable[[], None] | None = None
    ) -> list[str]:
        """Let a child work until it is killed; the whole lines that it said.

        Args:
            folder: Given to the child.
            seed: Given to the child.
            delay_s: From its first line to its death; negative: from the fork, so that it may
                die while it opens its store.
            watch: Called again and again while it lives.
        """
        said = folder.with_name(f"{folder.name}-said-{seed}")
        _stream(self._server.stdin).write(f"{folder}|{seed}|{said}\n")
        _stream(self._server.stdin).flush()
        child = int(_stream(self._server.stdout).readline())
        deadline = time.monotonic() + 60
        while delay_s >= 0 and not _has_spoken(said) and time.monotonic() < deadline:
            time.sleep(0.002)
        until = time.monotonic() + abs(delay_s)
        while watch is not None and time.monotonic() < until:
            watch()
        time.sleep(max(0.0, until - time.monotonic()))
        os.kill(child, signal.SIGKILL)
        status = int(_stream(self._server.stdout).readline())
        assert os.WIFSIGNALED(status), "the child ended by itself"
        lines = said.read_text().split("\n")[:-1] if said.exists() else []  # the last is torn
        assert lines or delay_s < 0, "the child died before it had opened its store"
        return lines


def _stream(one: IO[str] | None) -> IO[str]:
    assert one is not None
    return one


def _has_spoken(said: Path) -> bool:
    return said.exists() and said.stat().st_size > 0
