"""The ceremony: prepared, shown, signed by a proof over the hash; and what is refused."""

import pyotp
import pytest
from gbx_authenticator import PRESENT, Authenticator
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError
from goldenbatch.core.people import Meaning, SignatureApplied, signature_state
from goldenbatch.core.signatures import signature_class
from goldenbatch.runtime.signing import Asked, Session, attestation_fault

PASSWORD = "a long password"
REVIEW = Asked("batch/B7", Meaning.REVIEWED)


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch):
    """Argon2id with little memory: the strength is not what is tested here."""
    import argon2

    real = argon2.PasswordHasher
    monkeypatch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))


def person(site, login, role="quality_reviewer"):
    uid = site.people.add(login, login.title(), PASSWORD)
    if role:
        site.people.grant(login, role, "test")
    return uid


@pytest.fixture
def team(bench, site):
    """Ann and Bob review; Root and Ruth administer; a batch waits for them."""
    for login, role in (("ann", "quality_reviewer"), ("bob", "quality_reviewer"),
                        ("root", "administrator"), ("ruth", "administrator")):  # fmt: skip
        person(site, login, role)
    bench.batch(site, "B7", 0)
    return site


def enrol(site, login, device, label="key", by="root"):
    """Enrol an authenticator, its identity checked by another person."""
    token = site.credentials.offer(login, "webauthn", "new key", by=by)
    begun = site.credentials.begin(login, token)
    answer = {"response": device.create(begun["options"]), "label": label}
    name = site.credentials.finish(login, token, begun["enrolment"], answer)
    site.credentials.confirm(login, name, "passport", by="ruth")
    return name


def enrol_app(site, login):
    token = site.credentials.offer(login, "totp", "app", by="root")
    begun = site.credentials.begin(login, token)
    app = pyotp.TOTP(begun["secret"])
    answer = {"code": app.at(site.clock() // 1_000_000), "label": "phone"}
    name = site.credentials.finish(login, token, begun["enrolment"], answer)
    with pytest.raises(DeniedError, match="handed over the token"):
        site.credentials.confirm(login, name, "knows her", by="root")
    site.credentials.confirm(login, name, "knows her", by="ruth")
    return app


def by_password(login="ann", **more):
    return {"kind": "password", "login": login, "password": PASSWORD, **more}


def touched(site, login, device, asked=REVIEW, **misdeeds):
    """Prepare, and let the authenticator answer."""
    prepared = site.signing.prepare(asked, login)
    options = site.signing.options(prepared, "webauthn")["options"]
    return prepared, {"kind": "webauthn", "response": device.get(options, **misdeeds)}


def n_signatures(site):
    return len(list(site.ledger.events(kinds={"SignatureApplied"})))


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
    team.signing.complete(*_ready(team, device))
    device.counter -= 1  # a copy that was made before the last use
    with pytest.raises(DeniedError, match="may be a copy"):
        team.signing.complete(*_ready(team, device))
    known = team.credentials.wallet("ann").credentials[name]
    assert known.status == "suspended"
    (alert,) = team.ledger.select("security_alert")
    assert alert["role"] == "administrator"
    device.counter += 10
    prepared = team.signing.prepare(REVIEW, "ann")
    assert prepared.methods == ("password",)


def _ready(site, device, login="ann"):
    prepared, proof = touched(site, login, device)
    return prepared.id, proof


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


def test_the_record_changed_between(team, bench):
    device = Authenticator()
    enrol(team, "ann", device)
    prepared, proof = touched(team, "ann", device)
    bench.end(team, "B7") if hasattr(bench, "end") else _change(team)
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
            team.signing.complete(*_ready(team, other))
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
    team.signing.complete(*_ready(team, device))
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


# ---- transplanted evidence ----------------------------------------------------------------------


def test_evidence_cannot_be_moved(team, bench):
    """To another statement, another person, another record: refused by `verify` (11.70)."""
    from goldenbatch.core.records import NewEvent

    hers, his = Authenticator(), Authenticator()
    enrol(team, "ann", hers)
    enrol(team, "bob", his)
    (event,) = team.signing.complete(*_ready(team, hers))
    good = event.decode()
    bench.batch(team, "B9", 0)
    wallet = team.credentials.wallet("bob").credentials
    moved = good.model_copy(update={"meaning": Meaning.RELEASED})
    moved = moved.model_copy(update={"statement_hash": moved.statement().digest()})
    assert "another statement" in attestation_fault(moved, [])
    bob = team.people.find("bob")
    stolen = good.model_copy(update={"signer": bob.uid, "printed_name": "Bob"})
    assert "never had the credential" in attestation_fault(stolen, [], wallet)
    record = team.ledger.stream("batch/B9")[-1]
    elsewhere = good.model_copy(
        update={
            "stream": "batch/B9", "version": record.envelope.version, "record_hash": record.leaf,
        }
    )  # fmt: skip
    team.ledger.append(
        [NewEvent("batch/B9", elsewhere, record.envelope.version, actor=good.signer)]
    )
    faults = " ".join(str(one) for one in team.verify().problems)
    assert "does not fit the statement" in faults
    (state,) = signature_state(team.ledger.stream("batch/B9"))
    assert not state.is_signed


FLIPPED = ("public_key", "signed_bytes", "signature", "client_data", "rp_id", "algorithm")


@settings(max_examples=40)
@given(name=st.sampled_from(FLIPPED), at=st.integers(0, 10_000), to=st.sampled_from("AZaz09+/=."))
def test_changed_evidence_is_refused(signed, name, at, to):
    body, wallet = signed
    text = body.evidence[name]
    place = at % len(text)
    changed = text[:place] + to + text[place + 1 :]
    evidence = {**body.evidence, name: changed}
    fault = attestation_fault(body.model_copy(update={"evidence": evidence}), [], wallet)
    assert bool(fault) == (changed != text)


@pytest.fixture(scope="module")
def signed(tmp_path_factory, _empty_home):
    """One good signature by an authenticator, and its signer's credentials."""
    import shutil

    from gbx_bench import START, Bench, Clock

    path = tmp_path_factory.mktemp("signed") / "home"
    shutil.copytree(_empty_home, path)
    bench, device = Bench(path, Clock(START + 60_000_000)), Authenticator()
    with bench.open() as site:
        person(site, "ann")
        person(site, "root", "administrator")
        person(site, "ruth", "administrator")
        bench.batch(site, "B7", 0)
        enrol(site, "ann", device)
        (event,) = site.signing.complete(*_ready(site, device))
        return event.decode(), site.credentials.wallet("ann").credentials


# ---- no sequence of calls signs without a fresh proof -------------------------------------------

STEPS = st.lists(
    st.sampled_from(
        [
            "prepare",
            "wrong",
            "short",
            "none",
            "other",
            "stale",
            "options",
            "good",
            "touch",
            "log out",
        ]
    ),
    max_size=12,
)


@settings(max_examples=12)
@given(steps=STEPS)
def test_no_sequence_signs_without_a_fresh_proof(signed_up, steps):
    site, device, session, state = signed_up
    for step in steps:
        before = n_signatures(site)
        is_expected = _step(site, device, session, state, step)
        assert n_signatures(site) - before == int(is_expected), step
    for event in site.ledger.events(kinds={"SignatureApplied"}):
        body = event.decode()
        assert isinstance(body, SignatureApplied)
        wallet = site.credentials.wallet("ann").credentials
        assert attestation_fault(body, site.keys.known(), wallet) == ""
    uses = [one.body["statement_hash"] for one in site.ledger.events(kinds={"CredentialUsed"})]
    assert len(uses) == len(set(uses))


def _step(site, device, session, state, step):
    """Take one step; whether a signature must come of it."""
    if step == "log out":
        site.signing.series.end(session.key)
        state["open"] = False
        return False
    if step in ("prepare", "options"):
        prepared = site.signing.prepare(REVIEW, "ann")
        if step == "options":
            state["stale"] = device.get(site.signing.options(prepared, "webauthn")["options"])
        return False
    prepared = site.signing.prepare(REVIEW, "ann")
    proof = {
        "wrong": by_password() | {"password": "wrong password"},
        "short": {"kind": "password", "password": PASSWORD},
        "none": {"kind": "password"},
        "other": by_password("bob"),
        "stale": {"kind": "webauthn", "response": state["stale"]},
        "good": by_password(),
        "touch": None,
    }[step]
    if proof is None:
        options = site.signing.options(prepared, "webauthn")["options"]
        proof = {"kind": "webauthn", "response": device.get(options)}
    # In a series one's own password alone is enough; before it, it never is.
    is_good = step in ("good", "touch") or (step in ("short", "other") and state["open"])
    state["open"] = is_good
    if is_good:
        return bool(site.signing.complete(prepared.id, proof, session))
    with pytest.raises(DeniedError):
        site.signing.complete(prepared.id, proof, session)
    site.people.unlock("ann", "test")
    return False


@pytest.fixture
def signed_up(team):
    device = Authenticator()
    enrol(team, "ann", device)
    prepared = team.signing.prepare(REVIEW, "ann")
    stale = device.get(team.signing.options(prepared, "webauthn")["options"])
    session = Session("s1", team.people.find("ann").uid)
    return team, device, session, {"open": False, "stale": stale}


def test_a_policy_asks_for_a_class_and_for_components(tmp_path):
    from gbx_bench import FOUND, PLANT, START, Clock

    from goldenbatch.core.batches import BatchCreated
    from goldenbatch.core.policy import first_policy_text
    from goldenbatch.core.records import NewEvent
    from goldenbatch.runtime.home import HomeSettings, create_home
    from goldenbatch.runtime.local import LocalSite

    text, clock = first_policy_text(), Clock(START)
    for meaning, asked in (("reviewed", 'minimum_class = "signer-bound"'),
                           ("approved", "components = 3")):  # fmt: skip
        head = f'action = "sign:{meaning}"\n'
        assert head in text
        text = text.replace(head, f"{head}{asked}\n")
    create_home(tmp_path / "h", HomeSettings("P", "s", PLANT, policy=text), clock=clock)
    device = Authenticator()
    with LocalSite.open(tmp_path / "h", clock=clock, discovery=FOUND) as site:
        for login, role in (("ann", "quality_reviewer"), ("root", "administrator"),
                            ("ruth", "administrator")):  # fmt: skip
            person(site, login, role)
        body = BatchCreated(batch="B7", product="P")
        site.ledger.append([NewEvent("batch/B7", body, 0, actor="importer")])
        with pytest.raises(DeniedError, match="must be signer-bound"):
            site.signing.prepare(REVIEW, "ann")
        with pytest.raises(DeniedError, match="which a password is not"):
            site.sign("batch/B7", "reviewed", "ann", PASSWORD)
        with pytest.raises(DeniedError, match="no authenticator app"):
            site.sign("batch/B7", "approved", "ann", PASSWORD)
        enrol(site, "ann", device)
        prepared = site.signing.prepare(REVIEW, "ann")
        assert prepared.methods == ("webauthn",)
        with pytest.raises(DeniedError, match="which a password is not"):
            site.signing.complete(prepared.id, by_password())
        (event,) = site.signing.complete(*_ready(site, device))
        assert event.decode().signer_class == "signer-bound"
        assert n_signatures(site) == 1
        assert site.verify().is_ok
