"""Exact tests of two models on the same rows, for few groups: sign flips, swaps, McNemar.

References:
    Fisher (1935), The Design of Experiments, section 21 (flips of signs).
    Phipson and Smyth (2010), Stat. Appl. Genet. Mol. Biol. 9:39, doi:10.2202/1544-6115.1585
    (a sampled permutation test counts the observed one in).
    McNemar (1947), Psychometrika 12:153, doi:10.1007/BF02295996.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc

from goldenbatch.science._arrays import Floats, present, vector
from goldenbatch.science.comparison._errors import ErrorMeasure, GroupSums, group_sums
from goldenbatch.science.errors import DataError

N_EXACT = 15
"""Up to so many groups all 2^n flips are gone through."""
N_SAMPLED = 19_999

Alternative = Literal["less", "greater", "two_sided"]


@dataclass(frozen=True, slots=True)
class SignFlip:
    """Outcome of a flip or swap test.

    Attributes:
        statistic: the observed one.
        p_value: share of all flips that are at least as extreme.
        is_exact: all flips were gone through; else a seeded sample, the observed one among it.
        n: groups.
    """

    statistic: float
    p_value: float
    is_exact: bool
    n: int


def sign_flip_test(
    differences: ArrayLike,
    *,
    shift: float = 0.0,
    alternative: Alternative = "less",
    seed: int = 0,
) -> SignFlip:
    """Test whether independent differences lie symmetrically about a shift.

    Args:
        differences: one per group, new minus old, shape (n,); missing ones are left out.
        shift: the margin: `less` asks whether they lie below it.
        alternative: `less`, `greater` or `two_sided`.
        seed: of the sample, where there are more than 15.

    Returns:
        The statistic is the mean difference from the shift.

    Raises:
        DataError: there is no difference.

    >>> result = sign_flip_test([-2.0, -1.0, -3.0], alternative="less")
    >>> result.p_value, result.is_exact
    (0.125, True)
    """
    gaps = present(differences, 1, "differences") - shift
    signs, is_exact = _flips(len(gaps), seed)
    means = np.einsum("bk,k->b", signs, gaps) / len(gaps)
    observed = float(means[0])
    return SignFlip(observed, _p_value(means, alternative), is_exact, len(gaps))


def swap_test(
    truth: ArrayLike,
    new: ArrayLike,
    old: ArrayLike,
    groups: Sequence[str],
    measure: ErrorMeasure = "rmse",
    *,
    seed: int = 0,
) -> SignFlip:
    """Test whether a new model is better, by swapping the two models group by group.

    If nothing sets the two apart, each group might as well have had them the other way round.

    Args:
        truth: reference values, shape (n_rows,).
        new: predictions of the new model, shape (n_rows,).
        old: predictions of the old model, shape (n_rows,).
        groups: lot or batch of each row; all of it is swapped together.
        measure: `rmse`, `mae` or `bias`.
        seed: of the sample, where there are more than 15 groups.

    Raises:
        DataError: lengths differ, or a value is missing.

    >>> swap_test([0, 0, 0], [0.1, 0.2, 0.1], [1.0, 2.0, 3.0], ["a", "b", "c"]).p_value
    0.125
    """
    sums = group_sums(truth, new, old, groups, measure)
    if not sums.names:
        raise DataError("there are no rows to compare two models on")
    signs, is_exact = _flips(len(sums.names), seed)
    values = _swapped(sums, signs > 0)
    return SignFlip(float(values[0]), _p_value(values, "less"), is_exact, len(sums.names))


def _swapped(sums: GroupSums, is_kept: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> Floats:
    kept = is_kept.astype(np.float64)
    total = float(sums.n.sum())
    gap = sums.new - sums.old
    new_mean = (np.einsum("bk,k->b", kept, gap) + sums.old.sum()) / total
    old_mean = (np.einsum("bk,k->b", 1.0 - kept, gap) + sums.old.sum()) / total
    if sums.measure != "bias":  # a sum of losses is never below 0 but by rounding
        new_mean, old_mean = np.maximum(new_mean, 0.0), np.maximum(old_mean, 0.0)
    return np.asarray(sums.value(new_mean) - sums.value(old_mean))


def _flips(n: int, seed: int) -> tuple[Floats, bool]:
    """Signs of shape (n_flips, n), the observed (all 1) first."""
    if n <= N_EXACT:
        bits = (np.arange(1 << n)[:, None] >> np.arange(n)[None, :]) & 1
        return 1.0 - 2.0 * bits.astype(np.float64), True
    drawn = np.random.default_rng(seed).integers(0, 2, size=(N_SAMPLED, n))
    return np.concatenate([np.ones((1, n)), 1.0 - 2.0 * drawn]), False


def _p_value(values: Floats, alternative: Alternative) -> float:
    observed = values[0]
    # Equal sums of other order differ in the last bits: they count as equal.
    slack = 1e-12 * max(float(np.max(np.abs(values))), 1e-300)
    if alternative == "less":
        return float(np.mean(values <= observed + slack))
    if alternative == "greater":
        return float(np.mean(values >= observed - slack))
    return float(np.mean(np.abs(values) >= abs(observed) - slack))


@dataclass(frozen=True, slots=True)
class McNemar:
    """Two classifiers on the same rows.

    Attributes:
        n_new_only: rows that only the new one got right.
        n_old_only: rows that only the old one got right.
        n: all rows.
        p_better: one-sided: chance of so many for the new one if both are as good.
        p_two_sided: chance of an imbalance at least so large.
    """

    n_new_only: int
    n_old_only: int
    n: int
    p_better: float
    p_two_sided: float


def mcnemar_exact(is_new_right: ArrayLike, is_old_right: ArrayLike) -> McNemar:
    """Compare two classifiers by the rows on which only one of them is right.

    Args:
        is_new_right: per independent row, shape (n,).
        is_old_right: the same rows, shape (n,).

    Raises:
        DataError: shapes differ, or there is no row.

    >>> new, old = [True] * 9 + [False], [False] * 9 + [True]
    >>> round(mcnemar_exact(new, old).p_two_sided, 6)
    0.021484
    """
    new, old = vector(is_new_right, "is_new_right") != 0, vector(is_old_right, "is_old_right") != 0
    if new.shape != old.shape or not len(new):
        raise DataError(f"{len(new)} and {len(old)} rows cannot be paired; give the same rows")
    n_new, n_old = int(np.sum(new & ~old)), int(np.sum(old & ~new))
    two_sided = min(1.0, 2.0 * _tail(max(n_new, n_old), n_new + n_old))
    return McNemar(n_new, n_old, len(new), _tail(n_new, n_new + n_old), two_sided)


def _tail(n_events: int, n: int) -> float:
    """P(X >= n_events) of n fair coins."""
    return float(betainc(n_events, n - n_events + 1, 0.5)) if n_events else 1.0
