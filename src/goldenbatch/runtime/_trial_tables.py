"""Reading the tables of a trial: separators, decimal marks, headers, transposed files."""

from __future__ import annotations

import hashlib
import io
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenbatch.core.errors import BadInputError
from goldenbatch.runtime._trial_cells import (
    NO_VALUE,
    Columns,
    numbered,
    refuse_twice,
    unreadable,
)
from goldenbatch.runtime._trial_json import read_json
from goldenbatch.runtime._trial_workbook import read_workbook

if TYPE_CHECKING:
    import pyarrow as pa

    from goldenbatch.core.trial import FileRole

FILE_COLUMN = "file"
"""Column that says from which file a row came, added where a table has none of that name."""


@dataclass(frozen=True)
class RoleTable:
    """All files of one role, one below the other.

    Attributes:
        columns: Column name to values: floats (empty cells NaN) where all cells are
            numbers, else texts.
        files: Name below the data folder and SHA-256 of each file, in name order.
    """

    columns: Columns
    files: tuple[tuple[str, str], ...]

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values()), ()))


def read_role(name: str, role: FileRole, data_dir: Path) -> RoleTable:
    """Read all files of a role.

    Raises:
        BadInputError: No file matches, a file cannot be read, or the columns of two files
            are not the same.
    """
    if Path(role.glob).is_absolute() or ".." in Path(role.glob).parts:
        raise BadInputError(
            f"role {name!r}: {role.glob!r} leads out of the data folder.",
            hint="Give a pattern below it.",
            key=f"files.{name}.glob",
        )
    paths = sorted(path for path in data_dir.glob(role.glob) if path.is_file())
    if not paths:
        raise BadInputError(
            f"role {name!r}: no file below {data_dir} matches {role.glob!r}.",
            hint="Give the folder that the trial file describes, or correct its glob.",
        )
    columns: Columns = {}
    files: list[tuple[str, str]] = []
    for path in paths:
        content = path.read_bytes()
        shown = path.relative_to(data_dir).as_posix()
        files.append((shown, hashlib.sha256(content).hexdigest()))
        _append(columns, _read(content, role, shown), shown, files[0][0], role.decimal)
    return RoleTable(columns, tuple(files))


def _append(columns: Columns, table: Columns, file: str, first: str, decimal: str) -> None:
    n_rows = len(next(iter(table.values()), ()))
    table.setdefault(FILE_COLUMN, [file] * n_rows)
    if not columns:
        columns.update(table)
        return
    different = sorted(set(columns) ^ set(table))
    if different and file.lower().endswith(".json"):
        _fill(columns, table)
    elif different:
        raise BadInputError(
            f"its columns are not those of {first}: {', '.join(different[:5])}.",
            hint="Give each form of file a role of its own in the trial file.",
            file=file,
        )
    for name, values in table.items():
        columns[name] = _joined(columns[name], values, decimal)


def _fill(columns: Columns, table: Columns) -> None:
    """Give both the same columns: an object of JSON says only what there is to say."""
    n_before = len(columns[FILE_COLUMN])
    n_rows = len(table[FILE_COLUMN])
    for name in set(table) - set(columns):
        columns[name] = [float("nan")] * n_before
    for name in set(columns) - set(table):
        table[name] = [float("nan")] * n_rows


def _joined(one: list[Any], other: list[Any], decimal: str) -> list[Any]:
    """Two parts of a column; a column that is text in one file is text in all."""
    if one and other and isinstance(one[0], str) != isinstance(other[0], str):
        return [_as_text(value, decimal) for value in (*one, *other)]
    return one + other


def _as_text(value: str | float, decimal: str) -> str:
    if isinstance(value, str):
        return value
    return "" if math.isnan(value) else f"{value:.17g}".replace(".", decimal)


def _read(content: bytes, role: FileRole, file: str) -> Columns:
    suffix = Path(file).suffix.lower()
    if not content.strip():
        raise BadInputError("it is empty.", hint="Give the whole file.", file=file)
    if suffix == ".parquet":
        return _columns(_parquet(content, file), role, file)
    if suffix == ".json":
        return read_json(content, file)
    if suffix in {".xlsx", ".xlsm"}:
        return read_workbook(content, role, file)
    return _columns(_csv(content, role, file), role, file)


def _parquet(content: bytes, file: str) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(io.BytesIO(content))
    except (pa.ArrowInvalid, OSError) as error:
        raise unreadable(file, error) from error


def _csv(content: bytes, role: FileRole, file: str) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv

    separator = role.separator
    if not separator:
        # Arrow has no "any white space": fold it to one space, line by line.
        content = re.sub(rb"[ \t]+", b" ", content)
        content = re.sub(rb"(?m)^ | ?\r?$", b"", content)
        separator = " "
    parse = csv.ParseOptions(delimiter=separator, newlines_in_values=True)
    read = csv.ReadOptions(encoding=role.encoding, autogenerate_column_names=not role.header)
    convert = csv.ConvertOptions(
        decimal_point=role.decimal,
        strings_can_be_null=False,
        null_values=list(NO_VALUE),
        timestamp_parsers=["unparsed"],
    )
    try:
        return csv.read_csv(io.BytesIO(content), read, parse, convert)
    except (pa.ArrowInvalid, pa.ArrowKeyError, UnicodeError, LookupError, OSError) as error:
        raise unreadable(file, error) from error


def _columns(table: pa.Table, role: FileRole, file: str) -> Columns:
    import numpy as np

    names = list(table.column_names) if role.header else numbered(table.num_columns)
    refuse_twice(names, file)
    is_turned = role.transpose == "auto" and _is_turned(table, role, file)
    if is_turned:
        matrix = np.column_stack([_as_list(column) for column in table.columns])
        return {f"c{place + 1}": row.tolist() for place, row in enumerate(matrix)}
    if role.n_columns and table.num_columns != role.n_columns:
        raise BadInputError(
            f"it has {table.num_columns} columns, the trial file says {role.n_columns}.",
            file=file,
            hint="Check its separator and decimal mark.",
        )
    return {name: _as_list(table.column(place)) for place, name in enumerate(names)}


def _is_turned(table: pa.Table, role: FileRole, file: str) -> bool:
    if role.header or not role.n_columns:
        raise BadInputError(
            'a role with transpose = "auto" has no header and says n_columns.',
            hint="Correct the trial file.",
            file=file,
        )
    return bool(table.num_columns != role.n_columns and table.num_rows == role.n_columns)


def _as_list(column: pa.ChunkedArray) -> list[Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        return pc.fill_null(column.cast(pa.float64()), float("nan")).to_pylist()  # type: ignore[no-any-return]
    if pa.types.is_null(column.type):
        return [float("nan")] * len(column)
    if not pa.types.is_string(column.type):
        column = column.cast(pa.string())
    return pc.fill_null(column, "").to_pylist()  # type: ignore[no-any-return]
