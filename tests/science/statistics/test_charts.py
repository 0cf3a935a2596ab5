"""Charts: designs, states, and that a block is scored as a stream is."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.statistics.charts import (
    ChartDesign,
    ChartKind,
    ChartSettings,
    ChartState,
    SigmaMethod,
    alarm_names,
    ewma_half_width,
    reference,
    start,
)
from goldenbatch.science.statistics.rules import RULES
from goldenbatch.science.statistics.scoring import score, step

VALUES = st.lists(
    st.one_of(st.floats(-6, 6), st.sampled_from([math.nan, 0.0, 2.5, -2.5])), max_size=60
)
SETTINGS = st.builds(
    ChartSettings,
    kind=st.sampled_from(list(ChartKind)),
    width=st.floats(1.5, 4),
    weight=st.floats(0.01, 1),
    slack=st.floats(0, 1.5),
    threshold=st.floats(1, 6),
    rules=st.lists(st.sampled_from(sorted(RULES)), unique=True).map(tuple),
    has_moving_range_alarm=st.booleans(),
    has_exact_limits=st.booleans(),
    headstart=st.sampled_from([0.0, 0.5]),
)
DESIGNS = st.builds(
    ChartDesign, SETTINGS, centre=st.floats(-3, 3), sigma=st.floats(0.1, 3), n_reference=st.just(9)
)


def _bits(array):
    return np.asarray(array, dtype=np.float64).view(np.int64).tolist()


@settings(max_examples=50, deadline=None)
@given(DESIGNS, VALUES, st.integers(0, 60))
def test_block_equals_stream_bit_for_bit_across_json_and_any_cut(design, values, cut):
    design = ChartDesign.from_json(json.loads(json.dumps(design.to_json(), allow_nan=False)))
    state, points = start(design), []
    for value in values:
        state, point = step(design, state, value)
        state = ChartState.from_json(json.loads(json.dumps(state.to_json(), allow_nan=False)))
        points.append(point)
    first = score(design, values[:cut])
    second = score(design, values[cut:], first.state)
    assert second.state == state
    for name in ("statistic", "lower", "upper", "second"):
        joined = np.concatenate([getattr(first, name), getattr(second, name)])
        assert _bits(joined) == _bits([getattr(point, name) for point in points])
    whole = score(design, values)
    for i, point in enumerate(points):
        assert set(whole.alarms_at(i)) == set(point.alarms)


@settings(max_examples=25, deadline=None)
@given(DESIGNS, VALUES)
def test_missing_values_change_nothing_and_never_alarm(design, values):
    kept = [value for value in values if not math.isnan(value)]
    scores = score(design, values)
    assert scores.state == score(design, kept).state
    is_missing = np.isnan(np.array(values, dtype=float))
    assert np.isnan(scores.statistic[is_missing]).all()
    assert not scores.is_alarm[is_missing].any()
    assert (scores.is_alarm[~is_missing] == score(design, kept).is_alarm).all()


def test_individuals_of_montgomery_limits_and_moving_range():
    values = np.array([310, 288, 297, 298, 307, 303, 294, 297, 308, 306.0])
    design = reference(values, ChartSettings(has_moving_range_alarm=True))
    assert design.sigma == pytest.approx(np.abs(np.diff(values)).mean() / 1.1284, rel=1e-4)
    assert design.sigma_method is SigmaMethod.MOVING_RANGE
    scores = score(design, [300.0, 300.0 + 3.7 * design.sigma])
    assert "moving-range-limit" in scores.alarms_at(1)
    assert scores.second[1] == pytest.approx(3.7 * design.sigma)
    assert alarm_names(design) == ("nelson-1", "moving-range-limit")


def test_cusum_matches_the_hand_computed_table():
    design = ChartDesign(ChartSettings(kind=ChartKind.CUSUM, threshold=2.0), 10.0, 1.0)
    scores = score(design, [9.0, 11.0, 11.5, 12.0, 8.0])
    assert scores.statistic.tolist() == [0.0, 0.5, 1.5, 3.0, 0.5]
    assert scores.second.tolist() == [-0.5, -0.0, -0.0, -0.0, -1.5]
    assert scores.alarms_at(3) == ("cusum-upper",)


def test_a_head_start_sees_at_once_a_process_that_starts_off_its_level():
    plain, headed = (
        ChartDesign(ChartSettings(kind=ChartKind.CUSUM, headstart=share), 0.0, 1.0)
        for share in (0.0, 2.5)
    )
    values = [1.5] * 8
    assert score(headed, values).is_alarm.argmax() + 1 == 3
    assert score(plain, values).is_alarm.argmax() + 1 == 6
    quiet = score(headed, [0.0] * 8)
    assert not quiet.is_alarm.any()
    assert quiet.state.cusum_upper == 0.0
    with pytest.raises(DesignError):
        ChartSettings(kind=ChartKind.CUSUM, headstart=5.0)


def test_ewma_equals_its_definition_and_exact_limits_widen():
    chart = ChartSettings(kind=ChartKind.EWMA, weight=0.3, width=2.0, has_exact_limits=True)
    design = ChartDesign(chart, 5.0, 2.0)
    values = np.array([6.0, 3.0, 9.0])
    expected, mean = [], 5.0
    for value in values:
        mean = 0.3 * value + 0.7 * mean
        expected.append(mean)
    scores = score(design, values)
    assert scores.statistic == pytest.approx(expected)
    assert (np.diff(scores.upper) > 0).all()
    assert ewma_half_width(design, 1) == pytest.approx(2.0 * 0.3)


def test_reference_says_which_sigma_and_skips_gaps():
    generator = np.random.default_rng(3)
    drift = np.cumsum(generator.standard_normal(200))
    ours = reference(drift)
    assert ours.sigma == ours.sigma_moving_range < ours.sigma_overall / 2
    overall = reference(drift, sigma_method=SigmaMethod.OVERALL)
    assert overall.sigma == overall.sigma_overall == pytest.approx(drift.std(ddof=1))
    gap = reference([1.0, 2.0, math.nan, 50.0, 51.0, 50.0])
    assert gap.sigma_moving_range == pytest.approx(1.0 / 1.12838, rel=1e-4)
    assert gap.n_reference == 5


@pytest.mark.parametrize(
    "wrong",
    [{"width": 0}, {"weight": 1.5}, {"slack": -1}, {"threshold": 0}, {"rules": ("nelson-9",)}],
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(DesignError):
        ChartSettings(**wrong)


def test_bad_reference_and_bad_values_are_refused():
    with pytest.raises(DataError, match="no variation"):
        reference([1.0] * 10)
    with pytest.raises(DataError, match="4 are needed"):
        reference([1.0, 2.0, math.nan])
    with pytest.raises(DesignError, match="sigma must be"):
        ChartDesign(ChartSettings(), 0.0, 0.0)
    design = ChartDesign(ChartSettings(), 0.0, 1.0)
    with pytest.raises(DataError, match="infinite"):
        step(design, start(design), math.inf)
    with pytest.raises(DataError, match="infinite"):
        score(design, [math.inf])
