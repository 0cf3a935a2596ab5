"""The windows of readings that a finding names, drawn with its time and its limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.core.records import from_iso
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.pages import Asked
from goldenbatch.ui.web.trend import Drawn, TrendSettings, trend
from goldenbatch.ui.web.trend_data import Level, Signal, Span, gap_of, samples_of
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _

Data = Mapping[str, Any]
MAX_DRAWN = 4
N_POINTS = 2000
LEAST_ROOM_US = 600_000_000
ROOM = 0.25
"""So much of the window is drawn before and after it."""


@dataclass(frozen=True)
class Seen:
    """A window of a tag.

    Attributes:
        drawn: None: it cannot be drawn.
        why: Why it cannot.
    """

    tag: str
    drawn: Drawn | None = None
    why: str = ""


def micros(value: Any) -> int | None:
    """A time of an answer: microseconds, or as a record writes it."""
    if value is None or isinstance(value, int):
        return value
    return from_iso(str(value))


def windows_of(asked: Asked, finding: Data) -> list[Seen]:
    """Readings of the windows of tags that a finding names, few enough to be drawn."""
    tags: dict[str, tuple[int, int]] = {}
    for one in finding["evidence"]:
        start, end = micros(one["start"]), micros(one["end"])
        if one["kind"] == "window" and start is not None and end is not None:
            before = tags.get(one["tag"], (start, end))
            tags[one["tag"]] = (min(before[0], start), max(before[1], end))
    kinds = asked.site.historian.tags() if tags else {}
    found = []
    for tag, span in list(tags.items())[:MAX_DRAWN]:
        if kinds.get(tag, "number") == "number":
            found.append(_seen(asked, tag, span, finding))
        else:
            why = _("Its readings are no single numbers, so no line is drawn.")
            found.append(Seen(tag, why=why))
    return found


def _seen(asked: Asked, tag: str, span: tuple[int, int], finding: Data) -> Seen:
    begun, ended = micros(finding["start"]), micros(finding["end"])
    start = min(span[0], span[0] if begun is None else begun)
    end = max(span[1], span[1] if ended is None else ended)
    room = max(LEAST_ROOM_US, int((end - start) * ROOM))
    try:
        drawn = drawn_of(asked, tag, (start - room, end + room), finding)
    except GoldenbatchError as error:
        return Seen(tag, why=str(error))
    return Seen(tag, drawn)


def drawn_of(
    asked: Asked, tag: str, window: tuple[int, int], finding: Data, n_points: int = N_POINTS
) -> Drawn:
    """What is drawn of a tag of numbers in a window."""
    series = asked.site.historian.downsample([tag], window, n_points)
    try:
        known = asked.site.plant.tag(tag)
    except GoldenbatchError:
        known = None
    gap, unit = gap_of(known), known.unit if known is not None else "1"
    samples = samples_of(series, tag, gap, n_points)
    signal = Signal(tag, tag.rpartition("/")[2], samples, unit, gap)
    return Drawn([signal], window, _levels(finding, tag, unit), (), [_span(finding)])


def _span(finding: Data) -> Span:
    start, end = micros(finding["start"]) or 0, micros(finding["end"])
    is_grave = finding["severity"] in ("major", "critical")
    return Span(start, end, finding["title"], "bad" if is_grave else "warn")


def _levels(finding: Data, tag: str, unit: str) -> list[Level]:
    """Limits of measures in the unit of the tag; a pure number may be of anything."""
    return [
        Level("action", one["name"], one["lower_limit"], one["upper_limit"], unit, tag)
        for one in finding["measures"]
        if one["unit"] == unit != "1"
        and not (one["lower_limit"] is None and one["upper_limit"] is None)
    ]


def draw(view: View, one: Seen, finding: Data) -> None:
    """A window, to be looked at closer; what cannot be drawn says why."""
    if one.drawn is None:
        elements.paragraph(f"{one.tag}: {one.why}")
        return

    def load(start: int, end: int, n_points: int) -> Drawn:
        return drawn_of(view.asked, one.tag, (start, end), finding, n_points)

    start, end = one.drawn.window
    link = address("/trends", tag=one.tag, start=start, end=end)
    trend(one.tag, one.drawn, settings=TrendSettings(view.zone, height=260, link=link), load=load)
