"""Analysts: the life cycle of open findings is one chain of transitions each."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.core.analyst import Analyst, Assessment, OpenFindings, Tick
from goldenbatch.core.findings import Subject, finding_uid
from tests.core.test_findings import finding

SUBJECTS = [Subject(batch=batch, key=key) for batch in ("7", "8") for key in ("", "rule 1")]


def tick(number):
    return Tick(number, historian_seq=number, ledger_seq=number, at=number)


def test_a_finding_is_opened_updated_and_closed():
    book = OpenFindings("a", "1")
    one = finding(subject=SUBJECTS[0])
    assert not book.is_open(SUBJECTS[0])
    book.put(one, tick(3))
    assert book.is_open(SUBJECTS[0])
    book.put(one, tick(4))
    book.close(one)
    assert not book.is_open(SUBJECTS[0])
    uid = finding_uid("a", "1", SUBJECTS[0], 3)
    assert [(t.uid, t.step, t.version) for t in book.transitions] == [
        (uid, "opened", 1),
        (uid, "updated", 2),
        (uid, "closed", 3),
    ]


def test_what_is_not_open_cannot_be_closed():
    with pytest.raises(KeyError):
        OpenFindings("a", "1").close(finding())


def test_the_same_subject_again_is_a_new_finding():
    book = OpenFindings("a", "1")
    for number in (1, 5):
        book.put(finding(), tick(number))
        book.close(finding())
    uids = [one.uid for one in book.transitions]
    assert uids[0] == uids[1] != uids[2] == uids[3]
    assert [one.version for one in book.transitions] == [1, 2, 1, 2]


def test_two_findings_on_a_subject_in_one_tick_are_two():
    book = OpenFindings("a", "1")
    for _ in range(3):
        book.put(finding(), tick(7))
        book.close(finding())
    uids = [one.uid for one in book.transitions[::2]]
    assert len(set(uids)) == 3
    assert uids[0] == finding_uid("a", "1", finding().subject, 7)
    assert [one.version for one in book.transitions] == [1, 2] * 3


moves = st.tuples(st.sampled_from(["put", "close"]), st.sampled_from(SUBJECTS))


def play(sequence, restart_at=None):
    """Transitions of a sequence, with a restart from saved state in the middle."""
    book, found = OpenFindings("a", "1"), []
    for number, (move, subject) in enumerate(sequence, start=1):
        if number == restart_at:
            entries = json.loads(json.dumps(book.entries))
            found += book.transitions
            book = OpenFindings("a", "1", entries)
        one = finding(subject=subject)
        if move == "put":
            book.put(one, tick(number))
        elif book.is_open(subject):
            book.close(one)
    return found + book.transitions


@given(st.lists(moves, max_size=25))
def test_every_stream_is_opened_once_closed_once_and_has_no_gaps(sequence):
    streams = {}
    for one in play(sequence):
        streams.setdefault(one.uid, []).append(one)
    for steps in streams.values():
        assert [one.version for one in steps] == list(range(1, len(steps) + 1))
        kinds = [one.step for one in steps]
        assert kinds[0] == "opened"
        assert set(kinds[1:-1]) <= {"updated"}
        assert kinds.count("opened") == 1
        assert "closed" not in kinds[:-1]
        assert len({one.finding.subject for one in steps}) == 1


@given(st.lists(moves, min_size=1, max_size=15), st.integers(1, 15))
def test_a_restart_from_saved_state_changes_nothing(sequence, restart_at):
    assert play(sequence, restart_at) == play(sequence)


separators = st.text("|ab", max_size=4)


@given(separators, separators, separators, separators)
def test_subjects_are_kept_apart(batch, place, other_batch, other_place):
    one, other = Subject(batch=batch, place=place), Subject(batch=other_batch, place=other_place)
    book = OpenFindings("a", "1")
    book.put(finding(subject=one), tick(1))
    assert book.is_open(other) == (one == other)


class Counter:
    """An analyst that counts its ticks."""

    name, version = "counter", "1"

    def start(self):
        return {"n_ticks": 0}

    def assess(self, state, view):
        return Assessment({"n_ticks": state["n_ticks"] + 1})


def test_an_analyst_is_known_by_its_shape():
    assert isinstance(Counter(), Analyst)
    assert not isinstance(object(), Analyst)
    assessment = Counter().assess(Counter().start(), None)
    assert assessment == Assessment({"n_ticks": 1}, (), ())
