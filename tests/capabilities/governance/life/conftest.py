"""A home with the people of `team` and a sealed set, made once and copied."""

import shutil

import pytest
from tests.capabilities.conftest import PLANT, Clock
from tests.capabilities.governance import team

from goldenbatch.core.records import HomeKind
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite


@pytest.fixture
def cheap_hashes(monkeypatch):
    """Argon2id with little memory, where its strength is not what is tested."""
    import argon2

    real = argon2.PasswordHasher
    monkeypatch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))


@pytest.fixture(scope="session")
def staffed(tmp_path_factory):
    """Path of the home, not to be changed, and its clock's time."""
    import argon2

    path, clock = tmp_path_factory.mktemp("staffed") / "home", Clock()
    settings = HomeSettings(
        name="test", site="Site A", plant=PLANT, kind=HomeKind.DEMONSTRATION,
        zone="Europe/Ljubljana",
    )  # fmt: skip
    create_home(path, settings, clock=clock)
    real = argon2.PasswordHasher
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))
        with LocalSite.open(path, clock=clock) as site:
            team.people(site)
            team.seal(site)
    return path, clock.now


@pytest.fixture
def governed(tmp_path, staffed, cheap_hashes):
    """The home, one's own and open."""
    source, now = staffed
    path, clock = tmp_path / "home", Clock()
    shutil.copytree(source, path)
    clock.now = max(now, clock.now)
    with LocalSite.open(path, clock=clock) as site:
        yield site
