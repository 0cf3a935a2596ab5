"""The connector on Mosquitto, with sparkplug-client as an independent edge node."""

from __future__ import annotations

import asyncio
import contextlib
import json
import queue
import subprocess

import pytest
from tests.connectors.mqtt.conftest import Broker, until

from goldenbatch.connectors.mqtt import _session, make_sparkplug
from goldenbatch.core.acquisition import GapCause, SourceError
from goldenbatch.core.errors import BadInputError

pytestmark = [pytest.mark.service("mosquitto"), pytest.mark.service("node")]


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(_session, "WAIT_S", (0.05, 0.2))


def settings(broker, **more):
    at = {"host": "127.0.0.1", "port": broker.port, "is_plain": True}
    given = {"broker": at, "host_id": "gb", "limits": {"flush_s": 0.02}, "reorder_s": 0.3}
    return {**given, "rebirth_s": 0.2, **more}


def in_thread(call, *arguments):
    return asyncio.to_thread(call, *arguments)


def test_births_data_types_and_devices(broker, edge, run_connector):
    async def work(outlet, _):
        await until(lambda: outlet.told.get("is_connected"))
        node = edge()
        await until(lambda: outlet.values("D1/force"))
        await in_thread(node.order, "data 300")
        await in_thread(node.order, "device 5")
        await until(lambda: len(outlet.values("E1/temp")) >= 301)
        await until(lambda: len(outlet.values("D1/force")) >= 6)

    outlet = run_connector(make_sparkplug, settings(broker), work)
    assert outlet.values("E1/temp")[1:301] == [float(i) for i in range(1, 301)]
    first = outlet.rows("E1/temp")[1]
    assert int(first["time"].timestamp() * 1000) == 1700000000001
    got = {
        row["tag"].rpartition("/")[2]: row["value"]
        for row in outlet.rows()
        if "types" in row["tag"]
    }
    assert got == {
        "int8": -5.0, "int32": -70000.0, "uint32": 4e9, "float": 0.5, "flag": 1.0,
        "text": "LOT-Č", "none": None, "file": "digest-1",
    }  # fmt: skip
    assert outlet.files == [b"\x01\x02\x03"]
    assert outlet.gaps == []
    assert (outlet.told["n_nodes"], outlet.told["n_online"]) == (1, 1)


def test_bytes_that_are_never_kept_take_no_others_along(broker, edge, run_connector):
    async def work(outlet, _):
        async def keep(content, media_type=""):
            raise BadInputError("this is a pickle")

        outlet.keep = keep
        await until(lambda: outlet.told.get("is_connected"))
        edge()
        await until(lambda: outlet.values("D1/force"))

    outlet = run_connector(make_sparkplug, settings(broker), work)
    assert "LOT-Č" in [row["value"] for row in outlet.rows("types/text")]
    (gap,) = outlet.gaps
    assert gap.n_lost == 1 and gap.note.endswith("types/file: this is a pickle")


def test_compressed_payloads(broker, edge, run_connector):
    async def work(outlet, _):
        await until(lambda: outlet.told.get("is_connected"))
        node = edge("gzip")
        await until(lambda: outlet.values("D1/force"))
        await in_thread(node.order, "data 20")
        await until(lambda: len(outlet.values("E1/temp")) >= 21)

    outlet = run_connector(make_sparkplug, settings(broker), work)
    assert outlet.values("E1/temp")[1:21] == [float(i) for i in range(1, 21)]


def test_a_node_that_was_born_before_is_asked_for_its_birth(broker, edge, run_connector):
    node = edge()
    node.wait_for("born")

    async def work(outlet, _):
        await until(lambda: outlet.told.get("is_connected"))
        for _ in range(10):  # a command is of QoS 0: one that is lost is asked again
            await in_thread(node.order, "data 3")
            with contextlib.suppress(queue.Empty):
                await in_thread(node.wait_for, "ncmd", 1)
                break
        await until(lambda: len(outlet.values("E1/temp")) >= 4)

    outlet = run_connector(make_sparkplug, settings(broker), work)
    assert {1.0, 2.0, 3.0} <= set(outlet.values("E1/temp"))


def test_a_lost_message_is_a_gap_and_a_rebirth(broker, edge, run_connector):
    async def work(outlet, _):
        await until(lambda: outlet.told.get("is_connected"))
        node = edge()
        await until(lambda: outlet.values("D1/force"))
        await in_thread(node.order, "skip 2")
        await in_thread(node.order, "data 1")
        await in_thread(node.wait_for, "ncmd")
        await until(lambda: outlet.gaps)

    outlet = run_connector(make_sparkplug, settings(broker), work)
    assert outlet.gaps[0].cause is GapCause.LINK_DOWN and "2 messages" in outlet.gaps[0].note
    assert 3.0 in outlet.values("E1/temp")


def test_a_node_that_dies_is_stale_and_its_absence_a_gap(broker, edge, run_connector):
    async def work(outlet, _):
        await until(lambda: outlet.told.get("is_connected"))
        node = edge()
        await until(lambda: outlet.values("D1/force"))
        node.kill()  # the broker publishes its will
        await until(lambda: outlet.values("D1/force")[-1] is None)
        edge()
        await until(lambda: len(outlet.gaps) >= 2)

    outlet = run_connector(make_sparkplug, settings(broker), work)
    stale = [row for row in outlet.rows("E1/temp") if row["value"] is None]
    assert [row["quality"] for row in stale] == [0x80310000]
    assert {gap.cause for gap in outlet.gaps} == {GapCause.LINK_DOWN}
    assert any("site/E1/D1/force" in gap.tags for gap in outlet.gaps)


def test_a_broker_that_dies_is_a_gap_and_what_was_stored_comes_later(broker, edge, run_connector):
    async def work(outlet, _):
        await until(lambda: outlet.told.get("is_connected"))
        node = edge()
        await until(lambda: outlet.values("D1/force"))
        await in_thread(broker.kill)
        await until(lambda: outlet.told["is_connected"] == 0)
        await in_thread(broker.start)
        await until(lambda: outlet.told["is_connected"] == 1)
        await in_thread(node.wait_for, "born")
        await in_thread(node.order, "history 4")
        await until(lambda: outlet.fills)

    outlet = run_connector(make_sparkplug, settings(broker), work)
    assert any(gap.cause is GapCause.LINK_DOWN and not gap.tags for gap in outlet.gaps)
    assert sum(n for _, _, n in outlet.fills) == 4
    assert outlet.fills[0][1] == ("site/E1/temp",)


def test_state_is_said_kept_and_denied(broker, program, run_connector):
    read = [program("mosquitto_sub"), "-p", str(broker.port), "-t", "spBv1.0/STATE/gb", "-C", "1"]

    def state():
        out = subprocess.run([*read, "-W", "5"], capture_output=True, check=True, timeout=10).stdout
        return json.loads(out)

    async def work(outlet, _):
        await until(lambda: outlet.told.get("is_connected"))
        first = await in_thread(state)
        assert first["online"] is True
        # host-topic-phid-birth-required: a late will says offline; the host says it is there.
        denial = json.dumps({"online": False, "timestamp": first["timestamp"]})
        to = ["-p", str(broker.port), "-t", "spBv1.0/STATE/gb", "-r"]
        publish = ["mosquitto_pub", *to, "-m", denial]
        await in_thread(lambda: subprocess.run(publish, check=True, timeout=10))
        for _ in range(100):
            again = await in_thread(state)
            if again["online"]:
                break
        assert again["online"] is True and again["timestamp"] > first["timestamp"]

    run_connector(make_sparkplug, settings(broker), work)
    assert (
        state()["online"] is False
    )  # operational-behavior-host-application-disconnect-intentional


def test_a_killed_host_is_denied_by_its_will(broker, program):
    import sys
    import time

    code = f"""
import asyncio, time
from pathlib import Path
from goldenbatch.connectors.mqtt import make_sparkplug
from goldenbatch.core.acquisition import ConnectionCard, SourceContext
from tests.connectors.mqtt.conftest import Kept
card = ConnectionCard(name="x", connector="sparkplug", settings={settings(broker)!r})
context = SourceContext(card, None, lambda: time.time_ns() // 1000, str, Path())
asyncio.run(make_sparkplug(context).run(Kept()))
"""
    listen = [program("mosquitto_sub"), "-p", str(broker.port), "-t", "spBv1.0/STATE/gb"]
    with subprocess.Popen([*listen, "-C", "2", "-W", "30"], stdout=subprocess.PIPE) as listener:
        time.sleep(0.3)
        host = subprocess.Popen([sys.executable, "-c", code])
        birth = json.loads(listener.stdout.readline())
        host.kill()
        host.wait()
        death = json.loads(listener.stdout.readline())
    assert birth["online"] is True and death["online"] is False
    # payloads-state-will-message-payload: the will has the time of the birth.
    assert birth["timestamp"] == death["timestamp"]


def test_a_flood_is_bounded_and_said(broker, edge, run_connector):
    async def work(outlet, _):
        await until(lambda: outlet.told.get("is_connected"))
        node = edge()
        await until(lambda: outlet.values("D1/force"))
        outlet.delay_s = 1.0
        await in_thread(node.order, "data 1000")
        await asyncio.sleep(0.5)
        outlet.delay_s = 0.0
        await until(lambda: any(gap.cause is GapCause.OVERRUN for gap in outlet.gaps))

    limits = {"n_messages": 50, "flush_s": 0.02}
    outlet = run_connector(make_sparkplug, settings(broker, limits=limits), work)
    assert any("messages were dropped" in gap.note for gap in outlet.gaps)


def test_a_wrong_password_waits_for_a_person(program, tmp_path, run_connector):
    passwords = tmp_path / "passwords"
    tool = [program("mosquitto_passwd"), "-b", "-c", str(passwords), "gb", "right"]
    subprocess.run(tool, check=True, capture_output=True)
    passwords.chmod(0o644)
    broker = Broker(
        program("mosquitto", "/usr/sbin/mosquitto"), tmp_path,
        f"allow_anonymous false\npassword_file {passwords}\nuser root\n",
    )  # fmt: skip
    try:
        for secret, is_right in (("env:BAD", False), ("env:GOOD", True)):
            given = settings(broker)
            given["broker"] |= {"user": "gb", "password": secret}

            async def work(outlet, task, is_right=is_right):
                if is_right:
                    await until(lambda: outlet.told.get("is_connected"))
                    return
                with pytest.raises(SourceError, match=r"not authorised|bad user name"):
                    await asyncio.wait_for(asyncio.shield(task), 10)

            run_connector(make_sparkplug, given, work)
    finally:
        broker.kill()


def test_browsing_asks_all_nodes(broker, edge, tmp_path):
    import time

    from goldenbatch.connectors.mqtt import browse_sparkplug
    from goldenbatch.core.acquisition import ConnectionCard, SourceContext

    node = edge()
    node.wait_for("born")
    card = ConnectionCard(
        name="x", connector="sparkplug", place="site", settings=settings(broker, is_primary=False)
    )
    context = SourceContext(card, None, lambda: time.time_ns() // 1000, str, tmp_path)

    async def main():
        task = asyncio.ensure_future(browse_sparkplug(context, 2.0))
        await asyncio.sleep(0.5)
        await in_thread(node.order, "data 1")
        return await task

    found = {row["name"]: row for row in asyncio.run(main())}
    assert found["site/E1/temp"]["unit"] == "Cel"
    assert found["site/E1/D1/force"]["kind"] == "number"
    assert found["site/E1/types/text"]["kind"] == "text"
