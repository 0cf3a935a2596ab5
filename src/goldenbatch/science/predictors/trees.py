"""Trees of LightGBM, one thread; the only module that imports it.

References:
    Lundberg, Erion et al. (2020), Nat. Mach. Intell. 2:56, doi:10.1038/s42256-019-0138-9
    (TreeSHAP, path-dependent: weights of the training data).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.core.artefacts import lightgbm_facts, lightgbm_text
from goldenbatch.science.errors import PredictorError
from goldenbatch.science.predictors._engines import engine
from goldenbatch.science.predictors.prediction import (
    Explanation,
    Predicted,
    PredictorFacts,
    input_rows,
    plain,
)

_IDENTITY = frozenset({"regression", "regression_l1", "huber", "fair", "quantile", "mape"})


class LightGBMPredictor:
    """Predicts by the text of a LightGBM model; missing inputs go the way that was learnt.

    Args:
        content: Checked by `goldenbatch.core.artefacts.check_artefact`.

    Raises:
        PredictorError: LightGBM does not take it.
        MissingEngineError: LightGBM is not installed.
    """

    def __init__(self, content: bytes) -> None:
        lightgbm = engine("lightgbm", "lightgbm")
        try:
            self._booster: Any = lightgbm.Booster(model_str=lightgbm_text(content))
        except lightgbm.basic.LightGBMError as error:
            message = f"LightGBM does not take the model: {error}"
            raise PredictorError(message) from error
        names = tuple(self._booster.feature_name())
        n_outputs = int(self._booster.num_model_per_iteration())
        objective = _objective(lightgbm_facts(content).objective)
        self._facts = PredictorFacts(
            kind="lightgbm",
            inputs=names,
            outputs=("value",) if n_outputs == 1 else tuple(f"class_{i}" for i in range(n_outputs)),
            contributors=names,
            explanation=Explanation.TREE_SHAP,
            explained="value" if objective in _IDENTITY else "raw score",
            engine={"lightgbm": lightgbm.__version__},
            notes=(f"objective {objective}",),
        )

    @property
    def facts(self) -> PredictorFacts:
        """What it is and what it can say."""
        return self._facts

    def predict(self, X: ArrayLike, *, explain: bool = False) -> Predicted:
        """Predict rows.

        Args:
            X: shape (n_rows, n_inputs); NaN marks missing.
            explain: Split each prediction over the inputs too.

        Raises:
            DataError: The number of columns is another, or a value is infinite.
        """
        rows = input_rows(X, self._facts)
        n, m = len(rows), len(self._facts.outputs)
        if not n:
            return plain(np.zeros((0, m)))
        value = np.asarray(self._booster.predict(rows, num_threads=1), dtype=np.float64)
        found = plain(value.reshape(n, m))
        if not explain:
            return found
        split = np.asarray(self._booster.predict(rows, num_threads=1, pred_contrib=True))
        split = split.reshape(n, m, rows.shape[1] + 1)
        parts, base = split[:, :, :-1].copy(), split[:, :, -1].copy()
        return Predicted(found.value, found.lower, found.upper, found.in_domain, parts, base)


def _objective(text: str) -> str:
    """Its name; `sqrt` bends the sum of a regression that was fitted to roots."""
    name, *rest = text.split(" ")
    return f"{name} sqrt" if "sqrt" in rest else name
