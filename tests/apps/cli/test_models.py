"""Models under control on the command line and through a node: a whole life, told and verified."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from goldenbatch.runtime.local import LocalSite
from tests.capabilities.governance import team

CARD = """
schema = "goldenbatch/model-card/1"
use = "sucrose"
title = "Sucrose in the feed"
owner = "Process science"
method = "PLS"

[intended]
purpose = "Sucrose in the feed, shown to the operator"
criticality = "critical"
risk_record = "risk/17@2"
output = "sucrose"
output_unit = "g/L"
replaces = "HPLC every four hours"
contingency = "HPLC of a sample within one hour"
context = { products = ["P1"], places = ["site/a/tank"], site = "site" }

[[intended.inputs]]
name = "x"
lower = 0.5

[acceptance]
n_least = 5
reason = "as the risk assessment asks"
criteria = [
  { measure = "rmse", relation = "at_most", limit = 2.0 },
  { measure = "coverage", relation = "at_least", limit = 0.9, confidence = 0 },
]
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    import argon2

    real = argon2.PasswordHasher
    monkeypatch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", team.PASSWORD)


@pytest.fixture(scope="session")
def _staffed(tmp_path_factory):
    import argon2

    from goldenbatch.runtime.home import HomeSettings, create_home
    from tests.capabilities.conftest import PLANT

    path = tmp_path_factory.mktemp("models") / "home"
    real = argon2.PasswordHasher
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))
        create_home(path, HomeSettings("Test", "site", PLANT, zone="Europe/Ljubljana"))
        with LocalSite.open(path) as site:
            team.people(site)
            team.seal(site)
    return path


@pytest.fixture
def home(tmp_path, _staffed):
    """A home with the people of `team`, and a card beside it."""
    path = tmp_path / "home"
    shutil.copytree(_staffed, path)
    (tmp_path / "card.toml").write_text(CARD)
    (tmp_path / "recomputed.txt").write_text("the same to 1e-12")
    return path


@pytest.fixture
def run(cli, home):
    def call(*arguments, code=0):
        done = cli("model", *arguments, "--home", home, "--json")
        assert done.code == code, done.out + done.err
        return done.json if code == 0 else done.out + done.err

    return call


def state_and_test(run, card):
    drafted = run("draft", "sucrose", "--card", card, "--by", "dana")
    assert (drafted["stream"], drafted["kind"]) == ("model/sucrose/1", "ModelDrafted")
    stated = run("intend", "sucrose", card, "--by", "sam")
    assert (stated["meaning"], stated["printed_name"]) == ("reviewed", "Sam")
    run("criteria", "sucrose", card, "--by", "sam")
    run("bind", "sucrose", "T1", "--by", "sam")


def judge(run, folder):
    proof = folder / "recomputed.txt"
    said = ("--verification", proof, "--statement", "fit for its use")
    assert run("validate", "sucrose", *said, "--by", "vera")["meaning"] == "verified"
    assert run("approve", "sucrose@1", "--reason", "fit", "--by", "quinn")["meaning"] == "approved"
    run("activate", "sucrose@1", "--reason", "ready", "--by", "sam")


def test_a_whole_life_told_like_a_story(cli, run, home, tmp_path):
    state_and_test(run, tmp_path / "card.toml")
    assert "who did the work" in run("bind", "sucrose", "T1", "--by", "dana", code=5)
    with LocalSite.open(home) as site:
        team.train(site)
        team.test(site)
    judge(run, tmp_path)
    (row,) = run("list")["models"]
    assert (row["stage"], row["criticality"], row["drafted_by"]) == ("active", "critical", "Dana")

    told = cli("model", "history", "sucrose", "--home", home)
    assert told.code == 0
    words = told.out
    assert "sucrose@1 is active." in words
    for part in (
        "Dana began version 1: Sucrose in the feed (PLS)",
        "Sam stated what it is for",
        "signed as reviewed by Sam (process_engineer), password+home-key",
        "Sam fixed the criteria: rmse at most 2 (95% bound); coverage at least 0.9",
        "Vera sealed test set T1",
        "bound the sealed test set T1 (never opened before)",
        "Dana trained it",
        "Tess tested it on T1 (20 rows): passed; rmse at most 2 (95% bound): 1 (0.9 to 1.5), met",
        "Vera found it fit for its use",
        "Quinn approved it as the first version: fit",
        "Sam activated version 1: ready",
    ):
        assert part in " ".join(words.split()), part
    order = [words.index(one) for one in ("began", "stated", "fixed", "trained", "tested it",
                                          "approved", "activated")]  # fmt: skip
    assert order == sorted(order)
    assert "+01:00" in words or "+02:00" in words  # the home's own zone
    assert "events verify under the home's signed checkpoint" in words
    assert "COUNTS FOR NOTHING" not in words

    run("suspend", "sucrose", "--reason", "drift", "--by", "otto")
    assert run("list")["models"][0]["stage"] == "suspended"
    run("retire", "sucrose@1", "--reason", "replaced", "--by", "quinn")
    answer = run("history", "sucrose@1")
    assert (answer["is_verified"], answer["n_faults"], answer["active"]) == (True, 0, 0)
    assert "the contingency takes over: drift" in answer["lines"][-2]["what"]
    assert cli("verify", "--home", home).code == 0


def test_what_counts_for_nothing_is_told_with_the_reason(cli, run, home, tmp_path):
    from goldenbatch.core.records import NewEvent
    from tests.core import lives

    run("draft", "sucrose", "--card", tmp_path / "card.toml", "--by", "dana")
    with LocalSite.open(home) as site:
        body, stream = lives.approved(), "model/sucrose/1"
        site.ledger.append([NewEvent(stream, body, 1, actor="intruder")])
    told = cli("model", "history", "sucrose", "--home", home)
    assert "COUNTS FOR NOTHING: ModelApproved cannot follow drafted" in told.out
    assert run("history", "sucrose")["n_faults"] == 1


def test_a_changed_event_does_not_verify(cli, run, home, tmp_path):
    run("draft", "sucrose", "--card", tmp_path / "card.toml", "--by", "dana")
    with closing(sqlite3.connect(home / "ledger" / "ledger.sqlite")) as database, database:
        rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in rows.fetchall():
            database.execute(f'DROP TRIGGER "{name}"')
        text = """CAST(replace(CAST(bytes AS TEXT), '"PLS"', '"MLR"') AS BLOB)"""
        where = """CAST(bytes AS TEXT) LIKE '%"PLS"%'"""
        n = database.execute(f"UPDATE payload SET bytes = {text} WHERE {where}")
        assert n.rowcount == 1
    told = cli("model", "history", "sucrose", "--home", home)
    assert told.code == 7
    assert "is not what was recorded" in told.err


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("approve", "sucrose", "--reason", "r", "--by", "quinn"), 3, "which version"),
        (("approve", "sucrose@x", "--reason", "r", "--by", "quinn"), 3, "names no version"),
        (("history", "nothing"), 4, "there is no model 'nothing'"),
        (("card", "nothing", "CARDS"), 4, "there is no model 'nothing'"),
        (("card", "sucrose@x", "CARDS"), 3, "names no version"),
        (("intend", "nothing", "CARD", "--by", "sam"), 4, "there is no model 'nothing'"),
        (("draft", "other", "--card", "CARD", "--by", "dana"), 3, "the card is of sucrose"),
        (("suspend", "sucrose", "--fallback", "last", "--reason", "r", "--by", "otto"), 3,
         "is no version"),
    ],
)  # fmt: skip
def test_what_is_named_wrongly(run, tmp_path, arguments, code, why):
    given = [tmp_path / "card.toml" if one == "CARD" else one for one in arguments]
    assert why in run(*given, code=code)


def test_a_bad_card_is_named_with_line_and_key(run, tmp_path):
    card = tmp_path / "card.toml"
    card.write_text(CARD.replace('criticality = "critical"', 'criticality = "very"'))
    told = run("draft", "sucrose", "--card", card, "--by", "dana", code=3)
    assert "card.toml:10:intended.criticality" in told
    card.write_text(CARD.partition("[acceptance]")[0])
    run("draft", "sucrose", "--card", card, "--by", "dana")
    assert "the card has no [acceptance]" in run("criteria", "sucrose", card, "--by", "sam", code=3)


# ---- through a node -------------------------------------------------------------------------


def test_the_same_through_a_node(cli, run, node, home, tmp_path):
    (home / "state").mkdir(exist_ok=True)
    from goldenbatch.runtime.remote import NodeAddress

    NodeAddress(node.url, node.token, 1).save(home)
    state_and_test(run, tmp_path / "card.toml")
    site = node.state.desk.site
    team.train(site)
    team.test(site)
    judge(run, tmp_path)
    assert run("list")["models"][0]["stage"] == "active"
    assert run("history", "sucrose")["is_verified"]
    card = Path(run("card", "sucrose", tmp_path / "cards")["html"])
    assert "sucrose@1 · active · owner Process science" in card.read_text(encoding="utf-8")
    assert cli("verify", "--proof", card.with_suffix(".proof.json")).code == 0
    assert "is active" in run("activate", "sucrose@1", "--reason", "again", "--by", "sam", code=6)


@pytest.fixture
def logged_in(node):
    def call(login):
        form = {"login": login, "password": team.PASSWORD}
        return node.call("POST", "/login", token="", json=form).json()["token"]

    return call


def test_acts_of_people_who_are_logged_in(node, logged_in):
    names = [one["name"] for one in node.call("GET", "/acts").json()["acts"]]
    assert {"governance.draft", "governance.approve"} <= set(names)
    draft = {"values": {"use": "sucrose", **team.CARD}}
    assert node.call("POST", "/acts/governance.draft", json=draft).status_code == 422
    dana, sam = logged_in("dana"), logged_in("sam")
    answer = node.call("POST", "/acts/governance.draft", token=dana, json=draft).json()
    assert answer["events"][0]["envelope"]["stream"] == "model/sucrose/1"

    intended = {"use": "sucrose", "version": 1, "intended": team.INTENDED}
    refused = node.call("POST", "/acts/governance.intend", token=sam, json={"values": intended})
    assert refused.status_code == 403
    assert "to be logged in is not enough" in refused.json()["message"]
    form = {"act": "governance.intend", "values": intended}
    prepared = node.call("POST", "/signatures/prepare", token=sam, json=form).json()
    assert prepared["statement"]["meaning"] == "reviewed"
    assert prepared["proposed"]["intended"]["purpose"] == team.INTENDED["purpose"]
    proof = {"id": prepared["id"], "login": "sam", "password": team.PASSWORD}
    signed = node.call("POST", "/signatures/complete", token=sam, json=proof).json()
    assert (signed["meaning"], signed["printed_name"]) == ("reviewed", "Sam")
    told = node.call("GET", "/models/sucrose/history", token=sam).json()
    assert [one["kind"] for one in told["lines"][-2:]] == ["ModelDrafted", "IntendedUseStated"]
    assert told["is_verified"]


def test_who_may_not_read_models_sees_none(node, logged_in):
    draft = {"values": {"use": "sucrose", **team.CARD}}
    node.call("POST", "/acts/governance.draft", token=logged_in("dana"), json=draft)
    root = logged_in("root")  # reads nothing confidential
    assert node.call("GET", "/models", token=root).json() == {"n_models": 0, "models": []}
    assert node.call("GET", "/models/sucrose/history", token=root).status_code == 404


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("/acts/governance.tear", {"values": {}}, 404),
        ("/acts/nothing.draft", {"values": {}}, 404),
        ("/acts/governance.draft", {"values": {"use": "a\x00b"}}, 422),
        ("/acts/governance.draft", {"values": {"use": [[[[[[[[[[[[[["x"]]]]]]]]]]]]]]}}, 422),
        ("/acts/governance.draft", {"values": {"use": "sucrose", "version": "first"}}, 422),
    ],
)
def test_bad_calls(node, logged_in, path, form, status):
    answer = node.call("POST", path, token=logged_in("dana"), json=form)
    assert answer.status_code == status, answer.text
    assert answer.json()["message"]


def test_a_model_from_elsewhere_becomes_a_draft_with_what_is_known_of_it(run, home, tmp_path):
    draft = ("draft", "sucrose", "--card", tmp_path / "card.toml", "--by", "dana", "--from")
    bad = tmp_path / "bad.skops"
    bad.write_bytes(b"\x80\x04K\x01.")
    assert "pickle" in run(*draft, bad, code=3)
    (tmp_path / "linear.json").write_text(LINEAR)
    run(*draft, tmp_path / "linear.json")
    with LocalSite.open(home) as site:
        body = site.ledger.stream("model/sucrose/1")[0].decode()
        assert (body.origin, body.title) == ("imported", "Sucrose in the feed")
        assert body.missing
        assert site.registry.get(body.known["artefact"]) == LINEAR.encode()


LINEAR = """{"format": "goldenbatch linear model 1", "inputs": ["x"], "outputs": ["sucrose"],
"coefficients": [[2.0]], "intercept": [1.0], "centre": [0.0], "half_width": [0.3],
"coverage": 0.95, "lower": [0.0], "upper": [9.0]}"""
