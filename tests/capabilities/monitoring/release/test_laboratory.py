"""What the laboratory found beside a release test, and how investigations end."""

import pytest

from goldenbatch.capabilities.monitoring.release.standing import standing_of
from goldenbatch.core.batches import SampleTaken
from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError, NotFoundError
from goldenbatch.core.findings import FindingOpened, Subject
from goldenbatch.core.records import NewEvent
from goldenbatch.core.release_life import ReleaseState
from goldenbatch.core.results import Result, ResultsReported
from tests.capabilities.monitoring.release import bench
from tests.capabilities.monitoring.release.test_asking import state_of
from tests.core.test_findings import finding


def link(site, name="R1", sample="", test="assay", login="sel"):
    values = {"batch": name, **bench.AT, "sample": sample or f"{name}/final", "test": test}
    return [one.decode() for one in bench.act(site, "link", login, **values)]


def called(site, name="R1", **given):
    bench.batch(site, name, ph=None, **given)
    bench.ask(site, name)


def conclude(site, login="qa", **more):
    values = {
        "batch": "R1", **bench.AT, "finding": "confirmed",
        "root_cause": "the jacket was fed with hot water", **more,
    }  # fmt: skip
    return bench.act(site, "conclude", login, **values)


def test_the_registered_test_decides_where_it_was_called(site):
    called(site)
    bench.result(site, "R1", "59.21")
    (linked,) = link(site)
    assert linked.within and linked.record == "sample/R1/final@1"
    assert state_of(site, "R1") is ReleaseState.LABORATORY


@pytest.mark.parametrize(
    ("value", "more"),
    [("63.05", {}), ("59.2", {"status": "oos", "cause": "unknown peak"}),
     ("59.2", {"status": "oot"})],
)  # fmt: skip
def test_a_result_outside_opens_an_investigation_in_the_same_append(site, value, more):
    called(site)
    bench.result(site, "R1", value, **more)
    linked, opened = link(site)
    assert linked.outside and opened.cause_version == 3
    assert opened.category == ("oot" if more.get("status") == "oot" else "oos")
    assert state_of(site, "R1") is ReleaseState.INVESTIGATION


def test_a_laboratory_pass_never_overrides_a_failure(site):
    bench.batch(site, "R1", *bench.FAILS)
    bench.ask(site, "R1")
    bench.result(site, "R1", "59.2")
    (linked,) = link(site)
    assert linked.within and state_of(site, "R1") is ReleaseState.INVESTIGATION
    # The contingency test was never called, and cannot be any more.
    kinds = [one.kind for one in site.ledger.stream("release-test/R1/EU/assay")]
    assert "ContingencyTestCalled" not in kinds


def test_testing_until_it_fits_is_seen(site):
    called(site)
    bench.result(site, "R1", "64.0", sample="R1/first")
    bench.result(site, "R1", "59.0", sample="R1/second")
    linked, _ = link(site, sample="R1/second")
    assert linked.outside and "sample R1/first" in linked.statement
    assert state_of(site, "R1") is ReleaseState.INVESTIGATION


def test_an_invalidated_result_decides_nothing(site):
    called(site)
    bench.result(site, "R1", "59.2", status="invalidated", cause="column leaked")
    (linked,) = link(site)
    assert not linked.within and not linked.outside
    assert state_of(site, "R1") is ReleaseState.CONTINGENCY


def test_only_the_registered_test_of_this_batch_decides(site):
    called(site)
    called(site, "R2", number=2)
    bench.result(site, "R2", "59.2")
    with pytest.raises(NotFoundError, match="batch R1 has no result"):
        link(site, sample="R2/final")
    bench.result(site, "R1", "59.2", sample="R1/uv", method="UV-1")
    with pytest.raises(ConflictError, match="registered is assay, assay by HPLC-7, version 3"):
        link(site, sample="R1/uv")
    bench.result(site, "R1", "59.2", sample="R1/old", method_version="2")
    with pytest.raises(ConflictError, match="version 2"):
        link(site, sample="R1/old")
    with pytest.raises(NotFoundError, match="nobody asked"):
        link(site, "R3")


def test_a_result_that_was_corrected_is_linked_as_it_stands(site):
    called(site)
    sample = bench.result(site, "R1", "95.2")
    bench.correct(site, sample, "95.2", "59.2")
    (linked,) = link(site)
    assert linked.within and linked.record == "sample/R1/final@2"


def test_only_quality_ends_an_investigation_and_it_is_no_pass(site):
    bench.batch(site, "R1", *bench.FAILS)
    bench.ask(site, "R1")
    for login, why in (("sel", "needs role"), ("dev", "concludes nothing")):
        with pytest.raises(DeniedError, match=why):
            conclude(site, login)
    with pytest.raises(BadInputError, match="at least 10"):
        conclude(site, root_cause="unknown")
    with pytest.raises(BadInputError, match="shown by records"):
        conclude(site, finding="assignable_cause")
    with pytest.raises(NotFoundError, match="no record 'batch/R1@99'"):
        conclude(site, finding="assignable_cause", evidence=["batch/R1@99"])
    with pytest.raises(BadInputError):
        conclude(site, finding="passes")
    ended, signature = conclude(site, finding="assignable_cause", evidence=["batch/R1@2"])
    assert ended.body["investigation"] == 2 and signature.body["meaning"] == "approved"
    assert state_of(site, "R1") is ReleaseState.CONCLUDED
    with pytest.raises(ConflictError, match="no investigation is open"):
        conclude(site)
    bench.result(site, "R1", "59.2")
    link(site)
    assert state_of(site, "R1") is ReleaseState.CONCLUDED


def test_who_linked_a_result_concludes_nothing(site):
    called(site)
    bench.result(site, "R1", "64.0")
    link(site, login="quinn")
    with pytest.raises(DeniedError, match="concludes nothing"):
        conclude(site, "quinn")
    conclude(site, "qa")
    assert state_of(site, "R1") is ReleaseState.CONCLUDED


def doubts(site, name="R1", market="EU"):
    (one,) = standing_of(site, name, market)
    return "; ".join(one.doubts), one.is_settled


def test_a_pass_does_not_stand_beside_a_laboratory_failure(site):
    bench.batch(site, "R1")
    bench.result(site, "R1", "70.0", sample="R1/uv", method="UV-1")  # not the registered test
    bench.ask(site, "R1")
    assert doubts(site) == ("", True)
    bench.result(site, "R1", "70.0")
    told, is_settled = doubts(site)
    assert "sample R1/final is outside: link it" in told and not is_settled
    link(site)
    assert "link it" not in doubts(site)[0] and state_of(site, "R1") is ReleaseState.INVESTIGATION


def test_an_older_failure_counts_where_the_sample_names_the_batch(site):
    called(site)
    for name, value in (("first", "70.0"), ("second", "59.0")):
        told = Result(attribute="assay", value=value, unit="g/L", **bench.METHOD)
        taken = SampleTaken(sample=name, batch="R1", taken_at=bench.FIRST, taken_by="lab")
        bodies = (taken, ResultsReported(sample=name, results=(told,)))
        site.ledger.append(
            [NewEvent(f"sample/{name}", one, n, "test") for n, one in enumerate(bodies)]
        )
    linked, _ = link(site, sample="second")
    assert linked.outside and "sample first" in linked.statement


def test_a_pass_does_not_outlive_its_registration_or_a_confirmed_failure_elsewhere(site):
    bench.register(site, market="US")
    bench.batch(site, "R1", *bench.FAILS)
    bench.ask(site, "R1")
    bench.write(site, "late", bench.TEMP, [bench.FIRST + n * 60_000_000 for n in range(121)],
                37.0, reason="recalibrated")  # fmt: skip
    bench.write(site, "later", bench.PH, [bench.FIRST + n * 60_000_000 for n in range(121)],
                7.0, reason="recalibrated")  # fmt: skip
    (tested,) = bench.ask(site, "R1", market="US")
    assert tested.outcome == "passes" and doubts(site, market="US")[0].startswith("it is under")
    conclude(site)
    told, is_settled = doubts(site, market="US")
    assert told == "its failure was confirmed for EU, by limits no tighter" and not is_settled
    bench.act(
        site, "register-withdraw", "qa", product="P", market="US", attribute="assay",
        reason="authority",
    )  # fmt: skip
    assert "no registration is in force" in doubts(site, market="US")[0]


def test_a_pass_is_of_what_it_was_asked_with_and_of_the_registered_limit(site):
    bench.batch(site, "R1")
    bench.ask(site, "R1")
    times = [bench.FIRST + n * 60_000_000 for n in range(121)]
    bench.write(site, "again", bench.TEMP, times, 36.0, reason="offset of the probe")
    told, is_settled = doubts(site)
    assert told.startswith(f"{bench.TEMP}: not what it was asked with") and not is_settled
    bench.ask(site, "R1", reason="offset of the probe")
    assert doubts(site) == ("", True)
    limit = {"kind": "release", "lower": "50.0", "upper": "55.0", "unit": "g/L"}
    bench.register(site, limit=limit)
    assert "by the registration in force its value" in doubts(site)[0]


ALARMS = """schema = "goldenbatch/alarms/1"
version = "1"
title = "T"
[[alarms]]
id = "hot"
title = "Too hot"
analyst = "monitoring.charts"
cause = "Cooling lost"
consequence = "The batch is lost"
response = "Open the bypass"
respond_within_s = 60
priority = "high"
position = "one"
"""


def test_a_pass_waits_while_an_alarm_of_its_batch_is_not_acknowledged(site):
    bench.batch(site, "R1")
    bench.ask(site, "R1")
    told = {"text": ALARMS, "reason": "rationalised"}
    site.acts.act("monitoring.alarm-rationalise", told, "dev", bench.PASSWORD)
    site.sign("master/alarms", "approved", "qa", bench.PASSWORD)
    assert doubts(site) == ("", True)
    uid = "a" * 32
    opened = FindingOpened(uid=uid, tick=1, finding=finding(subject=Subject(batch="R1")))
    site.ledger.append([NewEvent(f"finding/{uid}", opened, 0, "test")])
    assert doubts(site) == ("alarm 'hot' of the batch is not acknowledged", False)
    told = {"alarm": uid, "comment": "the bypass is open"}
    site.acts.act("monitoring.alarm-acknowledge", told, "dev", bench.PASSWORD)
    assert doubts(site) == ("", True)
