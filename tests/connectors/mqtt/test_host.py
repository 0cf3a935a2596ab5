"""The host application, each test named after the statement of Sparkplug 3.0 that it holds.

The ids are those of the specification's own testable statements (`tck-id-...`).
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.connectors.mqtt._node import REBIRTH, Address
from goldenbatch.connectors.mqtt._proto import DataType, payload_class
from goldenbatch.connectors.mqtt._values import BAD_NO_COMMUNICATION
from goldenbatch.connectors.mqtt.host import Host
from goldenbatch.connectors.mqtt.settings import SparkplugSettings
from goldenbatch.core.acquisition import GapCause

P = payload_class()
T0 = 1_700_000_000_000
"""Milliseconds."""


class Plant:
    """A host, its clock, and an edge node that says what a test wants."""

    def __init__(self, **more):
        given_ = {"broker": {"host": "b"}, "host_id": "gb", "reorder_s": 2.0, **more}
        self.now = T0 * 1000
        self.host = Host(SparkplugSettings.model_validate(given_), "site", lambda: self.now)

    def wait(self, seconds):
        self.now += int(seconds * 1e6)

    def say(self, verb, seq=None, metrics=(), device="", edge="E1", group="G", at=T0):
        payload = P(timestamp=at)
        if seq is not None:
            payload.seq = seq
        for metric in metrics:
            payload.metrics.add(**metric)
        topic = "/".join(part for part in ("spBv1.0", group, verb, edge, device) if part)
        self.host.take(topic, payload.SerializeToString(), self.now)
        return self.host.drain()

    def birth(self, bd_seq=0, seq=0, metrics=None, **more):
        metrics = [double("temp", 20.0, alias=1)] if metrics is None else metrics
        control = {"name": REBIRTH, "datatype": DataType.BOOLEAN, "boolean_value": False}
        return self.say("NBIRTH", seq, [bd(bd_seq), control, *metrics], **more)

    def device_birth(self, seq=1, device="D1", alias=7, **more):
        return self.say("DBIRTH", seq, [double("force", 5.0, alias=alias)], device=device, **more)


def bd(number):
    return {"name": "bdSeq", "datatype": DataType.INT64, "long_value": number}


def double(name="", value=0.0, alias=None, at=None, **more):
    found = {"datatype": DataType.DOUBLE, "double_value": value, **more}
    found |= {"name": name} if name else {}
    found |= {"alias": alias} if alias is not None else {}
    return found | ({"timestamp": at} if at is not None else {})


def rows(out, kind="number"):
    found = out.live.get(kind)
    return (
        []
        if found is None
        else list(zip(found.tags, found.times, found.values, found.qualities, strict=True))
    )


def values(out):
    return {tag: value for tag, _, value, _ in rows(out)}


def asks(out):
    return [topic for topic, _ in out.commands]


@pytest.fixture
def plant():
    return Plant()


# ---- births and aliases ------------------------------------------------------------------------


def test_message_flow_edge_node_birth_publish_nbirth_payload_seq(plant):
    assert values(plant.birth()) == {"site/E1/temp": 20.0}
    assert plant.host.nodes[Address("G", "E1")].is_online
    assert "instead of 0" in Plant().birth(seq=3).problems[0]


def test_topics_nbirth_bdseq_included(plant):
    out = plant.say("NBIRTH", 0, [double("temp", 1.0)])
    assert "no bdSeq" in out.problems[0]
    assert values(out) == {"site/E1/temp": 1.0}  # what came is not lost


def test_payloads_alias_birth_requirement(plant):
    plant.birth()
    out = plant.say("NDATA", 1, [double(alias=1, value=21.5, at=T0 + 5)])
    assert rows(out) == [("site/E1/temp", (T0 + 5) * 1000, 21.5, 0)]


def test_payloads_alias_uniqueness(plant):
    out = plant.birth(metrics=[double("a", 1.0, alias=1), double("b", 2.0, alias=1)])
    assert "alias 1 is a and b" in out.problems[0]


def test_payloads_alias_data_cmd_requirement(plant):
    plant.birth()
    out = plant.say("NDATA", 1, [double(alias=99, value=1.0)])
    assert rows(out) == [] and asks(out) == ["spBv1.0/G/NCMD/E1"]
    (gap,) = out.gaps
    assert gap.cause is GapCause.REJECTED and "alias 99" in gap.note


def test_topics_dbirth_metrics(plant):
    plant.birth()
    assert values(plant.device_birth()) == {"site/E1/D1/force": 5.0}
    out = plant.say("DDATA", 2, [double(alias=7, value=6.0)], device="D1")
    assert values(out) == {"site/E1/D1/force": 6.0}


def test_payloads_metric_timestamp_in_utc(plant):
    plant.birth()
    out = plant.say("NDATA", 1, [double("temp", 1.0)], at=T0 + 77)  # of the payload
    assert rows(out)[0][1] == (T0 + 77) * 1000


def test_a_name_may_be_used_without_an_alias(plant):
    plant.birth(metrics=[double("temp", 1.0)])
    assert values(plant.say("NDATA", 1, [double("temp", 2.0)])) == {"site/E1/temp": 2.0}


# ---- sequence numbers --------------------------------------------------------------------------


def test_payloads_sequence_num_incrementing(plant):
    plant.birth()
    for number in range(1, 700):
        out = plant.say("NDATA", number % 256, [double(alias=1, value=float(number))])
        assert values(out) == {"site/E1/temp": float(number)}, number
        assert not out.commands and not out.gaps


def test_payloads_sequence_num_always_included(plant):
    plant.birth()
    out = plant.say("NDATA", None, [double(alias=1, value=1.0)])
    assert "without sequence number" in out.problems[0] and asks(out)


def test_operational_behavior_host_reordering_param():
    assert SparkplugSettings.model_fields["reorder_s"].default == 2.0


def test_operational_behavior_host_reordering_start(plant):
    plant.birth()
    out = plant.say("NDATA", 2, [double(alias=1, value=2.0)])
    assert rows(out) == [] and not out.commands
    assert plant.host.nodes[Address("G", "E1")].held_since == plant.now


def test_operational_behavior_host_reordering_success(plant):
    plant.birth()
    for seq in (3, 2):
        plant.say("NDATA", seq, [double(alias=1, value=float(seq), at=T0 + seq)])
    out = plant.say("NDATA", 1, [double(alias=1, value=1.0, at=T0 + 1)])
    assert [value for _, _, value, _ in rows(out)] == [1.0, 2.0, 3.0]
    plant.wait(60)
    plant.host.tick()
    out = plant.host.drain()
    assert not out.commands and not out.gaps


def test_operational_behavior_host_reordering_rebirth(plant):
    plant.birth()
    plant.say("NDATA", 4, [double(alias=1, value=4.0)])
    plant.wait(2.5)
    plant.host.tick()
    out = plant.host.drain()
    assert asks(out) == ["spBv1.0/G/NCMD/E1"]
    assert values(out) == {"site/E1/temp": 4.0}  # what came is stored all the same
    (gap,) = out.gaps
    assert gap.cause is GapCause.LINK_DOWN and "3 messages from sequence number 1" in gap.note
    out = plant.say("NDATA", 5, [double(alias=1, value=5.0)])
    assert values(out) == {"site/E1/temp": 5.0}


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 600), st.randoms(use_true_random=False))
def test_messages_in_any_near_order_come_out_in_theirs(n, draw):
    plant, got = Plant(), []
    plant.birth()
    order = list(range(1, n + 1))
    for at in range(0, n, 8):  # shuffled among their neighbours, as a cluster of brokers does
        part = order[at : at + 8]
        draw.shuffle(part)
        order[at : at + 8] = part
    for number in order:
        out = plant.say("NDATA", number % 256, [double(alias=1, value=float(number))])
        got += [value for _, _, value, _ in rows(out)]
        assert not out.commands
    assert got == [float(number) for number in range(1, n + 1)]


# ---- rebirth -----------------------------------------------------------------------------------


def test_operational_behavior_data_commands_ncmd_rebirth_name(plant):
    out = plant.say("NDATA", 9, [double(alias=1, value=1.0)])  # before any birth
    ((topic, data),) = out.commands
    assert topic == "spBv1.0/G/NCMD/E1"  # ..._ncmd_rebirth_verb
    (metric,) = P.FromString(data).metrics
    assert metric.name == "Node Control/Rebirth"
    assert metric.boolean_value is True  # ..._ncmd_rebirth_value
    assert metric.datatype == DataType.BOOLEAN
    assert P.FromString(data).timestamp == T0


def test_what_came_before_its_birth_is_stored_after_it(plant):
    plant.say("NDATA", 9, [double(alias=1, value=1.0, at=T0 + 1)])
    plant.say("DDATA", 10, [double(alias=7, value=2.0, at=T0 + 2)], device="D1")
    out = plant.birth()
    assert ("site/E1/temp", (T0 + 1) * 1000, 1.0, 0) in rows(out)
    out = plant.device_birth()
    assert ("site/E1/D1/force", (T0 + 2) * 1000, 2.0, 0) in rows(out)


def test_a_node_is_not_asked_again_and_again(plant):
    asked = 0
    for _ in range(100):
        asked += len(plant.say("NDATA", 9, [double(alias=1, value=1.0)]).commands)
        plant.wait(0.1)
    assert asked == 2  # ten seconds, one each five


def test_a_flood_before_a_birth_is_bounded_and_said(plant):
    gaps = [
        gap for _ in range(2100) for gap in plant.say("NDATA", 9, [double(alias=1, value=1.0)]).gaps
    ]
    assert len(plant.host.nodes[Address("G", "E1")].waiting) == 2000
    assert len(gaps) == 3 and gaps[0].cause is GapCause.OVERRUN
    plant.host.end()
    (rest,) = plant.host.drain().gaps  # what comes again and again is said as one
    assert rest.cause is GapCause.OVERRUN and rest.n_lost == 97


# ---- deaths ------------------------------------------------------------------------------------


def test_operational_behavior_edge_node_termination_host_action_ndeath_node_offline(plant):
    plant.birth()
    plant.say("NDEATH", None, [bd(0)])
    assert not plant.host.nodes[Address("G", "E1")].is_online


def test_operational_behavior_edge_node_termination_host_action_ndeath_node_tags_stale(plant):
    plant.birth()
    plant.wait(3)
    out = plant.say("NDEATH", None, [bd(0)])
    assert rows(out) == [("site/E1/temp", plant.now, None, BAD_NO_COMMUNICATION)]


def test_operational_behavior_edge_node_termination_host_action_ndeath_devices_tags_stale(plant):
    plant.birth()
    plant.device_birth()
    out = plant.say("NDEATH", None, [bd(0)])
    assert {row[0] for row in rows(out)} == {"site/E1/temp", "site/E1/D1/force"}
    assert {row[3] for row in rows(out)} == {BAD_NO_COMMUNICATION}


def test_operational_behavior_edge_node_termination_host_action_ddeath_devices_tags_stale(plant):
    plant.birth()
    plant.device_birth()
    out = plant.say("DDEATH", 2, device="D1", at=T0 + 900)  # with the time of the payload
    assert rows(out) == [("site/E1/D1/force", (T0 + 900) * 1000, None, BAD_NO_COMMUNICATION)]
    out = plant.say("NDATA", 3, [double(alias=1, value=1.0)])  # the node itself goes on
    assert values(out) == {"site/E1/temp": 1.0}


def test_topics_nbirth_bdseq_matching(plant):
    plant.birth(bd_seq=5)
    out = plant.say("NDEATH", None, [bd(4)])  # of a session before: it comes late
    assert rows(out) == [] and "ignored" in out.problems[0]
    assert plant.host.nodes[Address("G", "E1")].is_online
    assert rows(plant.say("NDEATH", None, [bd(5)]))


def test_time_offline_is_a_gap_until_the_next_birth(plant):
    plant.birth()
    plant.device_birth()
    plant.say("DDEATH", 2, device="D1", at=T0 + 1000)
    (gap,) = plant.device_birth(seq=3, at=T0 + 9000).gaps
    assert gap.window == ((T0 + 1000) * 1000, (T0 + 9000) * 1000)
    assert (gap.cause, gap.tags) == (GapCause.SOURCE_OFF, ("site/E1/D1/force",))
    plant.wait(10)
    plant.say("NDEATH", None, [bd(0)])
    died = plant.now
    plant.wait(10)
    (gap,) = plant.birth(bd_seq=1, at=T0 + 20_000).gaps
    assert gap.window == (died, (T0 + 20_000) * 1000) and gap.cause is GapCause.LINK_DOWN


def test_a_rebirth_alone_is_no_gap(plant):
    plant.birth()
    plant.device_birth()
    assert plant.birth().gaps == []
    assert plant.device_birth().gaps == []


# ---- values ------------------------------------------------------------------------------------


def test_payloads_metric_is_historical(plant):
    plant.birth()
    out = plant.say("NDATA", 1, [double(alias=1, value=3.0, at=T0 - 9000, is_historical=True)])
    assert rows(out) == []
    assert out.history["number"].values == [3.0]


def test_payloads_metric_is_transient(plant):
    plant.birth(metrics=[double("t", 1.0, alias=3, is_transient=True), double("u", 1.0)])
    metric = double(alias=3, value=2.0, is_transient=True, is_historical=True)
    assert not plant.say("NDATA", 1, [metric]).history


def test_payloads_metric_is_null(plant):
    plant.birth()
    out = plant.say("NDATA", 1, [{"alias": 1, "is_null": True}])
    assert rows(out) == [("site/E1/temp", T0 * 1000, None, 0x80000000)]


def test_a_metric_without_a_value_is_not_nought(plant):
    plant.birth()
    assert rows(plant.say("NDATA", 1, [{"alias": 1}]))[0][2:] == (None, 0x80000000)


@pytest.mark.parametrize(("code", "status"), [(0, 0x80000000), (192, 0), (500, 0x40900000)])
def test_payloads_propertyset_quality_value_value(plant, code, status):
    plant.birth()
    payload = P(timestamp=T0, seq=1)
    metric = payload.metrics.add(alias=1, datatype=DataType.DOUBLE, double_value=4.0)
    metric.properties.keys.append("Quality")
    metric.properties.values.add(type=DataType.INT32, int_value=code)
    plant.host.take("spBv1.0/G/NDATA/E1", payload.SerializeToString(), plant.now)
    assert rows(plant.host.drain()) == [("site/E1/temp", T0 * 1000, 4.0, status)]


def test_a_template_gives_a_tag_for_each_of_its_members(plant):
    payload = P(timestamp=T0, seq=0)
    payload.metrics.add(**bd(0))
    motor = payload.metrics.add(name="motor", datatype=DataType.TEMPLATE)
    motor.template_value.metrics.add(**double("speed", 900.0))
    inner = motor.template_value.metrics.add(name="bearing", datatype=DataType.TEMPLATE)
    inner.template_value.metrics.add(**double("temp", 44.0))
    plant.host.take("spBv1.0/G/NBIRTH/E1", payload.SerializeToString(), plant.now)
    born = {"site/E1/motor/speed": 900.0, "site/E1/motor/bearing/temp": 44.0}
    assert values(plant.host.drain()) == born
    data = P(timestamp=T0 + 1, seq=1)
    motor = data.metrics.add(name="motor", datatype=DataType.TEMPLATE)
    motor.template_value.metrics.add(**double("speed", 950.0))
    plant.host.take("spBv1.0/G/NDATA/E1", data.SerializeToString(), plant.now)
    assert values(plant.host.drain()) == {"site/E1/motor/speed": 950.0}


def test_tags_are_renamed_and_others_left_out():
    plant = Plant(tags=[{"name": "G/E1/temp", "tag": "site/tank/temp"}], is_all=False)
    out = plant.birth(metrics=[double("temp", 1.0, alias=1), double("other", 2.0, alias=2)])
    assert values(out) == {"site/tank/temp": 1.0}


def test_other_groups_are_left_alone():
    plant = Plant(groups=["A"])
    assert rows(plant.birth()) == [] and not plant.host.nodes


def test_a_payload_that_unpacks_to_much_is_refused(plant):
    import zlib

    packed = zlib.compress(b"\0" * (80 * 2**20))
    payload = P(uuid="SPBV1.0_COMPRESSED", body=packed)
    plant.host.take("spBv1.0/G/NBIRTH/E1", payload.SerializeToString(), plant.now)
    assert "unpacks to more" in plant.host.drain().problems[0]


# ---- what is none ------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["NBIRTH", "NDATA", "NDEATH", "DBIRTH", "DDATA", "DDEATH", "NCMD", "X"]),
    st.binary(max_size=200),
)
def test_no_bytes_can_stop_the_host(verb, data):
    plant = Plant()
    plant.birth()
    plant.device_birth()
    device = "/D1" if verb.startswith("D") else ""
    plant.host.take(f"spBv1.0/G/{verb}/E1{device}", data, plant.now)
    plant.host.tick()
    plant.host.drain()


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=40))
def test_no_topic_can_stop_the_host(topic):
    plant = Plant()
    plant.host.take(topic, b"", plant.now)
    assert not plant.host.drain().live


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_metric_is_taken_or_named(data):
    plant = Plant()
    datatype = data.draw(st.integers(0, 40))
    metric = {"name": "m", "datatype": datatype, "alias": 1}
    field, value = data.draw(
        st.sampled_from(
            [("int_value", 2**32 - 1), ("long_value", 2**64 - 1), ("float_value", 1.5),
             ("double_value", 2.5), ("boolean_value", True), ("string_value", "x"),
             ("bytes_value", b"\x01\x02\x03")]
        )
    )  # fmt: skip
    plant.birth(metrics=[metric | {field: value}])
    plant.say("NDATA", 1, [{"alias": 1, field: value}])
