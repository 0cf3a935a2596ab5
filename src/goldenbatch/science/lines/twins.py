"""Durations and yields of a step, drawn from the runs of a unit's twin."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.core.errors import BadInputError
from goldenbatch.science._arrays import Floats, complete, vector

TwinFunction: TypeAlias = Callable[[int], tuple[float, float]]
"""A function of a seed that runs a twin and returns (duration, yield)."""


@dataclass(frozen=True, slots=True, eq=False)
class TwinRuns:
    """Runs of a unit's twin: duration and yield are drawn together, one run a lot.

    Attributes:
        durations: shape (n_runs,), in the line's unit of time.
        yields: shape (n_runs,), share of the amount that is left.
    """

    durations: Floats
    yields: Floats

    @property
    def digest(self) -> str:
        """SHA-256 of the runs."""
        return hashlib.sha256(self.durations.tobytes() + self.yields.tobytes()).hexdigest()


Twin: TypeAlias = TwinRuns | TwinFunction


def twin_runs(durations: ArrayLike, yields: ArrayLike | None = None) -> TwinRuns:
    """Make runs of a twin known to a line.

    Args:
        durations: shape (n_runs,), in the line's unit of time, 0 or more.
        yields: shape (n_runs,), 0 or more; without loss by default.

    Raises:
        BadInputError: no runs, other lengths, or a value that is missing or negative: a run that
            failed is to be dealt with where it failed, it cannot be drawn here.

    >>> twin_runs([3.0, 4.0], [0.9, 0.8]).yields.tolist()
    [0.9, 0.8]
    """
    times = complete(vector(durations, "durations"), "durations")
    shares = np.ones(len(times)) if yields is None else complete(vector(yields, "yields"), "yields")
    if not len(times) or len(times) != len(shares) or min(times.min(), shares.min()) < 0:
        raise BadInputError(
            f"{len(times)} durations and {len(shares)} yields.",
            hint="Give as many of both, 1 or more, none negative.",
            key="twin",
        )
    return TwinRuns(times, shares)


def check_twins(needed: tuple[str, ...], twins: Mapping[str, Twin]) -> None:
    """Check that each twin that a line names is there.

    Raises:
        BadInputError: one is missing.

    >>> check_twins(("bioreactor",), {"bioreactor": twin_runs([336.0])})
    """
    missing = sorted(set(needed) - set(twins))
    if missing:
        raise BadInputError(
            f"the twin {missing[0]!r} is not there.",
            hint="Give its runs or its function in `twins`.",
            key="twins",
        )


def draw(twin: Twin, name: str, generator: np.random.Generator) -> tuple[float, float]:
    """Draw (duration, yield) of one lot.

    Raises:
        BadInputError: the twin's function returned what is no duration and yield.

    >>> draw(twin_runs([3.0]), "bioreactor", np.random.default_rng(1))
    (3.0, 1.0)
    """
    if isinstance(twin, TwinRuns):
        i = int(generator.integers(len(twin.durations)))
        return float(twin.durations[i]), float(twin.yields[i])
    duration, share = twin(int(generator.integers(1 << 32)))
    if not (np.isfinite(duration) and np.isfinite(share) and duration >= 0 and share >= 0):
        raise BadInputError(
            f"it returned duration {duration} and yield {share}.",
            hint="Both are finite and not negative.",
            key=f"twins.{name}",
        )
    return float(duration), float(share)
