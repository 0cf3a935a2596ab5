"""A disk that is really full, and one that is really read-only; a damaged file put right.

The disks are file systems of their own, mounted for the test, which takes root.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

import pytest

from goldenbatch.core.errors import IntegrityError
from goldenbatch.stores.historian import HistorianSettings, Tier, WriteRefusedError
from goldenbatch.stores.historian.historian import Historian

DAY = 86_400_000_000
SETTINGS = HistorianSettings(flush_readings=0, keep_superseded_s=0)


def mount(*arguments):
    done = subprocess.run(["mount", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip() or done.stdout.strip()}")


@pytest.fixture
def disk(tmp_path):
    """A small disk of its own; gives its folder and what changes it."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting a disk takes root on Linux")
    folder = tmp_path / "disk"
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder))
    try:
        yield folder, lambda how: mount("-o", f"remount,{how}", str(folder))
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def rows(number, n_rows=400):
    return [(f"x/{i % 8}", number * DAY // 4 + i, number + i / 7) for i in range(n_rows)]


def count(store):
    return len(store.since([f"x/{i}" for i in range(8)], 0))


def fill_up(store, frame, start=0):
    """Write until the disk is full; number of the first frame that was refused."""
    for number in range(start, 10_000):
        try:
            store.write(frame(str(number), rows(number)))
        except WriteRefusedError as error:
            assert "disk" in str(error)
            return number
    raise AssertionError("the disk is never full")


def test_a_full_disk_loses_nothing_and_is_worked_on_when_there_is_room(
    disk, opened, frame, listed, recorder
):
    folder, remount = disk
    store = opened(folder / "historian", settings=SETTINGS)
    n_written = fill_up(store, frame)
    assert n_written > 20 and count(store) == 400 * n_written
    with pytest.raises(WriteRefusedError, match=r"the log is kept|Make room on the disk"):
        store.flush()
    assert count(store) == 400 * n_written
    with contextlib.suppress(WriteRefusedError):
        store.compact(10_000 * DAY)
    store.close()
    remount("size=64m")
    store = opened(folder / "historian", settings=SETTINGS)
    assert count(store) == 400 * n_written
    assert store.write(frame(str(n_written), rows(n_written))).is_new
    assert not store.write(frame("0", rows(0))).is_new
    assert store.flush() and store.verify(recorder.chunks()) == []
    assert count(store) == 400 * (n_written + 1)


def test_a_full_tier_leaves_all_at_home(disk, opened, frame, recorder, tmp_path):
    folder, remount = disk
    store = opened(settings=SETTINGS)
    for number in range(12):
        store.write(frame(str(number), rows(number, 4000)))
    store.flush()
    store.compact(10_000 * DAY)
    (folder / "ballast").write_bytes(bytes((3 << 20) - 60_000))
    tier = Tier("archive", f"file://{folder}/tier")
    from goldenbatch.core.errors import UnreachableError

    with pytest.raises(UnreachableError, match="No space left"):
        store.move(tier, list(store.days()), lambda _: ())
    assert not store.tiers() and count(store) == 48_000
    assert store.verify(recorder.chunks(), steps=recorder.steps()) == []
    remount("size=64m")
    assert store.move(tier, list(store.days()), lambda _: ())
    assert store.settle().n_files and count(store) == 48_000
    assert store.verify(recorder.chunks(), steps=recorder.steps()) == []


def test_a_read_only_disk_is_read_and_refuses_to_be_written(disk, opened, frame, listed, recorder):
    folder, remount = disk
    path = folder / "historian"
    store = opened(path, settings=SETTINGS)
    for number in range(3):
        store.write(frame(str(number), rows(number)))
        store.flush()
    store.write(frame("hot", rows(3)))
    expected = listed(store.read(["x/1"], (0, DAY)))
    store.close()
    remount("ro")
    with opened(path, settings=SETTINGS, recorder=None, read_only=True) as reader:
        assert listed(reader.read(["x/1"], (0, DAY))) == expected
        assert reader.verify(recorder.chunks()) == []
    with pytest.raises(WriteRefusedError, match="Read-only file system"):
        Historian.open(path, recorder=recorder, clock=lambda: 1, settings=SETTINGS)
    remount("rw")
    store = opened(path, settings=SETTINGS)
    assert listed(store.read(["x/1"], (0, DAY))) == expected
    assert store.verify(recorder.chunks()) == []


def damage(path):
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2))
    return whole


def test_files_of_the_newest_hand_over_are_made_again_from_the_log(opened, frame, recorder):
    store = opened(settings=SETTINGS)
    for number in (0, 2, 9):
        store.write(frame(str(number), rows(number)))
        store.write(frame(f"t{number}", [("t", number, "text")], "text", "lab"))
        store.flush()
    old, *_, newest = store.table_files("number")
    places = [store._folder / "number" / file.path for file in (old, newest)]
    contents = [damage(path) for path in places]
    done = {one.path: one.is_restored for one in store.repair()}
    assert done == {f"number/{old.path}": False, f"number/{newest.path}": True}
    assert places[1].read_bytes() == contents[1]
    places[0].write_bytes(contents[0])
    assert store.verify(recorder.chunks()) == []


@pytest.mark.parametrize("step", ["wrote manifest", "committed number"])
def test_a_file_damaged_while_it_is_handed_over_is_made_again(opened, frame, recorder, step):
    store = opened(settings=SETTINGS)
    store.write(frame("0", rows(0)))

    def spoil(done):
        if done == step:
            for path in (store._folder / "number").rglob("*-number.parquet"):
                damage(path)
            raise IntegrityError("the power went")

    store._on_step = spoil
    with pytest.raises(IntegrityError, match="the power went"):
        store.flush()
    store._on_step = lambda _: None
    if step == "wrote manifest":
        assert store.flush()  # the same process tries again
    else:
        store.close()
        store = opened(settings=SETTINGS)
    assert any("made again from the log" in note for note in store.notes)
    assert count(store) == 400 and store.verify(recorder.chunks()) == []
    assert list((store._folder / "quarantine").iterdir())


def test_a_damaged_file_is_named_quarantined_and_put_right(opened, frame, recorder, tmp_path):
    import shutil

    store = opened(settings=SETTINGS)
    for number in range(3):
        store.write(frame(str(number), rows(number)))
        store.flush()
    store.compact(10_000 * DAY)
    store.close()
    shutil.copytree(store._folder, tmp_path / "backup")
    store = opened(settings=SETTINGS)
    (file,) = store.table_files("number")
    path = store._folder / "number" / file.path
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2))
    assert any(file.path in problem.where for problem in store.verify(recorder.chunks()))
    store.close()
    store = opened(settings=SETTINGS)
    with pytest.raises(IntegrityError, match="compacted"):
        store.read(["x/1"], (0, 9 * DAY))
    assert store.write(frame("on", rows(9))).is_new
    (done,) = store.repair(tmp_path / "backup")
    assert done.is_restored and path.read_bytes() == whole
    (kept,) = (store._folder / "quarantine").iterdir()
    assert kept.stat().st_size == len(whole) and kept.read_bytes() != whole
    assert store.verify(recorder.chunks()) == []
    assert count(store) == 1600
