"""The picture of a design space: the map of probabilities, the box of proven ranges, the set point.

Both are laid over one another, and what each is is said in words: a box of ranges that were
proven one at a time is no design space (ICH Q8(R2)).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from goldenbatch.capabilities.twin._run_charts import GRID, number, with_unit
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.echart import ChartTable, chart
from goldenbatch.ui.web.words import _

_STEPS = ("#440154", "#414487", "#2a788e", "#22a884", "#7ad151", "#fde725")
"""Viridis: it rises in lightness, so that it reads without colour too."""


def space_picture(space: Mapping[str, Any]) -> None:
    """The map with what lies over it, and what it says."""
    if len(space["axes"]) == 1:
        _one_factor(space)
    else:
        _map(space)
    _words(space)
    _ranges(space)


def _title(axis: Mapping[str, Any]) -> str:
    return with_unit(axis["name"], axis["unit"])


def _map(space: Mapping[str, Any]) -> None:
    first, second = space["axes"]
    cells = [
        [i, j, round(space["probability"][i][j], 2)]
        for i in range(len(first["levels"]))
        for j in range(len(second["levels"]))
    ]
    options = {
        "grid": {**GRID, "left": 84, "right": 112, "bottom": 56}, "tooltip": {}, "animation": False,
        "xAxis": _category(first), "yAxis": {**_category(second), "nameGap": 58},
        "visualMap": {"min": 0, "max": 1, "calculable": False, "right": 4, "top": "middle",
                      "dimension": 2, "precision": 2, "text": ["1", "0"],
                      "seriesIndex": 0, "inRange": {"color": list(_STEPS)}},
        "series": [
            {"name": _("probability"), "type": "heatmap", "data": cells,
             "label": {"show": len(cells) <= 150, "fontSize": 11, "color": "#ffffff",
                       "textBorderColor": "#000000", "textBorderWidth": 3},
             "markPoint": _set_point(space)},
            _marks(_("surely in the design space"), space, "circle"),
            _marks(_("surely outside"), space, "diamond"),
            _box(space),
        ],
        "legend": {"top": 4, "data": [_("surely in the design space"), _("surely outside"),
                                      _("proven ranges")]},
    }  # fmt: skip
    chart(
        _("Probability that all limits are met"), options, summary=_summary(space),
        table=_table(space), height=460,
    )  # fmt: skip


def _category(axis: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "category", "data": [number(one) for one in axis["levels"]],
            "name": _title(axis), "nameLocation": "middle", "nameGap": 34}  # fmt: skip


def _marks(name: str, space: Mapping[str, Any], shape: str) -> dict[str, Any]:
    """Points of which it is sure: filled circles inside, empty diamonds outside."""
    target, is_inside = space["target"], shape == "circle"
    data = []
    for i, (lows, highs) in enumerate(zip(space["lower"], space["upper"], strict=True)):
        for j, (low, high) in enumerate(zip(lows, highs, strict=True)):
            if (low >= target) if is_inside else (high < target):
                data.append([i, j])
    colour = "#ffffff" if not is_inside else "#000000"
    return {"name": name, "type": "scatter", "data": data, "symbol": shape, "silent": True,
            "symbolSize": 7, "symbolOffset": [0, "130%"], "z": 4,
            "itemStyle": {"color": colour, "borderColor": "#777777", "borderWidth": 1}}  # fmt: skip


def _nearest(levels: Sequence[float], value: float) -> int:
    return min(range(len(levels)), key=lambda k: abs(levels[k] - value))


def _box(space: Mapping[str, Any]) -> dict[str, Any]:
    """The box of proven ranges, a dashed line through the levels at its ends."""
    proven, data = space["proven"], []
    if len(proven) > 1 and all(one["is_proven"] for one in proven[:2]):
        (x0, x1), (y0, y1) = (
            (_nearest(axis["levels"], one["low"]), _nearest(axis["levels"], one["high"]))
            for axis, one in zip(space["axes"], proven, strict=False)
        )
        data = [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]
    return {"name": _("proven ranges"), "type": "line", "data": data, "silent": True, "z": 5,
            "symbol": "none", "color": "#ff7f0e",
            "lineStyle": {"color": "#ff7f0e", "width": 4, "type": "dashed"}}  # fmt: skip


def _set_point(space: Mapping[str, Any]) -> dict[str, Any]:
    proven = space["proven"]
    if len(proven) < 2:
        return {"data": []}
    at = [_nearest(axis["levels"], one["set_point"])
          for axis, one in zip(space["axes"], proven, strict=False)]  # fmt: skip
    return {"silent": True, "symbol": "pin", "symbolSize": 34, "label": {"formatter": "SP"},
            "itemStyle": {"color": "#ff7f0e"}, "data": [{"coord": at[:2]}]}  # fmt: skip


def _one_factor(space: Mapping[str, Any]) -> None:
    (axis,) = space["axes"]
    series = [
        {"name": name, "type": "line", "showSymbol": key == "probability",
         "data": [list(pair) for pair in zip(axis["levels"], space[key], strict=True)],
         "lineStyle": {"type": "solid" if key == "probability" else "dashed"},
         "color": "var(--gb-chart-1)"}
        for key, name in (("probability", _("estimate")), ("lower", _("lower end")),
                          ("upper", _("upper end")))
    ]  # fmt: skip
    series[0]["markLine"] = {"silent": True, "symbol": "none",
                             "data": [{"yAxis": space["target"], "name": _("target")}]}  # fmt: skip
    options = {
        "grid": {**GRID, "top": 44}, "tooltip": {"trigger": "axis"}, "animation": False,
        "legend": {"top": 4},
        "xAxis": {"type": "value", "scale": True, "name": _title(axis), "nameLocation": "middle",
                  "nameGap": 26},
        "yAxis": {"type": "value", "min": 0, "max": 1}, "series": series,
    }  # fmt: skip
    chart(
        _("Probability that all limits are met"), options, summary=_summary(space),
        table=_table(space), height=360,
    )  # fmt: skip


def _flat(space: Mapping[str, Any], key: str) -> list[float]:
    values = space[key]
    return [one for row in values for one in row] if len(space["axes"]) > 1 else list(values)


def _summary(space: Mapping[str, Any]) -> str:
    values, lower = _flat(space, "probability"), _flat(space, "lower")
    return _("{n} points of {members} members; probability {low} to {high}; {sure} points surely "
             "reach {target}").format(
        n=len(values), members=space["n_members"], low=f"{min(values):.0%}",
        high=f"{max(values):.0%}", sure=sum(one >= space["target"] for one in lower),
        target=f"{space['target']:.0%}",
    )  # fmt: skip


def _table(space: Mapping[str, Any]) -> ChartTable:
    names = [_title(axis) for axis in space["axes"]]
    columns = [elements.Column(f"f{k}", name, is_number=True) for k, name in enumerate(names)]
    columns += [
        elements.Column("p", _("probability"), is_number=True),
        elements.Column("ci", _("exact {sure} interval").format(sure=f"{space['confidence']:.0%}")),
        elements.Column("nominal", _("at the declared parameters")),
    ]
    first = space["axes"][0]["levels"]
    second = space["axes"][1]["levels"] if len(space["axes"]) > 1 else [None]
    grid = [(a, b) for a in first for b in second]
    flat = {key: _flat(space, key) for key in ("probability", "lower", "upper", "nominal")}
    rows = [
        {"f0": number(a), "f1": number(b), "p": f"{p:.0%}", "ci": f"{low:.0%} – {high:.0%}",
         "nominal": _("met") if nominal else _("not met")}
        for (a, b), p, low, high, nominal in zip(grid, *flat.values(), strict=True)
    ]  # fmt: skip
    return ChartTable(columns, rows)


def _words(space: Mapping[str, Any]) -> None:
    """What the map is, what the box is, and how they differ here."""
    for one in space["fixed"]:
        elements.paragraph(
            _("A slice: {factor} is {value}, where the probability is highest.").format(
                factor=with_unit(one["name"], one["unit"]), value=number(one["value"])
            )
        )
    box, target = space.get("box"), f"{space['target']:.0%}"
    with elements.box("gb-hint"):
        elements.paragraph(
            _("The design space is the set of points at which all limits are met together with a "
              "probability of at least {target}; circles mark where that is sure, diamonds where "
              "it surely is not, the rest is not decided with {n} members.").format(
                target=target, n=space["n_members"])
        )  # fmt: skip
        if box is None:
            elements.paragraph(
                _("No box of proven ranges can be drawn: {why}").format(why=space["why_no_box"])
            )
            return
        if not all(one["is_proven"] for one in space["proven"]):
            elements.paragraph(
                _("There is no box of proven ranges: not even the set point (SP) surely reaches "
                  "{target}.").format(target=target)
            )  # fmt: skip
            return
        elements.paragraph(
            _("The dashed box holds the proven acceptable ranges: each factor moved alone, the "
              "others at the set point (SP). It is no design space: of {n} points inside it "
              "{certain} are surely good and {below} surely are not; {outside} points outside it "
              "are surely good.").format(
                n=box["n_points"], certain=box["n_certain"], below=box["n_below"],
                outside=box["n_outside"])
        )  # fmt: skip


def _ranges(space: Mapping[str, Any]) -> None:
    rows = []
    for one in space["proven"]:
        shown = f"{number(one['low'])} – {number(one['high'])}"
        rows.append({
            "factor": one["factor"], "set_point": number(one["set_point"]),
            "range": shown if one["is_proven"] else _("not even the set point is proven"),
        })  # fmt: skip
    if rows:
        elements.table(
            _("Proven acceptable ranges, one factor at a time"),
            [elements.Column("factor", _("Factor")),
             elements.Column("set_point", _("Set point"), is_number=True),
             elements.Column("range", _("Proven range"))],
            rows,
        )  # fmt: skip
