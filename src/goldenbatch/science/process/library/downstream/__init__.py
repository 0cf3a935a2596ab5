"""Downstream operations: harvest, capture, viral inactivation, filtration, with their flows."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.science.process.library.downstream.centrifuge import (
        Broth,
        Machine,
        clarify,
        separation_efficiency,
    )
    from goldenbatch.science.process.library.downstream.depth_filter import (
        Blocking,
        fit_pressure,
        fit_v_max,
        size_filter,
    )
    from goldenbatch.science.process.library.downstream.flows import Flows
    from goldenbatch.science.process.library.downstream.protein_a import Capture, capture
    from goldenbatch.science.process.library.downstream.resin import Impurity, Resin
    from goldenbatch.science.process.library.downstream.ufdf import (
        Membrane,
        Plan,
        filter_pool,
        ultrafiltration,
    )
    from goldenbatch.science.process.library.downstream.viral_inactivation import (
        Rates,
        hold,
        hold_limits,
    )

_HOMES = {
    "centrifuge": ("Broth", "Machine", "clarify", "separation_efficiency"),
    "depth_filter": ("Blocking", "fit_pressure", "fit_v_max", "size_filter"),
    "flows": ("Flows",),
    "protein_a": ("Capture", "capture"),
    "resin": ("Impurity", "Resin"),
    "ufdf": ("Membrane", "Plan", "filter_pool", "ultrafiltration"),
    "viral_inactivation": ("Rates", "hold", "hold_limits"),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Blocking",
    "Broth",
    "Capture",
    "Flows",
    "Impurity",
    "Machine",
    "Membrane",
    "Plan",
    "Rates",
    "Resin",
    "capture",
    "clarify",
    "filter_pool",
    "fit_pressure",
    "fit_v_max",
    "hold",
    "hold_limits",
    "separation_efficiency",
    "size_filter",
    "ultrafiltration",
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
