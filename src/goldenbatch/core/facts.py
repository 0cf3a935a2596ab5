"""Facts that authority rests on: of a record, from its stream, and of an actor, by providers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from goldenbatch.core.people import Meaning, SignatureApplied, UserState, signature_state
from goldenbatch.core.records import Event, to_iso
from goldenbatch.core.site import Actor

if TYPE_CHECKING:
    from goldenbatch.core.plant import Plant

CITED: Final = "procedure/"
RecordState = Literal["open", "approved", "certified", "released", "rejected"]

CLOSING: Final[Mapping[Meaning, RecordState]] = {
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
        cites: Procedures that the record cites; `id@version` where it pins the version.
        equipment: Places whose equipment the record says was used.
        classes: Classes of data of its entries, signatures aside.
    """

    stream: str
    version: int = 0
    performers: frozenset[str] = frozenset()
    workers: frozenset[str] = frozenset()
    verifiers: frozenset[str] = frozenset()
    judges: frozenset[str] = frozenset()
    state: RecordState = "open"
    cites: frozenset[str] = frozenset()
    equipment: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()

    def is_about(self, uid: str) -> bool:
        """Whether it is a person's own record."""
        return self.stream in own_streams(uid)

    @property
    def ref(self) -> str:
        """Record and version, as evidence names them."""
        return f"{self.stream}@{self.version}"


def own_streams(uid: str) -> frozenset[str]:
    """Streams that are about one person."""
    return frozenset({f"user/{uid}", f"training/{uid}", f"security/{uid}"})


def cited(body: Mapping[str, Any]) -> frozenset[str]:
    """Procedures that a body cites: its field `procedures`, and `procedure/<id>` in `pinned`.

    A pinned version that is empty stands for the one in force.
    """
    named = body.get("procedures")
    pinned = body.get("pinned")
    found = {str(one) for one in named} if isinstance(named, list | tuple) else set()
    for name, version in pinned.items() if isinstance(pinned, Mapping) else ():
        if name.startswith(CITED):
            found.add(name.removeprefix(CITED) + (f"@{version}" if version else ""))
    return frozenset(found)


def used(body: Mapping[str, Any]) -> frozenset[str]:
    """Places whose equipment a body says was used: its fields `place` and `equipment`."""
    place, more = body.get("place"), body.get("equipment")
    found = {place} if isinstance(place, str) and place else set()
    return frozenset(found | ({str(one) for one in more} if isinstance(more, list) else set()))


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
    lent = {e.envelope.version: e.envelope.acting_for for e in events if e.envelope.acting_for}
    entries = [event for event in events if event.kind != SignatureApplied.kind]
    for event in entries:
        people = {event.envelope.actor, event.envelope.acting_for} - {""}
        performers |= people
        workers |= people if event.kind not in not_work else set()
    signatures = signature_state(events)
    signers: dict[Meaning, set[str]] = {meaning: set() for meaning in Meaning}
    state: RecordState = "open"
    for one in signatures:
        people = {one.signature.signer, lent.get(one.event_version, "")} - {""}
        signers[one.signature.meaning] |= people
        if one.is_signed and one.signature.meaning in CLOSING:
            state = CLOSING[one.signature.meaning]
    judging = set().union(*(signers[m] for m in Meaning if m is not Meaning.PERFORMED))
    return RecordFacts(
        stream=stream,
        version=events[-1].envelope.version if events else 0,
        performers=frozenset(performers),
        workers=frozenset(workers | signers[Meaning.PERFORMED]),
        verifiers=frozenset(signers[Meaning.VERIFIED]),
        judges=frozenset(judging),
        state=state,
        cites=frozenset().union(*(cited(event.body or {}) for event in entries)),
        equipment=frozenset().union(*(used(event.body or {}) for event in entries)),
        classes=frozenset(event.envelope.data_class.value for event in entries),
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


@dataclass(frozen=True)
class Scope:
    """For which records a fact holds of an actor, so that lists can be selected by SQL.

    Attributes:
        holds: Whether it can hold at all.
        relation: What of the record decides further: `cites`, `equipment`, `class`, or `stream`:
            its own name.
        only: Every such value of the record must be one of these; None: any may.
        never: No such value of the record may be one of these.
    """

    holds: bool
    relation: Literal["", "cites", "equipment", "class", "stream"] = ""
    only: frozenset[str] | None = None
    never: frozenset[str] = frozenset()


class FactProvider(Protocol):
    """Knows one kind of fact; capabilities register more.

    One that can say for which records it holds has also `scope(actor, now) -> Scope`; without
    it a list is checked record by record.
    """

    @property
    def name(self) -> str:
        """Name that rules require it by."""

    def fact(self, actor: Actor, record: RecordFacts, now: int) -> Fact:
        """The fact for one actor and one record at a time."""


NO_RECORD: Final = RecordFacts("none/none")
"""For facts that are of the actor alone."""


@dataclass(frozen=True)
class NotAsked:
    """Stands for a fact that the policy does not ask for in homes that are not for GMP use."""

    name: str
    kind: str

    def scope(self, actor: Actor, now: int) -> Scope:
        """It holds for all records."""
        return Scope(True)

    def fact(self, actor: Actor, record: RecordFacts, now: int) -> Fact:
        """It holds, and says that it was not asked."""
        return Fact(True, f"{self.name} is not asked for in a {self.kind} home")


@dataclass(frozen=True)
class AccountActive:
    """Fact: the actor has an account that is not disabled."""

    users: Mapping[str, UserState] = field(default_factory=lambda: MappingProxyType({}))
    name: str = "account_active"

    def scope(self, actor: Actor, now: int) -> Scope:
        """It holds for all records or none."""
        return Scope(self.fact(actor, NO_RECORD, now).holds)

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

    def scope(self, actor: Actor, now: int) -> Scope:
        """It holds for all records or none."""
        return Scope(self.fact(actor, NO_RECORD, now).holds)

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


@dataclass(frozen=True)
class Calibrated:
    """Fact: none of the equipment that the record used is out of calibration.

    Attributes:
        overdue: Place to what of it is overdue since when, in words.
    """

    overdue: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    name: str = "equipment_calibrated"

    def scope(self, actor: Actor, now: int) -> Scope:
        """It holds for records that used nothing overdue."""
        return Scope(True, "equipment", never=frozenset(self.overdue))

    def fact(self, actor: Actor, record: RecordFacts, now: int) -> Fact:
        """The fact for one record, whoever acts."""
        bad = sorted(record.equipment & self.overdue.keys())
        if bad:
            return Fact(False, "; ".join(f"{one}: {self.overdue[one]}" for one in bad))
        return Fact(True, "no equipment that it used is out of calibration")


def overdue_calibrations(plant: Plant, now: int) -> dict[str, str]:
    """Places whose equipment has a signal whose newest calibration has run out."""
    today = to_iso(now)[:10]
    found: dict[str, str] = {}
    for equipment in plant.equipment:
        due: dict[str, str] = {}
        for one in equipment.calibrations:
            due[one.signal] = max(due.get(one.signal, ""), one.due_at.isoformat())
        late = [
            f"{signal} was due for calibration {at}" for signal, at in due.items() if at <= today
        ]
        if late:
            found[equipment.place] = ", ".join(sorted(late))
    return found
