"""Columns that know the answer: what a model must not be given, and why.

A leak is not seen in any measure of a model: it makes all of them better. So columns are asked
one by one, before a model is believed. What a column cannot be shown to know by itself, a declared
stage or a time of recording still tells.

References:
    Kaufman et al. (2012), ACM Trans. Knowl. Discov. Data 6:15, doi:10.1145/2382577.2382579
    (legitimate inputs are those known at the time of prediction).
    Kapoor and Narayanan (2023), Patterns 4:100804, doi:10.1016/j.patter.2023.100804.
"""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Bools, Floats, Integers, matrix, vector
from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.forward.censoring import Reported
from goldenbatch.science.forward.timeline import Timeline


class LeakKind(StrEnum):
    """How a column was found to know the answer."""

    STAGE = "comes after the decision"
    TIME = "recorded after the decision"
    DUPLICATE = "is the result itself"
    TOO_GOOD = "is too good alone"
    FILLED = "is filled in with the result"


@dataclass(frozen=True, slots=True)
class Leak:
    """A column that knows the answer.

    Attributes:
        column: its name.
        kind: how it was found.
        figure: what was measured, between 0 and 1; 1 where it was declared.
        words: why, for a person.
    """

    column: str
    kind: LeakKind
    figure: float
    words: str


@dataclass(frozen=True, slots=True)
class LeakSettings:
    """From where on a column is too good.

    Attributes:
        duplicate: correlation, of values or of ranks, over all measured results.
        alone: the same within a product, where the product's own level explains nothing.
        n_least: measured results below which nothing can be said of a column.
    """

    duplicate: float = 0.98
    alone: float = 0.7
    n_least: int = 20

    def __post_init__(self) -> None:
        """Refuse settings that make no sense."""
        if not (0 < self.alone <= 1 and 0 < self.duplicate <= 1 and self.n_least >= 5):
            raise DesignError("limits of leaks are correlations above 0 up to 1, of 5 rows or more")


def declared_later(
    columns: Sequence[str], stages: Mapping[str, Sequence[str]], decision: str
) -> tuple[Leak, ...]:
    """Columns whose declared stage lies after the stage at whose end it is decided.

    Args:
        columns: names of the inputs.
        stages: stage to patterns of columns, in the order of the process; a column belongs to the
            last stage with a pattern for it, which is the careful reading.
        decision: the stage after which it is decided.

    Raises:
        DesignError: there is no such stage.

    >>> stages = {"material": ["api_*"], "press": ["tbl_*"], "laboratory": ["assay"]}
    >>> [leak.column for leak in declared_later(["api_water", "assay"], stages, "press")]
    ['assay']
    """
    order = list(stages)
    if decision not in stages:
        raise DesignError(f"no stage is named {decision!r}; there are {', '.join(order)}")
    found = []
    for column in columns:
        own = [one for one in order if any(fnmatch.fnmatch(column, p) for p in stages[one])]
        if own and order.index(own[-1]) > order.index(decision):
            words = f"it comes of the stage {own[-1]!r}; it is decided after {decision!r}"
            found.append(Leak(column, LeakKind.STAGE, 1.0, words))
    return tuple(found)


def recorded_later(recorded_at: Mapping[str, ArrayLike], decided_at: ArrayLike) -> tuple[Leak, ...]:
    """Columns of which values were recorded after the row was decided on.

    Args:
        recorded_at: column to the time of each of its values, shape (n,); NaN where there is none.
        decided_at: shape (n,), in the same unit.

    >>> recorded_later({"assay": [5.0, 9.0], "force": [1.0, 2.0]}, [3.0, 4.0])[0].column
    'assay'
    """
    limit = vector(decided_at, "times of decisions")
    found = []
    for column, times in recorded_at.items():
        own = vector(times, f"times of {column}")
        n_late, n_seen = int((own > limit).sum()), int((~np.isnan(own)).sum())
        if n_late:
            words = f"{n_late} of {n_seen} values were recorded after the decision"
            found.append(Leak(column, LeakKind.TIME, n_late / n_seen, words))
    return tuple(found)


def leaking_columns(
    X: ArrayLike,
    columns: Sequence[str],
    reported: Reported,
    keys: Sequence[str],
    settings: LeakSettings | None = None,
) -> tuple[Leak, ...]:
    """Columns that follow the result more closely than anything known before it could.

    Args:
        X: inputs, shape (n, p); NaN marks missing.
        columns: their names.
        reported: results, shape (n,); only measured ones count.
        keys: product code of each row, shape (n,).
        settings: from where on a column is too good.

    Raises:
        DataError: lengths differ.

    >>> y = np.sin(np.arange(40.0))
    >>> x = np.column_stack([y + 1, y**2])
    >>> leaks = leaking_columns(x, ["a", "b"], Reported.of(y), "x" * 40)
    >>> [(leak.column, leak.kind.name) for leak in leaks]
    [('a', 'DUPLICATE')]
    """
    chosen, rows = settings or LeakSettings(), matrix(X, "X")
    y = reported.values
    if rows.shape != (len(y), len(columns)) or len(keys) != len(y):
        raise DataError(f"{len(y)} results have inputs {rows.shape} and {len(keys)} keys")
    codes = np.unique([str(one) for one in keys], return_inverse=True)[1]
    found = []
    for place, column in enumerate(columns):
        leak = _leak_of(column, rows[:, place], reported, codes.astype(np.int64), chosen)
        if leak is not None:
            found.append(leak)
    return tuple(found)


def _leak_of(
    column: str, x: Floats, reported: Reported, codes: Integers, settings: LeakSettings
) -> Leak | None:
    y = reported.values
    is_gap, n_gaps = np.isnan(y), int(np.isnan(y).sum())
    if min(n_gaps, len(y) - n_gaps) >= 5 and bool(np.array_equal(np.isnan(x), is_gap)):
        words = f"it is there for just the {len(y) - n_gaps} rows that have a result"
        return Leak(column, LeakKind.FILLED, 1.0, words)
    is_used = ~(np.isnan(x) | is_gap | reported.is_censored)
    n = int(is_used.sum())
    if n < settings.n_least:
        return None
    whole = closeness(x[is_used], y[is_used])
    if whole >= settings.duplicate:
        words = f"its correlation with the result is {whole:.3f} over {n} measured results"
        return Leak(column, LeakKind.DUPLICATE, whole, words)
    within = closeness_within(x[is_used], y[is_used], codes[is_used], settings.n_least)
    if within >= settings.alone:
        words = f"within a product its correlation with the result is {within:.2f}, of {n} rows"
        return Leak(column, LeakKind.TOO_GOOD, within, words)
    return None


def closeness(x: ArrayLike, y: ArrayLike) -> float:
    """Larger of the correlations of values and of ranks, without sign; 0 of a constant.

    >>> closeness([1.0, 2.0, 3.0], [1.0, 8.0, 27.0])
    1.0
    """
    a, b = vector(x, "x"), vector(y, "y")
    return max(_correlation(a, b), _correlation(_ranks(a), _ranks(b)))


def closeness_within(x: ArrayLike, y: ArrayLike, codes: ArrayLike, n_least: int = 20) -> float:
    """The same after each product's own mean was taken away.

    Products with fewer than 3 rows say nothing.

    Args:
        x: shape (n,).
        y: shape (n,).
        codes: number of the product of each row, shape (n,).
        n_least: rows below which the answer is 0.

    >>> x = [1.0, 2.0, 3.0, 11.0, 12.0, 13.0]
    >>> closeness_within(x, [3, 2, 1, 9, 8, 7], [0] * 3 + [1] * 3, 5)
    1.0
    """
    a, b = vector(x, "x").copy(), vector(y, "y").copy()
    own = np.asarray(codes)
    is_kept = np.zeros(len(a), dtype=bool)
    for code in np.unique(own):
        rows = own == code
        if int(rows.sum()) >= 3:
            a[rows] -= a[rows].mean()
            b[rows] -= b[rows].mean()
            is_kept |= rows
    return closeness(a[is_kept], b[is_kept]) if int(is_kept.sum()) >= n_least else 0.0


def _correlation(a: Floats, b: Floats) -> float:
    a, b = a - a.mean(), b - b.mean()
    spread = math.sqrt(float(np.sum(a * a)) * float(np.sum(b * b)))
    # What is left of a constant after its mean was taken away is rounding, not a signal.
    size = float(np.abs(a).max(initial=0.0)) * float(np.abs(b).max(initial=0.0))
    if not spread > 1e-12 * max(size, 1e-300) or spread < 1e-20:
        return 0.0
    return min(1.0, abs(float(np.sum(a * b))) / spread)


def _ranks(values: Floats) -> Floats:
    """Mid-ranks."""
    ordered, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    del ordered
    last = np.cumsum(counts).astype(np.float64)
    return np.asarray((last - 0.5 * (counts - 1))[place])


def changes_with_future(
    columns_of: Callable[[Floats], Floats], results: ArrayLike, timeline: Timeline, seed: int = 0
) -> Bools:
    """Rows whose made columns change when only results that they could not know are changed.

    What a column is computed of can be asked directly: at each time the results not yet known are
    dealt anew, and nothing may change in rows up to that time.

    Args:
        columns_of: makes the columns, shape (n, p), of results, shape (n,).
        results: shape (n,).
        timeline: when rows are predicted and results are known.
        seed: of the dealing.

    >>> honest = lambda y: np.r_[np.nan, y[:-1]][:, None]
    >>> changes_with_future(honest, [1.0, 2.0, 3.0, 4.0], Timeline.of(range(4))).tolist()
    [False, False, False, False]
    >>> cheat = lambda y: (y - y.mean())[:, None]
    >>> changes_with_future(cheat, [1.0, 2.0, 3.0, 4.0], Timeline.of(range(4))).tolist()
    [True, True, True, True]
    """
    values = vector(results, "results")
    generator = np.random.default_rng(seed)
    plain = columns_of(values.copy())
    changed = np.zeros(len(values), dtype=bool)
    spread = float(np.nanstd(values)) or 1.0
    for at in np.unique(timeline.at):
        is_later = ~timeline.known(int(at))
        other = values.copy()
        noise = generator.normal(scale=spread, size=int(is_later.sum()))
        other[is_later] = generator.permutation(values[is_later]) + noise
        made = columns_of(other)
        same = (made == plain) | (np.isnan(made) & np.isnan(plain))
        changed |= (timeline.at <= at) & ~same.all(axis=1)
    return changed
