"""What both connectors do: connect, receive, store, say what was lost, connect again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from goldenbatch.connectors.mqtt._client import Incoming, Queue, make_client, receive, refusal
from goldenbatch.connectors.mqtt._desk import named
from goldenbatch.connectors.mqtt._rows import Outcome, Rows, Tables, frames
from goldenbatch.connectors.mqtt.settings import MqttSettings, SparkplugSettings
from goldenbatch.core.acquisition import Gap, GapCause, Outlet, SourceContext, SourceError
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.source_units import UnitBook

if TYPE_CHECKING:
    import aiomqtt

log = logging.getLogger("goldenbatch.sources")

WAIT_S = (0.5, 30.0)
"""First and longest pause before a broker that is not there is tried again."""
END_S = 8.0
"""At the end, so long is waited for what is in hand to be stored."""
N_AT_ONCE = 50
"""Messages that are read before the loop's other tasks have their turn."""
IDLE_S = 0.5
"""At least so often timeouts are looked at."""
AGAIN_S = (0.2, 1.0, 3.0)
"""Pauses after which a batch is stored again that a store has not taken."""


class Session(ABC):
    """A connector that reads a broker; what the messages mean is its children's."""

    settings: SparkplugSettings | MqttSettings

    def __init__(self, context: SourceContext) -> None:
        self.context, self.card = context, context.card
        self._run_key, self._n = 0, 0
        self._lost_at = 0
        self._client: aiomqtt.Client | None = None
        self._problems: list[str] = []
        self._is_ending, self._stored_at = False, 0
        self._unread: list[Gap] = []
        self.units: UnitBook | None = None
        self._told_at: dict[str, str] = {}

    @abstractmethod
    def will(self) -> Any:
        """The will that the broker publishes if the node dies; None: none."""

    @abstractmethod
    async def begin(self, client: aiomqtt.Client) -> None:
        """Subscribe, and publish what comes first."""

    @abstractmethod
    async def end(self, client: aiomqtt.Client) -> None:
        """Publish what comes last, before an orderly end."""

    @abstractmethod
    def take(self, message: Incoming) -> None:
        """Take a message."""

    @abstractmethod
    def drain(self) -> Outcome:
        """What the messages have brought."""

    @abstractmethod
    def lost(self, at: int) -> None:
        """The connection was lost."""

    def ended(self) -> None:
        """The connector ends: what was kept to be said later is said now."""
        return

    def positions(self) -> dict[str, str]:
        """What a restart must know again; written with the readings when it has changed."""
        return {}

    def left(self, outlet: Outlet) -> Sequence[Gap]:
        """Gaps that were not said when the node died."""
        return ()

    def told(self) -> dict[str, float | str]:
        """Health of its own."""
        return {}

    async def run(self, outlet: Outlet) -> None:
        """Read until cancelled: see `core.acquisition.Connector`."""
        import aiomqtt

        clock, pause = self.context.clock, WAIT_S[0]
        self._is_ending = False
        self._run_key = clock()
        for gap in self.left(outlet):
            await outlet.gap(gap)
        queue = Queue(self.settings.limits.n_messages)
        storing = asyncio.ensure_future(self._store_all(queue, outlet))
        try:
            while True:
                started = clock()
                try:
                    await self._connected(queue, outlet, storing)
                except (aiomqtt.MqttError, OSError) as error:
                    if _is_cancelled():  # a farewell that failed must not swallow the end
                        raise asyncio.CancelledError from error
                    if (final := refusal(error, self.settings.broker)) is not None:
                        raise final from error
                    outlet.health("problem", f"{error}")
                self._lost_at = self._lost_at or clock()
                outlet.health("is_connected", 0)
                self.lost(self._lost_at)
                if clock() - started > 10e6:
                    pause = WAIT_S[0]
                await asyncio.sleep(pause)
                pause = min(2 * pause, WAIT_S[1])
        finally:
            self._is_ending = True
            # What it has in hand is stored whole: what a node had kept is not sent again.
            rest = asyncio.ensure_future(self._finish(storing, queue, outlet))
            done, _ = await asyncio.wait({rest}, timeout=END_S)
            if not done:  # no store takes anything
                rest.cancel()
                storing.cancel()
                await asyncio.gather(rest, storing, return_exceptions=True)
                window = (self._stored_at or self._run_key, clock())
                note = "no store took what had come in at the end"
                await outlet.gap(Gap(window, GapCause.OVERRUN, (), note))

    async def _finish(self, storing: asyncio.Task[None], queue: Queue, outlet: Outlet) -> None:
        """Let what is being stored be stored, then the rest."""
        await asyncio.gather(storing, return_exceptions=True)
        await self._store(await queue.take(0), outlet, is_last=True)

    async def _connected(self, queue: Queue, outlet: Outlet, storing: asyncio.Task[None]) -> None:
        """One connection from its begin to its end."""
        client = await make_client(self.context, self.settings.broker, self.will())
        async with client:
            self._client = client
            try:
                await self.begin(client)
                outlet.health("is_connected", 1)
                outlet.health("problem", "")
                await self._say_gap(outlet)
                receiving = asyncio.ensure_future(receive(client, queue, self.context.clock))
                try:
                    await asyncio.wait({receiving, storing}, return_when="FIRST_COMPLETED")
                finally:
                    receiving.cancel()
                    await asyncio.gather(receiving, return_exceptions=True)
                for task in (storing, receiving):
                    if task.done() and not task.cancelled() and task.exception() is not None:
                        raise task.exception() or RuntimeError
            except asyncio.CancelledError:
                await self.end(client)
                raise
            finally:
                self._client = None

    async def _say_gap(self, outlet: Outlet) -> None:
        if self._lost_at:
            broker = self.settings.broker
            note = f"no connection to the broker {broker.host}:{broker.port_used}"
            window = (self._lost_at, self.context.clock())
            await outlet.gap(Gap(window, GapCause.LINK_DOWN, (), note))
            self._lost_at = 0

    async def _store_all(self, queue: Queue, outlet: Outlet) -> None:
        """Store what comes in, all that waits at once."""
        while not self._is_ending:
            messages = await queue.take(IDLE_S)
            if queue.n_dropped:
                window = (queue.dropped_from, self.context.clock())
                note = f"{queue.n_dropped} messages were dropped"
                queue.n_dropped = queue.dropped_from = 0
                await outlet.gap(Gap(window, GapCause.OVERRUN, (), note))
            await self._store(messages, outlet)
            if messages and not self._is_ending:
                await asyncio.sleep(self.settings.limits.flush_s)

    async def _store(
        self, messages: list[Incoming], outlet: Outlet, *, is_last: bool = False
    ) -> None:
        for number, message in enumerate(messages, 1):
            self._take(message)
            if not number % N_AT_ONCE:  # other sources share the loop
                await asyncio.sleep(0)
        if is_last:
            self.ended()
        found = self.drain()
        for topic, payload in found.commands:
            await self._publish(topic, payload)
        for topic, payload in found.states:
            await self._publish(topic, payload, qos=1, retain=True)
        await self._make_durable(found, outlet)
        if found.problems:
            self._problems = [*self._problems, *found.problems][-5:]
            outlet.health("last_problems", "; ".join(self._problems)[:500])
        for signal, value in self.told().items():
            outlet.health(signal, value)
        self._stored_at = self.context.clock()

    def _take(self, message: Incoming) -> None:
        """Take a message; one that nobody has thought of must not take the others along."""
        try:
            self.take(message)
        except Exception as error:
            log.exception("source %s: message of %s", self.card.name, message.topic)
            note = f"{message.topic}: {type(error).__name__}: {error}"
            self._unread.append(Gap((message.at, message.at + 1), GapCause.REJECTED, (), note, 1))

    async def _make_durable(self, found: Outcome, outlet: Outlet) -> None:
        """Store what came up, again where a store fails; what it never takes is a gap.

        Raises:
            SourceError: The outlet is closed.
        """
        self._n += 1
        key, now = f"{self._run_key}/{self._n}", self.context.clock()
        works: list[tuple[Tables, Callable[[], Awaitable[None]]]] = [
            (found.live, partial(self._store_live, found, key, now, outlet)),
            (found.history, partial(self._store_history, found, f"{key}/history", now, outlet)),
        ]
        for tables, work in works:
            if error := await self._again(work, outlet):
                found.gaps += _lost(tables, f"could not be stored: {error}")
        for gap in [*found.gaps, *self._unread]:
            await outlet.gap(gap)
        self._unread = []

    async def _again(self, work: Callable[[], Awaitable[None]], outlet: Outlet) -> str:
        """Do some work, again if it fails; why it failed each time, or nothing."""
        why = ""
        for pause in (*AGAIN_S, 0.0):
            try:
                await work()
            except SourceError:
                raise
            except Exception as error:  # a store may fail in ways of its own
                why = f"{type(error).__name__}: {error}"
                log.exception("source %s: storing", self.card.name)
                outlet.health("problem", why)
                await asyncio.sleep(pause)
            else:
                return ""
        return why

    async def _store_live(self, found: Outcome, key: str, now: int, outlet: Outlet) -> None:
        if self.units is not None:
            await self.units.tell(outlet)
        await self._keep_files(found.live, outlet)
        positions = {
            name: text for name, text in self.positions().items() if self._told_at.get(name) != text
        }
        made = frames(self.card.name, key, found.live, now)
        if made or positions:
            await outlet.deliver(made, positions)
        self._told_at |= positions

    async def _publish(
        self, topic: str, payload: bytes, qos: int = 0, *, retain: bool = False
    ) -> None:
        """Publish where there is a connection; without one, the next asks again."""
        import aiomqtt

        if self._client is None:
            return
        with contextlib.suppress(aiomqtt.MqttError):
            await self._client.publish(topic, payload, qos=qos, retain=retain)

    async def _store_history(self, found: Outcome, key: str, now: int, outlet: Outlet) -> None:
        """What a source had stored: only what is not there yet, and on record as such."""
        await self._keep_files(found.history, outlet)
        for frame in frames(self.card.name, key, found.history, now):
            # While the historian is slow it cannot be asked; live readings must not wait for it.
            new = frame if outlet.is_congested else await outlet.unseen(frame)
            if new is None:
                continue
            await outlet.deliver([new])
            times = found.history[frame.kind].times
            tags = tuple(sorted(set(found.history[frame.kind].tags)))
            window = (min(times), max(times) + 1)
            await outlet.backfilled(window, tags[:2000], new.readings.num_rows)

    async def _keep_files(self, tables: Tables, outlet: Outlet) -> None:
        """Bytes go to the registry, their digest to the readings."""
        rows = tables.get("reference")
        if rows is None:
            return
        kept = Rows()
        for time, tag, value, quality in zip(
            rows.times, rows.tags, rows.values, rows.qualities, strict=True
        ):
            try:
                digest = await outlet.keep(value) if isinstance(value, bytes) else value
            except BadInputError as error:  # one that is never kept must not take others along
                note = f"{tag}: {error.message}"
                gap = Gap((time, time + 1), GapCause.REJECTED, (tag,), note, 1)
                self._unread.append(gap)
                continue
            kept.add(time, tag, digest, quality)
        tables["reference"] = kept


def _lost(tables: Tables, note: str) -> list[Gap]:
    """A gap around readings that no store has taken."""
    return [
        Gap(
            (min(rows.times), max(rows.times) + 1),
            GapCause.REJECTED,
            named(tuple(sorted(set(rows.tags)))),
            note,
            len(rows.times),
        )
        for rows in tables.values()
        if rows.times
    ]


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
