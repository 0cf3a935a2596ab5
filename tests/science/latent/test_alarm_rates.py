"""Limits and rates of statistics in time order: effective rows, bounds, intervals that hold."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import norm

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.latent.alarm_limits import AlarmLimit, LimitSource
from goldenbatch.science.latent.alarm_rates import (
    correlation_rows,
    effective_rows,
    measured_rate,
    order_limit,
    predictive_limit,
)
from goldenbatch.science.statistics import clopper_pearson


def ar1(n, coefficient, seed):
    noise = np.random.default_rng(seed).normal(size=n)
    return lfilter([np.sqrt(1 - coefficient**2)], [1, -coefficient], noise)


@pytest.mark.parametrize("coefficient", [0.0, 0.5, 0.9])
def test_effective_rows_are_those_of_an_autoregression(coefficient):
    found = np.mean([effective_rows(ar1(5000, coefficient, seed)) for seed in range(10)])
    assert found / 5000 == pytest.approx((1 - coefficient) / (1 + coefficient), rel=0.15)


def test_a_predictive_limit_keeps_its_rate_with_few_correlated_rows_where_a_plain_one_does_not():
    kept, plain = [], []
    for seed in range(300):
        rows = ar1(200, 0.9, seed)
        kept.append(norm.sf(predictive_limit(rows, 0.01)))
        plain.append(norm.sf(rows.mean() + norm.isf(0.01) * rows.std(ddof=1)))
    assert np.mean(plain) > 0.018
    assert 0.004 < np.mean(kept) < 0.014


def test_an_order_limit_is_passed_as_often_as_wilks_says():
    rng = np.random.default_rng(3)
    passed = [norm.sf(order_limit(rng.normal(size=199), 0.02)) for _ in range(400)]
    assert np.mean(passed) == pytest.approx(4 / 200, rel=0.08)
    with pytest.raises(DataError, match="99 needed"):
        order_limit(np.zeros(98), 0.01)


def test_independent_rows_get_the_exact_interval():
    alarms = np.zeros(400, dtype=bool)
    alarms[::50] = True
    found = measured_rate([alarms], block_rows=1, measured_on="x")
    exact = clopper_pearson(8, 400)
    assert (found.rate, found.lower, found.upper) == (0.02, exact.lower, exact.upper)


def test_the_block_interval_holds_for_correlated_alarms_where_the_exact_one_does_not():
    limit, wanted = norm.isf(0.05), 0.05
    blocks, exact = 0, 0
    for seed in range(120):
        alarms = ar1(2000, 0.95, seed) > limit
        found = measured_rate([alarms], block_rows=80, measured_on="x", n_resamples=400)
        blocks += found.lower <= wanted <= found.upper
        interval = clopper_pearson(int(alarms.sum()), 2000)
        exact += interval.covers(wanted)
    assert exact / 120 < 0.6
    assert blocks / 120 > 0.8


def test_blocks_do_not_reach_over_two_runs_and_no_alarm_is_no_certainty():
    runs = [[True] * 10, [False] * 10, [False] * 10, [True] * 10]
    found = measured_rate(runs, block_rows=50, measured_on="four runs")
    assert (found.rate, found.interval) == (0.5, "block bootstrap")
    assert (found.lower, found.upper) == (0.0, 1.0)
    none = measured_rate([np.zeros(400, bool)], block_rows=40, measured_on="x")
    assert none.upper == pytest.approx(clopper_pearson(0, 10).upper)
    every = measured_rate([np.ones(400, bool)], block_rows=40, measured_on="x")
    assert every.lower == pytest.approx(clopper_pearson(10, 10).lower)


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(DataError, match="no row"):
        measured_rate([[]], block_rows=1, measured_on="x")
    with pytest.raises(DesignError, match="at least one row"):
        measured_rate([[True]], block_rows=0, measured_on="x")
    assert effective_rows(np.ones(10)) == 10.0
    assert correlation_rows(np.ones(10)) == 1
    assert correlation_rows(ar1(2000, 0.9, 1)) > 20


def test_limits_come_back_from_json():
    rate = measured_rate([[True, False]], block_rows=1, measured_on="x")
    limit = AlarmLimit("SPE", 2.5, LimitSource.HELD_OUT, 0.01, rate)
    assert AlarmLimit.from_json(limit.to_json()) == limit
