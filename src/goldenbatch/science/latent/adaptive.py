"""Recursive PCA that never changes in place: an update is another plan, with another digest.

A plan that follows its process may follow a slow fault. So an update is a pure function of the
moments so far and of new rows; rows that the plan in use calls bad are not learnt from; and the
answer states how far the new plan is from the one that was approved first. Whether it may serve
is decided outside, under a change plan.

References:
    Li, Yue, Valle-Cervantes and Qin (2000), J. Process Control 10:471,
    doi:10.1016/S0959-1524(00)00022-6 (recursive PCA).
    Bjorck and Golub (1973), Math. Comput. 27:579, doi:10.2307/2005662 (angles between planes).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Floats, matrix
from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.latent._dynamic_fit import refuse_empty, ridged, windows
from goldenbatch.science.latent.alarm_limits import AlarmLimit, FalseAlarms, LimitSource
from goldenbatch.science.latent.alarm_rates import correlation_rows, measured_rate
from goldenbatch.science.latent.alarm_settings import AlarmSettings
from goldenbatch.science.latent.dynamic_facts import DynamicArrays, DynamicFacts
from goldenbatch.science.latent.dynamic_pca import plane_parts
from goldenbatch.science.latent.dynamic_plan import DynamicPlan

_RIDGE = 1e-2


@dataclass(frozen=True, slots=True)
class AdaptiveSettings:
    """What is fitted anew, and how long rows are remembered.

    Attributes:
        n_components: a.
        lags: rows before the newest one.
        memory: rows that the moments stand for at most: each new row weighs 1 / memory once so
            many were seen; a window that moves, with soft edges.
        rate: share of good rows that may be above the limit of each statistic.
        least_share: an update is refused if the plan in use calls more rows bad than the rest.
        statistics: of T2, SPE and combined.
    """

    n_components: int
    lags: int = 0
    memory: int = 2000
    rate: float = 0.01
    least_share: float = 0.8
    statistics: tuple[str, ...] = ("T2", "SPE")

    @property
    def alarms(self) -> AlarmSettings:
        """Limits by theory, of single rows."""
        return AlarmSettings(rate=self.rate, source=LimitSource.THEORETICAL)


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """All that is remembered of the rows learnt from.

    Attributes:
        n: rows that they stand for.
        mean: of windows, newest row first, shape (m,).
        covariance: of windows, shape (m, m).
    """

    n: float
    mean: Floats
    covariance: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Adapted:
    """A new plan, and what led to it.

    Attributes:
        plan: new; its digest is another one.
        moments: to go on from.
        follows: digest of the plan before; empty at the beginning.
        n_used: windows learnt from.
        n_left_out: rows that the plan before called bad or could not score.
        before: false alarms of the plan before on these rows, before they were learnt from; None
            at the beginning.
    """

    plan: DynamicPlan
    moments: Moments
    follows: str
    n_used: int
    n_left_out: int
    before: FalseAlarms | None


@dataclass(frozen=True, slots=True)
class Distance:
    """How far a plan is from the one that was approved first.

    Attributes:
        angle: the largest angle between their planes, degrees.
        centre: the largest shift of a centre, in the first plan's standard deviations.
        scale: the largest ratio of standard deviations, at least 1.
    """

    angle: float
    centre: float
    scale: float


def begin(X: ArrayLike, columns: Sequence[str], settings: AdaptiveSettings) -> Adapted:
    """Return the first plan, from good rows.

    Args:
        X: in time order, shape (n, p); windows with a missing value are not learnt from.
        columns: names of the tags.
        settings: what is fitted.

    Raises:
        DataError: too few whole windows.

    >>> rows = np.random.default_rng(0).normal(size=(300, 3))
    >>> first = begin(rows, ("a", "b", "c"), AdaptiveSettings(n_components=1))
    >>> first.n_used, first.plan.facts.kind
    (300, 'pca')
    """
    stacked, is_whole = windows(matrix(X, "X"), settings.lags + 1)
    kept = stacked[is_whole]
    moments = _moments(kept)
    plan = _plan(moments, tuple(columns), settings, None)
    return Adapted(plan, moments, "", len(kept), int((~is_whole).sum()), None)


def update(known: Adapted, X: ArrayLike, settings: AdaptiveSettings) -> Adapted:
    """Return the next plan, from rows that came since; `known` stays as it is.

    Rows that the plan in use calls bad, and windows with a missing value, are not learnt from. The
    rate at which it called them bad is measured first: a rate that grows is a process that moves
    faster than the model may follow.

    Args:
        known: what is in use.
        X: rows that came since, in time order, shape (n, p).
        settings: as at the beginning.

    Raises:
        DataError: too many rows are bad: look for a fault before anything is learnt from them.

    >>> rng = np.random.default_rng(0)
    >>> settings = AdaptiveSettings(n_components=1, memory=400)
    >>> first = begin(rng.normal(size=(300, 3)), ("a", "b", "c"), settings)
    >>> then = update(first, rng.normal(size=(100, 3)) + 0.2, settings)
    >>> then.follows == first.plan.digest, then.plan == first.plan, then.moments.n
    (True, False, 397.0)
    """
    rows = matrix(X, "X")
    scores, _ = known.plan.score(rows)
    is_good = scores.is_scored & ~scores.is_alarm
    n_scored = max(int(scores.is_scored.sum()), 1)
    if int(is_good.sum()) < settings.least_share * n_scored or not is_good.any():
        message = (
            f"{n_scored - int(is_good.sum())} of {n_scored} new rows are above a limit; a model "
            "must not learn a fault: look into them, and begin anew if this is normal now"
        )
        raise DataError(message)
    stacked, is_whole = windows(rows, settings.lags + 1)
    is_used = is_whole & is_good[settings.lags :]
    moments = _joined(known.moments, _moments(stacked[is_used]), settings.memory)
    judged = scores.is_alarm[scores.is_scored]
    severity = scores.severity[scores.is_scored]
    block = min(max(1, correlation_rows(severity)), max(1, len(judged) // 5))
    before = measured_rate(
        [judged], block_rows=block, measured_on="rows of an update, by the plan before it"
    )
    plan = _plan(moments, known.plan.facts.columns, settings, before)
    n_used = int(is_used.sum())
    return Adapted(plan, moments, known.plan.digest, n_used, len(rows) - n_used, before)


def distance(first: DynamicPlan, plan: DynamicPlan) -> Distance:
    """Return how far a plan is from the first one: what a change plan bounds.

    Raises:
        DesignError: the plans are of other tags, lags or components.

    References:
        Bjorck and Golub (1973), equation 3: principal angles.

    >>> rng = np.random.default_rng(0)
    >>> settings = AdaptiveSettings(n_components=1)
    >>> one = begin(rng.normal(size=(300, 3)) * [3, 1, 1], ("a", "b", "c"), settings).plan
    >>> distance(one, one).angle < 1e-4, distance(one, one).centre
    (True, 0.0)
    """
    a, b = first.facts, plan.facts
    is_alike = (a.columns, a.lags, a.widths[0]) == (b.columns, b.lags, b.widths[0])
    if not is_alike or {a.statistics[0], b.statistics[0]} != {"T2"}:
        raise DesignError("only plans of the same tags, lags and components, T2 first, compare")
    planes = []
    for one in (first, plan):
        rows = one.arrays.projection[: one.facts.widths[0]]
        ratio = np.tile(one.arrays.scale / first.arrays.scale, a.lags + 1)
        planes.append(np.linalg.qr((rows * ratio).T)[0])
    cosines = np.linalg.svd(planes[0].T @ planes[1], compute_uv=False)
    ratio = plan.arrays.scale / first.arrays.scale
    shift = np.abs(plan.arrays.centre - first.arrays.centre) / first.arrays.scale
    angle = np.degrees(np.arccos(np.clip(cosines.min(), -1.0, 1.0)))
    return Distance(float(angle), float(shift.max()), float(np.maximum(ratio, 1 / ratio).max()))


def _moments(kept: Floats) -> Moments:
    if len(kept) < 2:
        raise DataError("fewer than 2 whole windows to learn from; give more complete rows")
    mean = kept.mean(axis=0)
    centred = kept - mean
    return Moments(float(len(kept)), mean, centred.T @ centred / (len(kept) - 1))


def _joined(old: Moments, new: Moments, memory: int) -> Moments:
    """Li et al. (2000), equations 3 to 8, block by block."""
    share = new.n / min(old.n + new.n, max(float(memory), new.n))
    step = new.mean - old.mean
    covariance = (1 - share) * old.covariance + share * new.covariance
    covariance = covariance + share * (1 - share) * np.outer(step, step)
    n = min(old.n + new.n, max(float(memory), new.n))
    return Moments(n, old.mean + share * step, covariance)


def _plan(
    moments: Moments,
    columns: tuple[str, ...],
    settings: AdaptiveSettings,
    measured: FalseAlarms | None,
) -> DynamicPlan:
    p, n = len(columns), round(moments.n)
    if len(moments.mean) != p * (settings.lags + 1):
        message = f"windows have {len(moments.mean)} values; {p} tags are named"
        raise DataError(message)
    spread = np.sqrt(np.diag(moments.covariance)[:p])
    scale = np.where(spread > 0, spread, 1.0)
    every = np.tile(scale, settings.lags + 1)
    correlation = moments.covariance / np.outer(every, every)
    values, vectors = np.linalg.eigh(correlation)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1].T
    a = settings.n_components
    if not 1 <= a < min(n, len(values)):
        raise DesignError(f"{a} components do not fit into {len(values)} columns")
    refuse_empty(values, a)
    parts = plane_parts(vectors[:a], vectors[a:], values, n, settings)
    source = LimitSource.THEORETICAL
    limits = tuple(AlarmLimit(x.name, x.theoretical or 1.0, source, settings.rate) for x in parts)
    facts = DynamicFacts(
        kind="dpca" if settings.lags else "pca",
        columns=columns,
        lags=settings.lags,
        statistics=tuple(part.name for part in parts),
        widths=tuple(len(part.rows) for part in parts),
        limits=limits,
        in_force=source,
        n_rows=n,
        false_alarms=measured,
    )
    wide = p * min(2, settings.lags + 1)
    precision = np.asarray(np.linalg.inv(ridged(correlation[:wide, :wide], _RIDGE)))
    rows = np.concatenate([part.rows for part in parts])
    arrays = DynamicArrays(moments.mean[:p], scale, rows, np.zeros(len(parts)), precision)
    return DynamicPlan(facts, arrays)
