"""Acquisition: the sources of a home, each read by its connector for as long as the node runs."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import hashlib
import json
import logging
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from goldenbatch.core.acquisition import (
    ENTRY_POINT_GROUP,
    FOLDER,
    ConnectionCard,
    Connector,
    ConnectorManifest,
    Gap,
    GapCause,
    SourceContext,
    SourceError,
    load_connection,
)
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.sources import SourceStarted, SourceStopped
from goldenbatch.runtime._ending import run_loop, run_until_ended
from goldenbatch.runtime._outlet import ALIVE, NodeOutlet
from goldenbatch.runtime._secrets import resolve_secret, without_secrets
from goldenbatch.runtime.batch_context import take
from goldenbatch.stores.spool import Spool, SpoolFullError

if TYPE_CHECKING:
    from goldenbatch.core.site import Site

log = logging.getLogger("goldenbatch.sources")

HEALTH_S = 10.0
"""Seconds between writings of the health of sources."""
RETRY_S = (1.0, 60.0)
"""First and longest pause before a connector that failed is started again."""
STOP_S = 60.0
"""How long sources may take to end: their connectors, their records and their threads."""
ANSWER_S = 20.0
"""How long a person waits for a source to answer."""
T = TypeVar("T")
THREADS_PER_SOURCE = 8
"""Threads for what blocks: names to look up, the disk, the ledger; made as they are needed."""


def manifests(points: Iterable[EntryPoint] | None = None) -> dict[str, ConnectorManifest]:
    """The connectors to running sources that are installed, by name; broken ones are left out."""
    found = {}
    for point in entry_points(group=ENTRY_POINT_GROUP) if points is None else points:
        try:
            loaded = point.load()
        except Exception as error:  # an outside package may throw anything on import
            log.error("connector %s cannot be loaded: %s", point.name, error)
            continue
        if isinstance(loaded, ConnectorManifest):
            found[loaded.name] = loaded
    return found


def load_connections(home: Path) -> list[ConnectionCard]:
    """The cards of a home, by name.

    Raises:
        BadInputError: One is not well formed; names file, line and key.
    """
    return [load_connection(path) for path in sorted((home / FOLDER).glob("*.toml"))]


def readable_connections(home: Path) -> tuple[list[ConnectionCard], list[str]]:
    """The cards of a home that are well formed, and what is wrong with the others."""
    cards, problems = [], []
    for path in sorted((home / FOLDER).glob("*.toml")):
        try:
            cards.append(load_connection(path))
        except BadInputError as error:
            problems.append(f"connection {path.stem} is not read: {error}")
    return cards, problems


@dataclass
class SourceState:
    """What a source is doing.

    Attributes:
        state: `disabled`, `starting`, `running`, `waiting` (failed, tried again), `stopped`
            (a person must mend something), `ended`.
        problem: Why, when it is not running.
        needs_person: Whether somebody must mend something before it can run again.
        connector: What reads it, while it runs.
    """

    card: ConnectionCard
    state: str = "starting"
    problem: str = ""
    needs_person: bool = False
    health: dict[str, Any] = field(default_factory=dict)
    connector: Connector | None = field(default=None, repr=False)

    def as_json(self) -> dict[str, Any]:
        """The state as plain values."""
        return {
            "name": self.card.name,
            "connector": self.card.connector,
            "title": self.card.title,
            "state": self.state,
            "problem": self.problem,
            "needs_person": self.needs_person,
            "health": self.health,
        }


class Sources:
    """The sources of a home and how they are made; knows nothing of running them.

    Args:
        site: The site that they deliver to.
        home: Its folder.
        found: Connectors by name; the installed ones by default.
    """

    def __init__(
        self, site: Site, home: Path, found: Mapping[str, ConnectorManifest] | None = None
    ) -> None:
        self.site, self.home = site, home
        self.connectors = manifests() if found is None else found

    def context(self, card: ConnectionCard) -> SourceContext:
        """What the connector of a card may know."""
        folder = self.home / "keys" / "connections" / card.name
        return SourceContext(
            card, self.site.plant, self.site.clock, resolve_secret, folder, self.home, self.site,
            partial(take, self.site),
        )  # fmt: skip

    def manifest(self, card: ConnectionCard) -> ConnectorManifest:
        """The connector that a card names.

        Raises:
            NotFoundError: It is not installed.
        """
        if card.connector not in self.connectors:
            known = ", ".join(sorted(self.connectors)) or "none"
            raise NotFoundError(
                f"connection {card.name!r}: there is no connector {card.connector!r}.",
                hint=f"Installed: {known}.",
            )
        return self.connectors[card.connector]

    def make(self, card: ConnectionCard) -> Connector:
        """The connector of a card.

        Raises:
            BadInputError: A setting is missing, unknown or impossible; or its extra is missing.
        """
        manifest = self.manifest(card)
        try:
            made: Connector = manifest.factory.load()(self.context(card))
        except ImportError as error:
            raise BadInputError(
                f"connection {card.name!r} needs what is not installed: {error}.",
                hint=f"Install goldenbatch[{manifest.extra}].",
            ) from error
        return made

    def spool(self, card: ConnectionCard) -> Spool:
        """The spool of a card; one process at a time has it open."""
        return Spool(self.home / "state" / FOLDER / f"{card.name}.sqlite", card.spool_bytes)

    def outlet(self, card: ConnectionCard, spool: Spool) -> NodeOutlet:
        """The outlet of a card, in the running event loop."""
        return NodeOutlet(self.site, card, spool)


class Acquisition:
    """Reads all enabled sources in a thread of its own until it is stopped.

    Args:
        sources: The sources of the home.
        cards: Which; all enabled ones of the home by default.
        on_problem: Told what a person should know.
    """

    def __init__(
        self,
        sources: Sources,
        cards: Sequence[ConnectionCard] | None = None,
        on_problem: Callable[[str], None] = lambda _: None,
        health_s: float = HEALTH_S,
    ) -> None:
        self._sources, self._on_problem, self._health_s = sources, on_problem, health_s
        chosen = load_connections(sources.home) if cards is None else cards
        self.states = {
            card.name: SourceState(card, "starting" if card.is_enabled else "disabled")
            for card in chosen
        }
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[None] | None = None
        self._thread: threading.Thread | None = None
        self._is_stopped = threading.Event()

    def start(self) -> None:
        """Start reading, in a thread; one that reads already goes on."""
        if self._thread is not None:
            return
        self._is_stopped.clear()
        if any(one.card.is_enabled for one in self.states.values()):
            work = partial(run_loop, self.run, self._workers())
            self._thread = threading.Thread(target=work, name="acquisition", daemon=True)
            self._thread.start()

    def stop(self, within_s: float = STOP_S) -> None:
        """Stop reading in good order; what was delivered is durable.

        Args:
            within_s: So long is waited; what hangs even then is left behind, and told.
        """
        if self._thread is None:
            return
        self._is_stopped.set()  # seen by a thread that has not come to its loop yet
        if self._loop is not None and self._main is not None:
            with contextlib.suppress(RuntimeError):  # all sources ended: the loop is closed
                self._loop.call_soon_threadsafe(self._main.cancel)
        self._thread.join(within_s)
        if self._thread.is_alive():
            names = ", ".join(name for name, one in self.states.items() if one.connector)
            problem = f"sources left behind after {within_s:g} s: {names or 'their records hang'}"
            log.error("%s", problem)
            self._on_problem(problem)
        self._thread = None

    def status(self) -> list[dict[str, Any]]:
        """All sources with state and health, by name."""
        return [self.states[name].as_json() for name in sorted(self.states)]

    def ask(self, name: str, work: Callable[[Connector], Coroutine[Any, Any, T]]) -> T:
        """Have the connector of a running source do something, in its own loop.

        Args:
            name: Of the source.
            work: What it is to do.

        Raises:
            NotFoundError: There is no such source.
            SourceError: It does not run, or gives no answer in time.
        """
        state = self.states.get(name)
        if state is None:
            known = ", ".join(sorted(self.states)) or "none"
            raise NotFoundError(f"there is no source {name!r}.", hint=f"The node has: {known}.")
        if state.connector is None or self._loop is None or not self._loop.is_running():
            raise SourceError(
                f"source {name!r} does not run: {state.problem or state.state}.",
                hint="See `goldenbatch source list`.",
            )
        asked = asyncio.run_coroutine_threadsafe(work(state.connector), self._loop)
        try:
            return asked.result(ANSWER_S)
        except concurrent.futures.TimeoutError as error:
            asked.cancel()
            raise SourceError(
                f"source {name!r} gave no answer within {ANSWER_S:.0f} s.",
                hint="Look again: what was asked for may have been done or not.",
            ) from error

    async def run(self) -> None:
        """Read all enabled sources; returns when all have ended or when cancelled."""
        self._main, self._loop = asyncio.current_task(), asyncio.get_running_loop()
        if self._is_stopped.is_set():
            return
        enabled = [one for one in self.states.values() if one.card.is_enabled]
        if self._thread is None:  # in the loop of somebody else
            self._loop.set_default_executor(self._workers())
        tasks = [asyncio.ensure_future(self._read(one)) for one in enabled]
        try:
            await asyncio.gather(*tasks)
        except asyncio.CancelledError:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _workers(self) -> ThreadPoolExecutor:
        # A name that cannot be looked up holds a thread for long; it must be no other source's.
        n_enabled = sum(one.card.is_enabled for one in self.states.values())
        return ThreadPoolExecutor(16 + THREADS_PER_SOURCE * n_enabled, "sources")

    async def _read(self, state: SourceState) -> None:
        """One source from its start to its end, with its outlet."""
        try:
            spool = await self._open_spool(state)
        except asyncio.CancelledError:
            state.state = "stopped"
            return
        except Exception as error:  # one source must not take the others along
            self._stopped(state, f"{error}")
            return
        outlet = self._sources.outlet(state.card, spool)
        telling = asyncio.ensure_future(self._tell(state, outlet))
        try:
            await self._record_start(state, outlet)
            await self._supervise(state, outlet)
        except asyncio.CancelledError:
            state.state = "stopped"
        except Exception as error:  # one source must not take the others along
            log.exception("source %s", state.card.name)
            self._stopped(state, f"{type(error).__name__}: {error}")
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
            await self._end(state, outlet, spool)

    async def _open_spool(self, state: SourceState) -> Spool:
        """The spool of a source; a full disk is waited for."""
        pause = RETRY_S[0]
        while True:
            try:
                return await asyncio.to_thread(self._sources.spool, state.card)
            except SpoolFullError as error:
                state.state, state.problem = "waiting", f"{error}"
            await asyncio.sleep(pause)
            pause = min(2 * pause, RETRY_S[1])

    async def _end(self, state: SourceState, outlet: NodeOutlet, spool: Spool) -> None:
        try:
            await outlet.tell_health()
            body = SourceStopped(
                source=state.card.name,
                reason=state.problem or state.state,
                needs_person=state.needs_person,
            )
            await outlet.enter(body)
        except Exception as error:
            log.exception("the end of source %s is not recorded", state.card.name)
            self._on_problem(f"source {state.card.name}: its end is not recorded: {error}")
        finally:
            await outlet.close()
            state.health = outlet.state()
            spool.close()

    async def _record_start(self, state: SourceState, outlet: NodeOutlet) -> None:
        card = state.card
        was_cut_off = any(
            row["stopped_at"] is None for row in outlet.select("source", {"source": card.name})
        )
        told = without_secrets(card.model_dump(mode="json"))
        text = json.dumps(told, sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(text.encode()).hexdigest()
        body = SourceStarted(
            source=card.name, connector=card.connector, card=text, card_digest=digest
        )
        await outlet.enter(body)
        alive, now = outlet.position(ALIVE), self._sources.site.clock()
        allowed = int(max(2 * self._health_s, 3 * card.cadence_s) * 1e6)
        # After a kill what had come in and was not stored is missing, however soon it started.
        if alive and (now - int(alive) > allowed or (was_cut_off and now > int(alive))):
            await outlet.gap(Gap((int(alive), now), GapCause.NODE_DOWN))

    async def _supervise(self, state: SourceState, outlet: NodeOutlet) -> None:
        """Make and run the connector again and again, until it ends or a person is needed."""
        pause = RETRY_S[0]
        while True:
            try:
                connector = await asyncio.to_thread(self._sources.make, state.card)
                state.state, state.problem, state.connector = "running", "", connector
                await run_until_ended(connector.run(outlet), state.card.name)
            except (SourceError, BadInputError, NotFoundError) as error:
                self._stopped(state, f"{error}")
                return
            except Exception as error:  # what a network brings is not to be listed
                state.state, state.problem = "waiting", f"{type(error).__name__}: {error}"
                log.warning("source %s: %s", state.card.name, state.problem)
            else:
                state.state = "ended"
                return
            finally:
                state.connector = None
            outlet.health("problem", state.problem)
            await asyncio.sleep(pause)
            pause = min(2 * pause, RETRY_S[1])

    async def _tell(self, state: SourceState, outlet: NodeOutlet) -> None:
        pause = min(1.0, self._health_s)  # the first soon, so that a start can be seen
        while True:
            await asyncio.sleep(pause)
            try:
                await outlet.tell_health()
            except Exception as error:  # told again at the next turn
                log.warning("health of source %s: %s", state.card.name, error)
            state.health, pause = outlet.state(), self._health_s

    def _stopped(self, state: SourceState, problem: str) -> None:
        state.state, state.problem, state.needs_person = "stopped", problem, True
        self._on_problem(f"source {state.card.name} stopped: {problem}")
