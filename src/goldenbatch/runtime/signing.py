"""Signing: a statement is prepared and shown, then signed by a proof of identity over its hash.

References:
    21 CFR 11.50, 11.70, 11.200; EU GMP Annex 11, draft of July 2025, 13.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from goldenbatch.core import authority
from goldenbatch.core.credentials import CredentialKind
from goldenbatch.core.errors import (
    ConflictError,
    DeniedError,
    GoldenbatchError,
    NotFoundError,
)
from goldenbatch.core.people import Meaning, SignatureApplied, SignerClass, statement_for
from goldenbatch.core.records import Body, Event, NewEvent
from goldenbatch.core.signatures import ActingFor, proposal_digest, signature_class
from goldenbatch.runtime import _ceremony_oidc as oidc
from goldenbatch.runtime import _ceremony_webauthn as webauthn
from goldenbatch.runtime._ceremony_asked import Asked, decision_asked, meaning_named
from goldenbatch.runtime._ceremony_proofs import Accepted, Proof, Proofs, kind_of
from goldenbatch.runtime._ceremony_series import (
    ALONE,
    Prepared,
    Series,
    Session,
    Timer,
    Waiting,
    new_name,
)
from goldenbatch.runtime._evidence import attestation_fault
from goldenbatch.runtime._findings import FINDING_PREFIX

if TYPE_CHECKING:
    from goldenbatch.core.findings import Verdict
    from goldenbatch.core.people import UserState
    from goldenbatch.core.site import Clock, LedgerPort
    from goldenbatch.runtime.people import People

__all__ = ["Asked", "Prepared", "Session", "Signing", "attestation_fault"]


class Signing:
    """Signatures and decisions in a home.

    Args:
        ledger: Where they are recorded.
        people: Who may sign.
        proofs: Checks who they are.
        clock: Present time.
        timer: Monotonic seconds, for all that ends by itself.
    """

    def __init__(
        self,
        ledger: LedgerPort,
        people: People,
        proofs: Proofs,
        clock: Clock,
        timer: Timer = time.monotonic,
    ) -> None:
        self._ledger, self._people, self._proofs = ledger, people, proofs
        self._clock, self._settings = clock, proofs.settings
        self._waiting: Waiting[Prepared] = Waiting(
            self._settings.statement_s, "prepared statement", timer
        )
        self.series = Series(self._settings.idle_s, timer)
        self.gate = threading.RLock()
        """Held from the last check of what is signed or entered until it is appended."""

    # ---- the ceremony -----------------------------------------------------------------------

    def prepare(self, asked: Asked, login: str) -> Prepared:
        """Prepare a statement for somebody to sign; it can be completed once, for a while.

        Raises:
            DeniedError: The policy forbids it, or they have nothing to sign it with.
            NotFoundError: There is no such record.
            ConflictError: The record has changed since it was shown.
        """
        prepared = self._made(asked, self._people.require_open(self._people.find(login).uid))
        if not prepared.methods:
            raise DeniedError(
                f"{login} has no credential by which {asked.meaning.value} can be signed here: "
                f"it must be {prepared.minimum_class.value}.",
                hint="Have one enrolled: `goldenbatch credential add`.",
            )
        return self._kept(prepared)

    def asked(self, form: Mapping[str, Any]) -> Asked:
        """What a form asks to sign: stream, meaning, reason and version."""
        meaning = meaning_named(form.get("meaning") or "")
        stream, reason = str(form.get("stream") or ""), str(form.get("reason") or "")
        return Asked(stream, meaning, reason, int(form.get("version") or 0))

    def prepare_decision(self, finding: str, login: str, **decision: str) -> Prepared:
        """Prepare a decision on a finding with its signature: see `asked_decision`."""
        return self.prepare(self.asked_decision(finding, **decision), login)

    def options(
        self, prepared: Prepared, kind: CredentialKind | str, *, provider: str = "",
        redirect_uri: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        """What the signer's authenticator or browser needs for a prepared statement.

        Raises:
            DeniedError: It was used, its time is over, or they cannot sign so.
        """
        kind = kind_of({"kind": kind})
        if kind.value not in prepared.methods:
            raise DeniedError(
                f"this cannot be signed by {kind.value}.",
                hint=f"Possible: {', '.join(prepared.methods)}.",
            )
        if kind is CredentialKind.WEBAUTHN:
            known = self._proofs.wallet(prepared.statement.signer).active(kind)
            challenge = bytes.fromhex(prepared.statement_hash)
            return {"options": webauthn.assertion_options(challenge, self._settings, known)}
        if kind is CredentialKind.OIDC:
            nonce, at = prepared.statement_hash, prepared.statement.at
            flow, url = oidc.begin(self._settings, provider, nonce, redirect_uri, at)
            self._waiting.change(prepared.id, lambda one: replace(one, flow=flow))
            return {"url": url, "state": flow.state}
        return {}

    def complete(self, name: str, proof: Proof, session: Session = ALONE) -> Sequence[Event]:
        """Sign a prepared statement; whatever comes of it, it cannot be tried again.

        Args:
            name: Its id.
            proof: Proof of the signer over its hash.
            session: The controlled session in which they sign.

        Returns:
            What was appended with the signature, and the signature, last.

        Raises:
            DeniedError: It was used or is late, the proof does not hold, or the policy forbids
                it by now.
            ConflictError: The record has changed since it was shown.
        """
        prepared = self._waiting.take(name)
        user = self._people.user(prepared.statement.signer)
        is_series = self.series.is_open(session, user.uid)
        try:
            accepted = self._proofs.check(
                user,
                proof,
                prepared.statement_hash,
                components=prepared.components,
                is_series=is_series,
                flow=prepared.flow,
            )
        except GoldenbatchError:
            self.series.end(session.key)
            raise
        events = self._append(prepared, accepted)
        self.series.signed(session, user.uid)
        return events

    # ---- all in one call --------------------------------------------------------------------

    def sign(
        self,
        stream: str,
        meaning: Meaning | str,
        login: str,
        password: str,
        *,
        reason: str = "",
        version: int = 0,
        code: str = "",
    ) -> Event:
        """Prepare a statement and sign it at once, by password.

        Args:
            stream: The record.
            meaning: What the signature means.
            login: Who signs.
            password: Proof of it, at this moment.
            reason: Why, where the meaning asks for it.
            version: Version that the signer was shown; 0: whatever is newest.
            code: Of the signer's authenticator app, where they have one.

        Raises:
            DeniedError: The password is wrong, or the policy forbids it.
            NotFoundError: There is no such record.
            ConflictError: The record has changed since it was shown.
        """
        asked = Asked(stream, meaning_named(meaning), reason, version)
        return self.sign_asked(asked, login, password, code)[-1]

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
        code: str = "",
    ) -> Sequence[Event]:
        """Decide on a finding and sign the decision, in one append.

        Raises:
            DeniedError: The password is wrong, or the policy forbids it.
            NotFoundError: There is no such finding.
            BadInputError: The comment is empty, or verdict or meaning is unknown.
        """
        asked = self.asked_decision(
            uid, verdict=verdict, comment=comment, meaning=meaning, action=action
        )
        return self.sign_asked(asked, login, password, code)

    def asked_decision(self, uid: str, **decision: str) -> Asked:
        """A decision on the newest version of a finding, to be signed with it.

        Args:
            uid: The finding.
            decision: verdict, comment, and meaning and action where they matter.
        """
        return decision_asked(self._ledger.stream(FINDING_PREFIX + uid), uid, **decision)

    def sign_asked(
        self, asked: Asked, login: str, password: str, code: str = ""
    ) -> Sequence[Event]:
        """Prepare what is asked and sign it at once, by password.

        Returns:
            What was appended with the signature, and the signature, last.
        """
        # The password comes first: nobody else learns what a person may do.
        return self.sign_proved(asked, self._people.authenticate(login, password), code)

    def sign_proved(self, asked: Asked, user: UserState, code: str = "") -> Sequence[Event]:
        """Sign what is asked, by a person whose password was checked just now."""
        prepared = self._made(asked, user)
        self._require_class(prepared, SignerClass.SERVER_ATTESTED)
        accepted = self._proofs.after_password(
            user, prepared.statement_hash, components=prepared.components, code=code
        )
        return self._append(prepared, accepted)

    # ---- inside -----------------------------------------------------------------------------

    def _kept(self, prepared: Prepared) -> Prepared:
        prepared = replace(prepared, id=new_name())
        self._waiting.put(prepared, prepared.id)
        return prepared

    def _made(self, asked: Asked, user: UserState) -> Prepared:
        record = self._newest_record(asked.stream, asked.version)
        names = (*asked.actions, f"sign:{asked.meaning.value}")
        judged = asked.judged or asked.stream
        allowed = {
            name: authority.require(self._people.decide_may(user, name, judged, makes=asked.makes))
            for name in names
        }
        asked.check()
        last = allowed[names[-1]]
        proposal = ""
        if asked.body is not None:
            proposal = proposal_digest(type(asked.body).kind, asked.body.as_json())
        now = self._clock()
        statement = statement_for(
            record,
            last.policy_hash,
            meaning=asked.meaning,
            signer=user.uid,
            printed_name=user.printed_name,
            role=last.role,
            reason=asked.reason,
            facts=last.records,
            proposal=proposal,
            acting_for=self._acting_for(last),
            at=now,
        )
        minimum, components = last.minimum_class, last.components
        return Prepared(
            id="",
            statement=statement,
            statement_hash=statement.digest(),
            record=record,
            asked=asked,
            allowed=allowed,
            minimum_class=minimum,
            components=components,
            methods=self._methods(user.uid, minimum),
            acting_for=last.acting_for,
            expires_at=now + self._settings.statement_s * 1_000_000,
        )

    def _acting_for(self, allowed: authority.Allow) -> ActingFor | None:
        """In whose place the signer would sign, by which event."""
        if not allowed.acting_for:
            return None
        stream, _, version = allowed.delegation.rpartition("@")
        return ActingFor(
            uid=allowed.acting_for,
            printed_name=self._people.user(allowed.acting_for).printed_name,
            delegation=allowed.delegation,
            seq=self._ledger.stream(stream, int(version) - 1)[0].seq,
        )

    def _methods(self, uid: str, minimum: SignerClass) -> tuple[str, ...]:
        wallet = self._proofs.wallet(uid)
        return tuple(
            kind.value
            for kind in CredentialKind
            if wallet.active(kind) and kind.signer_class.meets(minimum)
        )

    def _append(self, prepared: Prepared, accepted: Accepted) -> Sequence[Event]:
        """Check again what may have changed since it was shown, and append all or nothing."""
        with self.gate:
            user = self._checked(prepared, accepted)
            return self._appended(prepared, accepted, user)

    def _checked(self, prepared: Prepared, accepted: Accepted) -> UserState:
        statement = prepared.statement
        self._require_class(prepared, signature_class(accepted.method))
        record = self._newest_record(statement.stream, statement.version)
        if record.leaf != statement.record_hash:
            raise _changed(statement.stream, record.envelope.version, statement.version)
        user = self._people.require_open(statement.signer)
        judged = prepared.asked.judged or statement.stream
        prepared.asked.check()
        for action, before in prepared.allowed.items():
            now = authority.require(
                self._people.decide_may(user, action, judged, makes=prepared.asked.makes)
            )
            if (now.policy_hash, now.role, now.delegation) != (
                before.policy_hash, before.role, before.delegation,
            ):  # fmt: skip
                raise ConflictError(
                    "the policy, or your role in it, has changed since this was prepared.",
                    hint="Look at it again before you sign.",
                )
        return user

    def _appended(self, prepared: Prepared, accepted: Accepted, user: UserState) -> Sequence[Event]:
        statement, head = prepared.statement, prepared.asked.head
        head = self._ledger.version(statement.stream) if head is None else head
        bodies: list[Body] = [] if prepared.body is None else [prepared.body]
        evidence = {"class": signature_class(accepted.method).value, **accepted.evidence}
        bodies.append(statement.signed(accepted.method, evidence))
        events = [
            NewEvent(
                statement.stream, body, head + place, actor=user.uid,
                acting_for=prepared.acting_for,
            )
            for place, body in enumerate(bodies)
        ]  # fmt: skip
        uses = accepted.events("signature", prepared.statement_hash)
        events += [
            NewEvent(f"user/{user.uid}", body, user.version + place, actor=user.uid)
            for place, body in enumerate(uses)
        ]
        return self._ledger.append(events)[: len(bodies)]

    def _require_class(self, prepared: Prepared, found: SignerClass) -> None:
        if not found.meets(prepared.minimum_class):
            raise DeniedError(
                f"the policy asks that {prepared.statement.meaning.value} be signed "
                f"{prepared.minimum_class.value}, which a password is not.",
                hint="Sign with an authenticator or through the OpenID provider.",
            )

    def _newest_record(self, stream: str, version: int) -> Event:
        """Newest event that is no signature: that is what people sign."""
        records = [one for one in self._ledger.stream(stream) if one.kind != SignatureApplied.kind]
        if not records:
            raise NotFoundError(f"there is no record {stream!r}.", hint="Check its name.")
        newest = records[-1]
        if version and version < newest.envelope.version:
            raise _changed(stream, newest.envelope.version, version)
        return newest


def _changed(stream: str, now: int, shown: int) -> ConflictError:
    return ConflictError(
        f"{stream} is at version {now}, not at the shown {shown}.",
        hint="Look at it again before you sign.",
    )
