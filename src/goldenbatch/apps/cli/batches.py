"""Batches: `batch list` and `batch show`."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

import typer

from goldenbatch.apps.cli._session import Session
from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.site import Site

LIST = ("batch", "product", "size", "place", "started_at", "ended_at", "outcome", "n_open")
PARTS = {
    "phases": ("phase", ("place", "phase", "run", "started_at", "ended_at")),
    "materials": ("genealogy", ("material", "lot", "quantity")),
    "samples": ("sample", ("sample", "point", "taken_at", "taken_by")),
    "results": ("result", ("sample", "attribute", "operator", "value", "unit", "status")),
    "findings": ("finding", ("uid", "state", "severity", "attribute", "title", "verdict")),
}
"""Parts of a batch: name to projection and the columns that people see."""


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


def list_batches(site: Site, product: str = "") -> list[dict[str, Any]]:
    """Rows of batches, newest first, each with `n_open`: findings without a decision."""
    waiting = Counter(row["batch"] for row in site.ledger.select("finding", {"verdict": ""}))
    rows = site.ledger.select("batch", {"product": product} if product else None)
    ordered = sorted(rows, key=lambda row: (-(row["started_at"] or 0), row["batch"]))
    return [{**row, "n_open": waiting[row["batch"]]} for row in ordered]


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


def batch_detail(site: Site, batch: str) -> dict[str, Any]:
    """A batch and the rows of its parts.

    Raises:
        NotFoundError: There is no such batch.
    """
    rows = site.ledger.select("batch", {"batch": batch}, limit=1)
    if not rows:
        raise NotFoundError(f"there is no batch {batch!r}.", hint="See `goldenbatch batch list`.")
    parts = {
        name: list(site.ledger.select(projection, {"batch": batch}))
        for name, (projection, _columns) in PARTS.items()
    }
    return {"batch": rows[0], **parts}
