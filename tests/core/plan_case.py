"""A change plan, and the version that it starts from, as the events would make it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from goldenbatch.core.change_plan_limits import Original
from goldenbatch.core.change_plans import ChangePlan, ChangePlanProposed, load_change_plan
from goldenbatch.core.model_card import (
    ContextOfUse,
    Criterion,
    DataRange,
    DataUsed,
    EvidenceRef,
    IntendedUse,
    Measured,
    ModelInput,
)
from goldenbatch.core.model_life import Stage, VersionState
from goldenbatch.core.model_records import (
    CriteriaFixed,
    ModelApproved,
    ModelDrafted,
    ModelTested,
    ModelTrained,
    ModelValidated,
)
from goldenbatch.core.people import Meaning, statement_for

EXAMPLE = Path(__file__).parents[2] / "examples/fermentation/plans/glucose.toml"
SHIPPED = EXAMPLE.read_text("utf-8")
_OURS = {
    'name = "n_components_max"\nlower = 3\nupper = 10': (
        'name = "n_components"\nlower = 2\nupper = 6'
    ),
    'setting = "confidence"\nlower = 0.95\nupper = 0.999\nstep = 0.02': (
        'setting = "spe_limit"\nlower = 0.5\nupper = 2.0\nstep = 0.2'
    ),
    'name = "confidence"\nmost = 0.03': 'name = "spe_limit"\nmost = 0.5',
}
"""Numbers of the shipped plan to those of the version below, which are rounder."""


def changed(text: str, changes: dict[str, str]) -> str:
    """The text with each `old` replaced by `new`, once."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


TEXT = changed(SHIPPED, _OURS)
METHOD, MEDIA = "PLS on treated spectra", "application/vnd.goldenbatch.scoring-plan"
DAY = 86_400_000_000
NOW = 20_600 * DAY  # in May 2026
UNIT = "site/fermentation/bioreactor"
SETTINGS = {"n_components": 4, "spe_limit": 1.0, "treat": {"window": 15}}


def digest(name: object) -> str:
    return hashlib.sha256(str(name).encode()).hexdigest()


def plan(text: str = TEXT, **changes: str) -> ChangePlan:
    return load_change_plan(changed(text, changes), "glucose.toml")


def intended(**changes) -> IntendedUse:
    values = {
        "purpose": "Says the glucose from a spectrum, for feeding.",
        "criticality": "other",
        "risk_record": "RA-7",
        "context": ContextOfUse(products=("ethanol",), places=(UNIT,), site="site"),
        "inputs": (ModelInput(name="ir_spectrum", tag=f"{UNIT}/ir_spectrum"),),
        "output": "glucose",
        "output_unit": "g/L",
        "replaces": "HPLC every two hours",
        "contingency": "HPLC every hour",
        "subgroups": (),
    }
    return IntendedUse.model_validate(values | changes)


RMSE = Criterion(measure="rmse", relation="at_most", limit=12.0)
CRITERIA = CriteriaFixed(use="glucose", version=1, criteria=(RMSE,), n_least=20, reason="risk")


def measured(estimate=8.0, upper=10.0, baseline=18.8, criterion=RMSE, n=30) -> Measured:
    return Measured(
        criterion=criterion, estimate=estimate, lower=estimate - 1, upper=upper, n=n,
        baseline=baseline, practice=3.2, is_met=criterion.is_met(estimate, estimate - 1, upper),
    )  # fmt: skip


def data(version: int = 1, **changes) -> DataUsed:
    values = {
        "ranges": (
            DataRange(what=f"{UNIT}/ir_spectrum", digest=digest(version), n=100,
                      start=NOW - 300 * DAY, end=NOW - 10 * DAY),
            DataRange(what="glucose", digest=digest("g"), n=30, start=NOW - 300 * DAY),
        ),
        "batches": ("B1", "B2", "B3", "B4"),
        "samples": tuple(f"S{n}" for n in range(20)),
        "places": (UNIT,),
    }  # fmt: skip
    return DataUsed.model_validate(values | changes)


def trained(version: int = 1, **changes) -> ModelTrained:
    values = {
        "use": "glucose", "version": version, "digest": digest(f"artefact {version}"),
        "media_type": MEDIA, "data": data(version), "settings": SETTINGS, "code_version": "1",
    }  # fmt: skip
    return ModelTrained.model_validate(values | changes)


def tested(version: int = 1, outcomes: tuple[Measured, ...] = (), **changes) -> ModelTested:
    outcomes = outcomes or (measured(),)
    values = {
        "use": "glucose", "version": version, "digest": digest(f"artefact {version}"),
        "test_set": "t1", "opening": "test-set/t1@4", "outcomes": outcomes, "n_rows": 30,
        "is_passed": all(one.is_met for one in outcomes), "report": digest("report"),
    }  # fmt: skip
    return ModelTested.model_validate(values | changes)


def version(number: int = 1, **changes) -> VersionState:
    """A version: the first is approved in full, later ones are validated updates."""
    draft = {
        "use": "glucose", "version": number, "title": "Glucose sensor", "owner": "PAT",
        "method": METHOD,
    }  # fmt: skip
    if number > 1:
        draft |= {"follows": number - 1, "plan": "glucose-updates@1", "modification": "retrain"}
    draft |= changes.pop("draft", {})
    approved = None
    if number == 1:
        approved = ModelApproved(use="glucose", version=1, digest=digest("artefact 1"),
                                 basis="first", reason="fit")  # fmt: skip
    evidence = tuple(
        EvidenceRef(side=side, what="w", digest=digest(side))
        for side in ("verification", "validation")
    )
    values = {
        "stage": Stage.APPROVED if approved else Stage.VALIDATED,
        "intended": intended(),
        "criteria": CRITERIA,
        "trained": trained(number),
        "tested": tested(number),
        "validated": ModelValidated(use="glucose", version=number, statement="fit",
                                    digest=digest(f"artefact {number}"), evidence=evidence),
        "approved": approved,
    }  # fmt: skip
    return VersionState(ModelDrafted.model_validate(draft), **(values | changes))


def original(**changes) -> Original:
    flat = {"n_components": 4, "spe_limit": 1.0, "treat.window": 15}
    return Original.of(version(1, **changes), flat, {"n_components": 4.0, "spe_limit": 1.0})


def proposed(text: str = TEXT, **changes) -> ChangePlanProposed:
    made = load_change_plan(text)
    values = {"plan": made.id, "version": made.version, "use": made.use, "digest": made.digest(),
              "text": text, "reason": "yearly updates"}  # fmt: skip
    return ChangePlanProposed(**(values | changes))


def approve(log, event, signer="q1", meaning=Meaning.APPROVED, **more):
    """Sign an event that stands already, as another person does with `goldenbatch sign`."""
    statement = statement_for(
        event, "0" * 64, meaning=meaning, signer=signer, printed_name=signer.upper(),
        role="quality_reviewer", at=9,
    )  # fmt: skip
    return log.add(event.stream, statement.signed("password"), actor=signer, **more)
