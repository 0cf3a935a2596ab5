"""Drift charts hold the run length that they state, whatever the distribution, and find shifts."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.statistics.drift import (
    DriftState,
    distance_score,
    drift_chart,
    drift_step,
    rank_score,
)
from goldenbatch.science.statistics.intervals import clopper_pearson
from goldenbatch.science.statistics.run_length import cusum_arl, one_sided_cusum_arl

DRAWS = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "heavy tails": lambda rng, n: rng.standard_t(2, n),
    "skewed": lambda rng, n: rng.exponential(size=n),
    "two humps": lambda rng, n: rng.standard_normal(n) + 6.0 * rng.integers(0, 2, n),
}


def n_alarms(rng, draw, chart, n_reference, n_units):
    """False alarms over units of one distribution, and the units judged."""
    bag, state, n = list(draw(rng, n_reference)), DriftState(), 0
    for value in draw(rng, n_units):
        state = drift_step(chart, state, rank_score(bag, float(value)))
        bag.append(value)
        if state.is_open:
            n, state = n + 1, DriftState()
    return n


@pytest.mark.parametrize("name", list(DRAWS))
@pytest.mark.parametrize("n_reference", [8, 30])
def test_false_alarms_are_no_more_than_stated_for_any_distribution(name, n_reference):
    rng, chart, n_units = np.random.default_rng(3), drift_chart(100.0), 150
    found = sum(n_alarms(rng, DRAWS[name], chart, n_reference, n_units) for _ in range(30))
    rate = clopper_pearson(found, 30 * n_units)
    assert rate.lower <= 1 / 100
    assert rate.upper >= 1 / 250  # nor so few that nothing would be found


@pytest.mark.parametrize("shift", [2.0, -3.0])
def test_a_shift_is_found_in_a_few_units_and_its_side_is_named(shift):
    rng, chart, delays = np.random.default_rng(5), drift_chart(200.0), []
    for _ in range(30):
        bag, state = list(rng.standard_normal(25)), DriftState()
        n = 0
        while True:
            n += 1
            value = float(rng.standard_normal() + shift)
            state = drift_step(chart, state, rank_score(bag, value))
            if state.is_open:
                assert state.side == np.sign(shift)
                break
            bag.append(value)
        delays.append(n)
    assert np.median(delays) <= 7


def test_distances_hold_the_rate_for_skewed_features_that_depend_on_one_another():
    rng, chart, found, n = np.random.default_rng(9), drift_chart(50.0, is_two_sided=False), 0, 0
    mix = np.array([[1.0, 0.9, 0.0], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])
    for _ in range(12):
        bag, state = rng.exponential(size=(15, 3)) @ mix, DriftState()
        for row in rng.exponential(size=(80, 3)) @ mix:
            state = drift_step(chart, state, distance_score(bag, row))
            bag, n = np.concatenate([bag, row[None]]), n + 1
            if state.is_open:
                found, state = found + 1, DriftState()
    assert clopper_pearson(found, n).lower <= 1 / 50
    assert found


def test_a_broken_correlation_is_far_though_each_feature_is_in_range():
    rng = np.random.default_rng(2)
    base = rng.standard_normal((40, 1))
    known = np.hstack([base, base + 0.05 * rng.standard_normal((40, 1))])
    assert distance_score(known, [1.0, -1.0]) > 2.2
    assert abs(rank_score(known[:, 0], 1.0)) < 1.6
    assert distance_score(known, [1.0, 1.0]) < 1.6


def test_more_features_than_units_and_a_constant_one_are_no_trouble():
    rng = np.random.default_rng(4)
    known = np.hstack([rng.standard_normal((6, 20)), np.ones((6, 1))])
    assert np.isfinite(distance_score(known, known.mean(axis=0) + 5.0))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.floats(-1e6, 1e6))
@settings(max_examples=50, deadline=None)
def test_ranks_know_only_the_order(before, value):
    # Exact monotone maps: halving and the sign.
    found = rank_score(before, value)
    if all(one == 0 or abs(one) > 1e-300 for one in [*before, value]):
        assert rank_score([0.5 * one for one in before], 0.5 * value) == found
    assert rank_score([-one for one in before], -value) == pytest.approx(-found, abs=1e-9)


def test_the_threshold_is_that_of_the_run_length():
    two, one = drift_chart(200.0), drift_chart(200.0, is_two_sided=False)
    assert cusum_arl(0.0, two.slack, two.threshold) == pytest.approx(200.0, rel=1e-6)
    assert one_sided_cusum_arl(0.0, one.slack, one.threshold) == pytest.approx(200.0, rel=1e-6)


def test_an_event_that_comes_and_goes_about_the_limit_stays_one():
    chart, state, seen = drift_chart(100.0), DriftState(), []
    for score in [2.0] * 5 + [1.2, -0.3] * 10 + [-0.5] * 9:
        state = drift_step(chart, state, score)
        seen.append(state.is_open)
    changes = sum(a != b for a, b in pairwise(seen))
    assert changes == 2
    assert not seen[-1]


def test_a_missing_score_changes_nothing_and_states_travel_as_json():
    chart = drift_chart(100.0)
    state = drift_step(chart, DriftState(), 1.7)
    assert drift_step(chart, state, float("nan")) == state
    assert DriftState.from_json(json.loads(json.dumps(state.to_json()))) == state
    assert np.isnan(rank_score([1.0], float("nan")))
    assert np.isnan(distance_score([[1.0], [2.0]], [float("nan")]))


def test_what_gives_no_chart_is_refused():
    for arl0, slack in ((1.0, 0.5), (float("inf"), 0.5), (100.0, 0.0)):
        with pytest.raises(DesignError):
            drift_chart(arl0, slack)
    with pytest.raises(DataError):
        rank_score([], 1.0)
    with pytest.raises(DataError):
        distance_score([[1.0, 2.0]], [1.0, 2.0])
