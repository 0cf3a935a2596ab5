"""Trials of monitoring on folders that their authors did not have."""

import math
import tomllib

import numpy as np
import pytest

from goldenbatch.capabilities.monitoring.charts.trial import ControlChartTrial
from goldenbatch.capabilities.monitoring.pat.trial import SoftSensorTrial
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.trial import TrialFile
from goldenbatch.runtime.trials import run_trial

CHARTS = """
trial = "monitoring.charts"
title = "t"
source = "s"
[files.table]
glob = "{glob}"
{form}
[columns]
values = "x"
{columns}
[split]
by = "time"
train_share = 0.5
[settings]
n_reference = 20
autocorrelation = "ignore"
"""
SENSOR = """
trial = "monitoring.soft_sensor"
title = "t"
source = "s"
[files.train]
glob = "train.csv"
[files.test_spectra]
glob = "spectra*.csv"
[files.test_results]
glob = "results*.csv"
[columns]
spectra = "0..9"
target = "y"
time = "{time}"
[split]
by = "file"
[settings]
order = []
n_components_max = 2
{cadence}
"""


def run(folder, trial, text):
    path = folder / "trial.toml"
    path.write_text(text)
    return run_trial(trial, TrialFile.model_validate(tomllib.loads(text)), path, folder)


def charts(folder, glob="a.csv", columns="", form=""):
    return run(folder, ControlChartTrial(), CHARTS.format(glob=glob, columns=columns, form=form))


def values(n, seed=0):
    return np.random.default_rng(seed).normal(10.0, 1.0, n)


def test_false_alarms_and_detection_are_those_that_numpy_counts(tmp_path):
    x = values(200)
    bad = np.zeros(200, dtype=int)
    x[[120, 150, 180]] += 9
    bad[[120, 150, 180]] = 1
    lines = [f"{a:.17g},{b}" for a, b in zip(x, bad, strict=True)]
    (tmp_path / "a.csv").write_text("\n".join(["x,bad", *lines]))
    found = charts(tmp_path, columns='label = "bad"')["measures"]
    sigma = np.abs(np.diff(x[:20])).mean() * math.sqrt(math.pi) / 2
    alarm = np.abs(x[100:] - x[:20].mean()) > 3 * sigma
    good = bad[100:] == 0
    assert found["false_alarm_rate"]["n"] == good.sum() == 97
    assert found["false_alarm_rate"]["share"] == alarm[good].mean()
    assert found["detection_rate"]["share"] == alarm[~good].mean() == 1.0


@pytest.mark.parametrize("good", ["", "false", "good", "0"])
def test_rows_without_a_fault_are_no_faults(tmp_path, good):
    rows = [f"{v:.4f},{'true' if i > 90 else good}" for i, v in enumerate(values(100))]
    (tmp_path / "a.csv").write_text("\n".join(["x,bad", *rows]))
    found = charts(tmp_path, columns='label = "bad"')["measures"]
    assert found["false_alarm_rate"]["n"] == 41
    assert found["detection_rate"]["n"] == 9


def test_an_empty_label_among_numbers_is_no_fault(tmp_path):
    rows = [f"{v:.4f},{1 if i > 90 else ''}" for i, v in enumerate(values(100))]
    (tmp_path / "a.csv").write_text("\n".join(["x,bad", *rows]))
    assert charts(tmp_path, columns='label = "bad"')["measures"]["detection_rate"]["n"] == 9


def test_a_mark_in_a_column_of_numbers_is_counted_and_hides_no_number(tmp_path):
    cells = [f"{v:.4f}".replace(".", ",") for v in values(100)]
    cells[70] = "<5"
    (tmp_path / "a.csv").write_text("\n".join(["t;x", *(f"{i};{c}" for i, c in enumerate(cells))]))
    found = charts(tmp_path, form='separator = ";"\ndecimal = ","')["measures"]
    assert found["n_not_numbers"] == 1
    assert found["false_alarm_rate"]["n"] == 49


def test_a_column_without_any_number_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("\n".join(["x", *(f"v{i}" for i in range(60))]))
    with pytest.raises(BadInputError, match="row 1 of column 'x' has 'v0'"):
        charts(tmp_path)


def sensor_files(folder, n_runs=1, has_times=False, unit=1.0):
    """Runs of 40 spectra each, a result on every fourth; the first channel says it all."""
    draw = np.random.default_rng(1)
    shape = np.exp(-0.3 * (np.arange(10) - 4.0) ** 2)

    def table(y, names, extra):
        rows = np.outer(y, shape) + draw.normal(0, 1e-3, (len(y), 10))
        head = ",".join([*map(str, range(10)), *names])
        cells = np.column_stack([rows, *extra])
        return "\n".join([head, *(",".join(f"{v:.9g}" for v in row) for row in cells)])

    y = draw.uniform(0, 40, 30)
    (folder / "train.csv").write_text(table(y, ["y"], [y]))
    for k in range(n_runs):
        y, hours = draw.uniform(5, 35, 40), np.arange(40) * 0.5
        extra = (["hours"], [hours]) if has_times else ([], [])
        (folder / f"spectra{k}.csv").write_text(table(y, *extra))
        lines = [f"{hours[i] * unit:g},{y[i]:.9g}" for i in range(0, 40, 4)]
        (folder / f"results{k}.csv").write_text("\n".join(["hours,y", *lines]))


@pytest.mark.parametrize("has_times", [False, True])
def test_several_runs_are_each_paired_with_their_own_results(tmp_path, has_times):
    sensor_files(tmp_path, n_runs=3, has_times=has_times)
    cadence = "" if has_times else "cadence = 0.5"
    found = run(tmp_path, SoftSensorTrial(), SENSOR.format(time="hours", cadence=cadence))
    assert found["measures"]["n_results"] == 30
    assert found["measures"]["rmsep"] < 0.05
    # Nothing is carried forward from one run to the next.
    assert found["baseline"]["n_last_result"] == 27


def test_a_choice_among_candidates_is_heeded_and_a_transfer_is_not_tried_here(tmp_path):
    sensor_files(tmp_path, n_runs=1)
    text = SENSOR.format(time="hours", cadence="cadence = 0.5")
    chosen = run(tmp_path, SoftSensorTrial(), text + "choice = {orders = [[]], n_folds = 4}\n")
    plain = run(tmp_path, SoftSensorTrial(), text)
    assert chosen["measures"]["rmse_left_out"] != plain["measures"]["rmse_left_out"]
    assert chosen["measures"]["rmsep"] < 0.05
    with pytest.raises(BadInputError, match="a transfer is tried by"):
        table = '{model = "m", samples = "s/*", tag = "t"}'
        run(tmp_path, SoftSensorTrial(), f"{text}transfer = {table}\n")


def test_results_far_from_every_spectrum_are_refused(tmp_path):
    sensor_files(tmp_path, unit=60.0)
    with pytest.raises(BadInputError, match=r"has no spectrum near it: they are from 0 to 19\.5"):
        run(tmp_path, SoftSensorTrial(), SENSOR.format(time="hours", cadence="cadence = 0.5"))


def test_runs_that_do_not_match_are_refused(tmp_path):
    sensor_files(tmp_path, n_runs=2)
    (tmp_path / "results1.csv").unlink()
    with pytest.raises(BadInputError, match="2 files of spectra and 1 of results"):
        run(tmp_path, SoftSensorTrial(), SENSOR.format(time="hours", cadence="cadence = 0.5"))


def test_a_text_among_the_spectra_is_named(tmp_path):
    sensor_files(tmp_path)
    path = tmp_path / "train.csv"
    lines = path.read_text().splitlines()
    lines[3] = "n/a," + lines[3].split(",", 1)[1]
    path.write_text("\n".join(lines))
    with pytest.raises(BadInputError, match="row 3 of column '0' has 'n/a'"):
        run(tmp_path, SoftSensorTrial(), SENSOR.format(time="hours", cadence="cadence = 0.5"))
