"""Inspection through a node that goes on serving: access, a copy, and who may list copies."""

from goldenbatch.core.records import to_iso
from goldenbatch.runtime.archive import check_archive

PASSWORD = "long enough a password"
DAY = 86_400_000_000


def staffed(node):
    site = node.state.desk.site
    site.people.add("root", "Root Admin", PASSWORD)
    site.people.grant("root", "administrator", "test")
    return site


def test_an_inspector_is_received_while_the_node_serves(node, tmp_path):
    site = staffed(node)
    by = {"login": "root", "password": PASSWORD, "reason": "routine"}
    until = to_iso(site.clock() + DAY)
    form = {**by, "who": "ines", "name": "Ines Pector", "until": until}
    answer = node.call("POST", "/inspection/open", json=form).json()
    assert (answer["role"], answer["is_confirmed"]) == ("inspector", False)
    confirm = {"login": "anna", "role": "inspector", "reason": "routine"}
    values = {"login": "ines", **{k: v for k, v in confirm.items() if k != "login"}}
    act = {"login": "anna", "password": PASSWORD, "values": values}
    assert node.call("POST", "/rights/acts/role-confirm", json=act).status_code == 200
    begun = site.credentials.begin("ines", answer["token"])
    site.credentials.finish("ines", answer["token"], begun["enrolment"], {"password": PASSWORD})
    out = tmp_path / "copy"
    copy = {"login": "ines", "password": PASSWORD, "folder": str(out), "recipient": "Ines Pector",
            "reason": "routine", "batches": ["7"]}  # fmt: skip
    made = node.call("POST", "/inspection/copy", json=copy)
    assert made.status_code == 200, made.text
    assert check_archive(out) == []
    listed = node.call("GET", "/inspection/copies").json()["copies"]
    assert [one["sums_digest"] for one in listed] == [made.json()["sums_digest"]]
    wrong = node.call("POST", "/inspection/copy", json={**copy, "password": "wrong"})
    assert wrong.status_code == 403
    ended = node.call("POST", "/inspection/close", json={**by, "who": "ines"})
    assert ended.status_code == 200
    late = node.call("POST", "/inspection/copy", json={**copy, "folder": str(tmp_path / "late")})
    assert late.status_code == 403
    assert not (tmp_path / "late").exists()


def test_only_the_homes_own_command_line_names_a_folder(node, tmp_path):
    staffed(node)
    session = node.call("POST", "/login", token="", json={"login": "anna", "password": PASSWORD})
    token = session.json()["token"]
    copy = {"login": "anna", "password": PASSWORD, "folder": str(tmp_path / "c"),
            "recipient": "x", "reason": "y"}  # fmt: skip
    refused = node.call("POST", "/inspection/copy", token=token, json=copy)
    assert refused.status_code == 403
    assert not (tmp_path / "c").exists()
    assert node.call("GET", "/inspection/copies", token=token).json() == {"copies": []}


def received(node):
    """Ines, with access for a day, logged in."""
    site = staffed(node)
    form = {"login": "root", "password": PASSWORD, "reason": "routine", "who": "ines",
            "name": "Ines Pector", "until": to_iso(site.clock() + DAY)}  # fmt: skip
    token = node.call("POST", "/inspection/open", json=form).json()["token"]
    values = {"login": "ines", "role": "inspector", "reason": "routine"}
    act = {"login": "anna", "password": PASSWORD, "values": values}
    assert node.call("POST", "/rights/acts/role-confirm", json=act).status_code == 200
    begun = site.credentials.begin("ines", token)
    site.credentials.finish("ines", token, begun["enrolment"], {"password": PASSWORD})
    return token_of(node, "ines")


def token_of(node, login):
    form = {"login": login, "password": PASSWORD}
    return node.call("POST", "/login", token="", json=form).json()["token"]


def test_everything_an_inspector_reads_is_recorded_and_nothing_of_others(node):
    ines, anna = received(node), token_of(node, "anna")
    session = node.call("GET", "/session", token=ines).json()
    assert session["inspects_until"] > node.state.desk.site.clock()
    assert node.call("GET", "/session", token=anna).json()["inspects_until"] is None
    node.call("GET", "/plant", token=anna)
    ask = {"where": {"batch": "7"}}
    assert node.call("POST", "/projections/batch/select", token=ines, json=ask).json()["rows"]
    node.call("POST", "/projections/batch/select", token=ines, json=ask)
    node.call("GET", "/stream", token=ines, params={"name": "batch/7"})
    told = node.call("GET", "/inspection/reads", token=anna, params={"login": "ines"}).json()
    assert [(one["path"], one["query"]) for one in told["reads"]] == [
        ("/stream", "name=batch%2F7"),
        ("/projections/batch/select", ""),
    ]
    assert '"7"' in told["reads"][1]["body"]
    (visit,) = node.call("GET", "/inspection/visits", token=anna).json()["visits"]
    assert (visit["login"], visit["is_granted"], visit["n_reads"]) == ("ines", True, 2)
    write = {"values": {"area": "site/area", "title": "Early"}}
    refused = node.call("POST", "/acts/execution.logbook-start", token=ines, json=write)
    assert refused.status_code == 403
    assert node.call("POST", "/verification", token=ines).status_code == 403
