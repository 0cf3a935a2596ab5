"""Heat, steam and power against tables of steam, closed forms and bounds of nature."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.science.errors import DesignError
from goldenbatch.science.process.utilities import (
    WATER_HEAT_CAPACITY,
    agitation_power,
    boiler_fuel,
    compression_work,
    cooling_work,
    distillation_steam,
    fan_power,
    heat_of_vaporisation,
    lethality,
    saturation_pressure,
    sensible_heat,
    sterilisation_steam,
    sublimation_heat,
)


@pytest.mark.parametrize(
    ("celsius", "kilopascals", "kilojoules"),
    [(25, 3.1698, 2441.7), (100, 101.42, 2256.4), (150, 476.16, 2113.8), (200, 1554.9, 1939.7)],
)
def test_saturated_steam_is_that_of_the_tables(celsius, kilopascals, kilojoules):
    """IAPWS-95 by Wagner and Pruss (2002), doi:10.1063/1.1461829, table 13.1."""
    assert saturation_pressure(celsius + 273.15) / 1e3 == pytest.approx(kilopascals, rel=1e-4)
    assert heat_of_vaporisation(celsius + 273.15) / 1e3 == pytest.approx(kilojoules, rel=1e-4)


@given(st.floats(275.0, 640.0))
@settings(max_examples=30, deadline=None)
def test_pressure_rises_and_heat_falls_with_temperature(kelvins):
    assert saturation_pressure(kelvins + 1) > saturation_pressure(kelvins)
    assert 0 < heat_of_vaporisation(kelvins + 1) < heat_of_vaporisation(kelvins)


def test_an_impeller_takes_the_fifth_power_of_its_diameter():
    one = agitation_power(5.0, 1000.0, 2.0, 0.5)
    assert agitation_power(5.0, 1000.0, 2.0, 1.0) == pytest.approx(32 * one)
    assert agitation_power(5.0, 1000.0, 4.0, 0.5) == pytest.approx(8 * one)
    assert agitation_power(5.0, 1000.0, 2.0, 0.5, gassed_ratio=0.5) == pytest.approx(one / 2)


def test_many_stages_come_down_to_isothermal_compression():
    isothermal = 8.31446 * 293.15 / 0.028965 * math.log(8)
    work = compression_work(1.0, 1e5, 8e5, n_stages=400, efficiency=1.0)
    assert work == pytest.approx(isothermal, rel=5e-3)
    one, two = (compression_work(1.0, 1e5, 8e5, n_stages=n) for n in (1, 2))
    assert isothermal < two < one
    # Single stage: cp (T2 - T1).
    ideal = compression_work(1.0, 1e5, 8e5, efficiency=1.0)
    assert ideal == pytest.approx(1004.6 * 293.15 * (8 ** (0.4 / 1.4) - 1), rel=1e-3)
    assert compression_work(1.0, 1e5, 1e5) == 0


def test_no_machine_beats_carnot():
    assert cooling_work(1e6, 250.0, 300.0, 1.0) == pytest.approx(1e6 * 50 / 250)
    assert cooling_work(1e6, 250.0, 300.0, 0.5) == pytest.approx(1e6 * 50 / 250 / 0.5)


def test_steam_of_a_sterilisation_carries_the_heat():
    use = sterilisation_steam(
        metal_kg=1000.0, content_kg=500.0, hold_s=1200.0, loss_W_per_K=30.0, bleed_kg_per_s=0.001
    )
    heat = heat_of_vaporisation(394.25)
    rise = 394.25 - 293.15
    warmed = sensible_heat(1000.0, rise, 500.0) + sensible_heat(500.0, rise, WATER_HEAT_CAPACITY)
    assert use.heating * heat == pytest.approx(warmed)
    assert use.losses * heat == pytest.approx(30.0 * rise * 1200.0)
    assert use.total == pytest.approx(use.heating + use.losses + 1.2)


def test_a_boiler_burns_at_least_what_the_steam_holds():
    held = heat_of_vaporisation(438.15) + WATER_HEAT_CAPACITY * 85.0
    assert boiler_fuel(1.0, 438.15, 353.15, 1.0) == pytest.approx(held)
    assert boiler_fuel(1.0, 438.15, 353.15, 0.8) == pytest.approx(held / 0.8)


def test_each_effect_of_a_still_saves_steam():
    steam = [distillation_steam(1000.0, n_effects=n) for n in (1, 3, 6)]
    assert steam == sorted(steam, reverse=True)
    # One effect without recovery: the heat from feed to vapour.
    plain = distillation_steam(1000.0, n_effects=1, recovered=0.0)
    heat = WATER_HEAT_CAPACITY * 80.0 + heat_of_vaporisation(373.15)
    assert plain * heat_of_vaporisation(438.15) == pytest.approx(1000.0 * heat)


def test_lethality_is_a_decade_every_ten_kelvins():
    times = np.linspace(0, 600, 601)
    assert lethality(times, np.full(601, 394.25)) == pytest.approx(10.0)
    assert lethality(times, np.full(601, 384.25)) == pytest.approx(1.0)
    ramp = 394.25 + 10 * times / 600
    assert lethality(times, ramp) == pytest.approx(10 * 9 / math.log(10), rel=1e-5)


def test_fans_and_ice():
    assert fan_power(1.0, 600.0, 0.5) == 1200.0
    assert sublimation_heat(1.0) > heat_of_vaporisation(273.16)


@pytest.mark.parametrize(
    "call",
    [
        lambda: saturation_pressure(200.0),
        lambda: heat_of_vaporisation(700.0),
        lambda: agitation_power(5.0, 1000.0, 2.0, 0.5, gassed_ratio=1.2),
        lambda: compression_work(1.0, 2e5, 1e5),
        lambda: fan_power(1.0, 1.0, 0.0),
        lambda: cooling_work(1.0, 300.0, 250.0),
        lambda: sterilisation_steam(metal_kg=1.0, content_kg=0.0, hold_s=1.0, start_K=400.0),
        lambda: boiler_fuel(1.0, 350.0, 400.0),
        lambda: distillation_steam(1.0, n_effects=0),
        lambda: lethality([0.0, 0.0], [394.0, 394.0]),
    ],
)
def test_what_cannot_be_is_refused(call):
    with pytest.raises(DesignError):
        call()
