"""A thousand million readings: do questions grow no worse than their answers do?

The reference signal (`benchmarks.historian`: 500 tags at 1 Hz) hour by hour into one store, handed
over each hour, each closed day compacted and vacuumed, as a site lives. At each mark (a hundredth
and a tenth of the readings, and all) the same questions are asked:

- of a fixed answer, at random places of all that is stored: one tag for 6 hours, 20 tags for
  6 hours to minutes, 100 windows of half an hour of 3 tags to 10 s, the latest of all tags;
- of an answer that grows with what is stored: all of one tag, all of 3 tags to hours;
- another process opens the store and asks its first question: seconds and memory.

Counts and sums of some tags are kept beside and compared, so that speed is of right answers.

    python -m benchmarks.billion [--readings 1e9] [--out FILE.json] [--report FILE.md] [--verify]

About 2.3 bytes a reading and some 3 GB are needed at 1e9; `--readings 5e7` takes a minute.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks._historian_peers import HOUR_US, folder_bytes, timed
from benchmarks.historian import START, Signal
from goldenbatch.stores.historian import Historian, HistorianSettings

DAY_US = 24 * HOUR_US
SPAN_US = 6 * HOUR_US
N_ROUNDS = 9
SLACK = 1.5
"""What the noise of a shared machine may add to a ratio of two medians."""

OPENING = """
import json, sys, time
from goldenbatch.stores.historian import Historian, HistorianSettings
import duckdb, deltalake, pyarrow.parquet
folder, tag, first, last = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
def peak_mb():  # not getrusage: that starts with what the parent had
    return next(int(one.split()[1]) for one in open("/proc/self/status") if "VmHWM" in one) / 1024
bare = peak_mb()
begin = time.perf_counter()
store = Historian.open(folder, recorder=None, clock=lambda: 1, read_only=True)
opened = time.perf_counter()
n = len(store.read([tag], (first, last)))
asked = time.perf_counter()
print(json.dumps({"open_ms": 1e3 * (opened - begin), "first_question_ms": 1e3 * (asked - opened),
                  "memory_added_mb": peak_mb() - bare, "n": n}))
"""


def resident_mb() -> float:
    """Memory that this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20


def covered(spans: list[tuple[int, int]]) -> int:
    """Microseconds that windows cover; what several of them share is read once."""
    total, reached = 0, START
    for first, last in sorted(spans):
        total += max(0, last - max(first, reached))
        reached = max(reached, last)
    return total


class Kept:
    """Count and sum of some tags, taken from what is written and compared with what is read."""

    def __init__(self, tags: list[int]) -> None:
        self.sums = dict.fromkeys(tags, 0.0)
        self.n_times = 0

    def take(self, table: pa.Table, n_times: int) -> None:
        """Take what is about to be written."""
        values = table.column("value").to_numpy()
        for tag in self.sums:
            self.sums[tag] += float(values[tag * n_times : (tag + 1) * n_times].sum())
        self.n_times += n_times

    def check(self, store: Historian, names: list[str], end: int) -> None:
        """Refuse a store that answers wrongly."""
        for tag, total in self.sums.items():
            series = store.read([names[tag]], (START, end))
            if len(series) != self.n_times or abs(series.values().sum() - total) > 1e-9 * total:
                raise SystemExit(f"{names[tag]}: {len(series)} readings, not {self.n_times}")


class Life:
    """One store that grows by the hour."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder, self.options = folder, options
        self.signal = Signal(options.tags, options.seed)
        self.names: list[str] = self.signal.names.to_pylist()
        self.end, self.n_readings, self.n_compacted = START, 0, 0
        self.seconds = {"ingest": 0.0, "compaction": 0.0}
        self.slowest_hand_over_s = 0.0
        self.kept = Kept([0, options.tags // 2, options.tags - 1])
        settings = HistorianSettings(flush_readings=0, flush_bytes=0, keep_superseded_s=0)
        self.store = Historian.open(
            folder, recorder=None, clock=lambda: self.end, settings=settings
        )

    def take(self, table: pa.Table) -> None:
        """An hour: written, handed over, and a day that it closes compacted."""
        frame = self.signal.frame(table, str(self.end))

        def ingest() -> None:
            self.store.write(frame)
            self.store.flush()

        spent = timed(ingest)
        self.seconds["ingest"] += spent
        self.slowest_hand_over_s = max(self.slowest_hand_over_s, spent)
        self.kept.take(table, table.num_rows // self.signal.n_tags)
        self.n_readings += table.num_rows
        self.end += HOUR_US
        begin = time.perf_counter()
        if self.store.compact(self.end):
            self.store.vacuum()
            self.seconds["compaction"] += time.perf_counter() - begin

    def questions(self, rng: np.random.Generator) -> dict[str, Any]:
        """Name to question; each call asks at another place and gives the size of its answer."""
        store, names, n_tags = self.store, self.names, self.signal.n_tags

        def place(length: int) -> int:
            slots = max(1, (self.end - START - length) // 1_000_000)
            return START + int(rng.integers(0, slots)) * 1_000_000

        def some(n: int) -> list[str]:
            first = int(rng.integers(0, n_tags - n + 1))
            return names[first : first + n]

        def minutes() -> int:
            first = place(SPAN_US)
            found = store.aligned(some(20), [(first, first + SPAN_US)], 60_000_000)
            return int(found.values.size)

        def windows() -> int:
            firsts = [place(HOUR_US // 2) for _ in range(100)]
            spans = [(first, first + HOUR_US // 2) for first in firsts]
            chosen = [names[int(n)] for n in rng.choice(n_tags, 3, replace=False)]
            store.aligned(chosen, spans, 10_000_000)
            return 3 * covered(spans) // 1_000_000

        def one_tag() -> int:
            first = place(SPAN_US)
            return len(store.read(some(1), (first, first + SPAN_US)))

        return {
            "one_tag_6_hours": one_tag,
            "20_tags_6_hours_to_minutes": minutes,
            "100_windows_of_3_tags": windows,
            "latest_of_all_tags": lambda: len(store.latest(names)),
            "all_of_one_tag": lambda: len(store.read(some(1), (START, self.end))),
            "all_of_3_tags_to_hours": lambda: int(
                store.aligned(some(3), [(START, self.end)], HOUR_US).n_readings.sum()
            ),
        }

    def asked(self) -> dict[str, Any]:
        """Median milliseconds and mean size of the answer of each question, in turn."""
        questions = self.questions(np.random.default_rng([self.options.seed, 5]))
        spent: dict[str, list[float]] = {name: [] for name in questions}
        sizes: dict[str, list[int]] = {name: [] for name in questions}
        for turn in range(N_ROUNDS + 1):
            for name, question in questions.items():
                begin = time.perf_counter()
                size = question()
                if turn:  # the first one reads the files' footers
                    spent[name].append((time.perf_counter() - begin) * 1000)
                    sizes[name].append(size)
        return {
            name: {"ms": statistics.median(times), "answer": statistics.mean(sizes[name])}
            for name, times in spent.items()
        }

    def opening(self) -> dict[str, Any]:
        """What another process needs to open the store and to ask its first question."""
        first = START + (self.end - START) // 2
        arguments = [self.folder, self.names[1], first, first + HOUR_US]
        found = []
        for _ in range(3):
            done = subprocess.run(
                [sys.executable, "-c", OPENING, *map(str, arguments)],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            found.append(json.loads(done.stdout))
        return {key: statistics.median(one[key] for one in found) for key in found[0]}

    def measured(self) -> dict[str, Any]:
        """All that is known at a mark."""
        self.kept.check(self.store, self.names, self.end)
        files = self.store.table_files("number")
        again = {
            "questions": self.asked(),
            "opening": self.opening(),
            "n_readings": self.n_readings,
            "n_files": len(files),
            "readings_per_s": self.n_readings / self.seconds["ingest"],
            "readings_per_s_with_compaction": self.n_readings / sum(self.seconds.values()),
            "slowest_hour_s": self.slowest_hand_over_s,
            "table_bytes_per_reading": sum(file.size for file in files) / self.n_readings,
            "folder_bytes_per_reading": folder_bytes(self.folder) / self.n_readings,
            "memory_mb": resident_mb(),
            "arrow_memory_mb": pa.total_allocated_bytes() / 2**20,
            "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "load": os.getloadavg()[0],
        }
        print(json.dumps(again), file=sys.stderr, flush=True)
        return again


def growth(first: dict[str, Any], last: dict[str, Any]) -> dict[str, Any]:
    """Of each question: how often longer it takes, how often larger its answer is."""
    found = {}
    for name, now in last["questions"].items():
        before = first["questions"][name]
        time_, answer = now["ms"] / before["ms"], now["answer"] / before["answer"]
        found[name] = {
            "time": time_, "answer": answer, "is_no_worse": time_ <= SLACK * max(1.0, answer)
        }  # fmt: skip
    return found


def live(options: argparse.Namespace) -> dict[str, Any]:
    """Ingest all of it, measuring at the marks."""
    an_hour = options.tags * 3600
    hours = [max(1, round(options.readings * part / an_hour)) for part in (0.01, 0.1, 1.0)]
    # A first mark below the length of a question would have a smaller answer.
    marks = sorted({max(hour, SPAN_US // HOUR_US) for hour in hours})
    result: dict[str, Any] = {"marks": []}
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        one = Life(Path(name) / "store", options)
        for hour, table in enumerate(one.signal.hours(marks[-1]), start=1):
            one.take(table)
            if hour in marks:
                result["marks"].append(one.measured())
            elif hour % 24 == 0:
                print(f"{one.n_readings:,} readings", file=sys.stderr, flush=True)
        if options.verify:
            begin = time.perf_counter()
            problems = one.store.verify()
            if problems:
                raise SystemExit(f"verify found {problems[:3]}")
            result["verify_readings_per_s"] = one.n_readings / (time.perf_counter() - begin)
        one.store.close()
    result["growth"] = growth(result["marks"][0], result["marks"][-1])
    return result


def report(result: dict[str, Any], command: str) -> str:
    """The result as Markdown."""
    marks = result["marks"]
    head = [f"{one['n_readings'] / 1e6:,.1f} M" for one in marks]
    lines = [
        f"# {marks[-1]['n_readings']:,} readings in one store", "",
        "Questions of a fixed answer should take the same time however much is stored; of a",
        "growing answer, no more time than the answer grows. Medians, at random places, of one",
        f"process on {os.cpu_count()} shared cores.", "", f"Run by `{command}`.", "",
        f"| question (ms) | {' | '.join(head)} | time grew | answer grew | no worse |",
        "| --- |" + " --- |" * (len(marks) + 3),
    ]  # fmt: skip
    for name, grown in result["growth"].items():
        times = " | ".join(f"{one['questions'][name]['ms']:.1f}" for one in marks)
        said = "yes" if grown["is_no_worse"] else "**no**"
        words = name.replace("_", " ")
        lines.append(
            f"| {words} | {times} | {grown['time']:.2f} | {grown['answer']:.2f} | {said} |"
        )
    facts = {
        "another process opens it (ms)": lambda one: f"{one['opening']['open_ms']:.0f}",
        "its first question (ms)": lambda one: f"{one['opening']['first_question_ms']:.0f}",
        "memory it needs for both (MB)": lambda one: f"{one['opening']['memory_added_mb']:.0f}",
        "million readings/s, durable, handed over": lambda one: (
            f"{one['readings_per_s'] / 1e6:.2f}"
        ),
        "the same with compaction": lambda one: (
            f"{one['readings_per_s_with_compaction'] / 1e6:.2f}"
        ),
        "slowest hour (s)": lambda one: f"{one['slowest_hour_s']:.2f}",
        "bytes a reading, tables": lambda one: f"{one['table_bytes_per_reading']:.2f}",
        "bytes a reading, whole folder": lambda one: f"{one['folder_bytes_per_reading']:.2f}",
        "files of the table": lambda one: str(one["n_files"]),
        "memory of the writer (MB)": lambda one: f"{one['memory_mb']:.0f}",
        "of this held by Arrow (MB)": lambda one: f"{one['arrow_memory_mb']:.0f}",
        "its peak (MB)": lambda one: f"{one['peak_memory_mb']:.0f}",
        "load of the machine": lambda one: f"{one['load']:.1f}",
    }
    lines += ["", f"| at | {' | '.join(head)} |", "| --- |" + " --- |" * len(marks)]
    for words, shown in facts.items():
        lines.append(f"| {words} | {' | '.join(shown(one) for one in marks)} |")
    if "verify_readings_per_s" in result:
        rate = result["verify_readings_per_s"] / 1e6
        lines += ["", f"All digests were computed again at the end: {rate:.2f} million readings/s."]
    lines += ["", f'"No worse": time grew at most {SLACK} times as much as the answer.']
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readings", type=float, default=1e9)
    parser.add_argument("--tags", type=int, default=500)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--folder", type=Path, help="where the store is made")
    parser.add_argument("--out", type=Path, help="JSON of all figures")
    parser.add_argument("--report", type=Path, help="Markdown")
    parser.add_argument("--verify", action="store_true", help="compute all digests at the end")
    options = parser.parse_args()
    result = live(options)
    command = f"python -m benchmarks.billion --readings {options.readings:g}"
    if options.verify:
        command += " --verify"
    if options.out:
        options.out.write_text(json.dumps(result, indent=2) + "\n")
    if options.report:
        options.report.write_text(report(result, command), encoding="utf-8")
    print(report(result, command))
    return int(not all(one["is_no_worse"] for one in result["growth"].values()))


if __name__ == "__main__":
    sys.exit(main())
