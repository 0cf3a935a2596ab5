"""Optimal control: against exact solutions, the literature, and the common simulator."""

from __future__ import annotations

import pickle
from dataclasses import replace
from math import exp

import numpy as np
import pytest

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process import Linear, ModelBuilder, ModelRef, Steps, simulate
from goldenbatch.science.process.library import benchmarks
from goldenbatch.science.process.library.hybridoma import hybridoma, study
from goldenbatch.science.process.library.mammalian import fed_batch
from goldenbatch.science.process.optimal import (
    Control,
    Limit,
    Options,
    Problem,
    Scenario,
    Term,
    next_move,
    optimise,
)
from goldenbatch.science.process.optimal.problem import later
from goldenbatch.science.process.posterior import prior


def leak(*, is_dae: bool = False, counts_time: bool = False):
    """`dx/dt = -x + u`, its right side through an algebraic variable where asked for."""
    m = ModelBuilder("leak", version="1", title="First order", time_unit="s")
    x = m.state("x", "m", initial=0.0, scale=0.5)
    u = m.input("u", "m/s", lower=-3.0, upper=3.0)
    rate = u - x / m.constant("tau", 1.0, "s")
    if is_dae:
        z = m.algebraic("z", "m/s", guess=0.0)
        m.equation("rate", z - rate, "m/s")
        rate = z
    if counts_time:
        rate = rate * m.t / m.constant("second", 1.0, "s")
    m.derivative(x, rate)
    m.output("effort", u * u, "m2/s2")
    return m.build()


AS_IT_IS = Options(n_refinements=0)
TERMS = (Term("x"), Term("effort", -0.5, "integral"))
EXACT = 0.25 * (1.0 - exp(-2.0))


@pytest.mark.parametrize("is_dae", [False, True])
def test_the_exact_optimum_of_a_linear_system(is_dae: bool) -> None:
    """Pontryagin: `u = exp(t - 1)`; equal steps of it lose `O(1/N^2)`."""
    found = optimise(Problem(leak(is_dae=is_dae), (Control("u"),), TERMS, 1.0, 20))
    middle = (np.arange(20) + 0.5) / 20
    assert found.status == "optimal"
    assert found.goal == pytest.approx(EXACT, abs=1e-4)
    assert found.controls["u"] == pytest.approx(np.exp(middle - 1.0), abs=5e-4)
    assert found.difference < 1e-5 and found.violations == {}


def test_a_free_end_is_found() -> None:
    """`x(T) - c T` under full thrust: `x' = c` at the end, `T = ln(3 / c)`."""
    goal = (Term("x"), Term("time", -0.5))
    found = optimise(Problem(leak(), (Control("u"),), goal, (0.5, 5.0), 10))
    assert found.end == pytest.approx(np.log(3.0 / 0.5), rel=1e-4)
    assert found.controls["u"] == pytest.approx(np.full(10, 3.0), abs=1e-5)


def test_limits_hold_in_declared_units_and_texts() -> None:
    limits = (Limit("x", upper="50 cm"), Limit("u", upper="0.9 m/s"), Limit("x", 0.3, when="end"))
    found = optimise(Problem(leak(), (Control("u"),), (Term("x"),), 4.0, 40, limits))
    run = found.simulations[0]
    assert run["x"].max() == pytest.approx(0.5, abs=1e-3) and run["u"].max() <= 0.9 + 1e-7
    assert found.violations == {}


def test_an_impossible_limit_is_a_result_with_its_reason() -> None:
    limits = (Limit("x", 10.0, when="end"),)
    found = optimise(Problem(leak(), (Control("u"),), TERMS, 1.0, 5, limits), Options(n_starts=2))
    assert not found.is_solved and "Infeasible" in found.reason and len(found.starts) == 2
    assert found.recipe is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"controls": ()}, "needs a control"),
        ({"duration": -1.0}, "lasts"),
        ({"duration": (1.0, 2.0), "controls": (Control("u"),), "inputs": {"u": 1.0}}, "profile"),
        ({"limits": (Limit("y"),)}, "no state, output or input 'y'"),
        ({"model": leak(counts_time=True), "begins": 1.0}, "names time"),
    ],
)
def test_problems_that_make_no_sense_are_refused(changes: dict, message: str) -> None:
    usual = {"model": leak(), "controls": (Control("u"),), "goal": TERMS, "duration": 1.0,
             "n_controls": 4}  # fmt: skip
    with pytest.raises((DesignError, DataError), match=message):
        Problem(**{**usual, **changes})


def test_bounds_and_guesses_that_do_not_fit_are_refused() -> None:
    for control in (Control("u", 2.0, 1.0), Control("u", guess=(1.0, 2.0)), Control("x")):
        with pytest.raises((DesignError, DataError)):
            optimise(Problem(leak(), (control,), TERMS, 1.0, 4))


def test_profiles_on_a_later_clock() -> None:
    assert later(Linear((0.0, 2.0), (0.0, 4.0)), 1.0) == Linear((0.0, 1.0), (2.0, 4.0))
    assert later(Steps((0.0, 2.0), (1.0, 3.0)), 3.0) == Steps((0.0,), (3.0,))


def test_elements_are_doubled_where_the_simulation_disagrees() -> None:
    problem = benchmarks.srinivasan_bonvin(6)
    rough, fine = optimise(problem, AS_IT_IS), optimise(problem, Options(refined_above=1e-5))
    assert fine.provenance["options"]["elements"] > 1 and len(fine.starts) > len(rough.starts)
    assert fine.violations.get("X (path)", 0.0) < rough.violations["X (path)"]


def test_park_and_ramirez_from_cold_starts() -> None:
    found = optimise(benchmarks.park_ramirez(60), Options(n_starts=3))
    assert found.simulated_goal >= 32.6 and found.difference < 1e-3
    goals = [start.goal for start in found.starts]
    assert found.goal == max(goals) and min(goals) < max(goals) - 1e-3, "one start is not enough"


def test_cuthrell_and_biegler_from_a_cold_start() -> None:
    found = optimise(benchmarks.cuthrell_biegler(60), AS_IT_IS)
    assert found.simulated_goal >= 87.8 and found.difference < 1e-3


def test_srinivasan_and_bonvin_has_two_optima_and_the_better_is_kept() -> None:
    found = optimise(benchmarks.srinivasan_bonvin(50), Options(n_starts=2))
    assert sorted(one.goal for one in found.starts)[0] == pytest.approx(1.4865, abs=5e-4)
    assert found.simulated_goal >= 1.4865
    assert found.simulations[0]["X"].max() <= 3.7 + 1e-4


def test_a_feed_for_hybridoma_cells_beats_the_best_of_the_paper_with_no_more_feed() -> None:
    paper = study("n=5")
    was = simulate(hybridoma(), paper.recipe, initial=paper.initial)
    problem = Problem(
        hybridoma("smoothed"), (Control("F", upper=0.012, guess=0.003),), (Term("VXv"),), 125.0,
        20, (Limit("V", upper=was.final("V")),), {"G_in": 15.0, "Gn_in": 4.0},
        (Scenario(initial=paper.initial),),
    )  # fmt: skip
    found = optimise(problem, AS_IT_IS)
    exact = simulate(hybridoma(), found.recipe, initial=paper.initial)
    assert exact.final("VXv") >= 2.454 and exact.final("V") <= was.final("V") + 1e-5
    assert found.difference < 5e-3


def test_fourteen_days_of_feed_fill_the_vessel_and_never_overflow_it() -> None:
    control = Control("F", upper=0.004, guess=0.001)
    dear = (Term("product", 1.0), Term("F", -2.0, "integral"))
    found = optimise(Problem(fed_batch(), (control,), dear, 336.0, 14), Options(elements=2))
    assert found.is_solved and found.simulations[0].is_complete
    assert found.simulations[0].final("V") <= 2.0
    assert found.simulations[0].final("product") > 7.0


YIELDS = tuple(Scenario(parameters={"Y_x": y}) for y in (0.4, 0.5, 0.6))


def test_a_robust_control_holds_the_limit_in_every_scenario() -> None:
    nominal = benchmarks.srinivasan_bonvin(10)
    brave = optimise(nominal, AS_IT_IS)
    careful = optimise(replace(nominal, scenarios=YIELDS), AS_IT_IS)
    worst = optimise(replace(nominal, scenarios=YIELDS, risk="worst"), AS_IT_IS)

    def most(found) -> list[float]:
        runs = [simulate(nominal.model, found.recipe, parameters=s.parameters) for s in YIELDS]
        return [run["X"].max() for run in runs]

    assert max(most(brave)) > 3.8 and max(most(careful)) <= 3.7 + 2e-2
    assert careful.is_solved and worst.is_solved and len(careful.simulations) == 3
    least = [min(run.final("P") for run in found.simulations) for found in (careful, worst)]
    assert least[1] >= least[0] - 1e-6


def test_scenarios_are_draws_spread_over_a_posterior() -> None:
    draws = prior(fed_batch(), 10, seed=4)
    found = Scenario.of(draws, 4)
    assert [one.parameters["mu_max"] for one in found] == [
        draws.member(k)[0]["mu_max"] for k in (0, 3, 6, 9)
    ]
    with pytest.raises(DataError, match="no more"):
        Scenario.of(draws, 11)


def test_starts_run_in_other_processes_by_the_reference_of_the_model() -> None:
    problem = benchmarks.srinivasan_bonvin(5)
    ref = ModelRef.of("goldenbatch.science.process.library.benchmarks:inhibited_batch")
    told = []

    def elsewhere(task, numbers):
        told.append(pickle.dumps(task))
        return map(pickle.loads(told[0]), numbers)

    there = optimise(problem, AS_IT_IS, executor=elsewhere, ref=ref)
    assert there.goal == optimise(problem, AS_IT_IS).goal
    for wrong in (None, ModelRef.of("goldenbatch.science.process.library.benchmarks:penicillin")):
        with pytest.raises(DesignError):
            optimise(problem, AS_IT_IS, executor=elsewhere, ref=wrong)


def test_a_time_limit_ends_in_a_reason() -> None:
    found = optimise(benchmarks.park_ramirez(60), Options(max_cpu_s=0.01))
    assert not found.is_solved and "CpuTime" in found.reason


def test_a_shrinking_horizon_corrects_for_a_plant_that_differs() -> None:
    problem = benchmarks.srinivasan_bonvin(10)
    plan = {"F": tuple(optimise(problem).controls["F"])}
    real = {"Y_x": 0.55}
    state = {one.name: one.value[0] for one in problem.model.states}
    for n_past in range(10):
        known = replace(problem, scenarios=(Scenario(parameters=real),))
        move = next_move(known, n_past, state, plan)
        assert not move.is_fallback, move.reason
        plan = move.plan
        recipe = known.recipe(np.full((1, 10), move.controls["F"]), 15.0, 1)
        run = simulate(problem.model, recipe, initial=state, parameters=real)
        state = {name: run.final(name) for name in state}
    assert state["X"] <= 3.7 + 5e-3 and state["P"] > 1.5
    assert len(plan["F"]) == 10


def test_the_recipe_goes_on_where_the_optimiser_fails() -> None:
    problem = replace(benchmarks.srinivasan_bonvin(10), limits=(Limit("P", 9.0, when="end"),))
    recipe = {"F": tuple(0.01 * k for k in range(10))}
    move = next_move(problem, 4, {"X": 1.5, "S": 0.2, "P": 0.3, "V": 151.0}, recipe)
    assert move.is_fallback and move.controls == {"F": 0.04} and move.plan == recipe
    assert "Infeasible" in move.reason or "solved" in move.reason
    assert next_move(problem, 10, {}, recipe | {"F": (*recipe["F"], 0.0)}).is_fallback
