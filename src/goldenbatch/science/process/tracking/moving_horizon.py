"""Moving-horizon estimation: the states and parameters of a window that fit its readings best.

All of the window is one optimisation: least squares over process noise and readings, with the
bounds of states and parameters kept exactly; parameters are constant in it. What is known from
before it is the arrival cost, here the filter's belief at its beginning. States between the
times are Radau collocation points, so that stiff models cost no small steps.

References:
    Rao, Rawlings, Mayne 2003, doi:10.1109/TAC.2002.808470 (arrival cost); Rawlings, Mayne, Diehl,
    Model Predictive Control, 2nd ed. 2017, chapter 4; Wächter, Biegler 2006,
    doi:10.1007/s10107-004-0559-y (IPOPT).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.integrate import packed_dae
from goldenbatch.science.process.tracking._algebra import cholesky
from goldenbatch.science.process.tracking.belief import Belief

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.tracking.setup import Setup

    Array = NDArray[np.float64]

_LEAST = 1e-12
_DEGREE = 3


@dataclass(frozen=True)
class Interval:
    """One interval of the window.

    Attributes:
        end: Its end; it begins where the one before it ends, the first at the belief's time.
        u: Inputs, constant in it. Shape `(n_u,)`.
        readings: Output to what was measured at its end.
    """

    end: float
    u: Array
    readings: Mapping[str, float]


@dataclass(frozen=True)
class Horizon:
    """The best fit of a window.

    Attributes:
        times: Beginning of the window and ends of its intervals. Shape `(n + 1,)`.
        states: Shape `(n + 1, n_x)`, in the declared units.
        parameters: Estimated parameters by name.
        belief: The last states and parameters as a belief; its covariance is the extended
            filter's over the same readings.
        cost: Half the sum of squares, arrival cost included.
        status: What the optimiser said.
        is_solved: Whether it converged.
        n_iterations: Of the optimiser.
    """

    times: Array
    states: Array
    parameters: Mapping[str, float]
    belief: Belief
    cost: float
    status: str
    is_solved: bool
    n_iterations: int


def horizon(setup: Setup, arrival: Belief, window: Sequence[Interval]) -> Horizon:
    """Estimate a window at once.

    Args:
        setup: What is tracked; a state without process noise follows the model exactly.
        arrival: What is believed at the beginning, from all that was known before it.
        window: Intervals, in order.

    Raises:
        DataError: The window is empty, or its times do not rise.
        DesignError: The model has algebraic equations, which this transcription leaves out.
    """
    _check(setup, arrival, window)
    problem = _problem(setup, len(window))
    bounds_of_start = _numbers(setup, arrival, window)
    solution = problem.solver(
        x0=_guess(setup, arrival, window, problem), p=bounds_of_start,
        lbx=problem.lower, ubx=problem.upper, lbg=0.0, ubg=0.0,
    )  # fmt: skip
    stats = problem.solver.stats()
    return _result(setup, arrival, window, problem, solution, stats)


def _check(setup: Setup, arrival: Belief, window: Sequence[Interval]) -> None:
    if setup.model.n_z:
        raise DesignError(
            f"{setup.model.name} has algebraic equations.",
            hint="Track it with the extended or cubature filter.",
        )
    ends = [arrival.time, *(one.end for one in window)]
    if not window or any(b <= a for a, b in itertools.pairwise(ends)):
        raise DataError("the window is empty, or its times do not rise.", hint="Correct it.")
    if arrival.mean.size != setup.model.n_x + len(setup.moving):
        raise DataError("the belief is of a fault hypothesis.", hint="Give the nominal one.")


@dataclass(frozen=True)
class _Problem:
    """The optimisation for windows of one length, compiled once."""

    solver: Any
    lower: Array
    upper: Array
    width: int


def _problem(setup: Setup, n: int) -> _Problem:
    kept: dict[Any, Any] = setup.__dict__.setdefault("_horizons", {})
    if n not in kept:
        kept[n] = _build(setup, n)
    found: _Problem = kept[n]
    return found


def _build(setup: Setup, n: int) -> _Problem:
    """Decision: start, parameters, then for each interval stages, noise and end."""
    model, n_m = setup.model, len(setup.moving)
    n_x, n_y = model.n_x, len(setup.measured)
    noisy = _noisy(setup)
    mean, weight = ca.SX.sym("mean", n_x + n_m), ca.SX.sym("weight", n_x + n_m, n_x + n_m)
    spans, inputs = ca.SX.sym("spans", 1 + n), ca.SX.sym("u", model.n_u, n)
    y, used, base = ca.SX.sym("y", n_y, n), ca.SX.sym("used", n_y, n), ca.SX.sym("p", model.n_p)
    spread = ca.SX.sym("spread", len(noisy), n)
    start, free = ca.SX.sym("x0", n_x), ca.SX.sym("free", n_m)
    p = _parameters(setup, base, free)
    rate, read = _functions(setup)
    off = weight @ (ca.vertcat(start, free) - mean)
    cost, equal, unknown, x, t = 0.5 * ca.sumsqr(off), [], [start, free], start, spans[0]
    low, high = [setup.bounds[0], np.full(n_m, -np.inf)], [setup.bounds[1], np.full(n_m, np.inf)]
    for k in range(n):
        h = spans[1 + k]
        stages, noise = ca.SX.sym("stages", n_x, _DEGREE), ca.SX.sym("w", 2 * len(noisy))
        packed = ca.vertcat(p, inputs[:, k], ca.SX.zeros(model.n_u), t, h)
        # Half of the noise before the interval, half after it, as the filters have it.
        pushes = [_pushed(noisy, part, spread[:, k], n_x) for part in ca.vertsplit_n(noise, 2)]
        end, residuals = _collocated(rate, x + pushes[0], stages, packed)
        after = ca.SX.sym("x", n_x)
        equal += [residuals, after - end - pushes[1]]
        cost += 0.5 * ca.sumsqr(noise)
        t, x = t + h, after
        cost += 0.5 * ca.sumsqr(used[:, k] * (read(t, x, inputs[:, k], p) - y[:, k]))
        unknown += [ca.vec(stages), noise, after]
        low += [np.full(n_x * _DEGREE, -np.inf), np.full(2 * len(noisy), -np.inf), setup.bounds[0]]
        high += [np.full(n_x * _DEGREE, np.inf), np.full(2 * len(noisy), np.inf), setup.bounds[1]]
    given = ca.vertcat(*map(ca.vec, (mean, weight, spans, inputs, y, used, base, spread)))
    everything = {"x": ca.vertcat(*unknown), "p": given, "f": cost, "g": ca.vertcat(*equal)}
    solver = _solver(everything)
    width = n_x * _DEGREE + 2 * len(noisy) + n_x
    return _Problem(solver, np.concatenate(low), np.concatenate(high), width)


def _solver(everything: Mapping[str, Any]) -> Any:
    options = {"ipopt.print_level": 0, "print_time": False, "ipopt.sb": "yes",
               "ipopt.max_iter": 200, "ipopt.tol": 1e-8}  # fmt: skip
    build: Any = ca.nlpsol
    return build("horizon", "ipopt", dict(everything), options)


def _noisy(setup: Setup) -> list[int]:
    absolute, relative = setup.walk_of_states
    return [k for k in range(setup.model.n_x) if absolute[k] + relative[k] > 0.0]


def _pushed(rows: list[int], noise: Any, spread: Any, n_x: int) -> Any:
    pushed = ca.SX.zeros(n_x)
    for place, row in enumerate(rows):
        pushed[row] = noise[place] * spread[place]
    return pushed


def _parameters(setup: Setup, base: Any, free: Any) -> Any:
    parts = ca.vertsplit(base) if setup.model.n_p else []
    for place, one in enumerate(setup.moving):
        value = free[place]
        if one.transform == "log":
            value = one.lower + ca.exp(value)
        elif one.transform == "logit":
            value = one.lower + (one.upper - one.lower) / (1.0 + ca.exp(-value))
        else:
            value = ca.fmin(ca.fmax(value * one.scale, one.lower), one.upper)
        parts[one.index] = value
    return ca.vertcat(*parts)


def _functions(setup: Setup) -> tuple[Any, Any]:
    model, e = setup.model, setup.model.expressions
    dae = packed_dae(model)
    rate = ca.Function("rate", [dae["t"], dae["x"], dae["p"]], [dae["ode"]])
    scaled = ca.SX.sym("xs", model.n_x)
    rows = [k for k, _ in setup.measured]
    seen = ca.substitute(e.outputs, e.x, scaled * ca.DM(setup.scale))[rows]
    return rate, ca.Function("read", [e.t, scaled, e.u, e.p], [seen])


def _collocated(rate: Any, x: Any, stages: Any, packed: Any) -> tuple[Any, Any]:
    points = ca.collocation_points(_DEGREE, "radau")
    slopes, ends, _ = ca.collocation_coeff(points)
    knots = ca.horzcat(x, stages)
    residuals = [
        knots @ slopes[:, j] - rate(points[j], stages[:, j], packed) for j in range(_DEGREE)
    ]
    return knots @ ends, ca.vertcat(*residuals)


def _numbers(setup: Setup, arrival: Belief, window: Sequence[Interval]) -> Array:
    n, n_y = len(window), len(setup.measured)
    spans = np.diff([arrival.time, *(one.end for one in window)])
    y, used = np.zeros((n_y, n)), np.zeros((n_y, n))
    for k, one in enumerate(window):
        for row, (_, output) in enumerate(setup.measured):
            value = one.readings.get(output.name, np.nan)
            if np.isfinite(value) and output.noise is not None:
                y[row, k] = value
                # The noise is taken at the reading: at the estimate it would bend the fit.
                used[row, k] = 1.0 / output.noise.at(float(value))
    absolute, relative = setup.walk_of_states
    rate = absolute**2 + (relative * arrival.mean[: setup.model.n_x]) ** 2
    spread = np.sqrt(0.5 * np.outer(rate[_noisy(setup)], spans))
    inputs = np.array([one.u for one in window]).T.reshape(setup.model.n_u, n)
    parts = (arrival.mean, _weight(arrival.cov), [arrival.time, *spans], inputs, y, used,
             setup.p0, spread)  # fmt: skip
    return np.concatenate([np.ravel(np.asarray(one, dtype=float), order="F") for one in parts])


def _weight(cov: Array) -> Array:
    """Square root of the inverse: what is known exactly is held very tightly."""
    wide = cov + np.diag(np.where(np.diag(cov) < _LEAST, _LEAST, 0.0))
    return np.asarray(np.linalg.inv(cholesky(wide)))


def _guess(setup: Setup, arrival: Belief, window: Sequence[Interval], problem: _Problem) -> Array:
    from goldenbatch.science.process.tracking.filters import predict
    from goldenbatch.science.process.tracking.hypotheses import nominal

    n_x = setup.model.n_x
    parts, belief, none = [arrival.mean], arrival, nominal()
    for one in window:
        before = belief.mean[:n_x]
        belief = predict(setup, none, belief, one.end, one.u)
        after = belief.mean[:n_x]
        shares = ca.collocation_points(_DEGREE, "radau")
        parts += [before + share * (after - before) for share in shares]
        parts += [np.zeros(2 * len(_noisy(setup))), after]
    return np.concatenate(parts)


def _result(
    setup: Setup, arrival: Belief, window: Sequence[Interval], problem: _Problem, solution: Any,
    stats: Mapping[str, Any],
) -> Horizon:  # fmt: skip
    n_x, n_m = setup.model.n_x, len(setup.moving)
    found = np.array(solution["x"], dtype=float).ravel()
    rest = found[n_x + n_m :].reshape(len(window), problem.width)
    scaled = np.vstack([found[:n_x], rest[:, -n_x:]])
    free = found[n_x : n_x + n_m]
    belief = replace(
        arrival, time=float(window[-1].end), mean=np.concatenate([scaled[-1], free]),
        cov=_covariance(setup, arrival, window),
    )  # fmt: skip
    values = {one.name: one.value(float(free[k])) for k, one in enumerate(setup.moving)}
    times = np.array([arrival.time, *(one.end for one in window)])
    return Horizon(
        times, scaled * setup.scale, values, belief, float(solution["f"]),
        str(stats["return_status"]), bool(stats["success"]), int(stats["iter_count"]),
    )  # fmt: skip


def _covariance(setup: Setup, arrival: Belief, window: Sequence[Interval]) -> Array:
    """Of the last states: the filter's over the same readings."""
    from goldenbatch.science.process.tracking.filters import predict, update
    from goldenbatch.science.process.tracking.hypotheses import nominal

    belief, none = arrival, nominal()
    for one in window:
        belief = predict(setup, none, belief, one.end, one.u)
        belief = update(setup, none, belief, one.readings, one.u).belief
    return belief.cov
