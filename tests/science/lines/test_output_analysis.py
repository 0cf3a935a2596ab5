"""Intervals that hold, warm-up that is found, and what common random numbers bring."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.lines.output_analysis import (
    batch_means,
    mean_interval,
    mser,
    paired_difference,
    welch,
)


def ar1(rng, n, phi=0.8, start=0.0):
    out, level = np.empty(n), start
    for i in range(n):
        level = phi * level + rng.standard_normal()
        out[i] = level
    return out


def test_student_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(1)
    held = sum(mean_interval(rng.normal(3, 2, 5), 0.9).contains(3) for _ in range(1000))
    assert 868 <= held <= 930


def test_batch_means_see_the_memory_that_single_values_hide():
    rng = np.random.default_rng(2)
    held = naive = 0
    for _ in range(100):
        series = ar1(rng, 2000)
        held += batch_means(series).contains(0)
        naive += mean_interval(series).contains(0)
    assert held >= 85
    assert naive <= 70


@given(st.integers(0, 40).map(lambda k: 5 * k))
@settings(max_examples=20, deadline=None)
def test_mser_finds_the_step(n):
    rng = np.random.default_rng(n)
    series = np.concatenate([np.full(n, 30.0), rng.normal(0, 1, 600)])
    found = mser(series)
    assert n <= found.n_left_out <= n + 150
    assert found.is_reliable


def test_mser_equals_the_rule_written_out():
    series = ar1(np.random.default_rng(3), 200, start=20.0)
    means = series.reshape(-1, 5).mean(axis=1)
    plain = [means[d:].var() / (len(means) - d) for d in range(len(means) - 5)]
    found = mser(series)
    assert found.n_left_out == 5 * int(np.argmin(plain))
    assert found.statistic == pytest.approx(min(plain))


def test_a_series_that_never_settles_is_not_reliable():
    assert not mser(np.arange(100.0) ** 2).is_reliable


def test_welch_needs_the_mean_of_replications():
    rng = np.random.default_rng(4)
    level = np.where(np.arange(300) < 60, 5.0, 10.0)
    found = welch(level + rng.normal(0, 0.5, (20, 300)), window=5)
    assert 55 <= found.n_left_out <= 70
    with pytest.raises(DesignError, match="window"):
        welch(np.ones((2, 10)), window=5)


def test_common_numbers_show_a_difference_that_independent_ones_hide():
    rng = np.random.default_rng(5)
    shared = rng.normal(100, 10, 20)
    found = paired_difference(shared, shared + 1 + rng.normal(0, 0.5, 20))
    assert found.is_clear
    assert found.correlation > 0.99
    assert found.variance_ratio < 0.01
    assert not paired_difference(rng.normal(100, 10, 20), rng.normal(101, 10, 20)).is_clear


def test_one_value_says_nothing_of_its_spread():
    found = mean_interval([5.0])
    assert (found.lower, found.upper) == (-np.inf, np.inf)


@pytest.mark.parametrize(
    "call",
    [
        lambda: mean_interval([]),
        lambda: mean_interval([1.0, np.nan]),
        lambda: batch_means(np.ones(15), 10),
        lambda: mser(np.ones(49)),
        lambda: paired_difference([1.0], [1.0]),
        lambda: paired_difference([1.0, 2.0], [1.0]),
    ],
)
def test_too_little_is_refused(call):
    with pytest.raises(DataError):
        call()


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(DesignError, match="confidence"):
        mean_interval([1.0, 2.0], 1.0)
    with pytest.raises(DesignError, match="batches"):
        batch_means(np.ones(100), 5)
