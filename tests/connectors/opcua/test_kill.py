"""kill -9 of the process that reads: what the server remembers comes back, once."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.connectors.opcua.kit import Home, a_card, item, now

ROOT = Path(__file__).parents[3]
N_DEATHS = max(1, int(os.environ.get("GOLDENBATCH_CRASHES", "25")) // 25)
"""A death takes two seconds: a campaign of 1,000 has 40 of them."""


def victim(path: str, card_text: str) -> None:
    """Read until killed; `python -m tests.connectors.opcua.test_kill HOME CARD`."""
    from goldenbatch.core.acquisition import ConnectionCard

    async def main():
        home = Home(Path(path))
        async with home.reading(ConnectionCard.model_validate_json(card_text)):
            await home.until(lambda: home.health("connected") == 1.0, 60)
            print("reading", flush=True)
            await asyncio.sleep(3600)

    asyncio.run(main())


class Writer(threading.Thread):
    """Changes a node all the time; each value is one more than the one before."""

    def __init__(self, plant, name):
        super().__init__(daemon=True)
        self.plant, self.name_, self.n, self.is_over = plant, name, 0, False

    def run(self):
        at = now() // 1000
        while not self.is_over:
            rows = []
            for _ in range(5):
                at = max(at + 1, now() // 1000)
                self.n += 1
                rows.append({"name": self.name_, "value": self.n, "at": at})
            self.plant.do("many", rows=rows)
            time.sleep(0.02)


@pytest.mark.service("node")
@pytest.mark.slow()
def test_a_reader_that_is_killed_at_any_moment_loses_nothing(plant, home):
    plant.do("add", name="Deadly", type="Double", value=0.0)
    plant.do("past", name="Deadly", rows=[])
    card = a_card(plant, item("Deadly"), subscription={"queue_size": 100})
    dice = random.Random(4)
    writer = Writer(plant, "Deadly")
    writer.start()
    try:
        for _ in range(N_DEATHS):
            text = json.dumps(card.model_dump(mode="json"))
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.connectors.opcua.test_kill", str(home.path), text],
                cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            with process:
                assert process.stdout.readline() == "reading\n", process.stderr.read()
                time.sleep(dice.uniform(0, 0.6))
                process.kill()
    finally:
        writer.is_over = True
        writer.join()

    async def main():
        async with home.reading(card):
            await home.connected()
            await home.until(lambda: home.values("deadly")[-1] == float(writer.n))
            await home.until(lambda: not home.outlet.position("behind/site/press/deadly"))
            values = home.values("deadly")
            first = int(values[1] if values[0] == 0 else values[0])
            assert values[-(writer.n - first + 1) :] == [
                float(i) for i in range(first, writer.n + 1)
            ]
            assert len(values) > 50 * N_DEATHS
            assert home.site.verify().is_ok

    asyncio.run(asyncio.wait_for(main(), 60))
    plant.do("remove", name="Deadly")


if __name__ == "__main__":
    victim(*sys.argv[1:])
