"""Lets MLflow load the models that only goldenbatch computes: `loader_module` of an export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenbatch.core.artefacts import LINEAR, SCORING_PLAN

if TYPE_CHECKING:
    from goldenbatch.science.predictors import Predictor

_TYPES = {".json": LINEAR, ".plan": SCORING_PLAN}


class Served:
    """A predictor as MLflow asks it.

    Args:
        predictor: Of the model.
    """

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def predict(self, model_input: Any, params: Any = None) -> Any:
        """Values of rows: a data frame with the inputs by name, or a table in their order."""
        import numpy as np

        del params
        names = list(self._predictor.facts.inputs)
        if hasattr(model_input, "columns") and set(names) <= set(model_input.columns):
            model_input = model_input[names]
        value = self._predictor.predict(np.asarray(model_input, dtype=np.float64)).value
        return value[:, 0] if value.shape[1] == 1 else value


def _load_pyfunc(path: str) -> Served:
    """What MLflow calls with the path of the model's file."""
    from goldenbatch.science.predictors import load_predictor

    file = Path(path)
    return Served(load_predictor(file.read_bytes(), _TYPES[file.suffix]))
