"""A server whose clock is off: measured, told, and dealt with as the card says."""

from __future__ import annotations

import asyncio

import pytest

from goldenbatch.connectors.opcua._frames import Batch
from goldenbatch.connectors.opcua._guard import hold_to_clock
from goldenbatch.connectors.opcua.settings import Clocks
from tests.connectors.opcua.kit import a_card, item, now

UNCERTAIN = 0x40000000


def run(main):
    asyncio.run(asyncio.wait_for(main(), 60))


def batch(*times):
    made = Batch()
    for time in times:
        made.kinds["number"].add(time, 0, 1.0, 0)
    return made


@pytest.mark.parametrize(
    ("beyond", "offset", "qualities", "n_out"),
    [
        ("keep", 60_000_000, [0, 0], 0),
        ("uncertain", 0, [0, UNCERTAIN], 0),
        ("uncertain", -60_000_000, [UNCERTAIN, UNCERTAIN], 0),
        ("refuse", 0, [0], 1),
        ("refuse", 60_000_000, [], 2),
    ],
)
def test_what_is_done_with_readings(beyond, offset, qualities, n_out):
    made = batch(100, 30_000_000)
    n, window = hold_to_clock(made, Clocks(beyond=beyond), offset, 1000)
    assert made.kinds["number"].qualities == qualities
    assert len(made) == len(qualities)
    assert n == n_out
    if n == 2:
        assert window == (100, 30_000_001)


@pytest.mark.service("node")
@pytest.mark.parametrize("beyond", ["uncertain", "refuse"])
def test_a_clock_that_goes_wrong_while_we_read(plant, home, beyond):
    async def main():
        clocks = {"limit_s": 5, "beyond": beyond, "check_s": 0.1}
        async with home.reading(a_card(plant, item("Speed"), clocks=clocks)):
            await home.connected()
            plant.set("Speed", 1)
            await home.until(lambda: 1.0 in home.values("speed"))
            assert home.rows("speed")[-1]["quality"] == 0
            plant.do("shift", seconds=90)
            await home.until(lambda: home.health("clock_offset_s") > 80)
            plant.set("Speed", 2)
            if beyond == "uncertain":
                await home.until(lambda: 2.0 in home.values("speed"))
                row = home.rows("speed")[-1]
                assert row["quality"] == UNCERTAIN
                # Both times are kept: the source's and that of arrival.
                assert row["time"].timestamp() - row["received_at"].timestamp() > 60
            else:
                await home.until(home.gaps)
                (gap,) = home.gaps()
                assert (gap["cause"], gap["n_lost"]) == ("rejected", 1)
                assert "the server's clock is off by " in gap["note"]
                assert gap["start"] > now() + 60 * 10**6
                plant.set("Speed", 3)
                await asyncio.sleep(0.3)
            plant.do("shift", seconds=0)
            await home.until(lambda: abs(home.health("clock_offset_s")) < 5)
            plant.set("Speed", 4)
            await home.until(lambda: 4.0 in home.values("speed"))
            assert home.rows("speed")[-1 if beyond == "refuse" else -2]["quality"] == 0
            if beyond == "refuse":
                assert not {2.0, 3.0} & set(home.values("speed"))
                plant.set("Speed", 5)
                await home.until(lambda: 5.0 in home.values("speed"))
                await home.outlet.tell_health()  # as the node does every ten seconds
                assert sum(one["n_lost"] for one in home.gaps()) == 2

    try:
        run(main)
    finally:
        plant.do("shift", seconds=0)
