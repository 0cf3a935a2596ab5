"""Registrations, release tests and pages as tables: what the folds say, for lists and for trends.

A step that needs a signature changes a row only when the signature comes; whether the evidence of
a signature holds, the folds of `release_life` say, not these rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.core.quantities import Quantity
from goldenbatch.core.records import Body, Event, Projection, Row
from goldenbatch.core.release_life import ReleaseState, Step, next_state, step_of
from goldenbatch.core.release_pages import (
    PAGES,
    ReleaseEvidenceApproved,
    ReleaseEvidenceKept,
    ReleaseEvidenceReviewed,
)
from goldenbatch.core.release_records import (
    REGISTRATIONS,
    TESTS,
    ContingencyTestCalled,
    LaboratoryResultLinked,
    ReleaseInvestigationConcluded,
    ReleaseInvestigationOpened,
    ReleaseRegistrationApproved,
    ReleaseRegistrationProposed,
    ReleaseRegistrationWithdrawn,
    ReleaseTested,
)
from goldenbatch.core.signatures import Meaning, SignatureApplied

Lookup = Callable[[tuple[Any, ...]], Row | None]


def _is_signed(row: Row, event: Event, body: SignatureApplied) -> bool:
    """Whether a signature approves the step before it, by the person who took that step."""
    waiting = json.loads(row["pending"] or "null")
    return (
        waiting == [event.envelope.version - 1, event.envelope.actor]
        and body.meaning is Meaning.APPROVED
        and bool(body.proposal)
        and body.signer == event.envelope.actor
    )


def _waits(event: Event) -> str:
    return json.dumps([event.envelope.version, event.envelope.actor])


# ---- registrations ----------------------------------------------------------------------------


def _fold_registration(event: Event, lookup: Lookup) -> list[Row]:
    if not event.stream.startswith(REGISTRATIONS):
        return []
    key, body = event.stream.removeprefix(REGISTRATIONS), event.decode()
    row = lookup((key,))
    if isinstance(body, ReleaseRegistrationProposed):
        return [_proposed(key, row, event, body)] if body.stream == event.stream else []
    if row is None:
        return []
    return [{**row, "head": event.envelope.version, "pending": "", **_changed(row, event, body)}]


def _changed(row: Row, event: Event, body: Body | None) -> Row:
    """What an event after the proposal changes."""
    if isinstance(body, ReleaseRegistrationApproved):
        is_other = event.envelope.actor != row["proposed_by"] and body.version == row["proposed"]
        return {"pending": _waits(event) if is_other else ""}
    if isinstance(body, ReleaseRegistrationWithdrawn):
        return {"withdrawn": max(row["withdrawn"], body.version)}
    if isinstance(body, SignatureApplied) and _is_signed(row, event, body):
        return {"approved": row["proposed"], "approved_by": event.envelope.actor}
    return {}


def _proposed(key: str, row: Row | None, event: Event, body: ReleaseRegistrationProposed) -> Row:
    told = body.registration
    kept = row or {"approved": 0, "approved_by": "", "withdrawn": 0}
    return {
        "registration": key, "product": body.product, "market": body.market,
        "attribute": body.attribute, "proposed": body.version, "approved": kept["approved"],
        "withdrawn": kept["withdrawn"], "use": told.use, "dossier": told.dossier,
        "variation": told.variation, "limits": told.limit.as_text(),
        "contingency": told.contingency.label, "most_contingency": told.most_contingency,
        "effective_from": told.effective_from, "proposed_by": event.envelope.actor,
        "approved_by": kept["approved_by"], "pending": "", "head": event.envelope.version,
    }  # fmt: skip


REGISTRATION_ROWS = Projection(
    name="release_registration",
    version=1,
    columns={
        **dict.fromkeys(("registration", "product", "market", "attribute"), "TEXT"),
        **dict.fromkeys(("proposed", "approved", "withdrawn"), "INTEGER"),
        **dict.fromkeys(("use", "dossier", "variation", "limits", "contingency"), "TEXT"),
        "most_contingency": "REAL",
        "effective_from": "INTEGER",
        **dict.fromkeys(("proposed_by", "approved_by", "pending"), "TEXT"),
        "head": "INTEGER",
    },
    key=("registration",),
    kinds=frozenset(
        {
            ReleaseRegistrationProposed.kind, ReleaseRegistrationApproved.kind,
            ReleaseRegistrationWithdrawn.kind, SignatureApplied.kind,
        }
    ),
    fold=_fold_registration,
    indexes=(("product", "market"),),
)  # fmt: skip
"""One row a product, market and attribute: newest version proposed, approved and withdrawn."""


# ---- release tests ----------------------------------------------------------------------------

_STEPS = (
    ReleaseTested,
    ReleaseInvestigationOpened,
    ContingencyTestCalled,
    LaboratoryResultLinked,
    ReleaseInvestigationConcluded,
)


def _fold_test(event: Event, lookup: Lookup) -> list[Row]:
    if not event.stream.startswith(TESTS):
        return []
    key, body = event.stream.removeprefix(TESTS), event.decode()
    row = lookup((key,))
    if isinstance(body, ReleaseTested):
        row = _tested(key, row, event, body) if body.stream == event.stream else row
    if row is None:
        return []
    row = {**row, "head": event.envelope.version}
    if isinstance(body, ReleaseInvestigationConcluded):
        return [{**row, "pending": _waits(event)}]
    if isinstance(body, SignatureApplied):
        is_signed = _is_signed(row, event, body)
        step = Step.CONCLUDED if is_signed else None
        return [{**row, "pending": "", "state": _next(row["state"], step)}]
    step = step_of(body) if isinstance(body, _STEPS) and body.stream == event.stream else None
    return [{**row, "pending": "", "state": _next(row["state"], step)}]


def _next(state: str, step: Step | None) -> str:
    if step is None:
        return state
    found = next_state(ReleaseState(state) if state else None, step)
    return found.value if found is not None else state


def _tested(key: str, row: Row | None, event: Event, body: ReleaseTested) -> Row:
    said, model = body.prediction, body.model
    return {
        "release_test": key, "batch": body.batch, "market": body.market,
        "attribute": body.attribute, "product": body.product,
        "state": row["state"] if row else "", "outcome": body.outcome.value,
        "no_prediction": str(body.no_prediction), "number": _number(body),
        "value": said.value if said else "", "lower": said.lower if said else "",
        "upper": said.upper if said else "", "unit": said.unit if said else "",
        "model": f"{model.use}@{model.version}" if model else "",
        "registration": body.registration, "n_tests": (row["n_tests"] if row else 0) + 1,
        "tested_by": event.envelope.actor, "tested_at": event.envelope.recorded_at,
        "first_seq": row["first_seq"] if row else event.seq, "seq": event.seq,
        "pending": "", "head": event.envelope.version,
    }  # fmt: skip


def _number(body: ReleaseTested) -> float | None:
    """The prediction in the unit of the registered limit; None: there is no valid one."""
    said = body.prediction
    if said is None or not said.value or body.no_prediction:
        return None
    try:
        return float(Quantity(said.value, said.unit).to(body.limit.unit).decimal)
    except GoldenbatchError:
        return None


TEST_ROWS = Projection(
    name="release_test",
    version=1,
    columns={
        **dict.fromkeys(("release_test", "batch", "market", "attribute", "product"), "TEXT"),
        **dict.fromkeys(("state", "outcome", "no_prediction"), "TEXT"),
        "number": "REAL",
        **dict.fromkeys(("value", "lower", "upper", "unit", "model", "registration"), "TEXT"),
        "n_tests": "INTEGER",
        "tested_by": "TEXT",
        **dict.fromkeys(("tested_at", "first_seq", "seq"), "INTEGER"),
        "pending": "TEXT",
        "head": "INTEGER",
    },
    key=("release_test",),
    kinds=frozenset({SignatureApplied.kind, *(one.kind for one in _STEPS)}),
    fold=_fold_test,
    indexes=(("batch",), ("product", "market", "attribute")),
)
"""One row a batch, market and attribute: newest test, and how it stands."""


# ---- pages of evidence ------------------------------------------------------------------------

_SIGNED = {ReleaseEvidenceReviewed.kind: "reviewed_by", ReleaseEvidenceApproved.kind: "approved_by"}


def _fold_page(event: Event, lookup: Lookup) -> list[Row]:
    if not event.stream.startswith(PAGES):
        return []
    key, body = event.stream.removeprefix(PAGES), event.decode()
    if isinstance(body, ReleaseEvidenceKept):
        row: Row = {"page": key, "batch": body.batch, "market": body.market}
        row |= {"at": event.envelope.version, "kept_by": event.envelope.actor, "reviewed_by": ""}
        row |= {"approved_by": "", "written_at": body.written_at, "pending": ""}
        return [{**row, "head": event.envelope.version}]
    known = lookup((key,))
    if known is None:
        return []
    row = {**known, "head": event.envelope.version, "pending": ""}
    actor = event.envelope.actor
    if isinstance(body, ReleaseEvidenceReviewed | ReleaseEvidenceApproved):
        is_own = actor == known["kept_by"] or body.page != known["at"]
        waits = [event.envelope.version, actor, event.kind]
        return [{**row, "pending": "" if is_own else json.dumps(waits)}]
    waiting = json.loads(known["pending"] or "null")
    if isinstance(body, SignatureApplied) and waiting:
        number, who, kind = waiting
        meaning = _SIGNED[kind].removesuffix("_by")
        holds = (number, who) == (event.envelope.version - 1, actor) == (number, body.signer)
        if holds and body.proposal and body.meaning == meaning:
            row[_SIGNED[kind]] = actor
    return [row]


PAGE_ROWS = Projection(
    name="release_page",
    version=1,
    columns={
        **dict.fromkeys(("page", "batch", "market"), "TEXT"),
        "at": "INTEGER",
        **dict.fromkeys(("kept_by", "reviewed_by", "approved_by"), "TEXT"),
        "written_at": "INTEGER",
        "pending": "TEXT",
        "head": "INTEGER",
    },
    key=("page",),
    kinds=frozenset({ReleaseEvidenceKept.kind, SignatureApplied.kind, *_SIGNED}),
    fold=_fold_page,
    indexes=(("batch",),),
)
"""One row a batch and market: the newest page, and who signed it last."""

PROJECTIONS = (REGISTRATION_ROWS, TEST_ROWS, PAGE_ROWS)
"""All projections of this module."""
