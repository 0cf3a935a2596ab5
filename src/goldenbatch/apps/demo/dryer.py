"""The freeze-dryer of the demonstration plant: freezing, primary drying by the twin, secondary."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from goldenbatch.apps.demo.course import Course, Floats, Sample

KELVIN = 273.15
STEP_H = 0.05
FREEZE_H, PRIMARY_H, SECONDARY_H = 4.0, 19.0, 5.0
SPREAD_H = (0.12, 0.30, 0.12)
"""How far each phase of a load is from its length by the recipe, standard deviations."""
LOADED, FROZEN, SHELF, WARM = 5.0, -45.0, -10.0, 25.0
"""Temperatures of the shelf, Cel."""
AIR_Pa, VACUUM_Pa = 100_000.0, 10.0
LAG_H = 0.35
"""Time constant of the vials behind the shelf where no ice sublimes."""
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


@dataclass(frozen=True)
class _Program:
    """When the phases of one load end, in hours since its start, and how warm its shelf is."""

    frozen: float
    dried: float
    done: float
    ramp: float
    bias: float

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> _Program:
        """Of one load: operators and valves are never quite alike."""
        lengths = [
            length + float(rng.normal(0.0, sd))
            for length, sd in zip((FREEZE_H, PRIMARY_H, SECONDARY_H), SPREAD_H, strict=True)
        ]
        frozen, dried, done = np.cumsum(lengths).tolist()
        ramp = float(np.exp(rng.normal(0.0, 0.06)))
        return cls(frozen, dried, done, ramp, float(rng.normal(0.0, 0.25)))

    @property
    def phases(self) -> tuple[tuple[str, float], ...]:
        """Name and begin of each."""
        return ("FREEZING", 0.0), ("PRIMARY", self.frozen), ("SECONDARY", self.dried)

    def shelf(self, times: Floats) -> Floats:
        """Temperature that the shelf keeps, Cel."""
        points = [
            (0.0, LOADED), (3.0 * self.ramp, FROZEN), (self.frozen, FROZEN),
            (self.frozen + 3.0 * self.ramp, SHELF), (self.dried, SHELF),
            (self.dried + 3.0 * self.ramp, WARM), (self.done, WARM),
        ]  # fmt: skip
        at, value = zip(*points, strict=True)
        return np.asarray(np.interp(times, at, value) + self.bias, dtype=float)


def run_dryer(plan: DryerPlan) -> Course:
    """Simulate a whole cycle; a tenth of a second of work."""
    rng = np.random.default_rng([plan.seed, 13])
    program = _Program.drawn(rng)
    times = np.arange(0.0, program.done, STEP_H)
    lost = _loss(plan, program, times)
    shelf = program.shelf(times) + lost
    chamber = np.where(times < program.frozen - 0.4, AIR_Pa, VACUUM_Pa)
    edge, ratio = _vials(program, times, shelf, 1.08 * float(np.exp(rng.normal(0.0, 0.02))))
    middle, _ = _vials(program, times, shelf, float(np.exp(rng.normal(0.0, 0.02))))
    signals = {
        "shelf": shelf + rng.normal(0.0, 0.08, len(times)),
        "product_1": edge + rng.normal(0.0, 0.25, len(times)),
        "product_2": middle + rng.normal(0.0, 0.25, len(times)),
        "chamber": chamber * (1.0 + rng.normal(0.0, 0.004, len(times))),
        "pirani": chamber * ratio * (1.0 + rng.normal(0.0, 0.006, len(times))),
        "condenser": -68.0 + 0.5 * lost + rng.normal(0.0, 0.2, len(times)),
    }
    sample = _sample(plan, program, (times, edge), rng)
    return Course(plan.batch, times, signals, program.phases, (sample,))


def _loss(plan: DryerPlan, program: _Program, times: Floats) -> Floats:
    """How much warmer the shelf is than it was told, as long as it dries."""
    if plan.loss_from_h is None:
        return np.zeros_like(times)
    since = np.maximum(times - plan.loss_from_h, 0.0)
    rise = plan.loss_K * (1.0 - np.exp(-since / 1.2))
    return np.where(times < program.dried, rise * np.exp(-since / 9.0), 0.0)


def _vials(program: _Program, times: Floats, shelf: Floats, heat: float) -> tuple[Floats, Floats]:
    """Temperature at the bottom of a vial (Cel) and Pirani over capacitance gauge."""
    from goldenbatch.science.process.library.freeze_drying.declaration import primary_drying
    from goldenbatch.science.process.recipe import Linear, Recipe
    from goldenbatch.science.process.simulation import simulate

    model = primary_drying()
    rows = np.flatnonzero((times >= program.frozen) & (times < program.dried))
    begin, hours = int(rows[0]), times[rows] - times[rows[0]]
    profile = Linear(tuple(hours.tolist()), tuple((shelf[rows] + KELVIN).tolist()))
    contact = model.parameter_vector()[model.columns("parameters").index("KC")]
    recipe = Recipe(float(hours[-1]), STEP_H, {"T_shelf": profile, "P": VACUUM_Pa})
    run = simulate(model, recipe, parameters={"KC": float(contact) * heat})
    product, ratio = shelf.copy(), np.ones_like(times)
    _follow(product, shelf, 0, begin)
    n = min(len(run.time), len(rows))
    product[begin : begin + n] = run.values["T_product"][:n]
    ratio[begin : begin + n] = run.values["pirani_ratio"][:n]
    _follow(product, shelf, begin + n, len(times))
    return product, ratio


def _follow(product: Floats, shelf: Floats, begin: int, end: int) -> None:
    """Vials without sublimation come after the shelf with a lag."""
    now = product[begin - 1] if begin else shelf[0]
    for row in range(begin, end):
        now += (shelf[row] - now) * (1.0 - np.exp(-STEP_H / LAG_H))
        product[row] = now


def _sample(
    plan: DryerPlan, program: _Program, probe: tuple[Floats, Floats], rng: np.random.Generator
) -> Sample:
    """Residual moisture, which follows from the warmest ice.

    Args:
        plan: Names the load.
        program: When it was dried.
        probe: Times and temperatures of the edge vial.
        rng: Of what the laboratory adds.
    """
    times, product = probe
    drying = (times > program.frozen + 3.0) & (times < program.frozen + 10.0)
    warmest = float(product[drying].max())
    moisture = 0.9 + 0.12 * max(0.0, warmest + 28.5) + float(rng.normal(0.0, 0.06))
    end = float(times[-1])
    results = {"residual_moisture": round(max(0.2, moisture), 2)}
    return Sample(f"{plan.batch}/cake", end, end + 2.0, results)
