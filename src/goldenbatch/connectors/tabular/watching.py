"""The connector `folder`: files that come into a folder are imported by a source card."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from goldenbatch.connectors.tabular._folder import Folder, SeenFile, Taken, read_settings
from goldenbatch.connectors.tabular._templates import placeholders
from goldenbatch.connectors.tabular.card import SourceCard, load_card
from goldenbatch.connectors.tabular.importing import FileReport, ImportOptions, import_original
from goldenbatch.core.acquisition import Gap, GapCause, Outlet, SourceContext
from goldenbatch.core.errors import (
    BadInputError,
    ConflictError,
    NotFoundError,
    VersionConflictError,
)

if TYPE_CHECKING:
    from goldenbatch.core.site import Site

log = logging.getLogger("goldenbatch.sources")

N_NAMED = 3
"""Refused files that are named in the source's health; all have gaps of their own."""
LAST = "last_taken_at"
"""Position under which the newest time of change of a file that was taken stands."""
_T = TypeVar("_T")


def make_watcher(context: SourceContext) -> FolderWatcher:
    """The connector of a card.

    Raises:
        BadInputError: A setting or the source card is wrong, or there is no site to import to.
        NotFoundError: The home has no such source card.
    """
    return FolderWatcher(context)


@dataclass(frozen=True)
class Attempt:
    """What became of one file.

    Attributes:
        report: Of the import; None where it was not imported.
        why: Why it was refused for good: it is tried again when it has changed.
        wait: Why it is tried again later, as it is.
    """

    report: FileReport | None = None
    why: str = ""
    wait: str = ""


class FolderWatcher:
    """Watches a folder; reads and imports in a thread, one file after the other."""

    def __init__(self, context: SourceContext) -> None:
        if context.site is None:
            raise BadInputError(
                f"connection {context.card.name!r} imports files, which needs the whole site.",
                hint="Run it in the node, or by `goldenbatch source run`.",
            )
        self._site: Site = context.site
        self._name, self._clock = context.card.name, context.clock
        self._settings = read_settings(self._name, context.card.settings)
        self._card_path = context.base / "cards" / f"{self._settings.card}.toml"
        self._card = load_card(self._card_path)
        self._card_mark = _status(self._card_path)
        self._folder = Folder(self._settings, context.base / self._settings.folder, time.monotonic)
        self._options = ImportOptions(take=context.take)
        self._refused: dict[str, str] = {}
        self._n_imported = self._n_rows_refused = 0

    async def run(self, outlet: Outlet) -> None:
        """Watch until cancelled: see `core.acquisition.Connector`."""
        outages = [
            (int(row["start"]), int(row["end"]))
            for row in outlet.select("gap", {"source": self._name, "cause": "node down"})
        ]
        filled = {
            (int(row["start"]), int(row["end"]))
            for row in outlet.select("gap", {"source": self._name, "is_backfill": 1})
        }
        open_ = [one for one in outages if one not in filled]
        while True:
            is_at_rest = await self._round(outlet)
            if is_at_rest and open_:
                # Files wait for us: once all are taken, nothing is missing of the outage.
                for window in open_:
                    await outlet.backfilled(window, (), 0)
                open_ = []
            await asyncio.sleep(self._settings.poll_s)

    async def _round(self, outlet: Outlet) -> bool:
        """One look at the folder; whether nothing is left to take."""
        try:
            ready, n_waiting = await _in_thread(lambda: self._look(outlet))
        except OSError as error:
            outlet.health("is_connected", 0)
            outlet.health("problem", f"{error}")
            return False
        outlet.health("is_connected", 1)
        outlet.health("n_files_waiting", n_waiting + len(ready))
        problems = []
        for at, one in enumerate(ready, start=1):
            attempt = await _in_thread(lambda one=one: self._take(one))  # type: ignore[misc]
            if attempt.wait:
                problems.append(f"{one.file}: {attempt.wait}")
                n_waiting += 1
                self._folder.wait_again(one)
            elif attempt.why or attempt.report:
                await self._tell(outlet, one, attempt)
            outlet.health("n_files_waiting", n_waiting + len(ready) - at)
        outlet.health("problem", self._problem(problems))
        await self._forget(outlet)
        return not n_waiting

    async def _forget(self, outlet: Outlet) -> None:
        """Let go of files that are gone; one that comes back is known by its bytes."""
        known = outlet.positions("file/")
        if gone := self._folder.gone(known):
            await outlet.deliver([], dict.fromkeys(gone, ""))
        outlet.health("n_files_known", len(known) - len(gone))

    def _look(self, outlet: Outlet) -> tuple[list[SeenFile], int]:
        mark = _status(self._card_path)
        if mark != self._card_mark:
            self._card, self._card_mark = load_card(self._card_path), mark
        self._refused = {}
        return self._folder.look(self._card, lambda one: self._is_done(one, outlet))

    def _is_done(self, one: SeenFile, outlet: Outlet) -> bool:
        taken = Taken.of(outlet.position(one.key))
        if taken is None or taken.mark != self._mark(one, is_refused=bool(taken.why)):
            return False
        if taken.why:
            self._refused[one.file] = taken.why
        elif self._settings.after == "move":
            self._move(one)
        return True

    def _mark(self, one: SeenFile, *, is_refused: bool) -> str:
        """What a file depends on; a refused one may be right with another plant."""
        mark = f"{one.mark}/{self._card.digest[:16]}"
        return f"{mark}/{self._site.plant.digest[:16]}" if is_refused else mark

    def _take(self, one: SeenFile) -> Attempt:
        """Import one file; whatever it is, the others go on."""
        try:
            original = self._folder.read(one)
            if original is None:
                return Attempt()
            report = import_original(self._site, self._card, one.table, original, self._options)
        except VersionConflictError as error:
            return Attempt(wait=f"{error}")
        except (BadInputError, ConflictError, NotFoundError) as error:
            return Attempt(why=f"{error}")
        except Exception as error:  # what a full disk or a broken store throws is not the file's
            log.warning("source %s: %s waits: %s", self._name, one.file, error)
            return Attempt(wait=f"{type(error).__name__}: {error}")
        return Attempt(report)

    async def _tell(self, outlet: Outlet, one: SeenFile, attempt: Attempt) -> None:
        """Record what became of a file, then that it need not be looked at again."""
        before = Taken.of(outlet.position(one.key))
        tags = _tags(self._card, one)
        if attempt.report is None:
            last = int(outlet.position(LAST) or one.changed_at)
            window = (min(last, one.changed_at), one.changed_at + 1)
            taken = Taken(self._mark(one, is_refused=True), attempt.why, *window)
            note = attempt.why if one.file in attempt.why else f"{one.file}: {attempt.why}"
            await outlet.gap(Gap(window, GapCause.REJECTED, tags, note))
            self._refused[one.file] = attempt.why
            await outlet.deliver([], {one.key: taken.as_text()})
            return
        taken = Taken(self._mark(one, is_refused=False))
        if before is not None and before.why:
            await outlet.backfilled((before.start, before.end), tags, attempt.report.n_readings)
        last = max(one.changed_at, int(outlet.position(LAST) or 0))
        await outlet.deliver([], {one.key: taken.as_text(), LAST: str(last)})
        self._n_imported += 1
        self._n_rows_refused += attempt.report.n_rejected + attempt.report.n_conflicts
        outlet.health("n_files_imported", self._n_imported)
        outlet.health("n_rows_refused", self._n_rows_refused)
        outlet.health("last_file", one.file)
        if self._settings.after == "move":
            await _in_thread(lambda: self._move(one))

    def _move(self, one: SeenFile) -> None:
        try:
            self._folder.move(one)
        except OSError as error:
            self._refused[one.file] = f"was taken, but cannot be moved: {error}"

    def _problem(self, waiting: list[str]) -> str:
        """What a person should know: files that were refused or that wait."""
        named = [f"{file}: {why}" for file, why in sorted(self._refused.items())] + waiting
        more = f"; {len(named) - N_NAMED} more" if len(named) > N_NAMED else ""
        return "; ".join(one[:200] for one in named[:N_NAMED]) + more


def _tags(card: SourceCard, one: SeenFile) -> tuple[str, ...]:
    """Tags that a file holds; none, which means all of the source, where its cells name them."""
    names = [part.tag for part in one.table.tags] + [part.tag for part in one.table.arrays]
    return () if any(placeholders(name) for name in names) else tuple(names)


def _status(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise NotFoundError(f"there is no source card {path}.", hint="Put it back.") from error
    return found.st_size, found.st_mtime_ns


async def _in_thread(work: Callable[[], _T]) -> _T:
    """Work in a thread; when cancelled, what has begun is finished first.

    A thread cannot be cancelled: left alone, it would write into stores that are being closed.
    """
    task: asyncio.Future[Any] = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
