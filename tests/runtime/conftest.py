"""A real home in a temporary folder."""

import shutil
import sys
from pathlib import Path

import pytest

SUPPORT = str(Path(__file__).parent / "support")
if SUPPORT not in sys.path:
    sys.path.insert(0, SUPPORT)
# Looked through for doctests, they would be imported a second time, under another name, and
# what they put into registers of the program (record types) would be there twice.
collect_ignore_glob = ["support/*"]


@pytest.fixture(scope="session")
def _empty_home(tmp_path_factory):
    from gbx_bench import PLANT, START, Clock

    from goldenbatch.runtime.home import HomeSettings, create_home

    path = tmp_path_factory.mktemp("empty") / "home"
    create_home(path, HomeSettings("Test", "site", PLANT), clock=Clock(START))
    return path


@pytest.fixture
def bench(tmp_path, _empty_home):
    """A fresh home, copied from one that was made once."""
    from gbx_bench import START, Bench, Clock

    path = tmp_path / "home"
    shutil.copytree(_empty_home, path)
    return Bench(path, Clock(START + 60_000_000))


@pytest.fixture
def site(bench):
    """The fresh home, open."""
    with bench.open() as opened:
        yield opened


@pytest.fixture
def cheap_hashes(monkeypatch):
    """Argon2id with little memory, where its strength is not what is tested."""
    import argon2

    real = argon2.PasswordHasher
    monkeypatch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))


@pytest.fixture(scope="session")
def _lived(tmp_path_factory, _empty_home):
    """A home in which a batch was made and certified, with readings and a schedule in force."""
    import argon2
    from gbx_bench import START, Bench, Clock
    from gbx_retention import live

    path = tmp_path_factory.mktemp("lived") / "home"
    shutil.copytree(_empty_home, path)
    bench, real = Bench(path, Clock(START + 60_000_000)), argon2.PasswordHasher
    with pytest.MonkeyPatch.context() as patch, bench.open() as site:
        patch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))
        live(bench, site)
    return path, bench.clock.now


@pytest.fixture
def old(bench, _lived, cheap_hashes):
    """A home with a certified batch and a schedule of retention, open and one's own."""
    path, bench.clock.now = _lived
    shutil.rmtree(bench.path)
    shutil.copytree(path, bench.path)
    with bench.open() as opened:
        yield opened


@pytest.fixture
def team(bench, site, cheap_hashes):
    """Ann and Bob review; Root and Ruth administer; a batch waits for them."""
    from gbx_ceremony import person

    for login in ("ann", "bob"):
        person(site, login, "quality_reviewer")
    for login in ("root", "ruth"):
        person(site, login, "administrator")
    bench.batch(site, "B7", 0)
    return site


@pytest.fixture(scope="session")
def _chain_made(tmp_path_factory):
    from gbx_chain import Chain

    folder = tmp_path_factory.mktemp("chain") / "homes"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        import argon2

        real = argon2.PasswordHasher
        patch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))
        Chain(folder).change()
    return folder


@pytest.fixture
def chain(tmp_path, _chain_made, cheap_hashes):
    """Homes of development, validation and production, each with a person who approves."""
    from gbx_bench import START, Clock
    from gbx_chain import Chain

    made = Chain.__new__(Chain)
    made.folder, made.clock = tmp_path / "homes", Clock(START + 3_600_000_000)
    shutil.copytree(_chain_made, made.folder)
    return made
