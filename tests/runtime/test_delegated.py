"""A signature in another's place says so: in the statement, the event, the trail and the prints."""

import json

import pytest
from gbx_authenticator import Authenticator
from gbx_ceremony import PASSWORD, REVIEW, by_password, enrol, person, touched

from goldenbatch.core.audit import TrailFilter
from goldenbatch.core.batches import MaterialConsumed
from goldenbatch.core.errors import ConflictError, DeniedError
from goldenbatch.core.people import SignatureApplied, signature_state
from goldenbatch.core.records import NewEvent
from goldenbatch.runtime.audit import Trail
from goldenbatch.runtime.signing import attestation_fault

HOUR = 3_600_000_000


@pytest.fixture
def lent(bench, team):
    """Carl, an operator, stands in for Quin, a qualified person; gives the approving event."""
    person(team, "carl", "operator")
    person(team, "quin", "qualified_person")
    now, find = team.clock(), team.people.find
    team.rights.propose_delegation(
        find("quin"), "quin", "carl", delegation="D1", role="qualified_person",
        start=now, end=now + HOUR, reason="leave",
    )  # fmt: skip
    return team.rights.approve_delegation(find("ann"), "D1")


@pytest.mark.parametrize("method", ["password", "webauthn"])
def test_it_is_shown_signed_and_told(bench, team, lent, method):
    if method == "webauthn":
        device = Authenticator()
        enrol(team, "carl", device)
        prepared, proof = touched(team, "carl", device)
    else:
        prepared, proof = team.signing.prepare(REVIEW, "carl"), by_password("carl")
    shown = prepared.statement.acting_for
    quin = team.people.find("quin")
    assert (shown.uid, shown.printed_name) == (quin.uid, "Quin")
    assert (shown.delegation, shown.seq) == ("delegation/D1@2", lent.seq)
    assert json.loads(prepared.statement.text())["acting_for"]["seq"] == lent.seq
    event = team.signing.complete(prepared.id, proof)[-1]
    body = event.decode()
    assert body.acting_for == shown
    assert event.envelope.acting_for == quin.uid
    assert (body.by, body.role) == ("Carl for Quin", "qualified_person")
    assert attestation_fault(body, team.keys.known()) == ""
    (line,) = Trail(team).page(TrailFilter(acts=("signed",))).lines
    assert line.printed_name == "Carl for Quin"
    told = {one.field: one.new for one in line.entry.changes}
    assert told["acting_for.delegation"] == "delegation/D1@2"
    (row,) = team.ledger.select("signature")
    assert (row["acting_for"], row["acting_for_name"]) == (quin.uid, "Quin")
    assert team.verify().is_ok


@pytest.mark.parametrize("method", ["password", "webauthn"])
def test_the_verifier_that_trusts_nobody_says_so_too(team, lent, method, tmp_path, capsysbinary):
    from goldenbatch.verifier import goldenbatch_verify

    if method == "webauthn":
        device = Authenticator()
        enrol(team, "carl", device)
        prepared, proof = touched(team, "carl", device)
        team.signing.complete(prepared.id, proof)
    else:
        team.signing.sign("batch/B7", "reviewed", "carl", PASSWORD)
    team.signing.sign("batch/B7", "reviewed", "ann", PASSWORD)
    team.ledger.checkpoint()
    seqs = [event.seq for event in team.ledger.events()]
    path = tmp_path / "proof.json"
    path.write_text(json.dumps(team.ledger.proof_bundle(seqs)))
    assert goldenbatch_verify.main([str(path)]) == 0
    told = capsysbinary.readouterr().out.decode()
    assert "1 signatures for Quin." in told
    # The lender cannot be taken out of what was signed, or changed.
    for old, new in (("Quin", "Ruth"), ("delegation/D1@2", "delegation/D1@1")):
        data = json.loads(path.read_text())
        for one in data["events"]:
            if "acting_for" in (one["body"] or "") and "statement_hash" in one["body"]:
                one["body"] = one["body"].replace(old, new)
        bad = tmp_path / "bad.json"
        bad.write_text(json.dumps(data))
        assert goldenbatch_verify.main([str(bad)]) == 1
        assert "does not fit the statement" in capsysbinary.readouterr().out.decode()


def test_a_statement_in_ones_own_right_is_as_it_always_was(team):
    event = team.signing.sign("batch/B7", "reviewed", "ann", PASSWORD)
    assert "acting_for" not in event.body
    body = event.decode()
    assert "acting_for" not in body.statement().text()
    assert SignatureApplied.model_validate(event.body) == body
    assert body.as_json() == event.body


def test_another_persons_place_is_a_fault(bench, team, lent):
    event = team.signing.sign("batch/B7", "reviewed", "carl", PASSWORD)
    body = event.decode()
    version = team.ledger.version("batch/B7")
    forged = NewEvent("batch/B7", body, version, actor=body.signer, acting_for="somebody-else")
    team.ledger.append([forged])
    _, state = signature_state(team.ledger.stream("batch/B7"))
    assert state.faults == ("it was recorded in another person's place than it says",)
    changed = body.model_copy(update={"acting_for": None})
    assert changed.statement().digest() != body.statement_hash


def test_a_delegation_that_changed_since_it_was_shown(bench, team, lent):
    prepared = team.signing.prepare(REVIEW, "carl")
    team.rights.revoke_delegation(team.people.find("quin"), "D1", "back")
    with pytest.raises(DeniedError, match="needs role"):
        team.signing.complete(prepared.id, by_password("carl"))
    now, find = team.clock(), team.people.find
    for name in ("D2", "D3"):
        team.rights.propose_delegation(
            find("quin"), "quin", "carl", delegation=name, role="qualified_person",
            start=now, end=now + HOUR, reason="leave",
        )  # fmt: skip
    team.rights.approve_delegation(find("ann"), "D2")
    prepared = team.signing.prepare(REVIEW, "carl")
    team.rights.revoke_delegation(find("quin"), "D2", "wrong one")
    team.rights.approve_delegation(find("bob"), "D3")
    with pytest.raises(ConflictError, match="has changed since"):
        team.signing.complete(prepared.id, by_password("carl"))


def test_prints_and_lists_say_in_whose_place_and_since_when_it_is_void(bench, team, lent, tmp_path):
    from goldenbatch.apps.listing import batch_detail, list_batches
    from goldenbatch.capabilities.execution import write_report, write_trail

    team.signing.sign("batch/B7", "reviewed", "carl", PASSWORD)
    assert batch_detail(team, "B7")["batch"]["unsigned_since"] is None
    bench.record(team, "batch/B7", MaterialConsumed(batch="B7", material="M", lot="L"))
    (row,) = batch_detail(team, "B7")["signatures"]
    changed = team.ledger.version("batch/B7")
    assert (row["by"], row["unsigned_since"], row["is_signed"]) == ("Carl for Quin", changed, False)
    assert [one["unsigned_since"] for one in list_batches(team)] == [changed]
    page = Trail(team).page(TrailFilter(streams=("batch/B7",)), limit=None).as_json()
    written = write_trail(team, page, tmp_path)
    report = write_report(team, "B7", tmp_path)
    for path in (written["html"], report["html"]):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        assert "Carl for Quin" in text
        assert f"unsigned since version {changed}" in text.replace("UNSIGNED", "unsigned")
    team.signing.sign("batch/B7", "reviewed", "bob", PASSWORD)
    assert batch_detail(team, "B7")["batch"]["unsigned_since"] is None


def test_a_clock_set_back_brings_no_ended_delegation_back(bench, team, lent):
    bench.clock.now += 2 * HOUR
    with pytest.raises(DeniedError):
        team.signing.sign("batch/B7", "reviewed", "carl", PASSWORD)
    bench.batch(team, "B8", 0)  # recorded after the delegation's end
    bench.clock.now -= 2 * HOUR
    with pytest.raises(DeniedError):
        team.signing.sign("batch/B7", "reviewed", "carl", PASSWORD)
    version = team.policies.standing().policy.version
    bench.clock.now -= 1000 * HOUR
    assert team.policies.standing().policy.version == version
