"""Charts from batch to batch: reference first, one finding an alarm event, replay."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.capabilities.monitoring import control_charts, limits_of
from goldenbatch.capabilities.monitoring.charts.book import BookSettings, ChartPage, add
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.records import NewEvent
from goldenbatch.core.results import Result, ResultCorrected
from goldenbatch.science.statistics import ChartSettings

SETTINGS = {"attributes": ["imp*"], "n_reference": 12, "autocorrelation": "ignore"}


def run(bench, values, product="P", start=0):
    found = []
    for i, value in enumerate(values, start):
        bench.batch(f"b{i}", {"impurity": f"{value:.3f}"}, product)
        found += bench.site.wake()
    return found


def normal(n, seed=1):
    rng = random.Random(seed)
    return [10 + rng.gauss(0, 1) for _ in range(n)]


def test_a_level_outside_opens_one_finding_over_its_batches_and_closes(bench):
    bench.site.adopt("quality", "monitoring.charts", SETTINGS)
    quiet = [10.0, 10.5, 9.5] * 4
    found = run(bench, [*quiet, 10.2, 20.0, 21.0, 10.1, 9.9])
    assert [one.step for one in found] == ["opened", "updated", "closed"]
    last = found[-1].finding
    assert last.subject.batch == "b13"
    assert last.batches == ("b14",)
    assert "batch b15 (10.100)" in last.statement
    assert {one.stream for one in last.evidence} == {"sample/b13/final", "sample/b14/final"}
    touching = bench.site.ledger.select("finding_batch", {"batch": "b14"})
    assert [row["uid"] for row in touching] == [found[0].uid]


def test_nothing_is_judged_in_the_reference_period(bench):
    bench.site.adopt("quality", "monitoring.charts", SETTINGS)
    assert run(bench, [10.0, 11.0, 9.0, 50.0, *([10.0, 10.4] * 4)]) == []


def test_products_and_attributes_have_charts_of_their_own(bench):
    bench.site.adopt("quality", "monitoring.charts", SETTINGS)
    run(bench, normal(13))
    assert run(bench, [v + 50 for v in normal(13, seed=2)], product="Q", start=100) == []
    rows = limits_of(bench.site, "quality")
    assert [(row["product"], row["n_later"]) for row in rows] == [("P", 1), ("Q", 1)]


def test_replay_as_seen_equals_live(bench):
    bench.site.adopt("quality", "monitoring.charts", SETTINGS)
    run(bench, [*normal(20), 30.0, *normal(5, seed=3)])
    report = bench.site.replay("as-seen")
    assert report.n_live == report.n_replayed > 0
    assert report.differences == ()


def test_a_late_correction_is_said_and_known_now_differs(bench):
    bench.site.adopt("quality", "monitoring.charts", SETTINGS)
    run(bench, [*normal(14), 30.0, 10.0])
    old = Result(test="impurity", attribute="impurity", value="30.000", unit="%")
    new = old.model_copy(update={"value": "10.300"})
    body = ResultCorrected(
        sample="b14/final", test="impurity", old=old, new=new, reason="typing error"
    )
    bench.site.ledger.append([NewEvent("sample/b14/final", body, 1, "test")])
    said = bench.site.wake()
    assert [one.step for one in said] == ["opened", "closed"]
    assert "30.000 became 10.300" in said[0].finding.statement
    assert bench.site.replay("as-seen").differences == ()
    known = bench.site.replay("as-known")
    assert known.differences
    assert not [s for s in known.transitions if s.finding.subject.batch == "b14"]


def test_a_correction_inside_the_reference_period_is_taken_in(bench):
    bench.site.adopt("quality", "monitoring.charts", SETTINGS)
    run(bench, [99.0, *normal(5)])
    old = Result(test="impurity", attribute="impurity", value="99.000", unit="%")
    new = old.model_copy(update={"value": "9.900"})
    body = ResultCorrected(
        sample="b0/final", test="impurity", old=old, new=new, reason="decimal point"
    )
    bench.site.ledger.append([NewEvent("sample/b0/final", body, 1, "test")])
    assert bench.site.wake() == []
    run(bench, normal(7, seed=4), start=50)
    assert limits_of(bench.site, "quality")[0]["upper"] < 20


def test_unknown_settings_are_named():
    with pytest.raises(BadInputError, match=r"n_refrence"):
        control_charts("quality", {"attributes": ["a"], "n_refrence": 5})


def test_a_reference_without_variation_waits_for_some():
    page, book = ChartPage(), BookSettings(chart=ChartSettings(), n_reference=8)
    for i in range(10):
        page, judged = add(page, book, str(i), 5.0)
        assert judged is None
    assert page.design is None
    assert page.faults
    page, _ = add(page, book, "x", 6.0)
    assert page.design is not None


@given(st.lists(st.floats(-100, 100, width=32), min_size=9, max_size=40), st.data())
def test_a_page_survives_json_at_any_place(values, data):
    book = BookSettings(chart=ChartSettings(), n_reference=8)
    cut = data.draw(st.integers(0, len(values)))
    whole, torn = ChartPage(), ChartPage()
    for i, value in enumerate(values):
        whole, first = add(whole, book, str(i), value)
        if i == cut:
            torn = ChartPage.from_json(json.loads(json.dumps(torn.to_json())))
        torn, second = add(torn, book, str(i), value)
        assert first == second or (first is not None and repr(first) == repr(second))
    assert json.dumps(whole.to_json()) == json.dumps(torn.to_json())


def test_an_autocorrelated_reference_is_charted_by_its_residuals(bench):
    rng, level, values = random.Random(7), 0.0, []
    for _ in range(60):
        level = 0.8 * level + rng.gauss(0, 1)
        values.append(10 + level)
    settings = {"attributes": ["imp*"], "n_reference": 40}
    bench.site.adopt("quality", "monitoring.charts", settings)
    run(bench, values)
    row = limits_of(bench.site, "quality")[0]
    assert row["state"] == "residuals"
    assert row["lag1"] > 0.4
