"""A policy in a real home: proposed by one, adopted by another, signed; unsigned without effect."""

import pytest
from gbx_authenticator import Authenticator
from gbx_bench import FOUND, PLANT, START, Clock
from gbx_ceremony import PASSWORD, REVIEW, by_password, enrol, person

from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError, NotFoundError
from goldenbatch.core.policy import (
    POLICY_STREAM,
    adopted,
    first_policy,
    first_policy_text,
    load_policy,
)
from goldenbatch.core.records import HomeKind, NewEvent
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite
from goldenbatch.runtime.signing import Asked

NOW = first_policy().version
NEXT = first_policy_text().replace(f'version = "{NOW}"', 'version = "next"').replace(
    "review_days = 180", "review_days = 90"
)  # fmt: skip


@pytest.fixture
def office(team):
    """The team, and Eva, who knows the process."""
    person(team, "eva", "process_engineer")
    return team


def propose(site, by="eva", text=NEXT, **more):
    event = site.policies.propose(site.people.find(by), text, "shorter", **more)
    return event.decode().digest


def adopt(site, digest="", by="ann"):
    prepared = site.signing.prepare(site.policies.asked_adoption(digest), by)
    return prepared, site.signing.complete(prepared.id, by_password(by))


def test_proposed_by_one_adopted_by_another(office):
    assert office.policies.standing().label() == "unsigned since event 2"
    digest = propose(office)
    assert office.people.policy().version == NOW
    prepared, (adoption, signature) = adopt(office, digest[:12])
    assert prepared.body.text == NEXT
    assert (adoption.kind, signature.decode().meaning) == ("PolicyAdopted", "approved")
    assert (office.people.policy().version, office.people.policy().review_days) == ("next", 90)
    assert "signed by Ann (quality_reviewer)" in office.policies.standing().label()
    assert [one["state"] for one in office.policies.proposals()] == ["adopted"]
    standing = [one["standing"] for one in office.policies.history()]
    assert standing[0].startswith("unsigned")
    event = office.signing.sign("batch/B7", "reviewed", "bob", PASSWORD)
    assert event.decode().policy_hash == digest
    assert office.verify().is_ok
    with pytest.raises(ConflictError, match="adopted already"):
        adopt(office, digest, "bob")


def test_by_an_authenticator_where_the_policy_asks_for_it(office):
    rule = 'action = "sign:approved"\n'
    strict = NEXT.replace(rule, f'{rule}minimum_class = "signer-bound"\n')
    adopt(office, propose(office, text=strict))
    device = Authenticator()
    enrol(office, "bob", device)
    later = strict.replace('version = "next"', 'version = "later"').replace("= 90", "= 60")
    digest = propose(office, text=later)
    asked = office.policies.asked_adoption(digest)
    with pytest.raises(DeniedError, match="no credential"):
        office.signing.prepare(asked, "ann")
    prepared = office.signing.prepare(asked, "bob")
    options = office.signing.options(prepared, "webauthn")["options"]
    proof = {"kind": "webauthn", "response": device.get(options)}
    office.signing.complete(prepared.id, proof)
    assert office.people.policy().version == "later"


def test_what_cannot_be_proposed_or_adopted(office):
    with pytest.raises(DeniedError, match="policy:propose is denied"):
        person(office, "olga", "operator")
        propose(office, "olga")
    with pytest.raises(ConflictError, match="the policy in force"):
        propose(office, text=first_policy_text())
    with pytest.raises(ConflictError, match=f"another policy of version {NOW}"):
        propose(office, text=NEXT.replace('"next"', f'"{NOW}"'))
    roles = 'roles = ["quality_reviewer", "qualified_person"]'
    with pytest.raises(BadInputError, match="nobody could adopt a policy under it any more"):
        propose(office, text=NEXT.replace(roles, 'roles = ["qualified_person"]'))
    digest = propose(office, "ann")
    with pytest.raises(DeniedError, match="among those who did the work"):
        adopt(office, digest, "ann")
    for login in ("eva", "root"):
        with pytest.raises(DeniedError, match="is denied"):
            adopt(office, digest, login)
    with pytest.raises(NotFoundError, match="proposed policies"):
        adopt(office, "beef")
    prepared = office.signing.prepare(office.policies.asked_adoption(digest), "bob")
    propose(office, "eva")  # the same table again: another proposer, another event
    with pytest.raises(ConflictError, match="proposed again"):
        office.signing.complete(prepared.id, by_password("bob"))
    assert office.people.policy().version == NOW


def test_a_proposal_is_overtaken_by_another_policy(office):
    digest = propose(office)
    other = NEXT.replace('"next"', '"other"').replace("= 90", "= 30")
    adopt(office, propose(office, text=other))
    assert [one["state"] for one in office.policies.proposals()] == ["adopted", "overtaken"]
    with pytest.raises(ConflictError, match="another policy has come into force"):
        adopt(office, digest)


def test_from_a_date_on(bench, office):
    at = bench.clock.now + 3_600_000_000
    adopt(office, propose(office, effective_from=at))
    assert office.people.policy().version == NOW
    bench.clock.now = at
    assert office.people.policy().version == "next"


def test_an_adoption_that_nobody_signed_has_no_effect(office):
    head = office.ledger.version(POLICY_STREAM)
    body = adopted(NEXT, 0, "I am the operator")
    office.ledger.append([NewEvent(POLICY_STREAM, body, head, actor="operator")])
    assert office.people.policy().version == NOW
    assert office.policies.history()[-1]["standing"] == "NOT IN FORCE: nobody signed it"
    with pytest.raises(ConflictError, match="nobody signed"):
        adopt(office)
    report = office.verify()
    assert "nobody has signed this policy" in str(report.problems)
    assert not report.is_ok
    # Who signs the newest version of the stream does not bring it into force either.
    office.signing.sign(POLICY_STREAM, "approved", "ann", PASSWORD)
    assert office.people.policy().version == NOW


def test_a_signature_whose_evidence_is_forged_brings_nothing_into_force(office):
    digest = propose(office)
    _, signature = adopt(office, digest, "bob")[1]
    evidence = signature.decode().evidence
    head = office.ledger.version(POLICY_STREAM)
    later = NEXT.replace('"next"', '"later"').replace("= 90", "= 10")
    propose(office, text=later)
    asked = office.policies.asked_adoption(load_policy(later).digest())
    made = office.signing.prepare(asked, "ann").statement
    events = [
        NewEvent(POLICY_STREAM, asked.body, head, actor=made.signer),
        NewEvent(
            POLICY_STREAM, made.signed("password+home-key", evidence), head + 1, actor=made.signer
        ),
    ]
    office.ledger.append(events)
    assert office.people.policy().version == "next"
    assert not office.verify().is_ok


def test_an_older_table_without_rules_for_policies_can_be_replaced(tmp_path, cheap_hashes):
    parts = first_policy_text().split("[[rules]]")
    later = ("policy:", "alert:", "settings:", "retention:", "hold:", "deletion:", "erasure:")
    old = "[[rules]]".join(one for one in parts if not any(f'"{n}' in one for n in later))
    old = old.replace('signed_as = "approved"\n', "").replace(f'"{NOW}"', '"1"')
    assert "policy:adopt" not in old
    path, clock = tmp_path / "old", Clock(START)
    create_home(path, HomeSettings("O", "s", PLANT, policy=old), clock=clock)
    with LocalSite.open(path, clock=clock, discovery=FOUND) as site:
        for login, role in (("eva", "process_engineer"), ("ann", "quality_reviewer"),
                            ("olga", "operator"), ("root", "administrator")):  # fmt: skip
            person(site, login, role)
        for login in ("olga", "root"):
            with pytest.raises(DeniedError, match="procedure:issue is denied"):
                propose(site, login)
        adopt(site, propose(site))
        assert site.people.policy().version == "next"
        assert site.verify().is_ok


@pytest.fixture
def production(tmp_path, cheap_hashes):
    """A production home in which Ann and Bob review and Root and Ruth administer."""
    path, clock = tmp_path / "gmp", Clock(START)
    relaxed = first_policy_text()
    for fact in ("identity_verified", "accountability_signed"):
        relaxed = relaxed.replace(f'"{fact}", ', "")
    settings = HomeSettings("G", "s", PLANT, kind=HomeKind.PRODUCTION, policy=relaxed)
    create_home(path, settings, clock=clock)
    with LocalSite.open(path, clock=clock, discovery=FOUND) as site:
        for login, role in (("root", "administrator"), ("ann", "quality_reviewer")):
            add_strict(site, login, role)
        yield site


def add_strict(site, login, role):
    """In a strict home everybody chooses their own password, by a token."""
    site.people.add(login, login.title())
    site.people.grant(login, role, "test")
    token = site.credentials.offer(login, "password", "new")
    begun = site.credentials.begin(login, token)
    answer = {"password": PASSWORD}
    name = site.credentials.finish(login, token, begun["enrolment"], answer)
    assert name == "password"


def test_a_production_home_signs_its_policy_first(production):
    from goldenbatch.core.batches import BatchCreated

    site = production
    body = BatchCreated(batch="B7", product="P")
    site.ledger.append([NewEvent("batch/B7", body, 0, actor="importer")])
    with pytest.raises(DeniedError, match="unsigned since event 2, and nothing else can be"):
        site.signing.prepare(REVIEW, "ann")
    ann = site.people.find("ann")
    assert site.people.authority.rows_for(ann, "sign:reviewed", "batch") == []
    assert not site.people.decide_may(ann, "sign:approved", "procedure/P").is_allowed
    with pytest.raises(DeniedError, match="is denied"):
        site.signing.prepare(site.policies.asked_adoption(), "root")
    site.signing.sign_asked(site.policies.asked_adoption(), "ann", PASSWORD)
    assert site.policies.standing().is_signed
    with pytest.raises(ConflictError, match="signed by Ann"):
        site.policies.asked_adoption()
    assert len(site.people.authority.rows_for(ann, "sign:reviewed", "batch")) == 1
    assert site.signing.sign("batch/B7", "reviewed", "ann", PASSWORD)
    assert site.verify().is_ok


def test_other_homes_say_that_it_is_unsigned_and_go_on(team):
    assert not team.policies.standing().is_signed
    assert team.signing.sign("batch/B7", "reviewed", "ann", PASSWORD)
    assert isinstance(team.policies.asked_adoption(), Asked)


def test_a_promoted_policy_is_held_to_the_same_rules(tmp_path, cheap_hashes, monkeypatch):
    import gbx_chain

    bent = gbx_chain.RELAXED.replace(
        'judgements = ["DecisionMade"', 'judgements = ["BatchCreated", "DecisionMade"'
    )
    assert bent != gbx_chain.RELAXED
    monkeypatch.setattr(gbx_chain, "RELAXED", bent)
    chain = gbx_chain.Chain(tmp_path)
    path, found = chain.pack("development")
    with pytest.raises(BadInputError, match="BatchCreated would be no work"):
        chain.apply("validation", path, found["public_key"])
