"""Tags summed up over a window, weighted by how long each value stood."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from goldenbatch.capabilities.monitoring._common import window_evidence
from goldenbatch.core.series import Series

Window = tuple[int, int]
"""Half-open, microseconds UTC."""

Read = Callable[[str, Window], Series | None]
"""Readings of one tag in a window; None where it has none."""

_BAD = 0x80000000


@dataclass(frozen=True)
class Summed:
    """A tag over a window.

    Attributes:
        values: Statistic to its value; NaN where nothing stood.
        digest: SHA-256 of the readings; empty where there are none.
    """

    values: dict[str, float]
    digest: str


def summed(read: Read, tag: str, window: Window, statistics: Sequence[str]) -> Summed:
    """Sum up one tag over a window; bad readings stand for nothing, and missing stays missing.

    A reading holds until the next one, the last until the end of the window.
    """
    series = read(tag, window) if window[0] < window[1] else None
    if series is None or not len(series):
        return Summed(dict.fromkeys(statistics, math.nan), "")
    values = np.asarray(series.values(), dtype=float)
    times = series.times()
    values = np.where(series.qualities() >= _BAD, np.nan, values)
    holds = np.diff(np.append(times, window[1])).astype(float)
    there = ~np.isnan(values) & (holds > 0)
    proof = window_evidence(series, tag, int(series.seqs().max()), "")
    if not there.any():
        return Summed(dict.fromkeys(statistics, math.nan), proof.digest)
    found = _statistics(values[there], holds[there])
    return Summed({name: found[name] for name in statistics}, proof.digest)


def _statistics(values: NDArray[np.float64], holds: NDArray[np.float64]) -> dict[str, float]:
    weights = holds / holds.sum()
    mean = float(weights @ values)
    return {
        "mean": mean,
        "sd": math.sqrt(max(0.0, float(weights @ (values - mean) ** 2))),
        "max": float(values.max()),
        "min": float(values.min()),
    }
