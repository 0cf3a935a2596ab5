"""A study fitted to tables: estimates, what cannot be told, a held-out batch predicted."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from goldenbatch.capabilities.twin.asking import load_posterior
from goldenbatch.capabilities.twin.compare_commands import compare_command
from goldenbatch.capabilities.twin.fit_commands import fit_command
from goldenbatch.core.errors import BadInputError, GoldenbatchError

MODEL = """
from goldenbatch.science.process import Model, ModelBuilder, Noise, Prior


def decay() -> Model:
    m = ModelBuilder("decay", version="1", title="Two ways out", time_unit="h")
    c = m.state("c", "g/L", initial=1.0, lower=0.0, upper=50.0)
    F = m.input("F", "g/(L.h)", lower=0.0)
    a = m.parameter("a", "1/h", value=0.3, lower=0.0, upper=3.0, prior=Prior.lognormal(0.5))
    b = m.parameter("b", "1/h", value=0.1, lower=0.0, upper=3.0)
    m.derivative(c, F - (a + b) * c)
    m.output("c", c, "g/L", noise=Noise(sd=0.02))
    return m.build()
"""
NO_HOME = None
"""Studies of tables open no home: they need no session."""
STUDY = """
schema = "goldenbatch/twin/1"
name = "Decay"
[model]
target = "twin_fit_models:decay"
[recipe]
duration = "6 h"
interval = "1 h"
[fit]
parameters = ["a"]
starts = 2
draws = 100
[[data]]
batch = "one"
table = "one.csv"
columns = { c = "c" }
unknown_initial = { c = 0.0 }
initial = { c = "1.5 g/L" }
[[data]]
batch = "two"
table = "two.csv"
columns = { c = "c" }
initial = { c = "1 g/L" }
inputs = { F = { times = [0, 2], values = [0, 0.5] } }
held_out = true
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "twin_fit_models", raising=False)
    (tmp_path / "twin_fit_models.py").write_text(MODEL, encoding="utf-8")
    random = np.random.default_rng(7)
    minutes = np.arange(0, 361, 30)
    k, rate, t = 0.6, 0.5, minutes / 60.0
    one = 2.0 * np.exp(-k * t) + 0.02 * random.standard_normal(t.size)
    late = np.clip(t - 2.0, 0.0, None)
    two = np.exp(-k * t) + rate / k * (1.0 - np.exp(-k * late))
    for name, values in (("one", one), ("two", two)):
        rows = [f"{m},{1000 * v:.3f}" for m, v in zip(minutes, values, strict=True)]
        rows[3] = f"{minutes[3]},"
        text = "\n".join(["t [min],c [mg/L]", *rows]) + "\n"
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")

    def _write(text: str) -> Path:
        (tmp_path / "study.toml").write_text(text, encoding="utf-8")
        return tmp_path / "study.toml"

    return _write


def test_a_study_is_fitted_and_predicts_the_batch_that_was_held_out(write, tmp_path: Path) -> None:
    answer = fit_command(NO_HOME, write(STUDY), tmp_path / "out")
    found = {row["name"]: row for row in answer["estimates"]}
    assert found["a"]["value"] == pytest.approx(0.5, abs=4 * found["a"]["se"])
    assert found["x0.c@one"]["value"] == pytest.approx(2.0, abs=4 * found["x0.c@one"]["se"])
    assert answer["n_missing"] == 1
    held = answer["held out"][0]
    assert held["batch"] == "two"
    assert held["rmse"] < 0.02 < max(v for n, v in held.items() if n.startswith("rmse of "))
    assert load_posterior(tmp_path / "out" / "posterior.json").digest == answer["posterior"]
    document = json.loads((tmp_path / "out" / "fit.json").read_text(encoding="utf-8"))
    assert document["provenance"]["data_digest"]
    assert (tmp_path / "out" / "fit.png").stat().st_size > 2000


def test_what_the_data_cannot_tell_is_said(write, tmp_path: Path) -> None:
    text = STUDY.replace('parameters = ["a"]', 'parameters = ["a", "b"]\nuses_priors = false')
    answer = fit_command(NO_HOME, write(text), tmp_path / "out")
    verdicts = {row["name"]: row["verdict"] for row in answer["estimates"]}
    assert verdicts["a"] == verdicts["b"] == "structural"
    assert any("a" in one and "b" in one for one in answer["cannot be told"])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"one.csv"', '"none.csv"', "none.csv"),
        ('{ c = "c" }', '{ d = "c" }', "'d'"),
        ('{ c = "c" }', '{ c = "titre" }', "'titre'"),
        ("held_out = true", "held_out = 3", "held_out"),
        ('parameters = ["a"]', 'parameters = ["k"]', "'k'"),
        ('initial = { c = "1.5 g/L" }', 'initial = { c = "-1 g/L" }', "cannot be"),
    ],
)
def test_what_is_wrong_with_the_data_is_named(
    write, tmp_path: Path, old: str, new: str, words: str
) -> None:
    with pytest.raises(GoldenbatchError) as caught:
        fit_command(NO_HOME, write(STUDY.replace(old, new, 1)), tmp_path / "out")
    assert words in str(caught.value)


def test_a_study_without_data_says_so(write, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no data to fit"):
        fit_command(NO_HOME, write(STUDY.split("[[data]]", maxsplit=1)[0]), tmp_path / "out")


def test_a_batch_of_a_table_is_compared_without_a_home(write, tmp_path: Path) -> None:
    answer = compare_command(NO_HOME, write(STUDY), "two", None, tmp_path / "out")
    (row,) = answer["outputs"]
    assert row["n"] == 12
    t = np.delete(np.arange(0.0, 6.1, 0.5), 3)
    fed = np.clip(t - 2.0, 0.0, None)
    declared, truth = (
        np.exp(-k * t) + 0.5 / k * (1.0 - np.exp(-k * fed)) for k in (0.3 + 0.1, 0.6)
    )
    wanted = np.sqrt(np.mean((declared - truth) ** 2))
    assert row["rmse"] == pytest.approx(wanted, abs=1e-4)
    assert {"rmse of first value", "rmse of mean of the others"} <= set(row)
    assert (tmp_path / "out" / "compare.png").stat().st_size > 2000
    document = json.loads((tmp_path / "out" / "compare.json").read_text(encoding="utf-8"))
    assert document["provenance"]["home"] == []
