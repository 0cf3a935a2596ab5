"""Reads one Delta table with an engine of another vendor; needs nothing of goldenbatch.

`python engine_readers.py ENGINE TABLE FILES.json` prints the engine's version, how it reads,
the seconds of the question, and by tag and minute the number of readings, their sum in
hundredths and the newest frame, each reading in its newest version.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

NEWEST = """
WITH newest AS (
    SELECT *, row_number() OVER (PARTITION BY tag, time ORDER BY seq DESC) AS place FROM {table}
)
SELECT tag, {minute}, count(*), round(sum(value) * 100), max(seq)
FROM newest WHERE place = 1 GROUP BY 1, 2
"""
Rows = list[tuple[Any, ...]]


def duckdb(table: str, files: list[str]) -> tuple[str, str, Callable[[], Rows]]:
    """DuckDB; its Delta extension cannot be had offline, so delta-rs names the files."""
    import duckdb as engine

    sql = NEWEST.format(table=f"read_parquet({files})", minute="epoch_us(time) // 60000000")
    return engine.__version__, "the files that the Delta log names", engine.sql(sql).fetchall


def polars(table: str, files: list[str]) -> tuple[str, str, Callable[[], Rows]]:
    """Polars, through delta-rs."""
    import polars as pl

    def ask() -> Rows:
        newest = pl.scan_delta(table).sort("seq").unique(["tag", "time"], keep="last")
        minute = pl.col("time").dt.epoch("us") // 60_000_000
        total = (pl.col("value").sum() * 100).round()
        groups = newest.group_by("tag", minute).agg(pl.len(), total, pl.col("seq").max())
        return groups.collect().rows()

    return pl.__version__, "`scan_delta`", ask


def chdb(table: str, files: list[str]) -> tuple[str, str, Callable[[], Rows]]:
    """chDB: ClickHouse in the process, with its own reader of Delta."""
    import chdb as engine

    sql = NEWEST.format(
        table=f"deltaLakeLocal('{table}')", minute="intDiv(toUnixTimestamp64Micro(time), 60000000)"
    )

    def ask() -> Rows:
        told = engine.query(sql, "JSONCompactEachRow").bytes().decode()
        return [tuple(map(float, json.loads(line))) for line in told.splitlines()]

    version = engine.query("SELECT version()", "CSV").bytes().decode().strip().strip('"')
    return f"{engine.__version__} (ClickHouse {version})", "`deltaLakeLocal`", ask


def spark(table: str, files: list[str]) -> tuple[str, str, Callable[[], Rows]]:
    """Spark; with the jars of delta-spark beside it by `format("delta")`."""
    import os

    import pyspark
    from pyspark.sql import SparkSession

    jars = os.environ.get("GOLDENBATCH_DELTA_JARS", "")
    made = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    made = made.config("spark.sql.session.timeZone", "UTC")
    if jars:
        made = made.config("spark.jars", jars).config(
            "spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension"
        ).config(
            "spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog"
        )  # fmt: skip
    session = made.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    frame = session.read.format("delta").load(table) if jars else session.read.parquet(*files)
    frame.createOrReplaceTempView("reading")
    sql = NEWEST.format(table="reading", minute="unix_micros(time) div 60000000")

    def ask() -> Rows:
        return [tuple(row) for row in session.sql(sql).collect()]

    how = '`format("delta")`' if jars else "the files that the Delta log names"
    return pyspark.__version__, how, ask


ENGINES = {"duckdb": duckdb, "polars": polars, "chdb": chdb, "spark": spark}


def main() -> None:
    """Ask one engine."""
    name, table, listed = sys.argv[1:]
    version, how, ask = ENGINES[name](table, json.loads(Path(listed).read_text()))
    begin = time.perf_counter()
    rows = ask()
    seconds = time.perf_counter() - begin
    groups = [[int(number) for number in row] for row in rows]
    print(json.dumps({"version": version, "how": how, "seconds": seconds, "groups": groups}))


if __name__ == "__main__":
    main()
