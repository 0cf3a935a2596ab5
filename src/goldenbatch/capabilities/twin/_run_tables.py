"""Tables of runs (CSV, Excel): columns with units, every fault and gap named by file and line.

Units stand in the header, as in `c_N [g/L]`, or are given for a column. An empty cell is a
missing measurement; where a recipe needs the value it is a gap, which is refused.
"""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.core.errors import BadInputError
from goldenbatch.core.quantities import UnitError, conversion

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.fitting import Measured
    from goldenbatch.science.process.model import Model

MISSING = ("", "nan", "na", "n/a", "n.a.", "-", "none", "null")
_HEADER = re.compile(r"^(?P<name>.*?)\s*[\[(](?P<unit>[^\])]*)[\])]\s*$")
_LOCAL_NUMBER = re.compile(r"^[+-]?\d+,\d+$")


@dataclass(frozen=True)
class TableForm:
    """How a table of a run is written.

    Attributes:
        time: Name of the column of times; empty: the first column.
        sheet: Of a workbook; empty: the first.
        longest_gap: A longer silence, in the unit of the time column, is refused; 0: any.
        units: Of columns whose header states none, or a wrong one.
    """

    time: str = ""
    sheet: str = ""
    longest_gap: float = 0.0
    units: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RunTable:
    """A run, row by row.

    Attributes:
        file: Name, for messages.
        time: Name of its column of times.
        columns: Numbers by name, nan where a cell is empty. Shapes `(n_rows,)`.
        units: UCUM code by name; empty where none is stated.
        lines: Line or row of the file of each row.
    """

    file: str
    time: str
    columns: dict[str, NDArray[np.float64]]
    units: dict[str, str]
    lines: tuple[int, ...]

    def column(self, name: str, unit: str, *, is_complete: bool = False) -> NDArray[np.float64]:
        """A column in a unit. Shape `(n_rows,)`.

        Args:
            name: Of the column.
            unit: Wanted; a column without a unit is taken to be in it.
            is_complete: Refuse an empty cell.

        Raises:
            BadInputError: There is none of that name, its unit does not convert, or it has a gap.
        """
        if name not in self.columns:
            raise BadInputError(
                f"there is no column {name!r}.",
                hint=f"It has: {', '.join(self.columns)}.", file=self.file,
            )  # fmt: skip
        values = self.columns[name]
        empty = np.flatnonzero(np.isnan(values))
        if is_complete and empty.size:
            raise BadInputError(
                f"column {name!r} has a gap: {empty.size} of {values.size} cells are empty, the "
                "first of them here.",
                hint="Fill it: a recipe cannot be run without it.",
                file=self.file, line=self.lines[int(empty[0])],
            )  # fmt: skip
        try:
            factor, offset = conversion(self.units[name] or unit, unit)
        except UnitError as error:
            raise BadInputError(
                f"column {name!r} does not convert: {error}",
                hint="Correct the unit in its header, or give it.", file=self.file,
            ) from error  # fmt: skip
        converted: NDArray[np.float64] = values * factor + offset
        return converted

    def times(self, unit: str) -> NDArray[np.float64]:
        """Times since the first row, in a unit. Shape `(n_rows,)`."""
        found = self.column(self.time, unit)
        since: NDArray[np.float64] = found - found[0]
        return since

    def data(self, model: Model, outputs: Mapping[str, str]) -> dict[str, Measured]:
        """Measured outputs of a model by their columns; times since the first row.

        Args:
            model: Whose outputs they are.
            outputs: Name of the output to name of the column.

        Raises:
            BadInputError: The model has no such output, or the column is not there.
        """
        from goldenbatch.science.process.fitting import Measured

        units = {one.name: one.unit for one in model.outputs}
        strangers = sorted(set(outputs) - set(units))
        if strangers:
            raise BadInputError(
                f"model {model.name} has no output {strangers[0]!r}.",
                hint=f"It has: {', '.join(units)}.", file=self.file,
            )  # fmt: skip
        times = self.times(model.time_unit)
        return {
            name: Measured(times, self.column(column, units[name]))
            for name, column in outputs.items()
        }


def read_run_table(path: Path, form: TableForm | None = None) -> RunTable:
    """Read a table of a run.

    Args:
        path: A workbook (`.xlsx`) or text with commas, semicolons or tabs.
        form: How it is written.

    Raises:
        BadInputError: No such file or sheet, no header, a cell that is no number, times that
            stand or run back, a gap that is too long.
    """
    form = form or TableForm()
    rows = _book(path, form.sheet) if path.suffix.lower() == ".xlsx" else _text(path)
    if len(rows) < 3:
        raise BadInputError("it has fewer than two rows.", hint="Give the run.", file=str(path))
    _, head = rows[0]
    names, units = _header(head, form, str(path))
    time = form.time or names[0]
    if time not in names:
        raise BadInputError(
            f"there is no column of times {time!r}.",
            hint=f"It has: {', '.join(names)}.", file=str(path),
        )  # fmt: skip
    if path.suffix.lower() != ".xlsx":  # a workbook may have remarks beside its table
        _check_width(rows, len(names), str(path))
    cells = [(line, [*row, *[None] * (len(names) - len(row))]) for line, row in rows[1:]]
    columns = {
        name: np.array([_number(row[k], str(path), line, name) for line, row in cells])
        for k, name in enumerate(names) if name and name != time
    }  # fmt: skip
    place = names.index(time)
    lines = tuple(line for line, _ in cells)
    stamps, unit = _times([row[place] for _, row in cells], lines, time, str(path))
    _check(stamps, lines, form, str(path))
    units = {**units, time: unit or units[time]}
    return RunTable(str(path), time, {time: stamps, **columns}, units, lines)


def _book(path: Path, sheet: str) -> list[tuple[int, list[Any]]]:
    import openpyxl

    try:
        content = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of styles, which hold no data
            book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except Exception as error:
        raise BadInputError(
            f"it cannot be read as a workbook: {error}.", hint="Save it as .xlsx.", file=str(path)
        ) from error
    if sheet and sheet not in book.sheetnames:
        raise BadInputError(
            f"there is no sheet {sheet!r}.",
            hint=f"It has: {', '.join(book.sheetnames)}.", file=str(path),
        )  # fmt: skip
    values = book[sheet or book.sheetnames[0]].iter_rows(values_only=True)
    rows = [(line, list(row)) for line, row in enumerate(values, start=1)]
    return [(line, row) for line, row in rows if any(cell is not None for cell in row)]


def _text(path: Path) -> list[tuple[int, list[Any]]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"it cannot be read: {error}.", hint="", file=str(path)) from error
    numbered = [(n, line) for n, line in enumerate(lines, start=1)
                if line.strip() and not line.lstrip().startswith("#")]  # fmt: skip
    if not numbered:
        return []
    head = numbered[0][1]
    delimiter = max(",;\t", key=head.count)
    return [(n, next(csv.reader([line], delimiter=delimiter))) for n, line in numbered]


def _header(head: Sequence[Any], form: TableForm, file: str) -> tuple[list[str], dict[str, str]]:
    names, units = [], {}
    for cell in head:
        text = str(cell if cell is not None else "").strip()
        match = _HEADER.match(text)
        name = match["name"].strip() if match else text
        if name and name in units:
            raise BadInputError(f"two columns are called {name!r}.", hint="Rename one.", file=file)
        names.append(name)
        units[name] = form.units.get(name, match["unit"].strip() if match else "")
    strangers = sorted(set(form.units) - set(names))
    if strangers:
        raise BadInputError(
            f"a unit is given for {strangers[0]!r}, which is no column.",
            hint=f"It has: {', '.join(filter(None, names))}.", file=file,
        )  # fmt: skip
    return names, units


def _check_width(rows: Sequence[tuple[int, list[Any]]], n_columns: int, file: str) -> None:
    """A value in no column is lost: often a decimal comma between commas."""
    for line, row in rows[1:]:
        extra = [cell for cell in row[n_columns:] if cell is not None and str(cell).strip()]
        if extra:
            raise BadInputError(
                f"the row has {extra[0]!r} beyond its {n_columns} columns.",
                hint="Use decimal points, or semicolons between the columns.",
                file=file, line=line,
            )  # fmt: skip


def _number(cell: Any, file: str, line: int, name: str) -> float:
    if cell is None or (isinstance(cell, str) and cell.strip().lower() in MISSING):
        return float("nan")
    text = cell.strip().replace(",", ".") if _is_local(cell) else cell
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = float("inf")
    is_odd = isinstance(text, str) and not (text.isascii() and "_" not in text)
    if np.isinf(value) or isinstance(cell, bool) or is_odd:
        raise BadInputError(
            f"{cell!r} is no number.",
            hint="Correct it, or leave the cell empty where nothing was measured.",
            file=file, line=line, key=name,
        )  # fmt: skip
    return value


def _is_local(cell: Any) -> bool:
    return isinstance(cell, str) and _LOCAL_NUMBER.match(cell.strip()) is not None


def _times(
    cells: Sequence[Any], lines: Sequence[int], name: str, file: str
) -> tuple[NDArray[np.float64], str]:
    """Numbers in the unit of the header, or dates as seconds since the first."""
    stamps = [_stamp(cell) for cell in cells]
    if all(stamp is not None for stamp in stamps):
        whole = [stamp for stamp in stamps if stamp is not None]
        try:
            return np.array([(one - whole[0]).total_seconds() for one in whole]), "s"
        except TypeError as error:
            raise BadInputError(
                "some times have a time zone and some have none.", hint="", file=file
            ) from error
    found = [_number(cell, file, line, name) for cell, line in zip(cells, lines, strict=True)]
    for value, line in zip(found, lines, strict=True):
        if np.isnan(value):
            raise BadInputError(
                "the row has no time.", hint="Fill it or remove the row.", file=file, line=line
            )
    return np.array(found), ""


def _stamp(cell: Any) -> datetime | None:
    if isinstance(cell, datetime):
        return cell
    if isinstance(cell, str) and "-" in cell.strip()[1:]:
        try:
            return datetime.fromisoformat(cell.strip())
        except ValueError:
            return None
    return None


def _check(times: NDArray[np.float64], lines: Sequence[int], form: TableForm, file: str) -> None:
    for k, step in enumerate(np.diff(times), start=1):
        if not step > 0.0:
            raise BadInputError(
                f"time {times[k]:g} does not come after {times[k - 1]:g}.",
                hint="Sort the rows; two samples of one time are one row.",
                file=file, line=lines[k],
            )  # fmt: skip
        if form.longest_gap and step > form.longest_gap:
            raise BadInputError(
                f"nothing was recorded for {step:g}, longer than {form.longest_gap:g}.",
                hint="Fill the gap, or allow a longer one.", file=file, line=lines[k],
            )  # fmt: skip
