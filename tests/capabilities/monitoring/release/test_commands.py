"""Release testing from the command line; the how-to runs the rest of the commands."""

import json
import shutil
from pathlib import Path

import pytest

from goldenbatch.apps.cli import run as run_cli
from goldenbatch.capabilities.monitoring.release.files import load_registration
from goldenbatch.core.errors import BadInputError
from goldenbatch.runtime.local import LocalSite
from tests.capabilities.monitoring.release import bench

EXAMPLE = Path(__file__).parents[4] / "examples" / "release" / "registration.toml"


@pytest.fixture
def home(tmp_path, _release_home, monkeypatch):
    import argon2

    real = argon2.PasswordHasher
    monkeypatch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", bench.PASSWORD)
    path = tmp_path / "home"
    shutil.copytree(_release_home, path)
    with LocalSite.open(path) as site:
        bench.batch(site, "R1")
        bench.batch(site, "R2", *bench.FAILS, number=1)
    return path


@pytest.fixture
def run(home, capsys):
    def call(*arguments, code=0):
        found = run_cli(["release", *map(str, arguments), "--home", str(home), "--json"])
        told = capsys.readouterr()
        assert found == code, told.out + told.err
        return json.loads(told.out) if told.out.strip().startswith("{") else told.out + told.err

    return call


def test_from_the_registration_to_what_came_of_it(run, tmp_path):
    key = ("P", "EU", "assay")
    done = run("register", EXAMPLE, "--by", "dev", "--reason", "variation approved")
    assert done["kind"] == "ReleaseRegistrationProposed"
    denied = run("confirm", *key, "--by", "dev", "--reason", "same", code=5)
    assert "approves nothing" in denied["message"]
    assert run("confirm", *key, "--by", "qa", "--reason", "as filed")["meaning"] == "approved"
    assert run("registrations")["registrations"][0]["state"] == "version 1 approved"
    assert run("test", "R1", "EU", "assay", "--by", "dev")["outcome"] == "passes"
    failed = run("test", "R2", "EU", "assay", "--by", "dev", code=1)
    assert (failed["outcome"], failed["state"]) == ("fails", "under investigation")
    assert failed["why"].endswith("is outside 50.0 to 63.0 g/L")
    (row,) = run("show", "R2")["attributes"]
    assert row["state"] == "under investigation"
    assert "no page" in run("page", "R2", "EU", tmp_path / "out", code=4)["message"]
    run("withdraw", *key, "--by", "qa", "--reason", "variation withdrawn")
    assert run("registrations")["registrations"][0]["state"] == "version 1 withdrawn"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('schema = "goldenbatch/release-registration/1"', "", "no registration"),
        ('upper = "63.0"', 'upper = "40.0"', "is above upper"),
        ("confidence = 0.9", "confidence = 0.2", "confidence"),
        ('market = "EU"', 'market = "EU', "not TOML"),
        ("2023-11-14T00:00:00Z", "2023-11-14T00:00:00", "offset"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(old, new, why):
    text = EXAMPLE.read_text("utf-8")
    assert old in text
    with pytest.raises(BadInputError, match=why) as error:
        load_registration(text.replace(old, new), "registration.toml")
    assert "registration.toml" in str(error.value)
