"""Sheets: a CSV, Excel or Parquet file as columns of text, with the line of each row."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.connectors.tabular.card import TableSpec
from goldenbatch.core.errors import BadInputError

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

_MAGIC = {
    b"PK\x03\x04": "an Excel or ZIP file",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "a gzip file",
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old Excel file (.xls)",
}
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


@dataclass(frozen=True)
class Refused:
    """A row that was not taken: line, why in one word, why in full, and the row as it was."""

    line: int
    kind: str
    reason: str
    raw: str


@dataclass
class Sheet:
    """A file as columns of text.

    Attributes:
        header: Headers, in their order.
        columns: One column of text a header, shape `(n_rows,)` each.
        lines: Line or row of each row in the file, from 1, shape `(n_rows,)`.
        refused: Rows that could not be read into columns.
        notes: What the reader ought to know.
        raw: The row of a line as it stands in the file.
    """

    file: str
    header: tuple[str, ...]
    columns: list[pa.ChunkedArray]
    lines: NDArray[np.int64]
    raw: Callable[[int], str]
    refused: list[Refused] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def n_rows(self) -> int:
        """Rows with columns."""
        return len(self.lines)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: at for at, name in enumerate(self.header)}

    def column(self, name: str) -> pa.ChunkedArray:
        """Column of a header."""
        return self.columns[self._index[name]]

    def position(self, name: str) -> int:
        """Place of a header, from 0."""
        return self._index[name]


def read_sheet(content: bytes, spec: TableSpec, file: str) -> Sheet:
    """Read a file of the form that the card says.

    Raises:
        BadInputError: The file as a whole cannot be read, or a declared column is missing.
    """
    if not content:
        raise BadInputError("the file is empty.", hint="Export it again.", file=file)
    readers = {"csv": _read_csv, "xlsx": _read_xlsx, "parquet": _read_parquet}
    sheet = readers[spec.format](content, spec, file)
    _check_header(sheet, spec)
    return sheet


def _check_header(sheet: Sheet, spec: TableSpec) -> None:
    used = spec.columns_used()
    lacking = [name for name in used if name not in sheet.header]
    if lacking:
        raise BadInputError(
            f"column {lacking[0]!r} of table {spec.name!r} is not in the file"
            f"{f' ({len(lacking) - 1} more are not)' if len(lacking) > 1 else ''}.",
            hint=f"The file has: {', '.join(sheet.header[:12])}"
            f"{' ...' if len(sheet.header) > 12 else ''}. Correct the card or the file.",
            file=sheet.file,
            line=spec.header,
            key=lacking[0],
        )
    doubled = [name for name in used if sheet.header.count(name) > 1]
    if doubled:
        raise BadInputError(
            f"column {doubled[0]!r} stands {sheet.header.count(doubled[0])} times in the file.",
            hint="Give each column a header of its own.",
            file=sheet.file,
            line=spec.header,
        )
    if spec.arrays:
        return
    unused = [name for name in sheet.header if name not in used]
    if unused:
        sheet.notes.append(f"columns that the card does not name: {', '.join(unused)}")


# --- CSV ---------------------------------------------------------------------------------------


@dataclass
class _Text:
    """Text of a CSV file as UTF-8, with the lines that are not in its encoding."""

    content: bytes
    undecodable: dict[int, str]

    @cached_property
    def lines(self) -> list[bytes]:
        return self.content.split(b"\n")

    def raw(self, line: int) -> str:
        if line in self.undecodable:
            return self.undecodable[line]
        if not 0 < line <= len(self.lines):
            return ""
        return self.lines[line - 1].decode("utf-8", "replace").rstrip("\r")


def _decode(content: bytes, encoding: str, file: str) -> _Text:
    for magic, what in _MAGIC.items():
        if content.startswith(magic):
            raise BadInputError(f"this is {what}, no CSV.", hint="Check the format.", file=file)
    for bom, name in _BOMS:
        if content.startswith(bom):
            content, encoding = content[len(bom) :], name
    encoding = "utf-8" if encoding == "auto" else encoding
    try:
        text = content.decode(encoding)
    except LookupError as error:
        raise BadInputError(
            f"encoding {encoding!r} is not known.", hint="Use one such as cp1250.", file=file
        ) from error
    except UnicodeDecodeError as error:
        return _decode_lines(content, encoding, file, error)
    if text[:4096].count("\x00") > 8:
        raise BadInputError("this is a binary file.", hint="Check the format.", file=file)
    if "\r" in text and "\n" not in text:
        text = text.replace("\r", "\n")
    return _Text(text.encode(), {})


def _decode_lines(content: bytes, encoding: str, file: str, cause: UnicodeDecodeError) -> _Text:
    """Line by line, so that only the lines that are in another encoding are refused."""
    undecodable: dict[int, str] = {}
    lines: list[bytes] = []
    for number, line in enumerate(content.split(b"\n"), start=1):
        try:
            lines.append(line.decode(encoding).encode())
        except UnicodeDecodeError:
            undecodable[number] = line.decode("latin-1").rstrip("\r")
            lines.append(b"")
    is_wide = encoding.lower().startswith("utf-16") or encoding.lower().startswith("utf-32")
    if is_wide or 1 in undecodable or len(undecodable) * 2 > len(lines):
        raise BadInputError(
            f"the file is not {encoding} text (byte {cause.start}).",
            hint="Say the encoding of the file in the card, such as cp1250 or utf-16.",
            file=file,
        ) from cause
    return _Text(b"\n".join(lines), undecodable)


def _read_csv(content: bytes, spec: TableSpec, file: str) -> Sheet:
    import pyarrow as pa

    text = _decode(content, spec.encoding, file)
    head = next(
        csv.reader([text.raw(spec.header)], delimiter=spec.separator, quotechar=spec.quote or None),
        [],
    )
    header = tuple(name.strip() for name in head)
    if not any(header):
        raise BadInputError(
            "there is no header on this line.",
            hint="Set `header` in the card to the line of the headers.",
            file=file,
            line=spec.header,
        )
    is_quoted = bool(spec.quote) and spec.quote.encode() in text.content
    try:
        sheet = _bulk(text, spec, file, header, is_quoted)
    except pa.ArrowInvalid:
        sheet = _row_by_row(text, spec, file, header)
    _refuse_odd_rows(sheet, text)
    if not text.content.endswith(b"\n"):
        sheet.notes.append("the last line has no line end: the file may be cut off")
    return sheet


def _bulk(
    text: _Text, spec: TableSpec, file: str, header: tuple[str, ...], is_quoted: bool
) -> Sheet:
    import pyarrow as pa
    import pyarrow.csv as pacsv

    ragged: dict[int, int] = {}

    def on_ragged(row: Any) -> str:
        ragged[row.number] = row.actual_columns
        return "skip"

    names = [str(at) for at in range(len(header))]
    convert = pacsv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, check_utf8=False
    )

    def read(is_tolerant: bool) -> pa.Table:
        return pacsv.read_csv(
            pa.BufferReader(text.content),
            # Only the single-threaded reader tells the number of a ragged row.
            pacsv.ReadOptions(
                use_threads=not is_tolerant,
                skip_rows=spec.header,
                column_names=names,
                block_size=1 << 23,
            ),
            pacsv.ParseOptions(
                delimiter=spec.separator,
                quote_char=spec.quote or False,
                ignore_empty_lines=False,
                newlines_in_values=is_quoted,
                invalid_row_handler=on_ragged if is_tolerant else None,
            ),
            convert,
        )

    try:
        table = read(is_tolerant=False)
    except pa.ArrowInvalid:
        table = read(is_tolerant=True)
    total = table.num_rows + len(ragged)
    numbers = np.arange(spec.header + 1, spec.header + 1 + total, dtype=np.int64)
    n_lines = text.content.count(b"\n") + (not text.content.endswith(b"\n"))
    if is_quoted and total + spec.header != n_lines:
        raise pa.ArrowInvalid("a quoted cell has line ends: lines are counted row by row")
    lines = np.setdiff1d(numbers, np.fromiter(ragged, dtype=np.int64), assume_unique=True)
    sheet = Sheet(file, header, list(table.columns), lines, text.raw)
    for number, n_cells in ragged.items():
        reason = f"{n_cells} cells, but {len(header)} headers"
        sheet.refused.append(Refused(number, "ragged", reason, text.raw(number)))
    return sheet


def _row_by_row(text: _Text, spec: TableSpec, file: str, header: tuple[str, ...]) -> Sheet:
    """The slow and exact reader, for files whose cells hold line ends or broken quotes."""
    rows: list[list[str]] = []
    lines: list[int] = []
    refused: list[Refused] = []
    source = io.StringIO(text.content.decode("utf-8", "replace"), newline="")
    reader = csv.reader(source, delimiter=spec.separator, quotechar=spec.quote or None, strict=True)
    start = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            refused.append(Refused(start, "quotes", str(error), text.raw(start)))
            start = reader.line_num + 1
            continue
        if start > spec.header:
            if len(cells) == len(header):
                rows.append(cells)
                lines.append(start)
            elif cells:
                reason = f"{len(cells)} cells, but {len(header)} headers"
                refused.append(Refused(start, "ragged", reason, text.raw(start)))
        start = reader.line_num + 1
    return _from_rows(file, header, rows, lines, text.raw, refused)


def _from_rows(
    file: str,
    header: tuple[str, ...],
    rows: Sequence[Sequence[str]],
    lines: Sequence[int],
    raw: Callable[[int], str],
    refused: list[Refused],
) -> Sheet:
    import pyarrow as pa

    columns = [
        pa.chunked_array([pa.array([row[at] for row in rows], pa.string())])
        for at in range(len(header))
    ]
    return Sheet(file, header, columns, np.asarray(lines, dtype=np.int64), raw, refused)


def _refuse_odd_rows(sheet: Sheet, text: _Text) -> None:
    """Leave out blank lines, which are no rows; refuse undecodable rows and NUL bytes."""
    undecodable = {line for line in text.undecodable if line >= sheet.lines.min(initial=0)}
    sheet.refused = [one for one in sheet.refused if one.line not in undecodable]
    nul = set()
    if b"\x00" in text.content:
        nul = {at for at, line in enumerate(text.lines, 1) if b"\x00" in line}
    blank = set()
    if b"\n\n" in text.content or b"\n\r\n" in text.content:
        blank = {at for at, line in enumerate(text.lines, 1) if not line.strip()}
    sheet.refused = [one for one in sheet.refused if one.line not in blank]
    for line in sorted(undecodable):
        sheet.refused.append(Refused(line, "encoding", "not in the encoding", text.raw(line)))
    for line in sorted(nul & set(sheet.lines.tolist())):
        sheet.refused.append(Refused(line, "binary", "a NUL byte in the row", text.raw(line)))
    odd = undecodable | nul | blank
    if odd:
        keep = np.flatnonzero(~np.isin(sheet.lines, np.fromiter(odd, dtype=np.int64)))
        sheet.columns = [column.take(keep) for column in sheet.columns]
        sheet.lines = sheet.lines[keep]


# --- Excel and Parquet -------------------------------------------------------------------------


def _cell_text(value: object) -> str:
    """A typed cell as text; floats with the fewest digits that give them back."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def _read_xlsx(content: bytes, spec: TableSpec, file: str) -> Sheet:
    import warnings

    import openpyxl

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of styles, which hold no data
            book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except Exception as error:  # a damaged archive raises what it likes
        raise BadInputError(
            f"this is no readable Excel file ({type(error).__name__}).",
            hint="Save it again as .xlsx.",
            file=file,
        ) from error
    if spec.sheet and spec.sheet not in book.sheetnames:
        raise BadInputError(
            f"there is no sheet {spec.sheet!r}.",
            hint=f"Sheets: {', '.join(book.sheetnames)}.",
            file=file,
        )
    sheet = book[spec.sheet] if spec.sheet else book.worksheets[0]
    cells = [[_cell_text(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
    book.close()
    return _from_cells(file, cells, spec.header)


def _from_cells(file: str, cells: list[list[str]], header_row: int) -> Sheet:
    if len(cells) < header_row:
        raise BadInputError("there is no header row.", file=file, line=header_row)
    header = list(cells[header_row - 1])
    while header and not header[-1]:
        header.pop()
    width = len(header)
    rows, lines, refused = [], [], []
    for number, row in enumerate(cells[header_row:], start=header_row + 1):
        if not any(row):
            continue
        if any(row[width:]):
            raw = json.dumps(row, ensure_ascii=False)
            refused.append(Refused(number, "ragged", "cells beside the headers", raw))
            continue
        rows.append((row + [""] * width)[:width])
        lines.append(number)

    def raw_row(line: int) -> str:
        return json.dumps(cells[line - 1], ensure_ascii=False)

    return _from_rows(file, tuple(header), rows, lines, raw_row, refused)


def _read_parquet(content: bytes, spec: TableSpec, file: str) -> Sheet:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(content))
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInputError(
            f"this is no readable Parquet file ({error}).", hint="Write it again.", file=file
        ) from error
    columns = [_as_texts(column) for column in table.columns]

    def raw(line: int) -> str:
        return json.dumps([column[line - 1].as_py() for column in columns], ensure_ascii=False)

    lines = np.arange(1, table.num_rows + 1, dtype=np.int64)
    return Sheet(file, tuple(table.column_names), columns, lines, raw)


def _as_texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_timestamp(column.type):
        form = "%Y-%m-%dT%H:%M:%S" + ("Z" if column.type.tz else "")
        # %S writes the fraction of the unit; more than nine digits never occur.
        column = pc.strftime(
            column.cast(pa.timestamp(column.type.unit, "UTC" if column.type.tz else None)), form
        )
    elif pa.types.is_floating(column.type) or not pa.types.is_primitive(column.type):
        texts = [_cell_text(value) for value in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.string())])
    return pc.fill_null(column.cast(pa.string()), "")


def trimmed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts without white space around them."""
    import pyarrow.compute as pc

    return pc.utf8_trim_whitespace(column)


def rows_of(sheet: Sheet, names: Iterable[str], keep: NDArray[np.bool_]) -> list[dict[str, str]]:
    """Cells of the rows to keep, trimmed, by header."""
    chosen = np.flatnonzero(keep)
    cells = {name: trimmed(sheet.column(name)).take(chosen).to_pylist() for name in names}
    if not cells:
        return [{} for _ in chosen]
    return [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]


def natural(name: str) -> list[Any]:
    """Key that sorts `part2` before `part10`."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
