"""A record that changes after it was signed shows so: on the command line and in the API."""

import pytest

from goldenbatch.core.batches import MaterialConsumed
from goldenbatch.core.findings import FindingUpdated
from goldenbatch.core.records import NewEvent

PASSWORD = "long enough a password"


@pytest.fixture(autouse=True)
def _password(monkeypatch):
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", PASSWORD)


def change(ledger, stream):
    """One more event in a signed record; gives its version."""
    events = ledger.stream(stream)
    if stream.startswith("batch/"):
        body = MaterialConsumed(batch=stream.removeprefix("batch/"), material="M", lot="L")
    else:
        body = events[0].decode()
        body = FindingUpdated(**{**body.model_dump(), "tick": 9})
    made = NewEvent(stream, body, len(events), actor="node")
    return ledger.append([made])[0].envelope.version


def test_show_list_and_print_say_since_when(cli, home, tmp_path):
    from goldenbatch.runtime.local import LocalSite

    at = ("--home", home)
    uid = cli("findings", *at, "--json").json["findings"][0]["uid"]
    place = ("--user", "anna", *at)
    assert cli("decide", uid, "--verdict", "confirmed", "--comment", "seen", *place).code == 0
    assert cli("sign", "batch/7", "--meaning", "reviewed", *place).code == 0
    assert "UNSIGNED" not in cli("show", uid, *at).out
    with LocalSite.open(home) as site:
        versions = {one: change(site.ledger, one) for one in (f"finding/{uid}", "batch/7")}
    n_finding, n_batch = versions.values()
    shown = cli("show", uid, *at)
    assert f"UNSIGNED since version {n_finding}" in shown.out
    (signature,) = cli("show", uid, *at, "--json").json["signatures"]
    assert signature["standing"] == f"unsigned since version {n_finding}"
    batch = cli("batch", "show", "7", *at, "--json").json
    assert batch["batch"]["unsigned_since"] == n_batch
    assert [one["unsigned_since"] for one in batch["signatures"]] == [n_batch]
    listed = {
        one["batch"]: one["unsigned_since"]
        for one in cli("batch", "list", *at, "--json").json["batches"]
    }
    assert listed == {"7": n_batch, "8": None}
    (row,) = cli("findings", *at, "--json").json["findings"]
    assert row["unsigned_since"] == n_finding
    trail = cli("trail", "show", "stream=batch/7", "act=signed", *at, "--json").json["entries"]
    assert [one["unsigned_since"] for one in trail] == [n_batch]
    printed = cli("trail", "print", "stream=batch/7", "--out", tmp_path, *at, "--json").json
    with open(printed["html"], encoding="utf-8") as file:
        assert f"UNSIGNED since version {n_batch}" in file.read()


def test_the_api_says_it_too(node):
    form = {"login": "anna", "password": PASSWORD, "stream": "batch/7", "meaning": "reviewed"}
    assert node.call("POST", "/signatures", json=form).status_code == 200
    asked = {"stream": "batch/7"}
    assert node.call("GET", "/signatures", params=asked).json()["unsigned_since"] is None
    version = change(node.state.desk.site.ledger, "batch/7")
    told = node.call("GET", "/signatures", params=asked).json()
    assert told["unsigned_since"] == version
    assert told["signatures"][0]["unsigned_since"] == version
    assert not told["signatures"][0]["is_signed"]
    detail = node.call("GET", "/batch", params={"name": "7"}).json()
    assert detail["batch"]["unsigned_since"] == version
    rows = node.call("GET", "/batches").json()["batches"]
    assert {one["batch"]: one["unsigned_since"] for one in rows}["7"] == version
    uid = node.call("GET", "/findings").json()["findings"][0]["uid"]
    finding = node.call("GET", f"/findings/{uid}").json()
    assert (finding["finding"]["unsigned_since"], finding["signatures"]) == (None, [])


def test_long_lists_are_asked_for_at_once(home, monkeypatch):
    from goldenbatch.apps import signed
    from goldenbatch.apps.listing import list_batches
    from goldenbatch.runtime.local import LocalSite

    with LocalSite.open(home) as site:
        site.sign("batch/7", "reviewed", "anna", PASSWORD)
        version = change(site.ledger, "batch/7")
        few = list_batches(site)
        monkeypatch.setattr(signed, "_MANY", 1)
        asked = []
        real = site.ledger.select
        monkeypatch.setattr(
            site.ledger,
            "select",
            lambda *given, **more: asked.append(given[0]) or real(*given, **more),
        )
        assert list_batches(site) == few
        assert [one["unsigned_since"] for one in few if one["batch"] == "7"] == [version]
        assert asked.count("signature") == 1
