"""Speed of the aggregates of OPC UA Part 13 beside our own means on a grid and DuckDB's.

Twenty tags at 1 Hz for a day, as the historian holds them after a compaction, to minutes: 28,800
cells of 60 readings. Every kind of aggregate, and in turn with it the means on a grid of
elapsed time (`aligned`) and DuckDB's `avg` by minute over the same file. Prints JSON: medians
in milliseconds and cells a second.

    python -m benchmarks.aggregates [--tags 20] [--hours 24] [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

import duckdb

from benchmarks._historian_peers import HOUR_US, timed
from benchmarks.historian import START, Signal, opened
from goldenbatch.core.aggregates import AGGREGATES
from goldenbatch.stores.historian import Historian

MINUTE_US = 60_000_000
BY_MINUTE = """
SELECT tag, epoch_us(time) // 60000000, avg(value), count(*) FROM read_parquet($files) GROUP BY 1, 2
"""


def measure(store: Historian, signal: Signal, options: argparse.Namespace) -> dict[str, Any]:
    """Medians of all kinds, of the means on a grid, and of DuckDB."""
    names, end = signal.names.to_pylist(), START + options.hours * HOUR_US
    windows = [(at, at + MINUTE_US) for at in range(START, end, MINUTE_US)]
    files = [file.path for file in store.table_files("number")]
    folder = str(store._folder / "number")  # noqa: SLF001 - the peer reads the same files
    paths = [f"{folder}/{path}" for path in files]
    tasks: dict[str, Any] = {
        "aligned": lambda: store.aligned(names, [(START, end)], MINUTE_US),
        "duckdb": lambda: duckdb.execute(BY_MINUTE, {"files": paths}).fetchall(),
    }
    for kind in AGGREGATES:
        tasks[kind] = lambda kind=kind: store.aggregate(names, windows, kind)
    spent: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(options.rounds):
        for name, task in tasks.items():
            spent[name].append(timed(task))
    n_cells = len(windows) * len(names)
    return {
        name: {
            "ms": 1e3 * statistics.median(times),
            "cells_per_s": n_cells / statistics.median(times),
        }
        for name, times in spent.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tags", type=int, default=20)
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    signal = Signal(options.tags, 7)
    with tempfile.TemporaryDirectory() as name, opened(Path(name) / "store") as store:
        for hour, table in enumerate(signal.hours(options.hours)):
            store.write(signal.frame(table, str(hour)))
            store.flush()
        store.compact(START + 400 * 24 * HOUR_US)
        result = measure(store, signal, options)
    result["load"] = os.getloadavg()[0]
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
