"""Robust optima: the published reactor, and a problem whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process import Recipe
from goldenbatch.science.process.ensembles import Criterion, Factor, Figure, Members, Study
from goldenbatch.science.process.ensembles.robust import Goal, Search, robust_optimum

from . import _models

FINAL = Figure.final("c")


def _study() -> Study:
    """How long may it decay? As long as possible, while 0.5 g/L is left with confidence."""
    return Study(
        _models.decay(), Recipe(2.0, 2.0), criteria=(Criterion(FINAL, lower=0.5),),
        factors=(Factor.duration(0.5, 6.0),),
    )  # fmt: skip


def _members(seed: int, n: int = 100) -> Members:
    return Members.spread(_models.decay(), n, seed=seed, method="latin hypercube", names=["k"])


def test_the_longest_time_that_keeps_a_limit_is_that_of_the_quantile() -> None:
    goal = Goal(Figure.end_time(), target=0.8)
    search = Search(n_scan=8, n_starts=2, smallest_step=0.004)
    found = robust_optimum(_study(), goal, _members(1), _members(2), search=search)
    # 2 exp(-k t) = 0.5 at t = ln 4 / k. A lower end of 0.8 of 100 asks for 88 that meet it.
    assert found.feasible.n_feasible >= 88
    sd = _models.decay().parameters[0].prior.sd
    exact = np.log(4.0) / (0.5 * np.exp(sd * ndtri(0.88)))
    assert found.factors["duration"] == pytest.approx(exact, rel=0.02)
    assert found.value == pytest.approx(found.factors["duration"])
    assert found.checked.n == 100
    assert found.is_reached == (found.checked.interval.lower >= 0.8)
    assert len(found.points) == len(found.values) == len(found.lower)
    assert len(found.starts) == 2


def test_a_target_that_nothing_reaches_is_said() -> None:
    model = _models.decay()
    study = Study(
        model, Recipe(2.0, 2.0), criteria=(Criterion(FINAL, lower=1.9),),
        factors=(Factor.duration(0.5, 6.0),),
    )  # fmt: skip
    goal = Goal(FINAL, is_maximised=False, target=0.9)
    search = Search(n_scan=4, n_starts=1, smallest_step=0.05)
    found = robust_optimum(study, goal, _members(1, 40), _members(2, 40), search=search)
    assert not found.is_reached
    # It ends at the shortest time, where the most members are nearest to the limit.
    assert found.factors["duration"] < 1.2


def test_a_search_without_sense_is_refused() -> None:
    goal = Goal(FINAL, target=0.9)
    with pytest.raises(DataError, match="another seed"):
        robust_optimum(_study(), goal, _members(1), _members(1))
    with pytest.raises(DesignError, match="cannot show"):
        robust_optimum(_study(), goal, _members(1, 10), _members(2, 100))
    with pytest.raises(DesignError, match="needs factors"):
        robust_optimum(Study(_models.decay(), Recipe(1.0, 1.0)), goal, _members(1), _members(2))
