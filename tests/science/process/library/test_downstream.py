"""Downstream operations against closed forms."""

from __future__ import annotations

from math import e, exp, inf, log, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process import Constant, Recipe, Steps, simulate
from goldenbatch.science.process.footprint import FootprintSettings, footprint
from goldenbatch.science.process.footprint_factors import UnknownFactorError
from goldenbatch.science.process.library.chromatography import Grid
from goldenbatch.science.process.library.downstream import (
    Blocking,
    Broth,
    Capture,
    Impurity,
    Machine,
    Membrane,
    Plan,
    Rates,
    capture,
    clarify,
    filter_pool,
    fit_pressure,
    fit_v_max,
    hold,
    hold_limits,
    separation_efficiency,
    size_filter,
    ultrafiltration,
)
from goldenbatch.science.process.library.downstream.centrifuge import (
    critical_diameter,
    equivalent_flow,
    grade_efficiency,
)
from goldenbatch.science.process.library.downstream.depth_filter import (
    LAWS,
    adsorptive_log_reduction,
)
from goldenbatch.science.process.library.downstream.resin import Elution, Resin
from goldenbatch.science.process.library.downstream.ufdf import (
    best_diafiltration_concentration,
    concentrated,
    diafiltered,
    diavolumes_for,
)
from goldenbatch.science.process.library.downstream.viral_inactivation import (
    GAS_J_MOL_K,
    Pool,
    log_reduction,
    viral_inactivation,
)

# Protein A


@pytest.fixture(scope="module")
def cycle():
    return capture(Capture(), grid=Grid(20, 4))


def test_a_capture_cycle_adds_up(cycle):
    balance = cycle.load.balance
    assert balance.gap.max() < 1e-6
    held = float(balance.end[0])
    assert float(cycle.elution.balance.start[1]) == pytest.approx(held, rel=1e-9)
    assert cycle.elution.balance.gap.max() < 1e-6
    in_column = float(cycle.elution.balance.end[1]) * 1e3
    whole = cycle.lost_g + cycle.pool.amounts["mab"] * 1e3 + in_column
    assert whole == pytest.approx(cycle.loaded_g, rel=2e-3)
    assert cycle.flows.product_kg == pytest.approx(cycle.yield_ * cycle.loaded_g * 1e-3)


def test_the_equilibrium_capacity_is_that_of_the_isotherm(cycle):
    resin, feed = Resin(), Capture().feed_g_l
    bound = (1 - resin.bed) * sum(resin.qmax) * resin.K * feed / (1 + resin.K * feed)
    assert cycle.capacity.equilibrium == pytest.approx(bound, rel=0.02)
    assert 0.5 * bound < cycle.capacity.dynamic < bound


def test_slower_loading_binds_more_and_overloading_loses_product():
    slow, quick = (
        capture(Capture(residence_s=seconds), grid=Grid(12, 3)) for seconds in (600.0, 120.0)
    )
    assert slow.capacity.utilisation > quick.capacity.utilisation
    over = capture(Capture(residence_s=120.0, load_share=1.3), grid=Grid(12, 3))
    assert over.yield_ < quick.yield_
    with pytest.raises(DataError, match="load of 2"):
        capture(Capture(load_share=2.0))


def test_host_cell_proteins_fall_with_the_wash(cycle):
    stuck = 0.02 * exp(-5.0 / 1.2)
    assert cycle.hcp_log_reduction == pytest.approx(-np.log10(stuck + 0.005))
    assert cycle.hcp_ppm == pytest.approx(200_000 * (stuck + 0.005) / cycle.yield_, rel=1e-6)
    with pytest.raises(DataError, match="sum to at most 1"):
        Impurity(stuck=0.6, with_product=0.5)


def test_the_elution_is_at_equilibrium_where_its_isotherm_says():
    binding = Elution(2, 0.01, 100.0, 0.022, 0.2)
    v = {one.name: one.value for one in binding.values(("modifier", "mab"), "g/L")}
    c, modifier = 3.0, 0.9
    slope = 0.022 * modifier**-0.2
    q = slope * c / (1.0 + slope * c / 100.0)
    assert float(binding.rates(v, [modifier, c], [q])[0]) == pytest.approx(0.0, abs=1e-12)


# Viral inactivation


@given(temperature=st.floats(278.0, 303.0), ph=st.floats(3.3, 3.9), hours=st.floats(0.1, 3.0))
def test_a_hold_is_first_order_and_composes(temperature, ph, hours):
    rates, seconds = Rates(), 3600.0 * hours
    whole = hold(rates, temperature, ph, seconds)
    assert whole.log_reduction == pytest.approx(
        rates.inactivation(temperature, ph) * seconds / log(10.0)
    )
    half = hold(rates, temperature, ph, seconds / 2)
    assert 2 * half.log_reduction == pytest.approx(whole.log_reduction)
    assert half.monomer**2 == pytest.approx(whole.monomer)


def test_warmth_and_acid_speed_it_up_as_declared():
    rates = Rates()
    assert rates.inactivation(288.15, 2.6) == pytest.approx(100 * rates.inactivation_1_s)
    ratio = rates.inactivation(298.15, 3.6) / rates.inactivation(288.15, 3.6)
    assert ratio == pytest.approx(exp(60_000 / GAS_J_MOL_K * (1 / 288.15 - 1 / 298.15)))
    with pytest.raises(DataError, match="pH 15"):
        rates.inactivation(288.15, 15.0)


def test_limits_of_a_hold_and_a_share_that_resists():
    limits = hold_limits(Rates(), 288.15, 3.6, log_needed=4.0, aggregate_allowed=0.02)
    assert limits.shortest_s == pytest.approx(1440.0)
    assert hold(Rates(), 288.15, 3.6, limits.longest_s).monomer == pytest.approx(0.98)
    with pytest.raises(DataError, match="resists"):
        hold_limits(Rates(resistant=1e-3), 288.15, 3.6, log_needed=4.0, aggregate_allowed=0.02)
    harmful = hold_limits(
        Rates(aggregation_1_s=1e-4), 288.15, 3.6, log_needed=5.0, aggregate_allowed=0.01
    )
    assert not harmful.is_possible
    assert hold(Rates(), 288.15, 3.6, 0.0, Pool(1.0, 10.0)).flows.product_kg == 10.0


def test_the_declared_hold_is_the_exact_one():
    rates = Rates(resistant=1e-4)
    recipe = Recipe(
        duration=1800.0, interval=300.0, inputs={"T": Constant(293.15), "pH": Constant(3.5)}
    )
    found = simulate(viral_inactivation(rates), recipe)
    exact = log_reduction(rates, 293.15, 3.5, 1800.0)
    assert found.final("log_reduction") == pytest.approx(exact, rel=1e-4)
    kept = hold(rates, 293.15, 3.5, 1800.0).monomer
    assert found.final("monomer") == pytest.approx(20.0 * kept, rel=1e-6)
    assert found.final("aggregates") == pytest.approx(100.0 * (1.0 - kept), rel=1e-3)


# Ultrafiltration and diafiltration


@given(factor=st.floats(1.0, 30.0), retention=st.floats(0.9, 1.0), n=st.floats(0.0, 12.0))
def test_amounts_of_a_loop(factor, retention, n):
    volume, kept = concentrated(2.0, factor, retention)
    assert kept == pytest.approx(factor * volume / 2.0)
    assert factor == pytest.approx((2.0 / volume) ** retention)
    assert diavolumes_for(diafiltered(n, 0.8), 0.8) == pytest.approx(n, abs=1e-9)


def test_a_plan_without_limits_takes_the_time_of_the_clean_membrane():
    membrane = Membrane(gel_kg_m3=1e30, area_m2=5.0)
    made = filter_pool(membrane, Plan(1.0, 10.0, 50.0, 6.0, 100.0))
    flux = 3e-10 * 1e5 * 5.0
    expected = (0.8 / flux, 6.0 * 0.2 / flux, 0.1 / flux)
    assert made.steps_s == pytest.approx(expected, rel=1e-9)
    assert made.yield_ == pytest.approx(1.0)
    assert made.permeate_m3 == pytest.approx(0.9 + 1.2)
    assert made.flows.buffers_m3 == {"diafiltration": pytest.approx(1.2)}


def test_diafiltration_is_quickest_at_gel_over_e():
    membrane = Membrane(permeability_m_s_pa=1e-6)
    best = best_diafiltration_concentration(250.0)
    assert best == pytest.approx(250.0 / e)

    def washing(wash: float) -> float:
        return filter_pool(membrane, Plan(1.0, 10.0, wash, 7.0, 200.0)).steps_s[1]

    assert washing(best) < min(washing(0.9 * best), washing(1.1 * best))


def test_the_osmotic_law_balances_the_pressure_at_the_wall():
    membrane = Membrane(osmotic=(70.0, 1.2, 0.01))
    flux = membrane.flux(100.0, 2e5)
    wall = 100.0 * exp(flux / membrane.transfer_m_s)
    assert flux == pytest.approx(3e-10 * (2e5 - membrane.osmotic_pressure(wall)), rel=1e-9)
    assert membrane.flux(0.0, 2e5) == pytest.approx(6e-5)
    assert membrane.flux(400.0, 1e5) == 0.0


@pytest.mark.parametrize("law", ["gel", "osmotic"])
def test_the_declared_loop_is_the_plan(law):
    membrane = Membrane(
        permeability_m_s_pa=3e-9 if law == "gel" else 3e-10, retention=0.999,
        osmotic=None if law == "gel" else (70.0, 1.2, 0.01),
    )  # fmt: skip
    made = filter_pool(membrane, Plan(1.0, 10.0, 50.0, 6.0, 50.0))
    first, washing, _ = made.steps_s
    times = (0.0, first, first + washing)
    recipe = Recipe(
        duration=first + washing, interval=first / 4.0,
        inputs={"wash": Steps(times[:2], (0.0, 1.0)), "TMP": Constant(1e5)},
    )  # fmt: skip
    found = simulate(ultrafiltration(membrane, retention_law=law), recipe)
    assert found.is_complete, found.reason
    volume, _ = concentrated(1.0, 5.0, 0.999)
    assert found.final("V") == pytest.approx(volume, rel=2e-3)
    # In diavolumes: the rounded corner of the gel law shifts the time by a part in a thousand.
    assert -log(found.final("solute") / 100.0) == pytest.approx(6.0, rel=3e-3)


def test_what_no_membrane_does_is_refused():
    with pytest.raises(DataError, match="flux stops"):
        filter_pool(Membrane(), Plan(1.0, 10.0, 50.0, 7.0, 300.0))
    with pytest.raises(DataError, match="Let concentrations rise"):
        filter_pool(Membrane(), Plan(1.0, 10.0, 5.0, 7.0, 100.0))
    with pytest.raises(DesignError, match="retention 2"):
        Membrane(retention=2.0)
    with pytest.raises(DesignError, match="no law"):
        ultrafiltration(retention_law="osmotic")
    with pytest.raises(DataError, match="solute that passes"):
        diavolumes_for(0.1, 0.0)


# Centrifuge


@given(flow=st.floats(1e-6, 1e-3), factor=st.floats(1.1, 10.0))
def test_the_critical_size_goes_with_the_root_of_the_flow(flow, factor):
    machine, broth = Machine(), Broth()
    one, more = (critical_diameter(machine, broth, f) for f in (flow, factor * flow))
    assert more / one == pytest.approx(sqrt(factor))
    held = [separation_efficiency(machine, broth, f) for f in (flow, factor * flow)]
    assert held[0] >= held[1]
    twice = Machine(speed_1_s=240.0)
    assert equivalent_flow(flow, machine, twice) == pytest.approx(4.0 * flow)


def test_one_size_is_held_back_by_its_grade_and_many_by_their_mean():
    machine, flow = Machine(), 1e-3
    single = Broth(spread=1.0)
    ratio = single.median_m / critical_diameter(machine, single, flow)
    assert separation_efficiency(machine, single, flow, "ideal") == min(1.0, ratio**2)
    assert grade_efficiency(1.0 / sqrt(2.0)) == pytest.approx(0.5)
    # Far above the critical flow the ideal efficiency is the second moment of the sizes.
    fine = Broth(median_m=1e-7, spread=1.3)
    d = critical_diameter(machine, fine, flow)
    moment = (1e-7 / d) ** 2 * exp(2.0 * log(1.3) ** 2)
    assert separation_efficiency(machine, fine, flow, "ideal") == pytest.approx(moment, rel=1e-6)


def test_a_harvest_adds_up():
    made = clarify(Machine(), Broth(), 2.0, 1e-4)
    solids = 2.0 * 0.05
    carried = made.carried_over * made.centrate_m3
    assert carried == pytest.approx((1.0 - made.efficiency) * solids)
    liquid_lost = (1.0 - made.yield_) * 2.0 * 0.95
    sediment = 2.0 - made.centrate_m3
    assert sediment == pytest.approx(made.efficiency * solids + liquid_lost)
    assert made.n_discharges == int(np.ceil(sediment / (0.7 * 4e-3)))
    assert made.flows.product_kg == pytest.approx(made.yield_ * 2.0 * 0.95 * 5.0)
    gentle = clarify(Machine(speed_1_s=60.0), Broth(), 2.0, 1e-4)
    assert gentle.eddy_over_cell > made.eddy_over_cell
    with pytest.raises(DataError, match="fewer solids"):
        clarify(Machine(), Broth(solids=0.7), 2.0, 1e-4)
    with pytest.raises(DesignError, match="outer radius"):
        Machine(inner_m=0.2)


# Filters


@given(law=st.sampled_from(LAWS), v_max=st.floats(0.01, 1.0), time=st.floats(1.0, 1e4))
def test_throughput_integrates_the_falling_flux(law, v_max, time):
    one = Blocking(law, v_max, flux_m_s=1e-4)
    v, step = one.throughput(time), 1e-3 * time
    rate = (one.throughput(time + step) - one.throughput(time - step)) / (2.0 * step)
    assert rate == pytest.approx(1e-4 * one.openness(v), rel=1e-3)
    assert one.openness(one.capacity(min_openness=0.2)) == pytest.approx(0.2)


@settings(max_examples=10)
@given(law=st.sampled_from(LAWS), v_max=st.floats(0.05, 0.5))
def test_the_pressure_test_finds_its_law(law, v_max):
    true = Blocking(law, v_max, pressure_pa=1.2e4)
    v = np.linspace(0.0, 0.8 * v_max, 15)
    found = fit_pressure(v, [true.pressure(one) for one in v], 1e-4)
    assert found.blocking.law == law
    assert found.blocking.v_max_m == pytest.approx(v_max, rel=1e-3)
    assert found.rmse < min(found.others.values())


def test_a_filter_is_sized_to_its_pressure():
    blocking = Blocking("intermediate", 0.1, pressure_pa=1e4)
    bare = size_filter(blocking, 2.0, max_pressure_pa=1e5, margin=1.0)
    assert bare.end_pressure_pa == pytest.approx(1e5)
    roomy = size_filter(blocking, 2.0, max_pressure_pa=1e5)
    assert roomy.area_m2 == pytest.approx(1.5 * bare.area_m2)
    assert roomy.end_pressure_pa < 1e5
    assert roomy.flows.media_m2 == roomy.area_m2
    assert Blocking("complete", 0.1).pressure(0.2) == inf
    with pytest.raises(DataError, match="Lower the flux"):
        size_filter(blocking, 2.0, max_pressure_pa=1e4)
    with pytest.raises(DataError, match="does not foul"):
        fit_v_max([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    with pytest.raises(DesignError, match="Laws are"):
        Blocking("sticky", 0.1)


def test_adsorption_that_fills_up():
    assert adsorptive_log_reduction(0.0, 1.0, 3.0) == pytest.approx(3.0)
    loads = np.linspace(0.0, 3.0, 31)
    found = [adsorptive_log_reduction(load, 1.0, 3.0) for load in loads]
    assert (np.diff(found) < 0.0).all()
    assert adsorptive_log_reduction(1.0, 1.0, 9.0) == pytest.approx(-np.log10(0.5), abs=1e-6)


# Flows


def test_a_train_of_operations_has_a_footprint():
    filtered = filter_pool(Membrane(), Plan(1.0, 10.0, 50.0, 7.0, 100.0))
    held = hold(Rates(), 293.15, 3.5, 3600.0, Pool(1.0, 10.0))
    train = (*held.flows.for_footprint("hold"), *filtered.flows.for_footprint("filtration"))
    found = footprint(train, product_kg=filtered.product_kg, settings=FootprintSettings(year=2024))
    water = 0.06 + filtered.flows.liquid_m3
    assert found.mass_intensity.value == pytest.approx(998.2 * water / 10.0, rel=1e-3)
    assert found.batch["energy"].value == pytest.approx(filtered.flows.energy_j * 1e-6, rel=1e-9)
    used_up = size_filter(Blocking("cake", 0.1), 1.0, max_pressure_pa=8e4).flows
    with pytest.raises(UnknownFactorError, match="filter area"):
        footprint(
            used_up.for_footprint("filter"), product_kg=1.0, settings=FootprintSettings(year=2024)
        )
