"""How an alarm system performs for one operator: rates, floods, chattering, standing alarms.

Pure: times in seconds, no plant. Every figure stands beside the value that the guideline
recommends, so that nobody has to know it by heart.

References:
    ANSI/ISA-18.2-2016, 16 (monitoring and assessment), table 7; EEMUA 191 (2013), 6.5;
    ISA-TR18.2.5-2012 (chattering, fleeting and stale alarms).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from goldenbatch.science.errors import DataError

PERIOD_S = 600.0
HOUR_S, DAY_S = 3_600.0, 86_400.0
FLOOD_BEGINS, FLOOD_ENDS = 10, 5
"""Annunciations in ten minutes: a flood begins above the first and ends below the second."""
CHATTER_S, N_CHATTER = 60.0, 3
"""So many annunciations of one alarm within so long are chattering."""
STALE_S = DAY_S


@dataclass(frozen=True, slots=True)
class AlarmTimes:
    """One annunciation of an alarm.

    Attributes:
        alarm: Which alarm.
        at: When it was shown, seconds.
        cleared_at: When it was normal again; infinite while it is not.
        acknowledged_at: When somebody took note; infinite while nobody did.
        priority: Its priority.
        is_shown_again: It is shown a second time later, for which it then stands or waits.
    """

    alarm: str
    at: float
    cleared_at: float = math.inf
    acknowledged_at: float = math.inf
    priority: str = ""
    is_shown_again: bool = False


@dataclass(frozen=True, slots=True)
class Flood:
    """A time with more alarms than one operator can deal with.

    Attributes:
        start, end: Seconds; half-open.
        n_alarms: Annunciations within it.
        peak: Most annunciations in ten minutes.
    """

    start: float
    end: float
    n_alarms: int
    peak: int


@dataclass(frozen=True, slots=True)
class AlarmPerformance:
    """Figures of one operator position over a window.

    Attributes:
        n: Annunciations.
        per_10_min, per_hour, per_day: Mean rates; per_day is manageable up to about 150.
        peak_10_min: Most in any ten minutes; at most 10.
        share_over_10: Share of ten-minute periods with more than 10; below 1 %.
        share_hours_over_30: Share of hours with more than 30; below 1 %.
        floods: In order.
        share_in_flood: Share of the window; below 1 %.
        top: The alarms that come most often, with their counts; ten at most.
        share_of_top: Their share of all; below 5 %.
        chattering: Alarms that came `N_CHATTER` times within `CHATTER_S`: none.
        fleeting: Alarms that went within `CHATTER_S` before anybody took note, with how often.
        n_stale: Alarms active for more than a day at the end of the window; below 5.
        n_standing: Active at the end.
        n_unacknowledged: Nobody took note by the end.
        median_response_s: Of those acknowledged; NaN where none is.
        priorities: Share of each; about 80 % low, 15 % medium, 5 % high.
    """

    n: int
    per_10_min: float
    per_hour: float
    per_day: float
    peak_10_min: int
    share_over_10: float
    share_hours_over_30: float
    floods: tuple[Flood, ...]
    share_in_flood: float
    top: tuple[tuple[str, int], ...]
    share_of_top: float
    chattering: tuple[str, ...]
    fleeting: tuple[tuple[str, int], ...]
    n_stale: int
    n_standing: int
    n_unacknowledged: int
    median_response_s: float
    priorities: tuple[tuple[str, float], ...]


def alarm_performance(
    annunciations: Sequence[AlarmTimes], start: float, end: float
) -> AlarmPerformance:
    """Figures of one operator position.

    Args:
        annunciations: Of the position, in any order; those outside the window are left out of
            the counts, but one that began before and is active still stands.
        start: Of the window, seconds.
        end: Of the window, not in it; the moment up to which all is known.

    Raises:
        DataError: The window is empty or has no end, or an alarm was cleared before it was shown.

    References:
        ANSI/ISA-18.2-2016, table 7.

    >>> shown = [AlarmTimes("pump", 60.0 * n, 60.0 * n + 5) for n in range(12)]
    >>> found = alarm_performance(shown, 0.0, 3600.0)
    >>> found.peak_10_min, len(found.floods), found.fleeting, found.per_hour
    (10, 0, (('pump', 12),), 12.0)
    """
    if not end > start or not math.isfinite(end - start):
        raise DataError("the window of the alarms is empty or has no end; give a later, finite end")
    for one in annunciations:
        if one.cleared_at < one.at or one.acknowledged_at < one.at:
            message = f"alarm {one.alarm!r} of {one.at} was cleared or acknowledged before it came"
            raise DataError(message)
    own = sorted((one for one in annunciations if start <= one.at < end), key=lambda one: one.at)
    at = [one.at for one in own]
    tens, hours = _counts(at, start, end, PERIOD_S), _counts(at, start, end, HOUR_S)
    floods = _floods(at, start, end)
    counted = Counter(one.alarm for one in own)
    top = tuple(sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))[:10])
    newest = [one for one in annunciations if not one.is_shown_again]
    standing = [one for one in newest if one.at < end <= one.cleared_at]
    span = end - start
    priorities = Counter(one.priority for one in own)
    return AlarmPerformance(
        n=len(own),
        per_10_min=len(own) / span * PERIOD_S,
        per_hour=len(own) / span * HOUR_S,
        per_day=len(own) / span * DAY_S,
        peak_10_min=max(
            (bisect_left(at, one + PERIOD_S) - n for n, one in enumerate(at)), default=0
        ),
        share_over_10=sum(one > FLOOD_BEGINS for one in tens) / len(tens),
        share_hours_over_30=sum(one > 30 for one in hours) / len(hours),
        floods=floods,
        share_in_flood=sum(one.end - one.start for one in floods) / span,
        top=top,
        share_of_top=sum(n for _, n in top) / len(own) if own else 0.0,
        chattering=_chattering(own),
        fleeting=_fleeting(own, end),
        n_stale=sum(end - one.at > STALE_S for one in standing),
        n_standing=len(standing),
        n_unacknowledged=sum(one.at < end <= one.acknowledged_at for one in newest),
        median_response_s=_median_response(own, end),
        priorities=tuple((name, n / len(own)) for name, n in sorted(priorities.items())),
    )


def _counts(at: Sequence[float], start: float, end: float, period: float) -> list[int]:
    """Annunciations in each period of the window; a last part of a period counts as one."""
    n_periods = max(1, math.ceil((end - start) / period - 1e-9))
    edges = [bisect_left(at, start + period * n) for n in range(n_periods)] + [len(at)]
    return [later - earlier for earlier, later in pairwise(edges)]


def _floods(at: Sequence[float], start: float, end: float) -> tuple[Flood, ...]:
    """Runs of ten-minute periods from one above `FLOOD_BEGINS` to the first below `FLOOD_ENDS`."""
    found: list[Flood] = []
    first, n_alarms, peak = -1, 0, 0
    counts = [*_counts(at, start, end, PERIOD_S), 0]
    for place, count in enumerate(counts):
        if first < 0 and count > FLOOD_BEGINS:
            first, n_alarms, peak = place, 0, 0
        if first < 0:
            continue
        if count < FLOOD_ENDS:
            begins, ends = start + PERIOD_S * first, min(end, start + PERIOD_S * place)
            found.append(Flood(begins, ends, n_alarms, peak))
            first = -1
        else:
            n_alarms, peak = n_alarms + count, max(peak, count)
    return tuple(found)


def _chattering(own: Sequence[AlarmTimes]) -> tuple[str, ...]:
    times: dict[str, list[float]] = {}
    for one in own:
        times.setdefault(one.alarm, []).append(one.at)
    return tuple(
        sorted(
            name
            for name, at in times.items()
            if any(
                later - earlier <= CHATTER_S
                for earlier, later in zip(at, at[N_CHATTER - 1 :], strict=False)
            )
        )
    )


def _fleeting(own: Sequence[AlarmTimes], end: float) -> tuple[tuple[str, int], ...]:
    counted = Counter(
        one.alarm
        for one in own
        if one.cleared_at < min(end, one.at + CHATTER_S) and one.acknowledged_at > one.cleared_at
    )
    return tuple(sorted(counted.items(), key=lambda pair: (-pair[1], pair[0])))


def _median_response(own: Sequence[AlarmTimes], end: float) -> float:
    taken = sorted(one.acknowledged_at - one.at for one in own if one.acknowledged_at < end)
    if not taken:
        return math.nan
    middle = len(taken) // 2
    return taken[middle] if len(taken) % 2 else (taken[middle - 1] + taken[middle]) / 2
