"""Pages of charts: those at work, one with its points, and a chart by the run length wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from goldenbatch.capabilities.monitoring import _pages as parts
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.pages import Asked, Group, Page, Place, Widget
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _

if TYPE_CHECKING:
    from goldenbatch.ui.web.echart import Picked

Row = Mapping[str, Any]
DRAWN = ("50", "100", "200", "500", "1000")
_STATISTIC = {"ewma": "EWMA", "cusum": "CUSUM, upper sum", "forecast": "EWMA of forecast scores",
              "hotelling": "T2", "mewma": "T2 of the EWMA"}  # fmt: skip


@dataclass(frozen=True)
class ChartList:
    """All charts at work."""

    analysts: Sequence[Row]


@dataclass(frozen=True)
class OneChart:
    """One chart; or only its names, where none is chosen."""

    name: str
    told: Row | None
    charts: Sequence[Row]
    n: str


# ---- all charts -----------------------------------------------------------------------------


def _load_list(asked: Asked) -> ChartList:
    return ChartList(asked.api.get("/monitoring/charts")["analysts"])


def _show_list(view: View, data: ChartList) -> None:
    with elements.row():
        elements.link(_("Design a chart"), "/monitoring/design")
    if not data.analysts:
        elements.empty(
            _("No chart is at work."),
            _("Put one to work with `goldenbatch adopt NAME FILE`; see how-to, control charts."),
        )
    for one in data.analysts:
        with elements.section(str(one["name"]), note=_settings_words(one)):
            with parts.said(one):
                elements.paragraph(_run_length_words(one["run_length"]))
                parts.how_known(view, one)
            _withheld(one)
            elements.table(
                _("Charts of {name}").format(name=one["name"]),
                chart_columns(view, str(one["name"])),
                one["charts"],
                nothing=_("No result has come yet that it charts."),
            )


def chart_columns(view: View, name: str) -> list[elements.Column]:
    """Columns of a table of charts."""

    def open_chart(_value: Any, row: Row) -> None:
        words = row.get("attribute") or ", ".join(row.get("attributes", ()))
        to = address("/monitoring/charts/{chart}", chart=name, of=row["key"])
        elements.link(f"{row['product']}: {words}", to)

    return [
        elements.Column("key", _("Chart"), open_chart),
        elements.Column("state", _("State"), _state_cell),
        elements.Column("centre", _("Centre"), _number_cell, is_number=True),
        elements.Column("lower", _("Lower limit"), _number_cell, is_number=True),
        elements.Column("upper", _("Upper limit"), _number_cell, is_number=True),
        elements.Column("n_later", _("Alarms on later values"), _alarms_cell),
        elements.Column("last_alarm_batch", _("Last alarm"), parts.batch_link),
        elements.Column("last_alarm_at", _("At"), parts.moment_cell(view)),
    ]


def _number_cell(value: Any, _row: Row) -> None:
    elements.text("span", parts.number(value))


def _state_cell(value: Any, row: Row) -> None:
    if row.get("is_alarming"):
        elements.state(_("out of its chart"), "bad")
    else:
        elements.state(str(value), "good" if row.get("n_later") is not None else "quiet")


def _alarms_cell(n_later: Any, row: Row) -> None:
    elements.text("span", alarms_words(row))


def alarms_words(row: Row) -> str:
    """Alarms on values after the reference period, with the exact interval."""
    if not row.get("n_later"):
        return _("none judged yet")
    return _("{n} of {of} ({rate}; 95 %: {interval})").format(
        n=row["n_alarms"], of=row["n_later"], rate=parts.percent(row["false_alarm_rate"]),
        interval=parts.between(row["interval"], parts.percent),
    )  # fmt: skip


def _settings_words(one: Row) -> str:
    settings = one["settings"]
    return _("{kind} charts of {attributes}; reference period of {n}; rules {rules}").format(
        kind=settings["kind"], attributes=", ".join(settings["attributes"]),
        n=settings["n_reference"], rules=", ".join(settings["rules"]) or "–",
    )  # fmt: skip


def _run_length_words(told: Row) -> str:
    error = told.get("standard_error")
    length = parts.number(told["arl0"]) + (f" ± {parts.number(error, 2)}" if error else "")
    found = _("By design one false alarm in {n} values ({of}).").format(n=length, of=told["of"])
    seen = [
        _("{shift} sigma after {n}").format(shift=shift, n=parts.number(n, 3))
        for shift, n in told["arl1"].items()
    ]
    more = _("On average it sees a shift of {seen} values.").format(seen="; ".join(seen))
    return f"{found} {more}" if seen else found


def _withheld(told: Row) -> None:
    if told.get("n_withheld"):
        elements.hint(
            _("{n} records that you may not read are missing: the chart that judges has them.")
            .format(n=told["n_withheld"])
        )  # fmt: skip


# ---- one chart ------------------------------------------------------------------------------


def _load_one(asked: Asked) -> OneChart:
    name, key, n = asked.path["chart"], asked.value("of"), asked.value("n", "200")
    n = n if n in DRAWN else "200"
    analysts = asked.api.get("/monitoring/charts")["analysts"]
    charts: Sequence[Row] = next((one["charts"] for one in analysts if one["name"] == name), [])
    key = key or (charts[0]["key"] if charts else "")
    told = asked.api.get("/monitoring/charts/points", name=name, key=key, n=int(n)) if key else None
    return OneChart(name, told, charts, n)


def _show_one(view: View, data: OneChart) -> None:
    elements.link(_("All charts"), "/monitoring/charts")
    told = data.told
    if told is None:
        elements.empty(_("{name} has no chart.").format(name=data.name))
        return
    keys = [(str(one["key"]), str(one["key"]).replace("|", ": ")) for one in data.charts]
    fields = [
        parts.Field("of", _("Chart"), str(told["key"]), keys),
        parts.Field("n", _("Points"), data.n, [(one, one) for one in DRAWN]),
    ]
    parts.ask_form(_("Choose a chart"), fields, _("Show"))
    with elements.section(_("{product}: {attribute}").format(**told), note=_settings_words(told)):
        with parts.said(told):
            elements.paragraph(_run_length_words(told["run_length"]))
            elements.paragraph(
                _("Alarms on values after the reference period: {words}.").format(
                    words=alarms_words(told["row"])
                )
            )
            parts.how_known(view, told, [(_("Reference period"), str(told["row"]["n_reference"]))])
        _withheld(told)
        _drawing(view, told)
    _capability_section(told)
    with elements.section(_("Findings")):
        parts.findings_table(view, _("Findings of this chart"), told["findings"])


def _drawing(view: View, told: Row) -> None:
    from goldenbatch.ui.web.echart import ChartTable, chart

    points = told["points"]
    if not points:
        elements.empty(_("No value yet."), _("It begins with the next result that it charts."))
        return
    title = _("{attribute} of product {product}, the newest {n} of {all}").format(
        n=len(points), all=told["n_points"], attribute=told["attribute"], product=told["product"]
    )
    n_alarms = sum(1 for one in points if one["alarms"])
    summary = _("{n} points, {alarms} with an alarm, marked by diamonds.").format(
        n=len(points), alarms=n_alarms
    )
    listed = ChartTable(point_columns(view, told), list(reversed(points)))
    picked: list[Any] = []

    def pick(one: Picked) -> None:
        if 0 <= one.index < len(points):
            box = picked[0]
            box.clear()
            with box:
                _point(view, told, points[one.index])

    chart(title, chart_options(told), summary=summary, table=listed, on_pick=pick, height=380)
    if _has_statistic(told):
        name = _STATISTIC.get(told["settings"]["kind"], _("Statistic"))
        words = _("What the chart judges: {name}, with its limits.").format(name=name)
        chart(name, statistic_options(told, name), summary=words, on_pick=pick, height=260)
    elements.paragraph(
        _("Click a point, or walk with the arrow keys and press Enter, to see what is behind it."),
        is_note=True,
    )
    picked.append(parts.box_below())
    alarms = [one for one in points if one["alarms"]]
    if alarms:
        with picked[0]:
            _point(view, told, alarms[-1])


def _has_statistic(told: Row) -> bool:
    return told["settings"]["kind"] in _STATISTIC


def _values(told: Row) -> list[Any]:
    """What is drawn of each point: its value, of a joint chart its T2."""
    if told["settings"]["kind"] in ("hotelling", "mewma"):
        return [one["statistic"] for one in told["points"]]
    return [one["values"].get(told["attribute"]) for one in told["points"]]


def chart_options(told: Row) -> dict[str, Any]:
    """The chart: values, centre, limits; alarms and the reference period told by shape."""
    points, values = told["points"], _values(told)
    unit = told["unit"]
    name = told["attribute"] + (f" [{unit}]" if unit not in ("", "1") else "")
    is_joint = told["settings"]["kind"] in ("hotelling", "mewma")
    reference = [v if one["is_reference"] else None for v, one in zip(values, points, strict=True)]
    judged = [None if one["is_reference"] else v for v, one in zip(values, points, strict=True)]
    alarms = [v if one["alarms"] else None for v, one in zip(values, points, strict=True)]
    series = [
        parts.line(_("reference period"), reference, symbol="emptyCircle", symbolSize=7,
                   lineStyle={"type": "dotted"}),
        parts.line(_("judged"), judged, symbol="circle", symbolSize=7),
        parts.marked(_("alarm"), alarms),
    ]  # fmt: skip
    if (not is_joint and not _has_statistic(told)) or told["settings"]["kind"] == "forecast":
        series += [
            parts.line(_("expected"), [one["expected"] for one in points],
                       lineStyle={"type": "solid", "width": 1}),
            parts.limit_line(_("upper limit"), [one["upper"] for one in points]),
            parts.limit_line(_("lower limit"), [one["lower"] for one in points]),
        ]  # fmt: skip
    x = parts.categories(_("batches in order of their results"), [one["batch"] for one in points])
    zoom = [{"type": "inside"}] if len(points) > 60 else []
    return parts.options(x, parts.axis("T2" if is_joint else name), series, dataZoom=zoom)


def statistic_options(told: Row, name: str) -> dict[str, Any]:
    """What the chart judges, where that is not the value itself."""
    points = told["points"]
    alarms = [one["statistic"] if one["alarms"] else None for one in points]
    series = [
        parts.line(name, [one["statistic"] for one in points], symbol="circle", symbolSize=5),
        parts.marked(_("alarm"), alarms),
        parts.limit_line(_("upper limit"), [one["statistic_upper"] for one in points]),
        parts.limit_line(_("lower limit"), [one["statistic_lower"] for one in points]),
    ]
    x = parts.categories(_("batches in order of their results"), [one["batch"] for one in points])
    return parts.options(x, parts.axis(name), series)


def point_columns(view: View, told: Row) -> list[elements.Column]:
    """Columns of the table beside the chart: from each point to batch, sample and record."""
    unit = told["unit"]

    def value(_value: Any, row: Row) -> None:
        words = "; ".join(f"{parts.with_unit(v, unit, 6)}" for v in row["values"].values())
        elements.text("span", words)

    return [
        elements.Column("batch", _("Batch"), parts.batch_link),
        elements.Column("values", _("Value"), value, is_number=True),
        elements.Column("lower", _("Lower limit"), _number_cell, is_number=True),
        elements.Column("upper", _("Upper limit"), _number_cell, is_number=True),
        elements.Column("alarms", _("Alarm"), _rules_cell),
        elements.Column("record", _("Sample, record"), parts.record_link),
        elements.Column("at", _("Recorded"), parts.moment_cell(view)),
    ]


def _rules_cell(alarms: Any, row: Row) -> None:
    if alarms:
        elements.state(", ".join(alarms), "bad")
    else:
        elements.text("span", _("reference") if row["is_reference"] else _("inside"))


def _point(view: View, told: Row, one: Row) -> None:
    with elements.card(_("Batch {batch}").format(batch=one["batch"])):
        pairs: list[tuple[str, Any]] = [(_("Batch"), lambda: parts.batch_link(one["batch"]))]
        pairs += [(name, parts.with_unit(v, told["unit"], 6)) for name, v in one["values"].items()]
        if one["corrected"]:
            pairs.append((_("Corrected since to"), str(one["corrected"])))
        judged = _("in the reference period: it made the limits")
        if not one["is_reference"]:
            judged = ", ".join(one["alarms"]) or _("inside")
        pairs += [
            (_("Judged"), judged),
            (_("Expected"), parts.number(one["expected"])),
            (_("Limits"), parts.between([one["lower"], one["upper"]])),
            (_("Sample"), str(one["sample"])),
            (_("Record of the result"), lambda: parts.record_link(one["record"])),
            (_("Recorded"), lambda: elements.moment(one["at"], view.zone)),
        ]
        elements.facts(pairs)
        if one["contributions"]:
            most = sorted(one["contributions"].items(), key=lambda pair: -pair[1])
            rows = [{"variable": name, "contribution": v} for name, v in most]
            _contributions(rows)


def _contributions(rows: Sequence[Row]) -> None:
    from goldenbatch.ui.web.echart import chart

    words = ", ".join(f"{one['variable']} {parts.number(one['contribution'], 3)}" for one in rows)
    chart(_("What adds to T2"), parts.contribution_bars(rows, "T2"), summary=words, height=200)


def _capability_section(told: Row) -> None:
    with elements.section(
        _("Capability"),
        note=_("Cp and Cpk rest on moving ranges, Pp and Ppk on all values; normal values are "
               "assumed; 95 % intervals."),
    ):  # fmt: skip
        rows = []
        for one in told["capability"]:
            limits = parts.between([one["lower"] or None, one["upper"] or None])
            facts = {"kind": one["kind"], "limits": f"{limits} {one['unit']}", "n": one["n"]}
            for name, index in one.get("indices", {}).items():
                facts[name] = _index_words(index)
            rows.append({**facts, "why_not": one.get("why_not", "")})
        columns = [
            elements.Column("kind", _("Limits of")), elements.Column("limits", _("Limits")),
            elements.Column("n", _("Values"), is_number=True),
            *(elements.Column(name, name, is_number=True) for name in ("Cp", "Cpk", "Pp", "Ppk")),
            elements.Column("why_not", _("Why not")),
        ]  # fmt: skip
        nothing = _("The plant states no limits of this attribute.")
        elements.table(_("Indices of capability"), columns, rows, nothing=nothing)


def _index_words(index: Row) -> str:
    if index["estimate"] is None:
        return "–"
    ends = parts.between([index["lower"], index["upper"]], lambda one: parts.number(one, 3))
    return f"{parts.number(index['estimate'], 3)} ({ends})"


# ---- on the pages of units and batches ------------------------------------------------------


def _load_batch(asked: Asked) -> ChartList | None:
    found = asked.api.get("/monitoring/charts", batch=asked.path["batch"])["analysts"]
    found = [one for one in found if one["charts"]]
    return ChartList(found) if found else None


def _show_batch(view: View, data: ChartList) -> None:
    for one in data.analysts:
        rows = [{**row, "here": ", ".join(row["batch_alarms"])} for row in one["charts"]]
        columns = chart_columns(view, str(one["name"]))
        columns.insert(1, elements.Column("here", _("This batch"), _here_cell))
        elements.table(_("Charts of {name}").format(name=one["name"]), columns[:6], rows)


def _here_cell(alarms: Any, _row: Row) -> None:
    elements.state(str(alarms) or _("inside"), "bad" if alarms else "good")


def _load_finding(asked: Asked) -> OneChart | None:
    """The chart that a finding is of; None: it is of no chart."""
    row = asked.api.get(f"/findings/{asked.path['finding']}")["finding"]
    for one in asked.api.get("/monitoring/charts", batch=row["batch"])["analysts"]:
        for kept in one["charts"] if one["name"] == row["analyst"] else ():
            if row["attribute"] in (kept.get("attribute"), ", ".join(kept.get("attributes", ()))):
                key = kept["key"]
                path = "/monitoring/charts/points"
                told = asked.api.get(path, name=one["name"], key=key, n=100)
                return OneChart(str(one["name"]), told, one["charts"], "100")
    return None


def _show_finding(view: View, data: OneChart) -> None:
    if data.told is not None:
        elements.paragraph(_run_length_words(data.told["run_length"]))
        _drawing(view, data.told)
        to = address("/monitoring/charts/{chart}", chart=data.name, of=data.told["key"])
        elements.link(_("Open the chart"), to)


CHARTS = Page("/monitoring/charts", "Control charts", Group.QUALITY, _load_list, _show_list,
              icon="show_chart", order=20, refresh_s=60)  # fmt: skip
CHART = Page("/monitoring/charts/{chart}", "Control chart", Group.QUALITY, _load_one, _show_one,
             icon="show_chart", in_menu=False)  # fmt: skip
BATCH = Widget("Control charts", Place.BATCH, _load_batch, _show_batch, order=40)
FINDING = Widget("Control chart", Place.FINDING, _load_finding, _show_finding, order=40)
