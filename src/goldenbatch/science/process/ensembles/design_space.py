"""Probabilistic design space: where in the factors all limits are met, how surely, how exactly.

At every point the same members are run (common random numbers), so that two points differ by
their factors only. Each probability has its exact binomial interval; a point is certain where
the lower end reaches the target, possible where the upper end does.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process.ensembles._chunk import Chunk, Outcome
from goldenbatch.science.process.ensembles.ensemble import for_many, run_ensemble
from goldenbatch.science.process.ensembles.factors import Factor, spread
from goldenbatch.science.process.ensembles.members import Members
from goldenbatch.science.process.ensembles.runs import EnsembleProvenance
from goldenbatch.science.process.ensembles.study import Executor, Study, serial
from goldenbatch.science.statistics.intervals import clopper_pearson

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

RUNS_AT_ONCE = 100_000


@dataclass(frozen=True)
class Volume:
    """Share of the factors' range with a probability of at least a target.

    Attributes:
        target: The probability.
        estimated: By the estimates.
        certain: Where even the lower end of the interval reaches it.
        possible: Where the upper end does.
    """

    target: float
    estimated: float
    certain: float
    possible: float


@dataclass(frozen=True)
class DesignSpace:
    """Probability of meeting all criteria at points of the factors.

    Attributes:
        factors: What was varied.
        units: UCUM code of each factor.
        points: Values of the factors. Shape `(n_points, n_factors)`.
        weights: Share of the range that each point stands for; their sum is 1.
        n_feasible: Members that meet all criteria. Shape `(n_points,)`, as the next two.
        n_failed: Members that the solver gave up; they count as infeasible.
        n_stopped: Members that an event ended which is not accepted; likewise.
        n_members: At each point.
        is_nominal: Whether the declared parameters meet all criteria. Shape `(n_points,)`.
        nominal: Figures at the declared parameters. Shapes `(n_points,)`.
        grid: Levels of each factor where the points are a whole grid; else empty.
        confidence: Of the intervals.
        provenance: Of the first ensemble; the others differ in the factors only.
    """

    factors: tuple[Factor, ...]
    units: tuple[str, ...]
    points: NDArray[np.float64] = field(repr=False)
    weights: NDArray[np.float64] = field(repr=False)
    n_feasible: NDArray[np.int64] = field(repr=False)
    n_failed: NDArray[np.int64] = field(repr=False)
    n_stopped: NDArray[np.int64] = field(repr=False)
    n_members: int
    is_nominal: NDArray[np.bool_] = field(repr=False)
    nominal: Mapping[str, NDArray[np.float64]] = field(repr=False)
    grid: tuple[NDArray[np.float64], ...] = field(repr=False)
    confidence: float
    provenance: EnsembleProvenance = field(repr=False)

    @property
    def probability(self) -> NDArray[np.float64]:
        """Estimates. Shape `(n_points,)`."""
        return self.n_feasible / self.n_members

    @property
    def interval(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lower and upper ends of Clopper and Pearson (1934). Shapes `(n_points,)`."""
        ends = interval_ends(self.n_feasible, self.n_members, self.confidence)
        return ends[:, 0], ends[:, 1]

    def volume(self, target: float) -> Volume:
        """Share of the range with a probability of at least the target."""
        lower, upper = self.interval
        shares = [float(self.weights[one >= target].sum())
                  for one in (self.probability, lower, upper)]  # fmt: skip
        return Volume(target, *shares)

    @property
    def nominal_volume(self) -> float:
        """Share of the range in which the declared parameters meet all criteria."""
        return float(self.weights[self.is_nominal].sum())

    def best(self) -> dict[str, float]:
        """Factors at the point of the highest probability, the first of them."""
        row = self.points[int(self.n_feasible.argmax())]
        return {one.name: float(value) for one, value in zip(self.factors, row, strict=True)}

    def as_grid(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of the points in the shape of the grid, one axis a factor.

        Raises:
            DataError: The points are no whole grid.
        """
        if not self.grid:
            raise DataError("a refined design space is no grid.", hint="Plot its points.")
        return values.reshape([one.size for one in self.grid])

    def to_arrow(self) -> pa.Table:
        """One row a point, with units and provenance in the schema."""
        import json
        from dataclasses import asdict

        import pyarrow as pa

        lower, upper = self.interval
        columns: dict[str, Any] = {
            one.name: self.points[:, k] for k, one in enumerate(self.factors)
        }
        columns |= {f"nominal {name}": values for name, values in self.nominal.items()}
        columns |= {
            "is_nominal": self.is_nominal, "probability": self.probability, "lower": lower,
            "upper": upper, "n_feasible": self.n_feasible, "n_failed": self.n_failed,
            "n_stopped": self.n_stopped, "weight": self.weights,
        }  # fmt: skip
        units = {one.name: unit for one, unit in zip(self.factors, self.units, strict=True)}
        head = {"provenance": json.dumps(asdict(self.provenance), sort_keys=True),
                "units": json.dumps(units), "n_members": str(self.n_members)}  # fmt: skip
        return pa.table(columns).replace_schema_metadata(head)


def interval_ends(n_events: NDArray[np.int64], n: int, confidence: float) -> NDArray[np.float64]:
    """Exact intervals of many rates. Shape `(len(n_events), 2)`.

    >>> interval_ends(np.array([0]), 10, 0.95).round(4).tolist()
    [[0.0, 0.3085]]
    """
    counts, of = np.unique(n_events, return_inverse=True)
    made = [clopper_pearson(int(one), n, confidence) for one in counts]
    ends: NDArray[np.float64] = np.array([(one.lower, one.upper) for one in made])[of.reshape(-1)]
    return ends


@dataclass
class Counts:
    """What was counted at points, one row each."""

    n_feasible: NDArray[np.int64]
    n_failed: NDArray[np.int64]
    n_stopped: NDArray[np.int64]
    is_nominal: NDArray[np.bool_]
    nominal: dict[str, NDArray[np.float64]]
    provenance: EnsembleProvenance


class Prober:
    """Counts feasible members at points of the factors, the same members everywhere."""

    def __init__(
        self, study: Study, members: Members, executor: Executor[Chunk, Outcome] = serial
    ) -> None:
        """Check the study.

        Raises:
            DesignError: It has no factors or no criteria.
        """
        if not study.factors or not study.criteria:
            raise DesignError(
                "a design space needs factors and criteria.", hint="Name both in the study."
            )
        self.study, self.members, self.executor = study, members, executor
        self.model = study.check()

    def count(self, points: NDArray[np.float64]) -> Counts:
        """Run all members at all points, some points at once."""
        size = max(1, RUNS_AT_ONCE // self.members.n)
        self.study = for_many(self.study, self.members.n * len(points))
        parts = [self._some(points[k : k + size]) for k in range(0, len(points), size)]
        centre = Members.nominal(self.model, self.study.initial, self.study.parameters)
        nominal = run_ensemble(self.study, centre.take(np.zeros(len(points), np.int64)),
                               points, executor=self.executor)  # fmt: skip
        whole = np.concatenate([part for part, _ in parts])
        return Counts(
            whole[:, 0], whole[:, 1], whole[:, 2], nominal.is_feasible, nominal.values, parts[0][1]
        )

    def _some(self, points: NDArray[np.float64]) -> tuple[NDArray[np.int64], EnsembleProvenance]:
        m, n = len(points), self.members.n
        members = self.members.take(np.tile(np.arange(n), m))
        found = run_ensemble(
            self.study, members, np.repeat(points, n, axis=0), executor=self.executor
        )
        stopped = (found.status == 1) & ~found.is_accepted
        counted = [one.reshape(m, n).sum(axis=1) for one in
                   (found.is_feasible, found.status == 2, stopped)]  # fmt: skip
        return np.column_stack(counted).astype(np.int64), found.provenance


def map_design_space(
    study: Study,
    members: Members,
    n_levels: int | Sequence[int] = 21,
    *,
    confidence: float = 0.95,
    executor: Executor[Chunk, Outcome] = serial,
) -> DesignSpace:
    """Probabilities on a whole grid; every point stands for the same share of the range.

    Args:
        study: With factors and criteria.
        members: Run at every point.
        n_levels: Of each factor, ends included.
        confidence: Of the intervals.
        executor: Runs chunks.

    References:
        Kucherenko et al. (2020), doi:10.1016/j.compchemeng.2019.106608; ICH Q8(R2), section 2.4.
    """
    prober = Prober(study, members, executor)
    counts = [n_levels] * len(study.factors) if isinstance(n_levels, int) else list(n_levels)
    if len(counts) != len(study.factors) or min(counts) < 2:
        raise DesignError(
            f"{counts} levels for {len(study.factors)} factors.", hint="Give at least 2 for each."
        )
    grid = tuple(
        np.linspace(one.low, one.high, n) for one, n in zip(study.factors, counts, strict=True)
    )
    points = np.stack([one.ravel() for one in np.meshgrid(*grid, indexing="ij")], axis=1)
    weights = np.full(len(points), 1.0 / len(points))
    return _made(prober, points, weights, grid, confidence, prober.count(points))


def refine_design_space(
    study: Study,
    members: Members,
    target: float,
    *,
    n_levels: int = 5,
    n_rounds: int = 3,
    confidence: float = 0.95,
    executor: Executor[Chunk, Outcome] = serial,
) -> DesignSpace:
    """Probabilities on a grid that is halved where it is not decided on which side points lie.

    A cell is halved in every factor while its corners are not all certainly above or all
    certainly below the target. A region smaller than a cell of the first grid can be missed.

    Args:
        study: With factors and criteria.
        members: Run at every point.
        target: The probability whose boundary is sought.
        n_levels: Of each factor in the first grid.
        n_rounds: How often cells are halved.
        confidence: Of the intervals.
        executor: Runs chunks.
    """
    prober = Prober(study, members, executor)
    n_factors, finest = len(study.factors), (n_levels - 1) * 2**n_rounds
    cells = list(itertools.product(range(0, finest, 2**n_rounds), repeat=n_factors))
    known: dict[tuple[int, ...], int] = {}
    parts: list[Counts] = []
    leaves: list[tuple[tuple[int, ...], int]] = []
    for left in range(n_rounds, -1, -1):
        size = 2**left
        corners = {cell: _corners(cell, size) for cell in cells}
        fresh = sorted({one for own in corners.values() for one in own} - set(known))
        if fresh:
            unit = np.array(fresh, float) / finest
            parts.append(prober.count(spread(study.factors, unit)))
            known |= {one: len(known) + k for k, one in enumerate(fresh)}
        ends = interval_ends(
            np.concatenate([one.n_feasible for one in parts]), members.n, confidence
        )
        undecided = [
            cell for cell in cells if left and _undecided(corners[cell], known, ends, target)
        ]
        leaves += [(cell, size) for cell in set(cells) - set(undecided)]
        cells = [half for cell in undecided for half in _halves(cell, size)]
    weights = _weights(sorted(leaves), known, finest)
    points = spread(study.factors, np.array(list(known), float) / finest)
    return _made(prober, points, weights, (), confidence, _concatenated(parts))


def _corners(cell: tuple[int, ...], size: int) -> list[tuple[int, ...]]:
    ends = [(one, one + size) for one in cell]
    return list(itertools.product(*ends))


def _halves(cell: tuple[int, ...], size: int) -> list[tuple[int, ...]]:
    """Cells of half the size that make up a cell."""
    ends = [(one, one + size // 2) for one in cell]
    return list(itertools.product(*ends))


def _weights(
    leaves: Sequence[tuple[tuple[int, ...], int]],
    known: Mapping[tuple[int, ...], int],
    finest: int,
) -> NDArray[np.float64]:
    """Share of the range that each point stands for: its part of every cell that it bounds."""
    weights = np.zeros(len(known))
    for cell, size in leaves:
        corners = _corners(cell, size)
        for corner in corners:
            weights[known[corner]] += (size / finest) ** len(cell) / len(corners)
    return weights


def _undecided(
    corners: Sequence[tuple[int, ...]],
    known: Mapping[tuple[int, ...], int],
    ends: NDArray[np.float64],
    target: float,
) -> bool:
    own = ends[[known[one] for one in corners]]
    return not ((own[:, 0] >= target).all() or (own[:, 1] < target).all())


def _concatenated(parts: Sequence[Counts]) -> Counts:
    def whole(name: str) -> Any:
        return np.concatenate([getattr(one, name) for one in parts])

    names = parts[0].nominal
    nominal = {name: np.concatenate([one.nominal[name] for one in parts]) for name in names}
    return Counts(
        whole("n_feasible"), whole("n_failed"), whole("n_stopped"), whole("is_nominal"), nominal,
        parts[0].provenance,
    )  # fmt: skip


def _made(
    prober: Prober,
    points: NDArray[np.float64],
    weights: NDArray[np.float64],
    grid: tuple[NDArray[np.float64], ...],
    confidence: float,
    counts: Counts,
) -> DesignSpace:
    study = prober.study
    return DesignSpace(
        study.factors, tuple(one.unit(prober.model, study.recipe) for one in study.factors),
        points, weights, counts.n_feasible, counts.n_failed, counts.n_stopped, prober.members.n,
        counts.is_nominal, counts.nominal, grid, confidence, counts.provenance,
    )  # fmt: skip
