"""Queries over hot and cold together: DuckDB filters and sorts, NumPy picks the newest version."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from goldenbatch.core.errors import IntegrityError
from goldenbatch.core.series import ReadingKind, Series, series_schema
from goldenbatch.stores.historian._cold import ColdFile, Snapshot
from goldenbatch.stores.historian._columns import Ints, ints, ordered, stored_schema
from goldenbatch.stores.historian._scan import MAX_ROWS, Keep, Part, Scanner, keeping

MAX_SEQ = (1 << 63) - 1
BY_TAG = "tag, time, seq"
N_MOVES = 3
FEW_ROWS = 50_000
"""Readings in memory that NumPy selects sooner than a query is planned."""

_SOURCE = """
SELECT r.time, r.tag, r.value, r.quality, r.seq, r.received_at
FROM {source} r {join}
WHERE r.time >= make_timestamptz($first) AND r.time < make_timestamptz($last)
  AND r.tag IN (SELECT unnest($tags)) AND r.seq > $after AND r.seq <= $upto {only}
"""
_SPANS = "JOIN spans s ON r.time >= make_timestamptz(s.first) AND r.time < make_timestamptz(s.last)"


@dataclass(frozen=True)
class View:
    """What a reader sees: one version of a kind's cold table, and the frames above it."""

    kind: ReadingKind
    cold: Snapshot
    hot: pa.Table


@dataclass(frozen=True)
class Selection:
    """Which readings: tags by number, disjoint ascending spans, and `after < seq <= upto`."""

    tags: Ints
    spans: Sequence[tuple[int, int]]
    after: int = 0
    upto: int = MAX_SEQ


def merged(windows: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Windows as disjoint ascending spans."""
    spans: list[tuple[int, int]] = []
    for first, last in sorted(window for window in windows if window[0] < window[1]):
        if spans and first <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], last))
        else:
            spans.append((first, last))
    return spans


class Engine:
    """One in-memory DuckDB; each query has a cursor of its own.

    Args:
        n_threads: Threads of a query.

    Attributes:
        reach: Where a file of a table can be read on this machine.
        source: An open file of a bucket to read by ranges; None: it is on this machine.
    """

    def __init__(self, n_threads: int) -> None:
        self._n_threads, self._lock = n_threads, threading.Lock()
        self._scanner = Scanner()
        self.reach: Callable[[ReadingKind, ColdFile], str] = lambda _, file: file.path
        self.source: Callable[[ReadingKind, ColdFile], Any] = lambda _kind, _file: None
        self._db: Any = None

    def _cursor(self) -> Any:
        """A cursor of its own; DuckDB starts with the first query."""
        with self._lock:
            if self._db is None:
                import duckdb

                self._db = duckdb.connect(
                    config={
                        "threads": self._n_threads,
                        "autoinstall_known_extensions": False,
                        "autoload_known_extensions": False,
                    }
                )
                self._db.execute("SET TimeZone='UTC'")
                # A file of ours never changes once it is committed.
                self._db.execute("SET parquet_metadata_cache=true")
            return self._db.cursor()

    def close(self) -> None:
        """Give back its memory."""
        with self._lock:
            if self._db is not None:
                self._db.close()

    def select(self, view: View, chosen: Selection, order: str = BY_TAG) -> pa.Table:
        """Readings as a stored table, every version, in order.

        Raises:
            IntegrityError: A file of the table cannot be read.
            UnreachableError: A tier that holds some of it is away.
        """
        if not chosen.spans or not chosen.tags.size:
            return stored_schema(view.kind).empty_table()
        files = _files_of(view, chosen)
        if not files:
            few = _from_memory(view.hot, chosen, order.split(", "))
            if few is not None:
                return few
        for _ in range(N_MOVES):
            paths = [self._part(view.kind, file) for file in files]
            try:
                return self._answer(view, chosen, order, paths)
            except IntegrityError:
                # A file may just have gone to its tier, between being found and being opened.
                if not any(_is_gone(one) for one in paths):
                    raise
        paths = [self._part(view.kind, file) for file in files]
        return self._answer(view, chosen, order, paths)

    def _answer(self, view: View, chosen: Selection, order: str, files: Sequence[Part]) -> pa.Table:
        kind = view.kind
        spans = np.asarray(chosen.spans, dtype=np.int64).T
        cursor = (chosen.after, chosen.upto)
        plan = self._scanner.plan(files, chosen.tags, spans, cursor)
        if plan is not None and (not view.hot.num_rows or view.hot.num_rows <= MAX_ROWS):
            keep = keeping(chosen.tags, spans, cursor)
            return _scanned(self._scanner.read(plan, kind, keep), view.hot, keep, order)
        parameters = {
            "first": chosen.spans[0][0],
            "last": chosen.spans[-1][1],
            "tags": chosen.tags.tolist(),
            "after": chosen.after,
            "upto": chosen.upto,
        }
        join = _SPANS if len(chosen.spans) > 1 else ""
        parts = []
        if view.hot.num_rows:
            parts.append(_SOURCE.format(source="hot", join=join, only=""))
        if files:
            parts.append(_SOURCE.format(source="read_parquet($files)", join=join, only=""))
            whole = _files_of(view, chosen)
            parameters["files"] = [self.reach(kind, file) for file in whole]
        if not parts:
            return stored_schema(kind).empty_table()
        # The query is made of the constants above; all that varies is bound.
        sql = f"SELECT * FROM ({' UNION ALL '.join(parts)}) ORDER BY {order}"  # noqa: S608
        return self._run(sql, parameters, view, chosen).cast(stored_schema(kind))

    def _part(self, kind: ReadingKind, file: ColdFile) -> Part:
        """A file of which row groups are read: by ranges where it lies in a bucket."""
        opened = self.source(kind, file)
        if opened is not None:
            return Part(file.path, opened)
        return Part(self.reach(kind, file))

    def newest(self, kind: ReadingKind, cold: Snapshot) -> pa.Table:
        """Newest reading of each tag by scanning all of it, when what was saved is lost."""
        if not cold.files:
            return stored_schema(kind).empty_table()
        sql = (
            "SELECT DISTINCT ON (tag) time, tag, value, quality, seq, received_at "
            "FROM read_parquet($files) ORDER BY tag, time DESC, seq DESC"
        )
        view = View(kind, cold, stored_schema(kind).empty_table())
        files = [self.reach(kind, file) for file in cold.files]
        nothing = Selection(np.empty(0, dtype=np.int64), ())
        return self._run(sql, {"files": files}, view, nothing).cast(stored_schema(kind))

    def _run(
        self, sql: str, parameters: dict[str, object], view: View, chosen: Selection
    ) -> pa.Table:
        import duckdb

        cursor = self._cursor()
        try:
            cursor.register("hot", view.hot)
            if len(chosen.spans) > 1:
                spans = {
                    "first": pa.array([span[0] for span in chosen.spans], pa.int64()),
                    "last": pa.array([span[1] for span in chosen.spans], pa.int64()),
                }
                cursor.register("spans", pa.table(spans))
            return cursor.sql(sql, params=parameters).to_arrow_table()
        except duckdb.Error as error:
            raise IntegrityError(
                f"the readings of kind {view.kind!r} cannot be read ({str(error)[:300]}).",
                hint="Run `goldenbatch verify`; it names the damaged file.",
            ) from error
        finally:
            cursor.close()


def _files_of(view: View, chosen: Selection) -> list[ColdFile]:
    """Files that may hold what is asked for."""
    first, last = chosen.spans[0][0], chosen.spans[-1][1]
    return [
        file
        for file in view.cold.overlapping(chosen.tags, first, last - 1)
        if file.seqs[1] > chosen.after
        and file.seqs[0] <= chosen.upto
        and any(a <= file.times[1] and b > file.times[0] for a, b in chosen.spans)
    ]


def _is_gone(part: Part) -> bool:
    return part.source is None and not os.path.exists(part.path)


def _scanned(cold: pa.Table, hot: pa.Table, keep: Keep, order: str) -> pa.Table:
    """Chosen rows of files and of memory, in order."""
    mask = keep(hot)
    table = pa.concat_tables([cold, hot if mask is None else hot.filter(pa.array(mask))])
    if order == BY_TAG:
        return ordered(table)
    table = table.combine_chunks()
    keys = [ints(table, name) for name in reversed(order.split(", "))]
    return table.take(pa.array(np.lexsort(keys)))


def _from_memory(hot: pa.Table, chosen: Selection, order: Sequence[str]) -> pa.Table | None:
    """The same selection over a few readings in memory; None when there are many.

    Frames stand in order of seq, so that whole batches outside the cursor are passed over.
    """
    batches = [
        one
        for one in hot.to_batches()
        if one.num_rows
        and one.column("seq")[one.num_rows - 1].as_py() > chosen.after
        and one.column("seq")[0].as_py() <= chosen.upto
    ]
    if sum(one.num_rows for one in batches) > FEW_ROWS:
        return None
    table = pa.Table.from_batches(batches, schema=hot.schema)
    columns = {name: ints(table, name) for name in ("tag", "time", "seq")}
    seq, time = columns["seq"], columns["time"]
    firsts, lasts = (np.array(edge, dtype=np.int64) for edge in zip(*chosen.spans, strict=True))
    place = np.searchsorted(firsts, time, side="right") - 1
    is_inside = (place >= 0) & (time < lasts[np.maximum(place, 0)])
    is_chosen = is_inside & (seq > chosen.after) & (seq <= chosen.upto)
    is_chosen &= np.isin(columns["tag"], chosen.tags)
    rows = np.flatnonzero(is_chosen)
    keys = [columns[name][rows] for name in reversed(order)]
    return table.take(pa.array(rows[np.lexsort(keys)], pa.int64()))


def newest_versions(table: pa.Table) -> pa.Table:
    """Of a table ordered by (tag, time, seq): the highest seq of each tag and time."""
    if table.num_rows < 2:
        return table
    tag, time = ints(table, "tag"), ints(table, "time")
    is_newest = np.ones(len(tag), dtype=bool)
    is_newest[:-1] = (tag[1:] != tag[:-1]) | (time[1:] != time[:-1])
    return table if is_newest.all() else table.filter(pa.array(is_newest))


def by_request(table: pa.Table, tags: Ints) -> pa.Table:
    """Rows ordered by (tag, ...) put into the order in which the tags were asked for."""
    tag = ints(table, "tag")
    starts = np.searchsorted(tag, tags, side="left")
    stops = np.searchsorted(tag, tags, side="right")
    if bool(np.all(starts[1:] >= stops[:-1])):
        return table
    spans = zip(starts.tolist(), stops.tolist(), strict=True)
    rows = np.concatenate([np.arange(start, stop) for start, stop in spans])
    return table.take(pa.array(rows))


def as_series(table: pa.Table, kind: ReadingKind, names: Sequence[str], tags: Ints) -> Series:
    """A stored table with names for numbers."""
    order = np.argsort(tags, kind="stable")
    place = order[np.searchsorted(tags[order], ints(table, "tag"))] if len(tags) else tags
    label = pa.array(list(names), pa.string()).take(pa.array(place, pa.int64()))
    columns = [
        table.column("time"),
        label,
        table.column("value"),
        table.column("quality"),
        table.column("received_at"),
        table.column("seq"),
    ]
    return Series(kind, pa.Table.from_arrays(columns, schema=series_schema(kind)))
