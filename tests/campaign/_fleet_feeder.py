"""Writes what a fleet sends, a second at a time, and wakes the analysts after each."""

from __future__ import annotations

import json
import math
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from goldenbatch.core.series import Frame, Quality, frame_table
from goldenbatch.runtime.local import LocalSite
from tests.capabilities.monitoring.process.plant import START, good, unit

HERTZ = 10
STEP = 1_000_000 // HERTZ
N_REFERENCE = 300
GAP = 1000


@dataclass(frozen=True)
class Fleet:
    """What is simulated; everything follows from these numbers."""

    n_units: int
    n_tags: int
    n_seconds: int

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags of each unit."""
        return tuple(f"t{j:02d}" for j in range(self.n_tags))

    def rows(self, i: int) -> Any:
        """Rows of a unit from `START` on, with its faults, shape (n, n_tags)."""
        n = self.n_seconds * HERTZ
        rows = good(n, 10_000 + i, self.tags)
        rng = random.Random(i)
        for _ in range(2 if i % 3 == 0 else 0):
            first = rng.randrange(n)
            rows[first : first + rng.randrange(3, 60), rng.randrange(self.n_tags)] += 6.0
        if i % 7 == 0:
            first = rng.randrange(n)
            rows[first : first + 12, : self.n_tags // 3] = math.nan
        return rows

    def reference(self, i: int) -> Any:
        """Good rows of a unit that end `GAP` rows before `START`."""
        return good(N_REFERENCE, i, self.tags)


def frame_of(fleet: Fleet, blocks: Any, first: int, key: str) -> Frame:
    """Rows of all units as one frame, as a connector sends them.

    Args:
        blocks: Shape (n_units, n, n_tags).
        first: Number of the first row.
    """
    import pyarrow as pa

    n_units, n, p = blocks.shape
    names = pa.array([f"{unit(i)}/{tag}" for i in range(n_units) for tag in fleet.tags])
    values = np.ascontiguousarray(blocks.transpose(1, 0, 2)).reshape(-1)
    times = np.repeat(START + (first + np.arange(n)) * STEP, n_units * p)
    codes = np.tile(np.arange(n_units * p, dtype=np.int32), n)
    keep = ~np.isnan(values)
    table = frame_table(
        "number",
        times[keep],
        pa.DictionaryArray.from_arrays(pa.array(codes[keep]), names),
        pa.array(values[keep]),
        np.full(int(keep.sum()), int(Quality.GOOD)),
    )
    return Frame("plc", key, "number", table, int(START))


def main() -> None:
    """Go on after the last second that is there."""
    home, *numbers = sys.argv[1:]
    fleet = Fleet(*(int(one) for one in numbers))
    blocks = np.stack([fleet.rows(i) for i in range(fleet.n_units)])
    with LocalSite.open(Path(home)) as site:
        # The frame after the last one that is there may be there: the same key adds nothing.
        for second in range(_first(site), fleet.n_seconds):
            began = time.process_time()
            part = blocks[:, second * HERTZ : (second + 1) * HERTZ]
            site.historian.write(frame_of(fleet, part, second * HERTZ, f"second {second}"))
            site.wake()
            cpu = round(time.process_time() - began, 4)
            sys.stdout.write(json.dumps({"second": second, "cpu_s": cpu}) + "\n")
            sys.stdout.flush()


def _first(site: LocalSite) -> int:
    """The second that may not be there yet."""
    site.wake()
    return max(0, sum(1 for _ in site.ledger.stream("tick/analysts")) - 2)


if __name__ == "__main__":
    main()
