"""An ensemble's results: columns, failures with their reasons, bands and provenance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.science.errors import DataError
from goldenbatch.science.statistics.intervals import Interval, clopper_pearson

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

COMPLETE, STOPPED, FAILED = 0, 1, 2
STATUS = ("complete", "stopped", "failed")


@dataclass(frozen=True)
class EnsembleProvenance:
    """Where an ensemble comes from: enough to make it again.

    Attributes:
        model: Name of the model.
        version: Its version.
        model_digest: Its digest.
        recipe_digest: Digest of the recipe, before factors.
        posterior: Digest of the draws; empty where there are none.
        members: Digest of all parameters and starts.
        method: How the members were chosen.
        study: Figures, criteria, factors, accepted stops.
        settings: Of the solver.
        engine: Which, with its version.
    """

    model: str
    version: str
    model_digest: str
    recipe_digest: str
    posterior: str
    members: str
    method: str
    study: dict[str, Any]
    settings: dict[str, Any]
    engine: str


@dataclass(frozen=True)
class Feasible:
    """A share of runs that meet all criteria, with its exact interval.

    Attributes:
        n_feasible: Runs that meet all criteria.
        n: All runs, failures included: they count as infeasible.
        n_failed: Of which the solver gave up.
        n_stopped: Of which an event that is not accepted ended.
        interval: Clopper-Pearson, two-sided.
    """

    n_feasible: int
    n: int
    n_failed: int
    n_stopped: int
    interval: Interval

    @property
    def share(self) -> float:
        """The estimate."""
        return self.n_feasible / self.n


@dataclass(frozen=True)
class Ensemble:
    """Runs of all members; nothing is left out.

    Attributes:
        values: Name of a figure to its values, nan for a failed run. Shapes `(n,)`.
        status: 0 complete, 1 stopped, 2 failed. Shape `(n,)`.
        reasons: Why a run did not come to its end; empty for a complete one. Length `n`.
        is_retried: Runs that the fast engine gave up and that the ladder of solvers finished.
        is_extrapolated: Runs that left the range that the model was calibrated in.
        is_feasible: Runs that meet all criteria. Shape `(n,)`.
        is_accepted: Runs that came to their end or to a stop that the study accepts.
        levels: Values of the factors, by name. Shapes `(n,)`.
        time: Grid of the columns. Shape `(n_times,)`.
        columns: Kept columns; nan after the end of a run. Shapes `(n, n_times)`.
        units: Name to UCUM code.
        provenance: Where it comes from.
    """

    values: dict[str, NDArray[np.float64]] = field(repr=False)
    status: NDArray[np.int8] = field(repr=False)
    reasons: tuple[str, ...] = field(repr=False)
    is_retried: NDArray[np.bool_] = field(repr=False)
    is_extrapolated: NDArray[np.bool_] = field(repr=False)
    is_feasible: NDArray[np.bool_] = field(repr=False)
    is_accepted: NDArray[np.bool_] = field(repr=False)
    levels: dict[str, NDArray[np.float64]] = field(repr=False)
    time: NDArray[np.float64] = field(repr=False)
    columns: dict[str, NDArray[np.float64]] = field(repr=False)
    units: dict[str, str] = field(repr=False)
    provenance: EnsembleProvenance = field(repr=False)

    @property
    def n(self) -> int:
        """How many runs."""
        return int(self.status.size)

    @property
    def n_failed(self) -> int:
        """How many the solver gave up."""
        return int((self.status == FAILED).sum())

    @property
    def n_stopped(self) -> int:
        """How many an event ended which the study does not accept."""
        return int(((self.status == STOPPED) & ~self.is_accepted).sum())

    @property
    def extrapolated_share(self) -> float:
        """Share of runs outside the calibrated range."""
        return float(self.is_extrapolated.mean())

    def counted_reasons(self) -> dict[str, int]:
        """How often each reason ended a run, the most frequent first."""
        return dict(Counter(one for one in self.reasons if one).most_common())

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """Values of a figure.

        Raises:
            DataError: It was not asked for.
        """
        if name not in self.values:
            raise DataError(
                f"the ensemble has no figure {name!r}.", hint=f"It has: {', '.join(self.values)}."
            )
        return self.values[name]

    def quantiles(self, name: str, shares: Sequence[float]) -> NDArray[np.float64]:
        """Quantiles of a figure over the runs that have one. Shape `(len(shares),)`."""
        present = self[name][np.isfinite(self[name])]
        if not present.size:
            raise DataError(f"no run has {name!r}.", hint="See `counted_reasons`.")
        return np.quantile(present, shares)

    def band(self, column: str, shares: Sequence[float]) -> NDArray[np.float64]:
        """Quantiles of a kept column over time, of the runs still going on there.

        Returns:
            Shape `(len(shares), n_times)`; nan where no run has come that far.
        """
        if column not in self.columns:
            raise DataError(
                f"the ensemble kept no column {column!r}.",
                hint="Name it in the study's `columns`.",
            )
        whole = self.columns[column]
        made = np.full((len(shares), self.time.size), np.nan)
        for k in range(self.time.size):
            present = whole[np.isfinite(whole[:, k]), k]
            if present.size:
                made[:, k] = np.quantile(present, shares)
        return made

    def feasible(self, confidence: float = 0.95) -> Feasible:
        """Share of feasible runs with the exact interval of Clopper and Pearson (1934)."""
        n_feasible = int(self.is_feasible.sum())
        interval = clopper_pearson(n_feasible, self.n, confidence)
        return Feasible(n_feasible, self.n, self.n_failed, self.n_stopped, interval)

    def to_arrow(self) -> pa.Table:
        """One row a run: factors, figures, status, reason; provenance in the schema."""
        import json

        import pyarrow as pa

        numbers = {**self.levels, **self.values}
        fields = [pa.field(n, pa.float64(), metadata={"unit": self.units[n]}) for n in numbers]
        rest = {
            "status": pa.array([STATUS[one] for one in self.status]),
            "reason": pa.array(self.reasons, pa.string()),
            "is_feasible": pa.array(self.is_feasible),
            "is_extrapolated": pa.array(self.is_extrapolated),
        }
        fields += [pa.field(name, column.type) for name, column in rest.items()]
        head = {"provenance": json.dumps(asdict(self.provenance), sort_keys=True)}
        return pa.table([*numbers.values(), *rest.values()], schema=pa.schema(fields, head))
