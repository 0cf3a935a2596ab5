"""Freezing, secondary drying, declared ends and the declared model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process import simulate
from goldenbatch.science.process.library import entry
from goldenbatch.science.process.library.freeze_drying.containers import (
    Cake,
    Formulation,
    HeatTransfer,
    Vial,
    Vials,
)
from goldenbatch.science.process.library.freeze_drying.cycle import EndConvention
from goldenbatch.science.process.library.freeze_drying.ends import (
    EndRule,
    load_end_s,
    pirani_ratio,
    soak,
)
from goldenbatch.science.process.library.freeze_drying.freezing import Freezing, freeze
from goldenbatch.science.process.library.freeze_drying.primary import (
    Conditions,
    DryingSettings,
    dry,
)
from goldenbatch.science.process.library.freeze_drying.properties import TORR_Pa, celsius, kelvin
from goldenbatch.science.process.library.freeze_drying.schedule import Schedule
from goldenbatch.science.process.library.freeze_drying.secondary import (
    Desorption,
    dry_secondary,
    fit_desorption,
    glass_transition_K,
)
from goldenbatch.science.process.recipe import Constant, Linear, Recipe

VIAL, WATER = Vial.of(3.8, 3.14, 2.0), Formulation(0.0)
SHELF = Schedule.ramps(283.15, [(233.15, 3.0)], rate_per_min=1.0)
HEAT = HeatTransfer.pikal(2.75e-4, 8.93e-4, 0.46)


def frozen(nucleation=-5.84, transfer=38.0, **more):
    setting = Freezing(kelvin(15.8), kelvin(-1.54), kelvin(nucleation), transfer)
    return freeze(VIAL, WATER, setting, SHELF, 3.0 * 3600, **more)


def test_freezing_of_the_published_run():
    run = frozen(step_s=18.0)
    at = celsius(np.array([np.interp(h * 3600, run.times_s, run.product_K[:, 0])
                           for h in (0.05, 0.1, 0.41)]))  # fmt: skip
    assert at == pytest.approx([13.7525, 11.4407, -5.6056], abs=2e-3)
    assert run.nucleated_s[0] / 3600 == pytest.approx(0.414, abs=1e-3)
    assert run.solid_s[0] / 3600 == pytest.approx(0.87, abs=0.01)
    assert celsius(run.product_K[-1, 0]) == pytest.approx(-40.0, abs=1e-6)


def test_plateau_takes_the_heat_of_fusion():
    """Heat through the bottom from nucleation to solid is that of the mass that freezes."""
    run = frozen(step_s=5.0)
    span = np.linspace(run.nucleated_s[0], run.solid_s[0], 20_001)
    heat = np.trapezoid(38.0 * 3.8e-4 * (kelvin(-1.54) - SHELF.at(span)), span)
    mass = 2e-3 * (79.7 * 4184.0 - 4000.0 * (5.84 - 1.54))
    assert heat == pytest.approx(mass, rel=2e-3)


def test_steps_do_not_matter_and_each_vial_has_its_own_nucleation():
    fine, coarse = frozen(step_s=2.0), frozen(step_s=120.0)
    assert coarse.solid_s == pytest.approx(fine.solid_s, abs=15.0)
    many = frozen(nucleation=np.array([-5.0, -8.0, -12.0, -60.0]))
    assert (np.diff(many.nucleated_s[:3]) > 0).all()
    assert np.isnan([many.nucleated_s[3], many.solid_s[3]]).all()
    alone = frozen(nucleation=-8.0)
    assert many.product_K[:, 1] == pytest.approx(alone.product_K[:, 0])


@given(st.floats(-15.0, -4.0), st.floats(15.0, 60.0))
def test_frozen_vial_stays_between_its_start_and_the_shelf(nucleation, transfer):
    run = frozen(nucleation, transfer, step_s=120.0)
    assert (run.product_K <= kelvin(15.8) + 1e-9).all()
    assert (run.product_K[:, 0] >= SHELF.at(run.times_s) - 1e-9).all()
    assert run.nucleated_s[0] < run.solid_s[0]


def test_impossible_freezing_is_refused():
    with pytest.raises(DesignError, match="below the freezing"):
        frozen(nucleation=1.0)
    with pytest.raises(DesignError, match="all of it would freeze"):
        frozen(nucleation=-100.0)
    with pytest.raises(DesignError, match="above zero"):
        frozen(transfer=0.0)


KINETICS = Desorption(1.2e-4, 42e3, 298.15, 0.002)


def test_desorption_is_first_order_at_constant_temperature():
    run = dry_secondary(KINETICS, 0.06, Schedule.hold(308.15), 6 * 3600.0, step_s=600.0)
    exact = 0.002 + 0.058 * np.exp(-float(KINETICS.at_1_s(308.15)) * run.times_s)
    assert run.moisture[:, 0] == pytest.approx(exact, rel=1e-12)
    target = run.reaches_s(0.01)[0]
    assert 0.002 + 0.058 * np.exp(-float(KINETICS.at_1_s(308.15)) * target) == pytest.approx(
        0.01, rel=2e-2
    )
    assert np.isnan(run.reaches_s(0.001)[0])


def test_ramped_desorption_agrees_with_an_integrator():
    from scipy.integrate import solve_ivp

    shelf = Schedule.ramps(263.15, [(313.15, 10.0)], rate_per_min=0.25)
    run = dry_secondary(KINETICS, 0.06, shelf, 8 * 3600.0, lag_s=1200.0, step_s=60.0)

    def rate(t, y):
        return [(shelf.at(t) - y[0]) / 1200.0, -KINETICS.at_1_s(y[0]) * (y[1] - 0.002)]

    exact = solve_ivp(rate, (0, 8 * 3600.0), [263.15, 0.06], rtol=1e-9, atol=1e-12, max_step=600.0)
    assert run.moisture[-1, 0] == pytest.approx(exact.y[1, -1], rel=1e-3)
    assert run.product_K[-1, 0] == pytest.approx(exact.y[0, -1], abs=0.02)


@given(st.floats(290.0, 320.0), st.floats(0.5, 15.0), st.floats(0.01, 0.1))
def test_warmer_and_longer_dries_further(shelf, warmer, moisture):
    cold, warm = (
        dry_secondary(KINETICS, moisture, Schedule.hold(one), 4e4)
        for one in (shelf, shelf + warmer)
    )
    assert warm.moisture[-1, 0] < cold.moisture[-1, 0] < moisture
    assert (np.diff(cold.moisture[:, 0]) < 0).all()
    assert (warm.moisture >= 0.002).all()


def test_kinetics_are_found_again_from_samples():
    rng = np.random.default_rng(8)
    times = np.tile(np.array([1.0, 2.0, 4.0, 7.0]) * 3600, 3)
    kelvins = np.repeat([288.15, 303.15, 318.15], 4)
    truth = 0.002 + 0.058 * np.exp(-KINETICS.at_1_s(kelvins) * times)
    fit = fit_desorption(
        times, kelvins, truth + 2e-4 * rng.standard_normal(12), 0.06, equilibrium=0.002
    )
    found = float(fit.desorption.at_1_s(298.15))
    assert found == pytest.approx(1.2e-4, rel=0.05)
    assert abs(float(fit.desorption.energy_J_mol) - 42e3) < 3 * fit.energy_sd_J_mol
    assert abs(fit.correlation) < 0.8
    with pytest.raises(DataError, match="one temperature"):
        fit_desorption([1.0, 2.0, 3.0], [300.0] * 3, [0.05, 0.04, 0.03], 0.06)
    with pytest.raises(DataError, match="three or more"):
        fit_desorption([1.0, 2.0], [300.0, 310.0], [0.05, 0.04], 0.06)
    with pytest.raises(DesignError, match="zero or more"):
        dry_secondary(KINETICS, -0.1, Schedule.hold(300.0), 1e4)


def test_water_softens_the_glass():
    dry_K, moist_K = glass_transition_K([0.0, 0.05], solids_K=348.0)
    assert dry_K == pytest.approx(348.0)
    assert 136.0 < moist_K < dry_K - 20.0


@pytest.fixture(scope="module")
def load():
    spread = np.exp(0.08 * np.random.default_rng(5).standard_normal((2, 400)))
    vials = Vials.of(
        VIAL, Formulation(50.0), Cake.pikal(1.4 * spread[0], 16.0 * spread[0]),
        HEAT.scaled(spread[1]),
    )  # fmt: skip
    shelf = Schedule.ramps(238.15, [(283.15, 60.0)], rate_per_min=1.0)
    return dry(vials, Conditions(shelf, Schedule.hold(0.15 * TORR_Pa)))


def test_ends_of_a_load_by_convention_come_in_their_order(load):
    ends = {one: load_end_s(load, EndRule(one)) for one in EndConvention}
    assert (
        ends[EndConvention.PIRANI_ONSET]
        < ends[EndConvention.PIRANI_MIDPOINT]
        < ends[EndConvention.PIRANI_OFFSET]
    )
    assert np.median(load.end_s) < ends[EndConvention.PIRANI_ONSET]
    still_wet = (load.end_s > ends[EndConvention.PIRANI_OFFSET]).mean()
    assert 0.0 < still_wet < 0.1  # the gauge cannot see the last few vials: hence the soak
    early, late = (load_end_s(load, EndRule(EndConvention.MASS_FRACTION, f)) for f in (0.9, 0.999))
    assert early < ends[EndConvention.MASS_FRACTION] < late < load.end_s.max()


def test_soak_leaves_no_more_wet_vials_than_stated(load):
    declared = load_end_s(load, EndRule(EndConvention.PIRANI_ONSET))
    plan = soak(load.end_s, declared, share=0.99)
    assert plan.still_wet > 0.01
    assert (load.end_s > declared + plan.margin_s).mean() <= 0.01 + 1e-9
    assert soak(load.end_s, load.end_s.max(), share=0.99).margin_s == 0.0
    with pytest.raises(DataError, match="simulate more"):
        soak(load.end_s, declared, share=0.9999)
    with pytest.raises(DataError, match="missing"):
        soak([1.0, np.nan, 3.0], 2.0, share=0.5)
    with pytest.raises(DesignError, match="between 0 and 1"):
        soak(load.end_s, declared, share=1.0)


def test_a_load_that_does_not_dry_has_no_end():
    cold = Conditions(Schedule.hold(220.0), Schedule.hold(20.0))
    wet = dry(
        Vials.of(VIAL, WATER, Cake.pikal(1.0, 1.0), HEAT), cold, DryingSettings(limit_s=3600.0)
    )
    with pytest.raises(DataError, match="1 of 1 vials"):
        load_end_s(wet, EndRule(EndConvention.MASS_FRACTION))
    with pytest.raises(DesignError, match="more than nothing"):
        pirani_ratio([1.0], 0.0)


def test_declared_model_and_kernel_agree():
    chosen = entry("freeze_drying.primary")
    run = simulate(chosen.load(), chosen.default_recipe())
    vials = Vials.of(VIAL, Formulation(50.0), Cake.pikal(1.4, 16.0), HEAT)
    shelf = Schedule.ramps(238.15, [(293.15, 30.0)], rate_per_min=1.0)
    kernel = dry(vials, Conditions(shelf, Schedule.hold(0.15 * TORR_Pa)))
    assert run.time[-1] * 3600 == pytest.approx(kernel.end_s[0], abs=5.0)
    times = np.linspace(0.2, 6.5, 40)
    state = kernel.at(times * 3600)
    assert run.at("T_product", times) == pytest.approx(celsius(state.bottom_K[:, 0]), abs=0.02)
    assert run.at("flux", times) == pytest.approx(state.flux_kg_m2_s[:, 0] * 3600, rel=2e-3)
    assert run.at("dried", times) == pytest.approx(state.dried_share[:, 0], abs=5e-4)
    assert any(note.name == "ice is gone" for note in run.notes)


@pytest.mark.parametrize(("shelf_C", "pressure", "KC"), [(-20.0, 8.0, 9.0), (30.0, 40.0, 20.0)])
def test_declared_model_and_kernel_agree_elsewhere(shelf_C, pressure, KC):
    model = entry("freeze_drying.primary").load()
    recipe = Recipe(60.0, 0.25, {"T_shelf": Constant(float(kelvin(shelf_C))), "P": pressure})
    run = simulate(model, recipe, parameters={"KC": KC, "KP": 0.0, "A2": 50.0})
    vials = Vials.of(VIAL, Formulation(50.0), Cake.pikal(1.4, 16.0, 0.5), HeatTransfer(KC))
    kernel = dry(vials, Conditions(Schedule.hold(kelvin(shelf_C)), Schedule.hold(pressure)))
    assert run.time[-1] * 3600 == pytest.approx(kernel.end_s[0], rel=2e-4)


def test_declared_model_stands_still_on_a_cold_shelf():
    model = entry("freeze_drying.primary").load()
    cold = Recipe(1.0, 0.1, {"T_shelf": Linear((0.0, 1.0), (228.0, 220.0)), "P": 20.0})
    run = simulate(model, cold)
    assert run.is_complete
    assert run.final("dried") < 1e-3
    shelf = celsius(run["T_shelf"][:-1])  # the last row shows the interval that ended
    assert run["T_product"][:-1] == pytest.approx(shelf, abs=0.05)
