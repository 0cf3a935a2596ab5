"""Every command on a real home: one document with --json, the home's kind for people."""

import json

import pytest

from goldenbatch.apps.cli._tree import tree
from goldenbatch.core.errors import IntegrityError
from goldenbatch.core.records import NewEvent
from goldenbatch.runtime.local import LocalSite

PASSWORD = "long enough a password"
READING = (
    ("status",),
    ("plant", "show"),
    ("plant", "show", "--part", "tags"),
    ("plant", "preview"),
    ("user", "list"),
    ("findings",),
    ("batch", "list"),
    ("batch", "show", "7"),
    ("imports",),
    ("quarantine",),
    ("quarantine", "--rows"),
    ("conflicts",),
    ("run", "--replay", "all"),
    ("run", "--replay", "7", "--as-known"),
    ("extra", "count", "7"),
    ("verify",),
)


@pytest.mark.parametrize("line", READING, ids=" ".join)
def test_reading_commands(line, home, cli):
    """One document; for people the kind of home first, and nothing on stderr."""
    done = cli(*line, "--home", home, "--json")
    assert done.code == 0, done.err
    assert isinstance(json.loads(done.out), dict)
    done = cli(*line, "--home", home)
    assert done.code == 0
    assert done.out.splitlines()[0].strip() == "Test home | DEVELOPMENT home: not for GMP use"


def test_options_before_the_command_count_too(home, cli):
    assert cli("--home", home, "--json", "findings").json["n_findings"] == 1


def test_the_home_is_found_by_variable_and_place(home, cli, monkeypatch):
    monkeypatch.setenv("GOLDENBATCH_HOME", str(home))
    assert cli("findings", "--json").json["n_findings"] == 1
    monkeypatch.delenv("GOLDENBATCH_HOME")
    monkeypatch.chdir(home)
    assert cli("findings", "--json").json["n_findings"] == 1


def test_times_in_json_are_iso(home, cli):
    row = cli("findings", "--home", home, "--json").json["findings"][0]
    assert row["started_at"].startswith("2023-11-14T") and row["started_at"].endswith("Z")


def test_filters_of_findings(home, cli):
    assert cli("findings", "--batch", "8", "--home", home, "--json").json["n_findings"] == 0
    assert cli("findings", "--open", "--home", home, "--json").json["n_findings"] == 1


def test_findings_of_a_batch_are_all_that_touch_it(home, cli):
    with LocalSite.open(home) as site:
        row = site.ledger.select("finding")[0]
        opened = site.ledger.stream(f"finding/{row['uid']}")[0].decode()
        wide = opened.finding.model_copy(update={"batches": ("7", "8"), "title": "both"})
        body = opened.model_copy(update={"uid": "a" * 32, "finding": wide})
        site.ledger.append([NewEvent(f"finding/{body.uid}", body, 0, "test")])
    for batch, n_all in (("7", 2), ("8", 1)):
        listed = cli("findings", "--batch", batch, "--home", home, "--json").json
        assert listed["n_findings"] == n_all
        assert listed["findings"][0]["title"] == "both"
        shown = cli("batch", "show", batch, "--home", home, "--json").json
        assert len(shown["findings"]) == n_all
    batches = cli("batch", "list", "--home", home, "--json").json["batches"]
    assert {row["batch"]: row["n_open"] for row in batches} == {"7": 2, "8": 1}


def test_decide_signs_and_closes(home, cli, monkeypatch):
    uid = cli("findings", "--home", home, "--json").json["findings"][0]["uid"]
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", PASSWORD)
    line = ("decide", uid[:6], "--verdict", "confirmed", "--comment", "seen", "--home", home)
    done = cli(*line, "--user", "anna", "--action", "call the maker", "--json")
    assert done.code == 0, done.err
    assert done.json["printed_name"] == "Anna Novak"
    assert cli("findings", "--open", "--home", home, "--json").json["n_findings"] == 0
    shown = cli("show", uid[:6], "--home", home, "--json").json
    assert [one["what"] for one in shown["history"]][-2:] == ["DecisionMade", "SignatureApplied"]
    assert "Anna Novak" in cli("show", uid, "--home", home).out
    assert cli("verify", "--home", home, "--json").json["is_ok"]


@pytest.mark.parametrize(
    ("user", "password"),
    [("anna", "wrong but long enough"), ("bor", PASSWORD), ("nobody", PASSWORD)],
)
def test_decide_is_denied(user, password, home, cli, monkeypatch):
    """A wrong password, a missing role, an unknown person: code 5, and nothing recorded."""
    uid = cli("findings", "--home", home, "--json").json["findings"][0]["uid"]
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", password)
    done = cli("decide", uid, "--verdict", "dismissed", "--comment", "no", "--user", user,
               "--home", home)  # fmt: skip
    assert done.code == 5
    assert cli("findings", "--open", "--home", home, "--json").json["n_findings"] == 1


def test_no_password_and_nobody_to_ask(home, cli, monkeypatch):
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    line = ("user", "add", "cene", "--name", "Cene Zima", "--home", home)
    assert cli(*line).code == 3
    assert cli(*line, "--password-stdin").code == 3
    monkeypatch.setattr("sys.stdin", io.StringIO("a password from stdin\n"))
    assert cli(*line, "--password-stdin", "--role", "nonsense").code == 3
    assert len(cli("user", "list", "--home", home, "--json").json["users"]) == 2
    monkeypatch.setattr("sys.stdin", io.StringIO("a password from stdin\n"))
    assert cli(*line, "--password-stdin", "--role", "operator").code == 0
    users = cli("user", "list", "--home", home, "--json").json["users"]
    assert {one["login"] for one in users} == {"anna", "bor", "cene"}
    assert cli("user", "grant", "bor", "operator", "--reason", "trained", "--home", home).code == 0


def test_sign_a_record(home, cli, monkeypatch):
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", PASSWORD)
    done = cli(
        "sign", "batch/7", "--meaning", "reviewed", "--user", "anna", "--home", home, "--json"
    )
    assert done.code == 0, done.err
    assert done.json["stream"] == "batch/7"
    line = ("sign", "batch/none", "--meaning", "reviewed", "--user", "anna", "--home", home)
    assert cli(*line).code == 4


def test_what_does_not_exist_is_code_4(home, cli):
    lines = (
        ("show", "ffffff"),
        ("batch", "show", "none"),
        ("adopt", "x", "none.toml"),
        ("import", "none"),
        ("run", "--replay", "all", "--home", home / "none"),
    )
    for line in lines:
        done = cli(*line, *(() if "--home" in line else ("--home", home)))
        assert done.code == 4, (line, done.err)
        assert len(done.err.strip().splitlines()) == 2


def test_damage_is_code_7(home, cli):
    """One byte of one stored event, and verify says which."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(home / "ledger" / "ledger.sqlite")) as database, database:
        tables = [name for (name,) in database.execute("select name from sqlite_master "
                                                       "where type='table'")]  # fmt: skip
        assert "result" in "".join(tables)
        name = next(one for one in tables if one.endswith("finding"))
        database.execute(f"update {name} set title = 'forged'")
    database.close()
    done = cli("verify", "--home", home, "--json")
    assert done.code == 7
    assert not done.json["is_ok"]
    assert any("finding" in one["where"] for one in done.json["problems"])
    assert "problems" in cli("verify", "--home", home).out
    done = cli("verify", "--no-projections", "--home", home, "--json")  # no event was changed
    assert done.code == 0 and done.json["is_ok"]
    assert "not compared, as it was not asked for." in str(done.json["problems"])


def test_adopt_and_wake(home, cli, tmp_path):
    file = tmp_path / "second.toml"
    file.write_text('analyst = "test.threshold"\n[settings]\nlimit = 45.0\n'
                    'tag = "site/area/cell/tank/temp"\n')  # fmt: skip
    assert cli("adopt", "second", file, "--home", home, "--json").json["is_new"]
    assert not cli("adopt", "second", file, "--home", home, "--json").json["is_new"]
    assert cli("run", "--home", home).code == 0
    file.write_text("analyst = 3\n")
    assert cli("adopt", "third", file, "--home", home).code == 3
    file.write_text("not toml")
    assert cli("adopt", "third", file, "--home", home).code == 3


def test_plant_changes_are_shown_before_they_are_made(home, cli):
    path = home / "plant.toml"
    path.write_text(path.read_text().replace('version = "1"', 'version = "2"', 1))
    assert cli("plant", "preview", "--home", home, "--json").json["n_changes"] == 1
    assert cli("plant", "show", "--home", home, "--json").json["version"] == "1"
    assert (
        cli("plant", "adopt", "--effective-from", "2001-01-01T00:00:00Z", "--home", home).code == 6
    )
    assert cli("plant", "adopt", "--effective-from", "tomorrow", "--home", home).code == 3
    assert cli("plant", "adopt", "--home", home).code == 0
    assert cli("plant", "show", "--home", home, "--json").json["version"] == "2"


def test_upkeep(home, cli):
    assert cli("flush", "--home", home, "--json").json["n_readings"] >= 20
    days = cli("historian", "compact", "--home", home, "--json").json["days"]
    assert [(one["kind"], one["n_files"]) for one in days] == [("number", 1)]
    assert "No closed day" in cli("historian", "compact", "--home", home).out
    assert cli("checkpoint", "--home", home, "--json").json["size"] > 0
    assert cli("verify", "--home", home).code == 0


def test_damaged_readings_are_repaired_from_a_restored_backup(home, cli, tmp_path):
    cli("flush", "--home", home)
    assert cli("backup", tmp_path / "backups", "--home", home).code == 0
    restored = tmp_path / "restored"
    assert cli("restore", tmp_path / "backups", restored).code == 0
    path = next((home / "historian" / "number").glob("date=*/*.parquet"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    assert cli("verify", "--home", home).code != 0
    done = cli("historian", "repair", tmp_path, "--home", home)
    assert (done.code, "no restored home" in done.err) == (3, True)
    done = cli("historian", "repair", restored, "--home", home, "--json")
    name = str(path.relative_to(home / "historian"))
    assert done.json == {"restored": [name], "missing": []}
    assert path.read_bytes() == whole
    (kept,) = (home / "historian" / "quarantine").iterdir()
    assert kept.read_bytes() == whole[:-5]
    assert cli("verify", "--home", home).code == 0
    assert "No file of readings" in cli("historian", "repair", restored, "--home", home).out
    path.unlink()
    (restored / "historian" / name).unlink()
    # The log holds the newest hand-over still: the same file is made again from it.
    done = cli("historian", "repair", restored, "--home", home, "--json")
    assert (done.code, done.json) == (0, {"restored": [name], "missing": []})
    assert path.read_bytes() == whole
    hand_over_more(home, cli)
    path.unlink()
    done = cli("historian", "repair", restored, "--home", home, "--json")
    assert (done.code, done.json["missing"]) == (IntegrityError.exit_code, [name])


def hand_over_more(home, cli):
    from gbx_bench import START, frame

    with LocalSite.open(home) as site:
        site.historian.write(frame([(START + 2 * 86_400_000_000, 1.0)], key="a later day"))
    assert cli("flush", "--home", home, "--json").json["n_readings"] == 1


def test_commands_of_capabilities(home, cli):
    """A function gets the site; an application of several commands is a group."""
    done = cli("extra", "count", "7", "--home", home, "--json")
    assert done.json == {"batch": "7", "by": "kind", "n_events": 4}
    assert cli("extra", "tools", "double", "21", "--json").json == {"doubled": 42}
    assert cli("extra", "tools", "fail").code == 6


def test_capabilities_lists_those_from_outside(cli):
    names = {one["name"] for one in cli("capabilities", "--json").json["capabilities"]}
    assert {"execution", "extra", "test"} <= names


def test_every_command_has_a_function_and_a_help(cli):
    """The tree has no entry that leads nowhere."""
    from goldenbatch.apps.cli._lazy import Entry

    def walk(name: str, entry: Entry) -> None:
        assert entry.help, name
        if not entry.is_group:
            assert entry.load() is not None, name
            return
        children = entry.children() if callable(entry.children) else entry.children
        for child, one in children.items():
            walk(f"{name} {child}", one)

    for name, entry in tree().items():
        walk(name, entry)


def test_init_makes_a_home_and_refuses_a_full_folder(tmp_path, cli):
    path = tmp_path / "new"
    done = cli("init", path, "--name", "New", "--zone", "Europe/Ljubljana", "--kind", "validation",
               "--json")  # fmt: skip
    assert done.code == 0, done.err
    assert done.json["kind"] == "validation"
    assert "VALIDATION home: not for GMP use" in cli("status", "--home", path).out
    assert cli("init", path).code == 6
    assert cli("init", tmp_path / "odd", "--zone", "Mars/Olympus").code == 3
    assert cli("init", tmp_path / "odd", "--example", "none").code == 4
    assert not (tmp_path / "odd").exists()


def test_a_held_home_is_code_8(home, cli):
    from goldenbatch.runtime.home import HomeLock

    with HomeLock(home):
        assert cli("findings", "--home", home).code == 8


def test_values_that_make_no_record_are_bad_input(home, cli, monkeypatch):
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", PASSWORD)
    done = cli("user", "add", "x" * 500, "--name", "X", "--home", home, "--json")
    assert done.code == 3, done.err
    assert done.json["message"].startswith("UserAdded: login: ")
