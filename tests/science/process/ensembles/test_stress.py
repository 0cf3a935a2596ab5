"""Stress tests: every standard fault does what its name says, and margins are exact."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from goldenbatch.science.errors import DesignError
from goldenbatch.science.process import ModelRef, Pid, Recipe, simulate
from goldenbatch.science.process.ensembles import Criterion, Figure, Members, Study
from goldenbatch.science.process.ensembles.contamination import contaminated, contaminated_ref
from goldenbatch.science.process.ensembles.hazards import Hazard, Roles, roles_of, standard_faults
from goldenbatch.science.process.ensembles.stress import stress_test
from goldenbatch.science.process.faults import MixedUp, Offset
from goldenbatch.science.process.library.mammalian import default_recipe

from . import _models

REF = ModelRef.of(f"{_models.__name__}:culture")
PID = Pid(
    "TC", "temperature", "coolant", 36.85, gain=-2.0, integral_time=1.0, high=10.0, interval=0.5
)
RECIPE = Recipe(24.0, 0.5, inputs={"feed": 0.05, "salts": 0.02, "stirrer": 1.0}, controllers=(PID,))
CRITERIA = (
    Criterion(Figure.final("biomass"), lower=5.0, name="biomass"),
    Criterion(Figure.maximum("T"), upper="314 K", name="temperature"),
)
ROLES = Roles(
    cooling=("coolant",), powered=("stirrer", "coolant"), feeds=("feed", "salts"),
    strengths=("S_in",),
)  # fmt: skip


@pytest.fixture(scope="module")
def report():
    study = Study(REF, RECIPE, criteria=CRITERIA)
    hazards = standard_faults(REF.load(), RECIPE, roles=ROLES, at=8.0)
    members = Members.spread(REF.load(), 6, seed=1)
    return stress_test(study, hazards, members=members, n_scan=3, precision=0.05)


def test_the_standard_faults_follow_from_what_is_declared() -> None:
    kinds = {one.kind for one in standard_faults(REF.load(), RECIPE, roles=ROLES)}
    assert kinds == {"sensor drift", "stuck closed", "stuck open", "cooling loss", "power dip",
                     "feed strength", "feed mix-up"}  # fmt: skip
    guessed = roles_of(REF.load())
    assert guessed.cooling == ("coolant",)
    assert guessed.powered == ("stirrer",)
    assert guessed.feeds == ("feed", "salts")
    assert guessed.strengths == ("S_in",)
    cho = ModelRef.of("goldenbatch.science.process.library.mammalian:fed_batch").load()
    assert roles_of(cho).strengths == ("G_in", "Gn_in")
    assert roles_of(cho).feeds == ("F",)
    fault = standard_faults(cho, default_recipe(), roles=Roles(strengths=("G_in",)))[-1]
    assert fault.name == "G_in too strong"
    assert fault.fault(0.5).applied(200.0, {"G_in": 400.0}) == {"G_in": 600.0}
    carried = standard_faults(REF.load(), RECIPE, roles=Roles(carried=(("mu_max", 0.5),)))
    assert carried[-1].kind == "contamination"
    assert carried[-1].fault(1.0).parameters(9.0, {"mu_max": 2.0}) == {"mu_max": 1.0}


def test_margins_are_distances_to_the_limits(report) -> None:
    run = simulate(REF.load(), RECIPE)
    biomass, temperature = report.baseline
    assert biomass.distance == pytest.approx(run.final("biomass") - 5.0)
    assert temperature.distance == pytest.approx(314.0 - run["T"].max())
    assert biomass.unit == "g/L"
    assert biomass.distance > 0.0
    assert biomass.in_sd > 0.0
    assert np.isfinite(temperature.in_sd)


def test_each_fault_breaks_what_it_must(report) -> None:
    rows = {one.hazard: one for one in report.rows}
    assert report.broken_without == ()
    assert "temperature" in rows["coolant lost"].broken
    assert "biomass" in rows["stirrer stuck closed"].broken
    assert rows["S_in too weak"].margins[0].distance < report.baseline[0].distance
    assert rows["S_in too strong"].breaks_at is None
    # The jacket heats to 40 degC when the sensor reads 20 noises too low or high: 2 K, not 4.
    assert rows["temperature reads low"].margins[1].distance > 0.0
    for one in report.rows:
        if one.breaks_at is not None:
            assert one.holds_at is not None
            assert one.holds_at < one.breaks_at <= one.worst
    shares = [one.breaks_at / one.worst for one in report.ranked()]
    assert shares == sorted(shares)
    assert report.to_arrow().num_rows == 2 * len(report.rows)


def test_the_smallest_severity_is_where_the_limit_is(report) -> None:
    row = next(one for one in report.rows if one.hazard == "coolant lost")
    hazard = next(
        one for one in standard_faults(REF.load(), RECIPE, roles=ROLES, at=8.0)
        if one.name == row.hazard
    )  # fmt: skip
    for severity, holds in ((row.holds_at, True), (row.breaks_at, False)):
        recipe = Recipe(
            24.0, 0.5, inputs=RECIPE.inputs, controllers=(PID,), faults=(hazard.fault(severity),)
        )
        run = simulate(REF.load(), recipe)
        assert bool(run["T"].max() <= 314.0 and run.final("biomass") >= 5.0) is holds


def test_a_contaminant_starves_the_culture_and_carbon_is_kept() -> None:
    plain = REF.load()
    ref = contaminated_ref(REF, "S", volume="V", doubling_h=1.0)
    model = ref.load()
    recipe = Recipe(24.0, 0.5, inputs={"feed": 0.05}, controllers=(PID,))
    clean = simulate(model, recipe)
    assert clean.final("X") == pytest.approx(simulate(plain, recipe).final("X"), rel=1e-4)
    study = Study(ref, recipe, criteria=(Criterion(Figure.final("X"), lower=5.0, name="X"),))
    hazards = [one for one in standard_faults(model, recipe, at=4.0) if one.kind == "contamination"]
    found = stress_test(study, hazards, n_scan=3, precision=0.05).rows[0]
    assert found.breaks == ("X",)
    assert hazards[0].harmless < found.breaks_at < found.worst
    # Without one it stays at nothing, however long a rounding error has to grow.
    assert np.abs(clean["contaminant"]).max() < 1e-15
    # The law: what it took is a loss, symbolically, at any point.
    x, p = [4.0, 3.0, 1.5, 309.0, 0.7], model.parameter_vector()
    _, rates, inflows = model.law_functions(1.0, x, [], [0.1, 0.0, 0.0, 1.0], p)
    assert np.array(rates) == pytest.approx(np.array(inflows), rel=1e-12)
    assert pickle.loads(pickle.dumps(ref)) == ref


def test_what_cannot_be_contaminated_is_refused() -> None:
    with pytest.raises(DesignError, match="no scalar state"):
        contaminated(target=REF.target, substrate="Z")
    with pytest.raises(DesignError, match="doubles in"):
        contaminated(target=REF.target, substrate="S", doubling_h=0.0)
    with pytest.raises(DesignError, match="needs criteria"):
        stress_test(Study(REF, RECIPE), ())
    with pytest.raises(DesignError, match="both positive"):
        Hazard("h", "power dip", "h", 0.0, 1.0, lambda s: None, is_log=True)


def test_an_offset_and_a_mix_up_reach_the_process_while_they_last() -> None:
    inputs = {"feed": 0.4, "salts": 0.1}
    offset = Offset(start=1.0, end=2.0, input="feed", by=0.2)
    assert offset.applied(1.5, inputs) == {"feed": pytest.approx(0.6), "salts": 0.1}
    assert offset.applied(2.0, inputs) is inputs
    mixed = MixedUp(start=1.0, one="feed", other="salts", share=0.5)
    assert mixed.applied(3.0, inputs) == {"feed": 0.25, "salts": 0.25}
    assert mixed.applied(0.0, inputs) is inputs
    assert mixed.name == "feed and salts mixed up"
    assert offset.name == "feed off by 0.2"


def test_a_run_that_ends_without_any_fault_is_said() -> None:
    recipe = Recipe(24.0, 1.0, inputs={"feed": 0.5, "salts": 0.5})
    criteria = (Criterion(Figure.final("biomass"), lower=0.1, name="biomass"),)
    found = stress_test(Study(REF, recipe, criteria=criteria), ())
    assert found.broken_without[0].startswith("overflow at 15 h")
