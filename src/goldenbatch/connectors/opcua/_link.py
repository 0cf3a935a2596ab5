"""One connection at work: values come in, gaps are noted and filled, clocks are compared."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from goldenbatch.connectors.opcua._alarms import AlarmBook
from goldenbatch.connectors.opcua._conditions import event_filter
from goldenbatch.connectors.opcua._guard import ClockGuard
from goldenbatch.connectors.opcua._history import Backfill, Job, Origin
from goldenbatch.connectors.opcua._items import EVENTS, Arrived, Feed, Item, Left, Subscriptions
from goldenbatch.connectors.opcua._session import LinkLostError, end_tasks, micros, status_name
from goldenbatch.connectors.opcua._structures import Structures
from goldenbatch.connectors.opcua._taking import Taken, Taker
from goldenbatch.connectors.opcua._unit_watch import UnitWatch
from goldenbatch.core.acquisition import Gap, GapCause, Outlet, SourceContext
from goldenbatch.core.source_units import UnitBook

if TYPE_CHECKING:
    from goldenbatch.connectors.opcua._session import Clocks, Session
    from goldenbatch.connectors.opcua.settings import OpcUaSettings
    from goldenbatch.core.site import Window

SILENCE = 3
"""A subscription that said nothing for this many keep-alives is dead."""
ON_THE_WAY_US = 1_000_000
"""How long a message without a time is thought to have been under way."""
RATE_S = 5.0
"""Over how long the rate of values is taken."""


class Link:
    """A session with its subscriptions, backfill and watches.

    Args:
        context: Card, plant, clock.
        settings: What the card says.
        session: An open session.
        taker: Turns values into readings.
        outlet: Where they go.
    """

    def __init__(
        self,
        context: SourceContext,
        settings: OpcUaSettings,
        session: Session,
        taker: Taker,
        outlet: Outlet,
    ) -> None:
        self._settings, self._session, self._outlet = settings, session, outlet
        self._taker, self._clock = taker, context.clock
        self._card, self._source = context.card, context.card.name
        self._key = f"{context.clock()}"
        taker.structures = Structures(session)
        book = UnitBook.of(context.card, context.plant, outlet)
        taker.units = self._units = UnitWatch(session, taker, book, outlet, context.clock)
        self._feed = Feed(context.card.queue_readings, self._republish, context.clock)
        self._subscriptions = Subscriptions(session, settings, self._feed.put)
        self._guard = ClockGuard(settings.clocks, outlet)
        origin = Origin(self._source, f"history/{self._key}", context.clock, self._guard.hold)
        self._backfill = Backfill(session, settings.history, taker, outlet, origin)
        self._items: dict[int, Item] = {}
        self._alarms: AlarmBook | None = None
        self._clocks: Clocks | None = None
        self._published: dict[int, int] = {}
        self._is_quiet = False
        self._done: dict[int, int] = {}
        self._n_values, self._n_frames, self._rate_at = 0, 0, 0.0

    # ---- beginning --------------------------------------------------------------------------

    async def begin(
        self,
        items: Sequence[Item],
        cause: GapCause,
        alarms: AlarmBook | None,
        left: Left | None = None,
    ) -> None:
        """Have everything monitored, and what was missed noted and asked for.

        Args:
            items: All items of the source.
            cause: Why there may be a gap since the last connection.
            alarms: Records conditions.
            left: What the last connection left at the server.
        """
        self._items = {item.handle: item for item in items}
        self._alarms = alarms
        await self._compare_clocks()
        live = [item for item in items if item.is_live]
        if left is not None and await self._resume(left):
            live = [item for item in live if self._outlet.position(f"behind/{item.tag}")]
        else:
            await self._monitor(items)
            live = [item for item in items if item.is_live]
        await self._units.look(items, is_new=True)
        await self._note_outage(live, cause)
        if alarms is not None:
            await alarms.refresh(self._session, self._subscriptions.events)
        await self._note_unknown([item for item in items if not item.is_live])
        if not self._outlet.position("link"):
            # Before the first reading, so that no death leaves readings without a watermark.
            await self._outlet.deliver([], {"link": f"{self._server_now()}"})
        self._outlet.health("connected", 1.0)
        self._outlet.health("problem", "")
        if self._session.limits:
            self._outlet.health("server", self._settings.url)

    async def _monitor(self, items: Sequence[Item]) -> None:
        """Have values and events sent."""
        await self._subscriptions.monitor(items)
        if self._alarms is not None:
            node = self._session.node(self._settings.alarms.notifier)
            await self._subscriptions.watch_events(node, event_filter())

    async def _resume(self, left: Left) -> bool:
        """Take over what the server gathered meanwhile: then there is no gap at all."""
        started = self._clocks.started_at if self._clocks is not None else 0
        if not self._settings.subscription.is_resumed or started != left.server_started_at:
            return False
        available = await self._subscriptions.resume(left)
        if available is None:
            return False
        self._subscriptions.events = left.events
        self._done = dict(left.numbers)
        await self._feed.resume(left.numbers, available)
        self._outlet.health("resumed", 1.0)
        return True

    def left(self) -> Left | None:
        """What this connection leaves at the server, once it is lost."""
        made, done = self._subscriptions, self._done
        is_whole = done == self._feed.numbers  # else messages were taken and not made durable
        if self._clocks is None or not made.ids or self._is_quiet or not is_whole:
            return None
        started = self._clocks.started_at
        return Left(tuple(made.ids), tuple(made.n_items), dict(done), made.events, started)

    def _server_now(self) -> int:
        offset = self._clocks.offset_us if self._clocks is not None else 0
        return self._clock() + offset

    def _since(self, item: Item) -> int:
        """Until when the readings of an item are known to be complete; 0: it was never read."""
        behind = self._outlet.position(f"behind/{item.tag}")
        return int(behind or self._outlet.position("link") or 0)

    async def _note_outage(self, items: Sequence[Item], cause: GapCause) -> None:
        """Record the gap since each item was last read, and have it filled."""
        end = self._server_now()
        groups: dict[int, list[Item]] = {}
        for item in items:
            since = self._since(item)
            if since == 0 and self._settings.history.first_s:
                since = end - int(self._settings.history.first_s * 1e6)
            if since:
                groups.setdefault(min(since, end - 1), []).append(item)
        for since, members in sorted(groups.items()):
            is_whole = len(members) == len(self._items)
            if self._outlet.position("link"):
                await self._gap((since, end), self._cause(since, cause), members, is_whole)
            await self._ask(members, (since, end), is_whole=is_whole)

    def _cause(self, since: int, cause: GapCause) -> GapCause:
        started = self._clocks.started_at if self._clocks is not None else 0
        is_restarted = cause is GapCause.LINK_DOWN and started > since
        return GapCause.SOURCE_OFF if is_restarted else cause

    async def _gap(
        self, window: Window, cause: GapCause, items: Sequence[Item], is_whole: bool, note: str = ""
    ) -> None:
        tags = () if is_whole else tuple(item.tag for item in items)
        await self._outlet.gap(Gap(window, cause, tags, note))

    async def _ask(self, items: Sequence[Item], window: Window, *, is_whole: bool = False) -> None:
        """Have a window filled; until it is, the tags stay behind."""
        if not self._settings.history.is_used:
            done = {f"behind/{item.tag}": "" for item in items}
            await self._outlet.deliver([], done)
            return
        await self._outlet.deliver([], {f"behind/{item.tag}": f"{window[0]}" for item in items})
        started = self._clocks.started_at if self._clocks is not None else 0
        self._backfill.ask(Job(tuple(items), window, started, is_whole))

    async def _note_unknown(self, items: Sequence[Item]) -> None:
        """Say which nodes cannot be read, and from when their tags are behind."""
        now = self._server_now()
        new = [item for item in items if not self._outlet.position(f"behind/{item.tag}")]
        since = {f"behind/{item.tag}": f"{self._since(item) or now}" for item in new}
        for item in new:
            await self._gap((now, now + 1), GapCause.SOURCE_OFF, [item], False, item.problem)
        if since:
            await self._outlet.deliver([], since)
        self._tell_items()

    def _tell_items(self) -> None:
        missing = [item for item in self._items.values() if not item.is_live]
        self._outlet.health("items_failed", float(len(missing)))
        self._outlet.health("item_problem", missing[0].problem if missing else "")

    # ---- at work ----------------------------------------------------------------------------

    async def run(self) -> None:
        """Read until the connection is lost.

        Raises:
            LinkLostError: It is.
        """
        works: list[Coroutine[Any, Any, None]] = [
            self._read(),
            self._watch(),
            self._watch_clock(),
            self._ask_again(),
            self._backfill.run(),
        ]
        tasks = [asyncio.create_task(one) for one in works]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await end_tasks(tasks)

    async def _read(self) -> None:
        """Take what was published and make it durable, in order."""
        while True:
            messages = await self._feed.take()
            if not messages and self._feed.problem:
                raise LinkLostError(self._feed.problem)
            received_at = self._clock()
            taken = Taken()
            for one in messages:
                await self._message(one.message, taken, received_at)
                self._advance(one)
            await self._deliver(taken, received_at)
            self._done |= {one.place: one.number for one in messages if one.number}
            await self._follow_up(taken)
            self._tell_rate(taken.n_values, received_at)
            if self._feed.problem:
                raise LinkLostError(self._feed.problem)

    async def _message(self, message: Any, taken: Taken, received_at: int) -> None:
        for part in message.NotificationData or ():
            if hasattr(part, "MonitoredItems"):
                pairs = (
                    (self._items[one.ClientHandle], one.Value)
                    for one in part.MonitoredItems
                    if one.ClientHandle in self._items
                )
                rest = self._taker.take(pairs, taken, received_at)
                await self._taker.take_rest(rest, taken, received_at)
            elif hasattr(part, "Events"):
                await self._events(part.Events, received_at)
            elif not part.Status.is_good():
                self._feed.fail(f"the subscription ended: {status_name(part.Status.value)}")

    def _advance(self, arrived: Arrived) -> None:
        """Move the server's time up to which a subscription has sent everything."""
        if not arrived.is_last:
            return
        message, place = arrived.message, arrived.place
        published = micros(message.PublishTime) if message.PublishTime is not None else 0
        if published <= 0:
            # Some servers, node-opcua among them, put no time on their messages.
            offset = self._clocks.offset_us if self._clocks is not None else 0
            published = arrived.at + offset - ON_THE_WAY_US
        # It may go back: after a server's clock was set right, what it said before was wrong.
        self._published[place] = published

    async def _republish(self, place: int, number: int) -> Any:
        return await self._session.raw.republish(self._subscriptions.ids[place], number)

    async def _events(self, events: Sequence[Any], received_at: int) -> None:
        for one in events:
            if one.ClientHandle != EVENTS or self._alarms is None:
                continue
            said = await self._alarms.take(one.EventFields, self._session)
            if said:
                window = (received_at, received_at + 1)
                await self._outlet.gap(Gap(window, GapCause.OVERRUN, (), said))

    async def _deliver(self, taken: Taken, received_at: int) -> None:
        self._n_frames += 1
        frames = []
        for name, batch in (("first", taken.fresh), ("live", taken.batch)):
            await self._guard.hold(batch, received_at)
            key = f"{name}/{self._key}/{self._n_frames}"
            made = batch.frames(self._taker.book, self._source, key, received_at)
            for frame in made:
                is_maybe_known = name == "first" and not self._outlet.is_congested
                kept = await self._outlet.unseen(frame) if is_maybe_known else frame
                if kept is not None:
                    frames.append(kept)
        positions = dict(taken.kinds)
        if len(self._published) == len(self._subscriptions.ids):
            positions["link"] = f"{min(self._published.values())}"
        for item, start, end in taken.overruns:
            positions[f"behind/{item.tag}"] = f"{min(start, end)}"
        for item, time in taken.vanished:
            positions[f"behind/{item.tag}"] = f"{time}"
        await self._outlet.deliver(frames, positions)

    async def _follow_up(self, taken: Taken) -> None:
        """Record what was lost, let go of nodes that are gone, have gaps filled."""
        for item, time, note in taken.refused:
            await self._outlet.gap(Gap((time, time + 1), GapCause.REJECTED, (item.tag,), note))
        if taken.overruns:
            items = list({id(one[0]): one[0] for one in taken.overruns}.values())
            times = [time for one in taken.overruns for time in one[1:]]
            window = (min(times), max(times) + 1)
            note = f"the server dropped values of {len(items)} items: their queues were full"
            await self._gap(window, GapCause.OVERRUN, items, False, note)
            await self._ask(items, window)
        if taken.vanished:
            items = list({id(one[0]): one[0] for one in taken.vanished}.values())
            await self._subscriptions.forget(items)
            for item, time in taken.vanished:
                item.problem = f"{item.spec.node}: the node is gone"
                await self._gap((time, time + 1), GapCause.SOURCE_OFF, [item], False, item.problem)
            self._tell_items()
        if self._feed.n_lost_messages:
            n, self._feed.n_lost_messages = self._feed.n_lost_messages, 0
            await self._lost(n)

    async def _lost(self, n: int) -> None:
        """Messages were lost on the way: ask for everything since the last ones."""
        end = self._server_now()
        start = end - int(2e6 + self._settings.subscription.keep_alive_s * 2e6)
        items = [item for item in self._items.values() if item.is_live]
        note = f"{n} messages of the server never came"
        await self._gap((start, end), GapCause.OVERRUN, items, True, note)
        await self._ask(items, (start, end), is_whole=True)

    def _tell_rate(self, n: int, received_at: int) -> None:
        loop = asyncio.get_running_loop()
        self._n_values += n
        took = loop.time() - self._rate_at
        if self._published and self._clocks is not None:
            lag = received_at + self._clocks.offset_us - min(self._published.values())
            self._outlet.health("publish_lag_s", round(lag / 1e6, 3))
        if took >= RATE_S:
            self._outlet.health("notifications_per_s", round(self._n_values / took, 1))
            self._n_values, self._rate_at = 0, loop.time()

    # ---- watches ----------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Notice that the connection is gone, or that the server has gone quiet."""
        wanted = self._settings.subscription
        alive = max(wanted.keep_alive_s, wanted.publishing_ms / 1000)
        quiet_s = SILENCE * alive + self._settings.retry.timeout_s
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            await asyncio.sleep(min(0.5, quiet_s / 4))
            if not self._session.is_open:
                self._feed.fail("the connection was lost")
            heard = [self._feed.heard_at.get(i, began) for i in range(len(self._subscriptions.ids))]
            is_quiet = bool(heard) and loop.time() - min(heard) > quiet_s
            if is_quiet and not self._feed.is_full:  # else it is us who keep it waiting
                self._is_quiet = True
                self._feed.fail(f"the server said nothing for {quiet_s:.0f} s")

    async def _watch_clock(self) -> None:
        while True:
            await asyncio.sleep(self._settings.clocks.check_s)
            await self._compare_clocks()

    async def _compare_clocks(self) -> None:
        self._clocks = await self._session.clocks()
        self._guard.offset_us = self._clocks.offset_us
        self._outlet.health("clock_offset_s", round(self._clocks.offset_us / 1e6, 3))
        self._outlet.health("server_state", self._clocks.state)
        for signal, value in self._session.certificates().items():
            self._outlet.health(signal, value)

    async def _ask_again(self) -> None:
        """Look for nodes that were not there; what they missed is asked for."""
        while True:
            await asyncio.sleep(self._settings.retry.nodes_s)
            missing = [item for item in self._items.values() if not item.is_live]
            if not missing:
                continue
            self._session.namespaces = [
                str(one) for one in await self._session.client.get_namespace_array()
            ]
            await self._subscriptions.monitor(missing)
            back = [item for item in missing if item.is_live]
            if back:
                await self._units.look(back, is_new=True)
                await self._note_outage(back, GapCause.SOURCE_OFF)
            self._tell_items()
