"""A ledger moves from its file into PostgreSQL and back; a half-done move is never worked in."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

import psycopg
import pytest
from gbx_bench import SUPPORT

from goldenbatch.core.config import load_settings
from goldenbatch.core.errors import (
    BadInputError,
    ConflictError,
    IntegrityError,
    LockedError,
    NotFoundError,
)
from goldenbatch.runtime import moving
from goldenbatch.runtime.home import Layout
from goldenbatch.runtime.local import LocalSite
from goldenbatch.runtime.moving import cancel_move, move_ledger
from goldenbatch.stores.ledger import StorageError
from tests.postgres.kit import schema_of


@pytest.fixture
def filed(bench, tmp_path):
    """A bench whose home has its ledger in a file again, with a few events."""
    move_ledger(bench.path, "file", clock=bench.clock)
    with bench.open() as site:
        bench.batch(site, "B1", 10, 900)
        bench.write(site, [(10, 40.0), (20, 41.0)])
        site.flush()
    return bench


def leaves(bench):
    with bench.open(read_only=True) as site:
        return [event.leaf for event in site.ledger.events()]


def kinds(bench):
    with bench.open(read_only=True) as site:
        return [event.kind for event in site.ledger.events()]


def test_there_and_back_nothing_changes_but_what_is_recorded(filed, schemas):
    before, url = leaves(filed), schemas.new()
    home_file = filed.path / "home.toml"
    home_file.write_text("# our own words\n" + home_file.read_text())
    there = move_ledger(filed.path, url, clock=filed.clock)
    assert load_settings(filed.path).ledger.url == url
    assert home_file.read_text().startswith("# our own words\n")
    assert (there["from_place"], there["to_place"]) == ("file", url)
    assert leaves(filed)[: len(before)] == before
    assert kinds(filed)[len(before) :] == ["LedgerMoved", "LedgerArrived"]
    with filed.open() as site:
        filed.batch(site, "B2", 1000, 1900)
        assert site.verify().is_ok and site.ledger.check_projections() == []
        middle = [event.leaf for event in site.ledger.events()]
        root, size = site.ledger.root(), site.ledger.head()
    back = move_ledger(filed.path, "file", clock=filed.clock)
    assert back["from_place"] == url and load_settings(filed.path).ledger.url == ""
    assert leaves(filed)[: len(middle)] == middle
    with filed.open() as site:
        assert site.ledger.root(size) == root and site.verify().is_ok
        assert {row["batch"] for row in site.ledger.select("batch")} == {"B1", "B2"}
    assert len(list((filed.path / "ledger").glob("left-*.sqlite"))) >= 1


def test_what_was_left_is_not_worked_in(filed, schemas, tmp_path):
    old = tmp_path / "old"
    move_ledger(filed.path, schemas.new(), clock=filed.clock)
    shutil.copytree(filed.path / "ledger", old)
    (left,) = (one for one in old.glob("left-*.sqlite") if b"LedgerMoved" in one.read_bytes())
    shutil.copy(left, Layout(filed.path).ledger)
    file = filed.path / "home.toml"
    url = load_settings(filed.path).ledger.url
    file.write_text(file.read_text().replace(url, ""))
    with pytest.raises(ConflictError, match="left file for postgresql://"):
        filed.open()
    with filed.open(read_only=True) as site:
        assert site.ledger.head() > 0


def test_a_move_that_failed_on_its_way_is_finished_or_given_up(filed, schemas, monkeypatch):
    url, before = schemas.new(), leaves(filed)

    def fail(*_):
        raise StorageError("the disk is gone.")

    with monkeypatch.context() as patch:
        patch.setattr("goldenbatch.stores.ledger._copy._differences", fail)
        with pytest.raises(StorageError, match="disk is gone"):
            move_ledger(filed.path, url, clock=filed.clock)
    assert load_settings(filed.path).ledger.url == ""
    with schemas.owner(url) as owner:
        assert owner.execute("SELECT count(*) FROM event").fetchone() == (0,)
    with pytest.raises(ConflictError, match="the move was not finished"):
        filed.open()
    with pytest.raises(ConflictError, match="is on its way to"):
        move_ledger(filed.path, schemas.new(), clock=filed.clock)
    cancelled = cancel_move(filed.path, "no server today", clock=filed.clock)
    assert cancelled == {"ledger": "file", "cancelled": url}
    assert kinds(filed)[len(before) :] == ["LedgerMoved", "LedgerMoveCancelled"]
    with filed.open() as site:
        assert site.verify().is_ok
    move_ledger(filed.path, url, clock=filed.clock)
    with filed.open() as site:
        assert site.verify().is_ok and site.ledger.head() == len(before) + 4
    with pytest.raises(ConflictError, match="no move of the ledger was begun"):
        cancel_move(filed.path, "why", clock=filed.clock)


@pytest.mark.parametrize("step", ["copying", "verifying", "switching", "arrived"])
def test_killed_at_each_step_and_done_again(filed, schemas, step):
    url, before = schemas.new(), leaves(filed)
    child = f"""
import os, sys
sys.path.insert(0, {str(SUPPORT)!r})
from pathlib import Path
from goldenbatch.runtime import moving
if {step!r} == "arrived":
    plain = moving._Move.record
    def record(self, ledger, body):
        if body.kind == "LedgerArrived":
            os.kill(os.getpid(), 9)
        plain(self, ledger, body)
    moving._Move.record = record
seen = []
def tell(name):
    seen.append(name)
    if name == {step!r} and (name != "verifying" or seen.count(name) == 2):
        os.kill(os.getpid(), 9)
moving.move_ledger(Path({str(filed.path)!r}), {url!r}, clock=lambda: {filed.clock()}, on_step=tell)
"""
    done = subprocess.run([sys.executable, "-c", child], check=False, env={**os.environ})
    assert done.returncode == -signal.SIGKILL
    with pytest.raises(ConflictError, match="the move was not finished"):
        filed.open()
    if step == "arrived":
        with pytest.raises(ConflictError, match="has gone over already"):
            cancel_move(filed.path, "too late", clock=filed.clock)
    done = move_ledger(filed.path, url, clock=filed.clock)
    assert done["n_events"] == len(before) + 2
    assert leaves(filed)[: len(before)] == before
    assert kinds(filed)[len(before) :] == ["LedgerMoved", "LedgerArrived"]
    with filed.open() as site:
        assert site.verify().is_ok
    assert not Layout(filed.path).ledger.exists()


def test_what_is_refused_leaves_no_trace(filed, schemas):
    url, before = schemas.new(), leaves(filed)
    with filed.open():
        with pytest.raises(LockedError):
            move_ledger(filed.path, url)
    with pytest.raises(ConflictError, match="lies in file already"):
        move_ledger(filed.path, "file")
    with pytest.raises(NotFoundError, match="no ledger in"):
        move_ledger(filed.path, url.replace("schema=", "schema=no_"))
    with pytest.raises(BadInputError) as caught:
        move_ledger(filed.path, "postgresql://u:secret@h/db")
    assert "secret" not in str(caught.value)
    full = schemas.carry_copy(filed.path)
    with pytest.raises(ConflictError, match="holds a ledger already"):
        move_ledger(filed.path, full)
    assert leaves(filed) == before


def test_a_damaged_ledger_is_not_moved(bench, schemas):
    with bench.open() as site:
        bench.batch(site, "B1", 10, 900)
    url = load_settings(bench.path).ledger.url
    with schemas.owner(url) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute("UPDATE payload SET bytes = '\\x7b7d' WHERE seq = 3")
    with pytest.raises(IntegrityError, match="does not verify"):
        move_ledger(bench.path, "file", clock=bench.clock)
    assert load_settings(bench.path).ledger.url == url


def test_a_copy_that_was_changed_before_the_switch_is_not_taken(filed, schemas, monkeypatch):
    url, switch = schemas.new(), moving._Move.copy

    def copy(self):
        switch(self)
        with psycopg.connect(schemas.admin, autocommit=True) as owner:
            owner.execute("SET session_replication_role = replica")
            table = f"{schema_of(url)}.event"
            owner.execute(f"UPDATE {table} SET actor = 'someone' WHERE seq = 2")

    monkeypatch.setattr(moving._Move, "copy", copy)
    with pytest.raises(IntegrityError, match="column actor"):
        move_ledger(filed.path, url, clock=filed.clock)
    assert load_settings(filed.path).ledger.url == ""
    with pytest.raises(ConflictError, match="holds another ledger: event seq=2 differs"):
        monkeypatch.undo()
        move_ledger(filed.path, url, clock=filed.clock)


def test_the_command(filed, schemas, cli):
    url = schemas.new()
    done = cli("ledger", "move", url, "--home", filed.path, "--json")
    assert done.code == 0 and done.json["to_place"] == url, done.err
    assert cli("verify", "--home", filed.path).code == 0
    assert "lies in" in cli("ledger", "move", url, "--home", filed.path).err
    assert cli("ledger", "move", "--home", filed.path).code == 3
    assert cli("ledger", "move", "--cancel", "--reason", "x", "--home", filed.path).code != 0
    with LocalSite.open(filed.path) as site:
        assert site.verify().is_ok
