"""The ceremony: prepared, shown, signed by a proof over the hash; and what is refused."""

import pytest
from gbx_authenticator import PRESENT, Authenticator
from gbx_ceremony import (
    PASSWORD,
    REVIEW,
    by_password,
    enrol,
    enrol_app,
    n_signatures,
    ready,
    touched,
)

from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError
from goldenbatch.core.signatures import signature_class
from goldenbatch.runtime.signing import Session, attestation_fault
from goldenbatch.verifier import goldenbatch_verify

pytestmark = pytest.mark.usefixtures("cheap_hashes")


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_an_authenticator_signs_over_the_statement(team, algorithm):
    device = Authenticator(algorithm)
    name = enrol(team, "ann", device)
    prepared, proof = touched(team, "ann", device)
    assert prepared.statement.digest() == prepared.statement_hash
    assert (prepared.record.stream, prepared.methods) == ("batch/B7", ("password", "webauthn"))
    (event,) = team.signing.complete(prepared.id, proof)
    body = event.decode()
    assert body.signer_class == "signer-bound" == body.evidence["class"]
    assert body.evidence["credential"] == name
    assert body.statement() == prepared.statement
    assert attestation_fault(body, []) == ""  # no key of the home is needed
    digest = bytes.fromhex(body.statement_hash)
    goldenbatch_verify.check_bound(body.method, body.evidence, digest)
    with pytest.raises(ValueError, match="another statement"):
        goldenbatch_verify.check_bound(body.method, body.evidence, bytes(32))
    row = team.ledger.select("signature", {"stream": "batch/B7"})[0]
    assert (row["class"], row["method"]) == ("signer-bound", "webauthn")
    assert team.verify().is_ok


@pytest.mark.parametrize(
    ("device", "misdeeds", "why"),
    [
        (Authenticator(flags=PRESENT), {}, "not verified"),
        (Authenticator(), {"rp_id": "evil.example"}, "RP ID"),
        (Authenticator(), {"challenge": "AAAA"}, "challenge"),
        (Authenticator(origin="https://evil.example"), {}, "origin"),
    ],
)
def test_authenticators_that_misbehave(team, device, misdeeds, why):
    flags, origin = device.flags, device.origin
    device.flags, device.origin = 0x05, "http://localhost:8600"
    enrol(team, "ann", device)
    device.flags, device.origin = flags, origin
    prepared, proof = touched(team, "ann", device, **misdeeds)
    with pytest.raises(DeniedError, match=why):
        team.signing.complete(prepared.id, proof)
    assert n_signatures(team) == 0
    last = team.ledger.stream(f"user/{prepared.statement.signer}")[-1]
    assert last.kind == "ProofRejected"


def test_registration_without_user_verification_is_refused(team):
    token = team.credentials.offer("ann", "webauthn", "new key", by="root")
    begun = team.credentials.begin("ann", token)
    answer = {"response": Authenticator(flags=PRESENT).create(begun["options"])}
    with pytest.raises(DeniedError, match="verification"):
        team.credentials.finish("ann", token, begun["enrolment"], answer)


def test_an_answer_serves_once(team):
    device = Authenticator()
    enrol(team, "ann", device)
    prepared, proof = touched(team, "ann", device)
    team.signing.complete(prepared.id, proof)
    with pytest.raises(DeniedError, match="it was used"):
        team.signing.complete(prepared.id, proof)
    again = team.signing.prepare(REVIEW, "ann")
    with pytest.raises(DeniedError, match="challenge"):
        team.signing.complete(again.id, proof)
    assert n_signatures(team) == 1


def test_a_copied_authenticator_is_suspended_and_told(team):
    device = Authenticator()
    name = enrol(team, "ann", device)
    team.signing.complete(*ready(team, device))
    device.counter -= 1  # a copy that was made before the last use
    with pytest.raises(DeniedError, match="may be a copy"):
        team.signing.complete(*ready(team, device))
    known = team.credentials.wallet("ann").credentials[name]
    assert known.status == "suspended"
    (alert,) = team.ledger.select("security_alert")
    assert alert["role"] == "administrator"
    device.counter += 10
    prepared = team.signing.prepare(REVIEW, "ann")
    assert prepared.methods == ("password",)


def test_another_persons_authenticator(team):
    hers, his = Authenticator(), Authenticator()
    enrol(team, "ann", hers)
    enrol(team, "bob", his)
    prepared = team.signing.prepare(REVIEW, "ann")
    options = team.signing.options(prepared, "webauthn")["options"]
    with pytest.raises(DeniedError, match="not one of the person's"):
        team.signing.complete(prepared.id, {"kind": "webauthn", "response": his.get(options)})
    token = team.credentials.offer("bob", "webauthn", "again", by="root")
    begun = team.credentials.begin("bob", token)
    with pytest.raises(ConflictError, match="enrolled already"):
        team.credentials.finish(
            "bob", token, begun["enrolment"], {"response": hers.create(begun["options"])}
        )


def test_the_record_changed_between(team):
    device = Authenticator()
    enrol(team, "ann", device)
    prepared, proof = touched(team, "ann", device)
    _change(team)
    with pytest.raises(ConflictError, match="not at the shown"):
        team.signing.complete(prepared.id, proof)
    assert n_signatures(team) == 0


def _change(site):
    from goldenbatch.core.batches import MaterialConsumed
    from goldenbatch.core.records import NewEvent

    body = MaterialConsumed(batch="B7", material="M", lot="L")
    site.ledger.append([NewEvent("batch/B7", body, site.ledger.version("batch/B7"), actor="x")])


def test_the_right_is_lost_between(team):
    prepared = team.signing.prepare(REVIEW, "ann")
    team.people.revoke("ann", "quality_reviewer", "moved")
    with pytest.raises(DeniedError, match="is denied"):
        team.signing.complete(prepared.id, by_password())
    prepared = team.signing.prepare(REVIEW, "bob")
    team.people.disable("bob", "left")
    with pytest.raises(DeniedError, match="closed"):
        team.signing.complete(prepared.id, by_password("bob"))


def test_a_statement_ends_by_the_servers_own_timer(team):
    now = [0.0]
    team.signing._waiting.timer = lambda: now[0]
    prepared = team.signing.prepare(REVIEW, "ann")
    now[0] = 299.0
    late = team.signing.prepare(REVIEW, "ann")
    now[0] = 300.0
    with pytest.raises(DeniedError, match="its time is over"):
        team.signing.complete(prepared.id, by_password())
    assert team.signing.complete(late.id, by_password())


def test_series_in_one_session(team):
    """21 CFR 11.200(a)(1): all components first, one at each later signing, idle ends it."""
    now, session = [0.0], Session("s1", team.people.find("ann").uid)
    team.signing.series.timer = lambda: now[0]

    def sign(proof, session=session, login="ann"):
        return team.signing.complete(team.signing.prepare(REVIEW, login).id, proof, session)[-1]

    short = {"kind": "password", "password": PASSWORD}
    with pytest.raises(DeniedError, match="needs all components"):
        sign(short)
    first = sign(by_password()).decode()
    assert first.evidence["components"] == "login password"
    later = sign(short).decode()
    assert (later.evidence["components"], later.evidence["series"]) == ("password", "continued")
    with pytest.raises(DeniedError, match="wrong"):
        sign({"kind": "password"})
    with pytest.raises(DeniedError, match="needs all components"):
        sign(short)  # the wrong proof has ended the series
    sign(by_password())
    now[0] += 299
    sign(short)
    now[0] += 300
    with pytest.raises(DeniedError, match="needs all components"):
        sign(short)
    sign(by_password())
    sign(by_password("bob"), login="bob")  # another person at the same session
    with pytest.raises(DeniedError, match="needs all components"):
        sign(short)


def test_series_end_with_log_out_and_never_cross_sessions(team):
    session = Session("s1", team.people.find("ann").uid)
    team.signing.complete(team.signing.prepare(REVIEW, "ann").id, by_password(), session)
    short = {"kind": "password", "password": PASSWORD}
    for other in (Session(), Session("s2", session.uid)):
        with pytest.raises(DeniedError, match="needs all"):
            team.signing.complete(team.signing.prepare(REVIEW, "ann").id, short, other)
    team.signing.series.end("s1")
    with pytest.raises(DeniedError, match="needs all"):
        team.signing.complete(team.signing.prepare(REVIEW, "ann").id, short, session)


def test_codes_of_an_app_are_asked_for_and_serve_once(bench, team):
    app = enrol_app(team, "ann")
    with pytest.raises(DeniedError, match="code is wrong"):
        team.signing.sign("batch/B7", "reviewed", "ann", PASSWORD)
    bench.clock.now += 60_000_000
    code = app.at(bench.clock.now // 1_000_000)
    event = team.signing.sign("batch/B7", "reviewed", "ann", PASSWORD, code=code)
    body = event.decode()
    assert body.method == "password+totp+home-key"
    assert body.evidence["components"] == "code login password"
    assert signature_class(body.method) == "server-attested"
    with pytest.raises(DeniedError, match="used before"):
        team.signing.sign("batch/B7", "reviewed", "ann", PASSWORD, code=code)
    assert n_signatures(team) == 1
    session = Session("s1", body.signer)
    bench.clock.now += 60_000_000
    code = app.at(bench.clock.now // 1_000_000)
    prepared = team.signing.prepare(REVIEW, "ann")
    team.signing.complete(prepared.id, by_password(code=code), session)
    bench.clock.now += 60_000_000
    only = {"kind": "totp", "code": app.at(bench.clock.now // 1_000_000)}
    prepared = team.signing.prepare(REVIEW, "ann")
    (event,) = team.signing.complete(prepared.id, only, session)
    assert event.decode().method == "totp+home-key"
    assert team.verify().is_ok


def test_the_secret_of_an_app_is_sealed(team):
    app = enrol_app(team, "ann")
    assert app.secret not in str([event.body for event in team.ledger.events()])
    files = [one for one in team.path.rglob("*") if one.is_file()]
    assert not any(app.secret.encode() in one.read_bytes() for one in files)


def test_refused_proofs_lock_and_are_told(team):
    device, other = Authenticator(), Authenticator()
    enrol(team, "ann", device)
    other.id = device.id
    for _ in range(5):
        with pytest.raises(DeniedError, match="signature"):
            team.signing.complete(*ready(team, other))
        other.counter += 1
    with pytest.raises(DeniedError, match="locked"):
        team.signing.prepare(REVIEW, "ann")
    (alert,) = team.ledger.select("security_alert")
    assert "locked after 5" in alert["what"]


# ---- enrolment and replacement ------------------------------------------------------------------


def test_a_credential_counts_only_once_a_second_person_confirmed_it(team):
    device = Authenticator()
    token = team.credentials.offer("ann", "webauthn", "new key", by="ann")
    begun = team.credentials.begin("ann", token)
    answer = {"response": device.create(begun["options"])}
    name = team.credentials.finish("ann", token, begun["enrolment"], answer)
    assert team.signing.prepare(REVIEW, "ann").methods == ("password",)
    with pytest.raises(DeniedError, match="another person"):
        team.credentials.confirm("ann", name, "I know myself", by="ann")
    team.credentials.confirm("ann", name, "passport", by="root")
    assert team.signing.prepare(REVIEW, "ann").methods == ("password", "webauthn")
    with pytest.raises(DeniedError, match="token is wrong, was used"):
        team.credentials.begin("ann", token)


def test_tokens_are_for_one_person_once_and_for_a_while(bench, team):
    token = team.credentials.offer("ann", "totp", "app", by="root")
    with pytest.raises(DeniedError, match="token is wrong"):
        team.credentials.begin("bob", token)
    assert token not in str([event.body for event in team.ledger.events()])
    bench.clock.now += 25 * 3600 * 1_000_000
    with pytest.raises(DeniedError, match="its time is over"):
        team.credentials.begin("ann", token)
    with pytest.raises(BadInputError, match="no kind of credential"):
        team.credentials.offer("ann", "crystal ball", "x", by="root")


def test_a_lost_password_takes_two_people_and_its_owner(team):
    uid = team.people.find("ann").uid
    with pytest.raises(DeniedError, match="another person"):
        team.credentials.request_replacement("ann", "password", "lost", by="ann")
    with pytest.raises(DeniedError, match="named people"):
        team.credentials.request_replacement("ann", "password", "lost", by="")
    with pytest.raises(ConflictError, match="nobody has asked"):
        team.credentials.approve_replacement("ann", "password", by="ruth")
    team.credentials.request_replacement("ann", "password", "lost", by="root")
    with pytest.raises(DeniedError, match="does not agree to it too"):
        team.credentials.approve_replacement("ann", "password", by="root")
    with pytest.raises(DeniedError):
        team.credentials.approve_replacement("ann", "password", by="bob")
    token = team.credentials.approve_replacement("ann", "password", by="ruth")
    with pytest.raises(DeniedError, match="wrong"):
        team.people.authenticate("ann", PASSWORD)
    begun = team.credentials.begin("ann", token)
    chosen = {"password": "one that ann chose"}
    team.credentials.finish("ann", token, begun["enrolment"], chosen)
    assert team.people.authenticate("ann", chosen["password"]).uid == uid
    events = team.ledger.stream(f"user/{uid}")
    kinds = [one.kind for one in events]
    for kind in ("ReplacementRequested", "ReplacementApproved", "CredentialRevoked",
                 "EnrolmentOffered", "CredentialReplaced"):  # fmt: skip
        assert kinds.count(kind) == 1
    (chosen_by,) = {one.envelope.actor for one in events if one.kind == "PasswordSet"} - {
        "operator"
    }
    assert chosen_by == uid


def test_a_revoked_authenticator_signs_no_more_and_its_signatures_stay(team):
    device = Authenticator()
    name = enrol(team, "ann", device)
    team.signing.complete(*ready(team, device))
    prepared, proof = touched(team, "ann", device)
    team.credentials.revoke("ann", name, "lost", by="ann")
    with pytest.raises(DeniedError, match="not one of"):
        team.signing.complete(prepared.id, proof)
    assert team.verify().is_ok


def test_in_production_nobody_chooses_for_another(tmp_path):
    from gbx_bench import FOUND, PLANT, START, Clock

    from goldenbatch.core.records import HomeKind
    from goldenbatch.runtime.home import HomeSettings, create_home
    from goldenbatch.runtime.local import LocalSite

    path, clock = tmp_path / "gmp", Clock(START)
    create_home(path, HomeSettings("G", "s", PLANT, kind=HomeKind.PRODUCTION), clock=clock)
    with LocalSite.open(path, clock=clock, discovery=FOUND) as site:
        with pytest.raises(DeniedError, match="for another person"):
            site.people.add("ann", "Ann", PASSWORD)
        site.people.add("ann", "Ann")
        with pytest.raises(DeniedError, match="wrong"):
            site.people.authenticate("ann", "")
        token = site.credentials.offer("ann", "password", "new account")
        begun = site.credentials.begin("ann", token)
        site.credentials.finish("ann", token, begun["enrolment"], {"password": PASSWORD})
        assert site.people.authenticate("ann", PASSWORD)
        token = site.credentials.offer("ann", "webauthn", "key")
        begun = site.credentials.begin("ann", token)
        answer = {"response": Authenticator().create(begun["options"])}
        name = site.credentials.finish("ann", token, begun["enrolment"], answer)
        with pytest.raises(DeniedError, match="named person"):
            site.credentials.confirm("ann", name, "passport")
