"""Axes: round tick positions and labels for numbers and for times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000
_TIME_STEPS_S = (
    1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 14400, 21600, 43200,
    86400, 172800, 604800, 1209600, 2592000, 7776000, 15552000, 31536000,
)  # fmt: skip


@dataclass(frozen=True)
class Scale:
    """A linear map of values to points on the paper, with its ticks.

    Attributes:
        low: Value at `start`.
        high: Value at `end`.
        start: Position of `low`.
        end: Position of `high`.
        ticks: (value, label) in order.
    """

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[tuple[float, str], ...]

    def __call__(self, value: float) -> float:
        """Position of a value."""
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def round_step(span: float, n_ticks: int) -> float:
    """Step of 1, 2, 2.5 or 5 times a power of ten that gives about `n_ticks` ticks.

    >>> round_step(9.3, 5)
    2.0
    """
    raw = span / max(n_ticks, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    for factor in (1.0, 2.0, 2.5, 5.0, 10.0):
        if raw <= factor * power * (1 + 1e-9):
            return factor * power
    return 10.0 * power


def number_scale(values: Sequence[float], start: float, end: float, n_ticks: int = 5) -> Scale:
    """Scale that holds all finite values, with a margin of 5 %.

    >>> number_scale([0.0, 10.0], 0.0, 100.0).ticks[0]
    (0.0, '0.0')
    """
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    if high - low < 1e-12 * max(abs(low), abs(high), 1e-300):
        pad = abs(low) * 0.1 or 1.0
    else:
        pad = (high - low) * 0.05
    low, high = low - pad, high + pad
    step = round_step(high - low, n_ticks)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    n_decimals = max(0, -math.floor(math.log10(step) + 1e-9)) + (
        step / 10.0 ** math.floor(math.log10(step) + 1e-9) == 2.5
    )
    ticks = tuple((k * step, _number_label(k * step, n_decimals)) for k in range(first, last + 1))
    return Scale(low, high, start, end, ticks)


def _number_label(value: float, n_decimals: int) -> str:
    if value and (abs(value) >= 1e6 or abs(value) < 1e-4):
        return f"{value:.3g}"
    text = f"{value:.{n_decimals}f}"
    return "0" if float(text) == 0 and n_decimals == 0 else text


def time_scale(
    low_us: int, high_us: int, start: float, end: float, zone: str, n_ticks: int = 6
) -> Scale:
    """Scale of times in a site's zone; ticks fall on round local times.

    >>> time_scale(0, 3_600_000_000, 0.0, 100.0, "UTC").ticks[1][1]
    '00:10'
    """
    if high_us <= low_us:
        high_us = low_us + _SECOND
    span_s = (high_us - low_us) / _SECOND
    step_s = next((s for s in _TIME_STEPS_S if span_s / s <= n_ticks), _TIME_STEPS_S[-1])
    local = ZoneInfo(zone)
    midnight = (
        (_EPOCH + timedelta(microseconds=low_us))
        .astimezone(local)
        .replace(hour=0, minute=0, second=0, microsecond=0)
    )
    anchor = (midnight - _EPOCH) // timedelta(microseconds=1)
    step = step_s * _SECOND
    first = anchor + -(-(low_us - anchor) // step) * step
    form = "%H:%M:%S" if step_s < 60 else "%H:%M" if step_s < 86400 else "%d %b %y"
    ticks = []
    for moment in range(first, high_us + 1, step):
        text = (_EPOCH + timedelta(microseconds=moment)).astimezone(local).strftime(form)
        ticks.append((float(moment), text))
    return Scale(float(low_us), float(high_us), start, end, tuple(ticks))
