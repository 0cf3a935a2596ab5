"""The bioreactor of the demonstration plant: a CHO fed-batch of the library, a batch a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.apps.demo.course import Course, Sample

if TYPE_CHECKING:
    from collections.abc import Mapping

    from goldenbatch.science.process.recipe import Fault, Recipe
    from goldenbatch.science.process.result import Simulation

SCALE = 1000.0
"""The library's vessel of 1.5 L, made one of 1,500 L."""
VOLUME_L, MOST_L = 1.5 * SCALE, 2.5 * SCALE
DAYS, INTERVAL_H = 14, 1.0 / 6.0
GLUTAMINE_KG = 1.32
"""Charge of glutamine by the recipe."""
SPREAD = {"mu_max": 0.010, "q_mab": 0.02, "q_O2": 0.008, "kLa": 0.008, "q_eaten": 0.02}
"""How batches differ, relative standard deviations."""
SIGNALS: dict[str, tuple[str, float, float]] = {
    "ph": ("pH", 1.0, 0.0),
    "do": ("DO", 1.0, 0.0),
    "temperature": ("temperature", 1.0, -273.15),
    "biomass": ("biomass", 1.0, 0.0),
    "volume": ("V", 1.0, 0.0),
    "oxygen": ("y_O2", 100.0, 0.0),
    "carbon_dioxide": ("y_CO2", 100.0, 0.0),
    "feed": ("F", 1.0, 0.0),
    "glucose_feed": ("F_glc", 1.0, 0.0),
    "base": ("F_base", 1.0, 0.0),
    "temperature_set": ("T_set", 1.0, -273.15),
}
"""Signal to the column of the run, its factor and its offset into the unit of the tag."""
DAILY = {"vcd": "VCD", "viability": "viability", "glucose": "glucose", "lactate": "lactate"}
PHASES = (("INOCULATION", 0.0), ("GROWTH", 6.0), ("PRODUCTION", 120.0), ("HARVEST", 330.0))


@dataclass(frozen=True)
class ReactorPlan:
    """What is done to one batch, and what goes wrong in it.

    Attributes:
        batch: Identifier.
        seed: Of what differs from batch to batch, and of the sensors' noise.
        drift_from_h: From when on the temperature probe shows more and more; None: never.
        drift_per_h: By how many kelvin an hour.
        charge: What was weighed of the glutamine, relative to the recipe.
        interval_h: From one reading to the next.
    """

    batch: str
    seed: int
    drift_from_h: float | None = None
    drift_per_h: float = 0.02
    charge: float = 1.0
    interval_h: float = INTERVAL_H


def run_reactor(plan: ReactorPlan) -> Course:
    """Simulate a whole batch; a third of a second of work."""
    from goldenbatch.science.process.library import mab
    from goldenbatch.science.process.simulation import simulate

    model = mab.fed_batch(volume_L=VOLUME_L, most_L=MOST_L)
    rng = np.random.default_rng([plan.seed, 7])
    values = {name: value for name, _, value, _, _ in mab.KINETICS}
    drawn = {name: values[name] * float(np.exp(rng.normal(0.0, sd))) for name, sd in SPREAD.items()}
    start = {"Xv": 0.5 * float(np.exp(rng.normal(0.0, 0.02))), "Gn": 6.0 * plan.charge}
    run = simulate(
        model,
        _recipe(_faults(plan), plan.interval_h),
        initial=start,
        parameters=drawn,
        seed=plan.seed,
    )
    return Course(plan.batch, run.time, _signals(run), PHASES, _samples(plan, run))


def _faults(plan: ReactorPlan) -> tuple[Fault, ...]:
    from goldenbatch.science.process.faults import SensorDrift

    if plan.drift_from_h is None:
        return ()
    return (
        SensorDrift(start=plan.drift_from_h, output="temperature", rate=plan.drift_per_h, most=2.5),
    )


def _recipe(faults: tuple[Fault, ...], interval: float) -> Recipe:
    """The platform process at this scale: feeds and the gains of pumps are a thousand times."""
    from dataclasses import replace

    from goldenbatch.science.process.library import mab

    loops: list[Any] = []
    for one in (*mab.controllers(interval), mab.glucose_loop(interval=interval)):
        is_pump = one.name in ("base", "glucose")
        loops.append(replace(one, gain=one.gain * SCALE, high=one.high * SCALE) if is_pump else one)
    feeds = {3: 8e-4 * SCALE, 5: 1.3e-3 * SCALE, 8: 1.1e-3 * SCALE}
    recipe = mab.platform(DAYS, feeds=feeds, loops=tuple(loops), interval=interval)
    return replace(recipe, faults=faults)


def _shown(run: Simulation, column: str) -> Any:
    """As the sensor shows it, where there is one."""
    return run.measured[column] if column in run.measured else run.values[column]


def _signals(run: Simulation) -> Mapping[str, Any]:
    return {
        signal: _shown(run, column) * factor + offset
        for signal, (column, factor, offset) in SIGNALS.items()
    }


def _samples(plan: ReactorPlan, run: Simulation) -> tuple[Sample, ...]:
    """A sample a day, and the charge that was weighed before the start."""
    rng = np.random.default_rng([plan.seed, 11])
    weighed = GLUTAMINE_KG * plan.charge * float(1.0 + rng.normal(0.0, 0.004))
    found = [Sample(f"{plan.batch}/charge", 0.0, 8.0, {"glutamine_charge": round(weighed, 3)})]
    for day in range(1, DAYS):
        row = int(np.argmin(np.abs(run.time - 24.0 * day)))
        results = {name: float(_shown(run, column)[row]) for name, column in DAILY.items()}
        results = {name: round(max(v, 0.0), 2) for name, v in results.items()}
        found.append(Sample(f"{plan.batch}/day-{day:02d}", float(run.time[row]), 24.0 * day + 2.0,
                            results))  # fmt: skip
    return (*found, _harvest(plan, run, rng))


def _harvest(plan: ReactorPlan, run: Simulation, rng: np.random.Generator) -> Sample:
    end = float(run.time[-1])
    titre = float(run.values["P"][-1]) * float(1.0 + rng.normal(0.0, 0.01))
    viability = float(run.values["viability"][-1]) + float(rng.normal(0.0, 0.5))
    aggregates = 1.2 + 0.04 * (94.0 - viability) + float(rng.normal(0.0, 0.06))
    results = {
        "harvest_titre": round(titre, 2),
        "harvest_viability": round(viability, 1),
        "aggregates": round(max(0.2, aggregates), 2),
    }
    return Sample(f"{plan.batch}/harvest", end - 0.2, end + 2.0, results)
