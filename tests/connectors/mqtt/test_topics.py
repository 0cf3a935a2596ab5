"""Plain MQTT: what JSON, texts and numbers become, and what is refused by name."""

from __future__ import annotations

import asyncio
import json
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.connectors.mqtt.conftest import until

from goldenbatch.connectors.mqtt import _session, make_mqtt, make_sparkplug
from goldenbatch.connectors.mqtt._client import Incoming
from goldenbatch.connectors.mqtt.topics import MqttConnector, matches, to_time
from goldenbatch.core.acquisition import ConnectionCard, GapCause, SourceContext
from goldenbatch.core.errors import BadInputError
from goldenbatch.testing.conformance import connector_checks

AT = 1_700_000_000_000_000


@pytest.mark.parametrize("check", connector_checks("goldenbatch.connectors.mqtt"), ids=str)
def test_conformance(check):
    check.run()


def reader(tmp_path, *topics, **more):
    given_ = {"broker": {"host": "b"}, "topics": list(topics), **more}
    card = ConnectionCard(name="uns", connector="mqtt", place="site", settings=given_)
    return make_mqtt(SourceContext(card, None, lambda: AT, str, tmp_path))


def take(connector: MqttConnector, topic, payload, *, is_retained=False):
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    connector.take(Incoming(topic, data, AT, is_retained))
    out = connector.drain()
    rows = {
        tag: (time, value)
        for one in out.live.values()
        for tag, time, value in zip(one.tags, one.times, one.values, strict=True)
    }
    return rows, out


def test_every_member_is_a_tag(tmp_path):
    one = reader(tmp_path, {"filter": "plant/#", "time": "ts", "skip_levels": 1})
    message = {
        "ts": 1_700_000_000_500, "temp": 21.5, "on": True, "lot": "A1", "spectrum": [1, 2.5],
        "motor": {"speed": 900}, "none": None, "mixed": [1, "a"],
    }  # fmt: skip
    rows, out = take(one, "plant/Line 1/dryer", message)
    at = 1_700_000_000_500_000
    assert rows == {
        "site/Line_1/dryer/temp": (at, 21.5), "site/Line_1/dryer/on": (at, 1.0),
        "site/Line_1/dryer/lot": (at, "A1"), "site/Line_1/dryer/spectrum": (at, [1.0, 2.5]),
        "site/Line_1/dryer/motor.speed": (at, 900.0), "site/Line_1/dryer/none": (at, None),
        "site/Line_1/dryer/mixed": (at, '[1, "a"]'),
    }  # fmt: skip
    assert set(out.live) == {"number", "text", "array"}


def test_values_below_a_path_and_a_renamed_tag(tmp_path):
    one = reader(
        tmp_path, {"filter": "a/+", "values": "d.v", "time": "d.t", "time_unit": "s"},
        tags=[{"name": "a/b", "tag": "site/x/y"}],
    )  # fmt: skip
    rows, _ = take(one, "a/b", {"d": {"t": 1700000001, "v": 4}})
    assert rows == {"site/x/y": (1_700_000_001_000_000, 4.0)}


def test_numbers_and_texts(tmp_path):
    one = reader(
        tmp_path, {"filter": "n/#", "payload": "number"}, {"filter": "t/#", "payload": "text"}
    )
    assert take(one, "n/a", b" 1.5e3 ")[0] == {"site/n/a": (AT, 1500.0)}
    assert take(one, "t/a", "ž".encode())[0] == {"site/t/a": (AT, "ž")}


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"{", "Expecting"),
        (b"\xff", "utf-8"),
        (b'{"ts": "2023-01-01T00:00:00"}', "no offset"),
        (b'{"ts": true}', "no time"),
        (b'{"x": 1}', "no 'ts'"),
        (b'{"ts": NaN}', "no JSON"),
        (b"[" * 100_000, ""),
    ],
)
def test_what_cannot_be_read_is_named_and_kept(tmp_path, payload, words):
    one = reader(tmp_path, {"filter": "#", "time": "ts"})
    rows, out = take(one, "a/b", payload)
    assert rows == {}
    (gap,) = out.gaps
    assert gap.cause is GapCause.REJECTED and gap.n_lost == 1
    assert gap.note.startswith("a/b: ") and words in gap.note
    assert one.told()["n_refused"] == 1


def test_what_the_broker_had_kept_is_not_news(tmp_path):
    one = reader(tmp_path, {"filter": "#"})
    assert take(one, "a", 1, is_retained=True)[0] == {}
    other = reader(tmp_path, {"filter": "#"}, is_retained_taken=True)
    assert take(other, "a", 1, is_retained=True)[0] == {"site/a": (AT, 1.0)}


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers(-(2**70), 2**70)
        | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=12,
    )
)  # fmt: skip
def test_any_json_is_taken_or_named(tmp_path_factory, message):
    from goldenbatch.connectors.mqtt._rows import frames

    one = reader(tmp_path_factory.mktemp("x"), {"filter": "#"})
    _, out = take(one, "a", message)
    assert all(frame.readings.num_rows for frame in frames("s", "k", out.live, AT))


@pytest.mark.parametrize(
    ("pattern", "topic", "is_match"),
    [
        ("a/b", "a/b", True), ("a/+", "a/b", True), ("a/+", "a/b/c", False), ("a/#", "a", True),
        ("a/#", "a/b/c", True), ("#", "a", True), ("#", "$SYS/x", False), ("+/b", "/b", True),
        ("a", "a/b", False),
    ],
)  # fmt: skip
def test_filters_of_topics(pattern, topic, is_match):
    assert matches(pattern, topic) is is_match


def test_times():
    assert to_time("2023-11-14T23:13:20+01:00", "ms") == AT
    assert to_time(1_700_000_000_000_001_999, "ns") == AT + 2
    assert to_time(AT, "us") == AT


@pytest.mark.parametrize(
    ("make", "given_", "words"),
    [
        (make_mqtt, {"broker": {"host": "b"}}, "topics"),
        (make_mqtt, {"broker": {}, "topics": [{"filter": "#"}]}, "broker.host"),
        (make_sparkplug, {"broker": {"host": "b"}, "host_id": "a/b"}, "host_id"),
        (make_sparkplug, {"broker": {"host": "b"}, "host_id": "a", "x": 1}, "settings.x"),
    ],
)
def test_a_bad_setting_is_named(tmp_path, make, given_, words):
    card = ConnectionCard(name="floor", connector="mqtt", settings=given_)
    with pytest.raises(BadInputError, match=words) as caught:
        make(SourceContext(card, None, lambda: AT, str, tmp_path))
    assert "'floor'" in str(caught.value)


@pytest.mark.service("mosquitto")
def test_topics_of_a_broker(broker, program, run_connector, monkeypatch):
    monkeypatch.setattr(_session, "WAIT_S", (0.05, 0.2))
    publish = [program("mosquitto_pub"), "-p", str(broker.port), "-q", "1"]

    def say(topic, text):
        subprocess.run([*publish, "-t", topic, "-m", text], check=True, timeout=10)

    async def work(outlet, _):
        await until(lambda: outlet.told.get("is_connected"))
        await asyncio.to_thread(say, "line/press", '{"force": 12.5, "state": "run"}')
        await asyncio.to_thread(say, "line/press", "{broken")
        await until(lambda: outlet.gaps and outlet.rows("state"))
        await asyncio.to_thread(broker.kill)
        await until(lambda: outlet.told["is_connected"] == 0)
        await asyncio.to_thread(broker.start)
        await until(lambda: outlet.told["is_connected"] == 1)
        await asyncio.to_thread(say, "line/press", '{"force": 13.5}')
        await until(lambda: len(outlet.values("force")) == 3)

    at = {"host": "127.0.0.1", "port": broker.port, "is_plain": True}
    given_ = {"broker": at, "topics": [{"filter": "line/#"}], "limits": {"flush_s": 0.02}}
    outlet = run_connector(make_mqtt, given_, work)
    # What was read before the line was lost does not look fresh while it is.
    assert outlet.values("line/press/force") == [12.5, None, 13.5]
    assert outlet.values("line/press/state") == ["run", None]
    assert [gap.cause for gap in outlet.gaps] == [GapCause.REJECTED, GapCause.LINK_DOWN]
