"""What the crash campaign's children do: write, backfill, hand over, compact, vacuum, move."""

from __future__ import annotations

import json
import os
import random

import pyarrow as pa

from goldenbatch.core.series import Frame, frame_schema
from goldenbatch.stores.historian import Historian, HistorianSettings, Tier

DAY = 86_400_000_000
N_DAYS = 4
ROWS = 20


class FileRecorder:
    """Keeps chunks in a file, synced, as the ledger would."""

    def __init__(self, path: str) -> None:
        self.path, self.bodies = path, {}
        if os.path.exists(path):
            with open(path) as lines:
                for line in lines:
                    if line.endswith("\n"):
                        stream, version, body = json.loads(line)
                        self.bodies[stream, version] = body

    def record(self, stream, version, body):
        held = self.bodies.get((stream, version))
        if held is not None and held != body.as_json():
            raise AssertionError(f"{stream} {version} was another")
        if held is None:
            self.bodies[stream, version] = body.as_json()
            with open(self.path, "a") as out:
                out.write(json.dumps([stream, version, body.as_json()]) + "\n")
                out.flush()
                os.fsync(out.fileno())


def frame(number: int) -> Frame:
    """Frame `number`, always the same: most of today, some late, some corrections."""
    draw = random.Random(number)
    kind = "text" if number % 7 == 6 else "number"
    day = draw.randrange(N_DAYS) if number % 4 == 3 else number // 40 % N_DAYS
    start = day * DAY + number * 1_000
    times = [start + i for i in range(ROWS)]
    values = [f"v{number}" if kind == "text" else number + i / 8 for i in range(ROWS)]
    table = pa.table(
        {
            "time": pa.array(times, pa.int64()).cast(pa.timestamp("us", "UTC")),
            "tag": pa.array([f"{kind}/{i % 4}" for i in range(ROWS)], pa.string()),
            "value": pa.array(values, frame_schema(kind).field("value").type),
            "quality": pa.array([0] * ROWS, pa.int64()),
        },
        schema=frame_schema(kind),
    )
    return Frame("lab" if number % 3 == 2 else "line", f"k{number}", kind, table, 5)


def opened(folder: str) -> tuple[FileRecorder, Historian]:
    """The store of a life."""
    recorder = FileRecorder(folder + ".ledger")
    settings = HistorianSettings(flush_readings=0, segment_bytes=16_384, keep_superseded_s=0)
    store = Historian.open(folder, recorder=recorder, clock=lambda: 1, settings=settings)
    return recorder, store


def crash_child(folder: str, seed: int) -> None:
    """Work until killed; each line says which frame is now on the disk."""
    draw = random.Random(seed)
    _, store = opened(folder)
    print("open", flush=True)
    number = store.head()
    while True:
        store.write(frame(number))
        print(number, flush=True)
        number += 1
        what = draw.random()
        if what < 0.12:
            store.flush()
        elif what < 0.18:
            store.compact(100 * DAY)
        elif what < 0.20:
            store.vacuum(now=2**60)
        elif what < 0.24:
            old = [one for one in store.days() if one.is_compacted and not one.tier]
            store.move(Tier("far", f"file://{folder}.tier"), old[:2], lambda _: ())
            store.settle(2**60)
