"""What the explorer shows of models: the logged statistics, bit for bit of the frozen plan."""

from __future__ import annotations

import json

import pytest

from goldenbatch.capabilities.monitoring import fit
from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.records import HomeKind
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite
from tests.capabilities.conftest import Clock
from tests.capabilities.monitoring.pages.node import Node, is_plain
from tests.capabilities.monitoring.process import plant as units

SETTINGS = {
    "units": ["site/line/*"], "tags": list(units.TAGS), "interval_s": 1.0, "wait_s": 0.0,
    "is_always": True, "lost_after_s": 1e6, "fit": {"n_components": 2, "rate": 0.01},
}  # fmt: skip


def watched(path, **changes):
    """A home with two watched units; the third tag of the first is off from row 20 to 35."""
    settings = HomeSettings("t", "S", units.plant(2), kind=HomeKind.DEMONSTRATION)
    create_home(path, settings)
    site = LocalSite.open(path, clock=Clock())
    for i in range(2):
        site.historian.write(units.frame(units.good(600, i), i, -700, "reference"))
    site.adopt("watch", "monitoring.process", {**SETTINGS, **changes})
    fit(site, "watch")
    site.wake()
    rows = units.good(60, 5)
    rows[20:35, 2] += 6.0
    site.historian.write(units.frame(rows, 0, 0, "first"))
    site.wake()
    return site


CVA = {"method": "cva", "lags": 2, "n_components": 4, "rate": 0.01, "is_log": True,
       "smoothing": 0.3}  # fmt: skip


@pytest.mark.parametrize("choice", [SETTINGS["fit"], CVA], ids=["pca", "cva"])
def test_rows_are_those_of_the_log_and_contributions_name_the_tag(tmp_path, choice):
    with watched(tmp_path / "home", fit=choice) as site:
        node = Node(site)
        (model,) = node.get("/process")["models"]
        assert model["units"] == [units.unit(0), units.unit(1)] and model["model"]["digest"]
        at = {"name": "watch", "unit": units.unit(0)}
        told = node.get("/process/rows", **at, n=50)
        assert is_plain(told) and len(told["times"]) == 50
        assert told["n_equal"] == told["n_compared"] == 50 * len(told["statistics"])
        # The first statistic is the sum of the squares of its coordinates.
        if told["widths"][0] == 2:
            sums = [a * a + b * b for a, b in zip(told["first"], told["second"], strict=True)]
            assert sums == pytest.approx(told["values"][0])
        assert all(one["measured"] or told["false_alarms"] for one in told["limits"])
        place = told["severity"].index(max(told["severity"]))
        parts = node.get("/process/contributions", **at, at=told["times"][place])
        assert parts["at"] == told["times"][place] and parts["parts"][0]["variable"] == "c"
        k = told["statistics"].index(parts["statistic"])
        assert parts["value"] == told["values"][k][place]
        assert parts["parts"][0]["deviation"] > 1
        assert all(one["title"].startswith(units.unit(0)) for one in told["findings"])
        assert told["findings"]
        with pytest.raises(NotFoundError):
            node.get("/process/rows", name="watch", unit="site/line/none")


@pytest.fixture(scope="module")
def golden(tmp_path_factory):
    from tests.capabilities.monitoring.batch import test_following as runs

    path = tmp_path_factory.mktemp("runs") / "home"
    create_home(path, HomeSettings("t", "S", runs.PLANT, kind=HomeKind.DEMONSTRATION))
    with LocalSite.open(path, clock=Clock()) as site:
        at = runs.START
        for i in range(runs.N_GOLDEN):
            at = runs.whole(site, f"g{i}", i, at) + 30 * runs.MINUTE
        site.adopt("golden", "monitoring.batch_runs", runs.SETTINGS)
        fit(site, "golden")
        site.wake()
        runs.live(site, "b1", 52, at, n_at_once=12, bias=12.0)
        yield site


def test_a_batch_is_shown_against_the_golden_envelope_as_it_was_logged(golden):
    node = Node(golden)
    (model,) = node.get("/batches")["models"]
    assert "b1" in model["batches"]
    told = node.get("/batches/followed", name="golden", batch="b1")
    assert is_plain(told) and [one["phase"] for one in told["phases"]] == ["heat", "feed"]
    for phase in told["phases"]:
        assert phase["n_logged"] == phase["n_samples"] == len(phase["times"])
        assert phase["n_equal"] == phase["n_compared"] > 0
        assert set(phase["golden"]) == set(phase["deviations"])
    feed = told["phases"][1]
    assert any(feed["is_alarm"]) and not any(told["phases"][0]["is_alarm"])
    at = feed["times"][feed["is_alarm"].index(True)]
    parts = node.get("/batches/followed/contributions", name="golden", batch="b1", at=at)
    assert parts["at"] == at and parts["parts"][0]["variable"] == "temp"
    assert any("golden batches" in one["title"] for one in told["findings"])


def test_batches_are_placed_by_their_results_with_the_measured_rate(bench):
    import random

    rng = random.Random(3)
    for n in range(30):
        a = rng.gauss(0, 1)
        numbers = {"x": a + 0.1 * rng.gauss(0, 1), "y": a + 0.1 * rng.gauss(0, 1),
                   "z": rng.gauss(0, 1)}  # fmt: skip
        if n == 28:
            numbers["y"] = -4.0 * a + 5.0
        bench.batch(f"b{n}", {name: f"{value:.3f}" for name, value in numbers.items()})
    settings = {"attributes": ["x", "y", "z"], "n_reference": 20}
    bench.site.adopt("set", "monitoring.batches", settings)
    fit(bench.site, "set")
    bench.site.wake()
    node = Node(bench.site)
    told = node.get("/batches/placed", name="set", product="P")
    assert is_plain(told) and told["n_later"] == 10
    outside = [one["batch"] for one in told["points"] if one["is_outside"]]
    found = {row["batch"] for row in bench.site.ledger.select("finding", {"analyst": "set"})}
    assert "b28" in found and found <= set(outside)
    (one,) = [one for one in told["points"] if one["batch"] == "b28"]
    parts = node.get("/batches/placed/contributions", name="set", product="P", record=one["record"])
    assert json.dumps(parts) and parts["parts"][0]["variable"] in ("x", "y")
    assert parts["value"] == one["spe" if parts["statistic"] == "SPE" else "t2"]


def test_pages_show_the_model_and_what_makes_a_row_differ(tmp_path, golden):
    from goldenbatch.capabilities.monitoring.batch import _pages as batches
    from goldenbatch.capabilities.monitoring.process import _pages as pages

    with watched(tmp_path / "home") as site:
        node = Node(site)
        told = node.get("/process/rows", name="watch", unit=units.unit(0))
        at = told["times"][told["severity"].index(max(told["severity"]))]
        explored = node.show(pages.LATENT, values={"at": at})
        assert "measured" in explored.text and "bit for bit" in explored.text
        assert any(one.startswith("/trends?tag=site%2Fline%2Fu000%2Fc") for one in explored.links)
        assert "within the limits" in node.show(pages.UNIT, {"unit": units.unit(0)}).text
        assert node.show(pages.UNIT, {"unit": "site/line"}) is None
        finding = node.show(pages.FINDING, {"finding": told["findings"][0]["uid"]})
        assert "What makes SPE" in finding.text
    node = Node(golden)
    explored = node.show(pages.LATENT, values={"model": "golden", "of": "b1"})
    assert "samples in alarm" in explored.text and "no verdict on its quality" in explored.text
    assert "Phase feed" in node.show(batches.BATCH, {"batch": "b1"}).text
    assert node.show(batches.BATCH, {"batch": "none"}) is None


def test_an_empty_home_says_what_to_do(bench):
    from goldenbatch.capabilities.monitoring.process import _pages as pages

    assert "at work" in Node(bench.site).show(pages.LATENT).text
