"""What one call of the command line knows: which home, which form of output, who asks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenbatch.apps.cli._output import Output
from goldenbatch.core.errors import BadInputError, NotFoundError

if TYPE_CHECKING:
    from goldenbatch.apps.desk import Desk

HOME_VARIABLE = "GOLDENBATCH_HOME"
HOME_FILE = "home.toml"
ENTRY_VARIABLE = "GOLDENBATCH_PASSWORD"
NEW_ENTRY_VARIABLE = "GOLDENBATCH_NEW_PASSWORD"


class Session:
    """One call of the command line.

    Attributes:
        output: Where answers, progress and errors go.
        exit_code: Code to leave with when nothing was raised.
    """

    def __init__(self) -> None:
        self.output = Output()
        self.exit_code = 0
        self._home: Path | None = None

    def configure(self, home: Path | None, is_json: bool) -> None:
        """Take the options of a command; those given before the command stay."""
        if home is not None:
            self._home = home
        self.output.is_json = self.output.is_json or is_json

    @property
    def home(self) -> Path:
        """Directory of the home that the call is about.

        Raises:
            NotFoundError: No option, variable or working directory leads to a home.
        """
        named = self._home or _from_environment()
        path = (named or Path.cwd()).resolve()
        if (path / HOME_FILE).is_file():
            return path
        raise NotFoundError(
            f"{path} is not a home: it has no {HOME_FILE}.",
            hint="Name one with --home DIR, or make one with `goldenbatch init DIR`.",
        )

    def home_or_none(self) -> Path | None:
        """The home, or None where there is none to write a report into."""
        try:
            return self.home
        except (NotFoundError, OSError):
            return None

    @contextmanager
    def open_site(self, actor: str = "") -> Iterator[Desk]:
        """Open the home: through its node where one runs, else under its lock."""
        from goldenbatch.apps.desk import open_desk

        with open_desk(self.home, actor=actor) as site:
            self.output.home = site.home
            yield site

    def show(self, answer: Any, render: Callable[[Any], None] | None = None) -> None:
        """Put the answer of a command out: one JSON document, or for people."""
        if answer is not None:
            self.output.show(answer, render)

    def password(
        self, from_stdin: bool = False, *, prompt: str = "Password: ", is_new: bool = False
    ) -> str:
        """A password from stdin, from its variable, or asked for without echo.

        Args:
            from_stdin: Take the next line of stdin.
            prompt: What the person is asked.
            is_new: It is being chosen: GOLDENBATCH_NEW_PASSWORD comes before
                GOLDENBATCH_PASSWORD, and a person types it twice.

        Raises:
            BadInputError: There is none and nobody to ask.
        """
        import getpass
        import sys

        if from_stdin:
            return _some(sys.stdin.readline().rstrip("\r\n"))
        names = (NEW_ENTRY_VARIABLE, ENTRY_VARIABLE) if is_new else (ENTRY_VARIABLE,)
        for name in names:
            if known := os.environ.get(name):
                return known
        if not sys.stdin.isatty():
            raise BadInputError(
                "no password was given and there is no terminal to ask for it.",
                hint=f"Use --password-stdin, or set {ENTRY_VARIABLE}.",
            )
        first = _some(getpass.getpass(prompt, stream=sys.stderr))
        if is_new and getpass.getpass("Once more: ", stream=sys.stderr) != first:
            raise BadInputError("the two passwords differ.", hint="Type them again.")
        return first


def _some(password: str) -> str:
    if not password:
        raise BadInputError("the password is empty.", hint="Give one of at least 12 characters.")
    return password


def _from_environment() -> Path | None:
    named = os.environ.get(HOME_VARIABLE, "")
    return Path(named) if named else None


_CURRENT: ContextVar[Session] = ContextVar("session")


def current_session() -> Session:
    """The session of this call, made when there is none yet."""
    try:
        return _CURRENT.get()
    except LookupError:
        session = Session()
        _CURRENT.set(session)
        return session


def begin_session() -> Session:
    """A fresh session for a call of the command line."""
    session = Session()
    _CURRENT.set(session)
    return session
