"""Charts on the page: the points are those that were judged, with the run lengths by design."""

from __future__ import annotations

import random

import pytest

from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.records import NewEvent
from goldenbatch.core.results import Result, ResultCorrected
from tests.capabilities.monitoring.pages.node import Node, is_plain

SETTINGS = {"attributes": ["imp*"], "n_reference": 12, "autocorrelation": "ignore"}


def fill(bench, values, first=0, product="P"):
    for n, value in enumerate(values, first):
        bench.batch(f"b{n}", {"impurity": f"{value:.3f}"}, product)


@pytest.fixture
def node(bench):
    rng = random.Random(1)
    bench.site.adopt("quality", "monitoring.charts", SETTINGS)
    fill(bench, [0.3 + 0.02 * rng.gauss(0, 1) for _ in range(16)])
    fill(bench, [0.49, 0.3], 16)
    bench.site.wake()
    return Node(bench.site)


def test_points_are_those_that_the_analyst_judged(node, bench):
    (analyst,) = node.get("/charts")["analysts"]
    (row,) = analyst["charts"]
    assert (row["key"], row["n_points"]) == ("P|impurity", 18)
    assert (row["n_later"], row["n_alarms"]) == (6, 1)
    assert analyst["run_length"]["arl0"] == pytest.approx(370.4, abs=0.1)
    told = node.get("/charts/points", name="quality", key="P|impurity")
    assert is_plain(told) and told["unit"] == "%"
    flags = [one["is_reference"] for one in told["points"]]
    assert flags == [True] * 12 + [False] * 6
    (alarm,) = [one for one in told["points"] if one["alarms"]]
    assert alarm["batch"] == "b16" and alarm["alarms"] == ["nelson-1"]
    assert alarm["upper"] < alarm["values"]["impurity"] == 0.49
    (finding,) = told["findings"]
    assert finding["batch"] == "b16"
    newest = bench.site.ledger.select("finding", {"uid": finding["uid"]})[0]
    assert newest["started_at"] == finding["started_at"]
    (index,) = told["capability"]
    ppk = index["indices"]["Ppk"]
    assert ppk["lower"] < ppk["estimate"] < ppk["upper"] and index["indices"]["Cp"]["lower"] is None


def test_what_is_new_goes_on_from_where_the_chart_was(node, bench):
    node.get("/charts")
    fill(bench, [0.31], 18)
    assert node.get("/charts/points", name="quality", key="P|impurity", n=1)["n_points"] == 19
    old = Result(test="impurity", attribute="impurity", value="0.310", unit="%")
    new = old.model_copy(update={"value": "0.301"})
    at = {"sample": "b18/final", "test": "impurity"}
    body = ResultCorrected(**at, old=old, new=new, reason="typing")
    bench.site.ledger.append([NewEvent("sample/b18/final", body, 1, "test")])
    (last,) = node.get("/charts/points", name="quality", key="P|impurity", n=1)["points"]
    assert last["corrected"] == "0.301" and last["values"]["impurity"] == 0.31


@pytest.mark.parametrize("settings", [
    {"kind": "ewma", "in_control_arl": 500}, {"kind": "cusum"}, {"kind": "forecast"},
    {"kind": "hotelling", "attributes": ["imp*", "water"]},
    {"kind": "xbar", "subgroup": "campaign"},
    {"kind": "individuals", "rules": ["nelson-1", "nelson-2"]},
], ids=lambda one: one["kind"])  # fmt: skip
def test_every_kind_of_chart_is_shown(bench, settings):
    rng = random.Random(2)
    bench.site.adopt("quality", "monitoring.charts", {**SETTINGS, **settings})
    for n in range(16):
        values = {name: f"{0.3 + 0.02 * rng.gauss(0, 1):.3f}" for name in ("impurity", "water")}
        bench.batch(f"b{n}", values)
    (analyst,) = Node(bench.site).get("/charts")["analysts"]
    assert is_plain(analyst) and analyst["run_length"]["arl0"] > 100
    for row in analyst["charts"]:
        told = Node(bench.site).get("/charts/points", name="quality", key=row["key"])
        assert is_plain(told) and len(told["points"]) == (0 if settings["kind"] == "xbar" else 16)


def test_a_design_says_what_it_sees_and_refuses_what_there_is_not(node):
    told = node.get("/design", kind="cusum", arl=465.4)
    assert told["parameters"]["threshold"] == pytest.approx(5.0, abs=0.01)
    assert told["average run length by shift"]["1"] < 12
    with pytest.raises(BadInputError):
        node.get("/design", kind="nonsense")
    with pytest.raises(NotFoundError):
        node.get("/charts/points", name="quality", key="P|water")
    with pytest.raises(NotFoundError):
        node.get("/charts/points", name="nobody", key="P|water")


def test_pages_show_the_chart_its_alarm_and_what_is_behind_it(node):
    from goldenbatch.capabilities.monitoring.charts import _pages as pages
    from goldenbatch.capabilities.monitoring.charts._design_pages import DESIGN

    listed = node.show(pages.CHARTS)
    assert "P: impurity" in listed.text and "out of its chart" not in listed.text
    assert "one false alarm in 370.4 values" in listed.text
    chart = node.show(pages.CHART, {"chart": "quality"}, {"of": "P|impurity"})
    assert "nelson-1" in chart.text and "Ppk" in chart.text
    assert {"/batches/b16", "/samples?sample=b16%2Ffinal"} <= set(chart.links)
    design = node.show(DESIGN, values={"kind": "cusum", "arl": "465.4"})
    assert "threshold" in design.text and "select" in design.tags
    assert "nelson-1" in node.show(pages.BATCH, {"batch": "b16"}).text
    assert node.show(pages.BATCH, {"batch": "none"}) is None
    (finding,) = node.get("/charts/points", name="quality", key="P|impurity")["findings"]
    assert "nelson-1" in node.show(pages.FINDING, {"finding": finding["uid"]}).text
