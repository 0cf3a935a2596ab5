"""Readings on their way to the historian: gathered by kind, one frame a kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.core.series import KINDS, Frame, ReadingKind, frame_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FIRST_TIME: Final = -2_208_988_800_000_000
LAST_TIME: Final = 9_183_110_400_000_000
"""Years 1900 to 2260: a time outside them is no time of a reading."""


class TagBook:
    """The tags of a source: numbers for the columns of frames, and kinds.

    A kind never changes once a tag has one: the historian keeps one kind a tag.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self.kinds: list[ReadingKind | None] = []
        self._codes: dict[str, int] = {}
        self._dictionary: Any = None

    def code(self, name: str) -> int:
        """Number of a tag, given when it is first asked for."""
        found = self._codes.get(name)
        if found is None:
            found = self._codes[name] = len(self.names)
            self.names.append(name)
            self.kinds.append(None)
        return found

    def dictionary(self) -> Any:
        """All names as Arrow."""
        import pyarrow as pa

        if self._dictionary is None or len(self._dictionary) != len(self.names):
            self._dictionary = pa.array(self.names, pa.string())
        return self._dictionary


@dataclass
class Columns:
    """Readings of one kind, column by column."""

    times: list[int] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    qualities: list[int] = field(default_factory=list)

    def add(self, time: int, code: int, value: Any, quality: int) -> None:
        """One more reading."""
        self.times.append(time)
        self.codes.append(code)
        self.values.append(value)
        self.qualities.append(quality)

    def __len__(self) -> int:
        return len(self.times)


class Batch:
    """Readings that are delivered together, by kind."""

    def __init__(self) -> None:
        self.kinds: dict[ReadingKind, Columns] = {kind: Columns() for kind in KINDS}

    def __len__(self) -> int:
        return sum(len(columns) for columns in self.kinds.values())

    def frames(self, book: TagBook, source: str, key: str, received_at: int) -> Iterator[Frame]:
        """The readings as frames; a tag stands at a time in one frame once."""
        for kind, columns in self.kinds.items():
            if not len(columns):
                continue
            for i, rows in enumerate(_layers(columns)):
                table = _table(kind, columns, rows, book)
                yield Frame(source, f"{key}/{kind}/{i}", kind, table, received_at)


def _layers(columns: Columns) -> Iterable[NDArray[np.int64] | None]:
    """Rows of each frame: a second reading of a tag at one time goes into a later one.

    The same reading again is left out; None means all rows.
    """
    import numpy as np

    codes = np.asarray(columns.codes, dtype=np.int64)
    if len(set(columns.codes)) == len(codes):
        return [None]
    times = np.asarray(columns.times, dtype=np.int64)
    order = np.lexsort((np.arange(len(codes)), times, codes))
    is_again = np.zeros(len(codes), dtype=bool)
    same = (codes[order][1:] == codes[order][:-1]) & (times[order][1:] == times[order][:-1])
    is_again[order[1:]] = same
    if not same.any():
        return [None]
    layers: list[list[int]] = [np.flatnonzero(~is_again).tolist()]
    newest = {(columns.codes[row], columns.times[row]): (row, 0) for row in layers[0]}
    for row in np.flatnonzero(is_again).tolist():
        at = (columns.codes[row], columns.times[row])
        before, layer = newest[at]
        said = (columns.values[before], columns.qualities[before])
        if said == (columns.values[row], columns.qualities[row]):
            continue
        if len(layers) == layer + 1:
            layers.append([])
        layers[layer + 1].append(row)
        newest[at] = (row, layer + 1)
    return [np.asarray(rows, dtype=np.int64) for rows in layers]


def _table(
    kind: ReadingKind, columns: Columns, rows: NDArray[np.int64] | None, book: TagBook
) -> Any:
    import numpy as np
    import pyarrow as pa

    codes = pa.array(np.asarray(columns.codes, dtype=np.int32))
    tags = pa.DictionaryArray.from_arrays(codes, book.dictionary())
    table = frame_table(kind, columns.times, tags, columns.values, columns.qualities)
    return table if rows is None else table.take(pa.array(rows))
