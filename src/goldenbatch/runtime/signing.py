"""Signing: who says what of which version of a record, proved by the password entered again."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import TYPE_CHECKING

from goldenbatch.core import authority
from goldenbatch.core.errors import BadInputError, ConflictError, NotFoundError
from goldenbatch.core.findings import DecisionMade, Verdict
from goldenbatch.core.people import Meaning, SignatureApplied, SigningStatement, statement_for
from goldenbatch.core.records import Event, NewEvent
from goldenbatch.runtime._findings import FINDING_KINDS, FINDING_PREFIX

if TYPE_CHECKING:
    from goldenbatch.core.people import UserState
    from goldenbatch.core.site import Clock, LedgerPort
    from goldenbatch.runtime.people import People
    from goldenbatch.stores.ledger import Signer, VerifierKey

METHOD = "password+home-key"
"""The signer's password, attested by the home's Ed25519 key over the statement's hash."""

_ATTESTED = b"goldenbatch/signing-statement/1\n"


class Signing:
    """Signatures and decisions in a home.

    Args:
        ledger: Where they are recorded.
        people: Who may sign.
        signer: Key of the home, which attests that the password was right.
        clock: Present time.
    """

    def __init__(self, ledger: LedgerPort, people: People, signer: Signer, clock: Clock) -> None:
        self._ledger = ledger
        self._people = people
        self._signer = signer
        self._clock = clock

    def sign(
        self,
        stream: str,
        meaning: Meaning | str,
        login: str,
        password: str,
        *,
        reason: str = "",
        version: int = 0,
    ) -> Event:
        """Sign the newest version of a record.

        Args:
            stream: The record.
            meaning: What the signature means.
            login: Who signs.
            password: Proof of it, at this moment.
            reason: Why, where the meaning asks for it.
            version: Version that the signer was shown; 0: whatever is newest.

        Raises:
            DeniedError: The password is wrong, or the policy forbids it.
            NotFoundError: There is no such record.
            ConflictError: The record has changed since it was shown.
        """
        meaning = _meaning(meaning)
        user = self._people.authenticate(login, password)
        record = self._newest_record(stream, version)
        allowed = authority.require(self._people.decide_may(user, f"sign:{meaning.value}", stream))
        statement = self._statement(record, user, meaning, allowed, reason)
        head = self._ledger.version(stream)
        return self._ledger.append([self._signature(statement, head)])[0]

    def decide(
        self,
        uid: str,
        verdict: Verdict | str,
        comment: str,
        login: str,
        password: str,
        *,
        meaning: Meaning | str = Meaning.REVIEWED,
        action: str = "",
    ) -> Sequence[Event]:
        """Decide on a finding and sign the decision.

        The decision is appended, and then signed over its leaf hash, which only the ledger
        can give. After a crash between the two the same decision of the same person is
        signed, and not made twice.

        Raises:
            DeniedError: The password is wrong, or the policy forbids it.
            NotFoundError: There is no such finding.
            BadInputError: The comment is empty, or verdict or meaning is unknown.
        """
        meaning, verdict = _meaning(meaning), _verdict(verdict)
        if not comment.strip():
            raise BadInputError("a decision says why.", hint="Give a comment.", key="comment")
        stream = FINDING_PREFIX + uid
        finding = self._finding(stream)
        user = self._people.authenticate(login, password)
        for what in ("decide", f"sign:{meaning.value}"):
            allowed = authority.require(self._people.decide_may(user, what, stream))
        body = DecisionMade(
            uid=uid,
            finding_version=finding.envelope.version,
            verdict=verdict,
            comment=comment,
            action=action,
        )
        decision = self._unsigned(stream, body, user) or self._append_decision(stream, body, user)
        head = decision.envelope.version
        statement = self._statement(decision, user, meaning, allowed, comment)
        signature = self._ledger.append([self._signature(statement, head)])[0]
        return (decision, signature)

    # ---- inside -----------------------------------------------------------------------------

    def _newest_record(self, stream: str, version: int) -> Event:
        """Newest event that is no signature: that is what people sign."""
        records = [one for one in self._ledger.stream(stream) if one.kind != SignatureApplied.kind]
        if not records:
            raise NotFoundError(f"there is no record {stream!r}.", hint="Check its name.")
        newest = records[-1]
        if version and version < newest.envelope.version:
            raise ConflictError(
                f"{stream} is at version {newest.envelope.version}, not at the shown {version}.",
                hint="Look at it again before you sign.",
            )
        return newest

    def _finding(self, stream: str) -> Event:
        for event in reversed(self._ledger.stream(stream)):
            if event.kind in FINDING_KINDS:
                return event
        raise NotFoundError(
            f"there is no finding {stream.removeprefix(FINDING_PREFIX)!r}.",
            hint="See `goldenbatch findings`.",
        )

    def _unsigned(self, stream: str, body: DecisionMade, user: UserState) -> Event | None:
        """The same decision of the same person, if it is the newest event: not signed yet."""
        newest = self._ledger.stream(stream)[-1]
        is_same = newest.decode() == body and newest.envelope.actor == user.uid
        return newest if is_same else None

    def _append_decision(self, stream: str, body: DecisionMade, user: UserState) -> Event:
        head = self._ledger.version(stream)
        return self._ledger.append([NewEvent(stream, body, head, actor=user.uid)])[0]

    def _statement(
        self,
        record: Event,
        user: UserState,
        meaning: Meaning,
        allowed: authority.Allow,
        reason: str,
    ) -> SigningStatement:
        return statement_for(
            record,
            allowed.policy_hash,
            meaning=meaning,
            signer=user.uid,
            printed_name=user.printed_name,
            role=allowed.role,
            reason=reason,
            facts=allowed.records,
            at=self._clock(),
        )

    def _signature(self, statement: SigningStatement, head: int) -> NewEvent:
        proof = self._signer.sign(_ATTESTED + bytes.fromhex(statement.digest()))
        key = self._signer.verifier.id.hex()
        evidence = {"key_id": key, "signature": base64.b64encode(proof).decode()}
        body = statement.signed(METHOD, evidence)
        return NewEvent(statement.stream, body, expected_version=head, actor=statement.signer)


def attestation_fault(body: SignatureApplied, keys: Sequence[VerifierKey]) -> str:
    """Why the home's key does not attest a signature; empty when it does."""
    if body.method != METHOD:
        return f"its method {body.method!r} is unknown"
    key_id, proof = body.evidence.get("key_id", ""), body.evidence.get("signature", "")
    key = next((one for one in keys if one.id.hex() == key_id), None)
    if key is None:
        return f"the key {key_id} is not known here"
    try:
        signature = base64.b64decode(proof, validate=True)
    except (binascii.Error, ValueError):
        return "its attestation is not base64"
    if not key.is_valid(_ATTESTED + bytes.fromhex(body.statement_hash), signature):
        return "the key of the home has not attested it"
    return ""


def _meaning(meaning: Meaning | str) -> Meaning:
    try:
        return Meaning(meaning)
    except ValueError as error:
        known = ", ".join(one.value for one in Meaning)
        raise BadInputError(
            f"{meaning!r} is no meaning of a signature.", hint=f"One of: {known}."
        ) from error


def _verdict(verdict: Verdict | str) -> Verdict:
    try:
        return Verdict(verdict)
    except ValueError as error:
        known = ", ".join(one.value for one in Verdict)
        raise BadInputError(f"{verdict!r} is no verdict.", hint=f"One of: {known}.") from error
