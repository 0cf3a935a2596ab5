"""A timeline: spans and moments on one axis, each reachable by keyboard and told in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from goldenbatch.core.time import local_text
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.elements import Tone
from goldenbatch.ui.web.words import _

LEAST_SHARE = 0.4
"""Narrowest span, per cent of the axis: what is short can still be pressed."""
N_TICKS = 4


@dataclass(frozen=True)
class Mark:
    """Something on the axis.

    Attributes:
        label: In words; shown where there is room, told to screen readers always.
        start: Microseconds UTC.
        end: Of a span; None: it is one moment.
        to: Where it leads; empty: nowhere.
    """

    label: str
    start: int
    end: int | None = None
    to: str = ""
    tone: Tone = ""


@dataclass(frozen=True)
class Lane:
    """A row of the timeline."""

    title: str
    marks: tuple[Mark, ...]


def timeline(title: str, lanes: Sequence[Lane], window: tuple[int, int], zone: str) -> None:
    """Lanes on one axis of time; what lies outside the window is drawn at its edge.

    Args:
        title: For screen readers.
        lanes: From the top; those without marks are left out.
        window: Of the axis, microseconds UTC.
        zone: IANA zone of the times.
    """
    start, end = window
    if end <= start:
        elements.empty(_("Nothing has a time yet."))
        return
    with elements.box("gb-timeline", role="group", aria_label=title):
        for lane in lanes:
            if lane.marks:
                _lane(lane, window, zone)
        _axis(window, zone)


def place_of(mark: Mark, window: tuple[int, int]) -> tuple[float, float]:
    """Left edge and width of a mark, per cent of the axis.

    >>> place_of(Mark("a", 25, 75), (0, 100)), place_of(Mark("b", 500), (0, 100))
    ((25.0, 50.0), (100.0, 0.0))
    """
    start, end = window
    left = min(100.0, max(0.0, 100 * (mark.start - start) / (end - start)))
    if mark.end is None:
        return left, 0.0
    right = min(100.0, max(left, 100 * (mark.end - start) / (end - start)))
    return left, max(right - left, min(LEAST_SHARE, 100 - left))


def _lane(lane: Lane, window: tuple[int, int], zone: str) -> None:
    with elements.box("gb-lane"):
        elements.text("div", lane.title, "gb-lane-title")
        with elements.box("gb-lane-track", "ul"):
            for mark in lane.marks:
                _mark(mark, window, zone)


def _mark(mark: Mark, window: tuple[int, int], zone: str) -> None:
    left, width = place_of(mark, window)
    kind = "gb-span" if mark.end is not None else "gb-moment"
    told = f"{mark.label}, {local_text(mark.start, zone)}"
    if mark.end is not None:
        told += f" – {local_text(mark.end, zone)}"
    with elements.box("gb-mark", "li") as item:
        item.style(f"left:{left:.3f}%" + (f";width:{width:.3f}%" if width else ""))
        tag = "a" if elements.safe_address(mark.to) else "span"
        made = elements.text(
            tag, mark.label if width > 0 else "", f"{kind} gb-tone-{mark.tone or 'quiet'}"
        )
        if tag == "a":
            made.props["href"] = mark.to
        else:
            made.props.update({"tabindex": "0", "role": "img"})
        made.props.update({"aria-label": told, "title": told})


def _axis(window: tuple[int, int], zone: str) -> None:
    start, end = window
    with elements.box("gb-lane gb-axis"):
        elements.text("div", "", "gb-lane-title")
        with elements.box("gb-lane-track", aria_hidden="true"):
            for step in range(N_TICKS):
                share = step / (N_TICKS - 1)
                at = start + int((end - start) * share)
                side = "gb-tick-last" if step == N_TICKS - 1 else "gb-tick"
                words = local_text(at, zone)[:16].replace("T", " ")
                elements.text("span", words if not step else words[5:], side).style(
                    f"left:{100 * share:.1f}%"
                )
