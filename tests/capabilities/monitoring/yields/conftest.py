"""Homes for the tests of yields."""

import pytest

from goldenbatch.core.records import HomeKind
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite
from tests.capabilities.conftest import Clock
from tests.capabilities.monitoring.yields import plant_home as plant


def _created(path):
    settings = HomeSettings(
        name="test", site="Site A", plant=plant.PLANT, kind=HomeKind.DEMONSTRATION,
        zone="Europe/Ljubljana",
    )  # fmt: skip
    create_home(path, settings)
    return path


@pytest.fixture
def site(tmp_path):
    """An empty home of the plant."""
    with LocalSite.open(_created(tmp_path / "home"), clock=Clock()) as one:
        yield one


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """An empty home that the tests of a module share: each writes under names of its own."""
    path = _created(tmp_path_factory.mktemp("yields") / "home")
    with LocalSite.open(path, clock=Clock()) as one:
        yield one


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """A home with 160 batches; it is only read."""
    path = _created(tmp_path_factory.mktemp("yields") / "home")
    with LocalSite.open(path, clock=Clock()) as one:
        plant.report(one, plant.made())
        yield one
