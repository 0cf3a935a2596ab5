"""Running sources from the command line, with and without a node."""

import time
import tomllib

import pytest

CARD = """connector = "counter"
title = "A device"
[settings]
n = {n}
pause_s = {pause}
"""


@pytest.fixture
def card(home):
    folder = home / "connections"
    folder.mkdir(exist_ok=True)

    def write(name="device", n=20, pause=0.0, more=""):
        (folder / f"{name}.toml").write_text(more + CARD.format(n=n, pause=pause))

    return write


def test_a_source_is_checked_browsed_and_read(home, cli, card):
    card()
    (row,) = cli("source", "list", "--home", home, "--json").json["sources"]
    assert (row["name"], row["state"]) == ("device", "never read")
    assert cli("source", "check", "device", "--home", home, "--json").json["is_well_formed"]
    assert cli("source", "browse", "device", "--home", home, "--json").json["n_tags"] == 1
    text = cli("source", "browse", "device", "--plant", "--home", home).out
    (tag,) = tomllib.loads("\n".join(line for line in text.splitlines() if "DEVEL" not in line))[
        "tags"
    ]
    assert tag == {"name": "site/area/cell/tank/temp", "unit": "Cel", "kind": "number"}
    done = cli("source", "run", "device", "--home", home, "--json")
    assert done.code == 0, done.err
    assert (done.json["state"], done.json["health"]["n_readings"]) == ("ended", 20)
    (row,) = cli("source", "list", "--home", home, "--json").json["sources"]
    assert (row["state"], row["n_readings"]) == ("stopped: ended", 20.0)
    assert cli("verify", "--home", home).code == 0


def test_it_runs_for_so_many_seconds(home, cli, card):
    card(n=10**6, pause=0.01)
    began = time.monotonic()
    done = cli("source", "run", "device", "--seconds", "0.5", "--home", home, "--json")
    assert done.code == 0 and time.monotonic() - began < 10
    assert done.json["health"]["n_readings"] > 5
    again = cli("source", "run", "device", "--seconds", "0.2", "--home", home, "--json")
    assert again.code == 0


def test_what_a_person_must_mend_is_said(home, cli, card):
    card("wrong", more="is_enabled = true\n")
    path = home / "connections" / "wrong.toml"
    path.write_text(path.read_text() + "colour = 1\n")
    done = cli("source", "check", "wrong", "--home", home)
    assert done.code == 3 and "colour" in done.err
    done = cli("source", "run", "wrong", "--home", home, "--json")
    assert done.code == 3 and done.json["state"] == "stopped"
    assert cli("source", "run", "none", "--home", home).code == 4


def test_gaps_are_listed(home, cli, card):
    assert cli("source", "gaps", "--home", home, "--json").json == {"n_gaps": 0, "gaps": []}
    card()
    assert "No gaps" in cli("source", "gaps", "device", "--home", home).out
    for what in ("gaps", "alarms"):  # that nothing is known of a slip of the pen is no good news
        done = cli("source", what, "devise", "--home", home)
        assert done.code == 4 and "The home has: device." in done.err


def test_the_node_reads_its_sources(home, cli, card, request):
    card(n=10**6, pause=0.02)
    (home / "connections" / "bad.toml").write_text("connector = 3")
    request.getfixturevalue("service")
    deadline, listed = time.monotonic() + 30, {}
    while time.monotonic() < deadline and not listed.get("sources", [{}])[0].get("n_readings"):
        listed = cli("source", "list", "--home", home, "--json").json
        time.sleep(0.2)
    (row,) = listed["sources"]
    assert (row["state"], row["problem"]) == ("running", None)
    assert "connections/bad.toml" in listed["problems"][0]
    done = cli("source", "run", "device", "--home", home)
    assert done.code == 3 and "node is running" in done.err
    assert cli("source", "gaps", "device", "--home", home, "--json").json["n_gaps"] == 0
