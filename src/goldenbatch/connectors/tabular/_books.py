"""Excel files as sheets: typed cells as text."""

from __future__ import annotations

import io
import json

from goldenbatch.connectors.tabular._sheet import Refused, Sheet, from_rows
from goldenbatch.connectors.tabular.card import TableSpec
from goldenbatch.core.errors import BadInputError


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
