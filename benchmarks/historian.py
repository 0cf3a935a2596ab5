"""The historian beside DuckDB's own file, plain hourly Parquet, Delta alone and PostgreSQL.

The reference signal: 500 tags at 1 Hz for 24 hours (43.2 million readings), each held about its
set point (autoregressive, 0.5 wide), two decimals, times off by some milliseconds (2 wide), made
from a seed; `--signal walk` is one that compresses badly: free walks, times off by up to 50 ms.
All take the same Arrow tables in the same run, hour by
hour in turn, so that a ratio of two is of the same load of the machine. Prints JSON.

    python -m benchmarks.historian [--tags 500] [--hours 24] [--frames 2000] [--slow-hours 2]

PostgreSQL takes `--slow-hours` of them only: its figures are of those.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.signal import lfilter

from benchmarks._historian_peers import (
    HOUR_US,
    DeltaAlone,
    Duck,
    PlainParquet,
    Postgres,
    by_tag,
    folder_bytes,
    timed,
)
from goldenbatch.core.series import Frame
from goldenbatch.stores.historian import Historian, HistorianSettings

START = 1_699_920_000_000_000  # a midnight
TIME = pa.timestamp("us", tz="UTC")
N_ROUNDS, N_TURNS = 7, 10


class Signal:
    """The reference signal, an hour at a time, always the same for a seed."""

    def __init__(self, n_tags: int, seed: int, form: str = "held") -> None:
        self.n_tags, self.seed, self.form = n_tags, seed, form
        self.names = pa.array([f"site/line/unit/signal{i:04d}" for i in range(n_tags)])

    def hours(self, n_hours: int, *, n_times: int = 3600) -> Iterator[pa.Table]:
        """Tables by (tag, time): time, tag (int32), value, quality."""
        last = np.zeros(self.n_tags)
        for hour in range(n_hours):
            rng = np.random.default_rng([self.seed, hour])
            shape = (self.n_tags, n_times)
            steps = rng.normal(0, 0.05, shape)
            stay = 0.995 if self.form == "held" else 1.0
            values, _ = lfilter([1.0], [1.0, -stay], steps, zi=stay * last[:, None])
            last = values[:, -1]
            off = rng.normal(0, 2, shape) if self.form == "held" else rng.uniform(0, 50, shape)
            times = START + hour * HOUR_US + 500_000 + np.arange(n_times)[None, :] * 1_000_000
            yield self.table(times + np.rint(off).astype(np.int64) * 1000, np.round(values + 50, 2))

    def table(self, times: np.ndarray, values: np.ndarray) -> pa.Table:
        """Rows by tag of what has the shape (n_tags, n_times)."""
        tags = np.repeat(np.arange(self.n_tags, dtype=np.int32), times.shape[1])
        columns = {
            "time": pa.array(times.ravel()).view(TIME),
            "tag": pa.array(tags),
            "value": pa.array(values.ravel()),
            "quality": pa.array(np.zeros(times.size, dtype=np.int64)),
        }
        return pa.table(columns)

    def frame(self, table: pa.Table, key: str) -> Frame:
        """The same as a connector gives it."""
        tags = pa.DictionaryArray.from_arrays(table.column("tag").combine_chunks(), self.names)
        columns = [table.column("time"), tags, table.column("value"), table.column("quality")]
        from goldenbatch.core.series import frame_schema

        schema = frame_schema("number", is_coded=True)
        readings = pa.Table.from_arrays(columns, schema=schema)
        return Frame("bench", key, "number", readings, START)


def in_arrival_order(table: pa.Table, n_tags: int) -> pa.Table:
    rows = np.arange(table.num_rows).reshape(n_tags, -1).T.ravel()
    return table.take(pa.array(rows)).combine_chunks()


def opened(folder: Path, **settings: Any) -> Historian:
    chosen = HistorianSettings(flush_readings=0, flush_bytes=0, **settings)
    return Historian.open(folder, recorder=None, clock=lambda: START, settings=chosen)


class Loads:
    """Seconds and CPU seconds of each engine's loads."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = {}
        self.cpu: dict[str, float] = {}
        self.n: dict[str, int] = {}

    def take(self, name: str, n_rows: int, task: Callable[[], object]) -> None:
        """Let an engine load rows."""
        cpu = time.process_time()
        self.wall[name] = self.wall.get(name, 0.0) + timed(task)
        self.cpu[name] = self.cpu.get(name, 0.0) + time.process_time() - cpu
        self.n[name] = self.n.get(name, 0) + n_rows

    def rates(self) -> dict[str, Any]:
        """What each engine came to."""
        return {
            name: {
                "readings_per_s": self.n[name] / self.wall[name],
                "cpu_ns_per_reading": 1e9 * self.cpu[name] / self.n[name],
            }
            for name in self.wall
        }


def bulk(base: Path, signal: Signal, options: argparse.Namespace, peers: list[Any]) -> Any:
    """Hours ordered by tag into every engine, in turn; some also as they arrive."""
    loads, arrival = Loads(), Loads()
    store, other = opened(base / "ours"), opened(base / "ours_arrival")
    plain = PlainParquet(base / "arrival_parent")
    for hour, table in enumerate(signal.hours(options.hours)):
        n_rows = table.num_rows

        def ours(held: Historian, rows: pa.Table, key: str) -> None:
            held.write(signal.frame(rows, key))
            held.flush()

        loads.take("goldenbatch", n_rows, lambda: ours(store, table, str(hour)))  # noqa: B023
        for peer in peers:
            if peer.name != "postgresql" or hour < options.slow_hours:
                loads.take(peer.name, n_rows, lambda: peer.load(table))  # noqa: B023
        if hour < options.slow_hours:
            mixed = in_arrival_order(table, signal.n_tags)
            arrival.take("goldenbatch", n_rows, lambda: ours(other, mixed, str(hour)))  # noqa: B023
            arrival.take("parquet_hourly", n_rows, lambda: plain.load(by_tag(mixed)))  # noqa: B023
    other.close()
    return store, {"by_tag": loads.rates(), "as_they_arrive": arrival.rates()}


def ingest(base: Path, signal: Signal, options: argparse.Namespace, peers: list[Any]) -> Any:
    """One frame a second of all tags, each durable before the next."""
    frames = []
    for n in range(64):
        rng = np.random.default_rng([signal.seed, 999, n])
        times = np.full((signal.n_tags, 1), START + n * 1_000_000)
        frames.append(signal.table(times, np.round(rng.normal(50, 1, (signal.n_tags, 1)), 2)))
    store = opened(base / "ours_ingest")
    keyed = [signal.frame(frames[n % len(frames)], str(n)) for n in range(options.frames)]
    spent: dict[str, list[float]] = {"goldenbatch": [], **{peer.name: [] for peer in peers}}
    for turn in range(N_TURNS):
        share = slice(turn * options.frames // N_TURNS, (turn + 1) * options.frames // N_TURNS)
        spent["goldenbatch"] += [timed(lambda: store.write(one)) for one in keyed[share]]  # noqa: B023
        for peer in peers:
            n_frames = max(1, options.frames // N_TURNS // (20 if "delta" in peer.name else 4))
            spent[peer.name] += [timed(lambda: peer.frame(frames[n])) for n in range(n_frames)]  # noqa: B023
    log = folder_bytes(base / "ours_ingest" / "log")
    store.close()
    found = {name: _paces(times, signal.n_tags) for name, times in spent.items()}
    found["goldenbatch"]["log_bytes_per_reading"] = log / signal.n_tags / options.frames
    return found


def _paces(spent: list[float], n_tags: int) -> dict[str, float]:
    ordered = sorted(spent)
    return {
        "readings_per_s": len(spent) * n_tags / sum(spent),
        "p50_ms": ordered[len(spent) // 2] * 1000,
        "p99_ms": ordered[int(len(spent) * 0.99)] * 1000,
    }


def questions(store: Historian, signal: Signal, n_hours: int, peers: list[Any]) -> Any:
    """The same questions to all, in turn; medians in milliseconds."""
    names, end = signal.names.to_pylist(), START + n_hours * HOUR_US
    rng = np.random.default_rng(signal.seed)
    starts = START + rng.integers(0, n_hours * 3600 - 1800, 100) * 1_000_000
    windows = [(int(one), int(one) + 1_800_000_000) for one in starts]
    one, twenty, three = 7, list(range(40, 60)), [3, 250, 499 % signal.n_tags]
    ours = {
        "latest_of_all_tags": lambda: store.latest(names),
        "one_tag": lambda: store.read([names[one]], (START, end)),
        "twenty_tags_to_minutes": lambda: store.aligned(
            [names[n] for n in twenty], [(START, end)], 60_000_000
        ),
        "batch_windows": lambda: store.aligned([names[n] for n in three], windows, 10_000_000),
    }
    found: dict[str, dict[str, float]] = {}
    for question, mine in ours.items():
        tasks = {"goldenbatch": mine}
        for peer in peers:
            asked = {
                "latest_of_all_tags": getattr(peer, "latest", None),
                "one_tag": lambda peer=peer: peer.one_tag(one, START, end),
                "twenty_tags_to_minutes": lambda peer=peer: peer.minutes(twenty, START, end),
                "batch_windows": lambda peer=peer: peer.batches(three, windows),
            }[question]
            if asked is not None:
                tasks[peer.name] = asked
        spent: dict[str, list[float]] = {name: [] for name in tasks}
        for _ in range(N_ROUNDS):
            for name, task in tasks.items():
                spent[name].append(timed(task) * 1000)
        found[question] = {name: statistics.median(times) for name, times in spent.items()}
    return found


def check(store: Historian, duck: Duck, signal: Signal, n_hours: int) -> None:
    """Both must say the same of the same readings."""
    end = START + n_hours * HOUR_US
    name = signal.names[41].as_py()
    found = store.aligned([name], [(START, end)], 60_000_000)
    theirs = duck.minutes([41], START, end).sort_by("bin")
    if not np.allclose(found.values[0, :, 0], theirs.column(2).to_numpy(), rtol=1e-12):
        raise SystemExit("the means of DuckDB and of the historian differ")
    if found.n_readings[0, :, 0].tolist() != theirs.column(3).to_pylist():
        raise SystemExit("the counts of DuckDB and of the historian differ")


def measure(base: Path, options: argparse.Namespace) -> dict[str, Any]:
    signal = Signal(options.tags, options.seed, options.signal)
    (base / "arrival_parent").mkdir()
    (base / "ingest").mkdir()
    duck, plain = Duck(base), PlainParquet(base)
    slow = [Postgres(base)] if options.slow_hours else []
    peers = [duck, plain, DeltaAlone(base), *slow]
    result: dict[str, Any] = {"n_readings": options.tags * options.hours * 3600}
    store, result["bulk"] = bulk(base, signal, options, peers)
    n, sizes = result["n_readings"], {peer.name: peer.finish() for peer in peers}
    tables = base / "ours" / "number"
    sizes["goldenbatch_hourly"] = folder_bytes(tables)
    result["questions_hourly"] = questions(store, signal, options.hours, [duck])
    seconds = timed(lambda: store.compact(START + 400 * 24 * HOUR_US))
    result["compaction"] = {"readings_per_s": n / seconds, "seconds": seconds}
    sizes["goldenbatch"] = sum(file.size for file in store.table_files("number"))
    result["questions_compacted"] = questions(store, signal, options.hours, [duck])
    check(store, duck, signal, options.hours)
    for peer in slow:
        hours = min(options.slow_hours, options.hours)
        sizes[peer.name] = sizes[peer.name] * options.hours // hours
        result["questions_postgresql"] = questions(store, signal, hours, [peer])
    result["verify"] = {"seconds": timed(lambda: _verified(store))}
    result["bytes_per_reading"] = {name: size / n for name, size in sizes.items()}
    store.close()
    fresh = [Duck(base / "ingest"), PlainParquet(base / "ingest"), DeltaAlone(base / "ingest")]
    result["ingest"] = ingest(base, signal, options, [*fresh, *slow])
    for peer in [*peers, fresh[0]]:
        peer.close()
    return result


def _verified(store: Historian) -> None:
    problems = store.verify()
    if problems:
        raise SystemExit(f"verify found {problems[:3]}")


def ratios(result: dict[str, Any]) -> dict[str, float]:
    """What is promised, each as a ratio to its peer."""
    bulk_, ingest_ = result["bulk"], result["ingest"]
    sizes, asked = result["bytes_per_reading"], result["questions_compacted"]

    def rate(rates: dict[str, Any], name: str) -> float:
        return float(rates[name]["readings_per_s"])

    found = {
        "ingest_to_delta_alone": rate(ingest_, "goldenbatch") / rate(ingest_, "delta_alone"),
        "bulk_to_hourly_parquet": rate(bulk_["by_tag"], "goldenbatch")
        / rate(bulk_["by_tag"], "parquet_hourly"),
        "bulk_as_they_arrive_to_hourly_parquet": rate(bulk_["as_they_arrive"], "goldenbatch")
        / rate(bulk_["as_they_arrive"], "parquet_hourly"),
        "bytes_to_duckdb_native": sizes["goldenbatch"] / sizes["duckdb_native"],
    }
    for question, spent in asked.items():
        found[f"{question}_to_duckdb_native"] = spent["goldenbatch"] / spent["duckdb_native"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tags", type=int, default=500)
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--slow-hours", type=int, default=2)
    parser.add_argument("--signal", choices=["held", "walk"], default="held")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    before = os.getloadavg()
    with (
        warnings.catch_warnings(),
        tempfile.TemporaryDirectory(dir=os.environ.get("GOLDENBATCH_BENCH_DIR")) as name,
    ):
        warnings.simplefilter("ignore")  # of the embedded server, about its folder
        result = measure(Path(name), options)
    result["ratios"] = ratios(result)
    result["load"] = {"before": before[0], "after": os.getloadavg()[0]}
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
