"""Two shifts at a real home: written, corrected, handed over, taken over, and read by others."""

from __future__ import annotations

import pytest

from goldenbatch.capabilities.execution.logbook.open_things import open_items
from goldenbatch.capabilities.execution.logbook.reading import logbook, logbooks
from goldenbatch.capabilities.execution.logbook.routes import router
from goldenbatch.core.batches import BatchCreated, PhaseStarted
from goldenbatch.core.equipment import EquipmentStatus, EquipmentStatusChanged
from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError, NotFoundError
from goldenbatch.core.records import NewEvent, to_iso

PASSWORD = "a long password"
AREA = "site/fermentation"
TANK = f"{AREA}/tank"
HOUR = 3_600_000_000
PEOPLE = {"otto": "operator", "olga": "operator", "root": "administrator"}


@pytest.fixture
def plant(bench, monkeypatch):
    import argon2

    real = argon2.PasswordHasher
    monkeypatch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))
    for login, role in PEOPLE.items():
        bench.site.people.add(login, login.title(), PASSWORD)
        bench.site.people.grant(login, role, "test")
    return bench


def act(bench, name, login="otto", **values):
    return bench.site.acts.act(f"execution.logbook-{name}", values, login, PASSWORD)


def begin(bench):
    act(bench, "start", area=AREA, title="Early")
    (entry,) = act(
        bench, "write", area=AREA, text="valve V3 drips", is_open=True, category="equipment"
    )
    return f"{entry.stream}@{entry.envelope.version}"


def something_open(bench):
    """A running batch and phase, equipment that is clean for an hour, one elsewhere."""
    at = bench.site.clock() - HOUR
    clean = EquipmentStatusChanged(
        place=TANK, status=EquipmentStatus.CLEAN, at=at, expires_at=at + 4 * HOUR
    )
    elsewhere = EquipmentStatusChanged(place="site/other", status=EquipmentStatus.IDLE, at=at)
    created = BatchCreated(batch="B1", product="P", place=AREA, started_at=at)
    bench.site.ledger.append(
        [
            NewEvent(f"equipment/{TANK}", clean, 0, "test"),
            NewEvent("equipment/site/other", elsewhere, 0, "test"),
            NewEvent("batch/B1", created, 0, "test"),
            NewEvent(
                "batch/B1", PhaseStarted(batch="B1", place=TANK, phase="grow", run=1, at=at), 1,
                "test",
            ),
        ]
    )  # fmt: skip


def test_a_shift_is_handed_over_with_what_was_open_by_reference(plant):
    something_open(plant)
    begin(plant)
    act(plant, "prepare", area=AREA, summary="B1 grows; V3 drips")
    told = logbook(plant.site, AREA)["shift"]
    items = told["handover"]["items"]
    assert [one["kind"] for one in items] == [
        "hold time", "equipment status", "running batch", "running phase", "open entry",
    ]  # fmt: skip
    for one in items:
        event = plant.site.ledger.stream(one["stream"], one["version"] - 1)[0]
        assert event.leaf == one["digest"]
    assert items[0]["expires_at"] - items[0]["since"] == 4 * HOUR
    assert told["unsigned"] == "neither signed out nor taken over"
    with pytest.raises(ConflictError, match="handover prepared"):
        act(plant, "sign-in", "olga", area=AREA)
    act(plant, "sign-out", area=AREA, comment="see V3")
    with pytest.raises(DeniedError, match="among those who did the work"):
        act(plant, "sign-in", area=AREA)
    taken, signed = act(plant, "sign-in", "olga", area=AREA, comment="read")
    assert (taken.kind, signed.kind) == ("HandoverSignedIn", "SignatureApplied")
    told = logbook(plant.site, AREA)["shift"]
    assert told["is_taken_over"]
    assert (told["signed_out"]["by_name"], told["signed_in"]["by_name"]) == ("Otto", "Olga")
    assert plant.site.verify().is_ok


def take_over(plant):
    act(plant, "prepare", area=AREA, summary="all quiet")
    act(plant, "sign-out", area=AREA)
    act(plant, "sign-in", "olga", area=AREA)


def test_a_shift_that_was_taken_over_changes_only_in_sight(plant):
    entry = begin(plant)
    take_over(plant)
    with pytest.raises(ConflictError, match="is over"):
        act(plant, "write", area=AREA, text="one more")
    with pytest.raises(DeniedError, match="signed a judgement"):
        act(plant, "correct", "olga", entry=entry, text="V4", reason="it was V4")
    act(plant, "correct", entry=entry, text="valve V4 drips", reason="V3 was a slip")
    told = logbook(plant.site, AREA)["shift"]
    assert not told["is_taken_over"]
    assert "changed after it was taken over" in told["unsigned"]
    (shown,) = told["entries"]
    (correction,) = shown["corrections"]
    assert (correction["old"], correction["new"]) == ("valve V3 drips", "valve V4 drips")
    (row,) = plant.site.ledger.select("signature", {"meaning": "verified"})
    assert row["stream"] == told["stream"]
    with pytest.raises(ConflictError, match="changed after"):
        act(plant, "start", "olga", area=AREA, title="Late")
    act(plant, "prepare", area=AREA, summary="as before, but V4")
    act(plant, "sign-out", area=AREA)
    act(plant, "sign-in", "olga", area=AREA)
    assert logbook(plant.site, AREA)["shift"]["is_taken_over"]


def test_an_open_entry_goes_from_shift_to_shift_until_it_is_settled(plant):
    entry = begin(plant)
    take_over(plant)
    act(plant, "start", "olga", area=AREA, title="Late")
    assert [one.ref for one in open_items(plant.site, AREA)] == [entry]
    act(plant, "settle", "olga", entry=entry, comment="new gasket")
    assert open_items(plant.site, AREA) == ()
    (old,) = logbook(plant.site, AREA, 1)["shift"]["entries"]
    assert old["settled"] == "logbook/site/fermentation/2@2"
    # The shift that was taken over stays as it was signed: it was settled in the next one.
    assert logbook(plant.site, AREA, 1)["shift"]["is_taken_over"]
    with pytest.raises(ConflictError, match="no open entry"):
        act(plant, "settle", "olga", entry=entry, comment="again")


def test_what_opened_after_the_handover_was_prepared_is_told(plant):
    begin(plant)
    act(plant, "prepare", area=AREA, summary="all quiet")
    something_open(plant)
    told = logbook(plant.site, AREA)["shift"]["handover"]
    assert len(told["opened_since"]) == 4
    assert told["changed_since"] == []


def test_late_entries_say_why_and_the_trail_calls_them_late(plant):
    act(plant, "start", area=AREA, title="Early")
    early = to_iso(plant.site.clock() - HOUR)
    with pytest.raises(BadInputError, match="late entry"):
        act(plant, "write", area=AREA, text="it leaked", happened_at=early)
    with pytest.raises(BadInputError, match="not come yet"):
        act(plant, "write", area=AREA, text="x", happened_at=to_iso(plant.site.clock() + HOUR))
    act(plant, "write", area=AREA, text="it leaked", happened_at=early, late_reason="hands full")
    told = logbook(plant.site, AREA)["shift"]
    assert told["n_late"] == 1
    (row,) = plant.site.ledger.select("trail", {"kind": "LogEntered"})
    assert row["is_late"]


def test_a_shift_that_begins_without_a_handover_says_why(plant):
    begin(plant)
    with pytest.raises(ConflictError, match="neither signed out"):
        act(plant, "start", "olga", area=AREA, title="Late")
    act(plant, "start", "olga", area=AREA, title="Late", reason="evacuation")
    told = logbook(plant.site, AREA)["shift"]
    assert told["begun_without_handover"] == "evacuation"
    (row,) = [one for one in logbooks(plant.site)["areas"] if one["area"] == AREA]
    assert row["shift"]["number"] == 2
    assert logbook(plant.site, AREA, 1)["shift"]["unsigned"]


def test_what_is_refused(plant):
    with pytest.raises(NotFoundError, match="no shift"):
        act(plant, "write", area=AREA, text="x")
    with pytest.raises(NotFoundError, match="keeps no logbook"):
        act(plant, "start", area="site/nowhere", title="Early")
    act(plant, "start", area=AREA, title="Early")
    with pytest.raises(DeniedError, match="administrator"):
        act(plant, "write", "root", area=AREA, text="x")
    with pytest.raises(BadInputError, match="no record"):
        act(plant, "write", area=AREA, text="x", about=["batch/none"])
    with pytest.raises(BadInputError):
        act(plant, "write", area=AREA, text="x", category="gossip")
    with pytest.raises(BadInputError, match="no entry"):
        act(plant, "correct", entry="batch/B1@1", text="x", reason="why")
    with pytest.raises(NotFoundError):
        act(plant, "correct", entry=f"logbook/{AREA}/1@1", text="x", reason="why")
    with pytest.raises(NotFoundError):
        logbook(plant.site, AREA, 7)


def test_the_endpoints_are_two(plant):
    paths = {one.path for one in router(lambda: plant.site).routes}
    assert paths == {"/logbook", "/logbook/shift"}
