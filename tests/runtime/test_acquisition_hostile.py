"""Running sources at bad moments: stopped too early, twice, beside others that fail."""

from __future__ import annotations

import asyncio
import itertools
import json
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import gbx_source
import pytest
from gbx_bench import PLANT, START, TEMP, Bench, Clock, frame

from goldenbatch.core.acquisition import ConnectionCard, ConnectorManifest, Gap, GapCause
from goldenbatch.core.capability import Offer
from goldenbatch.runtime import _ending, _outlet
from goldenbatch.runtime._outlet import NodeOutlet
from goldenbatch.runtime.acquisition import Acquisition, Sources
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.stores.spool import Spool


class Sleeper:
    """Holds a thread of the loop's pool, as a name that cannot be looked up does."""

    def __init__(self, context):
        self.seconds = context.card.settings["seconds"]

    async def run(self, outlet):
        await asyncio.to_thread(time.sleep, self.seconds)


def sleeper(context):
    return Sleeper(context)


class Deaf:
    """Goes on reading though it was cancelled, as below a library that swallows it."""

    def __init__(self, context):
        self.name, self.n_left = context.card.name, context.card.settings["n_swallowed"]

    async def run(self, outlet):
        for number in itertools.count():
            rows = gbx_source.table([(START + number, TEMP, 1.0)])
            frames = [gbx_source.Frame(self.name, f"{number}", "number", rows, START)]
            try:
                await outlet.deliver(frames)
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                if not self.n_left:
                    raise
                self.n_left -= 1


def deaf(context):
    return Deaf(context)


FOUND = {
    "counter": gbx_source.COUNTER,
    "deaf": ConnectorManifest("deaf", "Reads on", "bronze", Offer("deaf", f"{__name__}:deaf", "-")),
    "sleeper": ConnectorManifest(
        "sleeper", "Sleeps", "bronze", Offer("sleeper", f"{__name__}:sleeper", "Sleeps.")
    ),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("home") / "home"
    create_home(path, HomeSettings("T", "site", PLANT), clock=Clock(START))
    return path


@pytest.fixture
def site(made, tmp_path):
    import shutil

    shutil.copytree(made, tmp_path / "home")
    with Bench(tmp_path / "home", Clock(START + 3600 * 10**6)).open() as opened:
        yield opened


def card(name="device", connector="counter", **more):
    settings = {key: more.pop(key) for key in list(more) if key not in ConnectionCard.model_fields}
    return ConnectionCard(name=name, connector=connector, settings=settings, **more)


def acquisition(site, *cards, health_s=10.0):
    return Acquisition(Sources(site, site.path, FOUND), cards, health_s=health_s)


def within(work, seconds=10):
    """Do something that may never end."""
    with_thread = threading.Thread(target=work, daemon=True)
    with_thread.start()
    with_thread.join(seconds)
    assert not with_thread.is_alive(), "it did not end"


def bodies(site, name="device"):
    return [event.decode() for event in site.ledger.stream(f"source/{name}")]


def gaps(site, name="device"):
    return [one for one in bodies(site, name) if type(one).__name__ == "GapFound"]


def with_outlet(site, work, chosen=None, slow_s=0.3):
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


def test_stopped_while_it_still_starts(site):
    for _ in range(5):
        one = acquisition(site, card(n=10**9, pause_s=0.01))
        one.start()
        within(one.stop)
        assert one.status()[0]["state"] in ("stopped", "starting")


def test_stopped_after_all_sources_have_ended(site):
    one = acquisition(site, card(n=5))
    one.start()
    deadline = time.monotonic() + 10
    while one.status()[0]["state"] != "ended" or one._thread.is_alive():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    one.stop()
    one.stop()


def running(site, chosen, told=None):
    one = Acquisition(
        Sources(site, site.path, FOUND), [chosen], (told if told is not None else []).append
    )
    one.start()
    while one.status()[0]["state"] != "running" or TEMP not in site.historian.tags():
        assert one.status()[0]["state"] in ("starting", "running"), one.status()
        time.sleep(0.01)
    return one


def test_a_connector_that_swallows_its_end_is_ended_again(site, monkeypatch):
    monkeypatch.setattr(_ending, "AGAIN_S", 0.2)
    one = running(site, card(connector="deaf", n_swallowed=2))
    within(one.stop, 3)
    assert one.status()[0]["state"] == "stopped"
    assert type(bodies(site)[-1]).__name__ == "SourceStopped"


def test_a_connector_that_never_ends_is_left_behind_and_writes_no_more(site, monkeypatch, caplog):
    monkeypatch.setattr(_ending, "AGAIN_S", 0.1)
    monkeypatch.setattr(_ending, "LEFT_S", 0.5)
    one = running(site, card(connector="deaf", n_swallowed=10**9))
    within(one.stop, 6)
    assert "source device did not end" in caplog.text
    assert type(bodies(site)[-1]).__name__ == "SourceStopped"
    head = site.historian.head()
    time.sleep(0.1)
    assert site.historian.head() == head


def test_what_hangs_at_the_end_holds_no_node(site, monkeypatch):
    """Such as a ledger on a server that answers no more."""
    hangs, enter, told = threading.Event(), NodeOutlet.enter, []

    async def slow(self, body):
        if type(body).__name__ == "SourceStopped":
            await asyncio.to_thread(hangs.wait, 20)
        await enter(self, body)

    monkeypatch.setattr(NodeOutlet, "enter", slow)
    one = running(site, card(n=10**9, pause_s=0.01), told)
    thread = one._thread
    within(lambda: one.stop(0.5), 3)
    assert ["left behind" in problem for problem in told] == [True]
    hangs.set()
    thread.join(10)
    assert type(bodies(site)[-1]).__name__ == "SourceStopped"


def test_a_thread_that_hangs_holds_no_node(site, monkeypatch, caplog):
    """Such as a name that cannot be looked up."""
    monkeypatch.setattr(_ending, "THREADS_S", 0.3)
    hangs = threading.Event()
    monkeypatch.setattr(Sleeper, "run", lambda *_: asyncio.to_thread(hangs.wait, 20))
    one = acquisition(site, card(connector="sleeper", seconds=0))
    one.start()
    while one.status()[0]["state"] != "running":
        time.sleep(0.01)
    within(one.stop, 3)
    assert "threads of sources did not end" in caplog.text
    assert type(bodies(site)[-1]).__name__ == "SourceStopped"
    hangs.set()


def test_readings_for_a_historian_that_was_closed_are_kept_and_not_refused(site):
    async def work(outlet):
        site.historian.close()
        await outlet.deliver([frame([(START, 1.0)], "a")])
        assert outlet.state()["spool_frames"] == 1
        assert outlet.counts.n_rejected == 0

    with_outlet(site, work)


def test_a_spool_that_cannot_be_opened_takes_no_other_source_along(site):
    folder = site.path / "state" / "connections"
    (folder / "device.sqlite").mkdir(parents=True)
    one = acquisition(site, card(n=10), card("other", n=20))
    asyncio.run(asyncio.wait_for(one.run(), 20))
    states = {row["name"]: row["state"] for row in one.status()}
    assert states == {"device": "stopped", "other": "ended"}


def test_a_source_whose_end_cannot_be_recorded_takes_no_other_along(site, monkeypatch):
    enter = NodeOutlet.enter

    async def refused(self, body):
        if self.card.name == "device" and type(body).__name__ == "SourceStopped":
            raise OSError("no space is left")
        await enter(self, body)

    monkeypatch.setattr(NodeOutlet, "enter", refused)
    one = acquisition(site, card(n=5), card("other", n=60, pause_s=0.02))
    asyncio.run(asyncio.wait_for(one.run(), 20))
    assert {row["name"]: row["state"] for row in one.status()}["other"] == "ended"


def test_sources_that_hold_threads_do_not_stall_the_others(site):
    held = [card(f"held{n}", "sleeper", seconds=3) for n in range(8)]
    one = acquisition(site, *held, card(n=50, pause_s=0.001))

    async def main():
        # As on a machine of two cores.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(6))
        task = asyncio.ensure_future(one.run())
        began = time.monotonic()
        while one.states["device"].state != "ended":
            await asyncio.sleep(0.01)
        took = time.monotonic() - began
        await task
        return took

    assert asyncio.run(main()) < 2.5


SECRETS = ("hunter2-q", "hunter2-t", "hunter2-u", "hunter2-n")


def test_a_secret_in_a_card_is_never_recorded(site):
    bad = card(
        n=5, password="hunter2-q", token="hunter2-t", url="opc.tcp://me:hunter2-u@plc:4840/x",
        broker={"password": "hunter2-n", "user": "gb", "host": "h"}, key="env:FINE",
    )  # fmt: skip
    one = acquisition(site, bad)
    asyncio.run(asyncio.wait_for(one.run(), 20))
    recorded = json.dumps(
        [event.body for event in site.ledger.stream("source/device")], default=str
    )
    recorded += bodies(site)[0].card + json.dumps(one.status())
    assert not [secret for secret in SECRETS if secret in recorded]
    assert "env:FINE" in recorded and '"gb"' in bodies(site)[0].card
    assert "plc:4840" in recorded


def test_a_spool_that_is_damaged_while_it_runs_does_not_flood_the_ledger(site, monkeypatch):
    monkeypatch.setattr(_outlet, "RETRY_S", (0.05, 0.1))

    async def work(outlet):
        def broken():
            from goldenbatch.core.errors import IntegrityError

            raise IntegrityError("the spool is damaged: database disk image is malformed.")

        monkeypatch.setattr(outlet._spool, "first", broken)
        outlet._is_spooling = True
        outlet._wakes.set()
        await asyncio.sleep(1.0)
        assert "malformed" in outlet.state()["problem"]

    with_outlet(site, work)
    assert len(gaps(site)) <= 1


def test_a_damaged_frame_says_how_much_and_of_when(site, monkeypatch):
    path = site.path / "state" / "connections" / "device.sqlite"
    spool = Spool(path, 10**9)
    spool.put([frame([(START + n * 10**6, float(n)) for n in range(5)], "a")])
    spool.put([frame([(START + n * 10**6, float(n)) for n in range(5, 10)], "b")])
    spool.close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE frame SET bytes = zeroblob(length(bytes)) WHERE id = 1")
    connection.commit()
    connection.close()

    async def work(outlet):
        while outlet.is_congested:
            await asyncio.sleep(0.01)

    with_outlet(site, work)
    (gap,) = gaps(site)
    assert (gap.start, gap.end, gap.n_lost) == (START, START + 4 * 10**6 + 1, 5)
    assert len(site.historian.read([TEMP], (0, 2**62))) == 5


def test_health_does_not_wait_for_a_historian_that_hangs(site, monkeypatch):
    free = threading.Event()
    write = site.historian.write

    def hangs(one):
        free.wait(20)
        return write(one)

    monkeypatch.setattr(site.historian, "write", hangs)

    async def work(outlet):
        before = outlet.position("_alive_at")
        outlet.health("n", 1.0)
        await asyncio.wait_for(outlet.tell_health(), 3)
        assert outlet.position("_alive_at") != before
        free.set()

    with_outlet(site, work)


def test_a_gap_of_a_clock_that_went_back_is_recorded(site):
    async def work(outlet):
        await outlet.gap(Gap((START + 3600 * 10**6, START), GapCause.LINK_DOWN))

    with_outlet(site, work)
    (gap,) = gaps(site)
    assert (gap.start, gap.end) == (START, START + 3600 * 10**6)


def test_killed_and_started_at_once_the_time_between_is_a_gap(site):
    one = acquisition(site, card(n=5))
    asyncio.run(asyncio.wait_for(one.run(), 20))

    async def killed(self, state, outlet, spool):  # no end is recorded
        await outlet.close()
        spool.close()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Acquisition, "_end", killed)
        asyncio.run(asyncio.wait_for(acquisition(site, card(n=10)).run(), 20))
    before = len(gaps(site))
    asyncio.run(asyncio.wait_for(acquisition(site, card(n=15)).run(), 20))
    assert [one.cause for one in gaps(site)][before:] == [GapCause.NODE_DOWN]


def test_refused_readings_of_a_tag_that_changes_its_kind_do_not_flood_the_ledger(site):
    async def work(outlet):
        await outlet.deliver([frame([(START, 1.0)], "a")])
        for n in range(1, 60):
            text = gbx_source.table([(START + n, TEMP, "n/a")], "text")
            await outlet.deliver([gbx_source.Frame("device", f"t{n}", "text", text, START)])

    with_outlet(site, work)
    found = gaps(site)
    assert len(found) <= 2
    assert sum(one.n_lost for one in found) == 59
    assert max(one.end for one in found) == START + 60
    lines = [line for one in found for line in site.registry.get(one.artefact).splitlines()]
    assert len(lines) == 59


def test_a_frame_that_was_refused_while_it_was_slow_is_counted_once(site, monkeypatch):
    write = site.historian.write

    def slowly(one):
        if not one.source.startswith("sources/"):
            time.sleep(0.3)
        return write(one)

    site.historian.write(frame([(START, 1.0)], "a"))
    monkeypatch.setattr(site.historian, "write", slowly)

    async def work(outlet):
        text = gbx_source.table([(START + 1, TEMP, "n/a")], "text")
        await outlet.deliver([gbx_source.Frame("device", "t", "text", text, START)])
        while outlet.is_congested:
            await asyncio.sleep(0.01)

    with_outlet(site, work, slow_s=0.1)
    assert sum(one.n_lost for one in gaps(site)) == 1
