"""`sample due` and `sample order`: what the plans ask for, and the laboratory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from goldenbatch.apps.cli._session import Session
from goldenbatch.core.errors import BadInputError, ConflictError

if TYPE_CHECKING:
    from goldenbatch.core.sampling import SampleOrdered

BatchOption = Annotated[str, typer.Option(help="Only of this batch.")]


def due(
    session: Session,
    batch: BatchOption = "",
    is_open: Annotated[
        bool, typer.Option("--open", help="Only what is not there or not tested.")
    ] = False,
) -> None:
    """What the sampling plans ask for: is it ordered, taken and tested."""
    from goldenbatch.runtime import sampling

    with session.open_site() as desk:
        rows = sampling.due(desk.site, batch)
    if is_open:
        rows = [row for row in rows if row["state"] != "there" or row["tests_missing"]]
    shown = [{**row, "tests_missing": ", ".join(row["tests_missing"])} for row in rows]
    columns = ("sample", "batch", "plan", "due_at", "state", "taken_as", "is_ordered",
               "tests_missing")  # fmt: skip
    session.show(
        {"n_samples": len(rows), "samples": rows},
        lambda _: session.output.table(shown, columns, empty="No plan asks for a sample."),
    )


def order(
    session: Session,
    out: Annotated[Path, typer.Argument(help="File to write, .csv or .json.")],
    laboratory: Annotated[str, typer.Option(help="Who is asked.")] = "",
    batch: BatchOption = "",
    is_all: Annotated[
        bool, typer.Option("--all", help="Write also what was ordered before.")
    ] = False,
) -> None:
    """Order what is due and was not ordered, and write it for the laboratory.

    Its answer, with the same columns and the results, is imported by a card of format `lims`.
    """
    from goldenbatch.runtime import sampling
    from goldenbatch.runtime.local import LocalSite

    _form(out)
    if out.exists():
        raise ConflictError(f"{out} exists already.", hint="Name another file.")
    with session.open_site() as desk:
        if not isinstance(desk.site, LocalSite):
            raise BadInputError(
                "the home's node is running; orders are recorded by who holds the home.",
                hint="Stop the node, order, and start it again.",
            )
        found = sampling.order(desk.site, laboratory, batch, is_all=is_all)
    if found:
        _write(out, found)
    answer = {"n_orders": len(found), "file": str(out) if found else ""}
    session.show({**answer, "samples": [one.sample for one in found]})


def _form(out: Path) -> Literal["csv", "json"]:
    suffix = out.suffix.lower()
    if suffix not in (".csv", ".json"):
        raise BadInputError(f"{out} is neither CSV nor JSON.", hint="Name it .csv or .json.")
    return "csv" if suffix == ".csv" else "json"


def _write(out: Path, orders: Sequence[SampleOrdered]) -> None:
    """Whole or not at all: a laboratory's folder may be watched."""
    from goldenbatch.connectors.tabular.lims import orders_csv, orders_json
    from goldenbatch.runtime._state import write_durably

    out.parent.mkdir(parents=True, exist_ok=True)
    write_durably(out, orders_csv(orders) if _form(out) == "csv" else orders_json(orders))
