"""Batches as rows in their order of time, and the levels that each may be compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from goldenbatch.science._arrays import Bools, Floats, Integers, matrix, vector
from goldenbatch.science.errors import DataError


class Level(StrEnum):
    """What a batch is compared with: earlier batches of its own product."""

    MEAN = "mean of the product"
    LAST = "last batch of the product"
    LAST_FIVE = "last five of the product"


N_LAST = {Level.MEAN: 0, Level.LAST: 1, Level.LAST_FIVE: 5}
"""How many of the newest batches; 0: all."""


@dataclass(frozen=True)
class Rows:
    """Batches with what is known of them.

    Attributes:
        X: Materials, equipment, environment; shape (n, p); NaN marks missing.
        y: Yield, or 1 for right first time and 0 for not; shape (n,); NaN marks missing.
        columns: Names of the columns of X.
        product: Number of the product of each batch, shape (n,).
        lot: Number of the lot that is kept whole, shape (n,).
        block: Number of the block of time, shape (n,): results of a block are known to all
            later ones and to none of its own.
    """

    X: Floats
    y: Floats
    columns: tuple[str, ...]
    product: Integers
    lot: Integers
    block: Integers

    @classmethod
    def of(
        cls,
        X: ArrayLike,
        y: ArrayLike,
        columns: Sequence[str],
        *,
        product: ArrayLike,
        lot: ArrayLike,
        block: ArrayLike,
    ) -> Self:
        """Rows from labels of any kind.

        Args:
            X: shape (n, p); NaN marks missing.
            y: shape (n,); NaN marks missing.
            columns: p names.
            product: Labels, shape (n,).
            lot: Labels, shape (n,).
            block: Numbers that rise with time, shape (n,).

        Raises:
            DataError: Shapes do not fit together, a name stands twice, or a block has no number.

        >>> rows = Rows.of([[1.0], [2.0]], [3.0, 4.0], ["a"], product=["p", "p"], lot=["l", "m"],
        ...                block=[1, 2])
        >>> rows.n, rows.lot.tolist()
        (2, [0, 1])
        """
        table, target = matrix(X, "X"), vector(y, "y")
        labels = [np.asarray(one) for one in (product, lot, block)]
        n = len(target)
        if len(table) != n or any(one.shape != (n,) for one in labels):
            shapes = [table.shape, target.shape, *(one.shape for one in labels)]
            message = f"X, y, product, lot and block have the shapes {shapes}"
            raise DataError(message)
        names = tuple(columns)
        if len(names) != table.shape[1] or len(set(names)) != len(names):
            message = f"{table.shape[1]} columns need as many different names, not {len(names)}"
            raise DataError(message)
        times = vector(labels[2], "block")
        if np.isnan(times).any():
            message = "a batch without a block stands in no order of time; leave it out"
            raise DataError(message)
        return cls(table, target, names, codes(labels[0]), codes(labels[1]), codes(times))

    @property
    def n(self) -> int:
        """Number of batches."""
        return len(self.y)

    def without(self, names: Sequence[str]) -> Rows:
        """The same batches without some columns."""
        kept = [k for k, name in enumerate(self.columns) if name not in names]
        return Rows(
            self.X[:, kept], self.y, tuple(self.columns[k] for k in kept), self.product,
            self.lot, self.block,
        )  # fmt: skip

    def where(self, chosen: Bools) -> Rows:
        """Some of the batches."""
        return Rows(
            self.X[chosen], self.y[chosen], self.columns, self.product[chosen],
            self.lot[chosen], self.block[chosen],
        )  # fmt: skip


def codes(labels: NDArray[np.generic]) -> Integers:
    """Labels as numbers from 0 on, in the order of the sorted labels, shape (n,).

    >>> codes(np.array(["b", "a", "b"])).tolist()
    [1, 0, 1]
    """
    return np.asarray(np.unique(labels, return_inverse=True)[1], dtype=np.int64)


@dataclass(frozen=True)
class Differences:
    """Batches less the level that was known when their block began.

    Attributes:
        level: Of y, shape (n,); NaN where no batch was known yet.
        X_level: Of X, shape (n, p); NaN where no batch of the product was known yet.
        X_difference: X less its level, shape (n, p); NaN where either is missing.
        y_difference: y less its level, shape (n,).
        n_known: Earlier batches of the product with a result, shape (n,).
    """

    level: Floats
    X_level: Floats
    X_difference: Floats
    y_difference: Floats
    n_known: Integers


def differences(rows: Rows, level: Level) -> Differences:
    """Compare each batch with the earlier ones of its product: X and y in the same way.

    The difference is taken within products, so that what differs between products (and reverses
    signs, Simpson's paradox) cannot enter; and only blocks before the batch's own are looked at,
    so that nothing later can. A batch without a known one of its product is compared with the
    mean of all known, and its X with nothing: its row of `X_difference` is NaN.

    Args:
        rows: The batches.
        level: With which earlier ones.

    >>> rows = Rows.of([[1.0], [3.0], [4.0]], [10.0, 12.0, 15.0], ["a"], product=[1, 1, 1],
    ...                lot=[1, 2, 3], block=[1, 2, 3])
    >>> found = differences(rows, Level.MEAN)
    >>> found.X_difference[:, 0].tolist(), found.y_difference.tolist()
    ([nan, 2.0, 2.0], [nan, 2.0, 4.0])
    """
    known = ~np.isnan(rows.y)
    both = np.column_stack([rows.y, rows.X])
    base = np.full_like(both, np.nan)
    n_known = np.zeros(rows.n, dtype=np.int64)
    for block in np.unique(rows.block):
        now = rows.block == block
        before = known & (rows.block < block)
        if before.any():
            base[now, 0] = rows.y[before].mean()
        for product in np.unique(rows.product[now]):
            own = np.flatnonzero(before & (rows.product == product))
            if len(own):
                mine = now & (rows.product == product)
                base[mine] = _mean(both[_newest(own, rows.block, N_LAST[level])])
                n_known[mine] = len(own)
    level_of_X = base[:, 1:]
    return Differences(base[:, 0], level_of_X, rows.X - level_of_X, rows.y - base[:, 0], n_known)


def _newest(own: NDArray[np.intp], block: Integers, n: int) -> NDArray[np.intp]:
    """The newest n rows, in the order of blocks and, within one, of rows; 0: all."""
    return own[np.argsort(block[own], kind="stable")][-n:] if n else own


def _mean(values: Floats) -> Floats:
    """Means of columns over what is not missing; NaN where all is."""
    n_there = (~np.isnan(values)).sum(axis=0)
    sums = np.where(np.isnan(values), 0.0, values).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(n_there > 0, sums / n_there, np.nan), dtype=np.float64)
