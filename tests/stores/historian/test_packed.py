"""Large frames are packed without a bit lost, and answered like small ones."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.core.series import Frame, frame_schema
from goldenbatch.stores.historian import _packed
from goldenbatch.stores.historian._columns import TIME, by_tag, logged_schema
from goldenbatch.stores.historian._frames import scan_log

VALUES = {
    "number": st.none()
    | st.integers(-(10**6), 10**6).map(lambda n: n / 100)
    | st.floats(allow_nan=False)
    | st.just(-0.0),
    "text": st.none() | st.text(max_size=5),
    "array": st.none() | st.lists(st.floats(allow_nan=False), max_size=3),
}


def batch_of(kind, rows):
    rows = sorted(rows, key=lambda row: row[:2])
    tag, time, value, quality = zip(*rows, strict=True)
    columns = [
        pa.array(time, pa.int64()).view(TIME),
        pa.array(tag, pa.int32()),
        pa.array(value, logged_schema(kind).field("value").type),
        pa.array(quality, pa.int64()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=logged_schema(kind))


def bits(batch):
    values = batch.column("value")
    if batch.schema == logged_schema("number"):
        values = values.fill_null(float("nan")).to_numpy(zero_copy_only=False).view(np.int64)
    return [
        values.tolist() if isinstance(values, np.ndarray) else values.to_pylist(),
        *(batch.column(name).to_pylist() for name in ("tag", "quality")),
        batch.column("time").cast(pa.int64()).to_pylist(),
    ]


@pytest.mark.parametrize("kind", sorted(VALUES))
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_what_is_packed_comes_back_to_the_bit(kind, data):
    unit = data.draw(st.sampled_from([1, 1_000, 1_000_000]))
    time = st.integers(-2_000_000, 9_000_000).map(lambda n: n * unit)
    row = st.tuples(st.integers(0, 3), time, VALUES[kind], st.sampled_from([0, 0, 0, 2**31, 2**30]))
    rows = data.draw(st.lists(row, min_size=1, max_size=30, unique_by=lambda r: r[:2]))
    batch = batch_of(kind, rows)
    again = _packed.decode(_packed.encode(batch, kind), kind)
    assert again.schema == batch.schema
    assert bits(again) == bits(batch)


def signal(n_tags, n_times, seed=3):
    rng = np.random.default_rng(seed)
    shape = (n_times, n_tags)
    times = np.arange(n_times)[:, None] * 1_000_000 + rng.integers(0, 50, shape) * 1_000
    walk = np.round(50 + np.cumsum(rng.normal(0, 0.05, shape), axis=0), 2)
    names = [f"site/{n:03d}" for n in range(n_tags)]
    codes = pa.array(np.tile(np.arange(n_tags, dtype=np.int32), n_times))
    columns = [
        pa.array(times.ravel()).view(TIME),
        pa.DictionaryArray.from_arrays(codes, pa.array(names)),
        pa.array(walk.ravel()),
        pa.array(np.zeros(walk.size, dtype=np.int64)),
    ]
    return pa.Table.from_arrays(columns, schema=frame_schema("number", is_coded=True)), names


def test_a_large_frame_takes_few_bytes_and_answers_like_small_ones(
    opened, listed, recorder, tmp_path
):
    table, names = signal(20, 600)
    whole, parts = opened(), opened(tmp_path / "parts", recorder=None)
    whole.write(Frame("line", "all", "number", table, 1_000))
    for first in range(0, table.num_rows, 2_000):
        parts.write(Frame("line", str(first), "number", table.slice(first, 2_000), 1_000))
    (layout,) = {
        record.layout for _, scan in scan_log(whole._folder / "log") for record in scan.records
    }
    assert layout == "packed"
    assert whole._log.durable_bytes() < 6 * table.num_rows
    window = (0, 10**12)

    def rows(store):
        return [one[:4] for one in listed(store.read(names, window))]

    expected = rows(parts)
    assert rows(whole) == expected
    whole.close()
    again = opened()
    assert rows(again) == expected
    again.flush()
    assert rows(again) == expected
    assert again.verify(recorder.chunks()) == []


def test_an_unknown_layout_is_not_guessed_at(opened):
    table, _ = signal(20, 600)
    store = opened()
    store.write(Frame("line", "all", "number", table, 1_000))
    store.close()
    scans = list(scan_log(store._folder / "log"))
    (record,) = scans[0][1].records
    with pytest.raises((pa.ArrowInvalid, KeyError, OSError)):
        _packed.decode(record.payload[:100], "number")
    assert json.loads(bytes(scans[0][0].read_bytes()[160:]).split(b"}")[0] + b"}")["layout"]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([0, 1, 7, 65_535, 65_536, 200_000, 2**31 - 1]), max_size=30))
def test_counting_order_is_stable(tags):
    tag = np.array(tags, dtype=np.int32)
    assert by_tag(tag).tolist() == np.argsort(tag, kind="stable").tolist()
