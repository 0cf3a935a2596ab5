"""Gaps filled from the server's history: ReadRaw with continuation points, tag by tag.

What comes is compared with what is stored, so that an overlap brings nothing twice. A tag whose
server has no history keeps its gap on record.

References:
    OPC 10000-11, 6.4.3 (ReadRaw); OPC 10000-4, 5.10.3 (HistoryRead).
"""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.connectors.opcua._session import status_name
from goldenbatch.connectors.opcua._taking import EPOCH, Taken, Taker
from goldenbatch.core.acquisition import Outlet

if TYPE_CHECKING:
    from goldenbatch.connectors.opcua._frames import Batch
    from goldenbatch.connectors.opcua._items import Item
    from goldenbatch.connectors.opcua._session import Session
    from goldenbatch.connectors.opcua.settings import History
    from goldenbatch.core.site import Clock, Window

JOB_TAGS: Final = 1000
TOO_MANY: Final = 0x80100000
"""BadTooManyOperations: fewer nodes a call."""
NO_SERVICE: Final = frozenset({0x800B0000, 0x80720000, 0x80710000, 0x803D0000})
"""BadServiceUnsupported, BadHistoryOperationUnsupported, ...Invalid, BadNotSupported."""


@dataclass
class Parts:
    """How many parts of a split job are not filled; shared by all of them."""

    n_open: int


@dataclass(frozen=True)
class Job:
    """A window of some items that is asked for again.

    Attributes:
        window: Half-open, source time in microseconds UTC.
        source_up_at: Since when the server runs; it may know nothing of before.
        is_whole: All items of the source, so that records need not name them.
        parts: Of a large job that was split, the parts that are not filled yet.
    """

    items: tuple[Item, ...]
    window: Window
    source_up_at: int = 0
    is_whole: bool = False
    parts: Parts | None = None


@dataclass
class Found:
    """What history gave of some items.

    Attributes:
        n_new: Readings that were not stored yet.
        earliest: Earliest time of each item that had readings.
        refused: Items of which the server has no history, with what it says.
    """

    n_new: int = 0
    earliest: dict[int, int] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Origin:
    """What stands on the frames of a backfill.

    Attributes:
        source: Name of the source.
        key: Start of their keys.
        clock: Present time.
        hold: Holds readings to the limits of the clocks.
    """

    source: str
    key: str
    clock: Clock
    hold: Callable[[Batch, int], Awaitable[None]]


class Backfill:
    """Fills gaps, one job after the other, while live values go on coming.

    Args:
        session: Where history is read.
        settings: What the card says.
        taker: Turns values into readings.
        outlet: Where they go.
        origin: What stands on the frames.
    """

    def __init__(
        self,
        session: Session,
        settings: History,
        taker: Taker,
        outlet: Outlet,
        origin: Origin,
    ) -> None:
        self._session, self._settings, self._taker = session, settings, taker
        self._outlet, self._origin = outlet, origin
        self._jobs: asyncio.Queue[Job] = asyncio.Queue()
        self._n_frames = 0
        self._step = session.limit("MaxNodesPerHistoryReadData", settings.nodes_per_call)
        self.n_readings = 0
        self.n_jobs = 0

    def ask(self, job: Job) -> None:
        """Have a window filled; large jobs are done in parts."""
        if len(job.items) <= JOB_TAGS:
            self._jobs.put_nowait(job)
            return
        starts = range(0, len(job.items), JOB_TAGS)
        parts = Parts(len(starts)) if job.is_whole else None
        for first in starts:
            part = job.items[first : first + JOB_TAGS]
            self._jobs.put_nowait(Job(part, job.window, job.source_up_at, parts=parts))

    @property
    def n_waiting(self) -> int:
        """Jobs that are not begun."""
        return self._jobs.qsize()

    async def run(self) -> None:
        """Do jobs until cancelled."""
        while True:
            job = await self._jobs.get()
            while self._outlet.is_congested:
                await asyncio.sleep(0.5)
            await self._do(job)
            self.n_jobs += 1
            self._outlet.health("backfills", float(self.n_jobs))
            self._outlet.health("backfilled_readings", float(self.n_readings))

    async def _do(self, job: Job) -> None:
        found = Found()
        at = 0
        while at < len(job.items):
            chunk = job.items[at : at + self._step]
            if await self._chunk(chunk, job.window, found):
                at += len(chunk)
        self.n_readings += found.n_new
        await self._record(job, found)
        done = {f"behind/{item.tag}": "" for item in job.items}
        await self._outlet.deliver([], done)

    async def _record(self, job: Job, found: Found) -> None:
        """Say what was filled; a time in which the server was off stays a gap without readings."""
        start, end = job.window
        groups: dict[Window, list[str]] = {}
        for item in job.items:
            if item.handle in found.refused:
                continue
            earliest = found.earliest.get(item.handle, end)
            is_off = start < job.source_up_at and earliest >= job.source_up_at
            window = (min(job.source_up_at, end), end) if is_off else (start, end)
            if window[0] < window[1]:
                groups.setdefault(window, []).append(item.tag)
        for window, tags in groups.items():
            is_whole = len(tags) == len(job.items) and _is_whole(job, window)
            n = found.n_new if len(groups) == 1 else 0
            await self._outlet.backfilled(window, () if is_whole else tags, n)
        if found.refused:
            first = next(iter(found.refused.values()))
            self._outlet.health("no_history", float(len(found.refused)))
            self._outlet.health("no_history_reason", first)

    async def _chunk(self, items: Sequence[Item], window: Window, found: Found) -> bool:
        """Read some items to their end; False if the server wants fewer at once."""
        from asyncua.ua.uaerrors import UaStatusCodeError

        open_: dict[int, tuple[Item, bytes | None]] = {one.handle: (one, None) for one in items}
        while open_:
            try:
                results = await self._read(list(open_.values()), window)
            except UaStatusCodeError as error:
                if error.code == TOO_MANY and self._step > 1:
                    self._step = max(1, self._step // 2)
                    return False
                if error.code not in NO_SERVICE:
                    raise
                found.refused |= dict.fromkeys(open_, status_name(error.code))
                return True
            open_ = await self._take(open_, results, found)
        return True

    async def _read(
        self, pairs: Sequence[tuple[Item, bytes | None]], window: Window
    ) -> Sequence[Any]:
        from asyncua import ua

        overlap = int(self._settings.overlap_s * 1e6)
        details = ua.ReadRawModifiedDetails(
            IsReadModified=False,
            StartTime=EPOCH + datetime.timedelta(microseconds=window[0] - overlap),
            EndTime=EPOCH + datetime.timedelta(microseconds=window[1] + overlap),
            NumValuesPerNode=self._settings.values_per_call,
            ReturnBounds=False,
        )
        nodes = [ua.HistoryReadValueId(NodeId=one.node, ContinuationPoint=at) for one, at in pairs]
        parameters = ua.HistoryReadParameters(
            HistoryReadDetails=details,
            TimestampsToReturn=ua.TimestampsToReturn.Both,
            ReleaseContinuationPoints=False,
            NodesToRead=nodes,
        )
        results: Sequence[Any] = await self._session.raw.history_read(parameters)
        return results

    async def _take(
        self,
        asked: Mapping[int, tuple[Item, bytes | None]],
        results: Sequence[Any],
        found: Found,
    ) -> dict[int, tuple[Item, bytes | None]]:
        """Store what came; the items of which there is more."""
        received_at = self._origin.clock()
        taken, more = Taken(), {}
        for (handle, (item, _)), result in zip(asked.items(), results, strict=True):
            if not result.StatusCode.is_good():
                found.refused[handle] = status_name(result.StatusCode.value)
                continue
            values = getattr(result.HistoryData, "DataValues", None) or ()
            if values:
                await self._add(item, values, taken, received_at, found)
            if result.ContinuationPoint:
                more[handle] = (item, result.ContinuationPoint)
        found.n_new += await self._store(taken, received_at)
        return more

    async def _add(
        self, item: Item, values: Sequence[Any], taken: Taken, received_at: int, found: Found
    ) -> None:
        """Add the values of one item; its own state is that of its live values."""
        before = (item.is_fresh, item.last_time, item.mistyped)
        item.is_fresh = False
        pairs = [(item, one) for one in values]
        n_times = {kind: len(columns) for kind, columns in taken.batch.kinds.items()}
        rest = self._taker.take(pairs, taken, received_at)
        await self._taker.take_rest(rest, taken, received_at)
        item.is_fresh, item.last_time, item.mistyped = before
        for kind, columns in taken.batch.kinds.items():
            new = columns.times[n_times[kind] :]
            if new:
                known = found.earliest.get(item.handle, new[0])
                found.earliest[item.handle] = min(known, *new)

    async def _store(self, taken: Taken, received_at: int) -> int:
        n_new = 0
        await self._origin.hold(taken.batch, received_at)
        self._n_frames += 1
        key = f"{self._origin.key}/{self._n_frames}"
        book, source = self._taker.book, self._origin.source
        for frame in taken.batch.frames(book, source, key, received_at):
            unseen = await self._outlet.unseen(frame)
            if unseen is not None:
                n_new += unseen.readings.num_rows
                await self._outlet.deliver([unseen], taken.kinds)
        return n_new


def _is_whole(job: Job, window: Window) -> bool:
    """Whether all of the source is filled now; the last part of a split job tells for all."""
    if job.parts is None:
        return job.is_whole
    if window == job.window:
        job.parts.n_open -= 1
    return job.parts.n_open == 0
