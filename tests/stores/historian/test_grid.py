"""Frames of many tags at the same times: kept as a grid, answered like any other frame."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from goldenbatch.core.errors import BadInputError, IntegrityError
from goldenbatch.core.series import Frame, Quality, frame_schema
from goldenbatch.stores.historian import _grid
from goldenbatch.stores.historian._frames import scan_log
from goldenbatch.stores.historian._grid import Grid, decode, pieces_of

N_TIMES, STEP = 2_000, 10_000_000
NAMES = ("press/force", "press/speed", "press/fill")


def columns_of(seed=1, start=0, n_times=N_TIMES, names=NAMES, kind="number"):
    """A table with one chunk a tag, all over the same times, with gaps and bad readings."""
    rng = np.random.default_rng(seed)
    times = pa.array(start + np.arange(n_times) * STEP).view(frame_schema(kind)[0].type)
    parts = [[], [], [], []]
    for code in range(len(names)):
        values = np.round(rng.normal(size=n_times), 2)
        gaps = rng.random(n_times) < (0.01 if code else 0.0)
        if kind == "text":
            values = np.asarray([f"state {abs(v):.0f}" for v in values], dtype=object)
        quality = np.where(gaps, int(Quality.BAD), 0)
        codes = pa.array(np.full(n_times, code, dtype=np.int32))
        parts[0].append(times)
        parts[1].append(pa.DictionaryArray.from_arrays(codes, pa.array(names)))
        parts[2].append(pa.array(values, frame_schema(kind).field("value").type, mask=gaps))
        parts[3].append(pa.array(quality))
    schema = frame_schema(kind, is_coded=True)
    whole = [pa.chunked_array(part, field.type) for part, field in zip(parts, schema, strict=True)]
    return pa.Table.from_arrays(whole, schema=schema)


def long_of(table, kind="number"):
    """The same readings in one chunk with plain tags: never a grid."""
    return table.cast(frame_schema(kind)).combine_chunks()


def written(store, table, key="k", kind="number", **more):
    return store.write(Frame("press", key, kind, table, 1_000, **more))


def layouts(store):
    scans = scan_log(store._folder / "log", is_thorough=True)
    return [record.layout for _, scan in scans for record in scan.records]


def answers(store, listed, names=NAMES, end=3 * N_TIMES * STEP):
    windows = [(100 * STEP, 150 * STEP), (N_TIMES * STEP // 2, N_TIMES * STEP // 2 + 7 * STEP)]
    aligned = store.aligned(names, windows, 3 * STEP)
    return [
        listed(store.read(names, (0, end))),
        listed(store.read(names[1:2], windows[0])),
        listed(store.since(names, 0)),
        listed(store.since(names[::-1], 1)),
        listed(store.latest(names)),
        listed(store.downsample(names, (0, end), 100)),
        aligned.values.tobytes(),
        aligned.quality.tobytes(),
        [store.digest(name, (0, end)) for name in names],
        dict(store.tags()),
    ]


@pytest.mark.parametrize("kind", ["number", "text"])
def test_a_grid_answers_like_the_long_form(opened, listed, tmp_path, kind):
    grid, plain = opened(tmp_path / "grid"), opened(tmp_path / "plain")
    for at, key in enumerate("abc"):
        table = columns_of(seed=at, start=at * N_TIMES * STEP // 2, kind=kind)
        assert written(grid, table, key, kind).n_readings == N_TIMES * len(NAMES)
        written(plain, long_of(table, kind), key, kind)
    assert (set(layouts(grid)), set(layouts(plain))) == ({"grid"}, {"packed"})
    if kind == "number":
        expected = answers(plain, listed)
        assert answers(grid, listed) == expected
    else:
        window = (0, 3 * N_TIMES * STEP)
        assert listed(grid.read(NAMES, window)) == listed(plain.read(NAMES, window))
    for store in (grid, plain):
        store.close()
    grid, plain = opened(tmp_path / "grid"), opened(tmp_path / "plain")
    assert listed(grid.latest(NAMES)) == listed(plain.latest(NAMES))
    assert listed(grid.since(NAMES, 0)) == listed(plain.since(NAMES, 0))
    assert grid.verify() == []


def test_a_grid_is_handed_over_like_the_long_form(opened, listed, tmp_path, recorder):
    grid, plain = opened(tmp_path / "grid"), opened(tmp_path / "plain", recorder=None)
    for store, form in ((grid, columns_of), (plain, lambda **more: long_of(columns_of(**more)))):
        written(store, form(seed=1), "a")
        written(store, form(seed=2, start=STEP), "b", reason="calibrated again")
    one, other = grid.flush()[0], plain.flush()[0]
    # The frames' own digests bind the raw records, which differ; the readings do not.
    assert (one.n_readings, one.tables) == (other.n_readings, other.tables)
    leaves = [
        json.loads(next((path / "chunks").glob("*.json")).read_text().split("\n")[1])["chunks"][0][
            "leaves"
        ]
        for path in (tmp_path / "grid", tmp_path / "plain")
    ]
    assert leaves[0] == leaves[1]
    written(grid, columns_of(seed=3, start=N_TIMES * STEP), "c")
    written(plain, long_of(columns_of(seed=3, start=N_TIMES * STEP)), "c")
    assert answers(grid, listed) == answers(plain, listed)
    assert grid.verify(recorder.chunks()) == []


def test_only_what_is_asked_for_leaves_the_grid():
    pieces = pieces_of(columns_of(), "number")
    tags = np.arange(len(NAMES))
    grid = Grid("number", pieces.time, tags, pieces.values, pieces.quality)
    spans = [(5 * STEP, 7 * STEP), (9 * STEP, 9 * STEP + 1), (10 * STEP + 1, 11 * STEP)]
    found = grid.inside(np.array([2, 0, 9]), spans)
    assert found.column("tag").to_pylist() == [0, 0, 0, 2, 2, 2]
    assert found.column("time").cast(pa.int64()).to_pylist() == [5 * STEP, 6 * STEP, 9 * STEP] * 2
    assert grid.inside(np.array([9]), spans) is None
    assert grid.inside(tags, [(1, 2)]) is None
    again = decode(grid.encode(), "number")
    assert again.batch().equals(grid.batch())
    assert len(grid.encode()) < grid.batch().nbytes / 4


def test_what_is_no_grid_is_kept_in_long_form(opened, listed, tmp_path):
    whole = columns_of()
    shifted = columns_of(start=1, names=("press/other",))
    unordered = whole.take(pa.array(np.arange(whole.num_rows)[::-1]))
    doubled = pa.concat_tables([columns_of(names=NAMES[:1]), columns_of(names=NAMES[:1], seed=2)])
    assert pieces_of(whole, "number") is not None
    for table in (whole.slice(1), unordered, long_of(whole), doubled, whole.slice(0, 10)):
        assert pieces_of(table, "number") is None
    store = opened()
    written(store, pa.concat_tables([whole, shifted]), "mixed")
    assert layouts(store) == ["packed"]
    assert listed(store.read(["press/other"], (0, 2)))[0][:2] == ("press/other", 1)
    with pytest.raises(BadInputError, match=r"'press/force' has two readings at 0 us"):
        written(store, doubled, "doubled")
    assert store.head() == 1


def test_a_grid_is_checked_like_any_frame(opened):
    store = opened()
    table = columns_of()
    wrong = [pa.array(np.full(N_TIMES, -1, dtype=np.int64))] * len(NAMES)
    with pytest.raises(BadInputError, match="no OPC UA status code"):
        written(store, table.set_column(3, table.schema.field(3), pa.chunked_array(wrong)))
    with pytest.raises(BadInputError, match="outside the years 1900 to 2261"):
        written(store, columns_of(start=9_214_646_400_000_000 - STEP))
    nothing = [pa.nulls(N_TIMES, pa.int64())] * len(NAMES)
    with pytest.raises(BadInputError, match="column 'quality' has missing entries"):
        written(store, table.set_column(3, table.schema.field(3), pa.chunked_array(nothing)))
    nan = [pa.array(np.full(N_TIMES, np.nan))] * len(NAMES)
    written(store, table.set_column(2, table.schema.field(2), pa.chunked_array(nan)), "nan")
    assert store.read(NAMES, (0, STEP)).table.column("value").null_count == len(NAMES)


def test_a_changed_byte_of_a_grid_is_seen(opened, tmp_path):
    store = opened()
    written(store, columns_of(), "a")
    written(store, columns_of(seed=2, start=N_TIMES * STEP), "b")
    store.close()
    path = next((tmp_path / "historian" / "log").glob("*.frames"))
    whole = path.read_bytes()
    for offset in range(70, len(whole), len(whole) // 23):
        path.write_bytes(
            whole[:offset] + bytes([whole[offset] ^ 0x10]) + whole[offset + 1 :],
        )
        with pytest.raises(IntegrityError, match=r"\.frames"):
            opened()
    path.write_bytes(whole)
    assert opened().head() == 2


def test_a_layout_of_a_later_version_is_refused(opened, monkeypatch):
    monkeypatch.setattr("goldenbatch.stores.historian.historian.LAYOUT", "prism")
    store = opened()
    written(store, columns_of())
    store.close()
    with pytest.raises(IntegrityError, match="frame 1 is laid out as 'prism'"):
        opened()


def test_a_hand_over_below_the_newest_grid_keeps_it(opened, listed):
    store = opened()
    written(store, columns_of(), "a")
    store._on_step = lambda step: (
        written(store, columns_of(seed=2, start=N_TIMES * STEP), "b") if step == "rotated" else None
    )
    store.flush()
    store._on_step = lambda _: None
    assert store._loaded.hot.n_readings == N_TIMES * len(NAMES)
    assert {row[4] for row in listed(store.read(NAMES, (0, 3 * N_TIMES * STEP)))} == {1, 2}
    assert _grid.GRID_ROWS <= N_TIMES * len(NAMES)
