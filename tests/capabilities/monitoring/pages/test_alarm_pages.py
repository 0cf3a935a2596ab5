"""Alarms on the page: what waits, for how long it is hidden, and what was put forward."""

from __future__ import annotations

import pytest

from goldenbatch.capabilities.monitoring.alarms import _pages as pages
from goldenbatch.core.errors import BadInputError
from tests.capabilities.monitoring.alarms.test_alarms import (
    HEAD,
    PASSWORD,
    ROW,
    act,
    plant,  # noqa: F401 (a fixture)
    rationalise,
    run,
)
from tests.capabilities.monitoring.pages.node import Node, is_plain


def test_an_alarm_waits_is_shelved_and_acknowledged_as_the_page_says(plant):  # noqa: F811
    node = Node(plant.site, "otto")
    assert "No alarm is rationalised" in node.show(pages.ALARMS).text
    assert "no alarm is rationalised" in node.show(pages.TILE).text
    rationalise(plant, HEAD + ROW.replace("max_shelving_s = 60", "max_shelving_s = 7200"))
    run(plant, [20.0])
    (one,) = node.get("/alarms")["alarms"]
    assert (one["state"], one["is_hidden"], one["is_late"]) == ("unacknowledged", False, False)
    shown = node.show(pages.ALARMS)
    assert "Hold the batch and call the process engineer" in shown.text
    assert {f"/findings/{one['occurrence']}", "/batches/b12"} <= set(shown.links)
    assert shown.texts.count("2 h") == 1 and "4 h" not in shown.texts
    until = one["raised_at"] + 3_600_000_000
    act(plant, "alarm-shelve", alarm="impurity-high", until=until, reason="known")
    (one,) = node.get("/alarms")["alarms"]
    assert one["state"] == "shelved" and one["shelved_until"] == until
    # What is done on the page is the act of who is logged in.
    node.api.post("/acts/monitoring.alarm-unshelve",
                  {"values": {"alarm": "impurity-high", "reason": "seen"}})  # fmt: skip
    act(plant, "alarm-acknowledge", alarm=one["occurrence"], comment="seen")
    (one,) = node.get("/alarms", position="synthesis")["alarms"]
    assert one["state"] == "acknowledged" and one["acknowledged_by"]
    assert node.get("/alarms", position="elsewhere")["alarms"] == []
    told = node.show(pages.TILE)
    assert "1 wait, 0 of them unacknowledged" in told.text


def test_figures_and_versions(plant):  # noqa: F811
    node = Node(plant.site, "ana")
    act(plant, "alarm-rationalise", "ana", text=HEAD + ROW, reason="rationalised")
    told = node.get("/alarms/master")
    assert told["alarms"] == [] and told["versions"][0]["approved_at"] is None
    assert "Approve version 1" in node.show(pages.ALARMS, values={"show": "master"}).text
    plant.site.sign("master/alarms", "approved", "bob", PASSWORD)
    run(plant, [20.0])
    told = node.get("/alarms/master")
    assert [one["id"] for one in told["alarms"]] == ["impurity-high"]
    found = node.get("/alarms/performance", days=1)
    assert is_plain(found) and {row["position"] for row in found["rows"]} == {"synthesis"}
    shown = node.show(pages.ALARMS, values={"show": "figures", "days": "1"})
    assert "standing alarms" in shown.text
    with pytest.raises(BadInputError):
        node.get("/alarms/performance", days=0)
