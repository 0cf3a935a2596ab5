"""Reading ahead: a replay knows its ticks, so that one query serves many of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from goldenbatch.core.series import Series

N_TICKS = 64
"""Ticks that one query serves; the readings of so many are held in memory."""

Read = Callable[[list[str], int, int], "Series"]


class Ahead:
    """Readings after one bound and up to another, of bounds that are known beforehand.

    Args:
        bounds: The bounds of all ticks, in rising order.
        read: Readings of tags with `after < key <= upto`, in rising order of their keys.
        keys: The key of each reading: number of its frame, or time.
    """

    def __init__(
        self, bounds: Sequence[int], read: Read, keys: Callable[[Series], NDArray[np.int64]]
    ) -> None:
        self._bounds = list(bounds)
        self._read = read
        self._keys = keys
        self._blocks: dict[tuple[str, ...], tuple[int, int, NDArray[np.int64], Series]] = {}

    def between(self, names: list[str], after: int, upto: int) -> Series:
        """Readings of tags with `after < key <= upto`."""
        from goldenbatch.core.series import Series

        block = self._blocks.get(tuple(names))
        if block is None or not (block[0] <= after and upto <= block[1]):
            place = bisect_right(self._bounds, after) + N_TICKS
            last = max(upto, self._bounds[min(place, len(self._bounds)) - 1])
            series = self._read(names, after, last)
            block = (after, last, self._keys(series), series)
            self._blocks[tuple(names)] = block
        keys, series = block[2], block[3]
        first, end = keys.searchsorted([after, upto], side="right").tolist()
        return Series(series.kind, series.table.slice(first, end - first))
