"""The nodes that are read: found on the server, monitored in chunks, asked for again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from goldenbatch.connectors.opcua._session import status_name

if TYPE_CHECKING:
    from goldenbatch.connectors.opcua import settings as cards
    from goldenbatch.connectors.opcua._session import Session
    from goldenbatch.core.site import Clock

EVENTS = 0x7FFF_FFFF
"""Client handle of the item that brings events; those of values count up from 1."""
PERCENT, ABSOLUTE = 2, 1
LIFETIME = 60
"""A subscription outlives this many keep-alives of silence from us, so that it can catch up."""


@dataclass(slots=True, eq=False)
class Item:
    """One node that is read.

    Attributes:
        tag: Whole name of its tag.
        code: Number of the tag in frames.
        handle: Our number of the monitored item.
        node: Its node on this server; None: the server has no such namespace.
        server_id: The server's number of the monitored item; 0: it is not monitored.
        is_fresh: Its next value is the one that every new item begins with.
        last_time: Time of the newest reading that was taken, microseconds UTC; 0: none.
        problem: Why it is not monitored.
        mistyped: Type of value that its tag cannot hold, while such values come.
        is_restated: A value has come whose meaning changed, and it was not looked at yet.
    """

    spec: cards.Item
    tag: str
    code: int
    handle: int
    node: Any = None
    server_id: int = 0
    subscription: int = 0
    is_fresh: bool = True
    last_time: int = 0
    problem: str = ""
    mistyped: str = ""
    is_restated: bool = False

    @property
    def is_live(self) -> bool:
        """Whether the server sends its values."""
        return self.server_id != 0


@dataclass(frozen=True)
class Left:
    """What a lost connection left at the server, which goes on gathering for a while.

    Attributes:
        ids: Subscriptions by their place.
        n_items: Monitored items of each.
        numbers: Number of the newest message of each that was taken.
        events: Subscription that brings events; 0: none.
        server_started_at: Of the server that has them; another one knows nothing of them.
    """

    ids: tuple[int, ...]
    n_items: tuple[int, ...]
    numbers: dict[int, int]
    events: int
    server_started_at: int


class Subscriptions:
    """The subscriptions of a session and what they monitor.

    Args:
        session: Where.
        settings: What the card says.
        on_publish: Takes what comes, with the number of the subscription.
    """

    def __init__(
        self,
        session: Session,
        settings: cards.OpcUaSettings,
        on_publish: Callable[[int, Any], Awaitable[None]],
    ) -> None:
        self._session, self._settings, self._on_publish = session, settings, on_publish
        self.ids: list[int] = []
        self.n_items: list[int] = []
        self.events = 0

    async def _open(self) -> int:
        """Make one more subscription; its place in `ids`."""
        from asyncua import ua

        wanted = self._settings.subscription
        n_keep_alive = max(1, round(1000 * wanted.keep_alive_s / wanted.publishing_ms))
        parameters = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=wanted.publishing_ms,
            RequestedMaxKeepAliveCount=n_keep_alive,
            RequestedLifetimeCount=n_keep_alive * LIFETIME,
            MaxNotificationsPerPublish=0,
            PublishingEnabled=True,
        )
        place = len(self.ids)
        taker = self._taker(place)
        made = await self._session.raw.create_subscription(parameters, taker)
        self.ids.append(made.SubscriptionId)
        self.n_items.append(0)
        return place

    def _taker(self, place: int) -> Callable[[Any], Awaitable[None]]:
        async def take(result: Any) -> None:
            await self._on_publish(place, result)

        return take

    async def resume(self, left: Left) -> list[list[int]] | None:
        """Take over subscriptions of a lost session.

        Returns:
            Numbers of the messages that each still has; None if the server gives them up.
        """
        from asyncua import ua
        from asyncua.ua.uaerrors import UaError

        raw = self._session.raw
        parameters = ua.TransferSubscriptionsParameters(list(left.ids), SendInitialValues=False)
        try:
            results = await raw.transfer_subscriptions(parameters)
        except UaError:
            return None
        taken = [i for i, one in zip(left.ids, results, strict=True) if one.StatusCode.is_good()]
        if len(taken) < len(left.ids):
            if taken:
                await raw.delete_subscriptions(taken)
            return None
        self.ids, self.n_items = list(left.ids), list(left.n_items)
        for place, subscription in enumerate(self.ids):
            # The library has no other way to hear a subscription that it did not create.
            raw._subscription_callbacks[subscription] = self._taker(place)  # noqa: SLF001
        raw.ensure_publish_loop()
        return [list(one.AvailableSequenceNumbers or ()) for one in results]

    async def _place(self) -> int:
        """A subscription that has room."""
        for place, n in enumerate(self.n_items):
            if n < self._settings.subscription.items_per_subscription:
                return place
        return await self._open()

    async def monitor(self, items: Sequence[Item]) -> None:
        """Have items monitored; one that the server refuses says why in `problem`."""
        known = []
        for item in items:
            try:
                item.node, item.server_id = self._session.node(item.spec.node), 0
                known.append(item)
            except (KeyError, ValueError) as error:
                item.node, item.server_id = None, 0
                item.problem = f"the server has no namespace {error}"
        step = self._session.limit(
            "MaxMonitoredItemsPerCall", self._settings.subscription.items_per_call
        )
        at = 0
        while at < len(known):
            place = await self._place()
            room = self._settings.subscription.items_per_subscription - self.n_items[place]
            chunk = known[at : at + min(step, room)]
            await self._create(place, chunk)
            at += len(chunk)

    async def _create(self, place: int, items: Sequence[Item]) -> None:
        from asyncua import ua

        parameters = ua.CreateMonitoredItemsParameters(
            SubscriptionId=self.ids[place],
            TimestampsToReturn=ua.TimestampsToReturn.Both,
            ItemsToCreate=[self._request(item) for item in items],
        )
        results = await self._session.raw.create_monitored_items(parameters)
        for item, result in zip(items, results, strict=True):
            if result.StatusCode.is_good():
                item.server_id, item.subscription = int(result.MonitoredItemId), place
                item.problem, item.is_fresh = "", True
                self.n_items[place] += 1
            else:
                item.server_id = 0
                item.problem = f"{item.spec.node}: {status_name(result.StatusCode.value)}"

    def _request(self, item: Item) -> Any:
        from asyncua import ua

        wanted, spec = self._settings.subscription, item.spec
        sampling = wanted.sampling_ms if spec.sampling_ms is None else spec.sampling_ms
        parameters = ua.MonitoringParameters(
            ClientHandle=item.handle,
            SamplingInterval=float(sampling),
            QueueSize=spec.queue_size or wanted.queue_size,
            DiscardOldest=True,
        )
        is_timed, is_dead = wanted.trigger == "timestamp", spec.deadband or spec.deadband_percent
        if is_timed or is_dead:
            trigger = ua.DataChangeTrigger
            kind = PERCENT if spec.deadband_percent else ABSOLUTE
            parameters.Filter = ua.DataChangeFilter(
                Trigger=trigger.StatusValueTimestamp if is_timed else trigger.StatusValue,
                DeadbandType=kind if is_dead else 0,
                DeadbandValue=float(spec.deadband_percent or spec.deadband),
            )
        return ua.MonitoredItemCreateRequest(
            ItemToMonitor=ua.ReadValueId(NodeId=item.node, AttributeId=ua.AttributeIds.Value),
            MonitoringMode=ua.MonitoringMode.Reporting,
            RequestedParameters=parameters,
        )

    async def forget(self, items: Sequence[Item]) -> None:
        """No longer monitor items whose nodes are gone."""
        from asyncua import ua

        for place, subscription in enumerate(self.ids):
            ids = [one.server_id for one in items if one.is_live and one.subscription == place]
            if not ids:
                continue
            self.n_items[place] -= len(ids)
            parameters = ua.DeleteMonitoredItemsParameters(subscription, ids)
            await self._session.raw.delete_monitored_items(parameters)
        for item in items:
            item.server_id = 0

    async def watch_events(self, notifier: Any, event_filter: Any) -> int:
        """Have the events of a node sent; the subscription that brings them.

        Raises:
            UaStatusCodeError: The server refuses.
        """
        from asyncua import ua

        place = await self._place()
        request = ua.MonitoredItemCreateRequest(
            ItemToMonitor=ua.ReadValueId(
                NodeId=notifier, AttributeId=ua.AttributeIds.EventNotifier
            ),
            MonitoringMode=ua.MonitoringMode.Reporting,
            RequestedParameters=ua.MonitoringParameters(
                ClientHandle=EVENTS, QueueSize=10_000, DiscardOldest=True, Filter=event_filter
            ),
        )
        parameters = ua.CreateMonitoredItemsParameters(
            SubscriptionId=self.ids[place],
            TimestampsToReturn=ua.TimestampsToReturn.Both,
            ItemsToCreate=[request],
        )
        (result,) = await self._session.raw.create_monitored_items(parameters)
        result.StatusCode.check()
        self.events = self.ids[place]
        return self.events


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message of a subscription.

    Attributes:
        place: Number of the subscription.
        message: NotificationMessage of asyncua.
        at: When it arrived, microseconds UTC.
        is_last: The server had nothing more to send of what it had gathered.
    """

    place: int
    message: Any
    at: int
    is_last: bool

    @property
    def number(self) -> int:
        """Sequence number of a message that brings something; 0: it only says it is alive."""
        return int(self.message.SequenceNumber) if self.message.NotificationData else 0


class Feed:
    """What was published and not yet taken; bounded, so that a slow taker slows the server down.

    Args:
        n_most: Readings that may wait.
        republish: Asks for a message again: (place of the subscription, sequence number).
        clock: Present time.
    """

    def __init__(
        self, n_most: int, republish: Callable[[int, int], Awaitable[Any]], clock: Clock
    ) -> None:
        self._n_most, self._republish, self._clock = n_most, republish, clock
        self._waiting: list[Arrived] = []
        self._n = 0
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self.numbers: dict[int, int] = {}
        self.heard_at: dict[int, float] = {}
        self.n_lost_messages = 0
        self.problem = ""

    async def put(self, place: int, result: Any) -> None:
        """Take one answer of the server; waits while too much is waiting."""
        message = result.NotificationMessage
        self.heard_at[place] = asyncio.get_running_loop().time()
        # A message that the library makes itself when the line is lost has no number.
        if message.NotificationData and message.SequenceNumber:
            for earlier in await self._missing(place, message.SequenceNumber):
                self._add(place, earlier, is_last=False)
        self._add(place, message, is_last=not result.MoreNotifications)
        while self._n >= self._n_most:
            self._room.clear()
            await self._room.wait()

    async def resume(self, numbers: dict[int, int], available: Sequence[Sequence[int]]) -> None:
        """Go on after the messages that were taken, with those that the server still has."""
        self.numbers = dict(numbers)
        for place, kept in enumerate(available):
            for number in sorted(one for one in kept if one > numbers.get(place, 0)):
                for earlier in await self._missing(place, number + 1):
                    self._add(place, earlier, is_last=False)
                self.numbers[place] = number

    async def _missing(self, place: int, number: int) -> list[Any]:
        """Messages before this one that never came, as far as the server still has them."""
        last = self.numbers.get(place, number - 1)
        self.numbers[place] = number
        if not 0 < number - last - 1 < 1000:
            return []
        found = []
        for one in range(last + 1, number):
            try:
                found.append(await self._republish(place, one))
            except Exception:  # the server no longer has it, or never will
                self.n_lost_messages += 1
        return found

    def _add(self, place: int, message: Any, *, is_last: bool) -> None:
        parts = message.NotificationData or ()
        arrived = Arrived(place, message, self._clock(), is_last)
        self._waiting.append(arrived)
        self._n += sum(len(getattr(one, "MonitoredItems", ())) for one in parts)
        self._news.set()

    @property
    def is_full(self) -> bool:
        """Whether the server is kept waiting."""
        return self._n >= self._n_most

    def fail(self, problem: str) -> None:
        """Nothing will come any more."""
        self.problem = problem
        self._news.set()

    async def take(self) -> list[Arrived]:
        """All that is waiting; waits until there is something."""
        await self._news.wait()
        self._news.clear()
        found, self._waiting, self._n = self._waiting, [], 0
        self._room.set()
        return found
