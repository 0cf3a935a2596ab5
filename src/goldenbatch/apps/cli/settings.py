"""The signing settings: `settings show` and `settings adopt`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from goldenbatch.apps.cli._ceremony import MethodOption, sign_by
from goldenbatch.apps.cli._session import Session

if TYPE_CHECKING:
    from goldenbatch.apps.desk import Desk
    from goldenbatch.runtime.local import LocalSite


def _told(desk: Desk) -> dict[str, Any]:
    client = getattr(desk.site, "client", None)
    if client is not None:
        return cast("dict[str, Any]", client.get("/settings/signing"))
    return cast("LocalSite", desk.site).signing_rules.as_json()


def show(session: Session) -> None:
    """The signing settings in force, who signed them, and what home.toml would change."""
    with session.open_site() as desk:
        answer = _told(desk)

        def render(_: Any) -> None:
            session.output.line(f"Signing settings: {answer['standing']}.")
            session.output.fields(answer["in_force"])
            for line in answer["pending"]:
                session.output.line(f"NOT IN FORCE: {line}")
            if answer["pending"]:
                session.output.line("Sign it: `goldenbatch settings adopt --user LOGIN`.")

        session.show(answer, render)


def adopt(
    session: Session,
    *,
    user: Annotated[str, typer.Option("--user", help="Login of the person who signs.")],
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    method: MethodOption = "password",
    password_stdin: Annotated[
        bool,
        typer.Option("--password-stdin", help="Read the password from the first line of stdin."),
    ] = False,
) -> None:
    """Sign the table [signing] of home.toml; it is in force when the home is opened next."""
    with session.open_site() as desk:
        form = {"login": user, "settings": "signing", "reason": reason}
        answer = sign_by(session, desk, form, method, from_stdin=password_stdin)
        session.show({**answer, "settings": _told(desk)["standing"]})
