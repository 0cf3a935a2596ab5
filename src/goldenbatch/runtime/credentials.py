"""Credentials of people: enrolled by their owners only, checked and replaced by two people."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from goldenbatch.core import authority
from goldenbatch.core.credentials import (
    Credential,
    CredentialAdded,
    CredentialConfirmed,
    CredentialKind,
    CredentialReplaced,
    CredentialRevoked,
    CredentialStatus,
    CredentialUsed,
    EnrolmentOffered,
    Offer,
    ReplacementApproved,
    ReplacementRequested,
    Wallet,
)
from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError, NotFoundError
from goldenbatch.core.people import PASSWORD, PasswordSet, UserState
from goldenbatch.core.records import Body, NewEvent
from goldenbatch.runtime import _ceremony_oidc as oidc
from goldenbatch.runtime import _ceremony_totp as totp
from goldenbatch.runtime import _ceremony_webauthn as webauthn
from goldenbatch.runtime._ceremony_series import Timer, Waiting
from goldenbatch.runtime.people import hash_password

if TYPE_CHECKING:
    from goldenbatch.core.site import Clock, LedgerPort
    from goldenbatch.runtime._ceremony_proofs import Proofs
    from goldenbatch.runtime.people import People
    from goldenbatch.stores.ledger import Signer

ACTIONS = {
    "offer": ("credential:offer", "user:add"),
    "confirm": ("credential:confirm", "user:add"),
    "revoke": ("credential:revoke", "user:disable"),
    "replace": ("credential:replace", "user:disable"),
}
"""Acts on other people's credentials: action of the policy, and which one older tables mean."""


@dataclass(frozen=True)
class _Enrolment:
    """An enrolment that was begun: whose, by which token, and what its answer must fit."""

    uid: str
    token_hash: str
    kind: CredentialKind
    challenge: bytes
    secret: str = ""
    flow: oidc.Flow | None = None


class Credentials:
    """Credentials of the people of a home.

    Args:
        ledger: Where they stand.
        people: Whose they are.
        proofs: Checks what they prove.
        signer: Key of the home, which seals the secrets of authenticator apps.
        clock: Present time.
        is_strict: Identity is checked by a named second person, not by the operator.
        timer: Monotonic seconds.
    """

    def __init__(
        self,
        ledger: LedgerPort,
        people: People,
        proofs: Proofs,
        signer: Signer,
        clock: Clock,
        *,
        is_strict: bool,
        timer: Timer,
    ) -> None:
        self._ledger, self._people, self._proofs = ledger, people, proofs
        self._signer, self._clock, self._is_strict = signer, clock, is_strict
        self.settings = proofs.settings
        self._begun: Waiting[_Enrolment] = Waiting(
            self.settings.statement_s, "begun enrolment", timer
        )

    # ---- enrolment --------------------------------------------------------------------------

    def offer(self, login: str, kind: CredentialKind | str, reason: str, *, by: str = "") -> str:
        """Make a one-time token with which a person may choose a credential of their own.

        Args:
            login: Whose credential it will be.
            kind: Of which kind.
            reason: Why.
            by: Login of who hands the token over; its owner may ask for a further one; empty:
                the operator of the machine.

        Returns:
            The token: it is shown once, and only its hash is kept.
        """
        user, kind = self._people.find(login), kind_named(kind)
        if by != login:
            self._require("offer", by, user)
        elif PASSWORD == kind.value:
            raise DeniedError(
                "the owner of a password changes it with the old one.", hint="`user password`."
            )
        if kind is CredentialKind.PASSWORD and self._proofs.wallet(user.uid).active(kind):
            raise DeniedError(
                f"{login} has a password; who has lost theirs gets another one by two people.",
                hint="Use `goldenbatch credential replace`.",
            )
        return self._offer(user, kind, reason, self._people.uid_of(by))

    def _offer(
        self, user: UserState, kind: CredentialKind, reason: str, actor: str, before: str = "",
        bodies: Sequence[Body] = (),
    ) -> str:  # fmt: skip
        token = secrets.token_urlsafe(24)
        body = EnrolmentOffered(
            uid=user.uid,
            token_hash=_hash(token),
            credential_kind=kind,
            expires_at=self._clock() + self.settings.enrolment_s * 1_000_000,
            in_place_of=before,
            reason=reason,
        )
        self._append(user.uid, [*bodies, body], actor)
        return token

    def begin(
        self, login: str, token: str, *, provider: str = "", redirect_uri: str = ""
    ) -> dict[str, Any]:
        """Begin to enrol: what the person's browser, app or provider needs.

        Args:
            login: Who enrols.
            token: The one-time token that they were given.
            provider: Of OpenID accounts: name of the provider.
            redirect_uri: Where the provider sends the browser back to.

        Raises:
            DeniedError: The token is not theirs, was used, or its time is over.
        """
        user, offer = self._offered(login, token)
        challenge, secret, flow = secrets.token_bytes(32), "", None
        answer: dict[str, Any] = {"kind": offer.kind.value}
        if offer.kind is CredentialKind.WEBAUTHN:
            known = self._proofs.wallet(user.uid).active(offer.kind)
            answer["options"] = webauthn.registration_options(user, challenge, self.settings, known)
        elif offer.kind is CredentialKind.TOTP:
            secret = totp.new_secret()
            answer |= {"secret": secret, "uri": totp.uri(secret, user.login, "goldenbatch")}
        elif offer.kind is CredentialKind.OIDC:
            flow, url = oidc.begin(
                self.settings, provider, challenge.hex(), redirect_uri, self._clock()
            )
            answer |= {"url": url, "state": flow.state}
        begun = _Enrolment(user.uid, _hash(token), offer.kind, challenge, secret, flow)
        return {**answer, "enrolment": self._begun.put(begun)}

    def finish(self, login: str, token: str, enrolment: str, answer: Mapping[str, Any]) -> str:
        """Enrol what the person chose; gives the id of the credential.

        Args:
            login: Who enrols.
            token: The one-time token.
            enrolment: Name that `begin` gave.
            answer: `label`, and by kind: `password`; `code` of the app; `response` of the
                authenticator; `code` and `state` from the provider.

        Raises:
            DeniedError: The token or the answer does not hold.
        """
        user, offer = self._offered(login, token)
        begun = self._begun.take(enrolment)
        if (begun.uid, begun.token_hash) != (user.uid, _hash(token)):
            raise DeniedError("this enrolment was begun by another person.", hint="Begin again.")
        credential = PASSWORD if offer.kind is CredentialKind.PASSWORD else secrets.token_hex(8)
        bodies = self._chosen(user, begun, credential, answer)
        if offer.in_place_of:
            bodies.append(
                CredentialReplaced(
                    uid=user.uid, credential=credential, in_place_of=offer.in_place_of
                )
            )
        self._append(user.uid, bodies, user.uid)
        return credential

    def _chosen(
        self, user: UserState, begun: _Enrolment, credential: str, answer: Mapping[str, Any]
    ) -> list[Body]:
        values: dict[str, Any] = {}
        bodies: list[Body] = []
        counter = 0
        if begun.kind is CredentialKind.WEBAUTHN:
            response = answer.get("response")
            if not isinstance(response, Mapping):
                raise BadInputError("the authenticator's answer is missing.", key="response")
            made = webauthn.registered(response, begun.challenge, self.settings)
            self._require_new("credential_id", made.details)
            values = {"algorithm": made.algorithm, "public_key": made.public_key}
            values["details"], counter = made.details, made.counter
        elif begun.kind is CredentialKind.TOTP:
            sealed, counter = self._sealed(user, begun, credential, answer)
            values["details"] = {"secret": sealed}
        elif begun.kind is CredentialKind.OIDC and begun.flow is not None:
            found = oidc.finish(begun.flow, answer, self.settings, self._clock)
            values["details"] = {"issuer": found.issuer, "subject": found.subject}
            self._require_new("subject", values["details"])
        else:
            encoded = hash_password(str(answer.get("password", "")))
            bodies = [PasswordSet(uid=user.uid, hash=encoded)]
        added = CredentialAdded(
            uid=user.uid,
            credential=credential,
            credential_kind=begun.kind,
            label=str(answer.get("label") or begun.kind.value)[:100],
            enrolment=begun.token_hash,
            **values,
        )
        # The first counter is used up too: no code and no sign count counts twice.
        used = CredentialUsed(
            uid=user.uid, credential=credential, purpose="enrolment", counter=counter
        )
        return [added, used, *bodies]

    def _sealed(
        self, user: UserState, begun: _Enrolment, credential: str, answer: Mapping[str, Any]
    ) -> tuple[str, int]:
        code = str(answer.get("code", ""))
        step = totp.matching_step(begun.secret, code, self._clock(), -1)
        if step is None:
            raise DeniedError("the code of the app is wrong.", hint="Check its clock; begin again.")
        return totp.seal(self._signer, begun.secret, f"{user.uid}/{credential}"), step

    def _require_new(self, name: str, details: Mapping[str, str]) -> None:
        """An authenticator or account belongs to one person, once (21 CFR 11.100(a))."""
        for row in self._ledger.select("credential"):
            known = self._proofs.wallet(str(row["uid"])).credentials[str(row["credential"])]
            is_same = known.details.get(name) == details[name]
            if is_same and known.details.get("issuer") == details.get("issuer"):
                raise ConflictError(
                    "this authenticator or account is enrolled already.", hint="Use another one."
                )

    def _offered(self, login: str, token: str) -> tuple[UserState, Offer]:
        rows = self._ledger.select("user", {"login": login}, limit=1)
        user = self._people.user(str(rows[0]["uid"])) if rows else None
        offer = self._proofs.wallet(user.uid).offers.get(_hash(token)) if user else None
        if user is not None and offer is not None and offer.expires_at > self._clock():
            self._people.require_open(user.uid)
            return user, offer
        # The same answer and the same record, whether there is such a login.
        if user is not None:
            self._proofs.reject(user, "enrolment", "wrong, used or late enrolment token")
        else:
            self._people.unknown_login("enrolment token")
        raise DeniedError(
            "the enrolment token is wrong, was used, or its time is over.",
            hint="Ask for another one.",
        )

    # ---- the second person ------------------------------------------------------------------

    def confirm(self, login: str, credential: str, how: str, *, by: str = "") -> None:
        """Say as a second person that one knows whose credential it is; now it counts.

        Raises:
            DeniedError: It is one's own, or the policy forbids it.
            ConflictError: It does not wait for that.
        """
        user, known = self._known(login, credential)
        self._require("confirm", by, user)
        if not by and self._is_strict:
            raise DeniedError(
                "identity is checked by a named person.", hint="Give your login (--by)."
            )
        actor = self._people.uid_of(by)
        if by and actor == known.offered_by:
            raise DeniedError(
                "who handed over the token does not say whose credential came of it.",
                hint="Ask a third person.",
            )
        if known.status is not CredentialStatus.PENDING:
            raise ConflictError(f"the credential is {known.status.value}, not pending.")
        body = CredentialConfirmed(uid=user.uid, credential=credential, how=how)
        self._append(user.uid, [body], actor)

    def revoke(self, login: str, credential: str, reason: str, *, by: str = "") -> None:
        """Take a credential out of use at once: its owner, or whom the policy lets."""
        user, known = self._known(login, credential)
        if by != login:
            self._require("revoke", by, user)
        if known.status is CredentialStatus.REVOKED:
            raise ConflictError("the credential is revoked already.")
        body = CredentialRevoked(uid=user.uid, credential=credential, reason=reason)
        self._append(user.uid, [body], self._people.uid_of(by))

    def request_replacement(self, login: str, credential: str, reason: str, *, by: str) -> None:
        """Ask that a person's lost credential be replaced; another one must agree."""
        user, _ = self._known(login, credential)
        self._require_named(by)
        self._require("replace", by, user)
        body = ReplacementRequested(uid=user.uid, credential=credential, reason=reason)
        self._append(user.uid, [body], self._people.uid_of(by))

    def approve_replacement(self, login: str, credential: str, *, by: str) -> str:
        """Agree to a replacement that another one asked for: revoke, and make a token.

        Raises:
            DeniedError: One asked for it oneself, or it is one's own credential.
            ConflictError: Nobody asked for it.
        """
        user, known = self._known(login, credential)
        self._require_named(by)
        self._require("replace", by, user)
        request = self._proofs.wallet(user.uid).requests.get(credential)
        if request is None:
            raise ConflictError("nobody has asked for this replacement.", hint="Ask for it first.")
        version, asked_by = request
        actor = self._people.uid_of(by)
        if actor == asked_by:
            raise DeniedError("who asks for a replacement does not agree to it too.")
        bodies = [
            ReplacementApproved(uid=user.uid, credential=credential, request=version),
            CredentialRevoked(uid=user.uid, credential=credential, reason="replaced"),
        ]
        return self._offer(user, known.kind, "replacement", actor, credential, bodies)

    # ---- inside -----------------------------------------------------------------------------

    def wallet(self, login: str) -> Wallet:
        """The credentials of a person."""
        return self._proofs.wallet(self._people.find(login).uid)

    def _known(self, login: str, credential: str) -> tuple[UserState, Credential]:
        user = self._people.find(login)
        known = self._proofs.wallet(user.uid).credentials.get(credential)
        if known is None:
            raise NotFoundError(
                f"{login} has no credential {credential!r}.", hint="See `credential list`."
            )
        return user, known

    def _require_named(self, by: str) -> None:
        if not by:
            raise DeniedError("a replacement takes two named people.", hint="Give your login.")

    def _require(self, act: str, by: str, owner: UserState) -> None:
        """The policy's leave, for another person than the owner; the operator needs none."""
        if not by:
            return
        actor = self._people.find(by)
        if actor.uid == owner.uid:
            raise DeniedError("that takes another person than the owner.", hint="Ask a colleague.")
        new, old = ACTIONS[act]
        action = new if self._people.policy().rules_for(new) else old
        authority.require(self._people.decide_may(actor, action, f"user/{owner.uid}"))

    def _append(self, uid: str, bodies: Sequence[Body], actor: str) -> None:
        stream = f"user/{uid}"
        version = self._ledger.version(stream)
        self._ledger.append(
            [NewEvent(stream, body, version + n, actor=actor) for n, body in enumerate(bodies)]
        )


def kind_named(kind: CredentialKind | str) -> CredentialKind:
    """The kind of a name.

    Raises:
        BadInputError: There is none.
    """
    try:
        return CredentialKind(kind)
    except ValueError as error:
        known = ", ".join(one.value for one in CredentialKind)
        raise BadInputError(
            f"{kind!r} is no kind of credential.", hint=f"One of: {known}."
        ) from error


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
