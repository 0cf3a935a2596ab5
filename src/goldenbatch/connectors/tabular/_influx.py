"""Exports of InfluxDB: line protocol and annotated CSV, a row for each field."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from goldenbatch.connectors.tabular._csv import Text, decode_text
from goldenbatch.connectors.tabular._exports import HEADER
from goldenbatch.connectors.tabular._sheet import Refused, Sheet, from_rows
from goldenbatch.core.errors import BadInputError

if TYPE_CHECKING:
    from goldenbatch.connectors.tabular.card import TableSpec

_UNESCAPE = re.compile(r"\\([,= \\])")
_UNQUOTE = re.compile(r'\\(["\\])')
_WHOLE = re.compile(r"([+-]?\d+)[iu]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_WORDS = {"t": "1", "true": "1", "f": "0", "false": "0"}
_OWN = {"", "result", "table", "_start", "_stop", "_time", "_value", "_field", "_measurement"}

Row = tuple[int, str, dict[str, str], str, str, str]
"""Line, measurement, tags, field, time and value."""


class LineError(ValueError):
    """A line that is not of the line protocol."""


def read_line_protocol(content: bytes, spec: TableSpec, file: str) -> Sheet:
    """Line protocol, as `influx_inspect export` of 1.x and `influxd inspect` of 2.x write it.

    Column `tag` is `measurement,key=value.field` with the keys in order; `measurement`, `field`
    and each key are columns too. Comments and the lines of DDL and DML are left out.

    References:
        InfluxData, "Line protocol reference", InfluxDB OSS v2.
    """
    text = decode_text(content, spec.encoding, file)
    rows: list[Row] = []
    refused: list[Refused] = []
    for number, raw in enumerate(text.lines, start=1):
        line = raw.decode("utf-8", "replace").rstrip("\r").strip()
        is_command = line.startswith(("#", "CREATE DATABASE", "CREATE RETENTION"))
        if not line or (is_command and number not in text.undecodable):
            continue
        try:
            rows += parse_line(line, number)
        except LineError as error:
            refused.append(Refused(number, "line", str(error), text.raw(number)))
    return _sheet(text, file, rows, refused)


def parse_line(line: str, number: int = 1) -> list[Row]:
    r"""Fields of one line.

    Raises:
        LineError: It is not of the protocol.

    >>> parse_line(r'air\ flow,unit=R\,1 dry=t,n=3i,note="a \"b\"" 1465839830100400200')[1]
    (1, 'air flow', {'unit': 'R,1'}, 'n', '1465839830100400200', '3')
    """
    parts = _split(line, " ", keeps_quoted=True)
    if len(parts) < 2 or len(parts) > 3:
        raise LineError("it is not `measurement,tags fields time`")
    if len(parts) == 2:
        raise LineError("it has no time stamp")
    measurement, *pairs = _split(parts[0], ",")
    tags = dict(_pair(one) for one in pairs)
    if not measurement:
        raise LineError("it has no measurement")
    name = _UNESCAPE.sub(r"\1", measurement)
    found: list[Row] = []
    for field in _split(parts[1], ",", keeps_quoted=True):
        key, value = _pair(field, is_field=True)
        found.append((number, name, tags, key, parts[2], value))
    return found


def _split(text: str, mark: str, *, keeps_quoted: bool = False) -> list[str]:
    """Parts between marks that are neither escaped nor, where that counts, within quotes."""
    parts, start, is_quoted, at = [], 0, False, 0
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if keeps_quoted and text[at] == '"':
            is_quoted = not is_quoted
        elif text[at] == mark and not is_quoted:
            parts.append(text[start:at])
            start = at + 1
        at += 1
    if is_quoted:
        raise LineError("a quote is not closed")
    return [*parts, text[start:]]


def _pair(text: str, *, is_field: bool = False) -> tuple[str, str]:
    key, *rest = _split(text, "=", keeps_quoted=is_field)
    value = "=".join(rest)
    if not key or not rest or not value:
        raise LineError(f"{text!r} is no key=value")
    plain = _UNESCAPE.sub(r"\1", key)
    return plain, _field_value(value) if is_field else _UNESCAPE.sub(r"\1", value)


def _field_value(text: str) -> str:
    if text.startswith('"') and text.endswith('"') and len(text) > 1:
        return _UNQUOTE.sub(r"\1", text[1:-1])
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    whole = _WHOLE.fullmatch(text)
    if whole:
        return whole[1]
    if not _NUMBER.fullmatch(text):
        raise LineError(f"{text!r} is no value")
    return text


def read_annotated_csv(content: bytes, spec: TableSpec, file: str) -> Sheet:
    """Annotated CSV of InfluxDB 2.x and 3 (`influx query --raw`, the API of queries).

    Tables may follow one another with other columns. A pivoted table, without `_field`, gives a
    row for each of its own columns of numbers.

    Raises:
        BadInputError: The server wrote an error, or there are no times.

    References:
        InfluxData, "Annotated CSV", InfluxDB OSS v2.
    """
    text = decode_text(content, spec.encoding, file)
    rows: list[Row] = []
    refused: list[Refused] = []
    for line, header, defaults, groups, cells in _tables(text, file):
        if len(cells) != len(header):
            reason = f"{len(cells)} cells, but {len(header)} headers"
            refused.append(Refused(line, "ragged", reason, text.raw(line)))
            continue
        row = {
            name: cell or default
            for name, cell, default in zip(header, cells, defaults, strict=True)
        }
        rows += _fields(line, row, groups)
    return _sheet(text, file, rows, refused)


def _fields(line: int, row: dict[str, str], groups: set[str]) -> Iterator[Row]:
    time, measurement = row.get("_time", ""), row.get("_measurement", "")
    if "_field" in row:
        tags = {name: cell for name, cell in row.items() if name not in _OWN and cell}
        yield line, measurement, tags, row["_field"], time, row.get("_value", "")
        return
    tags = {name: row[name] for name in groups - _OWN if row.get(name)}
    for name, cell in row.items():
        if name not in groups and (name == "_value" or name not in _OWN):
            yield line, measurement, tags, name, time, cell


def _tables(
    text: Text, file: str
) -> Iterator[tuple[int, list[str], list[str], set[str], list[str]]]:
    """Rows with line, header, defaults and names of the columns that make the group key."""
    source = io.StringIO(text.content.decode("utf-8", "replace"), newline="")
    reader, start = csv.reader(source), 1
    header: list[str] = []
    notes: dict[str, list[str]] = {}
    for cells in reader:
        line, start = start, reader.line_num + 1
        if not any(cells):
            header, notes = [], {}
        elif cells[0].startswith("#"):
            header = []
            notes[cells[0]] = cells
        elif not header:
            header = cells
            if "error" in header:
                raise BadInputError(
                    "the server answered with an error, not with data.",
                    hint="Run the query again.", file=file, line=line,
                )  # fmt: skip
            if "_time" not in header:
                raise BadInputError(
                    f"there is no column _time among {', '.join(header)}.",
                    hint="Export rows with their times, not aggregates without.",
                    file=file, line=line,
                )  # fmt: skip
        else:
            # Annotations stand in the first column, which is nameless: as a default it is none.
            defaults = ["", *notes.get("#default", [])[1:]]
            defaults += [""] * (len(header) - len(defaults))
            marks = notes.get("#group", [])
            groups = {one for one, mark in zip(header, marks, strict=False) if mark == "true"}
            yield line, header, defaults[: len(header)], groups, cells


def _sheet(text: Text, file: str, rows: list[Row], refused: list[Refused]) -> Sheet:
    further = {key for row in rows for key in row[2]} - {*HEADER, "measurement", "field"}
    keys = sorted(further)
    cells = [
        [
            f"{','.join([name, *(f'{k}={tags[k]}' for k in sorted(tags))])}.{field}",
            time,
            value,
            "",
            name,
            field,
            *(tags.get(key, "") for key in keys),
        ]
        for _, name, tags, field, time, value in rows
    ]
    header = (*HEADER, "measurement", "field", *keys)
    sheet = from_rows(file, header, cells, [row[0] for row in rows], text.raw, refused)
    if not text.content.endswith(b"\n"):
        sheet.notes.append("the last line has no line end: the file may be cut off")
    return sheet
