"""Backups: equal when restored, named when damaged, whole or absent when killed."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from gbx_bench import SUPPORT, TEMP, Bench

from goldenbatch.core.errors import BadInputError, ConflictError, IntegrityError, NotFoundError
from goldenbatch.runtime import _sealed
from goldenbatch.runtime._snapshots import Vault
from goldenbatch.runtime.backup import backup, drill, restore
from goldenbatch.runtime.events import BackupMade, RestoreDrilled
from goldenbatch.runtime.local import LocalSite
from goldenbatch.runtime.verify import verify

PASSPHRASE = "a sentence to remember"


@pytest.fixture(autouse=True)
def _cheap_keys(monkeypatch):
    """Scrypt with little memory: the strength is not what is tested here."""
    monkeypatch.setattr(_sealed, "_N", 2**4)


@pytest.fixture
def lived(bench, site):
    """An open home with cold and hot readings, an analyst, findings and an artefact."""
    site.adopt("hot", "test.threshold", {"tag": TEMP, "limit": 30.0})
    bench.batch(site, "B1", 0)
    bench.write(site, [(10, 40.0), (20, 20.0)])
    site.wake()
    site.flush()
    bench.write(site, [(30, 50.0)])
    site.wake()
    site.registry.put(b'{"a": 1}', "application/json")
    return site


def readings(site):
    return site.historian.read([TEMP], (0, 10**15)).table.to_pydict()


def test_a_restored_home_is_equal_and_goes_on(lived, bench, tmp_path):
    root, held = lived.ledger.root().hex(), readings(lived)
    done = backup(lived, tmp_path / "backups", passphrase=PASSPHRASE)
    assert done["root"] == lived.ledger.root(done["n_events"]).hex()
    assert lived.ledger.root(done["n_events"]).hex() == root
    found = restore(tmp_path / "backups", tmp_path / "again", passphrase=PASSPHRASE)
    assert found.problems == ()
    assert (found.snapshot.n_events, found.snapshot.root) == (done["n_events"], root)
    assert found.recorded_at > 0
    assert verify(tmp_path / "again").is_ok
    other = Bench(tmp_path / "again", bench.clock)
    with other.open() as again:
        assert again.ledger.root().hex() == root
        assert readings(again) == held
        assert again.registry.get(next(iter(again.registry.digests()))) == b'{"a": 1}'
        assert again.replay("as-seen").is_equal
        other.batch(again, "B2", 0)
        assert again.verify().is_ok


def test_the_backup_is_an_event_and_so_is_the_drill(lived, tmp_path):
    backup(lived, tmp_path / "backups")
    found = drill(lived, tmp_path / "backups")
    assert found.is_ok, found.problems
    made, drilled = (event.decode() for event in lived.ledger.stream("backup/home"))
    assert isinstance(made, BackupMade)
    assert isinstance(drilled, RestoreDrilled)
    assert made.manifest_digest == drilled.manifest_digest
    assert (drilled.is_ok, drilled.n_problems) == (True, 0)
    assert not found.folder.exists()
    assert lived.verify().is_ok


def test_only_what_is_new_is_written_again(lived, bench, tmp_path):
    first = backup(lived, tmp_path / "backups")
    second = backup(lived, tmp_path / "backups")
    assert first["n_new_bytes"] > second["n_new_bytes"]
    names = Vault(tmp_path / "backups").names()
    assert len(names) == 2
    old = restore(tmp_path / "backups", tmp_path / "old", name=names[0])
    assert old.snapshot.n_events == first["n_events"] < second["n_events"]
    assert old.is_ok


def test_without_a_passphrase_no_private_key_leaves_the_home(lived, tmp_path):
    backup(lived, tmp_path / "backups")
    secret = lived.layout.key.read_bytes()
    body = secret.splitlines()[1]
    for path in (tmp_path / "backups").rglob("*"):
        assert not path.is_file() or body not in path.read_bytes()
    found = restore(tmp_path / "backups", tmp_path / "again")
    assert found.is_ok
    assert not (tmp_path / "again" / "keys" / "home.pem").exists()
    backup(lived, tmp_path / "backups", passphrase=PASSPHRASE)
    for path in (tmp_path / "backups").rglob("*"):
        assert not path.is_file() or body not in path.read_bytes()
    with pytest.raises(BadInputError, match="cannot be opened with this passphrase"):
        restore(tmp_path / "backups", tmp_path / "third", passphrase="another sentence")
    with pytest.raises(BadInputError, match="at least 12"):
        backup(lived, tmp_path / "backups", passphrase="short")


def test_every_flipped_byte_is_named(lived, tmp_path):
    folder = tmp_path / "backups"
    backup(lived, folder)
    vault = Vault(folder)
    snapshot = vault.load()
    owner = {digest: entry.path for entry in snapshot.files for digest in entry.pieces}
    draw = random.Random(7)
    for digest in draw.sample(sorted(owner), 12):
        path = folder / "pieces" / digest[:2] / digest[2:]
        whole = path.read_bytes()
        place = draw.randrange(len(whole))
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        damaged = vault.check(snapshot)
        assert any(owner[digest] in one for one in damaged)
        with pytest.raises(IntegrityError, match="is damaged"):
            restore(folder, tmp_path / f"r-{digest[:8]}")
        path.write_bytes(whole)
    assert vault.check(snapshot) == []
    manifest = next((folder / "snapshots").iterdir())
    data = bytearray(manifest.read_bytes())
    data[len(data) // 2] ^= 1
    manifest.write_bytes(data)
    with pytest.raises(IntegrityError, match="manifest"):
        restore(folder, tmp_path / "r")


def test_a_drill_of_a_damaged_backup_says_so_in_the_ledger(lived, tmp_path):
    folder = tmp_path / "backups"
    backup(lived, folder)
    next(path for path in (folder / "pieces").rglob("*") if path.is_file()).unlink()
    found = drill(lived, folder)
    assert not found.is_ok
    body = lived.ledger.stream("backup/home")[-1].decode()
    assert (body.is_ok, body.n_problems) == (False, 1)
    assert "damaged or missing" in body.problems[0]


def test_a_damaged_piece_is_healed_by_the_next_backup(lived, tmp_path):
    folder = tmp_path / "backups"
    backup(lived, folder)
    vault = Vault(folder)
    entry = next(one for one in vault.load().files if one.path == "plant.toml")
    path = folder / "pieces" / entry.pieces[0][:2] / entry.pieces[0][2:]
    path.write_bytes(b"x")
    backup(lived, folder)
    assert vault.check(vault.load()) == []


def test_online_while_others_write(lived, bench, tmp_path):
    """Whatever is appended meanwhile, each copy verifies and refers to nothing it lacks."""
    is_done = threading.Event()

    def write():
        number = 100
        while not is_done.is_set():
            number += 1
            bench.write(lived, [(number, float(number % 60))])
            bench.batch(lived, f"N{number}", 0)
            if number % 5 == 0:
                lived.wake()
            if number % 11 == 0:
                lived.flush()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for number in range(3):
            backup(lived, tmp_path / "backups", passphrase=PASSPHRASE)
            found = restore(tmp_path / "backups", tmp_path / f"r{number}", passphrase=PASSPHRASE)
            assert found.problems == ()
    finally:
        is_done.set()
        thread.join()
    with Bench(tmp_path / "r2", bench.clock).open() as again:
        assert again.verify().is_ok
        again.wake()
        assert again.replay("as-seen").is_equal


CHILD = textwrap.dedent(
    """
    import sys
    sys.path.insert(0, sys.argv[3])
    from pathlib import Path
    from gbx_bench import FOUND
    from goldenbatch.runtime.backup import backup
    from goldenbatch.runtime.local import LocalSite
    site = LocalSite.open(Path(sys.argv[1]), discovery=FOUND)
    print("ready", flush=True)
    while True:
        backup(site, Path(sys.argv[2]), on_step=lambda step: print(step, flush=True))
    """
)


@pytest.mark.parametrize("kill_after", [2, 3, 5, 6])
def test_a_killed_backup_leaves_the_old_one_good(bench, tmp_path, kill_after):
    folder = tmp_path / "backups"
    with bench.open() as site:
        bench.write(site, [(10, 40.0)])
        site.flush()
        first = backup(site, folder)
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(bench.path), str(folder), str(SUPPORT)],
        stdout=subprocess.PIPE, text=True, env={**os.environ},
    )  # fmt: skip
    try:
        assert process.stdout.readline() == "ready\n"
        for _ in range(kill_after):
            process.stdout.readline()
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    names = Vault(folder).names()
    for number, name in enumerate(names):
        found = restore(folder, tmp_path / f"r{number}", name=name)
        assert found.problems == ()
    assert Vault(folder).load(names[0]).n_events == first["n_events"]
    with LocalSite.open(bench.path) as site:
        assert site.verify().is_ok


def test_what_is_refused(lived, bench, tmp_path):
    with pytest.raises(BadInputError, match="lies in the home itself"):
        backup(lived, bench.path / "backups")
    with pytest.raises(NotFoundError, match="holds no snapshot"):
        restore(tmp_path / "none", tmp_path / "again")
    backup(lived, tmp_path / "backups")
    with pytest.raises(ConflictError, match="not empty"):
        restore(tmp_path / "backups", bench.path)
    with pytest.raises(NotFoundError, match="holds no snapshot nope"):
        restore(tmp_path / "backups", tmp_path / "again", name="nope")
    assert not (Path(tmp_path) / "again").exists()


def test_what_a_source_delivered_and_waits_is_in_a_backup(lived, bench, tmp_path):
    from gbx_bench import START, frame

    from goldenbatch.stores.spool import Spool

    (bench.path / "connections" / "opc.toml").write_text('connector = "opcua"\n')
    keys = bench.path / "keys" / "connections" / "opc"
    keys.mkdir(parents=True)
    (keys / "own.pem").write_text("a key")
    spool = Spool(bench.path / "state" / "connections" / "opc.sqlite", 10**6)
    spool.put([frame([(START, 1.5)], "waiting")], {"at": "7"})
    backup(lived, tmp_path / "backups", passphrase=PASSPHRASE)
    spool.close()
    found = restore(tmp_path / "backups", tmp_path / "again", passphrase=PASSPHRASE)
    assert found.problems == ()
    assert (tmp_path / "again" / "connections" / "opc.toml").exists()
    own = tmp_path / "again" / "keys" / "connections" / "opc" / "own.pem"
    assert own.read_text() == "a key" and own.stat().st_mode & 0o077 == 0
    again = Spool(tmp_path / "again" / "state" / "connections" / "opc.sqlite", 10**6)
    assert (len(again), again.position("at"), again.first()[1].key) == (1, "7", "waiting")
    again.close()
