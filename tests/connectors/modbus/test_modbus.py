"""Modbus: values as the device has them, gaps when it is silent; jsmodbus is the device."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import missing

from goldenbatch.connectors.modbus import ModbusSettings, Point, make_connector, read_settings
from goldenbatch.connectors.modbus import connector as module
from goldenbatch.connectors.modbus._decoding import decode, requests
from goldenbatch.core.acquisition import ConnectionCard, GapCause, SourceContext
from goldenbatch.core.errors import BadInputError
from goldenbatch.testing.conformance import connector_checks

PEERS = Path(__file__).parents[2] / "peers"
PLACE = "site/area/dryer"
POINTS = [
    {"tag": "a", "address": 0, "type": "int16", "scale": 0.1},
    {"tag": "b", "address": 1, "type": "uint16"},
    {"tag": "c", "address": 2, "type": "float32"},
    {"tag": "d", "address": 4, "type": "float32", "word_order": "little"},
    {"tag": "e", "address": 6, "type": "int32"},
    {"tag": "f", "address": 8, "type": "float64"},
    {"tag": "g", "address": 12, "type": "text", "length": 8},
    {"tag": "h", "address": 20, "type": "bit", "bit": 2},
    {"tag": "i", "address": 21, "type": "int16", "bad": [-32768]},
    {"tag": "j", "table": "input", "address": 0, "type": "uint32"},
    {"tag": "k", "table": "input", "address": 4, "type": "int64"},
    {"tag": "l", "table": "coil", "address": 2, "type": "bit"},
    {"tag": "m", "table": "coil", "address": 1, "type": "bit"},
    {"tag": "n", "table": "discrete", "address": 15, "type": "bit"},
]
TRUTH = {
    "a": -12.3, "b": 65535.0, "c": 12.5, "d": 12.5, "e": -70000.0, "f": 1 / 3, "g": "LOT 42-A",
    "h": 1.0, "i": None, "j": 4e9, "k": float(-9007199254740993), "l": 1.0, "m": 0.0, "n": 1.0,
}  # fmt: skip


@pytest.mark.parametrize("check", connector_checks("goldenbatch.connectors.modbus"), ids=str)
def test_conformance(check):
    check.run()


# ---- values ------------------------------------------------------------------------------------
FORMATS = {"int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q",
           "float32": "f", "float64": "d"}  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(sorted(FORMATS)), st.booleans(), st.booleans(), st.data())
def test_what_is_encoded_comes_back(kind, swaps_words, swaps_bytes, data):
    code = FORMATS[kind]
    if code in "fd":
        drawn = data.draw(st.floats(allow_nan=False, allow_infinity=False, width=32))
    else:
        bits = 8 * struct.calcsize(code)
        low = -(2 ** (bits - 1)) if code.islower() else 0
        drawn = data.draw(st.integers(low, low + 2**bits - 1))
    raw = struct.pack(f">{code}", drawn)
    words = [raw[i : i + 2] for i in range(0, len(raw), 2)]
    words = [one[::-1] if swaps_bytes else one for one in words]
    words = words[::-1] if swaps_words else words
    point = Point(
        tag="t", address=0, type=kind, word_order="little" if swaps_words else "big",
        byte_order="little" if swaps_bytes else "big",
    )  # fmt: skip
    found = decode(point, [int.from_bytes(one, "big") for one in words])
    is_rounded = isinstance(drawn, int) and abs(drawn) > 2**53
    assert found == (float(drawn), 0x40000000 if is_rounded else 0)


def test_what_is_no_number_is_bad():
    assert decode(Point(tag="t", address=0, type="float32"), [0x7FC0, 0]) == (None, 0x80000000)
    text = Point(tag="t", address=0, type="text", length=3)
    assert decode(text, [0x41E9, 0x4200]) == ("AéB", 0x40000000)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 300), st.sampled_from(["uint16", "float64"])), min_size=1),
    st.integers(4, 125),
    st.integers(0, 20),
)
def test_requests_cover_every_point_within_the_limits(drawn, limit, hole):
    points = [
        {"tag": f"t{n}", "address": address, "type": kind}
        for n, (address, kind) in enumerate(drawn)
    ]
    given_ = ModbusSettings.model_validate(
        {"host": "h", "points": points, "max_registers": limit, "max_hole": hole}
    )
    found = requests(given_)
    assert sorted(p.tag for one in found for p in one.points) == sorted(
        p.tag for p in given_.points
    )
    for one in found:
        assert one.count <= limit
        for point in one.points:
            assert one.address <= point.address
            assert point.address + point.n_registers <= one.address + one.count


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ({"address": 0}, "tag"),
        ({"tag": "t", "address": 70000}, "address"),
        ({"tag": "t", "address": 0, "table": "coil"}, "a coil is a bit"),
        ({"tag": "t", "address": 0, "type": "bit"}, "bit of a register"),
        ({"tag": "t", "address": 0, "type": "text"}, "length"),
        ({"tag": "t", "address": 65535, "type": "int32"}, "65535"),
        ({"tag": "t", "address": 0, "colour": 1}, "colour"),
    ],
)
def test_a_bad_point_is_named(point, words):
    with pytest.raises(BadInputError, match=words) as caught:
        read_settings("dryer", {"host": "h", "points": [point]})
    assert "'dryer'" in str(caught.value)


# ---- the device --------------------------------------------------------------------------------


class Device:
    """jsmodbus in a process of its own."""

    def __init__(self, port: int = 0) -> None:
        node = shutil.which("node")
        assert node
        self.process = subprocess.Popen(
            [node, str(PEERS / "modbus_device.mjs"), str(port)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PEERS,
        )  # fmt: skip
        self.port = int(self.process.stdout.readline().split()[1])

    def order(self, text: str) -> None:
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().startswith("done")

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.close()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def device(program):
    program("node")
    if not (PEERS / "node_modules" / "jsmodbus").is_dir():
        missing("jsmodbus is not installed: run `npm ci` in tests/peers")
    made = Device()
    yield made
    made.close()


class Kept:
    """An outlet that keeps what it gets."""

    is_congested = False

    def __init__(self) -> None:
        self.frames, self.gaps, self.told, self.positions = [], [], {}, {}
        self.takes = asyncio.Event()
        self.takes.set()

    async def deliver(self, frames, positions=None):
        await self.takes.wait()
        self.frames += frames
        self.positions |= positions or {}

    def position(self, key):
        return self.positions.get(key, "")

    async def gap(self, gap):
        self.gaps.append(gap)

    def health(self, signal, value):
        self.told[signal] = value

    def rows(self):
        return [row for one in self.frames for row in one.readings.to_pylist()]


def run(work, port, **more):
    given_ = {"host": "127.0.0.1", "port": port, "poll_s": 0.05, "timeout_s": 0.3, "points": POINTS}
    card = ConnectionCard(name="dryer", connector="modbus", place=PLACE, settings=given_ | more)
    clock = lambda: time.time_ns() // 1000  # noqa: E731
    outlet = Kept()

    async def main():
        made = make_connector(SourceContext(card, None, clock, str, Path()))
        task = asyncio.ensure_future(made.run(outlet))
        try:
            await asyncio.wait_for(work(outlet, task), 20)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
    return outlet


async def until(condition):
    while not condition():
        await asyncio.sleep(0.02)


@pytest.mark.service("node")
def test_values_are_those_of_the_device(device):
    async def work(outlet, _):
        await until(lambda: len(outlet.frames) >= 4)

    outlet = run(work, device.port)
    rows = {row["tag"].rpartition("/")[2]: row for row in outlet.rows()}
    assert {tag: row["value"] for tag, row in rows.items()} == pytest.approx(TRUTH)
    # k is an integer that no double holds exactly; i is the device's own "no value".
    assert {tag for tag, row in rows.items() if row["quality"]} == {"i", "k"}
    assert rows["k"]["quality"] == 0x40000000
    assert all(row["tag"].startswith(f"{PLACE}/") for row in outlet.rows())
    times = [row["time"] for row in outlet.rows() if row["tag"].endswith("/a")]
    assert times == sorted(set(times))
    assert outlet.told["is_connected"] == 1


@pytest.mark.service("node")
def test_a_value_that_changes_is_seen(device):
    async def work(outlet, _):
        await until(lambda: outlet.frames)
        await asyncio.to_thread(device.order, "set 1 7")
        await until(lambda: any(r["tag"].endswith("/b") and r["value"] == 7 for r in outlet.rows()))

    run(work, device.port)


@pytest.mark.service("node")
def test_one_wrong_address_does_not_blind_the_rest(device):
    far = {"tag": "z", "address": 1999, "type": "float64"}  # beyond the device's registers
    near = {"tag": "y", "address": 1995, "type": "uint16"}

    async def work(outlet, _):
        await until(lambda: len(outlet.frames) >= 4)

    outlet = run(work, device.port, points=[*POINTS, near, far])
    rows = {row["tag"].rpartition("/")[2]: row for row in outlet.rows()}
    assert rows["z"]["value"] is None and rows["z"]["quality"] == 0x80000000
    assert rows["y"]["value"] == 0 and rows["y"]["quality"] == 0
    assert rows["b"]["value"] == 65535
    assert "z: " in outlet.told["problem"] and outlet.told["n_bad_points"] == 1


def test_a_refusal_by_exception_is_named_with_its_address():
    """The server of pymodbus answers as the protocol says: exception 2, illegal address."""
    from pymodbus.server import ModbusTcpServer
    from pymodbus.simulator import DataType, SimData, SimDevice

    device = SimDevice(1, SimData(0, values=[7] * 50, datatype=DataType.REGISTERS))
    points = [{"tag": "a", "address": 3}, {"tag": "z", "address": 60}]

    async def work(outlet, _):
        await until(lambda: len(outlet.frames) >= 2)

    async def main(started):
        server = ModbusTcpServer(device, address=("127.0.0.1", 0))
        await server.serve_forever(background=True)
        started(server)

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        servers = []
        asyncio.run_coroutine_threadsafe(main(servers.append), loop).result(10)
        port = servers[0].transport.sockets[0].getsockname()[1]
        outlet = run(work, port, points=points)
        asyncio.run_coroutine_threadsafe(servers[0].shutdown(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
    rows = {row["tag"].rpartition("/")[2]: row for row in outlet.rows()}
    assert (rows["a"]["value"], rows["z"]["value"]) == (7.0, None)
    assert outlet.told["problem"] == "z: illegal address at holding 60"


@pytest.mark.service("node")
@pytest.mark.parametrize("how", ["mute", "drop", "kill"])
def test_a_silent_device_is_a_gap_and_is_read_again(device, how, monkeypatch):
    monkeypatch.setattr(module, "WAIT_S", (0.05, 0.1))
    others = []

    async def work(outlet, _):
        await until(lambda: len(outlet.frames) >= 4)
        if how == "kill":
            device.kill()
            await until(lambda: outlet.told["is_connected"] == 0)
            others.append(await asyncio.to_thread(Device, device.port))
        else:
            await asyncio.to_thread(device.order, how)
            if how == "mute":
                await until(lambda: outlet.told["is_connected"] == 0)
                await asyncio.to_thread(device.order, "speak")
        await until(lambda: outlet.gaps)
        n = len(outlet.frames)
        await until(lambda: len(outlet.frames) > n + 2)

    try:
        outlet = run(work, device.port)
    finally:
        for one in others:
            one.close()
    (gap,) = outlet.gaps[:1]
    assert gap.cause is GapCause.LINK_DOWN and f"{PLACE}/a" in gap.tags
    stale = [row for row in outlet.rows() if row["quality"] == 0x80310000]
    assert {row["tag"] for row in stale} == {f"{PLACE}/{one['tag']}" for one in POINTS}
    assert len({row["time"] for row in stale}) == 1 and not any(row["value"] for row in stale)
    good = [row for row in outlet.rows() if row["quality"] != 0x80310000]
    times = sorted({int(row["time"].timestamp() * 1e6) for row in good})
    assert not [one for one in times if gap.window[0] + 1 < one < gap.window[1] - 1]


@pytest.mark.service("node")
def test_what_was_not_asked_while_no_store_took_anything_is_a_gap(device):
    async def work(outlet, _):
        await until(lambda: len(outlet.frames) >= 4)
        outlet.takes.clear()
        await asyncio.sleep(0.5)
        outlet.takes.set()
        await until(lambda: outlet.gaps)

    outlet = run(work, device.port)
    (gap,) = outlet.gaps
    assert gap.cause is GapCause.OVERRUN and f"{PLACE}/a" in gap.tags
    assert 0.4e6 < gap.window[1] - gap.window[0] < 1.5e6
    times = sorted({int(row["time"].timestamp() * 1e6) for row in outlet.rows()})
    assert not [one for one in times if gap.window[0] + 1 < one < gap.window[1] - 1]


@pytest.mark.service("node")
def test_a_source_that_is_stopped_while_no_store_takes_anything_says_so(device):
    async def work(outlet, _):
        await until(lambda: len(outlet.frames) >= 4)
        outlet.takes.clear()
        await asyncio.sleep(0.3)

    (gap,) = run(work, device.port).gaps
    assert gap.cause is GapCause.OVERRUN and gap.window[1] - gap.window[0] > 0.1e6


def test_a_device_that_is_not_there_is_said(monkeypatch, unused_port):
    monkeypatch.setattr(module, "WAIT_S", (0.02, 0.05))

    async def work(outlet, task):
        await until(lambda: "cannot be reached" in str(outlet.told.get("problem")))
        assert not task.done()

    run(work, unused_port)


@pytest.fixture
def unused_port():
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
