"""Historian: what was measured; durable frames, a Delta table, and one digest a chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.stores.historian._carrying import put_tables
    from goldenbatch.stores.historian._log import WriteRefusedError
    from goldenbatch.stores.historian._tiers import Tier
    from goldenbatch.stores.historian.historian import Historian
    from goldenbatch.stores.historian.settings import HistorianSettings
    from goldenbatch.stores.historian.verify import Problem

__all__ = ["Historian", "HistorianSettings", "Problem", "Tier", "WriteRefusedError", "put_tables"]

_HOMES = {
    "Historian": "historian",
    "HistorianSettings": "settings",
    "Problem": "verify",
    "Tier": "_tiers",
    "WriteRefusedError": "_log",
    "put_tables": "_carrying",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
