"""Conformal intervals: the definition, the guarantee, the adaptive rule, and no future."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.forward import (
    ConformalSettings,
    Timeline,
    binomial_p_value,
    forward_intervals,
)
from goldenbatch.science.forward.conformal import conformal_quantile

PLAIN = ConformalSettings(0.8, step=0.0, n_least=5)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=40), st.floats(0.05, 0.95))
def test_the_quantile_is_the_least_that_enough_scores_do_not_exceed(scores, coverage):
    found = conformal_quantile(scores, coverage)
    needed = min(math.ceil((len(scores) + 1) * coverage - 1e-9), len(scores))
    assert sum(one <= found for one in scores) >= needed
    assert sum(one < found for one in scores) < needed


def test_coverage_of_exchangeable_rows_is_the_guaranteed_one():
    # 19 known errors at 0.9: rank 18 of 20 places, so exactly 18 / 20 on average.
    rng = np.random.default_rng(0)
    draws = rng.standard_t(3, size=(4000, 20))
    held = [abs(row[-1]) <= conformal_quantile(np.abs(row[:-1]), 0.9) for row in draws]
    assert np.mean(held) == pytest.approx(0.9, abs=0.015)


def by_hand(errors, periods, settings):
    """Adaptive conformal inference, eq. 2 of Gibbs and Candes, row by row."""
    miss, counted, half = 1 - settings.coverage, set(), {}
    for at in sorted(set(periods)):
        known = [k for k, one in enumerate(periods) if one < at]
        for k in known:
            if k in half and k not in counted:
                miss += settings.step * (1 - settings.coverage - (abs(errors[k]) > half[k]))
                counted.add(k)
        if len(known) >= settings.n_least:
            level = min(max(1 - miss, 0), 1)
            for k in [k for k, one in enumerate(periods) if one == at]:
                half[k] = conformal_quantile(np.abs([errors[i] for i in known]), level)
    return half


def test_it_is_adaptive_inference_block_by_block():
    rng = np.random.default_rng(4)
    errors, periods = rng.normal(size=60), np.repeat(np.arange(20), 3)
    chosen = replace(PLAIN, step=0.05)
    found = forward_intervals(errors, np.zeros(60), ["a"] * 60, Timeline.of(periods), chosen)
    expected = by_hand(errors, periods.tolist(), chosen)
    assert {k for k in range(60) if not math.isnan(found.upper[k])} == set(expected)
    for k, half in expected.items():
        assert found.upper[k] == half == -found.lower[k]


def test_a_drift_is_followed():
    rng = np.random.default_rng(5)
    errors = rng.normal(size=600) * np.linspace(1.0, 4.0, 600)
    timeline = Timeline.of(np.arange(600))
    held = {}
    for step in (0.0, 0.02):
        chosen = ConformalSettings(0.9, step=step)
        found = forward_intervals(errors, np.zeros(600), ["a"] * 600, timeline, chosen)
        is_there = ~np.isnan(found.upper)
        held[step] = np.mean((np.abs(errors) <= found.upper)[is_there])
    assert held[0.0] < 0.86 < 0.88 < held[0.02] < 0.92


@pytest.mark.parametrize("more", [{"n_own": 30}, {"is_normalised": True}])
def test_products_with_larger_errors_have_wider_intervals(more):
    rng = np.random.default_rng(6)
    keys = ["calm", "wild"] * 200
    errors = rng.normal(size=400) * np.tile([1.0, 5.0], 200)
    chosen = ConformalSettings(0.9, step=0.0, **more)
    found = forward_intervals(errors, np.zeros(400), keys, Timeline.of(np.arange(400)), chosen)
    calm, wild = found.upper[300::2], found.upper[301::2]
    assert wild.mean() > 3 * calm.mean()
    for own, width in ((errors[300::2], calm), (errors[301::2], wild)):
        assert np.mean(np.abs(own) <= width) > 0.75


@given(
    st.integers(0, 500),
    st.sampled_from([{}, {"n_own": 6}, {"is_normalised": True}, {"step": 0.1}]),
)
def test_the_future_changes_no_interval(seed, more):
    rng = np.random.default_rng(seed)
    periods = np.sort(rng.integers(0, 8, 40))
    errors, keys = rng.normal(size=40), rng.choice(["a", "b"], 40).tolist()
    timeline = Timeline.of(periods)
    chosen = replace(PLAIN, **more)
    plain = forward_intervals(errors, np.zeros(40), keys, timeline, chosen)
    other = np.where(timeline.known(5), errors, rng.normal(size=40) * 9)
    again = forward_intervals(other, np.zeros(40), keys, timeline, chosen)
    past = periods <= 5
    assert np.array_equal(plain.upper[past], again.upper[past], equal_nan=True)


@given(st.integers(1, 60), st.integers(0, 60), st.sampled_from([0.5, 0.8, 0.9, 0.95]))
def test_the_exact_test_is_the_binomial_one(n, k, p):
    k = min(k, n)
    assert binomial_p_value(k, n, p) == pytest.approx(binomtest(k, n, p).pvalue, abs=1e-9)


def test_refusals():
    with pytest.raises(DesignError, match="coverage"):
        ConformalSettings(1.0)
    with pytest.raises(DataError, match="already known"):
        conformal_quantile([], 0.9)
    with pytest.raises(DataError, match="binomial"):
        binomial_p_value(3, 2, 0.9)
    with pytest.raises(DataError, match="times"):
        forward_intervals([1.0], [1.0, 2.0], ["a"], Timeline.of([1]))
