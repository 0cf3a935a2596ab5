"""Naive predictors that a model must beat, and the paired comparison that shows it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr

from goldenbatch.science._arrays import Floats, complete, present, vector
from goldenbatch.science.errors import DataError
from goldenbatch.science.statistics.intervals import Interval

_N_BOOTSTRAP = 2000


def mean_of_training(training: ArrayLike, n: int) -> Floats:
    """Predict the mean of the training results for each of n rows, shape (n,).

    >>> mean_of_training([1.0, 3.0], 2).tolist()
    [2.0, 2.0]
    """
    return np.full(n, float(present(training, 1, "training results").mean()))


def last_result(results: ArrayLike, result_at: ArrayLike, at: ArrayLike) -> Floats:
    """Predict at each time the newest result that was known strictly before it.

    Args:
        results: of the laboratory, shape (m,); missing ones are passed over.
        result_at: when each became known, shape (m,).
        at: times of the predictions, shape (n,).

    Returns:
        Shape (n,); NaN where no result was known yet.

    Raises:
        DataError: results and their times differ in number.

    >>> last_result([5.0, 7.0], [10, 20], [10, 15, 20, 25]).tolist()
    [nan, 5.0, 5.0, 7.0]
    """
    known, known_at = vector(results, "results"), np.asarray(result_at)
    if known.shape != known_at.shape:
        message = f"{known.shape} results have {known_at.shape} times"
        raise DataError(message)
    is_kept = ~np.isnan(known)
    order = np.argsort(known_at[is_kept], kind="stable")
    known, known_at = known[is_kept][order], known_at[is_kept][order]
    place = np.searchsorted(known_at, np.asarray(at), side="left")
    return np.concatenate([[math.nan], known])[place]


def rmse(truth: ArrayLike, predicted: ArrayLike) -> float:
    """Return the root mean square error over rows where neither is missing.

    Raises:
        DataError: shapes differ, or no such row is left.

    >>> rmse([1.0, 2.0, float("nan")], [2.0, 3.0, 1.0])
    1.0
    """
    errors = vector(truth, "truth") - _same_length(truth, predicted)
    return math.sqrt(float(np.mean(present(errors, 1, "errors") ** 2)))


@dataclass(frozen=True, slots=True)
class PairedComparison:
    """Squared errors of a model against those of a baseline, row by row.

    Attributes:
        rmse_model, rmse_baseline: over the same rows.
        difference: mean of model minus baseline squared errors; negative if the model is better.
        interval: of the difference, by bootstrap over rows.
        p_value: of the paired t test, two-sided; 1 where both have the same errors.
        n: rows.
        seed: of the bootstrap.
    """

    rmse_model: float
    rmse_baseline: float
    difference: float
    interval: Interval
    p_value: float
    n: int
    seed: int

    @property
    def is_better(self) -> bool:
        """Whether the model is better than the baseline beyond its interval."""
        return self.interval.upper < 0


def compare_errors(
    truth: ArrayLike,
    model: ArrayLike,
    baseline: ArrayLike,
    seed: int = 0,
    confidence: float = 0.95,
) -> PairedComparison:
    """Compare predictions of a model with those of a baseline on the same rows.

    Rows that follow one another in time are not independent: take the interval as the narrowest.

    Args:
        truth: shape (n,); rows where one of the three is missing are left out.
        model: predictions, shape (n,).
        baseline: predictions, shape (n,).
        seed: of the bootstrap.
        confidence: of its interval.

    Raises:
        DataError: fewer than 2 rows.

    References:
        Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.
        Dietterich (1998), Neural Comput. 10:1895, doi:10.1162/089976698300017197.

    >>> result = compare_errors([1.0, 2.0, 3.0], [1.1, 2.1, 2.9], [0.0, 1.0, 5.0])
    >>> result.is_better, result.n
    (True, 3)
    """
    target = vector(truth, "truth")
    errors = np.stack([target - _same_length(truth, p) for p in (model, baseline)]) ** 2
    errors = errors[:, ~np.isnan(errors).any(axis=0)]
    n = errors.shape[1]
    if n < 2:
        message = f"{n} rows have a truth and both predictions; 2 are needed"
        raise DataError(message)
    gap = complete(errors[0] - errors[1], "differences")
    drawn = np.random.default_rng(seed).integers(0, n, size=(_N_BOOTSTRAP, n))
    tail = 0.5 * (1.0 - confidence)
    low, high = np.quantile(gap[drawn].mean(axis=1), [tail, 1.0 - tail])
    means = np.sqrt(errors.mean(axis=1))
    return PairedComparison(
        rmse_model=float(means[0]),
        rmse_baseline=float(means[1]),
        difference=float(gap.mean()),
        interval=Interval(float(low), float(high), confidence),
        p_value=_paired_p_value(gap),
        n=n,
        seed=seed,
    )


def _paired_p_value(gap: Floats) -> float:
    spread = float(gap.std(ddof=1)) / math.sqrt(len(gap))
    if spread == 0.0:
        return 1.0 if float(gap.mean()) == 0.0 else 0.0
    return 2.0 * float(stdtr(len(gap) - 1, -abs(float(gap.mean())) / spread))


def _same_length(truth: ArrayLike, predicted: ArrayLike) -> Floats:
    array = vector(predicted, "predictions")
    if array.shape != np.shape(truth):
        message = f"{np.shape(truth)} true values have {array.shape} predictions"
        raise DataError(message)
    return array
