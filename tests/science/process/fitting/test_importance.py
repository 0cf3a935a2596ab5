"""Importance sampling that adapts: a curved ridge, a bad beginning, and no density at all."""

from __future__ import annotations

import numpy as np
import pytest
from tests.science.process.fitting.models import batch, decay

from goldenbatch.science.process.fitting import Chains, Problem, drawing, fit
from goldenbatch.science.process.fitting.importance import adaptive_importance, effective


def test_a_bent_hill_has_its_moments() -> None:
    """Haario's banana: y = b - x^2 / 4 with b, x standard normal has mean -1/4, variance 9/8."""

    def energy(at: np.ndarray) -> float:
        return 0.5 * float(at[0] ** 2 + (at[1] + 0.25 * at[0] ** 2) ** 2)

    begin = np.random.default_rng(1).standard_normal((100, 2)) * 0.3 + 4.0
    points, weights = adaptive_importance(energy, begin, seed=2)
    assert effective(weights) > 500
    mean = weights @ points
    assert mean == pytest.approx([0.0, -0.25], abs=0.12)
    assert weights @ (points - mean) ** 2 == pytest.approx([1.0, 1.125], rel=0.15)


def test_where_there_is_no_density_nothing_is_effective() -> None:
    begin = np.random.default_rng(1).standard_normal((50, 2))
    _, weights = adaptive_importance(lambda at: float("inf"), begin, n_rounds=2)
    assert effective(weights) == 0.0


def test_chains_are_the_last_resort(monkeypatch: pytest.MonkeyPatch) -> None:
    t = np.array([0.5, 2.0])
    one = batch(t, {"y": lambda t: np.exp(-0.5 * t)}, noise=0.01, seed=1)
    problem = Problem(decay(), (one,), fitted=("k",))
    found = fit(problem)
    monkeypatch.setattr(drawing, "ENOUGH", 1e9)
    short = Chains(n_chains=2, n_steps=100, n_warm=50, seed=1)
    posterior = drawing.draw(problem, found, 40, chains=short, least=1.1)
    assert posterior.method.startswith("adaptive Metropolis, 2 chains")
    assert posterior.draws.shape == (40, 1)
    assert posterior.draws.mean() == pytest.approx(found["k"].value, abs=3 * found["k"].se)
