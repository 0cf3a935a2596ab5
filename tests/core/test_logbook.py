"""A shift from any events: what is taken over cannot change unseen, and nobody takes over alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from goldenbatch.core.logbook import (
    LATE_US,
    HandoverPrepared,
    HandoverSignedIn,
    HandoverSignedOut,
    LogEntered,
    LogEntryCorrected,
    LogEntrySettled,
    ShiftStarted,
    shift_stream,
)
from goldenbatch.core.logbook_life import Stage, shift_state
from goldenbatch.core.logbook_rows import LOG_ENTRIES, SHIFTS
from goldenbatch.core.people import Meaning
from tests.core.log import Log
from tests.core.releases import sign

AREA = "site/area"
STREAM = shift_stream(AREA, 1)
OF = {"area": AREA, "shift": 1}
PEOPLE = ("ana", "bor", "cy")
STEPS = ("enter", "correct", "settle", "prepare", "out", "in", "in_unsigned", "in_old",
         "stranger")  # fmt: skip


def begun():
    log = Log()
    log.add(STREAM, ShiftStarted(**OF, title="Early"), "ana")
    return log


def names(log):
    """How the newest handover is named."""
    made = [one for one in log.stream(STREAM) if one.kind == "HandoverPrepared"]
    if not made:
        return {**OF, "handover": f"{STREAM}@1", "digest": "0" * 64}
    return {**OF, "handover": f"{STREAM}@{made[-1].envelope.version}", "digest": made[-1].leaf}


def take(log, step, who):
    """Append one event, lawful or not, as anybody could who reaches the ledger."""
    entries = [one for one in log.stream(STREAM) if one.kind == "LogEntered"]
    state = shift_state(log.stream(STREAM))
    if step == "enter":
        log.add(STREAM, LogEntered(**OF, text="pump is loud", is_open=True), who)
    elif step == "correct" and entries:
        number = entries[-1].envelope.version
        old = state.entries[number].text
        body = LogEntryCorrected(**OF, entry=number, old=old, new=old + "!", reason="a slip")
        log.add(STREAM, body, who)
    elif step == "settle" and entries:
        name = f"{STREAM}@{entries[-1].envelope.version}"
        log.add(STREAM, LogEntrySettled(**OF, entry=name, comment="oiled"), who)
    elif step == "prepare":
        log.add(STREAM, HandoverPrepared(**OF, summary="all quiet"), who)
    elif step == "out":
        sign(log, STREAM, HandoverSignedOut(**names(log)), who, Meaning.PERFORMED)
    elif step == "in":
        sign(log, STREAM, HandoverSignedIn(**names(log)), who, Meaning.VERIFIED)
    elif step == "in_unsigned":
        log.add(STREAM, HandoverSignedIn(**names(log)), who)
    elif step == "in_old":
        old = {**OF, "handover": f"{STREAM}@1", "digest": log.stream(STREAM)[0].leaf}
        sign(log, STREAM, HandoverSignedIn(**old), who, Meaning.VERIFIED)
    elif step == "stranger":
        log.add(STREAM, ShiftStarted(**OF, title="again"), who)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from(PEOPLE)), max_size=9))
def test_what_was_taken_over_cannot_change_unseen(steps):
    log = begun()
    for step, who in steps:
        before = shift_state(log.stream(STREAM))
        take(log, step, who)
        after = shift_state(log.stream(STREAM))
        is_changed = after.head != before.head
        if before.is_taken_over and is_changed and not after.is_taken_over:
            assert after.unsigned_since == before.head + 1
        if before.is_taken_over and is_changed and after.is_taken_over:
            assert after.faults != before.faults  # only what counts for nothing leaves it as it is
            assert after.entries == before.entries
        if after.is_taken_over and not before.is_taken_over:
            assert step == "in"
            assert after.signed_in.by == who != after.signed_out.by
            assert who not in after.workers
            assert after.handover.version < after.signed_out.version < after.signed_in.version
        if after.entries != before.entries:
            assert after.stage in (Stage.RUNNING, Stage.TAKEN_OVER)
            assert not after.is_taken_over
            assert after.unsigned
        assert bool(after.unsigned) == (not after.is_taken_over)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(("enter", "correct", "settle")), max_size=8))
def test_the_table_of_entries_says_what_the_fold_says(steps):
    log = begun()
    for step in steps:
        take(log, step, "ana")
    state, rows = shift_state(log.stream(STREAM)), log.table(LOG_ENTRIES)
    assert set(rows) == {(f"{STREAM}@{number}",) for number in state.entries}
    for number, entry in state.entries.items():
        row = rows[f"{STREAM}@{number}",]
        assert row["text"] == entry.text
        assert row["n_corrections"] == len(entry.corrections)
        assert bool(row["is_open"]) == (entry.is_open and not entry.settled_by)
        assert entry.corrections == () or entry.corrections[0].old == "pump is loud"
    assert log.table(SHIFTS)[AREA, 1]["title"] == "Early"


def test_a_whole_handover_and_a_correction_after_it():
    log = begun()
    take(log, "enter", "ana")
    take(log, "prepare", "ana")
    take(log, "out", "ana")
    assert shift_state(log.stream(STREAM)).unsigned == "signed out, not taken over"
    take(log, "in", "ana")
    assert "worked in the shift" in shift_state(log.stream(STREAM)).faults[-1]
    take(log, "in", "bor")
    assert shift_state(log.stream(STREAM)).is_taken_over
    take(log, "correct", "ana")
    state = shift_state(log.stream(STREAM))
    assert "unsigned since version 10" in state.unsigned
    assert state.entries[2].corrections[0].reason == "a slip"
    for step, who in (("prepare", "ana"), ("out", "ana"), ("in", "bor")):
        take(log, step, who)
    assert shift_state(log.stream(STREAM)).is_taken_over


def test_a_correction_must_name_what_stood_there():
    log = begun()
    take(log, "enter", "ana")
    body = LogEntryCorrected(**OF, entry=2, old="something else", new="x", reason="to hide it")
    log.add(STREAM, body, "ana")
    state = shift_state(log.stream(STREAM))
    assert state.entries[2].text == "pump is loud"
    assert "does not have" in state.faults[0]
    assert log.table(LOG_ENTRIES)[f"{STREAM}@2",]["n_corrections"] == 0
    with pytest.raises(ValidationError, match="changes nothing"):
        LogEntryCorrected(**OF, entry=2, old="a", new="a", reason="nothing")


def test_a_late_entry_is_an_exception_even_where_nobody_said_why():
    log = begun()
    log.add(STREAM, LogEntered(**OF, text="it leaked", happened_at=0), "ana", at=LATE_US)
    log.add(STREAM, LogEntered(**OF, text="it leaked", happened_at=0), "ana", at=LATE_US + 1)
    assert [one.is_late for one in shift_state(log.stream(STREAM)).entries.values()] == [0, 1]
    assert [one["is_late"] for one in log.table(LOG_ENTRIES).values()] == [0, 1]


def test_nobody_settles_what_another_area_has_open():
    log = begun()
    take(log, "enter", "ana")
    other = {"area": "site/other", "shift": 1}
    log.add(shift_stream("site/other", 1), ShiftStarted(**other, title="Early"), "bor")
    body = LogEntrySettled(**other, entry=f"{STREAM}@2", comment="not mine")
    log.add(shift_stream("site/other", 1), body, "bor")
    assert log.table(LOG_ENTRIES)[f"{STREAM}@2",]["is_open"] == 1
