"""Written procedures and their versions: each approved by signature, in force from a date.

Stream `procedure/<id>`. A version counts once it is approved by a signature over the very
event that issued it, from its date on, until a later one is in force or it is withdrawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, Final

from pydantic import Field

from goldenbatch.core.people import HASH_PATTERN, Meaning, SignatureApplied
from goldenbatch.core.records import Body, Event, Micros, Projection, Row, record_type

PREFIX: Final = "procedure/"
PROCEDURE_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$"


@record_type
class ProcedureIssued(Body):
    """A version of a written procedure was issued, to be approved by signature."""

    supersedes: ClassVar[tuple[str, ...]] = ("ProcedureIssued",)

    procedure: str = Field(pattern=PROCEDURE_PATTERN)
    version: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$")
    title: str = Field(min_length=1)
    digest: str = Field(pattern=HASH_PATTERN, description="SHA-256 of the document.")
    effective_from: Micros
    reason: str = Field(min_length=1)


@record_type
class ProcedureWithdrawn(Body):
    """A version of a procedure is no longer in force."""

    procedure: str = Field(pattern=PROCEDURE_PATTERN)
    version: str = Field(min_length=1)
    issued: int = Field(ge=1, description="Version of the stream at which it was issued.")
    reason: str = Field(min_length=1)


Lookup = Callable[[tuple[Any, ...]], Row | None]


def _fold(event: Event, lookup: Lookup) -> list[Row]:
    body = event.decode()
    if isinstance(body, ProcedureIssued):
        row = body.model_dump(exclude={"reason"})
        row |= {"issued": event.envelope.version, "leaf": event.leaf}
        row |= {"issued_by": event.envelope.actor, "approved_by": "", "is_withdrawn": 0}
        return [row]
    if isinstance(body, ProcedureWithdrawn):
        known = lookup((body.procedure, body.issued))
        return [{**known, "is_withdrawn": 1}] if known else []
    if isinstance(body, SignatureApplied) and event.stream.startswith(PREFIX):
        return _approved(event, body, lookup)
    return []


def _approved(event: Event, body: SignatureApplied, lookup: Lookup) -> list[Row]:
    """The version that a signature approves, if it is a sound one over the very event."""
    row = lookup((event.stream.removeprefix(PREFIX), body.version))
    if row is None or body.meaning is not Meaning.APPROVED:
        return []
    is_sound = body.record_hash == row["leaf"] and body.stream == event.stream
    is_sound &= body.signer == event.envelope.actor != row["issued_by"]
    is_sound &= body.statement().digest() == body.statement_hash
    return [{**row, "approved_by": body.signer}] if is_sound else []


PROCEDURES = Projection(
    name="procedure",
    version=1,
    columns={
        "procedure": "TEXT",
        "issued": "INTEGER",
        "version": "TEXT",
        "title": "TEXT",
        "digest": "TEXT",
        "effective_from": "INTEGER",
        "leaf": "TEXT",
        "issued_by": "TEXT",
        "approved_by": "TEXT",
        "is_withdrawn": "INTEGER",
    },
    key=("procedure", "issued"),
    kinds=frozenset({"ProcedureIssued", "ProcedureWithdrawn", "SignatureApplied"}),
    fold=_fold,
)
"""One row a version that was issued; `approved_by` is empty until its approval is signed."""


@dataclass(frozen=True)
class ProcedureBook:
    """All versions of all procedures, as rows of the projection.

    Attributes:
        rows: Versions by procedure, in the order of their issue.
    """

    rows: Mapping[str, tuple[Row, ...]] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, rows: Iterable[Row]) -> ProcedureBook:
        """The book of the rows of the projection."""
        found: dict[str, list[Row]] = {}
        for row in sorted(rows, key=lambda one: int(one["issued"])):
            found.setdefault(row["procedure"], []).append(row)
        return cls(MappingProxyType({name: tuple(some) for name, some in found.items()}))

    def in_force(self, procedure: str, now: int) -> Row | None:
        """The version in force at a time: of the approved ones the one effective last."""
        best: Row | None = None
        for row in self.rows.get(procedure, ()):
            counts = row["approved_by"] and not row["is_withdrawn"] and row["effective_from"] <= now
            if counts and (best is None or row["effective_from"] >= best["effective_from"]):
                best = row
        return best

    def approved(self, procedure: str, version: str, now: int) -> bool:
        """Whether a version was ever in force by then, for records that pin it."""
        return any(
            row["version"] == version and row["approved_by"] and row["effective_from"] <= now
            for row in self.rows.get(procedure, ())
        )


PROJECTIONS = (PROCEDURES,)
"""All projections of this module."""
