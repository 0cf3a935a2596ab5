"""Samples against the plan: missing, late, unplanned; results that do not come; replay as seen."""

from __future__ import annotations

import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.capabilities.execution.samples import samples_analyst
from goldenbatch.core.batch_state import batch_state
from goldenbatch.core.batches import (
    BatchCreated,
    BatchEnded,
    PhaseCorrected,
    PhaseEnded,
    PhaseStarted,
    SampleCorrected,
    SampleTaken,
)
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.records import NewEvent
from goldenbatch.core.results import Result, ResultCorrected, ResultsReported, ResultStatus
from goldenbatch.core.sampling import Held, SamplingPlan, expected, matched
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite

S = 1_000_000
MINUTE = 60 * S
START = 1_700_000_000 * S
TANK = "site/tank"
PLANT = """
name = "T"
version = "1"
[[places]]
path = "site"
level = "site"
[[places]]
path = "site/tank"
level = "unit"
"""
PLAN = {
    "plan": "routine",
    "products": ["P"],
    "sample": [
        {
            "name": "ipc", "phase": "heat", "when": "every", "every_s": 600, "late_s": 120,
            "point": "valve",
        },
        {
            "name": "final", "when": "end", "late_s": 300,
            "test": [{"test": "assay", "turnaround_s": 3600}, {"test": "colour"}],
        },
    ],
}  # fmt: skip


class Clock:
    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now


class Plant:
    """A home with the plan at work, and a clock that is set by hand."""

    def __init__(self, path):
        self.clock = Clock()
        self.path = path
        self.site = LocalSite.open(path, clock=self.clock)

    def at(self, minute):
        self.clock.now = START + int(minute * MINUTE)
        return self

    def put(self, stream, body, at=None):
        version = self.site.ledger.version(stream)
        self.site.ledger.append([NewEvent(stream, body, version, "x", performed_at=at)])
        return self

    def batch(self, batch="B1", product="P"):
        body = BatchCreated(batch=batch, product=product, place=TANK, started_at=self.clock.now)
        return self.put(f"batch/{batch}", body)

    def phase(self, kind, run=1, batch="B1", phase="heat"):
        body = kind(batch=batch, place=TANK, phase=phase, run=run, at=self.clock.now)
        return self.put(f"batch/{batch}", body)

    def end(self, outcome="completed", batch="B1"):
        body = BatchEnded(batch=batch, ended_at=self.clock.now, outcome=outcome)
        return self.put(f"batch/{batch}", body)

    def sample(self, name, batch="B1", point="", plan="", minute=None):
        at = self.clock.now if minute is None else START + int(minute * MINUTE)
        body = SampleTaken(sample=name, batch=batch, point=point, plan=plan, taken_at=at)
        return self.put(f"sample/{name}", body)

    def result(self, name, test="assay", value="99.1", minute=None, batch="B1"):
        at = self.clock.now if minute is None else START + int(minute * MINUTE)
        one = Result(test=test, attribute=test, value=value, unit="%", performed_at=at)
        body = ResultsReported(sample=name, batch=batch, results=(one,))
        return self.put(f"sample/{name}", body)

    def wake(self):
        return [(one.step, one.finding.title) for one in self.site.wake()]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("home") / "home"
    create_home(path, HomeSettings("T", "site", PLANT), clock=lambda: START)
    return path


@pytest.fixture
def plant(made, tmp_path):
    shutil.copytree(made, tmp_path / "home")
    one = Plant(tmp_path / "home")
    one.site.adopt("samples", "execution.samples", PLAN)
    yield one
    assert one.site.replay("as-seen").is_equal
    one.site.close()


def test_a_sample_that_does_not_come_is_found_by_the_time_alone_and_closed_when_it_does(plant):
    plant.at(0).batch().at(1).phase(PhaseStarted)
    plant.sample("B1/ipc/1/1").wake()
    assert plant.at(11).wake() == []  # due, not late
    assert plant.at(12.9).wake() == []
    assert plant.at(13.1).wake() == [("opened", "Missing: sample B1/ipc/1/2")]
    assert plant.at(14).wake() == []  # nothing is new, and nothing due
    (closed,) = plant.at(15).sample("B1/ipc/1/2").site.wake()
    assert closed.step == "closed" and "240 s after it was due" in closed.finding.statement
    notes = [one.note for one in closed.finding.evidence]
    assert notes == ["what made it due", "the sample"]


def test_late_ones_and_late_results_are_findings_although_they_came(plant):
    plant.at(0).batch().wake()
    plant.at(10).end().at(30).sample("B1/final", minute=20)
    plant.at(31).wake()
    titles = [one.finding.title for one in plant.site.wake()]
    assert titles == []
    rows = plant.site.ledger.select("finding")
    assert [(row["state"], row["title"]) for row in rows] == [("closed", "Late: sample B1/final")]
    plant.at(31).result("B1/final", "colour").wake()
    assert plant.at(89).wake() == []
    assert plant.at(92).wake() == [("opened", "Missing: assay of sample B1/final")]
    (closed,) = plant.at(95).result("B1/final").site.wake()
    assert closed.step == "closed" and "900 s after its time" in closed.finding.statement
    assert closed.finding.subject.attribute == "assay"


def test_an_invalidated_result_is_missing_again(plant):
    plant.at(0).batch().at(1).end().sample("B1/final").at(2).result("B1/final").wake()
    old = plant.site.ledger.stream("sample/B1/final")[-1].decode().results[0]
    new = old.model_copy(update={"status": ResultStatus.INVALIDATED, "cause": "wrong standard"})
    body = ResultCorrected(sample="B1/final", test="assay", old=old, new=new, reason="see LIR 4")
    plant.at(3).put("sample/B1/final", body)
    assert plant.wake() == []
    assert plant.at(62.1).wake() == [("opened", "Missing: assay of sample B1/final")]
    again = ResultCorrected(sample="B1/final", test="assay", old=new, new=old, reason="retested")
    assert plant.at(63).put("sample/B1/final", again).wake()[0][0] == "closed"


def test_what_nobody_planned_is_information(plant):
    plant.at(0).batch().wake()
    assert plant.at(1).sample("odd", point="floor").wake() == [
        ("opened", "Sample odd is of no plan"), ("closed", "Sample odd is of no plan"),
    ]  # fmt: skip
    assert plant.site.ledger.select("finding")[0]["severity"] == "info"
    plant.at(2).sample("theirs", point="floor", plan="stability@2")
    assert plant.wake() == []  # of another plan
    plant.at(3).sample("early", point="valve")
    assert plant.wake() == []  # one of its point may still become due
    plant.at(4).end().sample("B1/final")
    assert [title for _, title in plant.wake()] == ["Sample early is of no plan"] * 2


def test_a_phase_run_again_is_sampled_again_and_an_aborted_batch_has_no_final_sample(plant):
    plant.at(0).batch().phase(PhaseStarted).sample("a", point="valve").wake()
    plant.at(5).phase(PhaseEnded).at(6).phase(PhaseStarted, run=2).wake()
    assert plant.at(9).wake() == [("opened", "Missing: sample B1/ipc/2/1")]
    plant.at(10).end("aborted").wake()
    assert plant.at(100).wake() == []


def test_a_corrected_boundary_takes_back_what_is_asked_for_no_more(plant):
    plant.at(0).batch().phase(PhaseStarted).sample("B1/ipc/1/1").wake()
    plant.at(11).phase(PhaseEnded).wake()
    assert plant.at(13).wake() == [("opened", "Missing: sample B1/ipc/1/2")]
    body = PhaseCorrected(
        batch="B1", place=TANK, phase="heat", run=1, field="ended_at",
        old=START + 11 * MINUTE, new=START + 9 * MINUTE, reason="late",
    )  # fmt: skip
    ((step, _),) = plant.at(14).put("batch/B1", body).wake()
    assert step == "closed"
    back = body.model_copy(update={"old": body.new, "new": body.old})
    plant.at(15).put("batch/B1", back)
    assert plant.wake() == [("opened", "Missing: sample B1/ipc/1/2")]


def test_a_sample_of_another_batch_counts_there_once_it_is_corrected(plant):
    plant.at(0).batch().batch("B2").at(1).end().end(batch="B2").sample("B2/final", batch="B1")
    plant.at(2).sample("B1/final").wake()
    assert plant.at(7.1).wake() == [("opened", "Missing: sample B2/final")]
    body = SampleCorrected(sample="B2/final", field="batch", old="B1", new="B2", reason="typo")
    assert plant.at(8).put("sample/B2/final", body).wake() == [
        ("closed", "Missing: sample B2/final")
    ]


def test_other_products_and_batches_that_had_ended_are_left_alone(made, tmp_path):
    shutil.copytree(made, tmp_path / "home")
    plant = Plant(tmp_path / "home")
    plant.at(0).batch("old").end(batch="old").batch("B2", "Q").batch("open")
    plant.site.adopt("samples", "execution.samples", PLAN)
    plant.wake()
    plant.at(5).end(batch="B2").end(batch="open").wake()
    # What was begun before the plan was adopted is held to it; what had ended is not.
    assert [title for _, title in plant.at(20).wake()] == ["Missing: sample open/final"]
    assert plant.site.replay("as-seen").is_equal
    plant.site.close()


def test_history_that_is_entered_late_has_its_time_to_be_entered_whole(plant):
    plant.at(100_000)
    day = START
    plant.put("batch/B9", BatchCreated(batch="B9", product="P", place=TANK, started_at=day))
    plant.put("batch/B9", BatchEnded(batch="B9", ended_at=day + MINUTE, outcome="completed"))
    assert plant.wake() == []
    plant.at(100_001).sample("B9/final", "B9", minute=1).result("B9/final", minute=2, batch="B9")
    assert plant.wake() == [] and plant.at(100_100).wake() == []
    # What comes to a batch that is done with is looked at no more.
    assert plant.at(200_000).wake() == []
    assert plant.at(200_001).sample("B9/more", "B9").wake() == []


def test_a_bad_plan_is_named():
    for bad, words in (
        ({}, "plan"),
        ({"plan": "p", "sample": [{"name": "a", "when": "every"}]}, "every_s"),
        ({"plan": "p", "sample": [{"name": "a", "phase": "x", "id": "{batch}"}]}, "run"),
        ({"plan": "p", "sample": [{"name": "a", "id": "{batch}{oh}"}]}, "no text"),
        ({"plan": "p", "sample": [{"name": "a"}, {"name": "a"}]}, "same name"),
        ({"plan": "p", "sample": [{"name": "a"}], "sevirity": 1}, "sevirity"),
    ):
        with pytest.raises(BadInputError, match=words):
            samples_analyst("samples", bad)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40)), max_size=4),
    st.lists(st.integers(0, 200), max_size=8),
    st.integers(0, 250),
)
def test_each_sample_stands_for_one_and_ids_are_never_the_same(runs, taken, upto):
    from goldenbatch.core.batch_state import BatchState, PhaseRun

    at, phases = 0, {}
    for number, (gap, length) in enumerate(runs, start=1):
        start, at = at + gap, at + gap + length
        phases[TANK, "heat", number] = PhaseRun(TANK, "heat", number, start * MINUTE, at * MINUTE)
    state = BatchState(batch="B", entries={"product": "P"}, started_at=0, phases=phases)
    plan = SamplingPlan.model_validate(PLAN)
    due = expected(plan, state, upto * MINUTE)
    assert len({one.sample for one in due}) == len(due)
    assert [one.due_at for one in due] == sorted(one.due_at for one in due)
    for one in due:  # half-open: none is due at the end of its run
        run = phases[one.cause]
        assert run.started_at <= one.due_at < run.ended_at
    held = [Held(f"s{i}", "valve", "", minute * MINUTE) for i, minute in enumerate(taken)]
    pairs = matched(due, held)
    assert len({one.sample for one in pairs.values()}) == len(pairs)
    by_name = {one.sample: one for one in due}
    assert all(abs(by_name[k].due_at - one.taken_at) <= 300 * S for k, one in pairs.items())
    assert matched(due, held[::-1]) == pairs


def test_the_fold_needs_no_batch():
    assert expected(SamplingPlan.model_validate(PLAN), batch_state([]), 10**18) == []
