"""`twin keep`: a result of a twin becomes part of the home's record."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from goldenbatch.apps.cli._acts import ByOption, ReasonOption, StdinOption, act_by
from goldenbatch.apps.cli._session import Session


def keep(
    session: Session,
    folder: Annotated[
        Path, typer.Argument(help="Folder that a command wrote.", exists=True, file_okay=False)
    ],
    by: ByOption,
    reason: ReasonOption,
    study: Annotated[str, typer.Option(help="Name to keep it under (default: its own).")] = "",
    batch: Annotated[str, typer.Option(help="Batch that it is about (default: as it says).")] = "",
    *,
    password_stdin: StdinOption = False,
) -> None:
    """Keep a result with all its files: digests in the ledger, by whom and why."""
    from goldenbatch.capabilities.twin.keeping import result_in

    values = {**result_in(folder, study), "reason": reason}
    values |= {"batch": batch} if batch else {}
    with session.open_site() as desk:
        session.show(act_by(session, desk, "twin.keep", values, by, from_stdin=password_stdin))
