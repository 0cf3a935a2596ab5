"""Yields on the page: right first time with its reasons, a study by a worker, costs."""

from __future__ import annotations

import time

import pytest

from goldenbatch.capabilities.monitoring.yields import _pages as pages
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.records import HomeKind
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite
from tests.capabilities.conftest import Clock
from tests.capabilities.monitoring.pages.node import Node, is_plain
from tests.capabilities.monitoring.yields import plant_home as plant

FACTORS = """version = "1"
currency = "EUR"
valid_from = 2020-01-01
[[factor]]
name = "rejected batch"
category = "failure"
what = "nonsense"
amount = 1000
"""


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    """A home with 160 batches and a yield analyst at work."""
    path = tmp_path_factory.mktemp("pages") / "home"
    create_home(path, HomeSettings("t", "S", plant.PLANT, kind=HomeKind.DEMONSTRATION))
    with LocalSite.open(path, clock=Clock()) as site:
        plant.report(site, plant.made())
        site.adopt("yield", "monitoring.yields", plant.SETTINGS)
        yield site


def test_right_first_time_names_what_speaks_against_a_batch(empty):
    rows = [(f"r{n}", "P", plant.START + n * plant.DAY, f"L{n}", 10.0, 0.0, 0.0, 90.0)
            for n in range(3)]  # fmt: skip
    plant.report(empty, rows)
    empty.ledger.append([plant.results("r1/final", "r1", impurity=0.6)])
    node = Node(empty)
    told = node.get("/yields/right-first-time", product="P")
    share = told["right_first_time"]
    assert is_plain(told) and share["n"] == 3 and share["value"] == pytest.approx(2 / 3)
    (wrong,) = [one for one in told["batches"] if one["is_right"] is False]
    assert wrong["batch"] == "r1" and "impurity" in wrong["reasons"][0]
    shown = node.show(pages.YIELDS)
    assert "66.7 %" in shown.text and "/batches/r1" in shown.links
    assert "3 judged, 0 cannot be judged yet" in node.show(pages.TILE).text
    assert "No yield analyst" in node.show(pages.YIELDS, values={"show": "causes"}).text


def test_a_study_is_done_by_a_worker_and_names_causes_with_their_stability(studied):
    node = Node(studied)
    values = {"show": "causes"}
    assert "Nobody has asked for it" in node.show(pages.YIELDS, values=values).text
    begun = node.api.post("/monitoring/yields/study", {"name": "yield"})
    assert begun["is_running"]
    until = time.monotonic() + 120
    while (told := node.get("/yields/study", name="yield"))["is_running"]:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert told["step"] == "done" and is_plain(told) and told["upto"] == begun["upto"]
    named = {one["cause"] for one in told["document"]["causes"] if one["named"]}
    assert "batch.hardness" in named
    shown = node.show(pages.YIELDS, values=values)
    assert "batch.hardness" in shown.text and "associations" in shown.text
    with pytest.raises(NotFoundError):
        node.get("/yields/study", name="nobody")


def test_costs_need_factors_that_are_some(empty):
    node = Node(empty)
    assert "Cost factors" in node.show(pages.YIELDS, values={"show": "costs"}).text
    for text in ("no = toml =", FACTORS):
        with pytest.raises(BadInputError):
            node.api.post("/monitoring/yields/costs", {"factors": text})
