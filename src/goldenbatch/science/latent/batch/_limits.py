"""Limits and widths of a batch plan, from batches that were left out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import chdtri

from goldenbatch.science._arrays import Floats
from goldenbatch.science.latent.batch.envelope import conformal_quantile
from goldenbatch.science.latent.batch.plan import BatchPlan, BatchTrace, persistent
from goldenbatch.science.latent.batch.settings import BatchSettings
from goldenbatch.science.latent.batch.unfolding import moving_mean

_NEIGHBOURS = 0.1
_POINTWISE = 0.99
_LEVEL = 0.25
_USUAL, _SWING = 0.8, 3.0
_TO_DISTANCE = np.array([0.5, 0.5, 1.0])


def tails(z: Sequence[Floats], settings: BatchSettings) -> Floats:
    """How much further each variable swings in good batches than a normal one would, shape (p,).

    A controlled flow that jumps to its stop now and then would else set the limits for all.
    """
    most = []
    for one in z:
        held = np.abs(np.nan_to_num(one, nan=0.0))
        most.append(persistent(held, min(settings.persistence, len(held))).max(axis=0))
    return np.asarray(np.maximum(np.quantile(np.array(most), _USUAL, axis=0) / _SWING, 1.0))


# ---- limits -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """Statistics of one left-out batch in one phase."""

    points: Floats
    statistics: Floats


def limits_of(core: BatchPlan, traces: Sequence[BatchTrace]) -> tuple[dict[str, Floats], float]:
    """Limits of each phase over maturity, and the share of good batches that they promise."""
    wanted = core.settings.persistence
    curves: dict[str, Floats] = {}
    worst: list[Floats] = []
    for name, phase in core.phases.items():
        seen = [_seen(trace, name, phase.front.n_points) for trace in traces]
        curve = _curve(seen, phase.front.n_points)
        most = np.array([_most(one, curve, wanted) for one in seen])
        # As distances, for T2 and SPE are squares; each statistic of each phase then gets about
        # the same chance to alarm before the common factor.
        distance = most**_TO_DISTANCE
        usual = np.maximum(np.quantile(distance, _USUAL, axis=0), 1e-9)
        curves[name] = curve * (usual ** (1.0 / _TO_DISTANCE))[:, None]
        worst.append(distance / usual)
    of_batch = np.stack(worst).max(axis=(0, 2))
    factor, kept = conformal_quantile(of_batch, 1.0 - core.settings.false_alarm_rate)
    scaled = (factor ** (1.0 / _TO_DISTANCE))[:, None]
    return {name: curve * scaled for name, curve in curves.items()}, round(1.0 - kept, 12)


def _seen(trace: BatchTrace, name: str, n_points: int) -> _Seen:
    for one in trace.phases:
        if one.phase == name:
            points = np.clip(one.maturity, 0.0, 1.0) * (n_points - 1)
            return _Seen(points, one.statistics)
    return _Seen(np.zeros(0), np.zeros((0, 3)))


def _curve(seen: Sequence[_Seen], n_points: int) -> Floats:
    """Box's limit of each statistic over maturity from left-out batches, shape (3, n_points).

    The largest deviation of one variable is in spreads already: its curve is 1 everywhere, so
    that it is the half width of the golden envelope.
    """
    total, square, count = (np.zeros((n_points, 2)) for _ in range(3))
    for one in seen:
        own = one.statistics[:, :2]
        is_there = ~np.isnan(own).any(axis=1)
        place = np.rint(one.points[is_there]).astype(np.int64)
        np.add.at(total, place, own[is_there])
        np.add.at(square, place, own[is_there] ** 2)
        np.add.at(count, place, 1.0)
    share = _NEIGHBOURS
    weight = np.maximum(moving_mean(count, share), 1e-12)
    mean = moving_mean(total, share) / weight
    variance = np.maximum(moving_mean(square, share) / weight - mean**2, 0.0)
    level = np.median(mean[mean > 0]) if (mean > 0).any() else 1.0
    mean = np.maximum(mean, 1e-6 * level)
    variance = np.maximum(variance, (0.1 * mean) ** 2)
    g, h = variance / (2.0 * mean), 2.0 * mean**2 / variance
    box = g * chdtri(h, 1.0 - _POINTWISE)
    box = np.maximum(box, _LEVEL * np.median(box, axis=0))
    return np.column_stack([box, np.ones(n_points)]).T.copy()


def _most(seen: _Seen, curve: Floats, wanted: int) -> Floats:
    """Largest persistent ratio of each statistic to its curve, shape (3,)."""
    n_points = curve.shape[1]
    at = np.minimum(seen.points.astype(np.int64), n_points - 2)
    share = seen.points - at
    limit = curve[:, at] + (curve[:, at + 1] - curve[:, at]) * share
    ratio = np.nan_to_num(seen.statistics / limit.T, nan=0.0)
    if len(ratio) < wanted:
        return np.zeros(3)
    return np.asarray(persistent(ratio, wanted).max(axis=0))


def with_widths(
    plan: BatchPlan, traces: Sequence[BatchTrace], outcomes: Sequence[dict[str, list[float]]]
) -> BatchPlan:
    """The plan with the widths of its forecasts, from what left-out batches missed by."""
    if not plan.forecasts:
        return plan
    phases, kept = {}, 1.0
    for name, phase in plan.phases.items():
        k = phase.front.n_points
        missed = np.full((len(traces), len(plan.forecasts), k), np.nan)
        for i, trace in enumerate(traces):
            for one in trace.phases:
                if one.phase == name:
                    missed[i] = _missed(one.maturity, one.forecast, outcomes[i][name], k)
        half, share = _order_statistic(missed, plan.settings.coverage)
        kept = min(kept, share)
        phases[name] = replace(phase, half_widths=half)
    return replace(plan, phases=phases, stated_coverage=kept)


def _order_statistic(missed: Floats, coverage: float) -> tuple[Floats, float]:
    """`conformal_quantile` along the first axis, of all places at once; (n, m, k) to (m, k)."""
    known = missed[~np.isnan(missed).any(axis=(1, 2))]
    _, kept = conformal_quantile(np.arange(len(known)), coverage)
    rank = round(kept * (len(known) + 1))
    return np.asarray(np.sort(known, axis=0)[rank - 1]), kept


def _missed(maturity: Floats, forecast: Floats, outcome: Sequence[float], n_points: int) -> Floats:
    """Largest error near each grid point, the last one known beyond the batch's end, (m, k)."""
    grid = np.arange(n_points) / (n_points - 1)
    place = np.clip(np.searchsorted(maturity, grid, side="right") - 1, 0, len(maturity) - 1)
    return np.asarray(np.abs(forecast[place] - np.array(outcome)).T)
