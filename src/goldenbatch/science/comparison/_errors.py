"""Errors of two models on the same rows, summed by group: what all comparisons start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Floats, complete, vector
from goldenbatch.science.errors import DataError

ErrorMeasure = Literal["rmse", "mae", "bias"]
"""Root mean square error, mean absolute error, absolute mean error."""


@dataclass(frozen=True, slots=True)
class GroupSums:
    """Losses of two models, summed by group, in the order of the groups' first rows.

    Attributes:
        measure: what the sums are of: squares, absolute values, or the errors themselves.
        new, old: sums, shape (n_groups,).
        n: rows of each group, shape (n_groups,).
        names: of the groups.
    """

    measure: ErrorMeasure
    new: Floats
    old: Floats
    n: Floats
    names: tuple[str, ...]

    @property
    def n_rows(self) -> int:
        """Rows of all groups."""
        return int(self.n.sum())

    def value(self, mean: Floats) -> Floats:
        """The measure, from means of the losses of any shape."""
        if self.measure == "rmse":
            return np.sqrt(mean)
        return np.abs(mean) if self.measure == "bias" else mean

    def slope(self, mean: Floats) -> Floats:
        """Derivative of `value`; 0 where there is none."""
        if self.measure == "mae":
            return np.ones_like(mean)
        if self.measure == "bias":
            return np.sign(mean)
        return np.divide(0.5, np.sqrt(mean), out=np.zeros_like(mean), where=mean > 0)


def group_sums(
    truth: ArrayLike,
    new: ArrayLike,
    old: ArrayLike,
    groups: Sequence[str],
    measure: ErrorMeasure,
) -> GroupSums:
    """Sum the losses of two models by group.

    Raises:
        DataError: lengths differ, or a value is missing.
    """
    target = complete(vector(truth, "truth"), "truth")
    errors = []
    for name, values in (("new", new), ("old", old)):
        predicted = complete(vector(values, name), name)
        if predicted.shape != target.shape or len(groups) != len(target):
            message = f"{len(target)} rows have {len(predicted)} {name}, {len(groups)} groups"
            raise DataError(message)
        errors.append(predicted - target)
    names = tuple(dict.fromkeys(groups))
    place = {name: number for number, name in enumerate(names)}
    index = np.array([place[one] for one in groups], dtype=np.int64)
    sums = [
        np.asarray(np.bincount(index, _loss(one, measure), len(names)), np.float64)
        for one in errors
    ]
    counts = np.bincount(index, minlength=len(names)).astype(np.float64)
    return GroupSums(measure, sums[0], sums[1], counts, names)


def _loss(errors: Floats, measure: ErrorMeasure) -> Floats:
    if measure == "rmse":
        return errors**2
    return np.abs(errors) if measure == "mae" else errors
