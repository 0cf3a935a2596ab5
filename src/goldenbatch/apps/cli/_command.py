"""How a function becomes a command: the session, `--home` and `--json` are given to it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from goldenbatch.apps.cli._session import current_session

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="Directory of the home (default: GOLDENBATCH_HOME, or here)."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
COMMON = {"home": HomeOption, "json": JsonOption}
_MARK = "goldenbatch_command"


def as_command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function the options of all commands, and what it asks for by name.

    A parameter named `session` receives the session; one named `site` receives the open
    site (the node's, or the home under its lock). What the function returns is shown.
    """
    if hasattr(function, _MARK):
        return function
    signature = inspect.signature(function)
    hints = get_type_hints(function, include_extras=True)
    given = [name for name in ("session", "site") if name in signature.parameters]
    added = [name for name in COMMON if name not in signature.parameters]

    @functools.wraps(function)
    def command(*args: Any, **values: Any) -> None:
        session = current_session()
        options = {name: values.pop(name) for name in added}
        session.configure(home=options.get("home"), is_json=options.get("json", False))
        if "session" in given:
            values["session"] = session
        if "site" not in given:
            session.show(function(*args, **values))
            return
        with session.open_site() as desk:
            session.show(function(*args, site=desk.site, **values))

    parameters = [
        one.replace(annotation=hints.get(name, one.annotation))
        for name, one in signature.parameters.items()
        if name not in given
    ]
    parameters += [_option(name) for name in added]
    order = sorted(parameters, key=lambda one: one.kind)
    signature = signature.replace(parameters=order, return_annotation=None)
    command.__signature__ = signature  # type: ignore[attr-defined]
    kept = {name: hint for name, hint in hints.items() if name not in (*given, "return")}
    command.__annotations__ = {**kept, **{name: COMMON[name] for name in added}, "return": None}
    del command.__wrapped__
    setattr(command, _MARK, True)
    return command


def _option(name: str) -> inspect.Parameter:
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None if name == "home" else False,
        annotation=COMMON[name],
    )
