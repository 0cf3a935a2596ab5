"""Sheets: a CSV, Excel or Parquet file as columns of text, with the line of each row."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray


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
        columns: One column of text a header, shape `(n_rows,)` each; read them with `text`.
        lines: Line or row of each row in the file, from 1, shape `(n_rows,)`.
        refused: Rows that could not be read into columns.
        notes: What the reader ought to know.
        raw: The row of a line as it stands in the file.
        decoded: Columns that were read as numbers at once, by place; a missing one is null.
        reread: Reads all columns as text, where some were decoded.
    """

    file: str
    header: tuple[str, ...]
    columns: list[pa.ChunkedArray]
    lines: NDArray[np.int64]
    raw: Callable[[int], str]
    refused: list[Refused] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    decoded: dict[int, pa.ChunkedArray] = field(default_factory=dict)
    reread: Callable[[], list[pa.ChunkedArray]] | None = None

    @property
    def n_rows(self) -> int:
        """Rows with columns."""
        return len(self.lines)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: at for at, name in enumerate(self.header)}

    def column(self, name: str) -> pa.ChunkedArray:
        """Column of a header."""
        return self.text(self._index[name])

    def text(self, at: int) -> pa.ChunkedArray:
        """Column at a place; one that was decoded is read once more."""
        if at in self.decoded:
            self.as_text()
        return self.columns[at]

    def as_text(self) -> None:
        """Give up what was decoded: cells of any column may be asked for."""
        if self.reread is not None:
            self.columns, self.decoded, self.reread = self.reread(), {}, None

    def position(self, name: str) -> int:
        """Place of a header, from 0."""
        return self._index[name]


def from_rows(
    file: str,
    header: tuple[str, ...],
    rows: Sequence[Sequence[str]],
    lines: Sequence[int],
    raw: Callable[[int], str],
    refused: list[Refused],
) -> Sheet:
    """A sheet of rows of text, all as long as the header."""
    import pyarrow as pa

    columns = [
        pa.chunked_array([pa.array([row[at] for row in rows], pa.string())])
        for at in range(len(header))
    ]
    return Sheet(file, header, columns, np.asarray(lines, dtype=np.int64), raw, refused)


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
