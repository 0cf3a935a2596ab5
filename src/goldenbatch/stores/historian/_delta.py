"""The Delta table of one kind of readings at one place: its files, and commits to its log."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from goldenbatch.core.errors import IntegrityError
from goldenbatch.core.records import to_iso
from goldenbatch.core.series import ReadingKind
from goldenbatch.stores.historian._columns import Ints, stored_schema
from goldenbatch.stores.historian._manifest import FileEntry
from goldenbatch.stores.historian._places import Place

APP = "goldenbatch-historian"
COMPACTION_APP = "goldenbatch-compaction"
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


def cold_file(path: str, entry: FileEntry) -> ColdFile:
    """A file as a snapshot holds it, by its entry in a record."""
    said = json.loads(entry.stats)
    low, high = said["minValues"], said["maxValues"]
    times = tuple(_micros(one["time"]) for one in (low, high))
    return ColdFile(
        path=path,
        name=entry.path,
        size=entry.size,
        times=(times[0], times[1]),
        tags=(int(low["tag"]), int(high["tag"])),
        seqs=(int(low["seq"]), int(high["seq"])),
        n_rows=int(said["numRecords"]),
    )


def _micros(text: str) -> int:
    return int(np.datetime64(text.rstrip("Z"), "us").astype(np.int64))


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


def transact(
    place: Place,
    kind: ReadingKind,
    mark: tuple[str, int] | None,
    actions: list[Any],
    *,
    is_first: bool = False,
) -> None:
    """One Delta commit, durable on return, unless its mark says that it was made already."""
    from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Transaction
    from deltalake.exceptions import DeltaError

    place.discard_torn(kind)
    uri, options = place.uri(kind), place.options
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
    place.settle_log(kind)


def home_snapshot(place: Place, kind: ReadingKind) -> Snapshot:
    """Newest version of a table at one place.

    Raises:
        IntegrityError: The table's log cannot be read.
    """
    if not place.has_table(kind):
        return Snapshot(0, ())
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    uri = place.uri(kind)
    try:
        table = DeltaTable(uri, storage_options=place.options)
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
    return Snapshot(n, tuple(_file(place, kind, row) for row in rows), compaction)


def _file(place: Place, kind: ReadingKind, row: dict[str, Any]) -> ColdFile:
    def micros(value: Any) -> int:
        return int(np.datetime64(value.replace(tzinfo=None), "us").astype(np.int64))

    missing = [name for name in _SAID if row.get(name) is None]
    if missing:
        raise IntegrityError(
            f"{place.uri(kind)}: the Delta log says nothing of {', '.join(missing)}"
            f" of {row.get('path') or 'a file'}.",
            hint="Restore it from the home's backup.",
        )
    return ColdFile(
        path=place.path(kind, row["path"]),
        name=row["path"],
        size=row["size_bytes"],
        times=(micros(row["min.time"]), micros(row["max.time"])),
        tags=(row["min.tag"], row["max.tag"]),
        seqs=(row["min.seq"], row["max.seq"]),
        n_rows=row["num_records"],
    )


def adds(files: Iterable[FileEntry], *, is_new: bool) -> list[Any]:
    """Actions that put files into a table."""
    from deltalake.transaction import AddAction

    return [
        AddAction(file.path, file.size, {"date": file.date}, 0, is_new, file.stats)
        for file in files
    ]


def remove(file: FileEntry, *, at_ms: int, is_new: bool) -> Any:
    """The action that takes a file out of a table."""
    from deltalake.transaction import RemoveAction

    return RemoveAction(file.path, is_new, at_ms, file.size, {"date": file.date})
