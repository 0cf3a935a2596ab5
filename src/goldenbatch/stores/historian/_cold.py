"""The cold tables: Parquet by our own writer, committed to one Delta table a kind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from goldenbatch.core.errors import IntegrityError
from goldenbatch.core.records import to_iso
from goldenbatch.core.series import KINDS, ReadingKind
from goldenbatch.stores.historian import _files
from goldenbatch.stores.historian._columns import Ints, by_tag, ints, stored_schema
from goldenbatch.stores.historian._compactions import Compaction
from goldenbatch.stores.historian._manifest import FileEntry
from goldenbatch.stores.historian._places import Place

APP = "goldenbatch-historian"
COMPACTION_APP = "goldenbatch-compaction"
DAY_US = 86_400_000_000
N_WRITERS = 4
ROW_GROUP_BYTES = 64 << 20


_SAID = (
    "path", "size_bytes", "num_records", "min.time", "max.time", "min.tag", "max.tag", "min.seq",
    "max.seq",
)  # fmt: skip
"""What the Delta log says of every file that this package has written."""


@dataclass(frozen=True)
class ColdFile:
    """A file of a table's snapshot, with the bounds by which it is left out of a query."""

    path: str
    name: str
    size: int
    times: tuple[int, int]
    tags: tuple[int, int]
    seqs: tuple[int, int]
    n_rows: int

    @property
    def stats(self) -> str:
        """Bounds in the form in which they were committed."""
        return stats_text(self.n_rows, self.times, self.tags, self.seqs)


@dataclass(frozen=True)
class Snapshot:
    """One version of a table: its files, the last hand-over and compaction that it holds."""

    n: int
    files: tuple[ColdFile, ...]
    compaction: int = 0

    def overlapping(self, tags: Ints, first: int, last: int) -> list[ColdFile]:
        """Files that may hold readings of the tags with `first <= time <= last`."""
        found = []
        for file in self.files:
            if file.times[0] > last or file.times[1] < first:
                continue
            inside = (tags >= file.tags[0]) & (tags <= file.tags[1])
            if bool(inside.any()):
                found.append(file)
        return found


def delta_schema(kind: ReadingKind) -> pa.Schema:
    """Columns of a Delta table: stored, and the date as partition."""
    return stored_schema(kind).append(pa.field("date", pa.date32(), nullable=False))


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


def stats_text(
    n_rows: int, times: tuple[int, int], tags: tuple[int, int], seqs: tuple[int, int]
) -> str:
    """Statistics of a file as they stand in the Delta log."""
    stats = {
        "numRecords": n_rows,
        "minValues": {"time": to_iso(times[0]), "tag": tags[0], "seq": seqs[0]},
        "maxValues": {"time": to_iso(times[1]), "tag": tags[1], "seq": seqs[1]},
        "nullCount": {"time": 0, "tag": 0, "seq": 0, "quality": 0, "received_at": 0},
    }
    return json.dumps(stats, separators=(",", ":"))


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

    def __init__(self, place: Place, row_group_rows: int) -> None:
        self.place, self._row_group_rows = place, row_group_rows

    def write_files(
        self, kind: ReadingKind, table: pa.Table, n: int
    ) -> list[tuple[FileEntry, pa.Table]]:
        """Write a table, ordered by (tag, time, seq), one durable file a date, with its rows."""
        day = ints(table, "time") // DAY_US
        if day.min() == day.max():
            days, codes = day[:1], np.zeros(len(day), dtype=np.int64)
        else:
            days, codes = np.unique(day, return_inverse=True)
        order = by_tag(codes)
        stops = np.cumsum(np.bincount(codes, minlength=len(days)))
        parts = []
        for index, stop in enumerate(stops.tolist()):
            rows = order[(stops[index - 1] if index else 0) : stop]
            date = str(np.datetime64(int(days[index]), "D"))
            parts.append((date, table if len(days) == 1 else table.take(pa.array(rows))))
        with ThreadPoolExecutor(N_WRITERS) as pool:
            entries = list(pool.map(lambda part: self._write(kind, n, *part), parts))
        self.place.settle(kind)
        return list(zip(entries, (part for _, part in parts), strict=True))

    def _write(self, kind: ReadingKind, n: int, date: str, table: pa.Table) -> FileEntry:
        import pyarrow.parquet as pq

        sink = pa.BufferOutputStream()
        # Long arrays would make row groups of gigabytes.
        fitting = max(64, ROW_GROUP_BYTES // max(1, table.nbytes // table.num_rows))
        size = min(self._row_group_rows, fitting)
        pq.write_table(table, sink, row_group_size=size, **encodings(kind))
        data = memoryview(sink.getvalue())
        name = f"date={date}/{n:020d}-{kind}.parquet"
        self.place.write(kind, name, data)
        digest = hashlib.sha256(data).hexdigest()
        return FileEntry(kind, name, data.nbytes, digest, date, _bounds(table))

    def commit(self, kind: ReadingKind, files: Sequence[FileEntry], n: int) -> None:
        """Add files to a table as hand-over `n`, durable on return; again does nothing."""
        self._transact(kind, (APP, n), _adds(files, is_new=True), is_first=True)

    def swap(self, one: Compaction) -> None:
        """Put merged files in the place of others, durable on return; again does nothing."""
        removes = [_remove(file, at_ms=one.at // 1000, is_new=False) for file in one.removed]
        actions = [*removes, *_adds(one.added, is_new=False)]
        self._transact(one.kind, (COMPACTION_APP, one.number), actions)

    def remove(self, kind: ReadingKind, files: Sequence[FileEntry]) -> None:
        """Take files out of a table, durable on return; those that are out already stay so."""
        self.place.discard_torn(kind)
        held = {file.name for file in self.snapshot(kind).files}
        gone = [_remove(file, at_ms=0, is_new=True) for file in files if file.path in held]
        if gone:
            self._transact(kind, None, gone)

    def _transact(
        self,
        kind: ReadingKind,
        mark: tuple[str, int] | None,
        actions: list[Any],
        *,
        is_first: bool = False,
    ) -> None:
        """One Delta commit, unless its mark says that it was made already."""
        from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Transaction
        from deltalake.exceptions import DeltaError

        self.place.discard_torn(kind)
        uri, options = self.place.uri(kind), self.place.options
        marks = [Transaction(*mark)] if mark else None
        try:
            if is_first:
                table = DeltaTable.create(
                    uri,
                    delta_schema(kind),
                    mode="ignore",
                    partition_by=["date"],
                    storage_options=options,
                )
            else:
                table = DeltaTable(uri, storage_options=options)
            if mark is None or (table.transaction_version(mark[0]) or 0) < mark[1]:
                table.create_write_transaction(
                    actions,
                    "append",
                    delta_schema(kind),
                    ["date"],
                    commit_properties=CommitProperties(app_transactions=marks),
                    post_commithook_properties=PostCommitHookProperties(
                        create_checkpoint=True, cleanup_expired_logs=False
                    ),
                )
        except DeltaError as error:
            raise OSError(f"{uri}: the Delta commit failed ({error})") from error
        self.place.settle_log(kind)

    def snapshot(self, kind: ReadingKind) -> Snapshot:
        """Newest version of a table.

        Raises:
            IntegrityError: The table's log cannot be read.
        """
        if not self.place.has_table(kind):
            return Snapshot(0, ())
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError

        uri = self.place.uri(kind)
        try:
            table = DeltaTable(uri, storage_options=self.place.options)
            n = table.transaction_version(APP) or 0
            compaction = table.transaction_version(COMPACTION_APP) or 0
            rows = pa.table(table.get_add_actions(flatten=True)).to_pylist()
        except TableNotFoundError:
            return Snapshot(0, ())
        except (DeltaError, OSError, ValueError) as error:
            words = str(error).partition("\n")[0]  # the rest is a trace of another language
            raise IntegrityError(
                f"{uri}: the Delta log cannot be read ({words}).",
                hint="Restore it from the home's backup.",
            ) from error
        return Snapshot(n, tuple(self._file(kind, row) for row in rows), compaction)

    def _file(self, kind: ReadingKind, row: dict[str, Any]) -> ColdFile:
        def micros(value: Any) -> int:
            return int(np.datetime64(value.replace(tzinfo=None), "us").astype(np.int64))

        missing = [name for name in _SAID if row.get(name) is None]
        if missing:
            raise IntegrityError(
                f"{self.place.uri(kind)}: the Delta log says nothing of {', '.join(missing)}"
                f" of {row.get('path') or 'a file'}.",
                hint="Restore it from the home's backup.",
            )
        return ColdFile(
            path=self.place.path(kind, row["path"]),
            name=row["path"],
            size=row["size_bytes"],
            times=(micros(row["min.time"]), micros(row["max.time"])),
            tags=(row["min.tag"], row["max.tag"]),
            seqs=(row["min.seq"], row["max.seq"]),
            n_rows=row["num_records"],
        )

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


def _adds(files: Iterable[FileEntry], *, is_new: bool) -> list[Any]:
    from deltalake.transaction import AddAction

    return [
        AddAction(file.path, file.size, {"date": file.date}, 0, is_new, file.stats)
        for file in files
    ]


def _remove(file: FileEntry, *, at_ms: int, is_new: bool) -> Any:
    from deltalake.transaction import RemoveAction

    return RemoveAction(file.path, is_new, at_ms, file.size, {"date": file.date})
