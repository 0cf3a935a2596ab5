"""Set points over time: holds and ramps, or a measured column with its corners found.

A schedule is piecewise linear. An integrator that steps over a corner loses its order, so a
schedule knows its corners.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Floats, complete, vector
from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process.library.freeze_drying.properties import HOUR_s


@dataclass(frozen=True, slots=True)
class Schedule:
    """A piecewise linear course; before its first and after its last corner it is constant.

    Attributes:
        times_s: of the corners, rising, shape (n_corners,).
        values: shape (n_corners,), or (n_corners, n_vials) where vials differ.
    """

    times_s: Floats
    values: Floats

    @classmethod
    def hold(cls, value: ArrayLike) -> Self:
        """One value, or one per vial, for ever.

        >>> float(Schedule.hold(20.0).at(3600.0))
        20.0
        """
        return cls(np.zeros(1), np.asarray(value, dtype=np.float64)[None])

    @classmethod
    def ramps(
        cls, start: float, steps: Sequence[tuple[float, float]], *, rate_per_min: float
    ) -> Self:
        """From a start through set points, each reached at the rate and held.

        Args:
            start: value at time zero.
            steps: set point and how long it is held, hours; the last hold does not end.
            rate_per_min: of every ramp, without sign.

        Raises:
            DesignError: the rate is not positive.

        >>> shelf = Schedule.ramps(238.15, [(293.15, 10.0)], rate_per_min=1.0)
        >>> [float(one) for one in shelf.at([0.0, 1650.0, 9e9])]
        [238.15, 265.65, 293.15]
        """
        if not rate_per_min > 0:
            raise DesignError(f"a ramp of {rate_per_min} per minute never arrives; give a rate > 0")
        times, values = [0.0], [float(start)]
        for target, hours in steps:
            arrival = times[-1] + abs(target - values[-1]) / rate_per_min * 60.0
            times += [arrival, arrival + hours * HOUR_s]
            values += [float(target)] * 2
        rising = np.concatenate([[True], np.diff(times) > 0])
        return cls(np.asarray(times)[rising], np.asarray(values)[rising])

    @classmethod
    def measured(cls, times_s: ArrayLike, values: ArrayLike, *, tolerance: float) -> Self:
        """A measured column, thinned to the corners that keep it within the tolerance.

        Args:
            times_s: rising, shape (n_rows,).
            values: shape (n_rows,), in the unit of the tolerance.
            tolerance: largest departure of the thinned course from a measured value.

        Raises:
            DataError: the times do not rise, or a value is missing.

        References:
            Douglas and Peucker (1973), Cartographica 10:112, doi:10.3138/FM57-6770-U75U-7727.

        >>> course = Schedule.measured([0, 1, 2, 3, 4], [0, 1, 2, 2, 2], tolerance=0.01)
        >>> [float(one) for one in course.times_s]
        [0.0, 2.0, 4.0]
        """
        times = complete(vector(times_s, "times_s"), "times_s")
        column = complete(vector(values, "values"), "values")
        if len(times) != len(column) or len(times) < 2 or (np.diff(times) <= 0).any():
            raise DataError("a measured course needs two or more values at rising times")
        kept = _corners(times, column, tolerance)
        return cls(times[kept], column[kept])

    def at(self, times_s: ArrayLike) -> Floats:
        """Values, shape of the times, with a last axis (n_vials,) where vials differ."""
        times = np.asarray(times_s, dtype=np.float64)
        if self.values.ndim == 1:
            return np.asarray(np.interp(times, self.times_s, self.values))
        if len(self.times_s) == 1:
            return np.asarray(np.broadcast_to(self.values[0], (*times.shape, self.n_vials)))
        clipped = np.clip(times, self.times_s[0], self.times_s[-1])
        after = np.clip(np.searchsorted(self.times_s, clipped), 1, len(self.times_s) - 1)
        begin, end = self.times_s[after - 1], self.times_s[after]
        share = ((clipped - begin) / (end - begin))[..., None]
        return np.asarray((1.0 - share) * self.values[after - 1] + share * self.values[after])

    @property
    def n_vials(self) -> int:
        """For how many vials; 1 if all are alike."""
        return 1 if self.values.ndim == 1 else self.values.shape[1]


def _corners(times: Floats, values: Floats, tolerance: float) -> list[int]:
    """Rows that a straight line between them represents within the tolerance."""
    kept, open_parts = {0, len(times) - 1}, [(0, len(times) - 1)]
    while open_parts:
        first, last = open_parts.pop()
        inside = np.arange(first + 1, last)
        if not len(inside):
            continue
        line = np.interp(times[inside], times[[first, last]], values[[first, last]])
        away = np.abs(values[inside] - line)
        worst = int(inside[np.argmax(away)])
        if away.max() > tolerance:
            kept.add(worst)
            open_parts += [(first, worst), (worst, last)]
    return sorted(kept)
