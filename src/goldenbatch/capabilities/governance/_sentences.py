"""What each event of a model's life says, as a sentence without its subject."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from goldenbatch.core.change_plans import ChangePlanProposed, ChangePlanWithdrawn
from goldenbatch.core.gate_records import GateJudged, GateOutcome
from goldenbatch.core.model_card import Criterion, Measured
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
)
from goldenbatch.core.models import ModelFitted
from goldenbatch.core.people import SignatureApplied
from goldenbatch.core.records import Body, Event
from goldenbatch.core.shadow_records import ShadowEnded, ShadowStarted
from goldenbatch.core.test_set_records import (
    TestSetRead,
    TestSetRetired,
    TestSetSealed,
    TestSetSelected,
    UnsealingApproved,
    UnsealingAsked,
)

_RELATION: Final = {"at_most": "at most", "at_least": "at least"}


def sentence(event: Event) -> str:
    """What an event says; of a kind that is not known here, the words of its name."""
    body = event.decode()
    if body is None:
        return f"({_words(event.kind)}; what it says is withheld or not known here)"
    tell = _TELLS.get(type(body))
    return tell(body) if tell is not None else _words(event.kind)


def criterion_words(one: Criterion) -> str:
    """A criterion, such as `rmse at most 2 (95 % bound)`."""
    where = f" in {one.subgroup}" if one.subgroup else ""
    bound = f" ({one.confidence:.0%} bound)" if one.confidence else ""
    return f"{one.measure}{where} {_RELATION[one.relation]} {one.limit:g}{bound}"


def _words(kind: str) -> str:
    parts = re.findall(r"[A-Z][a-z0-9]*", kind)
    return " ".join(parts).lower() or kind


def _short(digest: str) -> str:
    return digest[:12]


def _drafted(one: ModelDrafted) -> str:
    origin = ", imported" if one.origin == "imported" else ""
    if not one.follows:
        return f"began version {one.version}: {one.title} ({one.method}{origin})"
    plan = f" under plan {one.plan} ({one.modification})" if one.plan else ""
    why = f", because of {one.trigger}" if one.trigger else ""
    return f"began version {one.version} as an update of version {one.follows}{plan}{origin}{why}"


def _intended(one: IntendedUseStated) -> str:
    said = one.intended
    where = f"{', '.join(said.context.products)} at {', '.join(said.context.places)}"
    return f"stated what it is for: {said.purpose}; {said.criticality.value}, for {where}"


def _criteria(one: CriteriaFixed) -> str:
    asked = "; ".join(criterion_words(each) for each in one.criteria)
    return f"fixed the criteria: {asked}; on at least {one.n_least} independent rows"


def _bound(one: TestDataBound) -> str:
    times = {0: "never opened before", 1: "opened once before"}
    opened = times.get(one.n_openings, f"opened {one.n_openings} times before")
    return f"bound the sealed test set {one.test_set} ({opened})"


def _trained(one: ModelTrained) -> str:
    n_rows = one.measures.get("n_rows")  # `data.rows` has several marks for each row
    rows = f"{n_rows:.0f} rows" if n_rows else f"{len(one.data.ranges)} ranges"
    batches = f" of {len(one.data.batches)} batches" if one.data.batches else ""
    return f"trained it on {rows}{batches}: artefact {_short(one.digest)} ({one.media_type})"


def _measured(one: Measured) -> str:
    ends = [f"{end:.3g}" for end in (one.lower, one.upper) if end is not None]
    bounds = f" ({' to '.join(ends)})" if len(ends) == len("lu") else ""
    verdict = "met" if one.is_met else "NOT MET"
    return f"{criterion_words(one.criterion)}: {one.estimate:.3g}{bounds}, {verdict}"


def _tested(one: ModelTested) -> str:
    verdict = "passed" if one.is_passed else "FAILED"
    told = "; ".join(_measured(each) for each in one.outcomes)
    return f"tested it on {one.test_set} ({one.n_rows} rows): {verdict}; {told}"


def _approved(one: ModelApproved) -> str:
    basis = {
        "first": "as the first version",
        "in_plan": f"within its plan, by {one.judgement}",
        "change_control": f"by change control {one.change}",
    }
    return f"approved it {basis[one.basis]}: {one.reason}"


def _judged(one: GateJudged) -> str:
    held = [line for line in one.lines if line.verdict.value != "holds"]
    plan = f"plan {one.plan}@{one.plan_version}"
    head = f"had the gate judge it under {plan}: {one.outcome.value}"
    if one.outcome is GateOutcome.PASS:
        return f"{head}, all {len(one.lines)} rules hold"
    told = "; ".join(f"{line.rule}: asked {line.asked}, found {line.found}" for line in held)
    return f"{head}; {told}"


def _activated(one: ModelActivated) -> str:
    instead = f" in place of version {one.replaces}" if one.replaces else ""
    return f"activated version {one.version}{instead}: {one.reason}"


def _suspended(one: ModelSuspended) -> str:
    over = f"version {one.fallback}" if one.fallback else "the contingency"
    clause = f" (clause {one.clause})" if one.clause else ""
    return f"suspended version {one.version}{clause}; {over} takes over: {one.reason}"


def _shadowed(one: ShadowStarted) -> str:
    clause = f" (asked for by {one.clause})" if one.clause else ""
    return (
        f"let version {one.version} run beside version {one.against}{clause}, compared by "
        f"{one.measure} up to {one.maximum:g} at confidence {one.confidence:g}: {one.reason}"
    )


def _shadow_over(one: ShadowEnded) -> str:
    shown = f"mean difference {one.mean:.3g}" if one.mean is not None else "nothing compared"
    return (
        f"ended the shadow of version {one.version} after {one.n_batches} batches: "
        f"{one.verdict.value} ({shown} over {one.n_groups} batches): {one.reason}"
    )


def _selected(one: TestSetSelected) -> str:
    return (
        f"selected test set {one.test_set}: {one.title}, {one.n_rows} rows of "
        f"{one.n_independent} independent groups, split by {one.cut.split}"
    )


def _signed(one: SignatureApplied) -> str:
    reason = f": {one.reason}" if one.reason else ""
    return f"signed version {one.version} of {one.stream} as {one.meaning.value}{reason}"


_TELLS: Final[Mapping[type[Body], Callable[[Any], str]]] = {
    ModelDrafted: _drafted,
    IntendedUseStated: _intended,
    CriteriaFixed: _criteria,
    TestDataBound: _bound,
    ModelTrained: _trained,
    ModelTested: _tested,
    ModelValidated: lambda one: f"found it fit for its use: {one.statement}",
    ModelApproved: _approved,
    GateJudged: _judged,
    ShadowStarted: _shadowed,
    ShadowEnded: _shadow_over,
    ModelActivated: _activated,
    ModelSuspended: _suspended,
    ModelRetired: lambda one: f"retired version {one.version}: {one.reason}",
    ModelFitted: lambda one: f"fitted {one.name} ({one.method}): artefact {_short(one.digest)}",
    TestSetSelected: _selected,
    TestSetSealed: lambda one: f"sealed test set {one.test_set}",
    UnsealingAsked: lambda one: (
        f"asked to open test set {one.test_set} for version {one.version}: {one.reason}"
    ),
    UnsealingApproved: lambda one: (
        f"let test set {one.test_set} be opened for version {one.version}"
    ),
    TestSetRead: lambda one: (
        f"read test set {one.test_set} for version {one.version}: {one.purpose}"
    ),
    TestSetRetired: lambda one: f"retired test set {one.test_set}: {one.reason}",
    ChangePlanProposed: lambda one: (
        f"proposed version {one.version} of change plan {one.plan}: {one.reason}"
    ),
    ChangePlanWithdrawn: lambda one: (
        f"withdrew version {one.version} of change plan {one.plan}: {one.reason}"
    ),
    SignatureApplied: _signed,
}
