"""Schedules, holds, deletions and erasures from the command line, and through a node."""

from types import SimpleNamespace

import pytest

from goldenbatch.apps.retention import RemoteRetention
from goldenbatch.core.retention import first_schedule_text
from tests.apps.conftest import PASSWORD

TERMS = '["batch expiry + P1Y", "batch certified or rejected + P5Y"]'
AT_ONCE = first_schedule_text().replace(TERMS, '["batch ended + P0D"]')
"""A schedule by which everything of a batch may go when it has ended."""


@pytest.fixture
def people(cli, home, monkeypatch):
    """Runs a command on the home, and gives its answer."""
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", PASSWORD)

    def call(*arguments, code=0):
        done = cli(*arguments, "--home", home, "--json")
        assert done.code == code, done.out + done.err
        return done.json if code == 0 else done.out + done.err

    for login, role in (("eng", "process_engineer"), ("qp", "qualified_person")):
        call("user", "add", login, "--name", login.title(), "--role", role)
    return call


@pytest.fixture
def run(people, tmp_path):
    """A home in which a schedule is in force."""
    file = tmp_path / "retention.toml"
    file.write_text(AT_ONCE)
    people("retention", "adopt", file, "--reason", "trial", "--by", "anna")
    people("retention", "approve", "--by", "qp")
    return people


def test_a_schedule_from_the_first_one_to_force(people, tmp_path, cli, home):
    assert not people("retention", "show")["is_in_force"]
    text = people("retention", "show", "--text")["text"]
    assert text == first_schedule_text()
    people("retention", "adopt", "--reason", "first", "--by", "anna")
    assert "denied" in people("retention", "approve", "--by", "anna", code=5)
    people("retention", "approve", "--by", "qp")
    answer = people("retention", "show")
    assert answer["is_in_force"]
    assert answer["rules"][0]["name"] == "batch-record"
    assert [row["is_in_force"] for row in answer["schedules"]] == [True]
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(text.replace("recorded + P10Y", "some day + P10Y"))
    error = people("retention", "adopt", wrong, "--reason", "x", "--by", "anna", code=3)
    assert "starts no clock" in error
    assert "batch-record" in cli("retention", "show", "--home", home).out


def test_a_deletion_from_what_is_due_to_what_is_gone(run, cli, home):
    due = [one["ref"] for one in run("retention", "due")["due"]]
    assert [ref.partition("/")[0] for ref in due] == ["batch", "finding", "sample"]
    why = run("retention", "explain", "batch/8")
    assert not why["is_allowed"]
    assert "ended of batch 8 is not known" in why["reasons"][0]
    assert "must be kept" in cli("retention", "explain", "batch/8", "--home", home).out
    denied = ("deletion", "propose", "D-0", "batch/8", "--reason", "x", "--by", "eng")
    assert "ended of batch 8 is not known" in run(*denied, code=5)
    made = run("deletion", "propose", "D-1", "batch/7", "--reason", "over", "--by", "eng")
    assert (made["kind"], made["signed"]["meaning"]) == ("DeletionProposed", "performed")
    shown = run("deletion", "show", "D-1")
    assert shown["lacks"] == ["no second person has approved it by a signature"]
    assert "denied" in run("deletion", "finish", "D-1", code=5)
    done = run("deletion", "approve", "D-1", "--reason", "checked", "--by", "anna")
    assert [one["ref"] for one in done["things"]] == ["batch/7"]
    assert run("deletion", "finish", "D-1")["still_held"] == []
    assert run("deletion", "list")["deletions"][0]["state"] == "deleted"
    assert [row["batch"] for row in run("batch", "list")["batches"]] == ["8"]
    assert run("verify")["is_ok"]
    run("deletion", "propose", "D-2", "sample/S1", "--reason", "over", "--by", "eng")
    run("deletion", "refuse", "D-2", "--reason", "not yet", "--by", "anna")
    assert run("deletion", "show", "D-2")["state"] == "refused"


def test_a_hold_from_its_place_to_its_end(run):
    hold = ("hold", "place", "H-1", "--batch", "7", "--reason", "complaint", "--basis", "order")
    run(*hold, "--by", "eng")
    assert "hold H-1 covers batch/7" in run("retention", "explain", "batch/7")["reasons"][0]
    assert run("retention", "due")["due"] == []
    (row,) = run("hold", "list")["holds"]
    assert (row["words"], row["is_active"]) == ("batches 7", 1)
    run("hold", "lift", "H-1", "--reason", "settled", "--by", "anna")
    assert run("hold", "list")["holds"][0]["is_active"] == 0
    assert len(run("retention", "due")["due"]) == 3
    wrong = ("hold", "place", "H-2", "--start", "soon", "--reason", "x", "--basis", "y")
    assert "start" in run(*wrong, "--by", "eng", code=3)


def test_an_erasure_as_far_as_it_may_go(run, cli, home):
    ask = ("erase", "propose", "E-1", "--login", "bor", "--reason", "asked", "--by", "anna")
    assert "account closed of user/" in run(*ask, code=5)
    run("user", "disable", "bor", "--reason", "left")
    assert run(*ask)["kept"] == []
    done = run("erase", "approve", "E-1", "--reason", "agreed", "--by", "qp")
    assert (done["basis"], len(done["things"])) == ("erasure", 1)
    assert "bor" not in [row["login"] for row in run("user", "list")["users"]]
    assert run("verify")["is_ok"]
    nobody = ("erase", "propose", "E-2", "--reason", "asked", "--by", "anna")
    assert "whose data" in run(*nobody, code=3)
    for command in (("hold", "list"), ("deletion", "list"), ("retention", "due")):
        assert cli(*command, "--home", home).code == 0


def test_the_same_through_a_node(run, node):
    desk = RemoteRetention(SimpleNamespace(
        get=lambda path, **query: node.call("GET", path, params=query).json(),
        post=lambda path, body: node.call("POST", path, json=body).json(),
    ))  # fmt: skip
    assert desk.show()["is_in_force"]
    assert desk.due(1)["due"][0]["ref"] == "batch/7"
    assert desk.explain("batch/7")["is_allowed"]
    values = {"hold": "H-1", "places": ["site/area"], "reason": "x", "basis": "y"}
    assert desk.act("hold-place", "eng", PASSWORD, values)["kind"] == "LegalHoldPlaced"
    assert desk.due(10)["due"] == []
    assert desk.holds()["holds"][0]["hold"] == "H-1"
    sign(node, "qp", hold="H-1", reason="settled")
    values = {"deletion": "D-1", "refs": ["batch/7"], "reason": "over"}
    assert desk.act("deletion-propose", "eng", PASSWORD, values)["stream"] == "deletion/D-1"
    sign(node, "eng", stream="deletion/D-1", meaning="performed")
    sign(node, "anna", deletion="D-1", reason="checked")
    assert desk.deletion("D-1")["state"] == "approved"
    assert desk.finish("D-1")["approved_by"]
    assert desk.deletions()["deletions"][0]["state"] == "deleted"


def sign(node, login, **form):
    asked = {"login": login, **form}
    prepared = node.call("POST", "/signatures/prepare", json=asked).json()
    proof = {"id": prepared["id"], "kind": "password", "login": login, "password": PASSWORD}
    done = node.call("POST", "/signatures/complete", json=proof)
    assert done.status_code == 200, done.text


def test_who_may_ask_and_what_is_refused(run, node):
    def token(login):
        form = {"login": login, "password": PASSWORD}
        return node.call("POST", "/login", json=form).json()["token"]

    bor, eng = token("bor"), token("eng")
    for path in ("", "/holds", "/deletions", "/due", "/explanation?ref=batch/7"):
        assert node.call("GET", f"/retention{path}", token=bor).status_code == 403
        assert node.call("GET", f"/retention{path}", token=eng).status_code == 200
        assert node.call("GET", f"/retention{path}", token="").status_code == 401
    form = {"login": "eng", "password": PASSWORD, "values": {"who": "x"}}
    bad = node.call("POST", "/retention/acts/hold-place", token=eng, json=form)
    assert bad.json()["error"] == "BadInputError"
    assert node.call("POST", "/retention/acts/burn", token=eng, json=form).status_code == 404
    assert node.call("GET", "/retention/deletions/D-9", token=eng).status_code == 404
    assert node.call("POST", "/retention/deletions/D-9/completion").status_code == 404
    form = {"login": "eng", "password": "wrong", "values": {}}
    assert node.call("POST", "/retention/acts/hold-place", token=eng, json=form).status_code == 403
