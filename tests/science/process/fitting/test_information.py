"""What the data do not hold is named, with the reason; profiles end where they should."""

from __future__ import annotations

import numpy as np
import pytest
from tests.science.process.fitting.models import batch, decay, michaelis, split_decay, two_step

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process import Recipe
from goldenbatch.science.process.fitting import Batch, Measured, Problem, Search, fit
from goldenbatch.science.process.fitting.information import identifiability
from goldenbatch.science.process.fitting.profiles import profile

T = np.array([0.2, 0.5, 1.2, 2.5, 4.0, 6.0])
FALL = {"y": lambda t: np.exp(-0.5 * t)}


def test_two_parameters_that_act_as_a_sum_are_named_as_a_group() -> None:
    problem = Problem(split_decay(), (batch(T, FALL),), fitted=("a", "b", "idle"))
    found = identifiability(problem, fit(problem))
    assert found.unidentified == ("a", "b", "idle")
    assert [one.verdict for one in found.held] == ["structural"] * 3
    assert [one.others for one in found.held] == [("b",), ("a",), ()]
    assert (found.rank, found.structural_rank) == (1, 1)
    assert found.condition == np.inf
    together = next(text for text in found.statements if "told apart" in text)
    assert together.startswith("a and b cannot be told apart by the measured outputs")
    assert any(text.startswith("idle has no effect") for text in found.statements)


def test_a_concentration_far_below_the_constant_shows_only_their_ratio() -> None:
    """Michaelis-Menten at S << K: Vm/K is held, Vm and K are not (practical, not structural)."""
    problem = Problem(michaelis(), (batch(T, FALL, noise=0.01),), fitted=("Vm", "K"))
    of = fit(problem)
    found = identifiability(problem, of)
    assert [one.verdict for one in found.held] == ["practical", "practical"]
    assert found.held[0].others == ("K",)
    assert found.structural_rank == 2
    assert found.correlations[0, 1] > 0.99
    assert found.collinearity > 15.0
    assert "hardly hold it; its effect is nearly that of K" in found.statements[0]
    closed = profile(problem, of, "Vm")
    assert closed.shape == "open above"
    assert not closed.is_identified
    assert "no upper limit" in closed.statement
    assert profile(problem, of, "K").limited_by == ("Vm",)


def test_one_time_holds_one_combination_though_others_could_hold_more() -> None:
    both = {"yB": lambda t: (np.exp(-0.3 * t) - np.exp(-t)) / 0.7}
    problem = Problem(two_step(), (batch([2.0], both),), fitted=("k1", "k2"))
    found = identifiability(problem, fit(problem))
    assert found.unidentified == ("k1", "k2")
    assert (found.rank, found.structural_rank) == (1, 2)
    assert found.statements == (
        "1 measured for 2 unknown: 1 of 2 directions of the unknowns are not held by samples at "
        "these times, though others could hold them.",
    )
    twice = Batch("a", Recipe(2.0, 2.0), {"yB": Measured(np.array([2.0, 2.0]), np.full(2, 0.59))})
    again = Problem(two_step(), (twice,), fitted=("k1", "k2"))
    said = identifiability(again, fit(again)).statements
    assert "taken at these times, though others could" in said[0]


def test_what_is_held_is_not_complained_of() -> None:
    problem = Problem(decay(), (batch(T, FALL, noise=0.01),), fitted=("k",))
    found = identifiability(problem, fit(problem))
    assert found.statements == ()
    assert found.held[0].verdict == "identified"
    assert found.condition == pytest.approx(1.0)


def test_an_estimate_at_its_bound_is_said() -> None:
    problem = Problem(decay(), (batch(T, FALL),), fitted=("k",), bounds={"k": (0.8, 2.0)})
    found = identifiability(problem, fit(problem))
    assert found.held[0].verdict == "bound"
    assert "lies at its bound of 0.8" in found.statements[0]


def test_the_profile_of_a_nearly_linear_problem_is_the_normal_interval() -> None:
    problem = Problem(decay(0.001), (batch(T, FALL, noise=0.001, seed=1),), fitted=("k",))
    of = fit(problem)
    found = profile(problem, of, "k")
    assert found.lower == pytest.approx(of["k"].value - 1.959964 * of["k"].se, abs=2e-5)
    assert found.upper == pytest.approx(of["k"].value + 1.959964 * of["k"].se, abs=2e-5)
    assert found.is_identified
    narrow = profile(problem, of, "k", level=0.5)
    assert found.lower < narrow.lower < narrow.upper < found.upper


def test_the_profile_of_a_sum_is_flat_where_the_other_makes_up_for_it() -> None:
    problem = Problem(split_decay(), (batch(T, FALL),), fitted=("a", "b"))
    found = profile(problem, fit(problem), "a", search=Search(tolerance=1e-6))
    # b may fall to zero: a is at most 0.5 and a bit, and has no lower limit.
    assert found.shape == "open below"
    assert found.upper == pytest.approx(0.5, abs=0.02)
    below = found.rise[found.values < 0.45]
    assert len(below)
    assert below.max() < 1e-3
    idle = Problem(split_decay(), (batch(T, FALL),), fitted=("idle",), parameters={"b": 0.2})
    assert profile(idle, fit(idle), "idle").shape == "flat"


def test_a_profile_of_a_stranger_is_refused() -> None:
    problem = Problem(decay(), (batch(T, FALL),), fitted=("k",))
    of = fit(problem)
    with pytest.raises(DataError, match="'q' was not fitted"):
        profile(problem, of, "q")
    with pytest.raises(DataError, match="'q' was not fitted"):
        of["q"]
    with pytest.raises(DesignError, match="level of 2"):
        profile(problem, of, "k", level=2.0)
