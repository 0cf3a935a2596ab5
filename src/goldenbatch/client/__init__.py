"""A plant in a notebook: the typed client of a node's REST API, with tables for pandas and polars.

from goldenbatch.client import connect

with connect("http://127.0.0.1:8600", login="rita") as plant:
plant.batches().to_pandas()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from goldenbatch.client.live import LiveGap, LiveReading
    from goldenbatch.client.plant import PlantClient, connect
    from goldenbatch.client.rows import (
        Batch,
        FindingRow,
        Lot,
        Phase,
        ResultRow,
        Sample,
        Signed,
    )
    from goldenbatch.client.tables import Aligned, Readings, Rows

_HOMES = {
    "Aligned": "tables",
    "Batch": "rows",
    "FindingRow": "rows",
    "LiveGap": "live",
    "LiveReading": "live",
    "Lot": "rows",
    "Phase": "rows",
    "PlantClient": "plant",
    "Readings": "tables",
    "ResultRow": "rows",
    "Rows": "tables",
    "Sample": "rows",
    "Signed": "rows",
    "connect": "plant",
}

__all__ = [
    "Aligned",
    "Batch",
    "FindingRow",
    "LiveGap",
    "LiveReading",
    "Lot",
    "Phase",
    "PlantClient",
    "Readings",
    "ResultRow",
    "Rows",
    "Sample",
    "Signed",
    "connect",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"goldenbatch.client.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
