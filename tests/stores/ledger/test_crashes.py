"""kill -9 at random moments: what was acknowledged is there, and the tree is whole."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

from tests.children import Children

N_CRASHES = int(os.environ.get("GOLDENBATCH_CRASHES", "50"))
LIFE = 50
"""Deaths of one ledger; then the next begins, so that the checks stay short."""
HERE = Path(__file__).resolve().parent


def test_nothing_acknowledged_is_lost_and_no_tree_is_torn(kit, tmp_path):
    n_acknowledged = 0
    with Children(HERE / "conftest.py") as children:
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
        for line in children.live(folder, seed, delay_s):
            leaves.update(tuple(pair) for pair in json.loads(line))
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
