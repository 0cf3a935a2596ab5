"""Excel and Parquet files as sheets: typed cells as text."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.connectors.tabular._sheet import Refused, Sheet, from_rows
from goldenbatch.connectors.tabular.card import TableSpec
from goldenbatch.core.errors import BadInputError

if TYPE_CHECKING:
    import pyarrow as pa


def _cell_text(value: object) -> str:
    """A typed cell as text; floats with the fewest digits that give them back."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def read_xlsx(content: bytes, spec: TableSpec, file: str) -> Sheet:
    """A sheet of an Excel file; dates become ISO 8601."""
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

    return from_rows(file, tuple(header), rows, lines, raw_row, refused)


def read_parquet(content: bytes, spec: TableSpec, file: str) -> Sheet:
    """A Parquet file; the line of a row is its number."""
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
