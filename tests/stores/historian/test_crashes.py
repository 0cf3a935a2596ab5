"""kill -9 at random moments of write, hand-over, backfill, compaction, vacuum and tiers.

Nothing acknowledged is lost, nothing is there twice, all digests hold, and a reader in another
process never meets a torn file. `GOLDENBATCH_CRASHES` says how many deaths (20 by default).
"""

from __future__ import annotations

import os
import random
from pathlib import Path

from tests.children import Children
from tests.stores.historian import crash_kit as kit

from goldenbatch.core.chunks import ChunkClosed
from goldenbatch.core.tiering import TIER_STREAM as TIER
from goldenbatch.core.tiering import ReadingsMoved
from goldenbatch.stores.historian import Historian

N_CRASHES = int(os.environ.get("GOLDENBATCH_CRASHES", "20"))
LIFE = 25
"""Deaths of one historian; then the next begins, so that the checks stay short."""


def test_nothing_is_lost_doubled_or_torn(tmp_path):
    n_frames = n_compactions = 0
    with Children(Path(kit.__file__), "deltalake", "pyarrow.parquet", "duckdb") as children:
        for first in range(0, N_CRASHES, LIFE):
            folder = tmp_path / f"life-{first}"
            acknowledged = 0
            for seed in range(first, min(first + LIFE, N_CRASHES)):
                draw = random.Random(seed)
                delay_s = -draw.uniform(0.0, 0.05) if draw.random() < 0.2 else draw.uniform(0, 0.4)
                reader = Watch(folder) if seed % 5 == 3 else None
                said = children.live(folder, seed, delay_s, reader)
                numbers = [int(line) for line in said if line != "open"]
                acknowledged = max([acknowledged, *(number + 1 for number in numbers)])
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
        bodies = recorder.bodies.items()
        chunks = [ChunkClosed.model_validate(body) for (name, _), body in bodies if name != TIER]
        steps = [ReadingsMoved.model_validate(body) for (name, _), body in bodies if name == TIER]
        assert store.verify(chunks, steps=steps) == []
    return head
