"""Readings of tags as samples of a batch: the newest value at each moment of a grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.core.series import Quality

if TYPE_CHECKING:
    from goldenbatch.core.series import Floats, Integers, Series


def sampled(series: Series, tags: Sequence[str], times: Integers, max_age_us: int) -> Floats:
    """Values at moments, shape (n, n_tags); NaN where the newest is bad, too old or not there.

    Args:
        series: Readings by tag and time, from `max_age_us` before the first moment on.
        tags: Of the columns.
        times: Moments, rising, shape (n,).
        max_age_us: Age at which a reading counts as missing.
    """
    found = np.full((len(times), len(tags)), np.nan)
    if not len(series) or series.kind != "number":
        return found
    for j, tag in enumerate(tags):
        part = series.of(tag)
        if not len(part):
            continue
        at, values = part.times(), part.values().astype(np.float64)
        values = np.where(part.qualities() < Quality.BAD, values, np.nan)
        last = np.searchsorted(at, times, side="right") - 1
        is_there = (last >= 0) & (times - at[np.maximum(last, 0)] <= max_age_us)
        found[is_there, j] = values[last[is_there]]
    return np.where(np.isfinite(found), found, np.nan)
