"""People: users, their roles, and signatures on one version of one record.

A user's events stand in `user/<uid>`. A signature stands in the stream of the record that
it signs, as the next version. It covers the leaf hash of the event it names; since each
envelope holds the leaf hash of the one before, that hash binds the whole record up to there.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from goldenbatch.core._canonical import canonical_text
from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.records import Body, DataClass, Event, Micros, Projection, Row, record_type

HASH_PATTERN = r"^[0-9a-f]{64}$"
UID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$"


class Meaning(StrEnum):
    """What a signature means (21 CFR 11.50(a)(3)); never translated."""

    PERFORMED = "performed"
    VERIFIED = "verified"
    REVIEWED = "reviewed"
    APPROVED = "approved"
    CERTIFIED = "certified"
    RELEASED = "released"
    REJECTED = "rejected"


class _Personal(Body):
    """Base of bodies that name a person: they stay on the site."""

    data_class: ClassVar[DataClass] = DataClass.PERSONAL


class _User(_Personal):
    """Base of the events of one user."""

    uid: str = Field(pattern=UID_PATTERN, description="Opaque uid; never re-used.")


@record_type
class UserAdded(_User):
    """A person got an account of their own."""

    login: str = Field(pattern=r"^[^\s\x00-\x1f\x7f]{1,100}$", description="Unique in a home.")
    printed_name: str = Field(min_length=1, description="As it is shown with signatures.")


@record_type
class PasswordSet(_User):
    """A person chose a password; only its argon2id hash is kept."""

    hash: str = Field(pattern=r"^\$argon2id\$", description="Encoded argon2id hash with salt.")


@record_type
class RoleGranted(_User):
    """A person was given a role."""

    role: str = Field(pattern=r"^[a-z][a-z_]*$")
    reason: str = Field(min_length=1)


@record_type
class RoleRevoked(_User):
    """A role was taken from a person."""

    role: str = Field(pattern=r"^[a-z][a-z_]*$")
    reason: str = Field(min_length=1)


@record_type
class UserDisabled(_User):
    """An account was closed to its person; nothing that they did is lost."""

    reason: str = ""


@record_type
class UserEnabled(_User):
    """A closed account was opened again."""

    reason: str = Field(min_length=1)


class SigningStatement(BaseModel):
    """What a signer is shown and signs; its hash is what they prove their identity over."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal["goldenbatch/signing-statement/1"] = Field(
        default="goldenbatch/signing-statement/1", alias="schema"
    )
    stream: str
    version: int = Field(ge=1)
    record_hash: str = Field(pattern=HASH_PATTERN)
    meaning: Meaning
    signer: str = Field(pattern=UID_PATTERN)
    printed_name: str = Field(min_length=1)
    role: str = Field(min_length=1)
    reason: str = ""
    policy_hash: str = Field(pattern=HASH_PATTERN)
    facts: tuple[str, ...] = Field(default=(), description="Events that allow it, `stream@n`.")
    at: Micros

    def text(self) -> str:
        """Canonical text: see `canonical_text`; the time is ISO 8601 in UTC."""
        return canonical_text(self.model_dump(mode="json", by_alias=True))

    def digest(self) -> str:
        """SHA-256 of the canonical text, hexadecimal."""
        return hashlib.sha256(self.text().encode("ascii")).hexdigest()

    def signed(self, method: str, evidence: Mapping[str, str] | None = None) -> SignatureApplied:
        """The signature's event, once the signer has proved who they are by `method`."""
        values = self.model_dump(exclude={"schema_"})
        values |= {"statement_hash": self.digest(), "evidence": dict(evidence or {})}
        return SignatureApplied(**values, method=method)


@record_type
class SignatureApplied(_Personal):
    """A person signed one version of the record in whose stream this stands."""

    stream: str
    version: int = Field(ge=1, description="Version of the stream that was signed.")
    record_hash: str = Field(pattern=HASH_PATTERN, description="Leaf hash of that version.")
    meaning: Meaning
    signer: str = Field(pattern=UID_PATTERN)
    printed_name: str = Field(min_length=1)
    role: str = Field(min_length=1)
    reason: str = ""
    policy_hash: str = Field(pattern=HASH_PATTERN)
    statement_hash: str = Field(pattern=HASH_PATTERN)
    method: str = Field(min_length=1, description="How the signer proved who they are.")
    evidence: dict[str, str] = Field(default_factory=dict, description="Proof of it, by name.")
    facts: tuple[str, ...] = Field(default=(), description="Events that allow it, `stream@n`.")
    at: Micros

    def statement(self) -> SigningStatement:
        """The statement that was signed."""
        return SigningStatement(**self.model_dump(exclude={"statement_hash", "method", "evidence"}))


def statement_for(record: Event, policy_hash: str, **entries: Any) -> SigningStatement:
    """Statement over the version of a record that its event `record` made.

    Args:
        record: Newest event of the record, as the signer was shown it.
        policy_hash: Digest of the policy under which the signature is allowed.
        entries: meaning, signer, printed_name, role, reason, facts and at.
    """
    return SigningStatement(
        stream=record.stream,
        version=record.envelope.version,
        record_hash=record.leaf,
        policy_hash=policy_hash,
        **entries,
    )


@dataclass(frozen=True)
class SignatureState:
    """One signature as it stands now.

    Attributes:
        signature: The signature.
        event_version: Version of the signature's own event in the stream.
        unsigned_since: First version after the signed one that changed the record.
        faults: Why the signature does not hold at all; empty for a sound one.
    """

    signature: SignatureApplied
    event_version: int
    unsigned_since: int | None = None
    faults: tuple[str, ...] = ()

    @property
    def is_signed(self) -> bool:
        """Whether the record still stands as it was signed."""
        return self.unsigned_since is None and not self.faults

    def label(self) -> str:
        """In words: signed, unsigned since version n, or void and why."""
        if self.faults:
            return f"void: {'; '.join(self.faults)}"
        if self.unsigned_since is not None:
            return f"unsigned since version {self.unsigned_since}"
        return "signed"


def _faults(event: Event, body: SignatureApplied, leaves: dict[int, str]) -> tuple[str, ...]:
    faults = []
    if body.stream != event.stream:
        faults.append(f"it names the stream {body.stream}")
    if body.version >= event.envelope.version:
        faults.append(f"version {body.version} did not exist when it was made")
    elif leaves.get(body.version) != body.record_hash:
        faults.append(f"version {body.version} has another hash than the one signed")
    if body.signer != event.envelope.actor:
        faults.append("it was recorded by another person than the signer")
    if body.statement().digest() != body.statement_hash:
        faults.append("it does not fit the statement that was signed")
    return tuple(faults)


def signature_state(events: Sequence[Event]) -> tuple[SignatureState, ...]:
    """How each signature in a stream stands, given all events of the stream.

    Any event after the signed version that is not itself a signature makes the record
    unsigned since that event; several people may sign the same version.

    References:
        21 CFR 11.70; EU GMP Annex 11, draft of July 2025, 13.8.
    """
    leaves = {event.envelope.version: event.leaf for event in events}
    changes = [e.envelope.version for e in events if e.kind != SignatureApplied.kind]
    states = []
    for event in events:
        body = event.decode()
        if not isinstance(body, SignatureApplied):
            continue
        place = bisect_right(changes, body.version)
        states.append(
            SignatureState(
                signature=body,
                event_version=event.envelope.version,
                unsigned_since=changes[place] if place < len(changes) else None,
                faults=_faults(event, body, leaves),
            )
        )
    return tuple(states)


@dataclass(frozen=True)
class UserState:
    """A user as the events of `user/<uid>` make them.

    Attributes:
        granted: Role to the version of the event that granted it.
        password_hash: Encoded argon2id hash; empty before one was set.
        version: Version of the stream.
    """

    uid: str
    login: str
    printed_name: str
    granted: tuple[tuple[str, int], ...] = ()
    is_active: bool = True
    password_hash: str = ""
    version: int = 1

    @property
    def roles(self) -> frozenset[str]:
        """Roles held at present."""
        return frozenset(role for role, _ in self.granted)

    def after(self, event: Event) -> UserState:
        """The user after one more event."""
        body, version = event.decode(), event.envelope.version
        others = tuple(one for one in self.granted if one[0] != getattr(body, "role", ""))
        state = replace(self, version=version)
        if isinstance(body, RoleGranted):
            return replace(state, granted=tuple(sorted((*others, (body.role, version)))))
        if isinstance(body, RoleRevoked):
            return replace(state, granted=others)
        if isinstance(body, UserDisabled | UserEnabled):
            return replace(state, is_active=isinstance(body, UserEnabled))
        if isinstance(body, PasswordSet):
            return replace(state, password_hash=body.hash)
        return state


def user_state(events: Iterable[Event]) -> UserState:
    """The user whose stream is given.

    Raises:
        NotFoundError: The stream does not begin with a user's event.
    """
    state: UserState | None = None
    for event in events:
        body = event.decode()
        if state is None and isinstance(body, UserAdded):
            state = UserState(body.uid, body.login, body.printed_name)
        elif state is not None:
            state = state.after(event)
    if state is None:
        raise NotFoundError("there is no such user.", hint="Add the user first.")
    return state


def _fold_user(event: Event, lookup: Callable[[tuple[Any, ...]], Row | None]) -> list[Row]:
    body, version = event.decode(), event.envelope.version
    if isinstance(body, UserAdded):
        row = {**body.model_dump(), "roles": "[]", "is_active": 1, "has_password": 0}
        return [{**row, "stream_version": version}]
    if not isinstance(body, _User):
        return []
    row_before = lookup((body.uid,))
    if row_before is None:
        return []
    row = {**row_before, "stream_version": version}
    roles = set(json.loads(row["roles"]))
    if isinstance(body, RoleGranted):
        row["roles"] = json.dumps(sorted(roles | {body.role}))
    elif isinstance(body, RoleRevoked):
        row["roles"] = json.dumps(sorted(roles - {body.role}))
    elif isinstance(body, UserDisabled | UserEnabled):
        row["is_active"] = int(isinstance(body, UserEnabled))
    else:
        row["has_password"] = 1
    return [row]


USERS = Projection(
    name="user",
    version=1,
    columns={
        "uid": "TEXT",
        "login": "TEXT",
        "printed_name": "TEXT",
        "roles": "TEXT",
        "is_active": "INTEGER",
        "has_password": "INTEGER",
        "stream_version": "INTEGER",
    },
    key=("uid",),
    kinds=frozenset(
        {
            "UserAdded",
            "PasswordSet",
            "RoleGranted",
            "RoleRevoked",
            "UserDisabled",
            "UserEnabled",
        }
    ),
    fold=_fold_user,
    indexes=(("login",),),
)
"""One row a user; `roles` is a sorted JSON list as text. Password hashes stay in the stream."""


def _fold_signature(event: Event, _lookup: object) -> list[Row]:
    body = event.decode()
    if not isinstance(body, SignatureApplied):
        return []
    row = {
        **body.model_dump(exclude={"version", "stream", "evidence", "facts"}),
        "meaning": body.meaning.value,
    }
    place = {"stream": event.stream, "event_version": event.envelope.version}
    return [{**place, **row, "signed_version": body.version}]


SIGNATURES = Projection(
    name="signature",
    version=1,
    columns={
        "stream": "TEXT",
        "event_version": "INTEGER",
        "signed_version": "INTEGER",
        "record_hash": "TEXT",
        "meaning": "TEXT",
        "signer": "TEXT",
        "printed_name": "TEXT",
        "role": "TEXT",
        "reason": "TEXT",
        "policy_hash": "TEXT",
        "statement_hash": "TEXT",
        "method": "TEXT",
        "at": "INTEGER",
    },
    key=("stream", "event_version"),
    kinds=frozenset({"SignatureApplied"}),
    fold=_fold_signature,
    indexes=(("signer",), ("meaning", "at")),
)
"""All signatures as they were made; whether one still holds says `signature_state`."""

PROJECTIONS = (USERS, SIGNATURES)
"""All projections of this module."""
