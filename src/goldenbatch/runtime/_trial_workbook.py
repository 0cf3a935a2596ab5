"""Tables of a trial from workbooks: one sheet, or several that are joined on a column."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from goldenbatch.core.errors import BadInputError
from goldenbatch.runtime._trial_cells import Columns, numbered, refuse_twice, typed, unreadable

if TYPE_CHECKING:
    from goldenbatch.core.trial import FileRole

Grid = list[list[Any]]


def read_workbook(content: bytes, role: FileRole, file: str) -> Columns:
    """Columns of the sheets that a role names, the first sheet where it names none.

    Several sheets become one table: rows belong together that have the same value in the
    column `role.key`, in the order of the first sheet.

    Raises:
        BadInputError: The file is no workbook, a sheet is missing, or the sheets cannot be joined.
    """
    names = (role.sheet,) if isinstance(role.sheet, str) else role.sheet
    tables = [_columns(grid, role, file) for grid in _grids(content, names or ("",), file)]
    if len(tables) == 1:
        return tables[0]
    joined = dict(tables[0])
    for name, table in zip(names[1:], tables[1:], strict=True):
        order = _matched(joined, table, role.key, f"{file}, sheet {name!r}")
        both = sorted((set(joined) & set(table)) - {role.key})
        if both:
            raise BadInputError(
                f"column {both[0]!r} stands in two of the sheets.", file=file, hint="Rename one."
            )
        joined |= {key: [values[i] for i in order] for key, values in table.items()}
    return joined


def _matched(one: Columns, other: Columns, key: str, file: str) -> list[int]:
    """For each row of one table the row of the other with the same key."""
    if not key or key not in one or key not in other:
        raise BadInputError(
            f"the sheets have no common column {key!r} to be joined on.",
            hint="Name it as `key` of the role.",
            file=file,
            key="files",
        )
    places = {value: i for i, value in enumerate(other[key])}
    missing = [value for value in one[key] if value not in places]
    if missing or len(places) != len(other[key]) or len(set(one[key])) != len(one[key]):
        what = f"{missing[0]!r} is missing" if missing else "a value stands there twice"
        raise BadInputError(
            f"column {key!r} does not name the same rows in each sheet: {what}.",
            hint="Correct the workbook, or name one sheet only.",
            file=file,
        )
    return [places[value] for value in one[key]]


def _grids(content: bytes, names: Sequence[str], file: str) -> list[Grid]:
    import zipfile

    import openpyxl

    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        missing = [name for name in names if name and name not in book.sheetnames]
        if missing:
            raise BadInputError(
                f"it has no sheet {missing[0]!r}.",
                hint=f"It has: {', '.join(book.sheetnames[:12])}.",
                file=file,
                key="files",
            )
        sheets = [book[name] if name else book.worksheets[0] for name in names]
        return [[list(row) for row in sheet.iter_rows(values_only=True)] for sheet in sheets]
    except (zipfile.BadZipFile, KeyError, ValueError, IndexError) as error:
        raise unreadable(file, error) from error


def _columns(rows: Grid, role: FileRole, file: str) -> Columns:
    width = max((len(row) for row in rows), default=0)
    names = ["" if cell is None else str(cell) for cell in rows[0]] if role.header and rows else []
    names += numbered(width)[len(names) :]
    refuse_twice(names, file)
    # Sheets often go on in rows that hold nothing.
    body = [row for row in rows[role.header :] if any(cell is not None for cell in row)]
    texts = {
        name: ["" if (value := row[place]) is None else str(value) for row in body]
        for place, name in enumerate(names)
    }
    return {name: typed(values, role.decimal) for name, values in texts.items()}
