"""Is the data of this batch complete? Looked up in the historian, explained by recorded gaps."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from goldenbatch.core.acquisition import GapCause
from goldenbatch.core.completeness import (
    CompletenessAssessed,
    Hole,
    TagCompleteness,
    TagState,
    completeness_stream,
)
from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.records import Event, NewEvent
from goldenbatch.core.series import Quality
from goldenbatch.core.sources import TOLD_WITHIN_US, SourceStarted, source_stream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from goldenbatch.core.plant import Tag
    from goldenbatch.core.series import Series
    from goldenbatch.core.site import Site, Window

TOLERANCE = 2.5
"""A time without a reading longer than so many cadences is a hole."""


def assess(site: Site, batch: str, tolerance: float = TOLERANCE) -> CompletenessAssessed:
    """Look through all readings of a batch.

    A tag is looked at in the windows of the phases that ran at its place (or around it); a
    batch without phases is looked at as a whole. A tag without a cadence cannot be judged,
    save that a recorded gap which was never filled makes it incomplete. A batch that has not
    ended is not complete, whatever is there by now.

    Raises:
        NotFoundError: There is no such batch, or it has not begun.
    """
    scopes = _scopes(site, batch)
    if not scopes:
        raise NotFoundError(f"batch {batch!r} has not begun.", hint="See `batch show`.")
    head, gaps, stored = site.historian.head(), _Gaps.of(site), site.historian.tags()
    found = []
    for place, window in scopes:
        tags = site.plant.tags_below(place) if place else site.plant.tags
        for tag in tags:
            if tag.name in stored:
                found.append(_tag(site, tag, window, gaps, tolerance, head))
            elif tag.cadence_s or gaps.losses(tag, window):
                found.append(_absent(tag, window, gaps))
    judged = [one for one in found if one.state != "no cadence"]
    is_ended = _is_ended(site, batch)
    return CompletenessAssessed(
        batch=batch,
        # Where nothing could be judged, nothing is shown to be complete.
        is_complete=is_ended and bool(judged) and all(one.state == "complete" for one in judged),
        is_ended=is_ended,
        historian_seq=head,
        tolerance=tolerance,
        tags=tuple(sorted(found, key=lambda one: (one.tag, one.start))),
    )


def record(site: Site, body: CompletenessAssessed) -> Event:
    """Put an assessment on the record, where it can be proved."""
    stream = completeness_stream(body.batch)
    event = NewEvent(stream, body, site.ledger.version(stream), actor=site.actor.uid)
    return site.ledger.append([event])[0]


def _scopes(site: Site, batch: str) -> list[tuple[str, Window]]:
    """Places of a batch with the windows in which it was there."""
    rows = site.ledger.select("batch", {"batch": batch}, limit=1)
    windows = site.windows(batch)
    phases = site.ledger.select("phase", {"batch": batch})
    # A phase that was open when its batch was aborted has ended with it.
    last = (rows[0]["ended_at"] if rows else None) or site.clock()
    found = {
        (row["place"], (start, max(start, int(row["ended_at"] or last))))
        for row in phases
        if row["place"] and (start := row["started_at"]) is not None
    }
    return sorted(found) or [(rows[0]["place"] or "", window) for window in windows]


def _is_ended(site: Site, batch: str) -> bool:
    """Whether the batch has ended; one that is known by its phases alone, when all of them have."""
    rows = site.ledger.select("batch", {"batch": batch}, limit=1)
    if rows:
        return rows[0]["ended_at"] is not None
    phases = site.ledger.select("phase", {"batch": batch})
    return all(row["ended_at"] is not None for row in phases)


def _expected(window: Window, cadence_s: float | None) -> int:
    return int((window[1] - window[0]) / (cadence_s * 1e6)) if cadence_s else 0


def _tag(
    site: Site, tag: Tag, window: Window, gaps: _Gaps, tolerance: float, head: int
) -> TagCompleteness:
    import numpy as np

    series = site.historian.read([tag.name], window, head)
    is_bad = series.qualities() >= int(Quality.BAD)
    # A reading that says that there is none (stale, refused by the device, no value or not a
    # number whatever its quality) fills no hole.
    times = np.sort(series.times()[~is_bad & ~_is_empty(series)])
    holes: list[Hole] = []
    if tag.cadence_s:
        holes = [gaps.explain(tag.name, one) for one in _holes(times, window, tag, tolerance)]
    # What is known to be lost is missing, however short the time.
    holes += [one for one in gaps.losses(tag, window) if not _is_in(one, holes)]
    state: TagState = "incomplete" if holes else "complete" if tag.cadence_s else "no cadence"
    if tag.cadence_s and not len(times):
        state = "no readings"
    return TagCompleteness(
        tag=tag.name,
        start=window[0],
        end=window[1],
        state=state,
        n_readings=len(series),
        n_expected=_expected(window, tag.cadence_s),
        n_bad=int(np.count_nonzero(is_bad)),
        cadence_s=tag.cadence_s or 0.0,
        holes=tuple(sorted(holes, key=lambda one: one.start)),
        digest=site.historian.digest(tag.name, window, head)[0],
    )


def _is_empty(series: Series) -> NDArray[np.bool_]:
    """Which readings have no value."""
    import numpy as np
    import pyarrow.compute as pc

    values = series.table.column("value")
    return np.asarray(pc.is_null(values, nan_is_null=series.kind == "number"), dtype=bool)


def _is_in(one: Hole, holes: Sequence[Hole]) -> bool:
    return any(hole.start < one.end and one.start < hole.end for hole in holes)


def _absent(tag: Tag, window: Window, gaps: _Gaps) -> TagCompleteness:
    """A tag that never had a reading: all of the window is one hole."""
    return TagCompleteness(
        tag=tag.name,
        start=window[0],
        end=window[1],
        state="no readings",
        n_readings=0,
        n_expected=_expected(window, tag.cadence_s),
        cadence_s=tag.cadence_s or 0.0,
        holes=(gaps.explain(tag.name, window),) if tag.cadence_s else gaps.losses(tag, window),
    )


def _holes(times: Any, window: Window, tag: Tag, tolerance: float) -> list[Window]:
    """Times between readings, and from and to the edges, that are longer than allowed."""
    import numpy as np

    edges = np.concatenate(([window[0]], times, [window[1]]))
    allowed = int(tolerance * (tag.cadence_s or 0.0) * 1e6)
    places = np.flatnonzero(np.diff(edges) > allowed)
    return [(int(edges[at]), int(edges[at + 1])) for at in places]


@dataclass(frozen=True)
class _Gaps:
    """The recorded gaps, and under which place each source is."""

    rows: Sequence[Mapping[str, Any]]
    places: Mapping[str, str]

    @classmethod
    def of(cls, site: Site) -> _Gaps:
        rows = [
            {**row, "tags": frozenset(json.loads(row["tags"]))}
            for row in site.ledger.select("gap", None, ("seq",))
        ]
        sources = {row["source"] for row in rows}
        return cls(rows, {one: _place(site, one) for one in sources})

    def explain(self, tag: str, window: Window) -> Hole:
        """A hole with the cause of the recorded gap that covers most of it."""
        over = [row for row in self.rows if _overlap(row, window) and self._is_about(row, tag)]
        causes = [row for row in over if not row["is_backfill"]]
        best = max(causes, key=lambda row: _overlap(row, window), default=None)
        return Hole(
            start=window[0],
            end=window[1],
            cause=GapCause(best["cause"]) if best else GapCause.UNKNOWN,
            gaps=tuple(int(row["seq"]) for row in causes),
            is_asked_again=any(row["is_backfill"] for row in over),
        )

    def losses(self, tag: Tag, window: Window) -> tuple[Hole, ...]:
        """Parts of a window in which readings of a tag are known to be lost and did not come back.

        Where a tag has a cadence its readings show whether a gap took any; only a counted loss
        is known without them. Of a tag without one every gap may have taken something.
        """
        about = [row for row in self.rows if self._is_about(row, tag.name)]
        return tuple(
            self.explain(tag.name, (max(row["start"], window[0]), min(row["end"], window[1])))
            for row in about
            if not row["is_backfill"]
            and _overlap(row, window)
            and (row["n_lost"] > 0 or not tag.cadence_s)
            and not _is_filled(row, window, about)
        )

    def _is_about(self, row: Mapping[str, Any], tag: str) -> bool:
        if row["tags"]:
            return tag in row["tags"]
        place = self.places[row["source"]]
        return not place or tag.startswith(f"{place}/")


def _is_filled(gap: Mapping[str, Any], window: Window, about: Sequence[Mapping[str, Any]]) -> bool:
    """Whether what was asked for again later covers all of a gap, and brought what was counted."""
    until, end = max(int(gap["start"]), window[0]), min(int(gap["end"]), window[1])
    # A source asks from where it knew itself complete, which is later than it last told.
    reach, n_brought = max(until, int(gap["start"]) + TOLD_WITHIN_US), 0
    later = [one for one in about if one["is_backfill"] and one["seq"] > gap["seq"]]
    for one in sorted(later, key=lambda one: int(one["start"])):
        if int(one["start"]) <= reach and int(one["end"]) > int(gap["start"]):
            until = reach = max(until, int(one["end"]))
            n_brought += int(one["n_readings"])
    return until >= end and n_brought >= int(gap["n_lost"])


def _overlap(row: Mapping[str, Any], window: Window) -> int:
    return max(0, min(int(row["end"]), window[1]) - max(int(row["start"]), window[0]))


def _place(site: Site, source: str) -> str:
    """Place under which the tags of a source are, as its newest card says."""
    events: Iterable[Event] = site.ledger.stream(source_stream(source))
    bodies = [one.decode() for one in events]
    cards = [one.card for one in bodies if isinstance(one, SourceStarted)]
    return str(json.loads(cards[-1])["place"]) if cards else ""
