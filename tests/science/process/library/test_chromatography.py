"""Columns against semi-analytical references, exact moments, and conservation."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process import Recipe, simulate
from goldenbatch.science.process import recipe as recipes
from goldenbatch.science.process.library.chromatography import (
    Column,
    Grid,
    Langmuir,
    Linear,
    Particle,
    Section,
    StericMassAction,
    column_model,
    from_cadet,
    run,
)

SMA = StericMassAction.of(
    ka=(35.5, 1.59, 7.7), kd=(1000.0,) * 3, nu=(4.7, 5.29, 3.7), sigma=(11.83, 10.6, 10.0),
    capacity=1200.0,
)  # fmt: skip
NAMES = ("salt", "c1", "c2", "c3")
BENCH = {"length_m": 0.014, "velocity_m_s": 5.75e-4, "porosity": 0.37}
BEAD = {"porosity": 0.75, "radius_m": 4.5e-5, "film_m_s": (6.9e-6,)}
LWE = Column(
    NAMES, dispersion_m2_s=(5.75e-8,) * 4, initial=(50.0, 0.0, 0.0, 0.0),
    particles=(Particle(SMA, 0.75, 4.5e-5, (6.9e-6,) * 4),), **BENCH,
)  # fmt: skip
LOAD_WASH_ELUTE = (
    Section.steady(0.0, 10.0, (50.0, 1.0, 1.0, 1.0)),
    Section.steady(10.0, 90.0, (50.0, 0.0, 0.0, 0.0)),
    Section.gradient(90.0, 1500.0, (100.0, 0.0, 0.0, 0.0), (382.0, 0.0, 0.0, 0.0)),
)
PULSE = (Section.steady(0.0, 10.0, (1.0,)), Section.steady(10.0, 1500.0, (0.0,)))


def linear(**particle):
    bead = Particle(Linear.of(ka=(3.55,), kd=(0.1,)), **BEAD, **particle)
    return Column(("c",), dispersion_m2_s=(5.75e-8,), particles=(bead,), **BENCH)


def table(path):
    with path.open() as file:
        rows = list(csv.reader(file))
    return rows[0], np.array(rows[1:], dtype=float)


def test_lumped_rate_model_is_the_semi_analytical_one(real_data):
    folder = real_data("chromatography")
    config = json.loads((folder / "LRM_dynLin_1comp_benchmark1.json").read_text())
    _, rows = table(folder / "LRM_dynLin_1comp_benchmark1.csv")
    made = from_cadet(config).run(times_s=rows[:, 0])
    reference = np.interp(made.time_s, rows[:, 0], rows[:, 2])
    assert np.abs(made["c0"] - reference).max() < 0.001 * reference.max()
    assert made.balance.gap.max() < 1e-6


@pytest.mark.parametrize(
    ("particle", "grid", "at_s", "height"),
    [
        ({}, Grid(64), 377.0, 0.0253001),
        ({"pore_m2_s": (6.07e-11,)}, Grid(48, 16), 321.75, 0.0195316),
        ({"pore_m2_s": (6.07e-11,), "surface_m2_s": (5e-11,)}, Grid(48, 16), 350.25, 0.0209945),
    ],
)
def test_pores_and_shells_have_the_semi_analytical_peak(particle, grid, at_s, height):
    made = run(linear(**particle), PULSE, grid=grid, times_s=np.arange(0.0, 1500.1, 0.5))
    assert made["c"].max() == pytest.approx(height, rel=2e-3)
    assert made.time_s[made["c"].argmax()] == pytest.approx(at_s, abs=2.0)


def test_load_wash_elute_of_an_ion_exchanger(real_data):
    header, rows = table(real_data("chromatography") / "SMA_LWE_LRMP_FV128.csv")
    made = run(LWE, LOAD_WASH_ELUTE, grid=Grid(48), times_s=rows[:, 0])
    for name in NAMES[1:]:
        reference = rows[:, header.index(name)]
        mine = np.interp(rows[:, 0], made.time_s, made[name])
        assert mine.max() == pytest.approx(reference.max(), rel=5e-3), name
        assert np.abs(mine - reference).max() < 0.01 * reference.max(), name
    assert made.balance.gap.max() < 1e-5
    assert made.balance.left[1:] == pytest.approx(made.balance.fed[1:], rel=1e-3)


@settings(max_examples=6)
@given(
    ka=st.floats(0.05, 5.0), kd=st.floats(0.05, 5.0), film=st.floats(2e-6, 1e-4),
    pore=st.floats(5e-11, 1e-9), pores=st.floats(0.3, 0.9),
)  # fmt: skip
def test_retention_follows_from_equilibrium_alone(ka, kd, film, pore, pores):
    # Exact: no resistance to transfer moves the first moment of a breakthrough (Kucera 1965).
    bead = Particle(Linear.of(ka=(ka,), kd=(kd,)), pores, 4.5e-5, (film,), (pore,))
    column = Column(("c",), dispersion_m2_s=(5.75e-8,), particles=(bead,), **BENCH)
    retained = 1.0 + 0.63 / 0.37 * (pores + (1.0 - pores) * ka / kd)
    expected = column.residence_s * retained
    made = run(
        column, [Section.steady(0.0, 30.0 * expected, (1.0,))], grid=Grid(8, 3),
        times_s=np.linspace(0.0, 30.0 * expected, 1500),
    )  # fmt: skip
    assert made["c"][-1] == pytest.approx(1.0, abs=1e-3)
    assert np.trapezoid(1.0 - made["c"], made.time_s) == pytest.approx(expected, rel=2e-3)


def test_spreading_of_the_lumped_rate_model_is_exact():
    # Golshan-Shirazi and Guiochon 1992: dispersion and kinetics add to the second moment.
    L, u, D, eps, ka, kd = 0.1, 1e-3, 1e-6, 0.6, 0.5, 0.25
    column = Column(("c",), L, u, (D,), eps, (Particle(Linear.of(ka=(ka,), kd=(kd,))),))
    sections = [Section.steady(0.0, 1.0, (1.0,)), Section.steady(1.0, 2000.0, (0.0,))]
    made = run(column, sections, grid=Grid(128), times_s=np.linspace(0.0, 2000.0, 8001))
    F, K, t0, pe = (1 - eps) / eps, ka / kd, L / u, u * L / D
    mean = t0 * (1 + F * K) + 0.5
    axial = 2 * t0**2 * (1 + F * K) ** 2 / pe * (1 - (1 - np.exp(-pe)) / pe)
    variance = axial + 2 * t0 * F * K / kd + 1.0 / 12.0
    area = np.trapezoid(made["c"], made.time_s)
    found = np.trapezoid(made.time_s * made["c"], made.time_s) / area
    spread = np.trapezoid((made.time_s - found) ** 2 * made["c"], made.time_s) / area
    assert found == pytest.approx(mean, rel=5e-4)
    assert spread == pytest.approx(variance, rel=2e-3)


COLUMNS = {
    "lumped": Column(
        ("a", "b"), dispersion_m2_s=(1e-7,) * 2,
        particles=(Particle(Langmuir.of(ka=(0.1, 0.0), kd=(0.2, 0.0), qmax=(5.0, 0.0))),), **BENCH,
    ),
    "core-shell": Column(
        ("c",), dispersion_m2_s=(1e-7,), **BENCH,
        particles=(Particle(Linear.of(ka=(1.0,), kd=(0.5,)), **BEAD, pore_m2_s=(1e-10,),
                            surface_m2_s=(1e-11,), core_radius_m=2e-5),),
    ),
    "slabs and cylinders": Column(
        ("c",), dispersion_m2_s=(1e-7,), **BENCH,
        particles=(Particle(None, **BEAD, pore_m2_s=(1e-10,), shape="slab", fraction=0.25),
                   Particle(Linear.of(ka=(1.0,), kd=(0.5,)), **BEAD, shape="cylinder",
                            pore_m2_s=(1e-10,), fraction=0.75)),
    ),
    "two sites": Column(
        ("a", "b"), dispersion_m2_s=(1e-7,) * 2, **BENCH,
        particles=(Particle(
            Langmuir.two_sites(1, 2, ka=(1.0, 0.1), kd=(0.1, 0.1), qmax=(3.0, 6.0)),
            0.75, 4.5e-5, (6.9e-6,) * 2, (1e-10,) * 2),),
    ),
    "ion exchanger": replace(LWE, particles=(
        Particle(replace(SMA, capacity=12.0), 0.75, 4.5e-5, (6.9e-6,) * 4, (1e-10,) * 4,
                 (0.0, 1e-12, 1e-12, 1e-12)),
    )),
    "bare": Column(("c",), dispersion_m2_s=(1e-7,), **BENCH),
}  # fmt: skip


@pytest.mark.parametrize("name", COLUMNS)
def test_units_fit_and_nothing_is_lost_anywhere(name):
    model = column_model(COLUMNS[name], Grid(6, 3), checks_units=True)
    random = np.random.default_rng(7)
    for _ in range(3):
        x, u = random.uniform(0.0, 0.4, model.n_x), random.uniform(0.0, 2.0, model.n_u)
        found = model.law_functions(0.0, x, [], u, model.parameter_vector())
        _, rates, inflows = (np.array(one).ravel() for one in found)
        assert rates == pytest.approx(inflows, abs=1e-11 * max(1.0, np.abs(rates).max()))


def test_the_common_simulator_gives_the_same_outlet():
    column, grid = linear(), Grid(16)
    made = run(column, [Section.gradient(0.0, 300.0, (0.0,), (3.0,))], grid=grid)
    ramp = recipes.Linear((0.0, 300.0), (0.0, 3.0))
    simulation = simulate(
        column_model(column, grid), Recipe(duration=300.0, interval=50.0, inputs={"in_c": ramp})
    )
    assert simulation.is_complete, simulation.reason
    assert simulation["out_c"][-1] == pytest.approx(made["c"][-1], rel=1e-4)


def test_a_run_goes_on_from_the_state_of_another():
    column, grid, times = linear(), Grid(16), np.linspace(0.0, 600.0, 121)
    whole = run(column, [Section.steady(0.0, 600.0, (1.0,))], grid=grid, times_s=times)
    first = run(column, [Section.steady(0.0, 300.0, (1.0,))], grid=grid)
    second = run(column, [Section.steady(300.0, 600.0, (1.0,))], grid=grid, start=first.state)
    assert second["c"][-1] == pytest.approx(whole["c"][-1], rel=1e-4)


def test_the_usual_mistakes_are_named():
    with pytest.raises(DesignError, match="contradicts the flow"):
        replace(linear(), flow_m3_s=6e-5, cross_section_m2=2.8e-4)
    with pytest.raises(DesignError, match="no film transfer"):
        Column(("c",), dispersion_m2_s=(0.0,), particles=(Particle(pore_m2_s=(1e-10,)),), **BENCH)
    with pytest.raises(DesignError, match="fractions"):
        replace(linear(), particles=(Particle(fraction=0.5),))
    with pytest.raises(DesignError, match="film_m_s has 1 values"):
        replace(linear(), components=("a", "b"), dispersion_m2_s=(0.0, 0.0))
    with pytest.raises(DataError, match="section 0 ends at 10 s, section 1 starts at 20 s"):
        run(linear(), [PULSE[0], Section.steady(20.0, 30.0, (0.0,))])
    with pytest.raises(DataError, match="feeds 2 components"):
        run(linear(), [Section.steady(0.0, 10.0, (1.0, 1.0))])
    with pytest.raises(DataError, match="Ask within"):
        run(linear(), PULSE, times_s=[2000.0])
    with pytest.raises(DesignError, match="isotherm has 1 values of kd"):
        Linear.of(ka=(1.0, 1.0), kd=(1.0,))


def test_a_solver_that_gives_up_says_where():
    from goldenbatch.science.process.library.chromatography import Tolerance

    made = run(LWE, LOAD_WASH_ELUTE, grid=Grid(8), tolerance=Tolerance(max_steps=2))
    assert made.status == "failed"
    assert made.reason.startswith("section from ")
    assert made.time_s[-1] < 1500.0


def test_a_run_that_loses_matter_has_failed():
    from goldenbatch.science.process.library.chromatography import Tolerance

    loose = Tolerance(relative=0.5, absolute=0.5)
    made = run(linear(), PULSE, grid=Grid(16), tolerance=loose)
    assert made.balance.gap.max() > 1e-3
    assert made.status == "failed" and "of c is not accounted for" in made.reason


def test_without_resistance_the_three_models_are_one():
    total = 0.37 + 0.63 * 0.75
    binding = Linear.of(ka=(3.55,), kd=(0.1,))
    quick = {"porosity": 0.75, "radius_m": 4.5e-5, "film_m_s": (1.0,)}
    lumped = Column(
        ("c",), 0.014, 5.75e-4 * 0.37 / total, (5.75e-8 * 0.37 / total,), total,
        (Particle(binding),),
    )  # fmt: skip
    outlets = [run(lumped, PULSE, grid=Grid(32), times_s=np.arange(0.0, 1500.0, 5.0))["c"]]
    for pore in ((), (1e-4,)):
        bead = Particle(binding, **quick, pore_m2_s=pore)
        column = replace(linear(), particles=(bead,))
        made = run(column, PULSE, grid=Grid(32, 4), times_s=np.arange(0.0, 1500.0, 5.0))
        outlets.append(made["c"])
    peak = outlets[0].max()
    assert np.abs(outlets[1] - outlets[0]).max() < 5e-3 * peak
    assert np.abs(outlets[2] - outlets[1]).max() < 1e-3 * peak


def test_competition_for_sites_pushes_the_weaker_one_ahead():
    # Exact: amounts at equilibrium with the feed; the weaker one leaves above its feed first.
    ka, kd, qmax, feed = (2.0, 0.2), (1.0, 1.0), (10.0, 10.0), (1.0, 1.0)
    column = Column(
        ("strong", "weak"), dispersion_m2_s=(5.75e-8,) * 2, **BENCH,
        particles=(Particle(Langmuir.of(ka=ka, kd=kd, qmax=qmax)),),
    )  # fmt: skip
    made = run(
        column, [Section.steady(0.0, 600.0, feed)], grid=Grid(48), times_s=np.arange(0.0, 601.0)
    )
    assert made["weak"].max() > 1.15
    assert made["strong"].max() < 1.001
    sites = 1.0 + sum(a / d * c for a, d, c in zip(ka, kd, feed, strict=True))
    for index in (0, 1):
        bound = qmax[index] * ka[index] / kd[index] * feed[index] / sites
        held = 0.014 * (0.37 * feed[index] + 0.63 * bound)
        assert made.balance.end[index] == pytest.approx(held, rel=1e-3)
