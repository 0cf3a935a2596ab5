"""Sensitivities are exact: against formulas, through jumps, feeds and algebraic equations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.science.process.fitting.models import batch, buffered, decay, michaelis, two_step

from goldenbatch.science.errors import DataError
from goldenbatch.science.process import Happening, Hold, Linear, Recipe, Steps
from goldenbatch.science.process.fitting.evaluator import FIT_SETTINGS, Evaluator
from goldenbatch.science.process.fitting.problem import Batch, Measured, Problem
from goldenbatch.science.process.fitting.shooting import Shooter
from goldenbatch.science.process.integrate import Settings


def test_the_derivative_of_a_decay_is_the_formula() -> None:
    t = np.array([0.0, 0.5, 2.0, 7.0])
    problem = Problem(
        decay(), (batch(t, {"y": np.exp}, unknown_initial={"c": None}),), fitted=("k",)
    )
    here = Evaluator(problem)
    inner = np.array([np.log(0.4), 2.0])  # k by its logarithm, c(0) over its scale of 1
    y, dy = here.gradient(inner)
    assert y == pytest.approx(2.0 * np.exp(-0.4 * t), rel=1e-6)
    assert dy[:, 0] == pytest.approx(-0.4 * t * y, rel=1e-5, abs=1e-9)
    assert dy[:, 1] == pytest.approx(np.exp(-0.4 * t), rel=1e-5)


def test_the_derivative_passes_an_algebraic_equation() -> None:
    t = np.array([0.0, 0.5, 1.0])
    problem = Problem(buffered(), (batch(t, {"z": np.exp, "a": np.exp}),), fitted=("k", "K"))
    y, dy = Evaluator(problem).gradient(np.log([0.8, 0.36]))
    root = 1.0 - 0.5 * 0.8 * 0.6 * t  # sqrt(a)
    assert y == pytest.approx([*(0.6 * root), *root**2], rel=1e-5)
    by_k = -0.5 * 0.8 * 0.6 * t
    assert dy[:3, 0] == pytest.approx(0.6 * by_k, rel=1e-4, abs=1e-8)
    assert dy[3:, 0] == pytest.approx(2 * root * by_k, rel=1e-4, abs=1e-8)
    assert dy[:3, 1] == pytest.approx(0.6 * 0.5 * (root + by_k), rel=1e-4)


@settings(max_examples=12, deadline=None)
@given(
    vm=st.floats(0.2, 3.0), k=st.floats(0.05, 3.0), dose=st.floats(0.1, 2.0), at=st.floats(0.3, 2.7)
)
def test_the_derivative_passes_a_jump(vm: float, k: float, dose: float, at: float) -> None:
    recipe = Recipe(4.0, 1.0, events=(Happening("bolus", at, {"dose": dose}),))
    t = np.array([0.2, 1.0, at, 3.0, 4.0])
    data = {"y": Measured(t, np.ones(5))}
    here = Evaluator(
        Problem(michaelis(), (Batch("b", recipe, data),), fitted=("Vm", "K")),
        Settings(rtol=1e-10, atol=1e-12),
    )
    inner = np.log([vm, k])
    _, exact = here.gradient(inner)
    for column in range(2):
        step = np.eye(2)[column] * 1e-4
        difference = (here.outputs(inner + step) - here.outputs(inner - step)) / 2e-4
        assert exact[:, column] == pytest.approx(difference, rel=1e-4, abs=1e-6)


def test_feeds_on_steps_lines_and_holds_are_those_of_a_run() -> None:
    from goldenbatch.science.process import simulate

    recipe = Recipe(
        6.0,
        0.05,
        inputs={"F": Linear((0.0, 3.0, 5.0), (0.0, 0.6, 0.1))},
        events=(Hold(2.0, 1.0, {"F": 0.0}),),
    )
    run = simulate(two_step(), recipe)
    t = np.array([0.7, 2.5, 3.3, 5.5, 7.0])
    y, none = Shooter(two_step(), recipe, t, FIT_SETTINGS).run(
        two_step().parameter_vector(), two_step().x0()
    )
    assert none is None
    assert y[:, 0] == pytest.approx(run.at("yA", t), abs=1e-4)
    assert y[:, 1] == pytest.approx(run.at("yB", t), abs=1e-4)


def test_rows_only_where_they_are_wanted() -> None:
    recipe = Recipe(10.0, 0.01, inputs={"F": Steps((0.0, 4.0), (0.1, 0.0))})
    shooter = Shooter(two_step(), recipe, np.array([1.0, 9.0]), FIT_SETTINGS)
    assert shooter.borders == pytest.approx([0.0, 1.0, 4.0, 9.0])


def test_a_sample_after_the_end_is_refused() -> None:
    with pytest.raises(DataError, match="after the end"):
        Evaluator(
            Problem(
                decay(),
                (Batch("b", Recipe(1.0, 1.0), {"y": Measured([2.0], [1.0])}),),
                fitted=("k",),
            )
        )
