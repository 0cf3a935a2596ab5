"""What every connector must be, each against its own peer and the runtime's own outlet.

It reads, with its own health as tags; it keeps no secret in its card; it goes on where it
stopped; what a slow store does not take is spooled and stored later; and where even the spool is
full, every value is stored or its loss is said.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from goldenbatch.core.acquisition import ConnectionCard
from goldenbatch.runtime.acquisition import Acquisition, Sources, manifests
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite
from tests.connectors.modbus.test_modbus import device  # noqa: F401
from tests.connectors.mqtt.conftest import broker, edge  # noqa: F401
from tests.connectors.opcua.conftest import node_opcua, plant  # noqa: F401
from tests.connectors.opcua.kit import PASSWORD, a_card, item

PLANT = """name = "T"
[[places]]
path = "site"
level = "site"
[[places]]
path = "site/press"
level = "unit"
[[tags]]
name = "site/press/force"
unit = "Cel"
"""
FOLDER_CARD = """name = "files"
[[table]]
name = "files"
files = ["*.csv"]
time = { column = "at" }
[[table.tag]]
tag = "site/press/force"
column = "force"
unit = "Cel"
"""
NAMES = ("opcua", "sparkplug", "mqtt", "modbus", "folder")
pytestmark = pytest.mark.service("node")


@dataclass
class Rig:
    """A source that says what a test wants.

    Attributes:
        say: Has the source say a number, once.
        tag: Where it ends up.
        secret: Settings with a password written out; none where there is nothing secret.
    """

    card: ConnectionCard
    say: Callable[[int], None]
    tag: str = "site/press/force"
    secret: dict = field(default_factory=dict)

    def with_(self, **changes) -> ConnectionCard:
        return self.card.model_copy(update=changes)


def _opcua(request) -> Rig:
    server = request.getfixturevalue("plant")
    card = a_card(server, item("Later", tag="force"))
    secret = {**card.settings, "user": {"kind": "username", "name": "anna", "password": PASSWORD}}
    return Rig(card, lambda n: server.set("Later", n), secret=secret)


def _at(served) -> dict:
    return {"host": "127.0.0.1", "port": served.port, "is_plain": True}


def _sparkplug(request) -> Rig:
    at = _at(request.getfixturevalue("broker"))
    node = request.getfixturevalue("edge")()
    node.wait_for("born")
    tags = [{"name": "G/E1/temp", "tag": "site/press/force"}]
    settings = {"broker": at, "host_id": "gb", "tags": tags, "rebirth_s": 0.2, "reorder_s": 0.2}
    card = ConnectionCard(name="press", connector="sparkplug", place="site", settings=settings)
    secret = {**settings, "broker": {**at, "user": "gb", "password": PASSWORD}}
    return Rig(card, lambda _: node.order("data 1"), secret=secret)  # it counts by itself


def _mqtt(request) -> Rig:
    at = _at(request.getfixturevalue("broker"))
    publisher = request.getfixturevalue("program")("mosquitto_pub")

    def say(number):
        command = [publisher, "-p", str(at["port"]), "-t", "press/force", "-m", str(number)]
        subprocess.run([*command, "-q", "1"], check=True, timeout=10)

    topics = [{"filter": "press/#", "payload": "number"}]
    settings = {"broker": at, "topics": topics, "limits": {"flush_s": 0.02}}
    card = ConnectionCard(name="press", connector="mqtt", place="site", settings=settings)
    secret = {**settings, "broker": {**at, "user": "gb", "password": PASSWORD}}
    return Rig(card, say, secret=secret)


def _modbus(request) -> Rig:
    made = request.getfixturevalue("device")
    points = [{"tag": "force", "address": 100, "type": "uint16"}]
    settings = {"host": "127.0.0.1", "port": made.port, "poll_s": 0.05, "points": points}
    card = ConnectionCard(name="press", connector="modbus", place="site/press", settings=settings)
    return Rig(card, lambda n: made.order(f"set 100 {n}"))


def _folder(request) -> Rig:
    folder = request.getfixturevalue("home_path") / "in"

    def say(number):
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(1_700_000_000 + number)) + "Z"
        partial = folder / f"{number}.part"
        partial.write_text(f"at,force\n{at},{number}\n")
        partial.rename(folder / f"{number}.csv")

    settings = {"card": "files", "folder": "in", "settle_s": 0, "poll_s": 0.05}
    return Rig(ConnectionCard(name="press", connector="folder", settings=settings), say)


@pytest.fixture
def home_path(tmp_path, monkeypatch):
    monkeypatch.setenv("TEST_PLANT_PASSWORD", PASSWORD)
    path = tmp_path / "home"
    create_home(path, HomeSettings("T", "site", PLANT))
    (path / "cards").mkdir(exist_ok=True)
    (path / "cards" / "files.toml").write_text(FOLDER_CARD)
    (path / "in").mkdir()
    return path


@pytest.fixture(params=NAMES)
def rig(request, home_path):
    return {
        "opcua": _opcua, "sparkplug": _sparkplug, "mqtt": _mqtt, "modbus": _modbus,
        "folder": _folder,
    }[request.param](request)  # fmt: skip


class Reading:
    """A home that reads one source, whose store can be made to take nothing."""

    def __init__(self, site: LocalSite, card: ConnectionCard) -> None:
        self.site, self.takes = site, threading.Event()
        self.takes.set()
        whole = site.historian.write

        def write(frame):
            if not frame.source.startswith("sources/"):
                assert self.takes.wait(60)
            return whole(frame)

        site.historian.write = write
        sources = Sources(site, site.path, manifests())
        self.acquisition = Acquisition(sources, [card], health_s=0.2)
        self.card = card

    @property
    def state(self) -> dict:
        return self.acquisition.status()[0]

    def rows(self, tag):
        if tag not in self.site.historian.tags():
            return []
        return list(self.site.historian.read([tag], (-(2**60), 2**62)).rows())

    def values(self, tag):
        return [row["value"] for row in self.rows(tag) if row["value"] is not None]

    def until(self, what, seconds=20.0):
        end = time.monotonic() + seconds
        while not (found := what()):
            assert time.monotonic() < end, self.state
            time.sleep(0.02)
        return found


@contextlib.contextmanager
def reading(path: Path, card: ConnectionCard):
    with LocalSite.open(path) as site:
        made = Reading(site, card)
        made.acquisition.start()
        try:
            yield made
        finally:
            made.takes.set()
            made.acquisition.stop()


def connected(made: Reading, rig: Rig) -> None:
    """Wait until what is said is heard."""
    n = 0

    def is_heard():
        nonlocal n
        n += 1
        if n % 10 == 1:
            rig.say(n)
        return made.values(rig.tag)

    made.until(is_heard)


def test_it_reads_and_its_own_health_are_tags(rig, home_path):
    with reading(home_path, rig.card) as made:
        connected(made, rig)
        prefix = rig.card.health_prefix
        own = {
            "opcua": "connected", "folder": "n_files_imported",
        }.get(rig.card.connector, "is_connected")  # fmt: skip
        wanted = {f"{prefix}/{one}" for one in ("n_gaps", "spool_bytes", "queue_readings", own)}
        made.until(lambda: wanted <= set(made.site.historian.tags()))
    with LocalSite.open(home_path) as site:
        (row,) = site.ledger.select("source", {"source": "press"})
        assert row["stopped_at"] is not None and row["needs_person"] == 0
        refused = [row["note"] for row in site.ledger.select("gap", {"cause": "rejected"})]
        assert refused == []


def test_a_secret_in_the_card_is_refused_and_never_recorded(rig, home_path):
    if not rig.secret:
        assert "passw" not in json.dumps(rig.card.settings)
        return  # the protocol has no log-in: there is nothing to keep
    with reading(home_path, rig.with_(settings=rig.secret)) as made:
        state = made.until(lambda: made.state["needs_person"] and made.state)
        assert "secret" in state["problem"] or "env|keyring" in state["problem"]
        assert PASSWORD not in json.dumps(state)
    with LocalSite.open(home_path) as site:
        said = "".join(json.dumps(one.body) for one in site.ledger.events())
        assert "SourceStarted" in {one.kind for one in site.ledger.events()}
        assert PASSWORD not in said


def test_it_goes_on_where_it_stopped(rig, home_path):
    with reading(home_path, rig.card) as made:
        connected(made, rig)
        n_before = len(made.rows(rig.tag))
    with reading(home_path, rig.card) as made:
        assert len(made.rows(rig.tag)) >= n_before
        n_known = len(set(made.values(rig.tag)))
        numbers = itertools.count(1000)
        made.until(lambda: rig.say(next(numbers)) or len(set(made.values(rig.tag))) > n_known)
        times = [row["time"] for row in made.rows(rig.tag)]
        assert len(set(times)) == len(times)
        starts = [one for one in made.site.ledger.stream("source/press")
                  if one.kind == "SourceStarted"]  # fmt: skip
        assert len(starts) == 2


def say_while_nothing_is_taken(made: Reading, rig: Rig, numbers) -> dict[int, int]:
    """Have numbers said while the store takes nothing; when each was said."""
    said_at = {}
    made.takes.clear()
    for number in numbers:
        said_at[number] = time.time_ns() // 1000
        rig.say(number)
        time.sleep(0.3)
    return said_at


def lost(home_path, said_at, stored) -> list[int]:
    """Numbers that are neither stored nor in a gap that is on record."""
    with LocalSite.open(home_path) as site:
        gaps = [(row["start"], row["end"]) for row in site.ledger.select("gap", {"is_backfill": 0})]
    slack = 350_000
    return [
        number for number, at in said_at.items()
        if number not in stored
        and not any(start - slack <= at <= end + slack for start, end in gaps)
    ]  # fmt: skip


def test_what_a_slow_store_does_not_take_is_kept_and_stored_later(rig, home_path):
    with reading(home_path, rig.card) as made:
        connected(made, rig)
        known = set(made.values(rig.tag))
        said_at = say_while_nothing_is_taken(made, rig, range(2000, 2006))
        if rig.card.connector != "folder":  # files are a spool of their own
            made.until(lambda: made.state["health"]["spool_frames"] > 0)
        made.takes.set()
        # A device that is asked has missed what it held while its first frame was waited for.
        n_least = 2 if rig.card.connector == "modbus" else 6
        made.until(lambda: len(set(made.values(rig.tag)) - known) >= n_least)
        made.until(lambda: made.state["health"]["spool_frames"] == 0)
        stored = set(made.values(rig.tag))
    if rig.card.connector == "modbus":
        assert lost(home_path, said_at, stored) == []


def test_where_even_the_spool_is_full_all_is_stored_or_its_loss_is_said(rig, home_path):
    with reading(home_path, rig.with_(spool_bytes=64, queue_readings=2)) as made:
        connected(made, rig)
        known = set(made.values(rig.tag))
        said_at = say_while_nothing_is_taken(made, rig, range(3000, 3006))
        made.takes.set()
        rig.say(4000)
        if rig.card.connector == "sparkplug":  # it counts by itself
            made.until(lambda: len(set(made.values(rig.tag)) - known) > len(said_at))
            return
        made.until(lambda: 4000 in made.values(rig.tag))
        time.sleep(0.3)
        stored = set(made.values(rig.tag))
    assert lost(home_path, said_at, stored) == []
