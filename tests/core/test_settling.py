"""What settles is a change of its own time; what flaps is told a bounded number of times."""

from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.core.settling import MIN_FLAPS, Change, Settling

S = 1_000_000
HOLD = 3
ROWS = st.lists(st.tuples(st.integers(1, 8), st.sampled_from("abc")), max_size=60)


def read(drawn, settle_us=HOLD * S):
    at, tag = 0, Settling("t", settle_us)
    for gap, value in drawn:
        at += gap * S
        tag.take(at, value)
    return tag


def held(drawn):
    """By the definition, slowly: a run of one value that lasts to the next other reading."""
    at, rows = 0, []
    for gap, value in drawn:
        at += gap * S
        rows.append((at, value))
    found = []
    for i, (start, value) in enumerate(rows):
        if i and rows[i - 1][1] == value:
            continue
        until = next((time for time, other in rows[i:] if other != value), rows[-1][0])
        if until - start >= HOLD * S and (not found or found[-1].value != value):
            found.append(Change(start, "t", value))
    return found


@settings(max_examples=50, deadline=None)
@given(ROWS)
def test_a_change_counts_when_it_has_held_and_from_its_own_time_on(drawn):
    assert read(drawn).changes == held(drawn)


@settings(max_examples=30, deadline=None)
@given(ROWS, st.lists(st.integers(0, 60), max_size=4))
def test_in_pieces_or_at_once_is_the_same(drawn, cuts):
    whole, parts, at = read(drawn), Settling("t", HOLD * S), 0
    for i, (gap, value) in enumerate(drawn):
        if i in cuts:
            parts.forget_before(-1)
            parts.hold(at)
        at += gap * S
        parts.take(at, value)
    assert parts.changes == whole.changes and parts.flapping == whole.flapping


@settings(max_examples=30, deadline=None)
@given(ROWS)
def test_without_settling_every_change_counts(drawn):
    values = [value for i, (_, value) in enumerate(drawn) if not i or drawn[i - 1][1] != value]
    tag = read(drawn, 0)
    assert [one.value for one in tag.changes] == values and tag.flapping == []


def test_a_day_of_flapping_is_two_words_and_no_change():
    tag = Settling("t", 2 * S)
    for second in range(86_400):
        tag.take(second * S, "ab"[second % 2])
    tag.hold(86_400 * S + tag.quiet_us)
    assert [one.value for one in tag.changes] == ["b"]  # the last one, which then held
    first, last = tag.flapping
    assert (first.n_changes, first.is_over) == (MIN_FLAPS, False)
    assert (last.n_changes, last.is_over, last.start) == (86_399, True, 0)


def test_the_cost_is_that_of_the_readings():
    def seconds(n):
        tag, start = Settling("t", 2 * S), time.process_time()
        for second in range(n):
            tag.take(second * S, "ab"[second % 2])
        return time.process_time() - start

    small = min(seconds(20_000) for _ in range(3))
    large = min(seconds(80_000) for _ in range(3))
    assert large < 8 * small  # four times as many; quadratic would be sixteen


def test_an_odd_glitch_is_no_flapping():
    tag = Settling("t", 2 * S)
    for hour in range(100):
        base = hour * 3600 * S
        for second, value in ((0, "a"), (10, "b"), (11, "a"), (20, "a")):
            tag.take(base + second * S, value)
    assert [one.value for one in tag.changes] == ["a"] and tag.flapping == []


def test_what_the_clock_settled_and_a_reading_contradicts_is_settled_by_readings_from_then_on():
    tag = Settling("t", 2 * S)
    for second in range(51):  # readings of the past, one by one, with a clock far ahead
        tag.take(second * S, "ab"[second % 2])
        tag.hold_by_clock(10**15)
    assert len(tag.changes) <= 2
    tag.take(51 * S, "b")
    tag.hold_by_clock(10**15)
    tag.take(60 * S, "b")
    assert tag.changes[-1] == Change(51 * S, "t", "b")
