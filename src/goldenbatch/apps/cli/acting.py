"""Any act of any capability on the command line: `act NAME key=value ... --by LOGIN`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from goldenbatch.apps.cli._acts import ByOption, StdinOption, act_by
from goldenbatch.apps.cli._ceremony import MethodOption
from goldenbatch.apps.cli._session import Session
from goldenbatch.apps.models import acts_of
from goldenbatch.core.errors import BadInputError, NotFoundError

MAX_BYTES = 16 << 20
NameArgument = Annotated[
    str,
    typer.Argument(help="Full name, such as monitoring.alarm-acknowledge; none: list all acts."),
]
ValuesArgument = Annotated[
    list[str] | None,
    typer.Argument(help="key=text, key:=JSON, or key=@file for the text of a file."),
]


def act(
    session: Session,
    name: NameArgument = "",
    values: ValuesArgument = None,
    by: ByOption = "",
    method: MethodOption = "password",
    password_stdin: StdinOption = False,
) -> None:
    """Carry out an act of a capability as a person, or list the acts that there are."""
    given = read_values(values or ())
    with session.open_site() as desk:
        known = acts_of(desk).names()
        if not name:
            session.show([{"act": one} for one in known])
            return
        if name not in known:
            raise NotFoundError(
                f"no capability offers the act {name!r}.", hint=f"There are {', '.join(known)}."
            )
        if not by:
            raise BadInputError("nobody is named who does it.", hint="Give --by LOGIN.", key="by")
        done = act_by(session, desk, name, given, by, method=method, from_stdin=password_stdin)
    session.show(done)


def read_values(given: Sequence[str]) -> dict[str, Any]:
    """Values of an act as they stand on a command line.

    Raises:
        BadInputError: One is no pair, stands there twice, is no JSON, or its file cannot be read.

    >>> read_values(["alarm=4f2a", "n:=3", "comment=batch = held"])
    {'alarm': '4f2a', 'n': 3, 'comment': 'batch = held'}
    """
    found: dict[str, Any] = {}
    for pair in given:
        key, sign, text = pair.partition("=")
        is_json = key.endswith(":")
        key = key.removesuffix(":").strip()
        if not sign or not key or key in found:
            raise BadInputError(
                f"{pair!r} is no key=value, or its key is there twice.",
                hint="Write key=text, key:=JSON, or key=@file.",
            )
        found[key] = _json(key, text) if is_json else _text(key, text)
    return found


def _json(key: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{key} is no JSON: {error}.", key=key) from error


def _text(key: str, text: str) -> str:
    if not text.startswith("@"):
        return text
    path = Path(text[1:])
    try:
        if not path.is_file():
            raise BadInputError(
                f"{path} is no file.", hint="Name a file, or say key:=JSON.", key=key
            )
        if path.stat().st_size > MAX_BYTES:
            raise BadInputError(f"{path} is larger than {MAX_BYTES >> 20} MiB.", key=key)
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path} cannot be read as text: {error}.", key=key) from error
