"""Backup and restore on the command line, and through a node that goes on working."""

import shutil

import pytest

PASSPHRASE = "a sentence to remember"


@pytest.fixture(autouse=True)
def _passphrase(monkeypatch):
    from goldenbatch.runtime import _sealed

    monkeypatch.setattr(_sealed, "_N", 2**4)
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", PASSPHRASE)


def test_backup_restore_and_drill(cli, home, tmp_path):
    folder, again = tmp_path / "backups", tmp_path / "again"
    done = cli("backup", folder, "--with-keys", "--home", home, "--json")
    assert done.code == 0, done.err
    drilled = cli("restore", folder, "--drill", "--home", home)
    assert drilled.code == 0, drilled.err
    assert "The backup can be restored; the drill is recorded." in drilled.out
    restored = cli("restore", folder, again, "--with-keys", "--json")
    assert restored.code == 0, restored.err
    assert restored.json["root"] == done.json["root"]
    assert cli("verify", "--home", again).code == 0
    assert cli("batch", "show", "7", "--home", again).code == 0
    shutil.rmtree(home)  # the backup stands by itself
    assert cli("restore", folder, tmp_path / "third", "--json").code == 0


def test_what_is_refused(cli, home, tmp_path):
    assert cli("restore", tmp_path, "--home", home).code == 3
    assert cli("restore", tmp_path, tmp_path / "x", "--drill", "--home", home).code == 3
    assert cli("restore", tmp_path / "none", tmp_path / "x").code != 0
    assert cli("backup", home / "inside", "--home", home).code == 3


def test_a_damaged_backup_fails_the_command(cli, home, tmp_path):
    folder = tmp_path / "backups"
    cli("backup", folder, "--home", home)
    piece = max(
        (folder / "pieces").rglob("*"), key=lambda one: one.is_file() and one.stat().st_size
    )
    piece.write_bytes(b"x")
    done = cli("restore", folder, tmp_path / "again")
    assert done.code != 0
    assert "damaged" in done.err
    drilled = cli("restore", folder, "--drill", "--home", home)
    assert drilled.code != 0
    assert "damaged or missing" in drilled.out


def test_through_the_node(node, tmp_path):
    form = {"folder": str(tmp_path / "backups"), "passphrase": ""}
    done = node.call("POST", "/backup", json=form)
    assert done.status_code == 200, done.text
    drilled = node.call("POST", "/backup/drill", json={"folder": form["folder"]})
    assert drilled.json()["is_ok"], drilled.text
    login = {"login": "anna", "password": "long enough a password"}
    token = node.call("POST", "/login", token="", json=login).json()["token"]
    assert node.call("POST", "/backup", token=token, json=form).status_code == 403


def test_archive(cli, home, tmp_path):
    out = tmp_path / "archive"
    done = cli("archive", "7", out, "--home", home, "--json")
    assert done.code == 0, done.err
    assert cli("archive", out, "--check").code == 0
    (out / "results.csv").write_text("x")
    checked = cli("archive", out, "--check")
    assert checked.code != 0
    assert "results.csv is not what was written." in checked.out
    assert cli("archive", "8", tmp_path / "b", "--home", home).code == 3  # it has not ended
    assert cli("archive", "7", "--home", home).code == 3
