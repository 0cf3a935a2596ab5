"""States of rationalised alarms when events come in awkward orders, and when there are many."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from goldenbatch.core.alarm_master import load_alarms
from goldenbatch.core.alarms import AlarmAcknowledged, AlarmCleared, AlarmRaised
from goldenbatch.core.equipment import EquipmentStatusChanged
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.finding_alarms import (
    AlarmBackInService,
    AlarmBook,
    AlarmShelved,
    AlarmTakenOut,
    AlarmUnshelved,
    OccurrenceAcknowledged,
    OccurrenceReset,
    State,
)
from goldenbatch.core.findings import (
    Evidence,
    Finding,
    FindingClosed,
    FindingOpened,
    FindingUpdated,
    Subject,
)

HEAD = 'schema = "goldenbatch/alarms/1"\nversion = "1"\ntitle = "T"\n'
SECOND = 1_000_000


def row(name, about='analyst = "a"', **more):
    told = {
        "title": "t", "cause": "c", "consequence": "k", "response": "r", "priority": "low",
        "position": "p", **more,
    }  # fmt: skip
    lines = [f'{key} = "{value}"' for key, value in told.items() if isinstance(value, str)]
    lines += [f"{key} = {value}" for key, value in told.items() if not isinstance(value, str)]
    return f'[[alarms]]\nid = "{name}"\n{about}\nrespond_within_s = 60\n' + "\n".join(lines) + "\n"


def book_with(*rows, since=0):
    book = AlarmBook()
    book.stands(load_alarms(HEAD + "".join(rows)), since, 0)
    return book


def finding(severity="minor", place="site/r1", batches=(), batch=""):
    return Finding(
        subject=Subject(batch=batch, place=place, attribute="x"), batches=batches, title="t",
        statement="s", severity=severity, start=0, analyst="a", analyst_version="1",
        evidence=(Evidence(kind="artefact", digest="0" * 64),),
    )  # fmt: skip


def tell(book, body, at, seq=1, actor="otto"):
    envelope = SimpleNamespace(recorded_at=at, actor=actor)
    book.take(SimpleNamespace(decode=lambda: body, envelope=envelope, seq=seq))


def opened(book, uid, at, kind=FindingOpened, **about):
    tell(book, kind(uid=uid, tick=1, finding=finding(**about)), at)


def only(book):
    (one,) = book.occurrences.values()
    return one


def test_batches_that_an_event_reaches_later_are_touched_too():
    book, uid = book_with(row("one")), "1" * 32
    opened(book, uid, 1, batch="b1")
    opened(book, uid, 2, FindingUpdated, batch="b1", batches=("b2",))
    opened(book, uid, 3, FindingClosed, batch="b1", batches=("b2", "b3"))
    assert only(book).batches == ("b1", "b2", "b3")
    assert [one.uid for one in book.waiting(9, "b3")] == [uid]


def test_one_that_grows_into_a_more_urgent_alarm_waits_anew():
    grave = row("grave", severity_at_least="critical", priority="critical")
    book, uid = book_with(row("slight"), grave), "1" * 32
    opened(book, uid, 1)
    tell(book, OccurrenceAcknowledged(uid=uid, comment="seen"), 2)
    opened(book, uid, 3, FindingUpdated, severity="critical")
    assert (only(book).alarm.id, only(book).raised_at) == ("grave", 3)
    assert book.state(only(book), 4) is State.UNACKNOWLEDGED
    opened(book, uid, 5, FindingUpdated)  # less grave again: what was asked for still is
    assert only(book).alarm.id == "grave"


def test_a_newer_database_does_not_change_an_alarm_that_stands():
    book, uid = book_with(row("one")), "1" * 32
    opened(book, uid, 1)
    book.stands(load_alarms(HEAD + row("one", priority="critical")), 2, 0)
    opened(book, uid, 3, FindingUpdated)
    assert only(book).alarm.priority == "low"


def test_one_that_is_opened_again_waits_again():
    book, uid = book_with(row("one")), "1" * 32
    opened(book, uid, 1)
    tell(book, OccurrenceAcknowledged(uid=uid, comment="seen"), 2)
    opened(book, uid, 3, FindingClosed)
    assert only(book).is_over
    opened(book, uid, 4, FindingUpdated)
    assert book.state(only(book), 5) is State.UNACKNOWLEDGED


def test_one_that_was_reset_before_anybody_took_note_is_latched_no_more():
    book, uid = book_with(row("one").replace("title", "is_latching = true\ntitle", 1)), "1" * 32
    opened(book, uid, 1)
    opened(book, uid, 2, FindingClosed)
    assert book.state(only(book), 3) is State.LATCHED
    tell(book, OccurrenceReset(uid=uid, comment="checked"), 3)
    assert book.state(only(book), 4) is State.RETURNED
    tell(book, OccurrenceAcknowledged(uid=uid, comment="seen"), 5)
    assert book.state(only(book), 6) is State.NORMAL


def test_what_is_said_of_alarms_that_were_not_raised_changes_nothing():
    book, uid = book_with(row("one"), since=5), "1" * 32
    tell(book, OccurrenceAcknowledged(uid=uid, comment="seen"), 6)
    opened(book, uid, 7, FindingClosed)
    tell(book, AlarmCleared(source="s", condition="c", at=8), 8)
    tell(book, AlarmUnshelved(alarm="one", reason="r"), 9)
    tell(book, AlarmBackInService(alarm="one", reason="r"), 9)
    assert not book.occurrences
    assert not book.was_shelved("one")
    opened(book, uid, 10)
    assert book.state(only(book), 11) is State.UNACKNOWLEDGED


def test_a_source_that_raises_twice_leaves_nothing_standing():
    book = book_with(row("one", 'source = "s"'))
    for seq, at in ((1, 10), (2, 20)):
        tell(book, AlarmRaised(source="s", condition="c", at=at), at, seq)
    first, second = book.occurrences.values()
    assert (first.cleared_at, second.cleared_at) == (20, None)
    tell(book, AlarmAcknowledged(source="s", condition="c", at=30, by="panel"), 30)
    tell(book, AlarmCleared(source="s", condition="c", at=40), 40)
    assert [one.is_over for one in book.occurrences.values()] == [True, True]
    assert {one.acknowledged_by for one in book.occurrences.values()} == {"panel"}


def test_clocks_of_sources_that_are_ahead_or_behind_hide_no_alarm():
    book = book_with(row("one", 'source = "s"'))
    tell(book, AlarmRaised(source="s", condition="c", at=3_600 * SECOND), 10 * SECOND)
    assert [one.raised_at for one in book.waiting(11 * SECOND)] == [10 * SECOND]
    tell(book, AlarmCleared(source="s", condition="c", at=5 * SECOND), 12 * SECOND)
    assert only(book).cleared_at == 10 * SECOND
    assert book.shown_at(only(book), 20 * SECOND) == (10 * SECOND,)


@pytest.mark.parametrize(
    "line", ['place = "site/*"', "is_latching = true", 'suppressed_in = ["hold"]']
)
def test_what_has_no_effect_on_alarms_of_sources_is_refused(line):
    with pytest.raises(BadInputError, match="says nothing about alarms of a source"):
        book_with(row("one", f'source = "s"\n{line}'))


def test_alarms_that_a_newer_database_leaves_out_can_still_be_put_back():
    book, uid = book_with(row("old")), "1" * 32
    tell(book, AlarmTakenOut(alarm="old", reason="r"), 1)
    book.stands(load_alarms(HEAD + row("new")), 2, 0)
    book.stands(load_alarms(HEAD + row("later")), 2, 50)  # in force from 50 on
    assert sorted(book.rows(10)) == ["new", "old"]
    tell(book, AlarmBackInService(alarm="old", reason="r"), 11)
    assert sorted(book.rows(12)) == ["new"]
    tell(book, AlarmShelved(alarm="new", reason="r", until=2**50), 13)
    assert book.shelved_until("new", 14) == 13 + 28_800 * SECOND
    opened(book, uid, 15)
    assert sorted(book.rows(60)) == ["later", "new"]


def test_the_newest_shelving_counts():
    book = book_with(row("one"))
    tell(book, AlarmShelved(alarm="one", reason="r", until=1_000), 10)
    tell(book, AlarmShelved(alarm="one", reason="r", until=100), 20)
    assert (book.shelved_until("one", 50), book.shelved_until("one", 100)) == (100, 0)
    opened(book, "1" * 32, 30)
    assert book.shown_at(only(book), 200) == (100,)
    tell(book, AlarmUnshelved(alarm="one", reason="r"), 40)
    assert book.shown_at(only(book), 200) == (40,)


def test_what_hides_an_alarm_is_looked_up_in_many_changes_of_state():
    text = row("one", max_shelving_s=1).replace("title", 'suppressed_in = ["hold"]\ntitle', 1)
    book = book_with(text)
    for n in range(400):
        state = "hold" if n % 2 else "in use"
        tell(book, EquipmentStatusChanged(place="site/r1", status=state, at=n * 20), n * 20)
        opened(book, f"{n:032x}", n * 20 + 5)
        opened(book, f"{n:032x}", n * 20 + 15, FindingClosed)
    shown = [book.shown_at(one, 40_000) for one in book.occurrences.values()]
    assert shown == [(n * 20 + 5,) if n % 2 == 0 else () for n in range(400)]
