"""A study run many times: figures, criteria, factors and posterior from its words."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from goldenbatch.capabilities.twin.asking import asked_of, load_posterior, members_of
from goldenbatch.capabilities.twin.ensemble_commands import ensemble_command
from goldenbatch.capabilities.twin.study import load_study
from goldenbatch.core.errors import BadInputError, GoldenbatchError, NotFoundError
from goldenbatch.science.process.posterior import prior

STUDY = """
schema = "goldenbatch/twin/1"
name = "CHO"
members = 8
[model]
use = "cho.monod"
parameters = { kLa = 20.0 }
[recipe]
duration = "4 d"
interval = "1 d"
[recipe.inputs]
G_in = "400 mmol/L"
[recipe.inputs.F]
times = ["0 d", "1 d"]
values = ["0 L/h", "1 mL/h"]
[[recipe.events]]
at = "2 d"
jump = "bolus"
arguments = { volume = "10 mL", glucose = "500 mmol/L" }
[[measures]]
name = "titre"
column = "titre"
lower = "0.1 g/L"
[[measures]]
name = "hungry"
column = "glucose"
take = "time_below"
level = "5 mmol/L"
[[factors]]
scale = "F"
low = 0.5
high = 2
[[factors]]
event = 1
of = "volume"
low = "5 mL"
high = "20 mL"
[[factors]]
event = 1
of = "time"
low = "1 d"
high = "3 d"
"""


@pytest.fixture
def write(tmp_path: Path):
    def _write(text: str) -> Path:
        (tmp_path / "study.toml").write_text(text, encoding="utf-8")
        return tmp_path / "study.toml"

    return _write


def test_an_ensemble_is_run_and_written(write, tmp_path: Path) -> None:
    answer = ensemble_command(write(STUDY), tmp_path / "out")
    assert answer["n_members"] == 8
    assert [one["measure"] for one in answer["measures"]] == ["final titre", "time_below glucose 5"]
    assert 0.0 <= answer["feasible"]["lower"] <= answer["feasible"]["share"] <= 1.0
    document = json.loads((tmp_path / "out" / "ensemble.json").read_text(encoding="utf-8"))
    assert document["provenance"]["model"] == "cho.monod"
    assert (tmp_path / "out" / "ensemble.png").stat().st_size > 2000


def test_factors_have_the_units_of_what_they_change(write) -> None:
    asked = asked_of(load_study(write(STUDY)))
    found = [(one.kind, one.low, one.high) for one in asked.factors]
    assert found == [("scale", 0.5, 2.0), ("argument", 0.005, 0.02), ("time", 24.0, 72.0)]


def test_what_the_study_sets_is_not_varied(write) -> None:
    study = load_study(write(STUDY))
    asked = asked_of(study)
    members = members_of(study, asked.load())
    place = asked.load().at("parameters", "kLa")
    assert np.all(members.parameters[:, place] == 20.0)
    assert "kLa" not in members.varied


def test_a_posterior_is_read_from_its_file(write, tmp_path: Path) -> None:
    path = write(STUDY.replace("parameters = { kLa = 20.0 }", 'posterior = "fit.json"'))
    study = load_study(path)
    model = asked_of(study).load()
    with pytest.raises(NotFoundError, match=r"fit\.json"):
        members_of(study, model)
    drawn = prior(model, 5, seed=1)
    (tmp_path / "fit.json").write_text(json.dumps(drawn.to_dict()), encoding="utf-8")
    members = members_of(study, model)
    assert members.n == 5
    assert members.posterior == drawn.digest == load_posterior(tmp_path / "fit.json").digest
    (tmp_path / "fit.json").write_text('{"schema": "x"}', encoding="utf-8")
    with pytest.raises(BadInputError, match="no posterior"):
        members_of(study, model)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('of = "volume"', 'of = "colour"', "colour"),
        ("event = 1", "event = 2", "has 1"),
        ('low = "5 mL"', 'low = "5 mg"', "5 mg"),
        ('column = "titre"', 'column = "tite"', "tite"),
        ('level = "5 mmol/L"', "", "level"),
        ('lower = "0.1 g/L"', 'lower = "1 h"', "1 h"),
        ('scale = "F"', 'scale = "F"\ninput = "F"', "exactly one"),
    ],
)
def test_what_is_asked_wrongly_is_named(
    write, tmp_path: Path, old: str, new: str, words: str
) -> None:
    with pytest.raises(GoldenbatchError) as caught:
        ensemble_command(write(STUDY.replace(old, new, 1)), tmp_path / "out")
    assert words in str(caught.value)
    assert not (tmp_path / "out").exists()
