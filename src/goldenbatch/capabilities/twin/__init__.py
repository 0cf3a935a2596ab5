"""Digital twins: models of process and line brought to plants, batches, files and people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.capabilities.twin.study import Study, load_study

_HOMES = {"Study": "study", "load_study": "study"}

__all__ = ["Study", "load_study"]


def __getattr__(name: str) -> Any:
    import importlib

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
