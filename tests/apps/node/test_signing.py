"""The ceremony through the REST API: sessions, series, authenticators, and its command line."""

from pathlib import Path

import pyotp
import pytest

SUPPORT = str(Path(__file__).parents[2] / "runtime" / "support")
PASSWORD = "long enough a password"
REVIEW = {"stream": "batch/7", "meaning": "reviewed"}


@pytest.fixture
def device(monkeypatch):
    monkeypatch.syspath_prepend(SUPPORT)
    from gbx_authenticator import Authenticator

    return Authenticator()


def log_in(node, login="anna"):
    answer = node.call("POST", "/login", json={"login": login, "password": PASSWORD}, token="")
    return answer.json()["token"]


def post(node, path, session=None, **form):
    return node.call("POST", path, token=session, json=form)


def enrol(node, kind, answer, login="anna"):
    token = post(node, "/credentials/offer", login=login, kind=kind, reason="new").json()["token"]
    given = {"login": login, "token": token}
    begun = post(node, "/enrolment/begin", "", **given).json()
    form = {**given, "enrolment": begun["enrolment"], "answer": answer(begun)}
    done = post(node, "/enrolment/finish", "", **form)
    assert done.status_code == 200, done.text
    assert done.json()["status"] == "pending"
    name = done.json()["credential"]
    form = {"login": login, "credential": name, "reason": "passport"}
    assert post(node, "/credentials/confirm", **form).json()["status"] == "active"
    return name


def test_an_authenticator_signs_through_the_api(node, device):
    enrol(node, "webauthn", lambda begun: {"response": device.create(begun["options"])})
    token = log_in(node)
    prepared = post(node, "/signatures/prepare", token, **REVIEW, kind="webauthn").json()
    assert prepared["record"]["envelope"]["stream"] == "batch/7"
    assert prepared["statement"]["printed_name"] == "Anna Novak"
    response = device.get(prepared["options"])
    form = {"id": prepared["id"], "kind": "webauthn", "response": response}
    signed = post(node, "/signatures/complete", token, **form)
    assert signed.status_code == 200, signed.text
    assert (signed.json()["class"], signed.json()["method"]) == ("signer-bound", "webauthn")
    again = post(node, "/signatures/complete", token, **form)
    assert again.status_code == 403
    assert post(node, "/verify").json()["is_ok"]


def test_a_series_lives_in_one_session_until_log_out(node):
    def sign(token, **proof):
        prepared = post(node, "/signatures/prepare", token, **REVIEW).json()
        answer = post(node, "/signatures/complete", token, id=prepared["id"], **proof)
        return prepared["is_series"], answer.status_code

    token, other = log_in(node), log_in(node)
    assert sign(token, password=PASSWORD) == (False, 403)  # a session alone never signs
    assert sign(token, login="anna", password=PASSWORD) == (False, 200)
    assert sign(token, password=PASSWORD) == (True, 200)
    assert sign(token) == (True, 403)
    assert sign(other, password=PASSWORD) == (False, 403)
    assert sign(token, login="anna", password=PASSWORD) == (False, 200)
    post(node, "/logout", token)
    assert sign(log_in(node), password=PASSWORD) == (False, 403)


def test_a_decision_and_its_signature_through_the_api(node):
    token = log_in(node)
    uid = node.call("GET", "/findings").json()["findings"][0]["uid"]
    decision = {"finding": uid, "verdict": "dismissed", "comment": "a test"}
    prepared = post(node, "/signatures/prepare", token, **decision).json()
    assert prepared["proposed"]["verdict"] == "dismissed"
    form = {"id": prepared["id"], "login": "anna", "password": PASSWORD}
    signed = post(node, "/signatures/complete", token, **form).json()
    events = node.call("GET", f"/findings/{uid}").json()["events"]
    kinds = [one["envelope"]["kind"] for one in events][-2:]
    assert kinds == ["DecisionMade", "SignatureApplied"]
    assert events[-1]["envelope"]["version"] == signed["version"]


def test_nothing_secret_is_listed(node):
    secret = []

    def app(begun):
        secret.append(begun["secret"])
        now = node.state.desk.site.clock() // 1_000_000
        return {"code": pyotp.TOTP(begun["secret"]).at(now), "label": "phone"}

    enrol(node, "totp", app)
    listed = node.call("GET", "/credentials", params={"login": "anna"})
    assert {one["kind"] for one in listed.json()["credentials"]} == {"password", "totp"}
    events = node.call("GET", "/events", params={"limit": 1000})
    assert secret[0] not in listed.text + events.text


def test_the_command_line_enrols_and_signs(home, cli, monkeypatch):
    taken = cli("credential", "offer", "anna", "password", "--reason", "x", "--home", home)
    assert (taken.code, "by two people" in taken.err) == (5, True)
    made = cli("user", "add", "cvetka", "--name", "Cvetka Zajc", "--role", "quality_reviewer",
               "--enrol", "--home", home, "--json")  # fmt: skip
    assert made.code == 0, made.err
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", "chosen by herself alone")
    added = cli("credential", "add", "cvetka", "--token", made.json["token"], "--home", home,
                "--json")  # fmt: skip
    assert added.json["status"] == "active", added.err
    signed = cli("sign", "batch/7", "--meaning", "reviewed", "--user", "cvetka", "--home", home,
                 "--json")  # fmt: skip
    assert signed.json["class"] == "server-attested"
    assert "You sign: batch/7" in signed.err
    refused = cli("sign", "batch/7", "--meaning", "reviewed", "--user", "cvetka", "--home", home,
                  "--method", "webauthn")  # fmt: skip
    assert (refused.code != 0) and "page of the home" in refused.err
    listed = cli("credential", "list", "cvetka", "--home", home, "--json")
    assert [one["kind"] for one in listed.json["credentials"]] == ["password"]
    lost = cli("credential", "revoke", "cvetka", "password", "--reason", "lost", "--home", home,
               "--json")  # fmt: skip
    assert lost.json["status"] == "revoked"


def test_preparing_for_somebody_else_shows_nothing_that_the_caller_may_not_read(node):
    site = node.state.desk.site
    site.people.set_password("bor", PASSWORD, PASSWORD)
    bor = site.people.find("bor").uid
    asked = {**REVIEW, "stream": f"user/{bor}", "login": "anna"}
    for caller in ("bor", "anna"):
        prepared = post(node, "/signatures/prepare", log_in(node, caller), **asked)
        assert prepared.status_code == 200
        assert prepared.json()["record"]["envelope"]["kind"] == "PasswordSet"
        assert prepared.json()["record"]["body"] is None and "argon2" not in prepared.text
    asked = {**REVIEW, "login": "anna"}
    bodies = [
        post(node, "/signatures/prepare", log_in(node, one), **asked).json()["record"]["body"]
        for one in ("bor", "anna")
    ]
    assert bodies[0] is None and bodies[1] is not None
    settings = {"settings": "signing", "login": "anna", "reason": "x"}
    refused = post(node, "/signatures/prepare", log_in(node, "bor"), **settings)
    assert refused.status_code == 403


def test_credentials_of_others_are_personal(node):
    token = log_in(node, "bor")
    own = node.call("GET", "/credentials", token=token, params={"login": "bor"})
    assert own.json()["credentials"][0]["kind"] == "password"
    for login in ("anna", "nobody"):  # whether there is such a login is told to nobody either
        taken = node.call("GET", "/credentials", token=token, params={"login": login})
        assert taken.status_code == 403
    other = node.call("GET", "/credentials", token=log_in(node), params={"login": "bor"})
    assert other.status_code == 200
