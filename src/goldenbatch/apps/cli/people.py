"""People who sign: `user add`, `user grant`, `user list`."""

from __future__ import annotations

from typing import Annotated

import typer

from goldenbatch.apps.cli._session import Session
from goldenbatch.apps.desk import NewUser

StdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of stdin.")
]


def add(
    session: Session,
    login: Annotated[str, typer.Argument(help="Unique in the home.")],
    name: Annotated[str, typer.Option(help="Printed name, as it stands beside signatures.")],
    role: Annotated[list[str] | None, typer.Option(help="Roles given at once.")] = None,
    reason: Annotated[str, typer.Option(help="Why the roles are given.")] = "account made",
    password_stdin: StdinOption = False,
) -> None:
    """Give a person an account with a password of their own."""
    with session.open_site() as desk:
        password = session.password(password_stdin, confirm=True)
        session.show(desk.add_user(NewUser(login, name, tuple(role or ()), reason), password))


def grant(
    session: Session,
    login: Annotated[str, typer.Argument(help="Whom.")],
    role: Annotated[str, typer.Argument(help="Which role.")],
    reason: Annotated[str, typer.Option(help="Why.")],
) -> None:
    """Give a person a role."""
    with session.open_site() as desk:
        session.show(desk.grant(login, role, reason))


def list_(session: Session) -> None:
    """People and their roles."""
    with session.open_site() as desk:
        rows = list(desk.site.ledger.select("user"))
        columns = [name for name in (rows[0] if rows else {}) if "hash" not in name]
        shown = [{name: row[name] for name in columns} for row in rows]
        session.show({"users": shown}, lambda _: session.output.table(shown, columns))
