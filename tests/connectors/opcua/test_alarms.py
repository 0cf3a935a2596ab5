"""Alarms and conditions of a server: recorded, acknowledged, asked for again."""

from __future__ import annotations

import asyncio

import pytest

from goldenbatch.connectors.opcua._conditions import Seen, bodies
from goldenbatch.core.acquisition import SourceError
from goldenbatch.core.errors import ConflictError, NotFoundError
from tests.connectors.opcua.kit import Line, a_card, item

ALARMS = {"is_used": True}


def run(main):
    asyncio.run(asyncio.wait_for(main(), 60))


# ---- what follows from a state --------------------------------------------------------------

ROW = {
    "is_active": 1, "is_acknowledged": 0, "is_open": 1, "raised_at": 100, "severity": 500,
    "shelving": "", "is_suppressed": 0, "is_enabled": 1, "is_confirmed": 1,
    "acknowledged_at": 150, "message": "too high",
}  # fmt: skip
DONE = {**ROW, "is_acknowledged": 1, "is_confirmed": 0}
QUIET = {**ROW, "is_active": 0, "is_acknowledged": 1, "is_open": 0}


def kinds(row, **seen):
    given = {"is_active": True, "is_acknowledged": False, "severity": 500, "active_since": 100}
    found = bodies("press", row, Seen("c", None, 200, **{**given, **seen}))
    return [type(one).__name__.removeprefix("Alarm") for one in found]


@pytest.mark.parametrize(
    ("row", "seen", "expected"),
    [
        (None, {}, ["Raised"]),
        (None, {"is_active": False, "is_acknowledged": True}, []),
        (None, {"is_active": False}, ["Raised", "Cleared"]),
        (None, {"is_acknowledged": True}, ["Raised", "Acknowledged"]),
        (ROW, {}, []),
        (ROW, {"is_acknowledged": True}, ["Acknowledged"]),
        (ROW, {"is_active": False}, ["Cleared"]),
        (ROW, {"is_active": False, "is_acknowledged": True}, ["Acknowledged", "Cleared"]),
        (ROW, {"active_since": 150}, ["Cleared", "Raised"]),
        (ROW, {"severity": 900}, ["Changed"]),
        (ROW, {"shelving": "TimedShelved"}, ["Changed"]),
        (ROW, {"is_suppressed": True}, ["Changed"]),
        (ROW, {"is_enabled": False}, ["Changed"]),
        (QUIET, {"is_active": False, "is_acknowledged": True, "severity": 1}, []),
        (QUIET, {}, ["Raised"]),
        (QUIET, {"is_active": False}, ["Raised", "Cleared"]),
        (DONE, {"is_acknowledged": True, "is_confirmed": False}, []),
        (DONE, {"is_acknowledged": True}, ["Confirmed"]),
        (DONE, {"is_acknowledged": True, "is_active": False}, ["Confirmed", "Cleared"]),
    ],
)
def test_what_happened_between_two_states(row, seen, expected):
    assert kinds(row, **seen) == expected


def test_the_comment_of_an_earlier_alarm_is_not_of_this_one():
    seen = {"is_active": True, "is_acknowledged": True, "severity": 500, "active_since": 100}
    said = {"comment": "checked", "user": "anna"}
    (old,) = bodies("press", ROW, Seen("c", None, 200, comment_at=99, **seen, **said))
    assert (old.comment, old.by) == ("", "")
    (own,) = bodies("press", ROW, Seen("c", None, 200, comment_at=150, **seen, **said))
    assert (own.comment, own.by) == ("checked", "anna")


# ---- against the server ---------------------------------------------------------------------


def alarm(home):
    rows = home.site.ledger.select("alarm", {"source": "press", "branch_of": ""})
    return dict(rows[0]) if rows else {}


def branches(home):
    rows = home.site.ledger.select("alarm", {"source": "press"})
    return [dict(row) for row in rows if row["branch_of"]]


def trail(home):
    condition = alarm(home)["condition"]
    events = home.site.ledger.stream(f"alarm/press/{condition}")
    return [(one.kind.removeprefix("Alarm"), one.envelope.actor) for one in events]


def calm(plant):
    plant.set("Force", 10)


@pytest.mark.service("node")
def test_an_alarm_is_raised_acknowledged_by_a_person_and_cleared(plant, home):
    async def main():
        async with home.reading(a_card(plant, item("Force"), alarms=ALARMS)):
            await home.connected()
            plant.set("Force", 35)
            await home.until(lambda: alarm(home).get("state") == "unacknowledged")
            row = alarm(home)
            assert (row["name"], row["source_name"]) == ("ForceAlarm", "1:Press")
            assert row["condition"].startswith("nsu=urn:")
            assert row["condition"].endswith(";s=Press.ForceAlarm")
            assert row["severity"] > 0
            await home.until(lambda: home.health("alarms_open") == 1.0)
            with pytest.raises(NotFoundError):
                await home.connector.acknowledge("no such", "", "ann")
            await home.connector.acknowledge(row["condition"], "valve checked", "ann")
            row = alarm(home)
            assert (row["state"], row["acknowledged_by"]) == ("acknowledged", "ann")
            assert row["comment"] == "valve checked"
            there = plant.do("alarm")
            assert there["acked"] is True
            assert there["comment"] == "valve checked"
            with pytest.raises(ConflictError):
                await home.connector.acknowledge(row["condition"], "again", "ann")
            plant.set("Force", 10)
            await home.until(lambda: alarm(home)["state"] == "normal")
            assert trail(home) == [
                ("Raised", "source/press"), ("Acknowledged", "ann"), ("Cleared", "source/press"),
            ]  # fmt: skip

    try:
        run(main)
    finally:
        calm(plant)


@pytest.mark.service("node")
def test_what_was_acknowledged_waits_to_be_confirmed(plant, home):
    async def main():
        async with home.reading(a_card(plant, item("Force"), alarms=ALARMS)):
            await home.connected()
            plant.set("Force", 35)
            await home.until(lambda: alarm(home).get("state") == "unacknowledged")
            condition = alarm(home)["condition"]
            with pytest.raises(ConflictError, match="not acknowledged yet"):
                await home.connector.confirm(condition, "done", "ann")
            assert (await home.connector.acknowledge(condition, "I go", "ann")).startswith("Good")
            assert (alarm(home)["state"], alarm(home)["is_confirmed"]) == ("acknowledged", 0)
            plant.set("Force", 10)
            await home.until(lambda: alarm(home)["state"] == "normal")
            assert alarm(home)["is_open"] == 1  # somebody must still say that it is done
            await home.connector.confirm(condition, "valve replaced", "bor")
            row = alarm(home)
            assert (row["is_open"], row["confirmed_by"]) == (0, "bor")
            assert plant.do("alarm")["comment"] == "valve replaced"
            with pytest.raises(ConflictError, match="does not wait"):
                await home.connector.confirm(condition, "again", "bor")
            assert ("Confirmed", "bor") in trail(home)
            stream = home.site.ledger.stream(f"alarm/press/{condition}")
            answers = [getattr(one.decode(), "answer", "") for one in stream]
            assert [one for one in answers if one] == ["Good (0x00000000)"] * 2

    try:
        run(main)
    finally:
        calm(plant)


@pytest.mark.service("node")
def test_an_earlier_state_that_nobody_saw_waits_on_its_own(plant, home):
    async def main():
        async with home.reading(a_card(plant, item("Force"), alarms=ALARMS)):
            await home.connected()
            plant.set("Force", 35)
            await home.until(lambda: alarm(home).get("state") == "unacknowledged")
            plant.set("Force", 10)  # it returns, and the server makes a branch of what it was
            (branch,) = await home.until(lambda: branches(home))
            assert branch["branch_of"] == alarm(home)["condition"]
            assert branch["is_open"] == 1 and branch["is_acknowledged"] == 0
            await home.connector.acknowledge(branch["condition"], "seen late", "ann")
            (branch,) = branches(home)
            assert (branch["acknowledged_by"], branch["comment"]) == ("ann", "seen late")

    try:
        run(main)
    finally:
        calm(plant)


@pytest.mark.service("node")
def test_what_the_server_refuses_is_said_and_recorded(plant, home):
    async def main():
        async with home.reading(a_card(plant, item("Force"), alarms=ALARMS)):
            await home.connected()
            plant.set("Force", 35)
            await home.until(lambda: alarm(home).get("state") == "unacknowledged")
            plant.do("enable", on=False)
            await home.until(lambda: alarm(home)["is_enabled"] == 0)
            condition = alarm(home)["condition"]
            with pytest.raises(SourceError, match=r"refuses to acknowledge .*BadConditionDisabled"):
                await home.connector.acknowledge(condition, "let me", "ann")
            assert ("Refused", "ann") in trail(home)
            row = alarm(home)
            assert row["is_acknowledged"] == 0 and "BadConditionDisabled" in row["refusal"]

    try:
        run(main)
    finally:
        plant.do("enable", on=True)
        calm(plant)


@pytest.mark.service("node")
def test_what_happened_while_the_line_was_cut_is_found_again(plant, home):
    async def main():
        line = await Line(plant.options["port"]).mend()
        url = plant.url.replace(str(plant.options["port"]), str(line.port))
        async with home.reading(a_card(plant, item("Force"), url=url, alarms=ALARMS)):
            await home.connected()
            plant.set("Force", 39)
            await home.until(lambda: alarm(home).get("state") == "unacknowledged")
            await line.cut()
            await home.until(lambda: home.health("connected") == 0.0)
            with pytest.raises(SourceError, match="is not connected"):
                await home.connector.acknowledge(alarm(home)["condition"], "x", "ann")
            plant.set("Force", 10)
            await line.mend()
            # This server acknowledges by itself what returns to normal.
            await home.until(lambda: alarm(home)["state"] == "normal")
            assert [one[0] for one in trail(home)] == ["Raised", "Acknowledged", "Cleared"]
            assert alarm(home)["acknowledged_by"] == "source/press"
        await line.cut()

    try:
        run(main)
    finally:
        calm(plant)


@pytest.mark.service("node")
def test_a_card_without_alarms_acknowledges_nothing(plant, home):
    async def main():
        async with home.reading(a_card(plant, item("Speed"))):
            with pytest.raises(SourceError, match="reads no alarms"):
                await home.connector.acknowledge("c", "", "ann")

    run(main)
