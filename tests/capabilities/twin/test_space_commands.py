"""Design space, sensitivity and stress tests from the words of a study."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from goldenbatch.capabilities.twin.space_commands import (
    design_space_command,
    sensitivity_command,
    stress_command,
)
from goldenbatch.core.errors import BadInputError

STUDY = """
schema = "goldenbatch/twin/1"
name = "CHO"
members = 8
[model]
use = "cho.monod"
[recipe]
duration = "4 d"
interval = "1 d"
inputs = { G_in = "400 mmol/L", F = "1 mL/h" }
[[measures]]
name = "titre"
column = "titre"
lower = "0.15 g/L"
"""
FACTORS = """
[[factors]]
name = "feed"
scale = "F"
low = 0.5
high = 1.5
n = 2
[[factors]]
name = "cells"
initial = "Xv"
low = "0.1 10*9/L"
high = "0.6 10*9/L"
n = 3
"""


@pytest.fixture
def write(tmp_path: Path):
    def _write(text: str) -> Path:
        (tmp_path / "study.toml").write_text(text, encoding="utf-8")
        return tmp_path / "study.toml"

    return _write


def test_a_design_space_is_mapped_and_drawn(write, tmp_path: Path) -> None:
    answer = design_space_command(write(STUDY + FACTORS), tmp_path / "out", target=0.5)
    assert answer["n_points"] == 6
    assert answer["at"]["cells"] >= 0.35
    shares = answer["share of the range"]
    assert shares["certain"] <= shares["estimated"] <= shares["possible"]
    document = json.loads((tmp_path / "out" / "design-space.json").read_text(encoding="utf-8"))
    assert document["provenance"]["model"] == "cho.monod"
    assert (tmp_path / "out" / "design-space.png").stat().st_size > 2000


def test_a_design_space_without_factors_is_refused(write, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"study\.toml: .*factors"):
        design_space_command(write(STUDY), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_the_spread_comes_from_is_ranked(write, tmp_path: Path) -> None:
    answer = sensitivity_command(write(STUDY + FACTORS), tmp_path / "out", rows=8)
    rows = [one for one in answer["indices"] if one["measure"] == "final titre"]
    assert rows[0]["input"] == "cells"
    assert rows[0]["total"] >= rows[-1]["total"]


def test_faults_are_tried_and_margins_told(write, tmp_path: Path) -> None:
    answer = stress_command(write(STUDY), tmp_path / "out", at=24.0)
    assert answer["without a fault"][0]["limit on"] == "titre"
    names = [one["fault"] for one in answer["faults"]]
    assert any("stuck" in name for name in names)
    for row in answer["faults"]:
        assert (row["breaks at"] is None) == (row["breaks"] == "")
    assert (tmp_path / "out" / "stress.parquet").exists()
