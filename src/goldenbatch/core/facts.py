"""Facts that authority rests on: of a record, from its stream, and of an actor, by providers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal, Protocol

from goldenbatch.core.people import Meaning, SignatureApplied, UserState, signature_state
from goldenbatch.core.records import Event
from goldenbatch.core.site import Actor

RecordState = Literal["open", "approved", "certified", "released", "rejected"]

_CLOSING: Final[Mapping[Meaning, RecordState]] = {
    Meaning.APPROVED: "approved",
    Meaning.CERTIFIED: "certified",
    Meaning.RELEASED: "released",
    Meaning.REJECTED: "rejected",
}


@dataclass(frozen=True)
class RecordFacts:
    """What a decision must know of one record, folded from its stream.

    Attributes:
        performers: Who made any entry; they may sign *performed*.
        workers: Who did the work: entries that are no judgements, and signed *performed*.
        verifiers: Who signed *verified*, whether the signature still holds or not.
        judges: Who signed any meaning but *performed*.
        state: `open`, or the newest closing signature that still holds.
    """

    stream: str
    version: int = 0
    performers: frozenset[str] = frozenset()
    workers: frozenset[str] = frozenset()
    verifiers: frozenset[str] = frozenset()
    judges: frozenset[str] = frozenset()
    state: RecordState = "open"

    @property
    def ref(self) -> str:
        """Record and version, as evidence names them."""
        return f"{self.stream}@{self.version}"


def record_facts(
    stream: str, events: Sequence[Event], judgements: Iterable[str] = ()
) -> RecordFacts:
    """Fold the facts of a record from all events of its stream.

    Args:
        stream: Name of the stream, for one that has no events yet.
        events: All its events, in order.
        judgements: Kinds that judge the record and are no work on it.
    """
    not_work = frozenset(judgements)
    performers: set[str] = set()
    workers: set[str] = set()
    for event in events:
        if event.kind == SignatureApplied.kind:
            continue
        people = {event.envelope.actor, event.envelope.acting_for} - {""}
        performers |= people
        workers |= people if event.kind not in not_work else set()
    signatures = signature_state(events)
    signers: dict[Meaning, set[str]] = {meaning: set() for meaning in Meaning}
    state: RecordState = "open"
    for one in signatures:
        signers[one.signature.meaning].add(one.signature.signer)
        if one.is_signed and one.signature.meaning in _CLOSING:
            state = _CLOSING[one.signature.meaning]
    judging = set().union(*(signers[m] for m in Meaning if m is not Meaning.PERFORMED))
    return RecordFacts(
        stream=stream,
        version=events[-1].envelope.version if events else 0,
        performers=frozenset(performers),
        workers=frozenset(workers | signers[Meaning.PERFORMED]),
        verifiers=frozenset(signers[Meaning.VERIFIED]),
        judges=frozenset(judging),
        state=state,
    )


@dataclass(frozen=True)
class Fact:
    """One fact about an actor and a record.

    Attributes:
        holds: Whether it is so.
        statement: What is so, or why not, in words.
        records: The events that show it, as `stream@version`.
    """

    holds: bool
    statement: str
    records: tuple[str, ...] = ()


class FactProvider(Protocol):
    """Knows one kind of fact; capabilities register more (training, calibration)."""

    @property
    def name(self) -> str:
        """Name that rules require it by."""

    def fact(self, actor: Actor, record: RecordFacts, now: int) -> Fact:
        """The fact for one actor and one record at a time."""


@dataclass(frozen=True)
class AccountActive:
    """Fact: the actor has an account that is not disabled."""

    users: Mapping[str, UserState] = field(default_factory=lambda: MappingProxyType({}))
    name: str = "account_active"

    def fact(self, actor: Actor, record: RecordFacts, now: int) -> Fact:
        """The fact for one actor, whatever the record."""
        user = self.users.get(actor.uid)
        if user is None:
            return Fact(False, f"{actor.uid} has no account")
        ref = f"user/{user.uid}@{user.version}"
        if not user.is_active:
            return Fact(False, f"the account of {actor.uid} is disabled ({ref})", (ref,))
        return Fact(True, f"the account is active ({ref})", (ref,))


@dataclass(frozen=True)
class RolesGranted:
    """Fact: the actor acts with all roles that were granted in the ledger, and no other.

    To leave one out would hide a role without GMP meaning.
    """

    users: Mapping[str, UserState] = field(default_factory=lambda: MappingProxyType({}))
    name: str = "roles_granted"

    def fact(self, actor: Actor, record: RecordFacts, now: int) -> Fact:
        """The fact for one actor, whatever the record."""
        user = self.users.get(actor.uid)
        granted = dict(user.granted) if user is not None else {}
        missing = sorted(actor.roles - granted.keys())
        if missing:
            return Fact(False, f"{actor.uid} was not granted {', '.join(missing)}")
        left_out = sorted(granted.keys() - actor.roles)
        if left_out:
            return Fact(False, f"{actor.uid} left out their role {', '.join(left_out)}")
        refs = tuple(f"user/{actor.uid}@{granted[role]}" for role in sorted(actor.roles))
        return Fact(True, f"roles granted by {', '.join(refs) or 'nobody: none held'}", refs)


def account_facts(users: Mapping[str, UserState]) -> dict[str, FactProvider]:
    """The facts that the users' own streams give."""
    providers: tuple[Any, ...] = (AccountActive(users), RolesGranted(users))
    return {provider.name: provider for provider in providers}
