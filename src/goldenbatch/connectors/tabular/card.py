"""Source cards: what the files of a source are, and which column is what."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from goldenbatch.connectors.tabular._templates import BUILT_IN, placeholders
from goldenbatch.connectors.tabular._times import MONTHS, duration_us
from goldenbatch.core._toml import bad_key, read_toml
from goldenbatch.core.errors import BadInputError, NotFoundError


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    def templates(self) -> Iterator[tuple[str, str]]:
        """Fields and the templates in them."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, str) and name not in {"column", "unit", "kind"}:
                yield name, value
            elif isinstance(value, dict):
                yield from ((f"{name}.{key}", text) for key, text in value.items())

    def columns_used(self) -> Iterator[str]:
        """Columns that it reads, by their header."""
        for field, template in self.templates():
            try:
                yield from placeholders(template)
            except ValueError as error:
                raise ValueError(f"{field}: {template!r} is not a template: {error}") from error


class TimeSpec(_Part):
    """Where a time stands: a column, hours after a base, or the row's number times a step.

    Attributes:
        column: Column with the time of the source.
        formats: `iso`, `epoch_s`, `epoch_ms` or strptime formats, tried in order.
        months: Language of month names in `%b` and `%B`, or a list of twelve names.
        base: Local time that `elapsed` or `every` counts from, ISO 8601.
        elapsed: Column with the time since the base.
        elapsed_unit: us, ms, s, min, h or d.
        every: Step from one row to the next, such as `1.25 min`; the first row is at the base.
        zone: IANA zone of local times; the card's, where empty.
    """

    column: str = ""
    formats: tuple[str, ...] = ("iso",)
    months: str | tuple[str, ...] = "en"
    base: str = ""
    elapsed: str = ""
    elapsed_unit: Literal["us", "ms", "s", "min", "h", "d"] = "h"
    every: str = ""
    zone: str = ""

    @model_validator(mode="after")
    def _check(self) -> TimeSpec:
        if sum(map(bool, (self.column, self.elapsed, self.every))) != 1:
            raise ValueError("a time has exactly one of column, elapsed and every")
        if bool(self.base) == bool(self.column):
            raise ValueError("elapsed and every need a base time, a column has none")
        if self.every:
            duration_us(self.every)
        if isinstance(self.months, str) and self.months not in MONTHS:
            raise ValueError(f"month names of {self.months!r} are not known: {sorted(MONTHS)}")
        if not isinstance(self.months, str) and len(self.months) != 12:
            raise ValueError(f"{len(self.months)} month names, not 12")
        _check_zone(self.zone)
        return self

    def columns_used(self) -> Iterator[str]:
        """Columns that it reads."""
        yield from filter(None, (self.column, self.elapsed))


def _check_zone(zone: str) -> None:
    try:
        if zone:
            ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{zone!r} is no IANA time zone such as Europe/Ljubljana") from error


class TagSpec(_Part):
    """A column with the readings of a tag; a tag with braces is made from cells of the row.

    Attributes:
        unit: UCUM unit of the column; converted to the unit of the tag in the plant.
        is_on_change: Keep a text only where it differs from the row before.
    """

    tag: str = Field(min_length=1)
    column: str = Field(min_length=1)
    unit: str = ""
    kind: Literal["number", "text"] = "number"
    is_on_change: bool = False

    def columns_used(self) -> Iterator[str]:
        """Columns that it reads."""
        yield self.column
        yield from super().columns_used()


class ArraySpec(_Part):
    """Neighbouring columns that are one array, such as a spectrum; their headers are its axis.

    Attributes:
        first: Header of the first column; the file's first where empty.
        last: Header of the last column; the file's last where empty.
        axis_unit: UCUM unit of the axis.
    """

    tag: str = Field(min_length=1)
    first: str = ""
    last: str = ""
    unit: str = ""
    axis_unit: str = ""

    def columns_used(self) -> Iterator[str]:
        """Columns that must be there by name."""
        yield from filter(None, (self.first, self.last))


class BatchSpec(_Part):
    """A row makes a batch known (`BatchCreated`, and `BatchEnded` where `ended` is given).

    Attributes:
        is_check: Compare only: the batch must be known, a difference is a conflict.
    """

    batch: str
    product: str
    recipe: str = ""
    size: str = ""
    place: str = ""
    started: TimeSpec | None = None
    ended: TimeSpec | None = None
    outcome: Literal["completed", "aborted"] = "completed"
    is_check: bool = False
    attributes: dict[str, str] = Field(default_factory=dict)


class PhaseSpec(_Part):
    """Neighbouring rows of one batch are a run of a phase, from the first to after the last.

    Attributes:
        product: Product that the batch must have; another one is a conflict.
        is_whole_batch: The run is the making of the batch: it creates and ends the batch.
        sampling: Time from the last row to the end of the phase.
        is_last_closed: Whether the last run of a file has ended; if not, it stays open.
    """

    batch: str
    place: str
    phase: str
    product: str = ""
    sampling: str = "1 s"
    is_last_closed: bool = True
    is_whole_batch: bool = False
    size: str = ""
    attributes: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> PhaseSpec:
        duration_us(self.sampling)
        if self.is_whole_batch and not self.product:
            raise ValueError("a phase that is the whole batch names its product")
        return self


class LotSpec(_Part):
    """A row names a lot of a material.

    Attributes:
        is_optional: A row without its key is fine; otherwise the row is refused.
    """

    material: str
    lot: str
    supplier: str = ""
    attributes: dict[str, str] = Field(default_factory=dict)
    is_optional: bool = False


class MaterialSpec(_Part):
    """A row says that a lot went into a batch.

    Attributes:
        is_single: Only one lot of the material can be in a batch; a second is a conflict.
    """

    batch: str
    material: str
    lot: str
    quantity: str = ""
    is_single: bool = False
    is_optional: bool = False


class ResultSpec(_Part):
    """A column with the results of a test.

    Attributes:
        test: Identifies the test in the sample; the column's header where empty.
        attribute: Quality attribute; the test where empty.
        loq: Limit of quantitation that marks such as ND stand for.
    """

    column: str = Field(min_length=1)
    test: str = ""
    attribute: str = ""
    unit: str = ""
    kind: Literal["number", "category", "text"] = "number"
    method: str = ""
    method_version: str = ""
    loq: str = ""

    def columns_used(self) -> Iterator[str]:
        """Columns that it reads."""
        yield self.column
        yield from super().columns_used()


class SampleSpec(_Part):
    """A row holds the results of a physical sample of a batch or of a lot.

    Attributes:
        taken: `row`: at the row's time, where the table has one; `none`; or a time of its own.
        results_after: Time from taking the sample to its results.
        is_check: Compare only: nothing is written, a difference is a conflict.
    """

    sample: str
    batch: str = ""
    material: str = ""
    lot: str = ""
    point: str = ""
    plan: str = ""
    container: str = ""
    taken_by: str = ""
    taken: TimeSpec | Literal["row", "none"] = "row"
    results_after: str = "0 s"
    is_check: bool = False
    is_optional: bool = False
    results: tuple[ResultSpec, ...] = Field(default=(), alias="result")

    @model_validator(mode="after")
    def _check(self) -> SampleSpec:
        duration_us(self.results_after)
        tests = [one.test or one.column for one in self.results]
        doubled = sorted({test for test in tests if tests.count(test) > 1})
        if doubled:
            raise ValueError(f"test {doubled[0]!r} stands twice in sample {self.sample!r}")
        if not (self.batch or self.lot):
            raise ValueError(f"sample {self.sample!r} belongs to no batch and no lot")
        return self

    def columns_used(self) -> Iterator[str]:
        """Columns that it reads."""
        yield from super().columns_used()
        for one in self.results:
            yield from one.columns_used()


class StatusSpec(_Part):
    """A row says which status equipment took."""

    place: str
    status: str
    reason: str = ""
    at: TimeSpec | Literal["row"] = "row"


class CheckSpec(_Part):
    """A row states master data of all batches of a product; a difference is a conflict."""

    product: str
    size: str = ""
    attributes: dict[str, str] = Field(default_factory=dict)


class TableSpec(_Part):
    """Files of one form, and what their columns are.

    Attributes:
        files: Globs below the root of the import.
        header: Line (CSV) or row (Excel) of the headers, from 1.
        missing: Cells that mean no value.
        below_limit: Cells that mean a result below its limit of quantitation.
        constants: Values that templates may name like columns.
    """

    name: str = Field(min_length=1)
    files: tuple[str, ...] = Field(min_length=1)
    format: Literal["csv", "xlsx", "parquet"] = "csv"
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
    time: TimeSpec | None = None
    tags: tuple[TagSpec, ...] = Field(default=(), alias="tag")
    arrays: tuple[ArraySpec, ...] = Field(default=(), alias="array")
    batches: tuple[BatchSpec, ...] = Field(default=(), alias="batch")
    phases: tuple[PhaseSpec, ...] = Field(default=(), alias="phase")
    lots: tuple[LotSpec, ...] = Field(default=(), alias="lot")
    materials: tuple[MaterialSpec, ...] = Field(default=(), alias="material")
    samples: tuple[SampleSpec, ...] = Field(default=(), alias="sample")
    statuses: tuple[StatusSpec, ...] = Field(default=(), alias="status")
    checks: tuple[CheckSpec, ...] = Field(default=(), alias="check")

    @model_validator(mode="after")
    def _check(self) -> TableSpec:
        if self.decimal in (self.thousands, self.separator):
            raise ValueError(f"decimal mark {self.decimal!r} is another mark as well")
        if (self.tags or self.arrays or self.phases) and self.time is None:
            raise ValueError(f"table {self.name!r} has readings or phases, but no time")
        if not (self.tags or self.arrays or self.phases or self.row_parts):
            raise ValueError(f"table {self.name!r} says of no column what it is")
        list(self.columns_used())
        return self

    @property
    def row_parts(self) -> tuple[_Part, ...]:
        """What is recorded row by row."""
        return (
            *self.lots,
            *self.batches,
            *self.materials,
            *self.samples,
            *self.statuses,
            *self.checks,
        )

    @property
    def times(self) -> tuple[TimeSpec, ...]:
        """All times that its rows hold, that of the row first."""
        parts: tuple[Any, ...] = (
            self.time,
            *(time for one in self.batches for time in (one.started, one.ended)),
            *(one.taken for one in self.samples),
            *(one.at for one in self.statuses),
        )
        return tuple(dict.fromkeys(one for one in parts if isinstance(one, TimeSpec)))

    def columns_used(self) -> tuple[str, ...]:
        """Columns that must be in each file, by their header."""
        parts: tuple[_Part, ...] = (
            *self.times,
            *self.tags,
            *self.arrays,
            *self.phases,
            *self.row_parts,
        )
        names = dict.fromkeys(name for part in parts for name in part.columns_used())
        return tuple(name for name in names if name not in {*self.constants, *BUILT_IN})


class SourceCard(_Part):
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
        _check_zone(self.zone)
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
