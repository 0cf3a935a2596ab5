"""The commands about policy, alerts, settings and the trail as clients of a running node."""

import pytest

from goldenbatch.core.policy import first_policy, first_policy_text
from tests.apps.conftest import PASSWORD

NOW = first_policy().version


@pytest.fixture
def run(service, home, cli, monkeypatch):
    """Runs a command through the node that serves the home."""
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", PASSWORD)

    def call(*arguments, code=0):
        done = cli(*arguments, "--home", home, "--json")
        assert done.code == code, done.out + done.err
        return done.json if code == 0 else done.out + done.err

    return call


def test_all_of_it_through_a_node(run, tmp_path, monkeypatch):
    run("user", "add", "cilka", "--name", "Cilka", "--role", "qualified_person")
    file = tmp_path / "next.toml"
    text = first_policy_text().replace(f'version = "{NOW}"', 'version = "next"')
    file.write_text(text.replace("review_days = 180", "review_days = 365"))
    assert not run("policy", "show")["is_signed"]
    assert run("policy", "adopt", "--user", "anna")["policy"].startswith("signed by Anna Novak")
    assert run("policy", "diff", file)["changes"][0]["is_weaker"]
    digest = run("policy", "propose", file, "--by", "anna", "--reason", "fewer")["digest"]
    assert run("policy", "proposals")["proposals"][0]["state"] == "open"
    run("policy", "adopt", digest[:12], "--user", "anna", code=5)
    assert "signed by Cilka" in run("policy", "adopt", digest[:12], "--user", "cilka")["policy"]
    assert run("policy", "show")["version"] == "next"

    monkeypatch.setenv("GOLDENBATCH_PASSWORD", "not the right one")
    for _ in range(5):
        run("trail", "open", "stream=batch/7", "--login", "bor", code=5)
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", PASSWORD)
    (alert,) = run("alerts", "list", "--open")["alerts"]
    place = ("bor", alert["stream_version"], "--reason", "forgotten", "--by", "anna")
    assert run("alerts", "acknowledge", *place)["kind"] == "SecurityAlertAcknowledged"
    assert run("alerts", "list", "--open")["n_alerts"] == 0

    assert run("settings", "show")["pending"] == []
    assert "signed by Anna" in run("settings", "adopt", "--user", "anna")["settings"]

    shown = run("trail", "open", "stream=batch/7", "--login", "cilka")
    opened = ("--stream", shown["review_stream"], "--opened", shown["opened"])
    said = ("--login", "cilka", "--comment", "all of it")
    assert run("trail", "review", *opened, *said)["meaning"] == "reviewed"
    assert "unsigned_since" in run("batch", "list")["batches"][0]
    assert run("verify")["is_ok"]
