"""Scoring on a chart: value by value with `step`, or a block at once with `score`.

Both give the same bits: recursions run in one scalar routine, all else is elementwise.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Bools, Floats, vector
from goldenbatch.science.errors import DataError
from goldenbatch.science.statistics.charts import (
    D2_OF_TWO,
    D4_OF_TWO,
    ChartDesign,
    ChartKind,
    ChartPoint,
    ChartScores,
    ChartState,
    alarm_names,
    ewma_half_width,
    start,
)
from goldenbatch.science.statistics.rules import memory_of


def step(design: ChartDesign, state: ChartState, value: float) -> tuple[ChartState, ChartPoint]:
    """Score one value; return the next state and the point. Changes nothing in place.

    Args:
        design: of the chart.
        state: after the value before.
        value: NaN if missing: the state stays as it is and no rule alarms.

    Raises:
        DataError: the value is infinite.

    >>> from goldenbatch.science.statistics.charts import ChartSettings
    >>> design = ChartDesign(ChartSettings(), centre=10.0, sigma=1.0)
    >>> state, point = step(design, start(design), 14.0)
    >>> point.alarms, point.upper, state.n
    (('nelson-1',), 13.0, 1)
    """
    if math.isnan(value):
        lower, upper = _limits(design, state.n)
        return state, ChartPoint(math.nan, math.nan, lower, upper, math.nan)
    if math.isinf(value):
        message = "an infinite value cannot be scored; mark missing values with NaN"
        raise DataError(message)
    z = (value - design.centre) / design.sigma
    kind = design.settings.kind
    if kind is ChartKind.EWMA:
        return _ewma_step(design, state, value, z)
    if kind is ChartKind.CUSUM:
        return _cusum_step(design, state, value, z)
    return _individuals_step(design, state, value, z)


def score(design: ChartDesign, values: ArrayLike, state: ChartState | None = None) -> ChartScores:
    """Score a block of values, from the beginning or from a state; equal to stepping, bit by bit.

    Args:
        design: of the chart.
        values: shape (n,), in time order; NaN marks a missing value.
        state: to go on from; a fresh one if left out.

    >>> from goldenbatch.science.statistics.charts import ChartSettings
    >>> design = ChartDesign(ChartSettings(kind=ChartKind.CUSUM), centre=0.0, sigma=1.0)
    >>> scores = score(design, [1.5] * 7)
    >>> scores.statistic.tolist(), scores.is_alarm.tolist()[-2:]
    ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], [True, True])
    """
    series = vector(values)
    state = start(design) if state is None else state
    is_kept = ~np.isnan(series)
    z = (series[is_kept] - design.centre) / design.sigma
    kind = design.settings.kind
    if kind is ChartKind.EWMA:
        columns, met, end = _ewma_block(design, state, z)
    elif kind is ChartKind.CUSUM:
        columns, met, end = _cusum_block(design, state, z)
    else:
        columns, met, end = _individuals_block(design, state, series[is_kept], z)
    names = alarm_names(design)
    alarms = np.zeros((len(names), len(series)), dtype=np.bool_)
    alarms[:, is_kept] = met
    statistic, second = (_spread(column, is_kept) for column in columns)
    lower, upper = _block_limits(design, state.n + np.cumsum(is_kept))
    return ChartScores(series, statistic, lower, upper, second, names, alarms, end)


def _limits(design: ChartDesign, n: int) -> tuple[float, float]:
    """Limits of the statistic at the n-th value."""
    settings = design.settings
    if settings.kind is ChartKind.CUSUM:
        return -settings.threshold, settings.threshold
    is_ewma = settings.kind is ChartKind.EWMA
    half = (ewma_half_width(design, max(n, 1)) if is_ewma else settings.width) * design.sigma
    return design.centre - half, design.centre + half


def _block_limits(design: ChartDesign, counts: np.ndarray) -> tuple[Floats, Floats]:
    settings = design.settings
    if not (settings.kind is ChartKind.EWMA and settings.has_exact_limits):
        lower, upper = _limits(design, 1)
        return np.full(len(counts), lower), np.full(len(counts), upper)
    pairs = np.array([_limits(design, int(n)) for n in counts]).reshape(-1, 2)
    return pairs[:, 0].copy(), pairs[:, 1].copy()


def _spread(column: Floats, is_kept: Bools) -> Floats:
    """Put scores of the values that are there into their rows; NaN elsewhere."""
    out = np.full(len(is_kept), math.nan)
    out[is_kept] = column
    return out


def _individuals_step(
    design: ChartDesign, state: ChartState, value: float, z: float
) -> tuple[ChartState, ChartPoint]:
    recent = (*state.recent, z)
    names = [rule.name for rule in design.rules if rule.is_met(recent)]
    has_range = len(state.recent) > 0
    second = abs(z - state.recent[-1]) * design.sigma if has_range else math.nan
    if design.settings.has_moving_range_alarm and second > _range_limit(design):
        names.append("moving-range-limit")
    keep = _memory(design)
    lower, upper = _limits(design, state.n + 1)
    after = replace(state, n=state.n + 1, recent=recent[-keep:])
    return after, ChartPoint(value, value, lower, upper, second, tuple(names))


def _individuals_block(
    design: ChartDesign, state: ChartState, values: Floats, z: Floats
) -> tuple[tuple[Floats, Floats], Bools, ChartState]:
    before = np.array(state.recent, dtype=np.float64)
    joined = np.concatenate([before, z])
    n_before = len(before)
    met = [rule.alarms(joined)[n_before:] for rule in design.rules]
    second = np.full(len(joined), math.nan)
    second[1:] = np.abs(np.diff(joined)) * design.sigma
    second = second[n_before:]
    if design.settings.has_moving_range_alarm:
        met.append(second > _range_limit(design))
    recent = tuple(joined[-_memory(design) :].tolist())
    after = replace(state, n=state.n + len(z), recent=recent)
    return (values, second), np.array(met, dtype=np.bool_).reshape(len(met), len(z)), after


def _memory(design: ChartDesign) -> int:
    return max(1, memory_of(design.rules))


def _range_limit(design: ChartDesign) -> float:
    return D4_OF_TWO * D2_OF_TWO * design.sigma


def _ewma_step(
    design: ChartDesign, state: ChartState, value: float, z: float
) -> tuple[ChartState, ChartPoint]:
    n, ewma = state.n + 1, _ewma_next(state.ewma, z, design.settings.weight)
    is_out = abs(ewma) > ewma_half_width(design, n)
    lower, upper = _limits(design, n)
    statistic = design.centre + ewma * design.sigma
    names = ("ewma-limit",) if is_out else ()
    point = ChartPoint(value, statistic, lower, upper, math.nan, names)
    return replace(state, n=n, ewma=ewma), point


def _ewma_next(ewma: float, z: float, weight: float) -> float:
    return ewma + weight * (z - ewma)


def _ewma_block(
    design: ChartDesign, state: ChartState, z: Floats
) -> tuple[tuple[Floats, Floats], Bools, ChartState]:
    means, ewma, weight = np.empty(len(z)), state.ewma, design.settings.weight
    for i, one in enumerate(z.tolist()):
        ewma = _ewma_next(ewma, one, weight)
        means[i] = ewma
    if design.settings.has_exact_limits:
        counts = range(state.n + 1, state.n + 1 + len(z))
        half = np.array([ewma_half_width(design, n) for n in counts])
    else:
        half = np.full(len(z), ewma_half_width(design, 1))
    met = (np.abs(means) > half).reshape(1, -1)
    statistic = design.centre + means * design.sigma
    second = np.full(len(z), math.nan)
    return (statistic, second), met, replace(state, n=state.n + len(z), ewma=ewma)


def _cusum_step(
    design: ChartDesign, state: ChartState, value: float, z: float
) -> tuple[ChartState, ChartPoint]:
    slack, threshold = design.settings.slack, design.settings.threshold
    upper, lower = _cusum_next(state.cusum_upper, state.cusum_lower, z, slack)
    sides = (("cusum-upper", upper), ("cusum-lower", lower))
    names = tuple(name for name, total in sides if total > threshold)
    point = ChartPoint(value, upper, -threshold, threshold, -lower, names)
    return replace(state, n=state.n + 1, cusum_upper=upper, cusum_lower=lower), point


def _cusum_next(upper: float, lower: float, z: float, slack: float) -> tuple[float, float]:
    return max(0.0, upper + z - slack), max(0.0, lower - z - slack)


def _cusum_block(
    design: ChartDesign, state: ChartState, z: Floats
) -> tuple[tuple[Floats, Floats], Bools, ChartState]:
    sums = np.empty((2, len(z)))
    upper, lower, slack = state.cusum_upper, state.cusum_lower, design.settings.slack
    for i, one in enumerate(z.tolist()):
        upper, lower = _cusum_next(upper, lower, one, slack)
        sums[0, i], sums[1, i] = upper, lower
    met = np.asarray(sums > design.settings.threshold)
    after = replace(state, n=state.n + len(z), cusum_upper=upper, cusum_lower=lower)
    return (sums[0], -sums[1]), met, after
