"""Devices that lie, and brokers that freeze: no reading is mixed, faked, or lost unsaid."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from goldenbatch.connectors.mqtt import make_mqtt, make_sparkplug
from goldenbatch.connectors.mqtt._client import Incoming, Queue
from goldenbatch.connectors.mqtt._proto import DataType, payload_class
from goldenbatch.connectors.mqtt._rows import frames
from goldenbatch.connectors.mqtt.host import Host
from goldenbatch.connectors.mqtt.settings import SparkplugSettings
from goldenbatch.connectors.mqtt.topics import MqttConnector
from goldenbatch.core.acquisition import ConnectionCard, GapCause, SourceContext

from .conftest import until

MS = 1_700_000_000_000
NOW = MS * 1000


class Plant:
    """A host, and what nodes say to it."""

    def __init__(self, **settings):
        self.now = NOW
        given = {"broker": {"host": "h"}, "host_id": "x", **settings}
        self.host = Host(SparkplugSettings.model_validate(given), "site", lambda: self.now)

    def say(self, verb, seq, *metrics, edge="E", group="G", ts=MS):
        payload = payload_class()(timestamp=ts)
        if seq is not None:
            payload.seq = seq
        for one in metrics:
            payload.metrics.add(**one)
        topic = f"spBv1.0/{group}/{verb}/{edge}"
        self.host.take(topic, payload.SerializeToString(), self.now)

    def birth(self, *metrics, bd=0, **more):
        self.say("NBIRTH", 0, {"name": "bdSeq", "datatype": 8, "long_value": bd}, *metrics, **more)

    def rows(self):
        found = self.host.drain()
        made = frames("s", "k", found.live, 1)
        return [row for one in made for row in one.readings.to_pylist()], found


def a(value=1.0, name="a", **more):
    return dict(name=name, datatype=DataType.DOUBLE, double_value=value, **more)


def test_a_time_in_nanoseconds_is_refused_and_stops_nothing():
    plant = Plant()
    plant.birth(a(), a(name="b"))
    plant.say("NDATA", 1, a(2.0, timestamp=MS * 10**6), a(3.0, name="b"))
    rows, found = plant.rows()
    assert [row["value"] for row in rows] == [1.0, 1.0, 3.0]
    (gap,) = found.gaps
    assert (gap.cause, gap.tags, gap.n_lost) == (GapCause.REJECTED, ("site/E/a",), 1)


def test_null_is_not_zero_and_transient_is_not_kept():
    plant = Plant()
    plant.birth(a())
    plant.rows()
    plant.say("NDATA", 1, a(0.0, is_null=True), a(9.0, is_transient=True))
    ((row,), _) = plant.rows()
    assert row["value"] is None and row["quality"] >= 0x80000000


def test_an_integer_that_no_float_holds_is_uncertain():
    plant = Plant()
    big = {"name": "n", "datatype": DataType.UINT64, "long_value": 2**53 + 1}
    plant.birth(big)
    ((row,), _) = plant.rows()
    assert row["quality"] == 0x40000000


@pytest.mark.parametrize("verb", ["NBIRTH", "NDEATH"])
def test_what_came_too_early_outlives_the_session(verb):
    plant = Plant()
    plant.birth(a())
    plant.say("NDATA", 2, a(2.0, timestamp=MS + 2))
    plant.say("NDATA", 3, a(3.0, timestamp=MS + 3))
    if verb == "NBIRTH":
        plant.birth(a(4.0, timestamp=MS + 4))
    else:
        plant.say(verb, None, {"name": "bdSeq", "datatype": 8, "long_value": 0})
    rows, found = plant.rows()
    assert {2.0, 3.0} <= {row["value"] for row in rows}
    assert "1 messages from sequence number 1" in found.gaps[0].note


def test_two_metrics_are_never_one_tag():
    plant = Plant()
    plant.birth(a(1.0, "a b"), a(2.0, "a_b"))
    plant.birth(a(3.0, "a b"), group="H")
    rows, found = plant.rows()
    assert [(row["tag"], row["value"]) for row in rows] == [("site/E/a_b", 1.0)]
    assert [one.cause for one in found.gaps] == [GapCause.REJECTED] * 2
    plant.birth(a(5.0, "a_b"))  # the other is gone for good
    rows, _ = plant.rows()
    assert [row["value"] for row in rows] == [5.0]


def test_a_gap_begins_when_the_last_message_came():
    plant = Plant()
    plant.birth(a())
    plant.now += 10**6
    plant.say("NDATA", 1, a())
    plant.now += 5 * 10**6
    plant.say("NDATA", 3, a())
    plant.now += 3 * 10**6
    plant.host.tick()
    (gap,) = plant.rows()[1].gaps
    assert gap.window == (NOW + 10**6, NOW + 6 * 10**6)


def test_the_last_value_of_a_device_ahead_of_time_does_not_stay_good():
    plant = Plant()
    plant.birth(a())
    plant.say("NDATA", 1, a(2.0, timestamp=MS + 3_600_000))
    plant.say("NDEATH", None, {"name": "bdSeq", "datatype": 8, "long_value": 0})
    rows, _ = plant.rows()
    assert max(rows, key=lambda row: row["time"])["value"] is None


def test_values_are_stale_while_the_broker_is_away():
    plant = Plant()
    plant.birth(a())
    plant.host.lost_broker(NOW + 10)
    rows, _ = plant.rows()
    assert rows[-1]["value"] is None and rows[-1]["quality"] == 0x80310000


def test_an_alias_of_a_dead_session_is_not_read_by_the_next():
    plant = Plant()
    plant.say("NDATA", 5, {"alias": 7, "double_value": 80.0})
    plant.say("NDEATH", None, {"name": "bdSeq", "datatype": 8, "long_value": 0})
    plant.birth(a(1.0, "pressure", alias=7), bd=1)
    rows, found = plant.rows()
    assert [row["value"] for row in rows] == [1.0]
    assert found.gaps[0].cause is GapCause.REJECTED


def test_a_message_that_comes_twice_is_no_gap():
    plant = Plant()
    plant.birth(a())
    for n in (1, 2, 3, 3, 4):
        plant.say("NDATA", n, a(float(n), timestamp=MS + n), ts=MS + n)
    plant.now += 3 * 10**6
    plant.host.tick()
    rows, found = plant.rows()
    assert [row["value"] for row in rows] == [1.0, 1.0, 2.0, 3.0, 4.0][-len(rows) :]
    assert found.gaps == []


def test_a_clock_that_goes_back_holds_up_no_rebirth():
    plant = Plant()
    plant.say("NDATA", 1, a())
    assert plant.host.drain().commands
    plant.now -= 3600 * 10**6
    plant.say("NDATA", 2, a())
    assert plant.host.drain().commands


def test_what_cannot_be_read_is_a_gap():
    plant = Plant()
    plant.host.take("spBv1.0/G/NBIRTH/E", b"\xff\xff\xff", NOW)
    plant.birth(a())
    plant.say("NDATA", None, a())
    assert [one.cause for one in plant.host.drain().gaps] == [GapCause.REJECTED] * 2


def topic(*payloads, is_retained=False, **more):
    settings = {"broker": {"host": "h"}, "topics": [{"filter": "#", **more}]}
    settings["is_retained_taken"] = True
    card = ConnectionCard(name="m", connector="mqtt", place="site", settings=settings)
    made = MqttConnector(SourceContext(card, None, lambda: NOW, str, Path(), Path()))
    for one in payloads:
        made.take(Incoming("a/b", one, NOW, is_retained))
    found = made.drain()
    return [one.readings.to_pylist() for one in frames("s", "k", found.live, 1)], found.gaps


@pytest.mark.parametrize(
    ("payload", "more"),
    [
        (b"1" + b"0" * 400, {}),
        (b"[1" + b"0" * 400 + b"]", {}),
        (b'{"t": 1e300, "v": 1}', {"time": "t"}),
        (b'{"t": 170000000000000000000000, "v": 1}', {"time": "t"}),
        (b'"\\ud800"', {}),
        (b"\xff", {}),
        (b"[" * 100_000, {}),
    ],
)
def test_no_message_stops_a_source(payload, more):
    made, gaps = topic(payload, **more)
    assert made == [] and [one.cause for one in gaps] == [GapCause.REJECTED]


def test_no_number_is_no_good_number():
    for body, more in ((b"1e400", {}), (b"nan", {"payload": "number"})):
        (((row,),), _) = topic(body, **more)
        assert row["value"] is None and row["quality"] >= 0x80000000
    (((row,),), _) = topic(str(2**53 + 1).encode())
    assert row["quality"] == 0x40000000
    (((row,),), _) = topic(b"5", is_retained=True)
    assert row["quality"] == 0x40900000


def test_two_values_of_one_moment_are_two_versions():
    made, _ = topic(b"1", b"1", b"2")
    assert [[row["value"] for row in one] for one in made] == [[1.0], [2.0]]


def test_a_queue_holds_no_more_bytes_than_it_may(monkeypatch):
    monkeypatch.setattr("goldenbatch.connectors.mqtt._client.MAX_QUEUED_BYTES", 1000)
    queue = Queue(100)
    for _ in range(50):
        queue.put(Incoming("t", b"x" * 100, 1, False))
    assert len(queue) == 10 and queue.n_dropped == 40


@pytest.mark.parametrize("make", [make_mqtt, make_sparkplug])
def test_a_source_ends_though_its_broker_is_frozen(broker, run_connector, make, monkeypatch):
    monkeypatch.setattr("goldenbatch.connectors.mqtt._client.ANSWER_S", 2.0)
    settings = {"broker": {"host": "127.0.0.1", "port": broker.port, "is_plain": True}}
    settings |= {"topics": [{"filter": "#"}]} if make is make_mqtt else {"host_id": "gb"}

    async def work(outlet, task):
        await until(lambda: outlet.told.get("is_connected") == 1)
        os.kill(broker.process.pid, signal.SIGSTOP)
        task.cancel()
        began = time.monotonic()
        done, _ = await asyncio.wait({task}, timeout=30)
        os.kill(broker.process.pid, signal.SIGCONT)
        assert done and time.monotonic() - began < 25

    run_connector(make, settings, work)
