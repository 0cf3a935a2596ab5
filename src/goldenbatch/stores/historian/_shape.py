"""Fewer readings that still tell the truth: decimation that keeps extremes, and alignment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from goldenbatch.core.series import Aligned, Quality, ReadingKind
from goldenbatch.stores.historian._columns import Ints, ints

Floats = NDArray[np.float64]
POINTS_A_BUCKET = 4


def floats(table: pa.Table) -> Floats:
    """Values; a missing one is NaN."""
    column = table.column("value")
    column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    return column.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def _changes(table: pa.Table, kind: ReadingKind, group: Ints) -> NDArray[np.bool_]:
    """Rows on both sides of a change of quality, of presence, or of a text."""
    quality = ints(table, "quality")
    is_missing = pc.is_null(table.column("value")).to_numpy()
    differs = (quality[1:] != quality[:-1]) | (is_missing[1:] != is_missing[:-1])
    if kind in ("text", "reference"):
        text = pc.fill_null(table.column("value"), "").combine_chunks()
        codes = text.dictionary_encode()
        codes = codes.combine_chunks() if isinstance(codes, pa.ChunkedArray) else codes
        code = codes.indices.to_numpy(zero_copy_only=False)
        differs |= code[1:] != code[:-1]
    differs &= group[1:] == group[:-1]
    keep = np.zeros(len(quality), dtype=bool)
    keep[1:] |= differs
    keep[:-1] |= differs
    return keep


def decimate(
    table: pa.Table, kind: ReadingKind, window: tuple[int, int], n_points: int
) -> pa.Table:
    """First, last, lowest and highest reading of each bucket, and both sides of each change.

    A gap as wide as a bucket survives, since the readings beside it are a last and a first.
    The table is ordered by (tag, time) with one version of each reading.
    """
    n_rows = table.num_rows
    tag, time = ints(table, "tag"), ints(table, "time")
    if n_rows == 0 or int(np.unique(tag, return_counts=True)[1].max()) <= n_points:
        return table
    n_buckets = max(1, n_points // POINTS_A_BUCKET)
    # A window may reach far beyond the readings: the buckets share out what there is of it.
    first, last = max(window[0], int(time.min())), min(window[1], int(time.max()) + 1)
    width = max(1, -(-(last - first) // n_buckets))
    bucket = (time - first) // width
    is_first = np.ones(n_rows, dtype=bool)
    is_first[1:] = (tag[1:] != tag[:-1]) | (bucket[1:] != bucket[:-1])
    keep = is_first.copy()
    keep[:-1] |= is_first[1:]
    keep[-1] = True
    keep |= _changes(table, kind, tag)
    if kind == "number":
        keep[_extremes(floats(table), is_first)] = True
    return table.filter(pa.array(keep))


def _extremes(values: Floats, is_first: NDArray[np.bool_]) -> Ints:
    """Rows of the lowest and highest value of each group (the first of equals)."""
    starts = np.flatnonzero(is_first)
    groups = np.cumsum(is_first) - 1
    found = []
    for sign in (1.0, -1.0):
        signed = np.where(np.isnan(values), np.inf, sign * values)
        best = np.minimum.reduceat(signed, starts)
        rows = np.flatnonzero((signed == best[groups]) & ~np.isnan(values))
        firsts = np.unique(groups[rows], return_index=True)[1]
        found.append(rows[firsts])
    return np.concatenate(found)


def _bin_means(bins: Ints, number: Floats, status: Ints, n_grid: int) -> tuple[Floats, Ints, Ints]:
    """Mean, worst quality and number of readings of each bin, summed in order."""
    worst = np.full(n_grid, -1, dtype=np.int64)
    np.maximum.at(worst, bins, status)
    is_used = ~np.isnan(number) & (status < int(Quality.BAD))
    total = np.bincount(bins[is_used], number[is_used], n_grid)
    counts = np.bincount(bins[is_used], minlength=n_grid)
    means = np.full(n_grid, np.nan)
    np.divide(total, counts, out=means, where=counts > 0)
    return means, np.where(worst >= 0, worst, int(Quality.BAD)), counts


def align(
    table: pa.Table,
    names: Sequence[str],
    tags: Ints,
    windows: Sequence[tuple[int, int]],
    grid_us: int,
) -> Aligned:
    """Means on a grid of elapsed time, summed in order of time so that the same bits come again.

    Bad and missing readings do not enter a mean, yet the worst quality shows them; where there
    is no reading at all the value is NaN and the quality BAD.
    """
    longest = max((last - first for first, last in windows), default=0)
    n_grid = max(0, -(-longest // grid_us))
    shape = (len(windows), n_grid, len(tags))
    values = np.full(shape, np.nan)
    quality = np.full(shape, int(Quality.BAD), dtype=np.int64)
    counts = np.zeros(shape, dtype=np.int64)
    tag, time, status = ints(table, "tag"), ints(table, "time"), ints(table, "quality")
    number = floats(table) if table.num_rows else np.empty(0)
    for j, own in enumerate(tags.tolist()):
        low, high = np.searchsorted(tag, [own, own + 1])
        for i, (first, last) in enumerate(windows):
            a, b = low + np.searchsorted(time[low:high], [first, last])
            if a < b:
                bins = (time[a:b] - first) // grid_us
                cell = _bin_means(bins, number[a:b], status[a:b], n_grid)
                values[i, :, j], quality[i, :, j], counts[i, :, j] = cell
    return Aligned(
        tags=tuple(names),
        elapsed_us=np.arange(n_grid, dtype=np.int64) * grid_us,
        values=values,
        quality=quality,
        n_readings=counts,
        windows=tuple(windows),
    )
