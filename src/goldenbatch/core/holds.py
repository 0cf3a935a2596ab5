"""Legal holds: what must not be deleted, whatever the schedule says, until the hold is lifted.

Stream `hold/<id>`. One person places a hold; it is lifted by a signature of another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from goldenbatch.core.people import Meaning, SignatureApplied
from goldenbatch.core.records import (
    Body,
    DataClass,
    Event,
    Micros,
    Projection,
    Row,
    record_type,
)
from goldenbatch.core.retention import Item

PREFIX: Final = "hold/"
ID_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$"


class HoldScope(BaseModel):
    """What a hold is about: all that fits every part that is given; given none, everything.

    What cannot be excluded is held: an item of which nobody can say where it belongs fits.

    Attributes:
        streams: Records by their stream; with a slash at the end all that begin so.
        batches: Batches with all that documents them: records, readings, files.
        places: Places with all below them.
        tags: Tags with their readings.
        start: Only what is of this time or later.
        end: Only what is of before this time.
        data_classes: Classes of data.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    streams: tuple[str, ...] = ()
    batches: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    start: Micros | None = None
    end: Micros | None = None
    data_classes: tuple[DataClass, ...] = ()

    @model_validator(mode="after")
    def _is_possible(self) -> HoldScope:
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError("its time ends before it starts")
        if any(not one.strip("/") for one in (*self.streams, *self.batches, *self.places)):
            raise ValueError("a part of the scope is empty")
        return self

    def covers(self, item: Item) -> bool:
        """Whether an item falls under it, or cannot be said not to."""
        return (
            self._covers_streams(item)
            and self._covers_batches(item)
            and self._covers_places(item)
            and (not self.tags or item.tags is None or bool(item.tags & set(self.tags)))
            and self._covers_time(item)
            and (not self.data_classes or bool(item.classes & set(self.data_classes)))
        )

    def _covers_streams(self, item: Item) -> bool:
        return not self.streams or any(
            stream == one or (one.endswith("/") and stream.startswith(one))
            for one in self.streams
            for stream in item.streams
        )

    def _covers_batches(self, item: Item) -> bool:
        if not self.batches or item.batches is None:
            return True
        return bool({one.batch for one in item.batches} & set(self.batches))

    def _covers_places(self, item: Item) -> bool:
        if not self.places or item.places is None:
            return True
        return any(
            place == one or place.startswith(f"{one.rstrip('/')}/")
            for one in self.places
            for place in item.places
        )

    def _covers_time(self, item: Item) -> bool:
        if item.window is None:
            return True
        first, last = item.window
        is_late = self.end is not None and first >= self.end
        is_early = self.start is not None and last <= self.start
        return not (is_late or is_early)

    def words(self) -> str:
        """The scope in words."""
        parts = [
            f"{name} {', '.join(str(getattr(one, 'value', one)) for one in values)}"
            for name, values in (
                ("records", self.streams),
                ("batches", self.batches),
                ("places", self.places),
                ("tags", self.tags),
                ("data classes", self.data_classes),
            )
            if values
        ]
        values = self.model_dump(mode="json")
        parts += [f"{name} {values[name]}" for name in ("start", "end") if values[name]]
        return "; ".join(parts) or "everything"


class _Hold(Body):
    """Base of the events of one hold."""

    hold: str = Field(pattern=ID_PATTERN)


@record_type
class LegalHoldPlaced(_Hold):
    """Nothing that falls under the scope may be deleted until the hold is lifted.

    Attributes:
        basis: What obliges the site: a court's order, an inspection, a complaint.
    """

    scope: HoldScope
    reason: str = Field(min_length=1)
    basis: str = Field(min_length=1)


@record_type
class LegalHoldLifted(_Hold):
    """A hold counts no more; signed by another person than the one who placed it."""

    supersedes: ClassVar[tuple[str, ...]] = ("LegalHoldPlaced",)

    reason: str = Field(min_length=1)


def _fold(event: Event, lookup: Callable[[tuple[Any, ...]], Row | None]) -> list[Row]:
    if not event.stream.startswith(PREFIX):
        return []
    body, at = event.decode(), event.envelope.recorded_at
    known = lookup((event.stream.removeprefix(PREFIX),))
    if isinstance(body, LegalHoldPlaced):
        if known is not None and known["is_active"]:
            return []  # its scope stays until it is lifted
        row: Row = {"hold": body.hold, "scope": body.scope.model_dump_json(), "seq": event.seq}
        row |= {"words": body.scope.words(), "reason": body.reason, "basis": body.basis}
        row |= {"placed_by": event.envelope.actor, "placed_at": at}
        return [{**row, "lifted_by": "", "lifted_at": None, "lift_reason": "", "is_active": 1}]
    change: Row = {}
    if isinstance(body, LegalHoldLifted):
        change = {"lifted_by": event.envelope.actor, "lifted_at": at, "lift_reason": body.reason}
    elif known is not None and isinstance(body, SignatureApplied) and _lifts(body, known):
        change = {"is_active": 0}
    return [{**known, **change}] if known is not None and known["is_active"] and change else []


def _lifts(signature: SignatureApplied, known: Row) -> bool:
    """Whether a signature lifts a hold: it approves the lifting, and is not of who placed it."""
    return (
        signature.meaning is Meaning.APPROVED
        and bool(signature.proposal)
        and signature.signer == known["lifted_by"] != known["placed_by"]
    )


HOLDS = Projection(
    name="hold",
    version=1,
    columns={
        "hold": "TEXT",
        "scope": "TEXT",
        "words": "TEXT",
        "reason": "TEXT",
        "basis": "TEXT",
        "placed_by": "TEXT",
        "placed_at": "INTEGER",
        "lifted_by": "TEXT",
        "lifted_at": "INTEGER",
        "lift_reason": "TEXT",
        "is_active": "INTEGER",
        "seq": "INTEGER",
    },
    key=("hold",),
    kinds=frozenset({"LegalHoldPlaced", "LegalHoldLifted", "SignatureApplied"}),
    fold=_fold,
    indexes=(("is_active",),),
)
"""One row a hold; `scope` is JSON as text. It is active until its lifting is signed."""


class Hold(BaseModel):
    """A hold that counts."""

    model_config = ConfigDict(frozen=True)

    hold: str
    scope: HoldScope
    basis: str = ""


def active_holds(rows: Iterable[Row]) -> tuple[Hold, ...]:
    """The holds that count, of rows of the projection."""
    return tuple(
        Hold(
            hold=row["hold"],
            scope=HoldScope.model_validate_json(row["scope"]),
            basis=row["basis"],
        )
        for row in rows
        if row["is_active"]
    )


PROJECTIONS = (HOLDS,)
"""All projections of this module."""
