"""The page that designs a chart by the run length wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from goldenbatch.capabilities.monitoring import _pages as parts
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.pages import Asked, Group, Page
from goldenbatch.ui.web.view import View
from goldenbatch.ui.web.words import _

Row = Mapping[str, Any]
KINDS = ("individuals", "xbar", "ewma", "cusum", "hotelling", "mewma", "residual",
         "adjusted-individuals", "adjusted-ewma")  # fmt: skip
_ASKED = ("kind", "arl", "shift", "weight", "attributes", "size", "phi", "reference")


@dataclass(frozen=True)
class Designed:
    """What was asked, and the chart for it; or why there is none."""

    asked: Mapping[str, str]
    told: Row


def _load_design(asked: Asked) -> Designed:
    given = {name: asked.value(name) for name in _ASKED}
    given = {"kind": "ewma", "arl": "370.4", "shift": "1", **{k: v for k, v in given.items() if v}}
    return Designed(given, asked.api.get("/monitoring/design", **given))


def _show_design(view: View, data: Designed) -> None:
    elements.paragraph(
        _("How often may a chart alarm for nothing, and which shift matters? From these two the "
          "limits follow, and how soon which shift is seen.")
    )  # fmt: skip
    given = data.asked
    names = [(one, one) for one in (*KINDS, "nelson-1,nelson-2", "nelson-1,nelson-2,nelson-5")]
    if given["kind"] not in dict(names):
        names.append((given["kind"], given["kind"]))
    fields = [parts.Field("kind", _("Chart, or run rules"), given["kind"], names)]
    for name, label in (
        ("arl", _("Values between false alarms")), ("shift", _("Shift that matters, sigma")),
        ("weight", _("Weight of the newest value (empty: the best)")),
        ("attributes", _("Attributes, of a joint chart")), ("size", _("Values a subgroup")),
        ("phi", _("Lag-1 autocorrelation")), ("reference", _("Reference values (empty: many)")),
    ):  # fmt: skip
        fields.append(parts.Field(name, label, given.get(name, ""), kind="number"))
    parts.ask_form(_("Design a chart"), fields, _("Design it"))
    _designed(data.told)


def _designed(told: Row) -> None:
    with elements.section(_("The chart")):
        lengths = told.get("average run length by shift")
        if lengths is None:
            _figures(_("Values between two false alarms of run rules"), told["average run length"])
            return
        _figures(_("Parameters"), told["parameters"])
        _lengths(lengths)
        if told.get("with a reference period"):
            _figures(_("With limits from a reference period"), told["with a reference period"])


def _figures(caption: str, values: Row) -> None:
    rows = [{"name": name, "value": parts.number(value)} for name, value in values.items()]
    columns = [elements.Column("name", _("Figure")),
               elements.Column("value", _("Value"), is_number=True)]  # fmt: skip
    elements.table(caption, columns, rows)


def _lengths(lengths: Row) -> None:
    from goldenbatch.ui.web.echart import ChartTable, chart

    rows = [{"shift": shift, "length": n} for shift, n in lengths.items()]
    data = [[float(one["shift"]), one["length"]] for one in rows]
    series = [parts.line(_("average run length"), data, symbol="circle", symbolSize=8)]
    y = parts.axis(_("values until the alarm"), type="log")
    made = parts.options(parts.axis(_("shift of the mean, sigma")), y, series)
    columns = [elements.Column("shift", _("Shift, sigma"), is_number=True),
               elements.Column("length", _("Values until the alarm"), is_number=True)]  # fmt: skip
    words = "; ".join(f"{one['shift']} sigma: {one['length']}" for one in rows)
    chart(_("What it sees how soon"), made, summary=words, table=ChartTable(columns, rows))


DESIGN = Page("/monitoring/design", "Design of charts", Group.ENGINEERING, _load_design,
              _show_design, icon="straighten", order=60)  # fmt: skip
