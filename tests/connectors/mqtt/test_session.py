"""What comes between a broker and a store: failures of stores, secrets that take their time."""

from __future__ import annotations

import asyncio
import subprocess
import threading

import pytest
from tests.connectors.mqtt.conftest import until

from goldenbatch.connectors.mqtt import _session, make_mqtt
from goldenbatch.connectors.mqtt._client import make_client
from goldenbatch.connectors.mqtt.settings import Broker
from goldenbatch.core.acquisition import ConnectionCard, GapCause, SourceContext


@pytest.fixture
def say(broker, program):
    publisher = program("mosquitto_pub")

    def publish(topic, text):
        command = [publisher, "-p", str(broker.port), "-t", topic, "-m", text, "-q", "1"]
        subprocess.run(command, check=True, timeout=10)

    return publish


def a_card(broker):
    at = {"host": "127.0.0.1", "port": broker.port, "is_plain": True}
    return {"broker": at, "topics": [{"filter": "line/#"}], "limits": {"flush_s": 0.02}}


def test_what_a_store_does_not_take_at_first_is_stored_again(
    broker, say, run_connector, monkeypatch
):
    monkeypatch.setattr(_session, "AGAIN_S", (0.01, 0.01, 0.01))

    async def work(outlet, _):
        await until(lambda: outlet.told.get("is_connected"))
        outlet.failures = [ValueError("the disk says no"), KeyError("again")]
        await asyncio.to_thread(say, "line/press", '{"force": 12.5}')
        await until(lambda: outlet.values("force"))

    outlet = run_connector(make_mqtt, a_card(broker), work)
    assert outlet.values("force") == [12.5] and outlet.gaps == []


def test_what_no_store_ever_takes_is_a_gap_and_the_next_is_stored(
    broker, say, run_connector, monkeypatch
):
    monkeypatch.setattr(_session, "AGAIN_S", (0.01, 0.01, 0.01))

    async def work(outlet, _):
        await until(lambda: outlet.told.get("is_connected"))
        outlet.failures = [ValueError("the disk says no")] * 4
        await asyncio.to_thread(say, "line/press", '{"force": 12.5}')
        await until(lambda: outlet.gaps)
        await asyncio.to_thread(say, "line/press", '{"force": 13.5}')
        await until(lambda: outlet.values("force"))

    outlet = run_connector(make_mqtt, a_card(broker), work)
    assert outlet.values("force") == [13.5]
    (gap,) = outlet.gaps
    assert gap.cause is GapCause.REJECTED and gap.n_lost == 1
    assert gap.tags == ("site/line/press/force",) and "the disk says no" in gap.note


def test_a_message_that_nobody_thought_of_is_refused_alone(broker, say, run_connector, monkeypatch):
    whole = make_mqtt.__globals__["MqttConnector"].take

    def take(self, message):
        if message.payload == b"bomb":
            raise ZeroDivisionError("of all things")
        whole(self, message)

    monkeypatch.setattr(make_mqtt.__globals__["MqttConnector"], "take", take)

    async def work(outlet, _):
        await until(lambda: outlet.told.get("is_connected"))
        await asyncio.to_thread(say, "line/press", '{"force": 12.5}')
        await asyncio.to_thread(say, "line/press", "bomb")
        await asyncio.to_thread(say, "line/press", '{"force": 13.5}')
        await until(lambda: len(outlet.values("force")) == 2 and outlet.gaps)

    outlet = run_connector(make_mqtt, a_card(broker), work)
    (gap,) = outlet.gaps
    assert gap.cause is GapCause.REJECTED and "of all things" in gap.note


def test_a_keyring_that_asks_a_person_does_not_hold_the_loop(tmp_path):
    answered = threading.Event()

    def secret(reference):
        assert threading.current_thread() is not threading.main_thread()
        assert answered.wait(10)
        return "right"

    card = ConnectionCard(name="x", connector="mqtt")
    context = SourceContext(card, None, lambda: 0, secret, tmp_path)
    broker = Broker(host="b", is_plain=True, user="gb", password="keyring:plant/gb")

    async def main():
        making = asyncio.ensure_future(make_client(context, broker))
        await asyncio.sleep(0.05)
        assert not making.done()  # and yet this went on
        answered.set()
        return await making

    assert asyncio.run(main()) is not None
