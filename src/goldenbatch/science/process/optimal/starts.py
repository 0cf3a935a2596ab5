"""Where the optimiser starts: a control, and the states that the simulator finds for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.science.process.integrate import Settings, StepError, Stepper
from goldenbatch.science.process.optimal.transcription import DEGREE, Grid, other_inputs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.optimal.problem import Problem
    from goldenbatch.science.process.optimal.transcription import Branch

_ROUGH = Settings(rtol=1e-5, atol=1e-7)


def controls(problem: Problem, number: int, seed: int) -> NDArray[np.float64]:
    """Controls of a start: the first is the guess; others are drawn.

    Drawn ones are constant, straight lines or broken lines in turn, because optima of feeds are
    seldom near noise. Shape `(n_controls_named, n_intervals)`.

    Args:
        problem: With bounds and guesses.
        number: 0 for the guess.
        seed: Of the draws.
    """
    if number == 0:
        return np.array([problem.guess(one) for one in problem.controls])
    random = np.random.default_rng([seed, number])
    place = np.linspace(0.0, 1.0, problem.n_controls)
    rows = []
    for one in problem.controls:
        low, high = problem.bounds(one)
        n_corners = (1, 2, 4)[(number - 1) % 3]
        corners = random.uniform(0.0, 1.0, n_corners)
        level = np.interp(
            place, np.linspace(0.0, 1.0, max(n_corners, 2)), np.resize(corners, max(n_corners, 2))
        )
        rows.append(low + (high - low) * level)
    return np.array(rows)


def trajectory(
    problem: Problem, grid: Grid, branch: Branch, chosen: NDArray[np.float64], end: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """States and algebraic variables at all points under a control.

    Where the simulator gives up, the last states are kept: the optimiser starts from there.

    Args:
        problem: With the model.
        grid: Of the points.
        branch: Its start and parameters.
        chosen: Controls. Shape `(n_controls_named, n_intervals)`.
        end: End time.
    """
    model = problem.model
    times = np.concatenate([[0.0], end * grid.times])
    fixed = other_inputs(problem, problem.begins + end * grid.times)
    rows = problem.rows()
    stepper = Stepper(model, _ROUGH)
    x, z = branch.start, model.guess_vector()
    flat = np.zeros(model.n_u)
    xs, zs = [], []
    is_lost = False
    for k in range(len(times) - 1):
        u = fixed[:, k].copy()
        u[list(rows)] = chosen[:, k // (DEGREE * grid.per_control)]
        if not is_lost:
            try:
                z = stepper.consistent(problem.begins + times[k], x, z, u, branch.p)
                h = times[k + 1] - times[k]
                x, z = stepper.advance(problem.begins + times[k], h, x, z, (u, flat), branch.p)
            except StepError:
                is_lost = True
        xs.append(x)
        zs.append(z)
    return np.array(xs).T, np.array(zs).reshape(len(xs), -1).T
