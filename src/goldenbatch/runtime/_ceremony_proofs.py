"""Proofs of identity over the hash of what is signed: each checked, counted, and recorded."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from goldenbatch.core.credentials import (
    Credential,
    CredentialKind,
    CredentialSuspended,
    CredentialUsed,
    ProofRejected,
    Wallet,
    wallet_of,
)
from goldenbatch.core.errors import BadInputError, DeniedError, NotFoundError
from goldenbatch.core.people import PASSWORD, UserState
from goldenbatch.core.signatures import HOME_KEY
from goldenbatch.runtime import _ceremony_oidc as oidc
from goldenbatch.runtime import _ceremony_totp as totp
from goldenbatch.runtime import _ceremony_webauthn as webauthn
from goldenbatch.runtime._ceremony_series import Waiting
from goldenbatch.runtime._evidence import attested

if TYPE_CHECKING:
    from goldenbatch.core.config import SigningSettings
    from goldenbatch.core.site import Clock, LedgerPort
    from goldenbatch.runtime.people import People
    from goldenbatch.stores.ledger import Signer

Proof = Mapping[str, Any]
"""`kind` (of credential) and what it needs: `login`, `password`, `code`; `response`; `state`."""


_PARTS = ((PASSWORD, "password"), ("totp", "code"))


@dataclass(frozen=True)
class Accepted:
    """A proof that holds.

    Attributes:
        method: How the signer proved who they are.
        evidence: What shows it, normalised.
        uses: Credentials that were used, with their counters.
    """

    method: str
    evidence: dict[str, str]
    uses: tuple[tuple[Credential, int], ...] = ()

    def events(self, purpose: str, statement_hash: str = "") -> list[CredentialUsed]:
        """What is recorded of the credentials' use."""
        return [
            CredentialUsed(
                uid=one.uid,
                credential=one.credential,
                purpose=purpose,
                counter=max(counter, 0),
                statement_hash=statement_hash,
            )
            for one, counter in self.uses
        ]


class Proofs:
    """Checks what people prove with who they are.

    Args:
        ledger: Where credentials stand.
        people: Whose they are.
        signer: Key of the home: attests what only the server can see.
        settings: How people sign here.
        clock: Present time.
    """

    def __init__(
        self,
        ledger: LedgerPort,
        people: People,
        signer: Signer,
        settings: SigningSettings,
        clock: Clock,
    ) -> None:
        self._ledger, self._people = ledger, people
        self._signer, self._clock = signer, clock
        self.settings = settings
        self._logins: Waiting[oidc.Flow] = Waiting(settings.statement_s, "begun log-in")

    def wallet(self, uid: str) -> Wallet:
        """The credentials of a person."""
        return wallet_of(self._ledger.stream(f"user/{uid}"))

    def check(
        self,
        user: UserState,
        proof: Proof,
        statement_hash: str,
        *,
        components: int = 2,
        is_series: bool = False,
        flow: oidc.Flow | None = None,
    ) -> Accepted:
        """Check a proof of a person over a hash.

        Args:
            user: Whose it must be.
            proof: What they gave.
            statement_hash: What it must be over.
            components: How many the policy asks for, by password.
            is_series: Whether one component is enough: they have given all before.
            flow: The log-in at a provider that was begun for it.

        Raises:
            DeniedError: It does not hold; that is recorded.
            BadInputError: It is of no known kind.
        """
        kind = kind_of(proof)
        self._people.require_open(user.uid)
        if kind in (CredentialKind.WEBAUTHN, CredentialKind.OIDC):
            try:
                if kind is CredentialKind.WEBAUTHN:
                    return self._webauthn(user, proof, statement_hash)
                return self._oidc(user, proof, flow)
            except webauthn.ClonedError:
                raise
            except DeniedError as error:
                self.reject(user, kind.value, error.message)
                raise
        return self._attested(user, proof, statement_hash, components, is_series)

    def reject(self, user: UserState, method: str, reason: str) -> None:
        """Record a proof that was refused; too many lock the account."""
        refused = ProofRejected(uid=user.uid, method=method, reason=reason[:500])
        self._people.reject(user, refused)

    # ---- what only the server sees ----------------------------------------------------------

    def _attested(
        self, user: UserState, proof: Proof, statement_hash: str, components: int, is_series: bool
    ) -> Accepted:
        wanted = self._wanted(user, components)
        if is_series:
            given = {name for name in wanted if proof.get(name)}
            wanted = given or {"password"}
        elif proof.get("login") != user.login:
            self.reject(user, PASSWORD, "another login than the signer's, or none")
            raise DeniedError(
                f"the first signature of a session needs all components: login and "
                f"{' and '.join(sorted(wanted))}.",
                hint="Enter them again.",
            )
        if "password" in wanted:
            self._people.authenticate(user.login, str(proof.get("password", "")))
        return self._stamped(user, wanted, str(proof.get("code", "")), statement_hash, is_series)

    def after_password(
        self, user: UserState, statement_hash: str, *, components: int, code: str
    ) -> Accepted:
        """The rest of a proof of all components, whose login and password were checked."""
        wanted = self._wanted(user, components)
        return self._stamped(user, wanted, code, statement_hash, False)

    def _wanted(self, user: UserState, components: int) -> set[str]:
        """All components of a person: who has an authenticator app always uses it."""
        has_app = bool(self.wallet(user.uid).active(CredentialKind.TOTP))
        return {"password", "code"} if has_app or components > 2 else {"password"}

    def _stamped(
        self, user: UserState, wanted: set[str], code: str, statement_hash: str, is_series: bool
    ) -> Accepted:
        uses: list[tuple[Credential, int]] = []
        if "code" in wanted:
            apps = self.wallet(user.uid).active(CredentialKind.TOTP)
            uses.append(self._code(user, apps, code))
        names = [name for name, part in _PARTS if part in wanted]
        shown: set[str] = set() if is_series else {"login"}
        evidence = attested(self._signer, statement_hash)
        evidence["components"] = " ".join(sorted(shown | wanted))
        evidence["series"] = "continued" if is_series else "begun"
        evidence["credential"] = uses[0][0].credential if uses else PASSWORD
        return Accepted(f"{'+'.join(names)}{HOME_KEY}", evidence, tuple(uses))

    def _code(
        self, user: UserState, apps: Sequence[Credential], code: str
    ) -> tuple[Credential, int]:
        if not apps:
            raise DeniedError(
                f"{user.login} has no authenticator app, and the policy asks for one.",
                hint="Have one enrolled: `goldenbatch credential add`.",
            )
        for one in apps:
            secret = totp.unseal(self._signer, one.details["secret"], totp.owner_text(one))
            step = totp.matching_step(secret, code, self._clock(), one.counter)
            if step is not None:
                return one, step
        self.reject(user, "totp", "wrong or used code")
        raise DeniedError("the code is wrong, or was used before.", hint="Wait for the next one.")

    # ---- what binds the signer --------------------------------------------------------------

    def _webauthn(self, user: UserState, proof: Proof, statement_hash: str) -> Accepted:
        response = proof.get("response")
        if not isinstance(response, Mapping):
            raise BadInputError("the answer of the authenticator is missing.", key="response")
        one = webauthn.which(response, self.wallet(user.uid).active(CredentialKind.WEBAUTHN))
        challenge = bytes.fromhex(statement_hash)
        try:
            evidence, counter = webauthn.asserted(response, challenge, self.settings, one)
        except webauthn.ClonedError as error:
            self.suspend(one, error.message)
            raise
        return Accepted("webauthn", evidence, ((one, counter),))

    def suspend(self, one: Credential, reason: str) -> None:
        """Take a credential that may have been copied out of use, and tell those in charge."""
        suspended = CredentialSuspended(uid=one.uid, credential=one.credential, reason=reason)
        self._people.alert(one.uid, f"authenticator {one.label!r}: {reason}", [suspended])

    def _oidc(self, user: UserState, proof: Proof, flow: oidc.Flow | None) -> Accepted:
        if flow is None:
            raise DeniedError("no log-in at a provider was begun for it.", hint="Prepare it so.")
        identity = oidc.finish(flow, proof, self.settings, self._clock)
        one = self._account(user, identity)
        return Accepted("oidc", {**identity.evidence, "credential": one.credential}, ((one, 0),))

    def _account(self, user: UserState, identity: oidc.Identity) -> Credential:
        wanted = (identity.issuer, identity.subject)
        for one in self.wallet(user.uid).active(CredentialKind.OIDC):
            if (one.details["issuer"], one.details["subject"]) == wanted:
                return one
        raise DeniedError(
            f"the provider vouched for somebody else than {user.login}.",
            hint="Log in there with the account that is enrolled here.",
        )

    def begin_login(self, provider: str, redirect_uri: str) -> tuple[str, str]:
        """Begin a log-in at a provider: its name here, and the address for the browser."""
        nonce, now = secrets.token_hex(32), self._clock()
        flow, url = oidc.begin(self.settings, provider, nonce, redirect_uri, now)
        return self._logins.put(flow), url

    def finish_login(self, name: str, answer: Proof) -> UserState:
        """The person whom a provider vouched for in a log-in that was begun.

        Raises:
            DeniedError: It does not hold, or the account is locked or closed.
        """
        identity = oidc.finish(self._logins.take(name), answer, self.settings, self._clock)
        return self._people.require_open(self.owner_of(identity).uid)

    def owner_of(self, identity: oidc.Identity) -> UserState:
        """The person whose enrolled account at a provider it is.

        Raises:
            NotFoundError: Nobody's.
        """
        for row in self._ledger.select("credential", {"kind": "oidc", "status": "active"}):
            user = self._people.user(str(row["uid"]))
            try:
                self._account(user, identity)
            except DeniedError:
                continue
            return user
        raise NotFoundError(
            "nobody here has enrolled that account.", hint="See `goldenbatch credential add`."
        )


def kind_of(proof: Proof) -> CredentialKind:
    """Which kind of credential a proof is by.

    Raises:
        BadInputError: None that is known.
    """
    try:
        return CredentialKind(proof.get("kind", "password"))
    except ValueError as error:
        known = ", ".join(one.value for one in CredentialKind)
        raise BadInputError(
            f"{proof.get('kind')!r} is no kind of proof.", hint=f"One of: {known}.", key="kind"
        ) from error
