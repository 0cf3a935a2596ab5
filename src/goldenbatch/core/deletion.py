"""Deletion as an event: proposed by one person, approved by another, refused by hold or rule.

Stream `deletion/<id>`. What goes is the content of records, artefacts, or readings; envelopes,
digests and proofs stay for ever, so that a verifier still accounts for every leaf.

References:
    21 CFR 11.10(c), (e), 211.180; EU GMP Annex 11 (2011), 7.1, 17; Regulation (EU) 2016/679, 17.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from goldenbatch.core.holds import ID_PATTERN
from goldenbatch.core.people import (
    HASH_PATTERN,
    UID_PATTERN,
    Meaning,
    SignatureApplied,
    signature_state,
)
from goldenbatch.core.records import Body, Event, Micros, Projection, Row, record_type
from goldenbatch.core.retention import What

PREFIX: Final = "deletion/"


class Basis(StrEnum):
    """Why something is to go: its time is over, or a person asked for their data."""

    RETENTION = "retention"
    ERASURE = "erasure"


# ---- in the ledger --------------------------------------------------------------------------


class BatchRemains(BaseModel):
    """What stays known of a batch whose entries were deleted: other things wait for its dates.

    Attributes:
        start: When its making began.
        end: When its making ended.
        places: Places where it was made.
        lots: Lots that it used, `material/lot`.
        dates: Starts of clocks that were known: ended, expiry, certified, released, rejected.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch: str = Field(min_length=1)
    start: Micros | None = None
    end: Micros | None = None
    places: tuple[str, ...] = ()
    lots: tuple[str, ...] = ()
    dates: dict[str, Micros] = Field(default_factory=dict)


class Deleted(BaseModel):
    """One thing that goes, with what proves later what it was.

    Attributes:
        what: A record's content, an artefact, or readings.
        ref: Its name: a stream (all its entries), `stream@n` (one), the digest of an artefact,
            or `hand-over/<n>` of readings.
        seqs: Numbers of the events whose content goes.
        digest: SHA-256 that stays to prove what it was: of an artefact its own; of events over
            their body digests; of readings over the roots of their chunks.
        n: How many events, bytes or readings.
        rules: Rules of the schedule that let it go.
        until: When the last duty to keep it ended.
        remains: Of entries of a batch: what stays known of the batch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: What
    ref: str = Field(min_length=1)
    seqs: tuple[int, ...] = ()
    digest: str = Field(pattern=HASH_PATTERN)
    n: int = Field(ge=0)
    rules: tuple[str, ...]
    until: Micros
    remains: BatchRemains | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Deleted:
        if (self.what == "record") != bool(self.seqs):
            raise ValueError("of a record, and of nothing else, the events are numbered")
        return self


class _Deletion(Body):
    """Base of the events of one deletion."""

    deletion: str = Field(pattern=ID_PATTERN)


@record_type
class DeletionProposed(_Deletion):
    """Somebody proposes that things go whose time is over; it needs a second person.

    Attributes:
        basis: Whether their time is over, or a person asked for the erasure of their data.
        subject: Uid of that person, or empty.
        schedule: Digest of the schedule of retention it rests on.
        things: What is to go.
    """

    basis: Basis = Basis.RETENTION
    subject: str = Field(default="", pattern=rf"^$|{UID_PATTERN}")
    schedule: str = Field(pattern=HASH_PATTERN)
    things: tuple[Deleted, ...] = Field(min_length=1)
    reason: str = Field(min_length=1)

    @model_validator(mode="after")
    def _names_each_once(self) -> DeletionProposed:
        refs = [one.ref for one in self.things]
        if len(set(refs)) != len(refs):
            raise ValueError("a thing is named twice")
        return self


@record_type
class DeletionApproved(_Deletion):
    """A second person approved a deletion, by the signature that follows."""

    reason: str = Field(min_length=1)


@record_type
class DeletionRefused(_Deletion):
    """A deletion that was proposed does not take place."""

    reason: str = Field(min_length=1)


@record_type
class DataDeleted(_Deletion):
    """Things were deleted, as it was proposed and approved; recorded before they went.

    Attributes:
        things: What went.
        schedule: Digest of the schedule of retention in force at that moment.
        proposed_by: Uid of who proposed it.
        approved_by: Uid of who approved it, another person.
        repeats: In a home restored from a backup that was made before: leaf of the event of the
            later history that it repeats.
    """

    basis: Basis = Basis.RETENTION
    schedule: str = Field(pattern=HASH_PATTERN)
    things: tuple[Deleted, ...] = Field(min_length=1)
    repeats: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    proposed_by: str = Field(pattern=UID_PATTERN)
    approved_by: str = Field(pattern=UID_PATTERN)

    @model_validator(mode="after")
    def _two_people(self) -> DataDeleted:
        if self.proposed_by == self.approved_by:
            raise ValueError("a deletion takes two people: who proposes and who approves")
        return self


def records_digest(events: Iterable[Event]) -> str:
    """Digest of the content of events, from their envelopes alone, which stay."""
    data = "".join(event.envelope.body_digest for event in events)
    return hashlib.sha256(data.encode("ascii")).hexdigest()


def readings_digest(roots: Iterable[str]) -> str:
    """Digest of readings from the roots of their chunks, which stay in the ledger."""
    return hashlib.sha256("".join(sorted(roots)).encode("ascii")).hexdigest()


@dataclass(frozen=True)
class DeletionState:
    """A deletion as the events of its stream make it.

    Attributes:
        proposal: What is to go.
        proposed_by: Who proposed it.
        is_signed: Whether the proposer has signed the proposal as performed.
        approved_by: Who approved it by a sound signature; another person, or empty.
        is_refused: Whether it was refused.
        done: What was recorded of its being carried out.
        done_seq: Number of that event; 0: not yet.
    """

    proposal: DeletionProposed
    proposed_by: str
    is_signed: bool = False
    approved_by: str = ""
    is_refused: bool = False
    done: DataDeleted | None = None
    done_seq: int = 0

    @property
    def label(self) -> str:
        """How it stands, in a word."""
        if self.done is not None:
            return "deleted"
        if self.is_refused:
            return "refused"
        if self.approved_by:
            return "approved"
        return "proposed" if self.is_signed else "unsigned"

    def lacks(self) -> tuple[str, ...]:
        """What of the ceremony is missing, in words; empty: two people have signed."""
        found = []
        if self.is_refused:
            found.append("it was refused")
        if self.done is not None:
            found.append(f"it was carried out by event {self.done_seq}")
        if not self.is_signed:
            found.append(f"who proposed it, {self.proposed_by}, has not signed it as performed")
        if not self.approved_by:
            found.append("no second person has approved it by a signature")
        return tuple(found)


def deletion_state(
    events: Sequence[Event], fault: Callable[[SignatureApplied], str] = lambda _: ""
) -> DeletionState | None:
    """The deletion whose stream is given; None when nothing was proposed in it.

    Args:
        events: Its events.
        fault: Why the evidence of a signature does not hold; empty where it does.
    """
    first = events[0] if events else None
    proposal = first.decode() if first is not None else None
    if first is None or not isinstance(proposal, DeletionProposed):
        return None
    proposer = first.envelope.actor
    approvals = {
        event.envelope.version: event.envelope.actor
        for event in events
        if isinstance(event.decode(), DeletionApproved)
    }
    is_signed, approved_by = False, ""
    for state in signature_state(events):
        one = state.signature
        if state.faults or one.record_hash != first.leaf or fault(one):
            continue
        if one.meaning is Meaning.PERFORMED and one.signer == proposer:
            is_signed = True
        elif one.meaning is Meaning.APPROVED and one.proposal and one.signer != proposer:
            # The signature covers the approval that stands just before it.
            if approvals.get(state.event_version - 1) == one.signer:
                approved_by = one.signer
    done = [(event.decode(), event.seq) for event in events if event.kind == DataDeleted.kind]
    body, seq = done[0] if done else (None, 0)
    return DeletionState(
        proposal=proposal,
        proposed_by=proposer,
        is_signed=is_signed,
        approved_by=approved_by,
        is_refused=any(event.kind == DeletionRefused.kind for event in events),
        done=body if isinstance(body, DataDeleted) else None,
        done_seq=seq,
    )


def unfounded(
    events: Sequence[Event],
    done: Event,
    fault: Callable[[SignatureApplied], str] = lambda _: "",
) -> str:
    """Why a `DataDeleted` event is not what two people have signed; empty where it is.

    One that repeats a deletion of a later history, in a home restored from a backup that was
    made before, rests on signatures that are not here; its `repeats` says which it is.

    Args:
        events: All events of the deletion's stream.
        done: The event.
        fault: Why the evidence of a signature does not hold; empty where it does.
    """
    body = done.decode()
    if not isinstance(body, DataDeleted) or body.repeats:
        return ""
    before = [event for event in events if event.seq < done.seq]
    state = deletion_state(before, fault)
    if state is None:
        return "nobody proposed it"
    if lacks := state.lacks():
        return "; ".join(lacks)
    if (state.proposed_by, state.approved_by) != (body.proposed_by, body.approved_by):
        return "other people signed it than it names"
    if [_identity(one) for one in body.things] != [_identity(one) for one in state.proposal.things]:
        return "it names other things than were proposed"
    return ""


def _identity(thing: Deleted) -> tuple[Any, ...]:
    return thing.what, thing.ref, thing.seqs, thing.digest


# ---- lists ----------------------------------------------------------------------------------


def _fold(event: Event, lookup: Callable[[tuple[Any, ...]], Row | None]) -> list[Row]:
    body, actor = event.decode(), event.envelope.actor
    if not isinstance(body, _Deletion):
        return []
    known, at = lookup((body.deletion,)), event.envelope.recorded_at
    if isinstance(body, DeletionProposed):
        row: Row = {"deletion": body.deletion, "basis": body.basis.value, "reason": body.reason}
        row |= {"n_things": len(body.things), "state": "proposed", "proposed_by": actor}
        row |= {"proposed_at": at, "approved_by": "", "deleted_at": None, "seq": event.seq}
        return [] if known is not None else [row]
    if known is None or known["state"] == "deleted":
        return []
    if isinstance(body, DataDeleted):
        said = {"approved_by": body.approved_by, "deleted_at": at, "state": "deleted"}
        return [{**known, **said}]
    if isinstance(body, DeletionApproved) and actor != known["proposed_by"]:
        return [{**known, "approved_by": actor, "state": "approved"}]
    return [{**known, "state": "refused"}] if isinstance(body, DeletionRefused) else []


DELETIONS = Projection(
    name="deletion",
    version=1,
    columns={
        "deletion": "TEXT",
        "basis": "TEXT",
        "reason": "TEXT",
        "n_things": "INTEGER",
        "state": "TEXT",
        "proposed_by": "TEXT",
        "proposed_at": "INTEGER",
        "approved_by": "TEXT",
        "deleted_at": "INTEGER",
        "seq": "INTEGER",
    },
    key=("deletion",),
    kinds=frozenset({"DeletionProposed", "DeletionApproved", "DeletionRefused", "DataDeleted"}),
    fold=_fold,
    indexes=(("state",),),
)
"""One row a deletion, for lists; whether it may be carried out says
`goldenbatch.core.deletion_rules.may_carry_out`."""


def _fold_things(event: Event, _lookup: object) -> list[Row]:
    body = event.decode()
    if not isinstance(body, DataDeleted):
        return []
    said = {"deletion": body.deletion, "seq": event.seq}
    return [
        {**said, "what": one.what, "ref": one.ref, "digest": one.digest, "n": one.n}
        for one in body.things
    ]


DELETED = Projection(
    name="deleted_thing",
    version=1,
    columns={
        "what": "TEXT",
        "ref": "TEXT",
        "deletion": "TEXT",
        "digest": "TEXT",
        "n": "INTEGER",
        "seq": "INTEGER",
    },
    key=("what", "ref", "deletion"),
    kinds=frozenset({"DataDeleted"}),
    fold=_fold_things,
    indexes=(("deletion",),),
)
"""One row a thing that was deleted: where it is missing, this says why."""

PROJECTIONS = (DELETIONS, DELETED)
"""All projections of this module."""
