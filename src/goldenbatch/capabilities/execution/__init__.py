"""Batch records: the dossier of a batch, for people and for machines that check it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.capabilities.execution._documents import write_report
    from goldenbatch.capabilities.execution.dossier import Dossier, collect
    from goldenbatch.capabilities.execution.trail import write_trail

__all__ = ["Dossier", "collect", "write_report", "write_trail"]

_HOMES = {
    "Dossier": "dossier",
    "collect": "dossier",
    "write_report": "_documents",
    "write_trail": "trail",
}


def __getattr__(name: str) -> Any:
    import importlib

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
