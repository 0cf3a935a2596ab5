"""A unit that changes at the server: two units never stand in one tag."""

from __future__ import annotations

import asyncio

import pytest

from goldenbatch.core.plant import parse_plant
from goldenbatch.runtime.oversight import OVERSIGHT
from tests.connectors.opcua.kit import PLANT, Line, a_card, item

pytestmark = pytest.mark.service("node")
APART = "quarantine/press/site/press/force/N"


def run(main):
    asyncio.run(asyncio.wait_for(main(), 60))


def apart(home, tag=APART):
    if tag not in home.site.historian.tags():
        return []
    return [row["value"] for row in home.site.historian.read([tag], (-(2**60), 2**62)).rows()]


def restore(plant):
    plant.do("unit", name="Force", shown="kN", described="kilonewton")
    plant.set("Force", 10)


def test_a_unit_that_changes_while_it_runs_goes_apart_until_it_is_back(plant, home):
    async def main():
        async with home.reading(a_card(plant, item("Force"))):
            await home.connected()
            plant.set("Force", 11)
            await home.until(lambda: 11 in home.values("force"))
            plant.do("unit", name="Force", shown="N", described="newton")
            plant.set("Force", 11500)
            plant.set("Force", 11600)
            await home.until(lambda: 11600 in apart(home))
            assert 11500 in apart(home)
            assert not [one for one in home.values("force") if one > 100]
            assert home.health("tags_in_other_units") == 1.0
            (row,) = home.site.ledger.select("source_unit")
            assert (row["tag"], row["expected"], row["stated"]) == ("site/press/force", "kN", "N")
            home.site.wake()
            (finding,) = home.site.ledger.select("finding", {"analyst": OVERSIGHT})
            assert finding["state"] == "open" and finding["attribute"] == "site/press/force"
            plant.do("unit", name="Force", shown="kN", described="kilonewton")
            plant.set("Force", 12)
            await home.until(lambda: 12 in home.values("force"))
            assert 12 not in apart(home)
            (row,) = home.site.ledger.select("source_unit")
            assert row["is_open"] == 0
            await home.outlet.tell_health()
            gaps = [one for one in home.gaps() if "force" in one["tags"]]
            assert gaps[-1]["start"] == row["changed_at"] and gaps[-1]["end"] == row["ended_at"]

    try:
        run(main)
    finally:
        restore(plant)


def test_a_unit_that_changes_while_nobody_is_connected_is_seen_at_once(plant, home):
    async def main():
        line = await Line(plant.options["port"]).mend()
        url = plant.url.replace(str(plant.options["port"]), str(line.port))
        card = a_card(plant, item("Force"), url=url, subscription={"is_resumed": False})
        async with home.reading(card):
            await home.connected()
            plant.set("Force", 11)
            await home.until(lambda: 11 in home.values("force"))
            await line.cut()
            await home.until(lambda: home.health("connected") == 0.0)
            plant.do("unit", name="Force", shown="N", described="newton")
            plant.set("Force", 11500)
            await line.mend()
            await home.until(lambda: 11500 in apart(home))
            assert 11500 not in home.values("force")
        await line.cut()

    try:
        run(main)
    finally:
        restore(plant)


def test_a_node_that_is_restarted_still_knows_the_unit(plant, home):
    async def main():
        async with home.reading(a_card(plant, item("Force"))):
            await home.connected()
            await home.until(lambda: home.values("force"))
        plant.do("unit", name="Force", shown="N", described="newton")
        plant.set("Force", 11500)
        async with home.reading(a_card(plant, item("Force"))):
            await home.until(lambda: 11500 in apart(home))
            assert 11500 not in home.values("force")
        card = a_card(plant, item("Force")).model_copy(update={"units": {"site/press/force": "N"}})
        async with home.reading(card):  # a person has said which is right
            plant.set("Force", 11700)
            await home.until(lambda: 11700 in home.values("force"))
            (row,) = home.site.ledger.select("source_unit")
            assert row["is_open"] == 0

    try:
        run(main)
    finally:
        restore(plant)


def test_what_the_plant_says_comes_first(plant, home):
    text = PLANT + '[[tags]]\nname = "site/press/force"\nunit = "N"\n'

    async def main():
        import tests.connectors.opcua.kit as kit

        whole = kit.make_connector

        def make(context):
            import dataclasses

            return whole(dataclasses.replace(context, plant=parse_plant(text)))

        kit.make_connector = make
        try:
            async with home.reading(a_card(plant, item("Force"))):
                await home.connected()
                await home.until(lambda: apart(home, APART.replace("/N", "/kN")))
                assert home.values("force") == []
        finally:
            kit.make_connector = whole

    run(main)
