"""Acts of capabilities on the command line: any of them, by their names and plain values."""

from __future__ import annotations

import json

import pytest

from goldenbatch.apps.cli.acting import read_values
from goldenbatch.core.errors import BadInputError
from tests.apps.conftest import PASSWORD

ALARMS = """schema = "goldenbatch/alarms/1"
version = "1"
title = "T"
[[alarms]]
id = "hot"
title = "Too hot"
analyst = "limits"
cause = "Cooling lost"
consequence = "The batch is lost"
response = "Open the bypass"
respond_within_s = 60
priority = "high"
position = "one"
"""


@pytest.fixture
def run(cli, home, monkeypatch):
    """Runs a command on the home, and gives its answer."""
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", PASSWORD)

    def call(*arguments, code=0):
        done = cli(*arguments, "--home", home, "--json")
        assert done.code == code, done.out + done.err
        return json.loads(done.out) if code == 0 else done.out + done.err

    return call


def test_alarms_are_rationalised_and_shelved(run, tmp_path):
    names = [one["act"] for one in run("act")]
    assert {"monitoring.alarm-rationalise", "governance.draft"} <= set(names)
    run("user", "add", "eve", "--name", "Eve", "--role", "process_engineer")
    file = tmp_path / "alarms.toml"
    file.write_text(ALARMS)
    text = f"text=@{file}"
    done = run("act", "monitoring.alarm-rationalise", text, "reason=first", "--by", "eve")
    assert (done["kind"], done["stream"]) == ("AlarmsPutForward", "master/alarms")
    run("sign", "master/alarms", "--meaning", "approved", "--user", "anna")
    until = "until=2126-01-01T00:00:00+00:00"
    done = run(
        "act", "monitoring.alarm-shelve", "alarm=hot", until, "reason=calibration", "--by", "eve"
    )
    assert done["stream"] == "alarm-class/hot"
    assert run("monitoring", "alarms") == []
    assert "until is no time" in run(
        "act",
        "monitoring.alarm-shelve",
        "alarm=hot",
        "until=soon",
        "reason=x",
        "--by",
        "eve",
        code=3,
    )


def test_what_is_wrong_is_named(run):
    assert "offers the act 'monitoring.no'" in run("act", "monitoring.no", "--by", "anna", code=4)
    assert "--by LOGIN" in run("act", "monitoring.alarm-shelve", "alarm=hot", code=3)
    assert "no key=value" in run("act", "monitoring.alarm-shelve", "alarm", "--by", "anna", code=3)


@pytest.mark.parametrize(
    "given",
    [
        ["a=1", "a=2"],
        ["=1"],
        ["a:={"],
        ["a:=" + "[" * 100_000],
        ["a=@/no/such/file"],
        ["a=@/dev/zero"],
        ["a=@"],
    ],
)
def test_values_that_cannot_be_read(given):
    with pytest.raises(BadInputError):
        read_values(given)
