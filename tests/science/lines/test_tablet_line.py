"""Compaction, feeding, diversion and the drug's balance of a continuous tablet line."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.science.errors import DesignError
from goldenbatch.science.lines.compaction import (
    Powder,
    Press,
    hardness,
    press_tablets,
    pressure_for,
    relative_density,
    tensile_strength,
)
from goldenbatch.science.lines.residence import Vessel, respond
from goldenbatch.science.lines.tablet_line import (
    Feeder,
    TabletLine,
    Window,
    feed,
    run_tablet_line,
    window_behind,
    windows_outside,
)

POWDER = Powder(0.5, 1.5, 0.6, 0.05, 200.0, 0.6)
PRESS = Press(8.0, 8.0, 3.7, 1000.0)
CHAIN = (Vessel("blender", 60.0, 3.0, 10.0), Vessel("hopper", 20.0), Vessel("frame", 90.0))


def line(excess=0.5, flow=18.0, **more):
    return TabletLine(
        (Feeder("drug", 2.0, True, 600.0, 20.0, excess, 10.0), Feeder("filler", flow)),
        CHAIN, POWDER, PRESS, **more,
    )  # fmt: skip


@given(st.floats(0.0, 400.0))
@settings(max_examples=30, deadline=None)
def test_pressure_and_density_are_inverse(pressure):
    density = relative_density(POWDER, pressure)
    assert pressure_for(POWDER, density) == pytest.approx(pressure, rel=1e-9, abs=1e-9)


def test_kawakita_in_its_linear_form():
    pressure = np.array([10.0, 50.0, 100.0, 200.0])
    lost = 1 - POWDER.loosest / relative_density(POWDER, pressure)
    # P / C = P / a + 1 / (a b).
    slope, intercept = np.polyfit(pressure, pressure / lost, 1)
    assert slope == pytest.approx(1 / 0.6)
    assert intercept == pytest.approx(1 / (0.6 * 0.05))


def test_harder_with_density_and_nothing_below_the_critical_one():
    density = np.linspace(0.5, 1.0, 51)
    force = hardness(POWDER, density)
    assert (force[density <= 0.6] == 0).all()
    assert (np.diff(force[density >= 0.6]) > 0).all()
    assert force[-1] == 200
    h = 200 * (1 - np.exp(0.8 - 0.6 + np.log((1 - 0.8) / (1 - 0.6))))
    assert hardness(POWDER, 0.8) == pytest.approx(h)


def test_a_tablet_has_the_mass_that_was_filled():
    made = press_tablets(POWDER, PRESS, 0.1, [0.95, 1.0, 1.05])
    volume = np.pi * 16 * PRESS.gap_mm
    np.testing.assert_allclose(made.weight_mg, made.density * POWDER.true_density * volume)
    np.testing.assert_allclose(made.dose_mg, 0.1 * made.weight_mg)
    assert (np.diff(made.force_kn) > 0).all()
    pressure = made.force_kn * 1000 / PRESS.area_mm2
    np.testing.assert_allclose(relative_density(POWDER, pressure), made.density)
    assert tensile_strength(made.hardness_n, 8.0, 3.7)[1] == pytest.approx(
        2 * made.hardness_n[1] / (np.pi * 8 * 3.7)
    )


def test_a_fill_that_cannot_be_compacted_is_refused():
    with pytest.raises(DesignError, match="change the fill or the gap"):
        press_tablets(POWDER, Press(8.0, 8.0, 3.0, 1000.0), 0.1)


def test_a_refill_feeds_the_area_under_its_excess():
    feeder = Feeder("drug", 2.0, True, 600.0, 20.0, 0.2, 10.0)
    times = np.arange(600.0, 1199.99, 0.01)
    extra = (feed(feeder, times) - 2.0).sum() * 0.01
    # A triangle of 20 s and an exponential of 10 s.
    assert extra == pytest.approx(2.0 * 0.2 * (10 + 10), rel=1e-3)
    assert (feed(feeder, np.arange(0.0, 600.0)) == 2.0).all()


@given(st.floats(0.0, 0.6), st.floats(2.0, 40.0))
@settings(max_examples=15, deadline=None)
def test_the_drug_that_is_fed_is_pressed_or_held(excess, flow):
    run = run_tablet_line(line(excess, flow), 2500.0, 0.5)
    balance = run.drug_in_kg - run.drug_out_kg - run.drug_held_kg
    assert abs(balance) < 3e-5 * run.drug_in_kg
    assert run.outlet.max() <= run.inlet.max() + 1e-12


def test_a_flow_that_rises_in_proportion_leaves_the_content_alone():
    filler = Feeder("filler", 18.0, False, 100.0, 1.0, 0.1, 1e9)
    drug = Feeder("drug", 2.0, True, 100.0, 1.0, 0.1, 1e9)
    both = TabletLine((drug, filler), CHAIN, POWDER, PRESS)
    run = run_tablet_line(both, 390.0)
    np.testing.assert_allclose(run.outlet, both.target, rtol=1e-9)
    assert run.flow_kg_h[-1] == pytest.approx(22.0, rel=1e-6)


def test_powder_moves_by_the_mass_that_passes_and_not_by_the_clock():
    plug = (Vessel("pipe", 0.0, 1.0, 200.0),)
    # From 100 s on the drug is fed at double flow: the line then moves 10 % faster.
    drug = Feeder("drug", 2.0, True, 100.0, 1e-3, 1.0, 1e9)
    one = TabletLine((drug, Feeder("filler", 18.0)), plug, POWDER, PRESS)
    run = run_tablet_line(one, 299.0, 0.5)
    arrives = run.times[np.argmax(run.outlet > 1.5 * one.target)]
    assert arrives == pytest.approx(100 + 200 / 1.1, abs=1.0)


def test_what_is_out_of_its_limits_is_diverted_and_the_rest_kept():
    run = run_tablet_line(line(0.6, guard_s=5.0), 2500.0)
    target = line().target
    is_out = abs(run.outlet / target - 1) > 0.05
    assert is_out.any()
    assert not (run.is_kept & is_out).any()
    assert len(run.diverted) == 3
    assert 0 < run.diverted_share < 0.4
    assert run_tablet_line(line(0.0), 2500.0).diverted_share == 0
    dose = run.tablets.dose_mg[run.is_kept] / (target * run.tablets.weight_mg[0])
    assert (abs(dose - 1) <= 0.05).all()


def test_the_window_of_tracking_holds_the_disturbance_itself():
    window = window_behind(CHAIN, 100.0, 130.0, tail=0.001, step=0.1)
    pulse = np.where((np.arange(20_000) >= 1000) & (np.arange(20_000) < 1300), 1.0, 0.0)
    outlet = respond(CHAIN, pulse, 0.1, before=0.0)
    times = 0.1 * np.arange(20_000)
    inside = (times >= window.begin) & (times <= window.end)
    assert outlet[inside].sum() / outlet.sum() >= 0.998
    wider = window_behind(CHAIN, 100.0, 130.0, tail=1e-5, step=0.1)
    assert wider.begin < window.begin
    assert wider.end > window.end


def test_windows_join_and_missing_content_is_diverted():
    times = np.arange(10.0)
    values = np.array([1, 1, 2, 1, 1, 2, 1, 1, np.nan, 1.0])
    assert windows_outside(times, values, (0.9, 1.1)) == (
        Window(1.0, 3.0), Window(4.0, 6.0), Window(7.0, 9.0),
    )  # fmt: skip
    assert windows_outside(times, values, (0.9, 1.1), guard=0.6) == (Window(0.4, 9.0),)
    assert windows_outside(times, np.ones(10), (0.9, 1.1)) == ()


@pytest.mark.parametrize(
    "call",
    [
        lambda: Powder(1.5, 0.5, 0.6, 0.05, 200.0, 0.6),
        lambda: Powder(0.5, 1.5, 1.6, 0.05, 200.0, 0.6),
        lambda: Powder(0.5, 1.5, 0.6, 0.05, 200.0, 1.0),
        lambda: Press(8.0, 3.0, 4.0, 1000.0),
        lambda: relative_density(POWDER, -1.0),
        lambda: hardness(POWDER, 1.1),
        lambda: Feeder("drug", 0.0),
        lambda: Feeder("drug", 1.0, refill_every_s=10.0, refill_s=10.0),
        lambda: TabletLine((Feeder("filler", 1.0),), CHAIN, POWDER, PRESS),
        lambda: line(limits=(1.01, 1.05)),
        lambda: run_tablet_line(line(), 0.5, 1.0),
        lambda: window_behind(CHAIN, 2.0, 1.0),
    ],
)
def test_what_cannot_be_is_refused(call):
    with pytest.raises(DesignError):
        call()
