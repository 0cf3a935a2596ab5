"""Elements of pages: headings, figures, tables, times, statements; all reachable by keyboard.

Stored text is always text: it is set as the text or as one property of an element, never parsed
as HTML nor as NiceGUI's string of properties.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from nicegui import ui
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement

from goldenbatch.core.records import to_iso
from goldenbatch.ui.web.words import _, ngettext

Tone = Literal["", "good", "warn", "bad", "quiet"]
Press = Callable[[], Awaitable[None] | None]


def text(tag: str, words: str, classes: str = "") -> TextElement:
    """An element of HTML with a text in it.

    Args:
        tag: Such as `p`, `span`, `td`.
        words: The text, which stays text whatever stands in it.
        classes: Names of style classes.
    """
    made = TextElement(tag=tag, text=words)
    return made.classes(classes) if classes else made


def box(classes: str = "", tag: str = "div", **properties: str) -> Element:
    """An element to put others into; properties such as `role` or `id` as given."""
    made = ui.element(tag).classes(classes)
    for name, value in properties.items():
        made.props[name.rstrip("_").replace("_", "-")] = value
    return made


@contextmanager
def section(title: str, *, note: str = "") -> Iterator[None]:
    """A part of a page with a heading of level 2."""
    with ui.element("section").classes("gb-section"):
        heading(title)
        if note:
            text("p", note, "gb-note")
        yield


@contextmanager
def card(title: str = "", level: int = 3) -> Iterator[None]:
    """A box with a heading, for grids."""
    with ui.element("div").classes("gb-card"):
        if title:
            heading(title, level)
        yield


def heading(words: str, level: int = 2) -> None:
    """A heading; a page's own title is its only one of level 1."""
    text(f"h{level}", words, f"gb-h{level}")


def paragraph(words: str, *, is_note: bool = False) -> None:
    """A paragraph; notes are smaller and softer."""
    text("p", words, "gb-note" if is_note else "")


def moment(at: int | None, zone: str) -> None:
    """A time in the zone of the site; UTC on hover and for screen readers.

    Args:
        at: Microseconds UTC; None: a dash.
        zone: IANA zone.
    """
    if at is None:
        text("span", "–")
        return
    utc = to_iso(at)
    made = text("time", short_time(at, zone), "gb-time")
    made.props.update({"datetime": utc, "title": f"{utc} (UTC)"})


def short_time(at: int, zone: str) -> str:
    """A time in a zone to the second; the hour that comes twice a year says which one it is.

    >>> short_time(1_700_000_000_000_000, "Europe/Ljubljana")
    '2023-11-14 23:13:20'
    """
    local = datetime.fromtimestamp(at // 1_000_000, ZoneInfo(zone))
    shown = local.strftime("%Y-%m-%d %H:%M:%S")
    is_twice = local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset()
    return f"{shown} {local.tzname()}" if is_twice else shown


def safe_address(to: str) -> str:
    """An address that a link may lead to; one that would run something leads nowhere.

    >>> safe_address("/batches/7"), safe_address("javascript:alert(1)")
    ('/batches/7', '')
    """
    bare = "".join(one for one in to if one > " ")
    try:
        scheme = urlsplit(bare).scheme.lower()
    except ValueError:
        return ""
    return to if scheme in {"", "http", "https", "mailto"} and not bare.startswith("//") else ""


def link(words: str, to: str, *, is_new_tab: bool = False) -> Element:
    """A link to a page of the interface."""
    made = text("a", words, "gb-link")
    if safe_address(to):
        made.props["href"] = to
    if is_new_tab:
        made.props.update({"target": "_blank", "rel": "noopener"})
    return made


def button(
    words: str, press: Press | None = None, *, kind: Literal["", "main", "danger"] = "",
    label: str = "",
) -> Element:  # fmt: skip
    """A button.

    Args:
        words: What it does.
        press: Called when it is pressed.
        kind: The main action of its form, or one that cannot be undone.
        label: For screen readers, where the words alone do not say of what: "Accept finding 12".
    """
    made = text("button", words, f"gb-button gb-button-{kind}" if kind else "gb-button")
    made.props["type"] = "button"
    if label:
        made.props["aria-label"] = label
    if press is not None:
        made.on("click", press, args=[])
    return made


def state(words: str, tone: Tone = "") -> None:
    """A state in words; the colour only repeats it (WCAG 2.2, 1.4.1)."""
    text("span", words, f"gb-state gb-state-{tone or 'quiet'}")


def figure(
    label: str, value: str, to: str = "", *, unit: str = "", tone: Tone = "", note: str = ""
) -> None:
    """A figure of an overview, which leads to what is behind it."""
    with box(f"gb-figure gb-figure-{tone or 'quiet'}", "a" if to else "div") as made:
        if safe_address(to):
            made.props["href"] = to
        text("div", label, "gb-figure-label")
        with box("gb-figure-value"):
            text("span", value)
            if unit:
                text("span", unit, "gb-unit")
        if note:
            text("div", note, "gb-note")


@contextmanager
def grid(classes: str = "gb-grid") -> Iterator[None]:
    """Boxes beside one another, as many as there is room for; `gb-columns`: two, one wide."""
    with box(classes):
        yield


@contextmanager
def row(*, is_end: bool = False) -> Iterator[None]:
    """Elements in a row, such as buttons at the end of a form."""
    with box("gb-row-end" if is_end else "gb-row"):
        yield


def facts(pairs: Sequence[tuple[str, str | Callable[[], None]]]) -> None:
    """Names and values of one thing; a value is a text, or a function that shows it."""
    with box("gb-facts", "dl"):
        for name, value in pairs:
            text("dt", name)
            if callable(value):
                with box("", "dd"):
                    value()
            else:
                text("dd", value or "–")


@contextmanager
def details(summary: str, *, is_open: bool = False) -> Iterator[None]:
    """What is shown on demand; print opens it."""
    with box("gb-details", "details") as made:
        if is_open:
            made.props["open"] = True
        text("summary", summary)
        yield


def tabs(label: str, entries: Sequence[tuple[str, str]], chosen: str) -> None:
    """Views of one page, each with an address of its own.

    Args:
        label: What is chosen, for screen readers.
        entries: Words and address of each.
        chosen: The address that is open.
    """
    with box("gb-tabs", "nav", aria_label=label):
        for words, to in entries:
            made = text("a", words, "gb-tab")
            made.props["href"] = safe_address(to)
            if to == chosen:
                made.props["aria-current"] = "page"


def digest(value: str) -> None:
    """A digest or a uid: its beginning, all of it on hover and in copies."""
    shown = value if len(value) <= 16 else f"{value[:16]}…"
    text("code", shown, "gb-digest").props["title"] = value


def progress(label: str, share: float | None, words: str = "") -> None:
    """How far long work is.

    Args:
        label: What is going on.
        share: 0 to 1; None: not known.
        words: Such as "3 of 10".
    """
    with box("gb-row", role="status"):
        text("span", label)
        bar = box("gb-progress", "progress", aria_label=label)
        if share is not None:
            bar.props.update({"max": 1, "value": min(1.0, max(0.0, share))})
        if words:
            text("span", words, "gb-note")


def empty(words: str, do: str = "") -> None:
    """Nothing to show: what that means, and what to do."""
    with box("gb-empty"):
        text("p", words)
        if do:
            text("p", do, "gb-note")


def problem(words: str, hint: str = "") -> None:
    """Something is wrong: what, and what to do."""
    with box("gb-problem", role="alert"):
        text("p", words)
        if hint:
            text("p", hint, "gb-note")


def hint(words: str) -> None:
    """Something good to know, beside what it is about."""
    with box("gb-hint"):
        text("p", words)


FIRST_ROWS = 30
"""Rows of a table that are shown at once."""


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
    nothing: str = "",
    is_titled: bool = True,
) -> None:
    """A real HTML table with a caption, heads and cells; stored text stays text.

    Args:
        caption: What its rows are; screen readers say it.
        columns: Its columns.
        rows: Its rows.
        nothing: What is said instead where there are no rows.
        is_titled: False below a heading that says the same: the caption is not shown.

    The first `FIRST_ROWS` stand there at once, the others come when they are asked for.
    """
    if not rows:
        empty(nothing or _("Nothing here yet."))
        return
    with box("gb-table-box", tabindex="0", role="region", aria_label=caption):
        with box("gb-table", "table"):
            text("caption", caption, "" if is_titled else "gb-hidden")
            with ui.element("thead"), ui.element("tr"):
                for one in columns:
                    head = text("th", one.label, "gb-number" if one.is_number else "")
                    head.props["scope"] = "col"
            with ui.element("tbody") as body:
                _rows(columns, rows[:FIRST_ROWS])
        left = rows[FIRST_ROWS:]
        if left:
            _more(body, columns, left)


def _more(body: Element, columns: Sequence[Column], left: Sequence[Mapping[str, Any]]) -> None:
    """A button for the rows that are not shown at once: a cell costs the server 0.1 ms."""

    def show() -> None:
        pressed.delete()
        with body:
            _rows(columns, left)

    words = ngettext("Show {n} more row", "Show {n} more rows", len(left)).format(n=len(left))
    pressed = button(words, show)


def _rows(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> None:
    for each in rows:
        with ui.element("tr"):
            for one in columns:
                _cell(one, each)


def _cell(column: Column, row: Mapping[str, Any]) -> None:
    value = row.get(column.key)
    classes = "gb-number" if column.is_number else ""
    if column.show is None:
        text("td", "–" if value in (None, "") else str(value), classes)
        return
    with box(classes, "td"):
        column.show(value, row)


@contextmanager
def statement(
    *, by: str, version: str, confidence: float | None = None, in_domain: bool = True
) -> Iterator[None]:
    """What a rule or a model says, with who says it, in which version, how sure, and valid or not.

    The explanation and "how do you know" go inside.
    """
    with box("gb-statement", "article"):
        with box("gb-statement-head"):
            text("span", _("Said by {name}").format(name=by))
            text("span", _("version {version}").format(version=version), "gb-note")
            sure = _("confidence not stated")
            if confidence is not None:
                sure = _("confidence {share}").format(share=f"{confidence:.0%}")
            text("span", sure, "gb-note")
            if not in_domain:
                state(_("outside what it was made for"), "warn")
        yield
