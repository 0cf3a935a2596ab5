"""Credentials: what people prove with who they are, and how each came and went.

All events stand in `user/<uid>`; alerts about accounts are in `core.alerts`. A secret is
never among them: of a password its argon2id hash, of a TOTP secret what the home's key sealed,
of an enrolment token its SHA-256. Nobody but its owner chooses a secret, and no credential
counts before a second person has checked its owner's identity.

References:
    21 CFR 11.100(b), 11.200(a), 11.300(a)-(d); EU GMP Annex 11, draft of July 2025, 11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar

from pydantic import Field

from goldenbatch.core.alerts import ALERTS, SecurityAlertRaised
from goldenbatch.core.people import PASSWORD, PasswordSet
from goldenbatch.core.records import Body, DataClass, Event, Micros, Projection, Row, record_type
from goldenbatch.core.signatures import HASH_PATTERN, UID_PATTERN, SignerClass

__all__ = [
    "CREDENTIALS",
    "CREDENTIAL_PATTERN",
    "PROJECTIONS",
    "Credential",
    "CredentialAdded",
    "CredentialConfirmed",
    "CredentialKind",
    "CredentialReplaced",
    "CredentialRevoked",
    "CredentialStatus",
    "CredentialSuspended",
    "CredentialUsed",
    "EnrolmentOffered",
    "Offer",
    "ProofRejected",
    "ReplacementApproved",
    "ReplacementRequested",
    "SecurityAlertRaised",
    "Wallet",
    "wallet_of",
]

CREDENTIAL_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$"


class CredentialKind(StrEnum):
    """What a person proves with who they are."""

    PASSWORD = "password"  # noqa: S105  a kind, not a secret
    TOTP = "totp"
    WEBAUTHN = "webauthn"
    OIDC = "oidc"

    @property
    def signer_class(self) -> SignerClass:
        """Class of the signatures that it makes."""
        bound = self in (CredentialKind.WEBAUTHN, CredentialKind.OIDC)
        return SignerClass.SIGNER_BOUND if bound else SignerClass.SERVER_ATTESTED


class CredentialStatus(StrEnum):
    """Where a credential is in its life."""

    PENDING = "pending"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKED = "revoked"


class _Owned(Body):
    """Base of events about the credentials of a person."""

    data_class: ClassVar[DataClass] = DataClass.PERSONAL

    uid: str = Field(pattern=UID_PATTERN, description="Whose.")


class _OfCredential(_Owned):
    """Base of events about one credential."""

    credential: str = Field(pattern=CREDENTIAL_PATTERN, description="Its id in this stream.")


@record_type
class EnrolmentOffered(_Owned):
    """A one-time token was made, with which a person may choose a credential of their own."""

    token_hash: str = Field(pattern=HASH_PATTERN, description="SHA-256 of the token.")
    credential_kind: CredentialKind = Field(description="Of which kind it may be.")
    expires_at: Micros = Field(description="When the token ends.")
    in_place_of: str = Field(default="", description="Credential whose place the new one takes.")
    reason: str = Field(min_length=1)


@record_type
class CredentialAdded(_OfCredential):
    """A person enrolled a credential; it counts once a second person knows whose it is."""

    credential_kind: CredentialKind = Field(description="What it is.")
    label: str = Field(min_length=1, description="Name that its owner gave it.")
    algorithm: str = Field(default="", description="Of its public key.")
    public_key: str = Field(default="", description="DER of the SubjectPublicKeyInfo, base64.")
    details: dict[str, str] = Field(default_factory=dict, description="What its kind needs.")
    enrolment: str = Field(default="", description="`token_hash` of the token that was used up.")


@record_type
class CredentialConfirmed(_OfCredential):
    """A second person checked who the owner of a credential is; from now on it counts."""

    how: str = Field(min_length=1, description="By which document or knowledge.")


@record_type
class CredentialUsed(_OfCredential):
    """A proof by a credential was accepted; its counter can only rise."""

    purpose: str = Field(description="`signature`, `login` or `enrolment`.")
    counter: int = Field(ge=0, description="Sign count, or time step of the code.")
    statement_hash: str = Field(default="", description="Of what was signed with it.")


@record_type
class CredentialSuspended(_OfCredential):
    """A credential behaved as a copy of it would, and counts no more."""

    reason: str = Field(min_length=1)


@record_type
class CredentialRevoked(_OfCredential):
    """A credential was taken out of use for good."""

    reason: str = Field(min_length=1)


@record_type
class ReplacementRequested(_OfCredential):
    """Somebody asked that a person's lost credential be replaced."""

    reason: str = Field(min_length=1)


@record_type
class ReplacementApproved(_OfCredential):
    """A second person, who is not the owner either, agreed to a replacement."""

    request: int = Field(ge=1, description="Version of the request in this stream.")


@record_type
class CredentialReplaced(_OfCredential):
    """A new credential took the place of a lost one."""

    in_place_of: str = Field(pattern=CREDENTIAL_PATTERN, description="The lost one.")


@record_type
class ProofRejected(_Owned):
    """A proof of identity was refused; with wrong passwords it counts towards the lock."""

    method: str = Field(min_length=1, description="How the proof was to be given.")
    reason: str = Field(min_length=1)


@dataclass(frozen=True)
class Credential:
    """A credential as it stands now.

    Attributes:
        counter: Highest counter that was accepted.
        version: Version of the event that added it.
        offered_by: Who made the token that it was enrolled with.
    """

    uid: str
    credential: str
    kind: CredentialKind
    label: str
    status: CredentialStatus = CredentialStatus.PENDING
    algorithm: str = ""
    public_key: str = ""
    details: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    counter: int = -1
    version: int = 0
    offered_by: str = ""

    @property
    def is_active(self) -> bool:
        """Whether proofs by it count."""
        return self.status is CredentialStatus.ACTIVE


@dataclass(frozen=True)
class Offer:
    """A one-time token that is not used up yet."""

    kind: CredentialKind
    expires_at: int
    in_place_of: str
    by: str


@dataclass
class Wallet:
    """The credentials of one person, folded from `user/<uid>`.

    Attributes:
        credentials: By id.
        offers: Tokens that are not used up, by their hash.
        requests: Open requests for replacement: credential to (version, who asks).
    """

    credentials: dict[str, Credential] = field(default_factory=dict)
    offers: dict[str, Offer] = field(default_factory=dict)
    requests: dict[str, tuple[int, str]] = field(default_factory=dict)

    def active(self, kind: CredentialKind) -> tuple[Credential, ...]:
        """Those of a kind whose proofs count."""
        return tuple(one for one in self.credentials.values() if one.kind is kind and one.is_active)

    def take(self, event: Event) -> None:
        """Take one more event of the stream."""
        body, version = event.decode(), event.envelope.version
        if isinstance(body, EnrolmentOffered):
            kind, by = body.credential_kind, event.envelope.actor
            offer = Offer(kind, body.expires_at, body.in_place_of, by)
            self.offers[body.token_hash] = offer
        elif isinstance(body, PasswordSet):
            password = Credential(body.uid, PASSWORD, CredentialKind.PASSWORD, PASSWORD)
            status = CredentialStatus.ACTIVE
            self.credentials[PASSWORD] = replace(password, status=status, version=version)
        elif isinstance(body, CredentialAdded):
            used = self.offers.pop(body.enrolment, None)
            by = used.by if used is not None else ""
            self.credentials[body.credential] = replace(_added(body, version), offered_by=by)
        elif isinstance(body, ReplacementRequested):
            self.requests[body.credential] = (version, event.envelope.actor)
        elif isinstance(body, _OfCredential) and body.credential in self.credentials:
            self._change(body)

    def _change(self, body: _OfCredential) -> None:
        known = self.credentials[body.credential]
        if isinstance(body, CredentialConfirmed) and known.status is CredentialStatus.PENDING:
            known = replace(known, status=CredentialStatus.ACTIVE)
        elif isinstance(body, CredentialSuspended) and known.is_active:
            known = replace(known, status=CredentialStatus.SUSPENDED)
        elif isinstance(body, CredentialRevoked):
            known = replace(known, status=CredentialStatus.REVOKED)
        elif isinstance(body, CredentialUsed):
            known = replace(known, counter=max(known.counter, body.counter))
        elif isinstance(body, ReplacementApproved):
            self.requests.pop(body.credential, None)
        self.credentials[body.credential] = known


def _added(body: CredentialAdded, version: int) -> Credential:
    return Credential(
        uid=body.uid,
        credential=body.credential,
        kind=body.credential_kind,
        label=body.label,
        algorithm=body.algorithm,
        public_key=body.public_key,
        details=MappingProxyType(dict(body.details)),
        version=version,
    )


def wallet_of(events: Iterable[Event]) -> Wallet:
    """The credentials of the person whose stream is given."""
    wallet = Wallet()
    for event in events:
        wallet.take(event)
    return wallet


_STATUS: Mapping[str, CredentialStatus] = MappingProxyType(
    {
        CredentialConfirmed.kind: CredentialStatus.ACTIVE,
        CredentialSuspended.kind: CredentialStatus.SUSPENDED,
        CredentialRevoked.kind: CredentialStatus.REVOKED,
    }
)


def _fold_credential(event: Event, lookup: Callable[[tuple[Any, ...]], Row | None]) -> list[Row]:
    body, at = event.decode(), event.envelope.recorded_at
    if isinstance(body, PasswordSet):
        return [_row(body.uid, PASSWORD, CredentialKind.PASSWORD, PASSWORD, at)]
    if isinstance(body, CredentialAdded):
        kind = body.credential_kind
        return [_row(body.uid, body.credential, kind, body.label, at)]
    if not isinstance(body, _OfCredential):
        return []
    row = lookup((body.uid, body.credential))
    if row is None:
        return []
    if isinstance(body, CredentialUsed):
        return [{**row, "last_used_at": at}]
    return [{**row, "status": _STATUS[event.kind].value, "changed_at": at}]


def _row(uid: str, credential: str, kind: CredentialKind, label: str, at: int) -> Row:
    is_password = kind is CredentialKind.PASSWORD
    status = CredentialStatus.ACTIVE if is_password else CredentialStatus.PENDING
    return {
        "uid": uid,
        "credential": credential,
        "kind": kind.value,
        "class": kind.signer_class.value,
        "label": label,
        "status": status.value,
        "added_at": at,
        "changed_at": at,
        "last_used_at": None,
    }


CREDENTIALS = Projection(
    name="credential",
    version=1,
    columns={
        "uid": "TEXT",
        "credential": "TEXT",
        "kind": "TEXT",
        "class": "TEXT",
        "label": "TEXT",
        "status": "TEXT",
        "added_at": "INTEGER",
        "changed_at": "INTEGER",
        "last_used_at": "INTEGER",
    },
    key=("uid", "credential"),
    kinds=frozenset(
        {"PasswordSet", "CredentialAdded", "CredentialUsed", *_STATUS},
    ),
    fold=_fold_credential,
    indexes=(("status",),),
)
"""One row a credential, without any key or secret."""


PROJECTIONS = (CREDENTIALS, ALERTS)
"""All projections of this module."""
