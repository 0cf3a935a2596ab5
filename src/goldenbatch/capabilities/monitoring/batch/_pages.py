"""Batches in the latent explorer and on their own pages: against golden ones, by their results."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from goldenbatch.capabilities.monitoring import _pages as parts
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.pages import Asked, Place, Widget
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _

if TYPE_CHECKING:
    from goldenbatch.ui.web.echart import Picked

Row = Mapping[str, Any]
RUNS, RESULTS = "monitoring.batch_runs", "monitoring.batches"
_DOMAIN, _QUALITY = "outside what its model knows", "leaves the golden batches"


def followed_parts(api: Any, name: str, batch: str, at: Any) -> Row:
    """Contributions of a followed batch at a moment."""
    path = "/monitoring/batches/followed/contributions"
    found: Row = api.get(path, name=name, batch=batch, at=at)
    return found


def placed_parts(api: Any, name: str, product: str, record: str) -> Row:
    """Contributions of a batch by its results."""
    path = "/monitoring/batches/placed/contributions"
    found: Row = api.get(path, name=name, product=product, record=record)
    return found


# ---- a batch that is followed ---------------------------------------------------------------


def show_followed(view: View, told: Row, contributions: Row | None = None) -> None:
    """Trajectories within the golden envelope, statistics, alarms of domain apart."""
    note = _("plan of {n} golden batches at {place}").format(
        n=told["n_golden"], place=told["place"]
    )
    with elements.section(_("Batch {batch} by {name}").format(**told), note=note):
        elements.link(_("Batch {batch}").format(**told), parts.batch_address(str(told["batch"])))
        _verdict(view, told)
        picked: list[Any] = []
        for phase in told["phases"]:
            _phase(view, told, phase, picked)
        picked.append(parts.box_below())
        if contributions is not None:
            _show_parts(view, contributions, picked[0])
    with elements.section(_("Findings")):
        rows = told["findings"]
        quality = [one for one in rows if _DOMAIN not in one["title"]]
        domain = [one for one in rows if _DOMAIN in one["title"]]
        elements.heading(_("Quality"), 3)
        parts.findings_table(view, _("The batch left the golden batches"), quality)
        elements.heading(_("Domain"), 3)
        elements.paragraph(_("Not known to the model is no verdict on its quality."), is_note=True)
        parts.findings_table(view, _("Outside what the model knows"), domain)


def _verdict(view: View, told: Row) -> None:
    with parts.said(told, in_domain=not told["domain"]):
        n = sum(sum(1 for one in phase["is_alarm"] if one) for phase in told["phases"])
        if n:
            elements.state(_("{n} samples in alarm").format(n=n), "bad")
        else:
            elements.state(_("among the golden batches"), "good")
        for issue in told["domain"]:
            elements.paragraph(str(issue))
        elements.paragraph(
            _("The limits let {rate} of good batches alarm, as measured with each golden batch "
              "left out in turn.").format(rate=parts.percent(told["stated_rate"]))
        )  # fmt: skip
        equal = sum(phase["n_equal"] for phase in told["phases"])
        compared = sum(phase["n_compared"] for phase in told["phases"])
        words = _("{n} of {of} logged statistics are given again bit for bit").format(
            n=equal, of=compared
        )
        parts.how_known(view, told, [(_("As logged"), words)])


def _phase(view: View, told: Row, phase: Row, picked: list[Any]) -> None:
    from goldenbatch.ui.web.echart import chart

    elements.heading(_("Phase {phase}").format(**phase), 3)

    async def pick(one: Picked) -> None:
        if not 0 <= one.index < len(phase["times"]):
            return
        at, name, batch = phase["times"][one.index], str(told["name"]), str(told["batch"])
        found = await view.run(lambda: followed_parts(view.asked.api, name, batch, at))
        if found is not None:
            _show_parts(view, found, picked[-1])

    at = parts.time_labels(view, phase["times"])
    for k, name in enumerate(phase["statistics"]):
        alarms = [v if a else None
                  for v, a in zip(phase["values"][k], phase["is_alarm"], strict=True)]  # fmt: skip
        series = [
            parts.line(name, phase["values"][k], symbol="circle", symbolSize=4),
            parts.limit_line(_("limit"), phase["limits"][k]),
            parts.marked(_("batch in alarm"), alarms),
        ]
        made = parts.options(parts.categories(_("time of the site"), at), parts.axis(name), series)
        words = _("{n} samples, {alarms} in alarm.").format(
            n=len(at), alarms=sum(1 for one in alarms if one is not None)
        )
        chart(f"{name}, {phase['phase']}", made, summary=words, on_pick=pick, height=220)
    with elements.grid():
        for variable in phase["golden"]:
            _trajectory(view, phase, variable)


def _trajectory(view: View, phase: Row, variable: str) -> None:
    """One variable over maturity within its golden envelope, in spreads of the golden batches."""
    from goldenbatch.ui.web.echart import chart

    deviations = phase["deviations"].get(variable, [])
    maturity = [100 * one if one is not None else None for one in phase["maturity"]]
    data = [[m, d] for m, d in zip(maturity, deviations, strict=True) if m is not None]
    outside = [[m, d] for m, d in data if d is not None and abs(d) > 3]
    ends = [0.0, max([100.0, *(one[0] for one in data)])]
    series = [
        parts.line(_("this batch"), data, lineStyle={"width": 2}),
        parts.marked(_("beyond 3 spreads"), outside),
        parts.line(_("golden mean"), [[x, 0.0] for x in ends], lineStyle={"width": 1}),
        parts.limit_line(_("3 spreads above"), [[x, 3.0] for x in ends]),
        parts.limit_line(_("3 spreads below"), [[x, -3.0] for x in ends]),
    ]
    x = parts.axis(_("maturity, %"), scale=False)
    made = parts.options(x, parts.axis(_("spreads from the golden mean")), series)
    far = max((abs(d) for __, d in data if d is not None), default=0.0)
    words = _("At most {n} spreads from the golden mean.").format(n=parts.number(far, 3))
    chart(f"{variable}, {phase['phase']}", made, summary=words, height=220)
    tag = phase["tags"].get(variable)
    if tag and phase["times"]:
        to = parts.trend_address(tag, phase["times"][0], phase["times"][-1])
        elements.link(_("Raw signal of {variable}").format(variable=variable), to)


def _show_parts(view: View, told: Row, box: Any) -> None:
    from goldenbatch.capabilities.monitoring.process._pages import show_parts

    if box.is_deleted:
        return
    box.clear()
    with box:
        show_parts(view, told)


# ---- batches by their results ---------------------------------------------------------------


def show_placed(view: View, told: Row, contributions: Row | None = None) -> None:
    """Batches of a product in the plane of the golden set."""
    note = _("{n} components of {p} attributes, fitted to {rows} batches").format(
        n=told["n_components"], p=len(told["columns"]), rows=told["n_training"]
    )
    with elements.section(_("{product} by {name}").format(**told), note=note):
        with parts.said(told):
            elements.paragraph(
                _("T2 limit {t2}, SPE limit {spe} ({kind}).").format(
                    t2=parts.number(told["t2_limit"]), spe=parts.number(told["spe_limit"]),
                    kind=told["limit_kind"],
                )
            )  # fmt: skip
            elements.paragraph(_measured_words(told))
            parts.how_known(view, told)
        _plane(view, told, contributions)
    with elements.section(_("Batches outside")):
        rows = [one for one in reversed(told["points"]) if one["is_outside"]]
        elements.table(_("Batches outside the golden set"), _placed_columns(view), rows,
                       nothing=_("None: all later batches are inside."))  # fmt: skip


def _measured_words(told: Row) -> str:
    if not told["n_later"]:
        return _("No later batch yet: how often the limits alarm was not measured.")
    return _("Measured: {n} of {of} later batches outside ({rate}; exact 95 % {interval}).").format(
        n=told["n_outside"], of=told["n_later"], rate=parts.percent(told["measured_rate"]),
        interval=parts.between(told["measured_interval"], parts.percent),
    )  # fmt: skip


def _placed_columns(view: View) -> list[elements.Column]:
    return [
        elements.Column("batch", _("Batch"), parts.batch_link),
        elements.Column("t2", "T2", lambda v, _r: _cell(v), is_number=True),
        elements.Column("spe", "SPE", lambda v, _r: _cell(v), is_number=True),
        elements.Column("record", _("Results"), parts.record_link),
        elements.Column("at", _("Recorded"), parts.moment_cell(view)),
    ]


def _cell(value: Any) -> None:
    elements.text("span", parts.number(value))


def _plane(view: View, told: Row, contributions: Row | None) -> None:
    from goldenbatch.capabilities.monitoring.process._pages import loadings
    from goldenbatch.ui.web.echart import ChartTable, chart

    points: Sequence[Row] = told["points"]
    picked: list[Any] = []
    groups = ((_("golden set"), "emptyCircle"), (_("later batch"), "circle"),
              (_("outside"), "diamond"))  # fmt: skip

    async def pick(one: Picked) -> None:
        if 0 <= one.index < len(points):
            name, product = str(told["name"]), str(told["product"])
            record = str(points[one.index]["record"])
            found = await view.run(lambda: placed_parts(view.asked.api, name, product, record))
            if found is not None:
                _show_parts(view, found, picked[0])

    with elements.grid():
        series: list[dict[str, Any]] = []
        for name, symbol in groups:
            data = [
                {"name": one["batch"], "value": _two(one) if _symbol(one) == symbol else ["-", "-"]}
                for one in points
            ]
            size = 15 if symbol == "diamond" else 8
            series.append({"type": "scatter", "name": name, "symbol": symbol, "symbolSize": size,
                           "data": data})  # fmt: skip
        series.append(_ellipse(told))
        made = parts.options(parts.axis(_("first score")), parts.axis(_("second score")), series)
        table = ChartTable(_placed_columns(view), list(reversed(points)))
        chart(_("Scores"), made, summary=_measured_words(told), table=table, on_pick=pick,
              height=360)  # fmt: skip
        loadings(told["loadings"])
    names = [one["batch"] for one in points]
    for key, label, limit in (("t2", "T2", told["t2_limit"]), ("spe", "SPE", told["spe_limit"])):
        values = [one[key] for one in points]
        over = [v if v is not None and v > limit else None for v in values]
        lines = [parts.line(label, values, symbol="circle", symbolSize=5),
                 parts.marked(_("above its limit"), over),
                 parts.limit_line(_("limit"), [limit] * len(values))]  # fmt: skip
        x = parts.categories(_("batches in order of their results"), names)
        n = sum(1 for one in over if one is not None)
        words = _("{n} batches, {over} above the limit.").format(n=len(values), over=n)
        chart(label, parts.options(x, parts.axis(label), lines), summary=words, on_pick=pick,
              height=240)  # fmt: skip
    picked.append(parts.box_below())
    if contributions is not None:
        _show_parts(view, contributions, picked[0])


def _symbol(one: Row) -> str:
    if one["is_outside"]:
        return "diamond"
    return "emptyCircle" if one["is_reference"] else "circle"


def _two(one: Row) -> list[Any]:
    scores = one["scores"]
    return [scores[0], scores[1] if len(scores) > 1 else 0.0]


def _ellipse(told: Row) -> dict[str, Any]:
    spreads = [*told["spreads"], 1.0][:2]
    radius, n = math.sqrt(told["t2_limit"]), 72
    data = [
        [radius * spreads[0] * math.cos(2 * math.pi * k / n),
         radius * spreads[1] * math.sin(2 * math.pi * k / n)]
        for k in range(n + 1)
    ]  # fmt: skip
    return parts.limit_line(_("T2 at its limit, further scores 0"), data)


# ---- on the page of a batch -----------------------------------------------------------------


@dataclass(frozen=True)
class OfBatch:
    """What models of running batches say of one."""

    told: Sequence[Row]


def _load_batch(asked: Asked) -> OfBatch | None:
    from goldenbatch.core.errors import GoldenbatchError

    batch, found = asked.path["batch"], []
    for one in asked.api.get("/monitoring/batches", batch=batch)["models"]:
        if one["kind"] == RUNS:
            try:
                path = "/monitoring/batches/followed"
                found.append(asked.api.get(path, name=one["name"], batch=batch))
            except GoldenbatchError:  # no model may be used, or nothing was read yet
                continue
    return OfBatch(found) if found else None


def _show_batch(view: View, data: OfBatch) -> None:
    for told in data.told:
        _verdict(view, told)
        picked: list[Any] = []
        for phase in told["phases"]:
            _phase(view, told, phase, picked)
        picked.append(parts.box_below())
        to = address("/monitoring/latent", model=told["name"], of=told["batch"])
        elements.link(_("Explore {name}").format(**told), to)


BATCH = Widget("Batch monitoring", Place.BATCH, _load_batch, _show_batch, order=30,
               classes=parts.CONFIDENTIAL)  # fmt: skip
