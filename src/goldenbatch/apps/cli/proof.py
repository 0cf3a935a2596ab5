"""Proof: `verify`, `checkpoint`, `flush`."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from goldenbatch.apps.cli._session import Session
from goldenbatch.core.errors import (
    BadInputError,
    GoldenbatchError,
    IntegrityError,
    LockedError,
    NotFoundError,
)


def verify(
    session: Session,
    proof: Annotated[
        Path | None, typer.Option(help="Check a dossier's proof file instead; needs no home.")
    ] = None,
    key: Annotated[
        str, typer.Option(help="Public key of the home, as the site gave it by another way.")
    ] = "",
    witness_key: Annotated[
        list[str] | None, typer.Option(help="Key of a witness that must have signed.")
    ] = None,
    anchor: Annotated[
        list[Path] | None, typer.Option(help="Checkpoint that was kept outside the home.")
    ] = None,
    projections: Annotated[
        bool, typer.Option(help="Fold the projections anew and compare them; the longest part.")
    ] = True,
) -> None:
    """Check every event, payload, tree node, checkpoint, projection, reading and artefact.

    With `--proof` only the proof file of a dossier is checked, without access to the home.
    Only a witness, or a checkpoint kept elsewhere, shows that a whole history was rewritten.
    Projections are tables for lists and searches; nothing rests on them that is not in an event.
    """
    if proof is not None:
        _verify_proof(session, proof, key)
        return
    if key:
        raise BadInputError("a key belongs to a proof file.", hint="Name it with --proof FILE.")
    given = Given(witness_key or [], [_note(one) for one in anchor or ()], projections)
    _verify_home(session, given)


def _note(path: Path) -> str:
    """A checkpoint as a note, or as the JSON of a witness or of `goldenbatch checkpoint`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotFoundError(f"{path} cannot be read: {error}.") from error
    try:
        found = json.loads(text)
        return str(found.get("checkpoint", found.get("note", "")))
    except (ValueError, AttributeError):
        return text


def _verify_proof(session: Session, proof: Path, key: str) -> None:
    from goldenbatch.runtime.proofs import check_proof_file

    answer = check_proof_file(proof, key).as_json()
    session.show(answer, lambda _: _render_proof(session, answer))
    if not answer["is_ok"]:
        session.exit_code = IntegrityError.exit_code


def _render_proof(session: Session, answer: dict[str, Any]) -> None:
    output = session.output
    names = ("batch", "home", "n_events", "n_withheld", "tree_size", "public_key")
    output.fields({name: answer[name] for name in names})
    for title in ("signatures", "notes", "problems"):
        if answer[title]:
            output.line(f"\n{title.capitalize()}")
        for one in answer[title]:
            output.line(f"  {one}")
    if not answer["is_ok"]:
        output.line("\nThis is not what was recorded.")
    elif answer["is_key_given"]:
        output.line("\nThis is what was recorded under the key that you gave.")
    else:
        output.line("\nConsistent in itself. Compare the public key with the one that the site")
        output.line("gave you by another way, or give that one with --key.")


class Given(NamedTuple):
    """What a home is verified against: witnesses, checkpoints, and whether by its projections."""

    witnesses: list[str]
    anchors: list[str]
    has_projections: bool


def _verify_home(session: Session, given: Given) -> None:
    from goldenbatch.apps.desk import verify_home
    from goldenbatch.runtime.home import home_info, load_home

    with session.output.progress("Verifying", "events") as step:
        answer = verify_home(session.home, step, has_projections=given.has_projections)
    if given.witnesses or given.anchors:
        from goldenbatch.runtime.witness import check_witnessed

        problems, signed = check_witnessed(session.home, given.witnesses, given.anchors)
        answer["problems"] += problems
        answer["counts"] |= {f"events signed by {name}": n for name, n in signed.items()}
        answer["is_ok"] &= all(one["is_note"] for one in problems)
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


def checkpoint(
    session: Session,
    timestamp: Annotated[
        str, typer.Option(help="URL of an authority that stamps it (RFC 3161).")
    ] = "",
    tsa_root: Annotated[
        Path | None, typer.Option(help="Certificates (PEM) that the authority must lead to.")
    ] = None,
) -> None:
    """Sign the head of the ledger's tree now."""
    if bool(timestamp) != (tsa_root is not None):
        raise BadInputError(
            "a time stamp needs its authority and whom to trust.",
            hint="Give both --timestamp URL and --tsa-root FILE.",
        )
    with session.open_site() as desk:
        answer = desk.checkpoint()
        if tsa_root is not None:
            answer |= _stamp(desk.site, timestamp, tsa_root)
        session.show(answer)


def _stamp(site: Any, url: str, roots: Path) -> dict[str, Any]:
    from goldenbatch.runtime.local import LocalSite
    from goldenbatch.runtime.timestamps import stamp

    if not isinstance(site, LocalSite):
        raise LockedError("the node of this home is running.", hint="Stop it for the time stamp.")
    try:
        made = stamp(site, url, roots.read_bytes())
    except OSError as error:
        raise NotFoundError(f"{roots} cannot be opened: {error.strerror}.") from error
    return {"stamped_at": made.at, "token": str(made.path)}


def flush(session: Session) -> None:
    """Hand the frame log over to the Delta table now, bound to the ledger."""
    with session.open_site() as desk:
        with session.output.progress("Handing over"):
            answer = desk.flush()
        session.show(answer)
