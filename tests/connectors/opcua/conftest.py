"""Servers of node-opcua for tests of the connector."""

from __future__ import annotations

import pytest

from tests.conftest import missing
from tests.connectors.opcua.kit import PEERS, Home, PlantServer


@pytest.fixture(scope="session")
def node_opcua(program):
    """Path of node, where node-opcua is installed."""
    node = program("node")
    if not (PEERS / "node_modules" / "node-opcua").is_dir():
        missing("node-opcua is not installed: run `npm ci` in tests/peers")
    return node


@pytest.fixture(scope="session")
def plant(node_opcua, tmp_path_factory):
    """A server that all tests share; each uses nodes of its own or sets them back."""
    server = PlantServer(
        node_opcua, tmp_path_factory.mktemp("plant"), history="", acceptUnknown=True
    )
    server.start()
    yield server
    server.kill()


@pytest.fixture
def new_plant(node_opcua, tmp_path):
    """Makes servers that a test starts and may kill."""
    made = []

    def make(**options):
        folder = tmp_path / f"plant{len(made)}"
        made.append(PlantServer(node_opcua, folder, **options))
        return made[-1]

    yield make
    for one in made:
        one.kill()


@pytest.fixture
def home(tmp_path):
    """A fresh home."""
    return Home(tmp_path / "home")
