"""Sensitivity indices against functions whose indices are known exactly."""

from __future__ import annotations

import numpy as np
import pytest

from goldenbatch.science.errors import DataError
from goldenbatch.science.process import Recipe
from goldenbatch.science.process.ensembles import Factor, Figure, Study
from goldenbatch.science.process.ensembles.sensitivity import (
    morris_effects,
    morris_points,
    morris_screening,
    saltelli_points,
    sobol_indices,
    sobol_sensitivity,
)

from . import _models


def ishigami(u: np.ndarray, a: float = 7.0, b: float = 0.1) -> np.ndarray:
    x = np.pi * (2.0 * u - 1.0)
    return np.sin(x[:, 0]) + a * np.sin(x[:, 1]) ** 2 + b * x[:, 2] ** 4 * np.sin(x[:, 0])


def ishigami_exact(a: float = 7.0, b: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Ishigami and Homma (1990), doi:10.1109/ISUMA.1990.151285."""
    v1 = 0.5 * (1.0 + b * np.pi**4 / 5.0) ** 2
    v2, v13 = a**2 / 8.0, b**2 * np.pi**8 * 8.0 / 225.0
    whole = v1 + v2 + v13
    return np.array([v1, v2, 0.0]) / whole, np.array([v1 + v13, v2, v13]) / whole


def g_function(u: np.ndarray, a: np.ndarray) -> np.ndarray:
    return np.prod((np.abs(4.0 * u - 2.0) + a) / (1.0 + a), axis=1)


def g_exact(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Saltelli and Sobol' (1995), doi:10.1016/0951-8320(95)00099-2."""
    v = 1.0 / (3.0 * (1.0 + a) ** 2)
    whole = np.prod(1.0 + v) - 1.0
    return v / whole, v * np.prod(1.0 + v) / (1.0 + v) / whole


WEIGHTS = np.array([0.0, 1.0, 4.5, 9.0])


@pytest.mark.parametrize(
    ("function", "exact", "d"),
    [
        (ishigami, ishigami_exact(), 3),
        (lambda u: g_function(u, WEIGHTS), g_exact(WEIGHTS), 4),
    ],
    ids=["ishigami", "g"],
)  # fmt: skip
def test_sobol_indices_of_known_functions(function, exact, d) -> None:
    names = [f"x{k}" for k in range(d)]
    # A large mean must not cost digits.
    values = 1000.0 + function(saltelli_points(2**13, d, seed=5))
    found = sobol_indices(values, names, seed=5, n_boot=100)
    assert found.first == pytest.approx(exact[0], abs=0.015)
    assert found.total == pytest.approx(exact[1], abs=0.015)
    for own, interval, truth in ((found.first, found.first_interval, exact[0]),
                                 (found.total, found.total_interval, exact[1])):  # fmt: skip
        assert ((interval[:, 0] <= own) & (own <= interval[:, 1])).all()
        # Sobol points err less than the resampled rows say, so the intervals are wide enough.
        assert ((interval[:, 0] <= truth + 1e-3) & (truth - 1e-3 <= interval[:, 1])).all()
    assert found.ranked()[0][0] == names[int(np.argmax(exact[1]))]


def test_rows_without_a_value_are_left_out_whole_and_counted() -> None:
    values = ishigami(saltelli_points(256, 3, seed=1))
    values[[3, 256 + 7, 4 * 256 + 7]] = np.nan
    found = sobol_indices(values, ("a", "b", "c"), seed=1, n_boot=20)
    assert (found.n_used, found.n_dropped) == (254, 2)
    with pytest.raises(DataError, match="no design"):
        sobol_indices(values[:-1], ("a", "b", "c"), seed=1)
    with pytest.raises(DataError, match="does not vary"):
        sobol_indices(np.ones(40), ("a", "b", "c"), seed=1)


def test_morris_effects_of_a_known_function() -> None:
    points = morris_points(40, 4, seed=2)
    values = 2.0 * points[:, 0] - points[:, 1] + 3.0 * points[:, 2] * points[:, 1]
    found = morris_effects(points, values, ("a", "b", "c", "d"))
    assert found.mean[0] == pytest.approx(2.0)
    assert found.sd[[0, 3]] == pytest.approx([0.0, 0.0], abs=1e-9)
    assert found.mean_absolute[3] == pytest.approx(0.0, abs=1e-12)
    assert found.sd[1] > 0.3
    assert (found.n_used == 40).all()
    moves = np.abs(np.diff(points.reshape(40, 5, 4), axis=1)) > 1e-9
    assert (moves.sum(axis=2) == 1).all()
    assert points.min() > 0.0
    assert points.max() < 1.0


def test_a_study_ranks_its_parameters_and_factors() -> None:
    model = _models.decay()
    study = Study(
        model, Recipe(2.0, 2.0, inputs={"feed": 1.0}), (Figure.final("c"),),
        factors=(Factor.input("feed", 0.0, 1.0),),
    )  # fmt: skip
    found = sobol_sensitivity(study, 64, seed=1, n_boot=20)
    indices = found.indices["final c"]
    assert indices.names == ("k", "c_start", "feed")
    assert found.ensemble.n == 64 * 5
    assert indices.ranked()[0][0] == "feed"
    # c = c0 e + f (1 - e) / k with e = exp(-2k): the start acts alone and hardly.
    assert 0.0 < indices.total[1] < 0.02
    effects = morris_screening(study, 10, seed=1).effects["final c"]
    assert effects.ranked()[0][0] == "feed"
    assert effects.mean[0] < 0.0 < effects.mean[2]
    with pytest.raises(DataError, match="no prior"):
        sobol_sensitivity(study, 8, seed=1, parameters=["grow"])
