"""Several files of a day become one, by ranges of tags, so that memory stays small.

A tag of many rows has row groups of its own; others share groups of some 32,768 rows. A reader
that asks for one tag then reads that tag only.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from goldenbatch.core.chunks import readings_header
from goldenbatch.core.errors import IntegrityError
from goldenbatch.core.series import ReadingKind
from goldenbatch.stores.historian._columns import Ints, ints, ordered, raw_ints, stored_schema
from goldenbatch.stores.historian._groups import UNKNOWN, Groups
from goldenbatch.stores.historian._leaves import runs_of

LARGE_TAG = 8_192
SHARED_ROWS = 32_768
OWN_ROWS = 131_072
RANGE_ROWS = 2_000_000
RANGE_BYTES = 256 << 20
GROUP_BYTES = 64 << 20

Digests = dict[tuple[int, int], tuple[int, str]]
"""Of a group and tag: number of its rows, and the SHA-256 of their canonical bytes."""


class RowGroups:
    """A Parquet file of ours, read a range of tags at a time.

    Args:
        path: The file.
        kind: Of its readings.
    """

    def __init__(self, path: Path, kind: ReadingKind) -> None:
        self.path, self.kind = path, kind
        with self._explained():
            self._file = pq.ParquetFile(path, page_checksum_verification=True)
            self.spans = [self._span(index) for index in range(self._file.num_row_groups)]
        self.n_rows = int(self._file.metadata.num_rows)

    def _explained(self) -> Any:
        return explained(self.path)

    def _span(self, index: int) -> tuple[int, int, int, int]:
        """First and last tag of a row group, its rows and its bytes in memory."""
        group = self._file.metadata.row_group(index)
        column = self._file.schema_arrow.get_field_index("tag")
        stats = group.column(column).statistics
        if stats is None or not stats.has_min_max:
            raise ValueError(f"row group {index} says nothing of its tags")
        return int(stats.min), int(stats.max), int(group.num_rows), int(group.total_byte_size)

    def read(self, first: int, last: int) -> pa.Table:
        """Rows of the tags `first` to `last`, as they lie on the disk."""
        chosen = [n for n, span in enumerate(self.spans) if span[0] <= last and span[1] >= first]
        schema = stored_schema(self.kind)
        if not chosen:
            return schema.empty_table()
        with self._explained():
            table = self._file.read_row_groups(chosen).cast(schema).combine_chunks()
            tag = raw_ints(table, "tag")
            low, high = np.searchsorted(tag, [first, last + 1])
            return table.slice(int(low), int(high - low))

    def close(self) -> None:
        """Give back the file."""
        self._file.close(force=True)


class explained:  # noqa: N801 - reads as a word in a with statement
    """What goes wrong while a file is read, as one clear error that names it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, OSError | ValueError | KeyError | TypeError | pa.ArrowException):
            raise IntegrityError(
                f"{self._path} cannot be read ({str(error)[:200]}).",
                hint="Restore the file from the home's backup.",
            ) from error


def tag_ranges(files: Sequence[RowGroups]) -> Iterator[tuple[int, int]]:
    """Ranges of tags, each of some two million rows, that together hold all."""
    spans = sorted((span for file in files for span in file.spans), key=lambda span: span[1])
    first, n_rows, n_bytes = 0, 0, 0
    for place, (_, last, rows, size) in enumerate(spans):
        n_rows, n_bytes = n_rows + rows, n_bytes + size
        is_end = place + 1 == len(spans)
        is_full = n_rows >= RANGE_ROWS or n_bytes >= RANGE_BYTES
        if is_end or (is_full and spans[place + 1][1] > last):
            yield first, last
            first, n_rows, n_bytes = last + 1, 0, 0


def group_edges(tag: Ints, row_bytes: int) -> list[int]:
    """First row of each row group, and the number of rows, of rows that are ordered by tag."""
    fitting = max(64, GROUP_BYTES // max(1, row_bytes))
    own, shared, large = (min(n, fitting) for n in (OWN_ROWS, SHARED_ROWS, LARGE_TAG))
    starts = np.flatnonzero(np.concatenate([[True], tag[1:] != tag[:-1]])).tolist()
    edges = [0]
    for start, stop in zip(starts, [*starts[1:], len(tag)], strict=True):
        if stop - start >= large:
            edges += [start] if start > edges[-1] else []
            n_parts = -(-(stop - start) // own)
            edges += [start + (stop - start) * part // n_parts for part in range(1, n_parts + 1)]
        elif stop - edges[-1] >= shared:
            edges.append(stop)
    return edges if edges[-1] == len(tag) else [*edges, len(tag)]


@dataclass
class Tally:
    """Digests by group and tag over rows that come in order of time, in parts.

    Attributes:
        groups: Which hand-over and source a row is of.
        kind: Of the readings.
        name: Name of a tag by its number.
        right: Group and tag of leaves that came whole and are what they should be.
    """

    groups: Groups
    kind: ReadingKind
    name: Callable[[int], str]
    counts: dict[tuple[int, int], int] = field(default_factory=dict)
    right: set[tuple[int, str]] = field(default_factory=set)
    _open: dict[tuple[int, int], Any] = field(default_factory=dict)
    _closed: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def take(self, table: pa.Table) -> None:
        """Rows of a file, ordered by (tag, time, seq)."""
        if not table.num_rows:
            return
        runs = runs_of(table, self.kind, self.groups.of(ints(table, "seq")))
        keys = list(zip(runs.group.tolist(), runs.tag.tolist(), strict=True))
        for key, size in zip(keys, np.diff(runs.edges).tolist(), strict=True):
            self.counts[key] = self.counts.get(key, 0) + size
        for run, piece in runs.pieces():
            state = self._open.get(keys[run])
            if state is None:
                state = self._open[keys[run]] = hashlib.sha256(self._head(*keys[run]))
            state.update(piece)

    def _head(self, group: int, tag: int) -> bytes:
        """What stands before the rows of a leaf, if the leaf is known."""
        name = self.name(tag)
        leaf = self.groups.leaves.get((group, name))
        n_readings = leaf.n_readings if leaf else 0
        return b"\x00" + readings_header(name, self.kind, n_readings)

    def settle(self) -> None:
        """Forget leaves that have all their rows and the right digest."""
        for key in list(self._open):
            label = (key[0], self.name(key[1]))
            leaf = self.groups.leaves.get(label)
            is_whole = leaf is not None and self.counts[key] == leaf.n_readings
            if leaf is not None and is_whole and self._open[key].hexdigest() == leaf.digest:
                self.right.add(label)
                del self._open[key], self.counts[key]

    def close_range(self) -> None:
        """No more rows of these tags will come: keep the digests, not what computes them."""
        self._closed.update({key: one.digest() for key, one in self._open.items()})
        self._open.clear()

    def digests(self) -> Digests:
        """What was counted and digested so far."""
        found = {key: one.digest() for key, one in self._open.items()} | self._closed
        return {key: (self.counts[key], digest.hex()) for key, digest in found.items()}


@dataclass
class Bounds:
    """What the rows of a file lie between."""

    n_rows: int = 0
    times: tuple[int, int] = (0, 0)
    tags: tuple[int, int] = (0, 0)
    seqs: tuple[int, int] = (0, 0)

    def take(self, table: pa.Table) -> None:
        """Widen them by rows."""
        for name, column in (("times", "time"), ("tags", "tag"), ("seqs", "seq")):
            numbers = raw_ints(table, column)
            low, high = int(numbers.min()), int(numbers.max())
            if self.n_rows:
                known = getattr(self, name)
                low, high = min(low, known[0]), max(high, known[1])
            setattr(self, name, (low, high))
        self.n_rows += table.num_rows


def merge(
    files: Sequence[RowGroups],
    target: Path,
    tally: Tally,
    options: dict[str, Any],
    left_out: Collection[int] = (),
) -> Bounds:
    """Write the rows of files into one, ordered, and tally them as they lay in the files.

    Args:
        files: In the order in which they came.
        target: The new file.
        tally: Takes all rows, also those that are left out.
        options: Of the Parquet writer.
        left_out: Groups whose rows are not written.

    Raises:
        IntegrityError: A file cannot be read, or has rows that no frame brought.
    """
    kind, bounds = files[0].kind, Bounds()
    with pq.ParquetWriter(target, stored_schema(kind), **options) as writer:
        for first, last in tag_ranges(files):
            parts = []
            for file in files:
                part = file.read(first, last)
                tally.take(part)
                parts.append(part)
            tally.close_range()
            table = ordered(pa.concat_tables(parts))
            if left_out:
                group = tally.groups.of(ints(table, "seq"))
                keep = ~np.isin(group, list(left_out))
                table = table.filter(pa.array(keep)).combine_chunks()
            if table.num_rows:
                bounds.take(table)
                _write_groups(writer, table)
    strangers = [tag for group, tag in tally.counts if group == UNKNOWN]
    if strangers:
        raise IntegrityError(
            f"{files[0].path.parent} has readings of tag {tally.name(strangers[0])!r} "
            "that no frame brought.",
            hint="Run `goldenbatch verify`; it names them.",
        )
    return bounds


def _write_groups(writer: pq.ParquetWriter, table: pa.Table) -> None:
    edges = group_edges(raw_ints(table, "tag"), table.nbytes // table.num_rows)
    for start, stop in itertools.pairwise(edges):
        writer.write_table(table.slice(start, stop - start), row_group_size=stop - start)


def tally_file(path: Path, tally: Tally, *, is_whole: bool = False) -> None:
    """Tally a file as it lies on the disk, a range of tags at a time.

    Args:
        path: The file.
        tally: Takes the rows.
        is_whole: No other file follows that has rows of the same tags.
    """
    file = RowGroups(path, tally.kind)
    try:
        for first, last in tag_ranges([file]):
            tally.take(file.read(first, last))
            if is_whole:
                tally.close_range()
    finally:
        file.close()
