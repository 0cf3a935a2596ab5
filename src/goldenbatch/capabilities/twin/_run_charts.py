"""Charts of a run's result, as options for the chart element: plain data, no code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from goldenbatch.ui.web import elements
from goldenbatch.ui.web.echart import ChartTable, chart
from goldenbatch.ui.web.words import _

SERIES = ("var(--gb-chart-1)", "var(--gb-chart-2)", "var(--gb-chart-3)", "var(--gb-chart-4)")
_DASHES = ("solid", "dashed", "dotted", [8, 3, 2, 3])
GRID = {"left": 62, "right": 18, "top": 34, "bottom": 42}
MOST_ROWS = 60
"""Of the table beside a line: the file of the run has them all."""


def with_unit(name: str, unit: str) -> str:
    """A name with its unit, as axes and headings have it."""
    return name if unit in ("", "1") else f"{name}, {unit}"


def number(value: Any) -> str:
    """A number for reading; a dash where there is none."""
    return "–" if value is None else f"{value:.5g}"


def panel(plots: Mapping[str, Any], one: Mapping[str, Any]) -> None:
    """One column over time: its lines, and its band where there is one."""
    axis = with_unit(_("time"), plots["x"]["unit"])
    series: list[dict[str, Any]] = []
    if one.get("band"):
        series += _band(one["band"])
    for k, line in enumerate(one["lines"]):
        series.append({
            "name": line["name"], "type": "line", "showSymbol": False,
            "data": [list(pair) for pair in zip(line["x"], line["y"], strict=True)],
            "step": "end" if line.get("style") == "step" else False,
            "lineStyle": {"width": 2, "type": _DASHES[k % 4]}, "color": SERIES[k % 4],
        })  # fmt: skip
    options = {
        "grid": {**GRID, "top": 58 if len(one["lines"]) > 1 else 34},
        "tooltip": {"trigger": "axis"},
        "legend": {"show": len(one["lines"]) > 1, "top": 4,
                   "data": [line["name"] for line in one["lines"]]},
        "xAxis": {"type": "value", "name": axis, "nameLocation": "middle", "nameGap": 26},
        "yAxis": {"type": "value", "scale": True, "name": one.get("unit") or ""},
        "series": series, "animation": False,
    }  # fmt: skip
    title = with_unit(one["title"], one.get("unit") or "")
    chart(title, options, summary=_summary(one), table=_table(axis, one), height=240)


def _band(band: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Two lines that are stacked: an unseen lower one, and the width above it."""
    widths = [None if low is None or high is None else high - low
              for low, high in zip(band["low"], band["high"], strict=True)]  # fmt: skip
    common = {"type": "line", "stack": "band", "stackStrategy": "all", "showSymbol": False,
              "silent": True, "lineStyle": {"opacity": 0}, "tooltip": {"show": False}}  # fmt: skip
    return [
        {**common, "name": "", "data": _pairs(band["x"], band["low"])},
        {**common, "name": band["name"], "data": _pairs(band["x"], widths),
         "areaStyle": {"color": SERIES[0], "opacity": 0.25}},
    ]  # fmt: skip


def _pairs(x: Sequence[Any], y: Sequence[Any]) -> list[list[Any]]:
    return [list(pair) for pair in zip(x, y, strict=True)]


def _summary(one: Mapping[str, Any]) -> str:
    parts = []
    for line in one["lines"]:
        values = [value for value in line["y"] if value is not None]
        if values:
            parts.append(_("{name}: {least} to {most}, at the end {last}").format(
                name=line["name"], least=number(min(values)), most=number(max(values)),
                last=number(values[-1]),
            ))  # fmt: skip
    return "; ".join(parts)


def _table(axis: str, one: Mapping[str, Any]) -> ChartTable:
    line = one["lines"][0]
    step = max(1, len(line["x"]) // MOST_ROWS)
    columns = [elements.Column("x", axis, is_number=True)]
    rows: list[dict[str, Any]] = [{"x": number(x)} for x in line["x"][::step]]
    for k, each in enumerate(one["lines"]):
        if len(each["x"]) == len(line["x"]):
            columns.append(elements.Column(f"y{k}", each["name"], is_number=True))
            for row, value in zip(rows, each["y"][::step], strict=True):
                row[f"y{k}"] = number(value)
    band = one.get("band")
    if band:
        columns += [elements.Column("low", "5 %", is_number=True),
                    elements.Column("high", "95 %", is_number=True)]  # fmt: skip
        for row, low, high in zip(rows, band["low"][::step], band["high"][::step], strict=True):
            row |= {"low": number(low), "high": number(high)}
    return ChartTable(columns, rows)


def spread(one: Mapping[str, Any]) -> None:
    """How often a figure lay where, over the members."""
    edges, counts = one["edges"], one["counts"]
    middles = [f"{(a + b) / 2:.4g}" for a, b in pairwise(edges)]
    title = with_unit(one["name"], one.get("unit") or "")
    options = {
        "grid": GRID, "tooltip": {}, "animation": False,
        "xAxis": {"type": "category", "data": middles, "name": title, "nameLocation": "middle",
                  "nameGap": 26},
        "yAxis": {"type": "value", "name": _("members")},
        "series": [{"name": _("members"), "type": "bar", "data": counts, "barWidth": "92%"}],
    }  # fmt: skip
    rows = [{"from": number(a), "to": number(b), "n": n}
            for a, b, n in zip(edges, edges[1:], counts, strict=False)]  # fmt: skip
    columns = [elements.Column("from", _("from"), is_number=True),
               elements.Column("to", _("to"), is_number=True),
               elements.Column("n", _("members"), is_number=True)]  # fmt: skip
    summary = _("{n} members between {low} and {high}").format(
        n=sum(counts), low=number(edges[0]), high=number(edges[-1])
    )
    chart(title, options, summary=summary, table=ChartTable(columns, rows), height=220)
