"""What code that reaches the ledger appends in the name of nobody: named, and without effect."""

import pytest
from tests.capabilities.governance import plan_home as plan
from tests.capabilities.governance import sealed_case as case

from goldenbatch.capabilities.governance._reading import line_of, version_of
from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.core.gate_records import GateOutcome, RuleVerdict
from goldenbatch.core.model_records import ModelActivated, ModelSuspended
from goldenbatch.core.records import NewEvent

LINE = f"model/{case.USE}"


def append(site, stream, body, actor):
    site.ledger.append([NewEvent(stream, body, site.ledger.version(stream), actor=actor)])


def told(site):
    return [one for one in site.verify().problems if not one.is_note]


def second(site):
    at = plan.update(site, 2, 1, settings={"ridge": 0.001})
    plan.judge(site, at)
    plan.validated(site, at)
    case.act(site, "approve", "qa", **at, reason="the gate let it pass")
    return at


def activation(site, version):
    state = version_of(site, case.USE, version)
    return ModelActivated(
        use=case.USE,
        version=version,
        digest=state.trained.digest,
        replaces=1,
        media_type=state.trained.media_type,
        approval=state.ref(type(state.approved)),
        reason="x",
    )


@pytest.mark.parametrize("actor", ["node", "analyst:governance.watch"])
def test_nothing_activates_itself(planned, actor):
    second(planned)
    append(planned, LINE, activation(planned, 2), actor)
    assert line_of(planned, case.USE).active == 1
    assert any("only people activate" in one.message for one in told(planned))


def test_an_activation_of_nobody_is_named(planned):
    second(planned)
    assert told(planned) == []
    append(planned, LINE, activation(planned, 2), "intruder")
    (found,) = told(planned)
    assert (found.where, found.message) == (
        f"{LINE}@2", "ModelActivated is of intruder, who is no person of this home."
    )  # fmt: skip


def test_the_home_suspends_under_a_clause_alone(planned):
    body = ModelSuspended(use=case.USE, version=1, fallback=0, reason="because")
    append(planned, LINE, body, "node")
    (found,) = told(planned)
    assert "under no clause" in found.message


def test_a_judgement_that_the_gate_never_made_leads_to_no_approval(planned):
    at = plan.update(planned, 2, 1, settings={"ridge": 0.001})
    case.act(planned, "plan-withdraw", "qa", plan=plan.PLAN_ID, version="1", reason="raw material")
    real = plan.judge(planned, at)
    assert real.outcome is not GateOutcome.PASS
    lines = tuple(one.model_copy(update={"verdict": RuleVerdict.HOLDS}) for one in real.lines)
    forged = real.model_copy(update={"lines": lines, "outcome": GateOutcome.PASS})
    append(planned, f"{LINE}/2", forged, case.uid(planned, "dev"))
    (found,) = told(planned)
    assert found.where == f"{LINE}/2@{version_of(planned, case.USE, 2).head}"
    assert "the gate says" in found.message
    plan.validated(planned, at)
    with pytest.raises(GoldenbatchError, match="the gate says"):
        case.act(planned, "approve", "qa", **at, reason="passed")


def test_an_earlier_pass_is_not_played_again(planned):
    at = plan.update(planned, 2, 1, settings={"ridge": 0.001})
    passed = plan.judge(planned, at)
    assert passed.outcome is GateOutcome.PASS
    case.act(planned, "plan-withdraw", "qa", plan=plan.PLAN_ID, version="1", reason="raw material")
    assert plan.judge(planned, at).outcome is GateOutcome.OUT_OF_PLAN
    append(planned, f"{LINE}/2", passed, case.uid(planned, "dev"))
    (found,) = told(planned)
    assert "once more" in found.message
    plan.validated(planned, at)
    with pytest.raises(GoldenbatchError, match="once more"):
        case.act(planned, "approve", "qa", **at, reason="passed")
