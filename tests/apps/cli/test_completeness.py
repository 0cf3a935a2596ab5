"""Completeness and context of a batch from the command line, and by hand."""

import pytest

PASSWORD = "long enough a password"
AT = "2023-11-14T23:{minute:02d}:00Z"


@pytest.fixture
def say(home, cli, monkeypatch):
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", PASSWORD)

    def call(what, minute, *more, user="anna", batch="77"):
        at = AT.format(minute=minute)
        return cli("batch", "say", batch, what, "--user", user, "--at", at, *more, "--home", home,
                   "--json")  # fmt: skip

    return call


def test_a_batch_is_entered_by_hand(home, cli, say):
    place = ("--place", "site/area/cell/tank")
    phase = (*place, "--phase", "heat")
    made = say("batch started", 0, *place, "--about", "P")
    assert made.json["outcome"] == "taken", made.err
    assert say("phase started", 1, *phase).json["run"] == 1
    assert say("phase ended", 20, *phase).code == 0
    assert say("batch ended", 21, "--about", "aborted").code == 0
    assert say("batch ended", 21).json == {"is_new": False}
    shown = cli("batch", "show", "77", "--home", home, "--json").json["batch"]
    assert (shown["product"], shown["outcome"]) == ("P", "aborted")
    rows = cli("batch", "context", "77", "--home", home, "--json").json
    assert rows["n_statements"] == 4
    assert {row["source"] for row in rows["statements"]} == {"person"}
    assert cli("verify", "--home", home).code == 0


def test_who_may_not_record_is_refused(home, cli, say, monkeypatch):
    assert say("batch started", 0, user="bor").code == 5  # he has no role
    assert say("batch ended", 0, "--about", "odd").code == 3
    assert say("batch begun", 0).code != 0
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", "wrong and long enough")
    assert say("batch started", 0).code == 5
    assert cli("batch", "show", "77", "--home", home).code == 4


def test_completeness_of_a_batch(home, cli):
    done = cli("batch", "complete", "7", "--record", "--home", home, "--json")
    # Its tags have no cadence: nothing could be judged, so nothing is shown to be complete.
    assert done.code == 1 and not done.json["is_complete"]
    (tag,) = done.json["tags"]
    assert (tag["state"], tag["n_readings"]) == ("no cadence", 20)
    assert done.json["seq"] > 0
    assert cli("batch", "complete", "none", "--home", home).code == 4
    assert "no tag of the batch has a cadence" in cli("batch", "complete", "7", "--home", home).out


def test_a_tolerance_that_is_none_is_refused_by_name(home, cli):
    for wrong in ("inf", "nan", "1", "1e9"):
        done = cli("batch", "complete", "7", "--tolerance", wrong, "--home", home)
        assert done.code == 2 and "--tolerance" in done.err
