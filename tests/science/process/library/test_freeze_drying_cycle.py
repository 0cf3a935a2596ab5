"""The real mannitol cycle, and synthetic ones of which the truth is known."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process.library.freeze_drying._sampler import SamplerSettings, sample
from goldenbatch.science.process.library.freeze_drying.containers import (
    Cake,
    Formulation,
    HeatTransfer,
    Vial,
    Vials,
)
from goldenbatch.science.process.library.freeze_drying.cycle import (
    Cycle,
    EndConvention,
    contact_lost_s,
    pirani_end,
    primary_of,
    primary_stage,
    settled_s,
)
from goldenbatch.science.process.library.freeze_drying.cycle_report import profile, report
from goldenbatch.science.process.library.freeze_drying.posterior import (
    Batch,
    Problem,
    fit_cycle,
    interval,
    traces_of,
)
from goldenbatch.science.process.library.freeze_drying.primary import Conditions, dry
from goldenbatch.science.process.library.freeze_drying.properties import TORR_Pa, kelvin
from goldenbatch.science.process.library.freeze_drying.schedule import Schedule

FEW = SamplerSettings(n_particles=200, n_moves=3, n_last_moves=8)
BATCH = Batch(Vial.iso("10R", 3.0), Formulation(50.0))
HOUR = 3600.0


@cache
def mannitol(folder: Path):
    """The log, read without the platform's parser: rows are even and complete."""
    path = folder / "2024-06-04-10_MFD_AH.csv"
    table = np.genfromtxt(
        path, delimiter=",", names=True, skip_header=6, dtype=None, encoding="utf-8"
    )
    clock = np.array([[int(x) for x in one.split(":")] for one in table["CycleTime"]])
    seconds = clock @ [3600, 60, 1]
    seconds = seconds + 86400 * np.concatenate([[0], np.cumsum(np.diff(seconds) < 0)])
    milli = TORR_Pa / 1000.0
    return Cycle(
        (seconds - seconds[0]).astype(float),
        kelvin(table["ShelfSetPT"]), kelvin(table["TShelfSurface"]),
        table["VacSetPT"] * milli, table["VacCPM"] * milli, table["VacPirani"] * milli,
        {name: kelvin(table[name]) for name in ("TP1", "TP2", "TP4")},
    )  # fmt: skip


@pytest.fixture(scope="module")
def cycle(real_data):
    return mannitol(real_data("freeze_drying"))


def test_primary_drying_is_found_from_set_points(cycle):
    stage = primary_stage(cycle)
    assert (stage.first, stage.last) == (521, 1789)  # the logger's own phase 4
    primary = primary_of(cycle, stage)
    assert primary.held_s / HOUR == pytest.approx(1.0, abs=0.25)
    assert len(primary.shelf_K.times_s) < 20


def test_pirani_onset_and_offset(cycle):
    primary = primary_of(cycle)
    end = pirani_end(primary.times_s, primary.ratio, from_s=primary.held_s)
    assert end.onset_s / HOUR == pytest.approx(18.66, abs=0.1)
    assert end.offset_s / HOUR == pytest.approx(20.59, abs=0.1)
    assert end.by(EndConvention.PIRANI_MIDPOINT) == pytest.approx((end.onset_s + end.offset_s) / 2)
    with pytest.raises(DataError, match="predict it"):
        end.by(EndConvention.MASS_FRACTION)


def test_loss_of_ice_contact(cycle):
    traces = traces_of(primary_of(cycle))
    lost = {one.name: one.lost_s / HOUR for one in traces}
    assert lost == pytest.approx({"TP1": 13.6, "TP2": 13.8, "TP4": 16.0}, abs=0.3)
    assert all(one.lost_s < one.settled_s < 20.6 * HOUR for one in traces)
    assert all(one.times_s[-1] < one.lost_s for one in traces)


FITS = {}


def fitted(cycle, names, **more):
    """A fit, kept for the tests that look at it from other sides."""
    key = (id(cycle), names, repr(more))
    return FITS.setdefault(key, None) or FITS.update({key: fit(cycle, names, **more)}) or FITS[key]


def fit(cycle, names, **more):
    primary = primary_of(cycle)
    problem = Problem(
        BATCH, Conditions(primary.shelf_K, primary.pressure_Pa), traces_of(primary, names), **more
    )
    return fit_cycle(problem, seed=20261123, settings=FEW)


@pytest.mark.parametrize(("pair", "third"), [(("TP1", "TP4"), "TP2"), (("TP2", "TP4"), "TP1")])
def test_two_thermocouples_predict_the_third_and_an_honest_end(cycle, pair, third):
    posterior = fitted(cycle, pair)
    unseen = traces_of(primary_of(cycle), (third,))[0]
    away = posterior.predict_K(unseen.times_s)["mean"] - unseen.bottom_K
    assert np.sqrt(np.mean(away**2)) <= 2.0
    end = posterior.end_s(level=0.95)
    assert end.lower / HOUR < 18.66
    assert end.upper / HOUR > 20.59
    assert end.width / HOUR <= 10.0
    found = posterior.parameters()
    assert found["Kv"].learnt < 0.97
    assert max(abs(one.correlation) for one in found.values()) > 0.6


def test_before_the_traces_settle_the_interval_is_wider_and_still_covers(cycle):
    early = fitted(cycle, ("TP1", "TP4"), settling_s=0.0)
    end = early.end_s()
    assert end.lower / HOUR < 18.66 < 20.59 < end.upper / HOUR
    assert end.width > fitted(cycle, ("TP1", "TP4")).end_s().width
    found = early.parameters()["Kv"]
    assert found.learnt < 0.85 and not found.is_identified
    assert found.correlation < -0.6


def test_with_the_pirani_gauge_the_end_lies_in_its_fall(cycle):
    primary = primary_of(cycle)
    fall = pirani_end(primary.times_s, primary.ratio, from_s=primary.held_s)
    posterior = fitted(cycle, ("TP1", "TP4"), pirani=fall)
    middle = interval(posterior.middle_vials().end_s, 0.95)
    assert 18.66 <= middle.median / HOUR <= 20.59
    assert 18.0 < middle.lower / HOUR and middle.upper / HOUR < 21.2
    assert 18.66 <= posterior.end_s().median / HOUR <= 20.59
    assert posterior.parameters()["Kv"].is_identified


def test_the_report_says_what_it_does_not_know(cycle):
    primary = primary_of(cycle)
    fall = pirani_end(primary.times_s, primary.ratio, from_s=primary.held_s)
    early = fitted(cycle, ("TP1", "TP4"), settling_s=0.0)
    made = report(early, measured=fall, convention=EndConvention.PIRANI_MIDPOINT)
    text = "\n".join(made.lines)
    assert "One cycle is a demonstration, not coverage" in text
    assert "covered by the interval" in text and "NOT covered" not in text
    assert "Kv" in text and "NOT identified by these data" in text
    assert "Measured by pirani-midpoint: 19.6" in text
    assert "seed 20261123" in text
    middle = made.profile.fall[3:7]  # 12 to 19 W/m2/K: the temperatures cannot tell them apart
    assert middle.max() < 1.92
    with pytest.raises(DesignError, match="'Rp'"):
        profile(early, "Rp")


def test_profile_of_a_parameter_that_the_data_fix_is_steep(cycle):
    made = profile(fitted(cycle, ("TP1", "TP4")), "A1", n_values=5)
    assert made.is_bounded
    assert made.fall.min() == 0.0


def synthetic(seed=0, noise=0.05):
    """A cycle with a known middle vial, three others and a Pirani gauge that follows the load."""
    rng = np.random.default_rng(seed)
    shelf = Schedule.ramps(233.15, [(263.15, 60.0)], rate_per_min=0.5)
    conditions = Conditions(shelf, Schedule.hold(0.1 * TORR_Pa))
    spread = np.exp(0.1 * rng.standard_normal((2, 3)))
    cake, heat = Cake.pikal(0.8 * spread[0], 18.0 * spread[0], 1.0), HeatTransfer(14.0 * spread[1])
    run = dry(Vials.of(BATCH.vial, BATCH.formulation, cake, heat), conditions)
    times = np.arange(0.0, 40.0 * HOUR, 60.0)
    state = run.at(times)
    late = np.maximum(times[:, None] - 0.85 * run.end_s, 0.0)
    warm = 1.0 - np.exp(-late / 5000.0)
    product = np.where(warm > 0, (1 - warm) * state.bottom_K + warm * 264.0, state.bottom_K)
    product = np.minimum(product, 264.0) + noise * rng.standard_normal(product.shape)
    vapour = np.minimum(state.flux_kg_m2_s.sum(axis=1) / state.flux_kg_m2_s[600].sum() * 3, 1.0)
    vacuum = np.full(len(times), 0.1 * TORR_Pa)
    cycle = Cycle(
        times, np.concatenate([shelf.at(times[:-1]), [300.0]]), shelf.at(times), vacuum, vacuum,
        vacuum * (1.0 + 0.6 * vapour), {f"TC{i}": product[:, i] for i in range(3)},
    )  # fmt: skip
    middle = Vials.of(BATCH.vial, BATCH.formulation, Cake.pikal(0.8, 18.0, 1.0), HeatTransfer(14.0))
    return cycle, float(dry(middle, conditions).end_s[0])


def test_a_known_end_is_covered():
    cycle, truth = synthetic(seed=4)
    end = fitted(cycle, ("TC0", "TC1")).end_s()
    assert end.lower < truth < end.upper


def test_disturbed_pressure_and_coarse_rows_find_the_same_drying():
    cycle, _ = synthetic()
    plain = primary_stage(cycle)
    rng = np.random.default_rng(3)
    spikes = np.where(rng.uniform(size=len(cycle.times_s)) < 0.05, 1.6, 1.0)
    rough = replace(
        cycle, pressure_Pa=cycle.pressure_Pa * spikes,
        shelf_set_K=cycle.shelf_set_K + 0.05 * rng.standard_normal(len(cycle.times_s)),
    )  # fmt: skip
    found = primary_stage(rough)
    assert abs(found.held - plain.held) < 10
    assert found.last == plain.last
    every = {name: values[::5] for name, values in cycle.product_K.items()}
    columns = (getattr(cycle, name)[::5] for name in Cycle.__slots__[:-1])
    coarse = traces_of(primary_of(Cycle(*columns, every)))
    fine = traces_of(primary_of(cycle))
    for one, other in zip(coarse, fine, strict=True):
        assert one.lost_s == pytest.approx(other.lost_s, abs=1200.0)
        assert one.settled_s == pytest.approx(other.settled_s, abs=1200.0)


def test_a_log_without_vacuum_or_end_is_refused():
    cycle, _ = synthetic()
    flat = Cycle(
        cycle.times_s, cycle.shelf_set_K, cycle.shelf_K, 0.0 * cycle.pressure_set_Pa,
        cycle.pressure_Pa, cycle.pirani_Pa, cycle.product_K,
    )  # fmt: skip
    with pytest.raises(DataError, match="no vacuum was held"):
        primary_stage(flat)
    with pytest.raises(DataError, match="does not fall"):
        pirani_end(cycle.times_s[:600], (cycle.pirani_Pa / cycle.pressure_Pa)[:600])
    with pytest.raises(DataError, match="no thermocouple is called 'TC9'"):
        traces_of(primary_of(cycle), ("TC9",))
    with pytest.raises(DataError, match="at least one"):
        fit_cycle(Problem(BATCH, Conditions(cycle.shelf_K, cycle.pressure_Pa), ()), seed=1)
    with pytest.raises(DataError, match="rows of a log"):
        settled_s(cycle.times_s[:30], cycle.shelf_K[:30], 0.0)


@given(st.floats(4.0, 15.0), st.floats(2.0, 15.0), st.integers(0, 1000))
def test_loss_of_contact_is_found_where_the_slope_rises(at_h, kelvin_per_h, seed):
    times = np.arange(0.0, 20.0 * HOUR, 60.0)
    slow = 240.0 + 4.0 * (1.0 - np.exp(-times / (3.0 * HOUR)))
    after = np.maximum(times - at_h * HOUR, 0.0) * kelvin_per_h / HOUR
    noise = 0.05 * np.random.default_rng(seed).standard_normal(len(times))
    product = np.minimum(slow + after, 262.0) + noise
    assert contact_lost_s(times, product, 0.0) / HOUR == pytest.approx(at_h, abs=0.6)
    assert np.isnan(contact_lost_s(times, slow + noise, 0.0))


def test_sampler_finds_a_known_posterior():
    """Normal prior, normal likelihood: mean 0.8 y and variance 0.2, evidence in closed form."""
    given_values = np.array([1.0, -0.5])

    def likelihood(particles):
        squares = ((particles - given_values) ** 2).sum(axis=1) / 0.25
        return -0.5 * squares - np.log(2 * np.pi * 0.25)

    drawn = sample(likelihood, 2, 7, SamplerSettings(n_particles=4000))
    assert drawn.particles.mean(axis=0) == pytest.approx(0.8 * given_values, abs=0.04)
    assert drawn.particles.var(axis=0) == pytest.approx([0.2, 0.2], abs=0.03)
    exact = -0.5 * (given_values**2).sum() / 1.25 - np.log(2 * np.pi * 1.25)
    assert drawn.log_evidence == pytest.approx(exact, abs=0.1)
    again = sample(likelihood, 2, 7, SamplerSettings(n_particles=4000))
    assert (again.particles == drawn.particles).all()
    with pytest.raises(DataError, match="no draw from the prior"):
        sample(lambda p: np.full(len(p), -np.inf), 2, 1, FEW)
