"""People: accounts, passwords that lock, roles, and signatures that hold."""

import pytest
from gbx_bench import TEMP

from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError, NotFoundError
from goldenbatch.core.people import SignatureApplied, SigningStatement, signature_state
from goldenbatch.core.signatures import proposal_digest
from goldenbatch.runtime import people as accounts
from goldenbatch.runtime.signing import attestation_fault

PASSWORD = "a long password"


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch):
    """Argon2id with little memory: the strength is not what is tested here."""
    import argon2

    real = argon2.PasswordHasher
    monkeypatch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))


def person(site, login="ann", role="quality_reviewer"):
    uid = site.people.add(login, login.title(), PASSWORD)
    if role:
        site.people.grant(login, role, "test")
    return uid


@pytest.fixture
def finding(bench, site):
    """Uid of an open finding."""
    site.adopt("hot", "test.threshold", {"tag": TEMP, "limit": 30.0})
    bench.batch(site, "B1", 0)
    bench.write(site, [(10, 40.0)])
    return site.wake()[0].uid


def test_accounts(site):
    uid = person(site)
    assert site.people.find("ann").roles == {"quality_reviewer"}
    assert site.people.authenticate("ann", PASSWORD).uid == uid
    with pytest.raises(ConflictError, match="taken"):
        site.people.add("ann", "Another", PASSWORD)
    with pytest.raises(BadInputError, match="12 to 1000 characters, this one has 5"):
        site.people.add("bob", "Bob", "short")
    with pytest.raises(NotFoundError, match="nobody has the login"):
        site.people.find("bob")
    site.people.revoke("ann", "quality_reviewer", "moved")
    assert site.people.find("ann").roles == set()
    stored = site.ledger.stream(f"user/{uid}")
    assert all(PASSWORD not in str(event.body) for event in stored)
    assert {event.envelope.data_class.value for event in stored} == {"personal"}
    assert {event.envelope.actor for event in stored} == {"operator"}


def test_shipped_hashes_are_argon2id(monkeypatch):
    monkeypatch.undo()
    encoded = accounts.hash_password(PASSWORD)
    assert encoded.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert accounts.is_password(encoded, PASSWORD)
    assert not accounts.is_password(encoded, PASSWORD + "!")
    assert not accounts.is_password("", PASSWORD)


def test_roles_that_may_not_stand_together(site):
    person(site)
    with pytest.raises(BadInputError, match="cannot hold administrator together with"):
        site.people.grant("ann", "administrator", "test")
    with pytest.raises(BadInputError, match="knows no role 'king'"):
        site.people.grant("ann", "king", "test")


def test_people_manage_people_only_by_the_policy(site):
    person(site)
    person(site, "root", "administrator")
    site.people.add("bob", "Bob", PASSWORD, by="root")
    with pytest.raises(DeniedError, match="user:add is denied"):
        site.people.add("eve", "Eve", PASSWORD, by="ann")
    site.people.disable("bob", "left", by="root")
    with pytest.raises(DeniedError, match="closed"):
        site.people.authenticate("bob", PASSWORD)
    site.people.enable("bob", "came back", by="root")
    assert site.people.authenticate("bob", PASSWORD).is_active


def test_wrong_passwords_lock_and_an_administrator_unlocks(site):
    uid = person(site)
    person(site, "root", "administrator")
    for _ in range(5):
        with pytest.raises(DeniedError, match="login or password is wrong"):
            site.people.authenticate("ann", "wrong password")
    with pytest.raises(DeniedError, match="locked"):
        site.people.authenticate("ann", PASSWORD)
    kinds = [event.kind for event in site.ledger.stream(f"user/{uid}")][-7:]
    assert kinds == ["PasswordRejected"] * 5 + ["AccountLocked", "ProofRejected"]
    assert len(site.ledger.select("security_alert")) == 1  # one alert, however long they try
    with pytest.raises(DeniedError):
        site.people.unlock("ann", "mine", by="ann")
    site.people.unlock("ann", "called me", by="root")
    assert site.people.authenticate("ann", PASSWORD).uid == uid


def test_attempts_long_ago_do_not_lock(bench, site):
    person(site)
    for _ in range(4):
        with pytest.raises(DeniedError):
            site.people.authenticate("ann", "wrong password")
    bench.clock.now += 15 * 60 * 1_000_000
    with pytest.raises(DeniedError):
        site.people.authenticate("ann", "wrong password")
    assert site.people.authenticate("ann", PASSWORD)


def test_unknown_login_is_not_told_from_a_wrong_password(site):
    person(site)
    messages = set()
    for login in ("ann", "nobody"):
        with pytest.raises(DeniedError) as caught:
            site.people.authenticate(login, "wrong password")
        messages.add(str(caught.value))
    assert len(messages) == 1


def test_a_locked_account_answers_like_one_that_is_not_there(site):
    person(site)
    for _ in range(5):
        with pytest.raises(DeniedError):
            site.people.authenticate("ann", "wrong password")
    messages = set()
    for login, password in (("ann", PASSWORD), ("ann", "wrong password"), ("nobody", "x")):
        with pytest.raises(DeniedError) as caught:
            site.people.authenticate(login, password)
        messages.add(str(caught.value))
    assert len(messages) == 1


def test_unknown_and_known_logins_take_the_same_work_and_about_the_same_time(site, monkeypatch):
    """Real hashes, interleaved; the work is counted, the time only compared in the large."""
    import statistics
    import time

    import argon2

    monkeypatch.undo()  # the real hash, at its real cost
    for login in ("ann", "bob"):
        site.people.add(login, login.title(), PASSWORD)
    hashed = []
    real = argon2.PasswordHasher.verify
    monkeypatch.setattr(
        argon2.PasswordHasher, "verify", lambda *given: hashed.append(1) or real(*given)
    )
    times = {"ann": [], "bob": [], "nobody": []}
    for _ in range(5):
        with pytest.raises(DeniedError):
            site.people.authenticate("bob", "wrong")  # bob ends up locked
    for _ in range(4):
        for login, taken in times.items():
            before, n_hashed, begun = site.ledger.head(), len(hashed), time.perf_counter()
            with pytest.raises(DeniedError):
                site.people.authenticate(login, "wrong password")
            taken.append(time.perf_counter() - begun)
            assert (site.ledger.head() - before, len(hashed) - n_hashed) == (1, 1), login
    medians = [statistics.median(taken) for taken in times.values()]
    assert max(medians) < 3 * min(medians), times


def test_passwords_change(site):
    person(site)
    site.people.set_password("ann", PASSWORD, "another password")
    assert site.people.authenticate("ann", "another password")
    with pytest.raises(DeniedError):
        site.people.authenticate("ann", PASSWORD)


def test_decision_and_signature_stand_together(site, finding):
    uid = person(site)
    decision, signature = site.decide(finding, "confirmed", "I saw it", "ann", PASSWORD)
    body = signature.decode()
    assert isinstance(body, SignatureApplied)
    assert (body.signer, body.printed_name, body.role) == (uid, "Ann", "quality_reviewer")
    opened = site.ledger.stream(f"finding/{finding}")[0]
    assert (body.version, body.record_hash) == (1, opened.leaf)
    assert body.proposal == proposal_digest("DecisionMade", decision.body)
    assert attestation_fault(body, site.keys.known()) == ""
    (state,) = signature_state(site.ledger.stream(f"finding/{finding}"))
    assert state.is_signed
    assert state.signed_version == decision.envelope.version
    assert decision.envelope.recorded_at == signature.envelope.recorded_at
    row = site.ledger.select("finding", {"uid": finding})[0]
    assert (row["verdict"], row["decided_by"]) == ("confirmed", uid)
    assert site.verify().is_ok


def test_a_decision_without_its_signature_is_not_made(site, finding, monkeypatch):
    person(site)
    before = site.ledger.version(f"finding/{finding}")
    with monkeypatch.context() as patch:
        real = SigningStatement.signed
        broken = {"method": "", "evidence": {}}
        patch.setattr(SigningStatement, "signed", lambda one, *_: real(one, **broken))
        with pytest.raises(ValueError, match="method"):
            site.decide(finding, "confirmed", "I saw it", "ann", PASSWORD)
    assert site.ledger.version(f"finding/{finding}") == before


def test_who_may_not_sign(site, finding):
    person(site, "root", "administrator")
    person(site, "new", "")
    before = site.ledger.version(f"finding/{finding}")
    for login in ("root", "new"):
        with pytest.raises(DeniedError, match="decide is denied"):
            site.decide(finding, "confirmed", "x", login, PASSWORD)
    with pytest.raises(DeniedError, match="wrong"):
        site.decide(finding, "confirmed", "x", "root", "wrong password")
    assert site.ledger.version(f"finding/{finding}") == before


def test_bad_decisions(site, finding):
    person(site)
    with pytest.raises(BadInputError, match="says why"):
        site.decide(finding, "confirmed", " ", "ann", PASSWORD)
    with pytest.raises(BadInputError, match="no verdict"):
        site.decide(finding, "perhaps", "x", "ann", PASSWORD)
    with pytest.raises(BadInputError, match="no meaning"):
        site.decide(finding, "confirmed", "x", "ann", PASSWORD, meaning="liked")
    with pytest.raises(NotFoundError, match="no finding"):
        site.decide("0" * 32, "confirmed", "x", "ann", PASSWORD)


def test_signing_a_record_that_changed_meanwhile(bench, site):
    person(site)
    bench.batch(site, "B7", 0)
    with pytest.raises(ConflictError, match="at version 2, not at the shown 1"):
        site.sign("batch/B7", "reviewed", "ann", PASSWORD, version=1)
    site.sign("batch/B7", "reviewed", "ann", PASSWORD, version=2)
    person(site, "bob")
    site.sign("batch/B7", "reviewed", "bob", PASSWORD, version=2)
    states = signature_state(site.ledger.stream("batch/B7"))
    assert [state.is_signed for state in states] == [True, True]
    with pytest.raises(NotFoundError, match="no record"):
        site.sign("batch/none", "reviewed", "ann", PASSWORD)


def test_who_did_the_work_does_not_review_it(bench, site):
    from goldenbatch.core.batches import BatchCreated
    from goldenbatch.core.records import NewEvent

    uid = person(site)
    body = BatchCreated(batch="B8", product="P")
    site.ledger.append([NewEvent("batch/B8", body, 0, actor=uid)])
    with pytest.raises(DeniedError, match="is among those who did the work"):
        site.sign("batch/B8", "reviewed", "ann", PASSWORD)


def test_a_forged_attestation_is_found(site, finding):
    person(site)
    body = site.decide(finding, "dismissed", "no", "ann", PASSWORD)[1].decode()
    keys = site.keys.known()
    other = body.model_copy(update={"statement_hash": "0" * 64})
    assert "has not attested" in attestation_fault(other, keys)
    unknown = body.model_copy(update={"method": "trust me"})
    assert "is unknown" in attestation_fault(unknown, keys)
    garbled = {**body.evidence, "signature": "?"}
    assert "not base64" in attestation_fault(body.model_copy(update={"evidence": garbled}), keys)
    assert body.facts
    assert "not known here" in attestation_fault(body, [])


def test_a_person_opens_the_home(bench):
    with bench.open() as site:
        uid = person(site)
    with bench.open(actor="ann") as site:
        assert (site.actor.uid, site.actor.roles) == (uid, {"quality_reviewer"})
