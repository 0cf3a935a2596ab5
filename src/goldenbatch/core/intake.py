"""Intake of files: what was imported, what was refused and kept, what contradicts the record."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.records import Body, Event, Projection, Row, record_type

if TYPE_CHECKING:
    from goldenbatch.core.site import Site

_DIGEST = r"^[0-9a-f]{64}$"
_Lookup = Callable[[tuple[Any, ...]], Row | None]


def import_stream(card: str) -> str:
    """Stream of the events of a source card.

    >>> import_stream("tablets-press")
    'import/tablets-press'
    """
    return f"import/{card}"


@record_type
class FileImported(Body):
    """A file was read to its end; every row of it is in exactly one of the four counts.

    Attributes:
        file: Path below the root of the import, with forward slashes.
        digest: SHA-256 of the file, under which the registry keeps the original.
        card_digest: SHA-256 of what the card says.
        card_table: Table of the card that the file belongs to.
        artefact: Digest of the JSON Lines with rejected and conflicting rows; empty: none.
        reason: Why contradicting rows were taken as corrections; empty: they were not.
        axes: Array tags to the digest of their axis (JSON: unit, axis) in the registry.
        notes: What the reader ought to know: unused columns, a last line without its end.
    """

    card: str = Field(min_length=1)
    card_digest: str = Field(pattern=_DIGEST)
    card_table: str = ""
    file: str = Field(min_length=1)
    digest: str = Field(pattern=_DIGEST)
    n_rows: NonNegativeInt
    n_accepted: NonNegativeInt
    n_unchanged: NonNegativeInt
    n_rejected: NonNegativeInt
    n_conflicts: NonNegativeInt
    n_readings: NonNegativeInt
    n_records: NonNegativeInt
    artefact: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    reason: str = ""
    axes: dict[str, str] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _adds_up(self) -> FileImported:
        total = self.n_accepted + self.n_unchanged + self.n_rejected + self.n_conflicts
        if total != self.n_rows:
            raise ValueError(f"{self.file}: {self.n_rows} rows, but {total} are accounted for")
        return self


@record_type
class RowsQuarantined(Body):
    """Rows of a file were refused; the registry keeps them word by word with the reason.

    Attributes:
        artefact: Digest of the JSON Lines (file, line, reason, raw).
        reasons: Number of rows by kind of reason.
    """

    card: str = Field(min_length=1)
    file: str = Field(min_length=1)
    digest: str = Field(pattern=_DIGEST)
    artefact: str = Field(pattern=_DIGEST)
    n_rows: PositiveInt
    reasons: dict[str, int]


@record_type
class ConflictFound(Body):
    """A file says something else than is recorded already; the record was left as it is.

    Attributes:
        line: First line of the file that says so.
        n_rows: How many rows of the file say the same.
        what: Kind of thing: reading, result, batch, lot, sample, phase, material, status.
        key: Which one.
        stored: What is recorded.
        offered: What the file says.
    """

    card: str = Field(min_length=1)
    file: str = Field(min_length=1)
    line: NonNegativeInt
    n_rows: PositiveInt = 1
    what: str = Field(min_length=1)
    key: str = Field(min_length=1)
    stored: str
    offered: str


def _fold_file(event: Event, lookup: _Lookup) -> list[Row]:
    body = event.decode()
    if not isinstance(body, FileImported):
        return []
    row = body.model_dump(include=set(IMPORT_FILES.columns))
    row["n_times"] = ((lookup((body.card, body.file, body.digest)) or {}).get("n_times") or 0) + 1
    row["recorded_at"], row["seq"] = event.envelope.recorded_at, event.seq
    return [row]


def _fold_axis(event: Event, lookup: _Lookup) -> list[Row]:
    body = event.decode()
    if not isinstance(body, FileImported):
        return []
    return [{"tag": tag, "artefact": digest, "seq": event.seq} for tag, digest in body.axes.items()]


def _fold_quarantine(event: Event, lookup: _Lookup) -> list[Row]:
    body = event.decode()
    if not isinstance(body, RowsQuarantined):
        return []
    reasons = "; ".join(f"{reason}: {n}" for reason, n in sorted(body.reasons.items()))
    row = body.model_dump(include={"card", "file", "digest", "artefact", "n_rows"})
    return [{**row, "reasons": reasons, "seq": event.seq}]


def _fold_conflict(event: Event, lookup: _Lookup) -> list[Row]:
    body = event.decode()
    if not isinstance(body, ConflictFound):
        return []
    return [
        {**body.model_dump(), "recorded_at": event.envelope.recorded_at, "seq": event.seq},
    ]


IMPORT_FILES = Projection(
    name="import_file",
    version=1,
    columns={
        "card": "TEXT",
        "file": "TEXT",
        "digest": "TEXT",
        "card_digest": "TEXT",
        "card_table": "TEXT",
        "n_rows": "INTEGER",
        "n_accepted": "INTEGER",
        "n_unchanged": "INTEGER",
        "n_rejected": "INTEGER",
        "n_conflicts": "INTEGER",
        "n_readings": "INTEGER",
        "n_records": "INTEGER",
        "artefact": "TEXT",
        "n_times": "INTEGER",
        "recorded_at": "INTEGER",
        "seq": "INTEGER",
    },
    key=("card", "file", "digest"),
    kinds=frozenset({"FileImported"}),
    fold=_fold_file,
)

AXES = Projection(
    name="array_axis",
    version=1,
    columns={"tag": "TEXT", "artefact": "TEXT", "seq": "INTEGER"},
    key=("tag",),
    kinds=frozenset({"FileImported"}),
    fold=_fold_axis,
)
"""Axis of each array tag; one tag keeps one axis."""

QUARANTINE = Projection(
    name="quarantine",
    version=1,
    columns={
        "card": "TEXT",
        "file": "TEXT",
        "digest": "TEXT",
        "artefact": "TEXT",
        "n_rows": "INTEGER",
        "reasons": "TEXT",
        "seq": "INTEGER",
    },
    key=("card", "file", "digest", "artefact"),
    kinds=frozenset({"RowsQuarantined"}),
    fold=_fold_quarantine,
)

CONFLICTS = Projection(
    name="conflict",
    version=1,
    columns={
        "seq": "INTEGER",
        "card": "TEXT",
        "file": "TEXT",
        "line": "INTEGER",
        "n_rows": "INTEGER",
        "what": "TEXT",
        "key": "TEXT",
        "stored": "TEXT",
        "offered": "TEXT",
        "recorded_at": "INTEGER",
    },
    key=("seq",),
    kinds=frozenset({"ConflictFound"}),
    fold=_fold_conflict,
    indexes=(("card",), ("what", "key")),
)

PROJECTIONS = (IMPORT_FILES, AXES, QUARANTINE, CONFLICTS)
"""All projections of this module."""


@dataclass(frozen=True)
class Axis:
    """Axis of an array tag: one number for each element, and their unit."""

    values: tuple[float, ...]
    unit: str


def array_axis(site: Site, tag: str) -> Axis:
    """Axis of an array tag, as the headers of its first file said.

    Raises:
        NotFoundError: No file with arrays of the tag was imported.
    """
    rows = site.ledger.select("array_axis", {"tag": tag})
    if not rows:
        raise NotFoundError(f"tag {tag!r} has no axis.", hint="Import a file with its arrays.")
    found = json.loads(site.registry.get(rows[0]["artefact"]))
    return Axis(values=tuple(float(one) for one in found["axis"]), unit=found["unit"])
