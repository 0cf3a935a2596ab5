"""Source cards: what the files of a source are, and which column is what."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from goldenbatch.connectors.tabular._parts import (
    ArraySpec,
    BatchSpec,
    CardPart,
    CheckSpec,
    EventSpec,
    LotSpec,
    MaterialSpec,
    PhaseSpec,
    SampleSpec,
    StatusSpec,
    TagSpec,
    TimeSpec,
    check_zone,
)
from goldenbatch.connectors.tabular._templates import BUILT_IN
from goldenbatch.core._toml import bad_key, read_toml
from goldenbatch.core.errors import BadInputError, NotFoundError

EXPORTS: dict[str, tuple[str, ...]] = {
    "pi": (
        "%d-%b-%y %H:%M:%S.%f", "%d-%b-%y %H:%M:%S", "%d-%b-%Y %H:%M:%S.%f",
        "%d-%b-%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "iso",
    ),
    "ignition": ("epoch_ms", "iso"),
    "influx_lines": ("epoch_ns",),
    "influx_csv": ("iso",),
    "batchml": ("iso",),
    "asm": ("iso",),
    "lims": ("iso",),
}  # fmt: skip
"""Exports whose columns are known, with the forms of their times."""
_JOURNAL: dict[str, Any] = {
    "event": [
        {
            name: f"{{{name}}}"
            for name in (
                "batch",
                "event",
                "place",
                "phase",
                "product",
                "recipe",
                "size",
                "reference",
            )
        }
        | {"is_optional": True}
    ],
    "material": [
        {name: f"{{{name}}}" for name in ("batch", "material", "lot", "quantity")}
        | {"is_optional": True}
    ],
}
"""What the rows of a batch record are."""
_RESULTS: dict[str, Any] = {
    "sample": [
        {
            "sample": "{sample}",
            "batch": "{batch}",
            "taken": "none",
            "performed": "row",
            "result": [
                {
                    "column": "value",
                    "test": "{test}",
                    "kind": "any",
                    "unit_column": "unit",
                    "method": "{method}",
                }
            ],
        }
    ]
}
"""What the rows of laboratory measurements are."""


_LIMS: dict[str, Any] = {
    "sample": [
        {name: f"{{{name}}}" for name in (
            "sample", "batch", "material", "lot", "point", "plan", "container", "reason", "version",
        )}
        | {
            "taken": {"column": "taken_at", "is_optional": True},
            "performed": {"column": "performed_at", "is_optional": True},
            "is_known": True,
            "result": [
                {name: f"{{{name}}}" for name in (
                    "test", "attribute", "method", "method_version", "loq", "status", "cause",
                )}
                | {"column": "value", "unit_column": "unit", "kind": "any"}
            ],
        }
    ]
}  # fmt: skip
"""What a laboratory answers to orders."""


class TableSpec(CardPart):
    """Files of one form, and what their columns are.

    Attributes:
        files: Globs below the root of the import.
        header: Line (CSV) or row (Excel) of the headers, from 1.
        missing: Cells that mean no value.
        below_limit: Cells that mean a result below its limit of quantitation.
        constants: Values that templates may name like columns.
        names: What the columns `tag` and `place` of an export say, to names of the plant.
        cube: Name of the data cubes of ASM documents that are read as arrays, such as
            `absorption spectrum data cube`; empty: results.
    """

    name: str = Field(min_length=1)
    files: tuple[str, ...] = Field(min_length=1)
    format: Literal[
        "csv",
        "xlsx",
        "parquet",
        "pi",
        "ignition",
        "influx_lines",
        "influx_csv",
        "batchml",
        "asm",
        "lims",
    ] = "csv"
    separator: str = Field(default=",", min_length=1, max_length=1)
    quote: str = Field(default='"', max_length=1)
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'"] = ""
    encoding: str = "auto"
    header: int = Field(default=1, ge=1)
    sheet: str = ""
    missing: tuple[str, ...] = ("",)
    below_limit: tuple[str, ...] = ("ND", "LOQ", "<LOQ")
    constants: dict[str, str] = Field(default_factory=dict)
    names: dict[str, str] = Field(default_factory=dict)
    cube: str = ""
    time: TimeSpec | None = None
    tags: tuple[TagSpec, ...] = Field(default=(), alias="tag")
    arrays: tuple[ArraySpec, ...] = Field(default=(), alias="array")
    batches: tuple[BatchSpec, ...] = Field(default=(), alias="batch")
    phases: tuple[PhaseSpec, ...] = Field(default=(), alias="phase")
    events: tuple[EventSpec, ...] = Field(default=(), alias="event")
    lots: tuple[LotSpec, ...] = Field(default=(), alias="lot")
    materials: tuple[MaterialSpec, ...] = Field(default=(), alias="material")
    samples: tuple[SampleSpec, ...] = Field(default=(), alias="sample")
    statuses: tuple[StatusSpec, ...] = Field(default=(), alias="status")
    checks: tuple[CheckSpec, ...] = Field(default=(), alias="check")

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, data: Any) -> Any:
        """What the columns of an export are, which a card need not say."""
        if not isinstance(data, dict) or data.get("format") not in EXPORTS:
            return data
        own: dict[str, Any] = {"time": {"column": "time", "formats": list(EXPORTS[data["format"]])}}
        parts = {"tag", "array", "batch", "phase", "lot", "material", "sample", "status"}
        if data["format"] == "batchml":
            own |= _JOURNAL if not (parts | {"event"}) & set(data) else {}
        elif data["format"] == "asm":
            own |= _RESULTS if not parts & set(data) and not data.get("cube") else {}
        elif data["format"] == "lims":
            own = _LIMS if not parts & set(data) else {}
        elif not parts & set(data):
            own["tag"] = [{"tag": "{tag}", "column": "value", "kind": "any", "quality": "quality"}]
        return own | data

    @model_validator(mode="after")
    def _check(self) -> TableSpec:
        if self.decimal in (self.thousands, self.separator):
            raise ValueError(f"decimal mark {self.decimal!r} is another mark as well")
        if (self.tags or self.arrays or self.phases) and self.time is None:
            raise ValueError(f"table {self.name!r} has readings or phases, but no time")
        if self.time is None and any(one.at == "row" for one in self.events):
            raise ValueError(f"table {self.name!r} has events, but no time")
        if not (self.tags or self.arrays or self.phases or self.row_parts):
            raise ValueError(f"table {self.name!r} says of no column what it is")
        if self.cube and (self.format != "asm" or not self.arrays):
            raise ValueError(f"table {self.name!r}: `cube` goes with format 'asm' and an array")
        self.declared_columns()
        return self

    @property
    def row_parts(self) -> tuple[CardPart, ...]:
        """What is recorded row by row."""
        return (
            *self.lots,
            *self.batches,
            *self.materials,
            *self.samples,
            *self.statuses,
            *self.checks,
            *self.events,
        )

    @property
    def times(self) -> tuple[TimeSpec, ...]:
        """All times that its rows hold, that of the row first."""
        parts: tuple[Any, ...] = (
            self.time,
            *(time for one in self.batches for time in (one.started, one.ended)),
            *(time for one in self.samples for time in (one.taken, one.performed)),
            *(one.at for one in self.statuses),
            *(one.at for one in self.events),
        )
        return tuple(dict.fromkeys(one for one in parts if isinstance(one, TimeSpec)))

    def declared_columns(self) -> tuple[str, ...]:
        """Columns that must be in each file, by their header."""
        parts: tuple[CardPart, ...] = (
            *self.times,
            *self.tags,
            *self.arrays,
            *self.phases,
            *self.row_parts,
        )
        names = dict.fromkeys(name for part in parts for name in part.columns_used())
        return tuple(name for name in names if name not in {*self.constants, *BUILT_IN})


class SourceCard(CardPart):
    """A source card: who says what in which files.

    Attributes:
        name: Identity of the source; frames and events of the import carry it.
        root: Where the files are if the caller does not say: `package:NAME/folder`.
        zone: IANA zone of local times.
        attribution: Authors and licence of the data.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")
    title: str = ""
    attribution: str = ""
    root: str = ""
    zone: str = "UTC"
    tables: tuple[TableSpec, ...] = Field(min_length=1, alias="table")

    @model_validator(mode="after")
    def _check(self) -> SourceCard:
        check_zone(self.zone)
        names = [table.name for table in self.tables]
        if len(set(names)) < len(names):
            raise ValueError(f"two tables of card {self.name!r} have the same name")
        return self

    @property
    def digest(self) -> str:
        """SHA-256 of what the card says."""
        return hashlib.sha256(self.model_dump_json(by_alias=True).encode()).hexdigest()


def parse_card(text: str, file: str = "") -> SourceCard:
    """Source card of a TOML text.

    Raises:
        BadInputError: It is no TOML or no card; it names file, line and key.
    """
    data = read_toml(text, file)
    try:
        return SourceCard.model_validate(data)
    except ValidationError as error:
        raise bad_key(error, text, file) from error


def load_card(path: Path | str) -> SourceCard:
    """Source card of a TOML file.

    Raises:
        NotFoundError: There is no such file.
        BadInputError: It is no TOML or no card; it names file, line and key.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise NotFoundError(f"there is no source card {path}.", hint="Check its path.") from error
    except UnicodeDecodeError as error:
        raise BadInputError("a source card is UTF-8 text.", file=str(path)) from error
    return parse_card(text, str(path))
