"""Aggregates over windows of one tag's readings, as OPC UA Part 13 defines them.

References: OPC 10000-13 v1.05: bounding values 3.1.8 and 3.1.9, status 5.3 and 5.4.2, the
aggregates 5.4.3; its Annex A gives the worked examples that the tests hold this against.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from goldenbatch.core.aggregates import (
    BAD_NO_DATA,
    CALCULATED,
    INTERPOLATED,
    MULTIPLE,
    PARTIAL,
    AggregateKind,
)
from goldenbatch.core.series import Quality
from goldenbatch.stores.historian._columns import Ints
from goldenbatch.stores.historian._track import BAD, GOOD, SEVERITY, UNCERTAIN, Floats, Track

TICK_US = 1_000


@dataclass(frozen=True)
class Cell:
    """Result of one window: value, status code and the time that it is of."""

    value: float
    quality: int
    time: int


def _none(start: int) -> Cell:
    return Cell(np.nan, BAD_NO_DATA, start)


@dataclass(frozen=True)
class Window:
    """A window over a track that has readings before its end and not only before its start."""

    track: Track
    start: int
    end: int

    @property
    def rows(self) -> slice:
        """Readings in it."""
        return self.track.inside(self.start, self.end)

    def cell(self, value: float, grade: int, *, bits: int = CALCULATED, time: int = -1) -> Cell:
        """A result with its info bits."""
        quality = SEVERITY[grade] | bits
        if self.track.is_partial(self.start, self.end):
            quality |= PARTIAL
        if grade == BAD:
            return Cell(np.nan, int(Quality.BAD), self.start if time < 0 else time)
        return Cell(value, quality, self.start if time < 0 else time)

    def shares(self, good: float, bad: float) -> int:
        """Grade by the shares of good and bad, of values or of time (5.3.2), 0 to 100."""
        settings = self.track.settings
        if good >= settings.percent_good and good > 0:
            return GOOD
        return BAD if bad >= settings.percent_bad and bad > 0 else UNCERTAIN

    def value_grade(self) -> int:
        """Grade by the numbers of good and bad readings."""
        grade, bad = self.track.grade[self.rows], self.track.is_bad[self.rows]
        if not len(grade):
            return GOOD
        return self.shares(100 * float((grade == GOOD).mean()), 100 * float(bad.mean()))

    # ---- from the readings themselves ---------------------------------------------------------

    def good(self) -> tuple[Ints, Floats]:
        """Times and values of the good readings."""
        rows = self.rows
        is_good = self.track.grade[rows] == GOOD
        return self.track.time[rows][is_good], self.track.value[rows][is_good]

    def average(self) -> Cell:
        """Mean of the good readings."""
        _, values = self.good()
        if not values.size:
            return _none(self.start)
        grade = self.value_grade()
        return Cell(float(values.mean()), SEVERITY[grade] | CALCULATED, self.start)

    def extreme(self, sign: float, *, has_own_time: bool = False) -> Cell:
        """Lowest or highest good reading."""
        times, values = self.good()
        if not values.size:
            return _none(self.start)
        place = int(np.argmin(sign * values))
        value, time = float(values[place]), int(times[place])
        bits = MULTIPLE if int((values == value).sum()) > 1 else 0
        if has_own_time:
            return self.cell(value, self._extreme_grade(sign, value), bits=bits, time=time)
        bits |= 0 if time == self.start else CALCULATED
        return self.cell(value, self._extreme_grade(sign, value), bits=bits)

    def _extreme_grade(self, sign: float, value: float) -> int:
        rows = self.rows
        if self.track.is_bad[rows].any():
            return UNCERTAIN
        doubtful = self.track.value[rows][self.track.grade[rows] == UNCERTAIN]
        return UNCERTAIN if bool((sign * doubtful < sign * value).any()) else GOOD

    def range(self) -> Cell:
        """Highest less lowest good reading."""
        _, values = self.good()
        if not values.size:
            return _none(self.start)
        grade = max(
            self._extreme_grade(1.0, float(values.min())),
            self._extreme_grade(-1.0, float(values.max())),
        )
        return self.cell(float(values.max() - values.min()), grade)

    def count(self) -> Cell:
        """Number of good readings."""
        return self.cell(float(self.good()[1].size), self.value_grade())

    def spread(self, n_less: int, root: Callable[[float], float]) -> Cell:
        """Standard deviation or variance of the good readings."""
        _, values = self.good()
        if not values.size:
            return _none(self.start)
        squares = float(((values - values.mean()) ** 2).sum())
        found = squares / (values.size - n_less) if values.size > n_less else 0.0
        is_clean = values.size == self.rows.stop - self.rows.start
        return self.cell(root(found), GOOD if is_clean else UNCERTAIN)

    def edge(self, place: int) -> Cell:
        """First or last reading, with its own time and status."""
        rows = self.rows
        if rows.start == rows.stop:
            return _none(self.start)
        row = rows.start if place == 0 else rows.stop - 1
        quality = int(self.track.quality[row])
        if self.track.is_partial(self.start, self.end):
            quality |= PARTIAL
        return Cell(float(self.track.value[row]), quality, int(self.track.time[row]))

    def delta(self) -> Cell:
        """Last less first good reading."""
        _, values = self.good()
        if not values.size:
            return _none(self.start)
        rows = self.rows
        is_clean = self.track.grade[rows][0] == GOOD and self.track.grade[rows][-1] == GOOD
        return self.cell(float(values[-1] - values[0]), GOOD if is_clean else UNCERTAIN)

    def transitions(self) -> Cell:
        """Changes between zero and not zero among good readings, from the one before on."""
        track, rows = self.track, self.rows
        first = max(0, rows.start - 1)
        chosen = track.value[first : rows.stop][track.grade[first : rows.stop] == GOOD] != 0
        n_changes = int(np.count_nonzero(chosen[1:] != chosen[:-1]))
        return self.cell(float(n_changes), self.value_grade())

    def worst(self) -> Cell:
        """Worst status in the window, of a code that occurs."""
        quality = self.track.quality[self.rows]
        if not quality.size:
            return _none(self.start)
        severity = quality >> 30
        place = int(np.argmax(severity))
        bits = MULTIPLE if int((severity == severity[place]).sum()) > 1 else 0
        return self.cell(float(quality[place]), GOOD, bits=CALCULATED | bits)

    # ---- over time --------------------------------------------------------------------------

    def interpolative(self) -> Cell:
        """Interpolated value at the start of the window."""
        found = self.track.interpolated(self.start, is_stepped=self.track.settings.is_stepped)
        return _none(self.start) if found is None else Cell(found.value, found.quality, found.time)

    def time_average(self) -> tuple[float, float, int] | None:
        """Mean over time between interpolated bounds, the seconds that it is of, its grade.

        Always in straight lines: 5.4.3.6 draws them through readings that are not bad.
        """
        track = self.track
        start = max(self.start, int(track.usable_time[0])) if track.usable.size else self.end
        if start >= self.end:
            return None
        first, last = (track.interpolated(at, is_stepped=False) for at in (start, self.end))
        if first is None or last is None:
            return None
        rows = track.usable[slice(*np.searchsorted(track.usable_time, [start + 1, self.end]))]
        times = np.concatenate([[start], track.time[rows], [self.end]]) / 1e6
        values = np.concatenate([[first.value], track.value[rows], [last.value]])
        seconds = float(times[-1] - times[0])
        mean = float(np.trapezoid(values, times)) / seconds
        inside = track.inside(self.start, self.end)
        is_clean = first.grade == last.grade == GOOD and start == self.start
        is_clean = is_clean and not (track.grade[inside] != GOOD).any()
        return mean, seconds, GOOD if is_clean else UNCERTAIN

    @property
    def known_end(self) -> int:
        """Where the readings end: a tick after the last one, of which the standard's is 1 ms."""
        return min(self.end, int(self.track.time[-1]) + TICK_US)

    def segments(self) -> tuple[Ints, Floats, Ints]:
        """Times, values and grades of the simple bounds and the readings between them.

        Each grade is that of the stretch which begins there; the last point only ends one.
        """
        track, end = self.track, self.known_end
        rows = track.inside(self.start + 1, end)
        bounds = [track.simple(at) for at in (self.start, end)]
        edge = [(b.value, b.grade) if b is not None else (np.nan, BAD) for b in bounds]
        times = np.concatenate([[self.start], track.time[rows], [end]]).astype(np.int64)
        values = np.concatenate([[edge[0][0]], track.value[rows], [edge[1][0]]])
        raw = np.where(track.is_bad[rows], BAD, track.grade[rows])
        grades = np.concatenate([[edge[0][1]], raw, [edge[1][1]]]).astype(np.int64)
        return times, values, grades

    def stretches(self) -> tuple[Floats, Floats, Floats, Ints]:
        """Milliseconds, value at begin and end, and grade of each stretch of simple bounds."""
        times, values, grades = self.segments()
        begin, end, grade = values[:-1], values[1:].copy(), grades[:-1].copy()
        if self.track.settings.is_stepped:
            end = begin.copy()
        else:
            is_lost = grades[1:] == BAD
            end[is_lost] = begin[is_lost]
            later = np.where(is_lost, UNCERTAIN, grades[1:])
            later[-1] = later[-1] if self.known_end == self.end else GOOD
            grade = np.maximum(grade, later)
        return np.diff(times) / 1e3, begin, end, grade

    def time_grade(self, spans: Floats, grade: Ints) -> int:
        """Grade by the shares of good and bad time.

        After the last reading nothing is known, unless it is one that holds.
        """
        total, rest = (self.end - self.start) / 1e3, (self.end - self.known_end) / 1e3
        is_held = self.track.settings.is_stepped and bool(grade[-1] == GOOD)
        good = float(spans[grade == GOOD].sum()) + (rest if is_held else 0.0)
        bad = float(spans[grade == BAD].sum()) + (0.0 if is_held else rest)
        return min(UNCERTAIN, self.shares(100 * good / total, 100 * bad / total))

    def time_average2(self, *, is_total: bool = False) -> Cell:
        """Mean or integral over time between simple bounds; bad stretches are left out."""
        spans, begin, end, grade = self.stretches()
        is_used = (grade != BAD) & ~np.isnan(begin) & ~np.isnan(end)
        held = float(spans[is_used].sum())
        if not held:
            return _none(self.start)
        area = float((spans * (begin + end) / 2)[is_used].sum())
        value = area / 1e3 if is_total else area / held
        return self.cell(value, self.time_grade(spans, grade))

    def extreme2(self, sign: float) -> tuple[float, int, int] | None:
        """Lowest or highest value with simple bounds, its bits and grade."""
        times, values, grades = self.segments()
        is_used = (grades != BAD) & ~np.isnan(values)
        has_end = not self.track.settings.is_stepped and self.known_end == self.end
        is_used[-1] &= has_end
        if not is_used.any():
            return None
        chosen = np.where(is_used, sign * values, np.inf)
        place = int(np.argmin(chosen))
        is_bound = place in (0, len(times) - 1)
        at_start = self.track.inside(self.start, self.start + 1)
        is_raw = place == 0 and at_start.stop > at_start.start
        bits = 0 if is_raw else INTERPOLATED if is_bound else CALCULATED
        n_same = int((chosen == chosen[place]).sum())
        spans, _, _, grade = self.stretches()
        bits |= MULTIPLE if n_same > 1 else 0
        return float(values[place]), bits, self.time_grade(spans, grade)

    def bound(self, at: int) -> Cell:
        """Simple bounding value at the start or the end."""
        found = self.track.simple(at)
        if found is None or found.grade == BAD:
            return _none(self.start)
        partial = PARTIAL if self.track.is_partial(self.start, self.end) else 0
        return Cell(found.value, found.quality | partial, self.start)

    def delta_bounds(self) -> Cell:
        """End bound less start bound; both must be good."""
        first, last = self.track.simple(self.start), self.track.simple(self.end)
        if first is None or last is None or first.grade != GOOD or last.grade != GOOD:
            return _none(self.start)
        return self.cell(last.value - first.value, GOOD)

    def quality_spans(self) -> tuple[float, float]:
        """Milliseconds of good and of bad stretches; each has the status it begins with."""
        track, end = self.track, self.known_end
        rows = track.inside(self.start + 1, end)
        first = track.simple(self.start)
        raw = np.where(track.is_bad[rows], BAD, track.grade[rows])
        grades = np.concatenate([[BAD if first is None else first.grade], raw])
        spans = np.diff(np.concatenate([[self.start], track.time[rows], [end]])) / 1e3
        return float(spans[grades == GOOD].sum()), float(spans[grades == BAD].sum())

    def in_state(self, *, is_zero: bool) -> Cell:
        """Milliseconds in the state zero, or in any other, of good stretches."""
        times, values, grades = self.segments()
        spans, own = np.diff(times) / 1e3, (values[:-1] == 0) == is_zero
        found = float(spans[own & (grades[:-1] == GOOD)].sum())
        return self.cell(found, self.time_grade(spans, grades[:-1]))


def aggregate(track: Track, kind: AggregateKind, start: int, end: int) -> Cell:
    """One aggregate over one window `[start, end)`."""
    if kind == "Interpolative":
        return Window(track, start, end).interpolative()
    if track.is_before_or_after(start, end):
        return _none(start)
    return _KINDS[kind](Window(track, start, end))


def _total(window: Window, *, is_mean: bool) -> Cell:
    found = window.time_average()
    if found is None:
        return _none(window.start)
    mean, seconds, grade = found
    return window.cell(mean if is_mean else mean * seconds, grade)


def _extreme2(window: Window, sign: float) -> Cell:
    found = window.extreme2(sign)
    return _none(window.start) if found is None else window.cell(found[0], found[2], bits=found[1])


def _range2(window: Window) -> Cell:
    low, high = window.extreme2(1.0), window.extreme2(-1.0)
    if low is None or high is None:
        return _none(window.start)
    return window.cell(high[0] - low[0], max(low[2], high[2]))


def _quality(window: Window, place: int, *, is_share: bool) -> Cell:
    span = window.quality_spans()[place]
    # Of an interval in which the readings end no more counts than up to there (Annex A).
    length = (window.known_end - window.start) / 1e3
    return window.cell(100 * span / length if is_share else span, GOOD)


_KINDS: dict[AggregateKind, Callable[[Window], Cell]] = {
    "Average": Window.average,
    "TimeAverage": lambda w: _total(w, is_mean=True),
    "TimeAverage2": Window.time_average2,
    "Total": lambda w: _total(w, is_mean=False),
    "Total2": lambda w: w.time_average2(is_total=True),
    "Minimum": lambda w: w.extreme(1.0),
    "Maximum": lambda w: w.extreme(-1.0),
    "MinimumActualTime": lambda w: w.extreme(1.0, has_own_time=True),
    "MaximumActualTime": lambda w: w.extreme(-1.0, has_own_time=True),
    "Range": Window.range,
    "Minimum2": lambda w: _extreme2(w, 1.0),
    "Maximum2": lambda w: _extreme2(w, -1.0),
    "Range2": _range2,
    "Count": Window.count,
    "NumberOfTransitions": Window.transitions,
    "DurationInStateZero": lambda w: w.in_state(is_zero=True),
    "DurationInStateNonZero": lambda w: w.in_state(is_zero=False),
    "Start": lambda w: w.edge(0),
    "End": lambda w: w.edge(1),
    "Delta": Window.delta,
    "StartBound": lambda w: w.bound(w.start),
    "EndBound": lambda w: w.bound(w.end),
    "DeltaBounds": Window.delta_bounds,
    "DurationGood": lambda w: _quality(w, 0, is_share=False),
    "DurationBad": lambda w: _quality(w, 1, is_share=False),
    "PercentGood": lambda w: _quality(w, 0, is_share=True),
    "PercentBad": lambda w: _quality(w, 1, is_share=True),
    "WorstQuality": Window.worst,
    "StandardDeviationSample": lambda w: w.spread(1, _root),
    "StandardDeviationPopulation": lambda w: w.spread(0, _root),
    "VarianceSample": lambda w: w.spread(1, float),
    "VariancePopulation": lambda w: w.spread(0, float),
}


def _root(value: float) -> float:
    return math.sqrt(value)
