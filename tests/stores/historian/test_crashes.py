"""kill -9 at random moments of write, hand-over, backfill, compaction and vacuum.

Nothing acknowledged is lost, nothing is there twice, all digests hold, and a reader in another
process never meets a torn file. `GOLDENBATCH_CRASHES` says how many deaths (50 by default).
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.stores.historian import crash_kit as kit

from goldenbatch.core.chunks import ChunkClosed
from goldenbatch.stores.historian import Historian

N_CRASHES = int(os.environ.get("GOLDENBATCH_CRASHES", "50"))
LIFE = 25
"""Deaths of one historian; then the next begins, so that the checks stay short."""
# Imports take ten times as long as a life: one process has them done and forks the others.
SERVER = """
import importlib.util, os, sys
import deltalake, pyarrow.parquet, duckdb
spec = importlib.util.spec_from_file_location("crash_kit", sys.argv[1])
kit = importlib.util.module_from_spec(spec)
spec.loader.exec_module(kit)
for line in sys.stdin:
    folder, seed, said = line.rstrip().split("|")
    child = os.fork()
    if child == 0:
        os.dup2(os.open(said, os.O_CREAT | os.O_WRONLY | os.O_APPEND), 1)
        kit.crash_child(folder, int(seed))
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


class Children:
    """Starts children that work until they are killed."""

    def __enter__(self) -> Children:
        self._server = subprocess.Popen(
            [sys.executable, "-c", SERVER, kit.__file__],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        self._server.communicate()

    def live(self, folder: Path, seed: int, delay_s: float, watch=None) -> list[int]:
        """Let a child work until it is killed; numbers of the frames that it said are on disk."""
        said = folder.with_name(f"said-{seed}")
        self._server.stdin.write(f"{folder}|{seed}|{said}\n")
        self._server.stdin.flush()
        child = int(self._server.stdout.readline())
        end = time.monotonic() + 60
        while delay_s >= 0 and not _has_opened(said) and time.monotonic() < end:
            time.sleep(0.002)
        until = time.monotonic() + abs(delay_s)
        while watch is not None and time.monotonic() < until:
            watch()
        time.sleep(max(0.0, until - time.monotonic()))
        os.kill(child, signal.SIGKILL)
        status = int(self._server.stdout.readline())
        assert os.WIFSIGNALED(status), "the child ended by itself"
        lines = said.read_text().split("\n")[:-1] if said.exists() else []
        assert lines or delay_s < 0, "the child died before it had opened the store"
        return [int(line) for line in lines if line != "open"]


def _has_opened(said: Path) -> bool:
    return said.exists() and said.stat().st_size > 0


def test_nothing_is_lost_doubled_or_torn(tmp_path):
    n_frames = n_compactions = 0
    with Children() as children:
        for first in range(0, N_CRASHES, LIFE):
            folder = tmp_path / f"life-{first}"
            acknowledged = 0
            for seed in range(first, min(first + LIFE, N_CRASHES)):
                draw = random.Random(seed)
                delay_s = -draw.uniform(0.0, 0.05) if draw.random() < 0.2 else draw.uniform(0, 0.4)
                reader = Watch(folder) if seed % 5 == 3 else None
                said = children.live(folder, seed, delay_s, reader)
                acknowledged = max([acknowledged, *(number + 1 for number in said)])
                if seed % 5 == 4 or seed + 1 == N_CRASHES:
                    acknowledged = check(folder, acknowledged)
            n_frames += acknowledged
            n_compactions += len([*(folder / "compactions").glob("*.json")])
    assert n_frames >= N_CRASHES
    assert n_compactions >= N_CRASHES // 10


class Watch:
    """A reader in another process than the writer: it must never see half of anything."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store: Historian | None = None

    def __call__(self) -> None:
        if self._store is None:
            if not (self._folder / "state.json").exists():
                return
            self._store = Historian.open(
                self._folder, recorder=None, clock=lambda: 1, read_only=True
            )
        names = [name for name in self._store.tags() if name.startswith("number")]
        if names:
            head = self._store.head()
            found = self._store.since(names, 0, head)
            n_texts = sum(1 for number in range(head) if number % 7 == 6)
            assert len(found) == kit.ROWS * (head - n_texts)


def check(folder: Path, n_acknowledged: int) -> int:
    """After deaths: every acknowledged frame is there once, and all proofs hold."""
    recorder, store = kit.opened(str(folder))
    with store:
        head = store.head()
        # At most the frame that was being written by each death was not acknowledged.
        assert head >= n_acknowledged
        for kind in ("number", "text"):
            numbers = [n for n in range(head) if (n % 7 == 6) == (kind == "text")]
            names = [name for name in store.tags() if name.startswith(kind)]
            if not names:
                assert not numbers
                continue
            found = store.since(names, 0)
            assert len(found) == kit.ROWS * len(numbers)
            tags, times = found.table["tag"].to_pylist(), found.times().tolist()
            assert len(set(zip(tags, times, strict=True))) == len(found)
            assert sorted(set(found.seqs().tolist())) == [n + 1 for n in numbers]
            assert len(store.read(names, (0, 10 * kit.DAY))) == len(found)
        chunks = [ChunkClosed.model_validate(body) for body in recorder.bodies.values()]
        assert store.verify(chunks) == []
    return head
