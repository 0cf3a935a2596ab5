"""The latent explorer: scores, statistics, loadings; by a click what makes a row differ."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from goldenbatch.capabilities.monitoring import _pages as parts
from goldenbatch.capabilities.monitoring.batch import _pages as batches
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.pages import Asked, Group, Page, Place, Widget
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _

if TYPE_CHECKING:
    from goldenbatch.ui.web.echart import Picked

Row = Mapping[str, Any]
N_ROWS = ("100", "300", "600", "2000")
N_CIRCLE = 72


@dataclass(frozen=True)
class Explorer:
    """What is explored.

    Attributes:
        models: All that can be explored.
        chosen: The one that is.
        of: Unit, batch or product of it.
        told: What the node says of it; None: nothing is chosen or there.
        parts: Contributions at the row of the address.
        why: Why there is nothing to show.
    """

    models: Sequence[Row]
    chosen: Row | None
    of: str
    told: Row | None
    parts: Row | None = None
    why: tuple[str, str] = ("", "")
    n: str = "300"


def _load(asked: Asked) -> Explorer:
    models = [
        *asked.api.get("/monitoring/process")["models"],
        *asked.api.get("/monitoring/batches")["models"],
    ]
    name = asked.value("model")
    wanted = [one for one in models if one["name"] == name] or models[:1]
    if not wanted:
        return Explorer((), None, "", None)
    chosen = wanted[0]
    of = asked.value("of")
    there = choices(chosen)
    if of not in there:
        of = there[-1 if chosen["kind"] == batches.RUNS else 0] if there else ""
    n = asked.value("n", "300") if asked.value("n") in N_ROWS else "300"
    return _told(asked, Explorer(models, chosen, of, None, n=n))


def choices(chosen: Row) -> Sequence[str]:
    """What a model can be explored of: units, batches or products."""
    key = {batches.RUNS: "batches", batches.RESULTS: "products"}.get(chosen["kind"], "units")
    found: Sequence[str] = chosen[key]
    return found


def _told(asked: Asked, found: Explorer) -> Explorer:
    from goldenbatch.core.errors import NotFoundError

    chosen, api = found.chosen, asked.api
    if chosen is None or not found.of:
        return found
    name, at = str(chosen["name"]), asked.value("at")
    parts_: Row | None = None
    try:
        if chosen["kind"] == batches.RUNS:
            told = api.get("/monitoring/batches/followed", name=name, batch=found.of)
            if at:
                parts_ = batches.followed_parts(api, name, found.of, at)
        elif chosen["kind"] == batches.RESULTS:
            told = api.get("/monitoring/batches/placed", name=name, product=found.of)
            if at:
                parts_ = batches.placed_parts(api, name, found.of, at)
        else:
            start, end = asked.value("start") or None, asked.value("end") or None
            told = api.get("/monitoring/process/rows", name=name, unit=found.of, n=int(found.n),
                           start=start, end=end)  # fmt: skip
            if at:
                parts_ = _row_parts(api, name, found.of, at)
    except NotFoundError as error:
        return Explorer(found.models, chosen, found.of, None, None, (str(error), error.hint))
    return Explorer(found.models, chosen, found.of, told, parts_, n=found.n)


def _row_parts(api: Any, name: str, unit: str, at: Any) -> Row:
    found: Row = api.get("/monitoring/process/contributions", name=name, unit=unit, at=at)
    return found


def _show(view: View, data: Explorer) -> None:
    chosen = data.chosen
    if chosen is None:
        elements.empty(
            _("No process or batch model is at work."),
            _("Adopt `monitoring.process`, `monitoring.batch_runs` or `monitoring.batches` and fit "
              "it; see how-to, process monitoring."),
        )  # fmt: skip
        return
    _choose(data, chosen)
    if data.told is None:
        if chosen["model"] is None or not parts.no_model(chosen["model"]):
            words, hint = data.why
            elements.empty(words or _("Nothing to show yet."), hint)
        return
    if chosen["kind"] == batches.RUNS:
        batches.show_followed(view, data.told, data.parts)
    elif chosen["kind"] == batches.RESULTS:
        batches.show_placed(view, data.told, data.parts)
    else:
        show_rows(view, data.told, data.parts)


def _choose(data: Explorer, chosen: Row) -> None:
    names = [(str(one["name"]), f"{one['name']} ({one['kind']})") for one in data.models]
    fields = [parts.Field("model", _("Model"), str(chosen["name"]), names)]
    there = choices(chosen)
    if there:
        words = {batches.RUNS: _("Batch"), batches.RESULTS: _("Product")}
        shown = [(one, one) for one in there]
        label = words.get(chosen["kind"], _("Unit"))
        fields.append(parts.Field("of", label, data.of, shown))
    if chosen["kind"] == "monitoring.process":
        fields.append(parts.Field("n", _("Rows"), data.n, [(one, one) for one in N_ROWS]))
    parts.ask_form(_("Choose a model"), fields, _("Show"))


# ---- rows of a unit -------------------------------------------------------------------------


def show_rows(view: View, told: Row, contributions: Row | None) -> None:
    """Scores, statistics and loadings of a unit's rows."""
    with elements.section(
        _("{unit} by {name}").format(**told),
        note=_("{kind} model of {n} tags and {lags} rows before, fitted to {rows} rows").format(
            kind=told["kind"], n=len(told["tags"]), lags=told["lags"], rows=told["n_training"]
        ),
    ):
        with parts.said(told):
            for one in told["limits"]:
                elements.paragraph(_limit_words(one))
            together = parts.rate_words(told["false_alarms"])
            elements.paragraph(_("All limits together: {words}.").format(words=together))
            parts.how_known(view, told, [(_("As logged"), _equal_words(told))])
        picked: list[Any] = []

        async def pick(one: Picked) -> None:
            if 0 <= one.index < len(told["times"]):
                await _picked(view, told, one.index, picked[0])

        with elements.grid():
            _scores(view, told, pick)
            _loadings(told)
        _statistics(view, told, pick)
        elements.paragraph(
            _("Click a row, or walk with the arrow keys and press Enter, to see what makes it "
              "differ."), is_note=True,
        )  # fmt: skip
        picked.append(parts.box_below())
        if contributions is not None:
            with picked[0]:
                show_parts(view, contributions, str(told["unit"]))
    with elements.section(_("Findings")):
        parts.findings_table(view, _("Findings of {name} on this unit").format(**told),
                             told["findings"])  # fmt: skip


def _limit_words(one: Row) -> str:
    limit = parts.number(one["limit"])
    words = _("{name}: limit {limit} ({source}, asked {rate} of good rows); {measured}.").format(
        name=one["statistic"], limit=limit, source=one["source"],
        rate=parts.percent(one["asked_rate"], 2), measured=parts.rate_words(one["measured"]),
    )  # fmt: skip
    if one["smoothing"] < 1:
        words += " " + _("It is held to an average in which the newest row has the weight {w}; "
                         "what is drawn are single rows.").format(w=one["smoothing"])  # fmt: skip
    return words


def _equal_words(told: Row) -> str:
    n, of = told["n_equal"], told["n_compared"]
    if n == of:
        return _("all {n} statistics shown were logged when the rows came, and the frozen model "
                 "gives each again bit for bit").format(n=of)  # fmt: skip
    return _("{n} of {of} logged statistics are given again bit for bit by the frozen model; the "
             "others rest on readings as they were known then, or on another model").format(
        n=n, of=of)  # fmt: skip


async def _picked(view: View, told: Row, index: int, box: Any) -> None:
    name, unit, at = str(told["name"]), str(told["unit"]), told["times"][index]
    found = await view.run(lambda: _row_parts(view.asked.api, name, unit, at))
    if found is not None and not box.is_deleted:
        box.clear()
        with box:
            show_parts(view, found, unit)


def _scores(view: View, told: Row, pick: Any) -> None:
    from goldenbatch.ui.web.echart import ChartTable, chart

    severity = told["severity"]
    points = list(zip(told["first"], told["second"], strict=True))
    inside = [None if (s or 0) > 1 else p for p, s in zip(points, severity, strict=True)]
    outside = [p if (s or 0) > 1 else None for p, s in zip(points, severity, strict=True)]
    series = [
        {"type": "scatter", "name": _("row"), "data": [p or ["-", "-"] for p in inside],
         "symbolSize": 6},
        parts.marked(_("row above a limit"), [p or ["-", "-"] for p in outside]),
    ]  # fmt: skip
    first = told["limits"][0] if told["limits"] else None
    if first is not None:
        series.append(circle(float(first["limit"]), told))
    x = parts.axis(_("first score / its spread"), scale=False)
    made = parts.options(x, parts.axis(_("second score / its spread"), scale=False), series)
    n_over = sum(1 for one in severity if (one or 0) > 1)
    words = _("{n} rows, {over} above a limit; the ellipse is {name} at its limit.").format(
        n=len(points), over=n_over, name=told["statistics"][0]
    )
    columns = [
        elements.Column("at", _("Time"), parts.moment_cell(view)),
        elements.Column("first", _("First"), is_number=True),
        elements.Column("second", _("Second"), is_number=True),
        elements.Column("severity", _("Times its limit"), is_number=True),
    ]
    rows = [
        {"at": at, "first": parts.number(p[0]), "second": parts.number(p[1]),
         "severity": parts.number(s)}
        for at, p, s in list(zip(told["times"], points, severity, strict=True))[-100:]
    ]  # fmt: skip
    chart(_("Scores"), made, summary=words, table=ChartTable(columns, rows), on_pick=pick,
          height=360)  # fmt: skip


def circle(limit: float, told: Row) -> dict[str, Any]:
    """Where the first statistic is at its limit and all further scores are 0."""
    radius = math.sqrt(max(limit, 0.0))
    turns = [2 * math.pi * k / N_CIRCLE for k in range(N_CIRCLE + 1)]
    data = [[radius * math.cos(one), radius * math.sin(one)] for one in turns]
    name = _("{name} at its limit").format(name=told["statistics"][0])
    return parts.limit_line(name, data)


def _loadings(told: Row) -> None:
    loadings(told["loadings"])


def loadings(rows: Sequence[Row]) -> None:
    """Weights of the variables in the first two scores."""
    from goldenbatch.ui.web.echart import ChartTable, chart

    names = [one["tag"] + (f" (-{one['lag']})" if one["lag"] else "") for one in rows]
    series = [
        {"type": "bar", "name": _("first"), "data": [one["first"] for one in rows]},
        {"type": "bar", "name": _("second"), "data": [one["second"] for one in rows],
         "itemStyle": {"decal": {"symbol": "rect", "dashArrayX": [1, 0], "dashArrayY": [2, 3]}}},
    ]  # fmt: skip
    made = parts.options(parts.categories(_("variable (rows before)"), names),
                         parts.axis(_("loading"), scale=False), series)  # fmt: skip
    columns = [elements.Column("name", _("Variable")),
               elements.Column("first", _("First"), is_number=True),
               elements.Column("second", _("Second"), is_number=True)]  # fmt: skip
    listed = [
        {"name": name, "first": parts.number(one["first"]), "second": parts.number(one["second"])}
        for name, one in zip(names, rows, strict=True)
    ]
    most = max(rows, key=lambda one: abs(one["first"]), default=None)
    words = _("{tag} weighs most in the first score.").format(tag=most["tag"]) if most else ""
    chart(_("Loadings"), made, summary=words, table=ChartTable(columns, listed), height=360)


def _statistics(view: View, told: Row, pick: Any) -> None:
    from goldenbatch.ui.web.echart import chart

    at = parts.time_labels(view, told["times"])
    limits = {one["statistic"]: one for one in told["limits"]}
    for name, values in zip(told["statistics"], told["values"], strict=True):
        limit = limits.get(name)
        series = [parts.line(name, values, symbol="circle", symbolSize=4)]
        over: list[Any] = []
        if limit is not None:
            over = [v if v is not None and v > limit["limit"] else None for v in values]
            series.append(parts.marked(_("above its limit"), over))
            series.append(parts.limit_line(_("limit"), [limit["limit"]] * len(at)))
        made = parts.options(parts.categories(_("time of the site"), at), parts.axis(name), series)
        n = sum(1 for one in over if one is not None)
        words = _("{n} rows, {over} above the limit.").format(n=len(at), over=n)
        chart(_("{name} as it was logged").format(name=name), made, summary=words, on_pick=pick,
              height=240)  # fmt: skip


def show_parts(view: View, told: Row, unit: str = "") -> None:
    """Contributions at one row or sample, each with the raw signal behind it."""
    from goldenbatch.ui.web.echart import chart

    rows = told["parts"]
    title = _("What makes {statistic} {value} (limit {limit})").format(
        statistic=told["statistic"], value=parts.number(told["value"]),
        limit=parts.number(told["limit"]["limit"] if isinstance(told["limit"], Mapping)
                           else told["limit"]),
    )  # fmt: skip
    with elements.card(title):
        elements.moment(told["at"], view.zone)
        words = ", ".join(f"{one['variable']} {parts.number(one['contribution'], 3)}"
                          for one in rows[:3])  # fmt: skip
        made = parts.contribution_bars(rows, str(told["statistic"]))
        chart(title, made, summary=words, height=120 + 22 * min(len(rows), 12))
        start, end = told.get("window") or (None, None)

        def signal(tag: Any, _row: Row) -> None:
            if tag:
                elements.link(_("signal"), parts.trend_address(str(tag), start, end))

        columns = [
            elements.Column("variable", _("Variable")),
            elements.Column("contribution", _("Contribution"), is_number=True),
            elements.Column("value", _("Value"), is_number=True),
            elements.Column("reference", _("Reference mean"), is_number=True),
            elements.Column("deviation", _("Spreads away"), is_number=True),
            elements.Column("tag", _("Raw signal"), signal),
        ]
        keys = ("contribution", "value", "reference", "deviation")
        shown = [{**one, **{k: parts.number(one.get(k)) for k in keys}} for one in rows]
        elements.table(_("Contributions"), columns, shown)


# ---- on the page of a unit ------------------------------------------------------------------


@dataclass(frozen=True)
class UnitModels:
    """What process models say of a unit now."""

    rows: Sequence[Row]
    parts: Sequence[Row]


def _load_unit(asked: Asked) -> UnitModels | None:
    from goldenbatch.core.errors import GoldenbatchError

    unit = asked.path["unit"]
    found, contributions = [], []
    for one in asked.api.get("/monitoring/process", unit=unit)["models"]:
        try:
            told = asked.api.get("/monitoring/process/rows", name=one["name"], unit=unit, n=120)
            newest = told["times"][-1] if told["times"] else None
            if newest is not None:
                contributions.append(_row_parts(asked.api, one["name"], unit, newest))
            found.append(told)
        except GoldenbatchError:  # nothing was logged of this unit yet
            continue
    return UnitModels(found, contributions) if found else None


def _show_unit(view: View, data: UnitModels) -> None:
    for told in data.rows:
        severity = [one for one in told["severity"] if one is not None]
        newest = severity[-1] if severity else None
        with parts.said(told):
            if newest is None:
                elements.state(_("not scored"), "quiet")
            elif newest > 1:
                elements.state(
                    _("above a limit, {n} times").format(n=parts.number(newest, 3)), "bad"
                )
            else:
                elements.state(_("within the limits"), "good")
            to = address("/monitoring/latent", model=told["name"], of=told["unit"])
            elements.link(_("Explore {name}").format(**told), to)
            parts.how_known(view, told, [(_("As logged"), _equal_words(told))])
        _statistics(view, told, None)
    for one in data.parts:
        show_parts(view, one, str(one["unit"]))


_AROUND_ROWS = 60
"""Rows before and after a finding that are drawn with it."""


def _load_finding(asked: Asked) -> UnitModels | None:
    """Statistics around a finding of a process model, and what made its worst row differ."""
    row = asked.api.get(f"/findings/{asked.path['finding']}")["finding"]
    for one in asked.api.get("/monitoring/process", unit=row["place"])["models"]:
        if one["name"] != row["analyst"] or not row["place"]:
            continue
        around = round(_AROUND_ROWS * one["interval_s"] * 1e6)
        told = asked.api.get(
            "/monitoring/process/rows", name=one["name"], unit=row["place"], n=600,
            start=row["started_at"] - around, end=(row["ended_at"] or row["started_at"]) + around,
        )  # fmt: skip
        known = [(s, at) for s, at in zip(told["severity"], told["times"], strict=True) if s]
        if not known:
            return None
        worst = max(known)[1]
        return UnitModels([told], [_row_parts(asked.api, one["name"], row["place"], worst)])
    return None


def _show_finding(view: View, data: UnitModels) -> None:
    for told, found in zip(data.rows, data.parts, strict=True):
        _statistics(view, told, None)
        show_parts(view, found, str(told["unit"]))
        to = address("/monitoring/latent", model=told["name"], of=told["unit"], at=found["at"])
        elements.link(_("Explore {name}").format(**told), to)


LATENT = Page("/monitoring/latent", "Latent explorer", Group.QUALITY, _load, _show,
              icon="scatter_plot", order=30, classes=parts.CONFIDENTIAL)  # fmt: skip
UNIT = Widget("Process models", Place.UNIT, _load_unit, _show_unit, order=30, refresh_s=30,
              classes=parts.CONFIDENTIAL)  # fmt: skip
FINDING = Widget("Process model", Place.FINDING, _load_finding, _show_finding, order=30,
                 classes=parts.CONFIDENTIAL)  # fmt: skip
