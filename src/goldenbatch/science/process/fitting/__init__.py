"""Fitting a model to batches: estimates, what they are worth, and what to measure next."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.science.process.fitting.drawing import draw
    from goldenbatch.science.process.fitting.experiment import (
        choose_times,
        optimise_experiment,
        rank_experiments,
    )
    from goldenbatch.science.process.fitting.information import identifiability
    from goldenbatch.science.process.fitting.judging import Aim, Candidate
    from goldenbatch.science.process.fitting.loss import Loss
    from goldenbatch.science.process.fitting.prediction import Asked, domain_of, predict
    from goldenbatch.science.process.fitting.problem import Batch, Measured, Problem, measured
    from goldenbatch.science.process.fitting.profiles import profile
    from goldenbatch.science.process.fitting.result import Fit
    from goldenbatch.science.process.fitting.sampler import Chains, sample
    from goldenbatch.science.process.fitting.scoring import baselines, score
    from goldenbatch.science.process.fitting.search import Search, fit

_HOMES = {
    "drawing": ("draw",),
    "experiment": ("choose_times", "optimise_experiment", "rank_experiments"),
    "information": ("identifiability",),
    "judging": ("Aim", "Candidate"),
    "loss": ("Loss",),
    "prediction": ("Asked", "domain_of", "predict"),
    "problem": ("Batch", "Measured", "Problem", "measured"),
    "profiles": ("profile",),
    "result": ("Fit",),
    "sampler": ("Chains", "sample"),
    "scoring": ("baselines", "score"),
    "search": ("Search", "fit"),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Aim",
    "Asked",
    "Batch",
    "Candidate",
    "Chains",
    "Fit",
    "Loss",
    "Measured",
    "Problem",
    "Search",
    "baselines",
    "choose_times",
    "domain_of",
    "draw",
    "fit",
    "identifiability",
    "measured",
    "optimise_experiment",
    "predict",
    "profile",
    "rank_experiments",
    "sample",
    "score",
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
