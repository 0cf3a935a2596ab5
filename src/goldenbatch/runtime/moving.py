"""Moving a ledger from its file into a PostgreSQL database when it is outgrown, and back.

The last event where it was says where it goes (`LedgerMoved`), the first one there that it came
(`LedgerArrived`). A ledger whose newest word is that it leaves is not opened for work, so that a
move which was killed half-way, or an old copy, is never appended to by mistake.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.core.config import (
    HOME_FILE,
    LedgerSettings,
    Settings,
    parse_settings,
    save_settings,
)
from goldenbatch.core.errors import (
    BadInputError,
    ConflictError,
    GoldenbatchError,
    IntegrityError,
)
from goldenbatch.core.records import Body, NewEvent
from goldenbatch.runtime import discovery as capabilities
from goldenbatch.runtime._clock import system_clock
from goldenbatch.runtime._state import write_durably
from goldenbatch.runtime.events import LedgerArrived, LedgerMoveCancelled, LedgerMoved
from goldenbatch.runtime.home import (
    HomeLock,
    Layout,
    home_info,
    ledger_place,
    load_home,
    load_keys,
)
from goldenbatch.runtime.projections import core_projections

if TYPE_CHECKING:
    from goldenbatch.core.site import Clock, LedgerPort
    from goldenbatch.stores.ledger import Ledger

STREAM: Final = "ledger/home"
FILE: Final = "file"
_ACTOR: Final = "operator"
Step = Callable[[str], None]


def require_settled(ledger: LedgerPort) -> None:
    """Refuse to work in a ledger that says of itself that it has left.

    Raises:
        ConflictError: A move was begun here, and neither finished nor cancelled.
    """
    leaving = _leaving(ledger)
    if leaving is not None:
        raise ConflictError(
            f"the ledger left {leaving.from_place} for {leaving.to_place}, and the move was not "
            "finished.",
            hint=f"Finish it: `goldenbatch ledger move {leaving.to_place}`; or, if it has not gone "
            "over, give it up with --cancel. An old copy is not to be worked in.",
        )


def move_ledger(
    home: Path, to: str, *, clock: Clock = system_clock, on_step: Step | None = None
) -> dict[str, Any]:
    """Move the ledger of a home that nobody has open; called again, finish what was begun.

    The ledger is verified, its departure recorded, all rows copied in one transaction and
    compared byte by byte, the copy verified, `home.toml` switched, the arrival recorded.

    Args:
        home: Folder of the home.
        to: `file`, or the URL of an empty ledger that `ledger install` has made.
        clock: Present time.
        on_step: Called with the name of each step.

    Raises:
        LockedError: Somebody has the home open.
        ConflictError: It lies there already, something else does, or it is on its way elsewhere.
        IntegrityError: The ledger or the copy does not verify.
        NotFoundError: There is no installed ledger at the URL.
    """
    with HomeLock(home):
        move = _Move(home, to, clock, on_step or (lambda _: None))
        move.leave()
        move.copy()
        return move.arrive()


def cancel_move(home: Path, reason: str, *, clock: Clock = system_clock) -> dict[str, Any]:
    """Give up a move that was begun; the ledger goes on where it is.

    Raises:
        ConflictError: No move was begun, or the ledger has gone over already.
    """
    with HomeLock(home):
        move = _Move(home, "", clock, lambda _: None)
        with move.opened(move.here) as ledger:
            leaving = _leaving(ledger)
            if leaving is None:
                raise ConflictError("no move of the ledger was begun here.")
            if leaving.to_place == name_of(move.here):
                raise ConflictError(
                    "the ledger has gone over already.",
                    hint="Finish the move; then move it back if you want.",
                )
            body = LedgerMoveCancelled(to_place=leaving.to_place, reason=reason)
            move.record(ledger, body)
        return {"ledger": name_of(move.here), "cancelled": leaving.to_place}


def name_of(place: Path | str) -> str:
    """A place as events and people read it: `file`, or a database without its password."""
    from goldenbatch.stores.ledger import shown_place

    return shown_place(place) if isinstance(place, str) else FILE


def checked_url(url: str) -> str:
    """A URL as settings may hold it.

    Raises:
        BadInputError: It is none, or holds a password.
    """
    try:
        return LedgerSettings(url=url).url
    except ValueError as error:  # its own words would repeat the password
        raise BadInputError(
            "this is no URL of a database as settings may hold it.",
            hint="postgresql://role@host/database?schema=name; the password goes into PGPASSWORD.",
            key="url",
        ) from error


# ---- inside -------------------------------------------------------------------------------------


class _Move:
    """One move on its way, under the home's lock."""

    def __init__(self, home: Path, to: str, clock: Clock, tell: Step) -> None:
        self._home, self._clock, self._tell = home, clock, tell
        self._settings = load_home(home)
        self._info = home_info(self._settings)
        self._keys = load_keys(home, self._info)
        found = capabilities.discover()
        capabilities.register_record_types(found)
        self._projections = [*core_projections(), *capabilities.projections(found)[0]]
        self._file = Layout(home).ledger
        self.here = ledger_place(home, self._settings)
        self._url = "" if to == FILE else checked_url(to)
        self._there: Path | str = self._url or self._file

    @property
    def _is_there(self) -> bool:
        return name_of(self.here) == name_of(self._there)

    def opened(self, place: Path | str) -> AbstractContextManager[Ledger]:
        """A ledger, open for work."""
        from goldenbatch.stores.ledger import Ledger

        return Ledger.open(place, self._info, self._clock, self._projections, keys=self._keys)

    def record(self, ledger: Ledger, body: Body) -> None:
        """Append to the ledger's own stream, and sign its head."""
        version = ledger.version(STREAM)
        ledger.append([NewEvent(STREAM, body, version, actor=_ACTOR)])
        ledger.checkpoint()

    def leave(self) -> None:
        """Record the departure where the ledger is, unless that was done before."""
        from goldenbatch.stores.ledger import n_stored

        if isinstance(self.here, str) and self._file.exists():
            self._set_aside()  # nobody works in it: the settings name a database
        n_there = 0 if self._is_there else n_stored(self._there)
        with self.opened(self.here) as ledger:
            leaving = _leaving(ledger)
            if leaving is None and self._is_there:
                raise ConflictError(f"the ledger lies in {name_of(self.here)} already.")
            if leaving is None:
                if n_there:
                    raise ConflictError(
                        f"{name_of(self._there)} holds a ledger already.",
                        hint="Install an empty one under another schema.",
                    )
                self._verify(ledger, "Restore the home from its backup before you move it.")
                self.record(ledger, LedgerMoved(**self._facts(ledger)))
            elif leaving.to_place != name_of(self._there):
                raise ConflictError(
                    f"the ledger is on its way to {leaving.to_place}.",
                    hint="Finish that move, or give it up with --cancel.",
                )

    def copy(self) -> None:
        """Copy all rows, whole or not at all; what was copied before is compared again."""
        from goldenbatch.stores.ledger import transfer_ledger

        if not self._is_there:
            self._tell("copying")
            transfer_ledger(self.here, self._there)

    def arrive(self) -> dict[str, Any]:
        """Verify the copy, switch the settings, record the arrival."""
        with self.opened(self._there) as ledger:
            self._verify(ledger, "The home was not switched. Give the move up with --cancel.")
            self._tell("switching")
            left = name_of(self.here) if not self._is_there else ""
            self._switch()
            leaving = _leaving(ledger)
            if leaving is not None:
                self.record(ledger, LedgerArrived(**self._facts(ledger, leaving.from_place)))
                left = leaving.from_place
            facts = self._facts(ledger, left)
        if self._url and self._file.exists():
            self._set_aside()
        return {**facts, "kept": self._kept()}

    def _facts(self, ledger: Ledger, left: str = "") -> dict[str, Any]:
        return {
            "from_place": left or name_of(self.here),
            "to_place": name_of(self._there),
            "n_events": ledger.head(),
            "root": ledger.root().hex(),
        }

    def _verify(self, ledger: Ledger, hint: str) -> None:
        self._tell("verifying")
        wrong = [one for one in ledger.verify() if not one.is_note]
        if wrong:
            raise IntegrityError(
                f"the ledger does not verify: {wrong[0]} ({len(wrong)} problems).", hint=hint
            )

    def _switch(self) -> None:
        wanted = self._settings.model_copy(update={"ledger": LedgerSettings(url=self._url)})
        path = self._home / HOME_FILE
        text = _with_url(path.read_text(encoding="utf-8"), self._url)
        if not _says(text, wanted):
            with tempfile.TemporaryDirectory(prefix="goldenbatch-move-") as folder:
                text = save_settings(Path(folder), wanted).read_text(encoding="utf-8")
        write_durably(path, text.encode())

    def _set_aside(self) -> None:
        from goldenbatch.stores.ledger import n_stored

        try:
            number = n_stored(self._file)
        except GoldenbatchError:
            number = 0
        aside = self._file.with_name(f"left-{number:09d}.sqlite")
        for suffix in ("-wal", "-shm", ""):  # others may still read it
            part = self._file.with_name(self._file.name + suffix)
            if part.exists():
                os.replace(part, aside.with_name(aside.name + suffix))

    def _kept(self) -> list[str]:
        return sorted(path.name for path in self._file.parent.glob("left-*.sqlite"))


def _leaving(ledger: LedgerPort) -> LedgerMoved | None:
    events = ledger.stream(STREAM)
    body = events[-1].decode() if events else None
    return body if isinstance(body, LedgerMoved) else None


def _with_url(text: str, url: str) -> str:
    """The text of `home.toml` with another place of the ledger; all else stays as it is."""
    line = f'url = "{url}"' if url else 'url = ""'
    table = re.search(r"(?ms)^\[ledger\]\s*$.*?(?=^\[|\Z)", text)
    if table is None:
        return f"{text.rstrip()}\n\n[ledger]\n{line}\n"
    part = table[0]
    changed = re.sub(r"(?m)^url\s*=.*$", lambda _: line, part, count=1)
    if changed == part and not re.search(r"(?m)^url\s*=", part):
        changed = part.replace("[ledger]", f"[ledger]\n{line}", 1)
    return text[: table.start()] + changed + text[table.end() :]


def _says(text: str, wanted: Settings) -> bool:
    try:
        return parse_settings(text) == wanted
    except BadInputError:
        return False
