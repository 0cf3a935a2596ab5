"""What the frozen model says of a unit's rows, beside what was logged of them when they came.

The logged statistics are the record. Rows are made again from the readings at the logged times and
scored by the same frozen plan, for what is not logged: scores and contributions. How many of the
recomputed statistics equal the logged ones bit for bit is told; a reading that came late makes the
difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from goldenbatch.capabilities.monitoring.process.analyst import grid_of
from goldenbatch.capabilities.monitoring.process.sampling import readings_of
from goldenbatch.core.errors import NotFoundError
from goldenbatch.science.latent.dynamic_state import DynamicState

if TYPE_CHECKING:
    from goldenbatch.capabilities.monitoring.process.settings import ProcessSettings
    from goldenbatch.core.series import Flags, Floats, Integers
    from goldenbatch.core.site import Site, Window
    from goldenbatch.science.latent.dynamic_plan import DynamicPlan

N_ROWS: Final = 600
MOST_ROWS: Final = 5000
_BEFORE: Final = 20
"""Rows before the first one shown, so that lags and fillings are as they were."""


@dataclass(frozen=True, eq=False)
class Logged:
    """What was logged of a unit, in order of time.

    Attributes:
        times: Microseconds UTC, shape (n,).
        values: Statistics of each row alone; NaN where a row could not be scored, shape (n, K).
        severity: The largest statistic in units of its limit, shape (n,).
    """

    times: Integers
    values: Floats
    severity: Floats


@dataclass(frozen=True, eq=False)
class Watched:
    """Rows of a unit, made and scored again.

    Attributes:
        times: Shape (n,).
        rows: Raw values, shape (n, p).
        raw: Statistics, shape (n, K).
        scores: Coordinates of the first statistic, each over its spread: their squares sum to
            it, shape (n, a).
        states: Of the plan after each row.
    """

    times: Integers
    rows: Floats
    raw: Floats
    scores: Floats
    states: list[DynamicState]


def logged_of(
    site: Site, name: str, unit: str, plan: DynamicPlan, window: Window | None, n: int = N_ROWS
) -> Logged:
    """What the analyst logged of a unit in a window; without one, the newest rows.

    Raises:
        NotFoundError: Nothing was logged of the unit.
    """
    prefix = f"{unit}/{name}_"
    tags = [prefix + one.lower() for one in plan.facts.statistics] + [f"{prefix}severity"]
    known = site.historian.tags()
    if any(tag not in known for tag in tags):
        raise NotFoundError(
            f"{name!r} has logged nothing of {unit} yet.",
            hint="It begins with the first row after its model was fitted.",
        )
    if window is None:
        newest = site.historian.latest(tags[-1:])
        end = int(newest.times().max()) + 1
        window = (end - 4 * n * _step(site, tags[-1], end), end)
    series = site.historian.read(tags, window)
    times = np.unique(series.of(tags[-1]).times())[-n:]
    columns = []
    for tag in tags:
        part = series.of(tag)
        column = np.full(len(times), np.nan)
        places = np.searchsorted(times, part.times())
        kept = (places < len(times)) & np.isin(part.times(), times)
        column[places[kept]] = part.values().astype(np.float64)[kept]
        columns.append(column)
    whole = np.stack(columns, axis=1) if len(times) else np.zeros((0, len(tags)))
    return Logged(times, whole[:, :-1], whole[:, -1])


def _step(site: Site, tag: str, end: int) -> int:
    """Time from row to row of a unit's log; an hour where one row alone is there."""
    for back in (3_600_000_000, 86_400_000_000, 30 * 86_400_000_000):
        times = site.historian.read([tag], (end - back, end)).times()
        if len(times) > 1:
            return max(1, int(np.median(np.diff(times))))
    return 3_600_000_000


def watched_of(
    site: Site, settings: ProcessSettings, unit: str, plan: DynamicPlan, times: Integers
) -> Watched:
    """Make the rows of grid times again from the readings, and score them."""
    step = settings.interval_us
    front = times[0] - step * np.arange(plan.facts.lags + _BEFORE, 0, -1) if len(times) else times
    grid = grid_of(settings)
    tags = settings.tags_of(unit)
    known = site.historian.tags()
    there = [tag for tag in tags if tag in known]
    all_times = np.concatenate([front, times])
    rows = np.full((len(all_times), len(tags)), np.nan)
    if there and len(times):
        reach = max(grid.max_age, grid.interval)
        window = (int(all_times[0]) - reach, int(times[-1]) + 1)
        channels = {tag: place for place, tag in enumerate(tags)}
        readings = readings_of(site.historian.read(there, window), channels).in_order()
        rows = grid.rows(readings, np.zeros(len(all_times), np.int64), all_times).values
    raw, states = _scored(plan, all_times, rows, settings)
    n_front = len(front)
    scores = np.array([coordinates(plan, state) for state in states[n_front:]])
    width = plan.facts.widths[0]
    scores = scores.reshape(len(times), width)
    return Watched(times, rows[n_front:], raw[n_front:], scores, states[n_front:])


def _scored(
    plan: DynamicPlan, times: Integers, rows: Floats, settings: ProcessSettings
) -> tuple[Floats, list[DynamicState]]:
    """Row by row, as the analyst has done: a break empties the window, a silence all."""
    raw, states = np.full((len(times), len(plan.facts.statistics)), np.nan), []
    state = plan.start()
    none = np.full(rows.shape[1], np.nan)
    for i in range(len(times)):
        since = int(times[i] - times[i - 1]) if i else settings.interval_us
        if since > settings.lost_us:
            state = plan.start()
        elif since != settings.interval_us:
            state, _ = plan.step(state, none)
        state, point = plan.step(state, rows[i])
        raw[i] = point.raw
        states.append(state)
    return raw, states


def coordinates(plan: DynamicPlan, state: DynamicState) -> Floats:
    """Coordinates of the first statistic at the newest row of a state; NaN if not scored."""
    width = plan.facts.widths[0]
    if len(state.window) <= plan.facts.lags:
        return np.full(width, np.nan)
    newest = np.ascontiguousarray(state.window[::-1]).reshape(-1)
    found: Floats = np.einsum("ij,j->i", plan.arrays.projection[:width], newest)
    return found


def n_equal(logged: Floats, again: Floats) -> tuple[int, int]:
    """Values that equal bit for bit, of those that both have."""
    both: Flags = np.isfinite(logged) & np.isfinite(again)
    return int((logged[both] == again[both]).sum()), int(both.sum())


def loadings_of(plan: DynamicPlan) -> list[dict[str, Any]]:
    """Weights of each tag (and row before) in the first two coordinates, of length 1 each."""
    arrays, names = plan.arrays.projection[: min(2, plan.facts.widths[0])], plan.facts.columns
    lengths = np.sqrt(np.einsum("ij,ij->i", arrays, arrays))
    unit = arrays / np.maximum(lengths, 1e-300)[:, None]
    found = []
    for lag in range(plan.facts.lags + 1):
        for place, name in enumerate(names):
            column = unit[:, lag * len(names) + place].tolist()
            second = column[1] if len(column) > 1 else 0.0
            found.append({"tag": name, "lag": lag, "first": column[0], "second": second})
    return found


def limits_of_plan(plan: DynamicPlan) -> list[dict[str, Any]]:
    """Limits in force with the share of good rows that was measured above them."""
    facts = plan.facts
    return [
        {
            "statistic": one.statistic, "value": one.value, "source": one.source.value,
            "asked_rate": one.asked_rate, "is_log": facts.is_log, "smoothing": facts.smoothing,
            "limit": float(np.exp(one.value)) if facts.is_log else one.value,
            "measured": None if one.measured is None else one.measured.to_json(),
        }
        for one in facts.limits
        if one.source is facts.in_force
    ]  # fmt: skip
