"""What the node answers, row by row: each kind is a frozen record with its own types.

Fields that a newer node adds are left out; one that is missing is an error that names it.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(micros: int) -> datetime:
    """Microseconds UTC as an aware time; exact.

    >>> moment(1_541_000_000_000_001).isoformat()
    '2018-10-31T15:33:20.000001+00:00'
    """
    return _EPOCH + timedelta(microseconds=micros)


def micros(at: datetime | str | int) -> int:
    """Microseconds UTC of an aware time, of ISO 8601 text with its offset, or of themselves.

    Raises:
        ValueError: The time says no zone: whether it is local or UTC cannot be guessed.

    >>> micros("2018-10-31T16:33:20+01:00")
    1541000000000000
    """
    if isinstance(at, int):
        return at
    found = datetime.fromisoformat(at) if isinstance(at, str) else at
    if found.tzinfo is None:
        raise ValueError(f"{at} says no zone; give an offset, such as +00:00.")
    return (found - _EPOCH) // timedelta(microseconds=1)


def _moment(value: Any) -> Any:
    return moment(value) if isinstance(value, int) else value


def _object(value: Any) -> Any:
    return json.loads(value or "{}") if isinstance(value, str) else value


Moment = Annotated[datetime, BeforeValidator(_moment)]
"""An aware time in UTC."""

Texts = Annotated[dict[str, str], BeforeValidator(_object)]


class Row(BaseModel):
    """A row of an answer."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Batch(Row):
    """A batch.

    Attributes:
        n_open: Findings that touch it and wait for a decision; None where it was not asked.
        unsigned_since: Version of the record since which signatures on it are void.
    """

    batch: str
    product: str
    recipe: str
    size: str
    place: str
    started_at: Moment | None
    ended_at: Moment | None
    outcome: str
    attributes: Texts
    pinned: Texts
    n_open: int | None = None
    unsigned_since: int | None = None


class Phase(Row):
    """A run of a phase in a batch."""

    batch: str
    place: str
    phase: str
    run: int
    started_at: Moment | None
    ended_at: Moment | None


class Lot(Row):
    """A lot of material that went into a batch; the quantity as it was entered."""

    batch: str
    material: str
    lot: str
    quantity: str


class Sample(Row):
    """Physical material that was taken."""

    sample: str
    batch: str
    point: str
    taken_at: Moment | None
    taken_by: str


class ResultRow(Row):
    """What a test of a sample gave.

    Attributes:
        value: As it was reported, with its digits.
        operator: `<` or `>` where it is censored.
        number: The value as a number, where it is one; for a censored one its limit.
        status: `valid`, `invalidated`, `oos` or `oot`.
    """

    sample: str
    test: str
    batch: str
    material: str
    lot: str
    attribute: str
    kind: str
    value: str
    operator: str
    unit: str
    number: float | None
    method: str
    method_version: str
    loq: str
    status: str
    cause: str
    performed_at: Moment | None


class FindingRow(Row):
    """What an analyst saw, and what was decided of it.

    Attributes:
        verdict: Of the decision on its newest version; empty: it waits for one.
    """

    uid: str
    state: str
    severity: str
    analyst: str
    batch: str
    place: str
    attribute: str
    title: str
    started_at: Moment | None
    ended_at: Moment | None
    verdict: str
    decided_by: str
    decided_at: Moment | None


class Signed(Row):
    """A signature as it stands.

    Attributes:
        version: Version of the record that was signed.
        by: Printed name of who signed.
        signer_class: What vouches for the proof.
        standing: In words: whether it still holds.
        unsigned_since: Version of the record that made it void; None: it stands.
    """

    version: int
    meaning: str
    by: str
    role: str
    reason: str
    at: Moment
    signer_class: str = Field(alias="class")
    method: str
    standing: str
    is_signed: bool
    unsigned_since: int | None
