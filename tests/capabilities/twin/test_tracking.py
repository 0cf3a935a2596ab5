"""A faulty batch followed live at a real home: named before its end, the same on replay."""

from __future__ import annotations

import pytest
from tests.capabilities.conftest import Clock
from tests.capabilities.twin.floor import END_H, FEEDS, HOUR, LAB, PLACE, START, Floor, plant

from goldenbatch.core.records import NewEvent
from goldenbatch.core.results import ResultCorrected, ResultsReported
from goldenbatch.runtime.local import LocalSite
from goldenbatch.science.process.faults import Altered

STEP_H = 8
SETTINGS = {
    "model": {
        "use": "cho.monod",
        "noise": {
            "V": {"relative": 5e-4}, "P": {"sd": 1e-4, "relative": 0.004},
            "O2": {"sd": 8e-4}, "Xd": {"sd": 0.002, "relative": 0.01},
            **{n: {"sd": 0.002, "relative": 0.006} for n in ("Xv", "G", "Gn", "L", "A")},
        },
        "initial_sd": {"Xv": 0.02, "G": 0.5, "Gn": 0.2, "L": 0.1, "A": 0.1, "P": 1e-3,
                       "Xd": 0.01, "V": 0.01, "O2": 0.01},
    },
    "place": PLACE, "product": "P", "cadence": float(STEP_H), "window": 96.0,
    "outputs": {"DO": {"tag": f"{PLACE}/do", "unit": "%"}},
    "inputs": {"F": {"tag": f"{PLACE}/feed", "unit": "mL/h"}},
    "laboratory": {name: name.lower() for name in LAB},
    "varied": [{"name": name} for name in ("mu_max", "q_mab", "q_O2", "kLa")],
    "suspects": [
        {"kind": "sensor", "output": "DO", "walk": 0.3},
        {"kind": "sensor", "output": "glucose", "size": 3.0, "walk": 0.3},
        {"kind": "altered", "parameters": {"kLa": 0.2}, "what": "loss of aeration"},
        {"kind": "altered", "parameters": {"m_glc": 4.0, "q_O2": 2.0}, "what": "contamination"},
    ],
}  # fmt: skip


def test_a_fault_is_named_before_the_batch_ends_and_a_restart_changes_nothing(home):
    run = plant(Altered(start=100.0, values={"m_glc": 3.0, "q_O2": 1.8}))
    opened, floor, clock = {}, None, Clock()
    for half in ((0, 112), (112, END_H)):
        with LocalSite.open(home, clock=clock) as site:
            if half[0] == 0:
                few = [one for one in SETTINGS["suspects"] if one.get("output") != "glucose"]
                site.adopt("twin", "twin.track", {**SETTINGS, "suspects": few})
            floor = Floor(site, run) if floor is None else floor_again(site, floor)
            for now in range(half[0] + STEP_H, half[1] + 1, STEP_H):
                floor.go_on(now - STEP_H if now > STEP_H else -1, now)
                for one in site.wake():
                    opened.setdefault((one.finding.subject.key, one.step), (now, one.finding))
    with LocalSite.open(home, clock=clock) as site:
        now, _ = opened["departure", "opened"]
        assert 100 < now < END_H
        floor = floor_again(site, floor)
        floor.end()
        closed = {one.finding.subject.key: one for one in site.wake()}
        assert closed["departure"].step == "closed"
        finding = closed["departure"].finding
        assert finding.title == "The batch left its twin: contamination"
        assert "contamination (" in finding.statement
        assert START + 90 * HOUR < finding.start <= START + now * HOUR
        assert finding.confidence > 0.9
        assert {one.kind for one in finding.evidence} >= {"window"}
        assert finding.contributions[0].variable in ("DO", "glucose")
        report = site.replay("as-seen")
        assert report.n_live == report.n_replayed > 0
        assert report.differences == ()
        tags = [f"{PLACE}/twin_{name}" for name in ("P", "P_sd", "evidence", "nis")]
        logged = site.historian.read(tags, (START, START + END_H * HOUR + 1))
        derived = {tag: logged.of(tag).values() for tag in tags}
    truth = run.values["P"][-1]
    assert abs(derived[tags[0]][-1] - truth) < 4 * derived[tags[1]][-1] < 0.5 * truth
    assert len(derived[tags[0]]) == END_H // STEP_H + 1


def floor_again(site, before):
    again = Floor.__new__(Floor)
    again.__dict__ |= {**before.__dict__, "site": site}
    return again


@pytest.fixture
def bench_site(bench):
    bench.site.adopt("twin", "twin.track", SETTINGS)
    return bench.site


def whole(site, run, upto=END_H):
    floor = Floor(site, run)
    floor.go_on(-1, upto)
    return floor, site.wake()


def test_a_batch_without_fault_gives_no_finding(bench_site):
    _, found = whole(bench_site, plant(seed=5))
    assert [one.finding.statement for one in found] == []


def test_faults_that_look_alike_are_not_told_apart_by_guessing(bench_site):
    """Nothing but its own sensor sees the oxygen: the sensor may be wrong, or the aeration."""
    _, found = whole(bench_site, plant(Altered(start=100.0, values={"kLa": 0.55})))
    last = [one.finding for one in found if one.finding.subject.key == "departure"][-1]
    assert last.title.startswith("The batch left its twin: one of ")
    assert "sensor of DO" in last.title
    assert "loss of aeration" in last.title
    assert "does not tell apart" in last.statement


def test_a_corrected_result_is_filtered_again_and_one_in_a_foreign_unit_is_told(bench):
    site, run = bench.site, plant(seed=7)
    site.adopt("twin", "twin.track", {**SETTINGS, "suspects": SETTINGS["suspects"][1:2]})
    floor = Floor(site, run)
    floor.go_on(-1, 120)
    floor._report(110.0, "glucose", "900.0", "{tbl}")
    told = site.wake()
    assert [one.finding.subject.key for one in told] == ["laboratory"]
    assert "does not convert" in told[0].finding.statement
    for at in (48, 72, 96):
        correct(site, f"{floor.batch}/{at}", "glucose", "55.0")
        said = site.wake()
        # One wrong result is an outlier, two may be; three say that it is the method.
        assert bool(said) == (at == 96)
    assert [one.finding.title for one in said] == ["Sensor of glucose does not show what is"]
    assert any(one.kind == "record" for one in said[0].finding.evidence)


def correct(site, sample, attribute, value):
    stream = f"sample/{sample}"
    bodies = [event.decode() for event in site.ledger.stream(stream)]
    results = [r for one in bodies if isinstance(one, ResultsReported) for r in one.results]
    old = next(one for one in results if one.attribute == attribute)
    new = old.model_copy(update={"value": value})
    body = ResultCorrected(sample=sample, test=old.test, old=old, new=new, reason="dilution")
    version = site.ledger.version(stream)
    site.ledger.append([NewEvent(stream, body, version, "test")])


def test_the_end_is_predicted_and_told_when_it_is_out_of_limits(bench):
    end = {"output": "titre", "planned": float(END_H), "lower": 2.0, "every": 48.0, "members": 8,
           "plan": {"F": {"times": list(range(0, END_H, 24)), "values": FEEDS}}}  # fmt: skip
    settings = {**SETTINGS, "suspects": SETTINGS["suspects"][:1], "end": end}
    bench.site.adopt("twin", "twin.track", settings)
    run = plant(seed=8)
    _, found = whole(bench.site, run, upto=96)
    assert [one.finding.subject.key for one in found] == ["end"]
    assert "titre at the end is expected at" in found[0].finding.statement
    tags = [f"{PLACE}/twin_end_{name}" for name in ("value", "lower", "upper")]
    logged = bench.site.historian.read(tags, (START, START + 97 * HOUR))
    last = [float(logged.of(tag).values()[-1]) for tag in tags]
    assert last[1] <= last[0] <= last[2] < 2.0
    assert last[1] * 0.8 < run.values["titre"][-1] < last[2] * 1.2
