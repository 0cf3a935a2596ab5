"""The registry's own upkeep: `registry move`, `registry check`."""

from __future__ import annotations

from typing import Annotated

import typer

from goldenbatch.apps.cli._session import Session
from goldenbatch.core.errors import IntegrityError


def move(
    session: Session,
    to: Annotated[str, typer.Argument(help="`folder`, or a URL such as s3://bucket/site.")],
) -> None:
    """Move all artefacts into a bucket, or back into the folder of the home.

    Stop the node first. Keys and endpoint come from the environment (AWS_*, AZURE_*, GOOGLE_*).
    Each artefact is read back and compared before `home.toml` is switched and the old place is
    cleared. After a crash the same command finishes it.
    """
    from goldenbatch.runtime.moving_registry import move_registry

    with session.output.progress("Moving the artefacts"):
        answer = move_registry(session.home, to)
    session.show(answer, lambda _: session.output.fields(answer))


def check(session: Session) -> None:
    """Read every artefact where it lies, and compare it with its digest."""
    from goldenbatch.runtime.local import LocalSite

    with LocalSite.open(session.home, read_only=True) as site:
        with session.output.progress("Reading"):
            damaged = list(site.registry.check())
            n_artefacts = len(list(site.registry.digests()))
        session.output.home = site.home
        place = site.registry.url or "folder"
    answer = {"place": place, "n_artefacts": n_artefacts, "is_ok": not damaged, "damaged": damaged}

    def render(_: object) -> None:
        session.output.fields({name: answer[name] for name in ("place", "n_artefacts")})
        for digest in damaged:
            session.output.line(f"{digest} is not what was put.")
        if not damaged:
            session.output.line("All of them are what was put.")

    session.show(answer, render)
    if damaged:
        session.exit_code = IntegrityError.exit_code
