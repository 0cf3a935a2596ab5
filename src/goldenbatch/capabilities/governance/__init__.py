"""Governance: models and change plans under control, from the draft to the retirement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.capabilities.governance.history import History, history_of, overview
    from goldenbatch.core.suspension import fallback_of

_HOMES = {
    "History": "history",
    "fallback_of": "line",
    "history_of": "history",
    "overview": "history",
}

__all__ = [
    "History",
    "fallback_of",
    "history_of",
    "overview",
]


def __getattr__(name: str) -> Any:
    import importlib

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
