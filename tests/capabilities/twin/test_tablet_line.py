"""Tablet lines from files: what passes, what is diverted, closure, and every wrong entry named."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from goldenbatch.capabilities.twin.line_commands import line_command
from goldenbatch.capabilities.twin.tablet_line import load_tablet_line
from goldenbatch.core.errors import BadInputError

LINE = """
schema = "goldenbatch/tablet-line/1"
name = "One tank"
limits = [0.9, 1.1]
feeders = [
  { name = "drug", flow_kg_h = 2, is_drug = true, refill_every_s = 600, refill_s = 20, refill_excess = 0.9, decay_s = 5 },
  { name = "filler", flow_kg_h = 18, refill_every_s = 650, refill_s = 5, refill_excess = 0.01 },
]
[[chain]]
name = "blender"
tau_s = 50
[powder]
bulk_density = 0.5
true_density = 1.5
a = 0.6
b_per_mpa = 0.05
strength_n = 200
critical_density = 0.6
[press]
diameter_mm = 8
fill_depth_mm = 8
gap_mm = 3.7
tablets_per_min = 1658
[[disturbances]]
name = "no drug"
duration_s = 50
content = 0
[[disturbances]]
name = "a little"
duration_s = 10
content = 1.2
[study]
duration_s = 1500
pulses_s = [5, 50]
"""  # noqa: E501
SCENARIO = """
[[scenarios]]
name = "larger"
set = { "chain.blender.tau_s" = 500 }
"""


@pytest.fixture
def write(tmp_path: Path):
    def _write(text: str) -> Path:
        (tmp_path / "line.toml").write_text(text, encoding="utf-8")
        return tmp_path / "line.toml"

    return _write


def test_one_tank_is_as_by_hand(write, tmp_path: Path) -> None:
    answer = line_command(write(LINE + SCENARIO), tmp_path / "out")
    figures = {f["figure"]: f["value"] for f in answer["figures"] if f["scenario"] != "larger"}
    assert figures["mass_closure"] == pytest.approx(1.0, abs=1e-3)
    assert figures["residence_time_mean"] == figures["residence_time_sd"] == 50
    assert figures["kept_content_highest"] <= 1.1
    short, long = (f for f in answer["funnel"] if f["scenario"] == "as declared")
    # The share of a pulse of one tank that is seen at once is 1 - exp(-d / tau).
    assert short["excess"] == pytest.approx(0.1 / (1 - np.exp(-0.1)), rel=1e-3)
    assert long["deficit"] == pytest.approx(0.1 / (1 - np.exp(-1)), rel=1e-3)
    rows = {d["name"]: d for d in answer["disturbances"] if d["scenario"] == "as declared"}
    peak = 1 - np.exp(-1)
    assert rows["no drug"]["content"] == pytest.approx(1 - peak, abs=0.001)
    # Up to a tenth it rises for -50 ln 0.9 s, and falls back for 50 ln(peak / 0.1) s.
    seen = 50 + 50 * np.log(peak / 0.1) + 50 * np.log(0.9)
    assert rows["no drug"]["diverted_s"] == pytest.approx(seen, abs=2.5)
    assert rows["a little"]["diverted_s"] == 0


def test_each_refill_answers_for_itself(write, tmp_path: Path) -> None:
    answer = line_command(write(LINE + SCENARIO), tmp_path / "out")
    refills = [d for d in answer["disturbances"] if d["kind"] == "refill"]
    declared = [d for d in refills if d["scenario"] == "as declared"]
    assert [d["begin_s"] for d in declared] == [600, 650, 1200, 1300]
    drug, filler, *_ = declared
    assert drug["diverted_s"] > 20
    assert drug["n_tablets"] == round(drug["diverted_s"] * 1658 / 60)
    assert filler["diverted_s"] == 0
    assert drug["rule_begin_s"] < filler["rule_begin_s"]
    assert not any(d["diverted_s"] for d in refills if d["scenario"] == "larger")
    hardness = [one["hardness_n"] for one in answer["compaction"]]
    assert hardness[0] < hardness[5] < hardness[10]


def test_what_is_written_is_whole(write, tmp_path: Path) -> None:
    text = LINE.replace("tablets_per_min = 1658", "tablets_per_min = 1000")
    answer = line_command(write(text), tmp_path / "out")
    assert "run full or empty" in answer["notes"][0]
    document = json.loads((tmp_path / "out" / "line.json").read_text(encoding="utf-8"))
    assert len(document["provenance"]["as declared"]["line_digest"]) == 64
    with (tmp_path / "out" / "run.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1501
    assert {row["is_kept"] for row in rows} == {"True", "False"}
    assert (tmp_path / "out" / "line.png").stat().st_size > 2000


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("flow_kg_h = 18", "flow = 18", "feeders[1].flow_kg_h"),
        ("is_drug = true", "is_drug = false", "feeder of the drug"),
        ("refill_s = 20", "refill_s = 700", "feeders[0]"),
        ("tau_s = 50", "", "tau_s or hold_up_kg"),
        ("tau_s = 50", "tau_s = -1", "chain[0].tau_s"),
        ("a = 0.6", "a = 1.6", "powder"),
        ("[press]", "[pres]", "press"),
        ("gap_mm = 3.7", "gap_mm = 9", "press"),
        ("[0.9, 1.1]", "[1.1, 0.9]", "do not hold the target"),
        ("[0.9, 1.1]", '"all"', "limits"),
        ("content = 0", "content = -1", "disturbances[0].content"),
        ("pulses_s = [5, 50]", "pulses_s = [0]", "study.pulses_s"),
        ("duration_s = 1500", "duration_s = 1e9", "study.step_s"),
    ],
)
def test_what_is_wrong_is_named(write, old: str, new: str, words: str) -> None:
    assert old in LINE
    with pytest.raises(BadInputError) as caught:
        load_tablet_line(write(LINE.replace(old, new)))
    assert words in str(caught.value)
    assert "line.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("content = 1.2", "content = 12", "more than pure drug"),
        ("gap_mm = 3.7", "gap_mm = 2", "is not reached"),
        ("duration_s = 1500", "duration_s = 0.5", "0.5 s on steps"),
    ],
)
def test_what_cannot_be_run_names_the_file(write, tmp_path, old, new, words) -> None:
    with pytest.raises(BadInputError, match=words) as caught:
        line_command(write(LINE.replace(old, new)), tmp_path / "out")
    assert "line.toml" in str(caught.value)
