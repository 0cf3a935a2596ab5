"""kill -9 at random moments: what was acknowledged is there, and the tree is whole."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

N_CRASHES = int(os.environ.get("GOLDENBATCH_CRASHES", "50"))
LIFE = 50
"""Deaths of one ledger; then the next begins, so that the checks stay short."""
HERE = Path(__file__).resolve().parent
# Imports take ten times as long as a life: one process has them done and forks the others.
SERVER = """
import importlib.util, os, sys
spec = importlib.util.spec_from_file_location("ledger_kit", sys.argv[1])
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
    """Starts children that append until they are killed."""

    def __enter__(self) -> Children:
        self._server = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(HERE / "conftest.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        self._server.communicate()

    def acknowledged(self, folder: Path, seed: int, delay_s: float) -> list[tuple[int, str]]:
        """Let a child append until it is killed; gives what it said was done.

        A negative delay counts from the fork: then the child may die while it opens the ledger.
        """
        said = folder / f"said-{seed}"
        self._server.stdin.write(f"{folder}|{seed}|{said}\n")
        self._server.stdin.flush()
        child = int(self._server.stdout.readline())
        deadline = time.monotonic() + 60
        while delay_s >= 0 and not _has_spoken(said) and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(abs(delay_s))
        os.kill(child, signal.SIGKILL)
        status = int(self._server.stdout.readline())
        assert os.WIFSIGNALED(status), "the child ended by itself"
        lines = said.read_bytes().split(b"\n")[:-1] if said.exists() else []  # the last is torn
        assert lines or delay_s < 0, "the child died before its first append"
        return [tuple(pair) for line in lines for pair in json.loads(line)]


def _has_spoken(said: Path) -> bool:
    return said.exists() and said.stat().st_size > 0


def test_nothing_acknowledged_is_lost_and_no_tree_is_torn(kit, tmp_path):
    n_acknowledged = 0
    with Children() as children:
        for first in range(0, N_CRASHES, LIFE):
            folder = tmp_path / f"life-{first}"
            folder.mkdir()
            seeds = range(first, min(first + LIFE, N_CRASHES))
            n_acknowledged += live(kit, children, folder, seeds)
    assert n_acknowledged >= 2 * N_CRASHES


def live(kit, children, folder, seeds) -> int:
    """One ledger through deaths of `seeds`; the number of events acknowledged."""
    leaves: dict[int, str] = {}
    with kit.open_ledger(folder):
        pass  # makes the key
    for seed in seeds:
        draw = random.Random(seed)
        delay_s = -draw.uniform(0.0, 0.05) if draw.random() < 0.25 else draw.uniform(0.0, 0.1)
        leaves.update(children.acknowledged(folder, seed, delay_s))
        if seed % 5 == 4 or seed == seeds[-1]:
            check(kit, folder, leaves)
    return len(leaves)


def check(kit, folder, leaves):
    with kit.open_ledger(folder) as ledger:
        stored = {event.seq: event.leaf for event in ledger.events()}
        assert ledger.verify() == []
    lost = {seq for seq, leaf in leaves.items() if stored.get(seq) != leaf}
    assert not lost
    assert sorted(stored) == list(range(1, len(stored) + 1))
