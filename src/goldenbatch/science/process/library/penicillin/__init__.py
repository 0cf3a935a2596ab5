"""Fed-batch penicillin: the IndPenSim benchmark, as published and set right.

`model(mode)` declares it, `draw(seed)` gives a batch of its population, `batch(start)` runs one,
`columns(run)` writes it under the reference's names, `replay(capture(...))` compares.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.science.process.library.penicillin.comparison import (
        Capture,
        Comparison,
        capture,
        replay,
    )
    from goldenbatch.science.process.library.penicillin.declaration import model
    from goldenbatch.science.process.library.penicillin.modes import Corrections, Mode, corrections
    from goldenbatch.science.process.library.penicillin.record import UNITS, Yield, columns, yields
    from goldenbatch.science.process.library.penicillin.start import (
        BatchStart,
        captured,
        draw,
        nominal,
    )
    from goldenbatch.science.process.library.penicillin.twin import SETTINGS, Plan, batch, recipe
    from goldenbatch.science.process.library.penicillin.upsets import NAMES as FAULTS

_HOMES = {
    "declaration": ("model",),
    "modes": ("Corrections", "Mode", "corrections"),
    "record": ("UNITS", "Yield", "columns", "yields"),
    "comparison": ("Capture", "Comparison", "capture", "replay"),
    "start": ("BatchStart", "captured", "draw", "nominal"),
    "twin": ("SETTINGS", "Plan", "batch", "recipe"),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "FAULTS",
    "SETTINGS",
    "UNITS",
    "BatchStart",
    "Capture",
    "Comparison",
    "Corrections",
    "Mode",
    "Plan",
    "Yield",
    "batch",
    "capture",
    "captured",
    "columns",
    "corrections",
    "draw",
    "model",
    "nominal",
    "recipe",
    "replay",
    "yields",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name == "FAULTS":
        return import_module(f"{__name__}.upsets").NAMES
    if name in _MODULE_OF:
        return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
