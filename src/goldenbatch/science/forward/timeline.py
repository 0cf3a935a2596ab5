"""When each row was decided on, and when its result became known: what keeps the future out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Bools, Integers
from goldenbatch.science.errors import DataError


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """Times of rows as whole numbers: months, days, or places in an order.

    Attributes:
        at: when each row is predicted, shape (n,).
        known_at: the first time at which its result is known, shape (n,); after `at`.
    """

    at: Integers
    known_at: Integers

    @classmethod
    def of(cls, at: ArrayLike, delay: int = 1) -> Self:
        """Rows whose results are known some periods later.

        Args:
            at: Period of each row, shape (n,).
            delay: Periods until its result is known; 1: in the next period.

        Raises:
            DataError: The delay is below 1, so that a result would be known at once.

        >>> Timeline.of([1, 1, 2]).known(2)
        array([ True,  True, False])
        """
        if delay < 1:
            message = f"a delay of {delay} periods: a result is known after its prediction, give 1"
            raise DataError(message)
        periods = _whole(at)
        return cls(periods, periods + delay)

    def __post_init__(self) -> None:
        """Refuse results that are known before they are predicted.

        Raises:
            DataError: One is, or the lengths differ.
        """
        if self.at.shape != self.known_at.shape or self.at.ndim != 1:
            message = f"{self.at.shape} times have {self.known_at.shape} times of results"
            raise DataError(message)
        early = np.flatnonzero(self.known_at <= self.at)
        if len(early):
            message = (
                f"row {int(early[0])} has its result at {int(self.known_at[early[0]])}, not after "
                f"its prediction at {int(self.at[early[0]])}; correct the times or the delay"
            )
            raise DataError(message)

    def __len__(self) -> int:
        return len(self.at)

    def known(self, at: int) -> Bools:
        """Rows whose results are known at a time, shape (n,)."""
        return np.asarray(self.known_at <= at)

    def blocks(self, every: int = 1) -> Iterator[tuple[int, Integers]]:
        """Rows that are predicted by one fit: the time it is made at, and their places.

        Args:
            every: Periods that one fit serves.

        Raises:
            DataError: It is below 1.

        >>> [(at, rows.tolist()) for at, rows in Timeline.of([3, 1, 1, 2]).blocks(2)]
        [(1, [1, 2, 3]), (3, [0])]
        """
        if every < 1:
            raise DataError(f"a fit for {every} periods serves nobody: give 1 or more")
        if not len(self):
            return
        first = int(self.at.min())
        number = (self.at - first) // every
        for one in np.unique(number):
            yield first + int(one) * every, np.flatnonzero(number == one)

    def order(self) -> Integers:
        """Places of the rows in the order of time; rows of one time as they stand."""
        return np.argsort(self.at, kind="stable")


def _whole(values: ArrayLike) -> Integers:
    array = np.asarray(values)
    if array.dtype.kind not in "iu" and not (
        array.dtype.kind == "f" and np.isfinite(array).all() and (array == np.floor(array)).all()
    ):
        raise DataError("times are whole numbers: months, days, or places in an order")
    return array.astype(np.int64)
