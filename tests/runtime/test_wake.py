"""Waking: one tick a change, nothing twice after a crash anywhere, and failures stay alone."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from gbx_bench import SUPPORT, TEMP, make_result

from goldenbatch.core.errors import BadInputError, IntegrityError, NotFoundError
from goldenbatch.core.findings import FindingOpened
from goldenbatch.core.records import NewEvent
from goldenbatch.core.results import ResultCorrected

SETTINGS = {"tag": TEMP, "limit": 30.0}
STEPS = ("tick logged", "assessed", "derived written", "transitions appended", "state saved")


class Death(BaseException):
    """What no handler catches: stands for the end of the process."""


def kinds(site):
    return [event.kind for event in site.ledger.events() if event.stream.startswith("finding/")]


def contents(site):
    """All that analysts have left behind: findings, and computed numbers."""
    findings = [
        (event.stream, event.envelope.version, event.kind, json.dumps(event.body, sort_keys=True))
        for event in site.ledger.events(stream_prefix="finding/")
    ]
    tags = [tag for tag in site.historian.tags() if tag.endswith("/count")]
    numbers = site.historian.since(tags, 0).table.to_pylist() if tags else []
    derived = [(row["tag"], row["time"], row["value"]) for row in numbers]
    return sorted(findings), sorted(derived)


def fill(bench, site):
    """Two findings on two batches, one of which closes, and a result above the limit."""
    bench.batch(site, "B1", 0, 100)
    bench.batch(site, "B2", 100)
    bench.write(site, [(10, 20.0), (20, 40.0), (30, 41.0), (40, 10.0), (110, 50.0)])
    bench.result(site, "S1", "B1", "35.5", 60)


def test_one_tick_a_change(bench, site):
    assert site.wake() == []  # nobody works
    assert site.ledger.version("tick/analysts") == 0
    site.adopt("hot", "test.threshold", SETTINGS)
    fill(bench, site)
    found = site.wake()
    assert [(one.step, one.finding.subject.batch) for one in found] == [
        ("opened", "B1"),
        ("updated", "B1"),
        ("closed", "B1"),
        ("opened", "B2"),
        ("opened", "B1"),
    ]
    assert site.ledger.version("tick/analysts") == 1
    # What the analysts wrote wakes nobody.
    assert site.wake() == []
    assert site.ledger.version("tick/analysts") == 1
    bench.write(site, [(120, 5.0)])
    assert [one.step for one in site.wake()] == ["closed"]
    rows = site.ledger.select("finding", {"state": "closed"})
    assert sorted(row["batch"] for row in rows) == ["B1", "B2"]
    assert site.runner.cursors() == {"hot": 2}


def test_states_live_through_a_restart_and_can_be_rebuilt(bench):
    with bench.open() as site:
        site.adopt("hot", "test.threshold", SETTINGS)
        fill(bench, site)
        site.wake()
    with bench.open() as site:
        bench.write(site, [(120, 5.0)])
        assert [one.step for one in site.wake()] == ["closed"]
        before = contents(site)
    (bench.path / "state" / "hot.json").unlink()
    with bench.open() as site:
        assert site.wake() == []
        assert contents(site) == before
        assert site.runner.cursors() == {"hot": 2}
        assert site.verify().is_ok


@pytest.mark.parametrize("n_ticks", [1, 2])
@pytest.mark.parametrize("step", STEPS)
def test_death_at_any_step_adds_nothing_twice(bench, step, n_ticks):
    dead = []

    def die(name):
        if name == step and not dead:
            dead.append(name)
            raise Death

    with bench.open() as site:
        site.adopt("hot", "test.threshold", SETTINGS)
        if n_ticks == 2:
            bench.write(site, [(1, 33.0)])
            site.wake()
        fill(bench, site)
    with bench.open(on_step=die) as site, pytest.raises(Death):
        site.wake()
    assert dead
    with bench.open() as site:
        site.wake()
        assert site.wake() == []
        findings, derived = contents(site)
        assert len(findings) == 4 + n_ticks
        assert len(derived) == 4 + n_ticks
        assert len(set(derived)) == len(derived)
        assert site.ledger.version("tick/analysts") == n_ticks
        assert site.replay("as-seen").is_equal
        report = site.verify()
        assert report.is_ok, report.problems


@pytest.mark.slow
def test_kill_9_in_a_real_process(bench):
    with bench.open() as site:
        site.adopt("hot", "test.threshold", SETTINGS)
        fill(bench, site)
    reached = bench.path / "reports" / "reached"
    for die_at, step in enumerate(STEPS, start=1):
        if step in {"assessed", "state saved"}:
            continue
        command = [sys.executable, f"{SUPPORT}/gbx_worker.py", str(bench.path), str(die_at)]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as worker:
            deadline = time.monotonic() + 60
            while not reached.exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            worker.kill()
        reached.unlink()
    with bench.open() as site:
        site.wake()
        findings, derived = contents(site)
        assert (len(findings), len(derived)) == (5, 5)
        assert site.replay("as-seen").is_equal
        assert site.verify().is_ok


def test_a_failing_analyst_stops_nobody_and_is_tried_again(bench, tmp_path):
    switch = tmp_path / "switch"
    switch.write_text("off")
    with bench.open() as site:
        site.adopt("a-bad", "test.threshold", {**SETTINGS, "fails_while": str(switch)})
        site.adopt("b-good", "test.threshold", SETTINGS)
        fill(bench, site)
        assert {one.finding.analyst for one in site.wake()} == {"b-good"}
        failed = [e.body for e in site.ledger.events(kinds={"AnalystFailed"})]
        assert failed == [{"name": "a-bad", "tick": 1, "error": "RuntimeError: switched off"}]
        bench.write(site, [(120, 5.0)])
        site.wake()
        site.wake()  # the same failure again is no news, and no tick
        assert len(list(site.ledger.events(kinds={"AnalystFailed"}))) == 1
        assert site.runner.cursors() == {"b-good": 2}
        switch.write_text("")
        assert len(site.wake()) == 6
        assert site.runner.cursors() == {"a-bad": 2, "b-good": 2}
        assert site.ledger.version("tick/analysts") == 2
        assert site.replay("as-seen").is_equal


def test_a_decision_between_two_transitions_does_not_disturb(bench, site):
    site.adopt("hot", "test.threshold", SETTINGS)
    bench.batch(site, "B1", 0)
    bench.write(site, [(10, 40.0)])
    (opened,) = site.wake()
    site.people.add("ann", "Ann", "a long password")
    site.people.grant("ann", "quality_reviewer", "test")
    site.decide(opened.uid, "confirmed", "seen", "ann", "a long password")
    bench.write(site, [(20, 10.0)])
    assert [one.step for one in site.wake()] == ["closed"]
    kinds_now = [event.kind for event in site.ledger.stream(f"finding/{opened.uid}")]
    assert kinds_now == ["FindingOpened", "DecisionMade", "SignatureApplied", "FindingClosed"]
    assert site.replay("as-seen").is_equal


def test_another_content_at_a_version_is_damage(bench, site):
    site.adopt("hot", "test.threshold", SETTINGS)
    bench.batch(site, "B1", 0)
    bench.write(site, [(10, 40.0)])
    (opened,) = site.wake()
    (bench.path / "state" / "hot.json").unlink()
    with bench_again(bench, site) as again:
        again.adopt("second", "test.threshold", SETTINGS)
        bench.write(again, [(11, 10.0)])
        forged = opened.finding.model_copy(update={"statement": "nothing to see"})
        body = FindingOpened(uid=opened.uid, tick=1, finding=forged)
        # A finding that nobody's analyst gives, at the version that comes next.
        again.ledger.append([NewEvent(f"finding/{opened.uid}", body, 1, actor="intruder")])
        with pytest.raises(IntegrityError, match="has another content"):
            again.wake()
        assert again.runner.cursors()["second"] == 2


def bench_again(bench, site):
    site.close()
    return bench.open()


def test_a_new_adoption_starts_anew_and_a_retired_analyst_rests(bench, site):
    assert site.adopt("hot", "test.threshold", SETTINGS) is not None
    assert site.adopt("hot", "test.threshold", SETTINGS) is None
    bench.write(site, [(10, 40.0)])
    assert len(site.wake()) == 1
    site.adopt("hot", "test.threshold", {**SETTINGS, "limit": 45.0})
    bench.write(site, [(20, 44.0), (30, 46.0)])
    found = site.wake()
    assert [(one.step, one.version) for one in found] == [("opened", 1)]
    site.retire("hot", "not needed")
    bench.write(site, [(40, 60.0)])
    assert site.wake() == []
    assert site.adopted() == {}
    assert site.replay("as-seen").is_equal
    with pytest.raises(NotFoundError, match="no analyst 'hot' is at work"):
        site.retire("hot", "again")


def test_a_new_version_has_its_turn_after_the_old_one_could_not(bench, site, monkeypatch):
    import gbx_threshold

    site.adopt("hot", "test.threshold", SETTINGS)
    bench.write(site, [(10, 40.0)])
    assert len(site.wake()) == 1
    monkeypatch.setattr(gbx_threshold.Threshold, "version", "2")
    site.close()
    with bench.open() as again:
        bench.write(again, [(20, 41.0)])
        assert again.wake() == []
        (failed,) = again.ledger.events(kinds={"AnalystFailed"})
        assert "adopt the new one" in failed.body["error"]
        again.adopt("hot", "test.threshold", SETTINGS)
        bench.write(again, [(30, 42.0)])
        assert [(one.step, one.finding.start) for one in again.wake()] == [("opened", 30)]
        assert again.runner.cursors() == {"hot": 3}
        (skipped,) = again.ledger.events(kinds={"TicksSkipped"})
        assert skipped.body == {"name": "hot", "first": 2, "last": 2}
        report = again.replay("as-seen")
        # Version 1 is not installed any more: that alone is what a replay cannot do.
        assert [one.what for one in report.differences] == ["only live", "derived"]
        assert "tick 1" in report.failures["hot"]
        assert again.verify().is_ok


def test_adoption_is_checked(site):
    with pytest.raises(BadInputError, match="no name of an analyst"):
        site.adopt("a/b", "test.threshold", SETTINGS)
    with pytest.raises(NotFoundError, match="no analysts named 'nothing'"):
        site.adopt("a", "test.nothing", SETTINGS)
    with pytest.raises(KeyError):
        site.adopt("a", "test.threshold", {})


def test_a_damaged_state_is_named(bench, site):
    site.adopt("hot", "test.threshold", SETTINGS)
    bench.write(site, [(10, 40.0)])
    site.wake()
    site.close()
    path = bench.path / "state" / "hot.json"
    path.write_text(path.read_text().replace('"n": 1', '"n": 2'))
    with bench.open() as again:
        assert any("hot" in problem.where for problem in again.verify().problems)
        bench.write(again, [(20, 41.0)])
        with pytest.raises(IntegrityError, match="state of analyst 'hot'"):
            again.wake()


def test_corrections_do_not_change_what_was_seen(bench, site):
    site.adopt("hot", "test.threshold", SETTINGS)
    bench.batch(site, "B1", 0)
    bench.write(site, [(10, 40.0)])
    bench.result(site, "S1", "B1", "35.5", 60)
    site.wake()
    bench.write(site, [(10, 20.0)], reason="sensor was read wrongly")
    bench.write(site, [(5, 50.0)])
    corrected = ResultCorrected(
        sample="S1",
        test="assay",
        old=make_result("35.5", 60),
        new=make_result("25.5", 60),
        reason="wrong dilution",
    )
    bench.record(site, "sample/S1", corrected)
    bench.write(site, [(70, 10.0)])
    site.wake()
    report = site.replay("as-seen")
    assert report.is_equal, report.differences
    assert report.n_live == report.n_replayed > 2
    assert report.n_derived == 4
    site.flush()
    assert site.replay("as-seen").is_equal  # from the cold tables as from the log
    assert Path(bench.path, "state", "hot.json").exists()
