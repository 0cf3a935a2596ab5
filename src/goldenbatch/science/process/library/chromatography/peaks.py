"""Peaks of a chromatogram: where, how high, how wide, how skewed, how far apart.

References:
    European Pharmacopoeia 2.2.46 and USP <621> (plates, resolution, symmetry);
    Foley and Dorsey 1983, doi:10.1021/ac00255a033; Felinger 1998, Data Analysis and Signal
    Processing in Chromatography (moments).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, nan, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from goldenbatch.science._arrays import complete, vector
from goldenbatch.science.errors import DataError

Floats = NDArray[np.float64]
_PLATES = 8.0 * log(2.0)


@dataclass(frozen=True)
class Moments:
    """Moments of a signal over time.

    Attributes:
        area: Zeroth moment, signal times s.
        mean_s: First moment over the area: retention time.
        variance_s2: Second central moment.
        skewness: Third central moment over the standard deviation cubed; 0: symmetric.
    """

    area: float
    mean_s: float
    variance_s2: float
    skewness: float

    @property
    def plates(self) -> float:
        """Theoretical plates, `mean^2 / variance`."""
        return self.mean_s**2 / self.variance_s2


def moments(times_s: ArrayLike, signal: ArrayLike) -> Moments:
    """Moments by the trapezoidal rule over all that is given; cut out one peak first.

    Raises:
        DataError: Times do not rise, or the area is not positive.

    >>> t = np.linspace(0.0, 20.0, 2001)
    >>> m = moments(t, np.exp(-0.5 * ((t - 10.0) / 0.5) ** 2))
    >>> round(m.mean_s, 6), round(m.variance_s2, 6), round(m.plates, 3)
    (10.0, 0.25, 400.0)
    """
    t, y = _signal(times_s, signal)
    area = float(np.trapezoid(y, t))
    if area <= 0.0:
        raise DataError(f"the signal has the area {area:g}.", hint="Subtract the base line first.")
    mean = float(np.trapezoid(y * t, t)) / area
    variance = float(np.trapezoid(y * (t - mean) ** 2, t)) / area
    third = float(np.trapezoid(y * (t - mean) ** 3, t)) / area
    return Moments(area, mean, variance, third / variance**1.5 if variance > 0.0 else 0.0)


@dataclass(frozen=True)
class Peak:
    """A peak.

    Attributes:
        apex_s: Time of its highest point, from a parabola through the three highest.
        height: Its height there.
        start_s: Where it rises out of the threshold, or the valley before it.
        end_s: Where it falls below it, or the valley after it.
        area: Signal times s between start and end.
        width_half_s: Width at half height; NaN where a neighbour covers it.
        tailing: USP tailing factor at 5 % of the height, `w / (2 front)`; 1: symmetric.
        asymmetry: Back over front half width at 10 % of the height.
    """

    apex_s: float
    height: float
    start_s: float
    end_s: float
    area: float
    width_half_s: float
    tailing: float
    asymmetry: float

    @property
    def plates(self) -> float:
        """Plates from the width at half height, `5.54 (t/w)^2` (Ph. Eur. 2.2.46)."""
        return _PLATES * (self.apex_s / self.width_half_s) ** 2


def find_peaks(
    times_s: ArrayLike, signal: ArrayLike, *, threshold: float = 0.01, prominence: float = 0.02
) -> tuple[Peak, ...]:
    """Peaks of a signal, in order of time.

    Args:
        times_s: Rising.
        signal: Without a drifting base line.
        threshold: Share of the highest point below which nothing counts.
        prominence: How far a peak must stand above its valleys, as a share of the highest point.

    Raises:
        DataError: Times do not rise.

    >>> t = np.linspace(0.0, 60.0, 6001)
    >>> bell = lambda at, sd: np.exp(-0.5 * ((t - at) / sd) ** 2)
    >>> [round(p.apex_s, 3) for p in find_peaks(t, bell(20.0, 1.0) + 0.5 * bell(40.0, 2.0))]
    [20.0, 40.0]
    """
    from scipy.signal import find_peaks as local_maxima

    t, y = _signal(times_s, signal)
    top = float(y.max())
    if top <= 0.0:
        return ()
    padded = np.concatenate([[min(0.0, y.min())], y, [min(0.0, y.min())]])
    found, _ = local_maxima(padded, height=threshold * top, prominence=prominence * top)
    places = [int(one) - 1 for one in found]
    return tuple(
        _peak(t, y, place, threshold * top, (
            places[k - 1] if k else 0, places[k + 1] if k + 1 < len(places) else len(t) - 1,
        ))
        for k, place in enumerate(places)
    )  # fmt: skip


def _peak(t: Floats, y: Floats, place: int, floor: float, neighbours: tuple[int, int]) -> Peak:
    before, after = neighbours
    left = before + int(np.argmin(y[before : place + 1]))
    right = place + int(np.argmin(y[place : after + 1]))
    below = np.flatnonzero(y[left:place] < floor)
    first = left + int(below[-1]) if below.size else left
    below = np.flatnonzero(y[place : right + 1] < floor)
    last = place + int(below[0]) if below.size else right
    apex, height = _top(t, y, place)
    inside = slice(first, last + 1)
    area = float(np.trapezoid(y[inside], t[inside]))
    front5, back5 = _widths(t, y, (first, place, last), apex, 0.05 * height)
    front10, back10 = _widths(t, y, (first, place, last), apex, 0.10 * height)
    front50, back50 = _widths(t, y, (first, place, last), apex, 0.50 * height)
    return Peak(
        apex, height, float(t[first]), float(t[last]), area, front50 + back50,
        (front5 + back5) / (2.0 * front5), back10 / front10,
    )  # fmt: skip


def _top(t: Floats, y: Floats, place: int) -> tuple[float, float]:
    if not 0 < place < len(t) - 1:
        return float(t[place]), float(y[place])
    a, b, c = np.polyfit(t[place - 1 : place + 2] - t[place], y[place - 1 : place + 2], 2)
    if a >= 0.0:
        return float(t[place]), float(y[place])
    return float(t[place] - b / (2.0 * a)), float(c - b * b / (4.0 * a))


def _widths(
    t: Floats, y: Floats, places: tuple[int, int, int], apex: float, level: float
) -> tuple[float, float]:
    """Distances from the apex to where the signal crosses a level; NaN where it does not."""
    first, place, last = places
    front = back = nan
    for k in range(place, first, -1):
        if y[k - 1] <= level < y[k]:
            front = apex - float(np.interp(level, [y[k - 1], y[k]], [t[k - 1], t[k]]))
            break
    for k in range(place, last):
        if y[k + 1] <= level < y[k]:
            back = float(np.interp(level, [y[k + 1], y[k]], [t[k + 1], t[k]])) - apex
            break
    return front, back


def resolution(one: Peak, other: Peak) -> float:
    """Resolution of two peaks, `1.18 (t2 - t1)/(w1 + w2)` by half widths (Ph. Eur. 2.2.46).

    >>> t = np.linspace(0.0, 60.0, 6001)
    >>> y = np.exp(-0.5 * (t - 20.0) ** 2) + np.exp(-0.5 * (t - 26.0) ** 2)
    >>> round(resolution(*find_peaks(t, y)), 2)
    1.5
    """
    factor = sqrt(2.0 * log(2.0))
    return factor * abs(other.apex_s - one.apex_s) / (one.width_half_s + other.width_half_s)


def plate_height(length_m: float, plates: float) -> float:
    """Height equivalent to a theoretical plate, in m.

    >>> plate_height(0.2, 1000.0)
    0.0002
    """
    return length_m / plates


def retention_factor(retention_s: float, dead_time_s: float) -> float:
    """How much longer a component stays than one that is not retained, `t/t0 - 1`.

    >>> retention_factor(300.0, 100.0)
    2.0
    """
    return retention_s / dead_time_s - 1.0


def selectivity(one: float, other: float) -> float:
    """Ratio of two retention factors, 1 or more.

    >>> selectivity(2.0, 3.0)
    1.5
    """
    return max(one, other) / min(one, other)


def _signal(times_s: ArrayLike, signal: ArrayLike) -> tuple[Floats, Floats]:
    t, y = complete(vector(times_s, "times"), "times"), complete(vector(signal), "signal")
    if len(t) != len(y) or len(t) < 3 or not (np.diff(t) > 0.0).all():
        raise DataError(
            f"{len(t)} times and {len(y)} values make no signal.",
            hint="Give at least 3 values, each with a time after the one before.",
        )
    return t, y
