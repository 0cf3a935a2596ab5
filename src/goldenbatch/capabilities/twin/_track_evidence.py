"""What the historian holds of a run, as the tracker takes it; and as evidence of findings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.capabilities.twin._track_runs import Assay
from goldenbatch.core.findings import Evidence
from goldenbatch.core.quantities import conversion
from goldenbatch.core.series import Quality
from goldenbatch.science.process.tracking import Observed

if TYPE_CHECKING:
    from goldenbatch.capabilities.twin._track_settings import TagOf
    from goldenbatch.capabilities.twin._track_setup import Twin
    from goldenbatch.core.analyst import TickView

    Points = tuple[list[float], list[float]]

HOLD_US = 86_400_000_000
"""How long before a run an input may have been reported last."""


def observe(
    twin: Twin, view: TickView, begin: int, span: tuple[int, int], assays: Sequence[Assay]
) -> Observed:
    """Evidence of a run.

    Args:
        twin: Says which tags are what.
        view: The plant.
        begin: Start of the run.
        span: From when the sensors are needed, and up to when all of it.
        assays: Results of the laboratory.
    """
    since, upto = span
    inputs = {
        name: _points(twin, view, (name, one), begin, (begin - HOLD_US, upto))
        for name, one in twin.settings.inputs.items()
    }
    margin = int(2 * twin.settings.cadence * twin.unit_us)
    outputs = {
        name: _points(twin, view, (name, one), begin, (max(since - margin, begin), upto))
        for name, one in twin.settings.outputs.items()
    }
    samples = [((at - begin) / twin.unit_us, name, value) for at, name, value, _ in assays]
    return Observed(inputs, outputs, samples)


def _points(
    twin: Twin, view: TickView, mapped: tuple[str, TagOf], begin: int, window: tuple[int, int]
) -> Points:
    name, one = mapped
    series = view.read([one.tag], (window[0], window[1] + 1))
    if not len(series) or series.kind != "number":
        return [], []
    good = (series.qualities() < Quality.BAD) & np.isfinite(series.values())
    factor, offset = conversion(one.unit or twin.units[name], twin.units[name])
    times = (series.times()[good] - begin) / twin.unit_us
    values = series.values()[good] * factor + offset
    return times.tolist(), values.tolist()


def window_evidence(view: TickView, tag: str, span: tuple[int, int], note: str) -> list[Evidence]:
    """Readings of a tag in a window, by the digest of (time, seq, quality, value) of each."""
    series = view.read([tag], (span[0], span[1] + 1))
    if not len(series):
        return []
    digest, times = hashlib.sha256(), series.times()
    for column in (times, series.seqs(), series.qualities(), series.values()):
        digest.update(column.astype(column.dtype.newbyteorder("<")).tobytes())
    return [
        Evidence(
            kind="window", digest=digest.hexdigest(), tag=tag, start=int(times.min()),
            end=int(times.max()) + 1, as_of=view.tick.historian_seq, n_readings=len(series),
            note=note,
        )
    ]  # fmt: skip


def record_evidence(assays: Iterable[Assay], note: str) -> list[Evidence]:
    """Records of results of the laboratory, each once."""
    found = {
        leaf: Evidence(kind="record", digest=leaf, stream=stream, version=version, note=note)
        for _, _, _, (stream, version, leaf) in assays
    }
    return list(found.values())
