"""Which model to carry forward: tried on the past alone, forward in time there too."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

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

_FORESTS: Final = ("extra-trees", "extra-trees-transformed", "boosting")
CANDIDATES: Final = ("average", *_FORESTS, "ridge", "tobit")
"""Kinds of models that `candidate` makes."""

LEAST_GAIN: Final = 0.02
"""A later candidate is only taken if its error is smaller by this share: small ones are chance."""

_ALPHAS: Final = tuple(float(one) for one in np.logspace(0, 4, 9))


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """What was chosen on the past.

    Attributes:
        name: of the candidate that was kept.
        rmse: forward root mean square error of each, over the same rows.
        n: rows that this rests on.
        predicted: forward predictions of the chosen one, shape (n_rows,); NaN where there is none.
    """

    name: str
    rmse: Mapping[str, float]
    n: int
    predicted: Floats


def candidate(
    name: str,
    *,
    limit: float = -math.inf,
    n_trees: int = 150,
    seed: int = 0,
    is_complete: bool = False,
) -> Estimator:
    """A model that is not fitted, with gaps filled by medians of its own training rows.

    Args:
        name: `extra-trees`; `extra-trees-transformed` (of Yeo-Johnson transformed results, for
            errors that grow with the level); `boosting`; `average` of these three; `ridge`, its
            penalty by left-out rows of the training side; `tobit`, linear for results censored at
            the limit.
        limit: reporting limit, for `tobit`.
        n_trees: of each forest, and of boosting.
        seed: of all that is random.
        is_complete: rows have no gaps, now or later: nothing is filled.

    Raises:
        DesignError: There is no such model, or it needs a limit.

    References:
        Geurts, Ernst and Wehenkel (2006), Mach. Learn. 63:3, doi:10.1007/s10994-006-6226-1.
        Friedman (2002), Comput. Stat. Data Anal. 38:367, doi:10.1016/S0167-9473(01)00065-2.
        Yeo and Johnson (2000), Biometrika 87:954, doi:10.1093/biomet/87.4.954.

    >>> candidate("ridge").steps[-1][0]
    'ridgecv'
    """
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from goldenbatch.science.forward.tobit import TobitRidge

    def filled(*steps: Any) -> Any:
        imputer = SimpleImputer(strategy="median", keep_empty_features=True)
        whole = steps if is_complete else (imputer, *steps)
        return make_pipeline(*whole) if len(whole) > 1 else whole[0]

    if name in ("average", *_FORESTS):
        return _of_trees(name, n_trees, seed, filled)
    if name == "ridge":
        ridge: Estimator = filled(StandardScaler(), RidgeCV(_ALPHAS))
        return ridge
    if name == "tobit" and math.isfinite(limit):
        tobit: Estimator = filled(TobitRidge(limit=limit, alpha=10.0))
        return tobit
    raise DesignError(
        f"there is no candidate {name!r} with the limit {limit}; there are {', '.join(CANDIDATES)},"
        " and tobit needs a reporting limit"
    )


def _of_trees(name: str, n_trees: int, seed: int, filled: Callable[[Any], Any]) -> Estimator:
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.ensemble import (
        ExtraTreesRegressor,
        GradientBoostingRegressor,
        VotingRegressor,
    )
    from sklearn.preprocessing import PowerTransformer

    def forest() -> Any:
        return ExtraTreesRegressor(
            n_trees, min_samples_leaf=2, max_features=0.5, random_state=seed, n_jobs=1
        )

    boosting = GradientBoostingRegressor(
        n_estimators=n_trees, learning_rate=0.05, max_depth=3, subsample=0.5, max_features=0.3,
        min_samples_leaf=5, random_state=seed,
    )  # fmt: skip
    bent = TransformedTargetRegressor(filled(forest()), transformer=PowerTransformer())
    kinds = dict(zip(_FORESTS, (filled(forest()), bent, filled(boosting)), strict=True))
    made: Estimator = VotingRegressor(list(kinds.items())) if name == "average" else kinds[name]
    return made


def choose_forward(
    candidates: Mapping[str, Estimator],
    X: ArrayLike,
    reported: Reported,
    timeline: Timeline,
    groups: Sequence[str],
    settings: ForwardSettings | None = None,
) -> Choice:
    """Carry each candidate forward over past rows; keep the first unless another is clearly better.

    Args:
        candidates: name to a model that is not fitted; another than the first must have an error
            that is smaller by 2 %.
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
    first, least = next(iter(rmse)), min(rmse, key=lambda name: rmse[name])
    best = least if rmse[least] < (1.0 - LEAST_GAIN) * rmse[first] else first
    return Choice(best, rmse, int(is_scored.sum()), made[best])
