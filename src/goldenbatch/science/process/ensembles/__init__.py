"""Many runs of one model: ensembles, design spaces, sensitivity, robust optima, stress tests."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.science.process.ensembles.ensemble import run_ensemble
    from goldenbatch.science.process.ensembles.factors import Factor
    from goldenbatch.science.process.ensembles.figures import Criterion, Figure
    from goldenbatch.science.process.ensembles.members import Members
    from goldenbatch.science.process.ensembles.runs import Ensemble, EnsembleProvenance, Feasible
    from goldenbatch.science.process.ensembles.study import Executor, Study, serial

_HOMES = {
    "ensemble": ("run_ensemble",),
    "factors": ("Factor",),
    "figures": ("Criterion", "Figure"),
    "members": ("Members",),
    "runs": ("Ensemble", "EnsembleProvenance", "Feasible"),
    "study": ("Executor", "Study", "serial"),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Criterion",
    "Ensemble",
    "EnsembleProvenance",
    "Executor",
    "Factor",
    "Feasible",
    "Figure",
    "Members",
    "Study",
    "run_ensemble",
    "serial",
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
