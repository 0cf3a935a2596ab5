"""Primary drying against published runs, and properties that no parameters may break."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process.library.freeze_drying.containers import (
    Cake,
    Formulation,
    HeatTransfer,
    RESISTANCE_m_s,
    TRANSFER_W_m2_K,
    Vial,
    Vials,
)
from goldenbatch.science.process.library.freeze_drying.estimates import (
    ResistanceCourse,
    fit_cake,
    resistance_from_temperatures,
    transfer_from_time,
)
from goldenbatch.science.process.library.freeze_drying.primary import (
    Conditions,
    DryingSettings,
    dry,
    front_at,
)
from goldenbatch.science.process.library.freeze_drying.properties import (
    CALORIE_J,
    FEISTEL_WAGNER,
    PIKAL,
    TORR_Pa,
    celsius,
    kelvin,
)
from goldenbatch.science.process.library.freeze_drying.schedule import Schedule

VIAL, CAKE = Vial.of(3.8, 3.14, 2.0), Cake.pikal(1.4, 16.0)
HEAT = HeatTransfer.pikal(2.75e-4, 8.93e-4, 0.46)
SHELF = Schedule.ramps(238.15, [(293.15, 30.0)], rate_per_min=1.0)
PRESSURE = Schedule.hold(0.15 * TORR_Pa)
STANDARD = Conditions(SHELF, PRESSURE)


def standard(**changes):
    parts = {"vial": VIAL, "formulation": Formulation(50.0), "cake": CAKE, "heat": HEAT} | changes
    return Vials.of(**parts)


def test_drying_time_and_hottest_temperature_of_the_published_run():
    run = dry(standard(), STANDARD)
    assert run.end_s[0] / 3600 == pytest.approx(6.66, abs=0.01)
    assert celsius(run.hottest_K())[0] == pytest.approx(-14.77, abs=0.05)
    flux = run.at(np.linspace(0, run.end_s[0], 2000)).flux_kg_m2_s.max() * 3600
    assert flux == pytest.approx(1.1319, rel=1e-3)


def test_whole_published_run(real_data):
    path = real_data("freeze_drying") / "reference_primary_drying.csv"
    table = np.genfromtxt(path, delimiter=";", skip_header=1)[:, :7]
    run = dry(standard(), STANDARD)
    rows = table[table[:, 0] * 3600 < run.end_s[0] - 60]
    state = run.at(rows[:, 0] * 3600)
    assert np.abs(celsius(state.ice_K[:, 0]) - rows[:, 1]).max() < 0.05
    assert np.abs(celsius(state.bottom_K[:, 0]) - rows[:, 2]).max() < 0.05
    assert np.abs(state.flux_kg_m2_s[:, 0] * 3600 - rows[:, 5]).max() < 2e-3
    assert np.abs(state.dried_share[:, 0] * 100 - rows[:, 6]).max() < 0.3
    assert run.end_s[0] / 3600 == pytest.approx(table[-1, 0], abs=0.01)


def test_another_published_run_in_another_convention():
    """LyoPronto.jl's sucrose: 10R, 4 mL, 70 mTorr, -45 to -25 C: 45.8 h and -32.20 C."""
    vials = Vials.of(
        Vial.iso("10R", 4.0), Formulation(50.0), Cake.pikal(0.8, 14.0, 1.0),
        HeatTransfer.pikal(3.58e-4, 8.93e-4, 0.46),
    )  # fmt: skip
    shelf = Schedule.ramps(228.15, [(248.15, 100.0)], rate_per_min=1.0)
    conditions = Conditions(shelf, Schedule.hold(0.07 * TORR_Pa))
    run = dry(vials, conditions)
    assert run.end_s[0] / 3600 == pytest.approx(45.8, abs=0.5)
    assert celsius(run.hottest_K())[0] == pytest.approx(-32.20, abs=0.1)
    plain = Vials.of(
        Vial.iso("10R", 4.0), Formulation(50.0, is_expanding=False), vials.cake, vials.heat,
        ice=FEISTEL_WAGNER,
    )  # fmt: skip
    other = dry(plain, conditions)
    assert other.end_s[0] / 3600 == pytest.approx(45.8, rel=0.1)
    assert celsius(other.hottest_K())[0] == pytest.approx(-32.1975, abs=0.1)


def test_coarse_steps_suffice():
    times = [
        float(dry(standard(), STANDARD, DryingSettings(step_s=step)).end_s[0])
        for step in (1800.0, 900.0, 60.0)
    ]
    assert abs(times[0] - times[2]) < 1.0
    assert abs(times[1] - times[2]) < 0.2


def test_a_vial_alone_dries_as_in_a_batch():
    scale = np.exp(0.1 * np.random.default_rng(3).normal(size=40))
    many = dry(standard(heat=HEAT.scaled(scale)), STANDARD)
    for index in (0, 17, 39):
        alone = dry(standard(heat=HEAT.scaled(scale[index])), STANDARD)
        assert alone.end_s[0] == pytest.approx(many.end_s[index], rel=1e-9)


def test_ice_that_left_is_ice_that_was_there():
    run = dry(standard(), STANDARD)
    assert run.sublimed_kg(20_000)[0] == pytest.approx(float(run.vials.ice_kg), rel=1e-4)


@given(
    st.floats(0.2, 5.0), st.floats(1.0, 40.0), st.floats(0.0, 5.0), st.floats(5.0, 40.0),
    st.floats(4.0, 30.0), st.floats(243.0, 303.0),
)  # fmt: skip
def test_warmer_shelf_dries_faster_and_warmer(R0, A1, A2, kv, pressure, shelf):
    vials = standard(cake=Cake.pikal(R0, A1, A2), heat=HeatTransfer([kv, kv, 1.2 * kv]))
    shelves = Schedule.hold([shelf, shelf + 5.0, shelf])
    run = dry(
        vials, Conditions(shelves, Schedule.hold(pressure)), DryingSettings(1800.0, limit_s=3.6e5)
    )
    base, warmer, more = np.nan_to_num(run.end_s, nan=np.inf)
    assert warmer < base or base == warmer == np.inf
    assert more < base or base == more == np.inf
    hot = run.hottest_K()
    assert hot[1] > hot[0] - 1e-9
    assert (hot <= np.array([shelf, shelf + 5.0, shelf]) + 1e-9).all()


@given(st.floats(0.0, 1.0), st.floats(-60.0, 40.0), st.floats(1.0, 60.0), st.floats(1.0, 60.0))
def test_front_balances_heat_and_vapour(share, shelf_C, pressure, kv):
    vials = standard(heat=HeatTransfer(kv))
    dried, shelf = share * float(vials.height_m), shelf_C + 273.15
    state = front_at(vials, [dried], shelf, pressure)
    flux, bottom = float(state.flux_kg_m2_s[0]), float(state.bottom_K[0])
    heat = kv * float(vials.outer_area_m2) * (shelf - bottom)
    assert heat == pytest.approx(
        flux * float(vials.inner_area_m2) * PIKAL.sublimation_J_kg, rel=1e-6, abs=1e-9
    )
    if PIKAL.pressure_Pa(shelf) <= pressure:
        assert flux == 0.0


def test_too_cold_a_shelf_dries_nothing_and_says_so():
    cold = Conditions(Schedule.hold(kelvin(-50.0)), PRESSURE)
    run = dry(standard(), cold, DryingSettings(limit_s=7200.0))
    assert np.isnan(run.end_s[0])
    assert (run.at([0.0, 3600.0]).flux_kg_m2_s == 0.0).all()
    assert run.hottest_K()[0] == pytest.approx(223.15)


def test_after_the_end_there_is_no_flux():
    run = dry(standard(heat=HEAT.scaled([1.0, 0.5])), STANDARD)
    late = run.at([run.end_s[0] + 600.0])
    assert late.flux_kg_m2_s[0, 0] == 0.0
    assert late.flux_kg_m2_s[0, 1] > 0.0
    assert late.dried_share[0, 0] == 1.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cake": Cake.pikal(-0.1, 16.0)}, "R0"),
        ({"cake": Cake.pikal(0.0, 0.0)}, "without any resistance"),
        ({"vial": Vial.of(3.8, 3.14, 0.0)}, "above zero"),
        ({"heat": HeatTransfer([10.0, 11.0]), "cake": Cake.pikal([1.0, 2.0, 3.0], 16.0)}, "equal"),
        ({"heat": HeatTransfer(float("nan"))}, "KC"),
    ],
)
def test_impossible_vials_are_refused(changes, message):
    with pytest.raises(DesignError, match=message):
        standard(**changes)


def test_schedules_for_another_number_of_vials_are_refused():
    with pytest.raises(DesignError, match="3 vials, not for 2"):
        dry(standard(heat=HEAT.scaled([1.0, 1.1])), Conditions(Schedule.hold([1.0] * 3), PRESSURE))
    with pytest.raises(DesignError, match="rate > 0"):
        Schedule.ramps(240.0, [(250.0, 1.0)], rate_per_min=0.0)


@given(st.lists(st.floats(-40.0, 40.0), min_size=3, max_size=60), st.floats(0.01, 2.0))
def test_thinned_schedule_keeps_every_measured_value(values, tolerance):
    times = np.arange(len(values)) * 60.0
    course = Schedule.measured(times, values, tolerance=tolerance)
    assert np.abs(course.at(times) - values).max() <= tolerance + 1e-9
    assert len(course.times_s) <= len(values)


def test_measured_schedule_refuses_gaps():
    with pytest.raises(DataError, match="missing"):
        Schedule.measured([0.0, 60.0, 120.0], [1.0, np.nan, 2.0], tolerance=0.1)
    with pytest.raises(DataError, match="rising"):
        Schedule.measured([0.0, 60.0, 60.0], [1.0, 2.0, 2.0], tolerance=0.1)


def test_shared_and_own_schedules_agree():
    shared = Schedule.ramps(240.0, [(260.0, 2.0), (250.0, 1.0)], rate_per_min=0.5)
    own = Schedule(shared.times_s, np.stack([shared.values] * 3, axis=1))
    times = np.linspace(-100.0, 3e4, 57)
    assert np.allclose(own.at(times), shared.at(times)[:, None])
    assert own.at(5.0).shape == (3,)


def test_unknown_heat_transfer_of_the_published_run():
    kv = transfer_from_time(standard(), STANDARD, 12.62 * 3600)
    assert kv / TRANSFER_W_m2_K == pytest.approx(1.7757e-4, rel=2e-3)
    with pytest.raises(DesignError, match="widen the bounds"):
        transfer_from_time(standard(), STANDARD, 3600.0)


def test_unknown_resistance_of_452_measured_temperatures(real_data):
    rows = np.loadtxt(real_data("freeze_drying") / "temperature.txt")
    shelf = Schedule.ramps(kelvin(-33.0), [(kelvin(10.0), 30.0)], rate_per_min=1.0)
    course = resistance_from_temperatures(
        standard(), Conditions(shelf, PRESSURE), rows[:, 0] * 3600, kelvin(rows[:, 1])
    )
    free, bounded = fit_cake(course, is_bounded=False), fit_cake(course)
    # LyoPRONTO's own fit takes in what is negative early in the ramp: -0.068, 12.88, 0.683
    assert free.cake.r0_m_s / RESISTANCE_m_s == pytest.approx(-0.068, abs=0.05)
    assert free.cake.a1_1_s / RESISTANCE_m_s / 100 == pytest.approx(12.88, rel=0.05)
    assert free.cake.a2_1_m / 100 == pytest.approx(0.683, abs=0.15)
    assert bounded.cake.r0_m_s >= 0.0
    layer = np.linspace(0.002, 0.0044, 5)
    assert bounded.cake.resistance_m_s(layer) == pytest.approx(
        free.cake.resistance_m_s(layer), rel=0.02
    )


def test_resistance_is_found_again_from_simulated_temperatures():
    given_cake = Cake.pikal(1.0, 20.0, 1.5)
    run = dry(standard(cake=given_cake), STANDARD, DryingSettings(step_s=120.0))
    times = np.arange(0.0, run.end_s[0] * 0.97, 30.0)
    course = resistance_from_temperatures(standard(), STANDARD, times, run.at(times).bottom_K[:, 0])
    fit = fit_cake(course)
    layer = np.linspace(0.0, 0.0065, 9)
    assert fit.cake.resistance_m_s(layer) == pytest.approx(
        given_cake.resistance_m_s(layer), rel=0.01
    )


def test_negative_resistance_is_held_at_its_bound():
    layer = np.linspace(0.0, 0.007, 60)
    found = Cake.pikal(-0.5, 16.0).resistance_m_s(layer)
    fit = fit_cake(ResistanceCourse(layer, layer, found))
    assert fit.at_bound[0] == "R0"
    assert fit.cake.r0_m_s >= 0.0
    with pytest.raises(DataError, match="four or more"):
        fit_cake(ResistanceCourse(layer[:3], layer[:3], found[:3]))


def test_conventions_differ_in_the_third_digit_only():
    for kelvins in (225.0, 254.0):
        ratio = FEISTEL_WAGNER.pressure_Pa(kelvins) / PIKAL.pressure_Pa(kelvins)
        assert ratio == pytest.approx(1.0, abs=0.02)
    assert PIKAL.sublimation_J_kg == 678.0 * 1000.0 * CALORIE_J
    with pytest.raises(DesignError, match="positive"):
        PIKAL.temperature_K(-1.0)


def test_iso_vials_have_the_areas_of_the_standard():
    assert Vial.iso("10R", 3.0).outer_area_m2 * 1e4 == pytest.approx(4.524, abs=0.001)
    with pytest.raises(DesignError, match="11R"):
        Vial.iso("11R", 3.0)


def test_more_heat_less_resistance_less_fill_dry_faster():
    base = dry(standard(), STANDARD).end_s[0]
    for faster in (
        standard(heat=HEAT.scaled(1.1)),
        standard(cake=Cake.pikal(1.0, 14.0)),
        standard(vial=replace(VIAL, fill_m3=1.8e-6)),
    ):
        assert dry(faster, STANDARD).end_s[0] < base
    ends = [float(dry(standard(vial=replace(VIAL, fill_m3=v)), STANDARD).end_s[0])
            for v in (1e-6, 2e-6, 3e-6)]  # fmt: skip
    assert all(a < b for a, b in itertools.pairwise(ends))
