"""Registrations and release tests for tests of pure folds: bodies, and steps with signatures."""

from __future__ import annotations

from goldenbatch.core.findings import Evidence
from goldenbatch.core.people import Meaning, SignatureApplied, statement_for
from goldenbatch.core.release_parts import ContingencyTest, Registration
from goldenbatch.core.release_records import (
    ContingencyTestCalled,
    InputRead,
    LaboratoryResultLinked,
    ModelUsed,
    Predicted,
    ReleaseInvestigationConcluded,
    ReleaseInvestigationOpened,
    ReleaseRegistrationApproved,
    ReleaseRegistrationProposed,
    ReleaseRegistrationWithdrawn,
    ReleaseTested,
    registration_stream,
)
from goldenbatch.core.results import Limit
from goldenbatch.core.signatures import proposal_digest
from tests.core import lives

AT = {"batch": "B1", "market": "EU", "attribute": "assay"}
OF = {"product": "P", "market": "EU", "attribute": "assay"}
CONTINGENCY = {"test": "assay", "method": "HPLC-7", "method_version": "3"}
LIMIT = {"kind": "release", "lower": "95.0", "upper": "105.0", "unit": "%"}
STREAM = "release-test/B1/EU/assay"
REGISTERED = registration_stream(**OF)
ONE = lives.ONE


def registration(**changes):
    values = {
        **OF, "dossier": "3.2.P.5.6", "variation": "EMEA/H/C/0001/II/12",
        "manufacture": "non_sterile", "use": "assay", "limit": LIMIT,
        "inputs": [{"name": "x", "kind": "readings", "of": "site/x"}],
        "contingency": CONTINGENCY, "effective_from": 0,
    }  # fmt: skip
    return Registration.model_validate({**values, **changes})


def proposed(version=1, **changes):
    return ReleaseRegistrationProposed(
        **OF, version=version, registration=registration(**changes), reason="registered"
    )


def approves(event, version=1):
    place = f"{event.stream}@{event.envelope.version}"
    return ReleaseRegistrationApproved(
        **OF, version=version, proposal=place, digest=event.leaf, reason="as in the dossier"
    )


def withdrawn(version=1):
    return ReleaseRegistrationWithdrawn(**OF, version=version, reason="variation refused")


def read(value="5", **more):
    evidence = (Evidence(kind="artefact", digest=ONE),) if value else ()
    return InputRead(name="x", value=value, source="mean of site/x", evidence=evidence, **more)


def tested(outcome="passes", lower="99", upper="101", **more):
    entries = {
        **AT, "product": "P", "registration": f"{REGISTERED}@2", "manufacture": "non_sterile",
        "limit": Limit(**LIMIT), "bound": "interval", "confidence": 0.9, "inputs": (read(),),
        "model": ModelUsed(use="assay", version=1, digest=ONE, approval="model/assay/1@9",
                           acceptance=ONE),
        "input_digest": ONE, "outcome": outcome, "why": "said", "most_contingency": 0.05,
        "prediction": Predicted(value="100", lower=lower, upper=upper, unit="%", confidence=0.9,
                                is_in_domain=True),
    }  # fmt: skip
    if outcome == "no_valid_prediction":
        entries |= {"no_prediction": "out_of_domain"}
    return ReleaseTested(**{**entries, **more})


def opened(cause=1, category="oos"):
    return ReleaseInvestigationOpened(
        **AT, category=category, cause_version=cause, statement="outside"
    )


def called():
    return ContingencyTestCalled(
        **AT, product="P", contingency=ContingencyTest(**CONTINGENCY),
        no_prediction="out_of_domain", why="x is too high",
    )  # fmt: skip


def linked(within=True):
    return LaboratoryResultLinked(
        **AT, sample="B1/final", test="assay", record="sample/B1/final@1", digest=ONE,
        value="100.1 %", within=within, outside=not within, statement="compared",
    )  # fmt: skip


def concluded(investigation, finding="confirmed", **more):
    return ReleaseInvestigationConcluded(
        **AT, investigation=investigation, finding=finding,
        root_cause="the granulator ran dry for an hour", **more,
    )  # fmt: skip


def sign(log, stream, body, actor, meaning=Meaning.APPROVED):
    """Append a step with the signature of its actor, as the home does."""
    shown = log.stream(stream)[-1]
    proposal = proposal_digest(body.kind, body.as_json())
    event = log.add(stream, body, actor)
    signature = statement_for(
        shown, lives.ONE, meaning=meaning, signer=actor, printed_name="N", role="quality_reviewer",
        proposal=proposal, at=0,
    ).signed("password+home-key")  # fmt: skip
    assert isinstance(signature, SignatureApplied)
    log.add(stream, signature, actor)
    return event
