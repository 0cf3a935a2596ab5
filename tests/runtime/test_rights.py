"""Rights in a real home: procedures, training, delegation, identity, windows, reviews."""

import pytest

from goldenbatch.core.batches import BatchCreated
from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError, NotFoundError
from goldenbatch.core.people import UserAdded
from goldenbatch.core.records import DataClass, HomeKind, NewEvent
from goldenbatch.runtime.authority import Authority

HOUR = 3_600_000_000


@pytest.fixture
def who(site):
    """Adds a person without a password; nothing here signs in."""

    def add(login, *roles):
        site.people._append(login, [UserAdded(uid=login, login=login, printed_name=login)], "op")
        for role in roles:
            site.people.grant(login, role, "test")
        return site.people.find(login)

    return add


@pytest.fixture
def staff(who):
    return {
        "op": who("oper", "operator"),
        "eng": who("engin", "process_engineer"),
        "qa": who("quali", "quality_reviewer"),
        "qp": who("qualp", "qualified_person"),
        "root": who("rootd", "administrator"),
        "two": who("second", "administrator"),
        "insp": who("inspec", "inspector"),
    }


def approve(site, by, stream):
    """Signs the newest version as approved, past the ceremony that has its own tests."""
    from goldenbatch.core.authority import require
    from goldenbatch.core.people import statement_for

    record = site.ledger.stream(stream)[-1]
    allowed = require(site.people.decide_may(by, "sign:approved", stream))
    made = statement_for(
        record, allowed.policy_hash, meaning="approved", signer=by.uid, printed_name=by.login,
        role=allowed.role, facts=allowed.records, at=site.clock(),
    )  # fmt: skip
    head = site.ledger.version(stream)
    site.ledger.append([NewEvent(stream, made.signed("password+home-key"), head, actor=by.uid)])


def issue(site, staff, version="1", at=None, content=b"weigh twice"):
    entries = {"procedure": "SOP-1", "version": version, "title": "Weighing", "reason": "new"}
    entries["effective_from"] = site.clock() if at is None else at
    site.rights.issue_procedure(staff["eng"], content, "text/plain", **entries)


def batch(site, name="B1", actor="x", **more):
    body = BatchCreated(batch=name, product="P", **more)
    site.ledger.append([NewEvent(f"batch/{name}", body, 0, actor=actor)])


def may(site, user, action, stream="batch/B1"):
    return site.people.decide_may(site.people.user(user.uid), action, stream)


def train(site, by, login="quali", **more):
    entries = {"procedure": "SOP-1", "method": "observed", **more}
    return site.rights.complete_training(by, login, **entries)


def test_training_counts_for_the_version_in_force_only(site, staff):
    issue(site, staff)
    batch(site, pinned={"procedure/SOP-1": ""})
    assert "no such version is in force" in str(may(site, staff["qa"], "sign:reviewed").reasons)
    approve(site, staff["qa"], "procedure/SOP-1")
    assert "not trained on SOP-1 version 1" in str(may(site, staff["qa"], "sign:reviewed").reasons)
    event = train(site, staff["qp"])
    allowed = may(site, staff["qa"], "sign:reviewed")
    assert f"training/quali@{event.envelope.version}" in allowed.records
    issue(site, staff, "2", content=b"weigh thrice")
    assert may(site, staff["qa"], "sign:reviewed").is_allowed
    approve(site, staff["qp"], "procedure/SOP-1")
    assert "not trained on SOP-1 version 2" in str(may(site, staff["qa"], "sign:reviewed").reasons)
    assert [gap["version"] for gap in site.rights.training_gaps()] == ["2"]
    train(site, staff["qp"])
    assert may(site, staff["qa"], "sign:reviewed").is_allowed
    assert site.rights.training_gaps() == []
    site.rights.withdraw_training(staff["qp"], "quali", procedure="SOP-1", version="2", reason="x")
    assert not may(site, staff["qa"], "sign:reviewed").is_allowed


def test_a_record_that_pins_a_version_asks_for_that_one(site, staff):
    issue(site, staff)
    approve(site, staff["qa"], "procedure/SOP-1")
    batch(site, pinned={"procedure/SOP-1": "1"})
    train(site, staff["qp"])
    issue(site, staff, "2")
    approve(site, staff["qp"], "procedure/SOP-1")
    assert may(site, staff["qa"], "sign:reviewed").is_allowed
    batch(site, "B2", pinned={"procedure/SOP-1": "7"})
    assert not may(site, staff["qa"], "sign:reviewed", "batch/B2").is_allowed


def test_a_training_expires_and_is_never_ones_own(bench, site, staff):
    issue(site, staff)
    approve(site, staff["qa"], "procedure/SOP-1")
    batch(site, pinned={"procedure/SOP-1": ""})
    with pytest.raises(DeniedError, match="is about qualp"):
        train(site, staff["qp"], "qualp")
    with pytest.raises(DeniedError, match="needs role"):
        train(site, staff["op"])
    with pytest.raises(BadInputError, match="completed now or before"):
        train(site, staff["qp"], completed_at=bench.clock.now + HOUR)
    train(site, staff["qp"], expires_at=bench.clock.now + HOUR)
    assert may(site, staff["qa"], "sign:reviewed").is_allowed
    bench.clock.now += 2 * HOUR
    assert not may(site, staff["qa"], "sign:reviewed").is_allowed
    with pytest.raises(NotFoundError, match="no version 9 of procedure"):
        train(site, staff["qp"], version="9")


def test_who_issued_a_version_does_not_approve_it(site, staff):
    entries = {"procedure": "SOP-2", "version": "1", "title": "T", "reason": "r"}
    entries["effective_from"] = site.clock()
    site.rights.issue_procedure(staff["qa"], b"x", "text/plain", **entries)
    with pytest.raises(DeniedError, match="did the work"):
        approve(site, staff["qa"], "procedure/SOP-2")
    with pytest.raises(ConflictError, match="issued already"):
        site.rights.issue_procedure(staff["qa"], b"y", "text/plain", **entries)
    with pytest.raises(BadInputError, match="title"):
        site.rights.issue_procedure(
            staff["qa"], b"y", "text/plain", **{**entries, "version": "2", "title": ""}
        )
    approve(site, staff["qp"], "procedure/SOP-2")
    site.rights.withdraw_procedure(staff["qp"], "SOP-2", "1", "obsolete")
    row = site.ledger.select("procedure", {"procedure": "SOP-2"})[0]
    assert (row["approved_by"], row["is_withdrawn"]) == ("qualp", 1)


def lend(site, by, **more):
    now = site.clock()
    entries = {"delegation": "D1", "role": "qualified_person", "start": now, "end": now + HOUR}
    entries |= {"actions": ("sign:released", "sign:reviewed"), "reason": "leave"}
    return site.rights.propose_delegation(by, "qualp", "quali", **{**entries, **more})


def test_a_delegation_takes_two_people_and_never_widens(bench, site, staff):
    batch(site)
    with pytest.raises(DeniedError, match="nobody gives themselves"):
        lend(site, staff["qa"])
    with pytest.raises(BadInputError, match="does not hold the role"):
        lend(site, staff["qp"], role="operator")
    lend(site, staff["qp"])
    ask = site.people.authority.ask(site.people.user("quali"))
    assert ask.stand_ins == ()
    for one in ("qp", "qa"):
        with pytest.raises(DeniedError, match="takes two people"):
            site.rights.approve_delegation(staff[one], "D1")
    with pytest.raises(DeniedError, match="needs role"):
        site.rights.approve_delegation(staff["op"], "D1")
    other = site.people
    other._append("qa2", [UserAdded(uid="qa2", login="qa2", printed_name="q")], "op")
    other.grant("qa2", "quality_reviewer", "test")
    site.rights.approve_delegation(site.people.find("qa2"), "D1")
    (lent,) = site.people.authority.ask(site.people.user("quali")).stand_ins
    assert (lent.delegator.uid, lent.role) == ("qualp", "qualified_person")
    assert not may(site, staff["qa"], "sign:certified").is_allowed
    site.people.revoke("quali", "quality_reviewer", "moved")
    allowed = may(site, staff["qa"], "sign:reviewed")
    assert (allowed.acting_for, allowed.role) == ("qualp", "qualified_person")
    assert any(one.startswith("delegation/D1@") for one in allowed.records)
    batch(site, "B2", actor="qualp")
    assert not may(site, staff["qa"], "sign:reviewed", "batch/B2").is_allowed
    site.people.grant("quali", "administrator", "test")
    assert not may(site, staff["qa"], "sign:reviewed").is_allowed
    site.people.revoke("quali", "administrator", "test")
    bench.clock.now += 2 * HOUR
    assert not may(site, staff["qa"], "sign:reviewed").is_allowed


def test_a_delegation_ends_when_it_is_revoked(site, staff):
    batch(site)
    lend(site, staff["qp"])
    site.people._append("qa2", [UserAdded(uid="qa2", login="qa2", printed_name="q")], "op")
    site.people.grant("qa2", "quality_reviewer", "test")
    site.rights.approve_delegation(site.people.find("qa2"), "D1")
    site.people.revoke("quali", "quality_reviewer", "moved")
    assert may(site, staff["qa"], "sign:reviewed").is_allowed
    site.rights.revoke_delegation(staff["qp"], "D1", "back")
    assert not may(site, staff["qa"], "sign:reviewed").is_allowed


def test_a_role_takes_two_people_and_nobody_gives_one_to_themselves(site, staff):
    with pytest.raises(DeniedError, match="two people"):
        site.people.grant("oper", "process_engineer", "x", by="rootd")
    with pytest.raises(DeniedError, match="is about rootd"):
        site.rights.propose_role(staff["root"], "rootd", "inspector", "me")
    with pytest.raises(DeniedError, match="no other person has proposed"):
        site.rights.confirm_role(staff["qa"], "oper", "process_engineer", "ok")
    site.rights.propose_role(staff["root"], "oper", "process_engineer", "trained")
    with pytest.raises(DeniedError, match="no other person has proposed"):
        site.rights.confirm_role(staff["root"], "oper", "process_engineer", "ok")
    with pytest.raises(DeniedError):
        site.rights.confirm_role(staff["op"], "oper", "process_engineer", "ok")
    site.rights.confirm_role(staff["two"], "oper", "process_engineer", "ok")
    assert "process_engineer" in site.people.find("oper").roles
    site.rights.propose_role(staff["root"], "engin", "operator", "x")
    site.rights.refuse_role(staff["qa"], "engin", "operator", "no")
    with pytest.raises(DeniedError, match="no other person has proposed"):
        site.rights.confirm_role(staff["qa"], "engin", "operator", "ok")
    with pytest.raises(BadInputError, match="together with"):
        site.rights.propose_role(staff["root"], "quali", "administrator", "x")


def strict(site):
    return Authority(site.ledger, site.clock, HomeKind.VALIDATION, lambda: site.plant)


def test_identity_and_accountability_come_before_the_first_signature(site, staff):
    batch(site)
    assert may(site, staff["qa"], "sign:reviewed").is_allowed  # a demonstration home
    home = strict(site)

    def reasons():
        decision = home.decide(site.people.user("quali"), "sign:reviewed", "batch/B1")
        return () if decision.is_allowed else decision.reasons

    assert len(reasons()) == 2
    with pytest.raises(DeniedError, match="is about quali"):
        site.rights.verify_identity(staff["qa"], "quali", "card")
    site.rights.verify_identity(staff["root"], "quali", "identity card, in person")
    assert reasons() == ("quali has not accepted accountability for the signature",)
    site.rights.accept_accountability(staff["qa"])
    assert reasons() == ()


def test_an_inspector_reads_within_the_window_and_does_nothing_else(bench, site, staff):
    batch(site)
    assert not may(site, staff["insp"], "read").is_allowed
    now = site.clock()
    with pytest.raises(DeniedError):
        entries = {"role": "inspector", "start": now, "end": now + HOUR, "reason": "x"}
        site.rights.set_window(staff["insp"], "inspec", **entries)
    site.rights.set_window(staff["root"], "inspec", **entries)
    for action in {rule.action for rule in site.people.policy().rules}:
        wanted = action in ("read", "export")
        assert may(site, staff["insp"], action).is_allowed == wanted, action
    bench.clock.now += 2 * HOUR
    assert not may(site, staff["insp"], "export").is_allowed


def test_lists_show_what_one_may_see_and_sign(site, staff):
    batch(site, "B1")
    batch(site, "B2", actor="quali")
    body = BatchCreated(batch="B3", product="P")
    secret = NewEvent("batch/B3", body, 0, actor="x", data_class=DataClass.CONFIDENTIAL)
    site.ledger.append([secret])
    home = site.people.authority

    def seen(user, projection, column):
        clause = home.visible(site.people.user(user.uid), projection)
        return sorted(row[column] for row in site.ledger.select(projection, {"": clause}))

    assert seen(staff["op"], "batch", "batch") == ["B1", "B2", "B3"]
    assert seen(staff["root"], "batch", "batch") == ["B1", "B2"]
    assert seen(staff["insp"], "batch", "batch") == []
    assert seen(staff["op"], "user", "uid") == ["oper"]
    assert len(seen(staff["qa"], "user", "uid")) == 7
    assert seen(staff["op"], "record_link", "stream") != []
    rows = home.rows_for(site.people.user("quali"), "sign:reviewed", "batch")
    assert sorted(row["batch"] for row in rows) == ["B1", "B3"]
    with pytest.raises(DeniedError, match="no record that the policy knows"):
        home.rows_for(staff["qa"], "read", "nothing")


def test_rights_are_reviewed_by_two_and_overdue_reviews_are_told(bench, site, staff):
    assert site.rights.review_due_at() > bench.clock.now
    bench.clock.now += 200 * 24 * HOUR
    assert "the review of rights is overdue" in site.rights.access_findings()[0]
    site.rights.review_access(staff["root"], "2026-1", "all as it should be")
    with pytest.raises(ConflictError):
        site.rights.review_access(staff["root"], "2026-1", "again")
    assert "overdue" in site.rights.access_findings()[0]
    approve(site, staff["qa"], "access-review/2026-1")
    assert not any("overdue" in one for one in site.rights.access_findings())
    row = site.ledger.select("access_review")[0]
    assert (row["signed_by"], row["n_users"]) == ("quali", 7)
    assert any("identity of oper" in one for one in site.rights.access_findings())
    assert {one.part for one in site.verify().problems} == {"signatures"}  # made without proof
