"""The connector as the node runs it: from the card's file to the readings and their health."""

from __future__ import annotations

import asyncio

import pytest

from goldenbatch.connectors.opcua import CONNECTOR
from goldenbatch.core.alarms import alarm_stream
from goldenbatch.runtime.acquisition import Acquisition, Sources, load_connections
from goldenbatch.runtime.local import LocalSite
from tests.connectors.opcua.kit import PASSWORD, PLACE, node

pytestmark = pytest.mark.service("node")
CARD = """
connector = "opcua"
title = "Press"
place = "{place}"
[settings]
url = "{url}"
items_file = "connections/press.csv"
[settings.security]
server_thumbprints = ["{thumbprint}"]
[settings.user]
kind = "username"
name = "anna"
password = "env:TEST_PLANT_PASSWORD"
[settings.subscription]
publishing_ms = 50
[settings.alarms]
is_used = true
"""


def write_card(home, plant, **changes):
    folder = home.path / "connections"
    folder.mkdir(exist_ok=True)
    facts = {"place": PLACE, "url": plant.url, "thumbprint": plant.thumbprint, **changes}
    (folder / "press.toml").write_text(CARD.format(**facts))
    (folder / "press.csv").write_text(
        f"node,tag,kind\n{node('Speed')},speed,\n{node('Recipe')},recipe,text\n"
    )


async def read_until(acquisition, done):
    task = asyncio.ensure_future(acquisition.run())
    for _ in range(1500):
        if done() or task.done():
            break
        await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_a_card_is_read_by_the_node_with_its_health_and_ends_in_good_order(
    plant, home, monkeypatch
):
    monkeypatch.setenv("TEST_PLANT_PASSWORD", PASSWORD)
    write_card(home, plant)
    speed, recipe = f"{PLACE}/speed", f"{PLACE}/recipe"
    prefix = "sources/press"
    with LocalSite.open(home.path) as site:
        sources = Sources(site, home.path, {"opcua": CONNECTOR})
        acquisition = Acquisition(sources, load_connections(home.path), health_s=0.1)
        asyncio.run(
            asyncio.wait_for(
                read_until(
                    acquisition,
                    lambda: (
                        {speed, recipe, f"{prefix}/publish_lag_s"} <= set(site.historian.tags())
                    ),
                ),
                60,
            )
        )
        tags = site.historian.tags()
        assert tags[recipe] == "text"
        assert site.historian.latest([f"{prefix}/items"]).values().tolist() == [2.0]
        assert site.historian.latest([f"{prefix}/server_state"]).values().tolist() == ["Running"]
        (row,) = site.ledger.select("source", {"source": "press"})
        assert (row["connector"], row["needs_person"]) == ("opcua", 0)
        assert PASSWORD not in str([event.body for event in site.ledger.events()])
        assert (home.path / "keys" / "connections" / "press" / "key.pem").exists()
        assert site.ledger.version(alarm_stream("press", "none")) == 0
        assert site.verify().is_ok


def test_a_server_that_is_not_trusted_waits_for_a_person(plant, home, monkeypatch):
    monkeypatch.setenv("TEST_PLANT_PASSWORD", PASSWORD)
    write_card(home, plant, thumbprint="0" * 64)
    told = []
    with LocalSite.open(home.path) as site:
        sources = Sources(site, home.path, {"opcua": CONNECTOR})
        acquisition = Acquisition(sources, load_connections(home.path), told.append)
        asyncio.run(asyncio.wait_for(acquisition.run(), 60))
        assert acquisition.status()[0]["state"] == "stopped"
        assert f"{plant.thumbprint} is not trusted" in told[0]
        (row,) = site.ledger.select("source", {"source": "press"})
        assert row["needs_person"] == 1
