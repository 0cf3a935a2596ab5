"""Bulk tables of a plant: tags, limits and calibrations as rows, with preview and diff."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from goldenbatch.core._plant_diff import Change, diff
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.plant import Attribute, Calibration, Plant, Tag
from goldenbatch.core.results import Limit

TableName = Literal["tags", "limits", "calibration"]
Document = dict[str, Any]

COLUMNS: Mapping[TableName, frozenset[str]] = {
    "tags": frozenset(
        {"name", "place", "signal", "unit", "kind", "description", "cadence_s", "data_class"}
    ),
    "limits": frozenset(
        {"product", "material", "attribute", "tag", "kind", "lower", "upper", "unit", "allowed"}
        | {"source"}
    ),
    "calibration": frozenset({"place", "signal", "tag", "calibrated_at", "due_at", "certificate"}),
}
"""Columns that each table may have."""


@dataclass(frozen=True)
class BulkTable:
    """Rows of a table, from CSV here or from a spreadsheet by whoever reads those.

    Attributes:
        name: What the rows are.
        file: Where they come from, for messages.
        rows: Pairs (line in the file, column to text). An empty cell keeps what stands.
    """

    name: TableName
    file: str
    rows: Sequence[tuple[int, Mapping[str, str]]]


@dataclass(frozen=True)
class Preview:
    """What tables would do to a plant; nothing has been done yet.

    Attributes:
        plant: The plant with all good rows taken in.
        changes: Against the plant as it stands.
        problems: One a bad row, with file, line and column; `merge` refuses if any.
    """

    plant: Plant
    changes: tuple[Change, ...]
    problems: tuple[BadInputError, ...] = ()


def read_tables(folder: Path) -> tuple[BulkTable, ...]:
    """The tables of a folder: `tags.csv`, `limits.csv`, `calibration.csv`, where present.

    Raises:
        BadInputError: A table cannot be read, or has unknown columns.
    """
    names: tuple[TableName, ...] = ("tags", "limits", "calibration")
    paths = [(name, folder / f"{name}.csv") for name in names]
    return tuple(read_table(name, path) for name, path in paths if path.is_file())


def read_table(name: TableName, path: Path) -> BulkTable:
    """One table from a CSV file in UTF-8, separated by comma or semicolon.

    Raises:
        BadInputError: It cannot be read, or has unknown or doubled columns.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInputError(
            "this is not UTF-8 text.", hint="Save it as CSV UTF-8.", file=str(path)
        ) from error
    head = text.partition("\n")[0]
    separator = ";" if head.count(";") > head.count(",") else ","
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[tuple[int, Mapping[str, str]]] = []
    try:
        header = [cell.strip() for cell in next(reader, [])]
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((reader.line_num, _record(header, cells, path, reader.line_num)))
    except csv.Error as error:
        raise BadInputError(f"{error}.", file=str(path), line=reader.line_num) from error
    _check_columns(name, header, str(path))
    return BulkTable(name, str(path), rows)


def _record(header: list[str], cells: list[str], path: Path, line: int) -> dict[str, str]:
    if len(cells) != len(header):
        raise BadInputError(
            f"the row has {len(cells)} cells and the header {len(header)}.",
            hint="Put text that contains the separator between quotation marks.",
            file=str(path),
            line=line,
        )
    return {name: cell.strip() for name, cell in zip(header, cells, strict=True)}


def _check_columns(name: TableName, header: Sequence[str], file: str) -> None:
    known = ", ".join(sorted(COLUMNS[name]))
    for column in header:
        if column not in COLUMNS[name]:
            raise BadInputError(
                f"a table of {name} has no column {column!r}.",
                hint=f"It may have: {known}.",
                file=file,
                line=1,
                key=column,
            )
        if header.count(column) > 1:
            raise BadInputError(f"column {column!r} stands twice.", file=file, line=1, key=column)
    if not header:
        raise BadInputError("the table is empty.", hint=f"It may have: {known}.", file=file)


def merge(plant: Plant, tables: Iterable[BulkTable]) -> Plant:
    """The plant with the rows of the tables taken in, all or none.

    Raises:
        BadInputError: The first bad row, with file, line and column.
    """
    result = preview(plant, tables)
    if result.problems:
        raise result.problems[0]
    return result.plant


def preview(plant: Plant, tables: Iterable[BulkTable]) -> Preview:
    """What the tables would change, and every bad row in them."""
    work = _Work(plant.model_dump(mode="json"))
    problems: list[BadInputError] = []
    for table in tables:
        seen: dict[str, int] = {}
        for line, cells in table.rows:
            try:
                _take_row(work, table, {k: v for k, v in cells.items() if v}, (line, seen))
            except BadInputError as problem:
                problems.append(problem)
    try:
        after = Plant.model_validate(work.document)
    except ValidationError as error:
        first = error.errors()[0]
        problems.append(
            BadInputError(first["msg"].removeprefix("Value error, ") + ".", file="tables")
        )
        after = plant
    return Preview(after, diff(plant, after), tuple(problems))


@dataclass
class _Work:
    """The document that rows are taken into, with indexes that keep each row cheap."""

    document: Document
    tags: dict[str, Document] = field(default_factory=dict)
    places: set[str] = field(default_factory=set)
    items: dict[tuple[str, str], Document] = field(default_factory=dict)
    equipment: dict[str, Document] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tags = {f"{tag['place']}/{tag['signal']}": tag for tag in self.document["tags"]}
        self.places = {place["path"] for place in self.document["places"]}
        self.items = {
            (what, item["code"]): item
            for what, part in (("product", "products"), ("material", "materials"))
            for item in self.document[part]
        }
        self.equipment = {one["place"]: one for one in self.document["equipment"]}


class _RowError(Exception):
    """What is wrong with a row, and in which column."""

    def __init__(self, message: str, column: str) -> None:
        super().__init__(message)
        self.column = column


def _take_row(
    work: _Work, table: BulkTable, cells: dict[str, str], at: tuple[int, dict[str, int]]
) -> None:
    line, seen = at
    takers: dict[TableName, Callable[[_Work, dict[str, str], Callable[[str], None]], None]]
    takers = {"tags": _take_tag, "limits": _take_limit, "calibration": _take_calibration}

    def claim(identity: str) -> None:
        if identity in seen:
            raise _RowError(f"{identity} stands in line {seen[identity]} already", "")
        seen[identity] = line

    unknown = sorted(set(cells) - COLUMNS[table.name])
    try:
        if unknown:
            raise _RowError(f"a table of {table.name} has no such column", unknown[0])
        takers[table.name](work, cells, claim)
    except _RowError as error:
        raise BadInputError(
            f"{error}.", hint="Correct the row.", file=table.file, line=line, key=error.column
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        column = str(first["loc"][0]) if first["loc"] else ""
        found = f", found {cells[column]!r}" if column in cells else ""
        raise BadInputError(
            f"{first['msg'].removeprefix('Value error, ')}{found}.",
            hint="Correct the row.",
            file=table.file,
            line=line,
            key=column,
        ) from error


def _need(cells: Mapping[str, str], column: str) -> str:
    if column not in cells:
        raise _RowError(f"{column} is missing", column)
    return cells[column]


def _tag_name(cells: dict[str, str], whole: str) -> str:
    """Name of a tag from one column, or from place and signal."""
    if whole in cells:
        if "place" in cells or "signal" in cells:
            raise _RowError(f"give either {whole}, or place and signal", whole)
        return cells[whole]
    return f"{_need(cells, 'place')}/{_need(cells, 'signal')}"


def _take_tag(work: _Work, cells: dict[str, str], claim: Callable[[str], None]) -> None:
    name = _tag_name(cells, "name")
    claim(f"tag {name}")
    place, _, signal = name.rpartition("/")
    if place not in work.places:
        raise _RowError(f"place {place!r} is not described", "name" if "name" in cells else "place")
    given = {key: value for key, value in cells.items() if key not in ("name", "place", "signal")}
    merged = {**work.tags.get(name, {}), "place": place, "signal": signal, **given}
    checked = Tag.model_validate(merged).model_dump(mode="json")
    _store(work.document["tags"], work.tags, name, checked)


def _take_limit(work: _Work, cells: dict[str, str], claim: Callable[[str], None]) -> None:
    owner, identity = _limit_owner(work, cells)
    kind = _need(cells, "kind")
    claim(f"{kind} limit of {identity}")
    row: Document = {
        key: cells[key] for key in ("kind", "lower", "upper", "source") if key in cells
    }
    row["unit"] = cells.get("unit", owner.get("unit", "1"))
    if "allowed" in cells:
        row["allowed"] = tuple(part.strip() for part in cells["allowed"].split("|"))
    limit = Limit.model_validate(row).model_dump(mode="json")
    others = [one for one in owner["limits"] if one["kind"] != limit["kind"]]
    changed = {**owner, "limits": [*others, limit]}
    (Tag if "signal" in owner else Attribute).model_validate(changed)
    owner["limits"] = changed["limits"]


def _limit_owner(work: _Work, cells: dict[str, str]) -> tuple[Document, str]:
    named = [column for column in ("product", "material", "tag") if column in cells]
    if len(named) != 1:
        raise _RowError("give exactly one of product, material and tag", "product")
    what, code = named[0], cells[named[0]]
    if what == "tag":
        if code not in work.tags:
            raise _RowError(f"tag {code!r} is not described", "tag")
        return work.tags[code], f"tag {code}"
    if (what, code) not in work.items:
        raise _RowError(f"{what} {code!r} is not described", what)
    name = _need(cells, "attribute")
    for attribute in work.items[what, code]["attributes"]:
        if attribute["name"] == name:
            found: Document = attribute
            return found, f"{what} {code} {name}"
    raise _RowError(f"{what} {code!r} has no attribute {name!r}", "attribute")


def _take_calibration(work: _Work, cells: dict[str, str], claim: Callable[[str], None]) -> None:
    place, _, signal = _tag_name(cells, "tag").rpartition("/")
    if place not in work.places:
        raise _RowError(f"place {place!r} is not described", "tag" if "tag" in cells else "place")
    row = {key: cells[key] for key in ("calibrated_at", "due_at", "certificate") if key in cells}
    made = Calibration.model_validate({"signal": signal, **row}).model_dump(mode="json")
    claim(f"calibration of {place}/{signal} on {made['calibrated_at']}")
    if place not in work.equipment:
        entry: Document = {"place": place, "calibrations": []}
        _store(work.document["equipment"], work.equipment, place, entry)
    entry = work.equipment[place]
    identity = (signal, made["calibrated_at"])
    others = [c for c in entry["calibrations"] if (c["signal"], c["calibrated_at"]) != identity]
    entry["calibrations"] = [*others, made]


def _store(rows: list[Document], index: dict[str, Document], key: str, row: Document) -> None:
    if key in index:
        index[key].clear()
        index[key].update(row)
        return
    rows.append(row)
    index[key] = row
