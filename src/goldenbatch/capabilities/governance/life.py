"""Acts on one version of a model: drafted, its use stated, criteria fixed, judged, approved.

Each prepares what would be recorded, on the fold of what was recorded before; the home proves who
acts, asks the policy and appends it. Nothing here knows a present time.

References:
    EU GMP Annex 22, draft of July 2025, 3 to 7 and 10.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from goldenbatch.capabilities.governance._reading import (
    line_of,
    plan_of,
    require_artefact,
    version_of,
    versions_of,
)
from goldenbatch.capabilities.governance.binding import require_measurable
from goldenbatch.capabilities.governance.judging import judgement_fault
from goldenbatch.core.act_values import made, number, only, table, text
from goldenbatch.core.acts import Intent
from goldenbatch.core.change_plans import plan_stream
from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError, IntegrityError
from goldenbatch.core.gate_records import GateJudged, GateOutcome
from goldenbatch.core.model_card import EvidenceRef, IntendedUse
from goldenbatch.core.model_life import SIGNED_AS, VersionState
from goldenbatch.core.model_records import (
    CriteriaFixed,
    IntendedUseStated,
    ModelApproved,
    ModelBody,
    ModelDrafted,
    ModelTested,
    ModelValidated,
    line_stream,
    version_stream,
)

if TYPE_CHECKING:
    from goldenbatch.core.site import Actor, Site

Values = Mapping[str, Any]

_WORDS = ("title", "owner", "method", "explanation", "analyst")
_DRAFT = (*_WORDS, "use", "version", "follows", "plan", "modification", "trigger", "origin",
          "known", "missing")  # fmt: skip


def draft(site: Site, by: Actor, values: Values) -> Intent:
    """Begin a version; an update takes over what it does not say from the version it follows."""
    only(values, _DRAFT)
    use = text(values, "use")
    rows = site.ledger.select("model_version", {"use": use}, ("-version",), 1)
    following = int(rows[0]["version"]) + 1 if rows else 1
    version = number(values, "version", following)
    if version != following:
        raise BadInputError(
            f"the next version of {use} is {following}, not {version}.",
            hint="Leave the version out.", key="version",
        )  # fmt: skip
    entries = {name: values[name] for name in _DRAFT if values.get(name)}
    entries |= {"use": use, "version": version, "follows": number(values, "follows", 0)}
    also: dict[str, int] = {}
    if entries["follows"]:
        followed = _followed(site, use, entries["follows"])
        also[followed.stream] = followed.head
        kept = {name: getattr(followed.draft, name) for name in _WORDS}
        entries = {**{name: one for name, one in kept.items() if one}, **entries}
    if entries.get("plan"):
        also |= _under_plan(site, use, entries)
    body = made(ModelDrafted, **entries)
    return Intent(version_stream(use, version), body, ("model:draft",), 0, also=also)


def _followed(site: Site, use: str, version: int) -> VersionState:
    followed = version_of(site, use, version)
    if followed.approved is None:
        raise ConflictError(
            f"{followed.stream} is {followed.stage.value}: an update follows an approved version.",
            hint="See `goldenbatch model list`.",
        )
    return followed


def _under_plan(site: Site, use: str, entries: Values) -> dict[str, int]:
    standing = plan_of(site, str(entries["plan"]))
    if standing.plan.use != use:
        raise BadInputError(
            f"change plan {standing.plan.id!r} is of {standing.plan.use}, not of {use}.",
            key="plan", hint="Name a plan of this use, or draft the version without one.",
        )  # fmt: skip
    stream = plan_stream(standing.plan.id)
    return {stream: site.ledger.version(stream)}


def intend(site: Site, by: Actor, values: Values) -> Intent:
    """State what a version is for: by somebody who knows the process, before any test."""
    only(values, ("use", "version", "intended", "reason"))
    state = _at(site, values, IntendedUseStated)
    intended = made(IntendedUse, **(table(values, "intended") or {}))
    body = _body(IntendedUseStated, state, intended=intended)
    return _step(state, body, "model:intend", text(values, "reason", "this is what it is for"))


def criteria(site: Site, by: Actor, values: Values) -> Intent:
    """Fix what the test must show; after the training nobody can change it."""
    only(values, ("use", "version", "criteria", "n_least", "reason"))
    state = _at(site, values, CriteriaFixed)
    if state.draft.plan:
        raise ConflictError(
            f"{state.stream} is an update under {state.draft.plan}: its criteria are those of the "
            "version that it follows, and of the plan.",
            hint="Other criteria are a change that no plan covers: draft it without one.",
        )
    entries = {name: values[name] for name in ("criteria", "n_least", "reason") if name in values}
    body = _body(CriteriaFixed, state, **entries)
    require_measurable(body.criteria)
    known = set(state.intended.subgroups) if state.intended is not None else set()
    unknown = sorted({one.subgroup for one in body.criteria} - known - {""})
    if unknown:
        raise BadInputError(
            f"the intended use names no subgroup {unknown[0]!r}.",
            hint=f"There are {', '.join(sorted(known)) or 'none'}.", key="criteria",
        )  # fmt: skip
    return _step(state, body, "model:criteria", body.reason)


def validate(site: Site, by: Actor, values: Values) -> Intent:
    """Find that the evidence shows a version fit for its use; the test's report is part of it."""
    only(values, ("use", "version", "evidence", "statement"))
    state = _at(site, values, ModelValidated)
    given = values.get("evidence") or ()
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise BadInputError("evidence is no list of tables.", key="evidence")
    evidence = [_evidence(site, one) for one in given]
    if state.tested is not None and state.trained is not None:
        report = {"what": "report of the test on the sealed set", "digest": state.tested.report}
        own = made(EvidenceRef, side="validation", record=state.ref(ModelTested), **report)
        require_artefact(site, own.digest, own.what)
        evidence.append(own)
    body = _body(
        ModelValidated, state, digest=_artefact(state), evidence=tuple(evidence),
        statement=text(values, "statement"),
    )  # fmt: skip
    return _step(state, body, "model:validate", body.statement)


def _evidence(site: Site, given: Any) -> EvidenceRef:
    if not isinstance(given, Mapping):
        raise BadInputError("each piece of evidence is a table.", key="evidence")
    one = made(EvidenceRef, **given)
    if not one.record:
        require_artefact(site, one.digest, one.what)
        return one
    stream, _, version = one.record.rpartition("@")
    events = site.ledger.stream(stream, int(version) - 1)[:1] if version.isdecimal() else ()
    if not events or events[0].leaf != one.digest:
        raise BadInputError(
            f"{one.record} is no record with the leaf {one.digest[:12]}.",
            hint="Give the record as stream@version, and its leaf.", key="evidence",
        )  # fmt: skip
    return one


def approve(site: Site, by: Actor, values: Values) -> Intent:
    """Approve a version for its use: the first one, one within its plan, or by change control."""
    only(values, ("use", "version", "change", "reason"))
    state = _at(site, values, ModelApproved)
    reason, change = text(values, "reason"), text(values, "change", "")
    also: dict[str, int] = {}
    basis: dict[str, str] = {"basis": "first"}
    if change:
        _require_not_failed(state)
        basis = {"basis": "change_control", "change": change}
    elif state.draft.plan:
        basis = {"basis": "in_plan", "judgement": _judgement(site, by, state)}
        for stream in (
            plan_stream(state.draft.plan.partition("@")[0]),
            line_stream(state.draft.use),
        ):
            also[stream] = site.ledger.version(stream)
    else:
        _require_first(site, state)
    body = _body(ModelApproved, state, digest=_artefact(state), reason=reason, **basis)
    return _step(state, body, "model:approve", reason, also)


def _judgement(site: Site, by: Actor, state: VersionState) -> str:
    """The gate's newest judgement, which must be a pass under the plan as it is in force."""
    out = "Out of plan it takes change control: give the reference of its record."
    judged = state.judged
    if judged is None:
        raise ConflictError(
            f"the gate has not judged {state.stream}.", hint="Run `goldenbatch model gate`."
        )
    if judged.outcome is not GateOutcome.PASS:
        raise ConflictError(f"the gate said {judged.outcome.value} of {state.stream}.", hint=out)
    fault = judgement_fault(site, state)
    if fault:
        raise IntegrityError(
            f"{state.ref(GateJudged)} is no judgement of the gate: {fault}.",
            hint="See `goldenbatch verify`; ask the gate again: `goldenbatch model gate`.",
        )
    standing = plan_of(site, state.draft.plan)
    if standing.digest != judged.plan_digest:
        raise ConflictError(
            f"{state.stream} was judged under another text of {state.draft.plan}.",
            hint="Run `goldenbatch model gate` again.",
        )
    if CriteriaFixed.kind in state.steps:
        raise ConflictError(f"{state.stream} has criteria of its own.", hint=out)
    active, signs = line_of(site, state.draft.use).active, standing.plan.update.signs
    if active not in (0, judged.follows):
        raise ConflictError(
            f"{state.stream} was judged against version {judged.follows}; {active} serves by now.",
            hint="Run `goldenbatch model gate` again.",
        )
    if not by.roles & set(signs):
        raise DeniedError(
            f"under {standing.plan.label} an update is approved by {' or '.join(signs)}.",
            hint="Have one of them sign.",
        )
    return state.ref(GateJudged)


def _require_not_failed(state: VersionState) -> None:
    """What failed within its plan is not brought in by another door."""
    judged = state.judged
    if judged is not None and judged.outcome is GateOutcome.FAIL:
        raise ConflictError(
            f"the gate said {judged.outcome.value} of {state.stream}: change control brings in "
            "what is out of plan, not what failed.",
            hint="Draft another version, or have the criteria of the plan changed by signature.",
        )


def _require_first(site: Site, state: VersionState) -> None:
    others = [one for one in versions_of(site, state.draft.use) if one.approved is not None]
    if state.draft.follows or others:
        what = "an update without a plan" if state.draft.follows else "not the first version"
        raise ConflictError(
            f"{state.stream} is {what}: it is approved by change control alone.",
            hint="Give the reference of the change-control record.",
        )


# ---- inside ---------------------------------------------------------------------------------


def _at(site: Site, values: Values, step: type[ModelBody]) -> VersionState:
    """The version that an act is on, if the step may be taken now."""
    state = version_of(site, text(values, "use"), number(values, "version"))
    state.require(step)
    return state


def _artefact(state: VersionState) -> str:
    if state.trained is None:
        raise IntegrityError(f"{state.stream} is {state.stage.value} and has no artefact.")
    return state.trained.digest


def _body(kind: type[Any], state: VersionState, **entries: Any) -> Any:
    return made(kind, use=state.draft.use, version=state.draft.version, **entries)


def _step(
    state: VersionState, body: ModelBody, action: str, reason: str,
    also: Mapping[str, int] | None = None,
) -> Intent:  # fmt: skip
    return Intent(
        state.stream, body, (action,), state.head, SIGNED_AS.get(type(body)), reason,
        also=dict(also or {}),
    )  # fmt: skip
