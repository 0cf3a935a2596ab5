"""A start found by simultaneous collocation: states and unknowns together, by IPOPT.

The trajectory is held by the data from the first iteration on, so that a start at which the model
cannot be run, or runs away, still leads to the optimum. What is found is only a start: the fit
itself is then confirmed by shooting, whose integrator keeps its error.

References:
    Biegler 2010, Nonlinear programming, ch. 10, doi:10.1137/1.9780898719383; Bock 1983, in
    Numerical treatment of inverse problems, 95-121 (why shooting from a bad start fails).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.integrate import StepError, packed_dae

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.fitting.evaluator import Evaluator
    from goldenbatch.science.process.fitting.loss import Loss
    from goldenbatch.science.process.fitting.shooting import Shooter

DEGREE = 3


@dataclass
class _Program:
    """Variables, their bounds and guesses, equations and objective of the program."""

    variables: list[Any]
    low: list[NDArray[np.float64]]
    high: list[NDArray[np.float64]]
    guess: list[NDArray[np.float64]]
    equations: list[Any]
    objective: Any

    def add(self, name: str, shape: tuple[int, int], low: Any, high: Any, guess: Any) -> Any:
        """A block of variables, column by column."""
        symbol = ca.MX.sym(name, *shape)
        self.variables.append(ca.vec(symbol))
        for kept, given in ((self.low, low), (self.high, high), (self.guess, guess)):
            block = np.asarray(given, float)
            block = block[:, None] if block.ndim == 1 else block
            kept.append(np.broadcast_to(block, shape).ravel(order="F"))
        return symbol


def collocate(
    here: Evaluator,
    start: NDArray[np.float64],
    sd: NDArray[np.float64],
    *,
    n_elements: int = 40,
    max_iterations: int = 300,
) -> NDArray[np.float64]:
    """Inner unknowns that fit the collocated model. Shape `(n_unknowns,)`.

    Args:
        here: Problem and residuals.
        start: Inner values to start at.
        sd: Errors of measurement. Shape `(n_data,)`.
        n_elements: Least number of elements of each batch; input borders and samples add some.
        max_iterations: Of IPOPT.

    Raises:
        StepError: No solution was found.
    """
    boxes = np.array([one.box for one in here.unknowns])
    program = _Program([], [], [], [], [], ca.MX(0))
    inside = np.clip(start, *boxes.T)
    inner = program.add("inner", (start.size, 1), boxes[:, 0], boxes[:, 1], inside)
    values = [
        ca.exp(inner[k]) if one.is_log else inner[k] * one.scale
        for k, one in enumerate(here.unknowns)
    ]
    for number, (_, shooter, mine, back) in enumerate(here.runs):
        if mine.size and len(shooter.slopes):
            states = _batch(program, here, (number, shooter, values, n_elements))
            _weigh(program, here, (mine, back, shooter, states, sd))
    for k, mean, width in here.prior_rows:
        program.objective += ((inner[k] - mean) / width) ** 2
    return _solve(program, start.size, max_iterations)


def _solve(program: _Program, n: int, max_iterations: int) -> NDArray[np.float64]:
    options: dict[str, Any] = {
        "ipopt.print_level": 0, "print_time": False, "ipopt.sb": "yes",
        "ipopt.max_iter": max_iterations, "ipopt.tol": 1e-7, "ipopt.acceptable_tol": 1e-5,
        "show_eval_warnings": False,
    }  # fmt: skip
    problem: dict[str, Any] = {"x": ca.vertcat(*program.variables), "f": program.objective,
               "g": ca.vertcat(*program.equations)}  # fmt: skip
    try:
        solver = ca.nlpsol("collocation", "ipopt", problem, options)
        found = solver(
            x0=np.concatenate(program.guess), lbx=np.concatenate(program.low),
            ubx=np.concatenate(program.high), lbg=0.0, ubg=0.0,
        )  # fmt: skip
        said = str(solver.stats()["return_status"])
    except RuntimeError as error:
        raise StepError(f"collocation: {str(error).strip().splitlines()[-1][:160]}") from error
    if said not in ("Solve_Succeeded", "Solved_To_Acceptable_Level"):
        raise StepError(f"collocation: {said}")
    ended: NDArray[np.float64] = np.array(found["x"], float).ravel()[:n]
    return ended


@dataclass
class _Trajectory:
    """Of one batch: where its borders lie among the elements, and its symbols there."""

    parameters: Any
    starts: Any
    algebraics: Any
    element_of: NDArray[np.int64]


def _batch(
    program: _Program, here: Evaluator, of: tuple[int, Shooter, list[Any], int]
) -> _Trajectory:
    """Add the states of a batch and their collocation equations."""
    number, shooter, values, n_elements = of
    model = here.model
    at, h, leg, element_of = _mesh(shooter, n_elements)
    n, scale = at.size, _scale(model, "states")
    p, x0 = _beginning(here, number, values)
    guess = _guess(here, number, shooter, at) / scale[:, None]
    low = np.concatenate([np.full(one.size, one.lower) for one in model.states]) / scale
    high = np.concatenate([np.full(one.size, one.upper) for one in model.states]) / scale
    slack = 1e-3 + 1e-3 * np.abs(guess).max(axis=1)
    box = (low - slack, high + slack)
    ends = np.column_stack([guess, guess[:, -1]])
    nodes = program.add(f"x{number}", (model.n_x, n + 1), *box, ends)
    inner = program.add(f"c{number}", (model.n_x, n * DEGREE), *box,
                        np.repeat(guess, DEGREE, axis=1))  # fmt: skip
    z_scale = _scale(model, "algebraics")
    z_guess = (model.guess_vector() / z_scale)[:, None]
    z = program.add(f"z{number}", (model.n_z, n * DEGREE), -np.inf, np.inf,
                    np.repeat(z_guess, n * DEGREE, axis=1))  # fmt: skip
    inputs = np.array(shooter.inputs).reshape(len(shooter.inputs), -1)[leg].T
    slopes = np.array(shooter.slopes).reshape(len(shooter.slopes), -1)[leg].T
    inputs = inputs + slopes * (at - np.array(shooter.borders)[leg])
    packed = ca.vertcat(ca.repmat(p, 1, n), ca.DM(inputs), ca.DM(slopes), ca.DM(at).T, ca.DM(h).T)
    _equate(program, model, (nodes, inner, z, packed))
    _link(program, here, shooter, (nodes, inner, x0 / scale, element_of, p, scale))
    return _Trajectory(p, nodes * ca.repmat(ca.DM(scale), 1, n + 1), z, element_of)


def _mesh(shooter: Shooter, n_elements: int) -> tuple[Any, Any, Any, Any]:
    """Start and length of each element, its leg, and the element that begins each border."""
    borders = np.array(shooter.borders)
    longest = (borders[-1] - borders[0]) / n_elements
    counts = np.maximum(1, np.ceil(np.diff(borders) / longest - 1e-9).astype(int))
    leg = np.repeat(np.arange(counts.size), counts)
    h = np.repeat(np.diff(borders) / counts, counts)
    first = np.concatenate([[0], np.cumsum(counts)])
    at = borders[leg] + (np.arange(leg.size) - first[leg]) * h
    return at, h, leg, first


def _beginning(here: Evaluator, number: int, values: list[Any]) -> tuple[Any, Any]:
    """Parameters and initial states of a batch as expressions."""
    model, batch = here.model, here.problem.batches[number]
    p = ca.MX(ca.DM(here.problem.parameters_of(batch)))
    mine = [k for k, one in enumerate(here.unknowns) if one.batch in ("", batch.name)]
    for k in mine:
        if here.unknowns[k].kind == "parameter":
            p[here.unknowns[k].place] = values[k]
    x0 = model.start_function(p)
    given = model.x0(None, batch.initial)
    for name in batch.initial:
        where = model.at("states", name)
        x0[where] = ca.DM(given[where])
    for k in mine:
        if here.unknowns[k].kind == "initial":
            x0[here.unknowns[k].place] = values[k]
    return p, x0


def _guess(
    here: Evaluator, number: int, shooter: Shooter, at: NDArray[np.float64]
) -> NDArray[np.float64]:
    """States at the mesh: measured ones from the data, the others as they begin."""
    model, batch = here.model, here.problem.batches[number]
    x = model.x0(here.problem.parameters_of(batch), batch.initial)
    found = np.repeat(x[:, None], at.size, axis=1)
    e = model.expressions
    for place, output in enumerate(model.outputs):
        one = batch.data.get(output.name)
        there = None if one is None else np.isfinite(one.values)
        if one is None or there is None or not there.any():
            continue
        order = np.argsort(one.times[there])
        times, values = one.times[there][order], one.values[there][order]
        for k in range(model.n_x):
            if ca.is_equal(e.outputs[place], e.x[k], 1):
                found[k] = np.interp(at, times, values)
    return found


def _equate(program: _Program, model: Any, of: tuple[Any, Any, Any, Any]) -> None:
    """The derivative of each element's polynomial is the model's, at its Radau points."""
    nodes, inner, z, packed = of
    n = nodes.shape[1] - 1
    dae = packed_dae(model)
    function = ca.Function("dae", [dae["t"], dae["x"], dae["z"], dae["p"]],
                           [dae["ode"], dae["alg"]])  # fmt: skip
    taus = ca.collocation_points(DEGREE, "radau")
    weights = _derivatives(np.array([0.0, *taus]))
    for j in range(DEGREE):
        places = [k * DEGREE + j for k in range(n)]
        ode, alg = function(ca.repmat(ca.DM(taus[j]), 1, n), inner[:, places], z[:, places], packed)
        slope = weights[0, j] * nodes[:, :n]
        for i in range(DEGREE):
            slope += weights[i + 1, j] * inner[:, [k * DEGREE + i for k in range(n)]]
        program.equations.append(ca.vec(slope - ode))
        if model.n_z:
            program.equations.append(ca.vec(alg))


def _derivatives(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Derivative of each Lagrange polynomial at each point but the first."""
    found = np.empty((points.size, points.size - 1))
    for i in range(points.size):
        basis = np.poly1d([1.0])
        for j in range(points.size):
            if j != i:
                basis *= np.poly1d([1.0, -points[j]]) / (points[i] - points[j])
        found[i] = np.polyder(basis)(points[1:])
    return found


def _link(program: _Program, here: Evaluator, shooter: Shooter, of: tuple[Any, ...]) -> None:
    """Each element begins where the last one ended, or where a jump left it."""
    nodes, inner, x0, element_of, p, scale = of
    n = nodes.shape[1] - 1
    before = ca.horzcat(x0, inner[:, [k * DEGREE + DEGREE - 1 for k in range(n)]])
    jumped = {int(element_of[k]): which for k, which in shooter.jumps_at()}
    smooth = [k for k in range(n + 1) if k not in jumped]
    program.equations.append(ca.vec(nodes[:, smooth] - before[:, smooth]))
    for k, happenings in jumped.items():
        x = before[:, k] * ca.DM(scale)
        for name, arguments in happenings:
            x = here.model.jump_functions[name](arguments, x, p)
        program.equations.append(nodes[:, k] - x / ca.DM(scale))


def _weigh(
    program: _Program,
    here: Evaluator,
    of: tuple[NDArray[np.int64], NDArray[np.int64], Shooter, _Trajectory, NDArray[np.float64]],
) -> None:
    """Add the loss of a batch's residuals."""
    mine, back, shooter, states, sd = of
    model = here.model
    z_scale = _scale(model, "algebraics")
    for row in range(shooter.rows.size):
        border = int(shooter.rows[row])
        element = int(states.element_of[border])
        x = states.starts[:, element]
        # Radau's last point is the end of its element; at the very start the first must do.
        z = states.algebraics[:, max(element * DEGREE - 1, 0)] * ca.DM(z_scale)
        y = model.output_function(shooter.borders[border], x, z, shooter.inputs[border],
                                  states.parameters)  # fmt: skip
        for k in np.flatnonzero(back == row):
            index = mine[k]
            r = (y[int(here.rows.output[index])] - here.rows.value[index]) / sd[index]
            program.objective += _loss(here.problem.loss, r**2)


def _loss(loss: Loss, square: Any) -> Any:
    """`Loss.rho` as an expression."""
    c2 = loss.scale**2
    if loss.kind == "student":
        return (loss.freedom + 1.0) * ca.log1p(square / loss.freedom)
    if loss.kind == "soft_l1":
        return 2.0 * c2 * (ca.sqrt(1.0 + square / c2) - 1.0)
    if loss.kind == "huber":
        far = 2.0 * loss.scale * ca.sqrt(ca.fmax(square, c2)) - c2
        return ca.if_else(square > c2, far, square)
    return square


def _scale(model: Any, kind: str) -> NDArray[np.float64]:
    return np.concatenate(
        [np.full(one.size, one.scale) for one in getattr(model, kind)] or [np.empty(0)]
    )
