"""The plant's loops: recipe tables, controllers with and without their published faults, upsets."""

from __future__ import annotations

import pytest

from goldenbatch.science.errors import DataError
from goldenbatch.science.process.library.penicillin import FAULTS, control, tables, upsets
from goldenbatch.science.process.library.penicillin.constants import SAMPLE_H
from goldenbatch.science.process.library.penicillin.control import BASE, Memory, Seen, SetPoints
from goldenbatch.science.process.library.penicillin.modes import Corrections
from goldenbatch.science.process.library.penicillin.plant_control import (
    PlantControl,
    operator_moves,
)
from goldenbatch.science.process.recipe import value_at

RIGHT = Corrections(ph_set_point=True, heating_previous=True, coolant_shut=True)
SEEN = {"pH": 6.5, "temperature": 298.0, "PAA": 1300.0, "paa_signal": 1250.0, "growth": 0.02}
INPUTS = {"Fs": 8.0, "Fpaa": 5.0, "distMuX": 0.0}


def held(table: str, number: int) -> float:
    profile = tables.steps(tables.TABLES[table])
    return value_at(profile, [float(v) for v in profile.values], round((number - 1) * SAMPLE_H, 12))


@pytest.mark.parametrize(
    ("name", "number", "value"),
    [("Fs", 15, 8), ("Fs", 16, 15), ("Fs", 400, 116), ("Fs", 401, 90), ("Fs", 1200, 80),
     ("pressure", 62, 0.6), ("pressure", 63, 0.7), ("Fremoved", 500, 0.0),
     ("Fremoved", 501, -4000.0), ("Fremoved", 510, -4000.0), ("Fremoved", 511, 0.0),
     ("Fpaa", 25, 5), ("Fpaa", 26, 0), ("Foil", 401, 23), ("Fw", 375, 500), ("Fg", 1001, 65)],
)  # fmt: skip
def test_the_tables_hold_up_to_and_with_their_interval(
    name: str, number: int, value: float
) -> None:
    assert held(name, number) == value


def test_a_pid_step_by_hand() -> None:
    # 0.08 * (0.02 - 0.01 + 0.02 * 0.2 / 4e-5 - 8 / 0.2 * (6.48 - 2 * 6.49 + 6.5))
    by_hand = 0.08 * (0.01 + 100.0 - 40.0 * 0.0)
    assert BASE.command(1.0, (0.02, 0.01), (6.48, 6.49, 6.50)) == pytest.approx(1.0 + by_hand)
    assert BASE.command(1.0, (-1.0, 0.0), (7.5, 6.5, 6.5)) == 0.0
    assert BASE.command(1.0, (9.0, 0.0), (0.0, 0.0, 0.0)) == 225.0


def test_the_start_is_not_remembered() -> None:
    first, used = Seen().with_new(6.6, is_first=True)
    assert (first, used) == (Seen(), (6.6, 6.6, 6.6))
    second, used = first.with_new(6.5, is_first=False)
    assert used == (6.5, 6.5, 6.5)
    assert second.with_new(6.4, is_first=False)[1] == (6.4, 6.5, 6.5)


def test_the_published_ph_error_lacks_its_set_point() -> None:
    memory = Memory(ph=Seen((6.5, 6.5)), flows={"Fb": 10.0})
    steady = (6.5, 6.5, 6.5)
    _, right = control.acid_and_base(memory, steady, 0.0, 6.5, RIGHT)
    _, published = control.acid_and_base(memory, steady, 0.0, 6.5, Corrections())
    assert right == 10.0
    assert published == pytest.approx(10.0 + 0.08 * 6.5)


def test_acid_is_given_and_base_washed_out_when_the_broth_is_basic() -> None:
    memory = Memory(ph=Seen((6.7, 6.7)), flows={"Fb": 10.0})
    acid, base = control.acid_and_base(memory, (6.7, 6.7, 6.7), 0.0, 6.5, RIGHT)
    assert base == 5.0
    assert acid == 0.0, "the incremental law acts against its sign, as published"


def test_heating_starts_from_the_coolant_only_as_published() -> None:
    memory = Memory(flows={"Fc": 100.0, "Fh": 7.0})
    cold = (297.9, 297.9, 297.9)
    coolant, heating = control.cooling_and_heating(memory, cold, 0.0, 298.0, Corrections())
    assert (coolant, heating) == pytest.approx((30.0, 100.0 + 50.0 * 0.1 * 0.2 / 0.05))
    coolant, heating = control.cooling_and_heating(memory, cold, 0.0, 298.0, RIGHT)
    assert (coolant, heating) == pytest.approx((1e-4, 7.0 + 50.0 * 0.1 * 0.2 / 0.05))


def test_growth_is_lost_after_63_falls_of_64() -> None:
    memory = Memory()
    for count in range(64):
        memory = control.exhausted(memory, 0.08 - 1e-4 * count)
    assert memory.mu_x is None
    memory = control.exhausted(memory, 0.08 - 64e-4)
    assert memory.mu_x == pytest.approx((0.08 - 64e-4) * 5)
    kept = PlantControl(Corrections(growth_kept=True)).step(memory, 20.0, SEEN, INPUTS)[0]
    assert kept.growth == memory.growth
    given = PlantControl(Corrections(), mu_x=0.41).step(memory, 20.0, SEEN, INPUTS)[1]
    assert given["distMuX"] == pytest.approx(SEEN["growth"] * 5 - 0.41), "one more fall"


def test_the_acid_loop_looks_at_the_truth_as_published_and_at_the_signal_when_right() -> None:
    def fed(corrected: Corrections, signal: tuple[float, ...] | None = None) -> float:
        loops = PlantControl(corrected, SetPoints(paa=1200.0), paa_signal=signal)
        memory = Memory(paa=Seen((1300.0,)), flows={"Fpaa": 50.0})
        return loops.step(memory, 10.0, SEEN, INPUTS)[1]["Fpaa"]

    assert fed(Corrections()) == pytest.approx(50.0 - 0.1 * 100.0 * 0.4)
    assert fed(Corrections(paa_signal=True)) == pytest.approx(50.0 + 0.1 * (50.0 - 50.0 * 0.4))
    assert fed(Corrections(), (1200.0,) * 60) == pytest.approx(50.0 + 0.1 * 100.0)
    early = PlantControl(Corrections(), SetPoints(paa=1200.0)).step(Memory(), 0.0, SEEN, INPUTS)
    assert early[1]["Fpaa"] == INPUTS["Fpaa"]


def test_the_operator_moves_from_what_was_given() -> None:
    moves = operator_moves(1150, 3)
    assert moves == operator_moves(1150, 3)
    assert {abs(sugar) for sugar, _ in moves.values()} <= {0.0, 15.0}
    loops = PlantControl(Corrections(), moves={600: (15.0, -1.0)})
    memory = Memory(flows={"Fs": 90.0, "Fpaa": 10.0})
    given = loops.step(memory, round(599 * SAMPLE_H, 12), SEEN, INPUTS)[1]
    assert (given["Fs"], given["Fpaa"]) == (105.0, 9.0)
    given = loops.step(memory, round(474 * SAMPLE_H, 12), SEEN, INPUTS)[1]
    assert given["Fs"] == INPUTS["Fs"]


@pytest.mark.parametrize(
    ("fault", "name", "first", "last", "value"),
    [(1, "Fg", 500, 550, 20.0), (2, "pressure", 1000, 1200, 2.0), (3, "Fs", 100, 150, 2.0),
     (4, "Fb", 700, 800, 10.0), (5, "Fc", 350, 450, 2.0)],
)  # fmt: skip
def test_a_stuck_flow_is_stuck_in_its_intervals(
    fault: int, name: str, first: int, last: int, value: float
) -> None:
    def given(number: int) -> float:
        flows = {name: 1234.0}
        for one in upsets.stuck(fault):
            flows = {**flows, **one.applied(round((number - 1) * SAMPLE_H, 12), flows)}
        return flows[name]

    assert [given(k) for k in (first - 1, first, last, last + 1)] == [1234.0, value, value, 1234.0]
    assert set(upsets.stuck(fault)) < set(upsets.stuck(6))


def test_sensor_faults_ramp_up_and_stay() -> None:
    (ramp,) = upsets.faults(8)
    assert ramp.sensed(0.0, {"pH": 6.5}) == {"pH": 6.5}
    assert ramp.sensed(499 * SAMPLE_H, {"pH": 6.5})["pH"] == pytest.approx(6.45)
    assert ramp.sensed(1200 * SAMPLE_H, {"pH": 6.5})["pH"] == pytest.approx(6.4)
    assert upsets.faults(0) == ()
    assert len(FAULTS) == 9
    with pytest.raises(DataError, match="no fault 9"):
        upsets.faults(9)
