"""One file a day: the same answers and digests, and nothing lost whenever it is cut short."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.stores.historian.conftest import MemoryRecorder, frame_of

from goldenbatch.core.errors import IntegrityError
from goldenbatch.core.series import Frame, frame_schema
from goldenbatch.stores.historian import Historian, HistorianSettings
from goldenbatch.stores.historian._log import WriteRefusedError
from goldenbatch.stores.historian._merge import group_edges
from goldenbatch.stores.historian.copies import chunk_copies

DAY, HOUR = 86_400_000_000, 3_600_000_000
LATER = 30 * DAY
AT_ONCE = HistorianSettings(flush_readings=0, keep_superseded_s=0)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """Three days of hourly hand-overs by two sources, with a correction and late readings."""
    folder, recorder = tmp_path_factory.mktemp("base") / "historian", MemoryRecorder()
    store = Historian.open(folder, recorder=recorder, clock=lambda: 7_000_000, settings=AT_ONCE)
    with store:
        fill(store, frame_of)
    return folder, recorder


@pytest.fixture
def filled(base, opened, recorder, tmp_path):
    recorder.bodies.update(base[1].bodies)
    shutil.copytree(base[0], tmp_path / "historian")
    return opened(settings=AT_ONCE)


def fill(store, frame):
    for number in range(9):
        start = number * 8 * HOUR
        rows = [(f"x/{i}", start + i * 7, number + i / 7) for i in range(6)]
        store.write(frame(f"n{number}", rows))
        rows = [("lab/y", start + 5, float(number)), ("x/0", start + 900, -1.0)]
        store.write(frame(f"l{number}", rows, source="lab"))
        store.write(frame(f"t{number}", [("t", start, f"text {number}")], "text", source="lab"))
        store.write(frame(f"a{number}", [("a", start, [1.0, number])], "array", source="lab"))
        if number == 6:
            rows = [("x/1", 7, 99.0, 0x40000000), ("x/2", DAY + 14, None)]
            store.write(frame("again", rows, source="lab", reason="calibrated"))
        store.flush()
    store.write(frame("hot", [("x/0", 2 * DAY + 3, 1.0)]))


def answers(store, listed):
    tags = [f"x/{i}" for i in range(6)] + ["lab/y"]
    window = (0, 9 * DAY)
    found = [listed(store.read(tags, window)), listed(store.since(tags, 3, 30))]
    found += [listed(store.read(tags, window, as_of=n)) for n in (5, 20, store.head())]
    found += [listed(store.read([tag], window)) for tag in ("t", "a")]
    found += [store.digest(tag, window) for tag in (*tags, "t", "a")]
    return found


def n_files(store, kind="number"):
    return {one: len(files) for one, files in store._by_date(kind).items()}


def test_answers_and_digests_stay_and_each_closed_day_has_one_file(filled, listed, recorder):
    before, copies = answers(filled, listed), [*chunk_copies(filled._folder)]
    assert n_files(filled) == {"1970-01-01": 4, "1970-01-02": 4, "1970-01-03": 3}
    done = filled.compact(LATER)
    assert len(done) == 9
    assert set(n_files(filled).values()) == {1}
    assert answers(filled, listed) == before
    assert filled.verify(recorder.chunks()) == []
    assert [*chunk_copies(filled._folder)] == copies
    assert filled.compact(LATER) == ()


def test_an_open_day_is_left_alone_until_an_hour_after_its_end(filled):
    assert {one.date for one in filled.compact(2 * DAY + HOUR - 1)} == {"1970-01-01"}
    assert {one.date for one in filled.compact(2 * DAY + HOUR)} == {"1970-01-02"}


def test_older_versions_stay_and_late_readings_join(filled, frame, listed, recorder):
    filled.compact(LATER)
    assert listed(filled.read(["x/1"], (0, 10)))[0][2:4] == (99.0, 0x40000000)
    assert listed(filled.read(["x/1"], (0, 10), as_of=4))[0][2:4] == (1 / 7, 0)
    filled.write(frame("late", [("x/1", 8, 5.0)]))
    filled.write(frame("again 2", [("x/1", 7, 98.0)], reason="found wrong"))
    filled.flush()
    before = answers(filled, listed)
    done = filled.compact(LATER)
    assert [(one.date, len(one.removed)) for one in done] == [("1970-01-01", 2), ("1970-01-03", 2)]
    assert answers(filled, listed) == before
    assert [row[2] for row in listed(filled.read(["x/1"], (0, 10)))] == [98.0, 5.0]
    assert filled.verify(recorder.chunks()) == []


def test_it_is_found_again_after_a_restart(filled, opened, listed, recorder):
    filled.compact(LATER)
    before = answers(filled, listed)
    filled.close()
    (filled._folder / "latest.bin").unlink()
    again = opened(settings=AT_ONCE)
    assert answers(again, listed) == before
    assert again.verify(recorder.chunks()) == []
    with opened(recorder=None, read_only=True) as other:
        assert answers(other, listed) == before
        assert other.verify(recorder.chunks()) == []


STEPS = ["merged", "checked", "noted", "placed", "swapped", "seen"]


@pytest.mark.parametrize("step", STEPS)
def test_cut_short_after_each_step(filled, opened, listed, recorder, step):
    before, target = answers(filled, listed), filled._folder.with_name("copy")

    def put_aside(name):
        if name == step and not target.exists():
            shutil.copytree(filled._folder, target)

    filled._on_step = put_aside
    filled.compact(LATER)
    again = opened(target, settings=AT_ONCE, recorder=None)
    assert answers(again, listed) == before
    assert again.verify(recorder.chunks()) == []
    assert not [*(target / "merging").glob("*")]
    assert len(again._lineage.records) == (0 if step in STEPS[:2] else 1)
    again.compact(LATER)
    assert set(n_files(again).values()) == {1}
    assert answers(again, listed) == before
    assert again.verify(recorder.chunks()) == []


def test_a_damaged_file_is_named_and_nothing_changed(filled, recorder):
    path = next(filled._folder.glob("number/date=1970-01-02/*.parquet"))
    data = path.read_bytes()
    path.write_bytes(data[:40] + bytes([data[40] ^ 1]) + data[41:])
    names = {one.name for one in filled._cold.snapshot("number").files}
    with pytest.raises(IntegrityError, match=str(path)):
        filled.compact(LATER)
    left = {one.name for one in filled._cold.snapshot("number").files}
    assert {name for name in names if "1970-01-02" in name} <= left
    path.write_bytes(data)
    filled.compact(LATER)
    assert filled.verify(recorder.chunks()) == []


def test_a_merge_that_went_wrong_is_refused(filled, monkeypatch, recorder):
    from goldenbatch.stores.historian import _merge

    real = _merge.ordered

    def wrong(table):
        rows = real(table)
        values = rows.column("value").to_pylist()
        values[-1] = -5.0
        return rows.set_column(2, rows.schema.field("value"), pa.chunked_array([values]))

    monkeypatch.setattr(_merge, "ordered", wrong)
    with pytest.raises(IntegrityError, match="the merged readings of tag 'lab/y' are not those"):
        filled.compact(LATER)
    assert n_files(filled) == {"1970-01-01": 4, "1970-01-02": 4, "1970-01-03": 3}
    assert filled.verify(recorder.chunks()) == []


def test_what_is_changed_afterwards_is_named(filled, recorder):
    filled.compact(LATER)
    path = next(filled._folder.glob("number/date=1970-01-02/compacted*.parquet"))
    whole = path.read_bytes()
    table = pq.read_table(path, partitioning=None)
    values = table.column("value").to_pylist()
    place = table.column("tag").to_pylist().index(2)
    values[place] += 1e-9
    pq.write_table(table.set_column(2, table.schema.field("value"), [values]), path)
    found = filled.verify(recorder.chunks())
    assert any(p.where == str(path) for p in found)
    assert any("'x/2' of chunk line/" in p.message for p in found)
    assert not any("'x/1'" in p.message for p in found)
    pq.write_table(table.slice(1), path)
    assert any("0 stored readings are not the" in p.message for p in filled.verify())
    path.write_bytes(whole)
    record = sorted((filled._folder / "compactions").glob("*.json"))[1]
    kept = record.read_bytes()
    record.write_bytes(kept.replace(b'"at":7000000', b'"at":7000001'))
    assert any(str(record) in p.message for p in filled.verify())
    record.unlink()
    assert any("does not follow compaction 1" in p.message for p in filled.verify())
    record.write_bytes(kept)
    log = sorted(filled._folder.glob("number/_delta_log/*.json"))[-1]
    kept = log.read_bytes()
    for old, new in ((b'"remove"', b'"other"'), (b'"dataChange":false', b'"dataChange":true'),
                     (b'"version":', b'"version":1'), (b'"size":', b'"size":1')):  # fmt: skip
        assert old in kept
        log.write_bytes(kept.replace(old, new))
        assert any(p.where.startswith(str(log.parent.parent)) for p in filled.verify()), old
    log.write_bytes(kept)
    assert filled.verify(recorder.chunks()) == []


def test_a_checkpoint_after_compactions_is_right(filled, recorder):
    from deltalake import DeltaTable

    filled.compact(LATER)
    DeltaTable(str(filled._folder / "number")).create_checkpoint()
    assert filled.verify(recorder.chunks()) == []


def test_vacuum_takes_what_nobody_needs(filled, opened, listed, recorder):
    before = answers(filled, listed)
    with opened(recorder=None, read_only=True) as reader:
        filled.compact(LATER)
        n_old = sum(len(one.removed) for one in filled._lineage.records)
        assert filled.vacuum(now=LATER).n_kept == n_old  # the reader has not seen them go
        reader.refresh()
        assert answers(reader, listed) == before
        held = filled.vacuum(lambda window: window[0] == 0, now=LATER)
        assert held.n_kept == 10 and held.n_files == n_old - 10 and held.n_bytes > 0
        assert answers(reader, listed) == before
    assert filled.vacuum(now=6_999_999).n_kept == 10  # too young
    assert filled.vacuum(now=LATER).n_files == 10
    assert filled.vacuum(now=LATER) == type(held)(0, 0, 0)
    assert answers(filled, listed) == before
    assert filled.verify(recorder.chunks()) == []
    assert len([*filled._folder.glob("number/date=*/*.parquet")]) == 3


def test_a_reader_that_died_holds_nothing_back(filled, opened):
    reader = opened(recorder=None, read_only=True)
    (path,) = (filled._folder / "readers").glob("*")
    filled.compact(LATER)
    os.close(reader._leases._handle)  # as its death does
    reader._leases._handle = -1
    assert filled.vacuum(now=LATER).n_kept == 0
    assert not path.exists()


def test_what_is_deleted_leaves_the_compacted_files_too(filled, listed, opened, recorder):
    filled.compact(LATER)
    (first, *_) = [one for one in filled.closed() if "lab/y" in one.tags and one.window[0] < 9]
    digests = {tag: filled.digest(tag, (9 * HOUR, 9 * DAY)) for tag in ("x/0", "lab/y", "t")}
    n_gone = filled.delete([first.n], "deletion D-1", lambda _: ())
    assert n_gone == first.n_readings
    assert listed(filled.read(["lab/y"], (0, HOUR))) == []
    assert {t: filled.digest(t, (9 * HOUR, 9 * DAY)) for t in digests} == digests
    for path in filled._folder.glob("number/date=1970-01-01/*.parquet"):
        assert not set(range(1, first.n + 1)) & set(pq.read_table(path)["seq"].to_pylist())
    assert filled.verify(recorder.chunks(), {first.n: "deletion D-1"}) == []
    filled.close()
    again = opened(settings=AT_ONCE)
    assert again.verify(recorder.chunks(), {first.n: "deletion D-1"}) == []
    assert again.vacuum(now=LATER).n_kept == 0
    assert again.verify(recorder.chunks(), {first.n: "deletion D-1"}) == []


def test_a_full_disk_changes_nothing(filled, monkeypatch, recorder):
    from goldenbatch.stores.historian import _upkeep

    monkeypatch.setattr(_upkeep, "free_bytes", lambda _: 10)
    with pytest.raises(WriteRefusedError, match="nothing was changed"):
        filled.compact(LATER)
    assert filled.verify(recorder.chunks()) == []


def test_large_tags_have_row_groups_of_their_own(opened, recorder):
    n_large, n_small = 20_000, 2_000
    tag = np.concatenate([np.full(n_large, 0), np.repeat(np.arange(1, 31), n_small),
                          np.full(150_000, 31)])  # fmt: skip
    edges = group_edges(tag, 44)
    assert edges[:2] == [0, n_large] and edges[-1] == len(tag)
    sizes = np.diff(edges).tolist()
    assert sizes[0] == n_large and sizes[-2:] == [75_000, 75_000]
    assert all(size <= 34_000 for size in sizes[1:-2])
    assert group_edges(tag[:10], 10**9) == [0, 10]
    store = opened(settings=AT_ONCE)
    for part in range(2):
        times = np.arange(part * 10_000, (part + 1) * 10_000) * 1_000
        names = pa.array([f"tag{n}" for n in range(4)])
        rows = pa.table(
            {
                "time": pa.array(np.tile(times, 4)).view(frame_schema("number")[0].type),
                "tag": pa.DictionaryArray.from_arrays(
                    pa.array(np.repeat(np.arange(4, dtype=np.int32), 10_000)), names
                ),
                "value": pa.array(np.tile(times / 1e3, 4)),
                "quality": pa.array(np.zeros(40_000, dtype=np.int64)),
            },
            schema=frame_schema("number", is_coded=True),
        )
        store.write(Frame("line", str(part), "number", rows, 1))
        store.flush()
    store.compact(LATER)
    (file,) = store.table_files("number")
    parquet = pq.ParquetFile(store._folder / "number" / file.path)
    stats = [parquet.metadata.row_group(n).column(1).statistics for n in range(4)]
    assert parquet.num_row_groups == 4 and [s.min for s in stats] == [s.max for s in stats]
    assert json.loads(file.stats)["numRecords"] == 80_000
    assert store.verify(recorder.chunks()) == []
