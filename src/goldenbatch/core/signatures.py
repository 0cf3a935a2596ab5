"""Signatures: the statement that is signed, its event, and how it stands.

A signature stands in the stream of the record that it signs, as the next version. It covers
the leaf hash of the event it names; since each envelope holds the leaf hash of the one before,
that hash binds the whole record up to there. With a `proposal` it also covers the content of
the event that is appended together with it (a decision and its signature are one append).

How a proof stands in `SignatureApplied.evidence` (texts; bytes are base64 with padding):

| name | what |
|---|---|
| `class` | `signer-bound` or `server-attested`; `signature_class` derives it from the method |
| `algorithm` | `Ed25519`, or one of `ES`, `RS`, `PS` with 256, 384 or 512, as in JOSE |
| `public_key` | DER of its SubjectPublicKeyInfo |
| `signed_bytes` | the bytes that were signed |
| `signature` | over them; of ECDSA always the DER form |
| `credential` | id of the credential in `user/<signer>`; `password` for the password |

How the statement's hash (32 bytes) stands in `signed_bytes`, by method:

- `...+home-key` (`password`, `totp`, `password+totp`): they are `goldenbatch/signing-statement/1`,
  a newline, and the hash. `key_id` is the C2SP id of the home's key in hexadecimal; signatures
  of before this convention have `key_id` and `signature` only.
- `webauthn`: they are the authenticator data and the SHA-256 of `client_data` (raw JSON), whose
  `type` is `webauthn.get` and whose `challenge` is the hash in base64url without padding. They
  begin with the SHA-256 of `rp_id`; byte 32 has bits 0x01 (present) and 0x04 (verified) set.
- `oidc`: they are `header.payload` of the ID token. The payload's `nonce` is the hash in
  hexadecimal; `iss` and `sub` are those of the credential. `jwk` is the provider's key.

References:
    21 CFR 11.50, 11.70, 11.200; W3C Web Authentication, Level 3, 7.2; OpenID Connect Core 1.0,
    3.1.3.7; C2SP signed-note.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from goldenbatch.core._canonical import canonical_body_text, canonical_text
from goldenbatch.core.records import Body, DataClass, Event, Micros, Projection, Row, record_type

HASH_PATTERN = r"^[0-9a-f]{64}$"
PROPOSAL_PATTERN = r"^([0-9a-f]{64})?$"
UID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$"
STATEMENT_PREFIX: Final = b"goldenbatch/signing-statement/1\n"
"""What the home's key signs before the 32 bytes of a statement's hash."""

HOME_KEY: Final = "+home-key"
"""End of the methods whose proof the home's key attests."""


class Meaning(StrEnum):
    """What a signature means (21 CFR 11.50(a)(3)); never translated."""

    PERFORMED = "performed"
    VERIFIED = "verified"
    REVIEWED = "reviewed"
    APPROVED = "approved"
    CERTIFIED = "certified"
    RELEASED = "released"
    REJECTED = "rejected"


class SignerClass(StrEnum):
    """Whether a proof can be checked without trusting the server, weakest first."""

    SERVER_ATTESTED = "server-attested"
    SIGNER_BOUND = "signer-bound"

    def meets(self, minimum: str) -> bool:
        """Whether it is at least as strong as the class that is asked for."""
        order = list(SignerClass)
        return order.index(self) >= order.index(SignerClass(minimum))


def signature_class(method: str) -> SignerClass:
    """Class of a signature made by a method; what is unknown binds nobody.

    >>> signature_class("webauthn").value, signature_class("password+home-key").value
    ('signer-bound', 'server-attested')
    """
    bound = method in {"webauthn", "oidc"}
    return SignerClass.SIGNER_BOUND if bound else SignerClass.SERVER_ATTESTED


def proposal_digest(kind: str, body: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical text of an event's kind and body, hexadecimal.

    Args:
        kind: Kind of the event.
        body: Its body as JSON.
    """
    text = canonical_body_text({"body": dict(body), "kind": kind})
    return hashlib.sha256(text.encode("ascii")).hexdigest()


class ActingFor(BaseModel):
    """In whose place somebody signs, and the delegation that lets them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    uid: str = Field(pattern=UID_PATTERN, description="Opaque uid of the delegator.")
    printed_name: str = Field(min_length=1, description="Of the delegator.")
    delegation: str = Field(min_length=1, description="Event that gives it, `stream@n`.")
    seq: int = Field(ge=1, description="Number of that event in the ledger.")


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
    proposal: str = Field(default="", pattern=PROPOSAL_PATTERN)
    acting_for: ActingFor | None = None
    at: Micros

    def text(self) -> str:
        """Canonical text: see `canonical_text`; the time is ISO 8601 in UTC.

        A statement without a proposal, or of one's own right, has no such entry.
        """
        values = self.model_dump(mode="json", by_alias=True)
        for name in ("proposal", "acting_for"):
            if not values[name]:
                del values[name]
        return canonical_text(values)

    def digest(self) -> str:
        """SHA-256 of the canonical text, hexadecimal."""
        return hashlib.sha256(self.text().encode("ascii")).hexdigest()

    def signed(self, method: str, evidence: Mapping[str, str] | None = None) -> SignatureApplied:
        """The signature's event, once the signer has proved who they are by `method`."""
        values = self.model_dump(exclude={"schema_"})
        values |= {"statement_hash": self.digest(), "evidence": dict(evidence or {})}
        return SignatureApplied(**values, method=method)


@record_type
class SignatureApplied(Body):
    """A person signed one version of the record in whose stream this stands."""

    data_class: ClassVar[DataClass] = DataClass.PERSONAL

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
    proposal: str = Field(
        default="",
        pattern=PROPOSAL_PATTERN,
        description="SHA-256 of kind and body of the event before it, appended with it.",
    )
    acting_for: ActingFor | None = Field(
        default=None, description="In whose place, by which delegation; left out when in none."
    )
    at: Micros

    def as_json(self) -> dict[str, Any]:
        """The form that is hashed; without `acting_for` it is that of before there was one."""
        values = super().as_json()
        if self.acting_for is None:
            del values["acting_for"]
        return values

    @property
    def by(self) -> str:
        """Printed name of the signer, and in whose place they signed."""
        lent = f" for {self.acting_for.printed_name}" if self.acting_for else ""
        return f"{self.printed_name}{lent}"

    @property
    def signer_class(self) -> SignerClass:
        """Whether it can be verified without trusting the server."""
        return signature_class(self.method)

    def statement(self) -> SigningStatement:
        """The statement that was signed."""
        return SigningStatement(**self.model_dump(exclude={"statement_hash", "method", "evidence"}))


def statement_for(record: Event, policy_hash: str, **entries: Any) -> SigningStatement:
    """Statement over the version of a record that its event `record` made.

    Args:
        record: Newest event of the record, as the signer was shown it.
        policy_hash: Digest of the policy under which the signature is allowed.
        entries: meaning, signer, printed_name, role, reason, facts, proposal, acting_for, at.
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
    def signed_version(self) -> int:
        """Newest version that the signature covers, its proposal included."""
        return self.event_version - 1 if self.signature.proposal else self.signature.version

    @property
    def signer_class(self) -> SignerClass:
        """Whether it can be verified without trusting the server."""
        return self.signature.signer_class

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


def _faults(
    event: Event, body: SignatureApplied, leaves: dict[int, str], before: Event | None
) -> tuple[str, ...]:
    faults = []
    if body.proposal and (fault := _proposal_fault(event, body, before)):
        faults.append(fault)
    if body.stream != event.stream:
        faults.append(f"it names the stream {body.stream}")
    if body.version >= event.envelope.version:
        faults.append(f"version {body.version} did not exist when it was made")
    elif leaves.get(body.version) != body.record_hash:
        faults.append(f"version {body.version} has another hash than the one signed")
    if body.signer != event.envelope.actor:
        faults.append("it was recorded by another person than the signer")
    if body.acting_for and body.acting_for.uid != event.envelope.acting_for:
        faults.append("it was recorded in another person's place than it says")
    if body.statement().digest() != body.statement_hash:
        faults.append("it does not fit the statement that was signed")
    return tuple(faults)


def _proposal_fault(event: Event, body: SignatureApplied, before: Event | None) -> str:
    """Why the event before it is not the one that the signature proposes; empty when it is."""
    if before is None or before.envelope.version != event.envelope.version - 1:
        return "the event that it proposes is missing"
    if before.body is None:
        return "the event that it proposes is withheld, so that it cannot be compared"
    if proposal_digest(before.kind, before.body) != body.proposal:
        return "the event before it is not the one that it proposes"
    if before.envelope.actor != body.signer:
        return "the event that it proposes is another person's"
    return ""


def signature_state(events: Sequence[Event]) -> tuple[SignatureState, ...]:
    """How each signature in a stream stands, given all events of the stream.

    Any event after the signed version that is not itself a signature makes the record
    unsigned since that event; several people may sign the same version.

    References:
        21 CFR 11.70; EU GMP Annex 11, draft of July 2025, 13.8.
    """
    leaves = {event.envelope.version: event.leaf for event in events}
    by_version = {event.envelope.version: event for event in events}
    changes = [e.envelope.version for e in events if e.kind != SignatureApplied.kind]
    states = []
    for event in events:
        body = event.decode()
        if not isinstance(body, SignatureApplied):
            continue
        number = event.envelope.version
        faults = _faults(event, body, leaves, by_version.get(number - 1))
        state = SignatureState(body, number, faults=faults)
        place = bisect_right(changes, body.version)
        # The proposed event is no later change, but whatever came between the two is.
        if body.proposal and place < len(changes) and changes[place] == state.signed_version:
            place += 1
        since = changes[place] if place < len(changes) else None
        states.append(replace(state, unsigned_since=since))
    return tuple(states)


def _fold_signature(event: Event, _lookup: object) -> list[Row]:
    body = event.decode()
    if not isinstance(body, SignatureApplied):
        return []
    row = {
        **body.model_dump(
            exclude={"version", "stream", "evidence", "facts", "proposal", "acting_for"}
        ),
        "meaning": body.meaning.value,
        "acting_for": body.acting_for.uid if body.acting_for else "",
        "acting_for_name": body.acting_for.printed_name if body.acting_for else "",
    }
    place = {"stream": event.stream, "event_version": event.envelope.version}
    signed = event.envelope.version - 1 if body.proposal else body.version
    return [{**place, **row, "signed_version": signed, "class": body.signer_class.value}]


SIGNATURES = Projection(
    name="signature",
    version=3,
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
        "class": "TEXT",
        "acting_for": "TEXT",
        "acting_for_name": "TEXT",
        "at": "INTEGER",
    },
    key=("stream", "event_version"),
    kinds=frozenset({"SignatureApplied"}),
    fold=_fold_signature,
    indexes=(("signer",), ("meaning", "at")),
)
"""All signatures as they were made; whether one still holds says `signature_state`."""
