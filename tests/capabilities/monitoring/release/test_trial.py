"""The trial of release models on folders of its own, and the leaks of real files."""

import csv
import json
import tomllib

import numpy as np
import pytest

from goldenbatch.capabilities.monitoring.release._trial_case import case_of, leaks_of
from goldenbatch.capabilities.monitoring.release._trial_table import batch_table
from goldenbatch.capabilities.monitoring.release.acceptance import evaluation_of
from goldenbatch.capabilities.monitoring.release.gate import GateCriteria, judge
from goldenbatch.capabilities.monitoring.release.trial import ReleaseTrial
from goldenbatch.capabilities.monitoring.release.trial_settings import (
    ReleaseTrialSettings,
    settings_of,
)
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.trial import TrialData, TrialFile
from goldenbatch.runtime._trial_tables import read_role
from goldenbatch.runtime.trials import load_trial_file, run_trial
from tests.conftest import ROOT, data_root

TRIAL = """
trial = "monitoring.release"
title = "t"
source = "s"
[files.laboratory]
glob = "lab*.csv"
separator = ";"
[files.shared_press]
glob = "press*.csv"
separator = ";"
[columns]
batch = "batch"
code = "product"
lot = "lot"
time = "month"
target = ["assay", "noise"]
predictors = ["force", "water", "colour"]
[split]
by = "time"
train_share = 0.4
[settings]
n_least = 30
n_trees = 20
candidates = ["ridge"]
has_splits = false
[settings.reporting_limit]
assay = 9.0
[settings.criteria]
n_monitoring = 50
n_uncensored = 20
"""
NAMES = "jan feb mar apr maj jun jul avg sep okt nov dec".split()


def write(folder, n=240, seed=0, first=0, name="lab", press="press", strength=0.8):
    """Batches of two products: `assay` follows force and water, `noise` follows nothing."""
    rng = np.random.default_rng(seed)
    with (
        (folder / f"{name}.csv").open("w", newline="") as lab,
        (folder / f"{press}.csv").open("w", newline="") as machine,
    ):
        one, two = csv.writer(lab, delimiter=";"), csv.writer(machine, delimiter=";")
        one.writerow(["batch", "product", "lot", "month", "water", "colour", "assay", "noise"])
        two.writerow(["batch", "force"])
        for k in range(first, first + n):
            month, force, water = k // 12, rng.normal(), rng.normal()
            assay = 9 + 2 * (k % 2) + strength * force + 0.8 * water + 0.5 * rng.normal()
            shown = "<9" if assay < 9 else f"{assay:.3f}"
            one.writerow([
                k, "AB"[k % 2], k // 5, f"{NAMES[month % 12]}.{18 + month // 12}",
                "" if k % 31 == 0 else f"{water:.3f}", ["red", "blue"][k % 3 == 0], shown,
                f"{rng.normal():.3f}",
            ])  # fmt: skip
            two.writerow([k, f"{force:.3f}"])


def run(folder, text=TRIAL):
    path = folder / "trial.toml"
    path.write_text(text)
    file = TrialFile.model_validate(tomllib.loads(text))
    return run_trial(ReleaseTrial(), file, path, folder)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trial")
    write(folder)
    return run(folder)


def test_what_follows_a_cause_is_monitored_and_what_follows_nothing_is_not(outcome):
    found = outcome["measures"]
    assert found["accepted_for"] == {"assay": "monitoring", "noise": "none"}
    assert found["rmse_ratio"]["assay"] < 0.7
    assert any("best baseline" in reason for reason in found["reasons"]["noise"])
    assert any("specification: none given" in reason for reason in found["reasons"]["assay"])
    assert any("best baseline" in why for why in found["refused_for_release"]["noise"])
    assert found["refused_for_release"]["assay"] == found["reasons"]["assay"]
    json.dumps(outcome, allow_nan=False)


def test_an_entry_is_an_evaluation_that_the_gate_reads_again(outcome):
    for name, entry in outcome["measures"]["attributes"].items():
        again = judge(evaluation_of(entry), GateCriteria(n_monitoring=50, n_uncensored=20))
        assert list(again.reasons) == outcome["measures"]["reasons"][name]


def test_a_locked_model_is_fitted_once(tmp_path):
    write(tmp_path)
    found = run(tmp_path, TRIAL.replace("n_least = 30", "n_least = 30\nevery = 0"))["measures"]
    assert found["accepted_for"]["assay"] == "monitoring"
    assay = found["attributes"]["assay"]
    assert assay["locked_model"]["ratio"] == pytest.approx(assay["ratio"])
    again = run(tmp_path)["measures"]["attributes"]["assay"]
    assert again["locked_model"]["ratio"] == pytest.approx(assay["ratio"])
    assert again["ratio"] != pytest.approx(assay["ratio"], rel=1e-6)


def test_the_censored_share_is_told(outcome):
    assay = outcome["measures"]["attributes"]["assay"]
    assert assay["limit"] == 9.0
    assert 0.6 < assay["uncensored_share"] < 0.85
    assert assay["rmse_uncensored"] is not None
    assert outcome["baseline"]["assay"]["uncensored_share"] == assay["uncensored_share"]
    assert outcome["baseline"]["assay"]["rmse"] == pytest.approx(assay["baselines"])


def test_planted_columns_are_told_up_to_which_noise(outcome):
    for attribute in outcome["measures"]["attributes"].values():
        planted = attribute["planted_leaks"]
        for noise in ("0", "0.1", "0.3", "0.5"):
            assert planted["caught_as"][noise]
            assert planted["accepted_for"][noise] == "none"


def test_later_batches_change_nothing_of_earlier_ones_and_are_measured_alike(tmp_path):
    text = TRIAL.replace('by = "time"\ntrain_share = 0.4', 'by = "file"').replace(
        '[files.laboratory]\nglob = "lab*.csv"',
        '[files.train]\nglob = "early.csv"\nseparator = ";"\n[files.test]\nglob = "lab*.csv"',
    )
    write(tmp_path, 96, name="early", press="press0")
    write(tmp_path, 60, seed=1, first=96, name="lab1", press="press1")
    before = run(tmp_path, text)["measures"]["attributes"]["assay"]
    write(tmp_path, 60, seed=2, first=156, name="lab2", press="press2")
    after = run(tmp_path, text)["measures"]["attributes"]["assay"]
    assert len(after["by_period"]) == len(before["by_period"]) + 5
    for period, figures in before["by_period"].items():
        assert after["by_period"][period]["rmse"] == figures["rmse"]
        assert after["by_period"][period]["coverage"] == figures["coverage"]
    assert after["rmse_of_candidates_on_training_side"] == before[
        "rmse_of_candidates_on_training_side"
    ]  # fmt: skip


def test_a_planted_column_is_caught_and_refused_however_good_it_looks(tmp_path):
    write(tmp_path)
    found = run(tmp_path, TRIAL.replace("n_trees = 20", "n_trees = 20\nplanted_leak = 0.2"))
    assert set(found["measures"]["accepted_for"].values()) == {"none"}
    for attribute in found["measures"]["attributes"].values():
        assert attribute["ratio"] < 0.5
        assert [leak["column"] for leak in attribute["leaks"]] == ["planted_leak"]
        assert "planted_leak" in attribute["verdict"]["reasons"][0]


def test_declared_stages_are_leaks_whatever_they_say(tmp_path):
    write(tmp_path)
    stages = '[settings.stages]\nmaterial = ["water"]\npress = ["force"]\nlater = ["colour"]\n'
    text = TRIAL.replace("[settings.criteria]", stages + "[settings.criteria]")
    found = run(tmp_path, text.replace("n_trees", 'decided_after = "press"\nn_trees'))
    leaks = found["measures"]["attributes"]["assay"]["leaks"]
    assert [(leak["column"], leak["kind"]) for leak in leaks] == [
        ("colour", "comes after the decision")
    ]
    with pytest.raises(BadInputError, match="packing"):
        run(tmp_path, text.replace("n_trees", 'decided_after = "packing"\nn_trees'))


def test_a_strong_cause_is_held_against_the_model_until_it_is_explained(tmp_path):
    write(tmp_path, strength=5.0)
    found = run(tmp_path)["measures"]["attributes"]["assay"]
    assert [leak["column"] for leak in found["leaks"]] == ["force"]
    assert found["verdict"]["accepted_for"] == "none"
    why = 'explained = { force = "read at the press, before the decision" }\nn_trees'
    again = run(tmp_path, TRIAL.replace("n_trees", why))["measures"]["attributes"]["assay"]
    assert not again["leaks"] and "force" in again["explained_columns"]
    assert again["verdict"]["accepted_for"] == "monitoring"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("n_least = 30", "n_most = 30", "n_most"),
        ("n_least = 30", "n_least = 500", "longer training side|past rows"),
        ('code = "product"', 'code = "produkt"', "produkt"),
        ('["assay", "noise"]', '["assay", "force"]', "tables have the targets"),
        ('candidates = ["ridge"]', 'candidates = ["oracle"]', "oracle"),
        ('time = "month"', 'time = "colour"', "row 1 of column 'colour'"),
        ("n_least = 30", 'n_least = 30\nexclude = ["*"]', "no predictor"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, old, new, words):
    write(tmp_path, 60)
    with pytest.raises(BadInputError, match=words):
        run(tmp_path, TRIAL.replace(old, new))


def test_tests_before_training_are_refused(tmp_path):
    write(tmp_path, 60, name="lab1", press="press1", first=60)
    write(tmp_path, 60, name="lab2", press="press2")
    with pytest.raises(BadInputError, match="not forward in time"):
        run(tmp_path)


def test_a_batch_twice_in_a_joined_table_is_refused(tmp_path):
    write(tmp_path, 60)
    rows = (tmp_path / "press.csv").read_text()
    (tmp_path / "press.csv").write_text(rows + "7;0.5\n")
    with pytest.raises(BadInputError, match="batch '7' twice"):
        run(tmp_path)


def test_a_batch_twice_among_the_results_is_refused(tmp_path):
    write(tmp_path, 60)
    (path,) = tmp_path.glob("lab*.csv")
    rows = path.read_text().splitlines()
    path.write_text("\n".join([*rows[:2], *rows[1:]]) + "\n")
    with pytest.raises(BadInputError, match=r"batch '\d+' twice"):
        run(tmp_path)


@pytest.mark.skipif(not (data_root() / "tablets").is_dir(), reason="the tablets are not there")
def test_final_tests_among_the_features_of_the_press_are_found():
    """The published file of process features holds the final tests too, under other names."""
    file = load_trial_file(ROOT / "examples/trials/tablets_release.toml")
    columns = {**file.columns, "predictors": (*file.columns["predictors"], "[A-Z]*")}
    file = file.model_copy(update={"columns": columns})
    settings = settings_of(file).model_copy(update={"decided_after": ""})
    tables = {name: read_role(name, one, data_root() / "tablets").columns
              for name, one in file.files.items()}  # fmt: skip
    table, _ = batch_table(file, [TrialData(tables, {})], settings)
    finals = {
        "dissolution_av": {"Drug release average (%)"},
        "dissolution_min": {"Drug release min (%)"},
        "impurities_total": {"Total impurities"},
        "impurity_l": {"Impurity L"},
        "resodual_solvent": {"Residual solvent"},
    }
    for name, expected in finals.items():
        found = {leak.column for leak in leaks_of(case_of(table, name, settings))[0]}
        assert expected <= found <= {*expected, "Drug release min (%)", "Drug release average (%)",
                                     "Impurity L", "Total impurities"}  # fmt: skip


def test_every_setting_stands_in_the_how_to():
    page = (ROOT / "docs/how-to/release-trial.md").read_text(encoding="utf-8")
    for model in (ReleaseTrialSettings, GateCriteria):
        assert not [name for name in model.model_fields if f"`{name}`" not in page]
