"""Proof: `verify`, `checkpoint`, `flush`."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from goldenbatch.apps.cli._session import Session
from goldenbatch.core.errors import GoldenbatchError, IntegrityError


def verify(session: Session) -> None:
    """Check every event, payload, tree node, checkpoint, projection, reading and artefact."""
    from goldenbatch.apps.desk import verify_home
    from goldenbatch.runtime.home import home_info, load_home

    with session.output.progress("Verifying", "events") as step:
        answer = verify_home(session.home, step)
    with suppress(GoldenbatchError):  # a damaged home is told of, even without its name
        session.output.home = home_info(load_home(session.home))
    session.show(answer, lambda _: _render(session, answer))
    if not answer["is_ok"]:
        session.exit_code = IntegrityError.exit_code


def _render(session: Session, answer: dict[str, Any]) -> None:
    output = session.output
    problems = [one for one in answer["problems"] if not one["is_note"]]
    notes = [one for one in answer["problems"] if one["is_note"]]
    output.fields({f"n_{name}": count for name, count in answer["counts"].items()})
    columns = ("part", "where", "message")
    if notes:
        output.line("\nNotes: worth knowing, nothing speaks against the home")
        output.table(notes, columns)
    if problems:
        output.line(f"\n{len(problems)} problems: what is stored is not what was recorded.")
        output.table(problems, columns)
    else:
        output.line("\nEverything is as it was recorded.")


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
