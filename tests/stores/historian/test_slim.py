"""Small frames in the log: every bit comes back, and a plain reading costs a few bytes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.core.series import Frame, Quality, frame_schema
from goldenbatch.stores.historian import _slim
from goldenbatch.stores.historian._columns import TIME, logged_schema

numbers = st.one_of(
    st.none(),
    st.integers(-(10**6), 10**6).map(lambda whole: whole / 100),
    st.floats(allow_nan=False),
    st.sampled_from([-0.0, 5e-324, 1e308, float("inf"), 2.0**53 + 2, 0.1 + 0.2]),
)
rows = st.tuples(
    st.one_of(st.just(1_700_000_000_000_000), st.integers(-(2**50), 2**52)),
    st.one_of(st.integers(0, 5), st.integers(0, 2**31 - 1)),
    numbers,
    st.sampled_from([0, int(Quality.BAD), 0xFFFFFFFF]),
)


def batch(of):
    time, tag, value, quality = zip(*of, strict=True)
    columns = [
        pa.array(time, pa.int64()).view(TIME),
        pa.array(tag, pa.int32()),
        pa.array(value, pa.float64()),
        pa.array(quality, pa.int64()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=logged_schema("number"))


@given(st.lists(rows, min_size=1, max_size=30))
def test_every_bit_comes_back_in_its_order(of):
    before = batch(of)
    after = _slim.decode(_slim.encode(before))
    assert after.equals(before)
    bits = [
        one.column("value").fill_null(7.0).to_numpy(zero_copy_only=False).view(np.int64)
        for one in (before, after)
    ]
    assert np.array_equal(*bits)  # minus zero equals zero, and yet is another reading


@pytest.mark.parametrize("step", [0, 1, 1_000, 7_000, 1_000_000, 86_400_000_000])
@pytest.mark.parametrize("spread", [2, 300, 70_000, 2**33])
def test_each_width_and_unit(step, spread):
    of = [(10**15 + n * step, n * 3 % 7, (n * spread) / 10, 0) for n in range(50)]
    before = batch(of)
    assert _slim.decode(_slim.encode(before)).equals(before)


def test_a_reading_of_a_scan_costs_two_bytes():
    rng = np.random.default_rng(1)
    of = [(10**15, n, round(v, 2), 0) for n, v in enumerate(rng.normal(50, 1, 500).tolist())]
    assert len(_slim.encode(batch(of))) < 500 * 2 + 60


def test_small_frames_are_slim_in_the_log_and_come_back(opened):
    store = opened()
    times = [5_000_000] * 40
    for number in range(30):
        table = pa.table(
            {
                "time": pa.array(times, pa.int64()).view(TIME),
                "tag": [f"t{n}" for n in range(40)],
                "value": [None if n == 3 else n + number / 8 for n in range(40)],
                "quality": pa.array([0] * 40, pa.int64()),
            },
            schema=frame_schema("number"),
        )
        store.write(Frame("s", str(number), "number", table, 1))
    before = store.read([f"t{n}" for n in range(40)], (0, 10_000_000))
    path = store._folder / "log" / f"{1:020d}.frames"
    store.close()
    assert path.read_bytes().count(b'"layout":"slim"') == 30
    assert opened().read([f"t{n}" for n in range(40)], (0, 10_000_000)).table.equals(before.table)
