"""The model of a fleet as a predictor: how far a row is from normal, in units of its limits."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science.latent.fleet_model import ANY, FleetModel
from goldenbatch.science.predictors.prediction import (
    Predicted,
    PredictorFacts,
    input_rows,
    plain,
)


class FleetPredictor:
    """Gives the severity of rows that stand alone: the largest statistic in units of its limit.

    A model with lags or averages judges rows in their order, and one with a plan for each unit
    must know whose row it is: of a row alone these say nothing. `monitoring.process` asks them.
    """

    def __init__(self, model: FleetModel) -> None:
        self.model = model
        plan = model.plans.get(ANY)
        is_alone = plan is not None and plan.facts.lags == 0 and plan.facts.smoothing == 1.0
        self._plan = plan if is_alone else None
        self._facts = PredictorFacts(
            kind="fleet",
            inputs=model.columns,
            outputs=("severity",),
            has_domain=True,
            notes=() if is_alone else ("Judges rows in their order, not one by one.",),
        )

    @property
    def facts(self) -> PredictorFacts:
        """What it is and what it can say."""
        return self._facts

    def predict(self, X: ArrayLike, *, explain: bool = False) -> Predicted:
        """Judge rows, shape (n_rows, n_inputs); NaN marks missing.

        Raises:
            DataError: The number of columns is another, or a value is infinite.
        """
        del explain  # severity is no sum of parts
        rows = input_rows(X, self._facts)
        if self._plan is None:
            return plain(np.full((len(rows), 1), np.nan))
        scores, _ = self._plan.score(rows)
        none = np.full((len(rows), 1), np.nan)
        inside = scores.is_scored & ~scores.is_alarm
        return Predicted(scores.severity[:, None], none, none, inside)
