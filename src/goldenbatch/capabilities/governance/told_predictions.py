"""What a use predicted lately, from its log, as plain data for a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.core.errors import NotFoundError

if TYPE_CHECKING:
    from goldenbatch.core.site import Site

MOST_ROWS: Final = 200
DAYS: Final = 30


def predictions_told(site: Site, tags: Mapping[str, str], day_us: int) -> dict[str, Any]:
    """The newest logged predictions with their intervals, and which lie outside the domain.

    Args:
        site: As the person may see it.
        tags: Of the log, by what they hold: `value`, `lower`, `upper`, `outside`.
        day_us: Length of a day.

    Returns:
        `times` (microseconds UTC), `value`, `lower`, `upper`, `is_outside`; and `tags`, for who
        wants all of it. Empty columns where nothing was predicted.
    """
    columns: dict[str, dict[int, float]] = {name: {} for name in tags}
    try:
        last = site.historian.latest([tags["value"]])
    except NotFoundError:
        return {"times": [], **{name: [] for name in tags}, "tags": dict(tags)}
    end = int(last.times()[-1]) + 1 if len(last.times()) else 0
    for name, tag in tags.items():
        try:
            series = site.historian.read([tag], (end - DAYS * day_us, end))
        except NotFoundError:
            continue
        pairs = zip(series.times().tolist(), series.values().tolist(), strict=True)
        columns[name] = {int(time): float(value) for time, value in pairs}
    times = sorted(columns["value"])[-MOST_ROWS:]
    return {
        "times": times,
        **{name: [column.get(time) for time in times] for name, column in columns.items()},
        "tags": dict(tags),
    }
