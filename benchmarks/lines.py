"""Speed of the line twins, in CPU seconds: the fast line of vials beside plain SimPy, and a plant.

python -m benchmarks.lines [--rounds N] [--peer-vials N]

Both lines of vials are the same line with the same stops and rejects: washing, tunnel, filling,
stoppering, capping, inspection. The times of the vials are compared in the same run.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import time
from pathlib import Path

import numpy as np

from goldenbatch.science.lines.fill_line import run_fill_line
from goldenbatch.science.lines.fill_reading import read_fill_line, vial_lots
from goldenbatch.science.lines.per_vial import per_vial_exits
from goldenbatch.science.lines.reading import read_line
from goldenbatch.science.lines.simulation import RunSettings, simulate_line
from goldenbatch.science.lines.two_machine import (
    TwoMachines,
    exact_two_machine,
    simulate_two_machine,
)

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("GOLDENBATCH_DATA", ROOT.parent / "shared" / "data"))
TARGET = 800_000


def jam(every, minutes):
    return {
        "name": "jam",
        "every": {"kind": "exponential", "mean": every},
        "duration": {"kind": "lognormal", "mean": minutes, "cv": 1.0},
    }


def vial_line(buffer):
    """A line of 400 vials a minute; `buffer` vials between filler, stoppering and capping."""
    intervention = {
        "name": "intervention",
        "every": {"kind": "exponential", "mean": 120},
        "duration": {"kind": "lognormal", "mean": 4, "cv": 1.0},
        "removes": 20,
    }
    stations = [
        {"name": "washer", "speed": 460, "buffer": 16_000, "travel": 25, "rejects": 0.0005,
         "stops": [jam(60, 2)]},
        {"name": "tunnel", "speed": 450, "buffer": 4 * buffer},
        {"name": "filler", "speed": 400, "buffer": buffer, "travel": 0.1, "rejects": 0.002,
         "stops": [jam(40, 1.5), intervention]},
        {"name": "stoppering", "speed": 410, "buffer": buffer, "travel": 0.1, "rejects": 0.001,
         "stops": [jam(50, 1)]},
        {"name": "capper", "speed": 430, "buffer": 3 * buffer, "travel": 0.5, "rejects": 0.001,
         "stops": [jam(45, 1.5)]},
        {"name": "inspection", "speed": 440, "rejects": 0.01, "stops": [jam(80, 3)]},
    ]  # fmt: skip
    return read_fill_line(
        {
            "name": "vials",
            "clearance": 60,
            "changeover": 240,
            "stations": stations,
            "dwell": [{"after": "filler", "before": "stoppering", "maximum": 5}],
        }
    )


def lots():
    """The real list of lots where it is; else one of the same size."""
    path = DATA / "fill_line" / "lots.csv"
    if path.exists():
        with path.open() as file:
            rows = [(row["Lot ID"], row["Type"], int(row["Vials"])) for row in csv.DictReader(file)]
        return vial_lots(rows), "real list"
    rows = [(f"L{i}", f"Vial{'EH'[i % 2]}", 469_000) for i in range(15)]
    return vial_lots(rows), "made up, 15 lots of 469,000"


def cpu(call):
    begin = time.process_time()
    result = call()
    return time.process_time() - begin, result


def fill(options):
    chosen, source = lots()
    n = sum(lot.n_vials for lot in chosen)
    line = vial_line(options.buffer)
    small = vial_lots(
        [("1", "VialE", options.peer_vials // 2), ("2", "VialH", options.peer_vials // 2)]
    )
    fast, slow = [], []
    for _ in range(options.rounds):
        seconds, run = cpu(lambda: run_fill_line(line, chosen, seed=1))
        fast.append(n / seconds)
        seconds, exits = cpu(lambda: per_vial_exits(line, small, seed=1))
        slow.append(2 * (options.peer_vials // 2) / seconds)
    same = run_fill_line(line, small, seed=1, keeps_exits=True)
    found = run.effectiveness(line, "filler")
    return {
        "lots": source,
        "vials": n,
        "buffer_vials": options.buffer,
        "vials_per_cpu_s": round(statistics.median(fast)),
        "target_vials_per_cpu_s": TARGET,
        "simpy_per_vial_per_cpu_s": round(statistics.median(slow)),
        "simpy_vials": int(2 * (options.peer_vials // 2)),
        "ratio": round(statistics.median([f / s for f, s in zip(fast, slow, strict=True)]), 1),
        "largest_difference_of_a_vial_min": float(np.abs(exits - same.exits).max()),
        "oee": round(found.oee, 4),
        "good_vials_per_min": round(run.rate, 1),
    }


def two_machines():
    line = TwoMachines(0.1, 0.01, 0.12, 0.02, 10)
    exact_s, exact = cpu(lambda: exact_two_machine(line))
    n_steps, n_replications = 20_000, 400
    seconds, found = cpu(
        lambda: simulate_two_machine(line, seed=1, n_steps=n_steps, n_replications=n_replications)
    )
    return {
        "exact_cpu_ms": round(1000 * exact_s, 2),
        "steps_per_cpu_s": round((n_steps + found.n_warm_up) * n_replications / seconds),
        "exact_throughput": exact.throughput,
        "simulated_throughput": found.throughput.mean,
        "half_width_99": found.throughput.half_width,
        "is_within": found.throughput.contains(exact.throughput),
    }


def plant():
    """A year of a plant of two reactors, a column and a line, with cleaning and people."""
    crew = [{"resource": "operators"}]
    line = read_line(
        {
            "name": "plant",
            "units": [
                {"name": "reactor", "count": 4, "cleaning": {"duration": 8, "crew": crew}},
                {"name": "column", "cleaning": {"duration": 4, "crew": crew}},
            ],
            "buffers": [{"name": "tank", "capacity": 2}],
            "resources": [{"name": "operators", "shifts": [{"start": 6, "end": 22, "n": 4}]}],
            "products": [
                {
                    "name": "mab",
                    "route": [
                        {"name": "culture", "unit": "reactor", "buffer": "tank", "crew": crew,
                         "attended": 4, "duration": {"kind": "triangular", "lower": 300,
                                                     "mode": 336, "upper": 360}},
                        {"name": "capture", "unit": "column", "duration": 30, "crew": crew,
                         "quality": {"laboratory": 72}},
                    ],
                }
            ],
            "plan": [{"product": "mab"}],
        }
    )  # fmt: skip
    n_years = 20
    seconds, run = cpu(lambda: simulate_line(line, RunSettings(8766.0 * n_years), seed=1))
    return {
        "plant_years_per_cpu_s": round(n_years / seconds, 1),
        "lots_per_cpu_s": round(len(run.lots["lot"]) / seconds),
        "lots_a_year": round(len(run.lots["lot"]) / n_years, 1),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer-vials", type=int, default=20_000)
    parser.add_argument("--buffer", type=int, default=200)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    result = {
        "benchmark": "lines",
        "load": round(os.getloadavg()[0], 1),
        "vials": fill(options),
        "two_machines": two_machines(),
        "plant": plant(),
    }
    text = json.dumps(result, indent=2)
    if options.out:
        options.out.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
