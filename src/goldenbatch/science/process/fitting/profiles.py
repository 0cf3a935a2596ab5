"""Profile likelihood: how far an unknown can go while all others make up for it.

References:
    Raue et al. 2009, doi:10.1093/bioinformatics/btp358; Bates & Watts 1988, ch. 6;
    Venzon & Moolgavkar 1988, doi:10.2307/2347496.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process.fitting.evaluator import Evaluator
from goldenbatch.science.process.fitting.search import Search, descend
from goldenbatch.science.process.fitting.unknowns import limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from goldenbatch.science.process.fitting.problem import Problem
    from goldenbatch.science.process.fitting.result import Fit

Shape = Literal["closed", "open below", "open above", "open", "flat"]
"""The threshold is passed on both sides; not below; not above; on neither; and nowhere does the
objective rise at all (structural)."""

_FLAT = 0.05


@dataclass(frozen=True)
class Profile:
    """Of one unknown.

    Attributes:
        label: Which.
        values: In the declared unit, rising. Shape `(n,)`.
        rise: Objective above its minimum there, all others fitted again. Shape `(n,)`.
        lower: End of the confidence interval; the bound where the threshold is not passed.
        upper: Likewise.
        level: Of confidence, for this unknown alone.
        threshold: Quantile of chi-squared with one degree of freedom.
        shape: Whether the interval is closed.
        limited_by: Others that lie at a bound where the threshold is passed.
        statement: In words.
    """

    label: str
    values: NDArray[np.float64] = field(repr=False)
    rise: NDArray[np.float64] = field(repr=False)
    lower: float
    upper: float
    level: float
    threshold: float
    shape: Shape
    limited_by: tuple[str, ...]
    statement: str

    @property
    def is_identified(self) -> bool:
        """Whether the data bound it on both sides, by themselves."""
        return self.shape == "closed" and not self.limited_by


def profile(
    problem: Problem,
    found: Fit,
    label: str,
    *,
    level: float = 0.95,
    max_points: int = 30,
    search: Search | None = None,
) -> Profile:
    """Profile of one unknown of a fit.

    Steps start at half a standard error and follow the rise of the objective; each point starts
    at the last one's solution. The errors of measurement stay those of the fit, so that the
    objective is one function.

    Args:
        problem: That was fitted.
        found: The fit.
        label: Name, with `@batch` where it belongs to one.
        level: Of confidence.
        max_points: On each side.
        search: Of the other unknowns; None: to a millionth.

    Raises:
        DataError: The label was not fitted.
        DesignError: The level is no probability.

    >>> from goldenbatch.science.process import ModelBuilder, Noise, Recipe
    >>> from goldenbatch.science.process.fitting import Batch, Measured, Problem, fit
    >>> m = ModelBuilder("ramp", version="1", title="Ramp", time_unit="h")
    >>> y = m.state("y", "1")
    >>> m.derivative(y, m.parameter("k", "1/h", value=1.0, lower=-9.0, upper=9.0))
    >>> m.output("y", y, "1", noise=Noise(0.1))
    >>> batch = Batch("a", Recipe(1.0, 1.0), {"y": Measured(np.ones(1), np.ones(1))})
    >>> problem = Problem(m.build(), (batch,), fitted=("k",))
    >>> of = profile(problem, fit(problem), "k")
    >>> round(of.lower, 3), round(of.upper, 3)
    (0.804, 1.196)
    """
    from scipy.special import chdtri

    if not 0.0 < level < 1.0:
        raise DesignError(f"a level of {level:g}.", hint="Give one between 0 and 1, such as 0.95.")
    labels = [one.label for one in found.unknowns]
    if label not in labels:
        raise DataError(f"{label!r} was not fitted.", hint=f"Fitted were: {', '.join(labels)}.")
    threshold = float(chdtri(1.0, 1.0 - level))
    search = search or Search(tolerance=1e-6)
    here = Evaluator(problem, search.solver)
    walk = _Walk(here, found, labels.index(label), threshold, search, max_points)
    below, above = walk.side(-1), walk.side(1)
    return _profile(walk, found, (below, above), level)


def profiles(
    problem: Problem, found: Fit, labels: Sequence[str] | None = None, *, level: float = 0.95
) -> tuple[Profile, ...]:
    """Profiles of several unknowns; of all where none are named."""
    chosen = [one.label for one in found.unknowns] if labels is None else labels
    return tuple(profile(problem, found, label, level=level) for label in chosen)


@dataclass
class _Walk:
    """Away from the estimate in small steps, the others following."""

    here: Evaluator
    found: Fit
    k: int
    threshold: float
    search: Search
    max_points: int
    limited_by: set[str] = field(default_factory=set)

    def side(self, sign: int) -> list[tuple[float, float]]:
        """Inner values and rises, from the estimate outwards."""
        one = self.here.unknowns[self.k]
        low, high = limits((one,))
        end = float(high[0] if sign > 0 else low[0])
        edge = end if np.isfinite(end) else one.box[1 if sign > 0 else 0]
        at, inner = float(self.found.inner[self.k]), self.found.inner.copy()
        points = [(at, 0.0)]
        step = self._first_step(abs(edge - at))
        shortest = 1e-3 * step
        while len(points) < self.max_points and abs(edge - at) > 1e-9 * max(1.0, abs(edge)):
            following = at + sign * min(step, abs(edge - at))
            moved = inner.copy()
            moved[self.k] = following
            rise, moved = self._rise(moved)
            gained = rise - points[-1][1]
            if gained > 0.6 * self.threshold and step > shortest:
                step *= 0.5
                continue
            at, inner = following, moved
            points.append((at, rise))
            if rise > 1.05 * self.threshold:
                self._note_limits(inner)
                break
            if gained < 0.25 * self.threshold:
                step *= 2.0
        return points

    def _note_limits(self, inner: NDArray[np.float64]) -> None:
        """Others at a bound where the threshold is passed: the interval rests on that bound."""
        low, high = limits(self.here.unknowns)
        near = 1e-6 * np.where(np.isfinite(high - low), high - low, 1.0)
        for j, one in enumerate(self.here.unknowns):
            is_new = not self.found.estimates[j].is_at_bound
            if j != self.k and is_new and min(inner[j] - low[j], high[j] - inner[j]) < near[j]:
                self.limited_by.add(one.label)

    def _first_step(self, room: float) -> float:
        curve = float(self.found.curvature[self.k, self.k])
        width = self.here.unknowns[self.k].box
        own = 0.5 / np.sqrt(curve) if curve > 0.0 else room
        return float(min(max(own, 1e-8), 0.1 * (width[1] - width[0])))

    def _rise(self, inner: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        free = np.array([j for j in range(inner.size) if j != self.k], int)
        report, ended = descend(self.here, self.search, inner, self.found.sd, free)
        if ended is None:
            return float("inf"), inner
        return report.objective - self.found.objective, ended


def _profile(
    walk: _Walk,
    found: Fit,
    sides: tuple[list[tuple[float, float]], list[tuple[float, float]]],
    level: float,
) -> Profile:
    one = walk.here.unknowns[walk.k]
    below, above = sides
    points = [*reversed(below[1:]), *above]
    inner, rise = (np.array(column) for column in zip(*points, strict=True))
    ends = [_crossing(side, walk.threshold) for side in sides]
    lower, upper = (
        bound if end is None else one.outer(end)
        for end, bound in zip(ends, (one.lower, one.upper), strict=True)
    )
    shape = _shape(ends, rise)
    statement = _statement(one.label, shape, (lower, upper), one.unit)
    if walk.limited_by:
        statement += f" That rests on the bounds of {', '.join(sorted(walk.limited_by))}."
    if rise.min() < -1e-3 * walk.threshold:
        statement += f" A better fit was found by {-rise.min():.2g}: search with more starts."
    values = np.array([one.outer(float(x)) for x in inner])
    return Profile(one.label, values, rise, float(lower), float(upper), level, walk.threshold,
                   shape, tuple(sorted(walk.limited_by)), statement)  # fmt: skip


def _crossing(side: list[tuple[float, float]], threshold: float) -> float | None:
    """Where the rise passes the threshold, on the parabola through the square roots."""
    for (x0, r0), (x1, r1) in itertools.pairwise(side):
        if r1 >= threshold:
            if not np.isfinite(r1):
                return x0
            s0, s1, s = (np.sqrt(max(r, 0.0)) for r in (r0, r1, threshold))
            return float(x0 + (x1 - x0) * (s - s0) / (s1 - s0))
    return None


def _shape(ends: list[float | None], rise: NDArray[np.float64]) -> Shape:
    if ends[0] is not None and ends[1] is not None:
        return "closed"
    if ends[0] is None and ends[1] is None:
        return "flat" if float(rise.max()) < _FLAT else "open"
    return "open below" if ends[0] is None else "open above"


def _statement(label: str, shape: Shape, ends: tuple[float, float], unit: str) -> str:
    low, high = ends
    if shape == "closed":
        return f"{label} lies between {low:.4g} and {high:.4g} {unit}."
    if shape == "flat":
        return (
            f"{label} is not identified: the fit is as good at any value between its bounds "
            "(structural, or without effect on what was measured)."
        )
    if shape == "open":
        return f"{label} is not identified by these data: neither bound is excluded."
    if shape == "open below":
        return f"{label} is at most {high:.4g} {unit}; the data give no lower limit."
    return f"{label} is at least {low:.4g} {unit}; the data give no upper limit."
