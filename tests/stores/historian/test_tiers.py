"""Days long past lie in a cheaper place by URL: read as before, provable, crash-safe, deletable."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

import pytest

from goldenbatch.core.errors import (
    BadInputError,
    DeniedError,
    IntegrityError,
    NotFoundError,
    UnreachableError,
)
from goldenbatch.stores.historian import Historian, HistorianSettings
from goldenbatch.stores.historian._tiers import Tier
from goldenbatch.stores.historian.copies import chunk_copies

DAY = 86_400_000_000
N_DAYS = 4
TAGS = [f"x/{i}" for i in range(5)]
SETTINGS = HistorianSettings(flush_readings=0, keep_superseded_s=0)
STEPS = [
    "tier checked", "tier copied", "tier read back", "tier noted", "tier recorded", "tier listed",
    "tier left", "tier settled",
]  # fmt: skip


def free(_):
    return ()


def fill(store, frame, start=0, n_days=N_DAYS):
    for number in range(start, start + n_days):
        rows = [(tag, number * DAY + i, number + i / 7) for i, tag in enumerate(TAGS * 4)]
        store.write(frame(f"n{number}", rows))
        store.write(frame(f"t{number}", [("t", number * DAY, f"text {number}")], "text", "lab"))
        store.flush()


def compacted(store, frame):
    fill(store, frame)
    store.compact(30 * DAY)
    store.vacuum(now=2**60)
    return store


def answers(store, listed):
    return [
        listed(store.read(TAGS, (0, 10 * DAY))),
        listed(store.read(["t"], (0, 10 * DAY))),
        listed(store.since(TAGS, 2)),
        store.digest("x/1", (0, 9 * DAY)),
        store.digest("x/1", (0, 9 * DAY), as_of=5),
    ]


def old(store, before=2):
    return [one for one in store.days() if one.window[1] <= before * DAY and not one.tier]


@pytest.fixture
def tier(tmp_path):
    return Tier("archive", f"file://{tmp_path}/mount/archive")


def parquet(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet")
                  if "_delta_log" not in path.as_posix())  # fmt: skip


def test_moved_days_answer_as_before_and_leave_the_disk_at_home(
    opened, frame, listed, recorder, tier, tmp_path
):
    store = compacted(opened(settings=SETTINGS), frame)
    before, n_home = answers(store, listed), len(parquet(store._folder))
    chosen = old(store)
    assert {one.date for one in chosen} == {"1970-01-01", "1970-01-02"} and len(chosen) == 4
    assert all(one.is_compacted and one.n_bytes for one in chosen)
    assert [one.tags for one in chosen if one.kind == "number"] == [frozenset(TAGS)] * 2
    with opened(recorder=None, read_only=True) as reader:  # has seen the older version
        assert store.move(tier, chosen, free) == tuple(
            sorted(chosen, key=lambda o: (o.kind, o.path))
        )
        assert answers(store, listed) == before == answers(reader, listed)
        assert len(parquet(store._folder)) == n_home
        assert store.settle().n_files == 4
        assert answers(store, listed) == before == answers(reader, listed)
    archive = tmp_path / "mount" / "archive"
    assert len(parquet(archive)) == 4 and len(parquet(store._folder)) == n_home - 4
    assert store.verify(recorder.chunks(), steps=recorder.steps()) == []
    said = store.verify(recorder.chunks(), steps=recorder.steps()[:1])
    assert [one.where for one in said] == ["step 2 to tiers"]
    assert len([*chunk_copies(store._folder)]) == 8
    assert {one.tier for one in store.days() if one.window[1] <= 2 * DAY} == {"archive"}
    (held,) = store.tiers()
    assert (held.n_files, held.first, held.last, held.away) == (4, "1970-01-01", "1970-01-02", "")
    store.close()
    store = opened(settings=SETTINGS)
    assert answers(store, listed) == before
    assert store.verify(recorder.chunks(), steps=recorder.steps()) == []


def test_other_engines_see_each_reading_in_one_of_the_two_tables(opened, frame, tier, tmp_path):
    import polars as pl

    store = compacted(opened(settings=SETTINGS), frame)
    store.move(tier, old(store), free)
    for _ in range(2):
        home = pl.scan_delta(str(store._folder / "number")).collect()
        away = pl.scan_delta(str(tmp_path / "mount/archive/number")).collect()
        assert (len(home), len(away)) == (40, 40)
        assert set(home["seq"]).isdisjoint(away["seq"])
        store.settle()


def test_late_readings_of_a_moved_day_are_found_and_can_follow(
    opened, frame, listed, recorder, tier
):
    store = compacted(opened(settings=SETTINGS), frame)
    store.move(tier, old(store), free)
    store.settle()
    store.write(frame("late", [("x/0", 5, 77.0), ("x/0", 0, 78.0)]))
    store.flush()
    store.compact(30 * DAY)
    found = listed(store.read(["x/0"], (0, 6)))
    assert [(row[1], row[2]) for row in found] == [(0, 78.0), (5, 77.0)]
    (late,) = old(store)
    assert late.n_readings == 2
    store.move(tier, [late], free)
    assert store.settle().n_files == 1
    assert listed(store.read(["x/0"], (0, 6))) == found
    assert store.verify(recorder.chunks(), steps=recorder.steps()) == []


def test_a_tier_that_is_away_is_named_and_the_rest_reads_on(
    opened, frame, listed, recorder, tier, tmp_path
):
    store = compacted(opened(settings=SETTINGS), frame)
    store.move(tier, old(store), free)
    store.settle()
    expected = listed(store.read(TAGS, (2 * DAY, 4 * DAY)))
    gone = tmp_path / "unmounted"
    (tmp_path / "mount").rename(gone)
    (tmp_path / "mount" / "archive").mkdir(parents=True)  # what an unmounted disk leaves
    store.close()
    store = opened(settings=SETTINGS)
    assert listed(store.read(TAGS, (2 * DAY, 4 * DAY))) == expected
    words = r"of 1970-01-01 lie in tier 'archive' at file://.*, which cannot be reached"
    with pytest.raises(UnreachableError, match=words):
        store.read(["x/0"], (0, DAY))
    with pytest.raises(UnreachableError, match="1970-01-02 lie in tier 'archive'"):
        store.downsample(["x/0"], (DAY, 2 * DAY), 10)
    found = store.verify(recorder.chunks(), steps=recorder.steps())
    said = [f"{one.where} {one.message}" for one in found]
    assert len(said) == 5 and all("archive" in one and "cannot be" in one for one in said)
    assert not any("are not the" in one for one in said)
    assert "is it mounted?" in store.tiers()[0].away
    assert store.settle().away
    with pytest.raises(UnreachableError):
        store.delete([2], "D", lambda _: ())
    assert store.write(frame("on", [("x/0", 9 * DAY, 1.0)])).is_new and store.flush()
    shutil.rmtree(tmp_path / "mount")
    gone.rename(tmp_path / "mount")
    assert store.verify(recorder.chunks(), steps=recorder.steps()) == []
    assert len(store.read(["x/0"], (0, DAY))) == 4


def test_what_a_guard_holds_or_is_not_whole_stays(opened, frame, listed, recorder, tier, tmp_path):
    store = compacted(opened(settings=SETTINGS), frame)
    chosen = old(store)
    with pytest.raises(DeniedError, match=r"1970-01-0.*must stay: hold H-1"):
        store.move(tier, chosen, lambda one: ["hold H-1"] if one.kind == "number" else ())
    assert not store.tiers()
    path = store._folder / "number" / next(one.path for one in chosen if one.kind == "number")
    whole = path.read_bytes()
    path.write_bytes(whole[:-9] + bytes(9))
    with pytest.raises(IntegrityError, match="is not what was written"):
        store.move(tier, chosen, free)
    path.write_bytes(whole)

    def spoil(step):
        if step == "tier copied":
            for one in (tmp_path / "mount").rglob("*.parquet"):
                one.write_bytes(one.read_bytes()[:-1] + b"!")

    store._on_step = spoil
    with pytest.raises(IntegrityError, match="is not what was copied there"):
        store.move(tier, chosen, free)
    store._on_step = lambda _: None
    assert not store.tiers() and store.verify(recorder.chunks(), steps=recorder.steps()) == []
    store.move(tier, chosen, free)
    with pytest.raises(NotFoundError, match="at home any more"):
        store.move(tier, chosen, free)
    store._on_step = lambda _: None
    spoil("tier copied")
    assert store.settle().n_files == 4  # copied anew: the last copy is not given for a spoilt one
    assert store.verify(recorder.chunks(), steps=recorder.steps()) == []
    assert len(store.read(["x/0"], (0, DAY))) == 4


def test_a_changed_or_lost_copy_in_a_tier_is_named_although_home_has_it_still(
    opened, frame, recorder, tier, tmp_path
):
    store = compacted(opened(settings=SETTINGS), frame)
    store.move(tier, old(store), free)
    first, second = sorted((tmp_path / "mount").rglob("number/*/*.parquet"))
    whole = first.read_bytes()
    first.write_bytes(whole[:50] + bytes([whole[50] ^ 1]) + whole[51:])
    second.unlink()
    found = store.verify(recorder.chunks(), steps=recorder.steps())
    assert {Path(one.where).name for one in found} == {first.name, second.name}
    assert any("the tier's copy was changed" in one.message for one in found)
    assert store.settle().n_files == 4  # brought anew from what lies at home, then let go
    assert store.verify(recorder.chunks(), steps=recorder.steps()) == []


def test_two_historians_do_not_share_a_tier(opened, frame, tier, tmp_path):
    store = compacted(opened(settings=SETTINGS), frame)
    store.move(tier, old(store), free)
    other = compacted(opened(tmp_path / "other", settings=SETTINGS, recorder=None), frame)
    with pytest.raises(BadInputError, match="another historian"):
        other.move(tier, old(other), free)
    with pytest.raises(BadInputError, match=r"the url 'x' of tier 'bad' is none"):
        store.move(Tier("bad", "x"), [], free)


def test_a_deletion_takes_readings_out_of_a_tier(opened, frame, listed, recorder, tier, tmp_path):
    store = opened(settings=SETTINGS)
    fill(store, frame)
    store.write(frame("late", [("x/0", 7, 70.0)]))  # the same day, another hand-over
    store.flush()
    numbers = [one.n for one in store.closed()]
    store.compact(30 * DAY)
    store.move(tier, old(store), free)
    store.settle()
    assert store.delete([numbers[0]], "deletion D-1", lambda _: ()) == 21
    assert [row[2] for row in listed(store.read(["x/0"], (0, DAY)))] == [70.0]
    assert store.verify(recorder.chunks(), steps=recorder.steps()) == []
    held = parquet(tmp_path / "mount" / "archive")
    assert [name for name in held if "1970-01-01" in name] == []
    assert [row[2] for row in listed(store.read(["t"], (0, 9 * DAY)))] == ["text 1", "text 2",
                                                                           "text 3"]  # fmt: skip
    store.move(tier, old(store), free)  # what is left of the day can go again
    store.settle()
    assert store.verify(recorder.chunks(), steps=recorder.steps()) == []
    store.delete(numbers, "deletion D-2", lambda _: ())
    assert parquet(tmp_path / "mount") == [] == parquet(store._folder)
    assert store.verify(recorder.chunks(), steps=recorder.steps()) == []


def test_a_changed_record_stops_the_start(opened, frame, tier):
    store = compacted(opened(settings=SETTINGS), frame)
    store.move(tier, old(store), free)
    store.close()
    first, second = sorted((store._folder / "tiers").glob("*.json"))
    data = first.read_bytes()
    first.write_bytes(data.replace(b"archive", b"brchive"))
    with pytest.raises(IntegrityError, match="does not match its own digest"):
        opened(settings=SETTINGS)
    first.unlink()
    with pytest.raises(IntegrityError, match="does not follow step 0"):
        opened(settings=SETTINGS)
    first.write_bytes(data)
    assert second.exists() and opened(settings=SETTINGS).tiers()


CHILD = textwrap.dedent(
    """
    import os, shutil, sys
    from goldenbatch.stores.historian import Historian, HistorianSettings
    from goldenbatch.stores.historian._tiers import Tier

    base = sys.argv[1]
    settings = HistorianSettings(flush_readings=0, keep_superseded_s=0)
    store = Historian.open(f"{base}/home", recorder=None, clock=lambda: 1, settings=settings)

    def put_aside(step):
        # The newest of each: what a kill after this step leaves.
        target = f"{base}/after {step}"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(f"{base}/home", f"{target}/home")
        if os.path.exists(f"{base}/away"):
            shutil.copytree(f"{base}/away", f"{target}/away")
        if step == "tier settled":
            os.kill(os.getpid(), 9)

    store._on_step = put_aside
    chosen = [one for one in store.days() if one.window[1] <= 2 * 86_400_000_000]
    store.move(Tier("archive", f"file://{base}/away"), chosen, lambda _: ())
    store.settle(2**60)
    """
)


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """One process stands in for seven, as in the kills of a hand-over."""
    from tests.stores.historian.conftest import MemoryRecorder, frame_of

    base, recorder = tmp_path_factory.mktemp("killed tier"), MemoryRecorder()
    with Historian.open(
        base / "home", recorder=recorder, clock=lambda: 1, settings=SETTINGS
    ) as store:
        compacted(store, frame_of)
    child = subprocess.run(
        [sys.executable, "-c", CHILD, base], check=False, capture_output=True, timeout=120
    )
    assert child.returncode == -signal.SIGKILL, child.stderr
    return base, recorder


@pytest.mark.parametrize("step", STEPS)
def test_killed_after_each_step_of_a_move(killed, step, opened, listed, recorder):
    base, before = killed
    shutil.rmtree(base / "away", ignore_errors=True)
    if (base / f"after {step}" / "away").exists():
        shutil.copytree(base / f"after {step}" / "away", base / "away")
    folder = base / f"after {step}" / "home"
    with Historian.open(folder, recorder=None, clock=lambda: 1, read_only=True) as seen:
        assert seen.verify(before.chunks()) == []
    store = opened(folder, settings=SETTINGS)
    # A death is no fault of integrity: what it left in the tier is put right at the opening.
    assert store.verify(before.chunks(), steps=recorder.steps()) == []
    first = answers(store, listed)
    assert len(first[0]) == N_DAYS * 20
    tier = Tier("archive", f"file://{base}/away")
    store.move(tier, old(store), free)
    store.settle(2**60)
    assert answers(store, listed) == first
    assert store.verify(before.chunks(), steps=recorder.steps()) == []
    assert [body.kind for body in recorder.steps()] == ["ReadingsMoved"] * 2
    assert len(parquet(base / "away")) == 4
    assert all(one.tier for one in store.days() if one.window[1] <= 2 * DAY)
    assert os.listdir(store._folder / "number" / "date=1970-01-01") == []


def test_a_table_of_a_tier_that_names_something_else_is_a_fault(opened, frame, recorder, tmp_path):
    store = opened(settings=SETTINGS)
    compacted(store, frame)
    tier = Tier("archive", f"file://{tmp_path}/away")
    store.move(tier, old(store), free)
    log = tmp_path / "away" / "number" / "_delta_log"
    assert store.verify(recorder.chunks(), steps=recorder.steps()) == []
    for path in log.iterdir():
        path.unlink()
    (problem,) = store.verify(recorder.chunks(), steps=recorder.steps())
    assert problem.where == f"{tier.url}/number"
    assert "tiering run" in problem.message
    store.settle(2**60)
    assert store.verify(recorder.chunks(), steps=recorder.steps()) == []


def test_a_file_that_goes_between_being_found_and_being_opened_is_read_from_its_tier(
    opened, frame, listed, tmp_path, monkeypatch
):
    store = compacted(opened(settings=SETTINGS), frame)
    first = answers(store, listed)
    store.move(Tier("archive", f"file://{tmp_path}/away"), old(store), free)
    store.settle(2**60)
    home, n_asked = store._cold.place.home, Counter()
    has = home.has

    def was_there_just_now(kind, name):
        n_asked[kind, name] += 1  # first whether to read ranges of it, then where it is
        return n_asked[kind, name] <= 2 or has(kind, name)

    monkeypatch.setattr(home, "has", was_there_just_now)
    assert answers(store, listed) == first
    assert max(n_asked.values()) > 2
