"""Batch context: what sources say of when batches and phases ran, and what is taken of it.

Several sources may tell of the same boundary: a batch event journal, a tag, a person. The first
statement makes the record; a later one of the same source corrects it with its reason; one of
another source that differs stands beside it as a disagreement, for a person to settle.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Literal

from pydantic import Field

from goldenbatch.core.batch_checks import check_next
from goldenbatch.core.batch_state import BatchState, PhaseRun
from goldenbatch.core.batches import (
    BatchCorrected,
    BatchCreated,
    BatchEnded,
    PhaseCorrected,
    PhaseEnded,
    PhaseStarted,
)
from goldenbatch.core.errors import BadInputError, ConflictError
from goldenbatch.core.records import Body, Event, Micros, Projection, Row, record_type, to_iso

SETTLED: Final = "settled"
"""Outcome in the projection of a statement that waited once and was looked at again."""
Outcome = Literal["taken", "same", "corrected", "disagrees", "prevails", "waits"]
RECORDED: Final = ("taken", "corrected", "prevails")
"""Outcomes by which what a source said became the record."""


class Boundary(StrEnum):
    """What begins or ends."""

    BATCH_STARTED = "batch started"
    BATCH_ENDED = "batch ended"
    PHASE_STARTED = "phase started"
    PHASE_ENDED = "phase ended"


@dataclass(frozen=True)
class Statement:
    """What a source says of one boundary.

    Attributes:
        source: Name of the source: a connection, a rule, a card, `person`.
        at: When, microseconds UTC.
        run: Number of the run of the phase; 0: the source does not count.
        reference: Identity in the source, such as the line of a journal or an event id.
        head: Further entries of a batch: product, recipe, size, outcome.
    """

    source: str
    what: Boundary
    batch: str
    at: int
    place: str = ""
    phase: str = ""
    run: int = 0
    reference: str = ""
    head: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Tolerance:
    """When two times are the same, and when they are of the same run.

    Attributes:
        same_us: Sources may differ by so much and agree.
        near_us: A boundary of a phase that is nearer than this is about the same run.
        ranks: Sources, the best first: what one says prevails over what those after it and
            those that are not named have said. Sources that are not named are equal.
    """

    same_us: int = 1_000_000
    near_us: int = 15 * 60 * 1_000_000
    ranks: tuple[str, ...] = ()

    def prevails(self, source: str, over: str) -> bool:
        """Whether what a source says counts more than what another has said.

        What stands there by nobody's statement, as after a person's correction, stays.

        >>> Tolerance(ranks=("mes", "plc")).prevails("mes", "plc")
        True
        """
        if not over or source not in self.ranks:
            return False
        return over not in self.ranks or self.ranks.index(source) < self.ranks.index(over)


@record_type
class BoundaryStated(Body):
    """A source said when a batch or a phase began or ended, and what was made of it.

    Attributes:
        source: Who says so.
        what: Which boundary.
        run: Number of the run of the phase that it is about; 0 for a batch.
        reference: Identity of the statement in the source.
        head: Further entries of the batch, name to text.
        outcome: Taken into the record; the same as recorded; corrected what the same source
            said before; disagrees with what another said; prevails over it by its rank and is
            taken; waits for what must come before.
        recorded_at_source: What is recorded of the boundary, or was, where something else is.
        against: Source that it contradicts, where it does.
    """

    source: str = Field(min_length=1)
    what: Boundary
    batch: str = Field(min_length=1)
    place: str = ""
    phase: str = ""
    run: int = Field(default=0, ge=0)
    at: Micros
    reference: str = ""
    head: dict[str, str] = Field(default_factory=dict)
    outcome: Outcome
    recorded_at_source: Micros | None = None
    note: str = ""
    against: str = ""

    @property
    def statement(self) -> Statement:
        """The statement as the source made it."""
        return Statement(
            self.source, self.what, self.batch, self.at, self.place, self.phase, self.run,
            self.reference, self.head,
        )  # fmt: skip


@dataclass(frozen=True)
class Judgement:
    """What is made of a statement.

    Attributes:
        body: To be appended to the batch's stream; None: nothing.
        run: Run of the phase that it is about.
        recorded: Time that is recorded of the boundary; None: none.
    """

    outcome: Outcome
    body: Body | None = None
    run: int = 0
    recorded: int | None = None
    note: str = ""
    against: str = ""


def context_stream(source: str) -> str:
    """Stream of what a source says of batches.

    >>> context_stream("journal")
    'context/journal'
    """
    return f"context/{source}"


def judge(
    state: BatchState, said: Statement, owner: Callable[[int, int], str], tolerance: Tolerance
) -> Judgement:
    """What is made of a statement, given the batch as it is recorded.

    Args:
        state: The batch; one without events when it is not known.
        said: The statement.
        owner: Source whose statement of this boundary of a run is the recorded time; empty:
            what is recorded is of no statement, as after a person's correction.
        tolerance: When two times are the same.
    """
    run = _run_of(state, said, tolerance) if said.phase else None
    number = run.run if run is not None else _new_run(state, said) if said.phase else 0
    recorded = _recorded(state, said, run)
    if recorded is None:
        body = _new_body(state, said, number)
        return _checked(state, said, Judgement("taken", body, number))
    if abs(recorded - said.at) <= tolerance.same_us:
        return Judgement("same", None, number, recorded)
    by = owner(number, recorded)
    if by != said.source:
        note = f"{by or 'the record'} says {to_iso(recorded)}, {said.source} {to_iso(said.at)}"
        if not tolerance.prevails(said.source, by):
            return Judgement("disagrees", None, number, recorded, note, by)
        body = _correction(said, number, recorded, f"{said.source} ranks before {by}")
        return _checked(state, said, Judgement("prevails", body, number, recorded, note, by))
    body = _correction(said, number, recorded)
    return _checked(state, said, Judgement("corrected", body, number, recorded))


def _checked(state: BatchState, said: Statement, made: Judgement) -> Judgement:
    """A judgement whose event can be true as the next; else it waits, its run not counted yet."""
    if made.body is None:
        return Judgement("waits", None, said.run, made.recorded, "the batch is not known yet")
    try:
        check_next(state, made.body)
    except (BadInputError, ConflictError) as error:
        return Judgement("waits", None, said.run, made.recorded, error.message)
    return made


def _recorded(state: BatchState, said: Statement, run: PhaseRun | None) -> int | None:
    if said.what is Boundary.BATCH_STARTED:
        return state.started_at
    if said.what is Boundary.BATCH_ENDED:
        return state.ended_at
    if run is None:
        return None
    return run.started_at if said.what is Boundary.PHASE_STARTED else run.ended_at


def _run_of(state: BatchState, said: Statement, tolerance: Tolerance) -> PhaseRun | None:
    """The recorded run of a phase that a statement is about."""
    runs = [
        one for one in state.phases.values() if (one.place, one.phase) == (said.place, said.phase)
    ]
    if said.run:
        return next((one for one in runs if one.run == said.run), None)
    runs.sort(key=lambda one: one.started_at)
    if said.what is Boundary.PHASE_STARTED:
        # What began after a run had ended is the next run, however near it is.
        return _nearest(
            [
                (one.started_at, one)
                for one in runs
                if one.ended_at is None or said.at < one.ended_at
            ],
            said.at,
            tolerance,
        )
    is_open = [one for one in runs if one.ended_at is None and one.started_at <= said.at]
    if is_open:
        return is_open[-1]
    ended = [(one.ended_at, one) for one in runs if one.ended_at is not None]
    return _nearest(ended, said.at, tolerance)


def _nearest(
    times: Sequence[tuple[int, PhaseRun]], at: int, tolerance: Tolerance
) -> PhaseRun | None:
    near = [(abs(time - at), one) for time, one in times if abs(time - at) <= tolerance.near_us]
    return min(near, key=lambda pair: pair[0])[1] if near else None


def _new_run(state: BatchState, said: Statement) -> int:
    if said.run:
        return said.run
    numbers = [
        one.run
        for one in state.phases.values()
        if (one.place, one.phase) == (said.place, said.phase)
    ]
    is_start = said.what is Boundary.PHASE_STARTED
    return max(numbers, default=0) + 1 if is_start else max(numbers, default=1)


def _new_body(state: BatchState, said: Statement, number: int) -> Body | None:
    if said.what is Boundary.BATCH_STARTED:
        return _batch_started(state, said)
    if not state.exists:
        return None
    if said.what is Boundary.BATCH_ENDED:
        outcome: Any = said.head.get("outcome") or "completed"
        return BatchEnded(batch=said.batch, ended_at=said.at, outcome=outcome)
    kind = PhaseStarted if said.what is Boundary.PHASE_STARTED else PhaseEnded
    return kind(batch=said.batch, place=said.place, phase=said.phase, run=number, at=said.at)


def _batch_started(state: BatchState, said: Statement) -> Body:
    head = said.head
    if state.exists:  # known, but not since when
        return BatchCorrected(
            batch=said.batch,
            field="started_at",
            old="",
            new=to_iso(said.at),
            reason=f"stated by {said.source}",
        )
    return BatchCreated(
        batch=said.batch,
        product=head.get("product") or "unknown",
        recipe=head.get("recipe", ""),
        size=head.get("size", ""),
        place=said.place,
        started_at=said.at,
    )


def _correction(said: Statement, number: int, recorded: int, why: str = "") -> Body:
    reason = (why or f"{said.source} corrected its statement") + (
        f" {said.reference}" if said.reference else ""
    )
    name: Any = "started_at" if "started" in said.what.value else "ended_at"
    if said.phase:
        return PhaseCorrected(
            batch=said.batch, place=said.place, phase=said.phase, run=number, field=name,
            old=recorded, new=said.at, reason=reason,
        )  # fmt: skip
    return BatchCorrected(
        batch=said.batch, field=name, old=to_iso(recorded), new=to_iso(said.at), reason=reason
    )


def stated(said: Statement, made: Judgement) -> BoundaryStated:
    """The record of a statement and of what was made of it."""
    return BoundaryStated(
        source=said.source, what=said.what, batch=said.batch, place=said.place, phase=said.phase,
        run=made.run, at=said.at, reference=said.reference, head=dict(said.head),
        outcome=made.outcome, recorded_at_source=made.recorded, note=made.note,
        against=made.against,
    )  # fmt: skip


def _fold(event: Event, lookup: Callable[[tuple[Any, ...]], Row | None]) -> list[Row]:
    body = event.decode()
    if not isinstance(body, BoundaryStated):
        return []
    row: Row = body.model_dump(exclude={"head", "recorded_at_source", "against"})
    row |= {"what": body.what.value, "head": json.dumps(body.head), "seq": event.seq}
    row |= {"recorded": body.recorded_at_source, "waiting_at": 0}
    if body.outcome == "waits":  # several runs may wait, and none has a number yet
        return [{**row, "waiting_at": body.at}]
    head = (body.batch, body.what.value, body.place, body.phase)
    waited = [lookup((*head, run, body.source, body.at)) for run in sorted({0, body.run})]
    return [row, *({**one, "outcome": SETTLED} for one in waited if one is not None)]


CONTEXT: Final = Projection(
    name="context",
    version=2,
    columns={
        "batch": "TEXT",
        "what": "TEXT",
        "place": "TEXT",
        "phase": "TEXT",
        "run": "INTEGER",
        "source": "TEXT",
        "at": "INTEGER",
        "reference": "TEXT",
        "head": "TEXT",
        "outcome": "TEXT",
        "recorded": "INTEGER",
        "note": "TEXT",
        "seq": "INTEGER",
        "waiting_at": "INTEGER",
    },
    key=("batch", "what", "place", "phase", "run", "source", "waiting_at"),
    kinds=frozenset({"BoundaryStated"}),
    fold=_fold,
    indexes=(("outcome",), ("source", "at")),
)


@record_type
class TagFlapped(Body):
    """A tag that a rule reads changed and changed back too fast to be believed.

    Attributes:
        rule: Name of the rule; the record stands in `context/<rule>`.
        start: Of the first change that did not hold.
        end: Of the last one that was seen by then.
        n_changes: How many did not hold.
        is_over: It has come to rest since.
    """

    rule: str = Field(min_length=1)
    tag: str = Field(min_length=1)
    start: Micros
    end: Micros
    n_changes: int = Field(ge=1)
    settle_s: float = Field(ge=0)
    is_over: bool = False


PROJECTIONS = (CONTEXT,)
"""All projections of this module."""
