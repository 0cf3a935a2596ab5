"""Following a running process with its model: filters, hypotheses of what is wrong, its end."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.science.process.tracking.belief import Belief, start_belief
    from goldenbatch.science.process.tracking.consistency import nees, nis_test
    from goldenbatch.science.process.tracking.diagnosis import Diagnosis, diagnose
    from goldenbatch.science.process.tracking.filters import predict, update
    from goldenbatch.science.process.tracking.hypotheses import (
        Hypothesis,
        hypothesis,
        nominal,
        none_of_these,
        sensor_fault,
    )
    from goldenbatch.science.process.tracking.moving_horizon import Horizon, horizon
    from goldenbatch.science.process.tracking.prediction import (
        Criterion,
        Draws,
        EndOfBatch,
        predict_end,
    )
    from goldenbatch.science.process.tracking.setup import Gate, Setup, Varied
    from goldenbatch.science.process.tracking.smoother import smooth
    from goldenbatch.science.process.tracking.tracker import Observed, Tracker

_HOMES = {
    "belief": ("Belief", "start_belief"),
    "consistency": ("nees", "nis_test"),
    "diagnosis": ("Diagnosis", "diagnose"),
    "filters": ("predict", "update"),
    "moving_horizon": ("Horizon", "horizon"),
    "hypotheses": ("Hypothesis", "hypothesis", "nominal", "none_of_these", "sensor_fault"),
    "prediction": ("Criterion", "Draws", "EndOfBatch", "predict_end"),
    "setup": ("Gate", "Setup", "Varied"),
    "smoother": ("smooth",),
    "tracker": ("Observed", "Tracker"),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Belief",
    "Criterion",
    "Diagnosis",
    "Draws",
    "EndOfBatch",
    "Gate",
    "Horizon",
    "Hypothesis",
    "Observed",
    "Setup",
    "Tracker",
    "Varied",
    "diagnose",
    "horizon",
    "hypothesis",
    "nees",
    "nis_test",
    "nominal",
    "none_of_these",
    "predict",
    "predict_end",
    "sensor_fault",
    "smooth",
    "start_belief",
    "update",
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
