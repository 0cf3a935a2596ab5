"""What materials, equipment and environment add to the level of a product: ridge or trees."""

from __future__ import annotations

from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin

from goldenbatch.science._arrays import Floats, matrix, present, vector
from goldenbatch.science.errors import DataError, NotFittedYetError

CLIP = 4.0
"""Standard deviations beyond which a difference says no more: a straight line ends there."""


class Correction(Protocol):
    """Something fitted to differences that predicts differences."""

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Any:
        """Fit to differences, shapes (n, p), (n,) and (n,)."""

    def predict(self, X: ArrayLike) -> Floats:
        """Predict differences, shape (n,)."""

    def contributions(self, X: ArrayLike) -> Floats:
        """What each column adds against no difference, shape (n, p)."""


class _Scaled(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Columns in standard deviations of the training rows, clipped; a missing difference is 0.

    No difference is no statement: a row whose value is missing is predicted as if the column
    stood at its level, which is what is known of it.
    """

    scale_: Floats

    def treat(self, X: ArrayLike) -> Floats:
        """Differences in standard deviations, clipped, shape (n, p).

        Raises:
            NotFittedYetError: `fit` was not called.
            DataError: Another number of columns.
        """
        if not hasattr(self, "scale_"):
            message = f"{type(self).__name__} is not fitted; call fit first"
            raise NotFittedYetError(message)
        table = matrix(X, "X")
        if table.shape[1] != len(self.scale_):
            message = f"X has {table.shape[1]} columns; it was fitted to {len(self.scale_)}"
            raise DataError(message)
        with np.errstate(invalid="ignore", divide="ignore"):
            scaled = np.where(self.scale_ > 0, table / self.scale_, 0.0)
        return np.asarray(np.clip(np.nan_to_num(scaled, nan=0.0), -CLIP, CLIP))

    def _begin(
        self, X: ArrayLike, y: ArrayLike, weight: ArrayLike | None
    ) -> tuple[Floats, Floats, Floats]:
        table, target = matrix(X, "X"), vector(y, "y")
        weights = np.ones(len(target)) if weight is None else vector(weight, "sample_weight")
        if not len(table) == len(target) == len(weights):
            message = f"X has {len(table)} rows, y {len(target)}, sample_weight {len(weights)}"
            raise DataError(message)
        present(target, 2, "y")
        there = ~np.isnan(target)
        filled = np.nan_to_num(table[there], nan=0.0)
        self.scale_ = np.sqrt(np.mean(filled**2, axis=0))
        self.n_features_in_ = table.shape[1]
        return self.treat(table[there]), target[there], weights[there]


class RidgeCorrection(_Scaled):
    """Ridge regression through the origin: no difference of X, no difference of y.

    Args:
        penalty: Times the sum of the weights; 0: least squares.

    Attributes:
        coef_: Of differences in their own units, shape (p,).
        scale_: Root mean square of each column's differences, shape (p,).

    References:
        Hoerl and Kennard (1970), Technometrics 12:55, doi:10.1080/00401706.1970.10488634.

    >>> model = RidgeCorrection(penalty=0.0).fit([[1.0], [-1.0], [2.0]], [2.0, -2.0, 4.0])
    >>> model.predict([[0.5], [float("nan")]]).round(6).tolist()
    [1.0, 0.0]
    """

    def __init__(self, penalty: float = 0.3) -> None:
        self.penalty = penalty

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to differences.

        Args:
            X: shape (n, p); NaN: no difference is known.
            y: shape (n,); rows where it is missing are left out.
            sample_weight: shape (n,).

        Raises:
            DataError: Shapes differ, or fewer than 2 rows are left.
        """
        table, target, weights = self._begin(X, y, sample_weight)
        weighted = table * weights[:, None]
        gram, right = weighted.T @ table, weighted.T @ target
        # A column that never differs has a zero row: the floor keeps the matrix solvable.
        floor = max(self.penalty, 1e-9) * weights.sum()
        self.scaled_coef_ = np.linalg.solve(gram + floor * np.eye(len(gram)), right)
        with np.errstate(divide="ignore", invalid="ignore"):
            self.coef_ = np.where(self.scale_ > 0, self.scaled_coef_ / self.scale_, 0.0)
        return self

    def predict(self, X: ArrayLike) -> Floats:
        """Differences of y, shape (n,)."""
        return np.asarray(np.einsum("ni,i->n", self.treat(X), self.scaled_coef_))

    def contributions(self, X: ArrayLike) -> Floats:
        """What each column adds; they sum to the prediction, shape (n, p).

        They are the Shapley values against "no difference": the model is a sum.
        """
        return np.asarray(self.treat(X) * self.scaled_coef_)


class TreeCorrection(_Scaled):
    """Extremely randomised trees on differences; finds thresholds and things that act together.

    Args:
        n_trees: How many.
        min_leaf: Rows in a leaf, at least.
        max_features: Share of the columns that each split may choose from.
        seed: Of the trees.

    References:
        Geurts, Ernst and Wehenkel (2006), Mach. Learn. 63:3, doi:10.1007/s10994-006-6226-1.

    >>> X = [[float(i % 2 * 2 - 1)] for i in range(20)]
    >>> model = TreeCorrection(n_trees=5, min_leaf=2).fit(X, [row[0] for row in X])
    >>> model.predict([[1.0], [-1.0]]).tolist()
    [1.0, -1.0]
    """

    def __init__(
        self, n_trees: int = 200, min_leaf: int = 5, max_features: float = 0.5, seed: int = 0
    ) -> None:
        self.n_trees = n_trees
        self.min_leaf = min_leaf
        self.max_features = max_features
        self.seed = seed

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to differences; see `RidgeCorrection.fit`."""
        from sklearn.ensemble import ExtraTreesRegressor

        table, target, weights = self._begin(X, y, sample_weight)
        self.forest_ = ExtraTreesRegressor(
            self.n_trees,
            min_samples_leaf=min(self.min_leaf, len(target)),
            max_features=self.max_features,
            random_state=self.seed,
        ).fit(table, target, sample_weight=weights)
        return self

    def predict(self, X: ArrayLike) -> Floats:
        """Differences of y, shape (n,)."""
        table = self.treat(X)
        return np.asarray(self.forest_.predict(table) if len(table) else np.zeros(0))

    def contributions(self, X: ArrayLike) -> Floats:
        """Shapley values of the trees against "no difference", shape (n, p).

        They sum to the prediction less that of a row without differences.
        """
        from goldenbatch.science.drivers.shapley import forest_shapley

        return forest_shapley(self.forest_, self.treat(X))
