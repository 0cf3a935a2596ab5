"""The trail on the command line and through the node: show, open, review, print."""

import csv
import io
import json
import subprocess
from pathlib import Path

import pytest

PASSWORD = "long enough a password"


@pytest.fixture(autouse=True)
def _password(monkeypatch):
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", PASSWORD)


def test_show(cli, home):
    done = cli("trail", "show", "batch=7", "--home", home, "--json", "--limit", 3)
    assert done.code == 0, done.err
    assert (len(done.json["entries"]), done.json["offset"]) == (3, 0)
    assert done.json["n_entries"] > 3
    seqs = [one["seq"] for one in done.json["entries"]]
    assert seqs == sorted(seqs, reverse=True)
    people = cli("trail", "show", "--home", home, "prefix=batch/", "--sort", "seq").out
    assert "BatchCreated" in people.replace("\n", "") or "created" in people
    assert "Entries 1 to" in people


@pytest.mark.parametrize("word", ["colour=red", "late=yes", "batch=", "nonsense", "act=painted"])
def test_what_is_no_filter(cli, home, word):
    done = cli("trail", "show", word, "--home", home)
    assert done.code == 3
    assert "painted" in done.err or "no filter of the trail" in done.err


def test_open_and_review(cli, home):
    shown = cli("trail", "open", "stream=batch/7", "--login", "anna", "--home", home, "--json")
    assert shown.code == 0, shown.err
    place = ("--stream", shown.json["review_stream"], "--opened", shown.json["opened"])
    denied = cli("trail", "review", *place, "--login", "bor", "--comment", "x", "--home", home)
    assert denied.code != 0
    done = cli(
        "trail", "review", *place, "--login", "anna", "--comment", "fine", "--home", home, "--json"
    )
    assert done.code == 0, done.err
    assert done.json["printed_name"] == "Anna Novak"
    assert cli("verify", "--home", home).code == 0


def test_print(cli, home, tmp_path, program):
    done = cli("trail", "print", "batch=7", "--home", home, "--out", tmp_path, "--json")
    assert done.code == 0, done.err
    n_entries = done.json["n_entries"]
    lines = Path(done.json["jsonl"]).read_text().splitlines()
    assert len(lines) == n_entries
    told = [json.loads(line) for line in lines]
    rows = list(csv.DictReader(io.StringIO(Path(done.json["csv"]).read_text("utf-8-sig"))))
    assert {int(row["seq"]) for row in rows} == {one["seq"] for one in told}
    assert len(rows) == sum(max(1, len(one["changes"])) for one in told)
    assert cli("verify", "--proof", done.json["proof"]).code == 0
    text = subprocess.run(
        [program("pdftotext"), "-layout", done.json["pdf"], "-"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    words = " ".join(text.split())
    assert f"This copy is complete: {n_entries} of {n_entries} entries" in words
    assert "page 1 of" in words
    assert "by the operator of this home" in words
    assert "not for GMP use" in words
    page = Path(done.json["html"]).read_text()
    assert page.count("<tr>") == n_entries + 1


def test_through_the_node(node):
    page = {"wanted": {"prefix": "user/"}, "limit": 100}
    local = node.call("POST", "/trail", json=page).json()
    assert "Anna Novak" in str(local)
    login = {"login": "bor", "password": PASSWORD}
    token = node.call("POST", "/login", token="", json=login).json()["token"]
    hidden = node.call("POST", "/trail", token=token, json=page).json()
    assert "Novak" not in str(hidden)
    assert "argon2" not in str(local)


def test_a_session_opens_for_its_own_person_and_reviews(node):
    login = {"login": "anna", "password": PASSWORD}
    token = node.call("POST", "/login", token="", json=login).json()["token"]
    wanted = {"wanted": {"streams": ["batch/8"]}}
    shown = node.call("POST", "/trail/showings", token=token, json=wanted).json()
    assert shown["n_entries"] == len(shown["entries"]) > 0
    review = {"stream": shown["review_stream"], "opened": shown["opened"], "comment": "fine"}
    done = node.call("POST", "/trail/reviews", token=token, json={**login, **review})
    assert done.status_code == 200, done.text
    bad = {"login": "bor", "password": PASSWORD, **review}
    assert node.call("POST", "/trail/reviews", token=token, json=bad).status_code == 403
    assert node.call("POST", "/trail", json={"wanted": {"colour": "red"}}).status_code == 422
    assert node.call("POST", "/trail", token="no", json={}).status_code == 401
