"""Parts of a source card: what a column or a row of a table is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, model_validator

from goldenbatch.connectors.tabular._templates import placeholders
from goldenbatch.connectors.tabular._times import MONTHS, duration_us

_NO_TEMPLATES = {"column", "unit", "unit_column", "kind", "quality", "taken", "performed"}


class CardPart(BaseModel):
    """Base of the parts of a card: frozen, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    def templates(self) -> Iterator[tuple[str, str]]:
        """Fields and the templates in them."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, str) and name not in _NO_TEMPLATES:
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


class TimeSpec(CardPart):
    """Where a time stands: a column, hours after a base, or the row's number times a step.

    Attributes:
        column: Column with the time of the source.
        formats: `iso`, `epoch_s`, `epoch_ms`, `epoch_us`, `epoch_ns` or strptime formats, tried
            in order.
        months: Language of month names in `%b` and `%B`, or a list of twelve names.
        base: Local time that `elapsed` or `every` counts from, ISO 8601.
        elapsed: Column with the time since the base.
        elapsed_unit: us, ms, s, min, h or d.
        every: Step from one row to the next, such as `1.25 min`; the first row is at the base.
        zone: IANA zone of local times; the card's, where empty.
        is_optional: A row whose cell is empty has no such time; otherwise it is refused.
    """

    column: str = ""
    formats: tuple[str, ...] = ("iso",)
    months: str | tuple[str, ...] = "en"
    base: str = ""
    elapsed: str = ""
    elapsed_unit: Literal["us", "ms", "s", "min", "h", "d"] = "h"
    every: str = ""
    zone: str = ""
    is_optional: bool = False

    @model_validator(mode="after")
    def _check(self) -> TimeSpec:
        if self.is_optional and not self.column:
            raise ValueError("only a time of a column can be optional")
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
        check_zone(self.zone)
        return self

    def columns_used(self) -> Iterator[str]:
        """Columns that it reads."""
        yield from filter(None, (self.column, self.elapsed))


def check_zone(zone: str) -> None:
    """Refuse what is no IANA zone; empty is fine."""
    try:
        if zone:
            ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{zone!r} is no IANA time zone such as Europe/Ljubljana") from error


class TagSpec(CardPart):
    """A column with the readings of a tag; a tag with braces is made from cells of the row.

    Attributes:
        unit: UCUM unit of the column; converted to the unit of the tag in the plant.
        kind: What the readings are; `any`: what each tag is in the plant.
        is_on_change: Keep a text only where it differs from the row before.
        quality: Column with the quality, as good, uncertain, bad, or a code of OPC or Ignition.
    """

    tag: str = Field(min_length=1)
    column: str = Field(min_length=1)
    unit: str = ""
    kind: Literal["number", "text", "any"] = "number"
    is_on_change: bool = False
    quality: str = ""

    def columns_used(self) -> Iterator[str]:
        """Columns that it reads."""
        yield self.column
        yield from filter(None, (self.quality,))
        yield from super().columns_used()


class ArraySpec(CardPart):
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


class BatchSpec(CardPart):
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


class PhaseSpec(CardPart):
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


class EventSpec(CardPart):
    """A row of a journal says when a batch or a phase began or ended.

    What it says is judged beside what other sources said of the same boundary.

    Attributes:
        event: What happened, in one of the words below.
        phase: Empty: the event is of the batch.
        run: Number of the run of the phase; empty: runs are counted by their times.
        reference: Identity of the entry in the source.
        starts: Words, in any case, for a beginning.
        ends: Words for an end.
        aborts: Words for an end before all was done.
        others: Words for events that are neither; `*`: all others.
        is_optional: A row without an event is fine; otherwise the row is refused.
    """

    batch: str
    event: str
    place: str = ""
    phase: str = ""
    run: str = ""
    product: str = ""
    recipe: str = ""
    size: str = ""
    reference: str = "{file}:{line}"
    at: TimeSpec | Literal["row"] = "row"
    starts: tuple[str, ...] = ("start", "started", "begin", "running")
    ends: tuple[str, ...] = ("end", "ended", "complete", "completed", "finished", "stopped")
    aborts: tuple[str, ...] = ("abort", "aborted")
    others: tuple[str, ...] = ()
    is_optional: bool = False


class LotSpec(CardPart):
    """A row names a lot of a material.

    Attributes:
        is_optional: A row without its key is fine; otherwise the row is refused.
    """

    material: str
    lot: str
    supplier: str = ""
    attributes: dict[str, str] = Field(default_factory=dict)
    is_optional: bool = False


class MaterialSpec(CardPart):
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


class ResultSpec(CardPart):
    """A column with the results of a test.

    Attributes:
        test: Identifies the test in the sample; the column's header where empty.
        attribute: Quality attribute; the test where empty.
        unit_column: Column with the UCUM unit, where it differs from row to row.
        loq: Limit of quantitation that marks such as ND stand for.
        status: valid, invalidated, oos or oot, where the row says so.
        cause: Why it is not simply valid.
    """

    column: str = Field(min_length=1)
    test: str = ""
    attribute: str = ""
    unit: str = ""
    unit_column: str = ""
    kind: Literal["number", "category", "text", "any"] = "number"
    method: str = ""
    method_version: str = ""
    loq: str = ""
    status: str = ""
    cause: str = ""

    def columns_used(self) -> Iterator[str]:
        """Columns that it reads."""
        yield self.column
        yield from filter(None, (self.unit_column,))
        yield from super().columns_used()


class SampleSpec(CardPart):
    """A row holds the results of a physical sample of a batch or of a lot.

    Attributes:
        taken: `row`: at the row's time, where the table has one; `none`; or a time of its own.
        results_after: Time from taking the sample to its results.
        performed: `after`: results are of that time; `row`: of the row's time; or a time of
            its own.
        reason: Why a result that differs from the record is a correction of it; a row without
            a reason is a conflict.
        version: Number of the version of the result in its source, from 1: an earlier one than
            the recorded is known, a later one needs its reason.
        is_known: Only samples that are recorded or ordered; others are refused.
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
    performed: TimeSpec | Literal["after", "row"] = "after"
    reason: str = ""
    version: str = ""
    is_known: bool = False
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
        if not (self.batch or self.lot or self.is_known):
            raise ValueError(f"sample {self.sample!r} belongs to no batch and no lot")
        return self

    def columns_used(self) -> Iterator[str]:
        """Columns that it reads."""
        yield from super().columns_used()
        for one in self.results:
            yield from one.columns_used()


class StatusSpec(CardPart):
    """A row says which status equipment took."""

    place: str
    status: str
    reason: str = ""
    at: TimeSpec | Literal["row"] = "row"


class CheckSpec(CardPart):
    """A row states master data of all batches of a product; a difference is a conflict."""

    product: str
    size: str = ""
    attributes: dict[str, str] = Field(default_factory=dict)
