"""Stirred tanks: agitation, heat, sterilisation, blending, and scale-up between them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.science.process.library.mixing_tank.heat import f0_min, survivors
    from goldenbatch.science.process.library.mixing_tank.scale_up import (
        Figures,
        Operation,
        Vessel,
        comparison,
        figures,
        scaled,
    )
    from goldenbatch.science.process.library.mixing_tank.stirred import sterilisation, tank

_HOMES = {
    "heat": ("f0_min", "survivors"),
    "scale_up": ("Figures", "Operation", "Vessel", "comparison", "figures", "scaled"),
    "stirred": ("sterilisation", "tank"),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Figures",
    "Operation",
    "Vessel",
    "comparison",
    "f0_min",
    "figures",
    "scaled",
    "sterilisation",
    "survivors",
    "tank",
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
