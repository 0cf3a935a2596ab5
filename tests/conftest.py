"""Fixtures of all tests: where the real data are, and services that may be missing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("GOLDENBATCH_CI") == "1"

settings.register_profile(
    "goldenbatch",
    deadline=None,
    max_examples=int(os.environ.get("GOLDENBATCH_EXAMPLES", "30")),
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("goldenbatch")


def data_root() -> Path:
    """Folder of the real data sets, `GOLDENBATCH_DATA` or ../shared/data."""
    return Path(os.environ.get("GOLDENBATCH_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def real_data():
    """Path of a real data set by its folder name; the test is skipped where it is absent."""

    def find(name: str) -> Path:
        path = data_root() / name
        if not path.exists():
            missing(f"real data {name!r}: no {path}; set GOLDENBATCH_DATA")
        return path

    return find


@pytest.fixture(scope="session")
def program():
    """Path of a program that a service test needs; skipped (in CI: failed) without it."""

    def find(*names: str) -> str:
        for name in names:
            found = shutil.which(name)
            if found:
                return found
        return missing(f"program {' or '.join(names)} is not installed")

    return find


def missing(what: str) -> str:
    """Skip a test for want of something; in CI everything is there, so fail."""
    if IN_CI:
        pytest.fail(f"in CI this must be there: {what}")
    pytest.skip(what)
    return ""


@pytest.fixture(scope="session")
def postgres():
    """URL of an administrator of a PostgreSQL server, started once for all tests."""
    from tests.stores.ledger.postgres_kit import server

    with server() as url:
        yield url
