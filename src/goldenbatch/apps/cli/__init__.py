"""The command line: one lazy tree of commands, a client of the node when one runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.apps.cli._main import main, run

__all__ = ["main", "run"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from goldenbatch.apps.cli import _main

        return getattr(_main, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
