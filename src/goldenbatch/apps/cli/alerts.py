"""Alerts about accounts: `alerts list` and `alerts acknowledge`."""

from __future__ import annotations

from typing import Annotated

import typer

from goldenbatch.apps.cli._session import Session
from goldenbatch.apps.rights import rights_of

COLUMNS = ("login", "stream_version", "what", "role", "raised_at", "acknowledged_by", "reason")


def list_(
    session: Session,
    is_open: Annotated[
        bool, typer.Option("--open", help="Only alerts that nobody has looked at.")
    ] = False,
) -> None:
    """Alerts about accounts, newest first, and who has looked at them."""
    with session.open_site() as desk:
        answer = rights_of(desk).alerts(is_open)
        session.show(
            answer, lambda _: session.output.table(answer["alerts"], COLUMNS, empty="No alerts.")
        )


def acknowledge(
    session: Session,
    account: Annotated[str, typer.Argument(help="Login or uid that it is about, or unknown.")],
    alert: Annotated[int, typer.Argument(min=1, help="Its number, as `alerts list` shows it.")],
    reason: Annotated[str, typer.Option(help="What was found and done.")],
    by: Annotated[str, typer.Option("--by", help="Login of who looked at it, by password.")],
    *,
    password_stdin: Annotated[
        bool,
        typer.Option("--password-stdin", help="Read the password from the first line of stdin."),
    ] = False,
) -> None:
    """Say what came of an alert; nobody does so about their own account."""
    with session.open_site() as desk:
        values = {"account": account, "alert": alert, "reason": reason}
        password = session.password(password_stdin)
        session.show(rights_of(desk).act("alert-acknowledge", by, password, values))
