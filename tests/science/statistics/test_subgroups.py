"""Charts of subgroups against the textbook's constants and tables."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.statistics import subgroups as sg
from goldenbatch.science.statistics.charts import ChartKind, ChartSettings, ChartState

MONTGOMERY_VI = {2: (0.7979, 1.128, 0.853), 5: (0.9400, 2.326, 0.864), 10: (0.9727, 3.078, 0.797)}


@pytest.mark.parametrize("n", MONTGOMERY_VI)
def test_constants_are_those_of_the_textbook(n):
    ours = (round(sg.c4(n), 4), round(sg.d2(n), 3), round(sg.d3(n), 3))
    assert ours == MONTGOMERY_VI[n]


def _groups(n_groups=30, seed=0, sizes=(5,)):
    rng = np.random.default_rng(seed)
    return [rng.normal(50.0, 2.0, sizes[i % len(sizes)]) for i in range(n_groups)]


def test_xbar_r_limits_are_a2_rbar_and_d4_rbar():
    groups = _groups()
    design = sg.subgroup_reference(groups, method=sg.SpreadMethod.RANGE)
    r_bar = np.mean([np.ptp(one) for one in groups])
    point = sg.subgroup_step(design, ChartState(), [50.0] * 5)[1]
    centre = np.mean(groups)
    assert point.point.upper == pytest.approx(centre + 0.577 * r_bar, rel=2e-4)
    assert point.spread_upper == pytest.approx(2.114 * r_bar, rel=5e-4)
    assert point.spread_lower == 0.0


def test_xbar_s_limits_are_a3_and_b4_and_sizes_may_differ():
    groups = _groups(sizes=(5, 3, 4))
    design = sg.subgroup_reference(groups)
    freedom = sum(len(one) - 1 for one in groups)
    pooled = math.sqrt(sum((len(one) - 1) * one.var(ddof=1) for one in groups) / freedom)
    assert design.sigma == pytest.approx(pooled, rel=0.01)
    for n, b4 in ((3, 2.568), (5, 2.089)):
        point = sg.subgroup_step(design, ChartState(), np.full(n, 50.0))[1]
        assert point.point.upper - design.centre == pytest.approx(3 * design.sigma / math.sqrt(n))
        assert point.spread_upper == pytest.approx(b4 * sg.c4(n) * design.sigma, rel=5e-4)


def test_campaigns_that_differ_by_nature_are_judged_by_how_they_differ():
    rng = np.random.default_rng(3)
    groups = [rng.normal(rng.normal(50.0, 3.0), 0.5, 6) for _ in range(40)]
    within, between = (
        sg.subgroup_block(sg.subgroup_reference(groups[:20], method=method), groups[20:])[0]
        for method in (sg.SpreadMethod.DEVIATION, sg.SpreadMethod.BETWEEN)
    )
    assert sum("nelson-1" in one.alarms for one in within) > 10
    assert sum("nelson-1" in one.alarms for one in between) <= 1


def test_a_wide_subgroup_alarms_by_its_spread_alone():
    design = sg.subgroup_reference(_groups())
    wide = sg.subgroup_step(design, ChartState(), [40.0, 60.0, 50.0, 45.0, 55.0])[1]
    assert wide.alarms == ("spread-high",)
    tight = sg.subgroup_step(
        sg.SubgroupDesign(ChartSettings(), "deviation", 50.0, 2.0, math.nan, 9),
        ChartState(),
        np.full(10, 50.1),
    )[1]
    assert tight.alarms == ("spread-low",)


CHARTS = st.sampled_from([ChartKind.INDIVIDUALS, ChartKind.EWMA, ChartKind.CUSUM])


@settings(max_examples=25, deadline=None)
@given(CHARTS, st.integers(0, 20), st.lists(st.integers(0, 6), min_size=1, max_size=20))
def test_a_block_is_a_stream_bit_for_bit_across_a_restart_anywhere(kind, cut, sizes):
    design = sg.subgroup_reference(_groups(), ChartSettings(kind=kind))
    design = sg.SubgroupDesign.from_json(json.loads(json.dumps(design.to_json(), allow_nan=False)))
    groups = [np.random.default_rng(i).normal(51.0, 2.0, n) for i, n in enumerate(sizes)]
    whole, end = sg.subgroup_block(design, groups)
    first, state = sg.subgroup_block(design, groups[:cut])
    state = ChartState.from_json(json.loads(json.dumps(state.to_json())))
    second, after = sg.subgroup_block(design, groups[cut:], state)
    assert repr(first + second) == repr(whole)
    assert after == end


def test_what_cannot_be_charted_is_refused():
    with pytest.raises(DataError, match="4 are needed"):
        sg.subgroup_reference([[1.0, 2.0]] * 3)
    with pytest.raises(DataError, match="no subgroup has two"):
        sg.subgroup_reference([[1.0], [2.0], [3.0], [4.0]])
    with pytest.raises(DataError, match="no variation"):
        sg.subgroup_reference([[1.0, 1.0]] * 5)
    with pytest.raises(DesignError, match="no spread"):
        sg.c4(1)
    with pytest.raises(DesignError):
        sg.SubgroupDesign(ChartSettings(), "between", 0.0, 1.0, math.nan, 9)
