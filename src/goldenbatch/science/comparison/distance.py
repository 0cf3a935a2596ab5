"""How far apart two versions of a model are in what they say about the same fixed rows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import complete, vector
from goldenbatch.science.errors import DataError


@dataclass(frozen=True, slots=True)
class Distance:
    """Distance between two versions, in the unit of the intended use's output.

    It is a distance: none to itself, the same both ways, and the way over a third is no
    shorter. So steps within a limit can add up, but a way back counts as a way back.

    Attributes:
        rms: root mean square over the rows.
        largest: largest absolute difference.
        mean: signed, second minus first.
        at_row: row of the largest.
        n: rows.
    """

    rms: float
    largest: float
    mean: float
    at_row: int
    n: int


def prediction_distance(first: ArrayLike, second: ArrayLike) -> Distance:
    """Measure how far the predictions of two versions lie apart on the same reference rows.

    Args:
        first: predictions of one version, shape (n_rows,).
        second: predictions of the other for the same rows, shape (n_rows,).

    Raises:
        DataError: the rows differ in number, there is none, or one has no prediction.

    >>> distance = prediction_distance([1.0, 2.0], [1.0, 4.0])
    >>> round(distance.rms, 4), distance.largest, distance.at_row
    (1.4142, 2.0, 1)
    """
    one = complete(vector(first, "first predictions"), "first predictions")
    other = complete(vector(second, "second predictions"), "second predictions")
    if one.shape != other.shape or not len(one):
        raise DataError(f"{len(one)} and {len(other)} predictions cannot be of the same rows")
    gap = other - one
    # hypot scales, so that neither tiny nor huge differences are lost in their squares.
    rms = math.hypot(*gap.tolist()) / math.sqrt(len(gap))
    at_row = int(np.argmax(np.abs(gap)))
    return Distance(rms, float(abs(gap[at_row])), float(gap.mean()), at_row, len(gap))
