"""The moving horizon: equal to the filter where that is exact, better where bounds matter."""

from __future__ import annotations

import numpy as np
import pytest
from tests.science.process.tracking import cases
from tests.science.process.tracking.test_filters import U0, linear_setup, readings

from goldenbatch.science.errors import DataError
from goldenbatch.science.process import Noise, Recipe, simulate
from goldenbatch.science.process.tracking import (
    Setup,
    Varied,
    horizon,
    nominal,
    predict,
    start_belief,
    update,
)
from goldenbatch.science.process.tracking.moving_horizon import Interval


def test_a_linear_window_ends_where_the_kalman_filter_ends() -> None:
    setup, none = linear_setup("ekf"), nominal()
    data = readings(6)
    belief = begin = start_belief(setup, none)
    for k, one in enumerate(data, start=1):
        belief = update(setup, none, predict(setup, none, belief, 0.5 * k, U0), one, U0).belief
    found = horizon(setup, begin, [Interval(0.5 * k, U0, one) for k, one in enumerate(data, 1)])
    assert found.is_solved
    np.testing.assert_allclose(found.belief.mean, belief.mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.belief.cov, belief.cov, rtol=1e-9)


def test_a_window_finds_a_parameter_and_keeps_states_physical() -> None:
    model = cases.culture()
    run = simulate(model, Recipe(36.0, 2.0), parameters={"mu": 0.15}, seed=4)
    noise = {"X": Noise(relative=0.01), "S": Noise(sd=0.01)}
    setup = Setup(
        model, noise=noise, varied=(Varied("mu", sd=0.03),), initial_sd={"X": 0.05, "S": 0.1}
    )
    window = [
        Interval(2.0 * k, np.zeros(1), {n: float(c[k]) for n, c in run.measured.items()})
        for k in range(1, 19)
    ]
    found = horizon(setup, start_belief(setup, nominal()), window)
    assert found.is_solved
    assert found.parameters["mu"] == pytest.approx(0.15, abs=0.01)
    # The sugar is used up: a filter without bounds would go below zero.
    assert found.states[:, 2].min() >= -1e-6
    truth = np.array([run.values[name] for name in ("V", "X", "S")]).T
    assert np.abs(found.states[:, 1:] - truth[:, 1:]).max() < 0.4


def test_windows_that_make_no_sense_are_refused() -> None:
    setup = linear_setup("ekf")
    begin = start_belief(setup, nominal())
    for window in ([], [Interval(1.0, U0, {}), Interval(1.0, U0, {})]):
        with pytest.raises(DataError):
            horizon(setup, begin, window)
