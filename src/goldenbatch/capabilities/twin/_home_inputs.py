"""What a tag says of an input: its gaps, and its mean over each control interval."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from math import ceil, inf
from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.core.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.declarations import Input

    Floats = NDArray[np.float64]

_SLACK = 0.01
"""Noise about a bound, as a share of the largest value seen, that is set to the bound."""


@dataclass(frozen=True)
class Known:
    """Good readings of a tag, and when there were bad ones; times since the start of the run.

    Attributes:
        times: Rising; before the run they are negative. Shape `(n,)`.
        values: Each holds until the next. Shape `(n,)`.
        bad: Times of bad readings. Shape `(n_bad,)`.
    """

    times: Floats
    values: Floats
    bad: Floats


@dataclass(frozen=True)
class Grid:
    """Control intervals of a run.

    Attributes:
        duration: Of the run.
        interval: Of control; the last one may be shorter.
    """

    duration: float
    interval: float

    @property
    def borders(self) -> Floats:
        """Shape `(n_intervals + 1,)`."""
        n = max(1, ceil(self.duration / self.interval - 1e-9))
        return np.append(np.arange(n) * self.interval, self.duration)

    def gaps(self, known: Known, longest: float, cadence: float) -> list[tuple[float, float]]:
        """Stretches of the run in which nobody knows the input.

        Args:
            known: What was read.
            longest: Silence that is allowed; 0: by the cadence.
            cadence: Declared time between readings; 0: irregular, so that silence alone is no
                gap, but bad readings are.
        """
        usual = max(3.0 * cadence, self.interval) if cadence else inf
        if not known.times.size:
            return [(0.0, self.duration)]
        before = known.times <= 0.0
        knots = known.times[~before]
        knots = np.concatenate([known.times[before][-1:], knots, [self.duration]])
        found = [] if before.any() else [(0.0, float(knots[0]))]
        # An input that is first told of within the first interval was the same before.
        found = [one for one in found if one[1] > (longest or self.interval)]
        for begin, end in itertools.pairwise(knots.tolist()):
            has_bad = bool(((known.bad > begin) & (known.bad < end)).any())
            most = longest or (min(usual, self.interval) if has_bad else usual)
            if end - begin > most * (1.0 + 1e-9):
                found.append((max(begin, 0.0), end))
        return found

    def within(self, values: Floats, declared: Input) -> tuple[Floats, int]:
        """Values, noise beyond a bound set to it; and of how many that was so.

        Raises:
            BadInputError: One lies so far outside that it is no noise.
        """
        room = _SLACK * float(np.abs(values).max(initial=0.0))
        held = np.clip(values, declared.lower, declared.upper)
        away = np.abs(values - held)
        if (away > room).any():
            worst = int(away.argmax())
            raise BadInputError(
                f"input {declared.name!r} was {values[worst]:.4g} {declared.unit} at "
                f"{self.borders[worst]:.4g} of the run; it lies between {declared.lower:g} and "
                f"{declared.upper:g}.",
                hint="Correct the unit that the plant declares for its tag.",
            )
        return held, int((away > 0.0).sum())

    def steps(self, values: Floats) -> tuple[list[float | str], list[float | str]]:
        """Times and values of a schedule, without steps that change nothing."""
        times: list[float | str] = []
        kept: list[float | str] = []
        last = np.nan
        for t, value in zip(self.borders[:-1].tolist(), values.tolist(), strict=True):
            if not abs(value - last) <= 1e-9 * max(abs(value), abs(last)):
                times.append(t)
                kept.append(value)
                last = value
        return times, kept


def interval_means(known: Known, grid: Grid) -> Floats:
    """Mean of an input over each interval, each reading held until the next.

    A mean keeps what was fed in all, whenever within an interval the pump was switched.

    >>> known = Known(np.array([-1.0, 0.5]), np.array([2.0, 4.0]), np.empty(0))
    >>> interval_means(known, Grid(2.0, 1.0)).tolist()
    [3.0, 4.0]
    """
    first = max(int(np.searchsorted(known.times, 0.0, side="right")) - 1, 0)
    values = known.values[first:]
    starts = np.concatenate([[0.0], known.times[first + 1 :]])
    knots = np.append(starts, grid.duration)
    # A reading at or after the end holds for no time.
    widths = np.clip(np.diff(np.minimum(knots, grid.duration)), 0.0, None)
    total = np.concatenate([[0.0], np.cumsum(widths * values)])
    borders = grid.borders
    whole = np.interp(borders, np.minimum(knots, grid.duration), total)
    means: Floats = np.diff(whole) / np.diff(borders)
    return means
