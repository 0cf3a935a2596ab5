"""Charts for documents, drawn once: as vector graphics in a PDF and as SVG in HTML."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from goldenbatch.ui.scales import Scale, number_scale, time_scale

INK, GRID, LINE, BAND = "#1b1b1b", "#d9d9d9", "#00539b", "#cfe0f0"
ALARM, LIMIT, MUTED = "#b00020", "#b06000", "#6b6b6b"
FONT, FONT_BOLD = "Helvetica", "Helvetica-Bold"


@dataclass(frozen=True)
class Level:
    """A horizontal line: a centre, a control limit, a specification limit."""

    value: float
    label: str
    is_limit: bool = True


@dataclass(frozen=True)
class Track:
    """One line of points; NaN breaks the line, it is never bridged.

    Attributes:
        label: Name in the legend.
        x: Numbers, or microseconds UTC on a time axis.
        y: Values; NaN where missing.
        lower: Lower ends of an interval around `y`, or empty.
        upper: Upper ends of it.
        style: `line`, `points` or `both`.
        alarms: Indices of points drawn as alarms.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    lower: Sequence[float] = ()
    upper: Sequence[float] = ()
    style: str = "line"
    alarms: frozenset[int] = frozenset()
    colour: str = LINE


@dataclass(frozen=True)
class Span:
    """A window on the x axis that a finding or a phase covers."""

    start: float
    end: float
    label: str
    is_alarm: bool = True


@dataclass(frozen=True)
class Chart:
    """What is to be drawn, free of how.

    Attributes:
        title: What is seen.
        y_label: Quantity with its unit.
        zone: IANA zone if x is time in microseconds UTC; empty for numbers.
        x_label: Label of a numeric x axis.
    """

    title: str
    y_label: str
    tracks: Sequence[Track]
    levels: Sequence[Level] = ()
    spans: Sequence[Span] = ()
    zone: str = ""
    x_label: str = ""
    width: float = 480.0
    height: float = 190.0


@dataclass(frozen=True)
class Bars:
    """Signed bars, the largest in magnitude on top: contributions to a statistic."""

    title: str
    labels: Sequence[str]
    values: Sequence[float]
    unit: str = ""
    width: float = 480.0
    n_most: int = 12


@dataclass
class _Paper:
    drawing: Any
    x: Scale
    y: Scale
    box: tuple[float, float, float, float]
    shapes: Any = field(default=None)


def draw(chart: Chart) -> Any:
    """Draw a chart as a reportlab `Drawing`."""
    from reportlab.graphics import shapes

    left, bottom, right, top = 52.0, 30.0, chart.width - 84.0, chart.height - 22.0
    drawing = shapes.Drawing(chart.width, chart.height)
    paper = _Paper(
        drawing,
        _x_scale(chart, left, right),
        number_scale(_all_y(chart), bottom, top),
        (left, bottom, right, top),
        shapes,
    )
    _draw_spans(paper, chart.spans)
    _draw_axes(paper, chart)
    for track in chart.tracks:
        _draw_track(paper, track)
    _draw_levels(paper, chart.levels)
    _draw_legend(paper, chart)
    return drawing


def draw_bars(bars: Bars) -> Any:
    """Draw signed horizontal bars as a reportlab `Drawing`."""
    from reportlab.graphics import shapes

    order = sorted(range(len(bars.values)), key=lambda i: -abs(bars.values[i]))[: bars.n_most]
    height = 34.0 + 14.0 * len(order)
    drawing = shapes.Drawing(bars.width, height)
    drawing.add(_text(shapes, 4, height - 12, bars.title, size=9, bold=True))
    left, right = 190.0, bars.width - 60.0
    scale = number_scale([0.0, *(bars.values[i] for i in order)], left, right)
    zero = scale(0.0)
    for row, i in enumerate(order):
        y = height - 32.0 - 14.0 * row
        end = scale(bars.values[i])
        colour = ALARM if row == 0 else LINE
        drawing.add(
            shapes.Rect(min(zero, end), y, abs(end - zero), 10, fillColor=_colour(colour),
                        strokeColor=None)
        )  # fmt: skip
        drawing.add(_text(shapes, left - 6, y + 2, bars.labels[i][:38], anchor="end"))
        note = f"{bars.values[i]:+.3g} {bars.unit}".strip()
        drawing.add(_text(shapes, right + 4, y + 2, note, colour=MUTED))
    drawing.add(shapes.Line(zero, 8, zero, height - 20, strokeColor=_colour(INK), strokeWidth=0.5))
    return drawing


def to_svg(drawing: Any, description: str) -> str:
    """A drawing as an SVG element for HTML, with a description for screen readers."""
    from html import escape

    from reportlab.graphics import renderSVG

    text: str = renderSVG.drawToString(drawing)
    element = text[text.index("<svg") :]
    # Every drawing clips by the same id; on one page each needs its own.
    own = f"clip-{hashlib.sha256(element.encode()).hexdigest()[:12]}"
    element = element.replace('id="clip"', f'id="{own}"').replace("url(#clip)", f"url(#{own})")
    element = element.replace(' id="group"', "")  # nothing refers to it, and an id is used once
    words = f"<title>{escape(description)}</title>"
    element = element.replace("<title>...</title>", words).replace("<desc>...</desc>", "")
    head, _, rest = element.partition(">")
    return f'{head} role="img" aria-label="{escape(description, quote=True)}">{rest}'


def _all_y(chart: Chart) -> list[float]:
    values = [float(level.value) for level in chart.levels]
    for track in chart.tracks:
        for part in (track.y, track.lower, track.upper):
            values.extend(float(v) for v in part)
    return values


def _x_scale(chart: Chart, left: float, right: float) -> Scale:
    xs = [float(x) for track in chart.tracks for x in track.x]
    xs += [edge for span in chart.spans for edge in (span.start, span.end)]
    if chart.zone:
        return time_scale(int(min(xs, default=0)), int(max(xs, default=1)), left, right, chart.zone)
    return number_scale(xs, left, right, 8)


def _colour(text: str) -> Any:
    from reportlab.lib.colors import HexColor

    return HexColor(text)


def _text(
    shapes: Any,
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    size: float = 7.5,
    bold: bool = False,
    colour: str = INK,
) -> Any:
    return shapes.String(
        x, y, text, fontName=FONT_BOLD if bold else FONT, fontSize=size, textAnchor=anchor,
        fillColor=_colour(colour),
    )  # fmt: skip


def _draw_axes(paper: _Paper, chart: Chart) -> None:
    left, bottom, right, top = paper.box
    shapes, drawing = paper.shapes, paper.drawing
    for value, label in paper.y.ticks:
        y = paper.y(value)
        drawing.add(shapes.Line(left, y, right, y, strokeColor=_colour(GRID), strokeWidth=0.4))
        drawing.add(_text(shapes, left - 4, y - 2.5, label, anchor="end"))
    for value, label in paper.x.ticks:
        x = paper.x(value)
        drawing.add(shapes.Line(x, bottom, x, bottom - 3, strokeColor=_colour(INK)))
        drawing.add(_text(shapes, x, bottom - 12, label, anchor="middle"))
    drawing.add(shapes.Line(left, bottom, right, bottom, strokeColor=_colour(INK)))
    drawing.add(shapes.Line(left, bottom, left, top, strokeColor=_colour(INK)))
    drawing.add(_text(shapes, 4, chart.height - 10, chart.title, size=9, bold=True))
    drawing.add(_text(shapes, left, top + 3, chart.y_label, colour=MUTED))
    note = chart.x_label or (f"time, {chart.zone}" if chart.zone else "")
    drawing.add(_text(shapes, right, 4, note, anchor="end", colour=MUTED))


def _draw_spans(paper: _Paper, spans: Sequence[Span]) -> None:
    _left, bottom, right, top = paper.box
    for span in spans:
        start, end = paper.x(span.start), min(paper.x(span.end), right)
        fill = "#f7d9dc" if span.is_alarm else "#eeeeee"
        paper.drawing.add(
            paper.shapes.Rect(start, bottom, max(end - start, 1.0), top - bottom,
                              fillColor=_colour(fill), strokeColor=None)
        )  # fmt: skip
        paper.drawing.add(
            _text(paper.shapes, start + 2, top - 8, span.label, size=6.5,
                  colour=ALARM if span.is_alarm else MUTED)
        )  # fmt: skip


def _draw_levels(paper: _Paper, levels: Sequence[Level]) -> None:
    left, bottom, right, top = paper.box
    taken: list[float] = []
    for level in sorted(levels, key=lambda one: one.value):
        y = paper.y(level.value)
        if not bottom - 1 <= y <= top + 1:
            continue
        colour = LIMIT if level.is_limit else MUTED
        paper.drawing.add(
            paper.shapes.Line(left, y, right, y, strokeColor=_colour(colour), strokeWidth=0.8,
                              strokeDashArray=[4, 2] if level.is_limit else [1, 2])
        )  # fmt: skip
        label_y = max([y - 2.5, *(other + 8 for other in taken if abs(other - y) < 8)])
        taken.append(label_y)
        text = f"{level.label} {level.value:.4g}"
        paper.drawing.add(_text(paper.shapes, right + 3, label_y, text, size=6.5, colour=colour))


def _runs(track: Track) -> list[list[int]]:
    runs: list[list[int]] = [[]]
    for i, value in enumerate(track.y):
        if math.isfinite(value):
            runs[-1].append(i)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _draw_track(paper: _Paper, track: Track) -> None:
    shapes, drawing = paper.shapes, paper.drawing
    for run in _runs(track):
        points = [(paper.x(track.x[i]), paper.y(track.y[i])) for i in run]
        if track.lower and len(run) > 1:
            outline = [(paper.x(track.x[i]), paper.y(track.upper[i])) for i in run]
            outline += [(paper.x(track.x[i]), paper.y(track.lower[i])) for i in reversed(run)]
            flat = [coordinate for point in outline for coordinate in point]
            drawing.add(shapes.Polygon(flat, fillColor=_colour(BAND), strokeColor=None))
        if track.style in ("line", "both") and len(points) > 1:
            flat = [coordinate for point in points for coordinate in point]
            drawing.add(shapes.PolyLine(flat, strokeColor=_colour(track.colour), strokeWidth=0.9))
        for i, (x, y) in zip(run, points, strict=True):
            if i in track.alarms:
                drawing.add(
                    shapes.Rect(x - 2.2, y - 2.2, 4.4, 4.4, fillColor=_colour(ALARM),
                                strokeColor=None)
                )  # fmt: skip
            elif track.style in ("points", "both") or len(run) == 1:
                drawing.add(
                    shapes.Circle(x, y, 1.6, fillColor=_colour(track.colour), strokeColor=None)
                )


def _draw_legend(paper: _Paper, chart: Chart) -> None:
    if len(chart.tracks) < 2:
        return
    x = paper.box[0] + 150.0
    for track in chart.tracks:
        y = chart.height - 19.0
        paper.drawing.add(
            paper.shapes.Rect(x, y + 1, 8, 4, fillColor=_colour(track.colour), strokeColor=None)
        )
        paper.drawing.add(_text(paper.shapes, x + 11, y, track.label, colour=MUTED))
        x += 22.0 + 4.2 * len(track.label)
