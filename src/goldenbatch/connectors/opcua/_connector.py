"""The manifest of the connector, as pure data."""

from __future__ import annotations

from goldenbatch.core.acquisition import ConnectorManifest
from goldenbatch.core.capability import Offer

_PACKAGE = "goldenbatch.connectors.opcua"

CONNECTOR = ConnectorManifest(
    name="opcua",
    title="OPC UA",
    tier="silver",
    factory=Offer(
        "opcua", f"{_PACKAGE}.connector:make_connector", "Reads a server by subscriptions."
    ),
    browse=Offer("browse", f"{_PACKAGE}.browsing:browse", "Lists the variables of a server."),
    extra="opcua",
)
"""Found by the entry point group of connectors."""
