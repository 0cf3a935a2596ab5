"""A home with people and data for models under control, made once."""

import shutil

import pytest
from tests.capabilities.conftest import PLANT, Clock
from tests.capabilities.governance import sealed_case as case

from goldenbatch.core.records import HomeKind
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite


@pytest.fixture(scope="session")
def _governed(tmp_path_factory):
    import argon2

    path, real = tmp_path_factory.mktemp("governed") / "home", argon2.PasswordHasher
    settings = HomeSettings(
        name="test", site="Site A", plant=PLANT, kind=HomeKind.DEMONSTRATION, zone="UTC"
    )
    create_home(path, settings)
    with pytest.MonkeyPatch.context() as patch, LocalSite.open(path, clock=Clock()) as site:
        patch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))
        case.people(site)
        case.fill(site)
    return path


@pytest.fixture
def governed(tmp_path, _governed, monkeypatch):
    """A home of one's own with 24 batches and six people, open."""
    import argon2

    real = argon2.PasswordHasher
    monkeypatch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))
    path = tmp_path / "home"
    shutil.copytree(_governed, path)
    with LocalSite.open(path, clock=Clock()) as site:
        yield site
