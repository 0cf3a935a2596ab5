"""What estimators of scikit-learn are made of: steps, names, trees, coefficients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import PredictorError
from goldenbatch.science.predictors.linear import LinearModel

_LINEAR: Final = frozenset(
    "ARDRegression BayesianRidge ElasticNet ElasticNetCV HuberRegressor Lars LarsCV Lasso LassoCV "
    "LassoLars LassoLarsCV LassoLarsIC LinearRegression MultiTaskElasticNet MultiTaskLasso "
    "OrthogonalMatchingPursuit QuantileRegressor Ridge RidgeCV SGDRegressor "
    "TheilSenRegressor".split()
)
_LEAF = -1
_DEEPEST: Final = 10


def steps_of(model: Any) -> list[Any]:
    """The steps of a pipeline without those that do nothing; else the estimator alone."""
    steps = getattr(model, "steps", None)
    if steps is None:
        return [model]
    found = [one for _, one in steps if one is not None and one != "passthrough"]
    return [inner for one in found for inner in steps_of(one)] or [model]


def input_names(model: Any) -> tuple[str, ...]:
    """Names of the inputs of a fitted estimator; empty when it is not fitted."""
    for one in (model, *steps_of(model)):
        named = getattr(one, "feature_names_in_", None)
        if named is not None:
            return tuple(str(name) for name in named)
        n = getattr(one, "n_features_in_", None)
        if n is not None:
            return tuple(f"x{i}" for i in range(int(n)))
    return ()


def folded(steps: Sequence[Any], names: tuple[str, ...]) -> LinearModel | None:
    """Scalers and a linear estimator as one linear model; None if they are not of that kind."""
    last, slope, centre = steps[-1], np.ones(len(names)), np.zeros(len(names))
    for one in steps[:-1]:
        scaler = _scaler(one, len(names))
        if scaler is None:
            return None
        offset, scale = scaler
        centre, slope = centre + offset / slope, slope * scale
    name = type(last).__name__
    if name == "PLSRegression":
        centre = centre + np.asarray(getattr(last, "_x_mean"), dtype=float) / slope  # noqa: B009
    elif name not in _LINEAR:
        return None
    coefficients = np.atleast_2d(np.asarray(last.coef_, dtype=np.float64)) * slope
    base = np.atleast_1d(np.asarray(last.intercept_, dtype=np.float64))
    base = np.broadcast_to(base, (len(coefficients),))
    outputs = ("value",) if len(base) == 1 else tuple(f"value_{i}" for i in range(len(base)))
    return LinearModel(
        inputs=names,
        outputs=outputs,
        coefficients=tuple(tuple(row) for row in coefficients.tolist()),
        intercept=tuple(base.tolist()),
        centre=tuple(centre.tolist()),
    )


def _scaler(one: Any, n: int) -> tuple[Floats, Floats] | None:
    """A scaler as (x - offset) * scale; None if it is none."""
    name = type(one).__name__
    if name == "StandardScaler":
        mean, scale = getattr(one, "mean_", None), getattr(one, "scale_", None)
        offset = np.zeros(n) if mean is None or not one.with_mean else np.asarray(mean)
        wide = np.ones(n) if scale is None or not one.with_std else 1.0 / np.asarray(scale)
        return offset, wide
    if name == "MinMaxScaler" and not one.clip:
        scale = np.asarray(one.scale_)
        return -np.asarray(one.min_) / scale, scale
    return None


def check_trees(steps: Sequence[Any]) -> None:
    """Refuse trees whose nodes point elsewhere: compiled code follows them unchecked.

    Raises:
        PredictorError: One does.
    """
    for tree in _trees(list(steps), 0):
        left, right = np.asarray(tree.children_left), np.asarray(tree.children_right)
        n, place = len(left), np.arange(len(left))
        is_leaf = left == _LEAF
        is_there = is_leaf | ((left > place) & (left < n) & (right > place) & (right < n))
        feature = np.asarray(tree.feature)
        is_known = is_leaf | ((feature >= 0) & (feature < tree.n_features))
        if not (n and len(right) == n and is_there.all() and is_known.all()):
            message = "a tree of the model has nodes that point elsewhere; it was made by hand"
            raise PredictorError(message)


def _trees(value: Any, depth: int) -> Iterator[Any]:
    if depth > _DEEPEST:
        message = "the model is nested too deeply for its trees to be looked at"
        raise PredictorError(message)
    if hasattr(value, "tree_"):
        yield value.tree_
    if isinstance(value, np.ndarray) and value.dtype == object:
        value = list(value.ravel())
    if isinstance(value, list | tuple):
        for one in value:
            yield from _trees(one, depth + 1)
    elif hasattr(value, "regressor_"):
        yield from _trees(value.regressor_, depth + 1)
    elif hasattr(value, "steps"):
        yield from _trees(list(value.steps), depth + 1)
    elif hasattr(value, "estimators_"):
        yield from _trees(value.estimators_, depth + 1)
    for tree in getattr(value, "_predictors", ()) or ():
        for one in tree:
            _check_histogram_tree(one, int(value.n_features_in_))


def _check_histogram_tree(tree: Any, n_features: int) -> None:
    nodes = tree.nodes
    inner = nodes[nodes["is_leaf"] == 0]
    place = np.flatnonzero(nodes["is_leaf"] == 0)
    is_there = (
        (inner["left"] > place) & (inner["left"] < len(nodes))
        & (inner["right"] > place) & (inner["right"] < len(nodes))
        & (inner["feature_idx"] >= 0) & (inner["feature_idx"] < n_features)
    )  # fmt: skip
    n_sets = len(tree.raw_left_cat_bitsets)
    by_set = inner[inner["is_categorical"] == 1]["bitset_idx"]
    if not (len(nodes) and is_there.all() and (by_set < n_sets).all()):
        message = "a tree of the model has nodes that point elsewhere; it was made by hand"
        raise PredictorError(message)
