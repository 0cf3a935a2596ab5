"""OPC UA: subscriptions, backfill from history, alarms and browsing, over asyncua.

>>> from goldenbatch.connectors.opcua import OpcUaSettings
>>> settings = OpcUaSettings.model_validate(
...     {
...         "url": "opc.tcp://press.example:4840",
...         "user": {"kind": "anonymous"},
...         "items": [{"node": "nsu=urn:press;s=Force", "tag": "force"}],
...     }
... )
>>> settings.security.mode, settings.subscription.publishing_ms
('SignAndEncrypt', 1000)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.connectors.opcua._connector import CONNECTOR
    from goldenbatch.connectors.opcua.browsing import browse, propose_card, propose_plant
    from goldenbatch.connectors.opcua.connector import OpcUaConnector, make_connector
    from goldenbatch.connectors.opcua.security import Identity, ensure_identity, thumbprint
    from goldenbatch.connectors.opcua.settings import OpcUaSettings, read_settings

_PLACES = {
    "CONNECTOR": "_connector",
    "Identity": "security",
    "OpcUaConnector": "connector",
    "OpcUaSettings": "settings",
    "browse": "browsing",
    "ensure_identity": "security",
    "make_connector": "connector",
    "propose_card": "browsing",
    "propose_plant": "browsing",
    "read_settings": "settings",
    "thumbprint": "security",
}

__all__ = [
    "CONNECTOR",
    "Identity",
    "OpcUaConnector",
    "OpcUaSettings",
    "browse",
    "ensure_identity",
    "make_connector",
    "propose_card",
    "propose_plant",
    "read_settings",
    "thumbprint",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for (PEP 562)."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
