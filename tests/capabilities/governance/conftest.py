"""A home with people and data for models under control, made once."""

import shutil
from contextlib import ExitStack

import pytest
from tests.capabilities.conftest import PLANT, Clock
from tests.capabilities.governance import plan_home as plan
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


@pytest.fixture(scope="session")
def _homes(tmp_path_factory, _governed):
    """Homes with an active original, without and with a plan; made once and copied."""
    import argon2

    real, folder = argon2.PasswordHasher, tmp_path_factory.mktemp("planned")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))
        for name, before, step in (
            ("original", _governed, plan.original), ("planned", folder / "original", plan.planned)
        ):  # fmt: skip
            shutil.copytree(before, folder / name)
            with LocalSite.open(folder / name, clock=Clock()) as site:
                step(site)
    return folder


@pytest.fixture
def opened(tmp_path, _homes, monkeypatch):
    """Open a copy of one of the homes."""
    import argon2

    real = argon2.PasswordHasher
    monkeypatch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))
    with ExitStack() as stack:

        def open_(name):
            shutil.copytree(_homes / name, tmp_path / name)
            return stack.enter_context(LocalSite.open(tmp_path / name, clock=Clock()))

        yield open_


@pytest.fixture
def original(opened):
    return opened("original")


@pytest.fixture
def planned(opened):
    return opened("planned")
