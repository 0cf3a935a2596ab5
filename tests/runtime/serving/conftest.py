"""A home with an active model, made once and copied; its people really sign."""

import shutil
from contextlib import ExitStack

import pytest
from tests.capabilities.conftest import PLANT, Clock
from tests.capabilities.governance import plan_home as plan
from tests.capabilities.governance import sealed_case as case

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
def active_home(tmp_path_factory):
    """Path of a home whose model `assay` is active in version 1; not to be changed."""
    import argon2

    path, real = tmp_path_factory.mktemp("serving") / "home", argon2.PasswordHasher
    settings = HomeSettings(
        name="test", site="Site A", plant=PLANT, kind=HomeKind.DEMONSTRATION, zone="UTC"
    )
    create_home(path, settings)
    with pytest.MonkeyPatch.context() as patch, LocalSite.open(path, clock=Clock()) as site:
        patch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))
        case.people(site)
        case.fill(site)
        plan.original(site)
    return path


@pytest.fixture
def opened(tmp_path, active_home, cheap_hashes):
    """Open a copy of the home, as often as is asked."""
    path = tmp_path / "home"
    shutil.copytree(active_home, path)
    with ExitStack() as stack:
        yield lambda **more: stack.enter_context(LocalSite.open(path, clock=Clock(), **more))


@pytest.fixture
def site(opened):
    """The copy, open."""
    return opened()
