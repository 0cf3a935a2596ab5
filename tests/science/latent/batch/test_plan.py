"""The frozen plan: same bits however it is cut, alarms where something was planted."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.science.latent.batch.made import made, settings

from goldenbatch.science.errors import DataError, DesignError, PlanError
from goldenbatch.science.latent.batch import (
    Alignment,
    BatchPlan,
    PhaseSettings,
    fit_batch_plan,
    leave_out_in_turn,
)

GOLDEN = [made(i) for i in range(20)]
WARPED = (PhaseSettings("feed", Alignment("warping", (0, 1)), n_points=30),)


@pytest.fixture(scope="module")
def plans():
    return {
        "observation": fit_batch_plan(GOLDEN, settings()),
        "batch": fit_batch_plan(GOLDEN, settings(unfolding="batch")),
        "warping": fit_batch_plan(GOLDEN[:8], settings(phases=WARPED, forecasts=())),
    }


def same(one, other):
    fields = ("maturity", "statistics", "limits", "is_alarm", "deviations", "t2_parts",
              "spe_parts", "forecast", "half_width", "is_missing")  # fmt: skip
    return all(getattr(one, f).tobytes() == getattr(other, f).tobytes() for f in fields)


def joined(parts):
    names = type(parts[0]).__dataclass_fields__
    fixed = {"phase": parts[0].phase, "variables": parts[0].variables}
    rest = {n: np.concatenate([getattr(p, n) for p in parts]) for n in names if n not in fixed}
    return replace(parts[0], **rest)


@pytest.mark.parametrize("kind", ["observation", "batch", "warping"])
@given(st.integers(100, 120), st.lists(st.integers(1, 40), max_size=5), st.booleans())
@hypothesis_settings(max_examples=12, deadline=None)
def test_streaming_is_the_block_bit_for_bit_across_restarts(plans, kind, seed, cuts, has_gap):
    plan, run = plans[kind], made(seed)
    if has_gap:
        values = run.values.copy()
        values[30:34, 2] = np.nan
        values[40, 0] = np.nan
        run = replace(run, values=values)
    block = plan.follow(run).phases
    state, found = plan.start(), []
    for one in run.stretches():
        parts = []
        borders = sorted({0, *(c for c in cuts if c < len(one.elapsed)), len(one.elapsed)})
        for a, b in itertools.pairwise(borders):
            state, said = plan.advance(state, one.phase, one.elapsed[a:b], one.values[a:b])
            state = json.loads(json.dumps(state, allow_nan=False))
            plan = BatchPlan.from_bytes(plan.to_bytes(), plan.digest)
            parts += [] if said is None else [said]
        found += [joined(parts)] if parts else []
    assert len(block) == len(found)
    assert all(same(a, b) for a, b in zip(block, found, strict=True))


def test_bytes_are_read_back_and_damage_is_refused(plans):
    plan = plans["batch"]
    raw = plan.to_bytes()
    assert BatchPlan.from_bytes(raw) == plan
    with pytest.raises(PlanError, match="digest"):
        BatchPlan.from_bytes(raw, "0" * 64)
    for bad in (raw[:-3], raw[:60] + b"\0" + raw[61:], b"", raw + b"x"):
        with pytest.raises(PlanError):
            BatchPlan.from_bytes(bad)


def test_a_plan_of_rows_is_no_batch_plan():
    from goldenbatch.science.latent import PCA

    rows = np.random.default_rng(0).normal(size=(20, 3))
    with pytest.raises(PlanError, match="another kind"):
        BatchPlan.from_bytes(PCA(1).fit(rows).plan().to_bytes())


@pytest.mark.parametrize("kind", ["observation", "batch"])
def test_a_planted_bias_is_found_in_its_phase_by_its_variable(plans, kind):
    n_found = 0
    for seed in range(200, 210):
        good, bad = plans[kind].follow(made(seed)), plans[kind].follow(made(seed, bias=8.0))
        readings, sample, statistic = bad.first_alarm()
        assert readings.phase == "feed"
        assert 0.45 < readings.maturity[sample] < 0.7
        assert readings.contributions(sample, statistic)[0][0] == "temp"
        n_found += not good.is_alarm
    assert n_found >= 8


@pytest.mark.parametrize("kind", ["observation", "batch"])
def test_good_batches_alarm_about_as_often_as_stated(plans, kind):
    plan = plans[kind]
    assert plan.stated_rate <= 0.1
    n_alarms = sum(plan.follow(made(seed)).is_alarm for seed in range(300, 400))
    # Beta(2, 19) of a conformal factor, then binomial of 100: 25 is beyond the 99 % point.
    assert n_alarms <= 25


def test_a_slow_batch_is_outside_the_domain_and_says_so(plans):
    plan = plans["observation"]
    slow = plan.follow(made(7, pace=0.5))
    assert [(one.kind, one.phase) for one in slow.domain] == [("length", "feed")]
    assert "golden batches" in str(slow.domain[0])
    assert plan.follow(made(7)).domain == ()


def test_a_strange_start_is_a_matter_of_the_domain(plans):
    run = made(7)
    values = run.values.copy()
    values[:3, 0] += 30.0
    found = plans["observation"].follow(replace(run, values=values)).domain
    assert {(one.kind, one.phase, one.variable) for one in found} == {("start", "heat", "temp")}


def test_a_lost_tag_is_held_then_the_batch_is_not_scored(plans):
    run = made(7)
    values = run.values.copy()
    values[30:50, 2] = np.nan
    trace = plans["observation"].follow(replace(run, values=values))
    feed = trace.phases[1]
    assert not feed.is_missing[10:15].any()
    assert feed.is_missing[15:30].all() and np.isnan(feed.statistics[15:30]).all()
    assert np.isfinite(feed.statistics[30:]).all()
    assert ("missing", "flow") in {(one.kind, one.variable) for one in trace.domain}


def test_the_plan_is_silent_in_other_phases(plans):
    state = plans["observation"].start()
    assert plans["observation"].advance(state, "clean", [0.0], [[1.0, 2.0, 3.0]]) == (state, None)


def test_quality_is_known_before_the_end_and_inside_its_interval(plans):
    plan = plans["observation"]
    inside, errors, spread = [], [], []
    for seed in range(400, 440):
        run = made(seed)
        feed = plan.follow(run).phases[1]
        truth = dict(run.outcomes)["quality"]
        half = len(feed.elapsed) // 2
        inside.append(abs(feed.forecast[half, 0] - truth) <= feed.half_width[half, 0])
        errors.append(feed.forecast[half, 0] - truth)
        spread.append(truth)
    assert np.std(errors) < 0.35 * np.std(spread)
    assert np.mean(inside) >= 0.75
    assert plan.stated_coverage >= 0.9


def test_the_end_is_foreseen_better_as_the_batch_goes_on(plans):
    early, late = [], []
    for seed in range(400, 430):
        run = made(seed)
        feed = plans["observation"].follow(run).phases[1]
        truth = run.stretch("feed").length
        early.append(abs(feed.forecast[2, 1] - truth))
        late.append(abs(feed.forecast[-5, 1] - truth))
    assert np.mean(late) < 0.6 * np.mean(early)


def test_an_end_that_never_varies_is_foreseen_as_it_always_was():
    clock = (PhaseSettings("heat", n_points=20, columns=(0, 2)),)
    plan = fit_batch_plan(GOLDEN[:8], settings(phases=clock, forecasts=("end",)))
    heat = plan.follow(made(9)).phases[0]
    assert heat.forecast[:, 0].tolist() == [20.0] * 20
    assert heat.half_width.max() == 0.0


def test_a_golden_batch_that_is_no_pattern_is_named_and_left_out():
    odd = made(50, pace=0.4)
    plan = fit_batch_plan([*GOLDEN, odd], settings(forecasts=()))
    assert plan.dropped == ("b50",)


def test_batches_left_out_in_turn_are_judged_by_the_others():
    found = leave_out_in_turn(GOLDEN[:8], settings(forecasts=(), n_folds=0), 4)
    assert [one.run.name for one in found] == [run.name for run in GOLDEN[:8]]
    assert len({one.plan.digest for one in found}) == 4
    assert all(one.plan.n_batches <= 6 for one in found)


@pytest.mark.parametrize(
    ("runs", "changes", "what"),
    [
        (GOLDEN[:3], {}, "3 golden batches"),
        (GOLDEN[:6], {"forecasts": ("taste",)}, "no outcome 'taste'"),
        (GOLDEN[:6], {"phases": (PhaseSettings("boil"),)}, "no phase 'boil'"),
        (GOLDEN[:6], {"columns": ("a", "b")}, "3 variables"),
    ],
)
def test_golden_batches_that_carry_no_plan_are_refused(runs, changes, what):
    chosen = {"phases": (PhaseSettings("heat"),), "forecasts": ()} | changes
    with pytest.raises(DataError, match=what):
        fit_batch_plan(runs, settings(**chosen))


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"columns": ("a", "a", "b")}, "columns"),
        ({"phases": ()}, "phases"),
        ({"false_alarm_rate": 0.0}, "false_alarm_rate"),
        ({"n_folds": 1}, "n_folds"),
        ({"phases": (PhaseSettings("heat", columns=(9,)),)}, "phase columns"),
    ],
)
def test_settings_that_give_no_plan_are_named(changes, name):
    with pytest.raises(DesignError, match=name):
        settings(**changes)


def test_values_of_another_width_are_refused(plans):
    with pytest.raises(DataError, match="the plan has 3"):
        plans["observation"].advance(plans["observation"].start(), "heat", [0.0], [[1.0]])
