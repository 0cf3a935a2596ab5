"""Alarms as records: their states, and which are open."""

from __future__ import annotations

import pytest

from goldenbatch.core.alarms import (
    ALARMS,
    AlarmAcknowledged,
    AlarmChanged,
    AlarmCleared,
    AlarmRaised,
    alarm_stream,
    condition_name,
)
from goldenbatch.core.records import NewEvent
from goldenbatch.stores.ledger import Ledger

WHO = {"source": "press", "condition": "s=Force.High"}
STREAM = alarm_stream(**WHO)


@pytest.fixture
def ledger(tmp_path):
    from goldenbatch.core.records import HomeKind
    from goldenbatch.core.site import HomeInfo

    home = HomeInfo("home-1", "test", HomeKind.DEVELOPMENT, "site", "UTC")
    opened = Ledger.open(tmp_path / "ledger.sqlite", home, lambda: 1_700_000_000_000_000, (ALARMS,))
    yield opened
    opened.close()


def append(ledger, *bodies, actor="source/press"):
    for body in bodies:
        ledger.append([NewEvent(STREAM, body, ledger.version(STREAM), actor)])
    return ledger.select("alarm")[0]


RAISED = AlarmRaised(at=10, event="aa", name="High", message="too high", severity=800, **WHO)
CLEARED = AlarmCleared(at=20, event="bb", **WHO)
ACKED = AlarmAcknowledged(at=30, event="cc", comment="seen", **WHO)


def test_the_states_of_an_alarm(ledger):
    row = append(ledger, RAISED)
    assert (row["state"], row["is_open"], row["severity"], row["n_raised"]) == (
        "unacknowledged", 1, 800, 1,
    )  # fmt: skip
    row = append(ledger, CLEARED)
    assert (row["state"], row["is_open"], row["cleared_at"], row["event"]) == (
        "returned",
        1,
        20,
        "bb",
    )
    row = append(ledger, ACKED, actor="ann")
    assert (row["state"], row["is_open"], row["acknowledged_by"]) == ("normal", 0, "ann")
    assert (row["comment"], row["name"]) == ("seen", "High")
    row = append(ledger, RAISED)
    assert (row["n_raised"], row["comment"], row["acknowledged_at"]) == (2, "", None)


def test_acknowledged_first_and_named_by_the_source(ledger):
    row = append(ledger, RAISED, ACKED.model_copy(update={"by": "operator 7"}))
    assert (row["state"], row["is_open"]) == ("acknowledged", 1)
    assert row["acknowledged_by"] == "operator 7"
    changed = AlarmChanged(at=40, severity=900, shelving="TimedShelved", is_suppressed=True, **WHO)
    row = append(ledger, changed)
    assert (row["severity"], row["shelving"], row["is_suppressed"]) == (900, "TimedShelved", 1)
    assert row["event"] == "cc"
    assert append(ledger, CLEARED)["state"] == "normal"


def test_an_acknowledgement_of_nothing_known_is_kept(ledger):
    row = append(ledger, ACKED)
    assert (row["state"], row["n_raised"], row["name"]) == ("normal", 0, "")


def test_a_long_or_odd_identity_stays_one_of_its_own():
    one, other = condition_name("x" * 130 + "a"), condition_name("x" * 130 + "b")
    assert one != other
    assert len(one) == len(other) == 120
    assert condition_name("a\nb") != condition_name("a\rb")
    assert condition_name("a\nb").isprintable()
    assert condition_name("") != ""
