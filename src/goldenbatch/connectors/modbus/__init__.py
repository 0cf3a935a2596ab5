"""Modbus TCP, read only: registers and bits of older machines, polled on a steady beat.

>>> from goldenbatch.connectors.modbus import ModbusSettings
>>> point = {"tag": "site/dryer/temp", "address": 10, "type": "float32"}
>>> ModbusSettings.model_validate({"host": "plc", "points": [point]}).points[0].n_registers
2
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.connectors.modbus._connector import CONNECTOR
    from goldenbatch.connectors.modbus.connector import ModbusConnector, make_connector
    from goldenbatch.connectors.modbus.settings import ModbusSettings, Point, read_settings

_PLACES = {
    "CONNECTOR": "_connector",
    "ModbusConnector": "connector",
    "ModbusSettings": "settings",
    "Point": "settings",
    "make_connector": "connector",
    "read_settings": "settings",
}

__all__ = [
    "CONNECTOR",
    "ModbusConnector",
    "ModbusSettings",
    "Point",
    "make_connector",
    "read_settings",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for (PEP 562)."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
