"""A dynamic plan: one row gets the same bits in a stream, in any block, and after a restart."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.science.errors import DataError, DesignError, PlanError
from goldenbatch.science.latent.alarm_limits import AlarmLimit, FalseAlarms, LimitSource
from goldenbatch.science.latent.dynamic_facts import DynamicArrays, DynamicFacts
from goldenbatch.science.latent.dynamic_plan import DynamicPlan
from goldenbatch.science.latent.dynamic_state import DynamicState
from goldenbatch.science.latent.plan import ScoringPlan

N_TAGS = 7


def plan(lags: int = 2, smoothing: float = 0.2, *, is_log: bool = True, depth: int = 2):
    rng = np.random.default_rng(5)
    m = N_TAGS * (lags + 1)
    rows = rng.normal(size=(200, N_TAGS * depth)) @ rng.normal(size=(N_TAGS * depth,) * 2)
    names = ("Ts2", "Tr2")
    limits = tuple(
        AlarmLimit(name, 1.5, LimitSource.HELD_OUT, 0.01, FalseAlarms(0.011, 0, 0.03, 9, "x", "y"))
        for name in names
    )
    facts = DynamicFacts(
        kind="cva",
        columns=tuple(f"site/unit/t{i}" for i in range(N_TAGS)),
        lags=lags,
        statistics=names,
        widths=(3, m - 3),
        limits=limits,
        in_force=LimitSource.HELD_OUT,
        smoothing=smoothing,
        is_log=is_log,
    )
    arrays = DynamicArrays(
        centre=rng.normal(size=N_TAGS),
        scale=rng.uniform(0.5, 2.0, size=N_TAGS),
        projection=rng.normal(size=(m, m)) / m,
        start=np.full(2, -1.0 if is_log else 0.3),
        precision=np.linalg.inv(np.cov(rows.T)),
    )
    return DynamicPlan(facts, arrays)


def rows(n: int, seed: int, share_missing: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, N_TAGS))
    X[rng.random(X.shape) < share_missing] = np.nan
    return X


@settings(max_examples=30, deadline=None)
@given(
    n=st.integers(1, 40),
    seed=st.integers(0, 1000),
    share=st.sampled_from([0.0, 0.05, 0.4]),
    lags=st.integers(0, 3),
    smoothing=st.sampled_from([1.0, 0.1]),
    is_log=st.booleans(),
    depth=st.sampled_from([1, 2]),
    cuts=st.lists(st.integers(0, 40), max_size=4),
)
def test_a_stream_equals_any_blocks_bit_for_bit_across_a_restart_at_any_row(
    n, seed, share, lags, smoothing, is_log, depth, cuts
):
    model = plan(lags, smoothing, is_log=is_log, depth=depth)
    X = rows(n, seed, share)
    whole, end = model.score(X)

    state, points = model.start(), []
    for row in X:
        text = json.dumps(state.to_json())
        model = DynamicPlan.from_bytes(model.to_bytes(), model.digest)
        state, point = model.step(DynamicState.from_json(json.loads(text)), row)
        points.append(point)
    assert np.array([p.values for p in points]).tobytes() == whole.values.tobytes()
    assert np.array([p.raw for p in points]).tobytes() == whole.raw.tobytes()
    assert [p.is_alarm for p in points] == whole.is_alarm.tolist()
    assert np.array([p.severity for p in points]).tobytes() == whole.severity.tobytes()
    assert state.to_json() == end.to_json()

    state, parts = model.start(), []
    edges = [0, *sorted(min(c, n) for c in cuts), n]
    for first, last in itertools.pairwise(edges):
        scores, state = model.score(X[first:last], state)
        parts.append(scores.values)
    assert np.concatenate(parts).tobytes() == whole.values.tobytes()
    assert state.to_json() == end.to_json()


def test_a_long_block_equals_rows_alone_also_past_the_size_of_a_part():
    model = plan()
    X = rows(5000, 3, 0.002)
    whole, _ = model.score(X)
    state = model.score(X[:4090])[1]
    for i in range(4090, 4105):
        state, point = model.step(state, X[i])
        assert np.array(point.values).tobytes() == whole.values[i].tobytes()


def test_a_missing_value_gets_its_conditional_mean():
    model = plan(lags=1, smoothing=1.0, is_log=False)
    X = rows(3, 8, 0.0)
    X[1, [2, 5]] = np.nan
    _, state = model.score(X[:2])
    z = (X - model.arrays.centre) / model.arrays.scale
    covariance = np.linalg.inv(model.arrays.precision)
    known = [i for i in range(2 * N_TAGS) if i not in (2, 5)]
    there = np.concatenate([z[1], z[0]])[known]
    wanted = covariance[np.ix_([2, 5], known)] @ np.linalg.solve(
        covariance[np.ix_(known, known)], there
    )
    np.testing.assert_allclose(state.window[-1][[2, 5]], wanted, rtol=1e-9)


def test_a_row_with_too_little_in_it_ends_the_window_and_keeps_the_averages():
    model = plan(lags=2)
    X = rows(9, 1, 0.0)
    X[4, :5] = np.nan
    scores, _ = model.score(X)
    assert scores.is_scored.tolist() == [False, False, True, True, False, False, False, True, True]
    assert not scores.is_alarm[~scores.is_scored].any()
    state = model.score(X[:4])[1]
    stopped = model.step(state, X[4])[0]
    assert stopped.averages.tolist() == state.averages.tolist()
    assert len(stopped.window) == 0
    assert (stopped.n_rows, stopped.n_scored) == (5, 2)


def test_an_average_is_the_recurrence_on_logarithms():
    model = plan(lags=0, smoothing=0.25)
    scores, _ = model.score(rows(6, 2, 0.0))
    average = model.arrays.start.copy()
    for i in range(6):
        average = 0.75 * average + 0.25 * np.log(scores.raw[i])
        np.testing.assert_allclose(scores.values[i], average, rtol=1e-12)
    np.testing.assert_array_equal(scores.is_over, scores.values > 1.5)
    np.testing.assert_array_equal(scores.is_alarm, scores.severity > 1.0)


@pytest.mark.parametrize("statistic", ["Ts2", "Tr2"])
def test_decomposed_contributions_sum_to_the_statistic(statistic):
    model = plan(smoothing=1.0, is_log=False)
    scores, state = model.score(rows(4, 6, 0.0))
    found = model.contributions(state, statistic, "decomposed")
    k = model.facts.statistics.index(statistic)
    assert found.by_tag.sum() == pytest.approx(scores.raw[-1, k])
    np.testing.assert_allclose(found.by_lag.sum(axis=0), found.by_tag)


def test_reconstruction_names_the_tag_that_was_shifted_and_removes_the_statistic():
    model = plan(lags=1, smoothing=1.0, is_log=False)
    X = np.tile(model.arrays.centre, (2, 1))
    X[:, 3] += 9.0 * model.arrays.scale[3]
    scores, state = model.score(X)
    found = model.contributions(state, "Tr2")
    assert found.top(1)[0][0] == "site/unit/t3"
    assert found.by_tag[3] == pytest.approx(scores.raw[-1, 1])
    assert (found.by_tag <= scores.raw[-1, 1] * (1 + 1e-9)).all()


def test_what_does_not_fit_is_refused_with_a_reason():
    model = plan()
    with pytest.raises(DataError, match="rows have 3 tags; the plan has 7"):
        model.score(np.zeros((2, 3)))
    with pytest.raises(DataError, match="infinite"):
        model.step(model.start(), np.full(N_TAGS, np.inf))
    with pytest.raises(PlanError, match="belongs to plan"):
        model.step(plan(lags=1).start(), np.zeros(N_TAGS))
    with pytest.raises(DataError, match="not scored"):
        model.contributions(model.start())
    _, state = model.score(np.zeros((3, N_TAGS)))
    with pytest.raises(DesignError, match="Ts2, Tr2"):
        model.contributions(state, "SPE")


def test_damaged_bytes_and_parts_that_do_not_fit_are_refused():
    model = plan()
    raw = bytearray(model.to_bytes())
    raw[-1] ^= 1
    with pytest.raises(PlanError, match="do not use it"):
        DynamicPlan.from_bytes(bytes(raw), model.digest)
    with pytest.raises(PlanError):
        ScoringPlan.from_bytes(model.to_bytes())
    with pytest.raises(PlanError, match="projection"):
        DynamicPlan(replace(model.facts, lags=1), model.arrays)
    with pytest.raises(PlanError, match="limits in force"):
        DynamicPlan(replace(model.facts, in_force=LimitSource.THEORETICAL), model.arrays)
    with pytest.raises(PlanError, match="start it again"):
        DynamicState.from_json({"plan": "x", "window": [[1.0]]})
    with pytest.raises(ValueError, match="read-only"):
        model.arrays.projection[0, 0] = 1.0


@pytest.mark.parametrize("name", ["site/unit/t1", ""])
def test_tags_that_cannot_be_told_apart_make_no_plan(name):
    good = plan()
    names = (name, *good.facts.columns[1:-1], name)
    with pytest.raises(PlanError, match="stands there twice"):
        DynamicPlan(replace(good.facts, columns=names), good.arrays)
