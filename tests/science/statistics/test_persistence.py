"""Rows above a limit become events: one for each excursion."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.science.errors import DesignError
from goldenbatch.science.statistics.persistence import Event, Persistence, events

RULE = Persistence(n_over=3, n_of=4, n_back=2, close_below=0.8)


def test_an_excursion_that_crosses_its_limit_often_is_one_event():
    rows = [0.1, 1.1, 1.2, 0.9, 1.3, 0.9, 1.1, 0.9, 1.2, 0.7, 0.6, 0.1]
    assert list(events(rows, RULE)) == [Event(first=1, opened=4, ended=10)]


def test_single_rows_open_nothing_and_the_last_event_stays_open():
    assert list(events([2.0, 0.1, 2.0, 0.1, 0.1, 2.0, 0.1], RULE)) == []
    assert list(events([2.0, 2.0, 2.0], RULE)) == [Event(0, 2, None)]


def test_rows_that_are_not_scored_count_for_neither():
    nan = float("nan")
    assert list(events([2.0, nan, 2.0, nan, 2.0, nan, 0.1, nan, 0.1], RULE)) == [Event(0, 4, 8)]
    assert list(events([nan, nan], RULE)) == []


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([0.1, 0.9, 1.5]), max_size=60), st.integers(1, 4))
def test_events_follow_one_another_and_rest_on_enough_rows(rows, n_over):
    rule = Persistence(n_over=n_over, n_of=4, n_back=3)
    found = list(events(np.array(rows, dtype=float), rule))
    for one, after in itertools.pairwise(found):
        assert one.ended is not None
        assert one.ended < after.first
    for one in found:
        over = [i for i in range(one.first, one.opened + 1) if rows[i] > 1.0]
        assert len(over) >= n_over
        assert (one.first, one.opened) == (over[0], over[-1])
        assert one.ended is None or max(rows[one.ended - 2 : one.ended + 1]) <= 1.0


def test_rules_that_make_no_sense_are_refused():
    for wrong in ({"n_over": 7}, {"n_over": 0}, {"n_back": 0}, {"close_below": 0.0}):
        with pytest.raises(DesignError, match="makes no sense"):
            Persistence(**wrong)
