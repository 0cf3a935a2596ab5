"""Prediction intervals that keep their coverage while time goes on.

Each interval is made from errors that were already known when it was made. Where errors are larger
for some products, they are divided by a scale (normalised) or kept apart (Mondrian). A drift makes
exchangeability wrong; adaptive inference then moves the level by what was missed.

References:
    Vovk, Gammerman and Shafer (2022), Algorithmic Learning in a Random World, 2nd ed., ch. 4
    (Mondrian, normalised). Lei et al. (2018), doi:10.1080/01621459.2017.1307116 (split).
    Gibbs and Candes (2021), NeurIPS 34, arXiv:2106.00170, eq. 2 (adaptive level).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln, xlog1py, xlogy

from goldenbatch.science._arrays import Bools, Floats, Integers, vector
from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.forward.timeline import Timeline

Names = NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class ConformalSettings:
    """How intervals are made.

    Attributes:
        coverage: wanted.
        step: of the adaptive level for each missed or held row; 0: plain split conformal.
        is_normalised: errors are divided by the usual size of errors of their key.
        n_own: known errors from which on a key has intervals of its own; 0: never (no Mondrian).
        n_least: known errors before there is an interval at all.
        weight: errors of all keys that the size of a key's own errors is blended with.
    """

    coverage: float = 0.9
    step: float = 0.01
    is_normalised: bool = False
    n_own: int = 0
    n_least: int = 20
    weight: float = 10.0

    def __post_init__(self) -> None:
        """Refuse settings that make no sense."""
        if not 0 < self.coverage < 1 or not 0 <= self.step < 1 or self.weight < 0:
            raise DesignError("a coverage lies between 0 and 1, a step at or above 0 and below 1")


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """Intervals about predictions; all of shape (n,).

    Attributes:
        lower, upper: ends; NaN where too few errors were known.
        level: coverage that each was made for, as adapted.
    """

    lower: Floats
    upper: Floats
    level: Floats


def conformal_quantile(scores: ArrayLike, coverage: float) -> float:
    """The split-conformal quantile: the ceil((n + 1) coverage)-th smallest score.

    Args:
        scores: known ones, shape (n,); none missing.
        coverage: wanted; the rank is never above n, so that the interval stays finite.

    Raises:
        DataError: there is no score.

    >>> conformal_quantile([3.0, 1.0, 2.0, 4.0], 0.6)
    3.0
    """
    ordered = np.sort(vector(scores, "scores"))
    if not len(ordered):
        raise DataError("an interval needs errors that are already known")
    rank = math.ceil((len(ordered) + 1) * coverage - 1e-9)
    return float(ordered[min(max(rank, 1), len(ordered)) - 1])


def forward_intervals(
    errors: ArrayLike,
    predicted: ArrayLike,
    keys: Sequence[str],
    timeline: Timeline,
    settings: ConformalSettings | None = None,
) -> Intervals:
    """Intervals of rows in the order of time, each from errors known at its time.

    Args:
        errors: predicted minus result, shape (n,); NaN where there is none.
        predicted: shape (n,); NaN where nothing was predicted.
        keys: product code of each row, shape (n,).
        timeline: when rows are predicted and results are known.
        settings: coverage and kind.

    Raises:
        DataError: lengths differ.

    >>> errors = [0.1, -0.2, 0.3, -0.1, 0.2, 0.0]
    >>> plain = ConformalSettings(coverage=0.6, step=0.0, n_least=4)
    >>> found = forward_intervals(errors, [1.0] * 6, ["a"] * 6, Timeline.of(range(6)), plain)
    >>> found.upper.round(3).tolist()
    [nan, nan, nan, nan, 1.2, 1.2]
    """
    chosen = settings or ConformalSettings()
    sizes, guess = np.abs(vector(errors, "errors")), vector(predicted, "predictions")
    names = np.asarray([str(one) for one in keys], dtype=object)
    if not len(sizes) == len(guess) == len(names) == len(timeline):
        raise DataError(f"{len(timeline)} times have {len(sizes)} errors, {len(guess)} predictions")
    scale = _scales(sizes, names, timeline, chosen)
    half = np.full(len(guess), math.nan)
    level = np.full(len(guess), math.nan)
    miss, is_counted = 1.0 - chosen.coverage, np.zeros(len(guess), dtype=bool)
    order, scores = timeline.order(), sizes / scale
    for at in np.unique(timeline.at):
        known = timeline.known(int(at)) & ~np.isnan(scores)
        for row in order[(known & ~is_counted & ~np.isnan(half))[order]]:
            miss += chosen.step * (1.0 - chosen.coverage - float(sizes[row] > half[row]))
            is_counted[row] = True
        rows = np.flatnonzero((timeline.at == at) & ~np.isnan(guess))
        if int(known.sum()) < chosen.n_least:
            continue
        asked = min(max(1.0 - miss, 0.0), 1.0)
        half[rows] = _halves(scores, known, names, rows, (asked, chosen.n_own)) * scale[rows]
        level[rows] = asked
    return Intervals(guess - half, guess + half, level)


def _halves(
    scores: Floats, known: Bools, names: Names, rows: Integers, asked: tuple[float, int]
) -> Floats:
    """Half widths in units of the scale, by key where a key has errors enough of its own."""
    level, n_own = asked
    found = np.full(len(rows), conformal_quantile(scores[known], level))
    if n_own:
        for name in dict.fromkeys(names[rows]):
            own = scores[known & (names == name)]
            if len(own) >= n_own:
                found[names[rows] == name] = conformal_quantile(own, level)
    return found


def _scales(sizes: Floats, names: Names, timeline: Timeline, settings: ConformalSettings) -> Floats:
    """Usual size of a key's errors as known at each row's time, blended with that of all."""
    found = np.ones(len(sizes))
    if not settings.is_normalised:
        return found
    for at in np.unique(timeline.at):
        known = timeline.known(int(at)) & ~np.isnan(sizes)
        if not known.any():
            continue
        whole = max(float(sizes[known].mean()), 1e-12)
        rows = np.flatnonzero(timeline.at == at)
        found[rows] = whole
        for name in dict.fromkeys(names[rows]):
            own = sizes[known & (names == name)]
            blended = (own.sum() + settings.weight * whole) / (len(own) + settings.weight)
            found[rows[names[rows] == name]] = max(float(blended), 0.05 * whole)
    return found


def binomial_p_value(n_events: int, n: int, probability: float) -> float:
    """Exact two-sided test of a share: the chance of a count that is no more likely.

    Args:
        n_events: counted.
        n: trials.
        probability: of the event, if all is as claimed.

    Raises:
        DataError: counts or a probability that cannot be.

    References:
        Clopper and Pearson (1934), Biometrika 26:404; Hirji (2006), Exact Analysis of Discrete
        Data, 2.4 (probability-based two-sided p-value).

    >>> round(binomial_p_value(2, 10, 0.5), 4)
    0.1094
    """
    if not 0 <= n_events <= n or n == 0 or not 0 < probability < 1:
        raise DataError(f"{n_events} of {n} with a chance of {probability} is no binomial count")
    k = np.arange(n + 1)
    log_chance = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    log_chance = log_chance + xlogy(k, probability) + xlog1py(n - k, -probability)
    # A little slack, as equal chances differ in their last digits.
    is_rarer = log_chance <= log_chance[n_events] + 1e-7
    return min(1.0, float(np.exp(log_chance[is_rarer]).sum()))
