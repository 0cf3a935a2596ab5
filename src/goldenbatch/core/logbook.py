"""The shift logbook: shifts of an area, what people wrote in them, and their handover.

One shift is one record, stream `logbook/<area>/<number>`: who signs it in must not have worked
on it, and a signature covers that shift and no other. A handover freezes, by reference, what was
open when it was prepared; it is signed out by the leaving and in by the coming shift.

References:
    EU GMP Part I, 4.31 (logbooks), 4.8; PIC/S PI 041-1, 8.8; 21 CFR 211.188, 11.10(e).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from goldenbatch.core.records import Body, DataClass, Micros, record_type

LOGBOOK: Final = "logbook/"
LATE_US: Final = 15 * 60 * 1_000_000
"""What was written down later than this after it happened is a late entry: an exception."""
MAX_WORDS: Final = 4000
MAX_ITEMS: Final = 5000

Area = Annotated[str, Field(min_length=1, max_length=150, description="Path of a place.")]
Words = Annotated[str, Field(min_length=1, max_length=MAX_WORDS)]
Why = Annotated[str, Field(min_length=3, max_length=500)]
Ref = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*/[^\x00-\x1f\x7f]{1,200}@[1-9][0-9]*$")]


def shift_stream(area: str, shift: int) -> str:
    """Stream of a shift of an area.

    >>> shift_stream("site/tabletting", 12)
    'logbook/site/tabletting/12'
    """
    return f"{LOGBOOK}{area}/{shift}"


class Category(StrEnum):
    """What an entry is about."""

    EVENT = "event"
    OBSERVATION = "observation"
    INSTRUCTION = "instruction"
    EQUIPMENT = "equipment"
    SAFETY = "safety"


class OpenKind(StrEnum):
    """What can be open at a handover."""

    ALARM = "alarm"
    FINDING = "finding"
    HOLD_TIME = "hold time"
    EQUIPMENT = "equipment status"
    BATCH = "running batch"
    PHASE = "running phase"
    ENTRY = "open entry"


class OpenItem(BaseModel):
    """One thing that was open, by reference to the event that says so.

    Attributes:
        stream: Record that it is of.
        version: Version of the record then.
        digest: Leaf hash of that version's event.
        title: In words, as it read then.
        state: As it read then.
        place: Where it is; empty: nobody said.
        since: When it began.
        expires_at: When a hold time ends.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: OpenKind
    stream: str = Field(min_length=3)
    version: int = Field(ge=1)
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    title: str
    state: str = ""
    place: str = ""
    since: Micros | None = None
    expires_at: Micros | None = None

    @property
    def ref(self) -> str:
        """The event, as `stream@version`."""
        return f"{self.stream}@{self.version}"


class _OfShift(Body):
    """Base of the events of one shift; free text about people at work stays on the site."""

    data_class: ClassVar[DataClass] = DataClass.CONFIDENTIAL

    area: Area
    shift: int = Field(ge=1, description="Number of the shift in its area, from 1.")
    by_name: str = Field(
        default="", max_length=200, description="Printed name of who wrote it, as readers see it."
    )

    @property
    def stream(self) -> str:
        """Stream that it belongs to."""
        return shift_stream(self.area, self.shift)


@record_type
class ShiftStarted(_OfShift):
    """A shift began in an area.

    Attributes:
        title: What the shift is called, such as "Early".
        follows: Shift before it as it stood then, `stream@version`; empty: the first one.
        reason: Why it began although the shift before was not taken over; empty: it was.
    """

    title: str = Field(min_length=1, max_length=80)
    follows: str = ""
    reason: str = Field(default="", max_length=500)


@record_type
class LogEntered(_OfShift):
    """Somebody wrote something down.

    Attributes:
        category: What it is about.
        is_open: Somebody must see to it: it is handed over until it is settled.
        about: Records that it is about, as streams, such as `finding/<uid>`.
        happened_at: When it happened; null: as it was written.
        late_reason: Why it was written down late; empty: it was not late.
    """

    text: Words
    category: Category = Category.OBSERVATION
    is_open: bool = False
    about: tuple[str, ...] = Field(default=(), max_length=50)
    happened_at: Micros | None = None
    late_reason: str = Field(default="", max_length=500)


@record_type
class LogEntryCorrected(_OfShift):
    """Somebody corrected an entry of this shift; what it said before stays.

    Attributes:
        entry: Version of the entry in this stream.
        old: What it said.
        new: What it says from now on.
        reason: Why.
    """

    entry: int = Field(ge=1)
    old: Words
    new: Words
    reason: Why

    @model_validator(mode="after")
    def _changes(self) -> LogEntryCorrected:
        if self.old == self.new:
            raise ValueError("the correction changes nothing")
        return self


@record_type
class LogEntrySettled(_OfShift):
    """Somebody saw to an open entry, of this shift or of an earlier one.

    Attributes:
        entry: The entry, `stream@version`.
        comment: What was done.
    """

    entry: Ref
    comment: Words


@record_type
class HandoverPrepared(_OfShift):
    """What was open in the area was frozen, for the coming shift.

    Attributes:
        items: What was open, each by reference.
        summary: What the coming shift should know, in words.
    """

    items: tuple[OpenItem, ...] = Field(default=(), max_length=MAX_ITEMS)
    summary: Words


@record_type
class HandoverSignedOut(_OfShift):
    """The leaving shift handed over; signed with it, as performed.

    Attributes:
        handover: The handover that is signed, `stream@version`.
        digest: Leaf hash of that event.
    """

    signed_as: ClassVar[str] = "performed"

    handover: Ref
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    comment: str = Field(default="", max_length=500)


@record_type
class HandoverSignedIn(_OfShift):
    """The coming shift took over; signed with it, as verified, by somebody who wrote nothing in it.

    Attributes:
        handover: The handover that is taken over, `stream@version`.
        digest: Leaf hash of that event.
    """

    signed_as: ClassVar[str] = "verified"

    handover: Ref
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    comment: str = Field(default="", max_length=500)
