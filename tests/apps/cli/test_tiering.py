"""The policy of tiering from the command line, and through a node; how often a node hands over."""

from __future__ import annotations

import contextlib
import json
from types import SimpleNamespace

import pytest

from goldenbatch.apps.retention import RemoteRetention
from goldenbatch.core.tiering import first_tiering_text
from tests.apps.conftest import PASSWORD


@pytest.fixture
def run(cli, home, monkeypatch):
    """Runs a command on the home, and gives its answer."""
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", PASSWORD)

    def call(*arguments, code=0):
        done = cli(*arguments, "--home", home, "--json")
        assert done.code == code, done.out + done.err
        return json.loads(done.out) if code in (0, 75) else done.out + done.err

    call("user", "add", "qp", "--name", "Q P", "--role", "qualified_person")
    return call


@pytest.fixture
def policy(tmp_path):
    text = first_tiering_text().replace("file:///mnt/archive/site1", f"file://{tmp_path}/archive")
    file = tmp_path / "tiering.toml"
    file.write_text(text.replace('"P1Y"', '"P30D"'))
    return file


def test_a_policy_from_the_first_one_to_readings_in_a_tier(run, policy, cli, home, tmp_path):
    assert run("tiering", "show", "--text")["text"] == first_tiering_text()
    assert not run("tiering", "show")["is_in_force"]
    assert run("tiering", "run")["n_moved"] == 0
    run("tiering", "adopt", policy, "--reason", "room", "--by", "anna")
    assert "denied" in run("tiering", "approve", "--by", "anna", code=5)
    run("tiering", "approve", "--by", "qp")
    (rule,) = run("tiering", "show")["rules"]
    assert (rule["name"], rule["stay"]) == ("old-readings", "P30D")
    run("flush")
    (day,) = {one["tier"]: one for one in run("tiering", "plan")["days"]}.values()
    assert (day["tier"], day["goes_to"]) == ("home", "")
    assert "has not been compacted" in day["reasons"][0]
    done = run("historian", "compact")["tiering"]
    assert (done["n_moved"] > 0, done["n_settled"]) == (True, 0)
    assert "days" in run("tiering", "plan")
    assert f"{done['n_moved']}" in cli("tiering", "show", "--home", home).out
    assert "lies in tier" in cli("tiering", "plan", "--home", home).out
    assert run("verify")["is_ok"]
    (tmp_path / "archive").rename(tmp_path / "gone")
    assert "cannot be reached" in run("tiering", "run", code=75)["away"][0]
    assert "cannot be reached" in cli("tiering", "run", "--home", home).out
    wrong = policy.with_name("wrong.toml")
    wrong.write_text(policy.read_text().replace('tier = "archive"', 'tier = "moon"'))
    error = run("tiering", "adopt", wrong, "--reason", "x", "--by", "anna", code=3)
    assert "names tier 'moon'" in error


def test_the_same_through_a_node(run, policy, node):
    from goldenbatch.runtime.remote import NodeClient

    with contextlib.closing(NodeClient(node.url, node.token)) as client:
        see_through(RemoteRetention(client), policy)
    outsider = node.call("POST", "/retention/tiering/run", token="none")
    assert outsider.status_code == 401


def see_through(remote, policy):
    values = {"text": policy.read_text(), "reason": "room"}
    answer = remote.act("tiering-adopt", "anna", PASSWORD, values)
    assert (answer["kind"], answer["stream"]) == ("TieringAdopted", "master/tiering")
    assert remote.tiering()["policies"][0]["approved_by"] == ""
    assert remote.move()["n_moved"] == 0
    assert remote.tiering_plan() == {"days": []}


def test_a_node_hands_over_as_often_as_the_home_says():
    from goldenbatch.apps.node.service import NodeOptions

    settings = SimpleNamespace(historian=SimpleNamespace(interval_s=77))
    assert NodeOptions().flush_of(settings) == 77
    assert NodeOptions(flush_s=0).flush_of(settings) == 0
