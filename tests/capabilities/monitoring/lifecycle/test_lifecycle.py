"""A product's validation from a real home: qualification, verification, figures, signed report."""

from __future__ import annotations

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
from goldenbatch.core.batches import BatchEnded
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.records import NewEvent

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
        "qualification batch 'q2' is not in this home",
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
