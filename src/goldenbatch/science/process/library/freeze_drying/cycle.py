"""A measured cycle: its primary drying, the loss of ice contact, and the end by pressure.

Everything is found from the columns themselves, by criteria that are stated here and that a user
may change: set points tell when drying begins and ends, a thermocouple's slope tells when ice no
longer touches it, the Pirani gauge tells when water vapour leaves the chamber.

References:
    Patel, Doen and Pikal (2010), AAPS PharmSciTech 11:73, doi:10.1208/s12249-009-9362-7
    (end points of primary drying: Pirani onset, midpoint, offset; thermocouples).
    Savitzky and Golay (1964), Anal. Chem. 36:1627, doi:10.1021/ac60214a047.
"""

# ruff: noqa: N815 - names end in SI units

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike
from scipy.signal import savgol_filter

from goldenbatch.science._arrays import Floats, complete, vector
from goldenbatch.science.errors import DataError
from goldenbatch.science.process.library.freeze_drying.properties import HOUR_s, celsius
from goldenbatch.science.process.library.freeze_drying.schedule import Schedule

N_MOST = 15
"""Rows about a row, most of which must keep the pressure."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """Columns of a log; each of shape (n_rows,).

    Attributes:
        times_s: rising.
        shelf_set_K: set point of the shelf.
        shelf_K: its surface, or the fluid where the surface is not measured.
        pressure_set_Pa: set point of the chamber, zero while there is no vacuum.
        pressure_Pa: by the capacitance gauge.
        pirani_Pa: by the Pirani gauge, which reads water vapour too high.
        product_K: thermocouples by name; NaN where one is absent.
    """

    times_s: Floats
    shelf_set_K: Floats
    shelf_K: Floats
    pressure_set_Pa: Floats
    pressure_Pa: Floats
    pirani_Pa: Floats
    product_K: Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class PrimaryStage:
    """Where primary drying lies in a cycle; rows as in `range(first, last)`.

    Attributes:
        first: row at which the chamber's pressure was first held.
        held: row at which the shelf reached the temperature of primary drying.
        last: row at which the shelf was told to leave it.
    """

    first: int
    held: int
    last: int


def primary_stage(cycle: Cycle, *, tolerance: float = 0.25) -> PrimaryStage:
    """Find primary drying from set points and pressure.

    It is the longest run of rows with one set point of the chamber, above zero, that most
    readings of the capacitance gauge about each row keep within the tolerance; in it the shelf's
    longest constant set point, to half a degree, is the hold. It ends where the shelf leaves it.

    Args:
        cycle: columns.
        tolerance: share of the set point that the pressure may be away.

    Raises:
        DataError: there is no such run.
    """
    pressure_set, pressure = cycle.pressure_set_Pa, cycle.pressure_Pa
    is_kept = (pressure_set > 0) & (np.abs(pressure - pressure_set) <= tolerance * pressure_set)
    mostly = np.convolve(is_kept, np.ones(N_MOST), "same") > N_MOST / 2
    is_kept = (pressure_set > 0) & mostly
    first, last = _longest_run(np.where(is_kept, pressure_set, -1.0), is_kept)
    if last - first < 10:
        raise DataError(
            "no vacuum was held in this log: the pressure is never at its set point for 10 rows",
            hint="Check which columns are the set point and the capacitance gauge.",
        )
    shelf = np.round(2.0 * celsius(cycle.shelf_set_K[first:last])) / 2.0
    held, leaves = _longest_run(shelf, np.ones(len(shelf), dtype=bool))
    return PrimaryStage(first, first + held, first + leaves)


def _longest_run(values: Floats, is_counted: np.ndarray) -> tuple[int, int]:
    """Begin and end of the longest run of equal values among those that count."""
    breaks = np.flatnonzero(np.diff(values) != 0) + 1
    begins = np.concatenate([[0], breaks])
    finishes = np.concatenate([breaks, [len(values)]])
    lengths = np.where(is_counted[begins], finishes - begins, 0)
    longest = int(lengths.argmax())
    return int(begins[longest]), int(finishes[longest]) if lengths[longest] else int(
        begins[longest]
    )


@dataclass(frozen=True, slots=True)
class Primary:
    """Primary drying of a cycle, with time zero where the vacuum was first held.

    Attributes:
        times_s: shape (n_rows,).
        shelf_K: as a schedule.
        pressure_Pa: as a schedule.
        ratio: Pirani over capacitance gauge, shape (n_rows,).
        product_K: thermocouples by name.
        held_s: when the shelf reached its hold.
    """

    times_s: Floats
    shelf_K: Schedule
    pressure_Pa: Schedule
    ratio: Floats
    product_K: Mapping[str, Floats]
    held_s: float


def primary_of(cycle: Cycle, stage: PrimaryStage | None = None) -> Primary:
    """Cut primary drying out of a cycle.

    Thermocouples that are absent in all rows are left out.

    Raises:
        DataError: no primary drying, or rows without shelf or pressure.
    """
    stage = stage or primary_stage(cycle)
    rows = slice(stage.first, stage.last)
    times = complete(vector(cycle.times_s[rows], "times_s"), "times_s")
    times = times - times[0]
    pressure = complete(cycle.pressure_Pa[rows], "pressure_Pa")
    present = {n: t[rows] for n, t in cycle.product_K.items() if np.isfinite(t[rows]).any()}
    return Primary(
        times,
        Schedule.measured(times, complete(cycle.shelf_K[rows], "shelf_K"), tolerance=0.5),
        Schedule.measured(times, pressure, tolerance=0.05 * float(np.median(pressure))),
        np.asarray(cycle.pirani_Pa[rows] / pressure),
        present,
        float(times[stage.held - stage.first]),
    )


class EndConvention(StrEnum):
    """What is called the end of primary drying."""

    PIRANI_ONSET = "pirani-onset"
    PIRANI_MIDPOINT = "pirani-midpoint"
    PIRANI_OFFSET = "pirani-offset"
    MASS_FRACTION = "mass-fraction"


@dataclass(frozen=True, slots=True)
class PiraniEnd:
    """Fall of the Pirani reading, in seconds."""

    onset_s: float
    midpoint_s: float
    offset_s: float

    def by(self, convention: EndConvention) -> float:
        """End by a convention of the gauge.

        Raises:
            DataError: the convention is not one of the gauge.

        >>> PiraniEnd(1.0, 2.0, 3.0).by(EndConvention.PIRANI_OFFSET)
        3.0
        """
        found = {
            EndConvention.PIRANI_ONSET: self.onset_s,
            EndConvention.PIRANI_MIDPOINT: self.midpoint_s,
            EndConvention.PIRANI_OFFSET: self.offset_s,
        }
        if convention not in found:
            raise DataError(f"{convention} is not read off a pressure gauge; predict it instead")
        return found[convention]


def pirani_end(
    times_s: ArrayLike, ratio: ArrayLike, *, window_s: float = 5400.0, from_s: float = 0.0
) -> PiraniEnd:
    """End of primary drying by the fall of Pirani over capacitance gauge.

    The smoothed curve's steepest tangent meets its level before (onset) and after (offset); the
    midpoint is halfway between.

    Args:
        times_s: evenly spaced but for rounding, shape (n_rows,).
        ratio: Pirani over capacitance gauge.
        window_s: of the cubic Savitzky-Golay filter.
        from_s: rows before are left out, such as a ramp.

    Raises:
        DataError: the ratio does not fall by a tenth.

    >>> t = np.arange(0.0, 72000.0, 60.0)
    >>> fall = pirani_end(t, 1.0 + 0.6 / (1.0 + np.exp((t - 40000.0) / 900.0)))
    >>> round(fall.midpoint_s / 100) * 100, fall.onset_s < 40000 < fall.offset_s
    (40000, True)
    """
    times, reading = vector(times_s, "times_s"), vector(ratio, "ratio")
    use = np.isfinite(reading) & (times >= from_s)
    times, reading = times[use], reading[use]
    smooth, slope = _smoothed(times, reading, window_s)
    steepest = int(slope.argmin())
    before = float(np.median(smooth[: max(steepest // 2, 1)]))
    after = float(smooth[steepest:].min())
    if before - after < 0.1 * before:
        raise DataError(
            "the Pirani reading does not fall by a tenth: drying did not end in this log"
        )
    at, value, fall = times[steepest], smooth[steepest], slope[steepest]
    onset, offset = at + (before - value) / fall, at + (after - value) / fall
    return PiraniEnd(float(onset), float((onset + offset) / 2), float(offset))


def _smoothed(times: Floats, values: Floats, window_s: float) -> tuple[Floats, Floats]:
    """Savitzky-Golay values and slopes per second."""
    step = float(np.median(np.diff(times)))
    n_window = int(window_s / step) // 2 * 2 + 1
    if n_window < 5 or n_window > len(values):
        raise DataError(
            f"a window of {window_s:g} s is {n_window} rows of a log of {len(values)}",
            hint="Give a window of five rows or more that fits into the log.",
        )
    smooth = savgol_filter(values, n_window, 3)
    slope = savgol_filter(values, n_window, 3, deriv=1, delta=step)
    return np.asarray(smooth), np.asarray(slope)


@dataclass(frozen=True, slots=True)
class ContactRule:
    """When a thermocouple is taken to have lost its ice.

    While ice touches it the temperature rises ever more slowly. Contact is lost where the slope,
    smoothed over the window, first exceeds the smallest that it has had since the shelf's hold by
    more than the excess, and goes on to do so until the temperature has risen by `rise_K`.
    """

    window_s: float = 3600.0
    excess_K_s: float = 0.5 / HOUR_s
    rise_K: float = 3.0


def contact_lost_s(
    times_s: ArrayLike, product_K: ArrayLike, held_s: float, rule: ContactRule | None = None
) -> float:
    """When ice no longer touches a thermocouple; NaN if it does to the end.

    >>> t = np.arange(0.0, 36000.0, 60.0)
    >>> steady = 240.0 + 3.0 * (1.0 - np.exp(-t / 7200.0))
    >>> lost = contact_lost_s(t, steady + np.maximum(t - 28800.0, 0.0) * 1e-3, 0.0)
    >>> abs(lost - 28800.0) < 1500.0
    True
    """
    rule = rule or ContactRule()
    times, product = vector(times_s, "times_s"), vector(product_K, "product_K")
    use = np.isfinite(product)
    times, product = times[use], product[use]
    smooth, slope = _smoothed(times, product, rule.window_s)
    begin = int(np.searchsorted(times, held_s + rule.window_s / 2))
    smallest = np.minimum.accumulate(slope[begin:])
    is_fast = slope[begin:] > np.maximum(smallest, 0.0) + rule.excess_K_s
    for row in np.flatnonzero(is_fast & ~np.concatenate([[False], is_fast[:-1]])):
        slow_again = np.flatnonzero(~is_fast[row:])
        finish = row + int(slow_again[0]) if len(slow_again) else len(is_fast)
        gained = smooth[begin + finish - 1] - smooth[begin + row]
        if gained >= rule.rise_K:
            return float(times[begin + row])
    return float("nan")


def settled_s(
    times_s: ArrayLike,
    product_K: ArrayLike,
    lost_s: float,
    *,
    within_K: float = 1.0,
    window_s: float = 3600.0,
    flat_share: float = 0.25,
) -> float:
    """When a thermocouple that lost its ice came to its last level; NaN if it has none yet.

    While ice is left in a vial it is colder than it will be without. The last level is the median
    of the last window, in which the slope must be a quarter of the steepest or less. The shelf's
    temperature will not do as a level: the walls may keep a dry vial several kelvin above it.

    >>> t = np.arange(0.0, 36000.0, 60.0)
    >>> settled_s(t, np.minimum(240.0 + t * 1e-3, 263.0), 3600.0)
    21960.0
    """
    times, product = vector(times_s, "times_s"), vector(product_K, "product_K")
    times, product = times[np.isfinite(product)], product[np.isfinite(product)]
    smooth, slope = _smoothed(times, product, window_s)
    is_last = times >= times[-1] - window_s
    if float(np.median(slope[is_last])) > flat_share * slope[times > lost_s].max(initial=0.0):
        return float("nan")
    is_warm = (smooth >= np.median(smooth[is_last]) - within_K) & (times > lost_s)
    return float(times[int(is_warm.argmax())]) if is_warm.any() else float("nan")
