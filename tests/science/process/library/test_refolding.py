"""Refolding: limits with known answers, and recipes whose recorded volume closes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.science.errors import DataError
from goldenbatch.science.process import Recipe, simulate
from goldenbatch.science.process.library.refolding import recipe_of, refolding


def test_without_aggregation_all_of_the_intermediate_folds() -> None:
    start = {"I": 0.5, "D": 0.2, "V": 1.0}
    run = simulate(refolding(), Recipe(10.0, 1.0), initial=start, parameters={"aa": 1e-3})
    rate = 1.3343 * 1.2**-8.6824
    assert run["I"] == pytest.approx(0.5 * np.exp(-rate * run.time), rel=2e-3)
    assert run["I"] + run["N"] + run["A"] == pytest.approx(0.5, rel=1e-5)


def test_second_order_aggregation_alone_is_a_hyperbola() -> None:
    start = {"I": 0.5, "V": 1.0}
    run = simulate(refolding(), Recipe(2.0, 0.5), initial=start, parameters={"an": 1e-3})
    assert run["A"] == pytest.approx(0.5 - 0.5 / (1 + 12.0465 * 0.5 * run.time), rel=3e-3)


def test_a_feed_outside_the_calibrated_range_is_an_alarm() -> None:
    feed = {"F1": 0.006, "cD1": 4.0}
    inside = simulate(refolding(), Recipe(5.0, 1.0, {**feed, "cS1": 11.6}))
    outside = simulate(refolding(), Recipe(5.0, 1.0, {**feed, "cS1": 17.7}))
    assert not inside.is_extrapolated
    assert outside.is_extrapolated
    assert [one.name for one in outside.notes if one.kind == "extrapolation"] == ["cS1"]


@settings(max_examples=10, deadline=None)
@given(st.lists(st.floats(0.0, 0.3), min_size=3, max_size=6), st.integers(0, 99))
def test_the_recorded_volume_closes_whatever_the_log_says(flows: list[float], seed: int) -> None:
    """Pumps that start between two samples: the log holds the flow at one end only."""
    random = np.random.default_rng(seed)
    flow = np.array([*flows, 0.0])
    time = np.concatenate([[0.0], np.cumsum(random.uniform(0.5, 2.0, flow.size - 1))])
    used = flow[:-1] * random.uniform(0.5, 1.0, flow.size - 1)
    volume = 1.0 + np.concatenate([[0.0], np.cumsum(used * np.diff(time))])
    recipe = recipe_of(time, volume, {"F1": flow}, {"cS1": 10.0})
    run = simulate(refolding(), recipe, initial={"V": 1.0})
    assert np.interp(time, run.time, run["V"]) == pytest.approx(volume, rel=1e-4)


def test_a_volume_that_nothing_explains_is_refused() -> None:
    time, volume = np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.0, 1.2])
    with pytest.raises(DataError, match=r"volume rises after 1 h, but no feed is logged there\."):
        recipe_of(time, volume, {"F1": np.zeros(3)}, {})
    pulse = np.array([0.0, 1.0, 2.0, 3.0, 4.0]), np.array([1.0, 1.1, 1.1, 1.3, 1.25])
    log = np.array([0.1, 0.0, 0.0, 0.0, 0.0])
    found = recipe_of(*pulse, {"F1": log, "F2": np.zeros(5)}, {}).inputs
    assert found["F1"].values == pytest.approx((0.1, 0.0, 0.2, 0.0))
    assert found["F_out"].values == pytest.approx((0.0, 0.0, 0.0, 0.05))
    with pytest.raises(DataError, match="it may be F1 or F2"):
        recipe_of(*pulse, {"F1": log, "F2": log}, {})
    with pytest.raises(DataError, match="do not rise"):
        recipe_of(time[::-1], volume, {"F1": np.zeros(3)}, {})
    drawn = recipe_of(time, 1.0 - 0.1 * time, {"F_out": np.full(3, 0.1)}, {})
    run = simulate(refolding(), drawn, initial={"V": 1.0, "N": 0.3})
    assert run.final("V") == pytest.approx(0.8)
    assert run.final("N") == pytest.approx(0.3)
