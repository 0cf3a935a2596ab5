"""`batch complete`: is the data of a batch complete, and if not, why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from goldenbatch.apps.cli._session import Session

if TYPE_CHECKING:
    from goldenbatch.core.completeness import CompletenessAssessed


def complete(
    session: Session,
    batch: Annotated[str, typer.Argument(help="Identifier of the batch.")],
    is_recorded: Annotated[
        bool, typer.Option("--record", help="Put the answer on the record, with digests.")
    ] = False,
    tolerance: Annotated[
        float, typer.Option(min=1.01, help="A hole is longer than so many cadences.")
    ] = 2.5,
) -> None:
    """Look through all readings of a batch: what is missing, since when, and why.

    The exit code is 1 when something is missing.
    """
    from goldenbatch.runtime.completeness import assess, record

    with session.open_site() as desk:
        with session.output.progress(f"Readings of batch {batch}"):
            found = assess(desk.site, batch, tolerance)
        answer: dict[str, Any] = found.model_dump(mode="json")
        if is_recorded:
            answer["seq"] = record(desk.site, found).seq
        session.show(answer, lambda _: _render(session, found))
        session.exit_code = 0 if found.is_complete else 1


def _render(session: Session, found: CompletenessAssessed) -> None:
    rows = [
        {
            "tag": one.tag,
            "state": one.state,
            "readings": f"{one.n_readings:,}",
            "expected": f"{one.n_expected:,}" if one.n_expected else "",
            "there": f"{100 * one.share:.2f} %" if one.cadence_s else "",
            "holes": "; ".join(
                f"{(hole.end - hole.start) / 1e6:g} s {hole.cause.value}"
                + (", asked again" if hole.is_asked_again else "")
                for hole in one.holes[:5]
            ),
        }
        for one in found.tags
    ]
    columns = ("tag", "state", "readings", "expected", "there", "holes")
    session.output.table(rows, columns, empty="The batch has no tags.")
    session.output.line("Complete." if found.is_complete else "Not complete.")
