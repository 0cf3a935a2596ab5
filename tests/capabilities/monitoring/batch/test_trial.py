"""The trial of batch MSPC on folders that its authors did not have."""

import json
import tomllib

import numpy as np
import pytest

from goldenbatch.capabilities.monitoring.batch._planting import PlantedFault
from goldenbatch.capabilities.monitoring.batch._trial_runs import TwinPopulation
from goldenbatch.capabilities.monitoring.batch.trial import BatchRunTrial
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.trial import TrialFile
from goldenbatch.runtime.trials import load_trial_file, run_trial
from goldenbatch.science.latent.batch import BatchRun

ONE_TABLE = """
trial = "monitoring.batch_runs"
title = "t"
source = "s"
[files.table]
glob = "runs.csv"
[columns]
batch = "lot"
phase = "step"
time = "min"
values = ["temp", "flow"]
{label}
[split]
by = "group"
column = "lot"
train_share = 0.6
[settings]
time_unit = "min"
false_alarm_rate = 0.15
forecasts = ["end"]
n_components = 1
{more}
[[settings.phases]]
name = "heat"
n_points = 20
[[settings.planted]]
name = "temp off by 6"
kind = "bias"
phase = "heat"
variable = "temp"
size = 6.0
[[settings.planted]]
name = "twice as long"
kind = "length"
phase = "heat"
size = 12.0
"""


def rows(seed, bias=0.0, n=None):
    rng = np.random.default_rng(seed)
    n = n or 20 + int(rng.integers(0, 3))
    level = rng.normal(0, 1)
    temp = 20 + np.arange(n) + level + rng.normal(0, 0.3, n) + bias * (np.arange(n) > n // 2)
    return [*((k, "heat", temp[k], 5 + rng.normal(0, 0.3)) for k in range(n)), (n, "rest", 20.0, 5)]


def table(folder, n=20, faulty=()):
    lines = ["lot,step,min,temp,flow,bad"]
    for i in range(n):
        is_bad = i in faulty
        for k, step, temp, flow in rows(i, bias=9.0 if is_bad else 0.0):
            lines.append(f"L{i},{step},{k},{temp:.5f},{flow:.5f},{'valve' if is_bad else ''}")
    (folder / "runs.csv").write_text("\n".join(lines))


def run(folder, text):
    path = folder / "trial.toml"
    path.write_text(text)
    return run_trial(BatchRunTrial(), load_trial_file(path), path, folder)


def test_planted_faults_are_found_and_good_batches_judged_by_others(tmp_path):
    table(tmp_path)
    answer = run(tmp_path, ONE_TABLE.format(label="", more=""))
    found = answer["measures"]
    n_inside = found["false_alarm_rate"]["n"]
    assert n_inside + round(found["domain_alarm_rate"]["share"] * 20) == 20
    assert found["n_golden_batches"] + len(found["golden_batches_dropped"]) == 12
    assert found["planted_faults"]["temp off by 6"]["detected"]["share"] >= 0.9
    assert found["planted_faults"]["temp off by 6"]["named_among_first_3"]["share"] == 1.0
    assert found["planted_faults"]["twice as long"]["by_domain"] >= 0.8 * n_inside
    assert set(found["batches"]) == {f"L{i}" for i in range(12, 20)}
    baseline = answer["baseline"]["false_alarm_rate_of_3_sigma_envelope"]
    assert baseline["share"] >= found["false_alarm_rate"]["share"]


def test_labelled_batches_train_nothing_and_count_as_faults(tmp_path):
    table(tmp_path, faulty={3, 15, 17})
    found = run(tmp_path, ONE_TABLE.format(label='label = "bad"', more=""))["measures"]
    assert found["labelled_faults"]["valve"]["detected"]["share"] == 1.0
    assert found["labelled_faults"]["valve"]["detected"]["n"] == 2
    assert found["labelled_faults"]["valve"]["variables"] == ["temp"]
    assert found["n_golden_batches"] + len(found["golden_batches_dropped"]) == 11
    assert found["batches"]["L15"]["label"] == "valve"


def test_the_same_file_gives_the_same_answer(tmp_path):
    table(tmp_path, n=14)
    text = ONE_TABLE.format(label="", more="")
    one, other = (run(tmp_path, text)["measures"] for _ in range(2))
    assert json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('name = "heat"', 'name = "boil"', "has no phase 'boil'"),
        ('values = ["temp", "flow"]', 'values = ["temp", "flaw"]', "no column 'flaw'|flaw"),
        ('variable = "temp"', 'variable = "tempo"', "variable 'tempo'"),
        ("n_components = 1", "n_component = 1", "n_component"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, old, new, what):
    table(tmp_path, n=14)
    with pytest.raises(Exception, match=what) as error:
        run(tmp_path, ONE_TABLE.format(label="", more="").replace(old, new))
    assert type(error.value).__module__.startswith("goldenbatch.")


FILES = """
trial = "monitoring.batch_runs"
title = "t"
source = "s"
[files.train]
glob = "good_*_states.csv"
[files.test]
glob = "new_*_states.csv"
[files.test_labels]
glob = "new_*_meta.json"
[columns]
time = "h"
values = ["temp", "flow"]
label = "fault"
[split]
by = "file"
[settings]
forecasts = []
n_components = 1
[[settings.phases]]
name = "batch"
n_points = 20
"""


def test_a_file_may_be_a_batch_with_units_below_its_names_and_labels_beside_it(tmp_path):
    for i in range(14):
        kind = "good" if i < 10 else "new"
        bias = 9.0 if i == 12 else 0.0
        cells = [f"{k},{temp:.5f},{flow:.5f}" for k, _, temp, flow in rows(i, bias, n=20)[:-1]]
        text = "\n".join(["h,temp,flow", "h,Cel,L/h", *cells])
        (tmp_path / f"{kind}_{i}_states.csv").write_text(text)
        about = {"seed": i, "nested": {"a": 1}} | ({"fault": 3} if i == 12 else {})
        (tmp_path / f"{kind}_{i}_meta.json").write_text(json.dumps(about))
    found = run(tmp_path, FILES)["measures"]
    assert {name: one["label"] for name, one in found["batches"].items()} == {
        "new_10_states.csv": "", "new_11_states.csv": "", "new_12_states.csv": "3",
        "new_13_states.csv": "",
    }  # fmt: skip
    assert found["labelled_faults"]["3"]["detected"]["share"] == 1.0


def test_a_trial_that_does_not_simulate_needs_training_files(tmp_path):
    path = tmp_path / "trial.toml"
    path.write_text(FILES.replace('[files.train]\nglob = "good_*_states.csv"\n', ""))
    with pytest.raises(BadInputError, match="both sides have one"):
        load_trial_file(path)
    path.write_text(path.read_text().replace('by = "file"', 'by = "file"\nsimulated = true'))
    assert load_trial_file(path).split.simulated


def test_a_batch_of_the_twin_has_the_columns_of_the_reference():
    twin = TwinPopulation(n_train=6, n_test=1, seed=5)
    (one,) = twin.test(("pH", "Fs"), ("P",))
    assert one.name == "twin 11"
    assert one.values.shape[1] == 2 and len(one.time) > 900
    assert 5 < dict(one.outcomes)["P"] < 50


def test_faults_are_planted_as_they_say():
    run = BatchRun("a", np.arange(11.0), np.arange(22.0).reshape(11, 2), ("x",) * 6 + ("y",) * 5)
    fault = {"name": "f", "phase": "x", "variable": "v", "size": 2.0}
    bias = PlantedFault(kind="bias", **fault).into(run, 0, 3.0, 0.5)
    assert (bias.values - run.values)[:, 0].tolist() == [0, 0, 0, 6, 6, 6, 0, 0, 0, 0, 0]
    drift = PlantedFault(kind="drift", **fault).into(run, 0, 3.0, 0.5)
    assert (drift.values - run.values)[3:6, 0].tolist() == [0, 3, 6]
    stuck = PlantedFault(kind="stuck", **fault).into(run, 0, 3.0, 0.5)
    assert stuck.values[3:6, 0].tolist() == [12, 12, 12]
    longer = PlantedFault(kind="length", **fault).into(run, 0, 2.0, 0.5)
    assert longer.stretch("x").length == run.stretch("x").length + 4
    assert np.diff(longer.time).tolist() == [1.0] * 14
    assert np.array_equal(longer.values[-5:], run.values[-5:])


@pytest.mark.parametrize("name", ["film_coating", "indpensim"])
def test_the_trial_files_of_the_repository_can_be_read(name, request):
    path = request.config.rootpath / "examples" / "trials" / f"{name}.toml"
    file = TrialFile.model_validate(tomllib.loads(path.read_text()))
    assert file.trial == "monitoring.batch_runs"
