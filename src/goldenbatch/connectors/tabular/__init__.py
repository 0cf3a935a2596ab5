"""Files into all stores, driven by a source card: CSV, Excel and Parquet.

>>> from goldenbatch.connectors.tabular import parse_card
>>> card = parse_card('''
... name = "scale"
... zone = "Europe/Ljubljana"
... [[table]]
... name = "weights"
... files = ["*.csv"]
... time = { column = "at" }
... [[table.tag]]
... tag = "site/scale/weight"
... column = "weight"
... unit = "g"
... ''')
>>> card.tables[0].declared_columns()
('at', 'weight')
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.connectors.tabular._connector import CONNECTOR
    from goldenbatch.connectors.tabular._files import card_root
    from goldenbatch.connectors.tabular._folder import FolderSettings
    from goldenbatch.connectors.tabular.card import SourceCard, TableSpec, load_card, parse_card
    from goldenbatch.connectors.tabular.importing import (
        FileReport,
        ImportOptions,
        ImportReport,
        Preview,
        Problem,
        import_card,
        preview,
    )
    from goldenbatch.connectors.tabular.watching import make_watcher

_PLACES = {
    "CONNECTOR": "_connector",
    "FileReport": "importing",
    "FolderSettings": "_folder",
    "ImportOptions": "importing",
    "ImportReport": "importing",
    "Preview": "importing",
    "Problem": "importing",
    "SourceCard": "card",
    "TableSpec": "card",
    "card_root": "_files",
    "import_card": "importing",
    "load_card": "card",
    "make_watcher": "watching",
    "parse_card": "card",
    "preview": "importing",
}

__all__ = [
    "CONNECTOR",
    "FileReport",
    "FolderSettings",
    "ImportOptions",
    "ImportReport",
    "Preview",
    "Problem",
    "SourceCard",
    "TableSpec",
    "card_root",
    "import_card",
    "load_card",
    "make_watcher",
    "parse_card",
    "preview",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for (PEP 562)."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
