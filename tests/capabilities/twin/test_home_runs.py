"""Batches of a home as fits take them: a simulated plant's readings and results come back."""

from __future__ import annotations

import base64
import csv
import json

import numpy as np
import pytest
from tests.capabilities.conftest import PLANT, Clock
from tests.capabilities.governance.test_plan_commands import served
from tests.capabilities.twin.floor import END_H, FEEDS, HOUR, PLACE, START, Floor, plant

from goldenbatch.apps.cli._session import Session
from goldenbatch.capabilities.twin._home_runs import read_run
from goldenbatch.capabilities.twin.compare_commands import compare_command
from goldenbatch.capabilities.twin.fit_commands import fit_command
from goldenbatch.capabilities.twin.keeping import result_in
from goldenbatch.capabilities.twin.study_data import DataPart
from goldenbatch.capabilities.twin.track_commands import track_command
from goldenbatch.core.batches import PhaseEnded, PhaseStarted, SampleTaken
from goldenbatch.core.errors import BadInputError, GoldenbatchError, NotFoundError
from goldenbatch.core.records import HomeKind, NewEvent, to_iso
from goldenbatch.core.results import Result, ResultsReported
from goldenbatch.core.series import Frame, Quality, frame_table
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite
from goldenbatch.runtime.remote import NodeClient, RemoteSite
from goldenbatch.science.process.library import entry

TAGS = "".join(
    f'\n[[tags]]\nname = "{PLACE}/{name}"\n{rest}\n'
    for name, rest in {
        "do": 'unit = "%"', "feed": 'unit = "mL/h"\ncadence_s = 7200', "odd": 'unit = "kg"',
        "words": 'kind = "text"\nunit = ""', "gappy": 'unit = "mL/h"\ncadence_s = 3600',
        "silent": 'unit = "mL/h"',
    }.items()
)  # fmt: skip
PART = {
    "batch": "B1", "source": "home", "every": "24 h", "tags": {"DO": f"{PLACE}/do"},
    "results": {"VCD": "vcd", "titre": "titre"}, "inputs_from": {"F": f"{PLACE}/feed"},
}  # fmt: skip
MODEL = entry("cho.monod").load()


def write(site, tag, times, values, qualities, key):
    table = frame_table("number", times, [f"{PLACE}/{tag}"] * len(times), values, qualities)
    site.historian.write(Frame("floor", key, "number", table, max(times)))


def report(site, sample, at, results, batch="B1"):
    taken = SampleTaken(sample=sample, batch=batch, taken_at=at)
    told = ResultsReported(sample=sample, batch=batch, results=results)
    stream = f"sample/{sample}"
    site.ledger.append([NewEvent(stream, taken, 0, "test"), NewEvent(stream, told, 1, "test")])


@pytest.fixture(scope="module")
def runs():
    return {name: plant(seed=seed) for name, seed in (("B1", 3), ("B2", 4), ("B3", 5))}


@pytest.fixture(scope="module")
def plant_home(tmp_path_factory, runs):
    """A home with two batches that ended and one that still runs, and some trouble."""
    path = tmp_path_factory.mktemp("plant") / "home"
    settings = HomeSettings(
        name="test", site="A", plant=PLANT + TAGS, kind=HomeKind.DEMONSTRATION, zone="UTC"
    )
    create_home(path, settings)
    with LocalSite.open(path, clock=Clock()) as site:
        for number, (name, run) in enumerate(runs.items()):
            floor = Floor(site, run, name, START + number * 400 * HOUR)
            floor.go_on(-1, END_H + 48)
            if name != "B3":
                floor.end()
        trouble(site)
    return path


def trouble(site):
    bad = int(Quality.BAD)
    odd = [START + 7 * HOUR, START + 9 * HOUR]
    write(site, "do", odd, [400.0, float("nan")], [bad, 0], "bad")
    hours = [0, 1, 2, 60, *range(61, END_H)]
    times = [START + h * HOUR for h in hours]
    write(site, "gappy", times, [0.5] * len(times), [0] * len(times), "gappy")
    titre = {"attribute": "titre", "unit": "g/L"}
    results = (
        Result(test="a", value="0.05", kind="censored", operator="<", **titre),
        Result(test="b", value="9", status="invalidated", cause="broken column", **titre),
        Result(test="c", value="700", status="oos", cause="", **{**titre, "unit": "mg/L"}),
    )
    report(site, "B1/x", START + 30 * HOUR, results)
    late = (Result(test="d", value="3", **titre),)
    report(site, "B1/late", START + 900 * HOUR, late)
    report(site, "B1/no-time", None, late)
    phases = [("growth", 1, 0, 48), ("growth", 2, 60, 90), ("feed", 1, 48, 96)]
    for phase, run, start, end in phases:
        body = {"batch": "B1", "place": PLACE, "phase": phase, "run": run}
        version = site.ledger.version("batch/B1")
        first = PhaseStarted(**body, at=START + start * HOUR)
        last = PhaseEnded(**body, at=START + end * HOUR)
        site.ledger.append([NewEvent("batch/B1", first, version, "test"),
                            NewEvent("batch/B1", last, version + 1, "test")])  # fmt: skip


@pytest.fixture
def site(plant_home):
    with LocalSite.open(plant_home, clock=Clock()) as found:
        yield found


def read(site, interval=24.0, **changes):
    return read_run(site, MODEL, DataPart.model_validate({**PART, **changes}), interval)


def test_what_the_plant_reported_comes_back(site, runs):
    found = read(site)
    run = runs["B1"]
    assert found.duration == END_H
    oxygen = found.data["DO"]
    cells = [(run.time >= a) & (run.time < a + 24) for a in range(0, END_H, 24)]
    wanted = [run.measured["DO"][one].mean() for one in cells]
    assert oxygen.values == pytest.approx(wanted, rel=1e-9)
    assert oxygen.times == pytest.approx([run.time[one].mean() for one in cells])
    there = np.isfinite(run.measured["VCD"])
    assert found.data["VCD"].times == pytest.approx(run.time[there])
    assert found.data["VCD"].values == pytest.approx(run.measured["VCD"][there], abs=1e-5)
    feed = found.inputs["F"]
    assert feed.times == [0.0, *np.arange(48.0, END_H, 24.0)]
    assert feed.values == pytest.approx(sorted(set(FEEDS)))
    last = read(site, take="last", every="12 h").data["DO"]
    assert last.times.tolist() == [12.0 * k + 10.0 for k in range(16)]


def test_what_cannot_be_used_is_left_out_and_told(site):
    found = read(site)
    told = "\n".join(found.notes)
    for words in (
        f"2 of 98 readings of {PLACE}/do are bad", "B1/x is left out: <0.05 is no plain number",
        "invalidated, broken column", "B1/x counts, although it is OOS",
        "B1/late is left out: its sample was taken outside the run",
        "B1/no-time is left out: its sample has no time",
    ):  # fmt: skip
        assert words in told
    titre = dict(zip(found.data["titre"].times, found.data["titre"].values, strict=True))
    assert titre[30.0] == pytest.approx(0.7)
    assert 9.0 not in titre.values()


def test_it_says_what_it_rests_on(site, plant_home):
    found = read(site)
    basis = found.basis
    assert (basis["start"], basis["end"]) == (to_iso(START), to_iso(START + END_H * HOUR))
    assert basis["historian_seq"] == site.historian.head()
    assert basis["ledger_seq"] == site.ledger.head()
    for row in basis["readings"]:
        since = START - (24 * HOUR if row["tag"].endswith("feed") else 0)
        window = (since, START + END_H * HOUR)
        assert site.historian.digest(row["tag"], window) == (row["digest"], row["n_readings"])
    leaves = {(e.stream, e.envelope.version): e.leaf for e in site.ledger.events()}
    assert len(basis["records"]) > 8
    assert all(leaves[r["stream"], r["version"]] == r["leaf"] for r in basis["records"])
    before = read(site, batch="B2")
    write(site, "do", [START + 400 * HOUR + HOUR // 2], [90.0], [0], "late")
    later = read(site, batch="B2")
    assert later.basis["readings"] != before.basis["readings"]
    assert later.data["DO"].values[0] != before.data["DO"].values[0]


def test_through_a_node_it_is_the_same(site):
    with served(site) as (url, state), RemoteSite(NodeClient(url, state.token)) as far:
        one, other = read(far), read(site)
    assert {**one.basis, "kind": str(one.basis["kind"])} == other.basis
    assert all(np.array_equal(one.data[n].values, other.data[n].values) for n in other.data)
    assert one.inputs == other.inputs
    assert one.notes == other.notes


def test_a_phase_has_its_own_zero(site):
    found = read(site, phase="feed", every="12 h")
    assert found.duration == 48.0
    assert found.inputs["F"].values[0] == pytest.approx(4e-4)
    assert found.data["VCD"].times.max() == 48.0
    assert read(site, phase="growth", run=2).window[0] == START + 60 * HOUR
    with pytest.raises(BadInputError, match="ran 2 times"):
        read(site, phase="growth")
    with pytest.raises(NotFoundError, match=r"growth \(run 1\)"):
        read(site, phase="harvest")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batch": "B9"}, "no batch 'B9'"),
        ({"batch": "B3"}, "no end yet"),
        ({"tags": {"DO": f"{PLACE}/d0"}}, f"{PLACE}/d0"),
        ({"tags": {"DO": f"{PLACE}/odd"}}, "does not convert"),
        ({"tags": {"DO": f"{PLACE}/words"}}, "holds text"),
        ({"tags": {"OD": f"{PLACE}/do"}}, "no output 'OD'"),
        ({"inputs_from": {"X": f"{PLACE}/feed"}}, "no input 'X'"),
        ({"inputs_from": {"F": f"{PLACE}/gappy"}},
         f"gaps in {PLACE}/gappy: {to_iso(START + 2 * HOUR)} to {to_iso(START + 60 * HOUR)}"),
        ({"inputs_from": {"F": f"{PLACE}/silent"}}, f"{to_iso(START)} to "),
        ({"tags": {"DO": f"{PLACE}/silent"}, "results": {}}, "does not convert"),
        ({"tags": {}, "results": {"VCD": "cells"}}, "nothing that was measured"),
        ({"duration": "20 d"}, "did not last until"),
        ({"every": 0}, "`every`"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(site, changes, words):
    with pytest.raises(GoldenbatchError) as caught:
        read(site, **changes)
    assert words in str(caught.value)


def test_part_of_a_batch_that_runs_may_be_read(site):
    assert read(site, batch="B3", duration="4 d").duration == 96.0
    found = read(site, inputs_from={"F": f"{PLACE}/gappy"}, longest_gap=60.0)
    assert found.inputs["F"].values == pytest.approx([5e-4])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"table": "a.csv"}, "does not go with"),
        ({"source": "table"}, "`tags` does not go with"),
        ({"tags": {}, "results": {}}, "at least one output"),
        ({"results": {"DO": "do"}}, "given twice"),
    ],
)
def test_two_sources_do_not_mix(changes, words):
    given = {k: v for k, v in PART.items() if changes.get("source") != "table" or k != "every"}
    with pytest.raises(ValueError, match=words):
        DataPart.model_validate({**given, **changes})


STUDY = """
schema = "goldenbatch/twin/1"
name = "CHO of the plant"
[model]
use = "cho.monod"
[recipe]
duration = "8 d"
interval = "24 h"
[fit]
parameters = ["mu_max", "q_mab"]
starts = 1
draws = 40
uses_priors = false
[[data]]
batch = "B1"
source = "home"
every = "24 h"
tags = { DO = "site/fermentation/do" }
results = { VCD = "vcd", titre = "titre" }
inputs_from = { F = "site/fermentation/feed" }
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "study.toml").write_text(STUDY, encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def session(plant_home):
    found = Session()
    found.configure(plant_home, True)
    return found


@pytest.fixture(scope="module")
def fitted(tmp_path_factory, session):
    """Answer and folder of a fit to B1."""
    made = tmp_path_factory.mktemp("fit")
    (made / "study.toml").write_text(STUDY, encoding="utf-8")
    return fit_command(session, made / "study.toml", made / "out"), made / "out"


def test_a_study_is_fitted_to_a_batch_of_the_home(folder, fitted):
    answer, out = fitted
    found = {row["name"]: row["value"] for row in answer["estimates"]}
    assert found["mu_max"] == pytest.approx(0.0395, rel=0.05)
    assert found["q_mab"] == pytest.approx(1.56e-3, rel=0.1)
    assert answer["home"][0]["n"]["DO"] == 8
    document = json.loads((out / "fit.json").read_text(encoding="utf-8"))
    basis = document["provenance"]["home"][0]
    assert basis["batch"] == "B1" and basis["historian_seq"] > 0
    with pytest.raises(NotFoundError, match="is not a home"):
        lost = Session()
        lost.configure(folder, True)
        fit_command(lost, folder / "study.toml", folder / "out")


def test_a_batch_is_held_against_its_twin_and_the_comparison_kept(
    folder, session, plant_home, fitted
):
    posterior = fitted[1] / "posterior.json"
    answer = compare_command(session, folder / "study.toml", "B2", posterior, folder / "out")
    assert (answer["status"], answer["batch"]) == ("complete", "B2")
    rows = {row["output"]: row for row in answer["outputs"]}
    for name in ("VCD", "titre"):
        row = rows[name]
        assert row["n_inside"] / row["n"] == row["coverage"] >= 0.5
        assert row["rmse"] < min(row["rmse of first value"], row["rmse of mean of the others"])
    assert rows["titre"]["rmse"] < rows["titre"]["rmse of declared parameters"]
    said = next(words for words in answer["in words"] if words.startswith("titre"))
    assert "; better than the best naive prediction" in said
    assert (folder / "out" / "compare.png").stat().st_size > 5000
    with (folder / "out" / "compare.csv").open(encoding="utf-8") as file:
        table = [row for row in csv.DictReader(file) if row["output"] == "titre"]
    told = [float(row["measured"]) for row in table if row["measured"]]
    assert len(told) == rows["titre"]["n"] < len(table)
    assert all(float(row["lower"]) <= float(row["upper"]) for row in table)
    with LocalSite.open(plant_home, clock=Clock()) as site:
        site.people.add("ana", "Ana", "a long password")
        site.people.grant("ana", "process_engineer", "test")
        values = {**result_in(folder / "out"), "reason": "does it hold?"}
        event = site.acts.act("twin.keep", values, "ana", "a long password")[0]
        assert (event.body["batch"], event.body["work"]) == ("B2", "compare")
        assert event.body["posterior"] == answer["posterior"]
        for old, new, words in (
            ('"n_readings": 9', '"n_readings": 8', "are not those"),
            (site.home.uid, "elsewhere", "not from this one"),
            ('"leaf": "', '"leaf": "0', "is not the record"),
        ):
            document = (folder / "out" / "compare.json").read_text(encoding="utf-8")
            assert old in document
            forged = base64.b64encode(document.replace(old, new).encode()).decode()
            files = {**values["files"], "compare.json": forged}
            with pytest.raises(BadInputError, match=words):
                site.acts.act("twin.keep", {**values, "files": files}, "ana", "a long password")


def test_a_twin_without_posterior_tells_no_interval(folder, session):
    answer = compare_command(session, folder / "study.toml", "B1", None, folder / "out")
    (row,) = [one for one in answer["outputs"] if one["output"] == "titre"]
    assert row["coverage"] is None
    assert row["rmse in sd"] > 1.5
    assert [name for name in row if name.startswith("rmse of ")] == ["rmse of first value"]
    with pytest.raises(NotFoundError, match="no batch 'B9'"):
        compare_command(session, folder / "study.toml", "B9", None, folder / "out")
    with pytest.raises(BadInputError, match=r"twin\.track"):
        track_command(folder / "study.toml", folder / "out", "B1")
    lines = STUDY.split("[[data]]", maxsplit=1)[0]
    (folder / "study.toml").write_text(lines, encoding="utf-8")
    with pytest.raises(NotFoundError, match="does not say how batch 'B1' is read"):
        compare_command(session, folder / "study.toml", "B1", None, folder / "out")
