"""Pages without a browser: `show` on its data, and what of it can be read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, TypeVar

from goldenbatch.ui.web.pages import Asked
from goldenbatch.ui.web.view import Person, View

T = TypeVar("T")


@dataclass(frozen=True)
class Shown:
    """What a `show` function made.

    Attributes:
        texts: All that can be read, in the order it was made.
        links: Addresses that lead elsewhere.
        tags: Names of the elements.
        seconds: How long it took.
        html: Elements that were given HTML, which stored text must never be.
    """

    texts: tuple[str, ...]
    links: tuple[str, ...]
    tags: tuple[str, ...]
    seconds: float
    html: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All texts in one."""
        return "\n".join(self.texts)


def shown(show: Callable[[View, T], None], data: T, view: View) -> Shown:
    """Show data in a client of the interface that no browser is behind.

    Raises:
        Exception: Whatever `show` throws.
    """

    def work() -> Shown:
        return asyncio.run(_shown(show, data, view))

    # A thread of its own: a browser's driver may have left a loop running in this one.
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(copy_context().run, work).result()


def view_of(asked: Asked, person: Person, zone: str = "UTC", parts: Any = None) -> View:
    """A view for `shown`; acts and messages of it reach nobody."""

    async def again() -> None:
        """Do nothing: there is no page to load."""

    view = View(asked, person, zone, again)
    if parts is not None:
        view.parts = parts
    return view


async def _shown(show: Callable[[View, T], None], data: T, view: View) -> Shown:
    from nicegui import core
    from nicegui.client import Client
    from nicegui.page import page

    before, core.loop = core.loop, asyncio.get_running_loop()
    client = Client(page("/of-a-test"))
    try:
        with client:
            began = time.process_time()
            show(view, data)
            seconds = time.process_time() - began
        return _read(client.elements, seconds)
    finally:
        client.delete()
        others = [one for one in asyncio.all_tasks() if one is not asyncio.current_task()]
        for one in others:
            one.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        core.loop = before


def _read(elements: Mapping[int, Any], seconds: float) -> Shown:
    texts, links, tags, html = [], [], [], []
    for one in elements.values():
        properties = dict(one.props.items())
        tags.append(one.tag)
        texts += [str(one.text)] if getattr(one, "text", "") else []
        texts += [str(properties[key]) for key in ("label", "caption") if properties.get(key)]
        links += [str(properties["href"])] if properties.get("href") else []
        html += [str(properties["innerHTML"])] if properties.get("innerHTML") else []
    return Shown(tuple(texts), tuple(links), tuple(tags), seconds, tuple(html))
