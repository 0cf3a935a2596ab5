"""The demonstration plant as a process of its own: `python -m goldenbatch.apps.demo.plant`.

It speaks OPC UA and Modbus on the loopback address and drops files of the laboratory, and knows
nothing of the platform that reads it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from goldenbatch.apps.demo import dryer, filling, reactor
from goldenbatch.apps.demo.laboratory import drop, due
from goldenbatch.apps.demo.modbus_server import serve_registers
from goldenbatch.apps.demo.opcua_server import PlantHistory, Shown, make_server, show
from goldenbatch.apps.demo.schedule import Unit, units
from goldenbatch.apps.demo.shown import shown_at

SITE = "helix/aarhus"
BEAT_S = 0.5
LABORATORY_AFTER_US = 15_000_000
"""The laboratory tells of a batch once somebody has read what the plant knows of it."""
log = logging.getLogger("goldenbatch.demo.plant")


@dataclass(frozen=True)
class PlantSettings:
    """How the plant is run.

    Attributes:
        epoch: When it was first started, microseconds UTC: its batches count from here.
        seed: Of everything that differs from batch to batch.
        opcua_port: Of the OPC UA server.
        modbus_port: Of the Modbus server.
        folder: Where results of the laboratory are dropped.
    """

    epoch: int
    seed: int
    opcua_port: int
    modbus_port: int
    folder: Path


def now_us() -> int:
    """Present time in microseconds UTC."""
    return time.time_ns() // 1000


async def run_plant(settings: PlantSettings, stop: asyncio.Event) -> None:
    """Run the plant until it is told to stop."""
    bioreactor, freeze_dryer, line = units(SITE, settings.seed)
    settings.folder.mkdir(parents=True, exist_ok=True)
    seen = (
        Shown(bioreactor, tuple(reactor.SIGNALS), settings.epoch),
        Shown(line, filling.SIGNALS, settings.epoch),
    )
    await asyncio.to_thread(_prepare, (bioreactor, freeze_dryer, line), settings.epoch)

    def dryer_now() -> dict[str, float | str]:
        rows = shown_at(freeze_dryer, dryer.SIGNALS, now_us(), settings.epoch)
        return {name: value for name, (_, value) in rows.items()}

    modbus = await serve_registers(settings.modbus_port, dryer_now)
    history = PlantHistory(seen)
    server, nodes = await make_server(settings.opcua_port, seen, history)
    await show(server, nodes, seen, now_us())
    async with server:
        log.info("the plant is up")
        since = settings.epoch - 24 * 3_600_000_000
        while not stop.is_set():
            now = now_us()
            await show(server, nodes, seen, now)
            if 0 < history.first_read_at < now - LABORATORY_AFTER_US:
                await asyncio.to_thread(
                    _report, (bioreactor, freeze_dryer, line), (since, now), settings
                )
                since = now
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), BEAT_S)
    await modbus.shutdown()  # type: ignore[no-untyped-call]


def _prepare(all_units: Sequence[Unit], epoch: int) -> None:
    """Simulate what runs now before anybody asks."""
    for unit in all_units:
        unit.slot(max(unit.first, unit.number_at(now_us(), epoch)), epoch)


def _report(all_units: Sequence[Unit], window: tuple[int, int], settings: PlantSettings) -> None:
    """Drop what the laboratory found since the last look; simulate the next batch ahead."""
    for slot, sample in due(all_units, *window, settings.epoch):
        drop(settings.folder, slot, sample)
    for unit in all_units:
        ahead = window[1] + 20_000_000
        unit.slot(max(unit.first, unit.number_at(ahead, settings.epoch)), settings.epoch)


def _settings(arguments: Sequence[str] | None = None) -> PlantSettings:
    parser = argparse.ArgumentParser(description="The demonstration plant.")
    parser.add_argument("--epoch", type=int, default=0, help="microseconds UTC; 0: now")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--opcua-port", type=int, default=8772)
    parser.add_argument("--modbus-port", type=int, default=8773)
    parser.add_argument("--folder", type=Path, default=Path("laboratory"))
    given = parser.parse_args(arguments)
    return PlantSettings(
        given.epoch or now_us(), given.seed, given.opcua_port, given.modbus_port, given.folder
    )


async def _main(settings: PlantSettings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await run_plant(settings, stop)


def main() -> None:
    """Run the plant by the arguments of the command line; one JSON line says how."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for noisy in ("asyncua", "pymodbus"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    settings = _settings()
    log.info(json.dumps({"pid": os.getpid(), **{k: str(v) for k, v in vars(settings).items()}}))
    asyncio.run(_main(settings))


if __name__ == "__main__":
    main()
