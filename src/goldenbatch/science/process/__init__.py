"""Digital twins of unit operations: one declared model for every use of it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.science.process.builder import ModelBuilder
    from goldenbatch.science.process.controllers import Pid
    from goldenbatch.science.process.declarations import Noise, Prior
    from goldenbatch.science.process.integrate import Settings
    from goldenbatch.science.process.model import Model, ModelRef
    from goldenbatch.science.process.recipe import (
        Constant,
        Happening,
        Hold,
        Linear,
        Recipe,
        Shift,
        Steps,
    )
    from goldenbatch.science.process.result import Note, Provenance, Simulation
    from goldenbatch.science.process.simulation import simulate

_HOMES = {
    "builder": ("ModelBuilder",),
    "controllers": ("Pid",),
    "declarations": ("Noise", "Prior"),
    "integrate": ("Settings",),
    "model": ("Model", "ModelRef"),
    "recipe": ("Constant", "Happening", "Hold", "Linear", "Recipe", "Shift", "Steps"),
    "result": ("Note", "Provenance", "Simulation"),
    "simulation": ("simulate",),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Constant",
    "Happening",
    "Hold",
    "Linear",
    "Model",
    "ModelBuilder",
    "ModelRef",
    "Noise",
    "Note",
    "Pid",
    "Prior",
    "Provenance",
    "Recipe",
    "Settings",
    "Shift",
    "Simulation",
    "Steps",
    "simulate",
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
