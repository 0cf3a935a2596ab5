"""Takes what sources say of batches and phases into the record, one statement at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from goldenbatch.core.batch_context import (
    RECORDED,
    SETTLED,
    Boundary,
    BoundaryStated,
    Judgement,
    Statement,
    Tolerance,
    context_stream,
    judge,
    stated,
)
from goldenbatch.core.batch_state import BatchState, batch_state
from goldenbatch.core.context_rules import load_ranks
from goldenbatch.core.errors import BadInputError, VersionConflictError
from goldenbatch.core.records import NewEvent, Row, to_iso

if TYPE_CHECKING:
    from goldenbatch.core.people import UserState
    from goldenbatch.core.site import Site
    from goldenbatch.runtime.local import LocalSite

N_TRIES = 5
AHEAD_US: Final = 5 * 60 * 1_000_000
"""Clocks may differ by so much: a time that lies further ahead has not come."""
NOT_COME: Final = "that time has not come"
EARLIEST: Final = 0
LATEST: Final = 253_402_300_799_999_999
"""The end of the year 9999, beyond which no time can be written."""


def take(
    site: Site,
    statements: Iterable[Statement],
    *,
    actor: str = "",
    tolerance: Tolerance | None = None,
) -> list[BoundaryStated]:
    """Take statements in the order of their times; what waited for them is looked at again.

    The same statement of a source again does nothing.

    Args:
        site: Where the record is.
        statements: What sources say.
        actor: Whose act it is; that of the site by default.
        tolerance: When two times are the same.

    Returns:
        What was put on record, in order.
    """
    found: list[BoundaryStated] = []
    chosen, who = tolerance or _tolerance(site), actor or site.actor.uid
    for said in sorted(statements, key=lambda one: (one.at, _RANK[one.what])):
        made = _take(site, said, who, chosen)
        if made is None:
            continue
        found.append(made)
        if made.outcome in RECORDED:
            found += _again(site, said.batch, who, chosen)
    return found


def say(site: LocalSite, user: UserState, statement: Statement) -> BoundaryStated | None:
    """What a person enters by hand, who must have the right to record on the batch.

    Returns:
        What was put on record; None when the same was known already.

    Raises:
        DeniedError: The person may not.
        BadInputError: It is of no phase or place, or of a time that has not come.
    """
    from goldenbatch.core import authority

    _check_entry(site, statement)
    stream = f"batch/{statement.batch}"
    authority.require(site.people.decide_may(user, "record", stream))
    made = take(site, [statement], actor=user.uid)
    return made[0] if made else None


def _check_entry(site: LocalSite, said: Statement) -> None:
    """Refuse by name what a person cannot mean.

    Raises:
        BadInputError: A phase without its name or place, a batch with one, a place that the
            plant has not, or a time that has not come.
    """
    is_phase = said.what in (Boundary.PHASE_STARTED, Boundary.PHASE_ENDED)
    what = said.what.value
    _check_names(site, said)
    if is_phase and not said.phase:
        raise BadInputError(f"{what}: no phase is named.", hint="Say which phase.", key="phase")
    if is_phase and not said.place:
        raise BadInputError(
            f"{what}: no place is named.", hint="Say where the phase runs.", key="place"
        )
    if not is_phase and (said.phase or said.run):
        raise BadInputError(
            f"{what}: it is of the whole batch, and names a phase or a run.",
            hint="Leave them out, or say 'phase started' or 'phase ended'.",
            key="phase",
        )
    if said.place and all(one.path != said.place for one in site.plant.places):
        raise BadInputError(
            f"the plant has no place {said.place!r}.",
            hint="`goldenbatch plant show` lists the places.",
            key="place",
        )
    outcome = said.head.get("outcome", "")
    if outcome not in ("", "completed", "aborted"):
        raise BadInputError(
            f"{outcome[:40]!r} is no outcome.", hint="completed or aborted.", key="outcome"
        )
    latest = site.clock() + AHEAD_US
    if not EARLIEST <= said.at <= latest:
        words = to_iso(said.at) if EARLIEST <= said.at <= LATEST else str(said.at)
        raise BadInputError(
            f"{what} at {words}: that time has not come, or is before 1970.",
            hint="Enter what has happened; times are microseconds UTC or ISO 8601 with offset.",
            key="at",
        )


def _check_names(site: LocalSite, said: Statement) -> None:
    """Refuse a batch without a name, and a product that a plant which lists its own has not."""
    if said.batch != said.batch.strip() or not said.batch:
        raise BadInputError(
            f"{said.batch!r} is no name of a batch.", hint="Without spaces around it.", key="batch"
        )
    product, known = said.head.get("product", ""), [one.code for one in site.plant.products]
    if product and known and product not in known:
        raise BadInputError(
            f"the plant has no product {product[:40]!r}.",
            hint=f"It has {', '.join(known[:10])}: `goldenbatch plant show`.",
            key="product",
        )


def _tolerance(site: Site) -> Tolerance:
    """How statements are judged in a home: with the ranks that it declares."""
    home = getattr(site, "path", None)
    return Tolerance(ranks=load_ranks(home) if home is not None else ())


_RANK = {
    # Of the same moment: what ends goes first within a batch, what encloses first at a start.
    Boundary.PHASE_ENDED: 0,
    Boundary.BATCH_ENDED: 1,
    Boundary.BATCH_STARTED: 2,
    Boundary.PHASE_STARTED: 3,
}


def _take(site: Site, said: Statement, actor: str, tolerance: Tolerance) -> BoundaryStated | None:
    """One statement; None when it is known already."""
    for attempt in range(N_TRIES):
        rows = _rows(site, said)
        state = _state(site, said.batch)
        made = _judged(site, state, said, rows, tolerance)
        body = stated(said, made)
        if _is_known(rows, body):
            return None
        try:
            site.ledger.append(_events(site, state, said, made, actor))
        except VersionConflictError:
            if attempt == N_TRIES - 1:
                raise
        else:
            return body
    return None


def _judged(
    site: Site, state: BatchState, said: Statement, rows: Sequence[Row], tolerance: Tolerance
) -> Judgement:
    """What is made of a statement; one of a clock that is ahead waits for its time."""
    if said.at > site.clock() + AHEAD_US:
        return Judgement("waits", None, said.run, note=NOT_COME)
    return judge(state, said, partial(_owner, rows), tolerance)


def take_what_has_come(site: Site) -> list[BoundaryStated]:
    """Take statements that waited only for their time, which has come."""
    rows = site.ledger.select("context", {"outcome": "waits"})
    latest = site.clock() + AHEAD_US
    batches = {one["batch"] for one in rows if one["note"] == NOT_COME and one["at"] <= latest}
    chosen = _tolerance(site) if batches else Tolerance()
    return [made for one in sorted(batches) for made in _again(site, one, site.actor.uid, chosen)]


def _events(
    site: Site, state: BatchState, said: Statement, made: Judgement, actor: str
) -> list[NewEvent]:
    stream = context_stream(said.source)
    events = [NewEvent(stream, stated(said, made), site.ledger.version(stream), actor=actor)]
    if made.body is not None:
        batch = f"batch/{said.batch}"
        version = state.version if state.exists else site.ledger.version(batch)
        events.insert(0, NewEvent(batch, made.body, version, actor=actor, performed_at=said.at))
    return events


def _again(site: Site, batch: str, actor: str, tolerance: Tolerance) -> list[BoundaryStated]:
    """Statements of a batch that waited, as far as they can be taken now."""
    found: list[BoundaryStated] = []
    while True:
        waiting = [_statement(row) for row in _waiting(site, batch)]
        made = [
            one
            for said in sorted(waiting, key=lambda one: (one.at, _RANK[one.what]))
            if (one := _take(site, said, actor, tolerance)) is not None
        ]
        found += made
        if not any(one.outcome == "taken" for one in made):
            return found


def _waiting(site: Site, batch: str) -> Sequence[Row]:
    return site.ledger.select("context", {"batch": batch, "outcome": "waits"})


def _statement(row: Row) -> Statement:
    return Statement(
        row["source"], Boundary(row["what"]), row["batch"], row["at"], row["place"], row["phase"],
        row["run"], row["reference"], json.loads(row["head"]),
    )  # fmt: skip


def _rows(site: Site, said: Statement) -> Sequence[Row]:
    """All that was said of this boundary of the batch's phase, by whomever."""
    where = {
        "batch": said.batch, "what": said.what.value, "place": said.place, "phase": said.phase,
    }  # fmt: skip
    if not said.phase:
        where.pop("place")
    rows = site.ledger.select("context", where, ("seq",))
    return [row for row in rows if row["outcome"] != SETTLED]


def _owner(rows: Sequence[Row], run: int, recorded: int) -> str:
    """Whose statement the recorded time is; nobody's when a person has corrected it since."""
    made = [row for row in rows if row["run"] == run and row["outcome"] in RECORDED]
    return str(made[-1]["source"]) if made and made[-1]["at"] == recorded else ""


def _is_known(rows: Sequence[Row], body: BoundaryStated) -> bool:
    for row in rows:
        if (row["source"], row["run"], row["at"]) == (body.source, body.run, body.at):
            # To say again what was taken is no correction of what was recorded since.
            is_done = row["outcome"] in RECORDED
            return is_done or row["outcome"] == body.outcome
    return False


def _state(site: Site, batch: str) -> BatchState:
    return batch_state(site.ledger.stream(f"batch/{batch}"))
