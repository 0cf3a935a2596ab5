"""Other engines read the historian's Delta table and must find the same groups.

DuckDB and Polars are installed for development; chDB and Spark are large and are installed for
the campaign only, in an environment of their own that `--engines-python` names:

    python -m venv engines && engines/bin/pip install chdb pyspark     # Spark also needs Java
    python -m tests.campaign --only engines --engines-python engines/bin/python

With the jars of delta-spark (`GOLDENBATCH_DELTA_JARS`, comma separated) Spark reads the table by
its Delta log; without them it reads the files that the log names.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from goldenbatch.core.series import Frame, frame_schema
from goldenbatch.stores.historian import Historian, HistorianSettings
from tests.campaign import engine_readers
from tests.campaign.report import Part

HOUR, DAY, MINUTE = 3_600_000_000, 86_400_000_000, 60_000_000
N_TAGS, N_HOURS = 20, 26
START = 19_700 * DAY
NAMES = [f"line/{n:02d}" for n in range(N_TAGS)]
HEAVY = ("chdb", "spark")
NOT_HERE = "is not installed here and was not asked"


def table_of_two_days(folder: Path, seed: int = 3) -> Historian:
    """26 hours at 1 Hz with gaps and corrections; the first day is compacted."""
    settings = HistorianSettings(flush_readings=0, keep_superseded_s=0)
    store = Historian.open(folder, recorder=None, clock=lambda: START, settings=settings)
    rng = np.random.default_rng(seed)
    for hour in range(N_HOURS):
        rows = np.flatnonzero(rng.random(N_TAGS * 3600) < 0.95)
        times = START + hour * HOUR + rows % 3600 * 1_000_000
        values = np.round(rng.normal(50, 3, len(rows)), 2)
        store.write(_frame(f"{hour}", times, rows // 3600, values))
        again = rng.choice(len(rows), 50, replace=False)
        corrected = np.round(rng.normal(50, 3, 50), 2)
        store.write(_frame(f"{hour} again", times[again], rows[again] // 3600, corrected))
        store.flush()
    store.compact(START + DAY + HOUR)
    return store


def _frame(key: str, times: Any, tags: Any, values: Any) -> Frame:
    columns = [
        pa.array(times).view(frame_schema("number")[0].type),
        pa.DictionaryArray.from_arrays(pa.array(tags.astype(np.int32)), pa.array(NAMES)),
        pa.array(values),
        pa.array(np.zeros(len(times), dtype=np.int64)),
    ]
    table = pa.Table.from_arrays(columns, schema=frame_schema("number", is_coded=True))
    return Frame("line", key, "number", table, START, reason="calibrated" * ("again" in key))


def expected(store: Historian) -> set[tuple[int, ...]]:
    """Groups as our own verb finds them."""
    found = set()
    for tag, name in enumerate(NAMES):
        series = store.read([name], (START, START + 2 * DAY))
        minutes, place = np.unique(series.times() // MINUTE, return_inverse=True)
        counts = np.bincount(place)
        totals = np.rint(np.bincount(place, np.rint(series.values() * 100))).astype(np.int64)
        newest = np.zeros(len(minutes), dtype=np.int64)
        np.maximum.at(newest, place, series.seqs())
        columns = (minutes, counts, totals, newest)
        found |= {(tag, *row) for row in zip(*(one.tolist() for one in columns), strict=True)}
    return found


def compare(folder: Path, python: str = "") -> Part:
    """Every engine that can be had reads the same table."""
    part = Part(
        "other engines read the Delta table", "other groups than our own verb finds",
        has_bound=False,
    )  # fmt: skip
    begin = time.monotonic()
    with table_of_two_days(folder / "table") as store:
        want = expected(store)
        table = folder / "table" / "number"
        from deltalake import DeltaTable

        files = folder / "files.json"
        uris = [uri.removeprefix("file://") for uri in DeltaTable(str(table)).file_uris()]
        files.write_text(json.dumps(uris))
        n_rows = sum(file.n_rows for file in store._loaded.cold["number"].files)
    part.details.append(f"{n_rows:,} rows in {len(uris)} files, {len(want):,} groups")
    for name in engine_readers.ENGINES:
        told = _ask(name, python if name in HEAVY and python else sys.executable, table, files)
        if told == NOT_HERE:
            part.details.append(f"{name}: {NOT_HERE}")
            continue
        part.n += 1
        if isinstance(told, str):
            part.failures.append(f"{name}: {told.replace(str(folder), '')}")
            continue
        wrong = want ^ {tuple(group) for group in told["groups"]}
        if wrong:
            part.failures.append(f"{name}: {len(wrong)} groups differ, such as {min(wrong)}")
        part.details.append(
            f"{name} {told['version']}, {told['how']}: {len(told['groups']):,} groups"
            f" in {told['seconds']:.2f} s, {'**others**' if wrong else 'the same'}"
        )
    part.seconds = time.monotonic() - begin
    return part


def _ask(name: str, python: str, table: Path, files: Path) -> dict[str, Any] | str:
    done = subprocess.run(
        [python, engine_readers.__file__, name, str(table), str(files)],
        # ClickHouse reads below the folder that it runs in.
        capture_output=True, text=True, check=False, timeout=600, cwd=table.parent,
    )  # fmt: skip
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1][:200]
        return NOT_HERE if last.startswith("ModuleNotFoundError") else last
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told
