"""The search: many starts, each by Gauss-Newton in a trust region with exact derivatives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process.fitting.evaluator import FIT_SETTINGS, Evaluator
from goldenbatch.science.process.fitting.result import (
    Estimate,
    Fit,
    FitProvenance,
    FitStatus,
    Residuals,
    Start,
)
from goldenbatch.science.process.fitting.unknowns import limits, outer, vector
from goldenbatch.science.process.fitting.weights import (
    errors_of,
    first_errors,
    noises_of,
    unbiased,
)
from goldenbatch.science.process.integrate import Settings, StepError, engine_version

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.fitting.problem import Problem

SINGULAR = 1e-5
"""Ratio of scaled singular values below which a direction is not held by the data: the accuracy
of the sensitivities."""

_AT_BOUND = 1e-6


Method = Literal["shooting", "collocation"]


@dataclass(frozen=True)
class Search:
    """How to search.

    Attributes:
        n_starts: The first at the given values, the others by a Latin hypercube in the bounds.
        seed: Of the hypercube.
        tolerance: Of unknowns, objective and gradient.
        max_evaluations: Of each start.
        n_reweights: At most so often errors that depend on the prediction, or are not known, are
            taken from the last fit.
        method: `collocation` finds each start's neighbourhood by collocation first: for
            models that cannot be run, or run away, at a bad start.
        solver: Of the runs.
    """

    n_starts: int = 1
    seed: int = 0
    tolerance: float = 1e-8
    max_evaluations: int = 200
    n_reweights: int = 6
    method: Method = "shooting"
    solver: Settings = FIT_SETTINGS

    def __post_init__(self) -> None:
        """Refuse a search that never begins."""
        if self.n_starts < 1 or self.max_evaluations < 1 or self.seed < 0:
            raise DesignError(
                f"a search of {self.n_starts} starts of {self.max_evaluations} evaluations with "
                f"seed {self.seed}.",
                hint="Give at least one of each, and a seed from 0 on.",
            )


Executor = Callable[[Callable[[Any], Any], Sequence[Any]], Iterable[Any]]
"""Runs a function over items, perhaps in other processes."""


def fit(problem: Problem, search: Search | None = None, *, executor: Executor | None = None) -> Fit:
    """Find what is unknown.

    Least squares of the standardised residuals under the problem's loss, with its priors as
    further rows (maximum a posteriori). Errors that depend on the value are those at the
    prediction (quasi-likelihood); those that are not known are estimated from the residuals.

    Args:
        problem: Batches and unknowns.
        search: How to search.
        executor: Where the starts are run; None: here, one after the other. In other processes
            only where the problem holds a `ModelRef`.

    Raises:
        DataError: The data cannot carry the fit, or every start failed.

    References:
        Branch, Coleman & Li 1999, doi:10.1137/S1064827595289108 (trust region with bounds);
        Carroll & Ruppert 1988, Transformation and weighting in regression, ch. 2.

    >>> from goldenbatch.science.process import ModelBuilder, Recipe
    >>> from goldenbatch.science.process.declarations import Noise
    >>> from goldenbatch.science.process.fitting.problem import Batch, Measured, Problem
    >>> m = ModelBuilder("decay", version="1", title="First order", time_unit="h")
    >>> c = m.state("c", "g/L", initial=1.0, lower=0.0)
    >>> m.derivative(c, -m.parameter("k", "1/h", value=1.0, lower=0.01, upper=5.0) * c)
    >>> m.output("c out", c, "g/L", noise=Noise(sd=0.01))
    >>> t = np.array([1.0, 2.0, 3.0])
    >>> batch = Batch("a", Recipe(3.0, 1.0), {"c out": Measured(t, np.exp(-0.5 * t))})
    >>> found = fit(Problem(m.build(), (batch,), fitted=("k",)))
    >>> round(found["k"].value, 5), round(found["k"].se, 4)
    (0.5, 0.0086)
    """
    search = search or Search()
    here = Evaluator(problem, search.solver)
    sd = first_errors(here)
    tasks = [(problem, search, start, sd) for start in starts(here, search)]
    ended = sorted((executor or map)(_run, tasks), key=lambda one: one[0].objective)
    best, inner = ended[0]
    if inner is None:
        raise DataError(f"every start of the fit failed: {best.reason}", hint="Check the model.")
    inner, sd, best = _reweighted(here, search, inner, sd, best)
    reports = (best, *(one for one, _ in ended[1:]))
    return _result(here, search, (inner, sd), reports)


def starts(here: Evaluator, search: Search) -> list[NDArray[np.float64]]:
    """Inner values to start at: the given ones, then a Latin hypercube."""
    found = [vector(here.unknowns)]
    if search.n_starts > 1:
        low, high = (np.array(side) for side in zip(*(u.box for u in here.unknowns), strict=True))
        random, n = np.random.default_rng(search.seed), search.n_starts - 1
        strata = random.permuted(np.tile(np.arange(n), (low.size, 1)), axis=1).T
        found += [*(low + (strata + random.random(strata.shape)) / n * (high - low))]
    return found


def _run(task: tuple[Problem, Search, NDArray[np.float64], NDArray[np.float64]]) -> tuple[
    Start, NDArray[np.float64] | None
]:  # fmt: skip
    problem, search, start, sd = task
    here = Evaluator(problem, search.solver)
    if search.method == "shooting":
        return descend(here, search, start, sd)
    from goldenbatch.science.process.fitting.collocation import collocate

    began = _named(here, start)
    try:
        near = collocate(here, start, sd)
    except StepError as error:
        report, ended = descend(here, search, start, sd)
        return replace(report, reason=f"{error}; by shooting: {report.reason}"), ended
    report, ended = descend(here, search, near, sd)
    return replace(report, began=began, reason=f"collocation, then {report.reason}"), ended


def descend(
    here: Evaluator,
    search: Search,
    start: NDArray[np.float64],
    sd: NDArray[np.float64],
    free: NDArray[np.int64] | None = None,
) -> tuple[Start, NDArray[np.float64] | None]:
    """Search from one start; a failure is a report, not an error.

    Args:
        here: Residuals.
        search: How.
        start: Inner values. Shape `(n_unknowns,)`.
        sd: Errors of measurement. Shape `(n_data,)`.
        free: Unknowns that may move; None: all.
    """
    from scipy.optimize import least_squares

    free = np.arange(start.size) if free is None else free
    low, high = (side[free] for side in limits(here.unknowns))
    inside = _inside(start[free], low, high)
    before = here.n_runs
    whole = start.copy()

    def at(moved: NDArray[np.float64]) -> NDArray[np.float64]:
        whole[free] = moved
        return whole

    began = _named(here, start)
    try:
        if not free.size:
            return _still(here, start, sd, began)
        found = least_squares(
            lambda moved: here.residuals(at(moved), sd), inside,
            lambda moved: here.jacobian(at(moved), sd)[:, free],
            bounds=(low, high), x_scale="jac", loss=here.problem.loss.of_rows(sd.size),
            ftol=search.tolerance, xtol=search.tolerance, gtol=search.tolerance,
            max_nfev=search.max_evaluations,
        )  # fmt: skip
    except (StepError, ValueError, np.linalg.LinAlgError) as error:
        reason = f"{type(error).__name__}: {error}"
        return Start(began, {}, np.inf, "failed", reason, here.n_runs - before), None
    ended = at(found.x).copy()
    status: FitStatus = "converged" if found.status > 0 else "stopped"
    report = Start(began, _named(here, ended), 2.0 * float(found.cost), status, found.message,
                   here.n_runs - before)  # fmt: skip
    return report, ended


def _named(here: Evaluator, inner: NDArray[np.float64]) -> dict[str, float]:
    values = map(float, outer(here.unknowns, inner))
    return {one.label: value for one, value in zip(here.unknowns, values, strict=True)}


def _still(
    here: Evaluator, start: NDArray[np.float64], sd: NDArray[np.float64], began: dict[str, float]
) -> tuple[Start, NDArray[np.float64] | None]:
    value = objective(here, start, sd)
    status: FitStatus = "converged" if np.isfinite(value) else "failed"
    return Start(began, began, value, status, "nothing to move", 0), start.copy()


def objective(here: Evaluator, inner: NDArray[np.float64], sd: NDArray[np.float64]) -> float:
    """Minus twice the log-posterior up to a constant; infinite where a run fails."""
    squares = here.residuals(inner, sd) ** 2
    if not np.isfinite(squares).all():
        return float("inf")
    return float(here.problem.loss.of_rows(sd.size)(squares)[0].sum())


def _inside(
    start: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Strictly inside the bounds, as the trust region asks for."""
    gap = np.where(np.isfinite(high - low), 1e-10 * (high - low), 0.0)
    return np.clip(start, low + gap, high - gap)


def _reweighted(
    here: Evaluator,
    search: Search,
    inner: NDArray[np.float64],
    sd: NDArray[np.float64],
    best: Start,
) -> tuple[NDArray[np.float64], NDArray[np.float64], Start]:
    """Fit again with the errors that follow from the last fit, until they stay."""
    noises = here.problem.noises.values()
    if all(noise is not None and noise.relative == 0.0 for noise in noises):
        return inner, sd, best
    for _ in range(search.n_reweights):
        predicted = here.outputs(inner)
        following = errors_of(here, predicted, predicted - here.rows.value)
        if np.allclose(following, sd, rtol=1e-3):
            break
        report, moved = descend(here, search, inner, following)
        if moved is None:
            break
        inner, sd = moved, following
        best = Start(best.began, report.ended, report.objective, report.status, report.reason,
                     best.n_runs + report.n_runs)  # fmt: skip
    return inner, unbiased(here, sd), best


def _result(
    here: Evaluator,
    search: Search,
    found: tuple[NDArray[np.float64], NDArray[np.float64]],
    reports: tuple[Start, ...],
) -> Fit:
    inner, sd = found
    predicted, slopes = here.gradient(inner)
    rows = here.jacobian_rows(slopes, sd)
    residuals = np.concatenate([(predicted - here.rows.value) / sd, here.prior_residuals(inner)])
    rho = here.problem.loss.of_rows(sd.size)(residuals**2)
    weight = rho[1]
    curvature = rows.T @ (rows * weight[:, None])
    sensitivity = rows[: sd.size]
    at_bound = _bound(here, inner)
    se = standard_errors(rows * np.sqrt(weight)[:, None], at_bound)
    return Fit(
        _estimates(here, inner, se, at_bound), float(rho[0].sum()), sd.size, here.rows.n_missing,
        _residuals(here, predicted, sd), reports[0].status, reports[0].reason, reports,
        here.unknowns, inner, sensitivity, sensitivity.T @ sensitivity, curvature,
        rows.T @ (residuals * weight), sd, noises_of(here, sd), _fixed(here),
        _provenance(here, search),
    )  # fmt: skip


def _fixed(here: Evaluator) -> dict[str, float]:
    names = here.model.columns("parameters")
    values = here.model.parameter_vector(here.problem.parameters)
    fitted = {one.name for one in here.unknowns}
    declared = here.model.parameter_vector()
    return {
        name: float(value)
        for name, value, usual in zip(names, values, declared, strict=True)
        if value != usual and name not in fitted
    }


def _bound(here: Evaluator, inner: NDArray[np.float64]) -> NDArray[np.bool_]:
    low, high = limits(here.unknowns)
    near = _AT_BOUND * np.where(np.isfinite(high - low), high - low, 1.0)
    return (inner - low < near) | (high - inner < near)


def standard_errors(
    rows: NDArray[np.float64], fixed: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """Standard errors by weighted sensitivities; infinite where they are not held.

    Args:
        rows: Derivatives of the standardised residuals. Shape `(n_rows, n_unknowns)`.
        fixed: Unknowns taken as known: their error is nan.

    >>> standard_errors(np.array([[2.0, 0.0], [0.0, 4.0]])).tolist()
    [0.5, 0.25]
    >>> standard_errors(np.array([[1.0, 1.0]])).tolist()
    [inf, inf]
    """
    se = np.full(rows.shape[1], np.nan)
    free = np.flatnonzero(~fixed) if fixed is not None else np.arange(rows.shape[1])
    if not free.size:
        return se
    norm = np.sqrt((rows[:, free] ** 2).sum(axis=0))
    used = norm > 1e-12 * max(float(norm.max()), 1e-300)
    se[free[~used]] = np.inf
    if not used.any():
        return se
    _, s, vt = np.linalg.svd(rows[:, free[used]] / norm[used], full_matrices=True)
    s = np.concatenate([s, np.zeros(vt.shape[0] - s.size)])
    held = s > SINGULAR * s[0]
    loose = (np.abs(vt[~held]) > 1e-3).any(axis=0)
    variance = ((vt[held] / s[held, None]) ** 2).sum(axis=0)
    se[free[used]] = np.where(loose, np.inf, np.sqrt(variance) / norm[used])
    return se


def _estimates(
    here: Evaluator,
    inner: NDArray[np.float64],
    se: NDArray[np.float64],
    at_bound: NDArray[np.bool_],
) -> tuple[Estimate, ...]:
    values = outer(here.unknowns, inner)
    return tuple(
        Estimate(u.name, u.batch, float(v), float(s * abs(u.slope(v))), u.lower, u.upper,
                 bool(b), u.unit)
        for u, v, s, b in zip(here.unknowns, values, se, at_bound, strict=True)
    )  # fmt: skip


def _residuals(
    here: Evaluator, predicted: NDArray[np.float64], sd: NDArray[np.float64]
) -> tuple[Residuals, ...]:
    found = []
    rows = here.rows
    for number, batch in enumerate(here.problem.batches):
        for place, output in enumerate(here.model.outputs):
            mine = np.flatnonzero((rows.batch == number) & (rows.output == place))
            if mine.size:
                mine = mine[np.argsort(rows.time[mine], kind="stable")]
                found.append(
                    Residuals(batch.name, output.name, output.unit, rows.time[mine],
                              rows.value[mine], predicted[mine], sd[mine])
                )  # fmt: skip
    return tuple(found)


def _provenance(here: Evaluator, search: Search) -> FitProvenance:
    model, loss = here.model, here.problem.loss
    method = f"{search.method}, trust region, {loss.kind}" + (", MAP" if here.n_prior else "")
    return FitProvenance(
        model.name, model.version, model.digest, here.problem.digest, method,
        {**asdict(search), "loss": asdict(loss)}, search.seed, engine_version(),
    )  # fmt: skip
