"""Which policy is in force: only one that people signed, but for the first of a new home.

A changed policy is proposed by one person in `policy/<digest>` and adopted by another in
`master/policy`: the adoption and the signature that covers it are one append. An adoption
that no sound signature covers never comes into force, whoever recorded it; nor does one that a
promoted package would bring: its policy is proposed and adopted here first. The first policy of
a home stands unsigned until somebody signs it; a production home signs nothing else before.

References:
    21 CFR 11.10(g), 11.10(k)(2); EU GMP Annex 11 (2011) 10, 12.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import Field

from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.people import (
    HASH_PATTERN,
    SignatureApplied,
    SignatureState,
    signature_state,
    user_state,
)
from goldenbatch.core.policy import POLICY_STREAM, Policy, PolicyAdopted, load_policy
from goldenbatch.core.records import Body, Event, Micros, Projection, Row, record_type

PROPOSALS: Final = "policy/"

Read = Callable[[str], Sequence[Event]]
Fault = Callable[[SignatureApplied], str]


@record_type
class PolicyProposed(Body):
    """A changed policy was proposed; it comes into force once another person adopts it, signed."""

    version: str = Field(min_length=1)
    digest: str = Field(pattern=HASH_PATTERN, description="Digest of the proposed table.")
    replaces: str = Field(pattern=HASH_PATTERN, description="Digest of the table in force then.")
    effective_from: Micros | None = Field(
        default=None, description="From when on; none: from its adoption on."
    )
    text: str = Field(min_length=1, description="The policy as TOML, whole.")
    reason: str = Field(min_length=1)


@dataclass(frozen=True)
class PolicyStanding:
    """A policy that may come into force, and what it rests on.

    Attributes:
        policy: The table.
        text: As it was adopted.
        effective_from: From when on.
        event: The adoption.
        signature: The signature that covers it; None: the first policy, unsigned so far.
        signed_seq: Number of that signature's event; 0 for none.
    """

    policy: Policy
    text: str
    effective_from: int
    event: Event
    signature: SignatureApplied | None = None
    signed_seq: int = 0

    @property
    def is_signed(self) -> bool:
        """Whether a sound signature covers it."""
        return self.signature is not None

    def label(self) -> str:
        """In words: by whom it was signed, or since when it stands unsigned."""
        if self.signature is None:
            return f"unsigned since event {self.event.seq}"
        return f"signed by {self.signature.by} ({self.signature.role}), event {self.signed_seq}"


def sound(_: SignatureApplied) -> str:
    """Take the evidence of a signature as checked elsewhere."""
    return ""


def role_fault(read: Read, signature: SignatureApplied, seq: int) -> str:
    """Why the role that a signature names was not its signer's; empty where it was.

    Args:
        read: Gives the events of a stream: of `user/<uid>`.
        signature: The signature.
        seq: Number of its event: what came before it counts.
    """
    uid = signature.acting_for.uid if signature.acting_for else signature.signer
    known = [event for event in read(f"user/{uid}") if event.seq < seq]
    if any(event.body is None for event in known):  # erased: its own proof is left to rest on
        return ""
    try:
        roles = user_state(known).roles
    except NotFoundError:
        return "its signer had no account"
    return "" if signature.role in roles else f"its signer did not hold the role {signature.role}"


def nothing_else(_: str) -> Sequence[Event]:
    """No other stream is known."""
    return ()


def standings(
    events: Sequence[Event], read: Read = nothing_else, fault: Fault = sound
) -> tuple[PolicyStanding, ...]:
    """All policies of a home that may come into force, in the order of their adoption.

    Args:
        events: All events of `master/policy`.
        read: Gives the events of another stream: of proposals and people.
        fault: Why the evidence of a signature does not hold; empty where it does.
    """
    states = [one for one in signature_state(events) if not one.faults and not fault(one.signature)]
    by_version = {event.envelope.version: event for event in events}
    found: list[PolicyStanding] = []
    for event in events:
        body = event.decode()
        if not isinstance(body, PolicyAdopted):
            continue
        covering = _Covering(event, body, tuple(found), by_version, read)
        signed = next((one for one in states if covering.is_covered_by(one)), None)
        if signed is None and found:
            continue  # a promoted package brings none into force either: see ADR 14
        policy = load_policy(body.text, POLICY_STREAM)
        if found and policy.digest() != body.digest:
            continue  # what was proposed and signed is another table than this text
        seq = by_version[signed.event_version].seq if signed else 0
        signature = signed.signature if signed else None
        found.append(PolicyStanding(policy, body.text, body.effective_from, event, signature, seq))
    return tuple(found)


def in_force(found: Iterable[PolicyStanding], now: int) -> PolicyStanding:
    """The newest of those whose time has come.

    Raises:
        NotFoundError: None was in force yet.
    """
    newest = None
    for one in found:
        if one.effective_from <= now:
            newest = one
    if newest is None:
        raise NotFoundError("no policy is in force.", hint="Adopt one.")
    return newest


def policy_at(
    events: Iterable[Event], now: int, read: Read = nothing_else, fault: Fault = sound
) -> Policy:
    """The policy in force at a time, from the stream `master/policy`: see `standings`.

    Raises:
        NotFoundError: None was in force yet.
    """
    return in_force(standings(tuple(events), read, fault), now).policy


@dataclass(frozen=True)
class _Covering:
    """An adoption, and what must be true of a signature that covers it."""

    event: Event
    body: PolicyAdopted
    before: tuple[PolicyStanding, ...]
    by_version: Mapping[int, Event]
    read: Read

    def is_covered_by(self, state: SignatureState) -> bool:
        """Whether a sound signature in `master/policy` covers it, by somebody who may."""
        if state.signed_version != self.event.envelope.version:
            return False
        is_own = bool(state.signature.proposal)
        if is_own != bool(self.body.proposal) or (self.before and not is_own):
            return False  # only the first one of a home may be signed after it stood alone
        signature_event = self.by_version[state.event_version]
        people = {state.signature.signer, signature_event.envelope.acting_for} - {""}
        if is_own:
            proposer = self._proposer()
        else:
            proposer = {self.event.envelope.actor, self.event.envelope.acting_for} - {""}
        is_another = bool(proposer) and not people & proposer
        return is_another and self._may(state.signature, signature_event.seq)

    def _proposer(self) -> set[str]:
        """Who proposed what was adopted; nobody where the proposal is another table's."""
        stream, _, version = self.body.proposal.rpartition("@")
        for event in self.read(stream):
            body = event.decode()
            is_it = event.stream == stream and str(event.envelope.version) == version
            if is_it and isinstance(body, PolicyProposed) and body.digest == self.body.digest:
                return {event.envelope.actor, event.envelope.acting_for} - {""}
        return set()

    def _may(self, signature: SignatureApplied, seq: int) -> bool:
        """Whether the policy of that moment let the signer, in a role held then, sign policies."""
        if self.before:
            try:
                last = in_force(self.before, signature.at).policy
            except NotFoundError:
                last = self.before[0].policy
        else:
            last = load_policy(self.body.text, POLICY_STREAM)
        rules = last.rules_for(f"sign:{last.signed_as.value}")
        is_right = signature.meaning is last.signed_as and signature.policy_hash == last.digest()
        is_right &= any(signature.role in rule.roles for rule in rules)
        return is_right and not role_fault(self.read, signature, seq)


def _fold(event: Event, _lookup: object) -> list[Row]:
    body = event.decode()
    if not isinstance(body, PolicyProposed):
        return []
    return [
        {
            "digest": body.digest,
            "version": body.version,
            "replaces": body.replaces,
            "effective_from": body.effective_from,
            "reason": body.reason,
            "proposed_by": event.envelope.actor,
            "at": event.envelope.recorded_at,
            "stream_version": event.envelope.version,
        }
    ]


POLICY_PROPOSALS = Projection(
    name="policy_proposal",
    version=1,
    columns={
        "digest": "TEXT",
        "version": "TEXT",
        "replaces": "TEXT",
        "effective_from": "INTEGER",
        "reason": "TEXT",
        "proposed_by": "TEXT",
        "at": "INTEGER",
        "stream_version": "INTEGER",
    },
    key=("digest",),
    kinds=frozenset({"PolicyProposed"}),
    fold=_fold,
    indexes=(("at",),),
)
"""One row a proposed table, as it was proposed last."""

PROJECTIONS = (POLICY_PROPOSALS,)
"""All projections of this module."""
