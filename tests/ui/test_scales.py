"""Axes: ticks are round, in order, inside; times fall on round local times."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.ui.scales import number_scale, time_scale

HOUR = 3_600_000_000


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20))
def test_a_scale_holds_its_values_and_its_ticks(values):
    scale = number_scale(values, 10.0, 110.0)
    assert all(10.0 <= scale(value) <= 110.0 for value in values)
    places = [scale(value) for value, _ in scale.ticks]
    assert places == sorted(places)
    assert all(9.9 <= place <= 110.1 for place in places)
    assert len({label for _, label in scale.ticks}) == len(scale.ticks)


def test_missing_values_do_not_count():
    scale = number_scale([math.nan, 1.0, math.inf, 2.0], 0.0, 1.0)
    assert 0.8 < scale.low < 1.0
    assert 2.0 < scale.high < 2.2


def test_ticks_stay_on_local_midnight_over_a_change_of_clocks():
    march_2020 = 1_585_000_000_000_000
    scale = time_scale(march_2020, march_2020 + 10 * 24 * HOUR, 0, 1, "Europe/Ljubljana")
    assert all(label[:2].isdigit() for _, label in scale.ticks)
    assert len(scale.ticks) >= 3


def test_labels_are_local():
    start = 1_578_294_000_000_000  # 2020-01-06 08:00 in Copenhagen
    scale = time_scale(start, start + 6 * HOUR, 0, 1, "Europe/Copenhagen")
    assert scale.ticks[0][1] == "08:00"
