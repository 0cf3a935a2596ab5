"""What a simulation gives: columns, notes on what happened, and where they came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from goldenbatch.science.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

Status = Literal["complete", "stopped", "failed"]
"""Ran to its end; ended by a named event; the solver gave up, with its reason."""

NoteKind = Literal["event", "bound", "extrapolation", "jump", "retry", "fault"]


@dataclass(frozen=True)
class Note:
    """Something that happened during a run.

    Attributes:
        time: When, in the model's time unit.
        kind: What sort of thing.
        name: Of the event, the state, the input.
        text: For people.
    """

    time: float
    kind: NoteKind
    name: str
    text: str


@dataclass(frozen=True)
class Provenance:
    """Where a prediction comes from: enough to make it again.

    Attributes:
        model: Name of the model.
        version: Its version.
        model_digest: Its digest.
        recipe_digest: Digest of the recipe.
        parameters: Values of all parameters.
        posterior: Digest of the fit that the parameters were drawn from; empty: declared.
        settings: Of the solver.
        seed: Of measurement noise; None without.
        engine: Name and version of the solver.
        initial: Initial states that were given; the others were the declared ones.
    """

    model: str
    version: str
    model_digest: str
    recipe_digest: str
    parameters: dict[str, float]
    posterior: str
    settings: dict[str, Any]
    seed: int | None
    engine: str
    initial: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Simulation:
    """A run: rows at the borders of the intervals; row k holds the state at `time[k]`.

    Attributes:
        time: Shape `(n,)`, in the model's time unit.
        values: Column name (states, algebraic variables, inputs, outputs) to shape `(n,)`;
            inputs are those of the interval that begins there.
        measured: Outputs as the sensors showed them, where a fault or noise made a difference.
        units: Column name to UCUM code.
        status: How it ended.
        reason: Why it did not come to its end; empty for a complete run.
        notes: What happened, in order of time.
        provenance: Where it comes from.
        inputs: Columns that are inputs, held from row to row.
        outputs: Columns that are outputs.
    """

    time: NDArray[np.float64]
    values: dict[str, NDArray[np.float64]] = field(repr=False)
    measured: dict[str, NDArray[np.float64]] = field(repr=False)
    units: dict[str, str] = field(repr=False)
    status: Status
    reason: str
    notes: tuple[Note, ...]
    provenance: Provenance = field(repr=False)
    inputs: tuple[str, ...] = field(default=(), repr=False)
    outputs: tuple[str, ...] = field(default=(), repr=False)

    @property
    def is_complete(self) -> bool:
        """Whether it ran to its end."""
        return self.status == "complete"

    @property
    def is_extrapolated(self) -> bool:
        """Whether the model left the range that it was calibrated in."""
        return any(note.kind == "extrapolation" for note in self.notes)

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """A column; a vector as shape `(n, size)`.

        Raises:
            DataError: There is none of that name.
        """
        if name in self.values:
            return self.values[name]
        parts = [column for key, column in self.values.items() if key.startswith(f"{name}[")]
        if not parts:
            names = ", ".join(self.values)
            raise DataError(f"the run has no column {name!r}.", hint=f"It has: {names}.")
        return np.column_stack(parts)

    def final(self, name: str) -> float:
        """Last value of a column."""
        return float(self[name][-1])

    def at(self, name: str, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """A column at other times, on straight lines between rows; nan outside the run."""
        slack = 1e-9 * max(abs(float(self.time[-1])), 1.0) if self.time.size else 0.0
        inside = np.clip(times, *self.time[[0, -1]]) if self.time.size else times
        found = np.interp(inside, self.time, self[name])
        # A time a rounding error outside the run is its first or last.
        return np.where(np.abs(inside - times) <= slack, found, np.nan)

    def to_arrow(self) -> pa.Table:
        """Arrow table with units in the fields and the provenance in the schema."""
        import json
        from dataclasses import asdict

        import pyarrow as pa

        columns = {"time": self.time, **self.values}
        columns |= {f"measured.{name}": column for name, column in self.measured.items()}
        fields = [
            pa.field(
                name, pa.float64(), metadata={"unit": self.units[name.removeprefix("measured.")]}
            )
            for name in columns
        ]
        head = {"provenance": json.dumps(asdict(self.provenance), sort_keys=True),
                "status": self.status, "reason": self.reason}  # fmt: skip
        return pa.table(list(columns.values()), schema=pa.schema(fields, metadata=head))
