"""A study: read with clear errors, run by the command, written with its provenance."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from goldenbatch.capabilities.twin.commands import run_command
from goldenbatch.capabilities.twin.recipes import model_ref, recipe_of
from goldenbatch.capabilities.twin.study import load_study
from goldenbatch.core.errors import GoldenbatchError

HEAD = """
schema = "goldenbatch/twin/1"
name = "Draining tank"
[model]
target = "twin_study_models:tank"
"""
RECIPE = """
[recipe]
duration = "2 h"
interval = "30 min"
"""
PID = """
[[recipe.controllers]]
kind = "pid"
name = "LC"
measured = "level"
manipulated = "Q"
set_point = 1
gain = 1
integral_time = 1
"""


TANK = """
from goldenbatch.science.process import Model, ModelBuilder, Noise


def tank() -> Model:
    m = ModelBuilder("tank", version="1", title="Tank", time_unit="h")
    V = m.state("V", "L", initial=1.0, lower=0.0, upper=5.0)
    F = m.input("F", "L/h", lower=0.0, upper=2.0)
    m.derivative(V, F - m.parameter("k", "1/h", value=0.1, lower=0.0) * V)
    m.output("level", V, "L", noise=Noise(sd=0.01))
    m.stop("overflow", V - m.constant("full", 4.0, "L"))
    v = m.argument("v", "L")
    m.jump("bolus", {"V": V + v}, {"volume": (v, "L")})
    return m.build()
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "twin_study_models", raising=False)
    (tmp_path / "twin_study_models.py").write_text(TANK, encoding="utf-8")

    def _write(text: str) -> Path:
        path = tmp_path / "study.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return _write


def test_a_study_runs_and_writes_table_plot_and_provenance(write, tmp_path: Path) -> None:
    (tmp_path / "feed.csv").write_text("minutes,mL_per_h\n0,500\n60,1000\n", encoding="utf-8")
    path = write(
        HEAD
        + RECIPE
        + """
[recipe.inputs.F]
table = "feed.csv"
time_column = "minutes"
time_unit = "min"
column = "mL_per_h"
unit = "mL/h"
[[recipe.events]]
at = "90 min"
jump = "bolus"
arguments = { volume = "100 mL" }
[[recipe.faults]]
kind = "stuck"
start = "100 min"
input = "F"
value = 0.0
"""
    )
    answer = run_command(path, tmp_path / "out")
    assert answer["status"] == "complete"
    assert [Path(one).name for one in answer["files"]] == ["run.parquet", "run.json", "run.png"]
    document = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert document["provenance"]["model"] == "tank"
    assert [note["name"] for note in document["notes"]] == ["bolus"]
    assert (tmp_path / "out" / "run.png").stat().st_size > 2000


def test_controllers_shifts_and_holds_are_read(write) -> None:
    text = (
        HEAD
        + RECIPE
        + """
[[recipe.controllers]]
kind = "pid"
name = "LC"
measured = "level"
manipulated = "F"
set_point = "2000 mL"
gain = 1.0
integral_time = 1.0
high = 2.0
[[recipe.events]]
at = 1
shift = "LC"
value = "1 L"
[[recipe.events]]
at = 1.5
hold = "10 min"
"""
    )
    study = load_study(write(text))
    model = model_ref(study).load()
    recipe = recipe_of(study, model)
    assert recipe.controllers[0].set_point == 2.0
    assert recipe.events[1].duration == pytest.approx(1 / 6)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = 'x'", "no study"),
        (HEAD, "recipe"),
        (HEAD + RECIPE + "speed = 2", "speed"),
        (HEAD.replace("target", "use = 'x'\ntarget") + RECIPE, "not by both"),
        (HEAD.replace("target =", "use =") + RECIPE, "no model"),
        (HEAD + RECIPE.replace("2 h", "2 kg"), "recipe.duration"),
        (HEAD + RECIPE + "[recipe.inputs]\nF = '1 kg'", "'F'"),
        (HEAD + RECIPE + "[recipe.inputs]\nF = {table='gap.csv', column='F'}", "gap.csv:3"),
        (HEAD + RECIPE + "[recipe.inputs]\nF = {table='no.csv', column='F'}", "no.csv"),
        (HEAD + RECIPE + "[recipe.inputs]\nF = {table='gap.csv', column='G'}", "no column 'G'"),
        (HEAD + RECIPE + "[recipe.inputs]\nF = {table='../a.csv', column='F'}", "beside the study"),
        (HEAD + RECIPE + "[recipe.inputs]\nF = {table='/etc/passwd', column='F'}", "beside"),
        (HEAD + "[model.settings]\nzzz = 1\n" + RECIPE, "'zzz'"),
        (HEAD + "[model.settings]\nn = [1, 2]\n" + RECIPE, "'n'"),
        (HEAD.replace("twin_study_models:tank", "os:getcwd") + RECIPE, "does not say"),
        (HEAD.replace("twin_study_models:tank", "shutil:which") + RECIPE, "does not say"),
        ("seed = -1\n" + HEAD + RECIPE, "seed"),
        ("members = 1000000000\n" + HEAD + RECIPE, "members"),
        (HEAD + RECIPE + 2 * "[[measures]]\nname='a'\ncolumn='V'\n", "two measures"),
        (HEAD + RECIPE + PID, "'Q'"),
        (HEAD + RECIPE + "[[recipe.faults]]\nkind='stuck'\ninput='Q'", "'Q'"),
        (HEAD + RECIPE + "[[recipe.events]]\nat=1", "one of jump, shift and hold"),
        (HEAD + RECIPE + "[[recipe.events]]\nat=9\njump='bolus'\narguments={volume=1}", "outside"),
    ],
)
def test_what_is_wrong_is_named(write, tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "gap.csv").write_text("time,F\n0,1\n1,\n", encoding="utf-8")
    with pytest.raises(GoldenbatchError) as caught:
        run_command(write(text), tmp_path / "out")
    assert words in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_solver_that_gives_up_ends_the_command_with_a_code(write, tmp_path: Path) -> None:
    from types import SimpleNamespace

    endless = """

def tank() -> Model:
    m = ModelBuilder("blow-up", version="1", title="Finite escape time", time_unit="h")
    V = m.state("V", "L", initial=1.0)
    m.derivative(V, m.parameter("k", "1/(L.h)", value=1.0) * V**2)
    return m.build()
"""
    models = TANK[: TANK.index("def tank")] + endless
    path = write((HEAD + RECIPE).replace("models:tank", "models_2:tank"))
    (tmp_path / "twin_study_models_2.py").write_text(models, encoding="utf-8")
    session = SimpleNamespace(exit_code=0)
    answer = run_command(path, tmp_path / "out", session=session)
    assert answer["status"] == "failed"
    assert session.exit_code == 1
    assert (tmp_path / "out" / "run.parquet").exists()
