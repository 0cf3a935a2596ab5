"""Breakthrough: dynamic binding capacity, and the packing seen through a transition.

References:
    Carta and Jungbauer 2020, Protein Chromatography, 2nd ed., ch. 8 (capacity);
    Larson et al. 2003, Biotechnol. Prog. 19, 485 (transition analysis).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import ArrayLike, NDArray

from goldenbatch.science._arrays import complete, vector
from goldenbatch.science.errors import DataError
from goldenbatch.science.process.library.chromatography.peaks import Moments, moments

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BindingCapacity:
    """Capacity of a column under flow.

    Attributes:
        volume: Loaded until the breakthrough, in the unit of the volumes.
        dynamic: Bound per volume of bed then, in the unit of the feed's concentration.
        equilibrium: Bound per volume of bed at the end of the load.
        utilisation: Dynamic over equilibrium capacity.
    """

    volume: float
    dynamic: float
    equilibrium: float
    utilisation: float


def dynamic_binding_capacity(
    volumes: ArrayLike, outlet: ArrayLike, feed: float, bed_volume: float, *,
    dead_volume: float = 0.0, share: float = 0.1,
) -> BindingCapacity:  # fmt: skip
    """Capacity at a share of breakthrough, by what was fed less what left.

    Args:
        volumes: Loaded so far, rising.
        outlet: Concentration that leaves.
        feed: Concentration of the feed.
        bed_volume: Of the column, in the unit of the volumes.
        dead_volume: Liquid between inlet and outlet that takes no part in binding: its content
            is not counted as bound.
        share: Outlet over feed that counts as breakthrough.

    Raises:
        DataError: The breakthrough is not reached, or the numbers make no load.

    >>> v = np.linspace(0.0, 20.0, 2001)
    >>> found = dynamic_binding_capacity(v, np.where(v >= 11.0, 2.0, 0.0), 2.0, 1.0,
    ...                                  dead_volume=1.0)
    >>> round(found.dynamic, 2), round(found.utilisation, 3)
    (19.98, 1.0)
    """
    v, c = complete(vector(volumes), "volumes"), complete(vector(outlet), "outlet")
    if len(v) != len(c) or not (np.diff(v) > 0.0).all() or feed <= 0.0 or bed_volume <= 0.0:
        raise DataError(
            f"{len(v)} volumes, {len(c)} concentrations, feed {feed:g}, bed {bed_volume:g} make "
            "no load.",
            hint="Give rising volumes with their concentrations, and a feed and bed above zero.",
        )
    at = first_crossing(v, c, share * feed)
    if at is None:
        raise DataError(
            f"the outlet reaches {c.max() / feed:.4f} of the feed, not {share:g}.",
            hint="Load for longer, or ask for the capacity at a smaller share.",
        )
    lost = _integral(v, c, at)
    bound = (feed * (at - dead_volume) - lost) / bed_volume
    whole = (feed * (float(v[-1]) - dead_volume) - _integral(v, c, float(v[-1]))) / bed_volume
    return BindingCapacity(at, bound, whole, bound / whole)


def first_crossing(x: Floats, y: Floats, level: float) -> float | None:
    """Where a signal first reaches a level, on straight lines; None where it never does.

    >>> first_crossing(np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.0, 1.0]), 0.5)
    1.5
    """
    above = np.flatnonzero(y >= level)
    if not above.size:
        return None
    place = int(above[0])
    if place == 0:
        return float(x[0])
    return float(np.interp(level, y[place - 1 : place + 1], x[place - 1 : place + 1]))


def _integral(x: Floats, y: Floats, end: float) -> float:
    inside = x < end
    return float(
        np.trapezoid(np.append(y[inside], np.interp(end, x, y)), np.append(x[inside], end))
    )


@dataclass(frozen=True)
class Transition:
    """A step at the inlet as it leaves: what it says of the packing.

    Attributes:
        moments: Of the derivative: its mean is the retention, its variance the spreading.
        plates: `mean^2 / variance`.
        plate_height_m: Column length over plates.
        asymmetry: Back over front half width of the derivative at 10 % of its height.
        breakthrough: Time at 5 %, 50 % and 95 % of the step.
    """

    moments: Moments
    plates: float
    plate_height_m: float
    asymmetry: float
    breakthrough: tuple[float, float, float]


def transition(times_s: ArrayLike, signal: ArrayLike, length_m: float) -> Transition:
    """Analyse a transition, such as from one buffer to another by conductivity.

    A trend of plate height or asymmetry over cycles shows a packing that cracks or channels.

    Args:
        times_s: Since the step at the inlet.
        signal: From one level to another, in either direction.
        length_m: Of the bed.

    Raises:
        DataError: The signal does not change.

    >>> from scipy.special import ndtr
    >>> t = np.linspace(0.0, 200.0, 4001)
    >>> found = transition(t, ndtr((t - 100.0) / 5.0), 0.2)
    >>> round(found.plates), round(found.asymmetry, 2)
    (400, 1.0)
    """
    t, y = complete(vector(times_s), "times"), complete(vector(signal), "signal")
    span = float(y[-1] - y[0]) if len(y) else 0.0
    if len(t) < 10 or len(t) != len(y) or span == 0.0:
        raise DataError("the signal has no transition.", hint="Give it from level to level.")
    f = (y - y[0]) / span
    middle, slope = 0.5 * (t[1:] + t[:-1]), np.diff(f) / np.diff(t)
    found = moments(middle, slope)
    top = int(slope.argmax())
    level = 0.1 * float(slope[top])
    front = middle[top] - float(np.interp(level, slope[: top + 1], middle[: top + 1]))
    back = float(np.interp(-level, -slope[top:], middle[top:])) - middle[top]
    early, half, late = (first_crossing(t, f, share) or nan for share in (0.05, 0.5, 0.95))
    return Transition(
        found, found.plates, length_m / found.plates, float(back / front), (early, half, late)
    )
