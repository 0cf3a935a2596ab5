"""Running sources: what they deliver is durable, once, in order; what is not, is said."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time

import gbx_source
import pytest
from gbx_bench import START, TEMP, Bench, Clock, frame

from goldenbatch.core.acquisition import ConnectionCard, Gap, GapCause, load_connection
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.runtime import _outlet
from goldenbatch.runtime._outlet import NodeOutlet
from goldenbatch.runtime._secrets import resolve_secret
from goldenbatch.runtime.acquisition import Acquisition, Sources, load_connections
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.stores.historian import WriteRefusedError
from goldenbatch.stores.spool import Spool

FOUND = {"counter": gbx_source.COUNTER}


@pytest.fixture
def home(tmp_path):
    from gbx_bench import PLANT

    create_home(tmp_path / "home", HomeSettings("T", "site", PLANT), clock=Clock(START))
    return tmp_path / "home"


@pytest.fixture
def site(home):
    clock = Clock(START + 3600 * 10**6)
    with Bench(home, clock).open() as opened:
        yield opened


def card(name="device", **more):
    settings = {key: more.pop(key) for key in list(more) if key not in ConnectionCard.model_fields}
    return ConnectionCard(name=name, connector="counter", settings=settings, **more)


def run(site, *cards, health_s=10.0, seconds=20):
    told = []
    acquisition = Acquisition(Sources(site, site.path, FOUND), cards, told.append, health_s)
    asyncio.run(asyncio.wait_for(acquisition.run(), seconds))
    return acquisition, told


def values(site):
    if TEMP not in site.historian.tags():
        return []
    return site.historian.read([TEMP], (0, 2**62)).values().tolist()


def bodies(site, name="device"):
    return [event.decode() for event in site.ledger.stream(f"source/{name}")]


def with_outlet(site, work, chosen=None, slow_s=0.3):
    """Run `work(outlet)` in an event loop with an outlet on the site."""
    chosen = chosen or card(n=1)

    async def main():
        spool = Spool(site.path / "state" / "connections" / "device.sqlite", chosen.spool_bytes)
        outlet = NodeOutlet(site, chosen, spool, slow_s)
        try:
            return await asyncio.wait_for(work(outlet), 30)
        finally:
            await outlet.close()
            spool.close()

    return asyncio.run(main())


async def settled(outlet):
    while outlet.is_congested:
        await asyncio.sleep(0.01)


def test_a_source_is_read_to_its_end_and_goes_on_where_it_stopped(site):
    acquisition, _ = run(site, card(n=20))
    assert acquisition.status()[0]["state"] == "ended"
    run(site, card(n=30))
    assert values(site) == [float(i) for i in range(30)]
    kinds = [type(one).__name__ for one in bodies(site)]
    assert [one for one in kinds if one.startswith("Source")] == [
        "SourceStarted",
        "SourceStopped",
    ] * 2
    assert json.loads(bodies(site)[0].card)["settings"]["n"] == 20
    (row,) = site.ledger.select("source", {"source": "device"})
    assert (row["reason"], row["needs_person"]) == ("ended", 0)


def test_a_failure_is_tried_again_and_a_refusal_waits_for_a_person(site, monkeypatch):
    monkeypatch.setattr("goldenbatch.runtime.acquisition.RETRY_S", (0.01, 0.02))
    acquisition, told = run(
        site, card(n=20, fail_at=10), card("other", n=20, stop_at=10), card("wrong", m=1)
    )
    states = {one["name"]: one["state"] for one in acquisition.status()}
    assert states == {"device": "ended", "other": "stopped", "wrong": "stopped"}
    assert values(site) == [float(i) for i in range(20)]
    assert any("the device says no. Plug it in." in one for one in told)
    rows = {one["source"]: one["needs_person"] for one in site.ledger.select("source")}
    assert rows == {"device": 0, "other": 1, "wrong": 1}


def test_a_connector_that_is_not_there_is_named(site):
    unknown = ConnectionCard(name="device", connector="opc", settings={})
    _, told = run(site, unknown)
    assert "there is no connector 'opc'" in told[0]
    assert "counter" in told[0]


def test_time_in_which_the_node_was_down_is_a_gap(site):
    run(site, card(n=10))
    before = site.clock.now if hasattr(site.clock, "now") else 0
    site.clock.now = before + 600 * 10**6
    run(site, card(n=20))
    (gap,) = [one for one in bodies(site) if type(one).__name__ == "GapFound"]
    assert gap.cause is GapCause.NODE_DOWN
    assert gap.end - gap.start >= 600 * 10**6


def test_health_stands_as_tags(site):
    run(site, card(n=10, pause_s=0.05), health_s=0.02)
    read = site.historian.latest(["sources/device/n_seen", "sources/device/n_readings"])
    assert dict(zip(read.table.column("tag").to_pylist(), read.values(), strict=True)) == {
        "sources/device/n_seen": 10.0, "sources/device/n_readings": 10.0,
    }  # fmt: skip


def test_a_slow_historian_is_not_waited_for_and_nothing_is_lost(site, monkeypatch):
    write, slow = site.historian.write, threading.Event()

    def slowly(one):
        if not slow.is_set():
            time.sleep(0.5)
        return write(one)

    monkeypatch.setattr(site.historian, "write", slowly)

    async def work(outlet):
        began = time.monotonic()
        for n in range(40):
            rows = [(START + (n * 10 + i) * 1000, float(n * 10 + i)) for i in range(10)]
            await outlet.deliver([frame(rows, str(n))], {"n": str(n)})
        took = time.monotonic() - began
        assert outlet.is_congested
        assert outlet.state()["queue_readings"] <= 20
        slow.set()
        await settled(outlet)
        return took, outlet.position("n")

    took, position = with_outlet(site, work)
    assert took < 10  # forty times half a second would be twenty
    assert position == "39"
    assert values(site) == [float(i) for i in range(400)]


def test_a_full_disk_is_spooled_and_brought_in_later(site, monkeypatch):
    monkeypatch.setattr(_outlet, "RETRY_S", (0.01, 0.02))
    write, refused = site.historian.write, [12]

    def full(one):
        if refused[0]:
            refused[0] -= 1
            raise WriteRefusedError("no space is left.")
        return write(one)

    monkeypatch.setattr(site.historian, "write", full)

    async def work(outlet):
        for n in range(10):
            await outlet.deliver([frame([(START + n, float(n))], str(n))])
        assert outlet.is_congested
        assert "no space" in outlet.state()["problem"]
        await settled(outlet)

    with_outlet(site, work)
    assert values(site) == [float(n) for n in range(10)]


def test_a_full_spool_holds_the_source_back(site, monkeypatch):
    monkeypatch.setattr(_outlet, "RETRY_S", (0.01, 0.02))
    write, is_full = site.historian.write, threading.Event()
    is_full.set()

    def full(one):
        if is_full.is_set():
            raise WriteRefusedError("no space is left.")
        return write(one)

    monkeypatch.setattr(site.historian, "write", full)

    async def work(outlet):
        async def source():
            for n in range(30):
                await outlet.deliver([frame([(START + n, float(n))], str(n))], {"n": str(n)})

        task = asyncio.ensure_future(source())
        await asyncio.sleep(0.5)
        assert not task.done()
        held = outlet.state()
        assert 0 < held["spool_bytes"] <= 8000
        assert "spool_bytes" in held["spool_problem"]
        assert int(outlet.position("n")) + 1 == held["spool_frames"]
        is_full.clear()
        await task
        await settled(outlet)

    with_outlet(site, work, card(n=1, spool_bytes=8000))
    assert values(site) == [float(n) for n in range(30)]


def test_one_bad_tag_does_not_take_the_others_along(site):
    other = TEMP.replace("temp", "state")

    async def work(outlet):
        text = gbx_source.table([(START, other, "on")], "text")
        await outlet.deliver([gbx_source.Frame("device", "a", "text", text, START)])
        rows = [(START, TEMP, 1.0), (START + 1, other, 2.0), (START + 2, TEMP, 3.0)]
        mixed = gbx_source.Frame("device", "b", "number", gbx_source.table(rows), START)
        await outlet.deliver([mixed])

    with_outlet(site, work)
    assert values(site) == [1.0, 3.0]
    (gap,) = [one for one in bodies(site) if type(one).__name__ == "GapFound"]
    assert (gap.cause, gap.tags, gap.n_lost) == (GapCause.REJECTED, (other,), 1)
    (line,) = site.registry.get(gap.artefact).decode().splitlines()
    assert json.loads(line)["value"] == 2.0
    assert other in json.loads(line)["reason"]


def test_one_reading_that_cannot_be_does_not_take_others_of_its_tag_along(site):
    year_2500 = 16_725_225_600_000_000
    times = [START + n for n in range(40)]
    times[17] = year_2500
    twice = START + 5  # two values of one moment in one frame are two versions

    async def work(outlet):
        rows = [(at, TEMP, float(n)) for n, at in enumerate(times)] + [(twice, TEMP, 99.0)]
        await outlet.deliver([gbx_source.Frame("device", "a", "number", gbx_source.table(rows), 0)])

    with_outlet(site, work)
    expected = [float(n) for n in range(40) if n != 17]
    expected[5] = 99.0
    assert values(site) == expected
    (gap,) = [one for one in bodies(site) if type(one).__name__ == "GapFound"]
    assert (gap.cause, gap.tags, gap.n_lost) == (GapCause.REJECTED, (TEMP,), 1)
    (line,) = site.registry.get(gap.artefact).decode().splitlines()
    assert json.loads(line)["time"] == year_2500


def test_what_is_stored_already_is_not_stored_again(site):
    async def work(outlet):
        rows = [(START + i, float(i)) for i in range(10)]
        await outlet.deliver([frame(rows[:6], "live")])
        later = await outlet.unseen(frame(rows, "history"))
        assert later.readings.num_rows == 4
        await outlet.deliver([later])
        await outlet.backfilled((START, START + 10), (TEMP,), later.readings.num_rows)
        assert await outlet.unseen(frame(rows, "history-2")) is None
        changed = await outlet.unseen(frame([(START, 5.0), (START + 1, 1.0)], "history-3"))
        assert changed.readings.column("value").to_pylist() == [5.0]

    with_outlet(site, work)
    assert values(site) == [float(i) for i in range(10)]
    rows = site.ledger.select("gap", {"source": "device"})
    assert [(one["is_backfill"], one["n_readings"]) for one in rows] == [(1, 4)]


def test_gaps_from_several_tasks_all_stand(site):
    async def work(outlet):
        gaps = [Gap((START, START + n), GapCause.LINK_DOWN) for n in range(8)]
        await asyncio.gather(*(outlet.gap(one) for one in gaps))

    with_outlet(site, work)
    assert sorted(one.end - one.start for one in bodies(site)) == list(range(8))


def slowed(write, draw):
    def slowly(one):
        time.sleep(draw.random() / 100)
        return write(one)

    return slowly


N_KILLS = int(os.environ.get("GOLDENBATCH_CRASHES", "6"))


def test_killed_at_random_moments_nothing_is_lost_or_doubled(home):
    from random import Random

    draw, n = Random(7), 0
    for _ in range(N_KILLS):
        child = os.fork()
        if child == 0:  # pragma: no cover (dies)
            with Bench(home, Clock(START + 3600 * 10**6)).open() as opened:
                opened.historian.write = slowed(opened.historian.write, draw)
                run(opened, card(n=10**6, queue_readings=20), seconds=60)
            os._exit(0)
        time.sleep(draw.uniform(0.15, 0.5))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with Bench(home, Clock(START + 3600 * 10**6)).open() as opened:
            found = values(opened)
            assert found == [float(i) for i in range(len(found))]
            assert len(found) >= n
            n = len(found)
            spool = Spool(home / "state" / "connections" / "device.sqlite", 10**9)
            delivered, waiting = int(spool.position("next") or 0), spool.n_readings
            spool.close()
            assert delivered <= n + waiting
            assert opened.historian.verify() == []
    assert n > 0


# ---- cards and secrets -------------------------------------------------------------------------


def test_cards_of_a_home(home):
    folder = home / "connections"
    folder.mkdir(exist_ok=True)
    (folder / "press.toml").write_text('connector = "counter"\n[settings]\nn = 3\n')
    (one,) = load_connections(home)
    assert (one.name, one.connector, one.settings) == ("press", "counter", {"n": 3})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("connector = 3", "press.toml:1"),
        ('connector = "x"\ncadence_s = -1', "press.toml:2"),
        ('connector = "x"\nnames = "y"', "names"),
        ('connector = "x"\nname = "other"', "other"),
        ("connector", "TOML"),
    ],
)
def test_a_bad_card_is_named_with_its_line(tmp_path, text, words):
    path = tmp_path / "press.toml"
    path.write_text(text)
    with pytest.raises(BadInputError, match=words.replace(".", r"\.")):
        load_connection(path)


def test_a_secret_is_never_in_the_card(monkeypatch):
    monkeypatch.setenv("OPC_PASSWORD", "s3cret")
    assert resolve_secret("env:OPC_PASSWORD") == "s3cret"
    with pytest.raises(BadInputError, match="stands in the card") as caught:
        resolve_secret("s3cret")
    assert "s3cret" not in str(caught.value)
    with pytest.raises(NotFoundError, match="NOT_THERE"):
        resolve_secret("env:NOT_THERE")


def test_a_secret_from_the_keyring():
    import keyring
    from keyring.backend import KeyringBackend

    class Memory(KeyringBackend):
        priority = 1

        def get_password(self, service, username):
            return {("plant/opc", "reader"): "s3cret"}.get((service, username))

        def set_password(self, service, username, password):
            raise NotImplementedError

        def delete_password(self, service, username):
            raise NotImplementedError

    before = keyring.get_keyring()
    keyring.set_keyring(Memory())
    try:
        assert resolve_secret("keyring:plant/opc/reader") == "s3cret"
        with pytest.raises(NotFoundError, match="keyring has no secret"):
            resolve_secret("keyring:plant/opc/nobody")
    finally:
        keyring.set_keyring(before)
