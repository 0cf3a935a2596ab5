"""The connector is what every connector must be."""

from __future__ import annotations

import pytest

from goldenbatch.connectors.opcua import CONNECTOR
from goldenbatch.runtime.acquisition import manifests
from goldenbatch.testing.conformance import connector_checks


@pytest.mark.parametrize("check", connector_checks("goldenbatch.connectors.opcua"), ids=str)
def test_conformance(check):
    check.run()


def test_the_manifest_is_found_and_what_it_names_loads():
    assert manifests()["opcua"] == CONNECTOR
    assert callable(CONNECTOR.factory.load())
    assert callable(CONNECTOR.browse.load())
