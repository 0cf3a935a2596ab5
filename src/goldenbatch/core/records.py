"""Records: the envelope of every event, the kinds of events, and their upcasters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Protocol, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from goldenbatch.core.errors import BadInputError, IntegrityError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STREAM_PATTERN = r"^[a-z][a-z0-9_-]*/[^\x00-\x1f\x7f]{1,200}$"


def to_iso(micros: int) -> str:
    """Microseconds UTC as ISO 8601 with six decimals and `Z`.

    >>> to_iso(1_541_000_000_000_001)
    '2018-10-31T15:33:20.000001Z'
    """
    return (EPOCH + timedelta(microseconds=micros)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_iso(text: str | int) -> int:
    """Microseconds UTC of an ISO 8601 text with offset; integers pass.

    Raises:
        ValueError: The text is no time or has no offset.
    """
    if isinstance(text, int):
        return text
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"time {text!r} has no offset from UTC")
    return (moment - EPOCH) // timedelta(microseconds=1)


Micros = Annotated[
    int, BeforeValidator(from_iso), PlainSerializer(to_iso, return_type=str, when_used="json")
]
"""Microseconds UTC in Python; ISO 8601 text in JSON."""


class HomeKind(StrEnum):
    """What a home is for; shown on every page and document."""

    DEMONSTRATION = "demonstration"
    DEVELOPMENT = "development"
    VALIDATION = "validation"
    PRODUCTION = "production"


class DataClass(StrEnum):
    """Where data may go: operational may leave the site, the other two stay on it."""

    OPERATIONAL = "operational"
    CONFIDENTIAL = "confidential"
    PERSONAL = "personal"


class Envelope(BaseModel):
    """Envelope v1 of every event; its canonical JSON (RFC 8785) is the leaf of the tree.

    Names and patient identifiers never stand here, only in the body, which the salted
    digest binds without revealing it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal["goldenbatch/envelope/1"] = Field(
        default="goldenbatch/envelope/1", alias="schema", description="Name and version of form."
    )
    home: str = Field(min_length=1, description="Identifier of the home that recorded it.")
    home_kind: HomeKind
    site: str
    owner: str = Field(description="Client organisation that owns the data; empty: the site.")
    data_class: DataClass
    stream: str = Field(pattern=STREAM_PATTERN, description="What the event is about.")
    version: int = Field(ge=1, description="Number of the event in its stream, from 1.")
    kind: str = Field(pattern=r"^[A-Z][A-Za-z0-9]+$", description="Past-tense kind of event.")
    body_version: int = Field(ge=1, description="Version of the kind's body.")
    actor: str = Field(min_length=1, description="Opaque uid of who did it.")
    acting_for: str = ""
    recorded_at: Micros
    performed_at: Micros | None = None
    body_digest: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256(salt || JCS(body)).")
    previous: str = Field(
        pattern=r"^([0-9a-f]{64})?$", description="Leaf hash of the stream's previous event."
    )

    def as_json(self) -> dict[str, Any]:
        """The form that is canonicalised and hashed."""
        return self.model_dump(mode="json", by_alias=True)


class Body(BaseModel):
    """Base of the bodies of events. GMP values are strings with unit, not floats."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str]
    body_version: ClassVar[int] = 1
    data_class: ClassVar[DataClass] = DataClass.OPERATIONAL
    supersedes: ClassVar[tuple[str, ...]] = ()
    """Kinds whose newest event in the stream this one replaces, as the audit trail shows."""
    signed_as: ClassVar[str] = ""
    """Meaning of the signature that it is appended with, always; empty: none, or any."""

    def as_json(self) -> dict[str, Any]:
        """The form that is canonicalised and hashed."""
        # `model_dump(mode="json", by_alias=True)` without its many arguments, which cost as much.
        made: dict[str, Any] = self.__pydantic_serializer__.to_python(
            self, mode="json", by_alias=True
        )
        return made


BodyType = TypeVar("BodyType", bound=type[Body])
Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
_TYPES: dict[str, type[Body]] = {}
_UPCASTERS: dict[tuple[str, int], Upcaster] = {}


def record_type(cls: BodyType) -> BodyType:
    """Register the body of a kind of event; the kind is the class's name.

    Raises:
        ValueError: Another class has the kind already, or the name is not past tense-like.
    """
    kind = cls.__name__
    known = _TYPES.get(kind)
    if known is not None and (known.__module__, known.__qualname__) != (
        cls.__module__,
        cls.__qualname__,
    ):
        raise ValueError(f"record type {kind} is registered already by {known.__module__}")
    if not re.match(r"^[A-Z][A-Za-z0-9]+$", kind):
        raise ValueError(f"record type {kind!r} is not a capitalised name")
    cls.kind = kind
    _TYPES[kind] = cls
    return cls


def upcaster(kind: str, from_version: int) -> Callable[[Upcaster], Upcaster]:
    """Register how a body of an older version becomes the next version."""

    def register(function: Upcaster) -> Upcaster:
        _UPCASTERS[kind, from_version] = function
        return function

    return register


def record_class(kind: str) -> type[Body] | None:
    """The registered type of a kind; None for one that is unknown here."""
    return _TYPES.get(kind)


def record_types() -> Mapping[str, type[Body]]:
    """The registered kinds, by name."""
    return dict(_TYPES)


@dataclass(frozen=True)
class Event:
    """One event of the ledger.

    Attributes:
        seq: Number in the whole ledger, from 1.
        envelope: What was hashed into the tree.
        body: The payload as JSON; None when it was erased or withheld.
        leaf: Leaf hash, hexadecimal.
    """

    seq: int
    envelope: Envelope
    body: dict[str, Any] | None
    leaf: str

    @property
    def kind(self) -> str:
        """Kind of event."""
        return self.envelope.kind

    @property
    def stream(self) -> str:
        """Stream of the event."""
        return self.envelope.stream

    def decode(self) -> Body | None:
        """Body as its registered type, upcast to the newest version.

        Returns:
            None for an unknown kind or an erased payload: it stays verifiable, shown raw.

        Raises:
            IntegrityError: The payload does not fit its own type.
        """
        cls = _TYPES.get(self.kind)
        if cls is None or self.body is None:
            return None
        body = dict(self.body)
        for version in range(self.envelope.body_version, cls.body_version):
            body = _UPCASTERS[self.kind, version](body)
        try:
            return cls.model_validate(body)
        except ValidationError as error:
            raise IntegrityError(
                f"event {self.seq} ({self.kind} of {self.stream}) does not fit its type: "
                f"{error.errors()[0]['msg']}.",
                hint="Run `goldenbatch verify`; restore the home from its backup.",
            ) from error


@dataclass(frozen=True)
class NewEvent:
    """An event that is to be appended.

    Attributes:
        stream: What it is about.
        body: Payload of a registered type.
        expected_version: Version of the stream before it; 0 for a new stream.
        actor: Opaque uid of who did it.
    """

    stream: str
    body: Body
    expected_version: int
    actor: str
    acting_for: str = ""
    performed_at: int | None = None
    owner: str = ""
    data_class: DataClass | None = None


Row = dict[str, Any]


@dataclass(frozen=True)
class Between:
    """Condition on a column of a projection: `low <= value < high`; None leaves a side open."""

    low: int | str | None = None
    high: int | str | None = None


@dataclass(frozen=True)
class Containing:
    """Condition on a text column of a projection: it contains this text."""

    text: str


@dataclass(frozen=True)
class Clause:
    """Condition of SQL on the rows of a projection, under the key `""` of a selection.

    Made by `goldenbatch.core.selection` of what somebody may do; never of what somebody typed.

    Attributes:
        sql: Text with `?` for each parameter; `{stream}` stands for the record's stream.
        parameters: In their order.
    """

    sql: str
    parameters: tuple[Any, ...] = ()

    def on(self, stream: str) -> Clause:
        """The condition with an SQL expression for the stream put in."""
        return Clause(self.sql.replace("{stream}", stream), self.parameters)


@dataclass(frozen=True)
class Projection:
    """An indexed table beside the proof, folded from the events in their order.

    Attributes:
        name: Table name, `[a-z_]+`.
        version: Raised when columns or fold change; the table is then rebuilt.
        columns: Column name to SQL type (TEXT, INTEGER, REAL), keys first.
        key: Names of the columns of the primary key.
        kinds: Kinds of events that the fold wants.
        fold: Pure: (event, lookup of an existing row by key) to rows to insert or replace.
        indexes: Further indexes, each a tuple of columns.
    """

    name: str
    version: int
    columns: Mapping[str, Literal["TEXT", "INTEGER", "REAL"]]
    key: tuple[str, ...]
    kinds: frozenset[str]
    fold: Callable[[Event, Callable[[tuple[Any, ...]], Row | None]], Iterable[Row]]
    indexes: tuple[tuple[str, ...], ...] = ()


class Recorder(Protocol):
    """Port of a store that must have something proved: bound to the ledger in runtime."""

    def record(self, stream: str, version: int, body: Body) -> None:
        """Append `body` as `version` of `stream`; the same again does nothing.

        Raises:
            IntegrityError: That version exists with another body.
        """


def bad_record(error: ValidationError, *, file: str, line: int = 0) -> BadInputError:
    """A validation error as one clear message with file, line and key."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    return BadInputError(
        f"{first['msg']} (found {first.get('input')!r}).",
        hint="Correct the entry and try again.",
        file=file,
        line=line,
        key=key,
    )
