"""The gate in a home: proposed, approved, updated, judged, found; nothing by hand."""

from __future__ import annotations

import json

import pytest
from tests.capabilities.governance import plan_home as plan
from tests.capabilities.governance import sealed_case as case

from goldenbatch.capabilities.governance.gate_evidence import GateEvidence
from goldenbatch.capabilities.governance.judging import repeated
from goldenbatch.capabilities.governance.plans import standings_of
from goldenbatch.core.change_plans import load_change_plan
from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError, NotFoundError
from goldenbatch.core.gate_records import GateOutcome, RuleVerdict
from goldenbatch.core.model_access import load_version


def named(judged, verdict):
    return {one.rule for one in judged.lines if one.verdict is verdict}


def test_three_updates_pass_fail_and_fall_out_of_plan(planned):
    """The issue's story: one passes, one fails, one is out of plan; findings ask for the rest."""
    site = planned
    site.adopt("changes", "governance.changes", {})
    site.wake()

    at = plan.update(site, 2, 1, settings={"ridge": 0.001})
    judged = plan.judge(site, at)
    assert judged.outcome is GateOutcome.PASS, [x for x in judged.lines if x.verdict != "holds"]
    assert (judged.plan, judged.plan_version, judged.follows) == (plan.PLAN_ID, "1", 1)
    plan.validated(site, at)
    case.act(site, "approve", "qa", **at, reason="the gate let it pass")
    case.act(site, "activate", "sme", **at, reason="ready")
    site.wake()
    assert not site.ledger.select("finding")

    at = plan.update(site, 3, 2, settings={"ridge": 0.35})
    judged = plan.judge(site, at)
    assert judged.outcome is GateOutcome.FAIL
    assert "A2: against the active" in named(judged, RuleVerdict.FAILS)
    assert not named(judged, RuleVerdict.OUTSIDE) | named(judged, RuleVerdict.MISSING)

    at = plan.update(site, 4, 2, settings={"n_folds": 4})
    judged = plan.judge(site, at)
    assert judged.outcome is GateOutcome.OUT_OF_PLAN
    assert named(judged, RuleVerdict.OUTSIDE) == {"setting n_folds"}
    plan.validated(site, at)
    with pytest.raises(ConflictError, match="out_of_plan"):
        case.act(site, "approve", "qa", **at, reason="never mind")

    site.wake()
    rows = {row["title"]: row for row in site.ledger.select("finding")}
    assert set(rows) == {
        "Update assay@3 failed within its plan", "Update assay@4 is out of plan",
    }  # fmt: skip
    out = site.ledger.stream(f"finding/{rows['Update assay@4 is out of plan']['uid']}")[0].decode()
    assert "change-control record" in out.finding.suggested_action
    failed = rows["Update assay@3 failed within its plan"]
    deviation = site.ledger.stream(f"finding/{failed['uid']}")[0].decode()
    assert "deviation" in deviation.finding.suggested_action
    text = site.registry.get(deviation.finding.evidence[1].digest).decode()
    assert "Outcome: in_plan_fail" in text and "A2: against the active" in text

    case.act(site, "approve", "qa", **at, change="CC-2026-11", reason="by change control")
    site.wake()
    (row,) = [one for one in site.ledger.select("finding") if one["state"] == "closed"]
    assert row["uid"] == rows["Update assay@4 is out of plan"]["uid"]
    assert not site.replay("as_seen").differences
    _judgements_repeat(site)
    report = site.verify()
    assert report.is_ok
    _missing_artefacts_are_told(site, judged)


def _judgements_repeat(site):
    """From the evidence kept alone, the gate says again what it said."""
    for number in (2, 3, 4):
        judged = load_version(site.ledger, case.USE, number).judged
        again = repeated(site, case.USE, number)
        assert (again.outcome, again.lines) == (judged.outcome, judged.lines)
    with pytest.raises(NotFoundError, match="has not judged"):
        repeated(site, case.USE, 1)


def _missing_artefacts_are_told(site, judged):
    reference = load_change_plan(plan.plan_text()).bound.reference
    for digest in (judged.evidence, judged.explanation, reference):
        files = [one for one in (site.path / "registry").rglob("*") if digest[4:] in one.name]
        kept = {file: file.read_bytes() for file in files}
        for file in kept:
            file.unlink()
        assert any(digest in one.message for one in site.verify().problems)
        for file, content in kept.items():
            file.write_bytes(content)
    assert site.verify().is_ok


def test_a_threshold_is_moved_and_no_further_than_its_bound(planned):
    site = planned
    at = plan.update(site, 2, 1, "interval", settings={"coverage": 0.94})
    judged = plan.judge(site, at)
    assert judged.outcome is GateOutcome.PASS, [x for x in judged.lines if x.verdict != "holds"]
    plan.validated(site, at)
    case.act(site, "approve", "qa", **at, reason="passed")
    case.act(site, "activate", "sme", **at, reason="ready")
    at = plan.update(site, 3, 2, "interval", settings={"coverage": 0.972})
    judged = plan.judge(site, at)
    assert judged.outcome is GateOutcome.OUT_OF_PLAN
    assert named(judged, RuleVerdict.OUTSIDE) == {
        "threshold coverage", "coverage, from the original",
    }  # fmt: skip


def test_steps_within_the_limit_are_stopped_where_they_add_up(original):
    """Salami: real models, each a permitted step after the last, all away from the original."""
    site = original
    text = plan.plan_text(**{
        "prediction_rms = 1.5\nprediction_max = 4.0": "prediction_rms = 0.35\nprediction_max = 2.0",
        "prediction_rms = 1.0\nprediction_max = 3.0": "prediction_rms = 0.2\nprediction_max = 0.9",
        "margin = 0.2": "margin = 0.4",
    })  # fmt: skip
    plan.propose(site, text=text, reference=plan.reference_csv())
    site.sign(plan.STREAM, "approved", "qa", case.PASSWORD, reason="bounded")
    outcomes, far = [], []
    for number, ridge in enumerate((0.05, 0.1, 0.15, 0.2), start=2):
        follows = len(outcomes) + 1
        at = plan.update(site, number, follows, settings={"ridge": ridge})
        judged = plan.judge(site, at)
        evidence = GateEvidence.model_validate_json(site.registry.get(judged.evidence))
        assert evidence.to_active.rms <= 0.2
        far.append(evidence.to_original.rms)
        if judged.outcome is not GateOutcome.PASS:
            break
        outcomes.append(number)
        plan.validated(site, at)
        case.act(site, "approve", "qa", **at, reason="passed")
        case.act(site, "activate", "sme", **at, reason="ready")
    assert len(outcomes) == 2, (far, [x for x in judged.lines if x.verdict != "holds"])
    assert far == sorted(far) and far[1] <= 0.35 < far[2]
    assert judged.outcome is GateOutcome.OUT_OF_PLAN
    assert "from the original, root mean square" in named(judged, RuleVerdict.OUTSIDE)
    assert not {"step, root mean square", "step, largest"} & named(judged, RuleVerdict.OUTSIDE)


def test_a_withdrawn_plan_permits_nothing_any_more(planned):
    site = planned
    at = plan.update(site, 2, 1)
    assert plan.judge(site, at).outcome is GateOutcome.PASS
    plan.validated(site, at)
    case.act(site, "plan-withdraw", "qa", plan=plan.PLAN_ID, version="1", reason="too wide")
    with pytest.raises(NotFoundError, match="withdrawn: too wide"):
        case.act(site, "approve", "qa", **at, reason="it had passed")
    judged = plan.judge(site, at)
    assert judged.outcome is GateOutcome.OUT_OF_PLAN
    assert named(judged, RuleVerdict.OUTSIDE) == {"plan in force"}
    with pytest.raises(ConflictError, match="withdrawn before"):
        case.act(site, "plan-withdraw", "qa", plan=plan.PLAN_ID, version="1", reason="again")
    with pytest.raises(ConflictError, match="stands already"):
        plan.propose(site)


def test_evidence_that_is_gone_or_forged_lets_nothing_pass(planned, monkeypatch):
    site = planned
    at = plan.update(site, 2, 1)
    new = load_version(site.ledger, case.USE, 2)
    real = site.registry.get
    reference = load_change_plan(plan.plan_text()).bound.reference

    def swapped(digest):
        if digest == new.tested.report:
            report = json.loads(real(digest))
            report["comparisons"]["plan_digest"] = "0" * 64
            return json.dumps(report).encode()
        if digest == reference:
            raise NotFoundError("gone")
        return real(digest)

    monkeypatch.setattr(site.registry, "get", swapped)
    judged = plan.judge(site, at)
    assert judged.outcome is GateOutcome.EVIDENCE_MISSING
    assert {"A2: against the active", "A2: against the original", "reference set",
            "step, root mean square", "from the original, largest"} <= named(
                judged, RuleVerdict.MISSING)  # fmt: skip
    told = {one.found for one in judged.lines if one.rule == "evidence"}
    assert any("another plan" in one for one in told)


def test_another_version_that_serves_by_now_asks_for_another_test(planned):
    """Compared with version 1 while 1 served; version 2 has taken over since."""
    site = planned
    early = plan.update(site, 2, 1)
    late = plan.update(site, 3, 1, settings={"ridge": 0.001})
    assert plan.judge(site, late).outcome is GateOutcome.PASS
    plan.validated(site, late)
    assert plan.judge(site, early).outcome is GateOutcome.PASS
    plan.validated(site, early)
    case.act(site, "approve", "qa", **early, reason="passed")
    case.act(site, "activate", "sme", **early, reason="ready")
    with pytest.raises(ConflictError, match="2 serves by now"):
        case.act(site, "approve", "qa", **late, reason="it had passed")
    judged = plan.judge(site, late)
    assert judged.outcome is GateOutcome.OUT_OF_PLAN
    assert "version that it follows" in named(judged, RuleVerdict.OUTSIDE)


def test_who_may_propose_judge_and_approve(planned):
    site = planned
    second = plan.plan_text(**{'version = "1"': 'version = "2"'})
    plan.propose(site, "dev", second)
    with pytest.raises(DeniedError):
        site.sign(plan.STREAM, "approved", "dev", case.PASSWORD, reason="mine")
    now = site.clock()
    assert [one.state(now) for one in standings_of(site, plan.PLAN_ID)] == [
        "in force", "proposed, not approved",
    ]  # fmt: skip
    with pytest.raises(DeniedError):
        case.act(site, "plan-withdraw", "dev", plan=plan.PLAN_ID, version="1", reason="no")
    with pytest.raises(NotFoundError, match="never proposed"):
        case.act(site, "plan-withdraw", "qa", plan=plan.PLAN_ID, version="9", reason="no")
    assert standings_of(site) == standings_of(site, plan.PLAN_ID)


@pytest.mark.parametrize(
    ("changes", "more", "words"),
    [
        ({"margin = 0.2": "margin = 9.0"}, {}, r"a\.toml:\d+:.*margin.*naive baseline"),
        ({"expires = 2035": "expires = 2021"}, {}, r"a\.toml:\d+:bound\.expires.*expired already"),
        ({"expires = 2035": "expires = 2999"}, {}, r"bound\.expires.*without an end"),
        ({'use = "assay"': 'use = "other"'}, {}, "no version 1 of 'other'"),
        ({'name = "ridge"': 'name = "rigde"'}, {}, "no setting 'rigde'"),
        ({}, {"reference": plan.reference_csv(seed=9)}, "the plan names"),
        ({}, {"reference": "a,b\n" + "1,2\n" * 12}, "the plan names"),
        ({}, {}, "no reference set"),
        ({}, {"colour": "red"}, "no such value"),
    ],
)
def test_a_plan_that_cannot_stand_is_refused_before_it_is_recorded(original, changes, more, words):
    site = original
    with pytest.raises((BadInputError, NotFoundError), match=words):
        plan.propose(site, text=plan.plan_text(**changes), file="a.toml", **more)
    assert site.ledger.version(plan.STREAM) == 0


def test_a_reference_set_of_other_columns_is_refused(original):
    site = original
    csv = plan.reference_csv().replace(case.PH, "other", 1)
    from goldenbatch.capabilities.governance.reference import read_reference

    old = load_change_plan(plan.plan_text()).bound.reference
    text = plan.plan_text(**{old: read_reference(csv).digest()})
    with pytest.raises(BadInputError, match="does not take the 2 columns"):
        plan.propose(site, text=text, reference=csv)


def test_no_plan_stands_on_a_version_that_was_never_approved(governed):
    site = governed
    case.seal(site)
    case.to_sealed(site)
    with pytest.raises(ConflictError, match="validated in full"):
        plan.propose(site, reference=plan.reference_csv())


def test_a_version_without_a_plan_or_a_test_is_not_judged(planned):
    site = planned
    with pytest.raises(ConflictError, match="no update under a change plan"):
        plan.judge(site, {"use": case.USE, "version": 1})
    at = {"use": case.USE, "version": 2}
    case.act(site, "draft", "dev", **at, follows=1, plan=f"{plan.PLAN_ID}@1",
             modification="retrain")  # fmt: skip
    with pytest.raises(ConflictError, match="cannot follow"):
        plan.judge(site, at)


def test_the_plan_says_who_signs(original):
    site = original
    text = plan.plan_text(**{'signs = ["quality_reviewer"]': 'signs = ["qualified_person"]'})
    plan.propose(site, text=text, reference=plan.reference_csv())
    site.sign(plan.STREAM, "approved", "qa", case.PASSWORD, reason="bounded")
    at = plan.update(site, 2, 1)
    assert plan.judge(site, at).outcome is GateOutcome.PASS
    plan.validated(site, at)
    with pytest.raises(DeniedError, match="approved by qualified_person"):
        case.act(site, "approve", "qa", **at, reason="passed")


def test_a_sensor_is_stated_with_its_record(planned):
    site = planned
    at = plan.update(site, 2, 1)
    sensor = {"inputs": ["ph"], "type": "glass", "serial": "7", "record": "equipment/x@1"}
    with pytest.raises(BadInputError, match="no record of this home"):
        plan.judge(site, at, sensor=sensor)
    judged = plan.judge(site, at, sensor={**sensor, "record": "batch/B00@1"})
    assert named(judged, RuleVerdict.OUTSIDE) == {"sensor"}


def test_what_failed_within_its_plan_comes_in_by_no_other_door(planned):
    at = plan.update(planned, 2, 1, settings={"ridge": 0.2})
    judged = plan.judge(planned, at)
    assert judged.outcome is GateOutcome.FAIL
    plan.validated(planned, at)
    with pytest.raises(ConflictError, match="not what failed"):
        case.act(planned, "approve", "qa", **at, change="CC-2026-10", reason="by another door")
