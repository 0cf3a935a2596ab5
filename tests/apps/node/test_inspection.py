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
