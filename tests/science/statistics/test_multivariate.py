"""Hotelling and MEWMA charts: limits, contributions, and that a block is a stream."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, f

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.statistics import multivariate as mv

MIX = np.array([[1.0, 0.0, 0.0], [0.8, 0.6, 0.0], [0.3, -0.4, 0.7]])


def _rows(n, seed=0):
    return np.random.default_rng(seed).standard_normal((n, 3)) @ MIX.T + [10.0, 5.0, 1.0]


def test_t2_is_that_of_the_textbook():
    rows = _rows(40)
    design = mv.hotelling_reference(rows)
    covariance = np.cov(rows.T)
    for row in _rows(5, seed=1):
        away = row - rows.mean(axis=0)
        point = mv.multivariate_step(design, mv.MultivariateState(), row)[1]
        assert point.statistic == pytest.approx(away @ np.linalg.solve(covariance, away))
        for j in range(3):
            kept = [i for i in range(3) if i != j]
            part = away[kept] @ np.linalg.solve(covariance[np.ix_(kept, kept)], away[kept])
            assert point.contributions[j] == pytest.approx(point.statistic - part)


def test_limits_are_exact_for_rows_that_come_later_and_for_those_that_made_the_chart():
    scale = 3 * 41 * 39 / (40 * 37)
    later = mv.hotelling_reference(_rows(40)).limit
    assert later == pytest.approx(scale * f.ppf(1 - 1 / 370.4, 3, 37))
    first = mv.phase_one_limit(40, 3)
    assert first == pytest.approx(39**2 / 40 * beta.ppf(0.9973, 1.5, 18))
    assert first < later


def test_good_rows_alarm_as_often_as_designed():
    n_alarms = n = 0
    for seed in range(60):
        rows = _rows(130, seed)
        design = mv.hotelling_reference(rows[:30], 20.0)
        points, _ = mv.multivariate_block(design, rows[30:])
        n_alarms, n = n_alarms + sum(one.is_alarm for one in points), n + len(points)
    assert abs(n_alarms / n - 0.05) < 0.012


def test_subgroups_use_the_spread_within_them():
    rng = np.random.default_rng(4)
    groups = [rng.standard_normal((4, 2)) for _ in range(25)]
    design = mv.hotelling_subgroups(groups, 100.0)
    freedom = 25 * 4 - 25 - 2 + 1
    assert design.limit == pytest.approx(2 * 26 * 3 / freedom * f.ppf(0.99, 2, freedom))
    within = np.mean([np.cov(one.T) for one in groups], axis=0) / 4
    mean = np.mean([one.mean(axis=0) for one in groups], axis=0)
    away = np.array([0.9, -0.4]) - mean
    point = mv.multivariate_step(design, mv.MultivariateState(), [0.9, -0.4])[1]
    assert point.statistic == pytest.approx(away @ np.linalg.solve(within, away))


def test_mewma_finds_a_small_shift_that_t2_misses():
    rows = _rows(300, seed=7)
    rows[200:] += 0.9 * MIX[:, 0]
    t2 = mv.hotelling_reference(rows[:150], 1000.0)
    mewma = mv.mewma_reference(rows[:150], 1000.0, 0.1)
    n_t2, n_mewma = (
        sum(one.is_alarm for one in mv.multivariate_block(design, rows[150:])[0])
        for design in (t2, mewma)
    )
    assert n_mewma > 50 > 10 > n_t2


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 40), st.integers(0, 2**16), st.sampled_from(["hotelling", "mewma"]))
def test_a_block_is_a_stream_bit_for_bit_across_a_restart_anywhere(cut, seed, kind):
    made = mv.hotelling_reference if kind == "hotelling" else mv.mewma_reference
    design = made(_rows(30))
    design = type(design).from_json(json.loads(json.dumps(design.to_json(), allow_nan=False)))
    assert design == made(_rows(30))
    rows = _rows(40, seed)
    rows[seed % 40, 1] = math.nan
    whole, end = mv.multivariate_block(design, rows)
    first, state = mv.multivariate_block(design, rows[:cut])
    state = mv.MultivariateState.from_json(json.loads(json.dumps(state.to_json())))
    second, after = mv.multivariate_block(design, rows[cut:], state)
    assert repr(first + second) == repr(whole)
    assert after == end
    assert not whole[seed % 40].is_alarm


def test_what_cannot_be_charted_is_refused():
    rows = _rows(20)
    for wrong in (rows[:4], np.column_stack([rows, rows[:, 0] + rows[:, 1]]), rows * [1, 1, 0]):
        with pytest.raises(DataError):
            mv.hotelling_reference(wrong)
    with pytest.raises(DataError, match="one size"):
        mv.hotelling_subgroups([rows[:4], rows[:5]])
    with pytest.raises(DataError, match="too few for 3"):
        mv.hotelling_subgroups([rows[:1], rows[1:2]])
    design = mv.hotelling_reference(rows)
    with pytest.raises(DataError, match="does not fit"):
        mv.multivariate_step(design, mv.MultivariateState(), [1.0])
    with pytest.raises(DesignError):
        mv.MultivariateDesign("hotelling", (0.0, 0.0), ((1.0,),), 9.0)
    with pytest.raises(DesignError):
        mv.phase_one_limit(4, 3)
    with pytest.raises(DesignError):
        mv.mewma_reference(rows, 0.5)


def test_a_chart_without_memory_takes_nothing_from_the_row_before():
    design = mv.MultivariateDesign("hotelling", (0.0, 0.0), ((1.0, 0.0), (0.0, 1.0)), 9.0)
    points, _ = mv.multivariate_block(design, [[1e20, 0.0], [9.0, 1.0], [0.1, 0.7]])
    alone = [
        mv.multivariate_step(design, mv.MultivariateState(), row)[1]
        for row in ([9.0, 1.0], [0.1, 0.7])
    ]
    assert points[1:] == alone and points[1].is_alarm
