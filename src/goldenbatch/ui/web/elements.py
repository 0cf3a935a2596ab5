"""Elements of pages: headings, figures, tables, times, statements; all reachable by keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from nicegui import ui

from goldenbatch.core.records import to_iso
from goldenbatch.core.time import local_text

Tone = Literal["", "good", "warn", "bad", "quiet"]


@contextmanager
def section(title: str, *, note: str = "") -> Iterator[None]:
    """A part of a page with a heading of level 2."""
    with ui.element("section").classes("gb-section"):
        heading(title)
        if note:
            ui.label(note).classes("gb-note")
        yield


def heading(text: str, level: int = 2) -> None:
    """A heading; a page's own title is its only one of level 1."""
    with ui.element(f"h{level}").classes(f"gb-h{level}"):
        ui.label(text).classes("gb-inline")


def moment(at: int | None, zone: str) -> None:
    """A time in the zone of the site; UTC on hover and for screen readers.

    Args:
        at: Microseconds UTC; None: a dash.
        zone: IANA zone.
    """
    if at is None:
        ui.label("–")
        return
    element = ui.element("time").props(f'datetime="{to_iso(at)}" title="{to_iso(at)} (UTC)"')
    with element.classes("gb-time"):
        ui.label(local_text(at, zone)).classes("gb-inline")


def link(text: str, to: str) -> ui.link:
    """A link to a page of the interface."""
    return ui.link(text, to).classes("gb-link")


def state(text: str, tone: Tone = "") -> None:
    """A state in words; the colour only repeats it (WCAG 2.2, 1.4.1)."""
    ui.label(text).classes(f"gb-state gb-state-{tone or 'quiet'}")


def figure(
    label: str, value: str, to: str = "", *, unit: str = "", tone: Tone = "", note: str = ""
) -> None:
    """A figure of an overview, which leads to what is behind it."""
    with ui.element("a" if to else "div").classes(f"gb-figure gb-figure-{tone or 'quiet'}") as box:
        if to:
            box.props(f'href="{to}"')
        ui.label(label).classes("gb-figure-label")
        with ui.element("div").classes("gb-figure-value"):
            ui.label(value).classes("gb-inline")
            if unit:
                ui.label(unit).classes("gb-unit gb-inline")
        if note:
            ui.label(note).classes("gb-note")


def empty(text: str, do: str = "") -> None:
    """Nothing to show: what that means, and what to do."""
    with ui.element("div").classes("gb-empty"):
        ui.label(text)
        if do:
            ui.label(do).classes("gb-note")


def problem(text: str, hint: str = "") -> None:
    """Something is wrong: what, and what to do."""
    with ui.element("div").classes("gb-problem").props('role="alert"'):
        ui.label(text)
        if hint:
            ui.label(hint).classes("gb-note")


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        key: Key of the row.
        label: Its heading (with the unit, where all its numbers have one).
        show: Makes the cell from (value, row); without one the value is shown as text.
        is_number: Aligned to the right, in digits of equal width.
    """

    key: str
    label: str
    show: Callable[[Any, Mapping[str, Any]], None] | None = None
    is_number: bool = False


def table(
    caption: str,
    columns: Sequence[Column],
    rows: Sequence[Mapping[str, Any]],
    *,
    nothing: str = "Nothing here yet.",
) -> None:
    """A real HTML table with a caption, heads and cells; stored text stays text."""
    if not rows:
        empty(nothing)
        return
    with (
        ui.element("div")
        .classes("gb-table-box")
        .props('tabindex="0" role="region"')
        .props(f"aria-label={caption!r}")
    ):
        with ui.element("table").classes("gb-table"):
            with ui.element("caption"):
                ui.label(caption).classes("gb-inline")
            with ui.element("thead"), ui.element("tr"):
                for one in columns:
                    with (
                        ui.element("th")
                        .props('scope="col"')
                        .classes("gb-number" if one.is_number else "")
                    ):
                        ui.label(one.label).classes("gb-inline")
            with ui.element("tbody"):
                for row in rows:
                    with ui.element("tr"):
                        for one in columns:
                            _cell(one, row)


def _cell(column: Column, row: Mapping[str, Any]) -> None:
    value = row.get(column.key)
    with ui.element("td").classes("gb-number" if column.is_number else ""):
        if column.show is not None:
            column.show(value, row)
        else:
            ui.label("–" if value in (None, "") else str(value)).classes("gb-inline")


@contextmanager
def statement(
    *, by: str, version: str, confidence: float | None = None, in_domain: bool = True
) -> Iterator[None]:
    """What a rule or a model says, with who says it, in which version, how sure, and valid or not.

    The explanation and "how do you know" go inside.
    """
    with ui.element("article").classes("gb-statement"):
        with ui.element("div").classes("gb-statement-head"):
            ui.label(f"Said by {by}").classes("gb-inline")
            ui.label(f"version {version}").classes("gb-inline gb-note")
            ui.label(
                "confidence not stated" if confidence is None else f"confidence {confidence:.0%}"
            ).classes("gb-inline gb-note")
            if not in_domain:
                state("outside what it was made for", "warn")
        yield
