"""An optimal control problem as a nonlinear programme: direct collocation on Radau points.

States are polynomials of degree 3 on each element, their slopes equal to the model's at three
Radau points, of which the last is the element's end (order 5). Controls are constant through a
control interval of one or more elements.

References:
    Biegler, Nonlinear Programming (SIAM, 2010), chapter 10; Cuthrell and Biegler, Comput. Chem.
    Eng. 13 (1989) 49, doi:10.1016/0098-1354(89)87006-4.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.integrate import _scales as scales
from goldenbatch.science.process.plan import plan
from goldenbatch.science.process.recipe import Recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.model import Model
    from goldenbatch.science.process.optimal.problem import Problem

DEGREE = 3
_MARGIN = 1e-5


@dataclass
class Programme:
    """The nonlinear programme under construction: variables, bounds, constraints."""

    variables: list[Any] = field(default_factory=list)
    low: list[NDArray[np.float64]] = field(default_factory=list)
    high: list[NDArray[np.float64]] = field(default_factory=list)
    constraints: list[Any] = field(default_factory=list)
    least: list[NDArray[np.float64]] = field(default_factory=list)
    most: list[NDArray[np.float64]] = field(default_factory=list)

    def variable(
        self, name: str, low: NDArray[np.float64], high: NDArray[np.float64], n_columns: int
    ) -> Any:
        """Add a matrix of variables, each row within its bounds."""
        symbol = ca.MX.sym(name, low.size, n_columns)
        self.variables.append(ca.vec(symbol))
        self.low.append(np.tile(low, n_columns))
        self.high.append(np.tile(high, n_columns))
        return symbol

    def hold(self, expression: Any, low: Any = 0.0, high: Any = 0.0) -> None:
        """Add constraints, element by element."""
        column = ca.vec(expression)
        self.constraints.append(column)
        self.least.append(np.broadcast_to(np.asarray(low, dtype=float), column.numel()).copy())
        self.most.append(np.broadcast_to(np.asarray(high, dtype=float), column.numel()).copy())


@dataclass(frozen=True)
class Grid:
    """Elements and points in parts of the horizon.

    Attributes:
        n_elements: In the whole horizon.
        per_control: Elements in a control interval.
        points: Radau points of one element, in 0..1. Shape `(DEGREE,)`.
        slopes: Slope matrix of the Lagrange polynomials. Shape `(DEGREE + 1, DEGREE)`.
        weights: Of the quadrature. Shape `(DEGREE,)`.
    """

    n_elements: int
    per_control: int
    points: NDArray[np.float64]
    slopes: NDArray[np.float64]
    weights: NDArray[np.float64]

    @classmethod
    def of(cls, n_controls: int, per_control: int) -> Grid:
        """Equal elements.

        >>> Grid.of(2, 1).points.round(4).tolist()
        [0.1551, 0.6449, 1.0]
        """
        points = ca.collocation_points(DEGREE, "radau")
        slopes, _, weights = ca.collocation_coeff(points)
        return cls(
            n_controls * per_control, per_control, np.array(points), np.array(slopes),
            np.array(weights).ravel(),
        )  # fmt: skip

    @property
    def times(self) -> NDArray[np.float64]:
        """All points as parts of the horizon. Shape `(n_elements * DEGREE,)`."""
        starts = np.arange(self.n_elements)[:, None]
        times: NDArray[np.float64] = ((starts + self.points) / self.n_elements).ravel()
        return times

    def spread(self, controls: Any) -> Any:
        """Controls of the intervals at all points."""
        n_controls = self.n_elements // self.per_control
        ones = np.ones((1, self.per_control * DEGREE))
        return controls @ ca.DM(np.kron(np.eye(n_controls), ones))


@dataclass
class Branch:
    """Trajectories of one scenario at all points, unscaled.

    Attributes:
        x: States. Shape `(n_x, n_points)`.
        z: Algebraic variables.
        y: Outputs.
        u: Inputs.
        start: Initial states.
        p: Parameters.
    """

    x: Any
    z: Any
    y: Any
    u: Any
    start: NDArray[np.float64]
    p: NDArray[np.float64]


@dataclass
class Transcription:
    """A problem, its grid, its programme and where the parts of the solution stand."""

    problem: Problem
    grid: Grid
    programme: Programme
    u: Any
    end: Any
    branches: list[Branch]
    objective: Any
    worth: Any

    @property
    def n_variables(self) -> int:
        """Of the programme."""
        return sum(one.numel() for one in self.programme.variables)


def transcribe(problem: Problem, per_control: int) -> Transcription:
    """Make the nonlinear programme.

    Args:
        problem: Checked.
        per_control: Elements in a control interval.
    """
    grid, nlp = Grid.of(problem.n_controls, per_control), Programme()
    bounds = np.array([problem.bounds(one) for one in problem.controls])
    width = bounds[:, 1] - bounds[:, 0]
    unit = nlp.variable("u", np.zeros(width.size), np.ones(width.size), problem.n_controls)
    controls = ca.DM(bounds[:, 0]) + ca.DM(width) * unit
    end: Any = problem.ends[0]
    if problem.is_free:
        low, high = problem.ends
        end = high * nlp.variable("end", np.array([low / high]), np.ones(1), 1)
    branches = [
        _branch(problem, grid, nlp, controls, end, number)
        for number in range(len(problem.scenarios))
    ]
    worths = [_worth(problem, grid, one, end) for one in branches]
    worth = _together(problem, nlp, worths)
    moves = sum(
        one.move_price * ca.sumsqr(unit[row, 1:] - unit[row, :-1])
        for row, one in enumerate(problem.controls)
        if one.move_price and problem.n_controls > 1
    )
    return Transcription(problem, grid, nlp, controls, end, branches, -worth + moves, worth)


def _branch(
    problem: Problem, grid: Grid, nlp: Programme, controls: Any, end: Any, number: int
) -> Branch:
    """Variables and constraints of one scenario."""
    model, scenario = problem.model, problem.scenarios[number]
    n = grid.n_elements * DEGREE
    p = model.parameter_vector(scenario.parameters)
    start = model.x0(p, scenario.initial)
    sx, sz = scales(model, "states"), scales(model, "algebraics")
    xs = nlp.variable(f"x{number}", *_bounds(model, "states", sx), n)
    zs = nlp.variable(f"z{number}", *_bounds(model, "algebraics", sz), n)
    x, z = ca.DM(sx) * xs, ca.DM(sz) * zs
    u = _inputs(problem, grid, controls)
    t = problem.begins + end * ca.DM(grid.times).T
    begins = ca.horzcat(ca.DM(start), x[:, DEGREE - 1 : n - 1 : DEGREE])
    step = _element(model, grid).map(grid.n_elements)
    h = ca.repmat(ca.MX(end) / grid.n_elements, 1, grid.n_elements)
    folded = [_fold(x, DEGREE, grid), _fold(z, DEGREE, grid), _fold(u, DEGREE, grid)]
    fixed = ca.repmat(ca.DM(p), 1, grid.n_elements)
    defects, residuals = step(begins, *folded, _fold(t, DEGREE, grid), h, fixed)
    nlp.hold(defects / ca.DM(np.tile(sx, DEGREE)))
    if model.n_z:
        nlp.hold(residuals)
    y = model.output_function.map(n)(t, x, z, u, ca.repmat(ca.DM(p), 1, n))
    branch = Branch(x, z, y, u, start, p)
    _limit(problem, nlp, branch, t)
    return branch


def _bounds(
    model: Model, kind: str, scale: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    declared = getattr(model, kind)
    low = [one.lower for one in declared for _ in range(one.size)]
    high = [one.upper for one in declared for _ in range(one.size)]
    return np.array(low) / scale, np.array(high) / scale


def _fold(matrix: Any, n_each: int, grid: Grid) -> Any:
    """Columns of the points of an element stacked into one column."""
    return ca.reshape(matrix, matrix.shape[0] * n_each, grid.n_elements)


def _inputs(problem: Problem, grid: Grid, controls: Any) -> Any:
    """All inputs at all points: the chosen ones, and the others from their profiles."""
    model = problem.model
    fixed = other_inputs(problem, problem.begins + problem.ends[0] * grid.times)
    chosen = grid.spread(controls)
    rows = {row: k for k, row in enumerate(problem.rows())}
    return ca.vertcat(
        *(chosen[rows[row], :] if row in rows else ca.DM(fixed[row]).T for row in range(model.n_u))
    )


def other_inputs(problem: Problem, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inputs from their profiles at times. Shape `(n_u, n_times)`."""
    last = float(times[-1])
    recipe = Recipe(last, last, dict(problem.inputs))
    resolved = plan(problem.model, recipe)
    # A point that ends an element still belongs to it: a step there is of the next.
    inside = times * (1.0 - 1e-9)
    return np.array([problem.model.input_vector(resolved.inputs(t)) for t in inside]).T


def _element(model: Model, grid: Grid) -> Any:
    """Defects of one element: slopes of the polynomials less those of the model."""
    n_x, n_z, n_u, d = model.n_x, model.n_z, model.n_u, DEGREE
    x0, x = ca.SX.sym("x0", n_x), ca.SX.sym("x", n_x * d)
    z, u = ca.SX.sym("z", n_z * d), ca.SX.sym("u", n_u * d)
    t, h, p = ca.SX.sym("t", d), ca.SX.sym("h"), ca.SX.sym("p", model.n_p)
    columns = ca.reshape(x, n_x, d)
    defects, residuals = [], []
    polynomial = ca.horzcat(x0, columns) @ ca.DM(grid.slopes)
    for k in range(d):
        rate, residual = model.rhs(
            t[k], columns[:, k], ca.reshape(z, n_z, d)[:, k], ca.reshape(u, n_u, d)[:, k], p
        )
        defects.append(polynomial[:, k] - h * rate)
        residuals.append(residual)
    return ca.Function(
        "element", [x0, x, z, u, t, h, p], [ca.vertcat(*defects), ca.vertcat(*residuals)]
    )


def _limit(problem: Problem, nlp: Programme, branch: Branch, t: Any) -> None:
    """Limits of the problem, and the events that would end a run."""
    for limit in problem.limits:
        low, high = problem.limit_bounds(limit)
        values = _of(problem, branch, limit.name, t)
        if limit.when == "end":
            values = values[:, -1]
        size = max([abs(v) for v in (low, high) if np.isfinite(v) and v] or [1.0])
        nlp.hold(values / size, low / size, high / size)
    model = problem.model
    stops = [row for row, one in enumerate(model.watches) if one.stops]
    if stops:
        n, p = branch.x.shape[1], ca.repmat(ca.DM(branch.p), 1, branch.x.shape[1])
        watched = model.watch_function.map(n)(t, branch.x, branch.z, branch.u, p)
        sizes = _watch_sizes(problem, branch)
        for row in stops:
            # A hair below zero: a run that touches the event would end there.
            nlp.hold(watched[row, :] / sizes[row], -np.inf, -_MARGIN)


def _watch_sizes(problem: Problem, branch: Branch) -> NDArray[np.float64]:
    """How much each watched expression moves when the states move by their scales."""
    model, e = problem.model, problem.model.expressions
    slope = ca.Function("slope", [e.t, e.x, e.z, e.u, e.p], [ca.jacobian(e.watches, e.x)])
    at = slope(problem.begins, branch.start, model.guess_vector(), model.input_vector(), branch.p)
    sizes: NDArray[np.float64] = np.abs(np.array(at, dtype=float)) @ scales(model, "states")
    return np.where(sizes > 0.0, sizes, 1.0)


def _of(problem: Problem, branch: Branch, name: str, t: Any) -> Any:
    kind, row, _ = problem.place(name)
    source = {"states": branch.x, "outputs": branch.y, "inputs": branch.u}
    return t if kind == "time" else source[kind][row, :]


def _worth(problem: Problem, grid: Grid, branch: Branch, end: Any) -> Any:
    """The goal in one scenario."""
    weights = np.tile(grid.weights, grid.n_elements) / grid.n_elements
    t = problem.begins + end * ca.DM(grid.times).T
    total: Any = 0.0
    for term in problem.goal:
        values = _of(problem, branch, term.name, t)
        if term.when == "end":
            total = total + term.price * values[:, -1]
        else:
            total = total + term.price * end * (values @ ca.DM(weights))
    return total


def _together(problem: Problem, nlp: Programme, worths: list[Any]) -> Any:
    if problem.risk == "mean" or len(worths) == 1:
        return sum(worths) / len(worths)
    least = nlp.variable("least", np.array([-np.inf]), np.array([np.inf]), 1)
    for one in worths:
        nlp.hold(one - least, 0.0, np.inf)
    return least
