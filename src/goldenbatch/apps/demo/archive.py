"""What the plant's archive hands over at the first start: earlier batches, as files."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from goldenbatch.apps.demo.laboratory import drop
from goldenbatch.apps.demo.schedule import WITH_READINGS, Slot, Unit
from goldenbatch.core.records import to_iso

N_REACTOR, N_DRYER = 22, 16
"""Earlier batches of the bioreactor and cycles of the freeze-dryer."""
BEAT_US = {"bioreactor": 6_000_000, "freeze-dryer": 1_000_000}
"""How often the archive looked at a unit."""
Progress = Callable[[int, int], None]


def write_archive(
    folder: Path, epoch: int, units: Sequence[Unit], progress: Progress = lambda _n, _of: None
) -> list[Slot]:
    """Simulate the earlier batches and write batches, readings and results.

    Args:
        folder: Where the files go; results into `laboratory` below it.
        epoch: When the plant was first started, microseconds UTC.
        units: Bioreactor and freeze-dryer first.
        progress: Called with how many batches are done, and of how many.
    """
    results = folder / "laboratory"
    results.mkdir(parents=True, exist_ok=True)
    bioreactor, freeze_dryer = units[0], units[1]
    asked = [(bioreactor, bioreactor.first - n) for n in range(N_REACTOR, 0, -1)]
    asked += [(freeze_dryer, freeze_dryer.first - n) for n in range(N_DRYER, 0, -1)]
    slots: list[Slot] = []
    with (folder / "batches.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["batch", "product", "place", "started", "ended"])
        for n, (unit, number) in enumerate(asked):
            slot = unit.slot(number, epoch)
            writer.writerow(
                [slot.course.batch, unit.product, unit.place, to_iso(slot.start), to_iso(slot.end)]
            )
            is_whole = unit is freeze_dryer or number >= WITH_READINGS
            for sample in slot.course.samples:
                if is_whole or "day-" not in sample.name:
                    drop(results, slot, sample)
            if is_whole:
                _readings(folder, unit, slot)
            slots.append(slot)
            progress(n + 1, len(asked))
    return slots


def _readings(folder: Path, unit: Unit, slot: Slot) -> None:
    kind, course = unit.place.rpartition("/")[2], slot.course
    # Looked at once in a while, as the live plant is: the first look falls anywhere in the beat.
    first = np.random.default_rng(slot.start).uniform(0.0, 1.0)
    times = np.arange(slot.start + first * BEAT_US[kind], slot.end, BEAT_US[kind]).astype(int)
    hours = [slot.hours(int(time)) for time in times]
    shown = [course.values_at(hour) for hour in hours]
    columns = {
        "time": pa.array(times.tolist(), pa.timestamp("us", tz="UTC")),
        "batch": pa.array([course.batch] * len(hours)),
        "phase": pa.array([course.phase_at(hour) for hour in hours]),
    }
    columns |= {name: pa.array([one[name] for one in shown]) for name in course.signals}
    pq.write_table(pa.table(columns), folder / f"{kind}_{course.batch}.parquet")
