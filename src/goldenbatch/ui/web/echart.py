"""Charts that people act on (ECharts): in the colours of the page, with the same data as a table.

Signals over time are drawn by `goldenbatch.ui.web.trend`, which costs far less when they are live.
Options are those of ECharts, as plain data; a colour may be a variable: `"var(--gb-bad)"`.
Neither code nor HTML comes in through them: keys that NiceGUI would run are refused, and tooltips
are drawn on the canvas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import isawaitable
from pathlib import Path
from typing import Any

import nicegui
from nicegui import background_tasks, ui
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from goldenbatch.core.errors import BadInputError
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.words import _

ECHARTS = Path(nicegui.__file__).parent / "elements" / "echart" / "dist"
MAX_WALK = 2000
"""Points that arrow keys walk over; the table has all of them anyway."""


@dataclass(frozen=True)
class Picked:
    """What was clicked, or chosen by Enter.

    Attributes:
        series: Name of the series; empty for other parts.
        index: Place in its data; -1 where it has none.
        name: Name of the point or part.
        value: Its value as it stands in the options.
        part: `series`, `xAxis`, `markLine` and so on.
    """

    series: str
    index: int
    name: str
    value: Any
    part: str = "series"


@dataclass(frozen=True)
class ChartTable:
    """The data of a chart as a table, for those who cannot see it or want the figures."""

    columns: Sequence[elements.Column]
    rows: Sequence[Mapping[str, Any]]


class Canvas(Element, component="echart.js", esm={"nicegui-echart": str(ECHARTS)}):
    """The drawing alone; `chart` adds its heading and its table."""

    def __init__(self, options: Mapping[str, Any], label: str) -> None:
        super().__init__()
        self._props["label"] = label
        self._update_method = "update_chart"
        self.set(options)

    def set(self, options: Mapping[str, Any]) -> None:
        """Show other options."""
        checked = _checked(dict(options), "options")
        checked["tooltip"] = {**dict(checked.get("tooltip") or {}), "renderMode": "richText"}
        self._props["options"] = checked
        self._props["points"] = _points(checked)
        self.update()


def chart(
    title: str,
    options: Mapping[str, Any],
    *,
    summary: str,
    table: ChartTable | None = None,
    on_pick: Callable[[Picked], Any] | None = None,
    height: int = 320,
) -> Canvas:
    """A chart with its title, what it says in words, and its data as a table on demand.

    Args:
        title: Above it; names the table too.
        options: Of ECharts, without code.
        summary: What it shows, in a sentence or two with the figures that matter: read out
            instead of the picture.
        table: The same data.
        on_pick: Told when a point is clicked, or chosen by arrow keys and Enter.
        height: Pixels.

    Raises:
        BadInputError: The options hold code.
    """
    with ui.element("figure").classes("gb-chart"):
        with ui.element("figcaption").classes("gb-chart-title"):
            ui.label(title).classes("gb-inline")
        drawing = Canvas(options, f"{title}. {summary}").style(f"height:{int(height)}px")
        told = ui.label("").classes("gb-chart-told gb-note")
        told.props("aria-live=polite")
        drawing.on("walk", lambda event: told.set_text(_told(event.args)))
        if on_pick is not None:
            _listen(drawing, on_pick)
        if table is not None and table.rows:
            with ui.element("details").classes("gb-chart-table"):
                with ui.element("summary"):
                    ui.label(_("The same data as a table")).classes("gb-inline")
                elements.table(title, table.columns, table.rows)
    return drawing


def _listen(drawing: Canvas, on_pick: Callable[[Picked], Any]) -> None:
    def pick(event: GenericEventArguments) -> None:
        given = event.args
        picked = Picked(
            str(given.get("series", "")), int(given.get("index", -1)), str(given.get("name", "")),
            given.get("value"), str(given.get("part", "series")),
        )  # fmt: skip
        done = on_pick(picked)
        if isawaitable(done):
            background_tasks.create(done, name="pick")

    drawing.on("pick", pick)


def _told(point: Mapping[str, Any]) -> str:
    value = point.get("value")
    text = ", ".join(str(one) for one in value) if isinstance(value, list) else str(value)
    return f"{point.get('series', '')} {point.get('name', '')}: {text}".strip()


def _checked(value: Any, where: str) -> Any:
    """The options as plain data; NiceGUI would run what stands under keys with a colon."""
    if isinstance(value, Mapping):
        for key in value:
            if str(key).startswith(":"):
                raise BadInputError(
                    f"the chart's {where} has the key {key!r}, which would be run as code.",
                    hint="Name it without the colon.",
                )
        return {str(key): _checked(one, f"{where}.{key}") for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_checked(one, where) for one in value]
    return value


def _points(options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Points that arrow keys walk over: those of the series with data, in their order."""
    found: list[dict[str, Any]] = []
    series = options.get("series") or []
    for number, one in enumerate(series if isinstance(series, list) else [series]):
        for index, point in enumerate(one.get("data") or []):
            value = point.get("value") if isinstance(point, Mapping) else point
            name = point.get("name", "") if isinstance(point, Mapping) else ""
            found.append({
                "series": one.get("name", ""), "seriesIndex": number, "index": index,
                "name": name, "value": value,
            })  # fmt: skip
            if len(found) >= MAX_WALK:
                return found
    return found
