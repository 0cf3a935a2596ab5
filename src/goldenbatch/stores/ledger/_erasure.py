"""Erasure of a payload: first the event that says so, then the bytes; never the other way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from goldenbatch.core.erasure import PayloadErased, erasure_stream
from goldenbatch.core.errors import BadInputError, ConflictError
from goldenbatch.core.records import Event, NewEvent
from goldenbatch.stores.ledger import _projections, _refold, _sql


@dataclass(frozen=True)
class Erasure:
    """What shall be erased, and on whose word.

    Attributes:
        seq: Number of the event.
        requested_by: Opaque uid of who asks for it.
        approved_by: Opaque uid of who agrees; another person.
    """

    seq: int
    reason: str
    requested_by: str
    approved_by: str


def event_of(erasure: Erasure, erased: Event) -> NewEvent:
    """The event that records an erasure.

    Raises:
        BadInputError: It lacks a reason or a second person.
        ConflictError: The event is an erasure itself.
    """
    if erased.kind == PayloadErased.__name__:
        raise ConflictError(
            f"event {erased.seq} records an erasure and cannot be erased itself.",
            hint="Name the event whose content must go.",
        )
    try:
        body = PayloadErased(
            seq=erased.seq,
            erased_stream=erased.stream,
            erased_version=erased.envelope.version,
            digest=erased.envelope.body_digest,
            reason=erasure.reason,
            requested_by=erasure.requested_by,
            approved_by=erasure.approved_by,
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInputError(
            f"the erasure of event {erased.seq}: {first['msg']}.",
            hint="Give a reason and two different people.",
        ) from error
    return NewEvent(erasure_stream(erased.seq), body, 0, erasure.requested_by)


def carry_out(
    connection: _sql.Connection,
    pairs: Sequence[tuple[Event, Event]],
    tables: list[_projections.Table],
) -> None:
    """Take bytes and salts out, and fold anew what was folded from them.

    Args:
        connection: Within one transaction.
        pairs: The event that says so, and the event whose payload goes.
        tables: All projections.
    """
    for event, erased in pairs:
        connection.erase(erased.seq, event.seq)
    kinds = {erased.kind for _, erased in pairs}
    touched = [t for t in tables if not t.projection.kinds or t.projection.kinds & kinds]
    if touched:
        _refold.rebuild(connection, touched)
