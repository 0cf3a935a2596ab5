"""Batch MSPC: phases, alignment, unfolding, envelopes, a frozen plan that follows live batches."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.science.latent.batch.alignment import (
        Aligner,
        Alignment,
        Landmark,
        fit_aligner,
    )
    from goldenbatch.science.latent.batch.domain import DomainIssue
    from goldenbatch.science.latent.batch.envelope import (
        Envelope,
        conformal_quantile,
        golden_envelope,
    )
    from goldenbatch.science.latent.batch.fitting import fit_batch_plan
    from goldenbatch.science.latent.batch.measured import Followed, leave_out_in_turn
    from goldenbatch.science.latent.batch.plan import BatchPlan, BatchReadings, BatchTrace
    from goldenbatch.science.latent.batch.runs import BatchRun, Stretch, runs_from_table
    from goldenbatch.science.latent.batch.settings import BatchSettings, PhaseSettings
    from goldenbatch.science.latent.batch.unfolding import (
        fold_batchwise,
        unfold_batchwise,
        unfold_observationwise,
    )
    from goldenbatch.science.latent.batch.warping import kassidas_weights, warp

_HOMES = {
    "alignment": ("Aligner", "Alignment", "Landmark", "fit_aligner"),
    "domain": ("DomainIssue",),
    "envelope": ("Envelope", "conformal_quantile", "golden_envelope"),
    "fitting": ("fit_batch_plan",),
    "measured": ("Followed", "leave_out_in_turn"),
    "plan": ("BatchPlan", "BatchReadings", "BatchTrace"),
    "runs": ("BatchRun", "Stretch", "runs_from_table"),
    "settings": ("BatchSettings", "PhaseSettings"),
    "unfolding": ("fold_batchwise", "unfold_batchwise", "unfold_observationwise"),
    "warping": ("kassidas_weights", "warp"),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Aligner",
    "Alignment",
    "BatchPlan",
    "BatchReadings",
    "BatchRun",
    "BatchSettings",
    "BatchTrace",
    "DomainIssue",
    "Envelope",
    "Followed",
    "Landmark",
    "PhaseSettings",
    "Stretch",
    "conformal_quantile",
    "fit_aligner",
    "fit_batch_plan",
    "fold_batchwise",
    "golden_envelope",
    "kassidas_weights",
    "leave_out_in_turn",
    "runs_from_table",
    "unfold_batchwise",
    "unfold_observationwise",
    "warp",
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
