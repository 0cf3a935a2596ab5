"""Takes what sources say of batches and phases into the record, one statement at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from goldenbatch.core.batch_context import (
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
from goldenbatch.core.errors import VersionConflictError
from goldenbatch.core.records import NewEvent, Row

if TYPE_CHECKING:
    from goldenbatch.core.people import UserState
    from goldenbatch.core.site import Site
    from goldenbatch.runtime.local import LocalSite

N_TRIES = 5


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
    chosen, who = tolerance or Tolerance(), actor or site.actor.uid
    for said in sorted(statements, key=lambda one: (one.at, _RANK[one.what])):
        made = _take(site, said, who, chosen)
        if made is None:
            continue
        found.append(made)
        if made.outcome in ("taken", "corrected"):
            found += _again(site, said.batch, who, chosen)
    return found


def say(site: LocalSite, user: UserState, statement: Statement) -> BoundaryStated | None:
    """What a person enters by hand, who must have the right to record on the batch.

    Returns:
        What was put on record; None when the same was known already.

    Raises:
        DeniedError: The person may not.
    """
    from goldenbatch.core import authority

    stream = f"batch/{statement.batch}"
    authority.require(site.people.decide_may(user, "record", stream))
    made = take(site, [statement], actor=user.uid)
    return made[0] if made else None


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
        made = judge(state, said, partial(_owner, rows), tolerance)
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
    made = [row for row in rows if row["run"] == run and row["outcome"] in ("taken", "corrected")]
    return str(made[-1]["source"]) if made and made[-1]["at"] == recorded else ""


def _is_known(rows: Sequence[Row], body: BoundaryStated) -> bool:
    for row in rows:
        if (row["source"], row["run"], row["at"]) == (body.source, body.run, body.at):
            # To say again what was taken is no correction of what was recorded since.
            is_done = row["outcome"] in ("taken", "corrected")
            return is_done or row["outcome"] == body.outcome
    return False


def _state(site: Site, batch: str) -> BatchState:
    return batch_state(site.ledger.stream(f"batch/{batch}"))
