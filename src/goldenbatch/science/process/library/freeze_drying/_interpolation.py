"""Between two steps: cubic Hermite interpolation and the moment at which a layer is through."""

from __future__ import annotations

import numpy as np

from goldenbatch.science._arrays import Floats


def hermite(at: Floats, times: Floats, values: Floats, rates: Floats) -> Floats:
    """Cubic Hermite interpolation, shape (n_at, n_vials)."""
    after = np.clip(np.searchsorted(times, at, side="right"), 1, len(times) - 1)
    width = (times[after] - times[after - 1])[:, None]
    share = np.clip((at - times[after - 1])[:, None] / width, 0.0, 1.0)
    return cubic(share, width, (values[after - 1], values[after]), (rates[after - 1], rates[after]))


def cubic(
    share: Floats, width: Floats, values: tuple[Floats, Floats], rates: tuple[Floats, Floats]
) -> Floats:
    """Cubic through two values with two slopes, at a share of the width."""
    rest = 1.0 - share
    held = (
        rest * rest * (1.0 + 2.0 * share) * values[0]
        + share * share * (1.0 + 2.0 * rest) * values[1]
    )
    bent = share * rest * width * (rest * rates[0] - share * rates[1])
    return np.asarray(held + bent)


def ends(times: Floats, dried: Floats, rates: Floats, height: Floats) -> Floats:
    """When each vial's layer reaches its height: bisection in the step that contains it."""
    reached = dried >= height
    after = np.maximum(reached.argmax(axis=0), 1)
    vial = np.arange(dried.shape[1])
    width = times[after] - times[after - 1]
    values = dried[after - 1, vial], dried[after, vial]
    slopes = rates[after - 1, vial], rates[after, vial]
    low, high = np.zeros(len(vial)), np.ones(len(vial))
    for _ in range(40):
        middle = (low + high) / 2
        is_past = cubic(middle, width, values, slopes) >= height
        low, high = np.where(is_past, low, middle), np.where(is_past, middle, high)
    ends = times[after - 1] + high * width
    return np.where(reached.any(axis=0), ends, np.nan)
