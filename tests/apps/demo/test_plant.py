"""The demonstration plant: its courses, and what it shows over each protocol."""

from __future__ import annotations

import asyncio
import csv
import io
import struct
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from goldenbatch.apps.demo import dryer, filling, reactor
from goldenbatch.apps.demo.course import Course, Sample
from goldenbatch.apps.demo.dryer import DryerPlan, run_dryer
from goldenbatch.apps.demo.filling import N_VIALS, FillingPlan, run_filling
from goldenbatch.apps.demo.folder import DemoFolder, DemoState, free_ports
from goldenbatch.apps.demo.laboratory import KEYS, drop, due
from goldenbatch.apps.demo.modbus_server import ADDRESS, registers
from goldenbatch.apps.demo.opcua_server import PlantHistory, Shown, micros, moment
from goldenbatch.apps.demo.reactor import ReactorPlan, run_reactor
from goldenbatch.apps.demo.schedule import (
    DRIFT_H,
    FIRST_REACTOR,
    HOUR_US,
    Unit,
    dryer_plan,
    reactor_plan,
    units,
)
from goldenbatch.apps.demo.shown import rows_between, shown_at
from goldenbatch.core.errors import BadInputError

EPOCH = 1_800_000_000_000_000


@pytest.fixture(scope="module")
def good():
    return run_reactor(ReactorPlan("GB-1", 5, interval_h=0.5))


def simple(name, number):
    """A batch of two hours with a reading a quarter, made without any model."""
    times = np.arange(0.0, 2.25, 0.25)
    return Course(name, times, {"level": times + number}, (("A", 0.0), ("B", 1.0)),
                  (Sample(f"{name}/day-01", 1.0, 1.5, {"assay": 3.25}),))  # fmt: skip


UNIT = Unit("site/area/tank", "T", "p", 5, 60.0, -HOUR_US // 60, 3 * HOUR_US // 60, simple)


def test_a_drifting_probe_shows_what_is_not_and_touches_nothing_else(good):
    drifting = run_reactor(ReactorPlan("GB-1", 5, 100.0, 0.05, interval_h=0.5))
    late, early = good.times_h > 120.0, good.times_h < 100.0
    away = drifting.signals["temperature"] - good.signals["temperature"]
    assert np.abs(away[early]).max() == 0.0
    assert away[late].min() == pytest.approx(1.0, abs=0.1) and away.max() == pytest.approx(2.5)
    for name in ("ph", "do", "feed"):
        assert np.array_equal(drifting.signals[name], good.signals[name])


def test_a_charge_that_is_short_costs_titre(good):
    short = run_reactor(ReactorPlan("GB-1", 5, charge=0.8, interval_h=0.5))
    found = [{k: v for one in run.samples for k, v in one.results.items()} for run in (good, short)]
    assert found[1]["glutamine_charge"] < 0.85 * found[0]["glutamine_charge"]
    assert found[1]["harvest_titre"] < found[0]["harvest_titre"] - 0.1


def test_the_same_seed_is_the_same_batch_and_another_is_not(good):
    again = run_reactor(ReactorPlan("GB-1", 5, interval_h=0.5))
    other = run_reactor(ReactorPlan("GB-1", 6, interval_h=0.5))
    assert all(np.array_equal(again.signals[name], good.signals[name]) for name in reactor.SIGNALS)
    assert not np.array_equal(other.signals["ph"], good.signals["ph"])


def test_lost_cooling_warms_the_ice():
    good, lost = (run_dryer(DryerPlan("FD-1", 3, at)) for at in (None, 8.0))
    rows = (good.times_h > 9.0) & (good.times_h < 14.0)
    assert (lost.signals["shelf"] - good.signals["shelf"])[rows].min() > 3.0
    assert (lost.signals["product_2"] - good.signals["product_2"])[rows].mean() > 1.0
    assert [name for name, _ in good.phases] == ["FREEZING", "PRIMARY", "SECONDARY"]
    dry = good.times_h > good.phases[2][1] - 1.0
    assert np.median(good.signals["pirani"][dry] / good.signals["chamber"][dry]) < 1.1


def test_a_lot_is_counted_vial_by_vial():
    course = run_filling(FillingPlan("FL-1", 2))
    counts = course.signals["good"]
    assert (np.diff(counts) >= 0).all() and 0.98 * N_VIALS < counts[-1] < N_VIALS
    assert course.samples[0].results["filling_yield"] == pytest.approx(100 * counts[-1] / N_VIALS,
                                                                       abs=0.01)  # fmt: skip


def test_what_goes_wrong_is_fixed_for_the_first_batches_and_drawn_later():
    assert reactor_plan("GB", FIRST_REACTOR, 1).drift_from_h == DRIFT_H
    assert reactor_plan("GB", FIRST_REACTOR - 2, 1).charge < 0.9
    assert reactor_plan("GB", FIRST_REACTOR - 1, 1) == replace(
        reactor_plan("GB", FIRST_REACTOR - 1, 1), drift_from_h=None, charge=1.0
    )
    later = [reactor_plan("GB", n, 1) for n in range(FIRST_REACTOR + 1, FIRST_REACTOR + 41)]
    assert 5 < sum(one.drift_from_h is not None for one in later) < 30
    assert [dryer_plan("FD", n, 1).loss_from_h is None for n in (16, 17, 18, 19, 20)] == [
        True, False, True, True, False,
    ]  # fmt: skip


def test_batches_follow_one_another_without_overlap():
    for unit in units("site", 1):
        first, second = unit.slot(unit.first, EPOCH), unit.slot(unit.first + 1, EPOCH)
        assert first.end < second.start
        assert unit.number_at(first.start, EPOCH) == unit.first
        assert unit.number_at(second.start - 1, EPOCH) == unit.first


def test_a_unit_shows_its_newest_reading_with_its_own_time():
    start = EPOCH - HOUR_US // 60
    now = start + HOUR_US // 60 + 3_000_000  # an hour of the process and three minutes
    shown = shown_at(UNIT, ["level"], now, EPOCH)
    assert shown["level"] == (start + HOUR_US // 60, 6.0)
    assert shown["batch"][1] == "T-005" and shown["phase"] == (start + HOUR_US // 60, "B")
    over = shown_at(UNIT, ["level"], start + round(2.5 * HOUR_US / 60), EPOCH)
    assert over["batch"] == (start + 2 * HOUR_US // 60, "") and over["level"][1] == 7.0
    assert shown_at(UNIT, ["level"], start - 5, EPOCH)["level"][0] <= start - 5


def test_history_is_what_was_shown_and_ends_at_present():
    start = EPOCH - HOUR_US // 60
    rows = rows_between(UNIT, "level", (start, start + 4 * HOUR_US // 60), EPOCH)
    assert [value for _, value in rows[:9]] == [5 + 0.25 * n for n in range(9)]
    assert len(rows) == 14 and rows[9] == (start + 3 * HOUR_US // 60, 6.0)
    phases = rows_between(UNIT, "phase", (start, start + 2 * HOUR_US // 60), EPOCH)
    assert [value for _, value in phases] == ["A", "B", ""]


def test_the_server_gives_history_in_parts():
    async def read():
        history = PlantHistory([Shown(UNIT, ("level",), micros(now) - 10 * 60_000_000)])

        class Node:
            Identifier = "tank.level"

        first, more = await history.read_node_history(Node, now - timedelta(hours=1), now, 4)
        rest, end = await history.read_node_history(Node, more, now, 0)
        unknown = await history.read_node_history(type("N", (), {"Identifier": "x"}), now, now, 0)
        return first, more, rest, end, unknown

    import time

    now = moment(time.time_ns() // 1000)
    first, more, rest, end, unknown = asyncio.run(read())
    assert len(first) == 4 and more > first[-1].SourceTimestamp and end is None
    times = [one.SourceTimestamp for one in (*first, *rest)]
    assert times == sorted(set(times)) and times[-1] <= now
    assert unknown == ([], None)


def test_registers_hold_numbers_and_texts():
    values = {name: -float(n) - 0.5 for n, name in enumerate(dryer.SIGNALS)}
    found = registers({**values, "batch": "FD-017", "phase": "A name that is far too long"})
    raw = struct.pack(f">{len(found)}H", *found)
    at = {name: 2 * place for name, place in ADDRESS.items()}
    for name, value in values.items():
        assert struct.unpack(">f", raw[at[name] : at[name] + 4]) == (value,)
    assert raw[at["batch"] : at["batch"] + 16].rstrip(b"\0") == b"FD-017"
    assert raw[at["phase"] : at["phase"] + 16] == b"A name that is f"


def test_the_laboratory_drops_each_file_once_and_whole(tmp_path):
    start = EPOCH - HOUR_US // 60
    told = start + round(1.5 * HOUR_US / 60)
    assert not list(due([UNIT], told, told + 5, EPOCH))
    (found,) = due([UNIT], told - 1, told, EPOCH)
    path = drop(tmp_path, *found)
    assert path.name == "day_T-005_01.csv" and list(tmp_path.iterdir()) == [path]
    (row,) = csv.DictReader(io.StringIO(path.read_text()))
    assert [*row] == [*KEYS, "assay"] and row["assay"] == "3.25" and row["batch"] == "T-005"
    path.write_text("kept")
    assert drop(tmp_path, *found).read_text() == "kept"


def test_signals_of_units_stand_in_the_plant_and_in_the_connections():
    import tomllib

    from goldenbatch.apps.examples import find_example

    root = find_example("demo_plant")
    tags = {one["name"] for one in tomllib.loads((root / "plant.toml").read_text())["tags"]}
    signals: tuple[list[str], ...] = ([*reactor.SIGNALS], [*dryer.SIGNALS], [*filling.SIGNALS])
    for unit, names in zip(units("helix/aarhus", 1), signals, strict=True):
        assert {f"{unit.place}/{one}" for one in (*names, "batch", "phase")} <= tags
    points = tomllib.loads((root / "connections" / "freeze-dryer.toml").read_text())["settings"]
    assert {one["tag"]: one["address"] for one in points["points"]} == ADDRESS


def test_a_folder_keeps_its_state_and_removes_nothing_else(tmp_path):
    folder = DemoFolder(tmp_path / "site")
    state = folder.begin(seed=4)
    assert state.seed == 4 and not state.is_seeded
    folder.write(replace(state, is_seeded=True))
    again = folder.begin(seed=9)
    assert (again.epoch, again.seed) == (state.epoch, 4)
    (folder.path / "home").mkdir()
    folder.clear()
    assert not folder.path.exists()
    other = DemoFolder(tmp_path)
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(BadInputError, match="no demonstration site"):
        other.begin(1)
    assert (tmp_path / "mine.txt").read_text() == "keep"


def test_a_half_made_site_is_made_again(tmp_path):
    folder = DemoFolder(tmp_path / "site")
    first = folder.begin(seed=1)
    (folder.path / "home").mkdir()
    second = folder.begin(seed=1)
    assert second.epoch > first.epoch and not (folder.path / "home").exists()
    assert folder.read() == DemoState(second.epoch, 1, second.ports)


def test_a_port_that_is_taken_is_replaced():
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = free_ports({"a": port, "b": port})
    assert port not in found.values() and found["a"] != found["b"]
