"""Crashes, torn tails, damaged logs and full disks: nothing acknowledged is lost or doubled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from goldenbatch.core.errors import IntegrityError, LockedError
from goldenbatch.stores.historian import HistorianSettings
from goldenbatch.stores.historian._frames import HEAD, SEGMENT, encode_mark, scan_log
from goldenbatch.stores.historian._log import WriteRefusedError

END = 10**15
STEPS = [
    "rotated",
    "wrote files",
    "wrote manifest",
    "committed number",
    "committed text",
    "read back",
    "recorded lab",
    "recorded line",
    "recorded",
    "indexed",
    "stored state",
    "saved latest",
    "cut",
]

CHILD = textwrap.dedent(
    """
    import json, os, random, sys
    import pyarrow as pa
    from goldenbatch.core.series import Frame, frame_schema
    from goldenbatch.stores.historian import Historian, HistorianSettings

    class FileRecorder:
        def __init__(self, path):
            self.path = path
            self.bodies = {}
            if os.path.exists(path):
                with open(path) as lines:
                    for stream, version, body in map(json.loads, lines):
                        self.bodies[stream, version] = body
        def record(self, stream, version, body):
            held = self.bodies.get((stream, version))
            assert held is None or held == body.as_json(), (stream, version)
            if held is None:
                assert version == 1 or (stream, version - 1) in self.bodies, (stream, version)
                self.bodies[stream, version] = body.as_json()
                with open(self.path, "a") as stream_:
                    stream_.write(json.dumps([stream, version, body.as_json()]) + "\\n")
                    stream_.flush()
                    os.fsync(stream_.fileno())

    def frame(number, n_rows=20):
        kind = "text" if number % 5 == 4 else "number"
        source = "lab" if number % 3 == 2 else "line"
        day = 86_400_000_000
        times = [number * 1000 + i + (number % 4) * day for i in range(n_rows)]
        tags = [f"{kind}/{i % 4}" for i in range(n_rows)]
        values = [f"v{number}" if kind == "text" else number + i / 8 for i in range(n_rows)]
        table = pa.table(
            {
                "time": pa.array(times, pa.int64()).cast(pa.timestamp("us", "UTC")),
                "tag": pa.array(tags, pa.string()),
                "value": pa.array(values, frame_schema(kind).field("value").type),
                "quality": pa.array([0] * n_rows, pa.int64()),
            },
            schema=frame_schema(kind),
        )
        return Frame(source, f"k{number}", kind, table, 5)

    def open_store(folder):
        recorder = FileRecorder(folder + ".ledger")
        settings = HistorianSettings(flush_readings=0, segment_bytes=16384)
        return recorder, Historian.open(
            folder, recorder=recorder, clock=lambda: 1, settings=settings
        )
    """
)
namespace: dict = {}
exec(CHILD, namespace)  # the same code here and in the children


def run_child(body, *args):
    code = CHILD + textwrap.dedent(body)
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def check(folder, acknowledged):
    """Open after a crash: all that was acknowledged is there once, all proofs hold."""
    from goldenbatch.core.chunks import ChunkClosed

    recorder, store = namespace["open_store"](str(folder))
    with store:
        for number in acknowledged:
            assert not store.write(namespace["frame"](number)).is_new, number
        n_rows = n_frames = 0
        for kind in ("number", "text"):
            names = [name for name in store.tags() if name.startswith(kind)]
            series = store.since(names, 0) if names else []
            n_rows += len(series)
            if names:
                pairs = list(
                    zip(series.table["tag"].to_pylist(), series.times().tolist(), strict=True)
                )
                assert len(pairs) == len(set(pairs))
                n_frames += len(set(series.seqs().tolist()))
                assert len(store.read(names, (0, END))) == len(series)
        assert n_rows == 20 * n_frames
        assert store.head() == n_frames
        # At most the frame that was being written when the crash came was not acknowledged.
        assert len(acknowledged) <= n_frames <= len(acknowledged) + 1
        chunks = [ChunkClosed.model_validate(body) for body in recorder.bodies.values()]
        assert store.verify(chunks) == []
        store.flush()
        chunks = [ChunkClosed.model_validate(body) for body in recorder.bodies.values()]
        assert store.verify(chunks) == []
    return n_frames


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Folder by step of a hand-over that was killed right after it.

    One process stands in for thirteen: at each step it puts aside a copy of what lies on the
    disk, which is what a kill leaves, and it is killed for good at the last.
    """
    base = tmp_path_factory.mktemp("killed")
    body = """
    import shutil

    folder, last = sys.argv[1:]
    recorder, store = open_store(folder)
    for number in range(10):
        store.write(frame(number))
    store.flush()
    for number in range(10, 20):
        store.write(frame(number))

    def put_aside(step):
        target = f"{folder}-{step.replace(' ', '-')}"
        shutil.copytree(folder, target)
        shutil.copy(folder + ".ledger", target + ".ledger")
        if step == last:
            os.kill(os.getpid(), 9)

    store._on_step = put_aside
    store.flush()
    """
    child = run_child(body, base / "historian", STEPS[-1])
    _, errors = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL, errors
    return {step: base / f"historian-{step.replace(' ', '-')}" for step in STEPS}


@pytest.mark.parametrize("step", STEPS)
def test_killed_after_each_step_of_the_hand_over(killed, step):
    assert check(killed[step], list(range(20))) == 20


def test_killed_at_the_end_of_a_hand_over(killed):
    folder = killed[STEPS[-1]].with_name("historian")
    assert check(folder, list(range(20))) == 20


def fill(opened, frame, n=5):
    store = opened()
    for number in range(n):
        store.write(frame(str(number), [("x", number, float(number))]))
    store.close()
    return sorted((store._folder / "log").glob("*.frames"))[-1]


def test_torn_tail_is_cut_and_kept_beside(opened, frame):
    path = fill(opened, frame)
    whole = path.read_bytes()
    starts = [SEGMENT.size]
    while starts[-1] < len(whole):
        _, _, n_meta, n_payload, *_ = HEAD.unpack_from(whole, starts[-1])
        starts.append(starts[-1] + HEAD.size + n_meta + n_payload)
    last = starts[-2]
    for size in [last + 1, last + HEAD.size - 1, last + HEAD.size, last + 150, len(whole) - 1]:
        path.write_bytes(whole[:size])
        with pytest.raises(IntegrityError, match="frame 5 is damaged at offset"):
            opened()
        (path.parent / "acknowledged").write_bytes(encode_mark(4))
        store = opened()
        assert store.head() == 4
        assert "unfinished write" in store.notes[0]
        assert path.read_bytes() == whole[:last]
        assert path.with_suffix(f".torn-{last}").read_bytes() == whole[last:size]
        assert store.write(frame("4", [("x", 4, 4.0)])).is_new
        assert store.verify([]) == []
        store.close()
        assert path.read_bytes() == whole


def test_sectors_never_written_are_a_torn_tail(opened, frame):
    path = fill(opened, frame)
    whole = path.read_bytes()
    store = opened()
    rows = [(f"x{i}", 9, i / 7) for i in range(400)]
    store.write(frame("big", rows))
    store.close()
    data = bytearray(path.read_bytes())
    data[len(whole) + 1024 :] = bytes(len(data) - len(whole) - 1024)
    path.write_bytes(bytes(data))
    # It was acknowledged, so this is damage; had the power gone first, the mark would be older.
    with pytest.raises(IntegrityError, match="frame 6 is damaged at offset"):
        opened()
    (path.parent / "acknowledged").write_bytes(encode_mark(5))
    store = opened()
    assert store.head() == 5
    assert path.read_bytes() == whole
    assert store.write(frame("big", rows)).is_new


def test_any_changed_byte_of_the_log_stops_the_start(opened, frame):
    path = fill(opened, frame, n=2)
    whole = path.read_bytes()
    for place in range(len(whole)):
        changed = whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :]
        path.write_bytes(changed)
        with pytest.raises(IntegrityError, match=f"{path}.*at offset"):
            list(scan_log(path.parent))
        if place % 197 == 0:
            with pytest.raises(IntegrityError, match=f"{path}.*at offset"):
                opened()
            assert path.read_bytes() == changed
    path.write_bytes(whole)
    assert opened().head() == 2


def test_missing_segment_stops_the_start(opened, frame):
    store = opened(settings=HistorianSettings(flush_readings=0, segment_bytes=4096))
    for number in range(60):
        store.write(frame(str(number), [("x", number, 1.0)]))
    store.close()
    paths = sorted((store._folder / "log").glob("*.frames"))
    assert len(paths) >= 3
    for path in (paths[0], paths[1]):
        data = path.read_bytes()
        path.unlink()
        with pytest.raises(IntegrityError):
            opened()
        path.write_bytes(data)
    assert opened().head() == 60


def test_full_disk_refuses_the_frame_and_later_ones_work(tmp_path):
    folder = tmp_path / "historian"
    body = """
    import resource
    from goldenbatch.stores.historian._log import WriteRefusedError
    recorder, store = open_store(sys.argv[1])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    refused = []
    for number in range(3):
        store.write(frame(number))
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, hard))
    for number in range(3, 30):
        try:
            store.write(frame(number))
        except WriteRefusedError as error:
            refused.append(number)
            message = str(error)
    try:
        store.write(frame(100, n_rows=3000))
    except WriteRefusedError:
        refused.append(100)
    flush_failed = False
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
    try:
        store.flush()
    except WriteRefusedError as error:
        flush_failed = True
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert flush_failed and refused[-1] == 100 and len(refused) > 3, refused
    assert "nothing of it was kept" in message and sys.argv[1] in message
    head = store.head()
    for number in refused[:-1]:
        assert store.write(frame(number)).is_new
    assert store.head() == head + len(refused) - 1 == 30
    assert store.verify([]) == []
    store.flush()
    """
    child = run_child(body, folder)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 0, errors
    assert check(folder, list(range(30))) == 30


def test_failed_sync_gives_up_what_was_not_synced(opened, frame, monkeypatch):
    store = opened()
    store.write(frame("0", [("x", 0, 0.0)]))
    size = store._log.durable_bytes()
    real = os.fdatasync
    failures = [OSError(5, "Input/output error")]

    def once(handle):
        if failures:
            raise failures.pop()
        real(handle)

    monkeypatch.setattr(os, "fdatasync", once)
    with pytest.raises(WriteRefusedError, match="Input/output error"):
        store.write(frame("1", [("x", 1, 1.0)]))
    assert store._log.durable_bytes() == size
    assert store.head() == 1
    assert store.write(frame("1", [("x", 1, 1.0)])).seq == 2
    store.close()
    assert opened().head() == 2


def test_one_writer_at_a_time(opened):
    opened()
    with pytest.raises(LockedError):
        opened()


def test_recorder_that_refuses_keeps_the_log(opened, frame, recorder):
    store = opened()
    store.write(frame("0", [("x", 0, 0.0)]))
    kept, recorder.record = recorder.record, refuse
    with pytest.raises(IntegrityError, match="ledger is down"):
        store.flush()
    assert store.verify(recorder.chunks()) == []
    assert store.read(["x"], (0, 9)).values().tolist() == [0.0]
    store.write(frame("1", [("x", 1, 1.0)]))
    recorder.record = kept
    assert [chunk.last_seq for chunk in store.flush()] == [1]
    assert [chunk.first_seq for chunk in store.flush()] == [2]
    assert store.verify(recorder.chunks()) == []
    assert store.read(["x"], (0, 9)).values().tolist() == [0.0, 1.0]


def refuse(stream, version, body):
    raise IntegrityError("the ledger is down")


def test_torn_delta_commit_after_a_power_cut_is_made_again(opened, frame, recorder):
    store = opened()
    store.write(frame("0", [("x", 0, 0.0)]))
    store._on_step = lambda name: name == "committed number" and refuse(0, 0, 0)
    with pytest.raises(IntegrityError):
        store.flush()
    store.close()
    newest = sorted((store._folder / "number" / "_delta_log").glob("*.json"))[-1]
    newest.write_bytes(newest.read_bytes()[:40])
    store = opened()
    assert store.verify(recorder.chunks()) == []
    assert store.read(["x"], (0, 9)).values().tolist() == [0.0]


def test_lost_indexes_are_rebuilt(opened, frame, recorder):
    store = opened()
    for number in range(3):
        store.write(frame(str(number), [("x", number, float(number)), ("y", -number, None)]))
        store.flush()
    before = store.latest(["x", "y"]).table
    store.close()
    (store._folder / "keys.sqlite").write_bytes(b"no database" * 100)
    (store._folder / "latest.bin").unlink()
    store = opened()
    assert store.latest(["x", "y"]).table.equals(before)
    assert not store.write(frame("0", [("x", 0, 0.0)])).is_new
    assert store.verify(recorder.chunks()) == []


def test_chunks_closed_without_a_recorder_are_recorded_later(opened, frame, recorder):
    store = opened(recorder=None)
    for number in range(3):
        store.write(frame(str(number), [("x", number, 1.0)], source=f"s{number % 2}"))
        store.flush()
    store.close()
    store = opened()
    assert {key: body.n_readings for key, body in recorder.bodies.items()} == {
        ("chunk/s0", 1): 1,
        ("chunk/s1", 1): 1,
        ("chunk/s0", 2): 1,
    }
    assert store.verify(recorder.chunks()) == []
    assert json.loads((store._folder / "state.json").read_bytes()[65:])["recorded"] == 3
