"""Studies that start from a model's own recipe."""

from __future__ import annotations

from pathlib import Path

import pytest

from goldenbatch.capabilities.twin._own_recipes import start_of
from goldenbatch.capabilities.twin.asking import asked_of
from goldenbatch.capabilities.twin.commands import run_command
from goldenbatch.capabilities.twin.recipes import build_recipe, model_ref, recipe_of
from goldenbatch.capabilities.twin.study import load_study
from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.science.process import library
from goldenbatch.science.process.library.penicillin.start import draw
from goldenbatch.science.process.library.penicillin.twin import Plan, recipe

ROOT = Path(__file__).resolve().parents[3]
HEAD = 'schema = "goldenbatch/twin/1"\nname = "own"\n[model]\nuse = "{}"\n[recipe]\n'
OWN = HEAD + 'use = "default"\n'


@pytest.fixture
def read(tmp_path: Path):
    def _read(text: str):
        path = tmp_path / "study.toml"
        path.write_text(text, encoding="utf-8")
        return load_study(path)

    return _read


@pytest.mark.parametrize("entry", library.ENTRIES, ids=lambda one: one.name)
def test_six_lines_are_a_study_of_every_model(read, entry) -> None:
    found = read(OWN.format(entry.name))
    made = recipe_of(found, model_ref(found).load())
    assert made.digest == entry.default_recipe().digest


def test_the_published_fault_and_batch_are_reached(tmp_path: Path, read) -> None:
    text = (ROOT / "examples/twins/penicillin.toml").read_text(encoding="utf-8")
    found = read(text)
    model = model_ref(found).load()
    start = draw(7)
    assert recipe_of(found, model).digest == recipe(start, Plan(fault=8)).digest
    assert start_of(found) == (start.states(), dict(start.parameters))
    asked = asked_of(found)
    assert (asked.initial["V"], asked.parameters["mu_x"]) == (
        start.initial["V"],
        start.parameters["mu_x"],
    )
    (tmp_path / "study.toml").write_text(
        text.replace("seed = 7 }\n", 'seed = 7 }\nduration = "4 h"\n'), encoding="utf-8"
    )
    answer = run_command(tmp_path / "study.toml", tmp_path / "out")
    assert (answer["status"], answer["end"]) == ("complete", "4 h")


def test_the_mode_of_the_model_is_that_of_its_recipe(read) -> None:
    changed = OWN.format("penicillin.indpensim").replace(
        "[recipe]", '[model.settings]\nmode = "corrected"\n[recipe]'
    )
    found = read(changed)
    corrected = library.entry("penicillin.corrected").default_recipe()
    assert recipe_of(found, model_ref(found).load()).digest == corrected.digest


def test_a_study_changes_what_it_names_and_adds_the_rest(read) -> None:
    own = library.entry("cho.monod").default_recipe()
    found = read(
        OWN.format("cho.monod")
        + 'duration = "3 d"\ninterval = "6 h"\ninputs = { G_in = 300 }\n'
        + '[[recipe.events]]\nat = "1 d"\nshift = "F"\nvalue = "1 mL/h"\n'
        + '[[recipe.faults]]\nkind = "weakened"\ninputs = ["F"]\nfactor = 0.5\nstart = "2 d"\n'
    )
    made = recipe_of(found, model_ref(found).load())
    assert (made.duration, made.interval) == (72.0, 6.0)
    assert made.inputs["F"] == own.inputs["F"]
    assert made.inputs["G_in"].value == 300.0
    assert len(made.faults) == len(own.faults) + 1
    assert made.events[-1].at == 24.0
    assert all(one.at <= 72.0 for one in made.events)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD.format("cho.monod"), "duration and interval"),
        (HEAD.format("cho.monod") + "duration = 2\ninterval = 1\nsettings = { a = 1 }", "settings"),
        (OWN.format("cho.monod") + "settings = { fault = 1 }", "no setting 'fault'"),
        (OWN.format("penicillin.indpensim") + "settings = { fault = 9 }", "no fault 9"),
        (OWN.format("penicillin.indpensim") + 'settings = { seed = "x" }', "cannot be made"),
        (OWN.format("penicillin.indpensim") + 'interval = "1 h"', "act every 0.2"),
    ],
)
def test_what_cannot_be_is_said(read, text: str, words: str) -> None:
    with pytest.raises(GoldenbatchError, match=words):
        found = read(text)
        recipe_of(found, model_ref(found).load())


def test_a_model_of_ones_own_has_no_recipe_and_fits_need_words(read) -> None:
    text = OWN.format("x").replace('use = "x"', 'target = "json:dumps"')
    with pytest.raises(GoldenbatchError, match="only models of the library"):
        start_of(read(text))
    found = read(OWN.format("cho.monod"))
    with pytest.raises(GoldenbatchError, match="in words"):
        build_recipe(found.recipe, model_ref(found).load(), found.folder)
