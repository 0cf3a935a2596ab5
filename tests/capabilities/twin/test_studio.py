"""The studio: studies checked, runs in processes of their own, bounded, kept over a restart."""

import json
import os
import signal
import time
from itertools import count
from pathlib import Path

import pytest

from goldenbatch.capabilities.twin.studio_check import checked_line, checked_study, schema_of
from goldenbatch.capabilities.twin.studio_run import AskedRun, StudioLimits
from goldenbatch.capabilities.twin.studio_runs import StudioRuns
from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError, NotFoundError

STUDY = """schema = "goldenbatch/twin/1"
name = "reactor"
members = 8
[model]
use = "benchmark.batch_reactor"
[recipe]
use = "default"
[recipe.inputs]
T = 285.0
[[measures]]
name = "B"
column = "B"
lower = 0.4
[[factors]]
input = "T"
low = 260.0
high = 300.0
n = 3
[[factors]]
duration = true
low = 300.0
high = 360.0
n = 3
"""
MODELS = {
    "benchmark.batch_reactor": {
        "time_unit": "min", "recipe": {}, "states": [{"name": "A", "unit": "mol/L"}],
        "inputs": [{"name": "T", "unit": "K"}], "parameters": [{"name": "k", "unit": "1"}],
        "outputs": [{"name": "B", "unit": "mol/L"}],
    }
}  # fmt: skip


def asked(by="anna", work="run", **options):
    return AskedRun(by, work, "study.toml", "reactor", "d", "benchmark.batch_reactor", 1, 1,
                    options, {"study.toml": STUDY.encode()})  # fmt: skip


@pytest.fixture
def studio(tmp_path):
    ticks = count(1_700_000_000_000_000, 1_000)
    made = StudioRuns(tmp_path / "runs", lambda: next(ticks), StudioLimits(n_per_person=3))
    yield made
    made.stop()


def wait(studio, run, ends_s=60):
    until = time.monotonic() + ends_s
    while not studio.run(run.run).has_ended:
        assert time.monotonic() < until, studio.run(run.run)
        time.sleep(0.05)
    return studio.run(run.run)


def test_a_run_leaves_its_result_its_picture_and_its_progress(studio):
    space, hopeless = studio.ask(asked(work="design-space", target=0.5)), None
    bad = STUDY.replace("285.0", "1e9")
    hopeless = studio.ask(AskedRun("bor", "run", "study.toml", "x", "d", "m", 1, 1, {},
                                   {"study.toml": bad.encode()}))  # fmt: skip
    assert wait(studio, space).status == "done"
    found = studio.document(space.run)
    assert found["n_points"] == 9
    assert found["provenance"]["model_digest"]
    plots = json.loads(studio.files(space.run)["plots.json"].read_text())["space"]
    assert [one["set_point"] for one in plots["proven"]] == [285.0, 330.0]
    assert len(plots["probability"]) == 3
    assert plots["box"]["n_points"] <= 9
    ended = wait(studio, hopeless)
    assert ended.status == "failed"
    assert "T" in ended.reason


def test_a_person_takes_turns_and_no_more_than_the_queue_allows(studio):
    studio._start = lambda: None  # nothing is begun: the queue alone is looked at
    runs = [studio.ask(asked()) for _ in range(3)]
    with pytest.raises(ConflictError, match="as one person may"):
        studio.ask(asked())
    other = studio.ask(asked("bor"))
    assert [one.run for one in studio._queue()[:2]] == [runs[0].run, other.run]
    with pytest.raises(DeniedError):
        studio.cancel(other.run, "anna")
    assert studio.cancel(runs[0].run, "anna").status == "cancelled"
    assert studio.progress(runs[1].run)["n_before"] in (0, 1)
    with pytest.raises(NotFoundError):
        studio.run("20200101-000000-00000000")


def test_a_restart_keeps_what_ended_and_begins_anew_what_did_not(studio, tmp_path):
    studio._start = lambda: None
    ended, waiting = studio.ask(asked()), studio.ask(asked())
    studio.cancel(ended.run, "anna")
    path = tmp_path / "runs" / waiting.run / "state.json"
    state = json.loads(path.read_text())
    path.write_text(json.dumps({**state, "status": "running", "n_tries": 1}))
    again = StudioRuns(tmp_path / "runs", lambda: 1)
    assert again.run(ended.run).status == "cancelled"
    assert again.run(waiting.run).status == "waiting"
    path.write_text(json.dumps({**state, "status": "running", "n_tries": 2}))
    given_up = StudioRuns(tmp_path / "runs", lambda: 1).run(waiting.run)
    assert given_up.status == "failed"
    assert "2 times" in given_up.reason


def test_a_worker_that_is_killed_says_so_and_one_that_is_cancelled_ends(studio):
    killed = studio.ask(asked(work="ensemble", members=100_000))
    while killed.run not in studio._processes:
        time.sleep(0.01)
    os.killpg(studio._processes[killed.run].pid, signal.SIGKILL)
    assert "SIGKILL" in wait(studio, killed).reason
    cancelled = studio.ask(asked(work="ensemble", members=100_000))
    while cancelled.run not in studio._processes:
        time.sleep(0.01)
    process = studio._processes[cancelled.run]
    assert studio.cancel(cancelled.run, "anna").status == "cancelled"
    assert process.wait(10) == -signal.SIGKILL


def test_only_the_newest_runs_are_kept(tmp_path):
    ticks = count(1_700_000_000_000_000, 1_000_000)
    studio = StudioRuns(tmp_path, lambda: next(ticks), StudioLimits(n_kept=2, n_per_person=9))
    studio._start = lambda: None
    runs = [studio.ask(asked()) for _ in range(4)]
    for one in runs:
        studio.cancel(one.run, "anna")
    studio._clear()
    assert {one.run for one in studio.runs()} == {one.run for one in runs[2:]}
    assert not (tmp_path / runs[0].run).exists()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("T = 285.0", 'T = "285 L"', "no value in K"),
        ("T = 285.0", "U = 1.0", "no 'U'"),
        ('column = "B"', 'column = "Z"', "no 'Z'"),
        ('use = "benchmark.batch_reactor"', 'target = "os:system"', "library only"),
        ('use = "benchmark.batch_reactor"', 'use = "none.such"', "no model"),
        ("lower = 0.4", "", "limit"),
        ("n = 3", "n = 1000", "simulations"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anyone_waits(tmp_path, old, new, told):
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    assert checked_study(path, "design-space", MODELS).n_runs == 72
    path.write_text(STUDY.replace(old, new))
    with pytest.raises(BadInputError, match=told):
        checked_study(path, "design-space", MODELS)


def test_a_line_is_checked_without_being_run(tmp_path):
    path = tmp_path / "line.toml"
    text = """schema = "goldenbatch/line/1"
name = "one"
[[units]]
name = "mixer"
[[products]]
name = "A"
route = [{ name = "mix", unit = "mixer", duration = 2 }]
[[plan]]
product = "A"
n_lots = 3
[study]
horizon = 24
n_replications = 2
seed = 7
"""
    path.write_text(text)
    found = checked_line(path)
    assert (found.name, found.seed, found.n_runs) == ("one", 7, 2)
    path.write_text(text.replace("n_replications = 2", "n_replications = 99999"))
    with pytest.raises(BadInputError, match="runs of a line"):
        checked_line(path)
    with pytest.raises(BadInputError, match="schema"):
        schema_of("name = 'x'")


def test_lines_to_begin_with_are_the_examples():
    root = Path(__file__).parents[3]
    here = root / "src/goldenbatch/capabilities/twin/starters"
    for path in here.iterdir():
        assert path.read_bytes() == (root / "examples/twins" / path.name).read_bytes(), path.name
