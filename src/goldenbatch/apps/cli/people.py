"""People who sign: `user add`, `user grant`, `user list`."""

from __future__ import annotations

from typing import Annotated

import typer

from goldenbatch.apps.cli._session import Session
from goldenbatch.apps.desk import NewUser

StdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of stdin.")
]
LoginArgument = Annotated[str, typer.Argument(help="Whose account.")]
ReasonOption = Annotated[str, typer.Option(help="Why.")]


def add(
    session: Session,
    login: Annotated[str, typer.Argument(help="Unique in the home.")],
    name: Annotated[str, typer.Option(help="Printed name, as it stands beside signatures.")],
    role: Annotated[list[str] | None, typer.Option(help="Roles given at once.")] = None,
    reason: Annotated[str, typer.Option(help="Why the roles are given.")] = "account made",
    enrol: Annotated[
        bool, typer.Option("--enrol", help="Ask for no password: make a one-time token for it.")
    ] = False,
    *,
    password_stdin: StdinOption = False,
) -> None:
    """Give a person an account; they type their password here, or get a one-time token."""
    with session.open_site() as desk:
        password = "" if enrol else session.password(password_stdin, is_new=True)
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


def revoke(
    session: Session,
    login: Annotated[str, typer.Argument(help="From whom.")],
    role: Annotated[str, typer.Argument(help="Which role.")],
    reason: ReasonOption,
) -> None:
    """Take a role from a person."""
    with session.open_site() as desk:
        session.show(desk.change_user(login, "revoke", reason, role))


def disable(session: Session, login: LoginArgument, reason: ReasonOption) -> None:
    """Close an account; nothing that its person did is lost."""
    with session.open_site() as desk:
        session.show(desk.change_user(login, "disable", reason))


def enable(session: Session, login: LoginArgument, reason: ReasonOption) -> None:
    """Open a closed account again."""
    with session.open_site() as desk:
        session.show(desk.change_user(login, "enable", reason))


def unlock(session: Session, login: LoginArgument, reason: ReasonOption) -> None:
    """Open an account that wrong passwords have locked."""
    with session.open_site() as desk:
        session.show(desk.change_user(login, "unlock", reason))


def password(session: Session, login: LoginArgument, password_stdin: StdinOption = False) -> None:
    """Choose another password: the old one, then the new one (stdin: one a line)."""
    with session.open_site() as desk:
        old = session.password(password_stdin, prompt="Old password: ")
        new = session.password(password_stdin, prompt="New password: ", is_new=True)
        session.show(desk.set_password(login, old, new))


def list_(session: Session) -> None:
    """People and their roles."""
    with session.open_site() as desk:
        rows = list(desk.site.ledger.select("user"))
        columns = [name for name in (rows[0] if rows else {}) if "hash" not in name]
        shown = [{name: row[name] for name in columns} for row in rows]
        session.show({"users": shown}, lambda _: session.output.table(shown, columns))
