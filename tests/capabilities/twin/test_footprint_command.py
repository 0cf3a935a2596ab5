"""The footprint of a batch by command: flows of the run, factors with version and source."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from goldenbatch.capabilities.twin.footprint_commands import footprint_command
from goldenbatch.capabilities.twin.keeping import result_in
from goldenbatch.core.errors import GoldenbatchError

MODEL = """
from goldenbatch.science.process import Model, ModelBuilder


def fed() -> Model:
    m = ModelBuilder("fed", version="1", title="Fed tank", time_unit="h")
    V = m.state("V", "L", initial=1.0, lower=0.0, upper=500.0)
    P = m.state("P", "g", initial=0.0, lower=0.0)
    F = m.input("F", "L/h", lower=0.0, upper=20.0)
    m.derivative(V, F)
    m.derivative(P, m.constant("y", 2.0, "g/L") * F)
    m.output("product", P, "g")
    v = m.argument("v", "L")
    m.jump("bolus", {"V": V + v}, {"volume": (v, "L")})
    m.stop("overflow", V - m.constant("full", 200.0, "L"))
    return m.build()
"""
STUDY = """
schema = "goldenbatch/twin/1"
name = "fed"
[model]
target = "twin_footprint_models:fed"
[recipe]
duration = 10
interval = 4
inputs = { F = { times = [0, 10], values = [0, "10 L/h"], line = true } }
[[recipe.events]]
at = 5
jump = "bolus"
arguments = { volume = "20 L" }
[footprint]
year = 2024
product = "product"
dose = "10 g"
factors = "own.toml"
left_out = { vials = "bought with the filling, counted there" }
flows = [
  { item = "water.mains", input = "F", stage = "feed" },
  { item = "medium", input = "F", times = "20 g/L", stage = "feed" },
  { item = "water.mains", jump = "bolus", argument = "volume", stage = "bolus" },
  { item = "electricity.GB", power = "3 kW", stage = "feed" },
  { item = "natural gas", steam = "50 kg", stage = "sterilisation" },
  { item = "vials", amount = "100 kg" },
]
"""
OWN = """
schema = "goldenbatch/footprint-factors/1"
version = "site 3"
title = "Factors of the site"
[[items]]
item = "medium"
kind = "material"
unit = "kg"
mass_kg = 1.0
[[items.factors]]
indicator = "co2e"
value = 5.0
unit = "kg/kg"
years = [2020, 2026]
source = "supplier"
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "twin_footprint_models", raising=False)
    (tmp_path / "twin_footprint_models.py").write_text(MODEL, encoding="utf-8")
    (tmp_path / "own.toml").write_text(OWN, encoding="utf-8")

    def _run(text: str = STUDY) -> tuple[dict[str, Any], int]:
        (tmp_path / "study.toml").write_text(text, encoding="utf-8")
        shown: list[dict[str, Any]] = []
        session = SimpleNamespace(exit_code=0, show=shown.append)
        footprint_command(session, tmp_path / "study.toml", tmp_path / "out")
        return shown[0], session.exit_code

    return _run


def test_flows_of_the_run_become_footprint_of_batch_and_dose(run, tmp_path: Path) -> None:
    answer, code = run()
    assert (answer["status"], code) == ("complete", 0)
    parts = {(one["stage"], one["item"]): one for one in answer["parts"]}
    # a ramp from 0 to 10 L/h over 10 h is 50 L; rows do not divide the ramp evenly
    assert parts["feed", "water.mains"]["amount"] == pytest.approx(0.05)
    assert parts["bolus", "water.mains"]["amount"] == pytest.approx(0.02)
    assert parts["feed", "medium"]["amount"] == pytest.approx(1.0)
    assert parts["feed", "medium"]["source"] == "supplier"
    power = parts["feed", "electricity.GB"]
    assert power["amount"] == pytest.approx(30.0)
    assert power["co2e"] == pytest.approx(30 * 0.20705)
    batch = {one["of"]: one["value"] for one in answer["batch"]}
    dose = {one["of"]: one["value"] for one in answer["dose"]}
    assert dose["co2e"] == pytest.approx(batch["co2e"] / 10, rel=1e-4)  # 100 g of product
    assert batch["co2e"] == pytest.approx(sum(one["co2e"] for one in answer["parts"]))
    # 70 kg of water and 1 kg of medium for 0.1 kg
    assert answer["process mass intensity"]["value"] == pytest.approx(710.0, rel=0.01)
    assert "site 3" in answer["factors"]
    assert answer["left out"][0]["item"] == "vials"
    text = (tmp_path / "out" / "footprint.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert len(rows) == 5
    assert {"factors_version", "model_digest"} <= set(answer["provenance"])
    kept = result_in(tmp_path / "out")
    assert (kept["work"], kept["model"]) == ("footprint", "fed")


def test_a_batch_that_overflows_has_no_footprint(run, tmp_path: Path) -> None:
    run()
    answer, code = run(STUDY.replace('"20 L"', '"190 L"'))
    assert (answer["status"], code) == ("stopped", 1)
    assert "overflow" in answer["reason"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["footprint.json"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('item = "medium"', 'item = "broth"', "no factor for 'broth'"),
        ('"20 g/L"', '"20 g"', r"kg"),
        ('input = "F", times', 'input = "Q", times', "no input"),
        ('argument = "volume"', 'argument = "mass"', "no jump 'bolus' with 'mass'"),
        ('power = "3 kW"', 'power = "3 kW", column = "V"', "a flow is one of"),
        ('product = "product"\n', "", "names no product"),
        ('"own.toml"', '"other.toml"', "other.toml does not exist"),
        ('"bought with the filling, counted there"', '""', "without a reason"),
    ],
)
def test_what_cannot_be_reckoned_is_said(run, old: str, new: str, words: str) -> None:
    with pytest.raises(GoldenbatchError, match=words):
        run(STUDY.replace(old, new))
