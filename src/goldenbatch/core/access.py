"""Access: what must be true of a person before they sign, windows of roles, periodic review.

Identity, accountability, windows and proposals stand in `user/<uid>`; a review of who has
which rights in `access-review/<id>`, where it is signed by somebody else than who made it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from goldenbatch.core.facts import NO_RECORD, Fact, RecordFacts, Scope
from goldenbatch.core.people import UID_PATTERN, Meaning, RoleGranted, RoleRevoked, SignatureApplied
from goldenbatch.core.policy import Policy
from goldenbatch.core.records import (
    Body,
    DataClass,
    Event,
    Micros,
    Projection,
    Row,
    record_type,
    to_iso,
)
from goldenbatch.core.site import Actor

DAY_US: Final = 86_400_000_000
REVIEW_PREFIX: Final = "access-review/"
ROLE_PATTERN: Final = r"^[a-z][a-z_]*$"
ACCOUNTABILITY: Final = (
    "I understand that my electronic signature is the legally binding equivalent of my "
    "handwritten signature, that I am accountable for all that is done under it, and that I "
    "keep what proves my identity to myself."
)
"""What each person accepts before the first signature (21 CFR 11.10(j), 11.100(c)(2))."""


class _OfUser(Body):
    """Base of events in a user's stream."""

    data_class: ClassVar[DataClass] = DataClass.PERSONAL

    uid: str = Field(pattern=UID_PATTERN, description="Whose account.")


@record_type
class IdentityVerified(_OfUser):
    """Somebody else made sure who the person behind an account is (21 CFR 11.100(b))."""

    how: str = Field(min_length=1, description="Such as identity card, seen in person.")


@record_type
class AccountabilityAccepted(_OfUser):
    """A person accepted to be accountable for what is done under their signature."""

    text: str = Field(min_length=1, description="What was accepted, word for word.")


@record_type
class AccessWindowSet(_OfUser):
    """A role of a person counts within a window only."""

    supersedes: ClassVar[tuple[str, ...]] = ("AccessWindowSet",)

    role: str = Field(pattern=ROLE_PATTERN)
    start: Micros
    end: Micros
    reason: str = Field(min_length=1)

    @model_validator(mode="after")
    def _has_length(self) -> AccessWindowSet:
        if self.end <= self.start:
            raise ValueError("the window ends before it starts")
        return self


@record_type
class RoleProposed(_OfUser):
    """A role was proposed for a person; a second one gives it."""

    role: str = Field(pattern=ROLE_PATTERN)
    reason: str = Field(min_length=1)


@record_type
class RoleProposalRefused(_OfUser):
    """A proposed role was not given."""

    role: str = Field(pattern=ROLE_PATTERN)
    reason: str = Field(min_length=1)


class AccessLine(BaseModel):
    """What one person had when the rights were reviewed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    uid: str
    login: str
    printed_name: str
    roles: tuple[str, ...] = ()
    is_active: bool = True
    is_identified: bool = False
    is_accountable: bool = False
    trained_on: tuple[str, ...] = ()
    stands_in_for: tuple[str, ...] = ()


@record_type
class AccessReviewed(Body):
    """Somebody went through who has which rights; it counts once another one signed it."""

    data_class: ClassVar[DataClass] = DataClass.PERSONAL

    review: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$")
    as_of: int = Field(ge=0, description="Number of the last event that it looked at.")
    lines: tuple[AccessLine, ...]
    conclusion: str = Field(min_length=1)


def _fold_review(event: Event, lookup: Callable[[tuple[Any, ...]], Row | None]) -> list[Row]:
    body = event.decode()
    if isinstance(body, AccessReviewed):
        row = {"review": body.review, "at": event.envelope.recorded_at, "leaf": event.leaf}
        row |= {"made_by": event.envelope.actor, "signed_by": "", "n_users": len(body.lines)}
        return [row]
    if not isinstance(body, SignatureApplied) or not event.stream.startswith(REVIEW_PREFIX):
        return []
    known = lookup((event.stream.removeprefix(REVIEW_PREFIX),))
    if known is None or body.meaning not in (Meaning.REVIEWED, Meaning.APPROVED):
        return []
    is_sound = body.record_hash == known["leaf"] and body.stream == event.stream
    is_sound &= body.signer == event.envelope.actor != known["made_by"]
    return [{**known, "signed_by": body.signer}] if is_sound else []


ACCESS_REVIEWS = Projection(
    name="access_review",
    version=1,
    columns={
        "review": "TEXT",
        "at": "INTEGER",
        "leaf": "TEXT",
        "made_by": "TEXT",
        "signed_by": "TEXT",
        "n_users": "INTEGER",
    },
    key=("review",),
    kinds=frozenset({"AccessReviewed", "SignatureApplied"}),
    fold=_fold_review,
    indexes=(("at",),),
)
"""One row a review of rights; `signed_by` is empty until a second person signed it."""


@dataclass(frozen=True)
class Standing:
    """What the events of `user/<uid>` say of a person beside account and roles.

    Attributes:
        identified: The event that verified the identity; empty: none.
        accountable: The event that accepted accountability; empty: none.
        windows: Role to (start, end, event).
        proposals: Role to (uid of who proposed it, event).
    """

    uid: str
    identified: str = ""
    accountable: str = ""
    windows: Mapping[str, tuple[int, int, str]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    proposals: Mapping[str, tuple[str, str]] = field(default_factory=lambda: MappingProxyType({}))

    def after(self, event: Event) -> Standing:
        """The standing after one more event."""
        body, actor = event.decode(), event.envelope.actor
        ref = f"{event.stream}@{event.envelope.version}"
        if isinstance(body, IdentityVerified):
            return replace(self, identified=ref) if actor != self.uid else self
        if isinstance(body, AccountabilityAccepted):
            return replace(self, accountable=ref) if actor == self.uid else self
        if isinstance(body, AccessWindowSet):
            made = {**self.windows, body.role: (body.start, body.end, ref)}
            return replace(self, windows=made) if actor != self.uid else self
        if isinstance(body, RoleProposed):
            return replace(self, proposals={**self.proposals, body.role: (actor, ref)})
        if isinstance(body, RoleGranted | RoleRevoked | RoleProposalRefused):
            left = {role: one for role, one in self.proposals.items() if role != body.role}
            return replace(self, proposals=left)
        return self


def standing(uid: str, events: Iterable[Event]) -> Standing:
    """The standing of a person from the events of `user/<uid>`."""
    found = Standing(uid)
    for event in events:
        found = found.after(event)
    return found


@dataclass(frozen=True)
class IdentityKnown:
    """Fact: somebody else made sure who the person is."""

    standings: Mapping[str, Standing]
    name: str = "identity_verified"

    def scope(self, actor: Actor, now: int) -> Scope:
        """It holds for all records or none."""
        return Scope(self.fact(actor, NO_RECORD, now).holds)

    def fact(self, actor: Actor, record: RecordFacts, now: int) -> Fact:
        """The fact for one actor, whatever the record."""
        ref = self.standings.get(actor.uid, Standing(actor.uid)).identified
        if not ref:
            return Fact(False, f"nobody has verified the identity of {actor.uid}")
        return Fact(True, f"identity verified ({ref})", (ref,))


@dataclass(frozen=True)
class Accountable:
    """Fact: the person accepted to be accountable for their signature."""

    standings: Mapping[str, Standing]
    name: str = "accountability_signed"

    def scope(self, actor: Actor, now: int) -> Scope:
        """It holds for all records or none."""
        return Scope(self.fact(actor, NO_RECORD, now).holds)

    def fact(self, actor: Actor, record: RecordFacts, now: int) -> Fact:
        """The fact for one actor, whatever the record."""
        ref = self.standings.get(actor.uid, Standing(actor.uid)).accountable
        if not ref:
            return Fact(False, f"{actor.uid} has not accepted accountability for the signature")
        return Fact(True, f"accountability accepted ({ref})", (ref,))


@dataclass(frozen=True)
class InWindow:
    """Fact: each role of the actor that the policy boxes in time is within its window."""

    policy: Policy
    standings: Mapping[str, Standing]
    name: str = "in_window"

    def scope(self, actor: Actor, now: int) -> Scope:
        """It holds for all records or none."""
        return Scope(self.fact(actor, NO_RECORD, now).holds)

    def fact(self, actor: Actor, record: RecordFacts, now: int) -> Fact:
        """The fact for one actor, whatever the record."""
        windows = self.standings.get(actor.uid, Standing(actor.uid)).windows
        refs = []
        for role in sorted(actor.roles):
            if role not in self.policy.roles or not self.policy.roles[role].time_boxed:
                continue
            start, end, ref = windows.get(role, (0, 0, ""))
            if not start <= now < end:
                words = f"until {to_iso(end)}" if ref else "in no window"
                return Fact(False, f"{actor.uid} has the role {role} {words}")
            refs.append(ref)
        return Fact(True, "no role outside its window", tuple(refs))


@dataclass(frozen=True)
class RightsReviewed:
    """Fact: who has which rights was reviewed in time, or the policy only has it said.

    Attributes:
        policy: Says how often, and what an overdue review does.
        last_at: When the newest signed review was made, or the home; None: never.
    """

    policy: Policy
    last_at: int | None
    name: str = "access_reviewed"

    def due_at(self) -> int | None:
        """When the next review is due; None: never."""
        if not self.policy.review_days:
            return None
        return (self.last_at or 0) + self.policy.review_days * DAY_US

    def scope(self, actor: Actor, now: int) -> Scope:
        """It holds for all records or none."""
        return Scope(self.fact(actor, NO_RECORD, now).holds)

    def fact(self, actor: Actor, record: RecordFacts, now: int) -> Fact:
        """The fact, whoever asks."""
        due = self.due_at()
        if due is None or now < due:
            return Fact(True, "the review of rights is not overdue")
        words = f"the review of rights is overdue since {to_iso(due)[:10]}"
        return Fact(self.policy.overdue_review == "finding", words)


PROJECTIONS = (ACCESS_REVIEWS,)
"""All projections of this module."""
