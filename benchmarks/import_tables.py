"""Import of press series and batch tables beside a plain pyarrow CSV-to-Parquet conversion.

Both read the same files in one run on one machine. The import ends when everything is durable
and provable: values checked and compared, originals kept, frames synced, records in the tree.
The conversion only parses and writes (zstd, no sync); the mean of one before and one after each
import counts. Prints JSON.

The press files hold 1.6 M readings, a second's work; for a stable figure they are repeated
`--copies` times with their times shifted by 364 days each, without phases.
`python benchmarks/import_tables.py [--copies 4] [--rounds 3]`
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from goldenbatch.connectors.tabular import SourceCard, import_card, load_card
from goldenbatch.core import batches, intake
from goldenbatch.core.plant import Plant, load_plant
from goldenbatch.core.records import HomeKind
from goldenbatch.core.results import RESULTS
from goldenbatch.core.site import Actor, HomeInfo
from goldenbatch.stores.historian import Historian, HistorianSettings
from goldenbatch.stores.ledger import Ledger
from goldenbatch.stores.registry import Registry

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "tablets"
DATA = Path(os.environ.get("GOLDENBATCH_DATA", ROOT.parent / "shared" / "data")) / "tablets"
TABLES = ("laboratory", "process", "normalization")


def with_site(folder: Path, plant: Plant, work: Callable[[Any], Any]) -> Any:
    """Do work on a site of fresh stores in a folder."""
    folder.mkdir(parents=True)
    ticks = itertools.count(1_700_000_000_000_000)
    clock = lambda: next(ticks)  # noqa: E731
    home = HomeInfo("bench", "bench", HomeKind.DEVELOPMENT, "site", "Europe/Ljubljana")
    projections = (*batches.PROJECTIONS, RESULTS, *intake.PROJECTIONS)
    # The hand-over to Delta runs when it is asked for, so that it is timed apart.
    settings = HistorianSettings(flush_readings=0)
    with (
        Ledger.open(folder / "ledger.sqlite", home, clock, projections) as ledger,
        Historian.open(
            folder / "historian", recorder=None, clock=clock, settings=settings
        ) as historian,
    ):
        registry = Registry(folder / "registry")
        site = SimpleNamespace(
            home=home,
            plant=plant,
            ledger=ledger,
            historian=historian,
            registry=registry,
            actor=Actor("bench"),
            clock=clock,
        )
        return work(site)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    begin = time.perf_counter()
    found = work()
    return time.perf_counter() - begin, found


def converted(paths: list[Path], folder: Path) -> float:
    """Seconds of the plain conversion of the same files."""

    def convert() -> None:
        for at, path in enumerate(paths):
            options = pacsv.ParseOptions(delimiter=";")
            table = pacsv.read_csv(path, parse_options=options)
            pq.write_table(table, folder / f"{at}.parquet", compression="zstd")

    return timed(convert)[0]


def converted_cpu(paths: list[Path], folder: Path) -> tuple[float, float]:
    """Wall and CPU seconds of the plain conversion."""
    begin = time.process_time()
    seconds = converted(paths, folder)
    return seconds, time.process_time() - begin


def series_files(source: Path, target: Path, n_copies: int) -> list[Path]:
    """The press files, and copies of them in later years."""
    target.mkdir()
    made = []
    stamp = re.compile(r"^\d{4}-\d\d-\d\d", re.MULTILINE)
    for copy in range(n_copies):
        shift = timedelta(days=364 * 2 * copy)
        days: dict[str, str] = {}

        def later(
            found: re.Match[str], shift: timedelta = shift, days: dict[str, str] = days
        ) -> str:
            day = found[0]
            if day not in days:
                days[day] = (datetime.fromisoformat(day) + shift).strftime("%Y-%m-%d")
            return days[day]

        for path in sorted(source.glob("*.csv")):
            text = path.read_bytes().decode()
            made.append(target / f"{copy}-{path.name}")
            made[-1].write_bytes(stamp.sub(later, text).encode())
    return made


def without_phases(card: SourceCard) -> SourceCard:
    table = card.tables[0].model_copy(update={"phases": (), "files": ("*.csv",)})
    return card.model_copy(update={"tables": (table,)})


def series(folder: Path, plant: Plant, n_copies: int) -> dict[str, float]:
    """The press series alone, beside the mean of a conversion before and one after it."""
    paths = series_files(DATA / "press", folder / "series", n_copies)
    converted(paths, folder)  # starts pyarrow's threads and warms the files
    before, cpu_before = converted_cpu(paths, folder)
    card = without_phases(load_card(EXAMPLE / "cards" / "press.toml"))

    def work(site: Any) -> dict[str, float]:
        cpu = time.process_time()
        seconds, report = timed(lambda: import_card(site, card, folder / "series"))
        cpu = time.process_time() - cpu
        after, cpu_after = converted_cpu(paths, folder)
        plain, cpu_plain = (before + after) / 2, (cpu_before + cpu_after) / 2
        log = sum(path.stat().st_size for path in (home / "historian" / "log").iterdir())
        handed, _ = timed(site.historian.flush)
        again, repeated = timed(lambda: import_card(site, card, folder / "series"))
        if repeated.total("n_readings") or report.total("n_rejected"):
            raise SystemExit("the import is not what it should be")
        n = report.total("n_readings")
        return {
            "n_rows": report.total("n_rows"),
            "n_readings": n,
            "readings_per_s": n / seconds,
            "readings_per_cpu_s": n / cpu,
            "log_bytes_per_reading": log / n,
            "readings_per_s_with_hand_over": n / (seconds + handed),
            "again_s": again,
            "conversion_readings_per_s": n / plain,
            "ratio_to_conversion": plain / seconds,
            "cpu_ratio_to_conversion": cpu_plain / cpu,
            "ratio_with_hand_over": plain / (seconds + handed),
        }

    home = folder / "series-home"
    return with_site(home, plant, work)


def everything(folder: Path, plant: Plant) -> dict[str, float]:
    """The example as it ships: batch tables into the ledger, press series into the historian."""
    paths = [DATA / name for name in ("Laboratory.csv", "Process.csv", "Normalization.csv")]
    plain = converted([*paths, *sorted((DATA / "press").glob("*.csv"))], folder)

    def work(site: Any) -> dict[str, float]:
        found: dict[str, float] = {}
        n_values = 0
        total = 0.0
        for name in (*TABLES, "press"):
            card = load_card(EXAMPLE / "cards" / f"{name}.toml")
            seconds, report = timed(lambda card=card: import_card(site, card, DATA))
            found[f"{name}_s"] = seconds
            total += seconds
            n_values += report.total("n_readings")
        n_results = len(site.ledger.select("result"))
        found |= {
            "n_readings": n_values,
            "n_results": n_results,
            "n_events": site.ledger.head(),
            "values_per_s": (n_values + n_results) / total,
            "ledger_events_per_s": site.ledger.head() / total,
            "ratio_to_conversion": plain / total,
        }
        return found

    return with_site(folder / "all-home", plant, work)


def median(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {key: sorted(one[key] for one in rounds)[len(rounds) // 2] for key in rounds[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if not DATA.is_dir():
        raise SystemExit(f"no data in {DATA}: set GOLDENBATCH_DATA")
    plant = load_plant(EXAMPLE / "plant.toml")
    series_rounds, all_rounds = [], []
    for number in range(options.rounds):
        folder = Path(tempfile.mkdtemp(prefix=f"import-{number}-"))
        try:
            series_rounds.append(series(folder, plant, options.copies))
            all_rounds.append(everything(folder, plant))
        finally:
            shutil.rmtree(folder)
    found = {
        "benchmark": "import_tables",
        "copies": options.copies,
        "rounds": options.rounds,
        "series": median(series_rounds),
        "example": median(all_rounds),
        "targets": {"series.readings_per_s": 300_000, "series.ratio_to_conversion": 0.3},
    }
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
