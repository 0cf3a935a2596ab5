"""Naive predictions: by their definition, and blind to the future."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.science.errors import DataError
from goldenbatch.science.forward import Timeline, changes_with_future, recent_levels


@st.composite
def batches(draw):
    n = draw(st.integers(3, 25))
    periods = sorted(draw(st.lists(st.integers(0, 8), min_size=n, max_size=n)))
    keys = draw(st.lists(st.sampled_from("abc"), min_size=n, max_size=n))
    seed = draw(st.integers(0, 1000))
    values = np.random.default_rng(seed).normal(size=n)
    values[np.random.default_rng(seed + 1).random(n) < 0.1] = np.nan
    return values, keys, Timeline.of(periods, draw(st.integers(1, 3)))


@given(batches())
def test_each_is_what_its_name_says(case):
    values, keys, timeline = case
    found = recent_levels(values, keys, timeline)
    for row in range(len(values)):
        is_known = (timeline.known_at <= timeline.at[row]) & ~np.isnan(values)
        known = np.flatnonzero(is_known).tolist()
        own = [values[k] for k in known if keys[k] == keys[row]]
        assert found.n[row] == len(own)
        used = own or [values[k] for k in known]
        if not used:
            assert np.isnan([found.mean[row], found.last[row], found.recent[row]]).all()
            continue
        expected = [np.mean(used), used[-1], np.mean(used[-5:])]
        assert [found.mean[row], found.last[row], found.recent[row]] == pytest.approx(expected)


@given(batches())
def test_the_future_changes_no_level(case):
    values, keys, timeline = case
    changed = changes_with_future(
        lambda y: recent_levels(y, keys, timeline).columns(), values, timeline
    )
    assert not changed.any()


def test_lengths_are_checked():
    with pytest.raises(DataError, match="2 results"):
        recent_levels([1.0, 2.0], ["a"], Timeline.of([1, 2]))
    with pytest.raises(DataError, match="last 0"):
        recent_levels([1.0], ["a"], Timeline.of([1]), 0)
