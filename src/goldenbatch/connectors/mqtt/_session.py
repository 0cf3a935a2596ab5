"""What both connectors do: connect, receive, store, say what was lost, connect again."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from goldenbatch.connectors.mqtt._client import Incoming, Queue, make_client, receive, refusal
from goldenbatch.connectors.mqtt._rows import Outcome, frames
from goldenbatch.connectors.mqtt.settings import MqttSettings, SparkplugSettings
from goldenbatch.core.acquisition import Gap, GapCause, Outlet, SourceContext

if TYPE_CHECKING:
    import aiomqtt

WAIT_S = (0.5, 30.0)
"""First and longest pause before a broker that is not there is tried again."""
END_S = 8.0
"""At the end, so long is waited for what is in hand to be stored."""
N_AT_ONCE = 50
"""Messages that are read before the loop's other tasks have their turn."""
IDLE_S = 0.5
"""At least so often timeouts are looked at."""


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

    def told(self) -> dict[str, float | str]:
        """Health of its own."""
        return {}

    async def run(self, outlet: Outlet) -> None:
        """Read until cancelled: see `core.acquisition.Connector`."""
        import aiomqtt

        clock, pause = self.context.clock, WAIT_S[0]
        self._is_ending = False
        self._run_key = clock()
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
        await self._store(await queue.take(0), outlet)

    async def _connected(self, queue: Queue, outlet: Outlet, storing: asyncio.Task[None]) -> None:
        """One connection from its begin to its end."""
        async with make_client(self.context, self.settings.broker, self.will()) as client:
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

    async def _store(self, messages: list[Incoming], outlet: Outlet) -> None:
        for number, message in enumerate(messages, 1):
            self.take(message)
            if not number % N_AT_ONCE:  # other sources share the loop
                await asyncio.sleep(0)
        found = self.drain()
        for topic, payload in found.commands:
            await self._publish(topic, payload)
        for topic, payload in found.states:
            await self._publish(topic, payload, qos=1, retain=True)
        await self._keep_files(found, outlet)
        now = self.context.clock()
        self._n += 1
        key = f"{self._run_key}/{self._n}"
        await outlet.deliver(frames(self.card.name, key, found.live, now))
        await self._store_history(found, f"{key}/history", outlet)
        for gap in found.gaps:
            await outlet.gap(gap)
        if found.problems:
            self._problems = [*self._problems, *found.problems][-5:]
            outlet.health("last_problems", "; ".join(self._problems)[:500])
        for signal, value in self.told().items():
            outlet.health(signal, value)
        self._stored_at = now

    async def _publish(
        self, topic: str, payload: bytes, qos: int = 0, *, retain: bool = False
    ) -> None:
        """Publish where there is a connection; without one, the next asks again."""
        import aiomqtt

        if self._client is None:
            return
        with contextlib.suppress(aiomqtt.MqttError):
            await self._client.publish(topic, payload, qos=qos, retain=retain)

    async def _store_history(self, found: Outcome, key: str, outlet: Outlet) -> None:
        """What a source had stored: only what is not there yet, and on record as such."""
        for frame in frames(self.card.name, key, found.history, self.context.clock()):
            # While the historian is slow it cannot be asked; live readings must not wait for it.
            new = frame if outlet.is_congested else await outlet.unseen(frame)
            if new is None:
                continue
            await outlet.deliver([new])
            times = found.history[frame.kind].times
            tags = tuple(sorted(set(found.history[frame.kind].tags)))
            window = (min(times), max(times) + 1)
            await outlet.backfilled(window, tags[:2000], new.readings.num_rows)

    async def _keep_files(self, found: Outcome, outlet: Outlet) -> None:
        """Bytes go to the registry, their digest to the readings."""
        for tables in (found.live, found.history):
            rows = tables.get("reference")
            if rows is not None:
                rows.values = [
                    None if one is None else await outlet.keep(one) for one in rows.values
                ]


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
