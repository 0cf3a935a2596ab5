"""Asking for a release test: one answer, with its evidence, and what it leads to at once."""

import pytest

from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError, NotFoundError
from goldenbatch.core.release_life import ReleaseState, release_test_state
from tests.capabilities.governance import sealed_case as case
from tests.capabilities.monitoring.release import bench

TEMP, PH = bench.TEMP, bench.PH


def state_of(site, name):
    found = release_test_state(site.ledger.stream(f"release-test/{name}/EU/assay"))
    assert not found.faults
    row = site.ledger.select("release_test", {"batch": name})[0]
    assert row["state"] == found.state.value
    return found.state


def test_a_pass_carries_all_that_it_rests_on(site):
    bench.batch(site, "R1")
    (tested,) = bench.ask(site, "R1")
    assert tested.outcome == "passes" and state_of(site, "R1") is ReleaseState.PASSES
    assert tested.registration == "release-registration/P/EU/assay@2"
    assert (tested.model.use, tested.model.version) == ("assay", 1)
    assert tested.model.approval.startswith("model/assay/1@")
    said = site.models.active("assay").predict_one({TEMP: 37.0, PH: 7.0})
    assert float(tested.prediction.value) == said.value
    assert float(tested.prediction.lower) == said.lower
    assert tested.input_digest == said.input_digest
    first = tested.inputs[0]
    window = first.evidence[0]
    digest, n = site.historian.digest(TEMP, (window.start, window.end), window.as_of)
    assert (window.digest, window.n_readings, first.unit) == (digest, n, "Cel")


@pytest.mark.parametrize(
    ("made_with", "outcome", "category", "words"),
    [
        (bench.FAILS, "fails", "oos", "is outside 50.0 to 63.0 g/L"),
        (bench.CROSSES, "trends_to_failure", "oot", "its upper end"),
        (bench.ACTION, "trends_to_failure", "oot", "above the action limit of 61 g/L"),
    ],
)
def test_a_failure_and_a_trend_open_an_investigation_in_the_same_append(
    site, made_with, outcome, category, words
):
    bench.batch(site, "R1", *made_with)
    tested, opened = bench.ask(site, "R1")
    assert (tested.outcome, opened.category, opened.cause_version) == (outcome, category, 1)
    assert words in opened.statement
    assert state_of(site, "R1") is ReleaseState.INVESTIGATION


def narrow(site, lower, upper):
    """Register tighter limits, with a model that was evaluated against them."""
    limit = {"kind": "release", "lower": lower, "upper": upper, "unit": "g/L"}
    bench.act(site, "register-withdraw", "qa", **{**bench.AT, "product": "P"}, reason="limits")
    bench.register(site, limit=limit)


def test_a_model_that_was_evaluated_against_other_limits_says_nothing(site):
    narrow(site, "50.0", "59.0")
    bench.batch(site, "R1")
    tested, called = bench.ask(site, "R1")
    assert (tested.outcome, called.no_prediction) == ("no_valid_prediction", "model_not_accepted")
    assert "against 50 to 63" in called.why


CASES = {
    "missing": ({"ph": None}, "missing_input", "no reading"),
    "bad readings": ({"qualities": {TEMP: 0x80000000}}, "instrument_fault", "0.0% of the time"),
    "uncertain": ({"qualities": {PH: 0x40000000}}, "instrument_fault", "of the time"),
    "far": ({"temp": 39.9, "ph": 9.9}, "out_of_domain", ""),
    "beyond the stated range": ({"temp": 41.0}, "out_of_domain", ""),
    "calibration": ({"number": 200}, "instrument_fault", "out of calibration"),
}


@pytest.mark.parametrize("name", CASES)
def test_without_a_valid_prediction_the_registered_test_is_called(site, name):
    given, reason, words = CASES[name]
    bench.batch(site, "R1", **given)
    tested, called = bench.ask(site, "R1")
    assert (tested.outcome, tested.no_prediction) == ("no_valid_prediction", reason)
    assert called.no_prediction == reason and words in called.why
    assert called.contingency.model_dump() == bench.METHOD
    assert state_of(site, "R1") is ReleaseState.CONTINGENCY


def test_a_sensor_that_fell_silent_is_an_instrument_fault(site):
    bench.batch(site, "R1", temp=None)
    bench.write(site, "early", TEMP, [bench.FIRST + n * 60_000_000 for n in range(5)], 37.0)
    _, called = bench.ask(site, "R1")
    assert called.no_prediction == "instrument_fault" and "good for 4.2% of the time" in called.why


def test_a_suspended_model_says_nothing(site):
    case.act(site, "suspend", "sme", use=case.USE, reason="the probe drifts")
    bench.batch(site, "R1")
    tested, called = bench.ask(site, "R1")
    assert called.no_prediction == "model_not_in_use" and "suspended" in called.why
    assert tested.model is None and len(tested.inputs) == 2


def test_the_same_evidence_is_asked_once(site):
    bench.batch(site, "R1")
    bench.ask(site, "R1")
    with pytest.raises(ConflictError, match="the same evidence gives the same answer"):
        bench.ask(site, "R1")
    with pytest.raises(ConflictError, match="fishing"):
        bench.ask(site, "R1", reason="once more, perhaps")
    assert site.ledger.version("release-test/R1/EU/assay") == 1


def test_corrected_evidence_is_a_correction_with_its_reason(site):
    bench.batch(site, "R1")
    bench.ask(site, "R1")
    times = [bench.FIRST + n * 60_000_000 for n in range(121)]
    bench.write(site, "again", TEMP, times, 36.0, reason="offset of the probe")
    (tested,) = bench.ask(site, "R1", reason="offset of the probe corrected")
    assert (tested.corrects, tested.reason) == (1, "offset of the probe corrected")
    assert tested.inputs[0].value == "36.0" and state_of(site, "R1") is ReleaseState.PASSES


def test_a_correction_never_brings_back_what_went_to_the_laboratory(site):
    bench.batch(site, "R1", ph=None)
    bench.ask(site, "R1")
    times = [bench.FIRST + n * 60_000_000 for n in range(121)]
    bench.write(site, "late", PH, times, 7.0)
    (tested,) = bench.ask(site, "R1", reason="readings came late")
    assert tested.outcome == "passes" and state_of(site, "R1") is ReleaseState.CONTINGENCY


def test_a_correction_never_ends_an_investigation(site):
    bench.batch(site, "R1", *bench.FAILS)
    bench.ask(site, "R1")
    assert state_of(site, "R1") is ReleaseState.INVESTIGATION
    times = [bench.FIRST + n * 60_000_000 for n in range(121)]
    bench.write(site, "again", TEMP, times, 36.0, reason="wrong range")
    (tested,) = bench.ask(site, "R1", reason="range of the probe corrected")
    assert tested.outcome == "passes" and state_of(site, "R1") is ReleaseState.INVESTIGATION
    with pytest.raises(ConflictError, match="under investigation"):
        bench.ask(site, "R1")


def test_a_run_rule_over_batches_is_a_trend(site):
    # Nelson 3: six in a row, each higher than the one before; all are within the limits.
    for n in range(6):
        bench.batch(site, f"R{n}", 35.6 + 0.4 * n, number=n)
        told = bench.ask(site, f"R{n}")
        assert told[0].outcome == ("trends_to_failure" if n == 5 else "passes")
    assert "nelson-3" in told[0].trend[0] and len(told[0].recent) == 5
    assert told[1].category == "oot"


def test_it_is_offered_only_where_a_registration_stands(plain_home):
    site = plain_home
    bench.batch(site, "R1")
    with pytest.raises(
        ConflictError, match=r"not offered for EU: master data hold no registration"
    ):
        bench.ask(site, "R1")
    bench.register(site, approver="")
    with pytest.raises(ConflictError, match="nobody has approved it"):
        bench.ask(site, "R1")
    key = {**bench.AT, "product": "P"}
    bench.act(site, "register-approve", "qa", **key, reason="as in the dossier")
    with pytest.raises(ConflictError, match="not offered for US"):
        bench.ask(site, "R1", market="US")
    bench.act(site, "register-withdraw", "qa", **key, reason="variation withdrawn")
    with pytest.raises(ConflictError, match="withdrawn: variation withdrawn"):
        bench.ask(site, "R1")
    bench.register(site, effective_from=2**55)
    with pytest.raises(ConflictError, match="begins later"):
        bench.ask(site, "R1")


@pytest.mark.parametrize(
    ("given", "error", "why"),
    [
        ({"outcome": ""}, ConflictError, "has not ended"),
        ({"outcome": "aborted"}, ConflictError, "was aborted"),
    ],
)
def test_a_batch_that_is_not_complete_is_not_asked(site, given, error, why):
    bench.batch(site, "R1", **given)
    with pytest.raises(error, match=why):
        bench.ask(site, "R1")


def test_bad_input_is_named(site):
    bench.batch(site, "R1")
    with pytest.raises(NotFoundError, match="no batch 'R9'"):
        bench.ask(site, "R9")
    name = "R" * 178
    bench.batch(site, name, number=1)
    with pytest.raises(BadInputError, match="longer than 200 letters"):
        bench.ask(site, name, market="M" * 30)
    with pytest.raises(BadInputError, match="force: no such value"):
        bench.ask(site, "R1", force="yes")
    with pytest.raises(BadInputError, match="nothing was asked before"):
        bench.ask(site, "R1", reason="once more")


def test_who_judged_a_test_asks_for_none_and_machines_and_administrators_never(site):
    bench.batch(site, "R1", *bench.FAILS)
    bench.ask(site, "R1")
    with pytest.raises(DeniedError, match="concludes nothing"):
        conclude(site, "dev")
    conclude(site, "qa")
    with pytest.raises(DeniedError, match="among those who signed a judgement"):
        times = [bench.FIRST + n * 60_000_000 for n in range(121)]
        bench.write(site, "again", TEMP, times, 36.0, reason="wrong range")
        bench.ask(site, "R1", login="qa", reason="corrected")
    bench.batch(site, "R2", number=3)
    with pytest.raises(DeniedError, match="needs role"):
        bench.ask(site, "R2", login="root")


def conclude(site, login, **more):
    values = {
        "batch": "R1", **bench.AT, "finding": "confirmed",
        "root_cause": "the jacket was fed with hot water", **more,
    }  # fmt: skip
    return bench.act(site, "conclude", login, **values)
