"""The freeze-dryer of the demonstration plant: freezing, primary drying by the twin, secondary."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from goldenbatch.apps.demo.course import Course, Floats, Sample

KELVIN = 273.15
STEP_H = 0.05
FREEZE_H, PRIMARY_H, SECONDARY_H = 4.0, 19.0, 5.0
LOADED, FROZEN, SHELF, WARM = 5.0, -45.0, -10.0, 25.0
"""Temperatures of the shelf, Cel."""
AIR_Pa, VACUUM_Pa = 100_000.0, 10.0
LAG_H = 0.35
"""Time constant of the vials behind the shelf where no ice sublimes."""
PHASES = (("FREEZING", 0.0), ("PRIMARY", FREEZE_H), ("SECONDARY", FREEZE_H + PRIMARY_H))
SIGNALS = ("shelf", "product_1", "product_2", "chamber", "pirani", "condenser")


@dataclass(frozen=True)
class DryerPlan:
    """What is done to one load, and what goes wrong in it.

    Attributes:
        batch: Identifier.
        seed: Of what differs from load to load, and of the sensors' noise.
        loss_from_h: From when on the cooling of the shelf gives way; None: never.
        loss_K: How much warmer the shelf becomes at most.
    """

    batch: str
    seed: int
    loss_from_h: float | None = None
    loss_K: float = 9.0  # noqa: N815 - SI suffix


def run_dryer(plan: DryerPlan) -> Course:
    """Simulate a whole cycle; a tenth of a second of work."""
    rng = np.random.default_rng([plan.seed, 13])
    times = np.arange(0.0, FREEZE_H + PRIMARY_H + SECONDARY_H + STEP_H / 2, STEP_H)
    shelf = _shelf(times) + _loss(plan, times)
    chamber = np.where(times < FREEZE_H - 0.4, AIR_Pa, VACUUM_Pa)
    edge, ratio = _vials(times, shelf, 1.08, rng)
    middle, _ = _vials(times, shelf, 1.0, rng)
    warmed = _loss(plan, times)
    signals = {
        "shelf": shelf + rng.normal(0.0, 0.08, len(times)),
        "product_1": edge + rng.normal(0.0, 0.25, len(times)),
        "product_2": middle + rng.normal(0.0, 0.25, len(times)),
        "chamber": chamber * (1.0 + rng.normal(0.0, 0.004, len(times))),
        "pirani": chamber * ratio * (1.0 + rng.normal(0.0, 0.006, len(times))),
        "condenser": -68.0 + 0.5 * warmed + rng.normal(0.0, 0.2, len(times)),
    }
    return Course(plan.batch, times, signals, PHASES, (_sample(plan, times, edge, rng),))


def _shelf(times: Floats) -> Floats:
    """Set point of the shelf, Cel."""
    end = FREEZE_H + PRIMARY_H
    points = [(0.0, LOADED), (3.0, FROZEN), (FREEZE_H, FROZEN), (FREEZE_H + 2.0, SHELF),
              (end, SHELF), (end + 3.0, WARM), (end + SECONDARY_H, WARM)]  # fmt: skip
    return np.interp(times, [at for at, _ in points], [value for _, value in points])


def _loss(plan: DryerPlan, times: Floats) -> Floats:
    """How much warmer the shelf is than it was told; over four hours it comes back by half."""
    if plan.loss_from_h is None:
        return np.zeros_like(times)
    since = np.maximum(times - plan.loss_from_h, 0.0)
    rise = plan.loss_K * (1.0 - np.exp(-since / 1.2))
    return np.where(times < FREEZE_H + PRIMARY_H, rise * np.exp(-since / 9.0), 0.0)


def _vials(
    times: Floats, shelf: Floats, heat: float, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Temperature at the bottom of a vial (Cel) and Pirani over capacitance gauge."""
    from goldenbatch.science.process.library.freeze_drying.declaration import primary_drying
    from goldenbatch.science.process.recipe import Linear, Recipe
    from goldenbatch.science.process.simulation import simulate

    model = primary_drying()
    drying = (times >= FREEZE_H) & (times <= FREEZE_H + PRIMARY_H)
    hours = times[drying] - FREEZE_H
    profile = Linear(tuple(hours.tolist()), tuple((shelf[drying] + KELVIN).tolist()))
    values = {name: _value(model, name) for name in ("KC", "A1")}
    parameters = {
        "KC": values["KC"] * heat * float(np.exp(rng.normal(0.0, 0.015))),
        "A1": values["A1"] * float(np.exp(rng.normal(0.0, 0.03))),
    }
    recipe = Recipe(PRIMARY_H, STEP_H, {"T_shelf": profile, "P": VACUUM_Pa})
    run = simulate(model, recipe, parameters=parameters)
    product, ratio = shelf.copy(), np.ones_like(times)
    _follow(product, times, shelf, 0, int(np.argmax(drying)))
    n = min(len(run.time), int(drying.sum()))
    begin = int(np.argmax(drying))
    product[begin : begin + n] = run.values["T_product"][:n]
    ratio[begin : begin + n] = run.values["pirani_ratio"][:n]
    _follow(product, times, shelf, begin + n, len(times))
    return product, ratio


def _value(model: object, name: str) -> float:
    vector = model.parameter_vector()  # type: ignore[attr-defined]
    return float(vector[model.columns("parameters").index(name)])  # type: ignore[attr-defined]


def _follow(product: Floats, times: Floats, shelf: Floats, begin: int, end: int) -> None:
    """Vials without sublimation come after the shelf with a lag."""
    now = product[begin - 1] if begin else shelf[0]
    for row in range(begin, end):
        now += (shelf[row] - now) * (1.0 - np.exp(-STEP_H / LAG_H))
        product[row] = now


def _sample(plan: DryerPlan, times: Floats, product: Floats, rng: np.random.Generator) -> Sample:
    """Residual moisture and how the cake looks, which follow from the warmest ice."""
    drying = (times > FREEZE_H + 2.0) & (times < FREEZE_H + 10.0)
    warmest = float(product[drying].max())
    moisture = 0.9 + 0.12 * max(0.0, warmest + 26.5) + float(rng.normal(0.0, 0.06))
    results = {"residual_moisture": round(max(0.2, moisture), 2)}
    end = float(times[-1])
    return Sample(f"{plan.batch}/cake", end, end + 2.0, results)
