"""The ledger's upkeep from the command line."""

import sqlite3
from contextlib import closing


def test_projections_are_checked_and_folded_anew(home, cli):
    assert cli("ledger", "check", "--home", home, "--json").json["is_ok"]
    with closing(sqlite3.connect(home / "ledger" / "ledger.sqlite")) as database, database:
        database.execute("update p_finding set title = 'forged'")
    database.close()
    done = cli("ledger", "check", "--home", home, "--json")
    assert done.code == 7 and not done.json["is_ok"]
    assert all(one["where"].startswith("p_finding ") for one in done.json["problems"])
    assert "forged" in cli("ledger", "check", "--home", home).out
    done = cli("ledger", "rebuild", "finding", "--home", home, "--json")
    assert [one["projection"] for one in done.json] == ["finding"] and done.json[0]["n_rows"] > 0
    assert cli("ledger", "check", "--home", home, "--json").json["is_ok"]


def test_all_projections_are_folded_anew_when_none_is_named(home, cli):
    done = cli("ledger", "rebuild", "--home", home, "--json")
    names = [one["projection"] for one in done.json]
    assert {"batch", "finding", "signature"} <= set(names) and names == sorted(names)
    assert cli("ledger", "check", "--home", home, "--json").json["n_projections"] == len(names)
    assert cli("ledger", "rebuild", "none", "--home", home).code == 4


def test_a_database_that_is_not_there_is_said(cli):
    done = cli("ledger", "install", "postgresql://nobody:secret@127.0.0.1:1/x", "--role", "app")
    assert done.code == 74 and "secret" not in done.err + done.out
    assert cli("ledger", "install", "postgresql://n@127.0.0.1:1/x", "--role", "a-b").code != 0
