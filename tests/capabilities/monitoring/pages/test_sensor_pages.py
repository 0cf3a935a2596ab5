"""Soft sensors on the page: what was logged, beside the laboratory and the naive baseline."""

from __future__ import annotations

import random

import pytest

from goldenbatch.capabilities.monitoring import fit
from goldenbatch.capabilities.monitoring.pat import _pages as pages
from tests.capabilities.monitoring import test_soft_sensor as kit
from tests.capabilities.monitoring.pages.node import Node, is_plain
from tests.capabilities.monitoring.test_soft_sensor import sensor  # noqa: F401 (a fixture)


def test_predictions_stand_beside_the_laboratory(sensor):  # noqa: F811
    site, rng = sensor.site, random.Random(7)
    node = Node(site)
    assert "nothing yet" in node.show(pages.SENSORS).text
    fit(site, "glucose")
    site.wake()
    for n in range(12):
        stray = 8.0 if n >= 9 else 0.0
        at = kit.START + n * kit.MINUTE
        kit.write(site, kit.TAG, [(at, kit.spectrum(10.0 + n, rng, stray))], f"s{n}")
        if n in (2, 6):
            kit.sample(site, f"F/{n}", at, 10.0 + n, "F")
        site.wake()
    told = node.get("/sensors/series", name="glucose", hours=1)
    assert is_plain(told) and len(told["times"]) == 12
    assert told["states"][:9] == ["in domain"] * 9 and told["states"][-1] == "out of domain"
    assert [one["sample"] for one in told["laboratory"]] == ["F/2", "F/6"]
    assert told["rmse"] < 1 < told["rmse_last"] == pytest.approx(4.0)
    (row,) = node.get("/sensors")["sensors"]
    assert row["newest"]["value"] == told["values"][-1] and row["model"]["digest"]
    shown = node.show(pages.SENSORS, values={"sensor": "glucose"})
    assert "outside its domain" in shown.text and "carrying the last" in shown.text
    assert "/samples?sample=F%2F2" in shown.links
    assert node.show(pages.BATCH, {"batch": "F"}).text.count("F/6") == 1


def test_a_home_without_sensors_says_what_to_do(bench):
    node = Node(bench.site)
    assert "No soft sensor is at work" in node.show(pages.SENSORS).text
    assert node.show(pages.BATCH, {"batch": "none"}) is None
