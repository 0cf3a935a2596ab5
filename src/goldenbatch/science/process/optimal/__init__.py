"""Optimal control of declared models: feeds and profiles by direct collocation."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.science.process.optimal.problem import (
        Control,
        Limit,
        Problem,
        Scenario,
        Term,
    )
    from goldenbatch.science.process.optimal.receding import Move, next_move, remainder
    from goldenbatch.science.process.optimal.solve import Optimum, Options, Start, optimise

_HOMES = {
    "problem": ("Control", "Limit", "Problem", "Scenario", "Term"),
    "receding": ("Move", "next_move", "remainder"),
    "solve": ("Optimum", "Options", "Start", "optimise"),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Control",
    "Limit",
    "Move",
    "Optimum",
    "Options",
    "Problem",
    "Scenario",
    "Start",
    "Term",
    "next_move",
    "optimise",
    "remainder",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name in _MODULE_OF:
        return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
