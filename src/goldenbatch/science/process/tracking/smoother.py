"""Fixed-interval smoothing: what is believed of a time given all that came after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.science.errors import DataError
from goldenbatch.science.process.tracking._algebra import congruence, product

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.tracking.belief import Belief


def smooth(
    filtered: Sequence[Belief],
    predicted: Sequence[Belief],
    slopes: Sequence[NDArray[np.float64]],
) -> list[Belief]:
    """Rauch-Tung-Striebel smoother over the steps of a filter.

    Args:
        filtered: Beliefs after the readings of times 0..n.
        predicted: Beliefs before the readings of times 1..n.
        slopes: Transition matrices into them, as `predict_with_slopes` returns.

    Raises:
        DataError: The numbers of steps do not fit.

    References:
        Rauch, Tung, Striebel 1965, doi:10.2514/3.3166; Särkkä 2013, algorithm 9.1.
    """
    if len(filtered) != len(predicted) + 1 or len(slopes) != len(predicted):
        raise DataError("filtered and predicted beliefs do not fit.", hint="Give n + 1 and n.")
    found = [filtered[-1]]
    steps = zip(filtered[:-1], predicted, slopes, strict=True)
    for before, ahead, matrix in reversed(list(steps)):
        cross = product(before.cov, np.ascontiguousarray(matrix.T))
        gain = np.linalg.lstsq(ahead.cov, cross.T, rcond=1e-14)[0].T
        later = found[-1]
        mean = before.mean + gain @ (later.mean - ahead.mean)
        cov = before.cov + congruence(np.ascontiguousarray(gain), later.cov - ahead.cov)
        found.append(replace(before, mean=mean, cov=cov))
    return found[::-1]
