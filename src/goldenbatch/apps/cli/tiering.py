"""Tiering of readings: `tiering show`, `adopt`, `approve`, `plan`, `run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from goldenbatch.apps.cli._ceremony import MethodOption, sign_by
from goldenbatch.apps.cli._session import Session
from goldenbatch.apps.cli.retention import ByOption, ReasonOption, StdinOption
from goldenbatch.apps.retention import retention_of
from goldenbatch.core.errors import UnreachableError
from goldenbatch.core.tiering import TIERING_STREAM, first_tiering_text


def show(
    session: Session,
    text: Annotated[
        bool, typer.Option("--text", help="A first policy as TOML, to copy and change.")
    ] = False,
) -> None:
    """The policy of tiering in force, those that were put forward, and what the tiers hold."""
    if text:
        session.show({"text": first_tiering_text()}, lambda a: session.output.line(a["text"]))
        return
    with session.open_site() as desk:
        answer = retention_of(desk).tiering()

        def render(_: Any) -> None:
            if not answer["is_in_force"]:
                session.output.line("No policy is in force: all readings stay at home.")
            rows = [
                {**one, "classes": ", ".join(one["data_classes"]), "tags": ", ".join(one["tags"])}
                for one in answer["rules"]
            ]
            columns = ["name", "classes", "tags", "stay", "tier", "hold_stops_moving", "source"]
            session.output.table(rows, columns, empty="")
            columns = ["version", "effective_from", "proposed_by", "approved_by", "is_in_force"]
            session.output.table(answer["policies"], columns, empty="No policy was adopted.")
            columns = ["name", "url", "n_files", "n_bytes", "first", "last", "away"]
            session.output.table(answer["tiers"], columns, empty="No tier holds readings.")

        session.show(answer, render)


def adopt(
    session: Session,
    file: Annotated[Path, typer.Argument(help="The policy as TOML.")],
    reason: ReasonOption,
    by: ByOption,
    *,
    effective_from: Annotated[
        str, typer.Option("--from", help="From when on, ISO 8601 with offset (default: now).")
    ] = "",
    password_stdin: StdinOption = False,
) -> None:
    """Put a policy of tiering forward; it counts once another person has approved it."""
    values = {"text": file.read_text("utf-8"), "reason": reason, "effective_from": effective_from}
    with session.open_site() as desk:
        password = session.password(password_stdin)
        session.show(retention_of(desk).act("tiering-adopt", by, password, values))


def approve(
    session: Session,
    by: ByOption,
    reason: ReasonOption = "read and found right",
    method: MethodOption = "password",
    password_stdin: StdinOption = False,
) -> None:
    """Approve the newest policy of tiering by a signature."""
    form = {"login": by, "stream": TIERING_STREAM, "meaning": "approved", "reason": reason}
    with session.open_site() as desk:
        session.show(sign_by(session, desk, form, method, from_stdin=password_stdin))


def plan(session: Session) -> None:
    """Each day of readings: where it lies, whether it goes, and why (not)."""
    with session.open_site() as desk:
        answer = retention_of(desk).tiering_plan()
        rows = [{**one, "why": "; ".join(one["reasons"])} for one in answer["days"]]
        columns = ["date", "kind", "tier", "n_readings", "n_bytes", "goes_to", "why"]
        session.show(
            answer, lambda _: session.output.table(rows, columns, empty="No day is closed.")
        )


def run_(session: Session) -> None:
    """Move what goes now to its tier; a node does it by itself once a day has been compacted.

    Each file is copied, read back there and compared by its digest, recorded in the ledger, and
    only then taken out of the table; its copy at home stays for a week more.
    """
    with session.open_site() as desk:
        with session.output.progress("Moving"):
            answer = retention_of(desk).move()

        def render(_: Any) -> None:
            session.output.line(
                f"{answer['n_moved']} files ({answer['n_bytes_moved']:,} bytes) went to a tier; "
                f"{answer['n_settled']} copies at home were removed, {answer['n_left']} stay."
            )
            for one in answer["away"]:
                session.output.line(one)

        session.show(answer, render)
    if answer["away"]:
        session.exit_code = UnreachableError.exit_code
