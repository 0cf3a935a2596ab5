"""What decides who may do what with a record, as tables: people, procedures, classes, state.

They hold what `record_facts` folds from one stream, for all streams at once, so that a list
of all that somebody may see or sign is one query.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from goldenbatch.core.audit import TrailReviewed
from goldenbatch.core.facts import CLOSING, cited, used
from goldenbatch.core.findings import DecisionMade
from goldenbatch.core.people import SignatureApplied
from goldenbatch.core.records import DataClass, Event, Projection, Row, record_class
from goldenbatch.core.signatures import proposal_digest

Lookup = Callable[[tuple[Any, ...]], Row | None]

PROPOSED: Final = frozenset(
    {DecisionMade.kind, TrailReviewed.kind, "PolicyAdopted", "SigningSettingsAdopted"}
)
"""Kinds that may be appended together with the signature that covers them, beside those whose
type says with what meaning they are (`Body.signed_as`)."""

ENTRY, SIGNED = "by:", "sign:"


def _links(event: Event) -> list[tuple[str, str]]:
    """Relation and value of all that one event links its record to."""
    envelope = event.envelope
    kind, actor, other = envelope.kind, envelope.actor, envelope.acting_for
    if kind == SignatureApplied.kind:
        body = event.decode()
        if not isinstance(body, SignatureApplied):
            return []
        signers = {body.signer, other} - {""}
        return [(f"{SIGNED}{body.meaning.value}", one) for one in sorted(signers)]
    by = f"{ENTRY}{kind}"
    found = [(by, one) for one in sorted({actor, other} - {""})] if other else [(by, actor)]
    if envelope.data_class is not DataClass.OPERATIONAL:
        found.append(("class", envelope.data_class.value))
    content = event.body
    if content:
        if "procedures" in content or "pinned" in content:
            found += [("cites", one) for one in sorted(cited(content))]
        if "place" in content or "equipment" in content:
            found += [("equipment", one) for one in sorted(used(content))]
    return found


def _fold_links(event: Event, lookup: Lookup) -> list[Row]:
    envelope = event.envelope
    stream, is_new = envelope.stream, envelope.version == 1
    return [
        {"stream": stream, "relation": relation, "value": value}
        for relation, value in _links(event)
        if is_new or lookup((stream, relation, value)) is None
    ]


RECORD_LINKS = Projection(
    name="record_link",
    version=1,
    columns={"stream": "TEXT", "relation": "TEXT", "value": "TEXT"},
    key=("stream", "relation", "value"),
    kinds=frozenset(),
    fold=_fold_links,
    indexes=(("relation", "value", "stream"), ("value", "relation", "stream")),
)
"""One row for each that a record is linked to: `by:<kind>` and `sign:<meaning>` name people,
`cites` procedures, `equipment` places, `class` a class of data that is not operational."""


def _fold_state(event: Event, lookup: Lookup) -> list[Row]:
    envelope = event.envelope
    number, kind = envelope.version, envelope.kind
    is_signature = kind == SignatureApplied.kind
    is_proposed = event.body is not None and (kind in PROPOSED or _is_signed_with(kind))
    row = lookup((envelope.stream,)) if number > 1 else None
    if row is None and not is_signature and not is_proposed:
        return []
    row = dict(row) if row is not None else _unsigned(event.stream, number - 1)
    leaves = json.loads(row["leaves"])
    leaves[str(number - 1)] = event.envelope.previous
    if is_signature:
        row["leaves"] = json.dumps(leaves)
        return [_signed(row, leaves, event)]
    digest = proposal_digest(event.kind, event.body or {}) if is_proposed else ""
    return [
        {
            "stream": event.stream,
            "state": "open",
            "before": row["changed"] if is_proposed else number,
            "changed": number,
            "leaves": json.dumps(leaves if is_proposed else {}),
            "proposal": digest,
            "proposer": event.envelope.actor if is_proposed else "",
        }
    ]


def _is_signed_with(kind: str) -> bool:
    known = record_class(kind)
    return known is not None and bool(known.signed_as)


def _unsigned(stream: str, changed: int) -> Row:
    row = {"stream": stream, "state": "open", "before": changed, "changed": changed}
    return {**row, "leaves": "{}", "proposal": "", "proposer": ""}


def _signed(row: Row, leaves: dict[str, str], event: Event) -> Row:
    """The record after one more signature: its state changes if the signature closes it."""
    body = event.decode()
    number = event.envelope.version
    if not isinstance(body, SignatureApplied) or body.meaning not in CLOSING:
        return row
    holds = body.stream == event.stream and body.signer == event.envelope.actor
    holds &= body.version < number and leaves.get(str(body.version)) == body.record_hash
    holds &= body.statement().digest() == body.statement_hash
    if body.proposal:
        holds &= (row["proposal"], row["proposer"]) == (body.proposal, body.signer)
        holds &= row["changed"] == number - 1 and body.version >= row["before"]
    else:
        holds &= body.version >= row["changed"]
    return {**row, "state": CLOSING[body.meaning]} if holds else row


RECORD_STATES = Projection(
    name="record_state",
    version=2,
    columns={
        "stream": "TEXT",
        "state": "TEXT",
        "before": "INTEGER",
        "changed": "INTEGER",
        "leaves": "TEXT",
        "proposal": "TEXT",
        "proposer": "TEXT",
    },
    key=("stream",),
    kinds=frozenset(),
    fold=_fold_state,
    indexes=(("state", "stream"),),
)
"""State of each record that was ever signed; one without a row is open."""

PROJECTIONS = (RECORD_LINKS, RECORD_STATES)
"""All projections of this module."""
