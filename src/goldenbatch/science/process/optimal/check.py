"""A control under the common simulator: the goal that it reaches, and the limits that it leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.declarations import State
from goldenbatch.science.process.integrate import Settings
from goldenbatch.science.process.simulation import simulate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.model import Model
    from goldenbatch.science.process.optimal.problem import Limit, Problem, Scenario, Term
    from goldenbatch.science.process.recipe import Recipe
    from goldenbatch.science.process.result import Simulation

_FINE = Settings(rtol=1e-8, atol=1e-9)
_SAME = 1e-6
COUNTER = "_worth"


def simulations(problem: Problem, recipe: Recipe) -> tuple[Simulation, ...]:
    """One run for each scenario."""
    return tuple(_run(problem, problem.model, recipe, one) for one in problem.scenarios)


def _run(problem: Problem, model: Model, recipe: Recipe, one: Scenario) -> Simulation:
    return simulate(model, recipe, initial=one.initial, parameters=one.parameters, settings=_FINE)


def goal(problem: Problem, recipe: Recipe, runs: Sequence[Simulation]) -> float:
    """The goal over the scenarios.

    Args:
        problem: With the goal.
        recipe: That the runs are of.
        runs: One for each scenario.
    """
    counted = [t for t in problem.goal if t.when == "integral"]
    each = []
    for run, scenario in zip(runs, problem.scenarios, strict=True):
        ends = sum(
            one.price * column(problem, run, one.name)[-1]
            for one in problem.goal
            if one.when == "end"
        )
        counter = (
            _run(problem, with_counter(problem, counted), recipe, scenario) if counted else None
        )
        each.append(float(ends + (counter.final(COUNTER) if counter else 0.0)))
    return min(each) if problem.risk == "worst" else float(np.mean(each))


def with_counter(problem: Problem, terms: Sequence[Term]) -> Model:
    """The model with one state more, which counts what the terms are worth over time."""
    model = problem.model
    e = model.expressions
    source = {"states": e.x, "outputs": e.outputs, "inputs": e.u, "time": e.t}
    rate: Any = 0.0
    for one in terms:
        kind, row, _ = problem.place(one.name)
        rate = rate + one.price * source[kind][row]
    counted = ca.SX.sym(COUNTER)
    jumps = tuple((symbols, ca.vertcat(after, counted)) for symbols, after in e.jumps)
    more = replace(
        e, x=ca.vertcat(e.x, counted), rhs=ca.vertcat(e.rhs, rate),
        starts=ca.vertcat(e.starts, 0.0), jumps=jumps,
    )  # fmt: skip
    states = (*model.states, State(COUNTER, "1", (0.0,), help="worth so far"))
    return replace(model, states=states, expressions=more)


def column(problem: Problem, run: Simulation, name: str) -> NDArray[np.float64]:
    """A column of a run by a name of the problem."""
    return run.time + problem.begins if name == "time" else run[name]


def violations(problem: Problem, runs: Sequence[Simulation]) -> dict[str, float]:
    """By how much the runs leave each limit, and whether they ended before their time."""
    found: dict[str, float] = {}
    for run in runs:
        if run.status == "stopped":
            found[run.reason] = float("inf")
        for limit in problem.limits:
            low, high = problem.limit_bounds(limit)
            values = column(problem, run, limit.name)
            values = values[-1:] if limit.when == "end" else values
            excess = max(float(low - values.min()), float(values.max() - high))
            if excess > _SAME * _size(problem, limit):
                found[_key(limit)] = max(found.get(_key(limit), 0.0), excess)
    return found


def largest(problem: Problem, found: Mapping[str, float]) -> float:
    """The largest violation as a part of its limit; infinite for a run that ended early."""
    sizes = {_key(limit): _size(problem, limit) for limit in problem.limits}
    return max((excess / sizes.get(key, 1.0) for key, excess in found.items()), default=0.0)


def _key(limit: Limit) -> str:
    return f"{limit.name} ({limit.when})"


def _size(problem: Problem, limit: Limit) -> float:
    finite = [abs(one) for one in problem.limit_bounds(limit) if np.isfinite(one)]
    return max(finite, default=1.0) or 1.0
