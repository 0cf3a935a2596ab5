"""The laboratory and the warehouse of the demonstration plant: files dropped into a folder."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from goldenbatch.apps.demo.course import Sample
from goldenbatch.apps.demo.schedule import Slot, Unit
from goldenbatch.core.records import to_iso

KEYS = ("sample", "batch", "taken_at")
"""First columns of each file; the others are the attributes of its samples."""


def file_name(sample: Sample) -> str:
    """Such as `day_GB-023_04.csv` of the sample `GB-023/day-04`.

    >>> file_name(Sample("GB-023/day-04", 96.0, 98.0, {})), file_name(Sample("FD-1/cake", 0, 0, {}))
    ('day_GB-023_04.csv', 'cake_FD-1.csv')
    """
    batch, _, what = sample.name.partition("/")
    kind, _, day = what.partition("-")
    return f"{'_'.join(one for one in (kind, batch, day) if one)}.csv"


def as_text(slot: Slot, sample: Sample) -> str:
    """A sample as CSV: a header and a row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*KEYS, *sample.results])
    taken = to_iso(slot.at(sample.taken_h))
    values = [f"{value:g}" for value in sample.results.values()]
    writer.writerow([sample.name, slot.course.batch, taken, *values])
    return text.getvalue()


def due(units: Sequence[Unit], since: int, now: int, epoch: int) -> Iterator[tuple[Slot, Sample]]:
    """Samples whose results came after one time, up to another."""
    for unit in units:
        newest = unit.number_at(now, epoch)
        for number in range(max(unit.first, newest - 1), newest + 1):
            slot = unit.slot(number, epoch)
            for sample in slot.course.samples:
                if since < slot.at(sample.told_h) <= now:
                    yield slot, sample


def drop(folder: Path, slot: Slot, sample: Sample) -> Path:
    """Lay a file into the folder, whole or not at all; again: nothing."""
    path = folder / file_name(sample)
    if not path.exists():
        part = path.with_suffix(".part")
        part.write_text(as_text(slot, sample), encoding="utf-8")
        os.replace(part, path)
    return path
