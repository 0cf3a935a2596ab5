"""Lines from files: scenarios in pairs, unit twins from tables, tables and plot written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from goldenbatch.capabilities.twin.line_commands import line_command
from goldenbatch.capabilities.twin.line_files import load_line
from goldenbatch.core.errors import BadInputError, NotFoundError

LINE = """
schema = "goldenbatch/line/1"
name = "Biologics"
time_unit = "h"
[[units]]
name = "reactor"
[units.cleaning]
duration = 8
[[units]]
name = "column"
[[buffers]]
name = "tank"
capacity = 1
[[products]]
name = "mAb"
route = [
  { name = "grow", unit = "reactor", twin = "growth", buffer = "tank" },
  { name = "capture", unit = "column", duration = 30 },
]
[[plan]]
product = "mAb"
[study]
horizon = 2000
warm_up = 400
n_replications = 4
[twins.growth]
table = "members.csv"
duration = "days"
unit = "d"
yields = "titre"
full = 4.0
"""
SCENARIO = """
[[scenarios]]
name = "second reactor"
set = { "units.reactor.count" = 2 }
"""


@pytest.fixture
def write(tmp_path: Path):
    (tmp_path / "members.csv").write_text("days,titre\n8,4\n9,3\n10,5\n", encoding="utf-8")

    def _write(text: str) -> Path:
        (tmp_path / "line.toml").write_text(text, encoding="utf-8")
        return tmp_path / "line.toml"

    return _write


def test_scenarios_are_compared_in_pairs_and_written(write, tmp_path: Path) -> None:
    answer = line_command(write(LINE + SCENARIO), tmp_path / "out")
    gain = next(d for d in answer["differences"] if d["figure"] == "throughput")
    assert gain["lower"] > 0
    # A lot each 9 days and 8 hours of cleaning, and one reactor more makes it two.
    one = next(f for f in answer["figures"] if f["figure"] == "throughput")
    assert one["lower"] <= 1 / (9 * 24 + 8) <= one["upper"]
    assert gain["difference"] == pytest.approx(one["mean"], rel=0.1)
    first = answer["bottlenecks"][0]
    assert (first["unit"], first["n_runs"]) == ("reactor", 4)
    assert first["lower"] <= first["share"] <= first["upper"]
    assert [one["method"] for one in answer["warm_ups"]] == ["as given", "as given"]
    document = json.loads((tmp_path / "out" / "line.json").read_text(encoding="utf-8"))
    assert document["warm_up"] == 400
    assert (tmp_path / "out" / "line.png").stat().st_size > 2000
    assert (tmp_path / "out" / "states-2.csv").exists()


def test_a_warm_up_that_is_found_says_whether_it_is_trusted(write, tmp_path: Path) -> None:
    found = LINE.replace("warm_up = 400", 'warm_up = "mser"') + SCENARIO
    rows = line_command(write(found), tmp_path / "out")["warm_ups"]
    assert [one["scenario"] for one in rows] == ["as declared", "second reactor"]
    assert all(one["method"] == "MSER-5" and one["is_reliable"] in (True, False) for one in rows)
    assert all(bool(one["note"]) != one["is_reliable"] for one in rows)


def test_a_schema_that_is_not_read_is_told_those_that_are(write, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"line/9.*goldenbatch/line/1"):
        line_command(write(LINE.replace("line/1", "line/9")), tmp_path / "out")


def test_the_runs_of_a_unit_twin_are_converted(write) -> None:
    found = load_line(write(LINE)).twins["growth"]
    assert found.durations.tolist() == [192.0, 216.0, 240.0]
    assert found.yields.tolist() == [1.0, 0.75, 1.25]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LINE.replace("horizon = 2000", ""), "horizon"),
        (LINE.replace('unit = "column"', 'unit = "centrifuge"'), "centrifuge"),
        (LINE + SCENARIO.replace("reactor.count", "washer.count"), "no 'washer'"),
        (LINE + SCENARIO.replace("= 2", "= -1"), "scenario second reactor"),
        (LINE.replace("members.csv", "none.csv"), "none.csv"),
        (LINE.replace('"days"', '"hours"'), "'hours'"),
        (LINE + SCENARIO + SCENARIO, "there twice"),
        ("schema = ", "no TOML"),
        (LINE.replace("horizon = 2000", "horizon = 2000\nseed = -1"), "seed"),
        (LINE.replace("n_replications = 4", "n_replications = 100000000"), "n_replications"),
        (LINE.replace("members.csv", "../members.csv"), "beside the study"),
        (LINE + SCENARIO.replace("= 2", "= 1000000000"), "10000"),
    ],
)
def test_what_is_wrong_with_a_line_is_named(write, text: str, words: str) -> None:
    with pytest.raises((BadInputError, NotFoundError)) as caught:
        load_line(write(text))
    assert words in str(caught.value)
