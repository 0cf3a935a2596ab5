"""Every third-party reference of the twins replayed, each line with its error and its limit."""

from __future__ import annotations

import os
import time
from pathlib import Path

from goldenbatch.capabilities.twin.credibility import Line, verify
from tests.campaign.report import Part

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("GOLDENBATCH_DATA", ROOT.parent / "shared" / "data"))


def replay() -> list[Part]:
    """One part: a line that is outside its limit, or that could not be replayed, is a failure."""
    part = Part("references of the twins", "a figure outside its limit", has_bound=False)
    if not DATA.is_dir():
        part.details = ["no reference data here: set GOLDENBATCH_DATA"]
        return [part]
    began = time.monotonic()
    found = verify(DATA)
    part.seconds = time.monotonic() - began
    part.n = len(found.lines)
    part.failures = [_words(one) for one in found.lines if one.outcome in ("outside", "failed")]
    kinds = ("verification", "calibration", "validation")
    counts = {kind: sum(one.kind == kind for one in found.lines) for kind in kinds}
    part.details = [
        ", ".join(f"{n} of {kind}" for kind, n in counts.items()),
        f"CPU seconds: {sum(found.cpu_s.values()):.0f}",
        *(_words(one) for one in found.lines if one.outcome == "absent"),
    ]
    return [part]


def _words(one: Line) -> str:
    if one.row is None:
        return f"{one.case.name} {one.file}: {one.outcome}, {one.reason}"
    row = one.row
    error = f"{row.error:.3g} {row.measure} of {row.limit}"
    return f"{one.case.name} {one.file}: {row.quantity} {error}"
