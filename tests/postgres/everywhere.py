"""Run tests that were written for homes with a file on homes in PostgreSQL.

`python -m pytest -p tests.postgres.everywhere tests/runtime tests/apps tests/verifier` makes each
new home, and each copy of one, in a schema of its own on a real server. Tests that reach into the
file itself are left out, by name.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from goldenbatch.core.config import HOME_FILE, load_settings
from goldenbatch.runtime import home as homes

OF_THE_FILE = (
    "test_changes_in_the_ledger_are_named",
    "test_a_state_that_is_ahead_is_named",
    "test_damage_is_code_7",
    "test_projections_are_checked_and_folded_anew",
)
"""Tests that open `ledger.sqlite` themselves; tests/postgres does the same on the server."""


@contextmanager
def on_postgresql(admin: str) -> Iterator[None]:
    """Homes that are made or copied meanwhile lie on the server."""
    from tests.postgres.kit import Schemas

    schemas, patch = Schemas(admin), pytest.MonkeyPatch()
    plain, copy = homes.HomeSettings.settings, shutil.copytree

    def settings(given):
        if "ledger" in given.more:
            return plain(given)
        return plain(replace(given, more={**given.more, "ledger": {"url": schemas.new()}}))

    def copytree(source, target, *args, **more):
        done = copy(source, target, *args, **more)
        for file in Path(target).rglob(HOME_FILE):
            if load_settings(file.parent).ledger.url:
                schemas.carry(file.parent)
        return done

    patch.setattr(homes.HomeSettings, "settings", settings)
    patch.setattr(shutil, "copytree", copytree)
    try:
        yield
    finally:
        patch.undo()
        schemas.drop()


@pytest.fixture(scope="session", autouse=True)
def _on_postgresql(postgres):
    with on_postgresql(postgres):
        yield


def pytest_collection_modifyitems(items):
    """Leave out what reaches into the file."""
    items[:] = [one for one in items if one.originalname not in OF_THE_FILE]
