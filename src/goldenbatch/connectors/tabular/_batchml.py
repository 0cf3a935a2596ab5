"""BatchML and B2MML: what a batch record or a production performance says was done.

References:
    MESA, BatchML-BatchProductionRecord and B2MML-ProductionPerformance V0401,
    B2MML-OperationsPerformance V0700; ISA-88.00.04, "Batch production records".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from goldenbatch.connectors.tabular._sheet import Refused, Sheet, from_rows
from goldenbatch.connectors.tabular._xml import Element, parse_xml
from goldenbatch.core.errors import BadInputError, GoldenbatchError
from goldenbatch.core.quantities import check_unit

if TYPE_CHECKING:
    from goldenbatch.connectors.tabular.card import TableSpec

HEADER = (
    "event", "batch", "product", "recipe", "size", "place", "procedure", "phase", "time",
    "reference", "material", "lot", "quantity",
)  # fmt: skip
"""Columns of the sheet; a row is a boundary, or a material that went in."""
_PERFORMANCES = ("ProductionPerformance", "OperationsPerformance", "WorkPerformance")
_RESPONSES = ("ProductionResponse", "OperationsResponse", "WorkResponse")
_SEGMENTS = ("SegmentResponse", "JobResponse")
_STARTED = ("running", "started", "start")
_ENDED = {"complete": "ended", "completed": "ended", "ended": "ended", "end": "ended",
          "stopped": "ended", "finished": "ended", "aborted": "aborted"}  # fmt: skip
_PAUSED = ("held", "holding", "paused", "pausing", "restarting", "running", "starting again")
_UNITS = {
    "KG": "kg", "KGM": "kg", "G": "g", "GR": "g", "GRM": "g", "MG": "mg", "MGM": "mg", "T": "t",
    "TNE": "t", "L": "L", "LTR": "L", "ML": "mL", "MLT": "mL", "M3": "m3", "MTQ": "m3",
    "EA": "{count}", "PCE": "{count}", "C62": "{count}", "PC": "{count}",
}  # fmt: skip
"""Units as ERP systems and UN/ECE recommendation 20 write them, in UCUM."""


@dataclass(frozen=True)
class _Row:
    """A boundary or a material, with the line of its element."""

    line: int
    event: str = ""
    batch: str = ""
    product: str = ""
    recipe: str = ""
    size: str = ""
    place: str = ""
    procedure: str = ""
    phase: str = ""
    time: str = ""
    reference: str = ""
    material: str = ""
    lot: str = ""
    quantity: str = ""


@dataclass
class _Document:
    file: str
    content: bytes
    rows: list[_Row] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    n_other: int = 0

    def raw(self, line: int) -> str:
        lines = self.content.split(b"\n")
        return lines[line - 1].decode("utf-8", "replace").strip() if line <= len(lines) else ""

    def refuse(self, one: Element, kind: str, reason: str) -> None:
        self.refused.append(Refused(one.line, kind, reason, self.raw(one.line)))


def read_batchml(content: bytes, spec: TableSpec, file: str) -> Sheet:
    """Batch production records and performances, also within messages such as Sync or Process.

    Raises:
        BadInputError: It is no XML, or says nothing of what was done; names file and line.
    """
    root = parse_xml(content, file)
    document = _Document(file, content)
    top = Element("", 0, children=[root])
    records = list(top.below("BatchProductionRecord"))
    performances = list(top.below(*_PERFORMANCES)) if not records else []
    if not records and not performances:
        raise BadInputError(
            f"{root.name} says nothing of what was done.",
            hint="A BatchProductionRecord, ProductionPerformance or OperationsPerformance does; "
            "a schedule says what is to be done.",
            file=file,
            line=root.line,
        )
    for record in records:
        _record(record, document)
    for performance in performances:
        _performance(performance, _Row(performance.line, time=_published(root)), document)
    rows = [[getattr(one, name) for name in HEADER] for one in document.rows]
    lines = [one.line for one in document.rows]
    sheet = from_rows(file, HEADER, rows, lines, document.raw, document.refused)
    if document.n_other:
        sheet.notes.append(f"{document.n_other} events that are no boundary and no material")
    return sheet


def _published(root: Element) -> str:
    areas = [*root.below("ApplicationArea")]
    texts = [root.first("PublishedDate"), *(one.first("CreationDateTime") for one in areas)]
    return next((text for text in texts if text), "")


def _record(record: Element, document: _Document) -> None:
    recipes = [*record.below("ControlRecipe"), *record.below("MasterRecipe")]
    sizes = [size for one in recipes for size in one.below("BatchSize", "ActualBatchSize")]
    base = _Row(
        record.line,
        batch=record.first("BatchID", "ID"),
        product=record.first("MaterialDefinitionID")
        or next((text for one in recipes for text in _product(one)), ""),
        recipe=next((one.first("ID") for one in recipes if one.first("ID")), ""),
        size=next((text for one in sizes if (text := _quantity(one))), ""),
        place=record.first("EquipmentID"),
        time=record.first("PublishedDate", "CreationDate"),
    )
    mark = record.first("Delimiter") or "/"
    for events in record.all("Events"):
        for event in events.all("Event"):
            _event(event, base, mark, document)
    for performance in record.below(*_PERFORMANCES):
        _performance(performance, base, document)
    for inner in record.all("BatchProductionRecord"):
        _record(inner, document)


def _product(recipe: Element) -> Iterator[str]:
    for header in recipe.all("Header"):
        yield from filter(None, [header.first("ProductID", "ProductName")])


def _event(event: Element, base: _Row, mark: str, document: _Document) -> None:
    """An entry of the event list: a change of state of the batch or of a procedural element."""
    kind, sub = event.first("EventType"), event.first("EventSubType")
    time = event.first("TimeStamp")
    path = [
        part.strip()
        for one in event.all("ProceduralElementReference")
        for part in one.text.split(mark)
        if part.strip()
    ]
    if path and path[0] in (base.batch, base.recipe):
        path = path[1:]
    row = replace(
        base, line=event.line, time=time, reference=event.first("EntryID"),
        place=event.first("EquipmentID") or base.place,
        procedure="/".join(path), phase=path[-1] if path else "",
    )  # fmt: skip
    if kind == "Material" and sub == "Consume":
        _consumed(event, row, document)
        return
    if kind not in ("Procedural Execution", "Control Recipe") or sub != "State Change":
        document.n_other += 1
        return
    state = _value(event, "Value").lower()
    before = _value(event, "PreviousValue").lower()
    if state in _STARTED and before not in _PAUSED:
        document.rows.append(replace(row, event="started"))
    elif state in _ENDED:
        document.rows.append(replace(row, event=_ENDED[state]))
    else:
        document.n_other += 1


def _value(event: Element, name: str) -> str:
    return next((one.first("ValueString") or one.text for one in event.all(name)), "")


def _consumed(event: Element, row: _Row, document: _Document) -> None:
    """A material event: what, which lot and how much stand in its attributes."""
    attributes = {
        one.first("AttributeID").replace(" ", "").lower(): one for one in event.all("UserAttribute")
    }

    def told(*names: str) -> Element | None:
        return next((attributes[one] for one in names if one in attributes), None)

    material, lot = told("materialdefinitionid", "material"), told("materiallotid", "lot", "lotid")
    amount = told("quantity", "amount") or event
    values = list(amount.all("Value"))
    _material(
        event,
        replace(row, quantity=_quantity(values[0]) if values else ""),
        _value(material, "Value") if material else "",
        _value(lot, "Value") if lot else "",
        document,
    )


def _material(at: Element, row: _Row, material: str, lot: str, document: _Document) -> None:
    if not material or not lot:
        lacking = "material" if not material else "lot"
        document.refuse(at, "material", f"a material was consumed, but no {lacking} is named")
        return
    document.rows.append(replace(row, line=at.line, event="", phase="", material=material, lot=lot))


def _performance(performance: Element, base: _Row, document: _Document) -> None:
    for response in performance.all(*_RESPONSES):
        requested = ("ProductionRequestID", "OperationsRequestID", "WorkRequestID", "ID")
        row = replace(
            base, line=response.line, batch=base.batch or response.first(*requested),
            place=_place(response) or base.place, reference=response.first("ID"),
            product=base.product or _produced(response),
        )  # fmt: skip
        state = response.first("ResponseState").lower()
        ended = "aborted" if state.startswith("abort") else "ended"
        starts, ends = response.first("StartTime"), response.first("EndTime")
        if starts:
            document.rows.append(replace(row, event="started", time=starts))
        if ends:
            document.rows.append(replace(row, event=ended, time=ends))
        for segment in response.all(*_SEGMENTS):
            _segment(segment, replace(row, time=starts or row.time), document)


def _produced(response: Element) -> str:
    for segment in response.all(*_SEGMENTS):
        for one in segment.children:
            is_product = one.name == "MaterialProducedActual" or (
                one.name == "MaterialActual" and one.first("MaterialUse").lower() == "produced"
            )
            if is_product and one.first("MaterialDefinitionID"):
                return one.first("MaterialDefinitionID")
        inner = _produced(segment)
        if inner:
            return inner
    return ""


def _segment(segment: Element, above: _Row, document: _Document) -> None:
    names = (
        "ProcessSegmentID", "ProductSegmentID", "OperationsSegmentID", "WorkMasterID", "ID",
    )  # fmt: skip
    phase = segment.first(*names)
    procedure = "/".join(filter(None, (above.procedure, phase)))
    starts = segment.first("ActualStartTime", "StartTime")
    ends = segment.first("ActualEndTime", "EndTime")
    row = replace(
        above, line=segment.line, place=_place(segment) or above.place, procedure=procedure,
        phase=phase, reference=segment.first("ID") or above.reference,
    )  # fmt: skip
    state = segment.first("SegmentState", "JobState").lower()
    if starts:
        document.rows.append(replace(row, event="started", time=starts))
    if ends:
        ended = "aborted" if state.startswith("abort") else "ended"
        document.rows.append(replace(row, event=ended, time=ends))
    timed = replace(row, time=ends or starts or above.time)
    for one in segment.all("MaterialActual", "MaterialConsumedActual", "ConsumableActual"):
        use = one.first("MaterialUse").lower()
        if one.name != "MaterialActual" or use.startswith("consum"):
            amount = next((_quantity(q) for q in one.all("Quantity")), "")
            lot = one.first("MaterialLotID", "MaterialSubLotID")
            material = one.first("MaterialDefinitionID")
            _material(one, replace(timed, quantity=amount), material, lot, document)
    for inner in segment.all(*_SEGMENTS):
        _segment(inner, replace(row, time=timed.time), document)


def _place(one: Element) -> str:
    for equipment in one.all("EquipmentActual", "Location", "HierarchyScope"):
        found = equipment.first("EquipmentID")
        if found:
            return found
    return ""


def _quantity(value: Element) -> str:
    number = value.first("QuantityString", "ValueString") or value.text
    unit = value.first("UnitOfMeasure")
    return f"{number} {_unit(unit)}".strip() if number else ""


def _unit(text: str) -> str:
    if text.upper() in _UNITS:
        return _UNITS[text.upper()]
    for one in (text, text.lower()):
        try:
            check_unit(one)
        except GoldenbatchError:
            continue
        return one
    return text
