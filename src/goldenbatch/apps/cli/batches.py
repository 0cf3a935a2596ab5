"""Batches: `batch list` and `batch show`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from goldenbatch.apps.cli._session import Session
from goldenbatch.apps.listing import PARTS, batch_detail, list_batches

LIST = (
    "batch", "product", "size", "place", "started_at", "ended_at", "outcome", "n_open",
    "unsigned_since",
)  # fmt: skip


def list_(
    session: Session,
    product: Annotated[str, typer.Option(help="Only batches of this product.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
) -> None:
    """Batches, newest first, with the number of findings that wait for a decision."""
    with session.open_site() as desk:
        rows = list_batches(desk.site, product)
        answer = {"n_batches": len(rows), "batches": rows[:limit]}

        def render(_: Any) -> None:
            session.output.table(rows[:limit], LIST, empty="No batches.")
            session.output.line(f"{min(limit, len(rows)):,} of {len(rows):,} batches.")

        session.show(answer, render)


def report(
    session: Session,
    batch: Annotated[str, typer.Argument(help="Identifier of the batch.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder to write into (default: the home's reports/).")
    ] = None,
) -> None:
    """Write the dossier of a batch as HTML and PDF, with its proof and how to check it."""
    from goldenbatch.runtime.discovery import discover

    write = discover().offer("commands", "execution.report").load()
    folder = out or session.home / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    with session.open_site() as desk:
        with session.output.progress(f"Dossier of batch {batch}"):
            written = write(desk.site, batch, folder)
        session.show({"batch": batch, **written})


def show(
    session: Session, batch: Annotated[str, typer.Argument(help="Identifier of the batch.")]
) -> None:
    """A batch: phases, lots, samples, results and findings."""
    with session.open_site() as desk:
        answer = batch_detail(desk.site, batch)

        def render(_: Any) -> None:
            session.output.fields(answer["batch"])
            for name, (_projection, columns) in PARTS.items():
                session.output.line(f"\n{name.capitalize()} ({len(answer[name])})")
                session.output.table(answer[name], columns)

        session.show(answer, render)
