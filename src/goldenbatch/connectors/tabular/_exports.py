"""Exports of historians as long tables: a row is one reading, whatever its product writes."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from goldenbatch.connectors.tabular._csv import Text, decode_text
from goldenbatch.connectors.tabular._sheet import Refused, Sheet, from_rows
from goldenbatch.core.errors import BadInputError

if TYPE_CHECKING:
    from goldenbatch.connectors.tabular.card import TableSpec

HEADER = ("tag", "time", "value", "quality")
"""Columns that the sheet of every export has; those of InfluxDB have further ones."""
BAD_STATES = frozenset(
    """access denied|arc off-line|arc offline|bad|bad data|bad input|bad output|bad quality|
    bad total|bad_data|calc failed|calc off|calc overflow|comm error|comm fail|configure|
    dcs failed|doubtful|equip fail|error|failed|inp outrange|intf shut|invalid data|
    invalid float|i/o timeout|iotimeout|no data|no good data for calculation|no lab data|
    no result|no sample|not connect|not installed|out of serv|over range|point not found|
    pt created|scan off|scan timeout|shutdown|under range|unit down""".replace("\n", "")
    .replace("    ", "").split("|")
)  # fmt: skip
"""System digital states of AVEVA PI that stand where a value would."""
_NAMES = {
    "tag": ("tag", "tag name", "tagname", "name", "point", "attribute", "path", "tagpath"),
    "time": ("timestamp", "time", "time stamp", "date", "datetime", "t_stamp"),
    "value": ("value", "val"),
    "quality": ("quality", "dataintegrity", "status"),
    "questionable": ("questionable",),
}
_IGNITION = ("floatvalue", "intvalue", "stringvalue", "datevalue")


@dataclass
class _Long:
    """Rows of a long table while they are read."""

    text: Text
    file: str
    rows: list[list[str]]
    lines: list[int]
    refused: list[Refused]

    @classmethod
    def of(cls, content: bytes, spec: TableSpec, file: str) -> _Long:
        return cls(decode_text(content, spec.encoding, file), file, [], [], [])

    def cells(self, spec: TableSpec) -> Iterator[tuple[int, list[str]]]:
        """Lines with something in them, by the number of the first line of each."""
        source = io.StringIO(self.text.content.decode("utf-8", "replace"), newline="")
        reader = csv.reader(source, delimiter=spec.separator, quotechar=spec.quote or None)
        start = 1
        try:
            for cells in reader:
                if any(one.strip() for one in cells):
                    yield start, [one.strip() for one in cells]
                start = reader.line_num + 1
        except csv.Error as error:
            raise BadInputError(
                f"it cannot be read as cells ({error}).",
                hint="Check `quote` and `separator` of the table.", file=self.file, line=start,
            ) from error  # fmt: skip

    def add(self, line: int, *cells: str) -> None:
        self.rows.append(list(cells))
        self.lines.append(line)

    def refuse(self, line: int, kind: str, reason: str) -> None:
        self.refused.append(Refused(line, kind, reason, self.text.raw(line)))

    def sheet(self, header: Sequence[str]) -> Sheet:
        found = from_rows(
            self.file, tuple(header), self.rows, self.lines, self.text.raw, self.refused
        )
        if not self.text.content.endswith(b"\n"):
            found.notes.append("the last line has no line end: the file may be cut off")
        return found


def read_pi(content: bytes, spec: TableSpec, file: str) -> Sheet:
    """AVEVA PI: tag, time stamp, value a row, or a column for each tag.

    As PI DataLink 2019 fills a worksheet that is saved as CSV, and `piconfig` prints with
    `@ostructure tag,time,value`. A system state in place of a value is bad quality, a value
    marked questionable is uncertain.
    """
    return _read(content, spec, file, state=_pi_quality)


def read_ignition(content: bytes, spec: TableSpec, file: str) -> Sheet:
    """Ignition: rows of its history tables, or of a dataset with a column for each tag.

    As a query of `sqlt_data_*` of Ignition 7.9 and 8.1 gives (tagid or tagpath, intvalue,
    floatvalue, stringvalue, datevalue, dataintegrity, t_stamp in ms), and as
    `system.dataset.toCSV` and tables write (wide, with or without the lines `#NAMES`).
    """
    return _read(content, spec, file, state=lambda _value, quality: quality)


def _read(content: bytes, spec: TableSpec, file: str, state: Callable[[str, str], str]) -> Sheet:
    long = _Long.of(content, spec, file)
    lines = _without_frame(long.cells(spec))
    start, header = next(lines, (1, []))
    places = _places(header)
    if "time" not in places:
        places, lines = _headless(spec, file, start, header, lines)
    values = [header.index(one) for one in _IGNITION if one in header]
    if "value" in places:
        values = [places["value"]]
    is_long = bool(values) and "tag" in places
    for line, cells in lines:
        if len(cells) != len(header):
            long.refuse(line, "ragged", f"{len(cells)} cells, but {len(header)} headers")
            continue
        time = cells[places["time"]]
        if is_long:
            value = next((cells[at] for at in values if cells[at]), "")
            quality = cells[places["quality"]] if "quality" in places else ""
            if "questionable" in places and cells[places["questionable"]].lower() in _TRUE:
                quality = quality or "uncertain"
            long.add(line, cells[places["tag"]], time, value, state(value, quality))
            continue
        for at, name in enumerate(header):
            if at != places["time"] and name:
                long.add(line, name, time, cells[at], state(cells[at], ""))
    return long.sheet(HEADER)


_TRUE = ("true", "1", "yes")


def _pi_quality(value: str, quality: str) -> str:
    return "bad" if value.lower() in BAD_STATES or value.startswith("[-") else quality


def _places(header: Sequence[str]) -> dict[str, int]:
    """Where what is, by the names that products give their columns."""
    found: dict[str, int] = {}
    for at, name in enumerate(header):
        for what, names in _NAMES.items():
            if name.strip().lower() in names and what not in found:
                found[what] = at
    if "tagid" in header and "tag" not in found:
        found["tag"] = list(header).index("tagid")
    return found


def _headless(
    spec: TableSpec, file: str, start: int, first: list[str], lines: Iterable[tuple[int, list[str]]]
) -> tuple[dict[str, int], Iterator[tuple[int, list[str]]]]:
    """What `piconfig` prints: tag, time, value without a line of headers.

    Raises:
        BadInputError: It is something else.
    """
    if len(first) != 3 or not re.match(r"\d", first[1]):
        raise BadInputError(
            f"there is no column of times among {', '.join(first) or 'no headers'}.",
            hint="One header is Timestamp, Time, Date or t_stamp; or each line is tag,time,value.",
            file=file,
            line=start,
        )

    def all_lines() -> Iterator[tuple[int, list[str]]]:
        yield start, first
        yield from lines

    return {"tag": 0, "time": 1, "value": 2}, all_lines()


def _without_frame(lines: Iterable[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    """Lines without `#NAMES`, `#TYPES` with the line of types, and `#ROWS` of Ignition."""
    is_types = False
    for line, cells in lines:
        mark = cells[0].upper()
        if mark in ("#NAMES", "#TYPES") or mark.startswith("#ROWS"):
            is_types = mark == "#TYPES"
        elif is_types:
            is_types = False
        else:
            yield line, cells
