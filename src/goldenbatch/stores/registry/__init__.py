"""Registry: what was learnt and what was received, by the digest of its content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.stores.registry.registry import (
        MEDIA_TYPES,
        ArtefactFacts,
        ArtefactRefusedError,
        Registry,
    )

__all__ = ["MEDIA_TYPES", "ArtefactFacts", "ArtefactRefusedError", "Registry"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is asked for (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.registry"), name)
