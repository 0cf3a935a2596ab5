"""MQTT: Sparkplug B as a host application, and plain topics of JSON.

>>> from goldenbatch.connectors.mqtt import SparkplugSettings
>>> broker = {"host": "broker.plant", "user": "gb", "password": "env:MQTT_PASSWORD"}
>>> SparkplugSettings.model_validate({"broker": broker, "host_id": "goldenbatch"}).reorder_s
2.0
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.connectors.mqtt._connector import MQTT, SPARKPLUG
    from goldenbatch.connectors.mqtt.host import Host
    from goldenbatch.connectors.mqtt.settings import MqttSettings, SparkplugSettings
    from goldenbatch.connectors.mqtt.sparkplug import (
        SparkplugConnector,
        browse_sparkplug,
        make_sparkplug,
    )
    from goldenbatch.connectors.mqtt.topics import MqttConnector, make_mqtt

_PLACES = {
    "MQTT": "_connector",
    "SPARKPLUG": "_connector",
    "Host": "host",
    "MqttConnector": "topics",
    "MqttSettings": "settings",
    "SparkplugConnector": "sparkplug",
    "SparkplugSettings": "settings",
    "browse_sparkplug": "sparkplug",
    "make_mqtt": "topics",
    "make_sparkplug": "sparkplug",
}

__all__ = [
    "MQTT",
    "SPARKPLUG",
    "Host",
    "MqttConnector",
    "MqttSettings",
    "SparkplugConnector",
    "SparkplugSettings",
    "browse_sparkplug",
    "make_mqtt",
    "make_sparkplug",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for (PEP 562)."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
