"""Training: who was trained on which version of which procedure, by whom, and until when.

Stream `training/<uid>`. A training counts if another person assessed it, until it expires or
is withdrawn, and only for the version that it was on: a new version asks for a new training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, Final

from pydantic import Field

from goldenbatch.core.facts import Fact, RecordFacts, Scope
from goldenbatch.core.people import UID_PATTERN
from goldenbatch.core.procedures import PROCEDURE_PATTERN, ProcedureBook
from goldenbatch.core.records import (
    Body,
    DataClass,
    Event,
    Micros,
    Projection,
    Row,
    record_type,
    to_iso,
)
from goldenbatch.core.site import Actor

PREFIX: Final = "training/"


class _Training(Body):
    """Base of the events of one person's training."""

    data_class: ClassVar[DataClass] = DataClass.PERSONAL

    uid: str = Field(pattern=UID_PATTERN, description="Who is trained.")
    procedure: str = Field(pattern=PROCEDURE_PATTERN)
    version: str = Field(min_length=1, description="Version of the procedure.")


@record_type
class TrainingAssigned(_Training):
    """A person is to be trained on a version of a procedure."""

    due_at: Micros
    reason: str = Field(min_length=1)


@record_type
class TrainingCompleted(_Training):
    """A person was trained on a version of a procedure, and another one assessed it."""

    supersedes: ClassVar[tuple[str, ...]] = ("TrainingAssigned", "TrainingCompleted")

    assessor: str = Field(pattern=UID_PATTERN, description="Who found the person competent.")
    method: str = Field(min_length=1, description="Such as read, observed or tested.")
    completed_at: Micros
    expires_at: Micros | None = Field(default=None, description="From then on it counts no more.")


@record_type
class TrainingWithdrawn(_Training):
    """A training counts no more."""

    supersedes: ClassVar[tuple[str, ...]] = ("TrainingCompleted",)

    reason: str = Field(min_length=1)


def _fold(event: Event, lookup: Callable[[tuple[Any, ...]], Row | None]) -> list[Row]:
    body = event.decode()
    if not isinstance(body, _Training) or event.stream != PREFIX + body.uid:
        return []
    key = (body.uid, body.procedure, body.version)
    empty = {"due_at": None, "completed_at": None, "expires_at": None, "assessor": "", "method": ""}
    row = lookup(key) or dict(zip(TRAININGS.key, key, strict=True)) | empty
    row = {**row, "stream_version": event.envelope.version}
    if isinstance(body, TrainingAssigned):
        row["due_at"] = body.due_at
    elif isinstance(body, TrainingCompleted):
        if not body.uid != body.assessor == event.envelope.actor:
            return []
        row |= body.model_dump(include={"completed_at", "expires_at", "assessor", "method"})
    else:
        row |= {**empty, "due_at": row["due_at"]}
    return [row]


TRAININGS = Projection(
    name="training",
    version=1,
    columns={
        "uid": "TEXT",
        "procedure": "TEXT",
        "version": "TEXT",
        "due_at": "INTEGER",
        "completed_at": "INTEGER",
        "expires_at": "INTEGER",
        "assessor": "TEXT",
        "method": "TEXT",
        "stream_version": "INTEGER",
    },
    key=("uid", "procedure", "version"),
    kinds=frozenset({"TrainingAssigned", "TrainingCompleted", "TrainingWithdrawn"}),
    fold=_fold,
    indexes=(("procedure", "version"),),
)
"""One row a person and version; without `completed_at` it is not done, or counts no more."""


@dataclass(frozen=True)
class Trained:
    """Fact: the actor is trained on each procedure that the record cites.

    That is the version in force, or the version that the record pins (`id@version`).

    Attributes:
        book: All versions of all procedures.
        trainings: Rows of the projection by uid; who is missing was never trained.
    """

    book: ProcedureBook = field(default_factory=ProcedureBook)
    trainings: Mapping[str, tuple[Row, ...]] = field(default_factory=lambda: MappingProxyType({}))
    name: str = "trained"

    @classmethod
    def of(cls, procedures: Iterable[Row], trainings: Iterable[Row]) -> Trained:
        """The fact from rows of the two projections."""
        found: dict[str, list[Row]] = {}
        for row in trainings:
            found.setdefault(row["uid"], []).append(row)
        by_uid = MappingProxyType({uid: tuple(rows) for uid, rows in found.items()})
        return cls(ProcedureBook.of(procedures), by_uid)

    def scope(self, actor: Actor, now: int) -> Scope:
        """It holds for records that cite only what the actor is trained on."""
        done = self._done(actor.uid, now)
        only = {
            f"{procedure}@{version}"
            for procedure, version in done
            if self.book.approved(procedure, version, now)
        }
        for procedure in {one for one, _ in done}:
            row = self.book.in_force(procedure, now)
            if row is not None and (procedure, row["version"]) in done:
                only.add(procedure)
        return Scope(True, "cites", frozenset(only))

    def fact(self, actor: Actor, record: RecordFacts, now: int) -> Fact:
        """The fact for one actor and one record at a time."""
        if not record.cites:
            return Fact(True, f"{record.stream} cites no procedure")
        done = self._done(actor.uid, now)
        missing, refs = [], []
        for one in sorted(record.cites):
            procedure, version = self._wanted(one, now)
            if (row := done.get((procedure, version))) is not None:
                refs.append(f"{PREFIX}{actor.uid}@{row['stream_version']}")
            elif version:
                missing.append(f"{procedure} version {version}")
            else:
                missing.append(f"{one}, of which no such version is in force")
        if missing:
            return Fact(False, f"{actor.uid} is not trained on {', '.join(missing)}")
        words = f"trained on {', '.join(sorted(record.cites))} ({to_iso(now)[:10]})"
        return Fact(True, words, tuple(refs))

    def _wanted(self, one: str, now: int) -> tuple[str, str]:
        """Procedure and version that a citation asks for; no version where none is in force."""
        procedure, _, version = one.partition("@")
        if version:
            return procedure, version if self.book.approved(procedure, version, now) else ""
        row = self.book.in_force(procedure, now)
        return procedure, row["version"] if row is not None else ""

    def _done(self, uid: str, now: int) -> dict[tuple[str, str], Row]:
        return {
            (row["procedure"], row["version"]): row
            for row in self.trainings.get(uid, ())
            if row["completed_at"] is not None
            and row["completed_at"] <= now
            and (row["expires_at"] is None or now < row["expires_at"])
        }


PROJECTIONS = (TRAININGS,)
"""All projections of this module."""
