"""Live readings: one stream from the node per open page, handed on once a second.

The stream is the person's own: the node ends it with their session or rights. One that breaks is
taken up after the last message that arrived, so that nothing is lost or told twice.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import httpx
from nicegui import background_tasks, ui

from goldenbatch.runtime.remote import API
from goldenbatch.ui.web.elements import short_time
from goldenbatch.ui.web.live_status import LiveStatus
from goldenbatch.ui.web.words import _

if TYPE_CHECKING:
    from goldenbatch.ui.web.view import View

MAX_TAGS: Final = 200
SILENT_S: Final = 40.0
"""The node beats every 15 s; without any sign for so long the line is taken for broken."""

WAITS_S: Final = (1.0, 2.0, 5.0)


@dataclass(frozen=True)
class Message:
    """A server-sent event.

    Attributes:
        number: Its `id`; empty: it has none.
    """

    name: str
    data: str
    number: str = ""


@dataclass
class Parser:
    """Messages from the lines of a stream (HTML Standard, 9.2.6); comments are left out."""

    _fields: dict[str, list[str]] = field(default_factory=dict)

    def feed(self, line: str) -> Message | None:
        """A message that ends with this line."""
        if line:
            name, _colon, value = line.partition(":")
            self._fields.setdefault(name, []).append(value.removeprefix(" "))
            return None
        found, self._fields = self._fields, {}
        if "data" not in found:
            return None
        name = found.get("event", ["message"])[-1]
        return Message(name, "\n".join(found["data"]), found.get("id", [""])[-1])


def points_of(data: Mapping[str, Any]) -> dict[str, list[tuple[int, Any, int]]]:
    """Readings by tag, for the page; arrays are left to pages of their own.

    >>> points_of({"readings": [{"tag": "a", "time": 1, "value": 2.0, "quality": 0x80000000}]})
    {'a': [(1, 2.0, 2)]}
    """
    found: dict[str, list[tuple[int, Any, int]]] = {}
    for one in data["readings"]:
        if not isinstance(one["value"], list):
            row = (one["time"], one["value"], one["quality"] >> 30 & 3)
            found.setdefault(one["tag"], []).append(row)
    return found


@cache
def _client() -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    timeout = httpx.Timeout(10, read=SILENT_S)
    return httpx.AsyncClient(timeout=timeout, limits=limits, trust_env=False)


@dataclass
class Follower:
    """Follows tags for one page.

    Attributes:
        url: Base address of the node.
        headers: What the person is known by.
        last: Number of the last message that arrived.
        is_over: Whether no more comes, whatever is tried.
    """

    url: str
    headers: Mapping[str, str]
    tags: Sequence[str]
    last: str = ""
    is_over: bool = False
    why: str = ""
    client: httpx.AsyncClient | None = None
    waits: Sequence[float] = WAITS_S

    async def messages(self) -> AsyncIterator[Message | None]:
        """Messages, each once; None: the line broke and is taken up again."""
        n_failed = 0
        while True:
            try:
                async for message in self._once():
                    n_failed = 0
                    yield message
            except (httpx.HTTPError, OSError):
                pass
            if self.is_over:
                return
            yield None
            await asyncio.sleep(self.waits[min(n_failed, len(self.waits) - 1)])
            n_failed += 1

    async def _once(self) -> AsyncIterator[Message]:
        headers = {**self.headers, **({"Last-Event-ID": self.last} if self.last else {})}
        asked = (self.client or _client()).stream(
            "GET", f"{self.url}{API}/live", params={"tag": list(self.tags)}, headers=headers
        )
        async with asked as response:
            if response.status_code in (401, 403, 404, 422):
                self.is_over, self.why = True, str(response.status_code)
                return
            response.raise_for_status()
            parser = Parser()
            async for line in response.aiter_lines():
                message = parser.feed(line)
                if message is None:
                    continue
                if message.number:
                    self.last = message.number
                if message.name == "end":
                    self.is_over, self.why = True, str(json.loads(message.data).get("reason", ""))
                yield message


def follow(
    view: View, tags: Sequence[str], again: Callable[[], Awaitable[None]] | None = None
) -> LiveStatus | None:
    """Follow tags on the page that is being made; says on it how live it is.

    Args:
        view: The page.
        tags: Names; of more than `MAX_TAGS` the first are followed.
        again: Loads the page's history again, after too much was missed to be told.

    Returns:
        None where there is nothing to follow, or no node to follow it at.
    """
    headers = getattr(view.asked.api, "authorization", None)
    if not tags or headers is None:
        return None
    status = LiveStatus(view.zone)
    url = str(getattr(view.asked.api, "url", ""))
    follower = Follower(url, headers, list(tags)[:MAX_TAGS])
    task = background_tasks.create(_relay(view, follower, status, again), name="live")
    ui.context.client.on_delete(task.cancel)
    return status


async def _relay(
    view: View, follower: Follower, status: LiveStatus,
    again: Callable[[], Awaitable[None]] | None,
) -> None:  # fmt: skip
    is_live = False
    async for message in follower.messages():
        if status.is_deleted:
            return
        if message is None:
            since = short_time(time.time_ns() // 1000, view.zone)
            if is_live:
                status.say(_("Stale since {time}: the node does not answer").format(time=since),
                           is_live=False)  # fmt: skip
            is_live = False
        elif message.name == "readings":
            status.push(points_of(json.loads(message.data)))
            if not is_live:
                status.say(_("Live"), is_live=True)
            is_live = True
        elif message.name == "gap" and again is not None:
            with status:
                await again()
    if not status.is_deleted:
        since = short_time(time.time_ns() // 1000, view.zone)
        words = _("Stale since {time}: {why}. Load the page again.")
        status.say(words.format(time=since, why=follower.why), is_live=False)
