"""Lives of model versions for tests: bodies of each step, and steps appended with signatures."""

from __future__ import annotations

from goldenbatch.core.gate_records import GateJudged, GateLine, outcome_of
from goldenbatch.core.model_card import (
    ContextOfUse,
    Criterion,
    Criticality,
    DataRange,
    DataUsed,
    EvidenceRef,
    IntendedUse,
    Measured,
    ModelInput,
)
from goldenbatch.core.model_records import (
    CriteriaFixed,
    IntendedUseStated,
    ModelActivated,
    ModelApproved,
    ModelDrafted,
    ModelRetired,
    ModelSuspended,
    ModelTested,
    ModelTrained,
    ModelValidated,
    TestDataBound,
    line_stream,
    version_stream,
)
from goldenbatch.core.people import Meaning, SignatureApplied, statement_for
from goldenbatch.core.signatures import proposal_digest

USE = "sucrose"
ONE, TWO, THREE = "1" * 64, "2" * 64, "3" * 64
JSON = "application/json"
CRITERIA = (
    Criterion(measure="rmse", relation="at_most", limit=2.0),
    Criterion(measure="coverage", relation="at_least", limit=0.9, confidence=0),
)
INTENDED = IntendedUse(
    purpose="Sucrose in the feed, shown to the operator",
    criticality=Criticality.CRITICAL,
    risk_record="risk/17@2",
    context=ContextOfUse(products=("P1",), places=("site/a/tank",), site="site"),
    inputs=(ModelInput(name="x", unit="1"),),
    output="sucrose",
    output_unit="g/L",
    replaces="HPLC every four hours",
    contingency="HPLC of a sample within one hour",
)


def drafted(version=1, **more):
    entries = {"title": "Sucrose", "owner": "Process science", "method": "PLS"}
    return ModelDrafted(use=USE, version=version, **{**entries, **more})


def intended(version=1, purpose=INTENDED.purpose):
    stated = INTENDED.model_copy(update={"purpose": purpose})
    return IntendedUseStated(use=USE, version=version, intended=stated)


def criteria(version=1, some=CRITERIA, n_least=5):
    return CriteriaFixed(use=USE, version=version, criteria=some, n_least=n_least, reason="risk")


def bound(version=1, test_set="T1"):
    return TestDataBound(
        use=USE, version=version, test_set=test_set, digest=THREE, seal=f"test-set/{test_set}@2",
        n_openings=0,
    )  # fmt: skip


def trained(version=1, digest=ONE):
    data = DataUsed(ranges=(DataRange(what="site/a/tank/x", digest=TWO, n=10),))
    return ModelTrained(
        use=USE, version=version, digest=digest, media_type=JSON, data=data, settings={},
        code_version="1",
    )  # fmt: skip


def tested(version=1, digest=ONE, some=CRITERIA, test_set="T1", n_rows=20, is_passed=True):
    outcomes = tuple(
        Measured(criterion=one, estimate=1, lower=0.9, upper=1.5 if is_passed else 9.9, n=n_rows,
                 is_met=is_passed or one.relation == "at_least")
        for one in some
    )  # fmt: skip
    return ModelTested(
        use=USE, version=version, digest=digest, test_set=test_set, opening="test-set/T1@4",
        outcomes=outcomes, n_rows=n_rows, is_passed=all(one.is_met for one in outcomes),
        report=TWO,
    )  # fmt: skip


def validated(version=1, digest=ONE):
    evidence = tuple(
        EvidenceRef(side=side, what="shown", digest=TWO) for side in ("verification", "validation")
    )
    return ModelValidated(
        use=USE, version=version, digest=digest, evidence=evidence, statement="fit for its use"
    )


def approved(version=1, digest=ONE, basis="first", **more):
    return ModelApproved(
        use=USE, version=version, digest=digest, basis=basis, reason="evidence is whole", **more
    )


def judged(version, digest=ONE, verdict="holds", follows=1, plan=("P", "1")):
    lines = (GateLine(rule="r", asked="a", found="f", verdict=verdict, clause="c"),)
    return GateJudged(
        use=USE, version=version, plan=plan[0], plan_version=plan[1], plan_digest=THREE,
        follows=follows, digest=digest, outcome=outcome_of(lines), lines=lines, evidence=ONE,
        explanation=ONE,
    )  # fmt: skip


def activated(version=1, digest=ONE, replaces=0):
    return ModelActivated(
        use=USE, version=version, digest=digest, media_type=JSON, replaces=replaces,
        approval=f"model/{USE}/{version}@15", reason="ready",
    )  # fmt: skip


def suspended(version=1, fallback=0, digest=ONE):
    more = {"digest": digest, "media_type": JSON, "approval": f"model/{USE}/{fallback}@15"}
    return ModelSuspended(
        use=USE, version=version, fallback=fallback, reason="drift", **(more if fallback else {})
    )


def retired(version=1):
    return ModelRetired(use=USE, version=version, reason="replaced")


def step(log, body, actor="u1", meaning=None, **misdeeds):
    """Append a step, with the signature that its type asks for, or with another, or none."""
    stream = misdeeds.pop("stream", version_stream(body.use, body.version))
    before = [one for one in log.stream(stream) if one.kind != SignatureApplied.kind]
    event = log.add(stream, body, actor=actor)
    wanted = body.signed_as if meaning is None else meaning
    if not wanted or not before:
        return event
    signer = misdeeds.pop("signer", actor)
    shown = before[misdeeds.pop("shown", -1)]
    proposal = misdeeds.pop("proposal", proposal_digest(event.kind, event.body))
    made = statement_for(
        shown, ONE, meaning=Meaning(wanted), signer=signer, printed_name=signer, role="any",
        at=0, proposal=proposal,
    ).signed("password+home-key")  # fmt: skip
    log.add(stream, made, actor=misdeeds.pop("recorder", signer))
    return event


def whole(log, version=1, digest=ONE, **draft):
    """A life from the draft to the approval, each step by another person."""
    step(log, drafted(version, **draft), "data")
    if not draft.get("follows"):
        step(log, intended(version), "sme")
        step(log, criteria(version), "sme")
    step(log, bound(version), "sme")
    step(log, trained(version, digest), "data")
    step(log, tested(version, digest), "tester")
    step(log, validated(version, digest), "judge")


def line_events(log):
    return log.stream(line_stream(USE))


def version_events(log, version=1):
    return log.stream(version_stream(USE, version))
