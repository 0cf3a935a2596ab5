"""Registry: what was learnt and what was received, by the digest of its content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.stores.registry._mlflow import Column
    from goldenbatch.stores.registry.exporting import ExportedModel, export_mlflow
    from goldenbatch.stores.registry.importing import ImportedModel, import_model
    from goldenbatch.stores.registry.registry import (
        MEDIA_TYPES,
        ArtefactFacts,
        ArtefactRefusedError,
        Registry,
    )

_HOMES = {
    "_mlflow": ("Column",),
    "exporting": ("ExportedModel", "export_mlflow"),
    "importing": ("ImportedModel", "import_model"),
    "registry": ("MEDIA_TYPES", "ArtefactFacts", "ArtefactRefusedError", "Registry"),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "MEDIA_TYPES",
    "ArtefactFacts",
    "ArtefactRefusedError",
    "Column",
    "ExportedModel",
    "ImportedModel",
    "Registry",
    "export_mlflow",
    "import_model",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is asked for (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
