"""Draws of the normal approximation: moments, bounds, and flat directions."""

from __future__ import annotations

import numpy as np
import pytest
from tests.science.process.fitting.models import batch, split_decay

from goldenbatch.science.process.fitting import Problem, fit
from goldenbatch.science.process.fitting.laplace import truncated_draws


def test_without_bounds_they_have_the_covariance() -> None:
    precision = np.array([[4.0, -3.9], [-3.9, 4.0]])
    mode = np.array([1.0, -2.0])
    wide = 50.0 * np.ones(2)
    draws = truncated_draws(mode, precision, np.zeros(2), (mode - wide, mode + wide), 4000, seed=1)
    assert draws.mean(axis=0) == pytest.approx(mode, abs=0.08)
    assert np.cov(draws, rowvar=False) == pytest.approx(np.linalg.inv(precision), rel=0.08)


def test_they_stay_inside_and_lean_on_the_bound_that_the_mode_presses() -> None:
    zero, one = np.zeros(2), np.ones(2)
    pull = np.array([5.0, 0.0])
    draws = truncated_draws(zero, 1e-6 * np.eye(2), pull, (zero, one), 4000, seed=2)
    assert ((draws >= 0.0) & (draws <= 1.0)).all()
    assert draws[:, 0].mean() == pytest.approx(0.2 - np.exp(-5) / (1 - np.exp(-5)), abs=0.01)
    assert draws[:, 1].mean() == pytest.approx(0.5, abs=0.02)


def test_far_in_the_tail_they_are_finite() -> None:
    zero, one = np.zeros(1), np.ones(1)
    draws = truncated_draws(zero, 1e4 * np.eye(1), 4e3 * one, (zero, one), 500, seed=3)
    assert ((draws >= 0.0) & (draws < 0.01)).all()
    assert draws.mean() == pytest.approx(1 / 4e3, rel=0.15)


def test_what_is_not_identified_spans_its_bounds_while_its_combination_is_held() -> None:
    one = batch(np.array([0.5, 1.0, 2.0, 3.0]), {"y": lambda t: np.exp(-0.5 * t)})
    found = fit(Problem(split_decay(), (one,), fitted=("a", "b", "idle")))
    draws = found.posterior(800, seed=5).draws
    assert draws[:, :2].sum(axis=1).std() < 0.02
    assert draws[:, 0].max() > 0.45
    assert draws[:, 0].min() < 0.05
    assert np.ptp(draws[:, 2]) > 2.8
