"""Batches of the twin: a start, a recipe, the controllers, perhaps a fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from goldenbatch.science.process.integrate import Settings
from goldenbatch.science.process.library.penicillin import tables, upsets
from goldenbatch.science.process.library.penicillin.constants import SAMPLE_H
from goldenbatch.science.process.library.penicillin.control import PAA_SET_POINT, SetPoints
from goldenbatch.science.process.library.penicillin.declaration import model
from goldenbatch.science.process.library.penicillin.modes import Corrections, Mode, corrections
from goldenbatch.science.process.library.penicillin.plant_control import (
    PlantControl,
    operator_moves,
)
from goldenbatch.science.process.library.penicillin.start import BatchStart, draw, nominal
from goldenbatch.science.process.library.penicillin.upsets import SensorRamp
from goldenbatch.science.process.library.penicillin.variables import INDEX
from goldenbatch.science.process.recipe import Adjustment, Recipe
from goldenbatch.science.process.result import Simulation
from goldenbatch.science.process.simulation import simulate

COUNTERS = ("mu_P_calc", "mu_X_calc")
SETTINGS = Settings(rtol=1e-5, atol=1e-7, first_step=1e-3)
"""Ten times tighter changes penicillin by less than 0.01 % of its peak."""
_FLOORED = INDEX["mu_P_calc"]
_PRODUCT, _OXYGEN = INDEX["P"], INDEX["DO2"]


@dataclass(frozen=True)
class Surroundings:
    """The disturbances, interval by interval."""

    values: Mapping[str, NDArray[np.float64]]

    @property
    def name(self) -> str:
        """Unique in a recipe."""
        return "surroundings"

    def start(self) -> None:
        """They remember nothing."""

    def step(
        self, memory: None, time: float, seen: Mapping[str, float], inputs: Mapping[str, float]
    ) -> tuple[None, Mapping[str, float]]:
        """Those of the coming interval; in a batch longer than they are, the last ones."""
        index = round(time / SAMPLE_H)
        return memory, {
            name: float(values[min(index, len(values) - 1)]) for name, values in self.values.items()
        }


@dataclass(frozen=True)
class Floors:
    """The published floors: no state at or below 0, no dissolved oxygen below 2 mg/L.

    Attributes:
        least: What a state at or below 0 is set to.
        oxygen_below: Dissolved oxygen below this, mg/L, is set to `oxygen_set`.
        oxygen_set: Likewise.
        round_off: Penicillin up to this, g/L, counts as 0: before production begins it is
            exactly 0, and a solver leaves dust of either sign.
    """

    least: float = 0.001
    oxygen_below: float = 2.0
    oxygen_set: float = 1.0
    round_off: float = 1e-12

    def __call__(self, time: float, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """States after the floors."""
        low = x[:_FLOORED] <= 0.0
        low[_PRODUCT] = x[_PRODUCT] <= self.round_off
        if not low.any() and x[_OXYGEN] >= self.oxygen_below:
            return x
        raised = x.copy()
        raised[:_FLOORED][low] = self.least
        if raised[_OXYGEN] < self.oxygen_below:
            raised[_OXYGEN] = self.oxygen_set
        return raised


@dataclass(frozen=True)
class Plan:
    """How a batch is run.

    Attributes:
        fault: Number of the fault, 0 (none) to 8.
        holds_paa: Phenylacetic acid is held at 1200 mg/L by its spectra instead of the recipe.
        operator_seed: The operator moves sugar and phenylacetic acid at random; None: the recipe.
        ph: Set point.
        temperature_k: Set point.
        paa_signal: Phenylacetic acid by a predictor, one value for each interval, mg/L.
    """

    fault: int = 0
    holds_paa: bool = False
    operator_seed: int | None = None
    ph: float = 6.5
    temperature_k: float = 298.0
    paa_signal: tuple[float, ...] | None = None


def recipe(
    start: BatchStart, plan: Plan | None = None, mode: Mode | Corrections = "compatible"
) -> Recipe:
    """The recipe of a batch: tables of flows, controllers, disturbances and the fault.

    Raises:
        DataError: There is no such fault.
    """
    plan = plan or Plan()
    corrected = corrections(mode)
    chosen = upsets.faults(plan.fault)
    ramps = [one for one in chosen if isinstance(one, SensorRamp)]
    moves = None
    if plan.operator_seed is not None:
        moves = operator_moves(start.n_intervals, plan.operator_seed)
    loops = PlantControl(
        corrected,
        SetPoints(plan.ph, plan.temperature_k, PAA_SET_POINT if plan.holds_paa else None),
        upsets.stuck(plan.fault),
        ramps[0] if ramps else None,
        start.parameters["mu_x"],
        moves,
        plan.paa_signal,
    )
    floors: tuple[Adjustment, ...] = () if corrected.no_floors else (Floors(),)
    return Recipe(
        duration=start.n_intervals * SAMPLE_H,
        interval=SAMPLE_H,
        inputs=tables.inputs(),
        controllers=(Surroundings(start.disturbances), loops),
        faults=chosen,
        adjustments=floors,
        resets=COUNTERS,
    )


def batch(
    start: BatchStart,
    *,
    mode: Mode | Corrections = "compatible",
    fault: int = 0,
    plan: Plan | None = None,
    settings: Settings | None = None,
    seed: int | None = None,
) -> Simulation:
    """Run one batch.

    Args:
        start: What differs from batch to batch.
        mode: `compatible` with the published simulator, `corrected`, or the corrections wanted.
        fault: Number of the fault, 0 (none) to 8.
        plan: More of how it is run; its fault counts where `fault` is 0.
        settings: Of the solver.
        seed: Of the sensors' noise, which the reference has none of; None: none.
    """
    plan = plan or Plan()
    if fault:
        plan = replace(plan, fault=fault)
    return simulate(
        model(mode),
        recipe(start, plan, mode),
        initial=start.states(),
        parameters=dict(start.parameters),
        settings=settings or SETTINGS,
        seed=seed,
    )


def default_recipe(mode: Mode | Corrections = "compatible") -> Recipe:
    """The mean batch of 230 h without disturbances."""
    return recipe(nominal(), mode=mode)


def batch_recipe(
    *,
    mode: Mode = "compatible",
    fault: int = 0,
    seed: int | None = None,
    operator_seed: int | None = None,
    holds_paa: bool = False,
) -> Recipe:
    """The recipe of a batch by plain settings, as a study gives them.

    Args:
        mode: As of the model.
        fault: Number of the published fault, 0 (none) to 8.
        seed: Of the batch's disturbances; None: none.
        operator_seed: See `Plan`.
        holds_paa: See `Plan`.

    Raises:
        DataError: There is no such fault.

    >>> batch_recipe(fault=8).faults[0].name
    'pH sensor'
    """
    plan = Plan(fault, holds_paa, operator_seed)
    return recipe(nominal() if seed is None else draw(seed), plan, mode)


def batch_start(
    *,
    mode: Mode = "compatible",
    fault: int = 0,
    seed: int | None = None,
    operator_seed: int | None = None,
    holds_paa: bool = False,
) -> tuple[dict[str, float], dict[str, float]]:
    """Initial states and parameters of the batch of `batch_recipe` by the same settings.

    >>> batch_start()[0]["V"], round(batch_start(seed=1)[0]["V"])
    (58000.0, 57348)
    """
    del mode, fault, operator_seed, holds_paa  # they make the recipe, not the start
    start = nominal() if seed is None else draw(seed)
    return start.states(), dict(start.parameters)
