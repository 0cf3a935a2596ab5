"""The verbs of the historian, hot and cold."""

from __future__ import annotations

import hashlib
import math
import threading

import numpy as np
import pyarrow as pa
import pytest

from goldenbatch.core.chunks import readings_bytes
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.series import Frame, Quality, frame_schema
from goldenbatch.core.site import HistorianPort
from goldenbatch.stores.historian import HistorianSettings

BAD, UNCERTAIN = int(Quality.BAD), int(Quality.UNCERTAIN)
DAY = 86_400_000_000


@pytest.fixture(params=["hot", "cold", "both"])
def place(request):
    """Where the readings lie when they are read."""

    def settle(store, half=None):
        if request.param == "cold" or (request.param == "both" and half):
            store.flush()

    return settle


def port(store) -> HistorianPort:
    return store


def test_empty(opened):
    store = port(opened())
    assert store.head() == 0
    assert store.tags() == {}
    assert len(store.since(["none"], 0)) == len(store.latest(["none"])) == 0
    with pytest.raises(NotFoundError, match="'none'"):
        store.read(["none"], (0, 1))
    assert store.flush() == ()
    assert store.verify([]) == []


def test_same_key_again_adds_nothing(opened, frame, place):
    store = opened()
    first = store.write(frame("k", [("x", 1, 1.0), ("y", 1, 2.0)]))
    assert (first.seq, first.n_readings, first.is_new) == (1, 2, True)
    place(store, half=True)
    again = store.write(frame("k", [("x", 1, 9.0)]))
    assert (again.seq, again.n_readings, again.is_new) == (1, 2, False)
    assert store.write(frame("k", [("x", 2, 9.0)], source="other")).is_new
    assert store.read(["x"], (0, 2)).values().tolist() == [1.0]


def test_bitemporal_and_corrections(opened, frame, listed, place, recorder):
    store = opened()
    store.write(frame("1", [("x", 10, 1.0), ("x", 20, 2.0)]))
    place(store, half=True)
    store.write(frame("2", [("x", 10, 1.5, UNCERTAIN)], reason="wrong probe", origin="ab"))
    store.write(frame("3", [("x", 5, 0.5)]))
    place(store)
    assert listed(store.read(["x"], (0, 99), as_of=1)) == [
        ("x", 10, 1.0, 0, 1),
        ("x", 20, 2.0, 0, 1),
    ]
    assert listed(store.read(["x"], (0, 20))) == [
        ("x", 5, 0.5, 0, 3),
        ("x", 10, 1.5, UNCERTAIN, 2),
    ]
    assert len(store.read(["x"], (0, 99), as_of=0)) == 0
    assert [row[4] for row in listed(store.since(["x"], 0))] == [1, 1, 2, 3]
    assert listed(store.latest(["x"])) == [("x", 20, 2.0, 0, 1)]
    store.flush()
    text = "".join(p.read_text() for p in store._folder.glob("chunks/*.json"))
    assert "wrong probe" in text
    assert store.verify(recorder.chunks()) == []


def test_missing_values_keep_their_quality(opened, frame, listed, place):
    store = opened()
    store.write(
        frame("1", [("x", 1, math.nan, BAD), ("x", 2, None), ("x", 3, math.inf), ("x", 4, -0.0)])
    )
    place(store, half=True)
    rows = listed(store.read(["x"], (0, 9)))
    assert [row[2:4] for row in rows] == [(None, BAD), (None, 0), (math.inf, 0), (0.0, 0)]
    assert np.signbit(store.read(["x"], (0, 9)).values()[3])
    assert np.isnan(store.read(["x"], (0, 9)).values()[:2]).all()


def test_all_kinds(opened, frame, listed, place):
    store = opened()
    rows = {
        "number": [("n", 1, 1.5), ("n", 2, None)],
        "text": [("t", 1, "Zählung"), ("t", 2, None), ("t", 3, "")],
        "array": [("a", 1, [1.0, 2.0]), ("a", 2, None), ("a", 3, [])],
        "reference": [("r", 1, "ab" * 32)],
    }
    for kind, own in rows.items():
        store.write(frame(kind, own, kind))
    place(store, half=True)
    assert store.tags() == {"n": "number", "t": "text", "a": "array", "r": "reference"}
    for kind, own in rows.items():
        tag = own[0][0]
        assert [row[:3] for row in listed(store.read([tag], (0, 9)))] == own
        digest, count = store.digest(tag, (0, 9))
        held = [(t, list(rows).index(kind) + 1, 1_000, 0, v) for _, t, v in own]
        assert digest == hashlib.sha256(readings_bytes(tag, kind, held)).hexdigest()
        assert count == len(own)
        assert listed(store.latest([tag]))[0][:3] == own[-1]
    with pytest.raises(BadInputError, match="different kinds"):
        store.read(["n", "t"], (0, 9))
    with pytest.raises(BadInputError, match=r"tag 't'.*'text', not 'number'"):
        store.write(frame("x", [("t", 9, 1.0)]))
    with pytest.raises(BadInputError, match="only numbers"):
        store.aligned(["t"], [(0, 9)], 1)


def test_order_is_that_asked_for(opened, frame, listed, place):
    store = opened()
    store.write(frame("1", [("b", 1, 1.0), ("a", 2, 2.0), ("c", 0, 3.0)]))
    place(store, half=True)
    asked = ["c", "a", "b", "a"]
    assert [r[0] for r in listed(store.read(asked, (0, 9)))] == ["c", "a", "b"]
    assert [r[0] for r in listed(store.latest(asked))] == ["c", "a", "b"]
    assert [r[0] for r in listed(store.since(asked, 0))] == ["c", "b", "a"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("x", 1, 1.0), ("x", 1, 2.0)], "two readings at 1 us"),
        ([("x", 2**62, 1.0)], "outside the years"),
        ([("x", 1, 1.0, -1)], "status code"),
        ([("", 1, 1.0)], "name of a tag"),
    ],
)
def test_bad_frames_are_refused_whole(opened, frame, rows, message):
    store = opened()
    with pytest.raises(BadInputError, match=message):
        store.write(frame("k", rows))
    assert store.head() == 0
    assert store.tags() == {}
    assert store.write(frame("k", [("x", 1, 1.0)])).is_new


def test_names_of_frames_are_checked(opened, frame):
    store = opened()
    for more in ({"source": ""}, {"source": "a\nb"}, {"received_at": 2**62}):
        with pytest.raises(BadInputError, match="frame"):
            store.write(frame("k", [("x", 1, 1.0)], **more))
    with pytest.raises(BadInputError, match="its key"):
        store.write(frame("k" * 401, [("x", 1, 1.0)]))
    assert store.head() == 0


def test_extremes_gaps_and_changes_survive_downsampling(opened, frame, place):
    rng = np.random.default_rng(3)
    n = 20_000
    times = np.delete(np.arange(n), np.arange(7_000, 8_500)) * 1_000_000
    values = rng.normal(size=len(times))
    values[[1234, 15_000]] = [50.0, -50.0]
    quality = [0] * len(times)
    quality[4321] = BAD
    rows = [("x", int(t), float(v), q) for t, v, q in zip(times, values, quality, strict=True)]
    rows[9_999] = ("x", rows[9_999][1], None, 0)
    store = opened()
    store.write(frame("1", rows[: n // 2]))
    place(store, half=True)
    store.write(frame("2", rows[n // 2 :]))
    place(store)
    window = (0, n * 1_000_000)
    few = store.downsample(["x"], window, 400)
    assert 200 <= len(few) <= 440
    kept = set(few.times().tolist())
    whole = {row[1] for row in rows}
    assert kept <= whole
    assert {50.0, -50.0} <= set(few.values().tolist())
    assert {rows[i][1] for i in (4320, 4321, 4322, 9_998, 9_999, 10_000)} <= kept
    assert {6_999_000_000, 8_500_000_000} <= kept
    for bucket in range(100):
        first, last = bucket * 200_000_000, (bucket + 1) * 200_000_000
        own = [row for row in rows if first <= row[1] < last and row[2] is not None]
        if own:
            inside = (few.times() >= first) & (few.times() < last)
            found = few.values()[inside]
            assert np.nanmax(found) == max(row[2] for row in own)
            assert np.nanmin(found) == min(row[2] for row in own)
    assert len(store.downsample(["x"], window, n)) == len(rows)


def test_aligned_means_gaps_quality_and_counts(opened, frame, place):
    store = opened()
    store.write(
        frame(
            "1",
            [
                ("x", 100, 1.0),
                ("x", 105, 3.0, UNCERTAIN),
                ("x", 120, 100.0, BAD),
                ("x", 200, 5.0),
                ("x", 129, None),
                ("y", 111, 7.0),
            ],
        )
    )
    place(store, half=True)
    found = store.aligned(["y", "x"], [(100, 130), (200, 210), (100, 100)], 10)
    assert found.elapsed_us.tolist() == [0, 10, 20]
    assert found.values.shape == (3, 3, 2)
    nan = math.nan
    np.testing.assert_array_equal(found.values[0, :, 1], [2.0, nan, nan])
    np.testing.assert_array_equal(found.values[0, :, 0], [nan, 7.0, nan])
    np.testing.assert_array_equal(found.values[1, :, 1], [5.0, nan, nan])
    assert found.n_readings[0, :, 1].tolist() == [2, 0, 0]
    assert found.quality[0, :, 1].tolist() == [UNCERTAIN, BAD, BAD]
    assert np.isnan(found.values[2]).all()
    store.write(frame("2", [("x", 100, 9.0)], reason="corrected"))
    assert store.aligned(["x"], [(100, 110)], 10).values[0, 0, 0] == 6.0
    assert store.aligned(["x"], [(100, 110)], 10, as_of=1).values[0, 0, 0] == 2.0
    for grid in (0, -1):
        with pytest.raises(BadInputError, match="grid"):
            store.aligned(["x"], [(0, 9)], grid)


def test_overlapping_windows_count_each_reading_in_each(opened, frame):
    store = opened()
    store.write(frame("1", [("x", t, float(t)) for t in range(10)]))
    store.flush()
    found = store.aligned(["x"], [(0, 6), (4, 10), (0, 10)], 2)
    assert found.n_readings[:, :, 0].tolist() == [[2, 2, 2, 0, 0], [2, 2, 2, 0, 0], [2] * 5]


def test_far_times_many_days(opened, frame, listed, recorder):
    store = opened()
    times = [-DAY, -1, 0, 1, DAY, 4_102_444_800_000_000]  # up to the year 2100
    store.write(frame("1", [("x", t, float(i)) for i, t in enumerate(times)]))
    store.flush()
    dates = {path.name for path in store._folder.glob("number/date=*")}
    assert dates == {"date=1969-12-31", "date=1970-01-01", "date=1970-01-02", "date=2100-01-01"}
    assert [row[1] for row in listed(store.read(["x"], (-(2**62), 2**62)))] == times
    assert store.verify(recorder.chunks()) == []


def test_reader_in_another_process_sees_what_is_acknowledged(opened, frame):
    store = opened()
    store.write(frame("1", [("x", 1, 1.0)]))
    with opened(recorder=None, read_only=True) as other:
        with pytest.raises(BadInputError, match="reading only"):
            other.write(frame("2", [("x", 2, 2.0)]))
        for number in range(2, 8):
            store.write(frame(str(number), [("x", number, float(number))]))
            if number % 2:
                store.flush()
            assert other.head() == number
            assert other.read(["x"], (0, 99)).times().tolist() == list(range(1, number + 1))
            assert other.latest(["x"]).values().tolist() == [float(number)]


def test_segments_outlive_the_next_hand_over_only(opened, frame):
    store = opened()
    for number in range(4):
        store.write(frame(str(number), [("x", number, 1.0)]))
        store.flush()
    names = [int(path.stem) for path in sorted((store._folder / "log").glob("*.frames"))]
    assert names == [4, 5]


def test_writers_share_syncs_and_lose_nothing(opened, frame, recorder):
    store, results = opened(settings=HistorianSettings(flush_readings=40)), []

    def work(worker):
        for number in range(25):
            rows = [(f"w{worker}", number, float(number))]
            results.append(store.write(frame(f"{worker}-{number}", rows, source="shared")))
            # The same key from all workers at once: one of them wins.
            results.append(store.write(frame(f"same-{number}", [("same", number, 0.0)])))

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    new = [result.seq for result in results if result.is_new]
    assert sorted(new) == list(range(1, 6 * 25 + 25 + 1))
    assert store.head() == 175
    for worker in range(6):
        assert store.read([f"w{worker}"], (0, 99)).times().tolist() == list(range(25))
    assert len(store.since(["same"], 0)) == 25
    store.flush()
    assert store.verify(recorder.chunks()) == []


def test_many_tags_in_bounded_memory(opened):
    n = 20_000
    columns = [
        pa.array(np.zeros(n, dtype=np.int64)).view(pa.timestamp("us", tz="UTC")),
        pa.array([f"site/unit/{i}" for i in range(n)]),
        pa.array(np.arange(n, dtype=float)),
        pa.array(np.zeros(n, dtype=np.int64)),
    ]
    table = pa.Table.from_arrays(columns, schema=frame_schema("number"))
    store = opened()
    store.write(Frame("big", "1", "number", table, 1))
    store.flush()
    assert len(store.tags()) == n
    names = ["site/unit/19999", "site/unit/7"]
    assert store.latest(names).values().tolist() == [19_999.0, 7.0]
    assert store.read(names, (0, 1)).values().tolist() == [19_999.0, 7.0]


def test_an_open_window_is_downsampled_as_finely(opened, frame):
    store = opened()
    store.write(frame("1", [("x", DAY + t, float(t % 7)) for t in range(1000)]))
    assert 80 <= len(store.downsample(["x"], (0, 2**60), 100)) <= 110


def test_the_delta_table_is_read_by_delta_itself(opened, frame):
    from deltalake import DeltaTable

    store = opened()
    rows = [("x", i * DAY // 2, float(i)) for i in range(6)]
    store.write(frame("1", rows))
    store.write(frame("2", [("s", 1, [1.0, 2.0])], "array"))
    store.flush()
    table = DeltaTable(str(store._folder / "number")).to_pyarrow_table().sort_by("time")
    assert table.column("value").to_pylist() == [row[2] for row in rows]
    assert [str(d) for d in table.column("date").to_pylist()][::2] == [
        "1970-01-01",
        "1970-01-02",
        "1970-01-03",
    ]
    assert set(table.schema.names) == {
        "time", "tag", "value", "quality", "seq", "received_at", "date",
    }  # fmt: skip
    array = DeltaTable(str(store._folder / "array")).to_pyarrow_table()
    assert array.column("value").to_pylist() == [[1.0, 2.0]]


def test_readers_see_no_gap_while_the_writer_hands_over(opened, frame):
    store, errors, done = opened(), [], threading.Event()
    store.write(frame("0", [("x", 0, 0.0)]))

    def look(reader):
        newest = 0
        try:
            while not done.is_set():
                times = reader.read(["x"], (0, 10**9)).times().tolist()
                assert times == list(range(len(times))), times
                assert len(times) >= newest
                newest = len(times)
                assert reader.since(["x"], 0).seqs().tolist()[:newest] == list(range(1, newest + 1))
        except Exception as error:
            errors.append(error)

    other = opened(recorder=None, read_only=True)
    threads = [threading.Thread(target=look, args=(reader,)) for reader in (store, other)]
    for thread in threads:
        thread.start()
    for number in range(1, 20):
        store.write(frame(str(number), [("x", number, float(number))]))
        if number % 4 == 0:
            store.flush()
    done.set()
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_hand_over_by_itself_never_fails_the_writer(opened, frame, monkeypatch):
    store = opened(settings=HistorianSettings(flush_readings=2))
    monkeypatch.setattr(store._cold, "write_files", full)
    for number in range(3):
        assert store.write(frame(str(number), [("x", number, 1.0)])).is_new
    assert "hand-over put off" in store.notes[0]
    monkeypatch.undo()
    for number in range(3, 6):
        store.write(frame(str(number), [("x", number, 1.0)]))
    assert store._loaded.state.n >= 4
    assert store.read(["x"], (0, 9)).times().tolist() == list(range(6))


def full(*_):
    raise OSError(28, "No space left on device")


def test_hot_memory_is_bounded_by_bytes_too(opened, frame):
    store = opened(settings=HistorianSettings(flush_readings=0, flush_bytes=100_000))
    for number in range(6):
        rows = [("spectrum", number * 10 + i, [0.5] * 1000) for i in range(3)]
        store.write(frame(str(number), rows, "array"))
        assert store._loaded.hot.n_bytes <= 100_000
    assert store._loaded.state.n > 0
    assert store.read(["spectrum"], (0, 99)).values().shape == (18, 1000)
