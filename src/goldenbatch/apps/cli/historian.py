"""Upkeep of the readings: `historian compact`."""

from __future__ import annotations

from typing import Any

from goldenbatch.apps.cli._session import Session


def compact(session: Session) -> None:
    """Give the readings of each closed day one file, laid out for reading tags.

    A node does it by itself. The digests of all readings are compared before the table is
    touched; the old files stay for a week, since other programs may still read them.
    """
    with session.open_site() as desk:
        with session.output.progress("Compacting"):
            answer = desk.compact()
        session.show(answer, lambda _: _render(session, answer))


def _render(session: Session, answer: dict[str, Any]) -> None:
    session.output.table(answer["days"], ("date", "kind", "n_files", "n_bytes"))
    if not answer["days"]:
        session.output.line("No closed day has more than one file.")
    if answer["n_removed"] or answer["n_kept"]:
        session.output.line(
            f"{answer['n_removed']} superseded files were removed, {answer['n_kept']} stay."
        )
