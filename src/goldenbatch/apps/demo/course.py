"""What a unit of the demonstration plant shows while it makes one batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """What the laboratory finds of a sample.

    Attributes:
        name: Of the sample.
        taken_h: When it was taken, hours of the process since the start.
        told_h: When its results come.
        results: Attribute to value, in the unit that the plant declares for it.
    """

    name: str
    taken_h: float
    told_h: float
    results: Mapping[str, float]


@dataclass(frozen=True)
class Course:
    """One batch at one unit, from its start to its end, in hours of the process.

    Attributes:
        batch: Identifier.
        times_h: Rising from 0, shape `(n,)`.
        signals: Signal below the unit's place to its values as its sensor shows them, `(n,)`.
        phases: Name of each phase and when it begins, in order; the last one ends with the batch.
        samples: Of the laboratory.
    """

    batch: str
    times_h: Floats
    signals: Mapping[str, Floats]
    phases: tuple[tuple[str, float], ...]
    samples: tuple[Sample, ...] = field(default=())

    @property
    def duration_h(self) -> float:
        """From start to end."""
        return float(self.times_h[-1])

    def phase_at(self, time_h: float) -> str:
        """The phase that runs; empty before the start and after the end."""
        if not 0.0 <= time_h < self.duration_h:
            return ""
        return [name for name, begins in self.phases if begins <= time_h][-1]

    def values_at(self, time_h: float) -> dict[str, float]:
        """What the sensors show at a time: the newest values."""
        row = max(0, int(np.searchsorted(self.times_h, time_h, side="right")) - 1)
        return {name: float(values[row]) for name, values in self.signals.items()}
