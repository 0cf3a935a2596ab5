"""Equipment, design space and fastest courses against published runs and their properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.science.errors import DesignError
from goldenbatch.science.process.library.freeze_drying.containers import (
    Cake,
    Formulation,
    HeatTransfer,
    Vial,
    Vials,
)
from goldenbatch.science.process.library.freeze_drying.design_space import (
    capability_curve,
    flux_at_bottom,
    product_isotherm,
    shelf_isotherms,
)
from goldenbatch.science.process.library.freeze_drying.equipment import (
    Capability,
    Condenser,
    Equipment,
    choked_flow_kg_s,
)
from goldenbatch.science.process.library.freeze_drying.optimise import (
    Limits,
    Walls,
    fastest,
    fastest_chamber,
    fastest_shelf,
)
from goldenbatch.science.process.library.freeze_drying.primary import Conditions, dry, front_at
from goldenbatch.science.process.library.freeze_drying.properties import (
    SRISUMA,
    TORR_Pa,
    celsius,
    kelvin,
)
from goldenbatch.science.process.library.freeze_drying.schedule import Schedule

ONE = Vials.of(
    Vial.of(3.8, 3.14, 2.0), Formulation(50.0), Cake.pikal(1.4, 16.0),
    HeatTransfer.pikal(2.75e-4, 8.93e-4, 0.46),
)  # fmt: skip
PLANT = Equipment(Capability.of(-0.182, 11.7), 398)
LIMITS = Limits(268.15, (228.15, 393.15), (0.05 * TORR_Pa, 1000.0 * TORR_Pa), PLANT)
PRESSURES = np.array([0.02, 0.05, 0.1, 0.15]) * TORR_Pa


def euler_h(course, step_h=0.01):
    """End by the peer's rule: the rate at the start of each step of 0.01 h, for a whole step."""
    rate = course.flux_kg_m2_s * 3600 * float(ONE.inner_area_m2 * ONE.height_m / ONE.ice_kg)
    dried, now, height = 0.0, 0.0, float(ONE.height_m)
    while True:
        here = float(np.interp(dried, course.dried_m, rate))
        if dried + here * step_h > height:
            return now + (height - dried) / here
        dried, now = dried + here * step_h, now + step_h


def test_fastest_shelf_is_the_published_optimum():
    course = fastest_shelf(ONE, LIMITS, 0.15 * TORR_Pa)
    assert euler_h(course) == pytest.approx(2.1230, abs=2e-4)
    assert course.end_s / 3600 == pytest.approx(2.1250, abs=5e-4)  # by quadrature, converged
    assert celsius(course.bottom_K.max()) == pytest.approx(-5.0, abs=1e-3)
    assert celsius(course.shelf_K[[0, -1]]) == pytest.approx([120.0, 84.1826], abs=1e-3)
    assert course.flux_kg_m2_s[0] * 3600 == pytest.approx(3.4579, rel=1e-3)
    assert set(course.active) == {"shelf", "product"}


def test_fastest_shelf_course_driven_through_the_kernel_ends_when_it_says():
    course = fastest_shelf(ONE, LIMITS, 0.15 * TORR_Pa)
    shelf = Schedule.measured(course.times_s, course.shelf_K, tolerance=0.05)
    run = dry(ONE, Conditions(shelf, Schedule.hold(0.15 * TORR_Pa)))
    assert run.end_s[0] == pytest.approx(course.end_s, rel=1e-3)
    assert celsius(run.hottest_K())[0] == pytest.approx(-5.0, abs=0.05)


def test_fastest_of_both_is_the_published_optimum():
    course = fastest(ONE, LIMITS)
    assert euler_h(course) == pytest.approx(1.979, abs=2e-3)
    assert course.end_s / 3600 == pytest.approx(1.982, abs=2e-3)
    assert course.end_s < fastest_shelf(ONE, LIMITS, 0.15 * TORR_Pa).end_s


def test_fastest_chamber_is_the_published_optimum():
    shelf = Schedule.ramps(233.15, [(283.15, 30.0)], rate_per_min=1.0)
    course = fastest_chamber(ONE, LIMITS, shelf, step_s=180.0)
    assert course.end_s / 3600 == pytest.approx(5.798, rel=2e-3)
    assert (course.bottom_K <= 268.15 + 1e-6).all()
    capacity = PLANT.rate_kg_s(course.pressure_Pa) / PLANT.n_vials
    assert (course.flux_kg_m2_s * float(ONE.inner_area_m2) <= capacity + 1e-12).all()


def suspended():
    """The vial of Srisuma and Braatz: 3 mL of 5 % by mass, 24 mm, with their densities."""
    frozen, solution = (1.0 / (0.05 / 1587.9 + 0.95 / water) for water in (917.0, 1000.0))
    area = np.pi / 4.0 * 0.024**2
    height = 3e-6 * solution / frozen / area
    return Vials(
        np.asarray(height), np.asarray((frozen - 215.0) * height * area), np.asarray(area),
        np.asarray(area), Cake(1.5e4, 3e7, 10.0), HeatTransfer(25.0), SRISUMA, 1,
    )  # fmt: skip


def test_published_optimal_control_one_limit_after_another():
    """Published: switch at 2.4 h, dry at 6.2 h; they heat up from 228 K first, some minutes."""
    course = fastest_shelf(
        suspended(), Limits(243.0, (228.0, 273.0), walls=Walls(240.0, 0.78)), 3.0
    )
    assert [name for name, _ in course.policies()] == ["shelf", "product"]
    assert course.policies()[1][1] / 3600 == pytest.approx(2.4, abs=0.11)
    assert course.end_s / 3600 == pytest.approx(6.2, abs=0.05)


def test_published_optimal_control_with_a_limit_of_speed():
    """Published: policies 3-1-2, switches at 2.0 and 3.9 h, dry at 8.9 h."""
    limits = Limits(240.0, (228.0, 260.0), walls=Walls(240.0, 0.78), speed_m_s=2.8e-7)
    course = fastest_shelf(suspended(), limits, 3.0)
    assert [name for name, _ in course.policies()] == ["speed", "shelf", "product"]
    assert [t / 3600 for _, t in course.policies()[1:]] == pytest.approx([2.0, 3.9], abs=0.06)
    assert course.end_s / 3600 == pytest.approx(8.9, abs=0.05)
    speed = np.diff(course.dried_m) / np.diff(course.times_s)
    assert (speed <= 2.8e-7 * (1 + 1e-9)).all()
    assert (course.bottom_K <= 240.0 + 1e-6).all()


def test_infeasible_limits_are_refused_or_named():
    with pytest.raises(DesignError, match="lower the pressure"):
        fastest_shelf(ONE, Limits(230.0), 0.15 * TORR_Pa)
    with pytest.raises(DesignError, match="warm enough"):
        fastest_chamber(ONE, LIMITS, Schedule.hold(200.0), step_s=36000.0)
    tight = Limits(240.0, pressure_Pa=(60.0, 80.0))
    course = fastest_chamber(ONE, tight, Schedule.hold(280.0), step_s=600.0)
    assert "none" in course.active


@given(st.floats(-35.0, -2.0), st.floats(4.0, 20.0), st.floats(0.0, 20.0))
def test_fastest_course_keeps_its_limits_and_no_shelf_beats_it(limit_C, pressure, colder):
    limits = Limits(float(kelvin(limit_C)), (220.0, 350.0), equipment=PLANT)
    try:
        course = fastest_shelf(ONE, limits, pressure)
    except DesignError:
        assert min(limits.bottom_K, 350.0) <= ONE.ice.temperature_K(pressure) + 1e-6 or (
            PLANT.rate_kg_s(pressure) == 0
        )
        return
    assert (course.bottom_K <= limits.bottom_K + 1e-6).all()
    assert (course.shelf_K <= 350.0 + 1e-6).all()
    state = front_at(
        ONE, course.dried_m, course.shelf_K - colder, np.full(len(course.dried_m), pressure)
    )
    assert (state.flux_kg_m2_s <= course.flux_kg_m2_s * (1 + 1e-6) + 1e-15).all()


def test_design_space_of_the_published_grid():
    space = shelf_isotherms(ONE, kelvin([-15.0, 0.0, 30.0, 90.0]), PRESSURES, start_K=268.15)
    assert celsius(space.hottest_K[1]) == pytest.approx([-23.24, -22.31, -20.97, -19.84], abs=0.02)
    assert space.end_s[1] / 3600 == pytest.approx([11.99, 11.53, 10.90, 10.41], abs=0.025)
    assert space.end_s[2] / 3600 == pytest.approx([6.57, 6.19, 5.69, 5.29], abs=0.025)
    assert (np.diff(space.end_s, axis=0) < 0).all()


def test_design_space_says_where_nothing_dries():
    space = shelf_isotherms(ONE, [225.0, 270.0], [20.0], start_K=225.0, limit_s=1.8e5)
    assert np.isnan(space.end_s[0, 0])
    assert np.isnan(space.hottest_K[0, 0])
    assert space.end_s[1, 0] > 0


def test_product_isotherm_and_capability_of_the_published_grid():
    line = product_isotherm(ONE, 268.15, PRESSURES)
    assert line.end_s[3] / 3600 == pytest.approx(1.98, abs=0.01)
    assert line.mean_flux_kg_m2_s[3] * 3600 == pytest.approx(3.1069, rel=2e-3)
    assert line.lowest_flux_kg_m2_s[3] * 3600 == pytest.approx(2.29402, rel=1e-5)
    curve = capability_curve(ONE, PLANT, PRESSURES)
    assert curve.end_s[3] / 3600 == pytest.approx(0.48917143462598, rel=1e-9)
    assert curve.flux_kg_m2_s[3] * 3600 == pytest.approx(12.58681944755625, rel=1e-9)
    assert np.isnan(product_isotherm(ONE, 220.0, [20.0]).end_s[0])


def test_hottest_at_capability_is_the_heat_balance_of_one_vial():
    """The peer takes the load's kg/h for a vial's g/h here (4.12 C at 150 mTorr)."""
    curve = capability_curve(ONE, PLANT, PRESSURES)
    dried = np.linspace(0.0, 1.0, 101) * float(ONE.height_m)
    flux = flux_at_bottom(ONE, dried, curve.hottest_K[3], np.full(101, PRESSURES[3]))
    assert flux.min() == pytest.approx(curve.flux_kg_m2_s[3], rel=1e-6)


@given(st.floats(1.0, 100.0), st.floats(0.02, 1.0), st.floats(0.02, 1.0))
def test_choked_flow_grows_with_pressure_and_duct(pressure, diameter, wider):
    narrow = float(choked_flow_kg_s(pressure, diameter_m=diameter))
    assert float(choked_flow_kg_s(2 * pressure, diameter_m=diameter)) == pytest.approx(2 * narrow)
    assert float(choked_flow_kg_s(pressure, diameter_m=diameter + wider)) > narrow


def test_choked_flow_is_sonic():
    """Choked mass flux of an ideal gas: density and speed of sound at the throat."""
    ratio, gas, stagnation, pressure = 1.33, 8.314462618 / 0.018015, 295.0, 13.3322
    throat_K = stagnation * 2 / (ratio + 1)
    throat_Pa = pressure * (2 / (ratio + 1)) ** (ratio / (ratio - 1))
    flux = throat_Pa / (gas * throat_K) * np.sqrt(ratio * gas * throat_K)
    duct = float(choked_flow_kg_s(pressure, diameter_m=0.2)) / (np.pi / 4 * 0.04)
    assert duct == pytest.approx(flux, rel=1e-9)


def test_flux_of_a_course_stays_below_choked_flow():
    plant = Equipment(Capability.of(0.0, 1e6), 2000, duct_m=0.03, condenser=Condenser(1.0, 5.0))
    limits = Limits(268.15, (228.15, 393.15), (5.0, 60.0), plant)
    course = fastest(ONE, limits)
    load = course.flux_kg_m2_s * float(ONE.inner_area_m2) * 2000
    assert (load <= choked_flow_kg_s(course.pressure_Pa, diameter_m=0.03) * (1 + 1e-9)).all()
    assert "equipment" in course.active
    plant.check_load(float(ONE.ice_kg))
    with pytest.raises(DesignError, match="condenser"):
        plant.check_load(10.0)


def test_duct_and_line_limits_have_errors():
    with pytest.raises(DesignError, match="two or more"):
        Capability.fitted([10.0, 10.0], [1.0, 2.0])
    with pytest.raises(DesignError, match="above zero"):
        choked_flow_kg_s(10.0, diameter_m=0.0)
    with pytest.raises(DesignError, match="one kind"):
        shelf_isotherms(
            Vials.of(Vial.of(3.8, 3.14, [2.0, 3.0]), Formulation(), Cake.pikal(1, 1), ONE.heat),
            [260.0], [10.0], start_K=250.0,
        )  # fmt: skip
    line = Capability.of(-0.182, 11.7)
    assert line.lowest_pressure_Pa(line.rate_kg_s(20.0)) == pytest.approx(20.0)
