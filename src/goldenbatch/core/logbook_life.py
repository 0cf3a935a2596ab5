"""Life of a shift, folded from its events: what is unsigned says so.

An entry or a correction makes a handover that was prepared or signed out lapse. One in a shift
that was taken over makes that shift unsigned from there on, until both sides sign again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from goldenbatch.core.logbook import (
    LATE_US,
    Category,
    HandoverPrepared,
    HandoverSignedIn,
    HandoverSignedOut,
    LogEntered,
    LogEntryCorrected,
    LogEntrySettled,
    OpenItem,
    ShiftStarted,
)
from goldenbatch.core.model_life import Fault, people_of, signed_steps, sound
from goldenbatch.core.people import Meaning
from goldenbatch.core.records import Event


class Stage(StrEnum):
    """How far a shift is."""

    RUNNING = "running"
    PREPARED = "handover prepared"
    SIGNED_OUT = "signed out"
    TAKEN_OVER = "taken over"


@dataclass(frozen=True)
class Correction:
    """One correction of an entry."""

    version: int
    old: str
    new: str
    reason: str
    by: str
    at: int
    by_name: str = ""


@dataclass(frozen=True)
class Entry:
    """One entry of a shift as it reads now.

    Attributes:
        version: Version of its event in the stream.
        text: As it reads now; what it said before is in `corrections`, oldest first.
        is_open: Whether it was entered as something to be seen to.
        settled_by: Version of the event of this stream that settled it; 0: none of this shift.
    """

    version: int
    text: str
    category: Category
    by: str
    recorded_at: int
    happened_at: int | None = None
    late_reason: str = ""
    is_open: bool = False
    about: tuple[str, ...] = ()
    corrections: tuple[Correction, ...] = ()
    settled_by: int = 0
    by_name: str = ""

    @property
    def is_late(self) -> bool:
        """Whether it was written down long after it happened: an exception."""
        if self.happened_at is None:
            return bool(self.late_reason)
        return bool(self.late_reason) or self.recorded_at - self.happened_at > LATE_US


@dataclass(frozen=True)
class Signed:
    """A signed step of the handover."""

    version: int
    by: str
    at: int
    comment: str = ""
    by_name: str = ""


@dataclass(frozen=True)
class Handover:
    """A handover as it was prepared."""

    version: int
    digest: str
    items: tuple[OpenItem, ...]
    summary: str
    by: str
    at: int
    by_name: str = ""


@dataclass(frozen=True)
class ShiftState:
    """One shift as its own stream makes it.

    Attributes:
        entries: By version, in their order.
        stage: How far it is.
        handover: The handover that was prepared last.
        signed_out: By the leaving shift; None: not, or something was written since.
        signed_in: By the coming shift; it stays when something is written later.
        unsigned_since: First version that the signatures of a shift once taken over do not cover.
        faults: Events that count for nothing, and why.
        head: Version of the stream.
    """

    started: ShiftStarted
    by: str
    at: int
    entries: Mapping[int, Entry]
    stage: Stage = Stage.RUNNING
    handover: Handover | None = None
    signed_out: Signed | None = None
    signed_in: Signed | None = None
    unsigned_since: int | None = None
    workers: frozenset[str] = frozenset()
    faults: tuple[str, ...] = ()
    head: int = 1

    @property
    def is_taken_over(self) -> bool:
        """Whether both sides signed it as it stands."""
        return self.stage is Stage.TAKEN_OVER and self.unsigned_since is None

    @property
    def unsigned(self) -> str:
        """What is unsigned, in words; empty: nothing is."""
        if self.is_taken_over:
            return ""
        if self.unsigned_since is not None:
            return f"changed after it was taken over: unsigned since version {self.unsigned_since}"
        if self.stage is Stage.SIGNED_OUT:
            return "signed out, not taken over"
        return "neither signed out nor taken over"


def shift_state(events: Sequence[Event], fault: Fault = sound) -> ShiftState | None:
    """Fold the stream of a shift; None: it never began.

    Args:
        events: All events of the stream, in order.
        fault: Says what is wrong with a signature's evidence; empty: nothing.
    """
    signed = signed_steps(events, fault)
    state: ShiftState | None = None
    for event in events:
        if state is None:
            state = _begun(event)
        elif event.envelope.kind != "SignatureApplied":
            state = _after(state, event, signed)
            state = replace(state, head=event.envelope.version)
        else:
            state = replace(state, head=event.envelope.version)
    return state


def _begun(event: Event) -> ShiftState | None:
    body = event.decode()
    if not isinstance(body, ShiftStarted) or body.stream != event.stream:
        return None
    envelope = event.envelope
    return ShiftState(
        body, envelope.actor, envelope.recorded_at, {}, workers=people_of(event),
        head=envelope.version,
    )  # fmt: skip


def _after(state: ShiftState, event: Event, signed: Mapping[int, Meaning]) -> ShiftState:
    body, version = event.decode(), event.envelope.version
    if not isinstance(body, _KNOWN) or body.stream != event.stream:
        # Whatever it is, nobody who signed saw it.
        return _written(_faulty(state, event, "is no event of this shift"), event, ())
    if isinstance(body, HandoverSignedOut):
        return _signed_out(state, event, body, signed.get(version))
    if isinstance(body, HandoverSignedIn):
        return _signed_in(state, event, body, signed.get(version))
    state = _written(state, event, people_of(event))
    if isinstance(body, HandoverPrepared):
        envelope = event.envelope
        made = Handover(
            version, event.leaf, body.items, body.summary, envelope.actor, envelope.recorded_at,
            body.by_name,
        )  # fmt: skip
        return replace(state, handover=made, stage=Stage.PREPARED)
    return _entered(state, event, body)


_KNOWN = (
    LogEntered,
    LogEntryCorrected,
    LogEntrySettled,
    HandoverPrepared,
    HandoverSignedOut,
    HandoverSignedIn,
)


def _written(state: ShiftState, event: Event, people: frozenset[str] | tuple[()]) -> ShiftState:
    """The shift after something was written: what was signed does not cover it."""
    since = state.unsigned_since
    if state.signed_in is not None and since is None:
        since = event.envelope.version
    stage = Stage.TAKEN_OVER if state.stage is Stage.TAKEN_OVER else Stage.RUNNING
    return replace(
        state, stage=stage, signed_out=None, unsigned_since=since,
        workers=state.workers | frozenset(people),
    )  # fmt: skip


def _entered(
    state: ShiftState, event: Event, body: LogEntered | LogEntryCorrected | LogEntrySettled
) -> ShiftState:
    if isinstance(body, LogEntered):
        entry = _entry(event, body)
        return replace(state, entries={**state.entries, entry.version: entry})
    if isinstance(body, LogEntryCorrected):
        return _corrected(state, event, body)
    return _settled(state, event, body)


def _entry(event: Event, body: LogEntered) -> Entry:
    envelope = event.envelope
    return Entry(
        envelope.version, body.text, body.category, envelope.actor, envelope.recorded_at,
        body.happened_at, body.late_reason, body.is_open, body.about, by_name=body.by_name,
    )  # fmt: skip


def _corrected(state: ShiftState, event: Event, body: LogEntryCorrected) -> ShiftState:
    entry = state.entries.get(body.entry)
    if entry is None:
        return _faulty(state, event, f"corrects version {body.entry}, which is no entry")
    if entry.text != body.old:
        return _faulty(state, event, f"names an old text that entry {body.entry} does not have")
    envelope = event.envelope
    made = Correction(
        envelope.version, body.old, body.new, body.reason, envelope.actor, envelope.recorded_at,
        body.by_name,
    )  # fmt: skip
    entry = replace(entry, text=body.new, corrections=(*entry.corrections, made))
    return replace(state, entries={**state.entries, entry.version: entry})


def _settled(state: ShiftState, event: Event, body: LogEntrySettled) -> ShiftState:
    stream, _, number = body.entry.rpartition("@")
    entry = state.entries.get(int(number)) if stream == event.stream else None
    if stream == event.stream and (entry is None or not entry.is_open):
        return _faulty(state, event, f"settles {body.entry}, which is no open entry")
    if entry is None or entry.settled_by:
        return state
    entry = replace(entry, settled_by=event.envelope.version)
    return replace(state, entries={**state.entries, entry.version: entry})


def _signed_out(
    state: ShiftState, event: Event, body: HandoverSignedOut, meaning: Meaning | None
) -> ShiftState:
    why = _handover_fault(state, body)
    if state.stage is not Stage.PREPARED:
        why = "signs out a shift whose handover is not prepared as it stands"
    elif meaning is not Meaning.PERFORMED:
        why = "is not signed as performed by who signs out"
    if why:
        return _faulty(state, event, why)
    return replace(state, stage=Stage.SIGNED_OUT, signed_out=_step(event, body))


def _signed_in(
    state: ShiftState, event: Event, body: HandoverSignedIn, meaning: Meaning | None
) -> ShiftState:
    why = _handover_fault(state, body)
    out = state.signed_out
    if state.stage is not Stage.SIGNED_OUT or out is None:
        why = "takes over a shift that is not signed out as it stands"
    elif meaning is not Meaning.VERIFIED:
        why = "is not signed as verified by who takes over"
    elif people_of(event) & (state.workers | {out.by}):
        why = "is signed in by somebody who worked in the shift"
    if why:
        return _faulty(state, event, why)
    step = _step(event, body)
    return replace(state, stage=Stage.TAKEN_OVER, signed_in=step, unsigned_since=None)


def _handover_fault(state: ShiftState, body: HandoverSignedOut | HandoverSignedIn) -> str:
    made = state.handover
    named = (body.handover, body.digest)
    if made is None or named != (f"{body.stream}@{made.version}", made.digest):
        return "names another handover than the one that stands"
    return ""


def _step(event: Event, body: HandoverSignedOut | HandoverSignedIn) -> Signed:
    envelope = event.envelope
    return Signed(
        envelope.version, envelope.actor, envelope.recorded_at, body.comment, body.by_name
    )


def _faulty(state: ShiftState, event: Event, why: str) -> ShiftState:
    told = f"{event.stream}@{event.envelope.version} {why}"
    return replace(state, faults=(*state.faults, told))
