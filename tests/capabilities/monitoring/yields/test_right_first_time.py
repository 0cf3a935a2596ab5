"""Right first time: one definition, over records of a real home."""

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
from tests.capabilities.monitoring.yields import plant_home as plant


def batch(site, outcome="completed", product="P"):
    bodies = [BatchCreated(batch="b", product=product, started_at=plant.START)]
    if outcome:
        bodies.append(BatchEnded(batch="b", ended_at=plant.START + plant.HOUR, outcome=outcome))
    site.ledger.append([NewEvent("batch/b", body, k, "test") for k, body in enumerate(bodies)])


def result(site, value="0.1", sample="s", **more):
    one = Result(test="impurity", attribute="impurity", value=value, unit="%", **more)
    body = ResultsReported(sample=sample, batch="b", results=(one,))
    site.ledger.append([NewEvent(f"sample/{sample}", body, 0, "test")])


def finding(site, *verdicts, severity=Severity.MINOR, analyst="other"):
    said = Finding(
        subject=Subject(batch="b"), title="t", statement="s", severity=severity,
        start=plant.START, evidence=(Evidence(kind="record", digest="0" * 64),),
        analyst=analyst, analyst_version="1",
    )  # fmt: skip
    bodies = [FindingOpened(uid="f", tick=1, finding=said)]
    for verdict in verdicts:
        bodies.append(
            FindingUpdated(uid="f", tick=2, finding=said)
            if verdict == "updated"
            else DecisionMade(uid="f", finding_version=1, verdict=verdict, comment="c")
        )
    site.ledger.append([NewEvent("finding/f", one, k, "test") for k, one in enumerate(bodies)])


def judged(site, **more):
    settings = RightFirstTimeSettings.model_validate(more)
    whole = YieldSettings(target="right_first_time", right_first_time=settings)
    book = book_of(site.ledger.events())
    facts = book.facts("b", plant_limits(site.plant, whole), settings.rule("monitoring.yields"))
    return right_first_time(facts)


def test_a_batch_without_anything_against_it_is_right_first_time(site):
    batch(site)
    result(site)
    assert judged(site).value is True


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda site: result(site, status="oos"), "is out of specification"),
        (lambda site: result(site, "0.51"), "outside its limit"),
        (lambda site: finding(site, Verdict.CONFIRMED), "was confirmed"),
    ],
)
def test_what_counts_against_a_batch(site, spoil, words):
    batch(site)
    spoil(site)
    found = judged(site)
    assert found.value is False
    assert words in found.reasons[0]


def test_an_aborted_batch_is_not_right_and_one_that_runs_is_open(site):
    batch(site, outcome="aborted")
    assert judged(site).reasons == ("was aborted",)


def test_a_batch_that_has_not_ended_is_open_unless_a_result_says_that_it_has(site):
    batch(site, outcome="")
    assert judged(site).value is None
    result(site)
    assert judged(site).value is None
    assert judged(site, ended_by=["impurity"]).value is True


def test_an_invalidated_result_and_a_dismissed_or_small_finding_do_not_count(site):
    batch(site)
    result(site, "9.9", status="invalidated", cause="wrong dilution")
    finding(site, Verdict.DISMISSED)
    assert judged(site).value is True


@pytest.mark.parametrize(
    "verdicts", [(), (Verdict.NEEDS_LABORATORY,), (Verdict.DISMISSED, "updated")]
)
def test_an_undecided_finding_keeps_it_open(site, verdicts):
    batch(site)
    finding(site, *verdicts)
    assert judged(site).value is None
    assert judged(site, severity="major").value is True


def test_the_findings_of_the_room_itself_do_not_count(site):
    batch(site)
    finding(site, Verdict.CONFIRMED, analyst="monitoring.yields")
    assert judged(site).value is True


def test_rework_and_recorded_deviations_count_where_the_settings_name_them(site):
    batch(site, outcome="")
    run = {"batch": "b", "place": plant.PRESS, "phase": "coating"}
    bodies = [PhaseStarted(**run, run=k, at=plant.START + k) for k in (1, 2)]
    bodies.append(BatchEnded(batch="b", ended_at=plant.START + plant.HOUR, outcome="completed"))
    site.ledger.append([NewEvent("batch/b", one, k, "test") for k, one in enumerate(bodies, 1)])
    assert judged(site).value is True
    assert judged(site, once=["coating"]).reasons == ("phase coating was done again",)


def test_an_event_of_another_capability_that_names_the_batch_may_be_a_deviation(site):
    batch(site)
    book = book_of(site.ledger.events())
    book.seen["b"] = ["DeviationOpened"]
    rule = RightFirstTimeSettings(deviations=("DeviationOpened",)).rule()
    facts = book.facts("b", lambda product, attribute: (), rule)
    assert right_first_time(facts).reasons == ("DeviationOpened is recorded",)


def test_the_rate_counts_open_batches_apart():
    done = BatchFacts("1", is_ended=True, outcome="completed")
    bad = BatchFacts("2", is_ended=True, outcome="aborted")
    found = right_first_time_rate([done, done, bad, BatchFacts("3")])
    assert (found.n_right, found.n_judged, found.n_open) == (2, 3, 1)
    assert found.rate == pytest.approx(2 / 3)
    assert right_first_time_rate([]).rate is None
