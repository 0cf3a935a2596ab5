"""What the historian's tests share: small frames, a recorder like the ledger, an opener."""

from __future__ import annotations

import pyarrow as pa
import pytest

from goldenbatch.core.chunks import ChunkClosed
from goldenbatch.core.errors import IntegrityError
from goldenbatch.core.series import Frame, frame_schema
from goldenbatch.stores.historian import Historian, HistorianSettings

BY_HAND = HistorianSettings(flush_readings=0)


class MemoryRecorder:
    """Keeps bodies by stream and version and refuses what the ledger would refuse."""

    def __init__(self):
        self.bodies = {}

    def record(self, stream, version, body):
        held = self.bodies.get((stream, version))
        if held is not None and held != body:
            raise IntegrityError(f"{stream} version {version} exists with another body")
        if held is None and version > 1 and (stream, version - 1) not in self.bodies:
            raise IntegrityError(f"{stream} version {version} skips one")
        self.bodies[stream, version] = body

    def chunks(self):
        return [one for one in self.bodies.values() if isinstance(one, ChunkClosed)]

    def steps(self):
        return [body for (stream, _), body in self.bodies.items() if stream == "tier/home"]


@pytest.fixture
def recorder():
    return MemoryRecorder()


def frame_of(key, rows, kind="number", source="line", received_at=1_000, **more):
    """Rows are (tag, time, value) or (tag, time, value, quality)."""
    full = [(*row, 0)[:4] for row in rows]
    table = pa.table(
        {
            "time": pa.array([r[1] for r in full], pa.int64()).cast(frame_schema(kind)[0].type),
            "tag": pa.array([r[0] for r in full], pa.string()),
            "value": pa.array([r[2] for r in full], frame_schema(kind).field("value").type),
            "quality": pa.array([r[3] for r in full], pa.int64()),
        },
        schema=frame_schema(kind),
    )
    return Frame(source, key, kind, table, received_at, **more)


@pytest.fixture
def frame():
    return frame_of


@pytest.fixture
def opened(tmp_path, recorder):
    stores = []

    def make(path=None, settings=BY_HAND, recorder=recorder, **more):
        store = Historian.open(
            path or tmp_path / "historian",
            recorder=recorder,
            clock=lambda: 7_000_000,
            settings=settings,
            **more,
        )
        stores.append(store)
        return store

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def listed():
    def rows(series):
        times, seqs = series.times().tolist(), series.seqs().tolist()
        tags = series.table.column("tag").to_pylist()
        values = series.table.column("value").to_pylist()
        qualities = series.qualities().tolist()
        return list(zip(tags, times, values, qualities, seqs, strict=True))

    return rows
