"""A batch as it was recorded: samples in order of time, each in a phase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from goldenbatch.science._arrays import Floats, matrix, vector
from goldenbatch.science.errors import DataError


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """The samples of one phase of one batch.

    Attributes:
        phase: its name.
        elapsed: time since the phase began, shape (n,), rising.
        values: NaN where missing, shape (n, p).
        length: how long the phase took; at least the last of `elapsed`.
    """

    phase: str
    elapsed: Floats
    values: Floats
    length: float


@dataclass(frozen=True, eq=False)
class BatchRun:
    """One batch.

    Attributes:
        name: of the batch.
        time: of each sample since the batch began, shape (n,), rising.
        values: NaN where missing, shape (n, p).
        phases: phase of each sample, n of them; a phase may come back later.
        outcomes: what was found at its end, such as a quality attribute.

    >>> run = BatchRun("7", [0.0, 1.0, 2.0], [[5.0], [6.0], [7.0]], ["heat", "dry", "dry"])
    >>> [(one.phase, one.elapsed.tolist(), one.length) for one in run.stretches()]
    [('heat', [0.0], 1.0), ('dry', [0.0, 1.0], 1.0)]
    """

    name: str
    time: Floats
    values: Floats
    phases: tuple[str, ...] = ()
    outcomes: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        """Check the shapes.

        Raises:
            DataError: they do not fit together, or time does not rise.
        """
        time = vector(self.time, f"time of batch {self.name}")
        values = matrix(self.values, f"values of batch {self.name}")
        phases = tuple(self.phases) or ("batch",) * len(time)
        if not len(time) == len(values) == len(phases):
            message = (
                f"batch {self.name} has {len(time)} times, {len(values)} rows and "
                f"{len(phases)} phases; give one of each per sample"
            )
            raise DataError(message)
        if len(time) == 0 or np.isnan(time).any() or (np.diff(time) <= 0).any():
            message = f"the times of batch {self.name} do not rise; sort them and drop repeats"
            raise DataError(message)
        object.__setattr__(self, "time", time)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "phases", phases)

    def stretches(self) -> tuple[Stretch, ...]:
        """Its phases in the order in which they began.

        The length of a phase reaches to the first sample that follows it; time in other phases
        in between counts, as a phase that comes back goes on.
        """
        return self._stretches

    @cached_property
    def _stretches(self) -> tuple[Stretch, ...]:
        names = np.array(self.phases)
        found = []
        for phase in dict.fromkeys(self.phases):
            at = np.flatnonzero(names == phase)
            begin = self.time[at[0]]
            after = self.time[min(int(at[-1]) + 1, len(names) - 1)]
            found.append(
                Stretch(phase, self.time[at] - begin, self.values[at], float(after - begin))
            )
        return tuple(found)

    def stretch(self, phase: str) -> Stretch | None:
        """One phase; None where the batch never was in it."""
        return next((one for one in self._stretches if one.phase == phase), None)


def runs_from_table(
    names: Sequence[str],
    time: Sequence[float],
    values: Floats,
    phases: Sequence[str] = (),
) -> list[BatchRun]:
    """Batches from a long table, a row a sample; they come in the order of their first rows.

    Args:
        names: batch of each row.
        time: of each row, within its batch.
        values: shape (n, p).
        phases: phase of each row; empty: all one phase, `batch`.

    Raises:
        DataError: as of `BatchRun`.

    >>> [one.name for one in runs_from_table(["a", "a", "b"], [0, 1, 0], np.zeros((3, 1)))]
    ['a', 'b']
    """
    rows = matrix(values, "values")
    at = vector(time, "time")
    labels = np.array(names, dtype=object)
    found = []
    for name in dict.fromkeys(names):
        own = np.flatnonzero(labels == name)
        kept = tuple(phases[i] for i in own.tolist()) if phases else ()
        found.append(BatchRun(str(name), at[own], rows[own], kept))
    return found
