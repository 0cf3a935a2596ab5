"""CHO fed-batch for control studies: what makes it hard is there, and its loops hold."""

from __future__ import annotations

import numpy as np
import pytest

from goldenbatch.science.process import Recipe, simulate
from goldenbatch.science.process.faults import Stuck, Weakened
from goldenbatch.science.process.library.mab import (
    SHIFTED_K,
    controllers,
    fed_batch,
    glucose_loop,
    platform,
)
from goldenbatch.science.process.posterior import prior

MODEL = fed_batch()
WARM, COLD = simulate(MODEL, platform(shift_at=None)), simulate(MODEL, platform())


def test_lactate_rises_while_cells_grow_and_is_eaten_after() -> None:
    top = int(np.argmax(COLD["lactate"]))
    assert 72.0 <= COLD.time[top] <= 192.0 and 6.0 < COLD["lactate"][top] < 30.0
    assert COLD.final("lactate") < 0.2 * COLD["lactate"][top]


def test_the_temperature_shift_trades_growth_for_antibody_and_viability() -> None:
    assert COLD.final("T") == pytest.approx(SHIFTED_K, abs=0.01)
    after = COLD.time.searchsorted(144.0)
    assert COLD["Xv"][after] < WARM["Xv"][after]
    assert COLD.final("titre") > 1.03 * WARM.final("titre")
    assert COLD.final("viability") > WARM.final("viability")
    assert 2.0 < COLD.final("titre") < 6.0 and 5.0 < COLD["Xv"].max() < 25.0


def test_the_loops_hold_oxygen_and_acidity() -> None:
    late = COLD.time > 48.0
    assert np.abs(COLD["DO"][late] - 40.0).max() < 10.0
    assert np.abs(COLD["pH"][late] - 7.05).max() < 0.12
    assert np.abs(COLD["glucose"][COLD.time > 192.0] - 20.0).max() < 8.0


def test_assays_come_late_and_seldom() -> None:
    run = simulate(MODEL, platform(days=3), seed=3)
    assert np.isfinite(run.measured["titre"]).sum() == 4
    assert np.isfinite(run.measured["pH"]).all()
    assert {one.name: one.delay for one in MODEL.outputs}["titre"] == 24.0


def test_base_and_gas_move_acidity_the_right_way() -> None:
    def ends(**inputs: float) -> float:
        return simulate(MODEL, Recipe(6.0, 3.0, inputs)).final("pH")

    plain = ends(y_CO2=0.05)
    assert ends(y_CO2=0.10) < plain - 0.1 and ends(y_CO2=0.05, F_base=0.005) > plain + 0.1


def test_faults_show_where_they_should() -> None:
    dip = Weakened(start=72.0, end=74.0, inputs=("y_O2", "y_CO2"), factor=0.0, what="power dip")
    recipe = platform(days=5)
    run = simulate(MODEL, Recipe(120.0, 0.5, recipe.inputs, recipe.events, controllers(), (dip,)))
    inside = (run.time > 72.5) & (run.time <= 74.0)
    assert run["DO"][inside].max() < 10.0 and run.final("DO") == pytest.approx(40.0, abs=8.0)
    hot = simulate(MODEL, Recipe(48.0, 0.5, faults=(Stuck(input="T_set", value=312.65),)))
    assert hot.is_extrapolated
    assert hot.final("viability") < simulate(MODEL, Recipe(48.0, 0.5)).final("viability") - 5.0


def test_uncertain_parameters_give_a_spread_of_titres() -> None:
    draws = prior(MODEL, 6, seed=1)
    titres = [
        simulate(MODEL, platform(days=7, interval=1.0), parameters=draws.member(row)[0])
        for row in range(6)
    ]
    ends = [run.final("titre") for run in titres]
    assert all(run.status != "failed" for run in titres) and max(ends) > 1.15 * min(ends)


def test_a_glucose_loop_on_a_late_assay_is_a_controller_of_the_recipe() -> None:
    assert glucose_loop(15.0).set_point == 15.0
    assert len(platform(loops=()).controllers) == 0
    assert platform(days=2, shift_at=120.0).events == ()
