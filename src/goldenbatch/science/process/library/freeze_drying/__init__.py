"""Freeze-drying: freezing, primary and secondary drying, equipment, optimisation, fitting."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.science.process.library.freeze_drying.containers import (
        Cake,
        Formulation,
        HeatTransfer,
        Vial,
        Vials,
    )
    from goldenbatch.science.process.library.freeze_drying.cycle import (
        Cycle,
        EndConvention,
        pirani_end,
    )
    from goldenbatch.science.process.library.freeze_drying.cycle_report import report
    from goldenbatch.science.process.library.freeze_drying.design_space import shelf_isotherms
    from goldenbatch.science.process.library.freeze_drying.ends import EndRule, load_end_s, soak
    from goldenbatch.science.process.library.freeze_drying.equipment import Capability, Equipment
    from goldenbatch.science.process.library.freeze_drying.freezing import freeze
    from goldenbatch.science.process.library.freeze_drying.optimise import Limits, fastest_shelf
    from goldenbatch.science.process.library.freeze_drying.posterior import (
        Problem,
        fit_cycle,
        traces_of,
    )
    from goldenbatch.science.process.library.freeze_drying.primary import Conditions, dry
    from goldenbatch.science.process.library.freeze_drying.schedule import Schedule
    from goldenbatch.science.process.library.freeze_drying.secondary import dry_secondary

_HOMES = {
    "containers": ("Cake", "Formulation", "HeatTransfer", "Vial", "Vials"),
    "cycle": ("Cycle", "EndConvention", "pirani_end"),
    "cycle_report": ("report",),
    "design_space": ("shelf_isotherms",),
    "ends": ("EndRule", "load_end_s", "soak"),
    "equipment": ("Capability", "Equipment"),
    "freezing": ("freeze",),
    "optimise": ("Limits", "fastest_shelf"),
    "posterior": ("Problem", "fit_cycle", "traces_of"),
    "primary": ("Conditions", "dry"),
    "schedule": ("Schedule",),
    "secondary": ("dry_secondary",),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Cake",
    "Capability",
    "Conditions",
    "Cycle",
    "EndConvention",
    "EndRule",
    "Equipment",
    "Formulation",
    "HeatTransfer",
    "Limits",
    "Problem",
    "Schedule",
    "Vial",
    "Vials",
    "dry",
    "dry_secondary",
    "fastest_shelf",
    "fit_cycle",
    "freeze",
    "load_end_s",
    "pirani_end",
    "report",
    "shelf_isotherms",
    "soak",
    "traces_of",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
