"""A robust optimum: the best factors at which the limits are met with a stated probability.

The search sees one set of members, the same at every point, so that it compares factors and not
draws. What it finds is the best of many looks at those members and therefore flattered; the
figures to quote are those of other members, on which the optimum is run once more.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process.ensembles._chunk import Chunk, Outcome
from goldenbatch.science.process.ensembles.ensemble import for_many, run_ensemble
from goldenbatch.science.process.ensembles.factors import spread
from goldenbatch.science.process.ensembles.figures import Figure, margins
from goldenbatch.science.process.ensembles.members import Members, unit_points
from goldenbatch.science.process.ensembles.runs import Ensemble, Feasible
from goldenbatch.science.process.ensembles.study import Executor, Study, serial

if TYPE_CHECKING:
    from numpy.typing import NDArray


TRIED_A_START = 25
"""Points that a pattern search looks at, about: what the choice of the engine reckons with."""


@dataclass(frozen=True)
class Goal:
    """What is to be best.

    Attributes:
        figure: Of each run.
        statistic: Mean over the members, or a quantile of them.
        share: Of the quantile: 0.05 is what 95 % of the members exceed.
        is_maximised: False: the smallest is best.
        target: Probability of meeting all criteria, which the lower end of its interval must
            reach.
        confidence: Of that interval.
    """

    figure: Figure
    statistic: Literal["mean", "quantile"] = "mean"
    share: float = 0.05
    is_maximised: bool = True
    target: float = 0.9
    confidence: float = 0.95

    def value(self, ensemble: Ensemble) -> float:
        """The statistic over the members that have the figure; nan where none has."""
        present = ensemble[self.figure.name]
        present = present[np.isfinite(present)]
        if not present.size:
            return float("nan")
        mean = float(present.mean())
        return mean if self.statistic == "mean" else float(np.quantile(present, self.share))


@dataclass(frozen=True)
class Search:
    """How factors are searched.

    Attributes:
        n_scan: Sobol points of the first look.
        n_starts: Best of them, from each of which a pattern search begins.
        smallest_step: Of the pattern, as a share of each factor's range.
        n_evaluations: Most points in all.
        seed: Of the first look.
        reserve: By how much the search asks for more than the target: the best of many looks at
            the same members is flattered, so that other members often fall a little short.
    """

    n_scan: int = 32
    n_starts: int = 3
    smallest_step: float = 0.01
    n_evaluations: int = 400
    seed: int = 0
    reserve: float = 0.0


@dataclass(frozen=True)
class RobustOptimum:
    """The best factors found, and what they are worth on other members.

    Attributes:
        factors: Values by name.
        value: The goal's statistic on the members that were searched with: flattered.
        feasible: Likewise.
        checked_value: On members that the search never saw; quote this one.
        checked: Likewise; what is reached of the target counts here.
        is_reached: Whether the target is reached on those.
        starts: Where each pattern search began and ended: point and value.
        points: All points looked at. Shape `(n, n_factors)`.
        values: The statistic there. Shape `(n,)`.
        lower: Lower end of the probability there. Shape `(n,)`.
    """

    factors: dict[str, float]
    value: float
    feasible: Feasible
    checked_value: float
    checked: Feasible
    is_reached: bool
    starts: tuple[tuple[dict[str, float], dict[str, float], float], ...] = field(repr=False)
    points: NDArray[np.float64] = field(repr=False)
    values: NDArray[np.float64] = field(repr=False)
    lower: NDArray[np.float64] = field(repr=False)


Merit = tuple[bool, float, float]
"""Whether the target is reached; then the goal, or else the share that meets the criteria and
how near the others come."""


class _Searcher:
    """Points looked at so far, on the unit cube."""

    def __init__(
        self, study: Study, goal: Goal, members: Members, executor: Executor[Chunk, Outcome]
    ) -> None:
        self.study, self.goal, self.members, self.executor = study, goal, members, executor
        self.known: dict[tuple[float, ...], Merit] = {}
        self.rows: list[tuple[float, float]] = []

    def run(self, point: NDArray[np.float64], members: Members) -> Ensemble:
        """All members at a point of the cube."""
        levels = np.repeat(spread(self.study.factors, point[None, :]), members.n, axis=0)
        return run_ensemble(self.study, members, levels, executor=self.executor)

    def merit(self, point: NDArray[np.float64]) -> Merit:
        """What a point is worth; each is run once."""
        key = tuple(point.round(12))
        if key not in self.known:
            found = self.run(point, self.members)
            lower = found.feasible(self.goal.confidence).interval.lower
            value = self.goal.value(found)
            self.rows.append((value, lower))
            signed = value if self.goal.is_maximised else -value
            if lower >= self.goal.target and np.isfinite(value):
                self.known[key] = (True, signed, 0.0)
            else:
                # Short of the target the estimate leads: the lower end says less where it is 0.
                share = float(found.feasible().share)
                self.known[key] = (False, share, -self._shortfall(found))
        return self.known[key]

    def _shortfall(self, found: Ensemble) -> float:
        """Mean distance beyond the limits, in shares of them; a run without a figure counts 1."""
        limits, total = self.study.limits(), 0.0
        for one in self.study.criteria:
            low, high = limits[one.label]
            beyond = np.maximum(-margins(found[one.figure.name], low, high), 0.0)
            size = abs(low if np.isfinite(low) else high) or 1.0
            total += float(np.where(np.isfinite(beyond), beyond / size, 1.0).mean())
        return total

    def descend(self, start: NDArray[np.float64], search: Search) -> NDArray[np.float64]:
        """Pattern search: a step along each factor, halved where none is better.

        References:
            Kolda, Lewis and Torczon (2003), SIAM Rev. 45:385, doi:10.1137/S003614450242889.
        """
        best, step = start, 0.125
        while step >= search.smallest_step and len(self.known) < search.n_evaluations:
            tried = [self._moved(best, k, sign * step)
                     for k in range(best.size) for sign in (1.0, -1.0)]  # fmt: skip
            better = max(tried, key=self.merit)
            if self.merit(better) > self.merit(best):
                best = better
            else:
                step *= 0.5
        return best

    @staticmethod
    def _moved(point: NDArray[np.float64], k: int, by: float) -> NDArray[np.float64]:
        moved = point.copy()
        moved[k] = min(1.0, max(0.0, moved[k] + by))
        return moved


def robust_optimum(
    study: Study,
    goal: Goal,
    members: Members,
    check_members: Members,
    *,
    search: Search | None = None,
    executor: Executor[Chunk, Outcome] = serial,
) -> RobustOptimum:
    """Search the study's factors for the best value of a goal under its probability.

    Args:
        study: With factors and criteria.
        goal: What is to be best, and how surely the criteria are to be met.
        members: That the search sees at every point.
        check_members: Other draws, on which the optimum is run once.
        search: How; None: the usual way.
        executor: Runs chunks.

    Raises:
        DesignError: The study has no factors or no criteria, or so few members that no count
            of them reaches the target.
        DataError: Both sets of members are the same.
    """
    search = search or Search()
    full = replace(study, figures=(*study.figures, goal.figure))
    full = for_many(full, members.n * (search.n_scan + TRIED_A_START * search.n_starts))
    sought = replace(goal, target=goal.target + search.reserve)
    _check(study, sought, members, check_members)
    searcher = _Searcher(full, sought, members, executor)
    scan = unit_points(search.n_scan, len(study.factors), search.seed, "sobol")
    starts = sorted(scan, key=searcher.merit, reverse=True)[: search.n_starts]
    ends = [searcher.descend(start, search) for start in starts]
    best = max(ends, key=searcher.merit)
    found, checked = searcher.run(best, members), searcher.run(best, check_members)
    share = checked.feasible(goal.confidence)

    def named(point: NDArray[np.float64]) -> dict[str, float]:
        row = spread(study.factors, point[None, :])[0]
        return {one.name: float(v) for one, v in zip(study.factors, row, strict=True)}

    rows = np.array(searcher.rows)
    return RobustOptimum(
        named(best), goal.value(found), found.feasible(goal.confidence), goal.value(checked),
        share, share.interval.lower >= goal.target,
        tuple((named(a), named(b), searcher.merit(b)[1])
              for a, b in zip(starts, ends, strict=True)),
        spread(study.factors, np.array(list(searcher.known))), rows[:, 0], rows[:, 1],
    )  # fmt: skip


def _check(study: Study, goal: Goal, members: Members, check_members: Members) -> None:
    from goldenbatch.science.statistics.intervals import clopper_pearson

    if not study.factors or not study.criteria:
        raise DesignError("a robust optimum needs factors and criteria.", hint="Name both.")
    if members.digest == check_members.digest:
        raise DataError(
            "the optimum would be checked on the members that it was sought with.",
            hint="Draw the others with another seed.",
        )
    for one in (members, check_members):
        if clopper_pearson(one.n, one.n, goal.confidence).lower < goal.target:
            raise DesignError(
                f"{one.n} members cannot show a probability of {goal.target:g}.",
                hint="Draw more of them, or lower the target.",
            )
