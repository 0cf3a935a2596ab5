"""Homes for the tests of the whole: made once, copied for each test."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration import mill


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make a folder once for all workers of the run; each worker gets a copy of its own."""

    def make(name: str, build: Callable[[Path], None]) -> Path:
        own = tmp_path_factory.mktemp(name) / "made"
        if "PYTEST_XDIST_WORKER" not in os.environ:
            own.mkdir()
            build(own)
            return own
        common = tmp_path_factory.getbasetemp().parent / f"made-{name}"
        with common.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (common / "done").exists():
                shutil.rmtree(common, ignore_errors=True)
                common.mkdir()
                build(common)
                (common / "done").touch()
            shutil.copytree(common, own)
        return own

    return make


@pytest.fixture(scope="session")
def _empty_mill(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mill")
    mill.new_home(folder / "home", folder / "files")
    return folder / "home"


@pytest.fixture()
def home(tmp_path: Path, _empty_mill: Path) -> Path:
    """A home of the mill, empty but for its plant, cards and analyst files."""
    shutil.copytree(_empty_mill, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture()
def files(tmp_path: Path) -> Path:
    """A folder for files to import."""
    (tmp_path / "files").mkdir()
    return tmp_path / "files"


@pytest.fixture(scope="session")
def _lived_mill(made_once: Callable[..., Path], _empty_mill: Path) -> Path:
    def build(folder: Path) -> None:
        shutil.copytree(_empty_mill, folder / "home")
        mill.live_a_life(folder / "home", folder / "files")

    return made_once("lived", build) / "home"


@pytest.fixture()
def lived(tmp_path: Path, _lived_mill: Path) -> Path:
    """A home of the mill with something of everything, its log and its tables filled."""
    shutil.copytree(_lived_mill, tmp_path / "lived")
    return tmp_path / "lived"
