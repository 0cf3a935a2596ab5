"""Administration and verification through a node, each by a person whom the policy lets."""

from __future__ import annotations

import time

import pytest

pytestmark = pytest.mark.usefixtures("cheap_hashes")
PASSWORD = "long enough a password"


@pytest.fixture
def cheap_hashes(monkeypatch):
    """Argon2id with little memory, where its strength is not what is tested."""
    import argon2

    real = argon2.PasswordHasher
    monkeypatch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))


def token_of(node, login):
    form = {"login": login, "password": PASSWORD}
    return node.call("POST", "/login", token="", json=form).json()["token"]


def staffed(node):
    people = node.state.desk.site.people
    people.add("root", "Root Admin", PASSWORD)
    people.grant("root", "administrator", "test")
    people.grant("bor", "operator", "test")
    return token_of(node, "root"), token_of(node, "bor"), token_of(node, "anna")


def test_an_account_is_added_changed_and_enrolled(node):
    root, bor, _ = staffed(node)
    form = {"login": "cy", "printed_name": "Cy Young", "reason": "new operator"}
    assert node.call("POST", "/admin/people", token=bor, json=form).status_code == 403
    assert node.call("GET", "/admin/people", token=bor).status_code == 403
    made = node.call("POST", "/admin/people", token=root, json=form).json()
    begun = node.call(
        "POST", "/enrolment/begin", token="", json={"login": "cy", "token": made["token"]}
    ).json()
    answer = {"password": PASSWORD}
    done = {"login": "cy", "token": made["token"], "enrolment": begun["enrolment"]}
    done = node.call("POST", "/enrolment/finish", token="", json={**done, "answer": answer})
    assert done.status_code == 200, done.text
    act = {"login": "root", "password": PASSWORD}
    values = {"login": "cy", "role": "operator", "reason": "trained"}
    asked = node.call(
        "POST", "/rights/acts/role-propose", token=root, json={**act, "values": values}
    )
    assert asked.status_code == 200, asked.text
    told = node.call("GET", "/admin/people", token=root).json()
    assert [(one["login"], one["role"], one["by_login"]) for one in told["proposals"]] == [
        ("cy", "operator", "root")
    ]
    (row,) = [one for one in told["people"] if one["login"] == "cy"]
    assert row["is_active"]
    assert not row["is_locked"]
    assert [one["kind"] for one in row["credentials"]] == ["password"]
    change = {"change": "disable", "reason": "left us"}
    refused = node.call("POST", "/admin/people/cy/changes", token=bor, json=change)
    assert refused.status_code == 403
    ended = node.call("POST", "/admin/people/cy/changes", token=root, json=change)
    assert not ended.json()["is_active"]
    own = node.call("POST", "/admin/people/root/changes", token=root, json=change)
    assert own.status_code == 403
    (event,) = node.state.desk.site.ledger.events(kinds={"UserDisabled"})
    assert event.envelope.actor == node.state.desk.site.people.find("root").uid


def test_the_command_line_of_the_home_is_no_person(node):
    form = {"login": "cy", "printed_name": "Cy", "reason": "none"}
    refused = node.call("POST", "/admin/people", json=form)
    assert refused.status_code == 422
    assert "needs a person" in refused.text


def test_an_analyst_is_put_to_work_and_taken_from_it_by_a_person(node):
    root, bor, anna = staffed(node)
    assert node.call("GET", "/admin/analysts", token=root).status_code == 403
    told = node.call("GET", "/admin/analysts", token=bor).json()
    (watch,) = told["at_work"]
    assert watch["analyst"] == "test.threshold"
    assert {"name", "help"} == set(told["offered"][0])
    form = {"name": "second", "analyst": "test.threshold", "settings": watch["settings"]}
    assert node.call("POST", "/admin/analysts", token=bor, json=form).status_code == 403
    assert node.call("POST", "/admin/analysts", token=anna, json=form).json()["is_new"]
    why = {"reason": "one is enough"}
    path = "/admin/analysts/second/retirement"
    assert node.call("POST", path, token=bor, json=why).status_code == 403
    assert node.call("POST", path, token=anna, json=why).json() == {
        "name": "second", "at_work": ["watch"],
    }  # fmt: skip
    events = list(node.state.desk.site.ledger.events(stream_prefix="analyst/second"))
    uid = node.state.desk.site.people.find("anna").uid
    assert {one.envelope.actor for one in events} == {uid}


def test_a_verification_runs_beside_the_service_and_goes_on_record(node):
    _, bor, anna = staffed(node)
    before = node.call("GET", "/verification", token=bor).json()
    assert before["runs"] == []
    assert not before["may_run"]
    assert "role" in before["why_not"]
    assert node.call("POST", "/verification", token=bor).status_code == 403
    assert node.call("POST", "/verification", token=anna).status_code == 200
    for _ in range(200):
        told = node.call("GET", "/verification", token=anna).json()
        if not told["running"]["is_running"]:
            break
        time.sleep(0.05)
    assert told["running"]["failure"] == ""
    (run,) = told["runs"]
    assert run["is_ok"]
    assert run["by"] == node.state.desk.site.people.find("anna").uid
    assert run["counts"]["events"] > 10
    assert told["checkpoint"]["size"] <= told["head"]


def test_what_is_unsigned_is_listed(node):
    _, _, anna = staffed(node)
    site = node.state.desk.site
    site.sign("batch/7", "reviewed", "anna", PASSWORD)
    told = node.call("GET", "/verification/unsigned", token=anna).json()
    assert (told["n_signed"], told["n_unsigned"]) == (1, 0)
    from gbx_bench import START

    from goldenbatch.core.batches import MaterialConsumed
    from goldenbatch.core.records import NewEvent

    version = site.ledger.version("batch/7")
    body = MaterialConsumed(batch="7", material="M", lot="L", quantity="1 kg")
    site.ledger.append([NewEvent("batch/7", body, version, "test", performed_at=START)])
    told = node.call("GET", "/verification/unsigned", token=anna).json()
    assert told["records"] == [{"stream": "batch/7", "unsigned_since": version + 1}]
