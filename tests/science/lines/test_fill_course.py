import numpy as np
import pytest

from goldenbatch.core.errors import BadInputError
from goldenbatch.science.lines.distributions import Distribution
from goldenbatch.science.lines.fill_course import STATES, fill_course
from goldenbatch.science.lines.fill_line import FillLine, Station, Stop, VialLot, run_fill_line
from goldenbatch.science.lines.reading import read_line
from goldenbatch.science.lines.simulation import RunSettings, simulate_line

JAM = Stop("jam", Distribution("exponential", (8.0,)), Distribution("exponential", (1.5,)))
LINE = FillLine(
    "line",
    (
        Station("filler", 200.0, buffer=60, rejects=0.01),
        Station("stopperer", 210.0, buffer=300, stops=(JAM,), travel=0.1),
        Station("capper", 190.0, rejects=0.02),
    ),
    clearance=5.0,
)
LOTS = (VialLot("A", "2R", 6000), VialLot("B", "2R", 3000))


@pytest.fixture(scope="module")
def course():
    return fill_course(LINE, LOTS, seed=4, n_times=4001)


def test_the_course_is_that_of_the_run_with_the_same_seed(course):
    run = run_fill_line(LINE, LOTS, seed=4)
    assert course.times[-1] == pytest.approx(run.minutes)
    assert course.n_left[-1, -1] == run.lots["n_good"].sum()
    assert course.n_taken[:, -1].tolist() == run.stations["n_in"].tolist()
    for state in ("busy", "down", "blocked"):
        shares = (course.states == STATES.index(state)).mean(axis=1)
        expected = run.stations[state] / run.minutes
        # Moments count what they hit: a vial is in work for 0.3 s, the run lasts an hour.
        assert np.abs(shares - expected).max() < 0.03, state


def test_vials_never_come_from_nowhere_and_never_exceed_their_places(course):
    for k, station in enumerate(LINE.stations[:-1]):
        assert course.levels[k].min() >= 0
        assert course.levels[k].max() <= station.buffer
    for counts in (course.n_taken, course.n_left):
        assert (np.diff(counts, axis=1) >= 0).all()
    assert set(course.lots.tolist()) == {0, 1}


def test_a_course_of_one_moment_is_refused():
    with pytest.raises(BadInputError, match="moments"):
        fill_course(LINE, LOTS, seed=1, n_times=1)


def test_moves_of_lots_are_kept_where_asked_for_and_change_nothing():
    line = read_line({
        "name": "plant",
        "units": [{"name": "reactor", "count": 2}, {"name": "capture"}],
        "buffers": [{"name": "tank", "capacity": 1}],
        "products": [{"name": "P", "route": [
            {"name": "grow", "unit": "reactor", "buffer": "tank",
             "duration": {"kind": "exponential", "mean": 10}},
            {"name": "capture", "unit": "capture", "duration": 4},
        ]}],
        "plan": [{"product": "P", "n_lots": 6}],
    })  # fmt: skip
    told = simulate_line(line, RunSettings(1000.0, keeps_moves=True), seed=2)
    silent = simulate_line(line, RunSettings(1000.0), seed=2)
    assert silent.moves["time"].size == 0
    assert told.figures == pytest.approx(silent.figures)
    assert (np.diff(told.moves["time"]) >= 0).all()
    for i, lot in enumerate(told.lots["lot"]):
        own = told.moves["lot"] == lot
        places = told.moves["place"][own].tolist()
        assert places[0].startswith("reactor")
        assert places[1:] == ["tank", "capture", ""]
        assert told.moves["time"][own][-1] == told.lots["ended"][i]
