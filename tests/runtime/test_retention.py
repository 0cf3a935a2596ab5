"""Retention in a real home: two people, no hold, time over; and what is left afterwards."""

from __future__ import annotations

import json

import pytest
from gbx_bench import TANK, TEMP
from gbx_ceremony import PASSWORD
from gbx_retention import (
    YEAR,
    approve,
    faults,
    imported,
    in_force,
    made,
    notes,
    propose,
    signed,
    user,
)

from goldenbatch.core.batches import BatchCreated
from goldenbatch.core.errors import (
    BadInputError,
    ConflictError,
    DeniedError,
    NotFoundError,
)
from goldenbatch.core.records import from_iso, to_iso
from goldenbatch.core.retention import first_schedule_text


def test_a_batch_is_kept_until_its_time_is_over_and_goes_by_two(bench, old):
    said = old.retention.explain("batch/B7")
    assert not said["is_allowed"]
    assert "must be kept until" in said["reasons"][0]
    assert "21 CFR 211.180(a); EU GMP Part I, 4.11" in said["reasons"][0]
    with pytest.raises(DeniedError, match="batch/B7 must be kept until"):
        propose(old, ["batch/B7"])
    assert old.retention.due() == []
    bench.clock.now += 6 * YEAR
    assert [one["ref"] for one in old.retention.due()] == ["batch/B7", "hand-over/1"]
    propose(old, [])
    assert old.retention.describe("D-1")["state"] == "proposed"
    with pytest.raises(DeniedError):
        signed(old, old.retention.asked_approval("D-1", "own"), "ann")
    with pytest.raises(DeniedError, match="no second person has approved"):
        old.retention.finish("D-1")
    done = approve(old)
    assert (done.proposed_by, done.approved_by) == (user(old, "ann").uid, user(old, "bob").uid)
    assert {event.body is None for event in old.ledger.stream("batch/B7")} == {True}
    assert old.ledger.select("batch", {"batch": "B7"}) == []
    with pytest.raises(NotFoundError):
        old.historian.read([TEMP], (0, 10**17))
    assert old.retention.due() == []
    assert faults(old) == []
    assert "readings were deleted under deletion D-1" in notes(old)
    assert "deletion D-1: its time is over" in notes(old)
    (row,) = old.retention.deletions()
    assert (row["state"], row["n_things"]) == ("deleted", 2)
    with pytest.raises(NotFoundError, match="deleted before"):
        old.retention.explain("batch/B7")


def test_what_waits_for_a_batchs_dates_finds_them_after_its_record_went(bench, old):
    from goldenbatch.core.batches import LotRegistered, MaterialConsumed

    longer = first_schedule_text().replace(
        'keep = ["batch expiry + P1Y", "batch certified or rejected + P5Y"]',
        'keep = ["batch certified + P5Y"]', 1,
    ).replace('version = "1"', 'version = "2"').replace(
        'keep = ["batch expiry + P1Y", "batch certified or rejected + P5Y"]',
        'keep = ["batch certified + P9Y"]', 1,
    )  # fmt: skip
    made(bench, old, "B6", expiry="2024-01")
    bench.result(old, "S1", "B6", "1.0", old.clock())
    bench.record(old, "batch/B6", MaterialConsumed(batch="B6", material="M", lot="L"))
    bench.record(old, "lot/M/L", LotRegistered(material="M", lot="L"))
    old.sign("batch/B6", "certified", "qp", PASSWORD)
    in_force(old, longer)
    bench.clock.now += 6 * YEAR
    propose(old, ["batch/B6", "batch/B7"])
    (six, _) = approve(old).things
    assert (six.remains.batch, six.remains.lots) == ("B6", ("M/L",))
    assert {"ended", "certified", "expiry"} == six.remains.dates.keys()
    assert [one["ref"] for one in old.retention.due()] == ["lot/M/L", "sample/S1"]
    kept = old.retention.explain("hand-over/1")
    assert (kept["is_allowed"], kept["batches"]) == (False, ["B7"])
    assert "P9Y" in kept["reasons"][0]
    scope = {"batches": ["B7"]}
    old.retention.place_hold(user(old, "ann"), "H-1", scope, "complaint", "order")
    assert old.retention.held_by("hand-over/1") == ["H-1"]
    assert old.retention.held_by("sample/S1") == []


def test_the_proof_of_what_went_is_made_of_what_stays(bench, old):
    from goldenbatch.core.deletion import readings_digest, records_digest

    before = old.ledger.root().hex()
    size = old.ledger.head()
    bench.clock.now += 6 * YEAR
    propose(old, [])
    done = approve(old)
    assert old.ledger.root(size).hex() == before
    things = {one.ref: one for one in done.things}
    assert records_digest(old.ledger.stream("batch/B7")) == things["batch/B7"].digest
    roots = [e.body["root"] for e in old.ledger.events(kinds={"ChunkClosed"})]
    assert readings_digest(roots) == things["hand-over/1"].digest
    erased = list(old.ledger.events(kinds={"PayloadErased"}))
    assert {e.body["seq"] for e in erased} == set(things["batch/B7"].seqs)
    assert {e.body["approved_by"] for e in erased} == {done.approved_by}


def test_an_outsiders_verifier_accounts_for_what_went(bench, old, tmp_path):
    import subprocess
    import sys

    from goldenbatch.runtime.export import ExportSettings, export
    from goldenbatch.verifier import goldenbatch_verify

    bench.clock.now += 6 * YEAR
    propose(old, [])
    approve(old)
    old.flush()
    export(bench.path, tmp_path / "export", ExportSettings())
    key = old.layout.public_key.read_text("ascii").strip()
    command = [sys.executable, goldenbatch_verify.__file__, str(tmp_path / "export")]
    done = subprocess.run(
        [*command, "--key", key], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "withheld or erased" in done.stdout


def test_nothing_goes_before_a_schedule_is_approved_by_another_person(bench, site, team):
    made(bench, site, "B8", expiry="2020-01")
    bench.clock.now += 50 * YEAR
    retention = site.retention
    assert retention.explain("batch/B8")["reasons"] == ["no schedule of retention is in force"]
    assert retention.due() == []
    retention.adopt(user(site, "ann"), first_schedule_text(), "first")
    assert retention.schedule() is None
    with pytest.raises(DeniedError):
        site.sign("master/retention", "approved", "ann", PASSWORD)
    with pytest.raises(DeniedError, match="no schedule"):
        retention.propose(user(site, "ann"), "D-1", ["batch/B8"], "old")
    site.sign("master/retention", "approved", "bob", PASSWORD)
    assert retention.schedule().version == "1"
    (row,) = retention.schedules()
    assert (row["is_in_force"], row["approved_by"]) == (True, user(site, "bob").uid)
    with pytest.raises(DeniedError, match="needs role"):
        retention.adopt(user(site, "root"), first_schedule_text(), "mine")
    with pytest.raises(BadInputError, match="starts no clock"):
        retention.adopt(user(site, "ann"), first_schedule_text().replace("expiry +", "x +"), "r")


@pytest.mark.parametrize("change", ["uncertified", "no expiry", "bad expiry", "running"])
def test_a_missing_fact_keeps_a_batch_for_ever(bench, old, change):
    attributes = {} if change == "no expiry" else {"expiry": "2025-06"}
    if change == "bad expiry":
        attributes["expiry_date"] = "in summer"
    if change == "running":
        body = BatchCreated(batch="B9", product="P", place=TANK, attributes=attributes)
        bench.record(old, "batch/B9", body)
    else:
        made(bench, old, "B9", **attributes)
        if change != "uncertified":
            old.sign("batch/B9", "certified", "qp", PASSWORD)
    bench.clock.now += 90 * YEAR
    said = old.retention.explain("batch/B9")
    assert "is not known" in said["reasons"][0]
    assert "batch/B9" not in [one["ref"] for one in old.retention.due()]


def test_a_correction_after_certification_keeps_the_batch(bench, old):
    from goldenbatch.core.batches import BatchCorrected

    row = old.ledger.select("batch", {"batch": "B7"})[0]
    body = BatchCorrected(
        batch="B7", field="product", old=row["product"], new="Q", reason="mistyped"
    )
    bench.record(old, "batch/B7", body)
    bench.clock.now += 90 * YEAR
    reasons = old.retention.explain("batch/B7")["reasons"]
    assert "certified or rejected of batch B7 is not known" in reasons[0]


def test_a_hold_keeps_it_until_another_person_lifts_it(bench, old):
    bench.clock.now += 6 * YEAR
    place = old.retention.place_hold
    place(user(old, "ann"), "H-1", {"batches": ["B7"]}, "complaint 12", "authority's order")
    with pytest.raises(ConflictError, match="exists"):
        place(user(old, "bob"), "H-1", {}, "x", "y")
    with pytest.raises(BadInputError, match="Extra"):
        place(user(old, "bob"), "H-2", {"batch": ["B7"]}, "x", "y")
    with pytest.raises(DeniedError, match="needs role"):
        place(user(old, "root"), "H-2", {}, "x", "y")
    with pytest.raises(DeniedError, match="hold H-1 covers batch/B7"):
        propose(old, ["batch/B7"])
    with pytest.raises(DeniedError, match="hold H-1 covers hand-over/1"):
        propose(old, ["hand-over/1"])
    assert old.retention.due() == []
    with pytest.raises(DeniedError):
        signed(old, old.retention.asked_lift("H-1", "settled"), "ann")
    assert old.retention.held_by("batch/B7") == ["H-1"]
    signed(old, old.retention.asked_lift("H-1", "settled"), "bob")
    assert old.retention.held_by("batch/B7") == []
    with pytest.raises(NotFoundError, match="no hold 'H-1' counts"):
        old.retention.asked_lift("H-1", "again")
    propose(old, [])
    approve(old)
    (row,) = old.ledger.select("hold")
    assert (row["lifted_by"], row["is_active"]) == (user(old, "bob").uid, 0)


@pytest.mark.parametrize("when", ["before approval", "before it is carried out"])
def test_a_hold_that_comes_in_between_stops_a_deletion(bench, old, when):
    bench.clock.now += 6 * YEAR
    propose(old, [])
    asked = old.retention.asked_approval("D-1", "checked")
    if when != "before approval":
        signed(old, asked, "bob")
    old.retention.place_hold(user(old, "eng"), "H-1", {"places": ["site"]}, "search", "court")
    with pytest.raises(DeniedError, match="hold H-1 covers"):
        approve(old) if when == "before approval" else old.retention.finish("D-1")
    assert old.ledger.select("batch", {"batch": "B7"})
    assert len(old.historian.read([TEMP], (0, 10**17)).table) == 1
    signed(old, old.retention.asked_lift("H-1", "settled"), "bob")
    old.retention.finish("D-1") if when != "before approval" else approve(old)
    assert old.ledger.select("batch", {"batch": "B7"}) == []


def test_what_changed_since_it_was_proposed_does_not_go(bench, old):
    bench.clock.now += 6 * YEAR
    propose(old, ["batch/B7"])
    from goldenbatch.core.batches import MaterialConsumed

    body = MaterialConsumed(batch="B7", material="M", lot="L")
    bench.record(old, "batch/B7", body)
    with pytest.raises(DeniedError, match="is not what was proposed"):
        old.retention.asked_approval("D-1", "checked")


def test_a_deletion_is_refused_or_taken_back(bench, old):
    bench.clock.now += 6 * YEAR
    propose(old, ["batch/B7"])
    with pytest.raises(DeniedError, match="needs role"):
        old.retention.refuse(user(old, "root"), "D-1", "no")
    old.retention.refuse(user(old, "ann"), "D-1", "a mistake of mine")
    with pytest.raises(DeniedError, match="it was refused"):
        old.retention.asked_approval("D-1", "checked")
    with pytest.raises(ConflictError, match="exists"):
        propose(old, ["batch/B7"])
    propose(old, ["batch/B7"], "D-2")
    old.retention.refuse(user(old, "bob"), "D-2", "not yet")
    assert [row["state"] for row in old.retention.deletions()] == ["refused", "refused"]
    with pytest.raises(NotFoundError, match="no deletion 'D-3'"):
        old.retention.finish("D-3")


def test_an_unsigned_proposal_cannot_be_approved(bench, old):
    bench.clock.now += 6 * YEAR
    old.retention.propose(user(old, "ann"), "D-1", [], "its time is over")
    with pytest.raises(DeniedError, match="has not signed it as performed"):
        old.retention.asked_approval("D-1", "checked")


def test_readings_stay_while_any_batch_of_their_time_must(bench, old):
    span = old.ledger.select("phase", {"batch": "B7"})[0]
    made(bench, old, "B8", start=span["started_at"], expiry="2039-06")
    old.sign("batch/B8", "certified", "qp", PASSWORD)
    bench.clock.now += 6 * YEAR
    assert [one["ref"] for one in old.retention.due()] == ["batch/B7"]
    said = old.retention.explain("hand-over/1")
    assert said["batches"] == ["B7", "B8"]
    assert "2040-07" in said["reasons"][0]


# ---- files ----------------------------------------------------------------------------------


def test_an_original_file_goes_when_every_batch_it_may_be_of_is_over(bench, old):
    digest = imported(bench, old)
    model = old.registry.put(b"{}", "application/json")
    bench.clock.now += 6 * YEAR
    due = [one["ref"] for one in old.retention.due()]
    assert digest in due
    assert model not in due
    assert old.retention.explain(model)["reasons"] == ["no event says what it is"]
    propose(old, [digest])
    approve(old)
    with pytest.raises(NotFoundError, match="was deleted under deletion D-1"):
        old.registry.get(digest)
    assert faults(old) == []
    assert f"artefact {digest}, was deleted under deletion D-1" in notes(old)
    # Handed in again it is a new file, and nothing says that this one was deleted.
    assert imported(bench, old) == digest
    assert faults(old) == []
    assert old.retention.reapply() == []


def test_a_file_that_an_unfinished_batch_may_need_stays(bench, old):
    digest = imported(bench, old)
    bench.record(old, "batch/B9", BatchCreated(batch="B9", product="P"))
    bench.clock.now += 9 * YEAR
    assert "of batch B9 is not known" in " ".join(old.retention.explain(digest)["reasons"])


def test_what_is_deleted_without_an_event_is_a_fault(bench, old):
    digest = imported(bench, old)
    old.registry.delete(digest, "deletion D-9")
    assert any("no event says so" in one for one in faults(old))


# ---- people ---------------------------------------------------------------------------------


def test_a_name_stays_while_a_record_that_it_signed_must(bench, old):
    old.people.disable("qp", "retired", by="")
    with pytest.raises(DeniedError) as denied:
        old.retention.propose_erasure(user(old, "ann"), "E-1", "request of 3 May", login="qp")
    assert "batch/B7 could not be attributed without it" in str(denied.value)
    assert "must be kept until" in str(denied.value)
    bench.clock.now += 6 * YEAR
    event, kept = old.retention.propose_erasure(
        user(old, "ann"), "E-1", "request of 3 May", login="qp"
    )
    assert kept == []
    body = event.decode()
    uid = user(old, "qp").uid
    assert (body.basis.value, body.subject) == ("erasure", uid)
    refs = [one.ref for one in body.things]
    assert f"user/{uid}" in refs
    assert any(ref.startswith("batch/B7@") for ref in refs)
    old.sign("deletion/E-1", "performed", "ann", PASSWORD)
    signed(old, old.retention.asked_approval("E-1", "agreed"), "bob")
    old.retention.finish("E-1")
    assert old.ledger.select("user", {"login": "qp"}) == []
    assert b'"Qp"' not in b"".join(
        json.dumps(one.body).encode() for one in old.ledger.events() if one.body
    )
    assert faults(old) == []
    assert old.people.decide_may(user(old, "ann"), "sign:reviewed", "batch/B7")
    assert old.rights.access_lines()


def test_who_has_signed_nothing_is_erased_at_once_when_the_account_is_closed(bench, old):
    from gbx_ceremony import person

    uid = person(old, "guest", "operator")
    with pytest.raises(DeniedError, match="account closed of user/"):
        old.retention.propose_erasure(user(old, "ann"), "E-1", "asked for it", login="guest")
    old.people.disable("guest", "left")
    old.retention.propose_erasure(user(old, "ann"), "E-1", "asked for it", login="guest")
    old.sign("deletion/E-1", "performed", "ann", PASSWORD)
    signed(old, old.retention.asked_approval("E-1", "agreed"), "bob")
    done = old.retention.finish("E-1")
    assert [one.ref for one in done.things] == [f"user/{uid}"]
    assert faults(old) == []
    with pytest.raises(DeniedError, match="login or password"):
        old.people.authenticate("guest", PASSWORD)


def test_personal_entries_of_a_record_go_when_its_time_is_over(bench, old):
    with pytest.raises(NotFoundError, match="no personal data in lot/M/L"):
        old.retention.propose_erasure(user(old, "ann"), "E-1", "asked", record="lot/M/L")
    with pytest.raises(DeniedError, match="must be kept until"):
        old.retention.propose_erasure(user(old, "ann"), "E-1", "asked", record="batch/B7")
    bench.clock.now += 6 * YEAR
    event, _ = old.retention.propose_erasure(user(old, "ann"), "E-1", "asked", record="batch/B7")
    (thing,) = event.decode().things
    assert (thing.ref, event.decode().subject) == ("batch/B7@5", "")
    old.sign("deletion/E-1", "performed", "ann", PASSWORD)
    approve(old, "E-1")
    bodies = [one.body for one in old.ledger.stream("batch/B7")]
    assert bodies[-1] is None
    assert None not in bodies[:-1]
    assert faults(old) == []


def test_a_hold_on_a_batch_keeps_the_names_in_it(bench, old):
    old.people.disable("qp", "retired")
    bench.clock.now += 6 * YEAR
    scope = {"batches": ["B7"]}
    old.retention.place_hold(user(old, "ann"), "H-1", scope, "complaint", "order")
    with pytest.raises(DeniedError, match="hold H-1 covers batch/B7"):
        old.retention.propose_erasure(user(old, "ann"), "E-1", "asked for it", login="qp")


def test_dates_are_of_the_ledgers_clock(bench, old):
    certified = old.ledger.stream("batch/B7")[-1].envelope.recorded_at
    verdict = old.retention.explain("batch/B7")["reasons"][0]
    year = int(to_iso(certified)[:4])
    assert f"kept until {year + 5}-" in verdict
    assert from_iso(to_iso(certified)) == certified
