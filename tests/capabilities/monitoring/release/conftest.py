"""Homes for release testing, made once and copied."""

import shutil

import pytest

from goldenbatch.core.records import HomeKind
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite
from tests.capabilities.conftest import Clock
from tests.capabilities.governance import sealed_case as case
from tests.capabilities.monitoring.release import bench


@pytest.fixture(scope="session")
def _release_home(tmp_path_factory):
    import argon2

    path, real = tmp_path_factory.mktemp("release") / "home", argon2.PasswordHasher
    settings = HomeSettings(
        name="test", site="Site A", plant=bench.PLANT, kind=HomeKind.DEMONSTRATION, zone="UTC"
    )
    create_home(path, settings)
    with pytest.MonkeyPatch.context() as patch, LocalSite.open(path, clock=Clock()) as site:
        patch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))
        case.people(site)
        site.people.add("root", "Root", case.PASSWORD)
        site.people.grant("root", "administrator", "test")
        case.fill(site)
        bench.to_active(site)
    return path


@pytest.fixture
def plain_home(tmp_path, _release_home, monkeypatch):
    """A home with a model in use for release, and nothing registered."""
    import argon2

    real = argon2.PasswordHasher
    monkeypatch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))
    path = tmp_path / "home"
    shutil.copytree(_release_home, path)
    with LocalSite.open(path, clock=Clock()) as site:
        yield site


@pytest.fixture
def site(plain_home):
    """The same with the registration approved."""
    bench.register(plain_home)
    return plain_home
