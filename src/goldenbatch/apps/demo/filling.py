"""The filling line of the demonstration plant: lots on the twin of a line of vials."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.apps.demo.course import Course, Sample

if TYPE_CHECKING:
    from goldenbatch.science.lines.fill_line import FillLine

N_VIALS = 24_000
STEP_H = 1.0 / 120.0
SIGNALS = ("good", "rate")
_SPEEDS = (("washer", 420.0, 400), ("filler", 400.0, 160), ("stopperer", 410.0, 200))


@dataclass(frozen=True)
class FillingPlan:
    """One lot of vials.

    Attributes:
        batch: Identifier.
        seed: Of what stops the line.
    """

    batch: str
    seed: int


@cache
def line() -> FillLine:
    """The declared line."""
    from goldenbatch.science.lines.fill_reading import read_fill_line

    def stop(name: str, every: float, mean: float, removes: int) -> dict[str, Any]:
        return {
            "name": name, "every": {"kind": "exponential", "mean": every}, "removes": removes,
            "duration": {"kind": "lognormal", "mean": mean, "cv": 0.9},
        }  # fmt: skip

    stops = {
        "filler": [stop("needle", 45.0, 3.0, 20)],
        "stopperer": [stop("bowl jam", 25.0, 1.2, 4)],
    }
    stations: list[dict[str, Any]] = [
        {"name": name, "speed": speed, "buffer": buffer, "rejects": 0.001,
         "stops": stops.get(name, [])}
        for name, speed, buffer in _SPEEDS
    ]  # fmt: skip
    stations.append({"name": "capper", "speed": 420.0, "rejects": 0.003})
    return read_fill_line({"name": "Filling line 1", "stations": stations})


def run_filling(plan: FillingPlan) -> Course:
    """Simulate a lot, each vial with its own times."""
    from goldenbatch.science.lines.fill_line import VialLot, run_fill_line

    lot = VialLot(plan.batch, "2R", N_VIALS)
    run = run_fill_line(line(), [lot], seed=plan.seed, keeps_exits=True)
    hours = np.sort(run.exits) / 60.0
    times = np.arange(0.0, float(hours[-1]) + STEP_H, STEP_H)
    good = np.searchsorted(hours, times, side="right").astype(float)
    before = np.searchsorted(hours, times - 1.0 / 60.0, side="right")
    signals = {"good": good, "rate": good - before}
    yielded = round(100.0 * float(run.lots["n_good"][0]) / N_VIALS, 2)
    end = float(times[-1])
    sample = Sample(f"{plan.batch}/line", end, end, {"filling_yield": yielded})
    return Course(plan.batch, times, signals, (("FILLING", 0.0),), (sample,))
