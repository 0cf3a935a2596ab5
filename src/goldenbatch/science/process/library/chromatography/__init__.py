"""Chromatography columns: lumped and general rate models, and what is read off chromatograms."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.science.process.library.chromatography.bindings import (
        Langmuir,
        Linear,
        StericMassAction,
    )
    from goldenbatch.science.process.library.chromatography.breakthrough import (
        dynamic_binding_capacity,
        transition,
    )
    from goldenbatch.science.process.library.chromatography.cadet import from_cadet
    from goldenbatch.science.process.library.chromatography.chromatogram import (
        Balance,
        Chromatogram,
    )
    from goldenbatch.science.process.library.chromatography.column import (
        Column,
        Grid,
        Particle,
        Section,
    )
    from goldenbatch.science.process.library.chromatography.model import column_model
    from goldenbatch.science.process.library.chromatography.peaks import (
        find_peaks,
        moments,
        plate_height,
        resolution,
    )
    from goldenbatch.science.process.library.chromatography.pooling import (
        best_pool,
        fractions,
        pool,
        productivity,
    )
    from goldenbatch.science.process.library.chromatography.running import Tolerance, run

_HOMES = {
    "bindings": ("Langmuir", "Linear", "StericMassAction"),
    "breakthrough": ("dynamic_binding_capacity", "transition"),
    "cadet": ("from_cadet",),
    "chromatogram": ("Balance", "Chromatogram"),
    "column": ("Column", "Grid", "Particle", "Section"),
    "model": ("column_model",),
    "peaks": ("find_peaks", "moments", "plate_height", "resolution"),
    "pooling": ("best_pool", "fractions", "pool", "productivity"),
    "running": ("Tolerance", "run"),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Balance",
    "Chromatogram",
    "Column",
    "Grid",
    "Langmuir",
    "Linear",
    "Particle",
    "Section",
    "StericMassAction",
    "Tolerance",
    "best_pool",
    "column_model",
    "dynamic_binding_capacity",
    "find_peaks",
    "fractions",
    "from_cadet",
    "moments",
    "plate_height",
    "pool",
    "productivity",
    "resolution",
    "run",
    "transition",
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
