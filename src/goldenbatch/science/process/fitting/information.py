"""What the data hold and what they do not, in numbers and in words.

Two questions, answered apart: could these measurements tell the parameters at all, were they
without error (structural, at the estimates and elsewhere in the bounds); and do they, with the
errors that they have (practical).

References:
    Raue et al. 2009, doi:10.1093/bioinformatics/btp358; Franceschini & Macchietto 2008,
    doi:10.1016/j.ces.2007.11.034; Brun, Reichert & Kuensch 2001, doi:10.1029/2000WR900350
    (collinearity); Bates & Watts 1988, Nonlinear regression analysis, ch. 2.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from goldenbatch.science.process.fitting.evaluator import Evaluator
from goldenbatch.science.process.fitting.problem import Measured, Problem
from goldenbatch.science.process.fitting.search import SINGULAR, standard_errors
from goldenbatch.science.process.fitting.unknowns import Unknown
from goldenbatch.science.process.integrate import Settings, StepError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.fitting.problem import Batch
    from goldenbatch.science.process.fitting.result import Fit

Verdict = Literal["identified", "practical", "structural", "bound"]
"""Held by the data; not held by these data with these errors; not by any data of this kind; the
estimate lies at its bound."""

_TIGHT = Settings(rtol=1e-10, atol=1e-12)
_PART = 0.1
_LOOSE = 0.5
_MANY = 5


@dataclass(frozen=True)
class Held:
    """What the data say of one unknown.

    Attributes:
        label: Name, with `@batch` where it belongs to one.
        value: Estimate.
        se: Standard error; infinite where not held.
        relative: Standard error over the value, or over a quarter of the width of the bounds
            where that is smaller: above 0.5 the data hardly hold it.
        verdict: In a word.
        others: Labels of those that it cannot be told apart from.
    """

    label: str
    value: float
    se: float
    relative: float
    verdict: Verdict
    others: tuple[str, ...]


@dataclass(frozen=True)
class Identifiability:
    """Of a fit.

    Attributes:
        held: One for each unknown.
        statements: What cannot be identified, and why, in words; empty if all is well.
        eigenvalues: Of the Fisher information of the data scaled to a unit diagonal, falling.
        condition: Largest over smallest of them; infinite if singular.
        rank: Number of directions that the data hold.
        collinearity: Brun's index: 1 / square root of the smallest eigenvalue; above 10 to 15
            the effect of one parameter is nearly that of others.
        correlations: Of the estimates. Shape `(n, n)`; nan where not held.
        structural_rank: Directions that error-free measurements at many times would hold.
    """

    held: tuple[Held, ...]
    statements: tuple[str, ...]
    eigenvalues: NDArray[np.float64] = field(repr=False)
    condition: float
    rank: int
    collinearity: float
    correlations: NDArray[np.float64] = field(repr=False)
    structural_rank: int

    @property
    def unidentified(self) -> tuple[str, ...]:
        """Labels of all that the data do not hold."""
        return tuple(one.label for one in self.held if one.verdict in ("practical", "structural"))


def identifiability(
    problem: Problem, found: Fit, *, n_points: int = 3, n_times: int = 30, seed: int = 0
) -> Identifiability:
    """Judge a fit by the data alone: priors do not count here.

    Args:
        problem: That was fitted.
        found: The fit.
        n_points: Points of the bounds, besides the estimates, at which structure is tested.
        n_times: Error-free measurements of each measured output, for that test.
        seed: Of the points.

    >>> from goldenbatch.science.process import ModelBuilder, Noise, Recipe
    >>> from goldenbatch.science.process.fitting import Batch, Measured, Problem, fit
    >>> m = ModelBuilder("decay", version="1", title="Two ways out", time_unit="h")
    >>> c = m.state("c", "g/L", initial=1.0, lower=0.0)
    >>> a, b = (m.parameter(n, "1/h", value=0.2, lower=0.0, upper=3.0) for n in "ab")
    >>> m.derivative(c, -(a + b) * c)
    >>> m.output("y", c, "g/L", noise=Noise(0.01))
    >>> t = np.array([1.0, 2.0, 3.0])
    >>> data = {"y": Measured(t, np.exp(-0.5 * t))}
    >>> problem = Problem(m.build(), (Batch("x", Recipe(3.0, 1.0), data),), fitted=("a", "b"))
    >>> identifiability(problem, fit(problem)).held[0].verdict
    'structural'
    """
    scaled, norm = _unit_columns(found.sensitivity)
    eigenvalues = _eigenvalues(scaled)
    loose = null_directions(scaled, norm)
    hidden = _structure(problem, found, n_points, n_times, seed)
    se = standard_errors(found.sensitivity)
    held = tuple(_held(k, one, found, se, (loose, hidden)) for k, one in enumerate(found.unknowns))
    rank = int((eigenvalues > SINGULAR**2 * eigenvalues[0]).sum())
    smallest = float(max(eigenvalues[-1], 0.0)) if rank == len(held) else 0.0
    return Identifiability(
        held, _statements(found, held, hidden, loose), eigenvalues,
        float(eigenvalues[0] / smallest) if smallest else float("inf"), rank,
        smallest**-0.5 if smallest else float("inf"), _correlations(found.sensitivity, se),
        len(held) - len(hidden),
    )  # fmt: skip


def _unit_columns(
    sensitivity: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    norm = np.sqrt((sensitivity**2).sum(axis=0))
    dead = norm <= 1e-12 * max(float(norm.max()), 1e-300)
    return sensitivity / np.where(dead, 1.0, norm), np.where(dead, 0.0, norm)


def _eigenvalues(scaled: NDArray[np.float64]) -> NDArray[np.float64]:
    s = np.linalg.svd(scaled, compute_uv=False)
    return np.concatenate([s, np.zeros(scaled.shape[1] - s.size)]) ** 2


def null_directions(
    scaled: NDArray[np.float64], norm: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """Directions that change no measurement, as sparse as they come: one for each.

    Args:
        scaled: Sensitivities with columns of length one. Shape `(n_rows, n)`.
        norm: Lengths before; zero for a parameter without effect. Shape `(n,)`.

    >>> rows = np.array([[1.0, 1.0, 0.0], [2.0, 2.0, 1.0]])
    >>> unit = rows / np.linalg.norm(rows, axis=0)
    >>> [np.abs(one).round(3).tolist() for one in null_directions(unit, np.ones(3))]
    [[1.0, 1.0, 0.0]]
    """
    n = scaled.shape[1]
    dead = np.flatnonzero(norm == 0.0)
    found = [np.eye(n)[k] for k in dead]
    live = np.flatnonzero(norm > 0.0)
    if not live.size:
        return found
    _, s, vt = np.linalg.svd(scaled[:, live], full_matrices=True)
    s = np.concatenate([s, np.zeros(live.size - s.size)])
    basis = _sparse(vt[s <= SINGULAR * s[0]])
    for row in basis:
        whole = np.zeros(n)
        whole[live] = row
        found.append(whole)
    return found


def _sparse(basis: NDArray[np.float64]) -> NDArray[np.float64]:
    """Reduced echelon form with complete pivoting: each direction moves as few as possible."""
    rows = basis.copy()
    free = list(range(rows.shape[1]))
    for k in range(len(rows)):
        part = np.abs(rows[k:][:, free])
        row, column = np.unravel_index(int(part.argmax()), part.shape)
        pivot = free.pop(int(column))
        rows[[k, k + int(row)]] = rows[[k + int(row), k]]
        rows[k] /= rows[k, pivot]
        for other in range(len(rows)):
            if other != k:
                rows[other] -= rows[other, pivot] * rows[k]
    return np.where(np.abs(rows) < 1e-4, 0.0, rows)


def _structure(
    problem: Problem, found: Fit, n_points: int, n_times: int, seed: int
) -> list[NDArray[np.float64]]:
    """Directions that error-free, dense measurements would not hold anywhere in the bounds."""
    dense = replace(problem, batches=tuple(_dense(one, n_times) for one in problem.batches))
    here = Evaluator(dense, _TIGHT)
    low, high = (np.array(side) for side in zip(*(u.box for u in here.unknowns), strict=True))
    random = np.random.default_rng(seed)
    # Half-way to a random point: far from the estimates, yet where the model can be run.
    points = [found.inner] + [
        0.5 * found.inner + 0.5 * (low + random.random(low.size) * (high - low))
        for _ in range(n_points)
    ]
    fewest: list[NDArray[np.float64]] | None = None
    for point in points:
        try:
            _, slopes = here.gradient(np.clip(point, low, high))
        except (StepError, ValueError):
            continue
        directions = null_directions(*_unit_columns(slopes / _sizes(here, slopes)))
        if fewest is None or len(directions) < len(fewest):
            fewest = directions
        if not directions:
            break
    return fewest or []


def _dense(batch: Batch, n_times: int) -> Batch:
    data = {}
    for name, one in batch.data.items():
        known = one.times[np.isfinite(one.values)]
        if known.size:
            times = np.union1d(np.linspace(0.0, float(known.max()), n_times), known)
            data[name] = Measured(times, np.ones_like(times))
    return replace(batch, data=data)


def _sizes(here: Evaluator, slopes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Size of each output's sensitivities, so that none is lost beside another."""
    sizes = np.ones(slopes.shape[0])
    for place in range(len(here.model.outputs)):
        mine = here.rows.output == place
        if mine.any():
            sizes[mine] = float(np.abs(slopes[mine]).max()) or 1.0
    return sizes[:, None]


def _held(
    k: int,
    one: Unknown,
    found: Fit,
    se: NDArray[np.float64],
    directions: tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]],
) -> Held:
    loose, hidden = directions
    estimate = found.estimates[k]
    inner_se = float(se[k])
    error = inner_se * abs(one.slope(estimate.value))
    low, high = one.box
    quarter = abs(one.outer(high) - one.outer(low)) / 4.0
    relative = error / max(min(abs(estimate.value), quarter), 1e-300)
    of = [way for way in (*hidden, *loose) if abs(way[k]) > _PART * np.abs(way).max()]
    labels = [u.label for u in found.unknowns]
    others = sorted({labels[j] for way in of[:1] for j in np.flatnonzero(
        np.abs(way) > _PART * np.abs(way).max()) if j != k})  # fmt: skip
    verdict: Verdict = "identified"
    if any(abs(way[k]) > _PART * np.abs(way).max() for way in hidden):
        verdict = "structural"
    elif estimate.is_at_bound:
        verdict = "bound"
    elif not np.isfinite(error) or relative > _LOOSE:
        verdict = "practical"
    if verdict == "practical" and not others:
        others = _partners(k, found, se)
    return Held(one.label, estimate.value, error, relative, verdict, tuple(others))


def _partners(k: int, found: Fit, se: NDArray[np.float64]) -> list[str]:
    """Those that an unknown is strongly correlated with."""
    correlations = _correlations(found.sensitivity, se)[k]
    return [
        u.label
        for j, u in enumerate(found.unknowns)
        if j != k and np.isfinite(correlations[j]) and abs(correlations[j]) > 0.9
    ]


def _correlations(sensitivity: NDArray[np.float64], se: NDArray[np.float64]) -> NDArray[np.float64]:
    good = np.flatnonzero(np.isfinite(se))
    found = np.full((se.size, se.size), np.nan)
    if good.size:
        rows = sensitivity[:, good]
        norm = np.sqrt((rows**2).sum(axis=0))
        covariance = np.linalg.pinv((rows / norm).T @ (rows / norm), rcond=SINGULAR**2)
        sd = np.sqrt(np.diag(covariance))
        found[np.ix_(good, good)] = covariance / np.outer(sd, sd)
    return found


def _statements(
    found: Fit,
    held: tuple[Held, ...],
    hidden: list[NDArray[np.float64]],
    loose: list[NDArray[np.float64]],
) -> tuple[str, ...]:
    said = [_direction(found, way, "whatever their error and number") for way in hidden]
    said += _of_times(found, [w for w in loose if not any(_is_same(w, h) for h in hidden)])
    for one in held:
        if one.verdict == "practical" and np.isfinite(one.se):
            with_whom = f"; its effect is nearly that of {_and(one.others)}" if one.others else ""
            said.append(
                f"{one.label} is {one.value:.4g} with a standard error of {one.se:.2g}: the data "
                f"hardly hold it{with_whom}."
            )
        elif one.verdict == "bound":
            said.append(
                f"{one.label} lies at its bound of {one.value:.4g}: its error is not known, and "
                "those of the others take it as fixed."
            )
    return tuple(said)


def _of_times(found: Fit, loose: list[NDArray[np.float64]]) -> list[str]:
    """Directions that other times of sampling could hold; in sum where they are many."""
    short = len(found.unknowns) - found.n_data
    if short > 0 or len(loose) > _MANY:
        why = f"{found.n_data} measured for {len(found.unknowns)} unknown: " * (short > 0)
        return [
            f"{why}{len(loose)} of {len(found.unknowns)} directions of the unknowns are not held "
            "by samples at these times, though others could hold them."
        ]
    return [_direction(found, way, "taken at these times, though others could") for way in loose]


def _is_same(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    cosine = abs(float(one @ other)) / float(np.linalg.norm(one) * np.linalg.norm(other))
    return cosine > 0.999


def _direction(found: Fit, way: NDArray[np.float64], why: str) -> str:
    moved = np.flatnonzero(np.abs(way) > _PART * np.abs(way).max())
    labels = [found.unknowns[k].label for k in moved]
    if len(moved) == 1:
        return f"{labels[0]} has no effect on the measured outputs, {why}."
    return (
        f"{_and(labels)} cannot be told apart by the measured outputs, {why}: only combinations "
        f"of them are held ({len(labels) - 1} of {len(labels)} directions at most)."
    )


def _and(labels: list[str] | tuple[str, ...]) -> str:
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}"
