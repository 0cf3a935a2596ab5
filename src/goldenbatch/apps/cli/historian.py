"""Upkeep of the readings: `historian compact`, `historian repair`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from goldenbatch.apps.cli._session import Session
from goldenbatch.core.errors import IntegrityError


def compact(session: Session) -> None:
    """Give the readings of each closed day one file, laid out for reading tags.

    A node does it by itself. The digests of all readings are compared before the table is
    touched; the old files stay for a week, since other programs may still read them.
    """
    with session.open_site() as desk:
        with session.output.progress("Compacting"):
            answer = desk.compact()
        session.show(answer, lambda _: _render(session, answer))


def repair(
    session: Session,
    backup: Annotated[
        Path | None, typer.Argument(help="Folder of a home restored from a backup.")
    ] = None,
) -> None:
    """Replace damaged or lost files of readings, from the log or a restored backup.

    Stop the node first. Only a file with the digest that was recorded is taken; the damaged one
    is kept in `historian/quarantine`. What was replaced is recorded. The log alone has those of
    the newest hand-over.
    """
    from goldenbatch.runtime.local import LocalSite
    from goldenbatch.runtime.upkeep import repair as repair_

    with LocalSite.open(session.home) as site:
        with session.output.progress("Repairing"):
            answer = repair_(site, backup)
        session.output.home = site.home

    def render(_: object) -> None:
        for name in answer["restored"]:
            session.output.line(f"{name} was restored.")
        for name in answer["missing"]:
            session.output.line(f"{name} is damaged, and not in this backup.")
        if not answer["restored"] and not answer["missing"]:
            session.output.line("No file of readings is damaged.")

    session.show(answer, render)
    if answer["missing"]:
        session.exit_code = IntegrityError.exit_code


def _render(session: Session, answer: dict[str, Any]) -> None:
    session.output.table(answer["days"], ("date", "kind", "n_files", "n_bytes"))
    if not answer["days"]:
        session.output.line("No closed day has more than one file.")
    if answer["n_removed"] or answer["n_kept"]:
        session.output.line(
            f"{answer['n_removed']} superseded files were removed, {answer['n_kept']} stay."
        )
    tiering = answer["tiering"]
    if tiering["n_moved"] or tiering["n_settled"]:
        session.output.line(
            f"{tiering['n_moved']} files went to a tier; {tiering['n_settled']} copies at home "
            "were removed."
        )
    for one in tiering["away"]:
        session.output.line(one)
