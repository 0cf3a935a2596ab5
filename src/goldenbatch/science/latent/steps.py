"""Row-wise steps before a latent model, each with one fixed order of accumulation.

A row gives the same bits alone and in a block: elementwise work, and sums by `row_dot`, which
uses no BLAS. Steps are plain values, so that a scoring plan can carry them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

import numpy as np

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import DataError
from goldenbatch.science.latent._linear_steps import banded, detrended, low_rank, scatter_free
from goldenbatch.science.latent._sums import column_sum, row_dot, row_squares, sum_in_parts

__all__ = [
    "Step",
    "StepKind",
    "apply_steps",
    "column_sum",
    "row_dot",
    "row_squares",
    "sum_in_parts",
]


_AT_ONCE = 1 << 15


class StepKind(StrEnum):
    """The steps that a plan can carry."""

    CUT = "cut"
    SNV = "snv"
    MSC = "msc"
    SAVITZKY_GOLAY = "savitzky-golay"
    LINE = "line"
    DETREND = "detrend"
    EMSC = "emsc"
    BANDED = "banded"
    LOW_RANK = "low-rank"


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One step.

    Attributes:
        kind: what is done.
        numbers: cut: first and end (exclusive) column; MSC: the reference, shape (n_columns,);
            Savitzky-Golay: the filter's coefficients, first for the leftmost neighbour; SNV and
            line: empty; the others: see `_linear_steps`.
    """

    kind: StepKind
    numbers: Floats = field(default_factory=lambda: np.zeros(0))

    def apply(self, X: Floats) -> Floats:
        """Return the rows after the step; NaN spreads to what depends on it.

        Raises:
            DataError: the rows have too few columns.
        """
        if self.kind is StepKind.CUT:
            return _cut(X, int(self.numbers[0]), int(self.numbers[1]))
        if self.kind is StepKind.SNV:
            return _snv(X)
        if self.kind is StepKind.MSC:
            return _msc(X, self.numbers)
        if self.kind is StepKind.SAVITZKY_GOLAY:
            return _filter(X, self.numbers)
        if self.kind is StepKind.LINE:
            return _line(X)
        return _LINEAR[self.kind](X, self.numbers)


def apply_steps(steps: Sequence[Step], X: Floats) -> Floats:
    """Apply steps one after the other to rows, shape (n, p) to (n, p_after).

    >>> apply_steps([Step(StepKind.CUT, np.array([1.0, 3.0]))], np.array([[1.0, 2.0, 3.0]]))
    array([[2., 3.]])
    """
    for step in steps:
        X = step.apply(X)
    return np.ascontiguousarray(X)


def _cut(X: Floats, first: int, end: int) -> Floats:
    if X.shape[1] < end:
        message = f"rows have {X.shape[1]} columns; the model cuts columns {first} to {end}"
        raise DataError(message)
    return np.ascontiguousarray(X[:, first:end])


@lru_cache(maxsize=64)
def _ones(n_columns: int) -> Floats:
    ones = np.ones((1, n_columns))
    ones.setflags(write=False)
    return ones


def _row_mean(X: Floats) -> Floats:
    return np.asarray(row_dot(X, _ones(X.shape[1])) / X.shape[1])


def _snv(X: Floats) -> Floats:
    """Barnes, Dhanoa and Lister (1989), doi:10.1366/0003702894202201."""
    centred = np.asarray(X - _row_mean(X))
    spread = np.sqrt(_row_mean(centred * centred))
    # A flat row has no scatter to correct: it is not scored, instead of being infinite.
    spread[~(spread > 0)] = np.nan
    centred /= spread
    return centred


def _msc(X: Floats, reference: Floats) -> Floats:
    """Geladi, MacDougall and Martens (1985), doi:10.1366/0003702854248656."""
    if X.shape[1] != len(reference):
        message = f"rows have {X.shape[1]} columns; the MSC reference has {len(reference)}"
        raise DataError(message)
    base = float(reference.mean())
    centred = (reference - base)[None, :]
    mean = _row_mean(X)
    slope = row_dot(X - mean, centred) / float((centred * centred).sum())
    offset = mean - slope * base
    return np.asarray((X - offset) / np.where(slope != 0, slope, np.nan))


def _filter(X: Floats, coefficients: Floats) -> Floats:
    """Convolve rows; beyond the ends the outermost value is repeated."""
    half, n_columns = len(coefficients) // 2, X.shape[1]
    padded = np.empty((len(X), n_columns + 2 * half))
    padded[:, half : half + n_columns] = X
    padded[:, :half], padded[:, half + n_columns :] = X[:, :1], X[:, -1:]
    n_taps = len(coefficients)
    if X.size * n_taps <= _AT_ONCE:
        # The same additions in the same order as below, in fewer calls.
        stride = padded.strides[0]
        shifted = np.ndarray((n_taps, *X.shape), np.float64, padded, strides=(8, stride, 8))
        return np.asarray(np.add.reduce(shifted * coefficients[:, None, None], axis=0))
    out, part = padded[:, :n_columns] * coefficients[0], np.empty(X.shape)
    for i, coefficient in enumerate(coefficients.tolist()[1:], 1):
        np.multiply(padded[:, i : i + n_columns], coefficient, out=part)
        out += part
    return np.asarray(out)


def _line(X: Floats) -> Floats:
    """Subtract the straight line through the first and the last column."""
    share = np.linspace(0.0, 1.0, X.shape[1])
    first, last = X[:, :1], X[:, -1:]
    return np.asarray(X - (first + (last - first) * share))


_LINEAR = {
    StepKind.DETREND: detrended,
    StepKind.EMSC: scatter_free,
    StepKind.BANDED: banded,
    StepKind.LOW_RANK: low_rank,
}
