"""The penicillin twin beside the published simulator, its modes, records, events and refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.science.process.library._indpensim import read_capture

from goldenbatch.science.errors import DataError
from goldenbatch.science.process import Settings, simulate
from goldenbatch.science.process.library.penicillin import (
    UNITS,
    Capture,
    Plan,
    batch,
    capture,
    columns,
    draw,
    model,
    nominal,
    recipe,
    replay,
    yields,
)
from goldenbatch.science.process.library.penicillin.comparison import compared, plan_of
from goldenbatch.science.process.library.penicillin.twin import Floors
from goldenbatch.science.process.library.penicillin.variables import INDEX


@pytest.mark.parametrize(
    ("seed", "final", "total"),
    [(42, 25.385, 2915.6), (203, 11.694, 1777.6), (401, 28.708, 3395.8)],
)
def test_the_compatible_mode_is_the_published_simulator(
    real_data, seed: int, final: float, total: float
) -> None:
    found = replay(read_capture(real_data("indpensim"), seed))
    assert found.status == "complete"
    assert found.is_within
    assert found.product_percent < 0.05 and found.volume_percent < 0.02
    assert found.final_p == pytest.approx((final, final), abs=0.006)
    assert found.total_kg == pytest.approx((total, total), abs=1.0)
    assert all(found.errors_percent[name] < 2.0 for name in ("X", "S", "T", "pH", "DO2", "PAA")
               if name in found.errors_percent)  # fmt: skip


def test_a_replay_tells_a_twin_that_is_wrong(real_data) -> None:
    right = read_capture(real_data("indpensim"), 401)
    start = replace(right.start, length_h=60.0)
    wrong = replace(start, parameters={**start.parameters, "mu_p": 1.02 * start.parameters["mu_p"]})
    record = {name: column[:300] for name, column in right.record.items()}
    assert replay(Capture(start, right.plan, record)).is_within
    found = replay(Capture(wrong, right.plan, record))
    assert not found.is_within
    assert found.product_percent == pytest.approx(2.0, abs=0.5)


def test_a_trajectory_of_another_length_is_refused(real_data) -> None:
    right = read_capture(real_data("indpensim"), 401)
    start = replace(right.start, length_h=2.0)
    with pytest.raises(DataError, match="for 10 intervals"):
        replay(Capture(start, right.plan, right.record))
    short = {name: column[:10] for name, column in right.record.items()}
    failed = replace(batch(start), status="failed", reason="for want of trying")
    found = compared(Capture(start, right.plan, short), failed)
    assert found.product_percent == float("inf") and not found.is_within


def test_what_cannot_be_replayed_is_refused() -> None:
    assert plan_of({"Raman_spec": 2}).holds_paa and not plan_of({"Raman_spec": 1}).holds_paa
    with pytest.raises(DataError, match="Inhib is 1"):
        plan_of({"Inhib": 1})
    with pytest.raises(DataError, match="random moves"):
        plan_of({"PRBS": 1})
    with pytest.raises(DataError, match="no x0"):
        capture({}, {})


def test_a_tighter_solver_changes_little() -> None:
    start = draw(3)
    start = replace(start, length_h=50.0)
    usual = columns(batch(start))
    tight = columns(batch(start, settings=Settings(rtol=1e-8, atol=1e-10)))
    assert np.abs(usual["P"] - tight["P"]).max() < 1e-3 * tight["P"].max()


def test_the_corrected_mode_holds_its_set_points_and_needs_no_floors() -> None:
    start = replace(draw(4), length_h=40.0)
    runs = {mode: batch(start, mode=mode) for mode in ("compatible", "corrected")}
    kept = {mode: columns(run) for mode, run in runs.items()}
    assert kept["compatible"]["P"].min() > 0.0
    assert runs["compatible"]["P"][1] == 0.001, "the published floor"
    assert runs["corrected"]["P"][1] < 0.001
    assert not runs["corrected"].notes
    spread = {mode: np.abs(record["T"][50:] - 298.0).max() for mode, record in kept.items()}
    assert spread["corrected"] < spread["compatible"]


def test_a_sensor_fault_moves_the_process_and_not_what_is_shown() -> None:
    start = replace(nominal(), length_h=180.0)
    run = batch(start, fault=8, mode="corrected")
    shown, true = run.measured["pH"][-100:], run["pH"][-100:]
    assert np.mean(shown) == pytest.approx(6.5, abs=0.02)
    assert np.mean(true) == pytest.approx(6.6, abs=0.02)


def test_columns_and_yields_are_those_of_the_plant() -> None:
    start = replace(nominal(), length_h=110.0)
    run = batch(start)
    record = columns(run)
    assert set(record) == set(UNITS)
    assert {len(column) for column in record.values()} == {550}
    assert record["time_h"][[0, -1]] == pytest.approx([0.2, 110.0])
    assert record["Fs"][14] == 8.0 and record["Fs"][15] == 15.0
    published, right = yields(record), yields(record, "corrected")
    drawn_off = 4000.0 * 0.2 * record["P"][500:510].sum() / 1000.0
    assert published.harvested == pytest.approx(drawn_off)
    assert 1.08 < published.harvested / right.harvested < 1.2
    assert published.at_end == pytest.approx(run.final("product"))
    with pytest.raises(DataError, match="lacks V"):
        yields({"P": record["P"]})


def test_the_laboratory_answers_twice_a_day() -> None:
    run = batch(replace(nominal(), length_h=25.0), seed=1)
    assays = run.measured["P_offline"]
    assert np.flatnonzero(np.isfinite(assays)).tolist() == [0, 60, 120]


def test_a_vessel_that_is_never_harvested_overflows_by_name() -> None:
    start = replace(nominal(), length_h=60.0)
    begun = {**start.states(), "V": 97000.0}
    run = simulate(model(), recipe(start), initial=begun)
    assert run.status == "stopped"
    assert "overflow" in run.reason
    assert run.final("V") == pytest.approx(1e5, rel=1e-4)


def test_impossible_batches_are_refused_before_they_run() -> None:
    with pytest.raises(DataError, match="no fault 12"):
        batch(nominal(), fault=12)
    start = nominal()
    with pytest.raises(DataError, match="'V' is -5"):
        batch(replace(start, initial={**start.initial, "V": -5.0}))


def test_floors_leave_small_positive_values_alone() -> None:
    x = np.full(33, 1e-20)
    x[INDEX["DO2"]], x[INDEX["P"]], x[INDEX["mu_P_calc"]] = 1.9, -1e-9, -1.0
    floored = Floors()(0.0, x)
    assert floored[INDEX["DO2"]] == 1.0
    assert floored[INDEX["P"]] == 0.001
    assert floored[INDEX["mu_P_calc"]] == -1.0
    assert floored[INDEX["S"]] == 1e-20


def test_the_acid_loop_holds_what_the_recipe_does_not() -> None:
    start = replace(nominal(), length_h=60.0)
    by_recipe = columns(batch(start))["PAA"][200:]
    held = columns(batch(start, plan=Plan(holds_paa=True)))["PAA"][200:]
    assert np.abs(held - 1200.0).max() < 60.0
    assert np.abs(by_recipe - 1200.0).max() > 100.0
