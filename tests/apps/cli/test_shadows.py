"""Shadows on the command line: begun and ended by a person, told in the history, verified."""

import shutil

import pytest

from goldenbatch.core.records import HomeKind
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite
from tests.capabilities.conftest import PLANT, Clock
from tests.capabilities.governance import plan_home as plan
from tests.capabilities.governance import sealed_case as case
from tests.capabilities.governance import test_shadow as shadows


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home with version 1 at work and version 2 trained."""
    import argon2

    real = argon2.PasswordHasher
    monkeypatch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", case.PASSWORD)
    path = tmp_path / "home"
    settings = HomeSettings(
        name="test", site="Site A", plant=PLANT, kind=HomeKind.DEMONSTRATION, zone="UTC"
    )
    create_home(path, settings)
    with LocalSite.open(path, clock=Clock()) as site:
        case.people(site)
        case.fill(site)
        plan.original(site)
        shadows.candidate(site, ridge=0.5)
    yield path
    shutil.rmtree(path)


def test_a_shadow_from_the_command_line(cli, home, tmp_path):
    def model(*arguments, code=0):
        done = cli("model", *arguments, "--home", home, "--json")
        assert done.code == code, done.out + done.err
        return done.json if code == 0 else done.out + done.err

    asked = ("shadow-start", "assay@2", "--maximum", "3.0", "--by", "dev")
    assert "no analyst of this home runs shadows" in model(*asked, "--reason", "x", code=6)
    (home / "analysts").mkdir(exist_ok=True)
    (home / "analysts" / "shadow.toml").write_text('analyst = "governance.shadow"\n[settings]\n')
    assert cli("adopt", "shadow", home / "analysts" / "shadow.toml", "--home", home).code == 0
    begun = model(*asked, "--reason", "is it better?", "--margin", "0.5", "--measure", "mse")
    assert (begun["stream"], begun["kind"]) == ("model/assay/2", "ShadowStarted")
    assert cli("run", "--home", home).code == 0
    ended = model("shadow-end", "assay@2", "--by", "dev", "--reason", "enough")
    assert ended["kind"] == "ShadowEnded"
    told = cli("model", "history", "assay@2", "--home", home)
    assert told.code == 0, told.out + told.err
    assert "run beside version 1" in told.out.replace("\n", " ")
    assert cli("verify", "--home", home).code == 0
