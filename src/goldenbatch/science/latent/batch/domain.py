"""Whether a batch is of the kind that the plan knows: start values, length, tags that are there.

Kept apart from quality: a batch outside is not bad, but the plan cannot vouch for it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import stdtrit

from goldenbatch.science._arrays import Floats
from goldenbatch.science.latent.batch.runs import Stretch

N_START = 3
DomainKind = Literal["length", "start", "missing", "beyond"]


@dataclass(frozen=True, slots=True)
class DomainIssue:
    """Why a batch is outside the domain of its plan.

    Attributes:
        kind: length: the phase is too long or was too short; start: a variable starts elsewhere
            than in the golden batches; missing: a tag is gone for too long; beyond: the batch
            is further than the golden course goes, and is not scored there.
        phase: name of the phase.
        variable: name of the variable; empty where it is none.
        value, lower, upper: what it is, and what golden batches are; NaN where there is none.
    """

    kind: DomainKind
    phase: str
    variable: str = ""
    value: float = math.nan
    lower: float = math.nan
    upper: float = math.nan

    def __str__(self) -> str:
        """In words."""
        if self.kind == "missing":
            return f"{self.variable} is missing in {self.phase}"
        if self.kind == "beyond":
            return f"{self.phase} goes on beyond the golden batches"
        what = f"length of {self.phase}" if self.kind == "length" else (
            f"{self.variable} at the start of {self.phase}"
        )  # fmt: skip
        return f"{what} is {self.value:.4g}, golden batches {self.lower:.4g} to {self.upper:.4g}"


def prediction_range(values: Floats, confidence: float) -> tuple[float, float]:
    """Where a further value lies with the confidence; never narrower than the values.

    Student's prediction interval of normal values (ISO 16269-8:2004, 5.2).

    >>> low, high = prediction_range(np.array([9.0, 10.0, 11.0, 10.0]), 0.95)
    >>> round(low, 2), round(high, 2)
    (7.09, 12.91)
    """
    known = values[~np.isnan(values)]
    if len(known) < 2:
        return -math.inf, math.inf
    n, mean, sd = len(known), float(known.mean()), float(known.std(ddof=1))
    half = float(stdtrit(n - 1, 0.5 + confidence / 2.0)) * sd * math.sqrt(1.0 + 1.0 / n)
    return min(mean - half, float(known.min())), max(mean + half, float(known.max()))


def start_values(values: Floats) -> Floats:
    """Value of each variable at the start: the median of its first samples, shape (p,)."""
    first = np.sort(values[:N_START], axis=0)
    known = (~np.isnan(first)).sum(axis=0)
    column = np.arange(first.shape[1])
    # Missing values sort last.
    low, high = first[np.maximum(known - 1, 0) // 2, column], first[known // 2 % len(first), column]
    return np.where(known > 0, (low + high) / 2.0, np.nan)


def length_range(golden: Sequence[Stretch], confidence: float) -> Floats:
    """Lower and upper length of a phase, shape (2,)."""
    return np.array(prediction_range(np.array([one.length for one in golden]), confidence))


def start_range(golden: Sequence[Stretch], confidence: float) -> Floats:
    """Lower and upper start of each variable, shape (2, p)."""
    starts = np.stack([start_values(one.values) for one in golden])
    return np.array([prediction_range(column, confidence) for column in starts.T]).T
