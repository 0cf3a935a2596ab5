"""The trial of process faults: on runs made here, and on the Tennessee Eastman process."""

import os
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from goldenbatch.capabilities.monitoring.process.trial import ProcessFaultTrial
from goldenbatch.core.errors import BadInputError
from goldenbatch.runtime.trials import evaluate, load_trial_file, run_trial

ROOT = Path(__file__).parents[4]
TEP = ROOT / "examples" / "trials" / "tep.toml"
DATA = Path(os.environ.get("GOLDENBATCH_DATA", ROOT.parent / "shared" / "data")) / "tep"


@pytest.fixture(autouse=True)
def one_thread():
    """Small matrices: threads of a linear algebra library only wait for one another."""
    with threadpool_limits(1):
        yield


TRIAL = """
trial = "monitoring.process_faults"
title = "Runs made here"
source = "seeded"
[files.train]
glob = "good.csv"
[files.test]
glob = "run*.csv"
[split]
by = "file"
[settings]
fault_at = 60
interval_minutes = 2.0
excluded_faults = [2]
n_over = 3
n_of = 3
n_back = 5
method = "cva"
n_components = 2
lags = 1
n_folds = 5
rate = 0.01
n_components_pca = 2
n_components_dpca = 3
lags_dpca = 1
"""


def rows(n, seed):
    rng = np.random.default_rng(seed)
    factors = np.zeros((n + 40, 2))
    for i in range(1, n + 40):
        factors[i] = [0.8, 0.5] * factors[i - 1] + rng.normal(size=2)
    mix = np.random.default_rng(1).normal(size=(2, 5))
    return factors[40:] @ mix + 0.3 * rng.normal(size=(n, 5))


def write(path, X):
    lines = ["a,b,c,d,e", *(",".join(f"{one:.9g}" for one in row) for row in X)]
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "good.csv", rows(500, 2))
    write(tmp_path / "run0.csv", rows(200, 3))
    for fault, seed in ((1, 4), (2, 5), (17, 4)):
        X = rows(200, seed)
        X[60:, 1] += {1: 4.0, 2: 0.0, 17: -4.0}[fault]
        write(tmp_path / f"run{fault:02d}_te.csv", X)
    (tmp_path / "trial.toml").write_text(TRIAL)
    return tmp_path


def run(folder, text=TRIAL):
    path = folder / "trial.toml"
    path.write_text(text)
    return run_trial(ProcessFaultTrial(), load_trial_file(path), path, folder)


def test_faults_are_found_and_runs_that_begin_alike_count_once(folder):
    found = evaluate("monitoring.process_faults", folder / "trial.toml", folder)["measures"]
    table = found["by_fault"]
    assert found["n_faults_in_mean"] == 2
    assert found["n_distinct_beginnings"] == 3
    assert table["17"]["same_beginning_as"] == "run01_te.csv"
    assert found["n_good_rows"] == 180
    assert found["good_days"] == pytest.approx(180 * 2 / 1440)
    assert found["detection_rate"] == pytest.approx(
        (table["1"]["detection_rate"] + table["17"]["detection_rate"]) / 2
    )
    assert found["detection_rate"] > 0.95
    assert 6.0 <= table["1"]["delay_minutes"] <= 40.0
    assert table["1"]["delay_minutes"] == table["1"]["first_alarm_minutes"] + 2 * 2.0
    assert table["2"]["detection_rate"] < 0.2
    assert not table["2"]["is_in_mean"]
    low, high = found["false_alarm_interval"]
    assert low <= found["false_alarm_rate"] <= high
    assert found["false_alarm_rate"] < 0.1


def test_the_curve_rises_and_the_methods_beside_stand_at_the_same_rate(folder):
    answer = run(folder)
    measures, beside = answer["measures"], answer["baseline"]
    detection = [one["detection_rate"] for one in measures["curve"]]
    rates = [one["false_alarm_rate"] for one in measures["curve"]]
    assert detection == sorted(detection)
    assert rates == sorted(rates)
    for rate, wanted in zip(rates, (0.001, 0.002, 0.005, 0.01), strict=False):
        assert rate <= wanted
    for name in ("pca", "dpca"):
        moved = beside[name]["at_the_rate_of_the_method"]
        assert moved["false_alarm_rate"] <= measures["false_alarm_rate"]
        assert len(beside[name]["curve"]) == len(measures["curve"])


def test_no_test_row_moves_the_plan(folder):
    before = run(folder)["measures"]["plan"]
    for path in folder.glob("run*.csv"):
        write(path, rows(200, 77) * 9.0)
    assert run(folder)["measures"]["plan"] == before


def test_files_may_be_turned_and_have_other_names_and_roles(folder):
    whole = run(folder)["measures"]
    for path in sorted(folder.glob("*.csv")):
        X = np.loadtxt(path, delimiter=",", skiprows=1)
        kept = X.T if path.name in ("good.csv", "run17_te.csv") else X
        name = path.name.replace("run", "IDV ")
        np.savetxt(folder / name.replace(".csv", ".dat"), kept, fmt="%.9g")
    role = 'glob = "{}"\nseparator = ""\nheader = false\ntranspose = "auto"\nn_columns = 5\n'
    text = TRIAL.replace('glob = "good.csv"\n', role.format("good.dat"))
    text = text.replace('glob = "run*.csv"\n', role.format("IDV 0.dat"))
    text = text.replace("[split]", f"[files.test_faults]\n{role.format('IDV *_te.dat')}[split]")
    turned = run(folder, text)["measures"]
    assert turned["detection_rate"] == pytest.approx(whole["detection_rate"], abs=1e-6)
    assert turned["n_distinct_beginnings"] == 3
    assert set(turned["by_fault"]) == {"0", "1", "2", "17"}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('glob = "run*.csv"', 'glob = "run0.csv"', "number of a fault"),
        ("fault_at = 60", "fault_at = 200", "the fault begins after 200"),
        ("fault_at = 60", "fault_row = 60", "fault_row"),
        ("n_of = 3", "n_of = 2", "can never be"),
        ('glob = "good.csv"', 'glob = "none.csv"', "no file below"),
    ],
)
def test_what_is_wrong_with_a_trial_is_named(folder, old, new, words):
    with pytest.raises(BadInputError, match=words):
        run(folder, TRIAL.replace(old, new))


def test_a_test_file_with_other_columns_is_named(folder):
    text = TRIAL + '\n[columns]\ntags = ["a", "b", "c", "d", "e"]\n'
    for path in folder.glob("run*.csv"):
        path.write_text(path.read_text().replace("a,b,c,d,e", "a,b,c,d,f"))
    with pytest.raises(BadInputError, match="columns"):
        run(folder, text)


@pytest.mark.skipif(not (DATA / "d00.dat").exists(), reason=f"no Tennessee Eastman data in {DATA}")
def test_one_setting_finds_the_faults_of_the_tennessee_eastman_process():
    answer = run_trial(ProcessFaultTrial(), load_trial_file(TEP), TEP, DATA)
    found = answer["measures"]
    assert found["detection_rate"] >= 0.95
    assert found["false_alarm_rate"] <= 0.025
    assert found["false_alarm_events_per_day"] <= 1.0
    low, high = found["false_alarm_interval"]
    assert low <= found["stated_false_alarm_rate"] <= high
    for name in ("pca", "dpca"):
        beside = answer["baseline"][name]["at_the_rate_of_the_method"]
        assert beside["false_alarm_rate"] <= found["false_alarm_rate"]
        assert beside["detection_rate"] < found["detection_rate"] - 0.1
