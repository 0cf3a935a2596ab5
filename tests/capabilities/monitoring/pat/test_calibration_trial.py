"""The trial of calibrations: two instruments, few standards, groups, masses, and honest files."""

import os
import tomllib
from pathlib import Path

import numpy as np
import pytest

from goldenbatch.capabilities.monitoring.pat.calibration_trial import CalibrationTrial
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.trial import TrialFile
from goldenbatch.runtime.trials import load_trial_file, run_trial
from tests.science.spectra.made import AXIS, samples, second_instrument

ROOT = Path(__file__).parents[4]
DATA = Path(os.environ.get("GOLDENBATCH_DATA", ROOT.parent / "shared" / "data"))
HEAD = """
trial = "monitoring.calibration"
title = "t"
source = "s"
"""
TWO = """
[files.first]
glob = "first.csv"
[files.second]
glob = "second.csv"
[columns]
spectra = "900..1600"
target = "content"
{columns}
[split]
by = "column"
column = "side"
train = ["Train"]
test = ["Later"]
[settings]
n_standards = 8
orders = [["savitzky-golay"]]
windows = [7]
n_components_max = 4
n_folds = 4
n_repeats = 1
{settings}
"""


def write(path, columns):
    names = list(columns)
    rows = zip(*columns.values(), strict=True)
    path.write_text("\n".join([",".join(names), *(",".join(map(str, row)) for row in rows)]))


def columns_of(content, spectra, n_train, **more):
    side = ["Train" if i < n_train else "Later" for i in range(len(content))]
    channels = {f"{place:.4f}": spectra[:, j] for j, place in enumerate(AXIS)}
    return {"side": side, **more, "content": content, **channels}


@pytest.fixture
def folder(tmp_path):
    content, spectra = samples(70, 31)
    mass = np.random.default_rng(0).uniform(0.9, 1.1, 70)
    names = [f"s{i}" for i in range(70)]
    first = columns_of(content * mass, spectra, 50, mass=mass, name=names)
    second = columns_of(content * mass, second_instrument(spectra), 50, mass=mass, name=names)
    write(tmp_path / "first.csv", first)
    write(tmp_path / "second.csv", second)
    return tmp_path


def run(folder, columns="", settings="", head=HEAD):
    text = head + TWO.format(columns=columns, settings=settings)
    path = folder / "trial.toml"
    path.write_text(text)
    file = TrialFile.model_validate(tomllib.loads(text))
    return run_trial(CalibrationTrial(), file, path, folder)


def test_instruments_transfer_mass_and_the_naive_one_stand_side_by_side(folder):
    found = run(folder, 'mass = "mass"\nsample = "name"')
    measures = found["measures"]
    rmsep = measures["rmsep"]
    assert set(rmsep) == {"first", "second", "transfer"}
    assert rmsep["first"] < 0.7 * measures["spectra_only"]["rmsep"]["first"]
    assert rmsep["transfer"]["second"] < 0.5 * measures["rmsep_untreated"]["second"]
    assert measures["share_out_of_domain_untreated"]["second"]["share"] > 0.8
    assert measures["share_in_domain"]["transfer"]["second"]["share"] > 0.8
    assert found["baseline"]["rmsep"]["first"] > 5 * rmsep["first"]
    assert measures["n_results"] == {"first": 20, "second": 20}
    transfer = measures["transfer"]["second"]
    assert transfer["n_standards"] == len(set(transfer["standards"])) == 8
    assert all(int(name[1:]) < 50 for name in transfer["standards"])
    assert measures["chosen"]["first"]["rmse_nested"] >= 0.5 * rmsep["first"]


def test_another_master_and_one_instrument_alone(folder):
    found = run(folder, settings='master = "second"\nreference_error = 0.05')["measures"]
    assert set(found["rmsep"]["transfer"]) == {"first"}
    assert found["rmsep_corrected"]["first"] < found["rmsep"]["first"]
    with pytest.raises(BadInputError, match="no role is named 'third'"):
        run(folder, settings='master = "third"')


def test_samples_that_are_not_the_same_need_a_name(folder):
    text = (folder / "second.csv").read_text().splitlines()
    (folder / "second.csv").write_text("\n".join([text[0], *reversed(text[1:])]))
    with pytest.raises(BadInputError, match="not the same samples") as caught:
        run(folder)
    assert "columns.sample" in caught.value.hint
    by_name = run(folder, 'sample = "name"\nmass = "mass"')["measures"]
    assert by_name["rmsep"]["transfer"]["second"] < 0.5 * by_name["rmsep_untreated"]["second"]


def test_rows_without_a_result_are_left_out_and_counted(folder):
    text = (folder / "first.csv").read_text().splitlines()
    cells = text[60].split(",")
    cells[3] = ""
    (folder / "first.csv").write_text("\n".join([*text[:60], ",".join(cells), *text[61:]]))
    measures = run(folder, 'sample = "name"')["measures"]
    assert measures["n_rows_left_out"] == {"first": 1, "second": 0}
    assert measures["n_results"] == {"first": 19, "second": 20}


@pytest.mark.parametrize("key", ["mass", "group", "sample"])
def test_a_column_that_one_instrument_lacks_is_named(folder, key):
    name = {"mass": "mass", "group": "side", "sample": "name"}[key]
    text = (folder / "second.csv").read_text()
    (folder / "second.csv").write_text(text.replace(f"{name},", "other,", 1))
    with pytest.raises(BadInputError, match="second"):
        run(folder, f'{key} = "{name}"')


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ('orders_of = ["snv"]', "orders_of"),
        ('fitted_groups = ["lab"]', "no training row is of the group 'lab'"),
        ("degree = 9", "odd window > degree"),
    ],
)
def test_settings_that_cannot_be_are_named(folder, settings, words):
    with pytest.raises(BadInputError, match=words):
        run(folder, settings=settings)


def test_a_scale_that_is_not_fitted_on_takes_part_in_the_choice(tmp_path):
    content, spectra = samples(90, 32)
    scale = np.array(["Lab"] * 30 + ["Pilot"] * 30 + ["Commercial"] * 30)
    table = columns_of(content, spectra, 60, scale=scale)
    write(tmp_path / "first.csv", table)
    write(tmp_path / "second.csv", table)
    text = HEAD + TWO.format(columns='group = "scale"', settings='fitted_groups = ["Lab"]')
    text = text.replace('[files.second]\nglob = "second.csv"\n', "")
    file = TrialFile.model_validate(tomllib.loads(text))
    (tmp_path / "trial.toml").write_text(text)
    chosen = run_trial(CalibrationTrial(), file, tmp_path / "trial.toml", tmp_path)["measures"]
    assert set(chosen["rmsep"]) == {"first"}
    assert chosen["chosen"]["first"]["n_reference"] <= 30
    assert chosen["chosen"]["first"]["rule"] == "one-standard-error"
    assert chosen["chosen"]["first"]["rmse_nested"] is None
    assert chosen["chosen"]["first"]["left_out"] == "groups"
    alone = text.replace('column = "side"', 'column = "scale"').replace('["Train"]', '["Lab"]')
    alone = alone.replace('["Later"]', '["Commercial"]')
    file = TrialFile.model_validate(tomllib.loads(alone))
    one = run_trial(CalibrationTrial(), file, tmp_path / "trial.toml", tmp_path)["measures"]
    assert one["chosen"]["first"]["left_out"] == "repeated folds"
    assert one["chosen"]["first"]["rule"] == "one-standard-error"


@pytest.mark.parametrize("name", ["nir_tablets", "dyrby"])
def test_the_trial_files_are_whole(name):
    file = load_trial_file(ROOT / "examples" / "trials" / f"{name}.toml")
    assert file.trial == CalibrationTrial.name


@pytest.mark.skipif(not (DATA / "dyrby").is_dir(), reason=f"no dyrby below {DATA}")
def test_laboratory_tablets_predict_commercial_ones():
    path = ROOT / "examples" / "trials" / "dyrby.toml"
    found = run_trial(CalibrationTrial(), load_trial_file(path), path, DATA / "dyrby")
    assert found["measures"]["rmsep"]["tablets"] <= 0.35
    assert found["baseline"]["rmsep"]["tablets"] > 1.0
