"""kill -9 at random moments: what was acknowledged is there, and the tree is whole."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

N_CRASHES = int(os.environ.get("GOLDENBATCH_CRASHES", "5"))
HERE = Path(__file__).resolve().parent
CHILD = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("ledger_kit", sys.argv[1])
kit = importlib.util.module_from_spec(spec)
spec.loader.exec_module(kit)
kit.crash_child(sys.argv[2], int(sys.argv[3]))
"""


def acknowledged(folder, seed, delay_s):
    """Let a child append until it is killed; gives what it said was done."""
    arguments = [sys.executable, "-c", CHILD, str(HERE / "conftest.py"), str(folder), str(seed)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as child:
        first = child.stdout.readline()
        time.sleep(delay_s)
        child.kill()
        rest = child.stdout.read().split(b"\n")[:-1]  # the last line may be torn
    assert first, "the child died before its first append"
    return [pair for line in (first, *rest) for pair in json.loads(line)]


def test_nothing_acknowledged_is_lost_and_no_tree_is_torn(kit, tmp_path):
    leaves = {}
    with kit.open_ledger(tmp_path):
        pass  # makes the key
    for run in range(N_CRASHES):
        delay_s = random.Random(run).uniform(0.0, 0.25)
        said = acknowledged(tmp_path, run, delay_s)
        leaves.update(said)
        if run % 10 == 9 or run < 5 or run == N_CRASHES - 1:
            check(kit, tmp_path, leaves)
    assert len(leaves) >= 2 * N_CRASHES


def check(kit, folder, leaves):
    with kit.open_ledger(folder) as ledger:
        stored = {event.seq: event.leaf for event in ledger.events()}
        assert ledger.verify() == []
    lost = {seq for seq, leaf in leaves.items() if stored.get(seq) != leaf}
    assert not lost
    assert sorted(stored) == list(range(1, len(stored) + 1))
