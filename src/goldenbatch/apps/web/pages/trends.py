"""Trends: any signals over any time, and from a point to the readings behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from nicegui import ui

from goldenbatch.apps.web.live import follow
from goldenbatch.apps.web.pages._signals import Chart, drawn_of, newest_time, tag_of, title_of
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.records import to_iso
from goldenbatch.core.time import to_micros
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.elements import Column
from goldenbatch.ui.web.pages import Asked, Group, Page
from goldenbatch.ui.web.trend import Chosen, Drawn, Told, TrendSettings, trend
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _

DAY: Final = 86_400_000_000
HOUR: Final = 3_600_000_000
MAX_TAGS: Final = 8
AROUND: Final = 30_000_000
MAX_ROWS: Final = 1000
_QUALITIES: Final = ("good", "uncertain", "bad")


@dataclass(frozen=True)
class TrendsData:
    """What there is to draw, and what is drawn."""

    known: Sequence[str]
    chart: Chart
    drawn: Drawn
    is_live: bool


def micros(text: str, name: str) -> int:
    """A time of an address: microseconds, or ISO 8601 with its offset.

    Raises:
        BadInputError: It is neither.
    """
    if text.lstrip("-").isdigit() and text.isascii() and len(text) < 18:
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        hint = "Give one such as 2026-11-23T22:00:00Z."
        raise BadInputError(f"{name}={text!r} is no time.", key=name, hint=hint) from error
    return to_micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def tags_asked(asked: Asked) -> list[str]:
    """Tags of the query; several stand in one value, with commas between."""
    found = [one.strip() for one in asked.value("tag").split(",") if one.strip()]
    return list(dict.fromkeys(found))[:MAX_TAGS]


def load(asked: Asked) -> TrendsData:
    """History of the tags that the query names."""
    known = asked.site.historian.tags()
    names = tags_asked(asked)
    numbers = sorted(name for name, kind in known.items() if kind == "number")
    end_text, start_text = asked.value("end"), asked.value("start")
    newest = newest_time(asked, names) if not end_text else None
    end = micros(end_text, "end") if end_text else (newest or asked.site.clock()) + 1
    start = micros(start_text, "start") if start_text else end - DAY
    if start >= end:
        raise BadInputError("the window ends before it starts.", key="end", hint="Swap the two.")
    plant = asked.site.plant
    labels = {name: title_of(tag_of(plant, name), name) for name in names}
    chart = Chart(", ".join(labels.values()), labels)
    return TrendsData(numbers, chart, drawn_of(asked, chart, (start, end)), not end_text)


def show(view: View, data: TrendsData) -> None:
    """The choice of signals, the chart, and what to do with it."""
    names = list(data.chart.tags)
    if names and data.is_live:
        follow(view, names, view.again)
    _choice(view, data)
    if not names:
        elements.empty(_("No signal is chosen."), _("Choose up to eight signals above."))
        return

    def finer(start: int, end: int, n_points: int) -> Drawn:
        return drawn_of(view.asked, data.chart, (start, end), n_points)

    def moved(start: int, end: int) -> None:
        ui.navigate.history.replace(address("/trends", tag=",".join(names), start=start, end=end))

    def readings(chosen: Chosen) -> None:
        if chosen.at is not None:
            view.go("/trends/readings", tag=chosen.tag, at=chosen.at)

    trend(
        data.chart.title, data.drawn, load=finer, told=Told(moved, readings),
        settings=TrendSettings(view.zone, is_live=data.is_live, height=420),
    )  # fmt: skip
    start, end = data.drawn.window
    with elements.row():
        for name, label in data.chart.tags.items():
            words = _("Readings of {signal}").format(signal=label)
            elements.link(words, address("/trends/readings", tag=name, start=start, end=end))


def _choice(view: View, data: TrendsData) -> None:
    chosen = list(data.chart.tags)

    def change(event: Any) -> None:
        view.go("/trends", tag=",".join(list(event.value)[:MAX_TAGS]))

    options = {name: name for name in dict.fromkeys([*data.known, *chosen])}
    ui.select(
        options, value=chosen, multiple=True, with_input=True, label=_("Signals"),
        on_change=change,
    ).classes("gb-input")  # fmt: skip


@dataclass(frozen=True)
class ReadingsData:
    """Readings of a tag over a window, with their digest."""

    tag: str
    unit: str
    window: tuple[int, int]
    rows: Sequence[Mapping[str, Any]]
    n_readings: int
    digest: str
    at: int | None


def load_readings(asked: Asked) -> ReadingsData:
    """The readings themselves: every value as it was stored, with frame and digest."""
    tag = asked.value("tag")
    if not tag:
        hint = "Open it from a point of a trend."
        raise BadInputError("the page does not know of which tag.", key="tag", hint=hint)
    at = micros(asked.value("at"), "at") if asked.value("at") else None
    start, end = _window(asked, at)
    historian = asked.site.historian
    digest, n_readings = historian.digest(tag, (start, end))
    if n_readings > 200_000:
        raise BadInputError(
            f"the window has {n_readings:,} readings.", key="end", hint="Choose a shorter one."
        )
    series = historian.read([tag], (start, end))
    known = tag_of(asked.site.plant, tag)
    rows = [
        {
            "time": int(time), "value": row["value"], "seq": int(row["seq"]),
            "quality": int(row["quality"]),
        }
        for time, row in zip(
            series.times()[:MAX_ROWS], series.table.slice(0, MAX_ROWS).to_pylist(), strict=True
        )
    ]  # fmt: skip
    unit = known.unit if known else ""
    return ReadingsData(tag, unit, (start, end), rows, n_readings, digest, at)


def _window(asked: Asked, at: int | None) -> tuple[int, int]:
    if at is not None:
        return at - AROUND, at + AROUND
    end = micros(asked.value("end"), "end") if asked.value("end") else asked.site.clock()
    start = micros(asked.value("start"), "start") if asked.value("start") else end - HOUR
    if start >= end:
        raise BadInputError("the window ends before it starts.", key="end", hint="Swap the two.")
    return start, end


def show_readings(view: View, data: ReadingsData) -> None:
    """The readings as a table, their digest, and files of them."""
    elements.heading(data.tag)
    start, end = data.window
    elements.facts([
        (_("From"), lambda: elements.moment(start, view.zone)),
        (_("To, without"), lambda: elements.moment(end, view.zone)),
        (_("Readings"), f"{data.n_readings:,}"),
        (_("Digest of the readings (SHA-256)"), lambda: elements.digest(data.digest)),
    ])  # fmt: skip
    with elements.row():
        elements.link(_("The trend"), address("/trends", tag=data.tag, start=start, end=end))
        for kind in ("csv", "parquet"):
            elements.button(
                _("Save as {kind}").format(kind=kind), _saving(view, data, kind)
            )  # fmt: skip
    columns = [
        Column("time", _("Time"), lambda at, _row: _moment(view, data, at)),
        Column("value", f"{_('Value')} ({data.unit})" if data.unit else _("Value"), _value, True),
        Column("quality", _("Quality"), _quality),
        Column("seq", _("Frame"), None, True),
    ]
    elements.table(
        _("Readings, as they were stored"), columns, data.rows,
        nothing=_("There are no readings in this window."),
    )  # fmt: skip
    if data.n_readings > len(data.rows):
        words = _("The first {n} of {all} are shown; a file has all of them.")
        elements.hint(words.format(n=len(data.rows), all=data.n_readings))


def _moment(view: View, data: ReadingsData, at: int) -> None:
    elements.moment(at, view.zone)
    if at == data.at:
        elements.state(_("chosen"))


def _value(value: Any, _row: Mapping[str, Any]) -> None:
    elements.text("span", "–" if value is None else str(value))


def _quality(value: Any, _row: Mapping[str, Any]) -> None:
    words = (_("good"), _("uncertain"), _("bad"))[min(value >> 30 & 3, 2)]
    tones: Any = ("good", "warn", "bad")
    elements.state(words, tones[min(value >> 30 & 3, 2)])


def _saving(view: View, data: ReadingsData, kind: str) -> Any:
    async def save() -> None:
        content = await view.run(lambda: file_of(view.asked, data.tag, data.window, kind))
        if content is not None:
            ui.download.content(content, f"readings.{kind}")

    return save


def file_of(asked: Asked, tag: str, window: tuple[int, int], kind: str) -> bytes:
    """All readings of a window as CSV (ISO 8601 in UTC) or Parquet, as the node gives them."""
    import io

    series = asked.site.historian.read([tag], window)
    out = io.BytesIO()
    if kind == "parquet":
        import pyarrow.parquet as pq

        pq.write_table(series.table, out)
        return out.getvalue()
    import csv

    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["time", "tag", "value", "quality", "seq"])
    for at, row in zip(series.times(), series.table.to_pylist(), strict=True):
        writer.writerow(
            [to_iso(int(at)), row["tag"], row["value"], int(row["quality"]), int(row["seq"])]
        )
    return text.getvalue().encode()


TRENDS = Page("/trends", "Trends", Group.PRODUCTION, load, show, icon="show_chart", order=30)
READINGS = Page(
    "/trends/readings", "Readings", Group.PRODUCTION, load_readings, show_readings, in_menu=False
)
