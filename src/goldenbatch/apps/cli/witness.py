"""A witness: `witness init`, `witness request`, `witness cosign`, `witness keep`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from goldenbatch.apps.cli._session import Session
from goldenbatch.core.errors import BadInputError, LockedError, NotFoundError

FolderArgument = Annotated[Path, typer.Argument(help="Folder of the witness.")]
KeyOption = Annotated[str, typer.Option(help="Public key, as its owner gave it by another way.")]


def init(
    session: Session,
    folder: FolderArgument,
    name: Annotated[str, typer.Option(help="On its signature lines, such as qa.example.com.")],
) -> None:
    """Make a witness with a key of its own; on another machine than the home."""
    from goldenbatch.runtime.witness import init_witness

    key = init_witness(folder, name)
    session.show({"name": name, "public_key": str(key)})


def request(
    session: Session,
    out: Annotated[Path, typer.Option(help="File that is written, for the witness.")],
    since: Annotated[
        int | None, typer.Option(help="Events that the witness has seen (default: as known).")
    ] = None,
) -> None:
    """Sign the head of the ledger, and write what a witness needs to sign it as well."""
    from goldenbatch.runtime.witness import make_request

    with session.open_site() as desk:
        desk.checkpoint()
    made = make_request(session.home, since)
    _write(out, made)
    session.show({"origin": made["origin"], "old_size": made["old_size"], "file": str(out)})


def cosign(
    session: Session,
    folder: FolderArgument,
    file: Annotated[Path, typer.Argument(help="Request of the home.")],
    origin: Annotated[str, typer.Option(help="Name of the log, as the site gave it.")],
    out: Annotated[Path, typer.Option(help="File that is written, for the home.")],
    key: KeyOption = "",
) -> None:
    """Sign a checkpoint of a log, if it adds to the last one that was signed here."""
    from goldenbatch.runtime.witness import cosign as sign

    made = sign(folder, _read(file), origin=origin, key=key)
    _write(out, made)
    session.show({"origin": origin, "public_key": made["key"], "file": str(out)})


def keep(
    session: Session,
    file: Annotated[Path, typer.Argument(help="Answer of the witness.")],
    key: KeyOption = "",
) -> None:
    """Keep what a witness signed, with the checkpoints of the home."""
    from goldenbatch.runtime.local import LocalSite
    from goldenbatch.runtime.witness import keep_response

    with session.open_site() as desk:
        if not isinstance(desk.site, LocalSite):
            raise LockedError(
                "the node of this home is running.", hint="Stop it, keep the answer, start it."
            )
        made = keep_response(desk.site, _read(file), key)
        session.show({"size": made.size, "root": made.root.hex()})


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NotFoundError(f"{path} cannot be opened: {error.strerror}.") from error
    except ValueError as error:
        raise BadInputError(f"this is no JSON: {error}.", file=str(path)) from error


def _write(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
