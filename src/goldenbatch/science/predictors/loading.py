"""From an artefact to a predictor: looked into first, loaded by the one module that adapts it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from goldenbatch.core.artefacts import (
    LIGHTGBM,
    LINEAR,
    ONNX,
    SCORING_PLAN,
    SKOPS,
    check_artefact,
)
from goldenbatch.science.errors import PredictorError
from goldenbatch.science.predictors.prediction import Predictor

BATCH_PLAN: Final = "application/vnd.goldenbatch.batch-plan"
"""Plan that `monitoring.batch_runs` follows batches by."""
FLEET_MODEL: Final = "application/vnd.goldenbatch.fleet-model"
"""Plans of many units that `monitoring.process` judges by."""


def _latent(content: bytes) -> Predictor:
    from goldenbatch.science.latent.plan import ScoringPlan
    from goldenbatch.science.predictors.latent import LatentPredictor

    return LatentPredictor(ScoringPlan.from_bytes(content))


def _fleet(content: bytes) -> Predictor:
    from goldenbatch.science.latent.fleet_model import FleetModel
    from goldenbatch.science.predictors.fleet import FleetPredictor

    return FleetPredictor(FleetModel.from_bytes(content))


def _batches(content: bytes) -> Predictor:
    from goldenbatch.science.latent.batch import BatchPlan
    from goldenbatch.science.predictors.batches import BatchPredictor

    return BatchPredictor(BatchPlan.from_bytes(content))


def _linear(content: bytes) -> Predictor:
    from goldenbatch.science.predictors.linear import LinearModel, LinearPredictor

    return LinearPredictor(LinearModel.from_bytes(content))


def _lightgbm(content: bytes) -> Predictor:
    from goldenbatch.science.predictors.trees import LightGBMPredictor

    return LightGBMPredictor(content)


def _onnx(content: bytes) -> Predictor:
    from goldenbatch.science.predictors.onnx_engine import OnnxPredictor

    return OnnxPredictor(content)


def _skops(content: bytes) -> Predictor:
    from goldenbatch.science.predictors.sklearn_engine import load_skops

    return load_skops(content)


_LOADERS: Final[dict[str, Callable[[bytes], Predictor]]] = {
    LIGHTGBM: _lightgbm,
    LINEAR: _linear,
    ONNX: _onnx,
    SCORING_PLAN: _latent,
    BATCH_PLAN: _batches,
    FLEET_MODEL: _fleet,
    SKOPS: _skops,
}

PREDICTOR_TYPES = frozenset(_LOADERS)
"""Media types of which a predictor can be made."""


def load_predictor(content: bytes, media_type: str) -> Predictor:
    """The predictor that an artefact holds.

    Args:
        content: As the registry gives it: `registry.get_approved(digest, media_type)`.
        media_type: One of `PREDICTOR_TYPES`.

    Raises:
        ArtefactContentError: Loading it would run code, or it is no such model.
        PredictorError: Nothing predicts by this type, or the model cannot be used.
        MissingEngineError: The library that computes it is not installed.

    >>> load_predictor(b'{"a": 1}', "application/json")
    Traceback (most recent call last):
    ...
    goldenbatch.science.errors.PredictorError: nothing predicts by application/json; ...
    """
    if media_type not in _LOADERS:
        message = f"nothing predicts by {media_type}; give {', '.join(sorted(_LOADERS))}"
        raise PredictorError(message)
    check_artefact(content, media_type)
    return _LOADERS[media_type](content)
