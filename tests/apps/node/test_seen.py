"""No role reads through any route what the policy denies it; who is closed out is out at once."""

import itertools
import json

import pytest

from goldenbatch.core.access import AccessWindowSet
from goldenbatch.core.batches import BatchCreated, SampleTaken
from goldenbatch.core.findings import DecisionMade, Verdict
from goldenbatch.core.people import RoleGranted, UserAdded
from goldenbatch.core.records import DataClass, NewEvent
from tests.apps.conftest import PASSWORD

ROLES = (
    "operator", "process_engineer", "quality_reviewer", "qualified_person", "administrator",
    "inspector", "",
)  # fmt: skip
SECRETS = {"confidential": "SECRETRECIPE", "personal": "SECRETPATIENT", "operational": "OPENLOT"}


def put(site, stream, body, data_class=None):
    event = NewEvent(stream, body, site.ledger.version(stream), "x", data_class=data_class)
    return site.ledger.append([event])[0].seq


@pytest.fixture
def staffed(node, monkeypatch):
    """A person of each role who is logged in, and a record of each class of data."""
    site = node.state.desk.site
    monkeypatch.setattr(site.people, "authenticate", lambda login, _: site.people.find(login))
    now = site.clock()
    for role in ROLES:
        uid = f"u-{role or 'none'}".replace("_", "-")
        put(site, f"user/{uid}", UserAdded(uid=uid, login=uid, printed_name=f"Name {uid}"))
        if role:
            put(site, f"user/{uid}", RoleGranted(uid=uid, role=role, reason="test"))
    window = {"role": "inspector", "start": now - 10**9, "end": now + 10**12, "reason": "visit"}
    put(site, "user/u-inspector", AccessWindowSet(uid="u-inspector", **window))
    seqs = []
    for name, secret in SECRETS.items():
        body = BatchCreated(batch=secret, product=secret, attributes={"note": secret})
        seqs.append(put(site, f"batch/{secret}", body, DataClass(name)))
        sample = SampleTaken(sample=secret, batch=secret, taken_at=now)
        put(site, f"sample/{secret}", sample, DataClass(name))
        said = DecisionMade(
            uid="0" * 32, finding_version=1, verdict=Verdict.CONFIRMED, comment=secret
        )
        put(site, f"batch/{secret}", said, DataClass(name))
    tokens = {}
    for role in ROLES:
        uid = f"u-{role or 'none'}".replace("_", "-")
        tokens[role] = node.state.log_in(uid, PASSWORD)[0]
    return tokens, seqs


def calls(site, seqs):
    """Every way of reading that the API has, asked for each record there is."""
    names = list(SECRETS.values())
    gets = ["/batches", "/results", "/findings", "/events?limit=10000", "/status", "/heads",
            "/plant", "/historian/tags", "/artefacts", "/capabilities", "/home"]  # fmt: skip
    gets += [f"/batch?name={name}" for name in names]
    gets += [f"/windows?batch={name}" for name in names]
    gets += [f"/stream?name=batch/{name}" for name in names]
    gets += [f"/stream?name=sample/{name}" for name in names]
    for path in gets:
        yield "GET", path, None
    from goldenbatch.runtime.projections import core_projections

    for projection in core_projections():
        yield "POST", f"/projections/{projection.name}/select", {}
    for seq in seqs:
        yield "POST", "/proofs", {"seqs": [seq]}
    yield "POST", "/trail", {"limit": 10_000}


def test_nobody_reads_what_their_role_may_not(node, staffed):
    for role in ROLES:
        check_reading(node, *staffed, role)


def check_reading(node, tokens, seqs, role):
    site = node.state.desk.site
    policy = site.people.policy()
    reads = {one.value for one in policy.roles[role].reads} if role else set()
    seen = dict.fromkeys(SECRETS, 0)
    for method, path, body in calls(site, seqs):
        answer = node.call(method, path, token=tokens[role], json=body)
        assert answer.status_code in (200, 403, 404), (path, answer.text)
        asked = path if "SECRET" in path or "OPEN" in path else ""
        for name, secret in SECRETS.items():
            # What was asked for by name may come back in the words of the refusal.
            is_told = secret in answer.text.replace(f"batch/{secret}", "").replace(
                f"sample/{secret}", ""
            )
            if is_told and answer.status_code == 200:
                seen[name] += 1
                assert name in reads, (role, method, path, asked)
    for name in reads:
        assert seen[name] >= 4, f"{role} may read {name} and was shown nothing"


def test_nobody_changes_anything_by_being_logged_in(node, staffed):
    tokens, _ = staffed
    for token in tokens.values():
        check_changing(node, token)


def check_changing(node, token):
    site = node.state.desk.site
    document = node.call("GET", "/openapi.json").json()
    head = site.ledger.head()
    n_tried = 0
    # That the trail was looked at is itself recorded, and so is a verification, by who may run one.
    left_out = ("/logout", "/trail/showings", "/verification")
    for path, method in itertools.product(document["paths"], ("post", "put", "delete", "patch")):
        if method not in document["paths"][path] or "/extra/" in path or path.endswith(left_out):
            continue
        url = path.removeprefix("/api/v1").replace("{", "").replace("}", "")
        answer = node.call(method.upper(), url, token=token, json={})
        assert answer.status_code < 500, (path, answer.text)
        n_tried += 1
        changed = [one for one in site.ledger.events(head) if one.kind != "RecordsRead"]
        assert not changed, (path, [(one.kind, one.stream) for one in changed])
    assert n_tried > 15


def test_who_is_disabled_is_out_at_once(node, staffed):
    tokens, _ = staffed
    site = node.state.desk.site
    token = tokens["operator"]
    assert node.call("GET", "/batches", token=token).status_code == 200
    site.people.disable("u-operator", "left")
    assert node.call("GET", "/batches", token=token).status_code == 403
    site.people.revoke("u-quality-reviewer", "quality_reviewer", "moved")
    rows = node.call("GET", "/batches", token=tokens["quality_reviewer"]).json()
    assert rows["batches"] == []


def test_an_inspector_takes_a_copy_within_the_window_only(node, staffed):
    tokens, seqs = staffed
    site = node.state.desk.site
    call = {"token": tokens["inspector"], "json": {"seqs": seqs}}
    answer = node.call("POST", "/proofs", **call)
    assert answer.status_code == 200
    assert "SECRETPATIENT" in json.dumps(answer.json())
    over = {"role": "inspector", "start": 1, "end": 2, "reason": "left"}
    put(site, "user/u-inspector", AccessWindowSet(uid="u-inspector", **over))
    assert node.call("POST", "/proofs", **call).status_code == 403
    assert node.call("GET", "/batches", token=tokens["inspector"]).json()["batches"] == []
