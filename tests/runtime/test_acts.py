"""Acts that capabilities bring: proved, allowed, checked again, appended with their signature."""

import threading

import gbx_acts
import gbx_threshold
import pytest
from gbx_authenticator import Authenticator
from gbx_ceremony import PASSWORD, by_password, enrol, enrol_app, n_signatures, person

from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError, NotFoundError
from goldenbatch.core.people import signature_state
from goldenbatch.runtime.discovery import Discovery
from goldenbatch.runtime.local import LocalSite

pytestmark = pytest.mark.usefixtures("cheap_hashes")
FOUND = Discovery({"notes": gbx_acts.CAPABILITY, "test": gbx_threshold.CAPABILITY})
NOTE = {"note": "N1", "text": "look at it"}


@pytest.fixture
def team(bench):
    """Ann and Bob review, Cy engineers; Root and Ruth administer."""
    site = LocalSite.open(bench.path, clock=bench.clock, discovery=FOUND)
    with site:
        for login in ("ann", "bob"):
            person(site, login)
        person(site, "cy", "process_engineer")
        for login in ("root", "ruth"):
            person(site, login, "administrator")
        yield site


def act(site, name, login="ann", **values):
    return site.acts.act(f"notes.{name}", {"note": "N1", **values}, login, PASSWORD)


def test_an_entry_and_a_signed_act(team):
    assert sorted(team.acts.helps()) == sorted(team.acts.names())
    assert "notes.carry-out" in team.acts.names()
    (taken,) = act(team, "take", text="look")
    assert (taken.kind, taken.envelope.actor) == ("NoteTaken", team.people.find("ann").uid)
    agreed, signed = act(team, "agree", "bob", comment="yes")
    assert [agreed.envelope.version, signed.envelope.version] == [2, 3]
    (state,) = signature_state(team.ledger.stream("note/N1"))
    assert state.is_signed
    assert state.signed_version == 2
    (row,) = team.ledger.select("record_state", {"stream": "note/N1"})
    assert row["state"] == "approved"  # the list of records knows it too, not only the fold
    assert team.verify().is_ok


def test_the_password_comes_before_anything_is_told(team):
    del gbx_acts.PREPARED[:]
    with pytest.raises(DeniedError, match="wrong"):
        team.acts.act("notes.take", NOTE, "ann", "not the password")
    with pytest.raises(DeniedError, match="wrong"):
        team.acts.act("notes.take", NOTE, "nobody", PASSWORD)
    assert gbx_acts.PREPARED == []
    assert team.ledger.version("note/N1") == 0


def test_what_the_policy_forbids(team):
    act(team, "take", text="look")
    with pytest.raises(DeniedError, match="among those who did the work"):
        act(team, "agree", comment="my own")
    with pytest.raises(DeniedError, match="role administrator carries no GMP meaning"):
        act(team, "take", "root", text="me too")
    with pytest.raises(DeniedError, match="needs role"):
        act(team, "agree", "cy", comment="as an engineer")
    assert team.ledger.version("note/N1") == 1
    assert n_signatures(team) == 0


def test_performed_is_signed_by_who_does_it_and_never_by_a_judge(team):
    act(team, "take", text="look")
    done, _ = act(team, "carry-out", "cy")
    assert done.envelope.actor == team.people.find("cy").uid
    act(team, "agree", "bob", comment="good")
    act(team, "take", text="once more")
    with pytest.raises(DeniedError, match="among those who signed a judgement"):
        act(team, "carry-out", "bob")


@pytest.mark.parametrize(
    ("fault", "error", "match"),
    [
        ("no action", BadInputError, "no action that the policy"),
        ("unsigned", BadInputError, "signed as approved, not as nothing"),
        ("signed", BadInputError, "signed as nothing, not as reviewed"),
        ("unruled", DeniedError, "has no rule for note:take.*policy show --shipped"),
    ],
)
def test_a_capability_at_fault_records_nothing(team, fault, error, match):
    head = team.ledger.head()
    with pytest.raises(error, match=match):
        act(team, "mistaken", fault=fault)
    assert team.ledger.head() == head


def test_a_record_begins_with_an_entry(team):
    with pytest.raises(BadInputError, match="would sign the first entry of note/N1"):
        act(team, "agree", comment="of nothing")


def test_what_nobody_offers(team):
    with pytest.raises(NotFoundError, match=r"It has: notes\.take"):
        act(team, "tear-up")


def test_it_rests_on_records_that_must_not_move(bench, team):
    act(team, "take", text="look")
    bench.batch(team, "B7", 0)
    asked = team.acts.asked("notes.agree", {"note": "N1", "rests_on": "batch/B7"}, "bob")
    prepared = team.signing.prepare(asked, "bob")
    bench.record(team, "batch/B7", gbx_acts.NoteTaken(text="changed"))
    with pytest.raises(ConflictError, match="batch/B7 is at version"):
        team.signing.complete(prepared.id, by_password("bob"))
    assert n_signatures(team) == 0


def test_it_is_prepared_again_before_it_is_appended(team, monkeypatch):
    act(team, "take", text="look")
    asked = team.acts.asked("notes.agree", {"note": "N1", "comment": "a"}, "bob")
    prepared = team.signing.prepare(asked, "bob")
    real = gbx_acts.agree

    def other(site, by, values):
        return real(site, by, {**values, "comment": "b"})

    monkeypatch.setattr(gbx_acts, "agree", other)
    with pytest.raises(ConflictError, match="something else by now"):
        team.signing.complete(prepared.id, by_password("bob"))
    assert n_signatures(team) == 0


def test_long_work_is_not_done_again_and_is_held_to_the_versions(team):
    act(team, "take", text="look")
    del gbx_acts.PREPARED[:]
    act(team, "carry-out", "cy")
    assert gbx_acts.PREPARED == ["carry-out"]
    asked = team.acts.asked("notes.carry-out", NOTE, "cy")
    prepared = team.signing.prepare(asked, "cy")
    act(team, "take", text="and at that")
    with pytest.raises(ConflictError, match="note/N1 is"):
        team.signing.complete(prepared.id, by_password("cy"))


def test_the_record_itself_must_not_move(team):
    act(team, "take", text="look")
    prepared = team.signing.prepare(team.acts.asked("notes.agree", NOTE, "bob"), "bob")
    act(team, "take", text="and at that")
    with pytest.raises(ConflictError, match="note/N1 is"):
        team.signing.complete(prepared.id, by_password("bob"))


def test_an_authenticator_and_an_app_sign_acts_too(team):
    act(team, "take", text="look")
    device = Authenticator()
    enrol(team, "bob", device)
    prepared = team.signing.prepare(team.acts.asked("notes.agree", NOTE, "bob"), "bob")
    options = team.signing.options(prepared, "webauthn")["options"]
    proof = {"kind": "webauthn", "response": device.get(options)}
    agreed, signed = team.signing.complete(prepared.id, proof)
    assert (agreed.kind, signed.body["method"]) == ("NoteAgreed", "webauthn")
    other = {"note": "N2", "text": "and at that"}
    team.acts.act("notes.take", other, "ann", PASSWORD)
    app = enrol_app(team, "bob")
    code = app.at(team.clock() // 1_000_000)
    *_, signed = team.acts.act("notes.agree", other, "bob", PASSWORD, code=code)
    assert signed.body["method"] == "password+totp+home-key"


def test_a_session_makes_entries_and_signs_nothing(team):
    uid = team.people.find("ann").uid
    (taken,) = team.acts.enter("notes.take", NOTE, uid)
    assert taken.envelope.actor == uid
    with pytest.raises(DeniedError, match="to be logged in is not enough"):
        team.acts.enter("notes.agree", NOTE, team.people.find("bob").uid)
    with pytest.raises(BadInputError, match="is an entry"):
        team.acts.asked("notes.take", NOTE, "ann")
    team.people.disable("ann", "left")
    with pytest.raises(DeniedError, match="closed"):
        team.acts.enter("notes.take", NOTE, uid)


def test_of_acts_at_the_same_time_one_is_appended(team):
    act(team, "take", text="look")
    prepared = [
        team.signing.prepare(team.acts.asked("notes.agree", {"note": "N1"}, login), login)
        for login in ("bob", "bob")
    ]
    outcomes, start = [], threading.Barrier(2)

    def sign(one):
        start.wait()
        try:
            team.signing.complete(one.id, by_password("bob"))
            outcomes.append("signed")
        except ConflictError:
            outcomes.append("refused")

    threads = [threading.Thread(target=sign, args=(one,)) for one in prepared]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused", "signed"]
    assert n_signatures(team) == 1
