"""The cold tables: Parquet by our own writer, committed to one Delta table a kind."""

from __future__ import annotations

import hashlib
import json
import os
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
from goldenbatch.stores.historian._manifest import FileEntry

APP = "goldenbatch-historian"
DAY_US = 86_400_000_000
N_WRITERS = 4
ROW_GROUP_BYTES = 64 << 20


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
        return _stats(self.n_rows, self.times, self.tags, self.seqs)


@dataclass(frozen=True)
class Snapshot:
    """One version of a table: its files, and the last hand-over that it holds."""

    n: int
    files: tuple[ColdFile, ...]

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


def _encodings(kind: ReadingKind) -> dict[str, Any]:
    value = "value.list.element" if kind == "array" else "value"
    return {
        "compression": "zstd",
        "use_dictionary": ["tag", "quality", value],
        "column_encoding": {
            "time": "DELTA_BINARY_PACKED",
            "seq": "DELTA_BINARY_PACKED",
            "received_at": "DELTA_BINARY_PACKED",
        },
        "write_page_checksum": True,
    }


def _stats(
    n_rows: int, times: tuple[int, int], tags: tuple[int, int], seqs: tuple[int, int]
) -> str:
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
    return _stats(table.num_rows, *spans)


class Cold:
    """The Delta tables below a historian's folder.

    Args:
        folder: The historian's folder; each kind's table lies in its sub-folder.
        row_group_rows: Rows of a Parquet row group.
    """

    def __init__(self, folder: Path, row_group_rows: int) -> None:
        self.folder, self._row_group_rows = folder, row_group_rows

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
        _files.make_dir(self.folder / kind)
        with ThreadPoolExecutor(N_WRITERS) as pool:
            entries = list(pool.map(lambda part: self._write(kind, n, *part), parts))
        _files.fsync_dir(self.folder / kind)
        return list(zip(entries, (part for _, part in parts), strict=True))

    def _write(self, kind: ReadingKind, n: int, date: str, table: pa.Table) -> FileEntry:
        import pyarrow.parquet as pq

        sink = pa.BufferOutputStream()
        # Long arrays would make row groups of gigabytes.
        fitting = max(64, ROW_GROUP_BYTES // max(1, table.nbytes // table.num_rows))
        size = min(self._row_group_rows, fitting)
        pq.write_table(table, sink, row_group_size=size, **_encodings(kind))
        data = memoryview(sink.getvalue())
        name = f"date={date}/{n:020d}-{kind}.parquet"
        path = self.folder / kind / name
        path.parent.mkdir(exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            _files.write_all(handle, data)
            os.fsync(handle)
        finally:
            os.close(handle)
        _files.fsync_dir(path.parent)
        digest = hashlib.sha256(data).hexdigest()
        return FileEntry(kind, name, data.nbytes, digest, date, _bounds(table))

    def commit(self, kind: ReadingKind, files: Sequence[FileEntry], n: int) -> None:
        """Add files to a table as hand-over `n`, durable on return; again does nothing."""
        from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Transaction
        from deltalake.exceptions import DeltaError
        from deltalake.transaction import AddAction, RemoveAction

        self._discard_unfinished(kind)
        try:
            table = DeltaTable.create(
                str(self.folder / kind), delta_schema(kind), mode="ignore", partition_by=["date"]
            )
            if (table.transaction_version(APP) or 0) < n:
                adds: list[AddAction | RemoveAction] = [
                    AddAction(file.path, file.size, {"date": file.date}, 0, True, file.stats)
                    for file in files
                ]
                table.create_write_transaction(
                    adds,
                    "append",
                    delta_schema(kind),
                    ["date"],
                    commit_properties=CommitProperties(app_transactions=[Transaction(APP, n)]),
                    post_commithook_properties=PostCommitHookProperties(
                        create_checkpoint=True, cleanup_expired_logs=False
                    ),
                )
        except DeltaError as error:
            raise OSError(f"{self.folder / kind}: the Delta commit failed ({error})") from error
        self._sync_log(kind)

    def remove(self, kind: ReadingKind, files: Sequence[FileEntry]) -> None:
        """Take files out of a table, durable on return; those that are out already stay so."""
        from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties
        from deltalake.exceptions import DeltaError
        from deltalake.transaction import AddAction, RemoveAction

        self._discard_unfinished(kind)
        held = {file.name for file in self.snapshot(kind).files}
        removes: list[AddAction | RemoveAction] = [
            RemoveAction(file.path, True, 0, file.size, {"date": file.date})
            for file in files
            if file.path in held
        ]
        if not removes:
            return
        try:
            DeltaTable(str(self.folder / kind)).create_write_transaction(
                removes,
                "append",
                delta_schema(kind),
                ["date"],
                commit_properties=CommitProperties(),
                post_commithook_properties=PostCommitHookProperties(
                    create_checkpoint=True, cleanup_expired_logs=False
                ),
            )
        except DeltaError as error:
            raise OSError(f"{self.folder / kind}: the Delta commit failed ({error})") from error
        self._sync_log(kind)

    def _sync_log(self, kind: ReadingKind) -> None:
        """delta-rs makes no fsync: do it for the newest entries of its log."""
        log = self.folder / kind / "_delta_log"
        for path in sorted(path for path in log.iterdir() if path.is_file())[-8:]:
            _files.fsync_file(path)
        _files.fsync_dir(log)
        _files.fsync_dir(log.parent)
        _files.fsync_dir(self.folder)

    def _discard_unfinished(self, kind: ReadingKind) -> None:
        """After a power cut the newest commit may be torn; its hand-over is made again."""
        log = self.folder / kind / "_delta_log"
        newest = sorted(log.glob("*.json"))[-1:] if log.is_dir() else []
        for path in newest:
            try:
                for line in path.read_text().splitlines() or [""]:
                    json.loads(line)
            except ValueError:
                path.unlink()

    def snapshot(self, kind: ReadingKind) -> Snapshot:
        """Newest version of a table.

        Raises:
            IntegrityError: The table's log cannot be read.
        """
        path = self.folder / kind
        if not (path / "_delta_log").is_dir():
            return Snapshot(0, ())
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError

        try:
            table = DeltaTable(str(path))
            n = table.transaction_version(APP) or 0
            rows = pa.table(table.get_add_actions(flatten=True)).to_pylist()
        except TableNotFoundError:
            return Snapshot(0, ())
        except (DeltaError, OSError, ValueError) as error:
            raise IntegrityError(
                f"{path}: the Delta log cannot be read ({error}).",
                hint="Restore it from the home's backup.",
            ) from error
        return Snapshot(n, tuple(self._file(path, row) for row in rows))

    @staticmethod
    def _file(folder: Path, row: dict[str, Any]) -> ColdFile:
        def micros(value: Any) -> int:
            return int(np.datetime64(value.replace(tzinfo=None), "us").astype(np.int64))

        return ColdFile(
            path=str(folder / row["path"]),
            name=row["path"],
            size=row["size_bytes"],
            times=(micros(row["min.time"]), micros(row["max.time"])),
            tags=(row["min.tag"], row["max.tag"]),
            seqs=(row["min.seq"], row["max.seq"]),
            n_rows=row["num_records"],
        )

    def read(self, kind: ReadingKind, files: Iterable[FileEntry]) -> pa.Table:
        """All readings of files, as they lie on the disk.

        Raises:
            IntegrityError: A file cannot be read; names it.
        """
        import pyarrow.parquet as pq

        tables = []
        for file in files:
            path = self.folder / kind / file.path
            try:
                with pq.ParquetFile(path, page_checksum_verification=True) as parquet:
                    tables.append(parquet.read().cast(stored_schema(kind)))
            except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
                raise IntegrityError(
                    f"{path} cannot be read ({str(error)[:200]}).",
                    hint="Restore the file from the home's backup.",
                ) from error
        return pa.concat_tables(tables) if tables else stored_schema(kind).empty_table()

    def kinds(self) -> list[ReadingKind]:
        """Kinds that have a table."""
        return [kind for kind in KINDS if (self.folder / kind / "_delta_log").is_dir()]
