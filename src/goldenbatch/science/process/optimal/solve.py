"""Solving an optimal control problem: several starts, and the best checked by simulation."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from goldenbatch.science.errors import DesignError
from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.integrate import _scales as scales
from goldenbatch.science.process.integrate import engine_version
from goldenbatch.science.process.optimal import check, starts
from goldenbatch.science.process.optimal.problem import Problem
from goldenbatch.science.process.optimal.transcription import Transcription, transcribe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.model import ModelRef
    from goldenbatch.science.process.recipe import Recipe
    from goldenbatch.science.process.result import Simulation

Status = Literal["optimal", "acceptable", "failed"]
Executor = Callable[[Callable[[int], "Start"], Sequence[int]], Iterable["Start"]]
_SOLVED: dict[str, Status] = {
    "Solve_Succeeded": "optimal",
    "Solved_To_Acceptable_Level": "acceptable",
}
_LADDER = (("adaptive", 0.0), ("monotone", 0.0), ("adaptive", 0.3))
"""Ways of lowering the barrier, and how far the guess is drawn to the middle of its bounds: the
next where the last does not end. A guess on its bounds can look infeasible to IPOPT."""


@dataclass(frozen=True)
class Options:
    """Of the optimiser.

    Attributes:
        elements: Finite elements in each control interval.
        n_starts: The guess and `n_starts - 1` draws.
        seed: Of the draws.
        max_iterations: Of each start.
        tolerance: Of the optimality conditions.
        max_cpu_s: Of each try; a controller gives what its interval allows.
        rows: Rows of the checking simulation in each control interval.
        refined_above: Difference of the checked goal, as a part of it, above which the elements
            are doubled.
        n_refinements: How often at most.
        largest_difference: Above which the result is a failure all the same.
    """

    elements: int = 1
    n_starts: int = 1
    seed: int = 0
    max_iterations: int = 400
    tolerance: float = 1e-7
    max_cpu_s: float = 600.0
    rows: int = 4
    refined_above: float = 1e-3
    n_refinements: int = 2
    largest_difference: float = 1e-2


@dataclass(frozen=True)
class Start:
    """What became of a start.

    Attributes:
        number: 0 for the guess.
        status: How it ended.
        reason: What IPOPT said.
        goal: Reached; nan where it failed.
        n_iterations: Of IPOPT.
        cpu_s: CPU seconds.
        controls: Found. Shape `(n_controls_named, n_intervals)`.
        end: End time.
    """

    number: int
    status: Status
    reason: str
    goal: float
    n_iterations: int
    cpu_s: float
    controls: NDArray[np.float64] = field(repr=False)
    end: float = 0.0


@dataclass(frozen=True)
class Optimum:
    """The best control that was found; a failure is one too, with its reason.

    Attributes:
        status: `failed` where no start ended well, or its simulation disagrees.
        reason: Why.
        goal: Of the programme.
        simulated_goal: Of the common simulator under the same control.
        difference: Between the two, as a part of the larger.
        violations: Limit to by how much the simulation leaves it, in its unit.
        end: End time.
        controls: By name. Shape `(n_intervals,)` each.
        recipe: Ready to be run, on a clock that starts with the horizon.
        simulations: One for each scenario.
        starts: All of them, in order.
        provenance: Model, digests, engine and options.
    """

    status: Status
    reason: str
    goal: float
    simulated_goal: float
    difference: float
    violations: dict[str, float]
    end: float
    controls: dict[str, NDArray[np.float64]] = field(repr=False)
    recipe: Recipe | None = field(repr=False)
    simulations: tuple[Simulation, ...] = field(repr=False)
    starts: tuple[Start, ...] = field(repr=False)
    provenance: dict[str, Any] = field(repr=False)

    @property
    def is_solved(self) -> bool:
        """Whether the control may be used."""
        return self.status != "failed"


def optimise(
    problem: Problem,
    options: Options | None = None,
    *,
    executor: Executor = map,
    ref: ModelRef | None = None,
) -> Optimum:
    """Find the control that makes the goal largest.

    Args:
        problem: What is to be optimised.
        options: Of the optimiser.
        executor: Runs the starts, in other processes where there are many.
        ref: By which other processes build the model; needed for those only.

    >>> from goldenbatch.science.process.builder import ModelBuilder
    >>> from goldenbatch.science.process.optimal.problem import Control, Problem, Term
    >>> m = ModelBuilder("cart", version="1", title="Integrator", time_unit="s")
    >>> x = m.state("x", "m", initial=0.0)
    >>> v = m.input("v", "m/s", lower=-1.0, upper=1.0)
    >>> m.derivative(x, v)
    >>> found = optimise(Problem(m.build(), (Control("v"),), (Term("x"),), 3.0, 3))
    >>> found.status, round(found.goal, 4)
    ('optimal', 3.0)
    """
    options = options or Options()
    tried = tuple(executor(_Solver(problem, options, ref), range(options.n_starts)))
    solved = [start for start in tried if start.status != "failed"]
    if not solved:
        said = "; ".join(sorted({start.reason for start in tried}))
        return _failed(problem, options, tried, f"no start was solved: {said}")
    found = _checked(problem, options, tried, max(solved, key=lambda start: start.goal))
    for _ in range(options.n_refinements):
        if not options.refined_above < _roughness(problem, found) < np.inf:
            break
        finer = replace(options, elements=2 * int(found.provenance["options"]["elements"]))
        again = _Solver(_from_controls(problem, found), finer)(0)
        tried = (*tried, replace(again, number=len(tried)))
        better = None if again.status == "failed" else _checked(problem, finer, tried, again)
        if better is None or _roughness(problem, better) >= _roughness(problem, found):
            return replace(found, starts=tried)
        found = better
    return found


def _roughness(problem: Problem, found: Optimum) -> float:
    """By how much the simulation disagrees, as a part of the goal or of a limit."""
    return max(found.difference, check.largest(problem, found.violations))


def _from_controls(problem: Problem, found: Optimum) -> Problem:
    """The problem with what was found as the guess."""
    controls = tuple(
        replace(one, guess=tuple(found.controls[one.name])) for one in problem.controls
    )
    return replace(problem, controls=controls)


class _Solver:
    """Solves from one start; made again in another process from problem and options."""

    def __init__(self, problem: Problem, options: Options, ref: ModelRef | None = None) -> None:
        self.problem, self.options, self.ref = problem, options, ref
        self._made: Transcription | None = None
        self._solvers: dict[str, Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        """What another process is told: the model by its reference, all else as it is."""
        if self.ref is None:
            raise DesignError(
                "starts in other processes need the model's reference.",
                hint="Pass ref=ModelRef.of('package.module:function', ...).",
            )
        if self.ref.load().digest != self.problem.model.digest:
            raise DesignError(f"{self.ref.target} builds another model.", hint="Correct ref.")
        told = {
            one.name: getattr(self.problem, one.name)
            for one in fields(Problem)
            if one.name != "model"
        }
        return {"told": told, "options": self.options, "ref": self.ref}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Build the model anew."""
        problem = Problem(model=state["ref"].load(), **state["told"])
        self.__init__(problem, state["options"], state["ref"])  # type: ignore[misc]

    def __call__(self, number: int) -> Start:
        began = time.process_time()
        chosen = starts.controls(self.problem, number, self.options.seed)
        said, n_iterations = [], 0
        bounds = np.array([self.problem.bounds(one) for one in self.problem.controls])
        middle = bounds.mean(axis=1, keepdims=True)
        for strategy, pull in _LADDER:
            try:
                guess = chosen + pull * (middle - chosen)
                found, reason, steps = self._try(guess, strategy)
            except RuntimeError as error:
                said.append(str(error).strip().splitlines()[-1][:160])
                continue
            said.append(reason)
            n_iterations += steps
            if reason in _SOLVED:
                spent = time.process_time() - began
                return self._read(number, found, reason, (n_iterations, spent))
        reason = ", then ".join(said)
        spent = time.process_time() - began
        return Start(number, "failed", reason, np.nan, n_iterations, spent, chosen)

    def _try(self, chosen: NDArray[np.float64], strategy: str) -> tuple[Any, str, int]:
        made, solver = self._programme(strategy)
        nlp = made.programme
        found = solver(
            x0=_guess(made, chosen), lbx=np.concatenate(nlp.low), ubx=np.concatenate(nlp.high),
            lbg=np.concatenate(nlp.least), ubg=np.concatenate(nlp.most),
        )  # fmt: skip
        stats = solver.stats()
        return found["x"], str(stats["return_status"]), int(stats.get("iter_count", 0))

    def _read(self, number: int, found: Any, said: str, spent: tuple[int, float]) -> Start:
        made = self._transcribed()
        variables = ca.vertcat(*made.programme.variables)
        read = ca.Function("read", [variables], [made.u, made.end, made.worth])
        u, end, worth = (np.array(part, dtype=float) for part in read(found))
        bounds = np.array([self.problem.bounds(one) for one in self.problem.controls])
        # IPOPT relaxes bounds by 1e-8 of themselves; pumps do not.
        u = np.clip(u, bounds[:, :1], bounds[:, 1:])
        return Start(number, _SOLVED[said], said, worth.item(), *spent, u, end.item())

    def _transcribed(self) -> Transcription:
        if self._made is None:
            self._made = transcribe(self.problem, self.options.elements)
        return self._made

    def _programme(self, strategy: str) -> tuple[Transcription, Any]:
        made = self._transcribed()
        if strategy not in self._solvers:
            self._solvers[strategy] = _ipopt(made, self.options, strategy)
        return made, self._solvers[strategy]


def _ipopt(made: Transcription, options: Options, strategy: str) -> Any:
    nlp = made.programme
    x = ca.vertcat(*nlp.variables)
    settings: dict[str, Any] = {
        "ipopt.print_level": 0, "ipopt.sb": "yes", "print_time": False,
        "ipopt.max_iter": options.max_iterations, "ipopt.max_cpu_time": options.max_cpu_s,
        "ipopt.tol": options.tolerance,
        "ipopt.acceptable_tol": 10.0 * options.tolerance, "ipopt.linear_solver": "mumps",
        "ipopt.mu_strategy": strategy, "ipopt.mu_init": 1e-2, "ipopt.constr_viol_tol": 1e-7,
        "ipopt.acceptable_constr_viol_tol": 1e-6, "show_eval_warnings": False,
        "expand": made.n_variables < 20_000,
    }  # fmt: skip
    whole = {"x": x, "f": made.objective, "g": ca.vertcat(*nlp.constraints)}
    return ca.nlpsol("optimum", "ipopt", whole, settings)


def _guess(made: Transcription, chosen: NDArray[np.float64]) -> NDArray[np.float64]:
    """All variables of a start, in the order of the programme, scaled."""
    problem, model = made.problem, made.problem.model
    bounds = np.array([problem.bounds(one) for one in problem.controls])
    low, width = bounds[:, :1], bounds[:, 1:] - bounds[:, :1]
    end = 0.5 * sum(problem.ends)
    parts = [((chosen - low) / width).T.ravel()]
    if problem.is_free:
        parts.append(np.array([end / problem.ends[1]]))
    for branch in made.branches:
        x, z = starts.trajectory(problem, made.grid, branch, chosen, end)
        parts.append((x / scales(model, "states")[:, None]).T.ravel())
        parts.append((z / scales(model, "algebraics")[:, None]).T.ravel())
    if problem.risk == "worst" and len(made.branches) > 1:
        parts.append(np.zeros(1))
    return np.concatenate(parts)


def _checked(problem: Problem, options: Options, tried: tuple[Start, ...], best: Start) -> Optimum:
    """The best start as a result, with what the common simulator says of it."""
    recipe = problem.recipe(best.controls, best.end, options.rows * options.elements)
    runs = check.simulations(problem, recipe)
    lost = [run.reason for run in runs if run.status == "failed"]
    goal = check.goal(problem, recipe, runs) if not lost else np.nan
    violations = check.violations(problem, runs)
    difference = abs(goal - best.goal) / max(abs(goal), abs(best.goal), 1e-12)
    status, reason = best.status, ""
    if lost:
        status, reason = "failed", f"its simulation failed: {lost[0]}"
    elif not difference <= options.largest_difference:
        status = "failed"
        reason = (
            f"the simulation reaches {goal:.6g}, the programme {best.goal:.6g}: take more elements"
        )
    elif any(np.isinf(one) for one in violations.values()):
        status, reason = "failed", f"its simulation ended early: {next(iter(violations))}"
    elif best.status == "acceptable":
        reason = "solved to a lower tolerance"
    names = [one.name for one in problem.controls]
    return Optimum(
        status, reason, best.goal, goal, difference, violations, best.end,
        dict(zip(names, best.controls, strict=True)), recipe, runs, tried,
        _provenance(problem, options),
    )  # fmt: skip


def _failed(problem: Problem, options: Options, tried: tuple[Start, ...], reason: str) -> Optimum:
    return Optimum(
        "failed", reason, np.nan, np.nan, np.nan, {}, 0.0, {}, None, (), tried,
        _provenance(problem, options),
    )  # fmt: skip


def _provenance(problem: Problem, options: Options) -> dict[str, Any]:
    return {
        "model": problem.model.name, "version": problem.model.version,
        "model_digest": problem.model.digest, "engine": f"{engine_version()}, ipopt, mumps",
        "options": asdict(options), "n_scenarios": len(problem.scenarios), "risk": problem.risk,
    }  # fmt: skip
