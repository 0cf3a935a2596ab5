"""Ways round the life of a model that somebody who knows the acts would try."""

import pytest
from tests.capabilities.governance import plan_home as plan
from tests.capabilities.governance import sealed_case as case

from goldenbatch.capabilities.governance._reading import line_of
from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError
from goldenbatch.core.model_access import load_test_set


def by_change_control(site):
    """Version 2, trained by dev and approved, which nobody has put to work."""
    at = {"use": case.USE, "version": 2}
    case.act(site, "draft", "dev", **at, follows=1)
    case.act(site, "bind", "qa", **at, test_set="T1")
    case.train(site, at, settings={})
    case.unseal(site, at)
    case.act(site, "test", "tess", **at)
    plan.validated(site, at)
    case.act(site, "approve", "qa", **at, change="CC-1", reason="fit")
    return at


def test_a_suspension_puts_no_version_to_work_that_nobody_activated(original):
    at = by_change_control(original)
    with pytest.raises(DeniedError):
        case.act(original, "activate", "dev", **at, reason="mine")
    with pytest.raises(ConflictError, match="never served"):
        case.act(original, "suspend", "dev", use=case.USE, fallback=2, reason="drift")
    assert line_of(original, case.USE).active == 1


def test_openings_of_the_same_rows_under_another_name_count_at_the_gate(planned):
    case.select(planned, "T2", login="sel")
    case.act(planned, "seal", "sel", test_set="T2")
    at = {"use": case.USE, "version": 2}
    case.act(planned, "draft", "dev", **at, follows=1, plan=f"{plan.PLAN_ID}@1",
             modification="retrain", trigger="new batches")  # fmt: skip
    case.act(planned, "bind", "qa", **at, test_set="T2")
    case.train(planned, at)
    case.unseal(planned, at, "T2")
    case.act(planned, "test", "tess", **at)
    judged = plan.judge(planned, at)
    (line,) = [one for one in judged.lines if one.rule == "test set"]
    assert line.found.startswith("2 openings"), line


@pytest.mark.parametrize("inputs", [[case.TEMP, case.PH], [case.TEMP]], ids=["same", "fewer"])
def test_criteria_cannot_be_fitted_under_another_use_to_what_was_seen(original, inputs):
    other = {"use": "assay2", "version": 1}
    case.act(
        original,
        "select",
        "sel",
        **{
            **case.SELECT,
            "use": "assay2",
            "test_set": "T2",
            "cut": {"split": "time", "at": case.CUT_AT},
            "data": {
                **case.DATA,
                "inputs": inputs,
                "baseline": "last_result",
                "practice": "at_line",
            },
        },
    )
    case.act(original, "seal", "sel", test_set="T2")
    case.act(original, "draft", "dev", **other, title="A", owner="B", method="linear")
    case.act(original, "intend", "sme", **other, intended=case.INTENDED)
    case.act(original, "criteria", "qa", **other, criteria=case.CRITERIA, n_least=6, reason="x")
    with pytest.raises(ConflictError, match="fixed after"):
        case.act(original, "bind", "qa", **other, test_set="T2")


def test_who_has_seen_the_outcome_chooses_neither_seed_nor_artefact(governed):
    site = governed
    case.seal(site)
    at = case.to_sealed(site)
    case.train(site, at)
    case.unseal(site, at)
    with pytest.raises(BadInputError, match="seed"):
        case.act(site, "test", "tess", **at, seed=3)
    # Who prepares a signature sees what would be signed, and may leave it at that.
    told = [site.acts.asked("governance.test", at, "tess").body.outcomes for _ in range(2)]
    assert told[0] == told[1]
    with pytest.raises(ConflictError, match="was read for a test of model/assay/1"):
        case.train(site, at)
    assert len(load_test_set(site.ledger, "T1").accesses) == 2
    assert case.act(site, "test", "tess", **at)[0].decode().outcomes == told[0]


def update_in_plan(site, number, ridge):
    at = plan.update(site, number, 1, settings={"ridge": ridge})
    plan.judge(site, at)
    plan.validated(site, at)
    case.act(site, "approve", "qa", **at, reason="the gate let it pass")
    return at


def test_an_approved_update_is_not_put_to_work_under_a_withdrawn_plan(planned):
    at = update_in_plan(planned, 2, 0.001)
    case.act(planned, "plan-withdraw", "qa", plan=plan.PLAN_ID, version="1", reason="raw material")
    with pytest.raises(ConflictError, match="assay-updates@1 was withdrawn: raw material"):
        case.act(planned, "activate", "sme", **at, reason="it was approved")
    assert line_of(planned, case.USE).active == 1


def test_an_update_is_put_to_work_in_place_of_what_it_was_judged_against(planned):
    first, other = update_in_plan(planned, 2, 0.001), update_in_plan(planned, 3, 0.002)
    case.act(planned, "activate", "sme", **first, reason="ready")
    with pytest.raises(ConflictError, match="judged against version 1; 2 serves by now"):
        case.act(planned, "activate", "sme", **other, reason="ready too")
    case.act(planned, "activate", "sme", use=case.USE, version=1, reason="rolled back")
    case.act(planned, "plan-withdraw", "qa", plan=plan.PLAN_ID, version="1", reason="raw material")
    case.act(planned, "activate", "sme", **first, reason="it has served before")
    assert line_of(planned, case.USE).active == 2


def test_an_imported_model_says_what_an_overlap_could_be_found_by(governed):
    case.seal(governed)
    at = case.to_sealed(governed, origin="imported")
    vague = {"ranges": [{"what": "our data", "digest": "0" * 64, "n": 300}]}
    digest = governed.registry.put(b"{}", "application/json")
    with pytest.raises(BadInputError, match="by which an overlap with the test could be found"):
        case.act(governed, "train", "dev", **at, artefact=digest, used=vague)


def test_nothing_rests_on_what_a_candidate_in_shadow_says(original):
    tag = f"{case.PLACE}/{case.USE}_shadow_2_value"
    original.historian.write(case.frame(tag, [(case.START, 1.0)]))
    with pytest.raises(BadInputError, match="is of a candidate in shadow"):
        case.select(original, "T2", data={**case.DATA, "inputs": [tag, case.PH]})
    with pytest.raises(BadInputError, match="is of a candidate in shadow"):
        original.adopt("chart", "monitoring.charts", {"tags": [{"tag": tag}]})
