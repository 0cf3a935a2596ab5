"""What was known when."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.science.errors import DataError
from goldenbatch.science.forward import Timeline

PERIODS = st.lists(st.integers(0, 12), min_size=1, max_size=30)


@given(PERIODS, st.integers(1, 4))
def test_nothing_of_the_own_period_or_later_is_known(periods, delay):
    timeline = Timeline.of(periods, delay)
    for at in set(periods):
        assert all(timeline.at[timeline.known(at)] <= at - delay)
        assert timeline.known(at).sum() == sum(one <= at - delay for one in periods)


@given(PERIODS, st.integers(1, 5))
def test_blocks_hold_each_row_once_and_begin_before_it(periods, every):
    timeline = Timeline.of(periods)
    blocks = list(timeline.blocks(every))
    assert sorted(int(k) for _, rows in blocks for k in rows) == list(range(len(periods)))
    for at, rows in blocks:
        assert all((timeline.at[rows] >= at) & (timeline.at[rows] < at + every))


@pytest.mark.parametrize("delay", [0, -1])
def test_a_result_is_never_known_at_its_own_prediction(delay):
    with pytest.raises(DataError, match="delay"):
        Timeline.of([1, 2], delay)
    with pytest.raises(DataError, match="row 1"):
        Timeline(np.array([1, 2]), np.array([2, 2]))


@pytest.mark.parametrize("times", [[1.5], [float("nan")], ["nov"]])
def test_times_are_whole(times):
    with pytest.raises(DataError, match="whole"):
        Timeline.of(times)
