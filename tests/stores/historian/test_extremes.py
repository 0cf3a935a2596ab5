"""What plants really send: odd numbers and times, floods, tags that come and go, very many."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from goldenbatch.core.errors import BadInputError
from goldenbatch.core.series import Frame, Quality, frame_schema
from goldenbatch.stores.historian import HistorianSettings

DAY = 86_400_000_000
T1970, T2100 = 0, 4_102_444_800_000_000
AT_ONCE = HistorianSettings(flush_readings=0, keep_superseded_s=0)


def many(key, n_tags, time, first=0):
    names = pa.array([f"plant/unit{n % 13}/signal{n:07d}" for n in range(first, first + n_tags)])
    columns = [
        pa.array(np.full(n_tags, time)).view(frame_schema("number")[0].type),
        pa.DictionaryArray.from_arrays(pa.array(np.arange(n_tags, dtype=np.int32)), names),
        pa.array(np.arange(n_tags, dtype=float)),
        pa.array(np.zeros(n_tags, dtype=np.int64)),
    ]
    table = pa.Table.from_arrays(columns, schema=frame_schema("number", is_coded=True))
    return Frame("flood", key, "number", table, 1)


def test_numbers_and_times_at_their_edges(opened, frame, listed, recorder):
    store = opened(settings=AT_ONCE)
    values = [math.inf, -math.inf, math.nan, -0.0, 5e-324, 1.7976931348623157e308]
    rows = [("x", T1970 + n, value) for n, value in enumerate(values)]
    rows += [("x", T2100 + n, value) for n, value in enumerate(values)]
    rows += [("x", -n * DAY, float(n)) for n in range(1, 4)]
    store.write(frame("1", rows))
    before = store.digest("x", (-9 * DAY, T2100 + 9))
    for step in (store.flush, lambda: store.compact(T2100 + 9 * DAY)):
        step()
        found = listed(store.read(["x"], (T2100, T2100 + 9)))
        assert [row[2] for row in found[:2]] == values[:2] and found[2][2] is None
        assert math.copysign(1, found[3][2]) == -1
        assert [row[2] for row in found[4:]] == values[4:]
        assert store.digest("x", (-9 * DAY, T2100 + 9)) == before
    assert len({one.date for one in store.table_files("number")}) == 5
    assert store.verify(recorder.chunks()) == []
    found = store.aggregate(["x"], [(T1970, T1970 + 6)], "Maximum")
    assert found.values[0, 0] == math.inf


@pytest.mark.parametrize("time", [-(2**62), 2**62, 253_402_300_800_000_000])
def test_times_that_are_a_mistake_are_refused_by_name(opened, frame, time):
    with pytest.raises(BadInputError, match=f"tag 'x' has a reading at {time} us"):
        opened().write(frame("1", [("x", time, 1.0)]))


def test_tags_that_vanish_and_come_back(opened, frame, listed, recorder):
    store = opened(settings=AT_ONCE)
    for day in (0, 1, 5, 6):
        store.write(frame(f"a{day}", [("a", day * DAY, float(day))]))
        if day in (0, 6):
            store.write(frame(f"b{day}", [("b", day * DAY, float(day), int(Quality.BAD))]))
        store.flush()
    store.compact(30 * DAY)
    assert [row[2] for row in listed(store.read(["b"], (0, 9 * DAY)))] == [0.0, 6.0]
    assert listed(store.read(["b"], (DAY, 5 * DAY))) == []
    gap = [(2 * DAY, 4 * DAY)]
    assert math.isnan(store.aggregate(["a"], gap, "Average").values[0, 0])
    assert store.aggregate(["a"], gap, "TimeAverage").values[0, 0] == 3.0  # between 1 and 5
    assert store.verify(recorder.chunks()) == []


def test_a_flood_is_handed_over_by_itself_and_memory_stays_bounded(opened, recorder):
    store = opened(settings=HistorianSettings(flush_readings=50_000))
    hottest = 0
    for number in range(20):
        store.write(many(str(number), 10_000, number * 1_000))
        hottest = max(hottest, store._loaded.hot.n_readings)
    assert hottest <= 60_000
    assert len([*(store._folder / "chunks").glob("*.json")]) >= 3
    assert len([*(store._folder / "log").glob("*.frames")]) <= 4
    assert store.verify(recorder.chunks()) == []


def test_very_many_tags(opened, recorder):
    """30,000 here; a million by hand: see the page of figures."""
    store = opened(settings=AT_ONCE)
    for turn in range(2):
        for first in range(0, 30_000, 10_000):
            store.write(many(f"{turn}/{first}", 10_000, turn * 1_000, first))
        store.flush()
    store.compact(9 * DAY)
    (file,) = store.table_files("number")
    assert file.size < 30 * 60_000
    names = list(store.tags())
    assert len(names) == len(store.latest(names)) == 30_000
    assert store.read([names[0], names[-1]], (0, DAY)).values().tolist() == [0, 0, 9_999, 9_999]
    assert store.verify(recorder.chunks()) == []
