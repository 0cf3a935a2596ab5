"""The best recipe of a study: found, checked, written as a study that runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from goldenbatch.capabilities.twin.commands import run_command
from goldenbatch.capabilities.twin.keeping import result_in
from goldenbatch.capabilities.twin.optimise_commands import optimise_command
from goldenbatch.core.errors import BadInputError
from goldenbatch.science.process import Recipe, library, simulate

STUDY = """
schema = "goldenbatch/twin/1"
name = "Best \\"feed\\""
[model]
use = "benchmark.srinivasan_bonvin"
[recipe]
use = "default"
[[measures]]
name = "product"
column = "P"
upper = 100
[optimise]
n = 5
starts = 1
[[optimise.controls]]
input = "F"
[[optimise.goal]]
column = "P"
[[optimise.limits]]
column = "X"
upper = "3 g/L"
"""
MODEL = """
from goldenbatch.science.process import Model, ModelBuilder, Prior


def dosed() -> Model:
    m = ModelBuilder("dosed", version="1", title="Dosed", time_unit="h")
    x = m.state("x", "g", initial=0.0)
    F = m.input("F", "g/h", lower=0.0, upper=4.0)
    k = m.parameter("k", "h/g", value=0.5, lower=0.01, upper=5, prior=Prior.lognormal(0.4))
    m.derivative(x, F - 0.5 * k * F * F)
    m.output("made", x, "g")
    return m.build()
"""
DOSED = """
schema = "goldenbatch/twin/1"
name = "dosed"
[model]
target = "twin_optimise_models:dosed"
[recipe]
duration = 2
interval = 1
[optimise]
n = 1
starts = 1
draws = 5
risk = "worst"
[[optimise.controls]]
input = "F"
[[optimise.goal]]
column = "made"
"""


def run(folder: Path, text: str) -> tuple[dict[str, Any], int]:
    (folder / "study.toml").write_text(text, encoding="utf-8")
    shown: list[dict[str, Any]] = []
    session = SimpleNamespace(exit_code=0, show=shown.append)
    optimise_command(session, folder / "study.toml", folder / "out")
    return shown[0], session.exit_code


def test_what_was_found_runs_as_a_study_and_reaches_the_goal(tmp_path: Path) -> None:
    answer, code = run(tmp_path, STUDY)
    assert (answer["status"], code) == ("optimal", 0)
    assert answer["difference"] < 1e-3
    assert {Path(one).name for one in answer["files"]} == {
        "optimise.json", "optimise.png", "found.toml",
    }  # fmt: skip
    again = run_command(tmp_path / "out" / "found.toml", tmp_path / "run")
    last = {one["name"]: one["value"] for one in again["final"]}
    assert last["P"] == pytest.approx(answer["goal by simulation"], rel=1e-4)
    # how far the simulation leaves the limit between the points of the programme is said
    assert answer["violations"][0]["by"] == pytest.approx(last["X"] - 3.0, abs=1e-4)
    assert answer["largest violation"] < 1e-3
    # every constant feed that keeps the limit makes less
    model = library.entry("benchmark.srinivasan_bonvin").load()
    tried = [simulate(model, Recipe(150.0, 5.0, {"F": 0.004 * k})) for k in range(10)]
    kept_limit = [one.final("P") for one in tried if one.final("X") <= 3.0]
    assert 0 < len(kept_limit) < 10
    assert last["P"] > max(kept_limit)
    kept = result_in(tmp_path / "out")
    assert (kept["work"], kept["model_version"]) == ("optimise", "1")
    assert sorted(kept["files"]) == ["found.toml", "optimise.json", "optimise.png"]


def test_a_search_that_fails_is_a_result_with_its_reason(tmp_path: Path) -> None:
    run(tmp_path, STUDY)
    text = STUDY.replace('upper = "3 g/L"', 'lower = "500 g/L"\nwhen = "end"')
    answer, code = run(tmp_path, text)
    assert (answer["status"], code) == ("failed", 1)
    assert "no start was solved" in answer["reason"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["optimise.json"]
    stored = json.loads((tmp_path / "out" / "optimise.json").read_text(encoding="utf-8"))
    assert stored["goal"] is None
    assert stored["starts"][0]["status"] == "failed"


def test_the_worst_of_the_draws_is_hedged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "twin_optimise_models.py").write_text(MODEL, encoding="utf-8")
    worst, _ = run(tmp_path, DOSED)
    nominal, _ = run(tmp_path, DOSED.replace("draws = 5", "draws = 0"))
    # dx/dt is largest at F = 1/k: 2 g/h of the declared k, less where k may be larger
    assert nominal["controls"][0]["values"] == pytest.approx([2.0], rel=1e-4)
    assert worst["controls"][0]["values"][0] < 1.9
    assert worst["provenance"]["n_scenarios"] == 5


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('[[optimise.goal]]\ncolumn = "P"\n', "", "asks for no optimum"),
        ('input = "F"', 'input = "Q"', "no input"),
        ('use = "default"', 'use = "default"\nevents = [{at = 1, shift = "F", value = 0}]',
         "recipe has events"),
        ('upper = "3 g/L"', 'upper = "3 L"', "bound of X"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_said(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        run(tmp_path, STUDY.replace(old, new))


def test_a_search_without_time_ends_with_its_reason(tmp_path: Path) -> None:
    answer, code = run(tmp_path, STUDY.replace("n = 5\n", "n = 5\nmost_cpu_s = 1e-6\n"))
    assert (answer["status"], code) == ("failed", 1)
    assert "Maximum_CpuTime_Exceeded" in answer["reason"]
