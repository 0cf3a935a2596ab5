"""The assertions of the Sparkplug TCK for host applications, on what goes over the wire.

`HOST` are the ids that the six host tests of the TCK (Eclipse Sparkplug 3.0.0) declare. Each is
held by a check here, by the tests of `test_host` that bear its name, or stands in `LEFT_OUT` with
the reason. What is checked here are the bytes that the connector sends to Mosquitto while an edge
node of sparkplug-client is born, loses a message, and while somebody denies that the host is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.conftest import missing
from tests.connectors.mqtt import test_host
from tests.connectors.mqtt.conftest import PEERS, Broker, EdgeNode, Kept, until

from goldenbatch.connectors.mqtt import make_sparkplug
from goldenbatch.connectors.mqtt._node import REBIRTH
from goldenbatch.connectors.mqtt._proto import DataType, payload_class
from goldenbatch.core.acquisition import ConnectionCard, SourceContext

STATE, NCMD = "spBv1.0/STATE/gb", "spBv1.0/G/NCMD/E1"


@dataclass(frozen=True)
class Packet:
    """A control packet of MQTT 3.1.1 that the host sent."""

    kind: int
    flags: int
    body: bytes
    clock_ms: int

    @property
    def qos(self):
        return self.flags >> 1 & 3

    @property
    def retain(self):
        return bool(self.flags & 1)

    def text(self, at):
        n = int.from_bytes(self.body[at : at + 2], "big")
        return self.body[at + 2 : at + 2 + n], at + 2 + n

    @property
    def topic(self):
        return self.text(0)[0].decode()

    @property
    def payload(self):
        at = self.text(0)[1]
        return self.body[at + (2 if self.qos else 0) :]

    @property
    def json(self):
        return json.loads(self.payload)

    @property
    def metrics(self):
        return payload_class().FromString(self.payload).metrics


class Tap:
    """A line to a broker that keeps what goes up."""

    def __init__(self, to: int) -> None:
        self._to, self.sent, self.port = to, bytearray(), 0
        self.packets: list[Packet] = []
        self._open = 0

    async def open(self):
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self):
        self._server.close()
        await self._server.wait_closed()
        await until(lambda: not self._open)

    async def _accept(self, reader, writer):
        up_reader, up = await asyncio.open_connection("127.0.0.1", self._to)
        self._open += 1
        try:
            await asyncio.gather(self._pump(reader, up, True), self._pump(up_reader, writer, False))
        finally:
            self._open -= 1

    async def _pump(self, reader, writer, is_kept):
        try:
            while data := await reader.read(65536):
                if is_kept:
                    self.sent += data
                    self._parse()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _parse(self):
        while len(self.sent) >= 2:
            n = shift = 0
            for at in range(1, min(5, len(self.sent))):
                n |= (self.sent[at] & 0x7F) << shift
                shift += 7
                if not self.sent[at] & 0x80:
                    break
            if len(self.sent) < at + 1 + n:
                return
            head, body = self.sent[0], bytes(self.sent[at + 1 : at + 1 + n])
            self.packets.append(Packet(head >> 4, head & 15, body, time.time_ns() // 10**6))
            del self.sent[: at + 1 + n]


CONNECT, PUBLISH, SUBSCRIBE, DISCONNECT = 1, 3, 8, 14


class Wire:
    """What a host sent from its first packet to its last."""

    def __init__(self, packets):
        self.packets = packets
        self.connect = packets[0]
        self.states = [p for p in packets if p.kind == PUBLISH and p.topic == STATE]
        self.births = [p for p in self.states if p.json["online"]]
        self.death = self.states[-1]
        self.commands = [p for p in packets if p.kind == PUBLISH and p.topic == NCMD]
        _, at = self.connect.text(10)
        self.will_topic, at = self.connect.text(at)
        self.will = json.loads(self.connect.text(at)[0])
        self.connect_flags = self.connect.body[7]

    def subscriptions(self):
        found = []
        for place, packet in enumerate(self.packets):
            at = 2
            while packet.kind == SUBSCRIBE and at < len(packet.body):
                topic, at = packet.text(at)
                found.append((topic.decode(), packet.body[at], place))
                at += 1
        return found

    def place(self, packet):
        return self.packets.index(packet)


@pytest.fixture(scope="module")
def wire(program, tmp_path_factory):
    """A whole session of the host: its start, commands, a denial, its end."""
    folder = tmp_path_factory.mktemp("tck")
    node = program("node")
    publisher = program("mosquitto_pub")
    if not (PEERS / "node_modules" / "sparkplug-client").is_dir():
        missing("sparkplug-client is not installed: run `npm ci` in tests/peers")
    broker = Broker(program("mosquitto", "/usr/sbin/mosquitto"), folder)
    edge = EdgeNode(node, broker.port)
    try:
        yield Wire(asyncio.run(asyncio.wait_for(_session(broker, edge, publisher), 60)))
    finally:
        edge.close()
        broker.kill()


async def _session(broker, edge, publisher):
    tap, outlet = Tap(broker.port), Kept()
    await tap.open()
    at = {"host": "127.0.0.1", "port": tap.port, "is_plain": True}
    given = {"broker": at, "host_id": "gb", "reorder_s": 0.2, "rebirth_s": 0.2}
    card = ConnectionCard(name="floor", connector="sparkplug", place="site", settings=given)
    clock = lambda: time.time_ns() // 1000  # noqa: E731
    context = SourceContext(card, None, clock, str, Path())
    task = asyncio.ensure_future(make_sparkplug(context).run(outlet))
    await until(lambda: outlet.told.get("is_connected"))
    await asyncio.to_thread(edge.wait_for, "born")
    for _ in range(20):  # a command is of QoS 0: one that is lost is asked again
        await asyncio.to_thread(edge.order, "skip 2")
        await asyncio.to_thread(edge.order, "data 1")
        await asyncio.sleep(0.4)
        if any(one.kind == PUBLISH and one.topic == NCMD for one in tap.packets):
            break
    n = len(tap.packets)
    denial = json.dumps({"online": False, "timestamp": clock() // 1000})
    command = [publisher, "-p", str(broker.port), "-t", STATE, "-r", "-q", "1", "-m", denial]
    await asyncio.to_thread(subprocess.run, command, check=True, timeout=10)
    is_state = lambda one: one.kind == PUBLISH and one.topic == STATE  # noqa: E731
    await until(lambda: any(is_state(one) for one in tap.packets[n:]))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await until(lambda: tap.packets[-1].kind == DISCONNECT)
    await tap.close()
    return tap.packets


def _is_state_birth(w):
    return all(
        one.json.keys() == {"online", "timestamp"} and one.json["online"] is True
        for one in w.births
    )


def _is_near(packet):
    return abs(packet.json["timestamp"] - packet.clock_ms) < 5000


def _is_subscribed_first(w):
    own = [(qos, at) for topic, qos, at in w.subscriptions() if topic == STATE]
    return own and own[0][0] == 1 and own[0][1] < w.place(w.births[0])


def _rebirth(w):
    (metric,) = w.commands[0].metrics
    return metric


CHECKS = {
    "components-ph-state": lambda w: w.births,
    "conformance-primary-host": lambda w: w.births and w.commands,
    "host-topic-phid-birth-message": lambda w: w.place(w.births[0]) < 4,
    "host-topic-phid-birth-payload": _is_state_birth,
    "host-topic-phid-birth-payload-timestamp": lambda w: (
        w.births[0].json["timestamp"] == w.will["timestamp"]
    ),
    "host-topic-phid-birth-qos": lambda w: {one.qos for one in w.births} == {1},
    "host-topic-phid-birth-required": lambda w: len(w.births) >= 2 and _is_near(w.births[1]),
    "host-topic-phid-birth-retain": lambda w: all(one.retain for one in w.births),
    "host-topic-phid-birth-sub-required": _is_subscribed_first,
    "host-topic-phid-birth-topic": lambda w: {one.topic for one in w.births} == {STATE},
    "host-topic-phid-death-payload": lambda w: w.will.keys() == {"online", "timestamp"},
    "host-topic-phid-death-qos": lambda w: w.connect_flags >> 3 & 3 == 1,
    "host-topic-phid-death-required": lambda w: w.connect_flags & 0x04,
    "host-topic-phid-death-retain": lambda w: w.connect_flags & 0x20,
    "host-topic-phid-death-topic": lambda w: w.will_topic.decode() == STATE,
    "host-topic-phid-death-payload-timestamp-disconnect-clean": lambda w: (
        _is_near(w.death) and w.death.json["timestamp"] >= w.births[-1].json["timestamp"]
    ),
    "host-topic-phid-death-payload-timestamp-disconnect-with-no-disconnect-packet": lambda w: (
        w.will["timestamp"] == w.births[0].json["timestamp"]
    ),
    "intro-sparkplug-host-state": _is_state_birth,
    "message-flow-hid-sparkplug-state-message-delivered": _is_subscribed_first,
    "message-flow-phid-sparkplug-clean-session-311": lambda w: (
        w.connect.body[6] == 4 and w.connect_flags & 0x02
    ),
    "message-flow-phid-sparkplug-state-publish": lambda w: w.births,
    "message-flow-phid-sparkplug-state-publish-payload": _is_state_birth,
    "message-flow-phid-sparkplug-state-publish-payload-timestamp": lambda w: (
        w.births[0].json["timestamp"] == w.will["timestamp"]
    ),
    "message-flow-phid-sparkplug-subscription": lambda w: (
        "spBv1.0/#" in [topic for topic, _, _ in w.subscriptions()]
    ),
    "operational-behavior-host-application-connect-birth": lambda w: w.births,
    "operational-behavior-host-application-connect-birth-payload": _is_state_birth,
    "operational-behavior-host-application-connect-birth-qos": lambda w: w.births[0].qos == 1,
    "operational-behavior-host-application-connect-birth-retained": lambda w: w.births[0].retain,
    "operational-behavior-host-application-connect-birth-topic": lambda w: (
        w.births[0].topic == STATE
    ),
    "operational-behavior-host-application-connect-will": lambda w: w.connect_flags & 0x04,
    "operational-behavior-host-application-connect-will-payload": lambda w: (
        w.will["online"] is False and abs(w.will["timestamp"] - w.connect.clock_ms) < 5000
    ),
    "operational-behavior-host-application-connect-will-qos": lambda w: (
        w.connect_flags >> 3 & 3 == 1
    ),
    "operational-behavior-host-application-connect-will-retained": lambda w: w.connect_flags & 0x20,
    "operational-behavior-host-application-connect-will-topic": lambda w: (
        w.will_topic.decode() == STATE
    ),
    "operational-behavior-host-application-death-payload": lambda w: (
        w.death.json["online"] is False and w.death.json.keys() == {"online", "timestamp"}
    ),
    "operational-behavior-host-application-death-qos": lambda w: w.death.qos == 1,
    "operational-behavior-host-application-death-retained": lambda w: w.death.retain,
    "operational-behavior-host-application-death-topic": lambda w: w.death.topic == STATE,
    "operational-behavior-host-application-disconnect-intentional": lambda w: (
        w.packets[-1].kind == DISCONNECT and w.place(w.death) < len(w.packets) - 1
    ),
    "operational-behavior-host-application-termination": lambda w: not w.death.json["online"],
    "payloads-state-birth": lambda w: w.births,
    "payloads-state-birth-payload": _is_state_birth,
    "payloads-state-subscribe": _is_subscribed_first,
    "payloads-state-will-message": lambda w: w.connect_flags & 0x04,
    "payloads-state-will-message-payload": lambda w: w.will["online"] is False,
    "payloads-state-will-message-qos": lambda w: w.connect_flags >> 3 & 3 == 1,
    "payloads-state-will-message-retain": lambda w: w.connect_flags & 0x20,
    "principles-birth-certificates-order": lambda w: (
        w.place(w.births[0]) < min(at for topic, _, at in w.subscriptions() if topic == "spBv1.0/#")
    ),
    "operational-behavior-data-commands-ncmd-metric-name": lambda w: _rebirth(w).name == REBIRTH,
    "operational-behavior-data-commands-ncmd-metric-value": lambda w: _rebirth(w).HasField(
        "boolean_value"
    ),
    "operational-behavior-data-commands-ncmd-rebirth-name": lambda w: _rebirth(w).name == REBIRTH,
    "operational-behavior-data-commands-ncmd-rebirth-value": lambda w: (
        _rebirth(w).boolean_value is True and _rebirth(w).datatype == DataType.BOOLEAN
    ),
    "operational-behavior-data-commands-ncmd-rebirth-verb": lambda w: (
        {p.topic for p in w.packets if p.kind == PUBLISH} == {STATE, NCMD}
    ),
    "operational-behavior-data-commands-ncmd-verb": lambda w: w.commands,
    "payloads-name-cmd-requirement": lambda w: all(
        one.name and not one.HasField("alias") for p in w.commands for one in p.metrics
    ),
    "payloads-ncmd-qos": lambda w: {one.qos for one in w.commands} == {0},
    "payloads-ncmd-retain": lambda w: not any(one.retain for one in w.commands),
    "payloads-ncmd-seq": lambda w: (
        not any(payload_class().FromString(one.payload).HasField("seq") for one in w.commands)
    ),
    "payloads-ncmd-timestamp": lambda w: all(
        abs(payload_class().FromString(one.payload).timestamp - one.clock_ms) < 5000
        for one in w.commands
    ),
    "topics-ncmd-mqtt": lambda w: all(one.qos == 0 and not one.retain for one in w.commands),
    "topics-ncmd-payload": lambda w: all(len(one.metrics) == 1 for one in w.commands),
    "topics-ncmd-timestamp": lambda w: all(
        payload_class().FromString(one.payload).timestamp for one in w.commands
    ),
    "topics-ncmd-topic": lambda w: {one.topic for one in w.commands} == {NCMD},
}
"""Id of an assertion to what must hold of the wire."""

DEATH = "operational-behavior-edge-node-termination-host-action-"
ELSEWHERE = {
    f"{DEATH}ddeath-devices-offline": f"{DEATH}ddeath-devices-tags-stale",
    f"{DEATH}ndeath-devices-offline": f"{DEATH}ndeath-devices-tags-stale",
} | {
    one: one
    for one in (
        f"{DEATH}ddeath-devices-tags-stale", f"{DEATH}ndeath-devices-tags-stale",
        f"{DEATH}ndeath-node-offline", f"{DEATH}ndeath-node-tags-stale",
        "operational-behavior-host-reordering-param", "operational-behavior-host-reordering-start",
        "operational-behavior-host-reordering-success",
        "operational-behavior-host-reordering-rebirth",
    )
}  # fmt: skip
"""Id to the test of `test_host` that holds it."""

READ_ONLY = "the host writes nothing to a device"
ONE_BROKER = "a card has one broker; a second one is a card of its own"
LEFT_OUT = {
    **dict.fromkeys(
        (
            "operational-behavior-data-commands-dcmd-metric-name",
            "operational-behavior-data-commands-dcmd-metric-value",
            "operational-behavior-data-commands-dcmd-verb",
            "payloads-dcmd-qos", "payloads-dcmd-retain", "payloads-dcmd-seq",
            "payloads-dcmd-timestamp", "topics-dcmd-mqtt", "topics-dcmd-payload",
            "topics-dcmd-timestamp", "topics-dcmd-topic",
        ),
        READ_ONLY,
    ),
    "operational-behavior-host-application-multi-server-timestamp": ONE_BROKER,
    "operational-behavior-primary-application-state-with-multiple-servers-state": ONE_BROKER,
    "operational-behavior-primary-application-state-with-multiple-servers-state-subs": ONE_BROKER,
    "message-flow-phid-sparkplug-clean-session-50": "the connector speaks MQTT 3.1.1",
    "message-flow-edge-node-birth-publish-will-message-topic": "it is about edge nodes",
}  # fmt: skip
N_HOST = 89


def test_every_assertion_of_the_host_profile_is_held_or_left_out_with_its_reason():
    held = CHECKS.keys() | ELSEWHERE.keys()
    assert not held & LEFT_OUT.keys()
    assert (len(held), len(LEFT_OUT), len(held | LEFT_OUT.keys())) == (73, 16, N_HOST)
    page = (Path(__file__).parents[3] / "docs" / "reference" / "sparkplug.md").read_text()
    assert "73 of the 89" in page
    for one in LEFT_OUT:
        assert f"`{one}`" in page, one


@pytest.mark.parametrize("name", sorted(set(ELSEWHERE.values())))
def test_what_is_held_elsewhere_has_a_test_of_its_name(name):
    assert callable(getattr(test_host, f"test_{name.replace('-', '_')}"))


@pytest.mark.service("mosquitto", "node")
@pytest.mark.parametrize("name", sorted(CHECKS))
def test_tck_id(wire, name):
    assert CHECKS[name](wire)
