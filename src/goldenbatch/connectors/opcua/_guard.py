"""Readings held to the limit of the clocks: kept, marked, or refused and recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from goldenbatch.connectors.opcua._frames import FIRST_TIME, Batch, Columns
from goldenbatch.core.acquisition import Gap, GapCause, Outlet
from goldenbatch.core.series import Quality

if TYPE_CHECKING:
    from goldenbatch.connectors.opcua.settings import Clocks
    from goldenbatch.core.site import Window

UNCERTAIN = int(Quality.UNCERTAIN)


class ClockGuard:
    """Holds readings to the card's limit and records those that it refuses.

    Args:
        settings: What the card says.
        outlet: Where gaps are recorded.
    """

    def __init__(self, settings: Clocks, outlet: Outlet) -> None:
        self._settings, self._outlet = settings, outlet
        self._refused: tuple[int, Window] | None = None
        self.offset_us = 0

    async def hold(self, batch: Batch, received_at: int) -> None:
        """Mark or take out what cannot be right; the first refusal is recorded at once."""
        if not len(batch):
            return
        n, window = hold_to_clock(batch, self._settings, self.offset_us, received_at)
        if n:
            before = self._refused
            if before is None:
                await self._tell(n, window)
                self._refused = (0, window)
            else:
                whole = (min(before[1][0], window[0]), max(before[1][1], window[1]))
                self._refused = (before[0] + n, whole)
        elif self._refused is not None:
            before, self._refused = self._refused, None
            if before[0]:
                await self._tell(*before)

    async def _tell(self, n: int, window: Window) -> None:
        offset = self.offset_us / 1e6
        note = f"times that cannot be right: the server's clock is off by {offset:.3f} s"
        await self._outlet.gap(Gap(window, GapCause.REJECTED, (), note, n))


def hold_to_clock(
    batch: Batch, clocks: Clocks, offset_us: int, received_at: int
) -> tuple[int, tuple[int, int]]:
    """Mark or take out readings whose times cannot be right.

    All of them, if the server's clock is off by more than the limit; else those that lie in
    the future by more than it.

    Returns:
        How many were taken out, and the window around them.
    """
    n_out, window = 0, (received_at, received_at)
    if clocks.beyond == "keep":
        return n_out, window
    limit = int(clocks.limit_s * 1e6)
    latest = received_at + limit if abs(offset_us) <= limit else FIRST_TIME
    for columns in batch.kinds.values():
        if not columns.times or max(columns.times) <= latest:
            continue
        wrong = [i for i, time in enumerate(columns.times) if time > latest]
        if clocks.beyond == "uncertain":
            for i in wrong:
                if columns.qualities[i] < UNCERTAIN:
                    columns.qualities[i] |= UNCERTAIN
            continue
        times = [columns.times[i] for i in wrong]
        low = min(times) if not n_out else min(window[0], *times)
        high = max(times) + 1 if not n_out else max(window[1], max(times) + 1)
        n_out, window = n_out + len(wrong), (low, high)
        _without(columns, set(wrong))
    return n_out, window


def _without(columns: Columns, rows: set[int]) -> None:
    for name in ("times", "codes", "values", "qualities"):
        kept = [one for i, one in enumerate(getattr(columns, name)) if i not in rows]
        setattr(columns, name, kept)
