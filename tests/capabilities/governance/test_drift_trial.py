"""The trial of the watch: on rows that are what it assumes, and on a real process model."""

import os
from pathlib import Path

import numpy as np
import pytest

from goldenbatch.capabilities.governance.drift_trial import DriftTrial
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.trial import Split, TrialData, TrialFile
from goldenbatch.runtime.trials import load_trial_file, run_trial

ROOT = Path(__file__).parents[3]
DATA = Path(os.environ.get("GOLDENBATCH_DATA", ROOT.parent / "shared" / "data"))
TEP = ROOT / "examples" / "trials" / "tep_drift.toml"
SETTINGS = {"block_rows": 4, "arl0": 100.0, "rows_per_run": 160, "fault_at": 80, "drift_sd": 3.0}


def trial_file(**settings):
    return TrialFile(
        trial="governance.drift", title="t", source="seeded", files={},
        columns={"inputs": ("a", "b")}, split=Split(by="file"), settings=SETTINGS | settings,
    )  # fmt: skip


def table(rows):
    return {"a": rows[:, 0].tolist(), "b": rows[:, 1].tolist()}


def sides(n_test=1200):
    rng = np.random.default_rng(8)
    faults = rng.standard_normal((480, 2))
    for run in range(3):
        faults[run * 160 + 80 : run * 160 + 160, 0] += 2.0
    train = TrialData({"train": table(rng.standard_normal((160, 2)))}, {})
    test = {"test": table(rng.standard_normal((n_test, 2))), "test_fault": table(faults)}
    return train, TrialData(test, {})


def test_rows_as_it_assumes_them_give_the_stated_rate_and_short_delays():
    file, (train, test) = trial_file(), sides()
    trial = DriftTrial()
    found = trial.measure(trial.fit(file, train), file, test)
    assert found["n_normal_blocks"] == 300
    assert found["one_sided_95_bounds"][0] <= found["stated_false_events_per_block"] == 0.01
    assert found["n_faults_found"] + found["n_with_a_false_event_before"] == 3
    assert found["median_delay_in_blocks"] <= 6
    naive = trial.baseline(file, train, test)
    # Limits from 40 blocks, each block on its own: more false events than the watch.
    assert naive["n_false_events"] > found["n_false_events"]


def test_gaps_and_too_few_rows_are_refused():
    train, _ = sides(40)
    with pytest.raises(BadInputError, match="no whole block"):
        DriftTrial().fit(trial_file(block_rows=500), train)
    train.tables["train"]["a"][3] = float("nan")
    with pytest.raises(BadInputError, match="gaps"):
        DriftTrial().fit(trial_file(), train)


@pytest.mark.skipif(not (DATA / "tep").is_dir(), reason="the Tennessee Eastman data are not here")
def test_on_tennessee_eastman_it_is_quiet_where_limits_are_not_and_finds_the_faults():
    answer = run_trial(DriftTrial(), load_trial_file(TEP), TEP, DATA / "tep")
    found, naive = answer["measures"], answer["baseline"]
    assert found["one_sided_95_bounds"][0] <= found["stated_false_events_per_block"]
    assert naive["one_sided_95_bounds"][0] > naive["stated_false_events_per_block"]
    assert found["n_faults_found"] >= 5
