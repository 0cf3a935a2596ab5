"""A recorded batch followed as if it were live: the fault is named before the batch ends."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from goldenbatch.capabilities.twin.track_commands import track_command
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.science.process import Recipe, Steps, library, simulate
from goldenbatch.science.process.faults import Stuck

STUDY = """
schema = "goldenbatch/twin/1"
name = "Followed CHO"
[model]
use = "cho.monod"
[recipe]
duration = "10 d"
interval = "6 h"
[recipe.inputs]
G_in = "400 mmol/L"
Gn_in = "40 mmol/L"
F = { times = ["0 d", "2 d", "4 d"], values = ["0 L/h", "0.6 mL/h", "1.2 mL/h"] }
[[data]]
batch = "B1"
table = "b1.csv"
columns = { VCD = "VCD", glucose = "glucose", DO = "DO" }
[track]
cadence = 6.0
window = 96.0
noise = { Xv = { relative = 0.01 }, G = { sd = 0.05 } }
suspects = [
  { kind = "weakened", inputs = ["F"], what = "feed pump delivers less" },
  { kind = "sensor", output = "DO", what = "DO sensor" },
]
end = { output = "P", planned = 240.0, every = 48.0, members = 16 }
"""


def batch(folder: Path, faults: tuple = ()) -> None:
    """A batch of the model with its noise, in a table."""
    inputs = {"G_in": 400.0, "Gn_in": 40.0, "F": Steps((0.0, 48.0, 96.0), (0.0, 6e-4, 1.2e-3))}
    model = library.entry("cho.monod").load()
    run = simulate(model, Recipe(240.0, 6.0, inputs=inputs, faults=faults), seed=5)
    rows = ["t [h],VCD [10*9/L],glucose [mmol/L],DO [%]"]
    columns = [run.measured[name] for name in ("VCD", "glucose", "DO")]
    for t, *values in zip(run.time, *columns, strict=True):
        cells = ["" if np.isnan(v) else f"{v:.5g}" for v in values]
        rows.append(",".join([f"{t:g}", *cells]))
    (folder / "b1.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


@pytest.fixture
def write(tmp_path: Path):
    def _write(text: str) -> Path:
        (tmp_path / "study.toml").write_text(text, encoding="utf-8")
        return tmp_path / "study.toml"

    return _write


def test_a_pump_that_stops_is_named_before_the_end(write, tmp_path: Path) -> None:
    batch(tmp_path, (Stuck(start=110.0, input="F", value=0.0),))
    answer = track_command(write(STUDY), tmp_path / "out")
    first = answer["findings"][0]
    assert 110.0 < first["seen at"] < 230.0
    assert "feed pump delivers less" in first["one of"]
    assert answer["expected ends"][0]["lower"] < answer["expected ends"][0]["upper"]
    document = json.loads((tmp_path / "out" / "track.json").read_text(encoding="utf-8"))
    assert document["provenance"]["model"] == "cho.monod"
    assert (tmp_path / "out" / "track.png").stat().st_size > 2000


def test_a_batch_without_a_fault_has_no_finding_and_ends_as_expected(write, tmp_path: Path) -> None:
    batch(tmp_path)
    answer = track_command(write(STUDY), tmp_path / "out")
    assert answer["findings"] == []
    assert 0.2 < answer["mean nis per reading"] < 1.6


def test_what_is_missing_is_named(write, tmp_path: Path) -> None:
    batch(tmp_path)
    with pytest.raises(NotFoundError, match="B2"):
        track_command(write(STUDY), tmp_path / "out", "B2")
    with pytest.raises(BadInputError, match="cadence"):
        track_command(write(STUDY.replace("cadence = 6.0", "")), tmp_path / "out")
    with pytest.raises(BadInputError, match="kidney"):
        track_command(write(STUDY.replace("weakened", "kidney")), tmp_path / "out")
