"""Live data: one look at the stores a second for all who watch, each message encoded once.

Everything here but the looks at the stores runs on the event loop, so that who joins, who leaves
and what is sent need no lock. A message goes to each listener's queue; a listener who does not
keep up is let go, and continues with the number of the last message that it got.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from goldenbatch.apps.node.live_records import Query, RecordFeed, news
from goldenbatch.apps.node.live_values import Newest, ValueFeed, Watched
from goldenbatch.apps.node.throttle import BusyError
from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.core.records import DataClass

if TYPE_CHECKING:
    from goldenbatch.apps.node.state import NodeState, Principal
    from goldenbatch.core.records import Event

HEARTBEAT_S = 15
RIGHTS_S = 10
QUEUE = 16
"""Messages that wait for a listener; one who is further behind is let go."""

BEAT = b":\n\n"
RETRY = b"retry: 2000\n\n"
RIGHTS = ("user/", "master/policy", "policy/", "delegation/")
"""Begins of the streams whose events may change what somebody may see."""


def message(event: str, data: bytes, number: int | None = None) -> bytes:
    """One message as server-sent events have it."""
    head = f"event: {event}\n" if number is None else f"id: {number}\nevent: {event}\n"
    return head.encode() + b"data: " + data + b"\n\n"


@dataclass(eq=False)
class Listener:
    """An open stream.

    Attributes:
        caller: Whose it is, with the rights of the last look.
    """

    caller: Principal
    queue: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(QUEUE))
    is_ended: bool = False

    def send(self, data: bytes) -> None:
        """Give it a message; one that is too far behind is let go."""
        try:
            self.queue.put_nowait(data)
        except asyncio.QueueFull:
            self.end()

    def end(self, reason: str = "") -> None:
        """Send no more; with a reason it is told not to come back as it is."""
        if self.is_ended:
            return
        self.is_ended = True
        while self.queue.full():
            self.queue.get_nowait()
        told = message("end", b'{"reason":"%s"}' % reason.encode()) if reason else b""
        self.queue.put_nowait(told)


@dataclass(eq=False)
class Live:
    """All open streams of a node.

    Attributes:
        state: What the node's endpoints share.
        period_s: Seconds between looks.
        n_sent: Messages that were sent.
        n_looks: Looks at the stores.
    """

    state: NodeState
    period_s: float = 1.0
    n_sent: int = 0
    n_looks: int = 0
    _values: dict[Watched, ValueFeed] = field(default_factory=dict)
    _records: dict[Hashable, RecordFeed] = field(default_factory=dict)
    _listeners: dict[Listener, ValueFeed | RecordFeed] = field(default_factory=dict)
    _task: asyncio.Task[None] | None = None
    _is_stopped: bool = False
    _n_ticks: int = 0
    _rights_seen: int = 0
    _newest: Newest = field(init=False)

    def __post_init__(self) -> None:
        """Look at the historian of the node's home."""
        self._newest = Newest(self.state.desk.site.historian)

    def __len__(self) -> int:
        return len(self._listeners)

    # ---- joining and leaving ----------------------------------------------------------------

    async def watch(self, caller: Principal, watched: Watched, after: int | None) -> Stream:
        """A stream of the values of tags.

        Args:
            caller: Whose it is.
            watched: Which tags, and how often.
            after: Number of the last message that was got; None: this is the first time.

        Raises:
            BusyError: The person has too many streams open.
        """
        self._admit(caller)
        listener, feed = Listener(caller), self._values.get(watched)
        if feed is None:
            head, found = await run_in_threadpool(self._newest.all_of, watched.tags)
            feed = self._values.setdefault(watched, ValueFeed(watched, head, found))
        # From here to the queue nothing waits: what comes next is what the queue gets.
        upto, first = feed.cursor, feed.snapshot()
        self._join(listener, feed)
        if after is not None:
            try:
                first = await run_in_threadpool(
                    self._newest.caught_up, watched.tags, (after, upto), first
                )
            except BaseException:
                self.leave(listener)
                raise
        return Stream(self, listener, RETRY + first)

    def listen(self, caller: Principal, query: Query, after: int | None) -> Stream:
        """A stream of what was recorded.

        Args:
            caller: Whose it is; they are told of what they may read.
            query: Of which records.
            after: Number of the last message that was got; None: from now on.

        Raises:
            BusyError: The person has too many streams open.
        """
        self._admit(caller)
        ledger, listener = self.state.desk.site.ledger, Listener(caller)
        head = ledger.head()
        cursor = head if after is None else min(after, head)
        feed = RecordFeed(query, cursor, self._readable(caller))
        self._records[listener] = feed
        self._join(listener, feed)
        return Stream(self, listener, RETRY + message("ready", b'{"seq":%d}' % cursor, cursor))

    def _readable(self, caller: Principal) -> Callable[[Event], bool]:
        people = self.state.desk.site.people
        if caller.is_local:
            return lambda _: True
        return people.authority.may_read(people.require_open(caller.actor.uid))

    def _admit(self, caller: Principal) -> None:
        limit = self.state.desk.site.settings.service.streams_per_person
        open_now = Counter(one.caller.actor.uid for one in self._listeners)
        if self._is_stopped or (not caller.is_local and open_now[caller.actor.uid] >= limit):
            raise BusyError(
                f"you have {limit} live streams open, and more are not given to one person.",
                hint="Close pages that you do not need.",
                wait_s=5,
            )

    def _join(self, listener: Listener, feed: ValueFeed | RecordFeed) -> None:
        self._listeners[listener] = feed
        feed.listeners.append(listener)
        if self._task is None or self._task.done():
            self._rights_seen = self.state.desk.site.ledger.head()
            self._task = asyncio.create_task(self._run(), name="live")

    def leave(self, listener: Listener) -> None:
        """Forget a listener, and what nobody else watches."""
        feed = self._listeners.pop(listener, None)
        if feed is None:
            return
        feed.listeners.remove(listener)
        self._records.pop(listener, None)
        if isinstance(feed, ValueFeed) and not feed.listeners:
            self._values.pop(feed.watched, None)

    def stop(self) -> None:
        """End all streams and take no more: the node stops. To be called on its loop."""
        self._is_stopped = True
        for listener in list(self._listeners):
            listener.end("the node stops")

    # ---- looking ----------------------------------------------------------------------------

    async def _run(self) -> None:
        while self._listeners:
            start = time.monotonic()
            try:
                await self._turn()
            except GoldenbatchError as error:
                self.state.tell(f"live data failed: {error}")
            await asyncio.sleep(max(0.01, self.period_s - (time.monotonic() - start)))

    async def _turn(self) -> None:
        self._n_ticks += 1
        self._end_sessions()
        await self._look_at_records()
        await self._look_at_values()
        if self._n_ticks % max(1, round(HEARTBEAT_S / self.period_s)) == 0:
            for feed in dict.fromkeys(self._listeners.values()):
                self._send(feed, BEAT)
        if self._n_ticks % max(1, round(RIGHTS_S / self.period_s)) == 0:
            await self._look_at_rights()

    def _end_sessions(self) -> None:
        lives = {one.caller.session: True for one in self._listeners if not one.caller.is_local}
        for session in lives:
            lives[session] = self.state.is_session(session)
        for listener in list(self._listeners):
            if not listener.caller.is_local and not lives[listener.caller.session]:
                listener.end("the session has ended")

    async def _look_at_values(self) -> None:
        due = [one for one in self._values.values() if self._n_ticks % one.watched.every == 0]
        if not due:
            return
        self.n_looks += 1
        tags = list(dict.fromkeys(tag for one in due for tag in one.watched.tags))
        after = min(one.cursor for one in due)
        head, found = await run_in_threadpool(self._newest.changed, tags, after)
        for feed in due:
            self._send(feed, feed.advance(found, head))

    async def _look_at_records(self) -> None:
        ledger, feeds = self.state.desk.site.ledger, list(self._records.values())
        head = ledger.head()
        if head > self._rights_seen:
            after, self._rights_seen = self._rights_seen, head
            if await run_in_threadpool(_touches_rights, ledger, after, head):
                await self._look_at_rights()
        if feeds and any(one.cursor < head for one in feeds):
            after = min(one.cursor for one in feeds)
            found = await run_in_threadpool(news, ledger, after, head)
            for feed in feeds:
                self._send(feed, feed.advance(found))

    def _send(self, feed: ValueFeed | RecordFeed, data: bytes) -> None:
        for listener in list(feed.listeners) if data else ():
            if listener.is_ended:  # nobody takes what waits for it: its connection is gone
                self.leave(listener)
            else:
                listener.send(data)
                self.n_sent += 1

    async def _look_at_rights(self) -> None:
        """End the streams of those who may see no more; others go on with the rights of now."""
        for session in {one.caller.session for one in self._listeners if not one.caller.is_local}:
            await self._look_at_session(session)

    async def _look_at_session(self, session: str) -> None:
        of_session = [one for one in self._listeners if one.caller.session == session]
        if not of_session:
            return
        uid = of_session[0].caller.actor.uid
        try:
            caller = await run_in_threadpool(self.state.person, uid, session)
            await run_in_threadpool(caller.require_class, DataClass.OPERATIONAL)
            readable = await run_in_threadpool(self._readable, caller)
        except GoldenbatchError:
            for listener in of_session:
                listener.end("your rights have changed")
            return
        for listener in of_session:
            listener.caller = caller
            if listener in self._records:
                self._records[listener].readable = readable


def _touches_rights(ledger: object, after: int, upto: int) -> bool:
    events = ledger.events(after, upto)  # type: ignore[attr-defined]
    return any(one.stream.startswith(RIGHTS) for one in events)


@dataclass(eq=False)
class Stream:
    """What a listener is sent, from its first message on."""

    live: Live
    listener: Listener
    first: bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            yield self.first
            while True:
                data = await self.listener.queue.get()
                if data:
                    yield data
                if self.listener.is_ended and self.listener.queue.empty():
                    return
        finally:
            self.live.leave(self.listener)
