"""Procedures, training, delegation and access from the command line."""

from types import SimpleNamespace

import pytest

from goldenbatch.apps.rights import RemoteRights
from tests.apps.conftest import PASSWORD

NOW, LATER = "2020-01-01T00:00:00Z", "2199-01-01T00:00:00Z"


@pytest.fixture
def run(cli, home, monkeypatch):
    """Runs a command on the home as somebody, and gives its answer."""
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", PASSWORD)

    def call(*arguments, code=0):
        done = cli(*arguments, "--home", home, "--json")
        assert done.code == code, done.out + done.err
        return done.json if code == 0 else done.out + done.err

    for login, role in (
        ("eng", "process_engineer"), ("qp", "qualified_person"), ("root", "administrator"),
    ):  # fmt: skip
        call("user", "add", login, "--name", login, "--role", role)
    return call


def test_a_procedure_from_issue_to_training(run, tmp_path):
    paper = tmp_path / "sop.md"
    paper.write_text("Weigh twice.")
    issue = ("procedure", "issue", "SOP-1", paper, "--version", "1", "--title", "Weighing")
    run(*issue, "--from", NOW, "--reason", "new", "--by", "eng")
    assert run("procedure", "list")["procedures"][0]["approved_by"] == ""
    run("procedure", "approve", "SOP-1", "--by", "qp")
    assert run("procedure", "list")["procedures"][0]["approved_by"] != ""
    run("training", "assign", "anna", "SOP-1", "--due", LATER, "--reason", "new", "--by", "qp")
    (gap,) = run("training", "gaps")["gaps"]
    assert (gap["procedure"], gap["version"]) == ("SOP-1", "1")
    done = ("training", "complete", "anna", "SOP-1", "--method", "observed")
    run(*done, "--by", "qp", "--expires", LATER)
    assert run("training", "gaps")["gaps"] == []
    assert run("training", "list")["trainings"][0]["method"] == "observed"
    run("training", "withdraw", "anna", "SOP-1", "--reason", "x", "--by", "qp")
    assert len(run("training", "gaps")["gaps"]) == 1
    run("procedure", "withdraw", "SOP-1", "--version", "1", "--reason", "old", "--by", "qp")


def test_a_delegation_by_two(run):
    lend = ("delegation", "propose", "D1", "--from", "qp", "--to", "eng", "--role",
            "qualified_person", "--start", NOW, "--end", LATER, "--reason", "leave")  # fmt: skip
    run(*lend, "--by", "qp")
    run("delegation", "approve", "D1", "--by", "anna")
    answer = run("access", "may", "eng", "sign:rejected", "batch/7")
    assert (answer["is_allowed"], answer["role"]) == (True, "qualified_person")
    assert answer["acting_for"]
    run("delegation", "revoke", "D1", "--reason", "back", "--by", "qp")
    answer = run("access", "may", "eng", "sign:rejected", "batch/7")
    assert not answer["is_allowed"]
    assert run("delegation", "list")["delegations"][0]["is_revoked"] == 1


def test_access_is_given_by_two_reviewed_and_told(run):
    run("access", "propose", "bor", "operator", "--reason", "trained", "--by", "root")
    run("access", "refuse", "bor", "operator", "--reason", "not yet", "--by", "qp")
    run("access", "propose", "bor", "operator", "--reason", "trained", "--by", "root")
    run("access", "confirm", "bor", "operator", "--reason", "agreed", "--by", "qp")
    run("access", "identify", "bor", "--how", "identity card", "--by", "root")
    run("access", "accept", "--by", "bor")
    window = ("--start", NOW, "--end", LATER, "--reason", "shift")
    run("access", "window", "bor", "operator", *window, "--by", "root")
    report = run("access", "report")
    bor = next(one for one in report["people"] if one["login"] == "bor")
    assert (bor["roles"], bor["is_identified"], bor["is_accountable"]) == (["operator"], True, True)
    assert any("identity of anna" in one for one in report["findings"])
    run("access", "review", "R1", "--conclusion", "as it should be", "--by", "root")
    rows = run("access", "list", "anna", "sign:reviewed", "batch")["rows"]
    assert {row["batch"] for row in rows} == {"7", "8"}
    assert run("access", "list", "root", "sign:reviewed", "batch")["rows"] == []


def test_the_same_through_a_node(run, node):
    desk = RemoteRights(SimpleNamespace(
        get=lambda path: node.call("GET", path).json(),
        post=lambda path, body: node.call("POST", path, json=body).json(),
    ))  # fmt: skip
    assert desk.act("identity-verify", "root", PASSWORD, {"login": "bor", "how": "card"})["seq"]
    bor = next(one for one in desk.report()["people"] if one["login"] == "bor")
    assert bor["is_identified"]
    assert not desk.ask("bor", "record", "batch/7")["is_allowed"]
    assert len(desk.list_for("anna", "sign:reviewed", "batch")["rows"]) == 2
    token = node.call("POST", "/login", json={"login": "bor", "password": PASSWORD}).json()
    asked = {"login": "anna", "action": "record", "stream": "batch/7"}
    call = {"token": token["token"], "json": asked}
    assert node.call("POST", "/rights/questions", **call).status_code == 403
    asked["login"] = "bor"
    assert node.call("POST", "/rights/questions", **call).status_code == 200
    assert node.call("GET", "/rights/report", token=token["token"]).status_code == 403
    form = {"login": "bor", "password": PASSWORD, "values": {"who": "x"}}
    bad = node.call("POST", "/rights/acts/identity-verify", token=token["token"], json=form)
    assert bad.json()["error"] == "BadInputError"
    none = node.call("POST", "/rights/acts/fly", token=token["token"], json=form)
    assert none.status_code == 404
