"""Commands of alarms: what waits for somebody, and how the alarms of a position behave."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goldenbatch.core.errors import BadInputError
from goldenbatch.core.site import Site

if TYPE_CHECKING:
    from goldenbatch.core.finding_alarms import AlarmBook
    from goldenbatch.science.statistics.alarm_performance import AlarmPerformance, AlarmTimes

DAY_US = 86_400_000_000
MAX_DAYS = 3_660.0


def alarms_command(
    site: Site,
    batch: Annotated[str, typer.Option(help="Only those that touch this batch.")] = "",
    position: Annotated[str, typer.Option(help="Only those of this operator position.")] = "",
) -> list[dict[str, Any]]:
    """Alarms that wait for somebody, the highest priority first, with what to do."""
    from goldenbatch.capabilities.monitoring.alarms.reading import alarms_of

    book, now = alarms_of(site), site.clock()
    return [
        {
            "alarm": one.alarm.id, "occurrence": one.uid, "priority": one.alarm.priority,
            "state": book.state(one, now).value, "raised_at": one.raised_at,
            "position": one.alarm.position, "title": one.title, "place": one.place,
            "batches": ", ".join(one.batches), "response": one.alarm.response,
            "respond_within_s": one.alarm.respond_within_s,
        }
        for one in book.waiting(now, batch)
        if not position or one.alarm.position == position
    ]  # fmt: skip


def performance_command(
    site: Site,
    days: Annotated[float, typer.Option(help="So many days up to now.")] = 30.0,
    position: Annotated[str, typer.Option(help="Only this operator position.")] = "",
) -> list[dict[str, Any]]:
    """Rates, floods, chattering and standing alarms, beside what is recommended.

    The time before the first database came into force does not count: nothing could be shown.
    """
    from goldenbatch.capabilities.monitoring.alarms.reading import alarms_of
    from goldenbatch.science.statistics.alarm_performance import alarm_performance

    if not 0 < days <= MAX_DAYS:
        raise BadInputError(
            f"days is not above 0 and at most {MAX_DAYS:g}.",
            hint="Give how far back to look.",
            key="days",
        )
    book, now = alarms_of(site), site.clock()
    start = max(now - round(days * DAY_US), min(book.in_force_since(), now - 1))
    rows: list[dict[str, Any]] = []
    for name, shown in sorted(annunciations(book, now).items()):
        if not position or name == position:
            found = alarm_performance(shown, start / 1e6, now / 1e6)
            rows += [{"position": name, **row} for row in figures(found, (now - start) / DAY_US)]
    return rows


def annunciations(book: AlarmBook, now: int) -> dict[str, Sequence[AlarmTimes]]:
    """What each position was shown, in seconds; what was hidden counts once it is shown."""
    from goldenbatch.science.statistics.alarm_performance import AlarmTimes

    found: dict[str, list[AlarmTimes]] = {}
    for one in book.occurrences.values():
        cleared, taken = _seconds(one.cleared_at), _seconds(one.acknowledged_at)
        shown = [moment / 1e6 for moment in book.shown_at(one, now)]
        for at, following in pairwise([*shown, math.inf]):
            times = AlarmTimes(
                one.alarm.id,
                at,
                max(min(cleared, following), at),
                max(taken, at),
                one.alarm.priority,
                is_shown_again=following < math.inf,
            )
            found.setdefault(one.alarm.position, []).append(times)
    return dict(found)


def figures(found: AlarmPerformance, days: float) -> list[dict[str, Any]]:
    """Figures of a position as rows: figure, value, what is recommended, whether it is met.

    Args:
        found: Over the window.
        days: Length of the window; shorter than 30 its rates are rough.
    """
    rows = [
        ("days", round(days, 6), ">= 30", days >= 30),
        ("alarms a day", found.per_day, "<= 144", found.per_day <= 144),
        ("alarms an hour", found.per_hour, "<= 6", found.per_hour <= 6),
        ("alarms in 10 min", found.per_10_min, "<= 1", found.per_10_min <= 1),
        ("most in 10 min", found.peak_10_min, "<= 10", found.peak_10_min <= 10),
        ("share of 10 min over 10", found.share_over_10, "< 0.01", found.share_over_10 < 0.01),
        ("share of hours over 30", found.share_hours_over_30, "< 0.01",
         found.share_hours_over_30 < 0.01),
        ("floods", len(found.floods), "0", not found.floods),
        ("share of time in flood", found.share_in_flood, "< 0.01", found.share_in_flood < 0.01),
        ("share of the ten most frequent", found.share_of_top, "< 0.05", found.share_of_top < 0.05),
        ("chattering alarms", len(found.chattering), "0", not found.chattering),
        ("fleeting alarms", len(found.fleeting), "0", not found.fleeting),
        ("stale alarms", found.n_stale, "< 5", found.n_stale < 5),
        ("standing alarms", found.n_standing, "", None),
        ("unacknowledged alarms", found.n_unacknowledged, "0", not found.n_unacknowledged),
        ("median response, s",
         None if math.isnan(found.median_response_s) else found.median_response_s, "", None),
    ]  # fmt: skip
    names = {
        "chattering alarms": list(found.chattering),
        "fleeting alarms": [name for name, _ in found.fleeting],
        "share of the ten most frequent": [name for name, _ in found.top],
    }
    return [
        {
            "figure": figure, "value": value, "recommended": wanted, "is_met": is_met,
            "which": ", ".join(names.get(figure, ())),
        }
        for figure, value, wanted, is_met in rows
    ]  # fmt: skip


def _seconds(moment: int | None) -> float:
    return math.inf if moment is None else moment / 1e6
