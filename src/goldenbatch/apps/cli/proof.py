"""Proof: `verify`, `checkpoint`, `flush`."""

from __future__ import annotations

from typing import Any

from goldenbatch.apps.cli._session import Session
from goldenbatch.core.errors import IntegrityError


def verify(session: Session) -> None:
    """Check every event, payload, tree node, checkpoint, projection, reading and artefact."""
    with session.open_site() as desk:
        with session.output.progress("Verifying"):
            answer = desk.verify()
        session.show(answer, lambda _: _render(session, answer))
        if not answer["is_ok"]:
            session.exit_code = IntegrityError.exit_code


def _render(session: Session, answer: dict[str, Any]) -> None:
    output = session.output
    if answer["is_ok"]:
        output.line("Everything is as it was recorded.")
    else:
        output.line(f"{len(answer['problems'])} problems: what is stored is not what was recorded.")
    rest = {name: value for name, value in answer.items() if name not in ("is_ok", "problems")}
    output.plain(rest)
    problems = answer["problems"]
    if problems:
        rows = [one if isinstance(one, dict) else {"problem": one} for one in problems]
        output.table(rows, list(rows[0]))


def checkpoint(session: Session) -> None:
    """Sign the head of the ledger's tree now."""
    with session.open_site() as desk:
        session.show(desk.checkpoint())


def flush(session: Session) -> None:
    """Hand the frame log over to the Delta table now, bound to the ledger."""
    with session.open_site() as desk:
        with session.output.progress("Handing over"):
            answer = desk.flush()
        session.show(answer)
