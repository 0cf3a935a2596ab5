"""Right first time: one definition, over records of a real home."""

import itertools

import pytest

from goldenbatch.capabilities.monitoring.yields.facts import book_of
from goldenbatch.capabilities.monitoring.yields.right_first_time import (
    BatchFacts,
    right_first_time,
    right_first_time_rate,
)
from goldenbatch.capabilities.monitoring.yields.settings import (
    RightFirstTimeSettings,
    YieldSettings,
)
from goldenbatch.capabilities.monitoring.yields.table import plant_limits
from goldenbatch.core.batches import BatchCreated, BatchEnded, PhaseStarted
from goldenbatch.core.findings import (
    DecisionMade,
    Evidence,
    Finding,
    FindingOpened,
    FindingUpdated,
    Severity,
    Subject,
    Verdict,
)
from goldenbatch.core.records import NewEvent
from goldenbatch.core.results import Result, ResultsReported
from goldenbatch.core.twin_records import TwinResultKept
from tests.capabilities.monitoring.yields import plant_home as plant


class Case:
    """One batch of a home that all tests share, with a name of its own."""

    names = itertools.count()

    def __init__(self, site):
        self.site = site
        self.name = f"b{next(self.names)}"
        self.n_batch = self.n_samples = 0

    def append(self, stream, *bodies, first=0):
        self.site.ledger.append(
            [NewEvent(stream, body, k, "test") for k, body in enumerate(bodies, first)]
        )

    def batch(self, *bodies, outcome="completed"):
        head = BatchCreated(batch=self.name, product="P", started_at=plant.START)
        last = [
            BatchEnded(batch=self.name, ended_at=plant.START + plant.HOUR, outcome=one)
            for one in ([outcome] if outcome else [])
        ]
        self.append(f"batch/{self.name}", head, *bodies, *last)

    def result(self, value="0.1", **more):
        one = Result(test="impurity", attribute="impurity", value=value, unit="%", **more)
        sample = f"{self.name}/{self.n_samples}"
        self.n_samples += 1
        body = ResultsReported(sample=sample, batch=self.name, results=(one,))
        self.append(f"sample/{sample}", body)

    def finding(self, *verdicts, severity=Severity.MINOR, analyst="other"):
        uid = f"f{self.name}"
        said = Finding(
            subject=Subject(batch=self.name), title="t", statement="s", severity=severity,
            start=plant.START, evidence=(Evidence(kind="record", digest="0" * 64),),
            analyst=analyst, analyst_version="1",
        )  # fmt: skip
        bodies = [FindingOpened(uid=uid, tick=1, finding=said)]
        for verdict in verdicts:
            bodies.append(
                FindingUpdated(uid=uid, tick=2, finding=said)
                if verdict == "updated"
                else DecisionMade(uid=uid, finding_version=1, verdict=verdict, comment="c")
            )
        self.append(f"finding/{uid}", *bodies)

    def judged(self, **more):
        settings = RightFirstTimeSettings.model_validate(more)
        whole = YieldSettings(target="right_first_time", right_first_time=settings)
        book = book_of(self.site.ledger.events())
        limits = plant_limits(self.site.plant, whole)
        facts = book.facts(self.name, limits, settings.rule("monitoring.yields"))
        return right_first_time(facts)


@pytest.fixture
def case(empty):
    return Case(empty)


def test_a_batch_without_anything_against_it_is_right_first_time(case):
    case.batch()
    case.result()
    assert case.judged().value is True


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda case: case.result(status="oos"), "is out of specification"),
        (lambda case: case.result("0.51"), "outside its limit"),
        (lambda case: case.finding(Verdict.CONFIRMED), "was confirmed"),
        (lambda case: case.finding(Verdict.CONFIRMED, "updated"), "was confirmed"),
    ],
)
def test_what_counts_against_a_batch(case, spoil, words):
    case.batch()
    spoil(case)
    found = case.judged()
    assert found.value is False
    assert words in found.reasons[0]


def test_an_aborted_batch_is_not_right_and_one_that_runs_is_open(case):
    case.batch(outcome="aborted")
    assert case.judged().reasons == ("was aborted",)


def test_a_batch_that_has_not_ended_is_open_unless_a_result_says_that_it_has(case):
    case.batch(outcome="")
    assert case.judged().value is None
    case.result()
    assert case.judged().value is None
    assert case.judged(ended_by=["impurity"]).value is True


def test_an_invalidated_result_and_a_dismissed_or_small_finding_do_not_count(case):
    case.batch()
    case.result("9.9", status="invalidated", cause="wrong dilution")
    case.finding(Verdict.DISMISSED)
    assert case.judged().value is True


@pytest.mark.parametrize(
    "verdicts", [(), (Verdict.NEEDS_LABORATORY,), (Verdict.DISMISSED, "updated")]
)
def test_an_undecided_finding_keeps_it_open(case, verdicts):
    case.batch()
    case.finding(*verdicts)
    assert case.judged().value is None
    assert case.judged(severity="major").value is True


def test_a_confirmed_finding_that_is_dismissed_later_does_not_count(case):
    case.batch()
    case.finding(Verdict.CONFIRMED, "updated", Verdict.DISMISSED)
    assert case.judged().value is True


def test_the_findings_of_the_room_itself_do_not_count(case):
    case.batch()
    case.finding(Verdict.CONFIRMED, analyst="monitoring.yields")
    assert case.judged().value is True


def test_rework_and_recorded_deviations_count_where_the_settings_name_them(case):
    run = {"batch": case.name, "place": plant.PRESS, "phase": "coating"}
    case.batch(*[PhaseStarted(**run, run=k, at=plant.START + k) for k in (1, 2)])
    assert case.judged().value is True
    assert case.judged(once=["coating"]).reasons == ("phase coating was done again",)


def test_an_event_of_any_kind_that_names_the_batch_may_be_a_deviation(case):
    case.batch()
    kept = TwinResultKept(
        study=case.name, work="run", status="complete", files={"a": "0"}, batch=case.name,
        reason="r",
    )  # fmt: skip
    case.append(f"twin/{case.name}", kept)
    assert case.judged().value is True
    found = case.judged(deviations=["TwinResultKept"])
    assert found.reasons == ("TwinResultKept is recorded",)


def test_the_rate_counts_open_batches_apart():
    done = BatchFacts("1", is_ended=True, outcome="completed")
    bad = BatchFacts("2", is_ended=True, outcome="aborted")
    found = right_first_time_rate([done, done, bad, BatchFacts("3")])
    assert (found.n_right, found.n_judged, found.n_open) == (2, 3, 1)
    assert found.rate == pytest.approx(2 / 3)
    assert right_first_time_rate([]).rate is None
