"""The ledger's own upkeep: `ledger install`, `ledger move`, `ledger rebuild`, `ledger check`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from goldenbatch.apps.cli._session import Session
from goldenbatch.core.errors import BadInputError, IntegrityError


def install(
    session: Session,
    url: Annotated[
        str, typer.Argument(help="Database as its administrator: postgresql://...?schema=NAME.")
    ],
    role: Annotated[str, typer.Option(help="Role of the application; it will add and read only.")],
) -> None:
    """Make the tables, triggers and rights of an empty ledger in a PostgreSQL database.

    The password comes from PGPASSWORD or the password file, never from a setting. Then name
    the database in `home.toml`: `[ledger] url = "postgresql://ROLE@HOST/DB?schema=NAME"`.
    """
    from goldenbatch.runtime.home import install_ledger

    session.show(install_ledger(url, role))


def move(
    session: Session,
    to: Annotated[str, typer.Argument(help="URL of an empty, installed ledger; or `file`.")] = "",
    *,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Give up a move that was begun and not finished.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why it is given up.")] = "",
) -> None:
    """Move the ledger into a PostgreSQL database, or back into a file of the home.

    Stop the node first. All rows are compared byte by byte and the copy is verified before
    `home.toml` is switched; both ends record it. After a crash the same command finishes it.
    """
    from goldenbatch.runtime.moving import cancel_move, move_ledger

    if cancel == bool(to) or cancel != bool(reason):
        raise BadInputError("give where to, or --cancel with --reason.")
    if cancel:
        session.show(cancel_move(session.home, reason))
        return
    with session.output.progress("Moving the ledger"):
        answer = move_ledger(session.home, to)
    session.show(answer, lambda _: _render_move(session, answer))


def _render_move(session: Session, answer: dict[str, Any]) -> None:
    names = ("from_place", "to_place", "n_events", "root")
    session.output.fields({name: answer[name] for name in names})
    for name in answer["kept"]:
        session.output.line(f"The old file is kept as ledger/{name}; nobody can work in it.")
    if answer["from_place"] != "file":
        session.output.line("The old database is as it was; its administrator may remove it.")


def rebuild(
    session: Session,
    name: Annotated[str, typer.Argument(help="One projection; all when left out.")] = "",
) -> None:
    """Fold the tables for lists and searches anew from the events; the events are not touched."""
    from goldenbatch.runtime.local import LocalSite

    with LocalSite.open(session.home) as site:
        names = [name] if name else site.ledger.projections()
        with session.output.progress("Folding"):
            rows = [{"projection": one, "n_rows": site.ledger.rebuild(one)} for one in names]
        session.output.home = site.home
        session.show(rows, lambda _: session.output.table(rows, ("projection", "n_rows")))


def check(session: Session) -> None:
    """Fold all projections anew beside the stored ones, and compare them row by row."""
    from goldenbatch.runtime.local import LocalSite

    with LocalSite.open(session.home, read_only=True) as site:
        with session.output.progress("Comparing"):
            found = site.ledger.check_projections()
        session.output.home = site.home
        n_projections = len(site.ledger.projections())
    problems = [{"where": one.where, "message": one.message} for one in found if not one.is_note]
    answer = {"n_projections": n_projections, "is_ok": not problems, "problems": problems}

    def render(_: object) -> None:
        session.output.table(problems, ("where", "message"))
        if not problems:
            session.output.line(f"All {n_projections} projections are what the events give.")

    session.show(answer, render)
    if problems:
        session.exit_code = IntegrityError.exit_code
