"""Lines of vials from files: figures by hand, scenarios in pairs, and every wrong entry named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from goldenbatch.capabilities.twin.keeping import result_in
from goldenbatch.capabilities.twin.line_commands import line_command
from goldenbatch.capabilities.twin.vial_line import load_vial_line
from goldenbatch.core.errors import BadInputError, NotFoundError

LINE = """
schema = "goldenbatch/fill-line/1"
name = "Two stations"
clearance = 10
changeover = 30
[lots]
table = "lots.csv"
[[stations]]
name = "filler"
speed = 100
speeds = { 2R = 100 }
buffer = 300
[[stations]]
name = "capper"
speed = 200
rejects = 0.1
[[stations.stops]]
name = "jam"
every = 200
duration = 1
clock = "vials"
[study]
n_replications = 4
"""
SCENARIO = """
[[scenarios]]
name = "faster"
set = { "stations.filler.speeds.2R" = 150 }
"""
LOTS = "Lot ID,Type,Vials\nA,2R,1000\nB,2R,2000\n"


@pytest.fixture
def write(tmp_path: Path):
    def _write(text: str, lots: str = LOTS) -> Path:
        (tmp_path / "lots.csv").write_text(lots, encoding="utf-8")
        (tmp_path / "line.toml").write_text(text, encoding="utf-8")
        return tmp_path / "line.toml"

    return _write


def test_the_figures_are_those_by_hand(write, tmp_path: Path) -> None:
    answer = line_command(write(LINE + SCENARIO), tmp_path / "out")
    hours = next(one for one in answer["figures"] if one["figure"] == "hours")
    # 30 minutes of filling, 10 of clearance, and the last vials' way through the capper.
    assert hours["mean"] * 60 == pytest.approx(40.0, abs=1.5)
    filler, capper = (one for one in answer["stations"] if one["scenario"] == "as declared")
    assert filler["availability"] == 1.0
    # 200 vials are one minute of work, and each time one minute of standing still follows.
    assert capper["availability"] == pytest.approx(0.5, abs=0.02)
    assert capper["rejected"] == pytest.approx(300, abs=60)
    assert [one["clearance_minutes"] for one in answer["lots"][:2]] == [0, 10]
    assert [one["n_vials"] for one in answer["lots"][:2]] == [1000, 2000]
    gain = next(one for one in answer["differences"] if one["figure"] == "vials_per_hour")
    assert gain["scenario"] == "faster"
    document = json.loads((tmp_path / "out" / "line.json").read_text(encoding="utf-8"))
    assert document["provenance"]["faster"]["n_replications"] == 4
    assert (tmp_path / "out" / "line.png").stat().st_size > 2000
    assert result_in(tmp_path / "out")["work"] == "line"


def test_what_is_seldom_meant_is_noted(write, tmp_path: Path) -> None:
    text = LINE.replace("buffer = 300", "buffer = 300\ntravel = 10")
    notes = line_command(write(text, LOTS + "C,10R,50\n"), tmp_path / "out")["notes"]
    assert "'10R'" in notes[0]
    assert "no more than 30 vials a minute" in notes[1]


@pytest.mark.parametrize(
    ("text", "lots", "words"),
    [
        (LINE.replace("lots.csv", "none.csv"), LOTS, "none.csv"),
        (LINE.replace("lots.csv", "../lots.csv"), LOTS, "does not lie beside"),
        (LINE.replace('table = "lots.csv"', ""), LOTS, "lots.table"),
        (LINE, LOTS.replace("Vials", "Number"), "'Vials'"),
        (LINE, "", "It is empty"),
        (LINE, "Lot ID,Type,Vials\n", "no lots"),
        (LINE, LOTS + "C,2R,\n", "lots.csv:4"),
        (LINE, LOTS + "C,2R,-5\n", "lots.csv:4"),
        (LINE, LOTS + "A,2R,5\n", "there twice"),
        (LINE, LOTS + "C,2R,100000000000\n", "more than 100,000,000"),
        (LINE + "seed = -1", LOTS, "study.seed"),
        (LINE.replace("speed = 200", "sped = 200"), LOTS, "sped"),
        (LINE.replace("speed = 200", ""), LOTS, "capper.speed"),
        (LINE + SCENARIO.replace("filler", "washer"), LOTS, "no 'washer'"),
        (LINE + SCENARIO.replace("150", "-1"), LOTS, "scenario faster"),
        (LINE + 'stat = "x"', LOTS, "study.stat"),
    ],
)
def test_what_is_wrong_is_named(write, text: str, lots: str, words: str) -> None:
    with pytest.raises((BadInputError, NotFoundError)) as caught:
        load_vial_line(write(text, lots))
    assert words in str(caught.value)


def test_an_unknown_station_of_the_study_is_named(write, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="'washer' is no station"):
        line_command(write(LINE + 'station = "washer"'), tmp_path / "out")
