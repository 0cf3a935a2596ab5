"""The model by itself: choose, fit, predict; for a notebook and for advice on set-points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin, clone

from goldenbatch.science._arrays import Floats, matrix
from goldenbatch.science.drivers.forward import (
    PENALTIES,
    Choice,
    ForwardSettings,
    choose,
    weights_of,
)
from goldenbatch.science.drivers.rows import Rows, differences
from goldenbatch.science.errors import DataError, NotFittedYetError


class DriverModel(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Level of the product, and what materials, equipment and environment add to it.

    Level and correction are chosen forward in time; see `choose`. A new batch is compared with
    all that the model was fitted to.

    Args:
        penalties: Of ridge regression, to choose from.
        has_trees: Whether trees are tried too.
        seed: Of trees.

    Attributes:
        choice_: What was chosen.
        correction_: Fitted to all rows; None where the level alone did best.
        rows_: What it was fitted to.

    >>> t = np.arange(120)
    >>> x = np.sin(t * 1.7)
    >>> model = DriverModel().fit(x[:, None], 90 + 2 * x, product=t % 2, lot=t // 2, block=t // 6)
    >>> model.predict([[1.0], [-1.0]], product=[0, 1]).round(0).tolist()
    [92.0, 88.0]
    """

    def __init__(
        self, penalties: Sequence[float] = PENALTIES, has_trees: bool = False, seed: int = 0
    ) -> None:
        self.penalties = penalties
        self.has_trees = has_trees
        self.seed = seed

    def fit(
        self, X: ArrayLike, y: ArrayLike, *, product: ArrayLike, lot: ArrayLike, block: ArrayLike
    ) -> Self:
        """Choose and fit.

        Args:
            X: shape (n, p); NaN marks missing.
            y: shape (n,); NaN marks missing.
            product: Labels, shape (n,).
            lot: Labels, shape (n,): each is kept whole.
            block: Numbers that rise with time, shape (n,).

        Raises:
            DataError: Too few rows or blocks, or shapes do not fit together.
        """
        table = matrix(X, "X")
        names = [str(k) for k in range(table.shape[1])]
        rows = Rows.of(table, y, names, product=product, lot=lot, block=block)
        settings = ForwardSettings(
            penalties=tuple(self.penalties), has_trees=self.has_trees, seed=self.seed
        )
        self.settle(rows, choose(rows, settings))
        self.labels_ = np.unique(np.asarray(product))
        return self

    def settle(self, rows: Rows, choice: Choice) -> Self:
        """Fit a choice that was made before to these rows; products keep their numbers.

        >>> from goldenbatch.science.drivers.rows import Level
        >>> rows = Rows.of([[0.0]] * 3, [1.0, 3.0, 2.0], ["a"], product=[5] * 3, lot=range(3),
        ...                block=range(3))
        >>> model = DriverModel().settle(rows, Choice(Level.MEAN, "", None, 0.0, {}))
        >>> model.predict([[1.0]], product=[0]).tolist()
        [2.0]
        """
        self.labels_ = self.codes_ = np.unique(rows.product)
        self.rows_, self.choice_ = rows, choice
        self.n_features_in_ = rows.X.shape[1]
        self.correction_: Any = None
        if choice.correction is not None:
            found = differences(rows, choice.level)
            self.correction_ = clone(choice.correction).fit(
                found.X_difference, found.y_difference, sample_weight=weights_of(found)
            )
        return self

    def predict(self, X: ArrayLike, *, product: ArrayLike) -> Floats:
        """Predict new batches, all later than those that it was fitted to, shape (n,).

        Args:
            X: shape (n, p); NaN marks missing.
            product: Labels, shape (n,); one that is not known has the mean of all as its level.

        Raises:
            NotFittedYetError: `fit` was not called.
            DataError: Another number of columns.
        """
        if not hasattr(self, "rows_"):
            message = "DriverModel is not fitted; call fit first"
            raise NotFittedYetError(message)
        table, labels = matrix(X, "X"), np.asarray(product)
        if table.shape[1] != self.n_features_in_ or labels.shape != (len(table),):
            message = (
                f"X has the shape {table.shape} and product {labels.shape}; "
                f"{self.n_features_in_} columns and one product a row are needed"
            )
            raise DataError(message)
        level, added = self._added(table, labels)
        return level + added

    def _added(self, table: Floats, labels: Any) -> tuple[Floats, Floats]:
        """Level of each row, and what the correction adds."""
        old = self.rows_
        place = np.searchsorted(self.labels_, labels)
        place = np.minimum(place, len(self.labels_) - 1)
        is_known = self.labels_[place] == labels
        code = np.where(is_known, self.codes_[place], -1)
        new = np.full(len(table), old.block.max() + 1)
        both = Rows(
            np.concatenate([old.X, table]),
            np.concatenate([old.y, np.full(len(table), np.nan)]),
            old.columns,
            np.concatenate([old.product, code]),
            np.concatenate([old.lot, np.full(len(table), -1)]),
            np.concatenate([old.block, new]),
        )
        found = differences(both, self.choice_.level)
        level, own = found.level[old.n :], found.X_difference[old.n :]
        if self.correction_ is None:
            return level, np.zeros(len(table))
        added = self.choice_.shrink * self.correction_.predict(own)
        return level, np.where(found.n_known[old.n :] > 0, added, 0.0)
