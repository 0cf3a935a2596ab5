"""Charts of forecast scores: what is guaranteed after a short reference period, and restarts."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri
from scipy.stats import t as student

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.statistics.forecast import (
    ForecastDesign,
    ForecastSettings,
    ForecastState,
    Lender,
    forecast_block,
    forecast_reference,
    forecast_start,
    forecast_step,
    moderated,
    resolution_of,
)
from goldenbatch.science.statistics.run_length import ewma_width

SHEWHART = ForecastSettings(weight=1.0, in_control_arl=370.4, outlier_width=None)


def _autoregression(phi, n, rng):
    x = [rng.standard_normal()]
    for _ in range(n - 1):
        x.append(phi * x[-1] + math.sqrt(1 - phi**2) * rng.standard_normal())
    return np.array(x)


def _run_lengths(phi, n_reference, chosen, n_runs, horizon, seed=3):
    """First alarm of charts made from their own reference period; the horizon where none came."""
    rng, lengths = np.random.default_rng(seed), []
    for _ in range(n_runs):
        values = _autoregression(phi, n_reference + horizon, rng)
        design = forecast_reference(values[:n_reference], chosen)
        state, n_done = forecast_start(design, float(values[n_reference - 1])), 0
        for value in values[n_reference:].tolist():
            n_done += 1
            state, point = forecast_step(design, state, value)
            if point.alarms:
                break
        lengths.append(n_done)
    return np.array(lengths)


@pytest.mark.parametrize("chosen", [SHEWHART, ForecastSettings()])
def test_autocorrelated_values_keep_a_run_length_of_200_after_50_reference_values(chosen):
    """The restricted mean over 400 values is 400 (1 - exp(-400 / 200)) / 2 = 173 at ARL0 200."""
    lengths = _run_lengths(0.7, 50, chosen, 150, 400)
    floor = 200.0 * (1.0 - math.exp(-400.0 / 200.0))
    assert lengths.mean() - 2.0 * lengths.std() / math.sqrt(len(lengths)) > floor


def test_a_score_is_the_normal_score_of_students_t():
    values = [3.1, 1.2, 2.3, 4.4, 3.5, 2.6, 1.7, 2.8, 3.9, 2.01]
    design = forecast_reference(values, SHEWHART)
    x = np.array(values)
    centred = x - x.mean()
    raw = (centred[1:] @ centred[:-1]) / (centred[:-1] @ centred[:-1])
    phi = raw + (1 + 4 * raw) / 9
    errors = x[1:] - phi * x[:-1]
    sigma = math.sqrt(errors.var(ddof=2) + 0.01**2 / 12)
    error = 6.0 - phi * 2.01 - errors.mean() - 0.005
    expected = ndtri(student.cdf(error / (sigma * math.sqrt(1 + 1 / 9)), 7))
    point = forecast_step(design, forecast_start(design, 2.01), 6.0)[1]
    assert point.score == pytest.approx(expected)
    assert design.limit == pytest.approx(3.0, abs=1e-4)


def test_limits_of_a_slow_ewma_allow_for_the_error_of_the_mean():
    values = np.random.default_rng(1).standard_normal(26)
    design = forecast_reference(values)
    plain = ewma_width(500.0, 0.1) * math.sqrt(0.1 / 1.9)
    assert design.limit == pytest.approx(
        plain * math.sqrt((0.1 / 1.9 + 1 / 25) / (0.1 / 1.9) / (1 + 1 / 25))
    )
    assert design.limit > 1.25 * plain


VALUES = st.lists(st.floats(-5, 5, width=32) | st.just(math.nan), max_size=30)


@settings(max_examples=40, deadline=None)
@given(VALUES, st.integers(0, 30))
def test_a_block_is_a_stream_bit_for_bit_across_a_restart_anywhere(values, cut):
    rng = np.random.default_rng(2)
    design = forecast_reference(_autoregression(0.5, 30, rng))
    design = ForecastDesign.from_json(json.loads(json.dumps(design.to_json(), allow_nan=False)))
    whole, end = forecast_block(design, values)
    first, state = forecast_block(design, values[:cut])
    state = ForecastState.from_json(json.loads(json.dumps(state.to_json(), allow_nan=False)))
    second, after = forecast_block(design, values[cut:], state)
    assert repr(first + second) == repr(whole)
    assert after == end


def test_after_a_gap_the_forecast_is_the_mean_and_less_certain():
    design = forecast_reference(_autoregression(0.8, 60, np.random.default_rng(5)))
    state, point = forecast_step(design, ForecastState(previous=2.0), math.nan)
    assert point.alarms == ()
    assert state.previous is None
    far = forecast_step(design, state, 3.0)[1]
    near = forecast_step(design, ForecastState(previous=design.centre), 3.0)[1]
    assert far.expected == near.expected == pytest.approx(design.centre)
    assert 0 < far.score < near.score


def test_rounded_values_are_judged_by_the_kindest_value_that_rounds_to_them():
    values = [0.05, 0.06, 0.07, 0.06, 0.06, 0.05, 0.07, 0.06, 0.05, 0.06]
    design = forecast_reference(values)
    assert design.resolution == 0.01
    nearly = forecast_step(design, forecast_start(design, 0.06), design.centre + 0.004)[1]
    assert nearly.score == 0.0
    assert resolution_of([1234.0, 1.0]) == 1.0
    assert resolution_of([0.0, 0.1, 1 / 3]) == 0.0


def test_charts_lend_sigma_only_where_they_agree():
    own = Lender(4.0, 20.0)
    alike = [Lender(1.0, 40.0), Lender(1.1, 40.0), Lender(0.9, 40.0), Lender(1.0, 40.0)]
    apart = [Lender(0.001, 40.0), Lender(1.0, 40.0), Lender(900.0, 40.0)]
    assert moderated(own, alike[:2]) == own
    assert moderated(own, alike).variance < 1.5
    assert moderated(own, apart).freedom < 22


def test_results_at_a_reporting_limit_are_no_level_to_chart():
    with pytest.raises(DataError, match="9 of 12 values"):
        forecast_reference([0.05] * 8 + [0.08, 0.06, 0.05, 0.07])


def _shifted(chosen, size=4.0):
    values = np.random.default_rng(8).standard_normal(90)
    values[50:] += size
    design = forecast_reference(values[:40], chosen)
    points, state = forecast_block(design, values[40:], forecast_start(design, values[39]))
    return [i for i, point in enumerate(points) if point.alarms], state


def test_a_shift_is_one_alarm_where_the_level_is_learnt_anew_and_lasts_where_it_is_not():
    lasting, _ = _shifted(ForecastSettings(outlier_width=None))
    once, state = _shifted(ForecastSettings(outlier_width=None, is_recentred=True))
    assert once[0] == lasting[0] <= 15
    assert len(lasting) > 30
    assert len(once) <= 2
    assert state.sum_level / state.n_level == pytest.approx(4.0, abs=0.8)


def test_the_next_shift_is_found_from_the_new_level():
    values = np.random.default_rng(9).standard_normal(140)
    values[60:] += 3.0
    values[100:] -= 3.0
    chosen = ForecastSettings(is_recentred=True)
    design = forecast_reference(values[:40], chosen)
    points, _ = forecast_block(design, values[40:], forecast_start(design, values[39]))
    alarms = [i for i, point in enumerate(points) if point.alarms]
    assert any(20 <= i < 40 for i in alarms)
    assert any(60 <= i < 85 for i in alarms)


def test_nonsense_is_refused():
    with pytest.raises(DataError, match="no variation"):
        forecast_reference([1.0] * 12)
    with pytest.raises(DataError, match="8 are needed"):
        forecast_reference([1.0, 2.0])
    with pytest.raises(DesignError, match="out of range"):
        ForecastSettings(weight=0.0)
    design = forecast_reference(np.arange(12.0) % 5)
    with pytest.raises(DataError, match="infinite"):
        forecast_step(design, forecast_start(design), math.inf)
