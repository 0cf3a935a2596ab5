"""Backups of homes on PostgreSQL: ours, restored into either database, and the server's own."""

from __future__ import annotations

import threading

import pytest
from gbx_bench import FOUND

from goldenbatch.core.batches import BatchCreated
from goldenbatch.core.config import LedgerSettings, load_settings, save_settings
from goldenbatch.core.errors import BadInputError, ConflictError
from goldenbatch.core.records import NewEvent
from goldenbatch.runtime import witness
from goldenbatch.runtime.backup import backup, drill, restore
from goldenbatch.runtime.home import Layout
from goldenbatch.runtime.local import LocalSite
from goldenbatch.runtime.moving import move_ledger
from goldenbatch.runtime.verify import verify
from goldenbatch.stores.ledger import Ledger
from tests.postgres.kit import Schemas, schema_of
from tests.postgres.server import Server

WORD = "a long passphrase"


@pytest.fixture
def lived(bench, tmp_path):
    """A home with a batch and readings, and a backup of it with its keys."""
    with bench.open() as site:
        bench.batch(site, "B1", 10, 900)
        bench.write(site, [(10, 40.0), (20, 41.0)])
        site.flush()
        bench.write(site, [(30, 42.0)])
        backup(site, tmp_path / "backups", passphrase=WORD)
    return bench


def opened(path, clock):
    return LocalSite.open(path, clock=clock, discovery=FOUND)


@pytest.mark.parametrize("target", ["file", "database"])
def test_restored_into_either_and_goes_on(lived, schemas, tmp_path, target):
    folder, url = tmp_path / "again", schemas.new() if target == "database" else ""
    found = restore(tmp_path / "backups", folder, passphrase=WORD, ledger=url)
    assert found.problems == ()
    assert load_settings(folder).ledger.url == url
    assert Layout(folder).ledger.exists() == (target == "file")
    with lived.open(read_only=True) as site:
        want = [event.leaf for event in site.ledger.events(0, found.snapshot.n_events)]
        notes = [one.note for one in site.ledger.checkpoints()][: len(want)]
    with opened(folder, lived.clock) as site:
        assert [event.leaf for event in site.ledger.events()] == want
        assert site.ledger.root().hex() == found.snapshot.root
        assert {one.note for one in site.ledger.checkpoints()} <= set(notes)
        lived.batch(site, "B2", 1000, 1900)
        assert site.verify().is_ok and site.ledger.check_projections() == []


def test_a_home_with_a_file_is_restored_into_a_database(lived, schemas, tmp_path):
    first = tmp_path / "file"
    restore(tmp_path / "backups", first, passphrase=WORD)
    with opened(first, lived.clock) as site:
        backup(site, tmp_path / "second", passphrase=WORD)
    found = restore(tmp_path / "second", tmp_path / "back", passphrase=WORD, ledger=schemas.new())
    assert found.problems == () and verify(tmp_path / "back").is_ok


def test_what_cannot_be_restored_is_said_before_anything_is_written(lived, schemas, tmp_path):
    full = load_settings(lived.path).ledger.url
    with pytest.raises(ConflictError, match="holds a ledger already"):
        restore(tmp_path / "backups", tmp_path / "again", ledger=full)
    with pytest.raises(BadInputError, match="no URL"):
        restore(tmp_path / "backups", tmp_path / "again", ledger="postgresql://u:secret@h/x")
    assert not (tmp_path / "again").exists()


def test_while_another_process_appends_the_backup_is_of_one_moment(lived, tmp_path):
    url = load_settings(lived.path).ledger.url
    with (
        lived.open() as site,  # the other as another process has it: with its own connections
        Ledger.open(url, site.home, lived.clock, site._projections(), keys=site.keys) as other,
    ):
        stop = threading.Event()

        def append():
            version = 0
            while not stop.is_set():
                body = BatchCreated(batch=f"X{version}", product="P")
                other.append([NewEvent(f"batch/X{version}", body, 0, actor="other")])
                version += 1

        thread = threading.Thread(target=append)
        thread.start()
        try:
            done = [backup(site, tmp_path / "online") for _ in range(3)]
        finally:
            stop.set()
            thread.join()
        assert done[0]["n_events"] < done[1]["n_events"] < done[2]["n_events"]
    for number, one in enumerate(done):
        found = restore(tmp_path / "online", tmp_path / f"r{number}", name=one["snapshot"])
        assert found.problems == () and found.snapshot.n_events == one["n_events"]


def test_the_drill_and_its_record(lived, tmp_path):
    with lived.open() as site:
        found = drill(site, tmp_path / "backups")
        assert found.is_ok
        assert (
            f"The ledger lay in {load_settings(lived.path).ledger.url}" in found.snapshot.notes[0]
        )
        kinds = [event.kind for event in site.ledger.stream("backup/home")]
    assert kinds == ["BackupMade", "RestoreDrilled"]


def test_a_physical_backup_of_the_server_is_verified_like_the_home_itself(bench, tmp_path):
    """What a site does after pg_basebackup or recovery to a point in time: see the docs."""
    server = Server()
    schemas, copy = Schemas(server.url), None
    try:
        move_ledger(bench.path, schemas.new(), clock=bench.clock)  # from one server to another
        with bench.open() as site:
            bench.batch(site, "B1", 10, 900)
            bench.write(site, [(10, 40.0)])
            site.flush()
            size = site.ledger.checkpoint().size
        physical = server.base_backup("physical")
        with bench.open() as site:
            bench.batch(site, "B2", 1000, 1900)
            bench.write(site, [(20, 41.0)])
            site.flush()
            newest = site.ledger.checkpoint().note
        assert verify(bench.path).is_ok
        server.stop("fast")
        copy = Server(physical)
        settings = load_settings(bench.path)
        name = schema_of(settings.ledger.url)
        role = settings.ledger.url.partition("//")[2].partition("@")[0]
        there = copy.url.replace("postgres:@", f"{role}@") + f"&schema={name}"
        save_settings(bench.path, settings.model_copy(update={"ledger": LedgerSettings(url=there)}))
        report = verify(bench.path)
        assert not report.is_ok, "readings that the older ledger does not know must be named"
        assert any(one.part in ("historian", "links") for one in report.problems)
        problems, _ = witness.check_witnessed(bench.path, [], [newest])
        assert any("the tail was cut off" in one["message"] for one in problems)
        with LocalSite.open(bench.path, read_only=True, discovery=FOUND) as site:
            assert site.ledger.head() >= size
            assert [p for p in site.ledger.verify() if not p.is_note] == []
    finally:
        if copy is not None:
            copy.close()
        server.close()
