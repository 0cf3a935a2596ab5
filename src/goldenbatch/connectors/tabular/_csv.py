"""CSV files as sheets: fast in bulk, exact row by row where something is odd."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.connectors.tabular._sheet import Refused, Sheet, from_rows
from goldenbatch.connectors.tabular._templates import placeholders
from goldenbatch.connectors.tabular._values import are_plain
from goldenbatch.connectors.tabular.card import TableSpec
from goldenbatch.core.errors import BadInputError

if TYPE_CHECKING:
    import pyarrow as pa

_MAGIC = {
    b"PK\x03\x04": "an Excel or ZIP file",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "a gzip file",
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old Excel file (.xls)",
}
_ASCII = ("utf-8", "utf8", "ascii", "us-ascii", "latin-1", "iso-8859-1", "cp1250", "cp1252")
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


@dataclass
class Text:
    """Text of a CSV file as UTF-8, with the lines that are not in its encoding."""

    content: bytes
    undecodable: dict[int, str]

    @cached_property
    def lines(self) -> list[bytes]:
        """All lines, without their ends."""
        return self.content.split(b"\n")

    def head(self, line: int) -> str:
        """A line near the beginning, without cutting all lines."""
        at = 0
        for _ in range(line - 1):
            at = self.content.find(b"\n", at) + 1
            if not at:
                return ""
        end = self.content.find(b"\n", at)
        return self.content[at : end if end >= 0 else None].decode("utf-8").rstrip("\r")

    def raw(self, line: int) -> str:
        """A line as it stands in the file."""
        if line in self.undecodable:
            return self.undecodable[line]
        if not 0 < line <= len(self.lines):
            return ""
        return self.lines[line - 1].decode("utf-8", "replace").rstrip("\r")


def decode_text(content: bytes, encoding: str, file: str) -> Text:
    """Text of a file in its encoding; a line that is not is kept as it is.

    Raises:
        BadInputError: It is no text, or the encoding is another.
    """
    for magic, what in _MAGIC.items():
        if content.startswith(magic):
            raise BadInputError(f"this is {what}, no CSV.", hint="Check the format.", file=file)
    for bom, name in _BOMS:
        if content.startswith(bom):
            content, encoding = content[len(bom) :], name
    encoding = "utf-8" if encoding == "auto" else encoding
    if _is_plain(content, encoding):
        return Text(content, {})
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
    return Text(text.encode(), {})


def _is_plain(content: bytes, encoding: str) -> bool:
    """Whether the bytes are their own text: ASCII, by far the most common."""
    is_ascii = encoding.lower().replace("_", "-") in _ASCII and content.isascii()
    has_lines = b"\n" in content or b"\r" not in content
    return is_ascii and has_lines and content[:4096].count(b"\x00") <= 8


def _decode_lines(content: bytes, encoding: str, file: str, cause: UnicodeDecodeError) -> Text:
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
    return Text(b"\n".join(lines), undecodable)


def read_csv(content: bytes, spec: TableSpec, file: str) -> Sheet:
    """A CSV file; rows that cannot be read are refused one by one."""
    import pyarrow as pa

    text = decode_text(content, spec.encoding, file)
    head = next(
        csv.reader(
            [text.head(spec.header)], delimiter=spec.separator, quotechar=spec.quote or None
        ),
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
    if text.undecodable or sheet.refused or b"\x00" in content or _may_have_blank(sheet):
        _refuse_odd_rows(sheet, text)
    if not text.content.endswith(b"\n"):
        sheet.notes.append("the last line has no line end: the file may be cut off")
    return sheet


def _bulk(
    text: Text, spec: TableSpec, file: str, header: tuple[str, ...], is_quoted: bool
) -> Sheet:
    import pyarrow as pa
    import pyarrow.csv as pacsv

    ragged: dict[int, int] = {}

    def on_ragged(row: Any) -> str:
        ragged[row.number] = row.actual_columns
        return "skip"

    names = [str(at) for at in range(len(header))]
    decoded = _decodable(spec, header)

    def read(is_tolerant: bool = False, decoded: Collection[int] = ()) -> pa.Table:
        types = {
            name: pa.float64() if at in decoded else pa.string() for at, name in enumerate(names)
        }
        convert = pacsv.ConvertOptions(
            column_types=types,
            null_values=spec.missing,
            strings_can_be_null=False,
            check_utf8=False,
        )
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
        table = read(decoded=decoded)
    except pa.ArrowInvalid:
        table, decoded = _as_texts(read), ()
    total = table.num_rows + len(ragged)
    lines = np.arange(spec.header + 1, spec.header + 1 + total, dtype=np.int64)
    if is_quoted and total + spec.header != _n_lines(text.content):
        raise pa.ArrowInvalid("a quoted cell has line ends: lines are counted row by row")
    if ragged:
        lines = np.setdiff1d(lines, np.fromiter(ragged, dtype=np.int64), assume_unique=True)
    sheet = Sheet(file, header, list(table.columns), lines, text.raw)
    if decoded:
        sheet.decoded = {at: table.column(at) for at in decoded}
        sheet.reread = lambda: list(read().columns)
    for number, n_cells in ragged.items():
        reason = f"{n_cells} cells, but {len(header)} headers"
        sheet.refused.append(Refused(number, "ragged", reason, text.raw(number)))
    return sheet


def _as_texts(read: Callable[..., pa.Table]) -> pa.Table:
    import pyarrow as pa

    try:
        return read()
    except pa.ArrowInvalid:
        return read(is_tolerant=True)


def _n_lines(content: bytes) -> int:
    return content.count(b"\n") + (not content.endswith(b"\n"))


def _decodable(spec: TableSpec, header: tuple[str, ...]) -> tuple[int, ...]:
    """Places of columns that hold numbers of tags and nothing that is asked for as text."""
    return number_places(spec, header) if are_plain(spec) else ()


def number_places(spec: TableSpec, header: tuple[str, ...]) -> tuple[int, ...]:
    """Places of columns of which the card asks nothing but the numbers of tags."""
    parts = (*spec.times, *spec.arrays, *spec.phases, *spec.row_parts)
    others = {name for part in parts for name in part.columns_used()}
    for tag in spec.tags:
        others.update(tag.columns_used() if tag.kind == "text" else placeholders(tag.tag))
    wanted = {tag.column for tag in spec.tags if tag.kind == "number"} - others
    return tuple(at for at, name in enumerate(header) if name in wanted)


def _row_by_row(text: Text, spec: TableSpec, file: str, header: tuple[str, ...]) -> Sheet:
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
            # An open quote swallows the lines after it: each of them is refused, none is lost.
            swallowed = range(start, reader.line_num + 1)
            refused += [Refused(at, "quotes", str(error), text.raw(at)) for at in swallowed]
            start = reader.line_num + 1
            continue
        if start > spec.header:
            if len(cells) == len(header):
                rows.append(cells)
                lines.append(start)
            elif cells:
                reason = f"{len(cells)} cells, but {len(header)} headers"
                spanned = range(start, reader.line_num + 1)
                refused += [Refused(at, "ragged", reason, text.raw(at)) for at in spanned]
        start = reader.line_num + 1
    return from_rows(file, header, rows, lines, text.raw, refused)


def _may_have_blank(sheet: Sheet) -> bool:
    """Whether some row may be a blank line: not where one of several columns is always filled."""
    import pyarrow.compute as pc

    if len(sheet.columns) < 2:
        return True
    for column in sheet.columns:
        if column.type == "double":
            is_filled = not column.null_count
        else:
            is_filled = bool((pc.min(pc.binary_length(column)).as_py() or 0) > 0)
        if is_filled:
            return False
    return True


def _refuse_odd_rows(sheet: Sheet, text: Text) -> None:
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
        sheet.as_text()
        sheet.columns = [column.take(keep) for column in sheet.columns]
        sheet.lines = sheet.lines[keep]
