"""The fast line of vials against one event a vial, against hand counts, and its conservation."""

import csv
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.core.errors import BadInputError
from goldenbatch.science.lines.distributions import constant, read_distribution
from goldenbatch.science.lines.fill_line import (
    DwellLimit,
    FillLine,
    Station,
    Stop,
    VialLot,
    run_fill_line,
)
from goldenbatch.science.lines.fill_reading import read_fill_line, vial_lots
from goldenbatch.science.lines.per_vial import per_vial_exits

LOTS = (VialLot("1", "2R", 900), VialLot("2", "10R", 500))

SMALL = (VialLot("1", "2R", 90), VialLot("2", "10R", 60), VialLot("3", "10R", 40))


def mean(kind, value):
    more = {"lognormal": {"cv": 1.0}}.get(kind, {})
    return read_distribution({"kind": kind, "mean": value, **more}, "x")


def jam(every=20.0, minutes=1.0, **more):
    return Stop("jam", mean("exponential", every), mean("lognormal", minutes), **more)


@st.composite
def some_lines(draw):
    """Lines of two to five stations, stops, rejects and all kinds of buffers."""
    stations = []
    for number in range(draw(st.integers(2, 5))):
        stations.append(
            Station(
                f"s{number}",
                draw(st.sampled_from([90.0, 100.0, 130.0])),
                speeds=draw(st.sampled_from([(), (("10R", 60.0),)])),
                buffer=draw(st.sampled_from([None, 1, 2, 13, 80])),
                travel=draw(st.sampled_from([0.0, 0.3])),
                stops=draw(
                    st.sampled_from(
                        [(), (jam(2.0, 0.5),), (jam(90.0, 1.0, clock="vials", removes=4),)]
                    )
                ),
                rejects=draw(st.sampled_from([0.0, 0.02, 0.3])),
            )
        )
    return FillLine("some", tuple(stations), clearance=3.0, changeover=7.5)


@given(some_lines(), st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_each_vial_leaves_when_it_does_in_a_simulation_vial_by_vial(line, seed):
    slow = per_vial_exits(line, SMALL, seed=seed)
    fast = run_fill_line(line, SMALL, seed=seed, keeps_exits=True)
    assert len(slow) == len(fast.exits) == fast.lots["n_good"].sum()
    np.testing.assert_allclose(fast.exits, slow, rtol=0, atol=1e-9)


@given(some_lines(), st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_vials_and_minutes_are_conserved(line, seed):
    run = run_fill_line(line, SMALL, seed=seed)
    rejected = sum(run.lots[name] for name in run.lots if name.startswith("rejected"))
    np.testing.assert_array_equal(run.lots["n_good"] + rejected, run.lots["n_vials"])
    stations = run.stations
    np.testing.assert_array_equal(stations["n_out"][:-1], stations["n_in"][1:])
    for name in ("busy", "down", "blocked", "starved", "clearance"):
        assert (stations[name] >= -1e-6).all()
    total = sum(stations[name] for name in ("busy", "down", "blocked", "starved", "clearance"))
    assert (total <= run.lots["ended"][-1] + 1e-6).all()
    assert stations["blocked"][-1] == pytest.approx(0, abs=1e-6)


@given(st.integers(0, 1000), st.sampled_from([1, 5, 30]))
@settings(max_examples=15, deadline=None)
def test_a_larger_buffer_never_lets_a_vial_leave_later(seed, buffer):
    def line(n):
        return FillLine(
            "two",
            (Station("a", 100.0, buffer=n, stops=(jam(3.0),)),
             Station("b", 100.0, stops=(jam(3.0),))),
        )  # fmt: skip

    narrow = run_fill_line(line(buffer), LOTS[:1], seed=seed, keeps_exits=True)
    wide = run_fill_line(line(buffer + 10), LOTS[:1], seed=seed, keeps_exits=True)
    assert (wide.exits <= narrow.exits + 1e-9).all()


@pytest.mark.parametrize("buffers", [(200, 5, 150), (5, 200, 5), (150, 130, 140), (300, 128, 3)])
def test_wide_and_narrow_buffers_side_by_side_are_exact_too(buffers):
    stations = [
        Station(f"s{i}", 100.0 + 7 * i, buffer=n, travel=0.2, rejects=0.03,
                stops=(jam(3.0, 1.0), jam_of_vials))
        for i, (n, jam_of_vials) in enumerate(
            zip([*buffers, None], [Stop("out", mean("exponential", 300.0), mean("exponential", 1.0),
                                        clock="vials", removes=9)] * 4, strict=True)
        )
    ]  # fmt: skip
    line = FillLine("mixed", tuple(stations), dwell=(DwellLimit("s0", "s2", 3.0),))
    slow = per_vial_exits(line, LOTS, seed=3)
    fast = run_fill_line(line, LOTS, seed=3, keeps_exits=True)
    np.testing.assert_allclose(fast.exits, slow, rtol=0, atol=1e-9)


def test_a_line_without_stops_is_counted_by_hand():
    line = FillLine(
        "three",
        (Station("wash", 100.0, travel=5.0), Station("fill", 50.0, buffer=10),
         Station("cap", 200.0)),
        clearance=30.0, changeover=100.0,
        dwell=(DwellLimit("wash", "fill", 6.0), DwellLimit("fill", "cap", 1.0)),
    )  # fmt: skip
    run = run_fill_line(line, [VialLot("1", "a", 500), VialLot("2", "b", 500)], seed=1)
    # First vial: 0.01 + 5 + 0.02; the filler paces the rest; the capper ends it.
    end = 0.01 + 5 + 500 * 0.02 + 0.005
    assert run.lots["ended"][0] == pytest.approx(end)
    assert run.lots["begun"][1] == pytest.approx(end + 100)
    assert run.minutes == pytest.approx(2 * end + 100)
    assert run.stations["busy"].tolist() == pytest.approx([10, 20, 5])
    # Vial j leaves the washer at 0.01 j and is taken at 5.01 + 0.02 (j - 1).
    assert run.dwell["longest"][0] == pytest.approx(5.01 + 0.02 * 499 - 5.0)
    n_over = sum(5.01 + 0.02 * (j - 1) - 0.01 * j > 6.0 + 1e-9 for j in range(1, 501))
    assert abs(run.dwell["n_over"][0] - 2 * n_over) <= 2
    assert run.dwell["n_over"][1] == 0
    found = run.effectiveness(line, "fill")
    assert found.oee == pytest.approx(20 / run.minutes)
    assert run.rate == pytest.approx(1000 / run.minutes)


def test_stations_may_be_cleared_one_after_another():
    stations = (
        Station("a", 100.0, buffer=50, clearance=10.0),
        Station("b", 100.0, clearance=2.0),
    )
    line = FillLine("two", stations, clears="station")
    run = run_fill_line(line, [VialLot("1", "x", 100), VialLot("2", "x", 100)], seed=1)
    assert run.lots["begun"][1] == pytest.approx(1.0 + 10.0)
    assert run.minutes == pytest.approx(11 + 1.0 + 0.01)


def test_a_stop_counts_running_time_across_lots_and_types():
    stop = Stop("change of filter", constant(8.0), constant(5.0))
    station = Station("fill", 100.0, speeds=(("10R", 50.0),), stops=(stop,))
    line = FillLine("one", (station,))
    lots = [VialLot("1", "2R", 500), VialLot("2", "10R", 500), VialLot("3", "2R", 500)]
    run = run_fill_line(line, lots, seed=1)
    # 5 + 10 + 5 minutes of running: stops at minute 8 and 16.
    assert run.n_stops == {("fill", "change of filter"): 2}
    assert run.stations["down"][0] == pytest.approx(10)
    assert run.minutes == pytest.approx(30)


def test_rejects_come_at_their_rate_and_interventions_take_their_vials():
    stop = Stop("intervention", constant(1000), constant(2.0), clock="vials", removes=10)
    line = FillLine("one", (Station("a", 400.0, stops=(stop,)), Station("b", 400.0, rejects=0.01)))
    run = run_fill_line(line, [VialLot("1", "x", 100_000)], seed=1)
    assert run.n_stops["a", "intervention"] == 99
    assert run.lots["rejected at a"][0] == 990
    n, p = 99_010, 0.01
    assert abs(run.lots["rejected at b"][0] - n * p) < 4 * np.sqrt(n * p * (1 - p))


def test_the_real_lots_run(real_data):
    with (real_data("fill_line") / "lots.csv").open() as file:
        rows = [(row["Lot ID"], row["Type"], int(row["Vials"])) for row in csv.DictReader(file)]
    lots = vial_lots(rows)
    line = read_fill_line(
        {
            "name": "line",
            "clearance": 60,
            "changeover": 240,
            "stations": [
                {"name": "washer", "speed": 460, "buffer": 16_000, "travel": 25},
                {"name": "filler", "speed": 400, "buffer": 1000, "rejects": 0.002,
                 "stops": [{"name": "jam", "every": {"kind": "exponential", "mean": 40},
                            "duration": {"kind": "lognormal", "mean": 2, "cv": 1}}]},
                {"name": "capper", "speed": 430},
            ],
        }
    )  # fmt: skip
    run = run_fill_line(line, lots, seed=1)
    n = sum(lot.n_vials for lot in lots)
    assert n == 7_035_000
    assert run.lots["n_good"].sum() == n - run.lots["rejected at filler"].sum()
    n_changes = sum(a.kind != b.kind for a, b in pairwise(lots))
    assert run.lots["clearance"].sum() == 240 * n_changes + 60 * (len(lots) - 1 - n_changes)
    assert 0.75 < run.effectiveness(line, "filler").oee < 0.95


def test_the_same_seed_gives_the_same_run_and_another_gives_another():
    line = FillLine("one", (Station("a", 100.0, stops=(jam(2.0),), rejects=0.01),))
    one, two, other = (run_fill_line(line, LOTS, seed=seed) for seed in (1, 1, 2))
    assert one.minutes == two.minutes != other.minutes
    assert one.provenance == two.provenance


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"speed": 0}, "speed"),
        ({"buffer": 0}, "buffer"),
        ({"rejects": 1.0}, "rejects"),
        ({"colour": "red"}, "no such setting"),
        ({"travel": -1}, "travel"),
        ({"speeds": {"2R": -1}}, "speeds.2R"),
        ({"stops": [{"name": "jam", "every": 0, "duration": 1}]}, "stops all the time"),
        ({"stops": [{"name": "jam", "duration": 1}]}, "every"),
    ],
)
def test_a_station_that_cannot_be_is_refused(change, message):
    given = {"name": "x", "stations": [{"name": "a", "speed": 100, **change}]}
    with pytest.raises(BadInputError, match=message):
        run_fill_line(read_fill_line(given), LOTS, seed=1)


def test_lots_that_cannot_be_are_refused():
    with pytest.raises(BadInputError, match="twice"):
        vial_lots([("1", "a", 5), ("1", "a", 5)])
    with pytest.raises(BadInputError, match="has 2"):
        vial_lots([("1", "a", 2.5)])
    line = FillLine("one", (Station("a", 1.0), Station("b", 1.0)), dwell=(DwellLimit("b", "a", 1),))
    with pytest.raises(BadInputError, match="is not before"):
        run_fill_line(line, LOTS, seed=1)
    with pytest.raises(BadInputError, match="no lots"):
        run_fill_line(FillLine("one", (Station("a", 1.0),)), [], seed=1)
