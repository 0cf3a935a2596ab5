"""PCA, PLS, dynamic PCA and CVA: missing values, limits, contributions, frozen plans."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.science.latent.cva import CVA
    from goldenbatch.science.latent.dynamic_pca import DynamicPCA
    from goldenbatch.science.latent.dynamic_plan import DynamicPlan
    from goldenbatch.science.latent.fleet import FleetPlan, FleetScores
    from goldenbatch.science.latent.limits import (
        DomainLimits,
        box_limit,
        spe_limit_from_eigenvalues,
        t2_limit,
    )
    from goldenbatch.science.latent.pca import PCA
    from goldenbatch.science.latent.plan import (
        Contributions,
        LimitKind,
        PlanFacts,
        PlanScores,
        ScoringPlan,
    )
    from goldenbatch.science.latent.pls import PLS, cross_validate
    from goldenbatch.science.latent.selection import (
        CrossValidation,
        contiguous_folds,
        grouped_folds,
        interleaved_folds,
        one_standard_error,
    )
    from goldenbatch.science.latent.steps import Step, StepKind, apply_steps

_HOMES = {
    "cva": ("CVA",),
    "dynamic_pca": ("DynamicPCA",),
    "dynamic_plan": ("DynamicPlan",),
    "fleet": ("FleetPlan", "FleetScores"),
    "limits": ("DomainLimits", "box_limit", "spe_limit_from_eigenvalues", "t2_limit"),
    "pca": ("PCA",),
    "plan": ("Contributions", "LimitKind", "PlanFacts", "PlanScores", "ScoringPlan"),
    "pls": ("PLS", "cross_validate"),
    "selection": (
        "CrossValidation",
        "contiguous_folds",
        "grouped_folds",
        "interleaved_folds",
        "one_standard_error",
    ),
    "steps": ("Step", "StepKind", "apply_steps"),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "CVA",
    "PCA",
    "PLS",
    "Contributions",
    "CrossValidation",
    "DomainLimits",
    "DynamicPCA",
    "DynamicPlan",
    "FleetPlan",
    "FleetScores",
    "LimitKind",
    "PlanFacts",
    "PlanScores",
    "ScoringPlan",
    "Step",
    "StepKind",
    "apply_steps",
    "box_limit",
    "contiguous_folds",
    "cross_validate",
    "grouped_folds",
    "interleaved_folds",
    "one_standard_error",
    "spe_limit_from_eigenvalues",
    "t2_limit",
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
