"""A page as it is open in one person's browser: what `show` functions do things with."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar
from urllib.parse import quote, urlencode

from nicegui import background_tasks, ui

from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.ui.web.pages import Asked, Parts
from goldenbatch.ui.web.threads import in_background, in_thread
from goldenbatch.ui.web.words import _

T = TypeVar("T")
log = logging.getLogger("goldenbatch.web")

Tone = Literal["good", "bad", "warn", "info"]
Work = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Person:
    """Who looks, as the node knows them.

    Attributes:
        classes: Data classes that they may read, by value.
        inspects_until: They read as an inspector until then, microseconds UTC; None: they do not.
    """

    uid: str
    login: str
    printed_name: str
    roles: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()
    inspects_until: int | None = None

    def may_read(self, classes: tuple[str, ...]) -> bool:
        """Whether they may read all of some data classes."""
        return set(classes) <= self.classes


def address(path: str, **values: object) -> str:
    """An address of the interface; values that are None or empty are left out.

    >>> address("/findings", state="open", batch="")
    '/findings?state=open'
    >>> address("/batches/{batch}", batch="B 1/2")
    '/batches/B%201%2F2'
    """
    left = dict(values)
    for name in list(left):
        if f"{{{name}}}" in path:
            path = path.replace(f"{{{name}}}", quote(str(left.pop(name)), safe=""))
    query = urlencode({name: str(one) for name, one in left.items() if one not in (None, "")})
    return f"{path}?{query}" if query else path


@dataclass
class View:
    """A page that is open, and whose it is.

    Attributes:
        asked: What was asked for; its `site` and `api` act as the person.
        person: Who looks.
        zone: IANA zone of the site: what times are shown in.
        again: Loads the page's data and shows it again, below the same heading.
        parts: What capabilities bring to pages; shown by `goldenbatch.ui.web.parts`.
        base: Address of the interface as the browser knows it, without a path.
        n_busy: Forms and ceremonies that somebody is in the middle of; refreshes wait for them.
    """

    asked: Asked
    person: Person
    zone: str = "UTC"
    again: Work = field(default=None)  # type: ignore[assignment]
    parts: Parts | None = None
    base: str = ""
    n_busy: int = 0

    async def run(self, work: Callable[..., T], *args: Any) -> T | None:
        """Work in a thread; what goes wrong is told on the page, and gives None."""
        try:
            return await in_thread(work, *args)
        except GoldenbatchError as error:
            self.tell(str(error), "bad", error.hint)
        return None

    def tell(self, text: str, tone: Tone = "info", hint: str = "") -> None:
        """A message that a screen reader reads out too; bad ones stay until they are closed."""
        colour: Any = {"good": "positive", "bad": "negative", "warn": "warning", "info": "info"}[
            tone
        ]
        ui.notify(
            text,
            caption=hint or None,
            type=colour,
            timeout=0 if tone == "bad" else 6000,
            close_button=_("Close") if tone == "bad" else False,
            multi_line=True,
        )

    def go(self, path: str, **values: object) -> None:
        """Open another page."""
        ui.navigate.to(address(path, **values))

    def every(self, seconds: float, work: Work) -> None:
        """Do something again and again for as long as the page is open.

        It is marked as the page's own doing and keeps nobody's session alive; while somebody
        fills in a form or signs, it waits.
        """

        async def once() -> None:
            if not self.n_busy:
                with in_background():
                    await work()

        ui.timer(seconds, once, immediate=False)

    def start(self, work: Awaitable[None]) -> None:
        """Go on with something beside what the person does."""
        background_tasks.create(work, name="page")

    async def act(self, name: str, values: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """An act that is no signature, as the person who is logged in; None: refused, and told."""

        def post() -> Mapping[str, Any]:
            found: Mapping[str, Any] = self.asked.api.post(
                f"/acts/{quote(name, safe='')}", {"values": dict(values)}
            )
            return found

        return await self.run(post)

    async def sign(self, form: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The signing ceremony: shows what is signed, asks for the proof, signs.

        Args:
            form: As `POST /signatures/prepare` takes it: `finding` with `verdict` and `comment`;
                `act` with `values`; `stream` with `meaning` and `reason`; and so on.

        Returns:
            What was signed; None where the person gave up or was refused (and was told why).
        """
        from goldenbatch.ui.web.signing import ceremony

        return await ceremony(self, form)
