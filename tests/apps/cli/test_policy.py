"""The policy on the command line and through a node: shown, compared, proposed, adopted."""

import pytest

from goldenbatch.core.policy import first_policy, first_policy_text

NOW = first_policy().version
PASSWORD = "long enough a password"


@pytest.fixture(autouse=True)
def _password(monkeypatch):
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", PASSWORD)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "next.toml"
    text = first_policy_text().replace(f'version = "{NOW}"', 'version = "next"')
    path.write_text(text.replace("review_days = 180", "review_days = 365"))
    return path


def test_from_the_first_policy_to_the_next(cli, home, file):
    at = ("--home", home)
    shown = cli("policy", "show", *at)
    assert "unsigned since event 2" in shown.out
    assert "policy adopt" in shown.out
    assert "unsigned since event 2" in cli("status", *at, "--json").json["policy"]
    assert 'schema = "goldenbatch/policy/1"' in cli("policy", "show", "--text", *at).out
    done = cli("policy", "adopt", "--user", "anna", *at)
    assert done.code == 0, done.err
    assert cli("policy", "show", *at, "--json").json["is_signed"]
    told = cli("policy", "diff", file, *at).out
    assert "~ review_days: 180 -> 365 (WEAKER)" in told
    alone = cli("policy", "propose", file, "--by", "anna", "--reason", "fewer", *at)
    assert "it takes two" in alone.err
    person = ("cilka", "--name", "Cilka", "--role", "qualified_person")
    assert cli("user", "add", *person, *at).code == 0
    mine = cli("policy", "propose", file, "--by", "anna", "--reason", "fewer", *at, "--json")
    assert mine.code == 0, mine.err
    digest = mine.json["digest"]
    assert cli("policy", "adopt", digest[:10], "--user", "anna", *at).code == 5
    assert cli("policy", "proposals", *at, "--json").json["proposals"][0]["state"] == "open"
    assert cli("policy", "adopt", "feed", "--user", "bor", *at).code != 0
    done = cli("policy", "adopt", digest[:10], "--user", "cilka", *at, "--json")
    assert done.code == 0, done.err
    assert "review_days: 180 -> 365 (WEAKER)" in done.err  # shown before it was signed
    assert done.json["policy"].startswith("signed by Cilka")
    assert cli("verify", *at).code == 0


def test_a_bad_file_is_named_with_line_and_key(cli, home, file):
    file.write_text(file.read_text().replace("review_days = 365", 'review_days = "often"'))
    done = cli("policy", "diff", file, "--home", home)
    assert done.code == 3
    assert "review_days" in done.err
    weak = first_policy_text().replace(f'version = "{NOW}"', 'version = "bad"').replace(
        'judgements = ["', 'judgements = ["BatchCreated", "'
    )  # fmt: skip
    file.write_text(weak)
    assert "REFUSED: BatchCreated" in cli("policy", "diff", file, "--home", home).out
    done = cli("policy", "propose", file, "--by", "anna", "--reason", "x", "--home", home)
    assert done.code == 3
    assert "could verify and release it" in done.err


def test_through_a_node(cli, node, file):
    person = {"login": "cilka", "printed_name": "Cilka", "password": PASSWORD}
    assert node.call("POST", "/users", json={**person, "roles": ["qualified_person"]}).is_success
    text = file.read_text()
    shown = node.call("GET", "/policy").json()
    assert (shown["version"], shown["is_signed"]) == (NOW, False)
    diff = node.call("POST", "/policy/diff", json={"text": text}).json()
    assert diff["changes"][0]["text"] == "~ review_days: 180 -> 365 (WEAKER)"
    form = {"login": "anna", "password": PASSWORD, "text": text, "reason": "fewer"}
    made = node.call("POST", "/policy/proposals", json=form)
    assert made.status_code == 200, made.text
    (row,) = node.call("GET", "/policy/proposals").json()["proposals"]
    assert (row["digest"], row["state"]) == (made.json()["digest"], "open")
    whole = node.call("GET", f"/policy/proposals/{row['digest'][:8]}").json()
    assert (whole["text"], whole["faults"]) == (text, [])
    assert node.call("GET", "/policy/proposals/0000").status_code == 404
    asked = {"login": "anna", "policy": row["digest"]}
    assert node.call("POST", "/signatures/prepare", json=asked).status_code == 403
    first = node.call("POST", "/signatures/prepare", json={"login": "anna", "policy": "first"})
    proof = {"id": first.json()["id"], "login": "anna", "password": PASSWORD}
    assert node.call("POST", "/signatures/complete", json=proof).status_code == 200
    assert node.call("GET", "/policy").json()["standing"].startswith("signed by Anna Novak")
    assert node.call("GET", "/policy", token="").status_code == 401
