"""Export: what an outsider needs to check records without the home."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from goldenbatch.apps.cli._session import Session
from goldenbatch.core.errors import BadInputError


def export(
    session: Session,
    out: Annotated[Path, typer.Argument(help="Folder that is made; new or empty.")],
    batch: Annotated[str, typer.Option(help="Only this batch, each of its streams whole.")] = "",
    since: Annotated[int, typer.Option(help="Only events after this one.")] = 0,
    *,
    tag: Annotated[
        list[str] | None, typer.Option(help="Readings of this tag only; of others the hash.")
    ] = None,
    withhold: Annotated[
        list[str] | None, typer.Option(help="Class of data whose contents stay at home.")
    ] = None,
    readings: Annotated[bool, typer.Option(help="Export the chunks of readings.")] = True,
    tiles: Annotated[bool, typer.Option("--tiles", help="The tree as C2SP tiles too.")] = False,
) -> None:
    """Write events, checkpoints, proofs and readings, to be checked with goldenbatch-verify."""
    from dataclasses import replace

    from goldenbatch.core.records import DataClass
    from goldenbatch.runtime.export import ExportSettings, batch_settings
    from goldenbatch.runtime.export import export as write

    if batch and since:
        raise BadInputError("a batch is exported whole.", hint="Leave out --since.", key="since")
    if batch and tiles:
        raise BadInputError("tiles hold all events.", hint="Leave out --batch.", key="tiles")
    known = [one.value for one in DataClass]
    if unknown := sorted(set(withhold or ()) - set(known)):
        raise BadInputError(
            f"{unknown[0]!r} is no class of data.", hint=f"One of: {', '.join(known)}."
        )
    tags = None if tag is None else tuple(tag)
    with session.open_site() as desk:
        desk.checkpoint()
        settings = ExportSettings(since=since, tags=tags, has_chunks=readings)
        if batch:
            settings = batch_settings(desk.site, batch, tags=tags, has_chunks=readings)
    settings = replace(settings, withheld=tuple(withhold or ()), has_tiles=tiles)
    with session.output.progress("Exporting", "events") as step:
        made = write(session.home, out, settings, progress=step)
    session.show(made.as_json())
