"""Checks of the qualification: the signing ceremony, by every kind of credential."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from goldenbatch.core.credentials import CredentialKind, CredentialStatus, SecurityAlertRaised
from goldenbatch.core.errors import (
    BadInputError,
    ConflictError,
    DeniedError,
    GoldenbatchError,
)
from goldenbatch.core.people import Meaning, SignatureApplied, SignerClass
from goldenbatch.runtime._evidence import unb64url
from goldenbatch.runtime._oq_authenticator import SoftwareKey
from goldenbatch.runtime._oq_bench import (
    Bench,
    CheckFailedError,
    NotApplicableError,
    batch,
    expect,
    refused,
)
from goldenbatch.runtime._oq_provider import BACK, NAME, LoopbackProvider
from goldenbatch.runtime.signing import Asked, Session, attestation_fault

if TYPE_CHECKING:
    from goldenbatch.runtime._ceremony import Ceremony
    from goldenbatch.runtime.local import LocalSite
    from goldenbatch.runtime.signing import Prepared

WHO = "performer"
TOTP_STEP_US = 30_000_000


def _asked(stream: str) -> Asked:
    return Asked(stream, Meaning.PERFORMED, "qualification")


def _enrol(
    site: LocalSite, kind: CredentialKind, answer: Callable[[dict[str, Any]], Mapping[str, Any]],
    ceremony: Ceremony | None = None, **begin: str,
) -> str:  # fmt: skip
    """The performer chooses a credential, and the administrator knows whose it is."""
    credentials = site.credentials if ceremony is None else ceremony.credentials
    token = credentials.offer(WHO, kind, "qualification", by=WHO)
    begun = credentials.begin(WHO, token, **begin)
    name = credentials.finish(WHO, token, begun["enrolment"], answer(begun))
    credentials.confirm(WHO, name, "passport", by="admin")
    return name


def _enrol_key(site: LocalSite, key: SoftwareKey) -> str:
    return _enrol(
        site, CredentialKind.WEBAUTHN, lambda begun: {"response": key.create(begun["options"])}
    )


def _key_of(site: LocalSite) -> SoftwareKey:
    return SoftwareKey(site.settings.signing.origins[0])


def _touched(
    site: LocalSite, stream: str, key: SoftwareKey, **misdeeds: Any
) -> tuple[Prepared, dict[str, Any]]:
    """A statement is prepared, and the key of the performer answers to it."""
    prepared = site.signing.prepare(_asked(stream), WHO)
    options = site.signing.options(prepared, "webauthn")["options"]
    return prepared, {"kind": "webauthn", "response": key.get(options, **misdeeds)}


def _body(events: Any) -> SignatureApplied:
    body = events[-1].decode()
    if not isinstance(body, SignatureApplied):
        raise CheckFailedError("what was appended last is no signature.")
    return body


def _expect_class(body: SignatureApplied, wanted: SignerClass) -> None:
    shown = body.evidence.get("class", body.signer_class.value)
    expect(body.signer_class is wanted, f"it is called {body.signer_class.value}.")
    expect(shown == wanted.value, f"its record calls it {shown}.")


def _expect_bound(body: SignatureApplied, what: str) -> None:
    """It holds without the home's key, and only for its own statement."""
    fault = attestation_fault(body, [])
    expect(not fault, f"{what} does not hold without the server: {fault}")
    other = body.model_copy(update={"statement_hash": "0" * 64})
    expect(attestation_fault(other, []), f"{what} passes for another statement too.")
    _expect_class(body, SignerClass.SIGNER_BOUND)


def password_signature_is_the_servers_word(bench: Bench) -> str:
    """A signature by password is shown as the server's word, held by the key of the home only."""
    with bench.site() as site:
        body = _body([bench.sign(site, batch(bench, site), "performed", WHO)])
        key = site.keys.signers[0].verifier
    _expect_class(body, SignerClass.SERVER_ATTESTED)
    fault = attestation_fault(body, [key])
    expect(not fault, f"the home's own attestation does not hold: {fault}")
    expect(attestation_fault(body, []), "it holds without any key.")
    other = body.model_copy(update={"statement_hash": "0" * 64})
    expect(attestation_fault(other, [key]), "the attestation passes for another statement too.")
    return f"{body.method}, {body.signer_class.value}, components {body.evidence['components']}"


def app_code_serves_once(bench: Bench) -> str:
    """Who has an authenticator app signs with its code too; a wrong or used code is refused."""
    import pyotp

    with bench.site() as site:
        app: dict[str, Any] = {}

        def answer(begun: dict[str, Any]) -> dict[str, str]:
            app["made"] = pyotp.TOTP(begun["secret"])
            return {"code": app["made"].at(bench.clock() // 1_000_000)}

        _enrol(site, CredentialKind.TOTP, answer)
        stream = batch(bench, site)

        def sign(code: str) -> Any:
            return site.signing.sign(stream, "performed", WHO, bench.entry, reason="oq", code=code)

        refused("a signature without the code", lambda: sign(""), DeniedError)
        bench.clock.ahead_us = 2 * TOTP_STEP_US
        code = app["made"].at(bench.clock() // 1_000_000)
        body = _body([sign(code)])
        words = refused("a code that was used", lambda: sign(code), DeniedError)
    _expect_class(body, SignerClass.SERVER_ATTESTED)
    shown = body.evidence["components"]
    expect("code" in shown, f"it says that {shown} were given, and no code.")
    return f"{body.method}; the same code again: {words}"


def security_key_signs_the_statement(bench: Bench) -> str:
    """A security key (WebAuthn) that verified its person signs the statement itself, provably."""
    with bench.site() as site:
        key = _key_of(site)
        _enrol_key(site, key)
        stream = batch(bench, site)
        prepared, proof = _touched(site, stream, key)
        options = site.signing.options(prepared, "webauthn")["options"]
        asked = unb64url(options["challenge"]).hex()
        expect(asked == prepared.statement_hash, "the key is not asked to sign the statement.")
        body = _body(site.signing.complete(prepared.id, proof))
        expect(site.verify().is_ok, "the home does not verify with this signature.")
    _expect_bound(body, "the signature of the key")
    return f"statement {body.statement_hash[:16]} signed by {body.evidence['algorithm']}"


def security_key_without_its_person_refused(bench: Bench) -> str:
    """A security key that did not verify its person, or signed another statement, is refused."""
    with bench.site() as site:
        key = _key_of(site)
        _enrol_key(site, key)
        stream = batch(bench, site)
        misdeeds: tuple[tuple[str, dict[str, Any]], ...] = (
            ("a key that did not verify its person", {"is_verified": False}),
            ("a key that signed another statement", {"challenge": "A" * 43}),
        )
        for what, misdeed in misdeeds:
            prepared, proof = _touched(site, stream, key, **misdeed)
            words = refused(
                what,
                lambda name=prepared.id, proof=proof: site.signing.complete(name, proof),  # type: ignore[misc]
                DeniedError,
            )
        expect(site.ledger.version(stream) == 1, "something was recorded all the same.")
        return words


def copied_security_key_suspended(bench: Bench) -> str:
    """A security key whose counter did not rise may be a copy: suspended, and told at once."""
    with bench.site() as site:
        key = _key_of(site)
        name = _enrol_key(site, key)
        prepared, proof = _touched(site, batch(bench, site), key)
        site.signing.complete(prepared.id, proof)
        prepared, proof = _touched(site, batch(bench, site, "OQ-2"), key, is_copy=True)
        words = refused(
            "a copy of a key", lambda: site.signing.complete(prepared.id, proof), DeniedError
        )
        known = site.credentials.wallet(WHO).credentials[name]
        expect(known.status is CredentialStatus.SUSPENDED, f"the key is still {known.status}.")
        uid = bench.person(site, WHO).uid
        alerts = [one.kind for one in site.ledger.stream(f"security/{uid}")]
        expect(SecurityAlertRaised.kind in alerts, "nobody was told.")
        return words


def security_key_has_one_owner(bench: Bench) -> str:
    """A security key that a person enrolled is refused to every other person."""
    with bench.site() as site:
        key = _key_of(site)
        _enrol_key(site, key)
        token = site.credentials.offer("verifier", "webauthn", "the same key", by="verifier")
        begun = site.credentials.begin("verifier", token)
        answer = {"response": key.create(begun["options"])}
        return refused(
            "another person's key",
            lambda: site.credentials.finish("verifier", token, begun["enrolment"], answer),
            ConflictError,
        )


def security_key_replaced_by_two(bench: Bench) -> str:
    """A lost security key signs no more; its place is given to another one by two people."""
    with bench.site() as site:
        key, other = _key_of(site), _key_of(site)
        name = _enrol_key(site, key)
        stream = batch(bench, site)
        site.credentials.request_replacement(WHO, name, "lost", by="admin")
        words = refused(
            "a replacement by one person",
            lambda: site.credentials.approve_replacement(WHO, name, by="admin"),
            DeniedError,
        )
        bench.newcomer(site, "second", bench.role("user:grant", gmp=False))
        token = site.credentials.approve_replacement(WHO, name, by="second")
        known = site.credentials.wallet(WHO).credentials[name]
        expect(known.status is CredentialStatus.REVOKED, f"the lost key is still {known.status}.")
        begun = site.credentials.begin(WHO, token)
        answer = {"response": other.create(begun["options"])}
        new = site.credentials.finish(WHO, token, begun["enrolment"], answer)
        pending = site.credentials.wallet(WHO).credentials[new].status
        expect(pending is CredentialStatus.PENDING, "the new key counts before it is confirmed.")
        site.credentials.confirm(WHO, new, "passport", by="admin")
        prepared, proof = _touched(site, stream, other)
        body = _body(site.signing.complete(prepared.id, proof))
        expect(body.evidence["credential"] == new, "another key than the new one has signed.")
        return f"{words} Then replaced: {name} by {new}"


def openid_login_signs_the_statement(bench: Bench) -> str:
    """An OpenID provider signs the statement by a fresh log-in; stale and foreign ones are refused.

    It runs against a provider on this machine; one that the home uses is asked by another check.
    """
    with LoopbackProvider() as provider, bench.site() as site:
        ceremony = bench.ceremony(site, providers=[provider.settings()])
        _enrol(
            site, CredentialKind.OIDC, lambda begun: provider.log_in(begun["url"]), ceremony,
            provider=NAME, redirect_uri=BACK,
        )  # fmt: skip
        stream = batch(bench, site)

        def sign() -> Any:
            prepared = ceremony.signing.prepare(_asked(stream), WHO)
            begun = ceremony.signing.options(prepared, "oidc", provider=NAME, redirect_uri=BACK)
            answer = provider.log_in(begun["url"])
            return ceremony.signing.complete(prepared.id, {"kind": "oidc", **answer})

        misdeeds: tuple[tuple[str, dict[str, Any]], ...] = (
            ("a token for another statement", {"nonce": "0" * 64}),
            ("an old log-in", {"auth_time": 1}),
            ("the log-in of another person", {"sub": "another"}),
        )
        for what, provider.claims in misdeeds:
            words = refused(what, sign, DeniedError)
        provider.claims = {}
        body = _body(sign())
    _expect_bound(body, "the token of the provider")
    return f"signed by {body.evidence['issuer']}; the log-in of another person: {words}"


def openid_provider_answers(bench: Bench) -> str:
    """Each OpenID provider that this home names answers, calls itself so, and shows its keys."""
    from goldenbatch.runtime import _ceremony_oidc as oidc

    site = bench.home_site
    providers = site.settings.signing.providers if site is not None else ()
    if site is None or not providers:
        raise NotApplicableError("this home takes no log-ins of an OpenID provider.")
    seen = []
    for one in providers:
        try:
            flow, _ = oidc.begin(site.settings.signing, one.name, "0" * 64, BACK, site.clock())
            keys = oidc._json(one, flow.jwks_uri).get("keys")  # noqa: SLF001  the same way as a log-in
        except GoldenbatchError as error:
            raise CheckFailedError(f"provider {one.name}: {error.message}") from error
        expect(isinstance(keys, list) and keys, f"provider {one.name} shows no keys.")
        seen.append(f"{one.name} ({one.issuer}): {len(keys or ())} keys")
    return "; ".join(seen)


def series_asks_again_after_idling(bench: Bench) -> str:
    """The first signature of a session takes all components, further ones one, until it idles."""
    seconds = [0.0]
    with bench.site() as site:
        signing = bench.ceremony(site, lambda: seconds[0]).signing
        uid = bench.person(site, WHO).uid
        session = Session("session-1", uid)
        whole = {"kind": "password", "login": WHO, "password": bench.entry}
        part = {"kind": "password", "password": bench.entry}
        n_batches = 0

        def sign(proof: Mapping[str, str], where: Session = session) -> SignatureApplied:
            nonlocal n_batches
            n_batches += 1
            stream = batch(bench, site, f"OQ-{n_batches}")
            prepared = signing.prepare(_asked(stream), WHO)
            return _body(signing.complete(prepared.id, proof, where))

        words = refused("a first signature by password alone", lambda: sign(part), DeniedError)
        begun, continued = sign(whole), sign(part)
        shown = (begun.evidence["series"], continued.evidence["series"])
        expect(shown == ("begun", "continued"), f"the records call them {shown}.")
        refused("a series in a second session", lambda: sign(part, Session("session-2", uid)),
                DeniedError)  # fmt: skip
        sign(whole)
        seconds[0] += site.settings.signing.idle_s
        refused("a series after idling", lambda: sign(part), DeniedError)
        return f"idle end after {site.settings.signing.idle_s} s; {words}"


def statement_serves_once_and_in_time(bench: Bench) -> str:
    """A prepared statement is signed once, in its time, and only while the record is unchanged."""
    seconds = [0.0]
    with bench.site() as site:
        signing = bench.ceremony(site, lambda: seconds[0]).signing
        stream = batch(bench, site)
        whole = {"kind": "password", "login": WHO, "password": bench.entry}

        def prepared() -> str:
            return signing.prepare(_asked(stream), WHO).id

        late = prepared()
        seconds[0] += site.settings.signing.statement_s
        words = refused("a late statement", lambda: signing.complete(late, whole), DeniedError)
        stale = prepared()
        _end(bench, site, stream)
        refused("a statement of an older version", lambda: signing.complete(stale, whole),
                ConflictError)  # fmt: skip
        once = prepared()
        signing.complete(once, whole)
        refused("a statement that was signed", lambda: signing.complete(once, whole), DeniedError)
        return f"late: {words}"


def _end(bench: Bench, site: LocalSite, stream: str) -> None:
    from goldenbatch.core.batches import BatchEnded
    from goldenbatch.runtime._oq_bench import record

    name = stream.removeprefix("batch/")
    ended = BatchEnded(batch=name, ended_at=bench.clock(), outcome="completed")
    record(site, stream, ended, bench.person(site, WHO).uid)


def weak_password_refused(bench: Bench) -> str:
    """A short password is refused when it is chosen, and an enrolment token serves once."""
    with bench.site() as site:
        bench.newcomer(site, "newcomer", bench.role("sign:performed"))
        token = site.credentials.offer("newcomer", "password", "new", by="admin")

        def choose(password: str) -> object:
            begun = site.credentials.begin("newcomer", token)
            return site.credentials.finish(
                "newcomer", token, begun["enrolment"], {"password": password}
            )

        words = refused("a short password", lambda: choose("short"), BadInputError)
        choose(bench.entry)
        refused("a token that was used", lambda: choose(bench.entry), DeniedError)
        return words


def policy_sets_the_class(bench: Bench) -> str:
    """Where the policy asks for a signature bound to its signer, a password is not taken."""
    text = bench.policy_text
    row = '[[rules]]\naction = "sign:performed"\n'
    if row not in text:
        raise CheckFailedError("the policy's rule for sign:performed cannot be found in its text.")
    changed = text.replace(row, f'{row}minimum_class = "signer-bound"\n', 1)
    with bench.site(bench.made("bound", changed, (WHO, "admin"))) as site:
        stream = batch(bench, site)
        words = refused(
            "a password where the policy asks for a key",
            lambda: bench.sign(site, stream, "performed", WHO),
            DeniedError,
        )
        key = _key_of(site)
        _enrol_key(site, key)
        prepared, proof = _touched(site, stream, key)
        body = _body(site.signing.complete(prepared.id, proof))
        _expect_class(body, SignerClass.SIGNER_BOUND)
        return words
