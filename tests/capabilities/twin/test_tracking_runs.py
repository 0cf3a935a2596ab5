"""What a twin follows: runs, their corrections, settings that do not fit; the conformance kit."""

from __future__ import annotations

import json

import pytest
from tests.science.process.tracking import cases

from goldenbatch.capabilities.twin._capability import CAPABILITY
from goldenbatch.capabilities.twin._track_settings import TrackSettings
from goldenbatch.capabilities.twin._track_setup import load_model, make_twin
from goldenbatch.capabilities.twin.tracking import track
from goldenbatch.core.batches import (
    BatchCorrected,
    BatchCreated,
    BatchEnded,
    PhaseEnded,
    PhaseStarted,
    SampleTaken,
)
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.records import NewEvent
from goldenbatch.core.results import Result, ResultsReported
from goldenbatch.core.series import Frame, Quality, frame_table
from goldenbatch.runtime._state import StateFolder
from goldenbatch.science.process import Recipe, Steps, simulate
from goldenbatch.science.process.faults import SensorDrift
from goldenbatch.science.process.posterior import prior
from goldenbatch.testing import AnalystCase, analyst_checks, seen_views

PLACE = "site/fermentation"
HOUR = 3_600_000_000
START = 1_700_000_000_000_000
SETTINGS = {
    "model": {
        "target": "tests.science.process.tracking.cases:culture",
        "noise": {"X": {"relative": 0.01}, "S": {"sd": 0.02}, "V": {"relative": 1e-3}},
        "initial_sd": {"X": 0.05, "S": 0.1, "V": 0.01},
    },
    "place": PLACE, "cadence": 2.0, "window": 12.0,
    "outputs": {"DO": {"tag": f"{PLACE}/do"}},
    "inputs": {"F": {"tag": f"{PLACE}/feed"}},
    "laboratory": {"cells": "biomass"},
    "varied": [{"name": "mu"}, {"name": "q_O"}],
    "suspects": [{"kind": "sensor", "output": "DO", "walk": 0.3}],
}  # fmt: skip


def run(*faults, seed=3, hours=24.0, interval=1.0):
    recipe = Recipe(hours, interval, {"F": Steps((0.0, 12.0), (0.0, 0.01))}, faults=faults)
    return simulate(cases.culture(), recipe, parameters={"mu": 0.125}, seed=seed)


def append(site, stream, body):
    site.ledger.append([NewEvent(stream, body, site.ledger.version(stream), "test")])


def begin(site, batch="B1", start=START, product="P"):
    created = BatchCreated(batch=batch, product=product, place=PLACE, started_at=start)
    append(site, f"batch/{batch}", created)


def read(site, one, after, upto, start=START, *, key="", tags=("do", "feed"), quality=0):
    inside = [k for k, t in enumerate(one.time) if after < t <= upto]
    times = [start + round(float(one.time[k]) * HOUR) for k in inside]
    columns = {"do": one.measured["DO"], "feed": one.values["F"]}
    for tag in tags:
        values = [float(columns[tag][k]) for k in inside]
        table = frame_table("number", times, [f"{PLACE}/{tag}"] * len(times), values,
                            [int(quality)] * len(times))  # fmt: skip
        site.historian.write(
            Frame("floor", f"{tag}/{start}/{upto}/{key}", "number", table, times[-1])
        )


def assay(site, hours, value, batch="B1", unit="g/L"):
    sample = f"{batch}/{hours:g}"
    taken = SampleTaken(sample=sample, batch=batch, taken_at=START + round(hours * HOUR))
    append(site, f"sample/{sample}", taken)
    result = Result(test="t", attribute="biomass", value=str(value), unit=unit)
    reported = ResultsReported(sample=sample, batch=batch, results=(result,))
    append(site, f"sample/{sample}", reported)


def logged(site, name, upto=30):
    series = site.historian.read([f"{PLACE}/twin_{name}"], (START, START + upto * HOUR))
    return [(t - START) // HOUR for t in series.times().tolist()], series.values().tolist()


DRIFT = SensorDrift(start=9.0, output="DO", offset=-15.0)


@pytest.fixture
def site(bench):
    bench.site.adopt("conformance", "twin.track", SETTINGS)
    return bench.site


def test_it_conforms(site):
    begin(site)
    heads, one = [], run(DRIFT)
    for upto in (4, 8, 12, 16, 24):
        read(site, one, upto - 4 if upto > 4 else -1, upto)
        if upto == 12:
            assay(site, 7.0, 1.15)
        heads.append((site.historian.head(), site.ledger.head()))
    case = AnalystCase("track", SETTINGS, lambda: seen_views(site, heads, at=START))
    checks = list(analyst_checks(CAPABILITY, case))
    assert len(checks) >= 4
    for check in checks:
        check.run()


def test_late_readings_give_the_same_as_readings_in_time(site):
    begin(site)
    one = run()
    read(site, one, -1, 8)
    site.wake()
    read(site, one, 10, 16)
    site.wake()
    read(site, one, 8, 10, key="late")
    site.wake()
    first = json.dumps(_tracker(site))
    site.adopt("conformance", "twin.track", {**SETTINGS, "n_clear": 13})
    site.wake()
    assert json.dumps(_tracker(site)) == first


def _tracker(site):
    kept = StateFolder(site.path / "state").load("conformance").state
    return kept["followed"]["B1"]["tracker"]


def test_bad_readings_do_not_count_and_missing_inputs_are_told(site):
    begin(site)
    read(site, run(DRIFT), -1, 24, tags=("do",), quality=Quality.BAD)
    found = site.wake()
    assert [one.finding.subject.key for one in found] == ["unable"]
    assert "input F has no reading yet" in found[0].finding.statement
    read(site, run(), -1, 24, tags=("feed",), key="feed")
    steps = {(one.finding.subject.key, one.step) for one in site.wake()}
    # What lies before the window is not filtered again, and that is told.
    assert steps == {("unable", "closed"), ("laboratory", "opened")}


def test_a_result_older_than_the_window_is_told_and_the_rest_goes_on(site):
    begin(site)
    read(site, run(), -1, 24)
    site.wake()
    assay(site, 3.0, 0.8)
    found = site.wake()
    assert [one.finding.subject.key for one in found] == ["laboratory"]
    assert "later than the window" in found[0].finding.statement
    assay(site, 4.0, 0.9)
    (again,) = site.wake()
    assert (again.step, again.finding.start) == ("updated", found[0].finding.start)
    assay(site, 20.0, 4.4)
    site.wake()
    append(site, "batch/B1", BatchEnded(batch="B1", ended_at=START + 24 * HOUR,
                                        outcome="completed"))  # fmt: skip
    assert [one.step for one in site.wake()] == ["closed"]
    assert logged(site, "X")[0] == list(range(0, 25, 2))


def test_other_products_and_what_ended_before_are_left_alone(bench):
    site = bench.site
    begin(site, "B0", START - 50 * HOUR)
    append(site, "batch/B0", BatchEnded(batch="B0", ended_at=START - 26 * HOUR,
                                        outcome="completed"))  # fmt: skip
    site.adopt("other", "monitoring.charts", {"attributes": ["x"]})
    site.wake()
    site.adopt("twin", "twin.track", {**SETTINGS, "product": "P"})
    begin(site, "B1", START, "Q")
    read(site, run(), -1, 24)
    assert site.wake() == []
    assert f"{PLACE}/twin_X" not in site.historian.tags()


def test_a_run_taken_from_the_place_closes_what_was_said(site):
    begin(site)
    read(site, run(DRIFT), -1, 20)
    assert [one.step for one in site.wake()] == ["opened"]
    moved = BatchCorrected(batch="B1", field="place", old=PLACE, new="elsewhere", reason="typing")
    append(site, "batch/B1", moved)
    closed = site.wake()
    assert [one.step for one in closed] == ["closed"]
    assert "does not run here" in closed[0].finding.statement


def test_phases_bound_the_run_and_a_run_without_end_ends_with_the_next(bench):
    site = bench.site
    site.adopt("twin", "twin.track", {**SETTINGS, "phases": ["growth"]})
    begin(site, "B1", START - 5 * HOUR)
    place = {"batch": "B1", "place": PLACE, "phase": "growth"}
    append(site, "batch/B1", PhaseStarted(**place, at=START))
    append(site, "batch/B1", PhaseEnded(**place, at=START + 10 * HOUR))
    read(site, run(), -1, 24)
    assert site.wake() == []
    assert logged(site, "X")[0] == list(range(0, 11, 2))
    bench.site.adopt("twin", "twin.track", {**SETTINGS, "output": f"{PLACE}/b"})
    begin(site, "B2", START + 12 * HOUR)
    site.wake()
    times = site.historian.read([f"{PLACE}/b/twin_X"], (START, START + 40 * HOUR)).times()
    assert len(times) > 0


def test_a_posterior_of_the_registry_sets_parameters_and_another_model_s_is_refused(bench):
    site = bench.site
    posterior = prior(cases.culture(), 50, seed=1)
    digest = site.registry.put(
        json.dumps(posterior.to_dict()).encode(), "application/vnd.goldenbatch.posterior+json"
    )
    settings = {**SETTINGS, "model": {**SETTINGS["model"], "posterior": digest}}
    site.adopt("twin", "twin.track", settings)
    begin(site)
    read(site, run(), -1, 2)
    site.wake()
    assert abs(logged(site, "mu")[1][0] - posterior.mean[0]) < 0.002


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"outputs": {}, "laboratory": {}}, "at least one"),
        ({"outputs": {"OD": {"tag": "x"}}}, "OD"),
        ({"inputs": {"G": {"tag": "x"}}}, "'G'"),
        ({"outputs": {"DO": {"tag": "x", "unit": "g"}}}, "g"),
        ({"varied": [{"name": "nothing"}]}, "nothing"),
        ({"suspects": [{"kind": "stuck", "input": "G"}]}, "suspect"),
        ({"model": {"use": "cho.monod", "target": "x:y"}}, "not by both"),
        ({"cadence": 0}, "greater than 0"),
        ({"candence": 1}, "candence"),
        ({"end": {"output": "X", "planned": 24, "plan": {"G": {"times": [0], "values": [1]}}}},
         "'G'"),
    ],
)  # fmt: skip
def test_settings_that_do_not_fit_are_named(change, words):
    with pytest.raises(BadInputError, match=words):
        track("twin", {**SETTINGS, **change})


def test_what_a_sensor_should_show_is_logged_beside_it_at_the_pace_of_the_plant(bench):
    tag = SETTINGS["outputs"]["DO"]["tag"]
    expected = {"DO": {**SETTINGS["outputs"]["DO"], "expected": f"{tag}_twin"}}
    site, one = bench.site, run(DRIFT)
    site.adopt("twin", "twin.track", {**SETTINGS, "outputs": expected})
    begin(site)
    read(site, one, -1, 24)
    site.wake()
    shown = site.historian.read([f"{tag}_twin"], (START, START + 30 * HOUR))
    times = [(t - START) // HOUR for t in shown.times().tolist()]
    assert times == logged(site, "evidence")[0]
    truth = dict(zip(one.time.tolist(), one["DO"].tolist(), strict=True))
    away = [abs(v - truth[float(t)]) for t, v in zip(times, shown.values().tolist(), strict=True)]
    assert max(away) < 6.0  # the drift is 15 away
    fast = make_twin("twin", TrackSettings.model_validate({**SETTINGS, "pace": 600}), load_model(
        TrackSettings.model_validate(SETTINGS)))  # fmt: skip
    assert fast.unit_us == HOUR / 600


def test_settings_that_are_left_out_keep_the_version_and_whole_numbers_are_numbers(bench):
    plain = TrackSettings.model_validate(SETTINGS)
    assert {"pace"}.isdisjoint(plain.model_dump(mode="json"))
    assert all("expected" not in one for one in plain.model_dump(mode="json")["outputs"].values())
    model = {"use": "cho.mab", "settings": {"volume_L": 2.0}}
    chosen = {
        "model": model, "place": PLACE, "cadence": 2.0,
        "outputs": {"pH": {"tag": f"{PLACE}/do"}},
    }  # fmt: skip
    bench.site.adopt("twin", "twin.track", chosen)
    bench.site.wake()
    assert not list(bench.site.ledger.events(kinds=("AnalystFailed",)))


def test_the_model_that_findings_name_is_kept_so_that_the_home_verifies(site):
    begin(site)
    read(site, run(DRIFT), -1, 24)
    site.wake()
    digests = {
        one.decode().finding.model_digest for one in site.ledger.events(kinds=("FindingOpened",))
    }
    assert len(digests) == 1 and site.registry.get(digests.pop())
    assert site.verify().is_ok
