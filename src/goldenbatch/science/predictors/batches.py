"""A batch plan as a predictor: it judges samples in the order of their batch, never one alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science.latent.batch import BatchPlan
from goldenbatch.science.predictors.prediction import (
    Predicted,
    PredictorFacts,
    input_rows,
    plain,
)


class BatchPredictor:
    """Says what a batch plan looks at; of a sample without its batch it has nothing to say.

    `monitoring.batch_runs` asks the plan itself, sample after sample.
    """

    def __init__(self, plan: BatchPlan) -> None:
        self.plan = plan
        self._facts = PredictorFacts(
            kind="batch",
            inputs=plan.settings.columns,
            outputs=("severity",),
            has_domain=True,
            notes=("Judges samples in the order of their batch, not one by one.",),
        )

    @property
    def facts(self) -> PredictorFacts:
        """What it is and what it can say."""
        return self._facts

    def predict(self, X: ArrayLike, *, explain: bool = False) -> Predicted:
        """No value for any row, shape (n_rows, n_inputs): a row alone is of no batch.

        Raises:
            DataError: The number of columns is another, or a value is infinite.
        """
        del explain
        return plain(np.full((len(input_rows(X, self._facts)), 1), np.nan))
