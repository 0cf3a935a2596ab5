"""Real data replayed over Sparkplug lands identical to the import of its files."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from goldenbatch.connectors.tabular import ImportOptions, import_card, load_card
from goldenbatch.core.acquisition import ConnectionCard
from goldenbatch.runtime.acquisition import Acquisition, Sources
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite
from tests.conftest import missing
from tests.connectors.mqtt.conftest import PEERS, Broker
from tests.integration import mill

EXAMPLES = Path(__file__).parents[2] / "examples"
PRESS = "site/tabletting/press"
SIGNALS = (
    "tbl_speed", "fom", "main_comp", "tbl_fill", "SREL", "pre_comp", "produced", "waste",
    "cyl_main", "cyl_pre", "stiffness", "ejection",
)  # fmt: skip
N_SPECTRA = 120
FIRST = 1_542_576_532_000_000
"""2018-11-18 22:28:52 in Ljubljana: the first row of the file, in UTC."""
LAST = FIRST + 4 * 3600 * 1_000_000
SPECTRUM = "site/fermentation/bioreactor/ir_spectrum"


def imported_tablets(made_once: Any, root: Path) -> Path:
    """The home of the example, as its own tests have made it."""

    def build(folder: Path) -> None:
        done = mill.program("init", folder / "home", "--example", "tablets", "--data", root)
        (folder / "report.json").write_text(done.out)

    return made_once("tablets", build) / "home"


def new_home(folder: Path, example: str) -> LocalSite:
    source = EXAMPLES / example
    tables = {one.name: one.read_text() for one in (source / "tables").glob("*.csv")}
    plant = (source / "plant.toml").read_text()
    create_home(folder, HomeSettings("T", "site", plant, tables))
    return LocalSite.open(folder)


@pytest.fixture
def broker(program, tmp_path):
    made = Broker(program("mosquitto", "/usr/sbin/mosquitto"), tmp_path)
    yield made
    made.kill()


def card_of(broker: Broker, tags: list[dict[str, str]]) -> ConnectionCard:
    settings = {
        "broker": {"host": "127.0.0.1", "port": broker.port, "is_plain": True},
        "host_id": "gb", "is_all": False, "tags": tags, "limits": {"flush_s": 0.05},
    }  # fmt: skip
    return ConnectionCard(name="wire", connector="sparkplug", settings=settings)


def receive(site: LocalSite, card: ConnectionCard, work: Any) -> None:
    """Run the source in the background while `work` sends and waits."""
    acquisition = Acquisition(Sources(site, site.path), [card])
    acquisition.start()
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if acquisition.status()[0]["health"].get("is_connected"):
                break
            time.sleep(0.05)
        work()
    finally:
        acquisition.stop()


def wait_for(site: LocalSite, tags: list[str], n: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if set(tags) <= set(site.historian.tags()):
            if len(site.historian.read(tags, (10**9, 2**62))) >= n:
                return
        time.sleep(0.1)
    raise AssertionError("not all of it came")


def same(one: Any, other: Any) -> None:
    assert len(one) == len(other) > 0
    for name in ("tag", "time", "quality"):
        assert one.table.column(name).equals(other.table.column(name)), name
    assert (
        one.table.column("value")
        .combine_chunks()
        .equals(other.table.column("value").combine_chunks())
    )


@pytest.mark.service("mosquitto")
@pytest.mark.slow
def test_the_press_over_sparkplug(real_data, made_once, broker, program, tmp_path):
    node = program("node")
    if not (PEERS / "node_modules" / "sparkplug-client").is_dir():
        missing("sparkplug-client is not installed: run `npm ci` in tests/peers")
    root = real_data("tablets")
    tags = [f"{PRESS}/{one}" for one in SIGNALS]
    with mill.opened(imported_tablets(made_once, root)) as site:
        imported = site.historian.read(tags, (FIRST, LAST))
    times = np.unique(imported.times()) // 1000
    n_rows = len(times)
    assert n_rows > 1000 and len(imported) == n_rows * len(SIGNALS)
    file = root / "press" / "3.csv"
    (tmp_path / "times.json").write_text(json.dumps(times.tolist()))

    def send() -> None:
        process = subprocess.Popen(
            [node, str(PEERS / "sparkplug_replay.mjs"), str(broker.port), str(file),
             str(tmp_path / "times.json"), "press", *SIGNALS],
            stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, cwd=PEERS,
        )  # fmt: skip
        with process:
            while process.stdout.readline().strip() != "done":
                assert process.poll() is None
            wait_for(site, tags, len(imported))
            process.stdin.write("end\n")

    renames = [{"name": f"G/E1/press/{one}", "tag": f"{PRESS}/{one}"} for one in SIGNALS]
    with new_home(tmp_path / "b", "tablets") as site:
        receive(site, card_of(broker, renames), send)
        # The birth's own values are of 1970, what says that the node is gone, of now.
        same(imported, site.historian.read(tags, (FIRST, LAST)))
        gaps = site.ledger.select("gap", {"source": "wire"})
        assert [one["cause"] for one in gaps] == []


@pytest.mark.service("mosquitto")
@pytest.mark.slow
def test_the_fermentation_over_sparkplug(broker, program, tmp_path):
    """Spectra as arrays of doubles, coded by another protobuf schema and sent by Mosquitto's tool.

    The npm client knows no arrays; its peer here is the schema as the specification prints it.
    """
    import chemotools.datasets

    program("mosquitto_pub")
    card = load_card(EXAMPLES / "fermentation" / "cards" / "fermentation.toml")
    files = tmp_path / "files"
    shutil.copytree(Path(chemotools.datasets.__file__).parent / "data", files)
    path = files / "fermentation_spectra.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[: N_SPECTRA + 1]))
    with new_home(tmp_path / "a", "fermentation") as site:
        import_card(site, card, files, ImportOptions())
        imported = site.historian.read([SPECTRUM], (0, 2**62))
    assert len(imported) >= N_SPECTRA - 1

    def send() -> None:
        asyncio.run(publish(broker.port, imported))
        wait_for(site, [SPECTRUM], len(imported))

    rename = [{"name": "G/E1/spectrum", "tag": SPECTRUM}]
    with new_home(tmp_path / "b", "fermentation") as site:
        receive(site, card_of(broker, rename), send)
        end = int(imported.times().max()) + 1
        same(imported, site.historian.read([SPECTRUM], (10**9, end)))


async def publish(
    port: int,
    series: Any,
    n_at_once: int = 0,
    landed: Callable[[int], Awaitable[None]] | None = None,
) -> None:
    """A birth and a message for each spectrum; `landed` is awaited after each so many."""
    import aiomqtt

    async with aiomqtt.Client("127.0.0.1", port) as client:
        birth = _metric("bdSeq", 4, long_value=0) + _metric("spectrum", 31, alias=1)
        await client.publish("spBv1.0/G/NBIRTH/E1", _payload(1, 0, birth))
        rows = zip(series.times().tolist(), series.values(), strict=True)
        for number, (at, values) in enumerate(rows, 1):
            data = np.asarray(values, "<f8").tobytes()
            metric = _metric("", 31, alias=1, at=at // 1000, data=data)
            await client.publish("spBv1.0/G/NDATA/E1", _payload(at // 1000, number % 256, metric))
            if landed is not None and number % n_at_once == 0:
                await landed(at)


# ---- protobuf by hand: an edge node that shares no code with the host ---------------------------


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def _field(number: int, content: int | bytes) -> bytes:
    if isinstance(content, int):
        return _varint(number << 3) + _varint(content)
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _metric(
    name: str, datatype: int, *, alias: int = 0, at: int = 0, data: bytes = b"",
    long_value: int | None = None,
) -> bytes:  # fmt: skip
    found = _field(1, name.encode()) if name else b""
    found += _field(2, alias) if alias else b""
    found += _field(3, at) if at else b""
    found += _field(4, datatype)
    found += _field(11, long_value) if long_value is not None else b""
    found += _field(16, data) if data else b""
    return _field(2, found)


def _payload(at: int, seq: int, metrics: bytes) -> bytes:
    return _field(1, at) + metrics + _field(3, seq)
