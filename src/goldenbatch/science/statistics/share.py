"""A share that rises: a CUSUM of yes and no, with exact run lengths.

References:
    Reynolds and Stoumbos (1999), J. Qual. Technol. 31:87, doi:10.1080/00224065.1999.11979900
    (Bernoulli CUSUM; steps on a lattice, so that its Markov chain is exact).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from goldenbatch.science.errors import DesignError

_LARGEST = 4000


@dataclass(frozen=True, slots=True)
class ShareChart:
    """A one-sided Bernoulli CUSUM; its sum is a whole number.

    Attributes:
        allowed: share up to which there is no more than one false alarm in `arl0` units.
        detected: share that it is designed to find.
        up: what an event adds; each other unit takes 1 away.
        threshold: from this sum on there is an alarm.
        arl0: exact run length at the allowed share.
    """

    allowed: float
    detected: float
    up: int
    threshold: int
    arl0: float


def share_arl(share: float, up: int, threshold: int) -> float:
    """Exact mean number of units to the alarm, started at zero.

    Args:
        share: chance of an event in each unit.
        up: what an event adds.
        threshold: of the alarm.

    Raises:
        DesignError: numbers that give no chart.

    >>> round(share_arl(0.5, 1, 2), 6)
    6.0
    """
    if not (0 < share < 1 and up >= 1 and 1 <= threshold <= _LARGEST):
        raise DesignError(f"share {share}, step {up} and threshold {threshold} give no chart")
    steps = np.eye(threshold)
    for s in range(threshold):
        steps[s, max(s - 1, 0)] -= 1.0 - share
        if s + up < threshold:
            steps[s, s + up] -= share
    return float(np.linalg.solve(steps, np.ones(threshold))[0])


@cache
def share_chart(allowed: float, detected: float, arl0: float) -> ShareChart:
    """Design a chart: the lowest threshold with at least the run length at the allowed share.

    Raises:
        DesignError: the shares are not in order, or no chart has the run length.

    >>> chart = share_chart(0.05, 0.25, 200.0)
    >>> chart.up, chart.threshold, chart.arl0 >= 200
    (7, 14, True)
    """
    if not 0 < allowed < detected < 1 or not 1 < arl0 < math.inf:
        raise DesignError(f"no chart tells {detected} from {allowed} with a run length of {arl0}")
    odds = math.log(detected * (1 - allowed) / (allowed * (1 - detected)))
    rest = -math.log((1 - detected) / (1 - allowed))
    up = max(1, round(odds / rest) - 1)
    low, high = 0, 1
    while share_arl(allowed, up, high) < arl0:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if share_arl(allowed, up, middle) < arl0 else (low, middle)
    return ShareChart(allowed, detected, up, high, share_arl(allowed, up, high))


def share_step(chart: ShareChart, total: int, *, is_event: bool) -> int:
    """The sum after one more unit; never above 1.25 times the threshold.

    >>> share_step(share_chart(0.05, 0.25, 200.0), 0, is_event=True)
    7
    """
    total = max(0, total + (chart.up if is_event else -1))
    return min(total, math.ceil(1.25 * chart.threshold))
