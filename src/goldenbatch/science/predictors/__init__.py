"""Predictors of any kind behind one call: a fitted model's bytes in, numbers with reasons out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.science.predictors.latent import LatentPredictor
    from goldenbatch.science.predictors.linear import LinearModel, LinearPredictor
    from goldenbatch.science.predictors.loading import PREDICTOR_TYPES, load_predictor
    from goldenbatch.science.predictors.onnx_engine import OnnxPredictor
    from goldenbatch.science.predictors.prediction import (
        Explanation,
        Predicted,
        Predictor,
        PredictorFacts,
        is_same_alone,
    )
    from goldenbatch.science.predictors.sklearn_engine import SklearnPredictor
    from goldenbatch.science.predictors.trees import LightGBMPredictor

_HOMES = {
    "latent": ("LatentPredictor",),
    "linear": ("LinearModel", "LinearPredictor"),
    "loading": ("PREDICTOR_TYPES", "load_predictor"),
    "onnx_engine": ("OnnxPredictor",),
    "prediction": ("Explanation", "Predicted", "Predictor", "PredictorFacts", "is_same_alone"),
    "sklearn_engine": ("SklearnPredictor",),
    "trees": ("LightGBMPredictor",),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "PREDICTOR_TYPES",
    "Explanation",
    "LatentPredictor",
    "LightGBMPredictor",
    "LinearModel",
    "LinearPredictor",
    "OnnxPredictor",
    "Predicted",
    "Predictor",
    "PredictorFacts",
    "SklearnPredictor",
    "is_same_alone",
    "load_predictor",
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
