"""Looking every day: errors hold at all times together, state survives, edges."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.science.comparison import (
    SequentialSettings,
    SequentialState,
    begin,
    observe,
    paired_tost,
)
from goldenbatch.science.errors import DataError, DesignError

FIXED = SequentialSettings(-1.0, 1.0, margin=0.0, confidence=0.95)


def run(values, fixed=FIXED):
    state = begin(fixed)
    for value in values:
        state = observe(state, float(value))
    return state


def at_margin(kind, seed, n=200):
    rng = np.random.default_rng(seed)
    if kind == "coin":
        return rng.choice([-1.0, 1.0], n)
    if kind == "small":
        return rng.uniform(-0.1, 0.1, n)
    return rng.beta(0.3, 0.9, n) * 2 - 0.5  # skewed, mean 2 * 0.25 - 0.5 = 0


@pytest.mark.parametrize("kind", ["coin", "small", "skewed"])
def test_who_looks_every_day_errs_no_more_often_than_allowed(kind):
    n_runs, better, worse, missed = 150, 0, 0, 0
    fixed = SequentialSettings(-1.0, 1.5 if kind == "skewed" else 1.0)
    for seed in range(n_runs):
        state = run(at_margin(kind, seed), fixed)
        better, worse = better + state.is_better, worse + state.is_worse
        low, high = state.interval
        missed += not low <= 0 <= high
    # 99.9 % of simulations of a true 5 % have at most 17 of 150.
    assert max(better, worse, missed) <= 17


def test_a_t_test_that_is_repeated_daily_errs_far_more_often():
    """Why it is needed: 5 % a look becomes more than 20 % over 40 looks."""
    hits, n_runs = 0, 100
    for seed in range(n_runs):
        values = at_margin("small", seed)
        for n in range(5, 200, 5):
            if not abs(paired_tost(values[:n], 1.0, 0.975).mean) or not (
                paired_tost(values[:n], 1.0, 0.975).lower
                <= 0
                <= paired_tost(values[:n], 1.0, 0.975).upper
            ):
                hits += 1
                break
    assert hits / n_runs > 0.15


def test_a_better_model_is_found_and_a_worse_one_too():
    rng = np.random.default_rng(8)
    state = run(np.clip(rng.normal(-0.15, 0.2, 150), -1, 1))
    assert state.is_better and not state.is_worse
    assert state.interval[0] < -0.15 < state.interval[1] < 0
    state = run(np.clip(rng.normal(0.15, 0.2, 150), -1, 1))
    assert state.is_worse and not state.is_better


def test_a_margin_allows_a_little_worse():
    values = np.full(200, 0.05)
    assert not run(values).is_better
    assert run(values, SequentialSettings(-1, 1, margin=0.2)).is_better


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-1, 1), max_size=40), st.integers(0, 40))
def test_the_state_survives_a_restart_bit_by_bit(values, cut):
    whole = run(values)
    state = run(values[:cut])
    plain = json.loads(json.dumps(state.to_json(), allow_nan=False))
    state = SequentialState.from_json(plain)
    for value in values[cut:]:
        state = observe(state, value)
    assert state == whole
    assert whole.n == len(values)
    assert math.isnan(whole.mean) if not values else whole.mean == pytest.approx(np.mean(values))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=40))
def test_intervals_only_shrink_and_what_was_shown_stays_shown(values):
    state = begin(FIXED)
    for value in values:
        after = observe(state, value)
        assert after.interval[0] >= state.interval[0] and after.interval[1] <= state.interval[1]
        assert after.p_better <= state.p_better <= 1 and after.p_worse <= state.p_worse <= 1
        state = after


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=40))
def test_better_and_worse_are_mirror_images(values):
    one, other = run(values), run([-value for value in values])
    assert one.top_better == pytest.approx(other.top_worse, abs=1e-9)


def test_a_bettor_never_goes_bankrupt():
    state = run([-1.0] * 300 + [1.0] * 300)
    assert math.isfinite(state.log_better) and math.isfinite(state.log_worse)


@pytest.mark.parametrize("value", [1.1, -1.1, math.nan, math.inf])
def test_a_difference_beyond_the_bounds_is_refused(value):
    with pytest.raises(DataError, match="not within -1"):
        observe(begin(FIXED), value)


@pytest.mark.parametrize(
    "values", [(-math.inf, 1), (-1, 1, 1), (-1, 1, -2), (1, -1), (-1, 1, 0, 0.2), (-1, 1, 0, 1)]
)
def test_settings_that_show_nothing_are_refused(values):
    with pytest.raises(DesignError):
        SequentialSettings(*values)
