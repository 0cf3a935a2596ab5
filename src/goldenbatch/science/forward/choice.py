"""Which model to carry forward: tried on the past alone, forward in time there too."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.forward.censoring import Reported
from goldenbatch.science.forward.prequential import (
    Estimator,
    ForwardSettings,
    forward_predictions,
)
from goldenbatch.science.forward.timeline import Timeline

CANDIDATES: Final = ("extra-trees", "extra-trees-transformed", "ridge", "tobit")
"""Kinds of models that `candidate` makes."""

_ALPHAS: Final = tuple(float(one) for one in np.logspace(0, 4, 9))


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """What was chosen on the past.

    Attributes:
        name: of the candidate with the least error.
        rmse: forward root mean square error of each, over the same rows.
        n: rows that this rests on.
        predicted: forward predictions of the chosen one, shape (n_rows,); NaN where there is none.
    """

    name: str
    rmse: Mapping[str, float]
    n: int
    predicted: Floats


def candidate(
    name: str, *, limit: float = -math.inf, n_trees: int = 150, seed: int = 0
) -> Estimator:
    """A model that is not fitted, with gaps filled by medians of its own training rows.

    Args:
        name: `extra-trees`; `extra-trees-transformed` (of Yeo-Johnson transformed results, for
            errors that grow with the level); `ridge`, its penalty by left-out rows of the training
            side; `tobit`, linear for results censored at the limit.
        limit: reporting limit, for `tobit`.
        n_trees: of the forests.
        seed: of the forests.

    Raises:
        DesignError: There is no such model, or it needs a limit.

    References:
        Geurts, Ernst and Wehenkel (2006), Mach. Learn. 63:3, doi:10.1007/s10994-006-6226-1.
        Yeo and Johnson (2000), Biometrika 87:954, doi:10.1093/biomet/87.4.954.

    >>> candidate("ridge").steps[-1][0]
    'ridgecv'
    """
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.ensemble import ExtraTreesRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PowerTransformer, StandardScaler

    from goldenbatch.science.forward.tobit import TobitRidge

    filled = SimpleImputer(strategy="median", keep_empty_features=True)
    if name in ("extra-trees", "extra-trees-transformed"):
        forest: Estimator = make_pipeline(
            filled,
            ExtraTreesRegressor(
                n_trees, min_samples_leaf=2, max_features=0.5, random_state=seed, n_jobs=1
            ),
        )
        if name == "extra-trees":
            return forest
        transformed: Estimator = TransformedTargetRegressor(forest, transformer=PowerTransformer())
        return transformed
    if name == "ridge":
        ridge: Estimator = make_pipeline(filled, StandardScaler(), RidgeCV(_ALPHAS))
        return ridge
    if name == "tobit" and math.isfinite(limit):
        tobit: Estimator = make_pipeline(filled, TobitRidge(limit=limit, alpha=10.0))
        return tobit
    raise DesignError(
        f"there is no candidate {name!r} with the limit {limit}; there are {', '.join(CANDIDATES)},"
        " and tobit needs a reporting limit"
    )


def choose_forward(
    candidates: Mapping[str, Estimator],
    X: ArrayLike,
    reported: Reported,
    timeline: Timeline,
    groups: Sequence[str],
    settings: ForwardSettings | None = None,
) -> Choice:
    """Carry each candidate forward over past rows and take the one with the least error.

    Args:
        candidates: name to a model that is not fitted.
        X: inputs of the past, shape (n, p); later rows must not be among them.
        reported: results, shape (n,).
        timeline: when rows are predicted and results are known.
        groups: lot of each row.
        settings: how each is carried forward.

    Raises:
        DataError: fewer than 10 rows can be predicted, or there is no candidate.

    >>> from sklearn.dummy import DummyRegressor
    >>> from sklearn.linear_model import LinearRegression
    >>> x = np.arange(40.0)[:, None]
    >>> both = {"mean": DummyRegressor(), "line": LinearRegression()}
    >>> choose_forward(both, x, Reported.of(x[:, 0]), Timeline.of(range(40)), [""] * 40,
    ...                ForwardSettings(n_least=5)).name
    'line'
    """
    if not candidates:
        raise DataError("there is nothing to choose from: name a candidate")
    made = {
        name: forward_predictions(one, X, reported.values, timeline, groups, settings=settings)
        for name, one in candidates.items()
    }
    table = np.stack([*made.values(), reported.values])
    is_scored = np.asarray(~np.isnan(table).any(axis=0), dtype=np.bool_)
    if int(is_scored.sum()) < 10:
        raise DataError(
            f"only {int(is_scored.sum())} past rows can be predicted forward in time; 10 are "
            "needed to choose a model: give a longer training side"
        )
    seen = reported.rows(is_scored)
    rmse = {
        name: math.sqrt(float(np.mean(seen.errors(seen.reportable(one[is_scored])) ** 2)))
        for name, one in made.items()
    }
    best = min(rmse, key=lambda name: rmse[name])
    return Choice(best, rmse, int(is_scored.sum()), made[best])
