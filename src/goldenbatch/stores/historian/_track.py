"""Readings of one tag with their grades, and the values that bound a window of them.

References: OPC 10000-13 v1.05: bounding values 3.1.8 and 3.1.9, treatment of status 4.2.1.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from goldenbatch.core.aggregates import (
    BAD_NO_DATA,
    INTERPOLATED,
    UNCERTAIN_SUB_NORMAL,
    AggregateSettings,
)
from goldenbatch.core.series import Quality
from goldenbatch.stores.historian._columns import Ints

Floats = NDArray[np.float64]
GOOD, UNCERTAIN, BAD = 0, 1, 2
SEVERITY = (0, UNCERTAIN_SUB_NORMAL, int(Quality.BAD))
"""Status code of a grade."""


@dataclass(frozen=True)
class Point:
    """A value at a time: its grade (0 good, 1 uncertain, 2 bad), raw or interpolated."""

    time: int
    value: float
    grade: int
    quality: int


class Track:
    """Readings of one tag, ascending, as far as they matter for the windows.

    Args:
        time: Microseconds UTC.
        value: NaN where missing.
        quality: OPC UA status codes.
        settings: How they are dealt with.
    """

    def __init__(
        self, time: Ints, value: Floats, quality: Ints, settings: AggregateSettings
    ) -> None:
        # `Bad_NoData` without a value says that there is nothing, like the absence of a row.
        known = ~((quality & 0xFFFF0000) == BAD_NO_DATA)
        self.time, self.value, self.quality = time[known], value[known], quality[known]
        self.settings = settings
        grade = np.where(self.quality >= int(Quality.BAD), BAD, GOOD)
        grade[(self.quality >> 30) == 1] = UNCERTAIN
        grade[np.isnan(self.value)] = BAD
        self.grade = grade
        is_usable = grade < (UNCERTAIN if settings.treat_uncertain_as_bad else BAD)
        self.usable = np.flatnonzero(is_usable)
        self.usable_time = self.time[self.usable]
        self.is_bad = ~is_usable

    def inside(self, start: int, end: int) -> slice:
        """Readings with `start <= time < end`."""
        first, last = np.searchsorted(self.time, [start, end])
        return slice(int(first), int(last))

    def is_before_or_after(self, start: int, end: int) -> bool:
        """Whether a window lies wholly before the first or after the last reading."""
        return not self.time.size or self.time[0] >= end or self.time[-1] < start

    def is_partial(self, start: int, end: int) -> bool:
        """Whether the readings begin or end inside the window."""
        first, last = int(self.time[0]), int(self.time[-1])
        return start < first < end or start <= last < end - 1

    # ---- bounding values --------------------------------------------------------------------

    def interpolated(self, at: int, *, is_stepped: bool) -> Point | None:
        """Interpolated bounding value (3.1.8): from the nearest readings that are not bad."""
        place = int(np.searchsorted(self.usable_time, at, side="right")) - 1
        if place < 0:
            return None
        here = self._point(int(self.usable[place]))
        if here.time == at:
            return here
        if place + 1 == len(self.usable):
            return self._extrapolated(at, place, here)
        after = self._point(int(self.usable[place + 1]))
        skipped = self.inside(here.time + 1, (at if is_stepped else after.time) + int(is_stepped))
        is_clean = not self.is_bad[skipped].any() and here.grade == GOOD
        value = here.value
        if not is_stepped:
            is_clean = is_clean and after.grade == GOOD
            share = (at - here.time) / (after.time - here.time)
            value = here.value + (after.value - here.value) * share
        return _made(at, value, GOOD if is_clean else UNCERTAIN)

    def _extrapolated(self, at: int, place: int, here: Point) -> Point:
        value = here.value
        if self.settings.use_sloped_extrapolation and place > 0:
            before = self._point(int(self.usable[place - 1]))
            slope = (here.value - before.value) / (here.time - before.time)
            value += slope * (at - here.time)
        return _made(at, value, UNCERTAIN)

    def simple(self, at: int) -> Point | None:
        """Simple bounding value (3.1.9): from the readings just before and after, bad or not."""
        place = int(np.searchsorted(self.time, at, side="right")) - 1
        if place < 0:
            return None
        here = self._point(place)
        if here.time == at or self.is_bad[place]:
            return here if here.time == at else _made(at, np.nan, BAD)
        if place + 1 == len(self.time):
            return _made(at, here.value, UNCERTAIN)
        after = self._point(place + 1)
        if self.settings.is_stepped:
            return _made(at, here.value, here.grade)
        if self.is_bad[place + 1]:
            return _made(at, here.value, UNCERTAIN)
        share = (at - here.time) / (after.time - here.time)
        grade = max(here.grade, after.grade)
        return _made(at, here.value + (after.value - here.value) * share, grade)

    def _point(self, place: int) -> Point:
        return Point(
            int(self.time[place]),
            float(self.value[place]),
            int(self.grade[place]),
            int(self.quality[place]),
        )


def _made(at: int, value: float, grade: int) -> Point:
    return Point(at, value, grade, SEVERITY[grade] | INTERPOLATED)
