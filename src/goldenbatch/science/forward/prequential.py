"""Forward in time: trained on what was known, asked of what came next.

References:
    Dawid (1984), J. R. Stat. Soc. A 147:278, doi:10.2307/2981683 (prequential).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Bools, Floats, matrix, vector
from goldenbatch.science.errors import DataError
from goldenbatch.science.forward.timeline import Timeline


class Estimator(Protocol):
    """Fits and predicts as scikit-learn's do, and is copied unfitted by `sklearn.base.clone`."""

    def fit(self, X: Floats, y: Floats) -> Any:
        """Fit to rows."""

    def predict(self, X: Floats) -> Floats:
        """Predict rows."""


@dataclass(frozen=True, slots=True)
class ForwardSettings:
    """How a model is carried forward.

    Attributes:
        every: periods that one fit serves; 0: one fit, at the first row that is asked for.
        n_least: known results without which nothing is predicted.
        is_grouped: whether rows of a lot that is predicted are kept out of its training rows.
    """

    every: int = 1
    n_least: int = 30
    is_grouped: bool = True


def forward_predictions(
    estimator: Estimator,
    X: ArrayLike,
    results: ArrayLike,
    timeline: Timeline,
    groups: Sequence[str],
    *,
    asked: Bools | None = None,
    settings: ForwardSettings | None = None,
) -> Floats:
    """Predict each row by a fit to results that were known at the first row of its block.

    Args:
        estimator: not fitted; it is cloned for each fit.
        X: inputs, shape (n, p); whatever the estimator takes for a gap.
        results: shape (n,); NaN where there is none.
        timeline: when rows are predicted and results are known.
        groups: lot of each row; "" is a lot of its own.
        asked: rows that are wanted, shape (n,); all by default.
        settings: how often it is fitted, and what is kept out.

    Returns:
        Shape (n,); NaN where not asked, or where too little was known.

    Raises:
        DataError: lengths differ.

    >>> from sklearn.linear_model import LinearRegression
    >>> x = np.arange(6.0)[:, None]
    >>> found = forward_predictions(
    ...     LinearRegression(), x, 2 * x[:, 0], Timeline.of(range(6)), [""] * 6,
    ...     settings=ForwardSettings(n_least=3))
    >>> found.round(6).tolist()
    [nan, nan, nan, 6.0, 8.0, 10.0]
    """
    from sklearn.base import clone

    chosen = settings or ForwardSettings()
    rows, known_results = matrix(X, "X"), vector(results, "results")
    n = len(timeline)
    if not len(rows) == len(known_results) == len(groups) == n:
        raise DataError(f"{n} times have {len(rows)} rows and {len(known_results)} results")
    wanted = np.ones(n, dtype=bool) if asked is None else np.asarray(asked, dtype=bool)
    lots = np.asarray([str(one) for one in groups], dtype=object)
    found = np.full(n, math.nan)
    for at, block in _blocks(timeline, wanted, chosen.every):
        is_training = timeline.known(at) & ~np.isnan(known_results)
        if chosen.is_grouped:
            is_training &= ~np.isin(lots, [one for one in set(lots[block]) if one])
        if int(is_training.sum()) < chosen.n_least:
            continue
        model = clone(estimator).fit(rows[is_training], known_results[is_training])
        found[block] = np.asarray(model.predict(rows[block]), dtype=np.float64).reshape(-1)
    return found


def _blocks(timeline: Timeline, wanted: Bools, every: int) -> list[tuple[int, Any]]:
    if not wanted.any():
        return []
    if every == 0:
        return [(int(timeline.at[wanted].min()), np.flatnonzero(wanted))]
    blocks = [(at, rows[wanted[rows]]) for at, rows in timeline.blocks(every)]
    return [(at, rows) for at, rows in blocks if len(rows)]
