"""Alerts on the command line and through a node: listed, and acknowledged by who is in charge."""

import pytest

PASSWORD = "long enough a password"


@pytest.fixture(autouse=True)
def _password(monkeypatch):
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", PASSWORD)


def test_listed_and_acknowledged(cli, home, monkeypatch):
    at = ("--home", home)
    assert "No alerts" in cli("alerts", "list", *at).out
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", "not the right one")
    for _ in range(5):
        assert cli("trail", "open", "stream=batch/7", "--login", "bor", *at).code == 5
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", PASSWORD)
    (row,) = cli("alerts", "list", "--open", *at, "--json").json["alerts"]
    assert (row["login"], row["role"]) == ("bor", "administrator")
    place = ("alerts", "acknowledge", "bor", row["stream_version"], "--reason", "forgotten")
    assert cli(*place, "--by", "bor", *at).code == 5
    done = cli(*place, "--by", "anna", *at, "--json")
    assert done.code == 0, done.err
    assert done.json["kind"] == "SecurityAlertAcknowledged"
    assert cli("alerts", "list", "--open", *at, "--json").json["n_alerts"] == 0
    assert cli("alerts", "list", *at, "--json").json["alerts"][0]["reason"] == "forgotten"
    assert cli("verify", *at).code == 0


def test_through_a_node(node):
    for _ in range(5):
        form = {"login": "bor", "password": "not the right one"}
        assert node.call("POST", "/login", json=form, token="").status_code == 403
    listed = node.call("GET", "/rights/alerts", params={"is_open": True}).json()
    (row,) = listed["alerts"]
    assert "locked after 5" in row["what"]
    values = {"account": "bor", "alert": row["stream_version"], "reason": "forgotten"}
    form = {"login": "anna", "password": PASSWORD, "values": values}
    done = node.call("POST", "/rights/acts/alert-acknowledge", json=form)
    assert done.status_code == 200, done.text
    again = node.call("POST", "/rights/acts/alert-acknowledge", json=form)
    assert again.status_code == 409
    assert node.call("GET", "/rights/alerts", params={"is_open": True}).json()["n_alerts"] == 0
    token = node.call(
        "POST", "/login", json={"login": "anna", "password": PASSWORD}, token=""
    ).json()["token"]
    assert node.call("GET", "/rights/alerts", token=token).status_code == 200
