"""The cold tables: Parquet by our own writer, committed to one Delta table a kind."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from goldenbatch.core.errors import IntegrityError
from goldenbatch.core.series import KINDS, ReadingKind
from goldenbatch.stores.historian import _files
from goldenbatch.stores.historian._columns import by_tag, ints, stored_schema
from goldenbatch.stores.historian._compactions import Compaction
from goldenbatch.stores.historian._delta import (
    APP,
    COMPACTION_APP,
    ColdFile,
    Snapshot,
    adds,
    cold_file,
    home_snapshot,
    remove,
    stats_text,
    transact,
)
from goldenbatch.stores.historian._leaves import number_bits
from goldenbatch.stores.historian._manifest import FileEntry
from goldenbatch.stores.historian._tiered import Tiered
from goldenbatch.stores.historian._tiers import TIER_APP, TierStep

DAY_US = 86_400_000_000
N_WRITERS = 4
__all__ = ["DAY_US", "Cold", "ColdFile", "Snapshot", "encodings", "stats_text"]
ROW_GROUP_BYTES = 64 << 20
N_COMPARED = 8
"""Row groups that are read back at once: memory that is used again need not be cleared."""


def encodings(kind: ReadingKind, *, is_final: bool = False) -> dict[str, Any]:
    """Options of the Parquet writer; a file that is to stay is compressed harder.

    Those of a hand-over are merged within a day: there speed counts.
    """
    value = "value.list.element" if kind == "array" else "value"
    compression = {"compression": "zstd", "compression_level": 3}
    return {
        **(compression if is_final else {"compression": "snappy"}),
        "write_statistics": True if is_final else ["time", "tag", "seq"],
        "use_dictionary": ["tag", "quality", value],
        "column_encoding": {
            "time": "DELTA_BINARY_PACKED",
            "seq": "DELTA_BINARY_PACKED",
            "received_at": "DELTA_BINARY_PACKED",
        },
        "write_page_checksum": True,
    }


def _bounds(table: pa.Table) -> str:
    spans = []
    for name in ("time", "tag", "seq"):
        column = ints(table, name)
        spans.append((int(column.min()), int(column.max())))
    return stats_text(table.num_rows, *spans)


class Cold:
    """The Delta tables of a historian.

    Args:
        place: Where they lie.
        row_group_rows: Rows of a Parquet row group of a hand-over.
    """

    def __init__(self, place: Tiered, row_group_rows: int) -> None:
        self.place, self.row_group_rows = place, row_group_rows

    def write_files(
        self, kind: ReadingKind, table: pa.Table, n: int
    ) -> list[tuple[FileEntry, pa.Table]]:
        """Write a table, ordered by (tag, time, seq), one durable file a date, with its rows."""
        parts = _by_date(table)
        with ThreadPoolExecutor(N_WRITERS) as pool:
            entries = list(pool.map(lambda part: self._write(kind, n, *part), parts))
        self.place.settle(kind)
        return list(zip(entries, (part for _, part in parts), strict=True))

    def _write(self, kind: ReadingKind, n: int, date: str, table: pa.Table) -> FileEntry:
        import pyarrow.parquet as pq

        sink = pa.BufferOutputStream()
        # Long arrays would make row groups of gigabytes.
        fitting = max(64, ROW_GROUP_BYTES // max(1, table.nbytes // table.num_rows))
        size = min(self.row_group_rows, fitting)
        pq.write_table(table, sink, row_group_size=size, **encodings(kind))
        data = memoryview(sink.getvalue())
        name = f"date={date}/{n:020d}-{kind}.parquet"
        self.place.write(kind, name, data)
        digest = hashlib.sha256(data).hexdigest()
        return FileEntry(kind, name, data.nbytes, digest, date, _bounds(table))

    def commit(self, kind: ReadingKind, files: Sequence[FileEntry], n: int) -> None:
        """Add files to a table as hand-over `n`, durable on return; again does nothing."""
        transact(self.place.home, kind, (APP, n), adds(files, is_new=True), is_first=True)

    def swap(self, one: Compaction) -> None:
        """Put merged files in the place of others, durable on return; again does nothing."""
        removes = [remove(file, at_ms=one.at // 1000, is_new=False) for file in one.removed]
        actions = [*removes, *adds(one.added, is_new=False)]
        transact(self.place.home, one.kind, (COMPACTION_APP, one.number), actions)

    def remove(self, kind: ReadingKind, files: Sequence[FileEntry]) -> None:
        """Take files out of a table, durable on return; those that are out already stay so."""
        self.place.discard_torn(kind)
        held = {file.name for file in home_snapshot(self.place.home, kind).files}
        gone = [remove(file, at_ms=0, is_new=True) for file in files if file.path in held]
        if gone:
            transact(self.place.home, kind, None, gone)

    def leave(self, one: TierStep) -> None:
        """Take files that lie in a tier out of the table at home; again does nothing."""
        actions = [remove(file, at_ms=one.at // 1000, is_new=False) for file in one.added]
        if actions:
            transact(self.place.home, one.kind, (TIER_APP, one.number), actions)

    def snapshot(self, kind: ReadingKind) -> Snapshot:
        """Newest version of a table, with its files that lie in tiers.

        The table at home is read first: a file that leaves it is in a record by then.

        Raises:
            IntegrityError: The table's log, or a record, cannot be read.
        """
        found = home_snapshot(self.place.home, kind)
        names = {file.name for file in found.files}
        more = tuple(
            cold_file(self.place.path(kind, file.path), file)
            for file in self.place.elsewhere(kind, found.compaction)
            if file.path not in names
        )
        return replace(found, files=found.files + more) if more else found

    def local(self, file: FileEntry) -> Path:
        """Where a file can be read on this machine.

        Raises:
            IntegrityError: It is missing; names it.
        """
        return self.place.local(file.kind, file.path, file.size)

    def require_whole(self, file: FileEntry) -> None:
        """Refuse a file that is not what was written.

        Raises:
            IntegrityError: Names it.
        """
        path = self.local(file)
        if _files.file_digest(path) != file.sha256:
            raise IntegrityError(
                f"{self.place.path(file.kind, file.path)} is not what was written.",
                hint="Restore it from a restored backup: `goldenbatch historian repair FOLDER`.",
            )

    def holds(self, kind: ReadingKind, file: FileEntry, table: pa.Table) -> bool:
        """Whether a file, as it lies on the disk, holds just the rows of a table, bit for bit."""
        import pyarrow.parquet as pq

        at = 0
        try:
            with pq.ParquetFile(self.local(file), page_checksum_verification=True) as parquet:
                for first in range(0, parquet.num_row_groups, N_COMPARED):
                    groups = range(first, min(first + N_COMPARED, parquet.num_row_groups))
                    held = parquet.read_row_groups(list(groups)).cast(stored_schema(kind))
                    if not _is_same(kind, held, table.slice(at, held.num_rows)):
                        return False
                    at += held.num_rows
        except (IntegrityError, OSError, ValueError, KeyError, TypeError, pa.ArrowException):
            return False
        return bool(at == table.num_rows)

    def read(self, kind: ReadingKind, files: Iterable[FileEntry]) -> pa.Table:
        """All readings of files, as they lie on the disk.

        Raises:
            IntegrityError: A file cannot be read; names it.
        """
        import pyarrow.parquet as pq

        tables = []
        for file in files:
            path = self.local(file)
            try:
                with pq.ParquetFile(path, page_checksum_verification=True) as parquet:
                    tables.append(parquet.read().cast(stored_schema(kind)))
            except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
                raise IntegrityError(
                    f"{self.place.path(kind, file.path)} cannot be read ({str(error)[:200]}).",
                    hint="Restore the file from the home's backup.",
                ) from error
        return pa.concat_tables(tables) if tables else stored_schema(kind).empty_table()

    def kinds(self) -> list[ReadingKind]:
        """Kinds that have a table."""
        return [kind for kind in KINDS if self.place.has_table(kind)]


def _by_date(table: pa.Table) -> list[tuple[str, pa.Table]]:
    """Rows of each date, in their order."""
    time = ints(table, "time")
    first, last = int(time.min()) // DAY_US, int(time.max()) // DAY_US
    if first == last:
        return [(str(np.datetime64(first, "D")), table)]
    days, codes = np.unique(time // DAY_US, return_inverse=True)
    order, start, parts = by_tag(codes), 0, []
    for day, stop in zip(days.tolist(), np.cumsum(np.bincount(codes)).tolist(), strict=True):
        parts.append((str(np.datetime64(day, "D")), table.take(pa.array(order[start:stop]))))
        start = stop
    return parts


def _is_same(kind: ReadingKind, one: pa.Table, other: pa.Table) -> bool:
    """Minus zero equals zero, and yet is another reading."""
    return bool(one.equals(other)) and (
        kind != "number"
        or np.array_equal(number_bits(one.column("value")), number_bits(other.column("value")))
    )
