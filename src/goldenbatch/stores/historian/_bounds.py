"""Readings of windows together with those beside them, found without reading all there is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa

from goldenbatch.core.aggregates import AGGREGATES, AggregateKind, AggregateSettings
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.series import Aggregated, ReadingKind
from goldenbatch.core.site import Window
from goldenbatch.stores.historian._aggregates import aggregate
from goldenbatch.stores.historian._columns import Ints, ints
from goldenbatch.stores.historian._prepare import FIRST_TIME, LAST_TIME
from goldenbatch.stores.historian._query import merged
from goldenbatch.stores.historian._shape import floats
from goldenbatch.stores.historian._track import Track

FIRST_LOOK_US = 3_600_000_000
"""So far beside a window readings are looked for at first, then 24 times as far, and so on."""
_WIDER = 24
_ALL = LAST_TIME - FIRST_TIME
_N_BEFORE = 2
"""A line is drawn on through two readings before a window that lies after the last."""

Select = Callable[[list[Window], Ints], pa.Table]


def require_aggregate(kind: str, names: Sequence[str], held: ReadingKind) -> None:
    """Refuse what cannot be aggregated.

    Raises:
        BadInputError: The tags hold no numbers, or the aggregate is unknown.
    """
    if kind not in AGGREGATES:
        raise BadInputError(
            f"there is no aggregate {kind!r}.", hint=f"Use one of {', '.join(AGGREGATES)}."
        )
    if held != "number":
        raise BadInputError(
            f"tag {names[0]!r} is of kind {held!r}; only numbers are aggregated.",
            hint="Write states as 0 and 1; read texts, arrays and references with `read`.",
        )


def bounded(
    select: Select, tags: Ints, windows: Sequence[Window], settings: AggregateSettings
) -> dict[int, Track]:
    """Tracks of tags that have all readings of the windows and usable ones on both sides.

    Args:
        select: Newest readings of tags in disjoint ascending spans, by (tag, time).
        tags: Their numbers.
        windows: Of the aggregates.
        settings: Say which readings are usable.
    """
    found: dict[int, Track] = {}
    todo, look = tags, max([FIRST_LOOK_US, *(last - first for first, last in windows)])
    while todo.size and windows:
        look = min(look, _ALL)
        spans = merged([(max(a - look, FIRST_TIME), min(b + look, LAST_TIME)) for a, b in windows])
        found.update(_tracks(select(spans, todo), todo, settings))
        if look == _ALL:
            break
        left = [tag for tag in todo.tolist() if not _has_all(found[tag], windows)]
        todo, look = np.array(left, dtype=np.int64), look * _WIDER
    return found


def _tracks(table: pa.Table, tags: Ints, settings: AggregateSettings) -> dict[int, Track]:
    tag, time, quality = (ints(table, name) for name in ("tag", "time", "quality"))
    values = floats(table) if table.num_rows else np.empty(0)
    found = {}
    for one in tags.tolist():
        low, high = np.searchsorted(tag, [one, one + 1])
        found[one] = Track(time[low:high], values[low:high], quality[low:high], settings)
    return found


def _has_all(track: Track, windows: Sequence[Window]) -> bool:
    """Whether usable readings stand before the start and after the end of each window."""
    times = track.usable_time
    before = np.searchsorted(times, [first for first, _ in windows], side="right")
    after = len(times) - np.searchsorted(times, [last for _, last in windows])
    return bool((before >= _N_BEFORE).all() and (after >= 1).all())


def tabulated(
    names: Sequence[str],
    tags: Ints,
    tracks: Mapping[int, Track],
    windows: Sequence[Window],
    asked: tuple[AggregateKind, AggregateSettings],
) -> Aggregated:
    """One aggregate over all windows and tags."""
    shape, (kind, settings) = (len(windows), len(names)), asked
    values, quality = np.full(shape, np.nan), np.zeros(shape, dtype=np.int64)
    times = np.zeros(shape, dtype=np.int64)
    for place, tag in enumerate(tags.tolist() if windows else []):
        for at, (start, end) in enumerate(windows):
            cell = aggregate(tracks[tag], kind, start, end)
            values[at, place], quality[at, place], times[at, place] = (
                cell.value,
                cell.quality,
                cell.time,
            )
    return Aggregated(kind, tuple(names), tuple(windows), values, quality, times, settings)
