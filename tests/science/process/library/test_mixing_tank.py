"""Stirred tanks: correlations by hand, laws of scale, and heat and lethality in closed form."""

from __future__ import annotations

from math import exp, pi

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process import Happening, Recipe, Settings, simulate
from goldenbatch.science.process.library.mixing_tank import (
    Operation,
    Vessel,
    comparison,
    f0_min,
    figures,
    scaled,
    sterilisation,
    survivors,
    tank,
)
from goldenbatch.science.process.library.mixing_tank.agitation import blend_time_s, gassed_part
from goldenbatch.science.process.library.mixing_tank.heat import water_viscosity_pa_s

SMALL, LARGE = Vessel(0.02, 0.3, 0.1), Vessel(20.0, 3.0, 1.0)
MODEL = tank()


def test_power_blend_time_and_gas_transfer_by_hand() -> None:
    found = figures(SMALL, Operation(5.0))
    assert found.power_w == pytest.approx((5.0 + 65.0 / 5e4) * 1000 * 125 * 1e-5)
    assert found.blend_time_s == pytest.approx(5.2 / 5.0013 ** (1 / 3) * 9.0 / 5.0, rel=1e-6)
    gassed = figures(SMALL, Operation(5.0, gas_m3_s=3.333e-4))
    part = 0.1 * (3.333e-4 / 0.1) ** -0.25 * (25e-4 / (9.80665 * 0.02 * 0.02 ** (2 / 3))) ** -0.2
    assert gassed.power_w / found.power_w == pytest.approx(part, rel=1e-6)
    velocity = 3.333e-4 / (pi / 4 * 0.09)
    assert gassed.kla_1_s == pytest.approx(0.002 * gassed.power_w_m3**0.7 * velocity**0.2)
    assert found.kla_1_s == 0.0 and gassed_part(1e-9, 5.0, 0.1, 0.02, 0.02) == 1.0


def test_blend_time_is_continuous_where_turbulence_ends() -> None:
    edge = 183.0**2 / 5.2 / 5.0 ** (1 / 3)
    low, high = (blend_time_s(5.0, edge * f, 5.0, 0.1, 0.3) for f in (0.999, 1.001))
    assert low == pytest.approx(high, rel=3e-3)
    assert blend_time_s(5.0, edge / 10, 5.0, 0.1, 0.3) > 5.0 * low


@pytest.mark.parametrize(("kelvin", "mPa_s"), [(293.15, 1.002), (310.15, 0.692), (373.15, 0.282)])
def test_viscosity_of_water(kelvin: float, mPa_s: float) -> None:
    assert water_viscosity_pa_s(kelvin) * 1e3 == pytest.approx(mPa_s, rel=0.025)


@settings(max_examples=30, deadline=None)
@given(st.floats(1.5, 12.0), st.floats(1.0, 15.0))
def test_similar_vessels_scale_by_the_laws_of_the_textbooks(size: float, speed: float) -> None:
    large = Vessel(0.02 * size**3, 0.3 * size, 0.1 * size)
    run = Operation(speed, viscosity_pa_s=1e-6)
    laws = {"tip speed": -1.0, "power per volume": -2.0 / 3.0, "blend time": 0.0, "reynolds": -2.0}
    for criterion, exponent in laws.items():
        found, after = scaled(SMALL, run, large, criterion)
        assert found.speed_1_s == pytest.approx(speed * size**exponent, rel=1e-3)
        assert after.of(criterion) == pytest.approx(figures(SMALL, run).of(criterion), rel=1e-6)


def test_every_criterion_beside_the_others() -> None:
    found = comparison(SMALL, Operation(5.0, gas_m3_s=0.02 / 60), LARGE)
    assert set(found) == {"tip speed", "power per volume", "kLa", "blend time", "reynolds"}
    assert found["blend time"][1].power_w_m3 > 30 * found["power per volume"][1].power_w_m3
    assert "kLa" not in comparison(SMALL, Operation(5.0), LARGE)
    slow = scaled(SMALL, Operation(5.0, gas_m3_s=3e-4), LARGE, "kLa", gas="velocity")
    assert slow[1].gas_velocity_m_s == pytest.approx(3e-4 / (pi / 4 * 0.09))


def test_impossible_vessels_and_profiles_are_refused() -> None:
    for impossible in (lambda: Vessel(1.0, 1.0, 1.2), lambda: Vessel(1.0, 1.0, 0.3, "spoon")):
        with pytest.raises(DesignError):
            impossible()
    with pytest.raises(DataError):
        figures(SMALL, Operation(0.0))
    with pytest.raises(DataError):
        scaled(SMALL, Operation(5.0), LARGE, "kLa")
    for times, temperatures in (([0.0], [394.0]), ([0.0, 0.0], [394.0, 395.0]),
                                ([0.0, 1.0], [394.0, float("nan")])):  # fmt: skip
        with pytest.raises(DataError):
            f0_min(times, temperatures)


def test_lethality_in_closed_form() -> None:
    assert f0_min([0, 10, 25, 35], [374.25, 394.25, 394.25, 374.25]) == pytest.approx(
        15.0 + 2 * 0.99 * 10 / (2 * np.log(10.0))
    )
    assert survivors(15.0, 1e3, 1.5) == pytest.approx(1e-7)


def test_a_sterilisation_heats_kills_and_cools() -> None:
    run = simulate(MODEL, sterilisation())
    assert run.is_complete and run["T"].max() > 394.25 and run.final("T") < 290.0
    assert run.final("F0") == pytest.approx(f0_min(run.time, run["T"]), rel=5e-3)
    assert run.final("log_reduction") == pytest.approx(run.final("F0"))


def test_the_agitator_alone_warms_the_tank_to_where_its_heat_is_lost() -> None:
    inputs = {"N": 300.0, "F_jacket": 500.0, "T_jacket": 293.15}
    run = simulate(MODEL, Recipe(900.0, 30.0, inputs))
    area = 4 * 0.2 / 0.6 + pi / 4 * 0.36
    given_W = run.final("U") * area * (run.final("T") - run.final("Tj"))
    lost_W = 5.0 * area * (run.final("T") - 293.15)
    assert run.final("power") == pytest.approx(given_W + lost_W, rel=1e-3)
    assert run.final("power") == pytest.approx(5.0 * 1000 * 5.02**3 * 0.2**5, rel=1e-3)


def test_a_dose_is_blended_to_95_per_cent_in_the_blend_time() -> None:
    still = Recipe(1.0, 0.01, {"N": 120.0}, events=(Happening("dose", 0.0, {"mass": "1 kg"}),))
    run = simulate(MODEL, still, settings=Settings(rtol=1e-8))
    blend = run["blend_time"][0] / 60.0
    apart = (run.at("c_top", np.array([blend])) - 5.0) / 5.0
    assert apart[0] == pytest.approx(0.05, rel=0.02)
    assert run.final("c_mean") == pytest.approx(5.0)


def test_dilution_washes_out_as_an_ideal_tank_where_blending_is_fast() -> None:
    through = {"N": 600.0, "F_in": 10.0, "F_out": 10.0}
    run = simulate(MODEL, Recipe(40.0, 1.0, through), initial={"top": 500.0, "low": 500.0})
    assert run.final("c_mean") == pytest.approx(5.0 * exp(-2.0), rel=1e-2)
    full = simulate(MODEL, Recipe(40.0, 1.0, {"F_in": 10.0}))
    assert full.status == "stopped" and "overflow at 5" in full.reason
