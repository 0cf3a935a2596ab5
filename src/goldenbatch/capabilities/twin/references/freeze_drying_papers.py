"""Freeze-drying: optima, design spaces and freezing that others published or computed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from goldenbatch.capabilities.twin.references import Case, Row
from goldenbatch.science.process.library.freeze_drying.containers import (
    Cake,
    Formulation,
    HeatTransfer,
    TRANSFER_W_m2_K,
    Vial,
    Vials,
)
from goldenbatch.science.process.library.freeze_drying.design_space import (
    product_isotherm,
    shelf_isotherms,
)
from goldenbatch.science.process.library.freeze_drying.equipment import Capability, Equipment
from goldenbatch.science.process.library.freeze_drying.estimates import transfer_from_time
from goldenbatch.science.process.library.freeze_drying.freezing import Freezing, freeze
from goldenbatch.science.process.library.freeze_drying.optimise import (
    Course,
    Limits,
    Walls,
    fastest,
    fastest_chamber,
    fastest_shelf,
)
from goldenbatch.science.process.library.freeze_drying.primary import Conditions, dry
from goldenbatch.science.process.library.freeze_drying.properties import (
    SRISUMA,
    TORR_Pa,
    celsius,
    kelvin,
)
from goldenbatch.science.process.library.freeze_drying.schedule import Schedule

HOUR_s = 3600.0
_EULER = "the other code takes Euler steps of 0.01 h, ours is converged"
_ONE = Vials.of(
    Vial.of(3.8, 3.14, 2.0), Formulation(50.0), Cake.pikal(1.4, 16.0),
    HeatTransfer.pikal(2.75e-4, 8.93e-4, 0.46),
)  # fmt: skip


def _row(what: str, published: float, found: float, limit: float, note: str = "") -> Row:
    return Row(
        what, f"{published:g}", f"{found:.4f}", found / published - 1.0, "relative difference",
        limit, note=note,
    )  # fmt: skip


def replay(files: Sequence[Path]) -> Iterator[Row]:
    """What LyoPRONTO computes with its examples, and what LyoPronto.jl computes with its own."""
    plant = Equipment(Capability.of(-0.182, 11.7), 398)
    bounds = (0.05 * TORR_Pa, 1000.0 * TORR_Pa)
    limits = Limits(268.15, (228.15, 393.15), bounds, plant)
    shelf = fastest_shelf(_ONE, limits, 0.15 * TORR_Pa)
    yield _row("fastest shelf at -5 Cel, h", 2.1230, shelf.end_s / HOUR_s, 2e-3, _EULER)
    rising = Schedule.ramps(233.15, [(283.15, 30.0)], rate_per_min=1.0)
    chamber = fastest_chamber(_ONE, limits, rising, step_s=60.0)
    yield _row("fastest chamber, h", 5.798, chamber.end_s / HOUR_s, 2e-3, _EULER)
    both = fastest(_ONE, limits)
    yield _row("fastest of both, h", 1.979, both.end_s / HOUR_s, 3e-3, _EULER)
    ramp = Schedule.ramps(238.15, [(293.15, 30.0)], rate_per_min=1.0)
    conditions = Conditions(ramp, Schedule.hold(0.15 * TORR_Pa))
    found = transfer_from_time(_ONE, conditions, 12.62 * HOUR_s) / TRANSFER_W_m2_K
    yield _row("Kv of a vial dry at 12.62 h, 1e-4 cal/s/K/cm2", 1.7757, 1e4 * found, 2e-3)
    yield from _design_space()
    yield from _elsewhere()


def _design_space() -> Iterator[Row]:
    pressures = np.array([0.02, 0.05, 0.1, 0.15]) * TORR_Pa
    space = shelf_isotherms(_ONE, kelvin([0.0, 30.0]), pressures, start_K=268.15)
    hottest = np.abs(celsius(space.hottest_K[0]) - [-23.24, -22.31, -20.97, -19.84]).max()
    times = np.array([[11.99, 11.53, 10.90, 10.41], [6.57, 6.19, 5.69, 5.29]])
    late = np.abs(space.end_s / HOUR_s / times - 1.0).max()
    yield Row("hottest product, shelf 0 Cel, 20 to 150 mTorr", "-23.24 to -19.84 Cel", "",
              float(hottest), "largest difference, K", 0.02)  # fmt: skip
    yield Row("drying times, shelf 0 and 30 Cel", "5.29 to 11.99 h", "", float(late),
              "largest relative difference", 5e-3, note=_EULER)  # fmt: skip
    line = product_isotherm(_ONE, 268.15, pressures)
    yield _row("product at -5 Cel, 150 mTorr, h", 1.98, float(line.end_s[3]) / HOUR_s, 5e-3, _EULER)


def _elsewhere() -> Iterator[Row]:
    """Sucrose of LyoPronto.jl, and freezing of LyoPRONTO."""
    sucrose = Vials.of(
        Vial.iso("10R", 4.0), Formulation(50.0), Cake.pikal(0.8, 14.0, 1.0),
        HeatTransfer.pikal(3.58e-4, 8.93e-4, 0.46),
    )  # fmt: skip
    shelf = Schedule.ramps(228.15, [(248.15, 100.0)], rate_per_min=1.0)
    run = dry(sucrose, Conditions(shelf, Schedule.hold(0.07 * TORR_Pa)))
    yield _row("sucrose 10R, 4 mL, 70 mTorr, h", 45.8, float(run.end_s[0]) / HOUR_s, 1e-2)
    hottest = float(celsius(run.hottest_K())[0])
    yield Row("its hottest product, Cel", "-32.20", f"{hottest:.2f}", hottest + 32.1975,
              "difference, K", 0.1)  # fmt: skip
    cooling = Schedule.ramps(283.15, [(233.15, 3.0)], rate_per_min=1.0)
    setting = Freezing(kelvin(15.8), kelvin(-1.54), kelvin(-5.84), 38.0)
    frozen = freeze(Vial.of(3.8, 3.14, 2.0), Formulation(0.0), setting, cooling, 3.0 * HOUR_s)
    yield _row("nucleation, h", 0.414, float(frozen.nucleated_s[0]) / HOUR_s, 5e-3)
    yield _row("end of the plateau, h", 0.87, float(frozen.solid_s[0]) / HOUR_s, 1.2e-2)


def _suspended() -> Vials:
    """3 mL of 5 % by mass in a vial of 24 mm, with the densities of Srisuma and Braatz."""
    frozen, solution = (1.0 / (0.05 / 1587.9 + 0.95 / water) for water in (917.0, 1000.0))
    area = np.pi / 4.0 * 0.024**2
    height = 3e-6 * solution / frozen / area
    return Vials(
        np.asarray(height), np.asarray((frozen - 215.0) * height * area), np.asarray(area),
        np.asarray(area), Cake(1.5e4, 3e7, 10.0), HeatTransfer(25.0), SRISUMA, 1,
    )  # fmt: skip


def replay_control(files: Sequence[Path]) -> Iterator[Row]:
    """Two problems of optimal control: which limit holds, from when on, and the end."""
    note = "quasi-steady; the paper heats the vial up from 228 K first, some minutes"
    first = fastest_shelf(
        _suspended(), Limits(243.0, (228.0, 273.0), walls=Walls(240.0, 0.78)), 3.0
    )
    second = fastest_shelf(
        _suspended(),
        Limits(240.0, (228.0, 260.0), walls=Walls(240.0, 0.78), speed_m_s=2.8e-7), 3.0,
    )  # fmt: skip
    for name, course, published in (("1", first, (2.4, 6.2)), ("2", second, (2.0, 3.9, 8.9))):
        times = (*(at / HOUR_s for _, at in course.policies()[1:]), course.end_s / HOUR_s)
        away = max(abs(a - b) for a, b in zip(times, published, strict=True))
        yield Row(
            f"problem {name}: switches and end, h", _hours(published), _hours(times), away,
            "largest difference, h", 0.12, note=f"{_order(course)}; {note}",
        )  # fmt: skip


def _hours(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.2f}" for value in values)


def _order(course: Course) -> str:
    return "limits in order: " + ", ".join(name for name, _ in course.policies())


CASES = (
    Case(
        name="freeze-drying-optima",
        model="freeze_drying.primary",
        title="Optima, design space, heat transfer and freezing of other codes",
        kind="verification",
        against="other code",
        context_of_use="Optimisation and design space of a vial with known parameters; says "
        "nothing about whether the parameters are known.",
        source="LyoPRONTO (GPL-3) and LyoPronto.jl (MIT) run with their own examples; figures only",
        folder="freeze_drying",
        pattern="",
        replay="freeze_drying_papers:replay",
    ),
    Case(
        name="freeze-drying-control",
        model="freeze_drying.primary",
        title="Optimal control of Srisuma and Braatz",
        kind="verification",
        against="other code",
        context_of_use="Which limit holds the fastest course back, and when; a suspended vial.",
        source="Srisuma and Braatz 2025, arXiv:2509.10826; figures only",
        folder="freeze_drying",
        pattern="",
        replay="freeze_drying_papers:replay_control",
    ),
)
