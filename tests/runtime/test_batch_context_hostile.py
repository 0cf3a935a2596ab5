"""Statements that come late, twice, or from sources that lie: nothing is undone, nothing stuck."""

from __future__ import annotations

import json
import shutil

import pytest
from gbx_bench import PLANT, START, TANK, Clock

from goldenbatch.core.batch_context import Boundary, Statement
from goldenbatch.core.batch_state import batch_state
from goldenbatch.core.batches import PhaseCorrected
from goldenbatch.core.records import NewEvent
from goldenbatch.runtime.batch_context import take
from goldenbatch.runtime.context_rules import ContextRules
from goldenbatch.runtime.discovery import discover
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite

S = 1_000_000
MINUTE = 60 * S
RULE = f"""
place = "{TANK}"
batch_tag = "{TANK}/batch"
phase_tag = "{TANK}/step"
product = "P"
[phases]
1 = "heat"
2 = "hold"
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("home") / "home"
    create_home(path, HomeSettings("T", "site", PLANT), clock=Clock(START))
    return path


@pytest.fixture
def site(made, tmp_path):
    shutil.copytree(made, tmp_path / "home")
    folder = tmp_path / "home" / "context"
    folder.mkdir(exist_ok=True)
    (folder / "tank.toml").write_text(RULE)
    clock = Clock(START + 10**12)
    with LocalSite.open(tmp_path / "home", clock=clock, discovery=discover()) as opened:
        yield opened


def say(what, minute, source="journal", phase="", batch="B1", **more):
    place = TANK if phase or what is Boundary.BATCH_STARTED else ""
    return Statement(source, what, batch, START + int(minute * MINUTE), place, phase, **more)


def runs(site, batch="B1"):
    found = batch_state(site.ledger.stream(f"batch/{batch}")).phases.values()
    return sorted(
        ((one.started_at - START) / MINUTE, one.ended_at and (one.ended_at - START) / MINUTE)
        for one in found
    )


def write(site, tag, rows, key, kind="text"):
    from gbx_source import Frame, table

    data = table([(START + int(m * MINUTE), f"{TANK}/{tag}", v) for m, v in rows], kind)
    site.historian.write(Frame("plc", key, kind, data, START))


def correct_by_hand(site, minute):
    """A person sets the end of the first heating."""
    version = site.ledger.version("batch/B1")
    (run,) = batch_state(site.ledger.stream("batch/B1")).phases.values()
    body = PhaseCorrected(
        batch="B1", place=TANK, phase="heat", run=1, field="ended_at", old=run.ended_at,
        new=START + minute * MINUTE, reason="the valve stuck: see deviation 12",
    )  # fmt: skip
    site.ledger.append([NewEvent("batch/B1", body, version, actor="person")])


def test_what_waited_once_does_not_undo_a_later_correction(site):
    take(site, [say(Boundary.PHASE_STARTED, 1, phase="heat")])  # before its batch is known
    take(site, [say(Boundary.BATCH_STARTED, 0, head={"product": "P"})])
    assert runs(site) == [(1.0, None)]
    take(site, [say(Boundary.PHASE_STARTED, 3, phase="heat", reference="line 9")])
    assert runs(site) == [(3.0, None)]
    take(site, [say(Boundary.PHASE_ENDED, 9, phase="heat")])
    assert runs(site) == [(3.0, 9.0)]
    assert site.ledger.select("context", {"outcome": "waits"}) == []


def test_all_runs_that_waited_for_their_batch_are_taken(site):
    for start, end in ((1, 5), (31, 35), (61, 65)):
        take(site, [say(Boundary.PHASE_STARTED, start, phase="heat")])
        take(site, [say(Boundary.PHASE_ENDED, end, phase="heat")])
    take(site, [say(Boundary.BATCH_STARTED, 0, head={"product": "P"})])
    assert runs(site) == [(1.0, 5.0), (31.0, 35.0), (61.0, 65.0)]
    assert site.ledger.select("context", {"outcome": "waits"}) == []


def test_a_source_that_repeats_itself_does_not_undo_what_a_person_corrected(site):
    said = [
        say(Boundary.BATCH_STARTED, 0, head={"product": "P"}),
        say(Boundary.PHASE_STARTED, 1, phase="heat"),
        say(Boundary.PHASE_ENDED, 10, phase="heat"),
    ]
    take(site, said)
    correct_by_hand(site, 12)
    head = site.ledger.head()
    assert take(site, said) == []
    assert runs(site) == [(1.0, 12.0)] and site.ledger.head() == head


def test_a_rule_does_not_undo_what_a_person_corrected(site):
    write(site, "batch", [(0, "B1")], "b")
    write(site, "step", [(1, 1.0), (10, 0.0)], "s", "number")
    site.wake()
    assert runs(site) == [(1.0, 10.0)]
    correct_by_hand(site, 12)
    write(site, "step", [(20, 0.0)], "s2", "number")
    site.context_rules = ContextRules(site, site.path)  # as after a restart
    site.wake()
    assert runs(site) == [(1.0, 12.0)]


@pytest.mark.parametrize("bad", ["x" * 300, "B\x01", "B/7/../..", "B 7 \u00e4\u6f22", "\u202eB"])
def test_an_identifier_that_cannot_be_one_holds_up_nothing(site, bad):
    write(site, "batch", [(0, "B1"), (10, bad), (20, "B2"), (30, "")], "b")
    write(site, "step", [(1, 1.0), (9, 0.0), (21, 2.0), (29, 0.0)], "s", "number")
    site.wake()
    assert runs(site, "B1") == [(1.0, 9.0)] and runs(site, "B2") == [(21.0, 29.0)]
    head = site.ledger.head()
    site.wake()
    assert site.ledger.head() == head


def test_a_torn_state_file_is_begun_anew(site):
    write(site, "batch", [(0, "B1"), (30, "")], "b")
    (site.path / "state" / "rules" / "context.json").write_text('{"tank": 1')
    site.wake()
    assert batch_state(site.ledger.stream("batch/B1")).ended_at == START + 30 * MINUTE
    assert json.loads((site.path / "state" / "rules" / "context.json").read_text())["tank"] > 0


def test_new_readings_alone_are_read_where_none_are_late(site, monkeypatch):
    asked = []
    read = site.historian.read

    def counted(tags, window, as_of=None):
        asked.append(window)
        return read(tags, window, as_of)

    write(site, "batch", [(n, "B1") for n in range(50)], "b")
    site.wake()
    monkeypatch.setattr(site.historian, "read", counted)
    write(site, "batch", [(50, "B1"), (51, "B2")], "b2")
    site.wake()
    assert asked == []
    assert batch_state(site.ledger.stream("batch/B1")).ended_at == START + 51 * MINUTE
    write(site, "batch", [(40.5, "B2")], "late")
    site.wake()
    assert len(asked) == 1


def test_a_batch_longer_than_the_lookback_keeps_its_start(site):
    (site.path / "context" / "tank.toml").write_text("lookback_s = 600\n" + RULE)
    site.context_rules = ContextRules(site, site.path)
    for day in range(6):
        rows = [(day * 60 + n, "B1") for n in range(0, 60, 2)]
        write(site, "batch", rows, f"b{day}")
        if day == 0:
            write(site, "step", [(1, 1.0)], "s", "number")
        if day % 2:  # as after a restart
            site.context_rules = ContextRules(site, site.path)
        site.wake()
    found = batch_state(site.ledger.stream("batch/B1"))
    assert found.started_at == START
    assert [one.kind for one in site.ledger.stream("batch/B1")] == ["BatchCreated", "PhaseStarted"]


def test_a_boundary_of_a_clock_that_is_ahead_waits_for_its_time(site):
    year_2100 = (4_102_444_800 * S - START) / MINUTE
    write(site, "batch", [(0, "B1"), (1, "B1")], "b")
    write(site, "batch", [(year_2100, "B2"), (year_2100 + 1, "B2")], "ahead")
    site.wake()
    states = {row["batch"]: row["ended_at"] for row in site.ledger.select("batch")}
    assert states == {"B1": None}
    waiting = site.ledger.select("context", {"outcome": "waits"})
    assert {row["what"] for row in waiting} == {"batch started", "batch ended"}
    assert {row["note"] for row in waiting} == {"that time has not come"}
    write(site, "batch", [(10, "0"), (11, "0")], "late")
    site.wake()
    (row,) = site.ledger.select("batch")
    assert row["ended_at"] == START + 10 * MINUTE


def test_what_waited_for_its_time_is_taken_when_it_has_come(site):
    soon = (site.clock() - START) / MINUTE + 7
    take(site, [say(Boundary.BATCH_STARTED, soon, head={"product": "P"})])
    assert site.ledger.select("batch") == []
    site.clock.now += 3 * MINUTE
    site.wake()
    (row,) = site.ledger.select("batch")
    assert row["started_at"] == START + int(soon * MINUTE)
    assert site.ledger.select("context", {"outcome": "waits"}) == []
