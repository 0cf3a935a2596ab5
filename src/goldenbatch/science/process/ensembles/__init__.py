"""Many runs of one model: ensembles, design spaces, sensitivity, robust optima, stress tests."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.science.process.ensembles.design_space import (
        DesignSpace,
        map_design_space,
        refine_design_space,
    )
    from goldenbatch.science.process.ensembles.ensemble import run_ensemble
    from goldenbatch.science.process.ensembles.factors import Factor
    from goldenbatch.science.process.ensembles.figures import Criterion, Figure
    from goldenbatch.science.process.ensembles.hazards import Hazard, Roles, standard_faults
    from goldenbatch.science.process.ensembles.members import Members
    from goldenbatch.science.process.ensembles.robust import (
        Goal,
        RobustOptimum,
        Search,
        robust_optimum,
    )
    from goldenbatch.science.process.ensembles.runs import Ensemble, Feasible
    from goldenbatch.science.process.ensembles.sensitivity import (
        Sensitivity,
        morris_screening,
        sobol_sensitivity,
    )
    from goldenbatch.science.process.ensembles.stress import StressReport, stress_test
    from goldenbatch.science.process.ensembles.study import Executor, Study, serial

_HOMES = {
    "design_space": (
        "DesignSpace",
        "map_design_space",
        "refine_design_space",
    ),
    "ensemble": ("run_ensemble",),
    "factors": ("Factor",),
    "figures": (
        "Criterion",
        "Figure",
    ),
    "hazards": (
        "Hazard",
        "Roles",
        "standard_faults",
    ),
    "members": ("Members",),
    "robust": (
        "Goal",
        "RobustOptimum",
        "Search",
        "robust_optimum",
    ),
    "runs": (
        "Ensemble",
        "Feasible",
    ),
    "sensitivity": (
        "Sensitivity",
        "morris_screening",
        "sobol_sensitivity",
    ),
    "stress": (
        "StressReport",
        "stress_test",
    ),
    "study": (
        "Executor",
        "Study",
        "serial",
    ),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Criterion",
    "DesignSpace",
    "Ensemble",
    "Executor",
    "Factor",
    "Feasible",
    "Figure",
    "Goal",
    "Hazard",
    "Members",
    "RobustOptimum",
    "Roles",
    "Search",
    "Sensitivity",
    "StressReport",
    "Study",
    "map_design_space",
    "morris_screening",
    "refine_design_space",
    "robust_optimum",
    "run_ensemble",
    "serial",
    "sobol_sensitivity",
    "standard_faults",
    "stress_test",
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
