"""A small ledger for the tests of this room: kinds of events, projections, a home."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import sqlite3
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from goldenbatch.core.errors import VersionConflictError
from goldenbatch.core.records import Body, HomeKind, NewEvent, Projection, record_type
from goldenbatch.core.site import HomeInfo
from goldenbatch.stores.ledger import Keyring, Ledger, Signer

HOME = HomeInfo(uid="h-1", name="Test", kind=HomeKind.DEVELOPMENT, site="alpha", zone="UTC")
ORIGIN = "goldenbatch/h-1"
START = 1_700_000_000_000_000


@record_type
class LedgerThingWeighed(Body):
    thing: str
    amount: str
    score: float | None = None
    note: str = ""


@record_type
class LedgerThingMoved(Body):
    thing: str
    place: str


def fold_things(event, lookup):
    body = event.body
    if body is None:
        return
    row = lookup((body["thing"],)) or {"thing": body["thing"], "n_weighed": 0, "place": None}
    if event.kind == "LedgerThingWeighed":
        row = {
            **row,
            "n_weighed": row["n_weighed"] + 1,
            "amount": body["amount"],
            "score": body["score"],
        }
    else:
        row = {**row, "place": body["place"]}
    yield {**row, "changed_at": event.envelope.recorded_at}


def fold_trail(event, lookup):
    yield {"seq": event.seq, "kind": event.kind, "actor": event.envelope.actor}


def things(version=1, fold=fold_things):
    columns = {
        "thing": "TEXT",
        "n_weighed": "INTEGER",
        "amount": "TEXT",
        "score": "REAL",
        "place": "TEXT",
        "changed_at": "INTEGER",
    }
    kinds = frozenset({"LedgerThingWeighed", "LedgerThingMoved"})
    return Projection("thing", version, columns, ("thing",), kinds, fold, (("place", "amount"),))


TRAIL = Projection(
    "trail",
    1,
    {"seq": "INTEGER", "kind": "TEXT", "actor": "TEXT"},
    ("seq",),
    frozenset(),
    fold_trail,
)


def weighed(thing, version, amount="1.50 g", **more):
    event = {key: more.pop(key) for key in ("performed_at", "owner") if key in more}
    body = LedgerThingWeighed(thing=thing, amount=amount, **more)
    return NewEvent(f"thing/{thing}", body, version, "u-1", **event)


def moved(thing, version, place="room 1"):
    return NewEvent(f"thing/{thing}", LedgerThingMoved(thing=thing, place=place), version, "u-2")


def ticking():
    ticks = itertools.count(START, 1_000)
    return lambda: next(ticks)


def load_postgres_kit():
    """The module beside this one, however this one was loaded."""
    spec = importlib.util.spec_from_file_location(
        "goldenbatch_postgres_kit", Path(__file__).with_name("postgres_kit.py")
    )
    known = sys.modules.get(spec.name)
    if known is None:
        known = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(known)
    return known


def open_ledger(folder: Path, *, clock=None, projections=None, read_only=False, keys=None, url=""):
    if projections is None:
        projections = [things(), TRAIL]
    return Ledger.open(
        url or folder / "ledger.sqlite",
        HOME,
        clock or ticking(),
        projections,
        read_only=read_only,
        keys=keys if keys is not None else keyring(folder),
    )


def keyring(folder: Path):
    path = folder / "keys" / "log.pem"
    signer = Signer.load(path, ORIGIN) if path.exists() else Signer.create(path, ORIGIN)
    return Keyring((signer,))


def fill(ledger, n=23):
    """About `n` events in a few streams, some moved, one with floats."""
    versions = {}
    for number in range(n):
        name = f"t{number % 5}"
        version = versions.get(name, 0)
        if number % 4 == 3:
            event = moved(name, version, f"room {number}")
        else:
            more = {"performed_at": START - number} if number % 3 == 0 else {}
            event = weighed(name, version, f"{number}.50 g", score=number / 7, **more)
        ledger.append([event])
        versions[name] = version + 1


def raw(folder: Path, *, is_guarded=False):
    """A connection around the ledger: what an administrator of the file can do."""
    connection = sqlite3.connect(folder / "ledger.sqlite", isolation_level=None)
    if not is_guarded:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall()
        for (name,) in rows:
            connection.execute(f"DROP TRIGGER {name}")
    return connection


def restore_triggers(connection):
    from goldenbatch.stores.ledger import _sqlite

    for statement in _sqlite.SCHEMA_SQL:
        if statement.startswith("CREATE TRIGGER"):
            connection.execute(statement)


def snapshot(folder: Path):
    """Everything that the file says, as one comparable value."""
    connection = sqlite3.connect(folder / "ledger.sqlite")
    connection.text_factory = bytes
    try:
        tables = connection.execute(
            "SELECT name, sql FROM sqlite_master ORDER BY name, type"
        ).fetchall()
        contents = []
        for name, sql in tables:
            if sql and sql.startswith(b"CREATE TABLE"):
                rows = connection.execute(f"SELECT * FROM {name.decode()}").fetchall()
                contents.append((name, sorted(map(repr, rows))))
        return tables, contents
    finally:
        connection.close()


@pytest.fixture(scope="session")
def kit():
    return SimpleNamespace(**globals())


class Place:
    """Where a ledger lies in a test: a file, or a schema of the server."""

    def __init__(self, folder, url="", admin=""):
        self.folder, self.url, self.admin = folder, url, admin

    @property
    def is_file(self):
        return not self.url

    def open(self, **more):
        return open_ledger(self.folder, url=self.url, **more)


@pytest.fixture
def schema(postgres, tmp_path):
    """A ledger's place on the server."""
    pg = load_postgres_kit()
    admin, url, name = pg.new_schema(postgres)
    yield Place(tmp_path, url, admin)
    pg.drop_schema(postgres, name)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request, tmp_path):
    """A new ledger's place on each of the two databases."""
    if request.param == "sqlite":
        return Place(tmp_path)
    return request.getfixturevalue("schema")


@pytest.fixture
def ledger(place):
    with place.open() as opened:
        yield opened


def crash_child(folder: str, seed: int):
    """Append without end, saying each acknowledged seq and what was appended."""
    import random

    draw = random.Random(seed)
    with open_ledger(Path(folder), clock=lambda: START) as opened:
        versions = {}
        while True:
            events = []
            for _ in range(draw.choice((1, 1, 5, 60))):
                name = f"t{draw.randrange(8)}"
                if name not in versions:
                    versions[name] = opened.version(f"thing/{name}")
                events.append(weighed(name, versions[name], f"{draw.random()} g"))
                versions[name] += 1
            done = opened.append(events)
            line = json.dumps([[event.seq, event.leaf] for event in done]) + "\n"
            os.write(1, line.encode())
            if draw.random() < 0.1:
                opened.checkpoint()


def race_child(folder: str, url: str, name: str, n_versions: int):
    """Try to be the one who writes each version of a shared stream; say how it went."""
    won = []
    with open_ledger(Path(folder), url=url, clock=lambda: START) as opened:
        os.write(1, b"ready\n")
        sys.stdin.readline()
        for version in range(n_versions):
            try:
                opened.append([weighed("shared", version, note=name), moved(name, len(won))])
                won.append(version)
            except VersionConflictError as error:
                if error.stream != "thing/shared":
                    raise
    os.write(1, json.dumps(won).encode() + b"\n")
