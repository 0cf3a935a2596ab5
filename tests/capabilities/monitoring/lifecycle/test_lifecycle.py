"""A product's validation from a real home: qualification, verification, figures, signed report."""

from __future__ import annotations

import json
import random

import pytest

from goldenbatch.capabilities.monitoring.lifecycle.commands import (
    indicators_command,
    lifecycle_command,
)
from goldenbatch.capabilities.monitoring.lifecycle.figures import (
    INDICATORS,
    Share,
    times_in_status,
    unit_effectiveness,
)
from goldenbatch.capabilities.monitoring.lifecycle.plan import read_plan
from goldenbatch.capabilities.monitoring.lifecycle.reading import gather
from goldenbatch.core.batches import BatchCreated, BatchEnded
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.records import NewEvent
from goldenbatch.core.results import Result, ResultsReported

PASSWORD = "a long password"
PLAN = """schema = "goldenbatch/lifecycle/1"
version = "2"
product = "P"
qualification = ["q0", "q1", "q2"]
attributes = ["impurity"]
yield_attribute = "yield"
min_ppk = 1.0
"""


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    return path


def make(bench, names, centre=0.25, sd=0.02, seed=1, ends=True):
    rng = random.Random(seed)
    for name in names:
        values = {"impurity": f"{rng.gauss(centre, sd):.3f}", "yield": f"{rng.gauss(95, 1):.1f}"}
        bench.batch(name, values)
        if ends:
            end(bench, name)


def end(bench, name):
    stream = f"batch/{name}"
    body = BatchEnded(batch=name, ended_at=bench.site.clock(), outcome="completed")
    event = NewEvent(stream, body, bench.site.ledger.version(stream), "test")
    bench.site.ledger.append([event])


def test_a_good_process_is_reported_as_one(bench, plan, tmp_path):
    make(bench, ["q0", "q1", "q2"], seed=4)
    make(bench, [f"c{n}" for n in range(20)], seed=2)
    told = lifecycle_command(bench.site, plan, tmp_path / "out")
    assert (told["n_qualification"], told["n_verification"]) == (3, 20)
    assert told["faults"] == []
    assert told["right_first_time"] == 1.0
    assert told["gaps"] == ["stage 1: no recipe of the product is adopted"]
    page = (tmp_path / "out" / "lifecycle-P.html").read_text()
    assert "Stage 3: continued verification" in page and "<script" not in page
    assert (tmp_path / "out" / "lifecycle-P.pdf").read_bytes().startswith(b"%PDF")
    rows = {row["indicator"]: row for row in indicators_command(bench.site, plan)}
    assert set(rows) == {one.name for one in INDICATORS}
    assert rows["right first time"]["value"] == 1.0
    assert rows["yield"]["value"] == pytest.approx(95.0, abs=1.0)
    assert rows["OEE"]["value"] is None


def test_what_speaks_against_the_process_is_said(bench, plan, tmp_path):
    make(bench, ["q0", "q1", "q2"], sd=0.08, seed=3)
    make(bench, [f"c{n}" for n in range(14)], centre=0.40, sd=0.05, seed=5)
    make(bench, ["bad"], centre=0.61, sd=0.0)
    told = lifecycle_command(bench.site, plan, tmp_path / "out")
    words = " ".join(told["faults"])
    assert "upper tolerance limit" in words
    assert "batch bad: 0.610 % is outside its limits" in words
    assert "Ppk" in words and "below 1.00" in words
    assert told["right_first_time"] == pytest.approx(14 / 15)


def test_what_is_missing_is_said(bench, plan, tmp_path):
    make(bench, ["q0", "q1"])
    told = lifecycle_command(bench.site, plan, tmp_path / "out")
    assert told["gaps"] == [
        "qualification batch 'q2' is not in this home as a batch of 'P'",
        "stage 1: no recipe of the product is adopted",
        "stage 2: 2 of at least 3 batches",
        "stage 3: no batch since the qualification",
    ]
    assert told["right_first_time"] is None


def test_a_batch_that_has_not_ended_is_open(bench, plan, tmp_path):
    make(bench, ["q0", "q1", "q2"])
    make(bench, ["c0"], ends=False)
    found = lifecycle_command(bench.site, plan, tmp_path / "out")
    assert found["right_first_time"] is None


def test_a_report_is_kept_at_the_home_and_signed(bench):
    site = bench.site
    for login, role in (("ana", "process_engineer"), ("bob", "quality_reviewer")):
        site.people.add(login, login.title(), PASSWORD)
        site.people.grant(login, role, "test")
    make(bench, ["q0", "q1", "q2"])
    values = {"plan": PLAN, "reason": "yearly review"}
    (event,) = site.acts.act("monitoring.lifecycle-keep", values, "ana", PASSWORD)
    assert event.stream == "lifecycle/P"
    assert site.registry.get(event.body["paper"]).startswith(b"%PDF")
    site.sign("lifecycle/P", "approved", "bob", PASSWORD)
    assert not site.verify().problems


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('product = "P"', 'product = "Q"', "no product"),
        ('["impurity"]', '["colour"]', "colour"),
        ('["impurity"]', "[]", "no critical attribute"),
        ("min_ppk = 1.0", "min_ppk = -1.0", "min_ppk"),
        ("min_ppk = 1.0", 'review_every = "now"', "period"),
        ("min_ppk = 1.0", "share = [0.9]", "share"),
        ("min_ppk = 1.0", 'place = "site"', "planned_batch_hours"),
    ],
)
def test_a_plan_that_cannot_be_held_to_is_refused(bench, plan, tmp_path, old, new, message):
    plan.write_text(PLAN.replace(old, new))
    with pytest.raises((BadInputError, NotFoundError), match=message):
        lifecycle_command(bench.site, plan, tmp_path / "out")


def test_effectiveness_from_the_states_of_a_unit():
    hour = 3_600_000_000
    changes = [(0, "in use"), (6 * hour, "to be cleaned"), (7 * hour, "idle"), (9 * hour, "in use")]
    times = times_in_status(changes, (0, 15 * hour))
    assert times == {"in use": 12 * hour, "to be cleaned": hour, "idle": 2 * hour}
    found = unit_effectiveness(times, 2, Share(0.5, 0.0, 1.0, 2), 5.5 * hour)
    assert found is not None
    assert found.availability == pytest.approx(12 / 13)
    assert found.effectiveness == pytest.approx(11 / 12)
    assert found.oee == pytest.approx(5.5 / 13)
    assert unit_effectiveness(times, 2, Share(None, None, None, 0), 5.5 * hour) is None
    assert unit_effectiveness({}, 2, Share(1.0, 0.0, 1.0, 2), 5.5 * hour) is None


def report(bench, batch, *results, started=None, product="P"):
    """A batch with one sample a result, each told as (value, unit, further fields)."""
    created = BatchCreated(batch=batch, product=product, started_at=started)
    events = [NewEvent(f"batch/{batch}", created, 0, "test")]
    for n, (value, unit, more) in enumerate(results):
        result = Result(
            **{"test": "t", "attribute": "impurity", "value": value, "unit": unit, **more}
        )
        told = ResultsReported(sample=f"{batch}/{n}", batch=batch, results=(result,))
        events.append(NewEvent(f"sample/{batch}/{n}", told, 0, "test"))
    bench.site.ledger.append(events)


def told_of(bench, text=PLAN):
    return gather(bench.site, read_plan(text.replace('yield_attribute = "yield"\n', "")))


def test_results_of_another_unit_are_converted_or_named(bench):
    report(bench, "q0", ("2.0", "mg/g", {}))
    report(bench, "q1", ("0.21", "%", {}))
    report(bench, "q2", ("3", "mg/L", {}))
    report(bench, "c0", ("0.2", "", {}))
    found = told_of(bench)
    (stage,) = found.qualification
    assert [one.number for one in stage.values[:2]] == pytest.approx([0.2, 0.21])
    assert stage.tolerance is None
    assert any("batch q2: 3 mg/L" in fault for fault in stage.faults)
    assert "stage 2: impurity: no tolerance limit: not all results are numbers of one unit" in (
        found.gaps
    )
    assert any("has no unit" in fault for fault in found.verification[0].faults)


def test_a_batch_is_no_better_than_its_worst_sample(bench):
    report(bench, "q0", ("0.61", "%", {}), ("0.20", "%", {}))
    report(bench, "q1", ("0.20", "%", {"status": "oos", "cause": "assay"}), ("0.21", "%", {}))
    report(bench, "q2", ("0.9", "%", {"status": "invalidated", "cause": "c"}), ("0.2", "%", {}))
    (stage,) = told_of(bench).qualification
    assert [one.number for one in stage.values] == [0.61, 0.20, 0.2]
    assert [fault for fault in stage.faults if fault.startswith("batch")] == [
        "batch q0: 0.61 % is outside its limits",
        "batch q1: 0.20 %: was reported as out of specification",
    ]


def test_bounds_and_words_are_no_figures_and_are_not_passed_over(bench):
    report(bench, "q0", ("0.05", "%", {"kind": "censored", "operator": "<"}))
    report(bench, "q1", ("0.60", "%", {"kind": "censored", "operator": "<"}))
    report(bench, "q2", ("not tested", "", {"kind": "text"}))
    found = told_of(bench)
    (stage,) = found.qualification
    assert (stage.n_censored, stage.tolerance) == (2, None)
    assert any("may lie within or outside" in fault for fault in stage.faults)
    assert any("is no number" in fault for fault in stage.faults)
    assert "stage 2: impurity: no tolerance limit: 2 of 3 results are only bounds" in found.gaps


def test_batches_that_are_in_no_stage_are_counted(bench):
    day = 86_400_000_000
    start = bench.site.clock() - 40 * day
    names = ["c0", "q0", "c1", "q1", "q2", "c2"]
    for n, name in enumerate(names):
        report(bench, name, ("0.2", "%", {}), started=start + n * day)
    report(bench, "planned")
    found = told_of(bench)
    assert found.batches == (("q0", "q1", "q2"), ("c2",))
    assert found.unplaced == ("c1",)
    assert "1 batches have neither a start nor a result" in found.gaps
    undated = PLAN.replace('"q2"', '"planned"')
    assert told_of(bench, undated).batches == (("q0", "q1", "planned"), ("q2", "c2"))


def test_odd_names_do_no_harm(bench, tmp_path):
    nasty = "<script>alert(1)</script> \u0e3f\U0001f9ea \u202e/../x"
    name = "b/<script>\u202e"
    report(bench, "q0", ("0.2", "%", {}))
    report(bench, "q1", ("0.7", "%", {}))
    path = tmp_path / "plan.toml"
    version, batch = (json.dumps(one, ensure_ascii=False) for one in (nasty, name))
    text = PLAN.replace('version = "2"', f"version = {version}").replace('"q2"', batch)
    path.write_text(text, encoding="utf-8")
    told = lifecycle_command(bench.site, path, tmp_path / "out")
    page = (tmp_path / "out" / "lifecycle-P.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert len(told["files"]) == 2
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BadInputError, match="UTF-8"):
        lifecycle_command(bench.site, path, tmp_path / "out")
