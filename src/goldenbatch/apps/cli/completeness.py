"""`batch complete`, `batch context` and `batch say`: what is there of a batch, and since when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from goldenbatch.apps.cli._session import Session
from goldenbatch.core.batch_context import Boundary, Statement
from goldenbatch.core.errors import BadInputError

if TYPE_CHECKING:
    from goldenbatch.core.completeness import CompletenessAssessed


def complete(
    session: Session,
    batch: Annotated[str, typer.Argument(help="Identifier of the batch.")],
    is_recorded: Annotated[
        bool, typer.Option("--record", help="Put the answer on the record, with digests.")
    ] = False,
    tolerance: Annotated[
        float, typer.Option(min=1.01, max=1000, help="A hole is longer than so many cadences.")
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
    session.output.line(_answer(found))


def _answer(found: CompletenessAssessed) -> str:
    if found.is_complete:
        return "Complete."
    states = {one.state for one in found.tags} - {"no cadence"}
    if not states:
        return "Not known: no tag of the batch has a cadence."
    if states == {"complete"} and not found.is_ended:
        return "Nothing is missing so far; the batch has not ended."
    return "Not complete."


def context(
    session: Session, batch: Annotated[str, typer.Argument(help="Identifier of the batch.")]
) -> None:
    """What each source says of when the batch and its phases ran, and what was made of it."""
    with session.open_site() as desk:
        rows = list(desk.site.ledger.select("context", {"batch": batch}, ("at", "seq")))
    columns = ("at", "what", "phase", "run", "source", "outcome", "recorded", "note")
    session.show(
        {"n_statements": len(rows), "statements": rows},
        lambda _: session.output.table(rows, columns, empty="No source has said anything."),
    )


def say(  # noqa: PLR0917 (options of a command have names)
    session: Session,
    batch: Annotated[str, typer.Argument(help="Identifier of the batch.")],
    what: Annotated[Boundary, typer.Argument(help="What began or ended.", case_sensitive=False)],
    user: Annotated[str, typer.Option(help="Login of the person who enters it.")],
    at: Annotated[str, typer.Option(help="When, with offset: 2026-11-23T09:30:00+01:00.")],
    place: Annotated[str, typer.Option(help="Path of the place.")] = "",
    phase: Annotated[str, typer.Option(help="Name of the phase.")] = "",
    about: Annotated[
        str, typer.Option(help="Product of a batch that begins; completed or aborted of one's end.")
    ] = "",
) -> None:
    """Enter by hand when a batch or a phase began or ended; the password is asked for."""
    from goldenbatch.core.records import from_iso
    from goldenbatch.runtime.batch_context import say as enter
    from goldenbatch.runtime.local import LocalSite

    try:
        moment = from_iso(at)
    except ValueError as error:
        raise BadInputError(
            f"{error}.", hint="Write 2026-11-23T09:30:00+01:00.", key="at"
        ) from error
    name = {Boundary.BATCH_STARTED: "product", Boundary.BATCH_ENDED: "outcome"}.get(what, "")
    if name == "outcome" and about not in ("", "completed", "aborted"):
        raise BadInputError(f"{about!r} is no outcome.", hint="completed or aborted.", key="about")
    head = {name: about} if name and about else {}
    said = Statement("person", what, batch, moment, place, phase, head=head)
    with session.open_site() as desk:
        if not isinstance(desk.site, LocalSite):
            raise BadInputError(
                "the home's node is running: people log in there.",
                hint=f"POST /api/v1/batches/{batch}/boundaries.",
            )
        person = desk.site.people.authenticate(user, session.password())
        made = enter(desk.site, person, said)
        session.show({"is_new": made is not None, **({} if made is None else made.as_json())})
