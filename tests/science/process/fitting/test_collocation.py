"""Starts by collocation: where shooting cannot begin, and everything a batch may have."""

from __future__ import annotations

import numpy as np
import pytest
from tests.science.process.fitting.models import batch, buffered, michaelis, two_step
from tests.science.process.fitting.test_search import blow_up

from goldenbatch.science.process import Happening, Linear, ModelBuilder, Noise, Prior, Recipe, Steps
from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.fitting import Batch, Loss, Measured, Problem, Search, fit
from goldenbatch.science.process.fitting.collocation import collocate
from goldenbatch.science.process.fitting.evaluator import Evaluator
from goldenbatch.science.process.fitting.unknowns import vector
from goldenbatch.science.process.fitting.weights import first_errors
from goldenbatch.science.process.integrate import StepError

BY = Search(method="collocation")


def started(problem: Problem) -> np.ndarray:
    here = Evaluator(problem)
    return collocate(here, vector(here.unknowns), first_errors(here))


def test_a_start_that_cannot_be_run_is_no_obstacle() -> None:
    """Finite escape time: at k = 50 no run reaches the first sample, so shooting cannot begin."""
    one = batch([0.5, 1.0, 2.0], {"y": lambda t: 1 / (1 - 0.3 * t)})
    problem = Problem(blow_up(), (one,), fitted=("k",), parameters={"k": 50.0})
    found = fit(problem, BY)
    assert found["k"].value == pytest.approx(0.3, rel=1e-4)
    assert found.starts[0].began["k"] == pytest.approx(50.0)
    assert found.starts[0].reason.startswith("collocation, then")
    assert found.provenance.method.startswith("collocation")


def test_bocks_unstable_problem() -> None:
    """Bock 1983: y'' = mu^2 y - (mu^2 + p^2) sin(p t) has the solution sin(p t), p = pi."""
    m = ModelBuilder("bock", version="1", title="Unstable", time_unit="s")
    y1 = m.state("y1", "1", initial=0.0, lower=-50.0, upper=50.0)
    y2 = m.state("y2", "1/s", initial=float(np.pi), lower=-500.0, upper=500.0)
    p = m.parameter("p", "1/s", value=1.0, lower=0.1, upper=10.0)
    mu = m.constant("mu", 12.0, "1/s")
    m.derivative(y1, y2)
    m.derivative(y2, mu**2 * y1 - (mu**2 + p**2) * ca.sin(p * m.t))
    m.output("y1", y1, "1", noise=Noise(0.05))
    m.output("y2", y2, "1/s", noise=Noise(0.05))
    t = np.linspace(0.1, 1.0, 10)
    exact = {"y1": lambda t: np.sin(np.pi * t), "y2": lambda t: np.pi * np.cos(np.pi * t)}
    one = batch(t, exact, noise=0.05, seed=2)
    problem = Problem(m.build(), (one,), fitted=("p",))
    near = np.exp(started(problem))[0]
    assert near == pytest.approx(np.pi, abs=0.02)
    assert fit(problem, BY)["p"].value == pytest.approx(np.pi, abs=1e-3)


def test_it_takes_jumps_feeds_lines_and_algebra() -> None:
    recipe = Recipe(4.0, 1.0, events=(Happening("bolus", 1.5, {"dose": 0.8}),))
    true = Problem(michaelis(), (Batch("b", recipe, {"y": Measured(
        np.array([0.0, 0.5, 1.5, 2.5, 4.0]), np.ones(5))}),), fitted=("Vm", "K"))  # fmt: skip
    y = Evaluator(true).outputs(np.log([0.6, 0.3]))
    data = {"y": Measured(np.array([0.0, 0.5, 1.5, 2.5, 4.0]), y)}
    near = started(Problem(michaelis(), (Batch("b", recipe, data),), fitted=("Vm", "K")))
    assert np.exp(near) == pytest.approx([0.6, 0.3], rel=1e-3)
    root = 1.0 - 0.5 * 0.8 * 0.6 * np.array([0.25, 0.5, 1.0])
    one = batch([0.25, 0.5, 1.0], {"z": lambda t: 0.6 * root, "a": lambda t: root**2})
    near = started(Problem(buffered(), (one,), fitted=("k", "K")))
    assert np.exp(near) == pytest.approx([0.8, 0.36], rel=1e-3)


@pytest.mark.parametrize("loss", [Loss(), Loss("huber"), Loss("soft_l1"), Loss("student")])
def test_it_ends_where_shooting_ends(loss: Loss) -> None:
    feeds = (Steps((0.0, 2.0), (0.2, 0.0)), Linear((0.0, 4.0), (0.0, 0.3)))
    batches = []
    for k, feed in enumerate(feeds):
        recipe = Recipe(4.0, 4.0, {"F": feed})
        blind = {n: Measured(np.array([1.0, 2.5, 4.0]), np.ones(3)) for n in ("yA", "yB")}
        here = Evaluator(Problem(two_step(), (Batch("x", recipe, blind),), fitted=("k1", "k2")))
        y = here.outputs(np.log([0.7, 0.2])) + 0.01 * np.random.default_rng(k).standard_normal(6)
        data = {n: Measured(np.array([1.0, 2.5, 4.0]), part)
                for n, part in zip(("yA", "yB"), y.reshape(2, 3), strict=True)}  # fmt: skip
        batches.append(Batch(f"b{k}", recipe, data, unknown_initial={"B": Prior.normal(0.05)}))
    problem = Problem(two_step(), tuple(batches), fitted=("k1", "k2"), loss=loss)
    shot = fit(problem)
    assert started(problem) == pytest.approx(shot.inner, abs=2e-3)


def test_what_it_cannot_find_it_says() -> None:
    one = batch([0.5, 1.0, 2.0], {"y": lambda t: 1 / (1 - 0.3 * t)})
    problem = Problem(blow_up(), (one,), fitted=("k",))
    here = Evaluator(problem)
    with pytest.raises(StepError, match="Maximum_Iterations"):
        collocate(here, vector(here.unknowns), first_errors(here), max_iterations=1)
