"""Our own latent-variable plans as predictors."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Floats
from goldenbatch.science.latent.plan import ScoringPlan
from goldenbatch.science.predictors.prediction import (
    Explanation,
    Predicted,
    PredictorFacts,
    input_rows,
)

DISTANCES = ("t2", "spe")


class LatentPredictor:
    """Predicts by a scoring plan: the targets of a PLS; the distances T2 and SPE of a PCA.

    Contributions are over the columns after the plan's steps. Of a PLS they sum to the prediction
    less that of the average row; of T2 and SPE they sum to the distance itself.
    """

    def __init__(self, plan: ScoringPlan) -> None:
        self.plan = plan
        facts = plan.facts
        self._facts = PredictorFacts(
            kind=facts.kind,
            inputs=facts.columns,
            outputs=facts.targets or DISTANCES,
            contributors=plan.model_columns,
            explanation=Explanation.ADDITIVE,
            coverage=facts.coverage if facts.targets else 0.0,
            has_domain=True,
        )

    @property
    def facts(self) -> PredictorFacts:
        """What it is and what it can say."""
        return self._facts

    def predict(self, X: ArrayLike, *, explain: bool = False) -> Predicted:
        """Predict rows.

        Args:
            X: shape (n_rows, n_inputs); NaN marks missing.
            explain: Split each prediction over the columns too.

        Raises:
            DataError: The number of columns is another, or a value is infinite.
        """
        rows = input_rows(X, self._facts)
        scores = self.plan.score(rows)
        if self.plan.facts.targets:
            value, lower, upper = scores.values, scores.lower, scores.upper
        else:
            value = np.column_stack([scores.t2, scores.spe])
            lower = upper = np.full_like(value, np.nan)
        if not explain:
            return Predicted(value, lower, upper, scores.in_domain)
        parts, base = self._explain(rows, value)
        return Predicted(value, lower, upper, scores.in_domain, parts, base)

    def _explain(self, rows: Floats, value: Floats) -> tuple[Floats, Floats]:
        if self.plan.facts.targets:
            parts = self.plan.target_contributions(rows)
            return parts, np.broadcast_to(self.plan.targets.centre, value.shape).copy()
        split = self.plan.contributions(rows)
        parts = np.stack([split.t2, np.abs(split.spe)], axis=1)
        return parts, np.zeros_like(value)
