"""Where a running source delivers: into the historian, or the spool while it cannot take it."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from goldenbatch.core.acquisition import ConnectionCard, Gap, GapCause, SourceError, media_type_of
from goldenbatch.core.errors import BadInputError, VersionConflictError
from goldenbatch.core.records import NewEvent
from goldenbatch.core.sources import GapBackfilled, GapFound, source_stream
from goldenbatch.runtime import _outlet_frames
from goldenbatch.runtime._outlet_refusals import Refusals
from goldenbatch.runtime._outlet_writer import Writer
from goldenbatch.stores.historian import WriteRefusedError
from goldenbatch.stores.spool import FrameDamagedError, SpoolFullError

if TYPE_CHECKING:
    from goldenbatch.core.records import Body, Row
    from goldenbatch.core.series import Frame
    from goldenbatch.core.site import Site, Window
    from goldenbatch.stores.spool import Spool

log = logging.getLogger("goldenbatch.sources")

SLOW_S = 1.0
"""A historian that takes longer is not waited for: frames go to the spool."""
RETRY_S = (0.2, 5.0)
"""First and longest pause before a store that took nothing is tried again."""
REFUSED = (OSError, WriteRefusedError)
"""What a full or broken disk gives: the frame is kept elsewhere and tried again."""
ALIVE = "_alive_at"
"""Position under which it stands until when a source was read, microseconds UTC."""


@dataclass
class Counts:
    """What an outlet has done since it was opened."""

    n_readings: int = 0
    n_frames: int = 0
    n_spooled: int = 0
    n_rejected: int = 0
    n_gaps: int = 0
    delivered_at: int = 0


class NodeOutlet:
    """The outlet of one card; all its coroutines run in one event loop.

    Args:
        site: The site that takes readings and records.
        card: The source's card.
        spool: Its spool and positions.
        slow_s: How long the historian may take before frames are spooled.
    """

    def __init__(
        self, site: Site, card: ConnectionCard, spool: Spool, slow_s: float = SLOW_S
    ) -> None:
        self.site, self.card, self.counts = site, card, Counts()
        self._spool, self._slow_s = spool, slow_s
        self._writer = Writer(site.historian.write, card.name)
        self._is_closed = False
        self._is_spooling = len(spool) > 0
        self._mode, self._wakes = asyncio.Lock(), asyncio.Event()
        self._health: dict[str, float | str] = {}
        self._told: dict[str, float | str] = {}
        self._refusals = Refusals()
        self._drainer = asyncio.ensure_future(self._drain())

    # ---- readings ---------------------------------------------------------------------------

    async def deliver(
        self, frames: Sequence[Frame], positions: Mapping[str, str] | None = None
    ) -> None:
        """Make frames durable, then the positions: see `core.acquisition.Outlet`."""
        whole = [one for one in frames if one.readings.num_rows]
        pause = RETRY_S[0]
        while True:
            if self._is_closed:
                raise SourceError(f"the outlet of {self.card.name!r} is closed.")
            try:
                if await self._try(whole, positions or {}):
                    break
            except SpoolFullError as error:
                self.health("spool_problem", f"{error}")
                await asyncio.sleep(pause)
                pause = min(2 * pause, RETRY_S[1])
        self.counts.n_frames += len(whole)
        self.counts.n_readings += sum(one.readings.num_rows for one in whole)
        self.counts.delivered_at = self.site.clock()

    async def _try(self, frames: Sequence[Frame], positions: Mapping[str, str]) -> bool:
        """Deliver by the way that is open; False if that has just closed."""
        if not self._is_spooling:
            if not frames or await self._write(frames):
                await asyncio.to_thread(self._spool.advance, positions)
                return True
            self._is_spooling = True
            self._wakes.set()
        async with self._mode:
            if not self._is_spooling:
                return False
            await asyncio.to_thread(self._spool.put, frames, positions)
        self.counts.n_spooled += len(frames)
        return True

    async def _write(self, frames: Sequence[Frame]) -> bool:
        """Write directly; False when the historian is slow, full or broken."""
        n = sum(one.readings.num_rows for one in frames)
        if self._writer.n_waiting and self._writer.n_waiting + n > self.card.queue_readings:
            return False
        waiting = asyncio.gather(*(self._store(one) for one in frames))
        # What is on its way may still arrive: by its key it is the same frame.
        waiting.add_done_callback(lambda done: done.cancelled() or done.exception())
        # Not wait_for, which in Python 3.11 may swallow the cancellation that ends a source.
        done, _ = await asyncio.wait({waiting}, timeout=self._slow_s)
        if not done:
            return False
        try:
            waiting.result()
        except REFUSED as error:
            self.health("problem", f"{error}")
            return False
        return True

    async def _store(self, frame: Frame) -> None:
        """Write a frame; what cannot be kept of it is put aside, tag by tag and by readings.

        Raises:
            WriteRefusedError: The historian could not write.
        """
        try:
            await asyncio.wrap_future(self._writer.put(frame))
        except BadInputError as error:
            parts = await asyncio.to_thread(_outlet_frames.by_tag, frame)
            if len(parts) == 1 and not self._is_all_refused(frame):
                parts = _outlet_frames.halves(frame)
            if len(parts) > 1:
                for part in parts:
                    await self._store(part)
                return
            await self._reject(frame, error)

    def _is_all_refused(self, frame: Frame) -> bool:
        """Whether no reading of a tag can be kept: it holds readings of another kind."""
        tag = frame.readings.column("tag")[0].as_py()
        return self.site.historian.tags().get(tag, frame.kind) != frame.kind

    async def _reject(self, frame: Frame, error: BadInputError) -> None:
        if not self._refusals.is_new(frame.key):
            return
        content = await asyncio.to_thread(_outlet_frames.as_json_lines, frame, error.message)
        window, tags = _outlet_frames.extent(frame)
        n = frame.readings.num_rows
        self._refusals.add(Gap(window, GapCause.REJECTED, tags, error.message, n), content)
        self.counts.n_rejected += n
        self.health("problem", error.message)
        await self._record_refusals()

    async def _record_refusals(self, *, is_forced: bool = False) -> None:
        """Put refusals on record; a flood of them makes few records."""
        for gap, content in self._refusals.due(is_forced=is_forced):
            digest = await self.keep(content, "application/x-ndjson") if content else ""
            await self.enter(GapFound.of(self.card.name, gap, digest))

    async def _drain(self) -> None:
        """Bring what is spooled to the historian, in order, until nothing is left."""
        pause = RETRY_S[0]
        while True:
            if not self._is_spooling:
                self._wakes.clear()
                await self._wakes.wait()
            try:
                found = await asyncio.to_thread(self._spool.first)
                if found is None:
                    await self._end_spooling()
                    continue
                await self._store(found[1])
                await asyncio.to_thread(self._spool.drop, found[0])
                pause = RETRY_S[0]
            except FrameDamagedError as error:
                now = self.site.clock()
                window = error.window or (now, now)
                note, n = error.message, error.n_readings
                await self.gap(Gap(window, GapCause.UNKNOWN, note=note, n_lost=n))
            except Exception as error:  # whatever it is, what is spooled must not be lost
                if self._health.get("problem") != f"{error}":
                    log.warning("a spooled frame of %s waits: %s", self.card.name, error)
                self.health("problem", f"{error}")
                await asyncio.sleep(pause)
                pause = min(2 * pause, RETRY_S[1])

    async def _end_spooling(self) -> None:
        async with self._mode:
            if not len(self._spool):
                self._is_spooling = False
                self._health |= {"problem": "", "spool_problem": ""}

    def position(self, key: str) -> str:
        """What was last delivered as a position; empty when nothing was."""
        return self._spool.position(key)

    def positions(self, prefix: str) -> Mapping[str, str]:
        """All that was delivered as positions whose keys begin so."""
        return self._spool.positions(prefix)

    async def unseen(self, frame: Frame) -> Frame | None:
        """The readings of a frame that are not stored with the same value and quality yet."""
        while self._is_spooling or self._writer.n_waiting:
            await asyncio.sleep(0.05)
        return await asyncio.to_thread(_outlet_frames.unseen, self.site.historian, frame)

    # ---- records ----------------------------------------------------------------------------

    async def gap(self, gap: Gap) -> None:
        """Record that readings are missing."""
        self.counts.n_gaps += 1
        if gap.cause is GapCause.REJECTED:
            self._refusals.add(gap)
            return await self._record_refusals()
        await self.enter(GapFound.of(self.card.name, gap))

    async def backfilled(self, window: Window, tags: Sequence[str], n_readings: int) -> None:
        """Record that a window was asked for again and what came is stored."""
        await self.enter(
            GapBackfilled(
                source=self.card.name,
                start=window[0],
                end=window[1],
                tags=tuple(tags),
                n_readings=n_readings,
            )
        )

    async def enter(self, body: Body) -> None:
        """Append a record to the source's own stream."""
        stream = source_stream(self.card.name)
        while True:
            version = await asyncio.to_thread(self.version, stream)
            event = NewEvent(stream, body, version, actor=self.site.actor.uid)
            try:
                return await self.record([event])
            except VersionConflictError:
                continue

    async def record(self, events: Sequence[NewEvent]) -> None:
        """Append what was done to the ledger."""
        await asyncio.to_thread(self.site.ledger.append, events)

    def version(self, stream: str) -> int:
        """Version of a stream of the ledger."""
        return self.site.ledger.version(stream)

    def select(self, projection: str, where: Mapping[str, Any]) -> Sequence[Row]:
        """Rows of a projection of the ledger."""
        return self.site.ledger.select(projection, where)

    async def keep(self, content: bytes, media_type: str = "") -> str:
        """Keep an image or a file in the registry; its SHA-256 is the value of a reference."""
        kind = media_type or media_type_of(content)
        return await asyncio.to_thread(self.site.registry.put, content, kind)

    # ---- health -----------------------------------------------------------------------------

    def health(self, signal: str, value: float | str) -> None:
        """Set a signal of the source's health."""
        self._health[signal] = value

    @property
    def is_congested(self) -> bool:
        """Whether the spool is in use."""
        return self._is_spooling

    def state(self) -> dict[str, Any]:
        """Health and counts as plain values."""
        waiting = {
            "queue_readings": self._writer.n_waiting,
            "spool_frames": len(self._spool),
            "spool_bytes": self._spool.n_bytes,
        }
        return {**dataclasses.asdict(self.counts), **waiting, **self._health}

    async def tell_health(self) -> None:
        """Write what changed of the health as readings, and until when the source was read."""
        now, state = self.site.clock(), self.state()
        changed = {k: v for k, v in state.items() if self._told.get(k) != v}
        frames = _outlet_frames.health(self.card.health_prefix, changed, now)
        try:
            # What was refused is on record before it is said until when the source was read.
            await self._record_refusals(is_forced=True)
            is_free = not self._is_spooling and not self._writer.n_waiting
            if is_free:
                await self._write_health(frames)
            await asyncio.to_thread(self._spool.advance, {ALIVE: str(now)})
            if is_free:  # else it is told at the next turn
                self._told = state
        except (*REFUSED, BadInputError, SpoolFullError) as error:
            log.warning("health of %s was not written: %s", self.card.name, error)

    async def _write_health(self, frames: Sequence[Frame]) -> None:
        """Write health, without waiting for a historian that hangs."""
        writing = [asyncio.wrap_future(self._writer.put(frame)) for frame in frames]
        if not writing:
            return
        for one in writing:  # of several that fail, one is told
            one.add_done_callback(lambda done: done.cancelled() or done.exception())
        done, _ = await asyncio.wait(writing, timeout=self._slow_s)
        for one in done:
            one.result()

    async def close(self, within_s: float = 10.0) -> None:
        """Finish what can be finished in time; what waits in the spool is kept there."""
        self._is_closed = True
        deadline = time.monotonic() + within_s
        try:
            await self._record_refusals(is_forced=True)
        except Exception as error:
            log.error("refusals of %s are not on record: %s", self.card.name, error)
        while self._writer.n_waiting and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        self._drainer.cancel()
        await asyncio.gather(self._drainer, return_exceptions=True)
        await asyncio.to_thread(self._writer.close, max(0.0, deadline - time.monotonic()))
