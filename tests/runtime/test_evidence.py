"""Evidence that was moved or changed, sequences without a fresh proof, and what a policy asks."""

import pytest
from gbx_authenticator import Authenticator
from gbx_ceremony import (
    PASSWORD,
    REVIEW,
    by_password,
    enrol,
    n_signatures,
    person,
    ready,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.core.errors import DeniedError
from goldenbatch.core.people import Meaning, SignatureApplied, signature_state
from goldenbatch.runtime.signing import Session, attestation_fault

pytestmark = pytest.mark.usefixtures("cheap_hashes")

# ---- transplanted evidence ----------------------------------------------------------------------


def test_evidence_cannot_be_moved(team, bench):
    """To another statement, another person, another record: refused by `verify` (11.70)."""
    from goldenbatch.core.records import NewEvent

    hers, his = Authenticator(), Authenticator()
    enrol(team, "ann", hers)
    enrol(team, "bob", his)
    (event,) = team.signing.complete(*ready(team, hers))
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
        (event,) = site.signing.complete(*ready(site, device))
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
        (event,) = site.signing.complete(*ready(site, device))
        assert event.decode().signer_class == "signer-bound"
        assert n_signatures(site) == 1
        assert site.verify().is_ok
