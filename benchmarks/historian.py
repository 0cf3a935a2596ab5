"""Speed and size of the durable historian beside plain pyarrow Parquet of the same rows.

Prints JSON. Ratios come from one run on one machine; absolute figures say little elsewhere.
`python benchmarks/historian.py [--rows 4000000] [--frames 2000]`
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from goldenbatch.core.series import Frame, frame_schema
from goldenbatch.stores.historian import Historian, HistorianSettings

START = 1_700_000_000_000_000


def signal(n_tags: int, n_times: int, start: int, seed: int) -> pa.Table:
    """500 tags at 1 Hz in order of arrival, 0.01 resolution, jitter of milliseconds."""
    rng = np.random.default_rng(seed)
    stamp = start + np.arange(n_times)[:, None] * 1_000_000
    times = stamp + rng.integers(0, 50, (n_times, n_tags)) * 1000
    walk = np.round(np.cumsum(rng.normal(0, 0.05, (n_times, n_tags)), axis=0) + 50, 2)
    tags = pa.DictionaryArray.from_arrays(
        pa.array(np.tile(np.arange(n_tags, dtype=np.int32), n_times)),
        pa.array([f"site/line/unit/signal{i:04d}" for i in range(n_tags)]),
    ).cast(pa.string())
    columns = [
        pa.array(times.ravel()).view(pa.timestamp("us", tz="UTC")),
        tags,
        pa.array(walk.ravel()),
        pa.array(np.zeros(n_times * n_tags, dtype=np.int64)),
    ]
    return pa.Table.from_arrays(columns, schema=frame_schema("number"))


def parquet(table: pa.Table, folder: Path) -> dict[str, float]:
    """Plain Parquet of the same rows: default settings and zstd, no fsync, arrival order."""
    begin = time.perf_counter()
    pq.write_table(table, folder / "plain.parquet", compression="zstd")
    seconds = time.perf_counter() - begin
    size = (folder / "plain.parquet").stat().st_size
    return {"readings_per_s": table.num_rows / seconds, "bytes_per_reading": size / table.num_rows}


def folder_bytes(path: Path) -> int:
    return sum(item.stat().st_size for item in path.rglob("*") if item.is_file())


def bulk(table: pa.Table, folder: Path, frame_rows: int) -> dict[str, float]:
    settings = HistorianSettings(flush_readings=0)
    clock = lambda: START  # noqa: E731
    with Historian.open(folder / "bulk", recorder=None, clock=clock, settings=settings) as store:
        begin = time.perf_counter()
        for first in range(0, table.num_rows, frame_rows):
            part = table.slice(first, frame_rows)
            store.write(Frame("bulk", str(first), "number", part, START))
        acknowledged = time.perf_counter() - begin
        log_bytes = folder_bytes(folder / "bulk" / "log")
        begin = time.perf_counter()
        store.flush()
        flushed = time.perf_counter() - begin
        begin = time.perf_counter()
        problems = store.verify()
        verified = time.perf_counter() - begin
        queries = timed_queries(store, table)
    if problems:
        raise SystemExit(f"verify found {problems[:3]}")
    n = table.num_rows
    return {
        "acknowledged_readings_per_s": n / acknowledged,
        "with_hand_over_readings_per_s": n / (acknowledged + flushed),
        "hand_over_readings_per_s": n / flushed,
        "verify_readings_per_s": n / verified,
        "log_bytes_per_reading": log_bytes / n,
        "bytes_per_reading": folder_bytes(folder / "bulk" / "number") / n,
        **queries,
    }


def timed_queries(store: Historian, table: pa.Table) -> dict[str, float]:
    names = sorted(store.tags())[:20]
    last = int(table.column("time").cast(pa.int64()).to_numpy().max()) + 1
    window = (START, last)
    windows = [(START + i * 10_000_000, START + i * 10_000_000 + 60_000_000) for i in range(100)]
    verbs = {
        "latest_all_ms": lambda: store.latest(list(store.tags())),
        "read_one_tag_ms": lambda: store.read(names[:1], window),
        "downsample_20_tags_ms": lambda: store.downsample(names, window, 1000),
        "aligned_100_windows_3_tags_ms": lambda: store.aligned(names[:3], windows, 10_000_000),
    }
    found = {}
    for name, verb in verbs.items():
        spent = []
        for _ in range(5):
            begin = time.perf_counter()
            verb()
            spent.append(time.perf_counter() - begin)
        found[name] = sorted(spent)[2] * 1000
    return found


def micro(folder: Path, n_frames: int) -> dict[str, float]:
    tables = [signal(500, 1, START + i * 1_000_000, i) for i in range(min(n_frames, 200))]
    settings = HistorianSettings(flush_readings=0)
    clock = lambda: START  # noqa: E731
    spent = []
    with Historian.open(folder / "micro", recorder=None, clock=clock, settings=settings) as store:
        for i in range(n_frames):
            frame = Frame("live", str(i), "number", tables[i % len(tables)], START)
            begin = time.perf_counter()
            store.write(frame)
            spent.append(time.perf_counter() - begin)
    total = sum(spent)
    spent.sort()
    return {
        "frames_per_s": n_frames / total,
        "readings_per_s": n_frames * 500 / total,
        "p50_ms": spent[n_frames // 2] * 1000,
        "p99_ms": spent[int(n_frames * 0.99)] * 1000,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_800_000)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--frame-rows", type=int, default=100_000)
    options = parser.parse_args()
    table = signal(500, max(1, options.rows // 500), START, 7)
    with tempfile.TemporaryDirectory(dir=os.environ.get("GOLDENBATCH_BENCH_DIR")) as name:
        folder = Path(name)
        plain = parquet(table, folder)
        stored = bulk(table, folder, options.frame_rows)
        small = micro(folder, options.frames)
    ratios = {
        "acknowledged_to_parquet": stored["acknowledged_readings_per_s"] / plain["readings_per_s"],
        "with_hand_over_to_parquet": stored["with_hand_over_readings_per_s"]
        / plain["readings_per_s"],
        "bytes_to_parquet": stored["bytes_per_reading"] / plain["bytes_per_reading"],
    }
    found = {
        "n_readings": table.num_rows,
        "load": os.getloadavg()[0],
        "parquet": plain,
        "bulk": stored,
        "micro": small,
        "ratios": ratios,
    }
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
