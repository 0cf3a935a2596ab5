"""Texts that one person puts forward and another approves by a signature, such as schedules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import Field

from goldenbatch.core.people import HASH_PATTERN, Meaning, SignatureState, signature_state
from goldenbatch.core.records import Body, Event, Micros


class TextPutForward(Body):
    """Base of the events that put a text forward; it counts once another person approves it.

    Attributes:
        text: As TOML, whole.
    """

    version: str = Field(min_length=1)
    digest: str = Field(pattern=HASH_PATTERN)
    effective_from: Micros
    text: str = Field(min_length=1)
    reason: str = Field(min_length=1)


TextBody = TypeVar("TextBody", bound=TextPutForward)


@dataclass(frozen=True)
class PutForward(Generic[TextBody]):
    """A text that was put forward.

    Attributes:
        event: The event that did.
        approved_by: Who approved it by a signature, another person; empty: nobody yet.
        approved_at: When that was recorded; 0: nobody yet.
    """

    body: TextBody
    event: Event
    approved_by: str = ""
    approved_at: int = 0


def put_forward(events: Sequence[Event], kind: type[TextBody]) -> tuple[PutForward[TextBody], ...]:
    """All texts of a kind in a stream, in their order, with who approved them.

    Nobody approves what they put forward, or what somebody did in whose place they sign.

    Args:
        events: All events of the stream.
        kind: Body of the events that put one forward.
    """
    approvals: dict[str, list[SignatureState]] = {}
    for state in signature_state(events):
        if not state.faults and state.signature.meaning is Meaning.APPROVED:
            approvals.setdefault(state.signature.record_hash, []).append(state)
    recorded = {one.envelope.version: one.envelope.recorded_at for one in events}
    found = []
    for event in events:
        body = event.decode()
        if isinstance(body, kind):
            proposers = {event.envelope.actor, event.envelope.acting_for} - {""}
            others = (
                (one.signature.signer, recorded[one.event_version])
                for one in approvals.get(event.leaf, ())
                if not _people(one) & proposers
            )
            found.append(PutForward(body, event, *next(others, ("", 0))))
    return tuple(found)


def _people(state: SignatureState) -> set[str]:
    lent = state.signature.acting_for
    return {state.signature.signer, lent.uid if lent is not None else ""} - {""}


def in_force(texts: Iterable[PutForward[TextBody]], now: int) -> PutForward[TextBody] | None:
    """Of the approved ones the one effective last at a time; None where none is."""
    best: PutForward[TextBody] | None = None
    for one in texts:
        counts = one.approved_by and one.body.effective_from <= now
        if counts and (best is None or one.body.effective_from >= best.body.effective_from):
            best = one
    return best
