"""Figures of an alarm system, on histories whose answers can be counted by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.science.errors import DataError
from goldenbatch.science.statistics.alarm_performance import AlarmTimes, alarm_performance

DAY = 86_400.0


def test_a_day_that_is_manageable():
    shown = [AlarmTimes(f"a{n % 40}", 600.0 * n + 1, 600.0 * n + 400, 600.0 * n + 90, "low")
             for n in range(144)]  # fmt: skip
    found = alarm_performance(shown, 0.0, DAY)
    assert (found.n, found.per_day, found.per_hour, found.per_10_min) == (144, 144.0, 6.0, 1.0)
    assert (found.peak_10_min, found.floods, found.share_over_10) == (1, (), 0.0)
    assert (found.chattering, found.fleeting, found.n_stale) == ((), (), 0)
    assert found.median_response_s == pytest.approx(89.0)
    assert found.priorities == (("low", 1.0),)


def test_a_flood_begins_above_ten_and_ends_below_five():
    counts = (0, 3, 11, 20, 6, 5, 4, 11, 0)
    shown = [
        AlarmTimes(f"{n}.{k}", 600.0 * n + 10 * k, 600.0 * n + 10 * k + 300)
        for n, count in enumerate(counts)
        for k in range(count)
    ]
    found = alarm_performance(shown, 0.0, 600.0 * len(counts))
    first, second = found.floods
    assert (first.start, first.end, first.n_alarms, first.peak) == (1200.0, 3600.0, 42, 20)
    assert (second.start, second.end, second.n_alarms) == (4200.0, 4800.0, 11)
    assert found.share_in_flood == pytest.approx(5 / 9)
    assert found.share_over_10 == pytest.approx(3 / 9)


def test_chattering_fleeting_stale_and_standing():
    shown = [AlarmTimes("valve", at, at + 2.0) for at in (0.0, 20.0, 59.0)]
    shown += [AlarmTimes("level", at, at + 500.0) for at in (0.0, 61.0, 122.0)]
    shown.append(AlarmTimes("old", -2 * DAY))
    found = alarm_performance(shown, 0.0, DAY)
    assert found.chattering == ("valve",)
    assert found.fleeting == (("valve", 3),)
    assert (found.n, found.n_stale, found.n_standing) == (6, 1, 1)
    assert found.n_unacknowledged == 7
    assert math.isnan(found.median_response_s)


def test_the_peak_is_that_of_any_ten_minutes():
    shown = [AlarmTimes("a", at) for at in (550, 560, 570, 610, 620, 630)]
    assert alarm_performance(shown, 0.0, 3600.0).peak_10_min == 6


@given(st.lists(st.floats(0.0, 7200.0, exclude_max=True), max_size=60))
def test_every_annunciation_is_counted_once(times):
    shown = [AlarmTimes("a", at) for at in times]
    found = alarm_performance(shown, 0.0, 7200.0)
    assert found.n == len(times) == sum(n for _, n in found.top)
    assert found.per_hour * 2 == pytest.approx(len(times))
    assert sum(one.n_alarms for one in found.floods) <= found.n


def test_impossible_histories_are_refused():
    with pytest.raises(DataError, match="empty"):
        alarm_performance([], 1.0, 1.0)
    with pytest.raises(DataError, match="before it came"):
        alarm_performance([AlarmTimes("a", 5.0, 4.0)], 0.0, 10.0)


def test_one_that_is_shown_again_stands_once():
    shown = [AlarmTimes("a", 0.0, 100.0, is_shown_again=True), AlarmTimes("a", 100.0)]
    found = alarm_performance(shown, 0.0, 2 * DAY)
    assert (found.n, found.n_standing, found.n_stale, found.n_unacknowledged) == (2, 1, 1, 1)


def test_a_window_without_end_is_refused():
    for end in (math.inf, math.nan):
        with pytest.raises(DataError, match="window"):
            alarm_performance([], 0.0, end)
