"""Completeness: what of the readings of a batch is there, what is missing, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt

from goldenbatch.core.acquisition import GapCause
from goldenbatch.core.records import Body, Event, Micros, Projection, Row, record_type

if TYPE_CHECKING:
    from collections.abc import Callable

TagState = Literal["complete", "incomplete", "no cadence", "no readings"]


def completeness_stream(batch: str) -> str:
    """Stream of the assessments of a batch's readings.

    >>> completeness_stream("B7")
    'completeness/B7'
    """
    return f"completeness/{batch}"


class Hole(BaseModel):
    """A time without a reading that is longer than the tag's cadence allows, or a recorded loss.

    Attributes:
        start: Time of the last reading before it, or start of the window; microseconds UTC.
        end: Time of the next reading, or end of the window.
        cause: Of the recorded gap that covers it best; `unknown` when none was recorded.
        gaps: Numbers of the ledger's events that say so.
        is_asked_again: Whether the source was asked for this time again: what is missing
            still, it does not have.
    """

    model_config = ConfigDict(frozen=True)

    start: Micros
    end: Micros
    cause: GapCause = GapCause.UNKNOWN
    gaps: tuple[int, ...] = ()
    is_asked_again: bool = False


class TagCompleteness(BaseModel):
    """What is there of one tag in one window.

    Attributes:
        state: Whether the tag is complete in the window.
        n_readings: Readings in the window.
        cadence_s: Seconds between two readings, as the tag's card says; 0: it says none.
        holes: Parts of the window without a reading, each with its cause.
        n_expected: As many the cadence lets one expect; 0: it has none.
        n_bad: Readings whose quality is bad.
        digest: Of the canonical bytes of the readings, so that it can be shown later that
            these were they.
    """

    model_config = ConfigDict(frozen=True)

    tag: str
    start: Micros
    end: Micros
    state: TagState
    n_readings: NonNegativeInt
    n_expected: NonNegativeInt
    n_bad: NonNegativeInt = 0
    cadence_s: float = 0.0
    holes: tuple[Hole, ...] = ()
    digest: str = ""

    @property
    def share(self) -> float:
        """Share of the window that is not in a hole, 0 to 1.

        >>> hole = Hole(start=0, end=25)
        >>> TagCompleteness(tag="t", start=0, end=100, state="incomplete", n_readings=3,
        ...                 n_expected=4, holes=(hole,)).share
        0.75
        """
        missing = sum(hole.end - hole.start for hole in self.holes)
        return 1.0 - missing / (self.end - self.start) if self.end > self.start else 1.0


@record_type
class CompletenessAssessed(Body):
    """The readings of a batch were looked through; the digests name what was there then.

    Attributes:
        is_complete: The batch has ended, no tag has a hole, and none with a cadence is without
            readings.
        is_ended: Whether the batch had ended.
        historian_seq: Number of the last frame that was looked at.
        tolerance: A time longer than so many cadences is a hole.
    """

    batch: str = Field(min_length=1)
    is_complete: bool
    historian_seq: NonNegativeInt
    tolerance: float = Field(gt=1)
    tags: tuple[TagCompleteness, ...] = ()
    is_ended: bool = True


def _fold(event: Event, lookup: Callable[[tuple[Any, ...]], Row | None]) -> list[Row]:
    body = event.decode()
    if not isinstance(body, CompletenessAssessed):
        return []
    states = [one.state for one in body.tags]
    row: Row = {
        "batch": body.batch,
        "is_complete": int(body.is_complete),
        "n_tags": len(states),
        "n_incomplete": sum(one in ("incomplete", "no readings") for one in states),
        "n_holes": sum(len(one.holes) for one in body.tags),
        "assessed_at": event.envelope.recorded_at,
        "seq": event.seq,
    }
    return [row]


COMPLETENESS = Projection(
    name="completeness",
    version=1,
    columns={
        "batch": "TEXT",
        "is_complete": "INTEGER",
        "n_tags": "INTEGER",
        "n_incomplete": "INTEGER",
        "n_holes": "INTEGER",
        "assessed_at": "INTEGER",
        "seq": "INTEGER",
    },
    key=("batch",),
    kinds=frozenset({"CompletenessAssessed"}),
    fold=_fold,
)
PROJECTIONS = (COMPLETENESS,)
"""All projections of this module."""
