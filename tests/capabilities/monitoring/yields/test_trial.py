"""The trial: known causes in files that somebody else laid there."""

import tomllib

import numpy as np
import pytest

from goldenbatch.capabilities.monitoring.yields.trial import YieldTrial
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.trial import TrialFile
from goldenbatch.runtime.trials import run_trial

TEXT = """
trial = "monitoring.yields"
title = "t"
source = "s"
[files.laboratory]
glob = "lab*.csv"
separator = ";"
[files.shared_press]
glob = "press.csv"
separator = ";"
[columns]
batch = "batch"
code = "code"
lot = "lot"
time = "month"
target = ["yield"]
predictors = ["water", "force", "kind", "n*"]
[split]
by = "time"
train_share = 0.5
[settings]
{settings}
"""


def lay(folder, n=240, seed=0, effect=1.0):
    draw = np.random.default_rng(seed)
    code, lot = draw.integers(1, 4, n), np.arange(n) // 4
    water = draw.normal(size=lot.max() + 1)[lot]
    force = 10.0 + 4.0 * code + draw.normal(size=n)
    found = 95 + code - effect * (1.5 * (force - 10 - 4 * code) - 1.0 * water)
    found = found + 0.8 * draw.normal(size=n)
    # Ten batches a month: nov.18, dec.18, ...
    names = ["jan", "feb", "mar", "apr", "maj", "jun", "jul", "avg", "sep", "okt", "nov", "dec"]
    months = [f"{names[(10 + i // 10) % 12]}.{18 + (10 + i // 10) // 12}" for i in range(n)]
    lines = [
        f"{i};{code[i]};L{lot[i]};{months[i]};{'' if i % 17 == 0 else f'{water[i]:.4f}'};"
        f"{found[i]:.3f}"
        for i in range(n)
    ]
    head = "batch;code;lot;month;water;yield"
    (folder / "lab1.csv").write_text("\n".join([head, *lines[:150]]))
    (folder / "lab2.csv").write_text("\n".join([head, *lines[150:]]))
    order = draw.permutation(n)
    press = [
        f"{i};{force[i]:.4f};{'yes' if draw.random() < 0.3 else 'no'};{draw.normal():.3f};"
        f"{draw.normal():.3f}"
        for i in order
    ]
    (folder / "press.csv").write_text("\n".join(["batch;force;kind;n1;n2", *press]))


def run(folder, settings=""):
    path = folder / "trial.toml"
    path.write_text(TEXT.format(settings=settings))
    file = TrialFile.model_validate(tomllib.loads(path.read_text()))
    return run_trial(YieldTrial(), file, path, folder)


def test_the_planted_causes_are_named_within_products_and_nothing_else(tmp_path):
    lay(tmp_path)
    found = run(tmp_path)
    measures = found["measures"]["targets"]["yield"]
    assert measures["beats_best_baseline"]
    assert sorted(measures["named_causes"]) == ["force", "water"]
    assert measures["n_scored"] == found["measures"]["n_test"] == 120
    force = next(one for one in measures["causes"] if one["cause"] == "force")
    assert force["slope_within_product"] == pytest.approx(-1.5, abs=0.3)
    level = found["baseline"]["yield"]["mean of the product"]
    assert measures["rmse_baselines"]["mean of the product"] == pytest.approx(level)
    assert measures["rmse"] < 0.7 * level


def test_a_column_that_is_the_yield_told_twice_is_left_out_and_named(tmp_path):
    lay(tmp_path)
    for path in tmp_path.glob("lab*.csv"):
        head, *lines = path.read_text().splitlines()
        told = [f"{one};{100 - float(one.split(';')[5]):.1f}" for one in lines]
        path.write_text("\n".join([f"{head};n_waste", *told]))
    measures = run(tmp_path)["measures"]["targets"]["yield"]
    assert measures["left_out_too_close_to_the_target"] == ["n_waste"]
    assert sorted(measures["named_causes"]) == ["force", "water"]


def test_a_month_that_the_split_tears_is_measured_on_its_test_side_only(tmp_path):
    lay(tmp_path)
    path = tmp_path / "trial.toml"
    path.write_text(TEXT.format(settings="").replace("train_share = 0.5", "train_share = 0.52"))
    file = TrialFile.model_validate(tomllib.loads(path.read_text()))
    measures = run_trial(YieldTrial(), file, path, tmp_path)["measures"]
    assert measures["n_test"] == measures["targets"]["yield"]["n_scored"] == 240 - 125


def test_where_nothing_acts_it_says_that_nothing_beats_the_baseline(tmp_path):
    lay(tmp_path, effect=0.0)
    measures = run(tmp_path)["measures"]["targets"]["yield"]
    assert not measures["beats_best_baseline"]
    assert measures["named_causes"] == []
    assert measures["verdict"].startswith("nothing beats the")


def test_right_first_time_is_what_the_limits_say(tmp_path):
    lay(tmp_path)
    found = run(tmp_path, "[settings.limits]\nyield = [96.0, '']")
    target = found["measures"]["targets"]["right_first_time"]
    lines = [one.split(";") for one in (tmp_path / "lab2.csv").read_text().splitlines()[1:]]
    lines = [*(tmp_path / "lab1.csv").read_text().splitlines()[121:]]
    own = [float(one.split(";")[5]) >= 96.0 for one in lines]
    own += [
        float(one.split(";")[5]) >= 96.0
        for one in (tmp_path / "lab2.csv").read_text().splitlines()[1:]
    ]
    assert target["rate"] == pytest.approx(np.mean(own))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("period = 'year'", "settings.period"),
        ("[settings.limits]\nheat = [1.0, '']", "no table has a column 'heat'"),
        ("exclude = ['*']", "no predictor"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path, settings, words):
    lay(tmp_path, n=160)
    with pytest.raises(BadInputError, match=words):
        run(tmp_path, settings)


def test_training_batches_that_come_later_are_refused(tmp_path):
    lay(tmp_path)
    path = tmp_path / "lab1.csv"
    head, *lines = path.read_text().splitlines()
    path.write_text("\n".join([head, *lines[::-1]]))
    with pytest.raises(BadInputError, match="not forward in time"):
        run(tmp_path)
