"""Sources as records: when a source ran, what is missing of it and why, what came later."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from pydantic import Field, NonNegativeInt, model_validator

from goldenbatch.core.acquisition import Gap, GapCause
from goldenbatch.core.records import Body, Event, Micros, Projection, Row, record_type

_Lookup = Callable[[tuple[Any, ...]], Row | None]
TOLD_WITHIN_US: Final = 20 * 1_000_000
"""A source tells at least so often until when it was read; it may have been read for longer."""
_DIGEST = r"^[0-9a-f]{64}$"


def source_stream(name: str) -> str:
    """Stream of the events of a running source.

    >>> source_stream("press_opc")
    'source/press_opc'
    """
    return f"source/{name}"


@record_type
class SourceStarted(Body):
    """The node began to read a source.

    Attributes:
        card: Text of the card as canonical JSON, so that it is known how the source was read.
        card_digest: SHA-256 of it.
    """

    source: str = Field(min_length=1)
    connector: str = Field(min_length=1)
    card: str
    card_digest: str = Field(pattern=_DIGEST)


@record_type
class SourceStopped(Body):
    """The node ended to read a source.

    Attributes:
        reason: Why, in words.
        needs_person: Whether somebody must mend something before it can run again.
    """

    source: str = Field(min_length=1)
    reason: str
    needs_person: bool = False


@record_type
class GapFound(Body):
    """Readings of a source are missing in a window, or may be.

    Attributes:
        start: Source time from which they are missing, microseconds UTC.
        end: Until when, exclusive.
        tags: Which; none means all of the source.
        n_lost: Readings known to be lost; -1: not known.
        artefact: Digest of what was refused, where the registry keeps it.
    """

    source: str = Field(min_length=1)
    start: Micros
    end: Micros
    cause: GapCause
    tags: tuple[str, ...] = ()
    note: str = ""
    n_lost: int = Field(default=-1, ge=-1)
    artefact: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")

    @model_validator(mode="after")
    def _ends_after_it_began(self) -> GapFound:
        if self.end < self.start:
            raise ValueError(f"the gap of {self.source} ends before it begins")
        return self

    @classmethod
    def of(cls, source: str, gap: Gap, artefact: str = "") -> GapFound:
        """The record of a gap that a connector has reported.

        Where a clock went back in the gap, its end comes first: it is turned round.
        """
        return cls(
            source=source,
            start=min(gap.window),
            end=max(gap.window),
            cause=gap.cause,
            tags=gap.tags,
            note=gap.note,
            n_lost=gap.n_lost,
            artefact=artefact,
        )


@record_type
class GapBackfilled(Body):
    """A window was asked for again from the source; what it still had is stored.

    Attributes:
        tags: For which; none means all of the source.
        n_readings: Readings that came and were not there yet.
    """

    source: str = Field(min_length=1)
    start: Micros
    end: Micros
    tags: tuple[str, ...] = ()
    n_readings: NonNegativeInt


def _fold_source(event: Event, lookup: _Lookup) -> list[Row]:
    body, at = event.decode(), event.envelope.recorded_at
    if isinstance(body, SourceStarted):
        row: Row = {
            "source": body.source,
            "connector": body.connector,
            "card_digest": body.card_digest,
            "started_at": at,
            "stopped_at": None,
            "reason": "",
            "needs_person": 0,
        }
        return [row]
    if isinstance(body, SourceStopped):
        known = lookup((body.source,)) or {"source": body.source}
        ended = {"stopped_at": at, "reason": body.reason, "needs_person": int(body.needs_person)}
        return [{**known, **ended}]
    return []


def _fold_gap(event: Event, lookup: _Lookup) -> list[Row]:
    body = event.decode()
    if isinstance(body, GapFound):
        row: Row = body.model_dump(include={"source", "start", "end", "note", "n_lost", "artefact"})
        row |= {"seq": event.seq, "cause": body.cause.value, "tags": json.dumps(body.tags)}
        return [{**row, "is_backfill": 0, "n_readings": 0}]
    if isinstance(body, GapBackfilled):
        row = body.model_dump(include={"source", "start", "end", "n_readings"})
        row |= {"seq": event.seq, "cause": "", "tags": json.dumps(body.tags), "note": ""}
        return [{**row, "is_backfill": 1, "n_lost": 0, "artefact": ""}]
    return []


SOURCES: Final = Projection(
    name="source",
    version=1,
    columns={
        "source": "TEXT",
        "connector": "TEXT",
        "card_digest": "TEXT",
        "started_at": "INTEGER",
        "stopped_at": "INTEGER",
        "reason": "TEXT",
        "needs_person": "INTEGER",
    },
    key=("source",),
    kinds=frozenset({"SourceStarted", "SourceStopped"}),
    fold=_fold_source,
)
GAPS: Final = Projection(
    name="gap",
    version=1,
    columns={
        "seq": "INTEGER",
        "source": "TEXT",
        "start": "INTEGER",
        "end": "INTEGER",
        "cause": "TEXT",
        "tags": "TEXT",
        "note": "TEXT",
        "n_lost": "INTEGER",
        "artefact": "TEXT",
        "is_backfill": "INTEGER",
        "n_readings": "INTEGER",
    },
    key=("seq",),
    kinds=frozenset({"GapFound", "GapBackfilled"}),
    fold=_fold_gap,
    indexes=(("source", "start"),),
)
PROJECTIONS = (SOURCES, GAPS)
"""All projections of this module."""
