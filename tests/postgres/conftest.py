"""Fixtures of the rooms above the ledger, for homes on PostgreSQL."""

from __future__ import annotations

import pytest

from tests.apps.conftest import _installed, cli, outside  # noqa: F401
from tests.postgres.everywhere import on_postgresql
from tests.postgres.kit import Schemas
from tests.runtime.conftest import (  # noqa: F401
    _chain_made,
    bench,
    chain,
    cheap_hashes,
    site,
    team,
)


@pytest.fixture(scope="module")
def _on_postgresql(postgres):
    with on_postgresql(postgres):
        yield


@pytest.fixture(scope="module")
def _empty_home(_on_postgresql, tmp_path_factory):
    from gbx_bench import PLANT, START, Clock

    from goldenbatch.runtime.home import HomeSettings, create_home

    path = tmp_path_factory.mktemp("empty") / "home"
    create_home(path, HomeSettings("Test", "site", PLANT), clock=Clock(START))
    return path


@pytest.fixture(autouse=True)
def _homes(_on_postgresql):
    """All homes of these tests."""


@pytest.fixture
def schemas(postgres):
    """Schemas of the server, removed after the test."""
    made = Schemas(postgres)
    yield made
    made.drop()
