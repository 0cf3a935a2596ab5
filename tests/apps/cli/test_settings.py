"""The signing settings on the command line and through a node."""

import pytest

PASSWORD = "long enough a password"


@pytest.fixture(autouse=True)
def _password(monkeypatch):
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", PASSWORD)


def edit(home):
    file = home / "home.toml"
    file.write_text(file.read_text().replace("idle_s = 300", "idle_s = 90"))


def test_a_change_is_told_and_can_be_signed(cli, home):
    at = ("--home", home)
    assert "recorded in event 1" in cli("settings", "show", *at).out
    edit(home)
    told = cli("settings", "show", *at, "--json").json
    assert (told["in_force"]["idle_s"], told["pending"]) == (90, [])
    assert "unsigned" in cli("status", *at, "--json").json["signing"]
    done = cli("settings", "adopt", "--user", "anna", *at, "--json")
    assert done.code == 0, done.err
    assert "signed by Anna Novak" in done.json["settings"]
    assert cli("settings", "adopt", "--user", "anna", *at).code == 6
    assert cli("verify", *at).code == 0


def test_through_a_node(node):
    told = node.call("GET", "/settings/signing").json()
    assert (told["needs_signature"], told["pending"]) == (False, [])
    asked = {"login": "anna", "settings": "signing"}
    prepared = node.call("POST", "/signatures/prepare", json=asked).json()
    assert "id" in prepared, prepared
    assert prepared["proposed"]["changes"] == []
    proof = {"id": prepared["id"], "login": "anna", "password": PASSWORD}
    assert node.call("POST", "/signatures/complete", json=proof).status_code == 200
    assert "signed by Anna Novak" in node.call("GET", "/settings/signing").json()["standing"]
