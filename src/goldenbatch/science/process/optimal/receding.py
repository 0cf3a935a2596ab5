"""A shrinking horizon: the rest of a batch optimised again from the present state.

Where the optimiser fails, the recipe goes on as it was, and the reason is kept: a controller that
stops is worse than one that is not optimal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.science.errors import DataError
from goldenbatch.science.process.optimal.problem import Problem, Scenario
from goldenbatch.science.process.optimal.solve import Optimum, Options, optimise

if TYPE_CHECKING:
    from goldenbatch.science.process.model import Given


@dataclass(frozen=True)
class Move:
    """What to do until the next move.

    Attributes:
        at: Time of the batch.
        controls: Value of each control for the coming interval.
        plan: Values of the whole remainder, by control.
        is_fallback: Whether the recipe goes on because no optimum was found.
        reason: Why, for the log.
        optimum: What the optimiser found; None where it could not even begin.
    """

    at: float
    controls: Mapping[str, float]
    plan: Mapping[str, tuple[float, ...]] = field(repr=False)
    is_fallback: bool
    reason: str
    optimum: Optimum | None = field(repr=False)


def remainder(
    problem: Problem,
    n_past: int,
    scenarios: Sequence[Scenario],
    plan: Mapping[str, Sequence[float]],
) -> Problem:
    """What is left of a problem after some of its control intervals.

    Args:
        problem: Of the whole batch, with a fixed end.
        n_past: Intervals that are over.
        scenarios: States now (and parameters), as ways that things may be.
        plan: Controls of the whole batch so far planned, the guess for what is left.

    Raises:
        DataError: Nothing is left, or the end is free.
    """
    if problem.is_free or not 0 <= n_past < problem.n_controls:
        raise DataError(
            f"{n_past} of {problem.n_controls} intervals are over.",
            hint="Fix the end, and ask for a move only while an interval is left.",
        )
    width = problem.ends[0] / problem.n_controls
    controls = tuple(replace(one, guess=tuple(plan[one.name][n_past:])) for one in problem.controls)
    return replace(
        problem,
        controls=controls,
        duration=width * (problem.n_controls - n_past),
        n_controls=problem.n_controls - n_past,
        scenarios=tuple(scenarios),
        begins=problem.begins + width * n_past,
    )


def next_move(
    problem: Problem,
    n_past: int,
    states: Mapping[str, Given] | Sequence[Scenario],
    plan: Mapping[str, Sequence[float]],
    options: Options | None = None,
) -> Move:
    """The next move: the remainder optimised from the present, or the plan as it was.

    Args:
        problem: Of the whole batch.
        n_past: Intervals that are over.
        states: States now; or scenarios, as a tracker's members give them.
        plan: Controls of the whole batch as planned: the recipe at first, then the last plan.
        options: Of the optimiser.
    """
    scenarios = [Scenario(initial=states)] if isinstance(states, Mapping) else list(states)
    if isinstance(states, Mapping) and len(problem.scenarios) == 1:
        scenarios = [replace(problem.scenarios[0], initial=states)]
    at = problem.begins + problem.ends[0] * n_past / problem.n_controls
    found: Optimum | None = None
    try:
        found = optimise(remainder(problem, n_past, scenarios, plan), options)
        reason = "" if found.is_solved else found.reason
    except DataError as error:
        reason = str(error)
    if found is None or not found.is_solved:
        kept = {one.name: tuple(map(float, plan[one.name])) for one in problem.controls}
        now = {name: values[n_past] for name, values in kept.items()}
        return Move(at, now, kept, True, f"the recipe goes on: {reason}", found)
    whole = {
        name: (*map(float, plan[name][:n_past]), *map(float, values))
        for name, values in found.controls.items()
    }
    now = {name: float(np.asarray(values)[0]) for name, values in found.controls.items()}
    return Move(at, now, whole, False, "", found)
