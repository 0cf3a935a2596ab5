"""Homes are made whole or not at all, and one process holds one."""

import os
import stat
import subprocess
import sys

import pytest
from gbx_bench import PLANT, Clock

from goldenbatch.core.errors import BadInputError, ConflictError, IntegrityError, LockedError
from goldenbatch.core.errors import NotFoundError as Missing
from goldenbatch.core.records import HomeKind
from goldenbatch.runtime.home import HomeLock, HomeSettings, create_home, holder, load_home
from goldenbatch.runtime.local import LocalSite

SETTINGS = HomeSettings("Test", "site", PLANT, kind=HomeKind.DEMONSTRATION, zone="Europe/Berlin")


def test_a_home_has_its_layout_keys_and_first_events(tmp_path):
    path = tmp_path / "a" / "home"
    tables = {"tags.csv": "name,unit,kind\nsite/area/cell/tank/level,m,number\n"}
    given = HomeSettings("Test", "site", PLANT, tables=tables)
    info = create_home(path, given, clock=Clock())
    assert load_home(path).uid == info.uid
    assert stat.S_IMODE((path / "keys" / "home.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE((path / "keys").stat().st_mode) == 0o700
    with LocalSite.open(path) as site:
        kinds = [event.kind for event in site.ledger.events()]
        assert kinds == ["HomeCreated", "PolicyAdopted", "PlantAdopted"]
        assert site.plant.has_tag("site/area/cell/tank/level")
        assert site.home == info
        assert site.ledger.checkpoints()[0].size == 3


def test_a_folder_that_is_not_empty_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(ConflictError, match=r"not empty: it has mine\.txt"):
        create_home(tmp_path, SETTINGS)
    assert (tmp_path / "mine.txt").read_text() == "keep"
    with pytest.raises(ConflictError, match="is a file"):
        create_home(tmp_path / "mine.txt", SETTINGS)


@pytest.mark.parametrize(
    "change",
    [{"plant": "name = "}, {"zone": "Mars/Base"}, {"policy": "x = 1"}, {"name": ""}],
)
def test_what_fails_half_way_is_cleared_away(tmp_path, change):
    bad = HomeSettings(**{"name": "T", "site": "s", "plant": PLANT, **change})
    with pytest.raises(BadInputError):
        create_home(tmp_path / "home", bad)
    assert not (tmp_path / "home").exists()
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInputError):
        create_home(tmp_path / "empty", bad)
    assert list((tmp_path / "empty").iterdir()) == []


def test_a_home_that_was_killed_in_the_making_is_refused_and_made_again(tmp_path):
    path = tmp_path / "home"
    code = (
        "import os, sys; from pathlib import Path; from goldenbatch.runtime import home;"
        "home.save_settings = lambda *_: os.kill(os.getpid(), 9);"
        "given = home.HomeSettings('T', 's', sys.argv[2]);"
        "home.create_home(Path(sys.argv[1]), given)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path), PLANT], check=False)
    assert done.returncode == -9
    assert (path / "ledger" / "ledger.sqlite").exists()
    with pytest.raises(IntegrityError, match="half-made"):
        LocalSite.open(path)
    create_home(path, SETTINGS)
    with LocalSite.open(path) as site:
        assert site.home.kind is HomeKind.DEMONSTRATION
        assert site.ledger.head() == 3


def test_the_lock_names_its_holder_and_goes_with_the_process(tmp_path):
    create_home(tmp_path / "home", SETTINGS)
    assert holder(tmp_path / "home") == 0
    code = (
        "import sys; from pathlib import Path; from goldenbatch.runtime.home import HomeLock;"
        "lock = HomeLock(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "home")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with worker:
        assert worker.stdout.readline().strip() == "held"
        assert holder(tmp_path / "home") == worker.pid
        with pytest.raises(LockedError, match=f"held by process {worker.pid}"):
            LocalSite.open(tmp_path / "home")
        worker.kill()
        worker.wait()
    with HomeLock(tmp_path / "home"):
        assert holder(tmp_path / "home") == os.getpid()
    assert holder(tmp_path / "home") == 0
    assert holder(tmp_path) == 0


def test_a_key_that_others_may_read_is_refused(bench):
    (bench.path / "keys" / "home.pem").chmod(0o644)
    with pytest.raises(IntegrityError, match="others may read"):
        bench.open()
    (bench.path / "keys" / "home.pem").chmod(0o600)
    (bench.path / "keys" / "home.pub").write_text("another")
    with pytest.raises(IntegrityError, match="is not the public key"):
        bench.open()


def test_what_is_no_home(tmp_path):
    with pytest.raises(Missing, match="is no home"):
        LocalSite.open(tmp_path)
