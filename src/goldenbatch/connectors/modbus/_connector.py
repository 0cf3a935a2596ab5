"""The manifest of the Modbus connector."""

from goldenbatch.core.acquisition import ConnectorManifest
from goldenbatch.core.capability import Offer

CONNECTOR = ConnectorManifest(
    name="modbus",
    title="Modbus TCP, read only",
    tier="silver",
    factory=Offer(
        "modbus", "goldenbatch.connectors.modbus:make_connector", "Reads registers and bits."
    ),
    extra="modbus",
)
