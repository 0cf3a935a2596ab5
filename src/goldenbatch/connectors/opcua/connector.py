"""The connection to one server: it is made, watched, lost and made again, and nothing is lost.

Two watermarks say what is still to be asked for. `link` is the server's time up to which all
values that were sent are durable; `behind/<tag>` stands for a tag that is not that far: its
node was gone, or a gap of it is not filled yet. Both are written with the readings they belong
to, so that a connector that is killed asks again for exactly what is missing.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass

from goldenbatch.connectors.opcua._alarms import AlarmBook
from goldenbatch.connectors.opcua._frames import TagBook
from goldenbatch.connectors.opcua._items import Item, Left
from goldenbatch.connectors.opcua._link import Link
from goldenbatch.connectors.opcua._session import LinkLostError, RefusedError, Session
from goldenbatch.connectors.opcua._taking import Taker
from goldenbatch.connectors.opcua.settings import OpcUaSettings, read_settings
from goldenbatch.core.acquisition import GapCause, Outlet, SourceContext, SourceError
from goldenbatch.core.errors import BadInputError

log = logging.getLogger("goldenbatch.sources.opcua")

PATIENCE = 3
"""Refusals in a row after which a person is asked, once the server had taken us before."""


@dataclass
class Life:
    """What outlives single connections.

    Attributes:
        n_links: Connections that came about.
        n_refusals: Refusals in a row.
        left: What the last connection left at the server.
    """

    n_links: int = 0
    n_refusals: int = 0
    left: Left | None = None


def make_connector(context: SourceContext) -> OpcUaConnector:
    """The connector of a card.

    Raises:
        BadInputError: A setting is missing, unknown or impossible; names the key.
        ImportError: The extra `opcua` is not installed.
    """
    import asyncua  # noqa: F401 - so that a missing extra is said before anything runs

    return OpcUaConnector(context, read_settings(context))


class OpcUaConnector:
    """Reads a server for as long as it runs.

    Args:
        context: Card, plant, clock, secrets, folder.
        settings: What the card says.

    Raises:
        BadInputError: Two nodes give one tag, or there is nothing to read.
    """

    def __init__(self, context: SourceContext, settings: OpcUaSettings) -> None:
        self.context, self.settings = context, settings
        if not settings.items and not settings.alarms.is_used:
            raise BadInputError(
                f"connection {context.card.name!r} reads nothing.",
                hint="Give it [[settings.items]] or an items_file, or switch its alarms on.",
                key="settings.items",
            )
        self._life = Life()
        self._alarms: AlarmBook | None = None
        self._random = random.Random(context.card.name)  # noqa: S311 - spreads retries

    async def run(self, outlet: Outlet) -> None:
        """Read and deliver until cancelled: see `core.acquisition.Connector`."""
        card, clock = self.context.card, self.context.clock
        taker = Taker(TagBook(), outlet, self.context.plant)
        items = self._items(taker)
        if self.settings.alarms.is_used:
            severity = self.settings.alarms.severity
            self._alarms = AlarmBook(card.name, outlet, clock, severity)
        outlet.health("items", float(len(items)))
        pause = self.settings.retry.first_s
        while True:
            before = self._life.n_links
            problem = await self._live(outlet, taker, items)
            _stop_if_cancelled()
            outlet.health("connected", 0.0)
            outlet.health("problem", problem)
            log.info("source %s: %s", card.name, problem)
            if self._life.n_links > before:
                pause = self.settings.retry.first_s
            await asyncio.sleep(pause * self._random.uniform(0.8, 1.2))
            pause = min(2 * pause, self.settings.retry.longest_s)

    def _items(self, taker: Taker) -> list[Item]:
        """The items of the card with their whole names."""
        place = self.context.card.place
        items: list[Item] = []
        for spec in self.settings.items:
            tag = spec.tag if "/" in spec.tag or not place else f"{place}/{spec.tag}"
            code = taker.know(tag, spec.kind)
            items.append(Item(spec, tag, code, handle=len(items) + 1))
        names = {item.tag for item in items}
        if len(names) != len(items):
            twice = sorted(name for name in names if [i.tag for i in items].count(name) > 1)
            raise BadInputError(f"tag {twice[0]!r} stands at two nodes.", key="settings.items")
        return items

    async def _live(self, outlet: Outlet, taker: Taker, items: Sequence[Item]) -> str:
        """One connection from its beginning to its end; why it ended.

        Raises:
            SourceError: A person must mend it.
        """
        from asyncua.ua.uaerrors import UaError

        session: Session | None = None
        try:
            session = await Session.open(self.context, self.settings)
            cause = GapCause.LINK_DOWN if self._life.n_links else GapCause.NODE_DOWN
            link = Link(self.context, self.settings, session, taker, outlet)
            left, self._life.left = self._life.left, None
            await link.begin(items, cause, self._alarms, left)
            self._life.n_links, self._life.n_refusals = self._life.n_links + 1, 0
            outlet.health("reconnects", float(self._life.n_links - 1))
            _stop_if_cancelled()
            try:
                await link.run()
            finally:
                self._life.left = link.left()
        except RefusedError as error:
            self._life.n_refusals += 1
            if self._life.n_links == 0 or self._life.n_refusals >= PATIENCE:
                raise
            return f"{error}"
        except (OSError, UaError, LinkLostError) as error:
            return f"{type(error).__name__}: {error}" if f"{error}" else type(error).__name__
        finally:
            if self._alarms is not None:
                self._alarms.leave()
            if session is not None:
                await session.close()
        return "the connection ended"

    async def acknowledge(self, condition: str, comment: str, actor: str) -> str:
        """Acknowledge an alarm at the server: see `core.acquisition.AlarmSource`."""
        return await self._book().acknowledge(condition, comment, actor)

    async def confirm(self, condition: str, comment: str, actor: str) -> str:
        """Confirm an alarm at the server: see `core.acquisition.AlarmSource`."""
        return await self._book().confirm(condition, comment, actor)

    def _book(self) -> AlarmBook:
        if self._alarms is None:
            raise SourceError(
                f"source {self.context.card.name!r} reads no alarms, or does not run.",
                hint="Set alarms.is_used in its card.",
            )
        return self._alarms


def _stop_if_cancelled() -> None:
    """Go no further when a library below has swallowed our cancellation."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
