"""Rows to records: each row of a table is taken whole, or refused with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from goldenbatch.connectors.tabular._compare import Contradiction, contradiction
from goldenbatch.connectors.tabular._events import statement_of
from goldenbatch.connectors.tabular._known import Amends, Draft, Known
from goldenbatch.connectors.tabular._master import MasterData
from goldenbatch.connectors.tabular._parts import (
    BatchSpec,
    CheckSpec,
    LotSpec,
    MaterialSpec,
    ResultSpec,
    SampleSpec,
    StatusSpec,
    TimeSpec,
)
from goldenbatch.connectors.tabular._sheet import Sheet, rows_of
from goldenbatch.connectors.tabular._templates import render
from goldenbatch.connectors.tabular._times import NO_TIME, duration_us
from goldenbatch.connectors.tabular._values import (
    CellError,
    quantity_cells,
    record_reason,
    result_of,
)
from goldenbatch.connectors.tabular.card import TableSpec
from goldenbatch.core.batch_context import Boundary, Statement
from goldenbatch.core.batches import (
    BatchCreated,
    BatchEnded,
    EquipmentStatusChanged,
    LotRegistered,
    MaterialConsumed,
    SampleTaken,
)
from goldenbatch.core.errors import BadInputError, GoldenbatchError
from goldenbatch.core.quantities import check_unit
from goldenbatch.core.records import Body
from goldenbatch.core.results import Result, ResultsReported

if TYPE_CHECKING:
    from numpy.typing import NDArray

TimeColumns = Mapping[TimeSpec, "NDArray[np.int64]"]


@dataclass
class RowOutcome:
    """What became of a row's records."""

    n_new: int = 0
    conflicts: list[Contradiction] = field(default_factory=list)
    said: list[Statement] = field(default_factory=list)


@dataclass(frozen=True)
class _Offer:
    """One record of a row, ready to be offered."""

    draft: Draft
    is_single: bool = False
    sample: str = ""
    results: tuple[Result, ...] = ()
    is_check: bool = False
    amends: Amends = field(default_factory=Amends)


@dataclass
class RowReader:
    """Makes the records of the rows of one sheet.

    Attributes:
        times: Micros UTC of each declared time, shape `(n_rows,)` each.
        source: Who says what the rows say: the card.
    """

    spec: TableSpec
    sheet: Sheet
    times: TimeColumns
    known: Known
    master: MasterData
    source: str = ""
    _cells: list[dict[str, Any]] = field(default_factory=list)
    _begun: set[str] = field(default_factory=set)

    def prepare(self) -> None:
        """Read the cells that the records need, and what is recorded of them."""
        names = [name for name in self.spec.declared_columns() if name in self.sheet.header]
        everything = np.ones(self.sheet.n_rows, dtype=bool)
        missing = frozenset(mark.strip() for mark in self.spec.missing)
        self._cells = [dict(row) for row in rows_of(self.sheet, names, everything)]
        path = PurePosixPath(self.sheet.file)
        for at, cells in enumerate(self._cells):
            for name, text in cells.items():
                if text in missing:
                    cells[name] = ""
            cells.update(self.spec.constants)
            cells["row"], cells["line"] = at + 1, int(self.sheet.lines[at])
            cells["file"], cells["stem"] = self.sheet.file, path.stem
        self._preload()
        self._begun = set(self._begin())

    def _begin(self) -> Iterator[str]:
        """Batches whose beginning a row of the sheet states: a material may stand before it."""
        for row in range(self.sheet.n_rows if self.spec.materials else 0):
            try:
                said = self._statements(row)
            except CellError:
                continue
            yield from (one.batch for one in said if one.what is Boundary.BATCH_STARTED)

    def _preload(self) -> None:
        batches: set[str] = set()
        samples: set[str] = set()
        lots: set[str] = set()
        for cells in self._cells:
            batches.update(_try(one.batch, cells) for one in self.spec.batches)
            batches.update(_try(one.batch, cells) for one in self.spec.materials)
            batches.update(_try(one.batch, cells) for one in self.spec.samples)
            batches.update(_try(one.batch, cells) for one in self.spec.events)
            for sample in self.spec.samples:
                samples.add(_try(sample.sample, cells))
            for lot in self.spec.lots:
                lots.add(_try(lot.lot, cells))
        self.known.load(batches - {""}, samples - {""}, lots - {""})
        if any(one.is_known for one in self.spec.samples):
            self.known.load_orders(samples - {""})
        of_samples = {str(self.known.sample(one).get("batch", "")) for one in samples}
        self.known.load(of_samples - batches - {""}, (), ())

    def take(self, row: int) -> RowOutcome:
        """Offer all records of a row.

        Raises:
            CellError: The row is refused; nothing of it was taken.
        """
        said = self._statements(row)
        offers = self._offers(row)
        checks = [found for one in self.spec.checks for found in self._check(one, row)]
        outcome = RowOutcome(conflicts=checks, said=said)
        for offer in offers:
            self._take(offer, outcome)
        return outcome

    def _statements(self, row: int) -> list[Statement]:
        found = []
        for one in self.spec.events:
            at = self._time(row) if one.at == "row" else int(self.times[one.at][row])
            said = statement_of(one, self._cells[row], at, self.source, self.master)
            found += [said] if said else []
        return found

    def _take(self, offer: _Offer, outcome: RowOutcome) -> None:
        if offer.is_check and not offer.results:
            found_batch = self.known.compare_batch(offer.draft.body)
            outcome.conflicts += [found_batch] if found_batch else []
        elif offer.is_check:
            outcome.conflicts += self.known.compare_results(offer.sample, offer.results)
        elif offer.results:
            n_new, found = self.known.offer_results(
                offer.draft, offer.sample, offer.results, offer.amends
            )
            outcome.n_new += n_new
            outcome.conflicts += found
        else:
            answer = self.known.offer(offer.draft, offer.is_single)
            if isinstance(answer, Contradiction):
                outcome.conflicts.append(answer)
            else:
                outcome.n_new += answer

    def _offers(self, row: int) -> list[_Offer]:
        cells = self._cells[row]
        offers: list[_Offer] = []
        makers: tuple[tuple[Any, Callable[[Any, dict[str, Any], int], list[_Offer]]], ...] = (
            (self.spec.lots, self._lot),
            (self.spec.batches, self._batch),
            (self.spec.materials, self._material),
            (self.spec.samples, self._sample),
            (self.spec.statuses, self._status),
        )
        for parts, make in makers:
            for part in parts:
                try:
                    offers += make(part, cells, row)
                except BadInputError as error:
                    if not getattr(part, "is_optional", False):
                        raise CellError("empty", error.message) from error
                except ValidationError as error:
                    raise CellError("record", record_reason(error)) from error
        self.master.check(one.draft.body for one in offers)
        self._require_batches(offers)
        return offers

    def _require_batches(self, offers: list[_Offer]) -> None:
        made = {one.draft.body.batch for one in offers if isinstance(one.draft.body, BatchCreated)}
        made |= self._begun
        for offer in offers:
            batch = getattr(offer.draft.body, "batch", "")
            if batch and batch not in made and not self.known.has_batch(batch):
                raise CellError(
                    "batch", f"batch {batch!r} is not known: import the card that creates it first"
                )

    def _time(self, row: int) -> int | None:
        return int(self.times[self.spec.time][row]) if self.spec.time else None

    def _quantity(self, template: str, cells: dict[str, Any]) -> str:
        return _try(template, quantity_cells(template, cells, self.spec)) if template else ""

    def _lot(self, one: LotSpec, cells: dict[str, Any], row: int) -> list[_Offer]:
        body = LotRegistered(
            material=render(one.material, cells),
            lot=render(one.lot, cells),
            supplier=_try(one.supplier, cells),
            attributes=_filled(one.attributes, cells),
        )
        return [_offer(f"lot/{body.material}/{body.lot}", body)]

    def _batch(self, one: BatchSpec, cells: dict[str, Any], row: int) -> list[_Offer]:
        started = int(self.times[one.started][row]) if one.started else None
        body = BatchCreated(
            batch=render(one.batch, cells),
            product=render(one.product, cells),
            recipe=_try(one.recipe, cells),
            size=self._quantity(one.size, cells),
            place=_try(one.place, cells),
            started_at=started,
            attributes=_filled(one.attributes, cells),
        )
        if one.is_check:
            return [_Offer(Draft(f"batch/{body.batch}", body), is_check=True)]
        at = started if started is not None else self._time(row)
        offers = [_offer(f"batch/{body.batch}", body, at)]
        if one.ended:
            ended = int(self.times[one.ended][row])
            end = BatchEnded(batch=body.batch, ended_at=ended, outcome=one.outcome)
            offers.append(_offer(f"batch/{body.batch}", end, ended))
        return offers

    def _material(self, one: MaterialSpec, cells: dict[str, Any], row: int) -> list[_Offer]:
        body = MaterialConsumed(
            batch=render(one.batch, cells),
            material=render(one.material, cells),
            lot=render(one.lot, cells),
            quantity=self._quantity(one.quantity, cells),
        )
        draft = Draft(f"batch/{body.batch}", body, self._time(row))
        return [_Offer(draft, is_single=one.is_single)]

    def _sample(self, one: SampleSpec, cells: dict[str, Any], row: int) -> list[_Offer]:
        sample = render(one.sample, cells)
        if one.is_known and not self.known.is_asked(sample):
            raise CellError("sample", f"sample {sample!r} is neither recorded nor ordered")
        taken = self._time(row) if one.taken == "row" else None
        if isinstance(one.taken, TimeSpec):
            taken = self._own_time(one.taken, row)
        subject = self._subject(one, sample, cells)
        results = tuple(
            result
            for spec in one.results
            if (result := result_of(str(cells[spec.column]), _of_row(spec, cells), self.spec, {""}))
        )
        stream, offers = f"sample/{sample}", []
        body = SampleTaken(
            sample=sample,
            **subject,
            **{name: _try(getattr(one, name), cells) for name in _SAMPLE_TEXTS},
            taken_at=taken,
        )
        if not one.is_check:
            offers.append(_offer(stream, body, taken))
        if results:
            at = None if taken is None else taken + duration_us(one.results_after)
            at = self._time(row) if one.performed == "row" else at
            if isinstance(one.performed, TimeSpec):
                at = self._own_time(one.performed, row)
            dated = tuple(result.model_copy(update={"performed_at": at}) for result in results)
            reported = ResultsReported(sample=sample, **subject, results=dated)
            offers.append(
                _Offer(
                    Draft(stream, reported, at),
                    sample=sample,
                    results=dated,
                    is_check=one.is_check,
                    amends=_amends(one, cells),
                )
            )
        return offers

    def _own_time(self, time: TimeSpec, row: int) -> int | None:
        at = int(self.times[time][row])
        return None if at == NO_TIME else at

    def _subject(self, one: SampleSpec, sample: str, cells: dict[str, Any]) -> dict[str, str]:
        """What a sample is of: as the row says, or as is known of it where the row says nothing.

        Raises:
            BadInputError: Neither is.
        """
        subject = {name: _try(getattr(one, name), cells) for name in _SUBJECT}
        if one.is_known:
            known = self.known.sample(sample)
            return {name: text or str(known.get(name, "")) for name, text in subject.items()}
        if not any(subject.values()):
            subject = {name: str(self.known.sample(sample).get(name, "")) for name in _SUBJECT}
            if any(subject.values()):
                return subject
        return {name: render(getattr(one, name), cells) for name in _SUBJECT}

    def _status(self, one: StatusSpec, cells: dict[str, Any], row: int) -> list[_Offer]:
        at = self._time(row) if one.at == "row" else int(self.times[one.at][row])
        place = render(one.place, cells)
        body = EquipmentStatusChanged.model_validate(
            {
                "place": place,
                "status": render(one.status, cells),
                "at": at,
                "reason": _try(one.reason, cells),
            }
        )
        return [_offer(f"equipment/{place}", body, at)]

    def _check(self, one: CheckSpec, row: int) -> list[Contradiction]:
        cells = self._cells[row]
        try:
            product = render(one.product, cells)
        except BadInputError as error:
            raise CellError("empty", error.message) from error
        offered = {"size": self._quantity(one.size, cells)}
        filled = _filled(one.attributes, cells)
        offered |= {f"attributes.{name}": text for name, text in filled.items()}
        found: dict[tuple[str, str], list[str]] = {}
        for batch in self.known.batches_of(product):
            one_found = contradiction("batch", batch["batch"], batch, offered)
            if one_found:
                found.setdefault((one_found.stored, one_found.offered), []).append(batch["batch"])
        return [
            Contradiction("product", f"{product} (batches {', '.join(batches)})", stored, said)
            for (stored, said), batches in found.items()
        ]


_SUBJECT = ("batch", "material", "lot")
_SAMPLE_TEXTS = ("point", "plan", "container", "taken_by")


def _of_row(spec: ResultSpec, cells: Mapping[str, Any]) -> ResultSpec:
    """A result with the names and the unit that the row gives it."""
    names = ("test", "attribute", "method", "method_version", "loq", "status", "cause")
    said = {name: _try(text, cells) for name in names if "{" in (text := getattr(spec, name))}
    if spec.unit_column:
        try:
            said["unit"] = check_unit(str(cells[spec.unit_column]))
        except GoldenbatchError as error:
            raise CellError("unit", f"{spec.unit_column}: {error}") from error
    return spec.model_copy(update=said) if said else spec


def _amends(one: SampleSpec, cells: Mapping[str, Any]) -> Amends:
    """What the row says of its results as a version of earlier ones."""
    text = _try(one.version, cells)
    if text and not (text.isascii() and text.isdigit() and 0 < int(text[:9]) == int(text)):
        raise CellError("version", f"{text!r} is no number of a version, from 1")
    has_status = any(_try(spec.status, cells) for spec in one.results)
    return Amends(_try(one.reason, cells), int(text or 0), has_status)


def _offer(stream: str, body: Body, at: int | None = None) -> _Offer:
    return _Offer(Draft(stream, body, at))


def _try(template: str, cells: Mapping[str, Any]) -> str:
    """Template with the cells put in; empty where a cell is."""
    try:
        return render(template, cells)
    except BadInputError:
        return ""


def _filled(templates: Mapping[str, str], cells: Mapping[str, Any]) -> dict[str, str]:
    filled = {name: _try(template, cells) for name, template in templates.items()}
    return {name: text for name, text in filled.items() if text}
