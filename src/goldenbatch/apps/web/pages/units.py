"""Units: all of a site, and one live, the twin beside reality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from goldenbatch.apps.web.live import follow
from goldenbatch.apps.web.pages._shared import SEVERITIES, batch_link, severity
from goldenbatch.apps.web.pages._signals import (
    Chart,
    Interval,
    all_tags,
    drawn_of,
    newest_time,
    samples_by_tag,
    spans_of,
    tag_of,
    title_of,
)
from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.plant import Level
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.elements import Column
from goldenbatch.ui.web.pages import Asked, Group, Page, Place
from goldenbatch.ui.web.parts import widgets
from goldenbatch.ui.web.trend import Chosen, Drawn, Told, TrendSettings, trend
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _

MINUTE: Final = 60_000_000
SPANS: Final = {"10": "10 min", "60": "1 h", "480": "8 h", "1440": "24 h"}
MAX_CHARTS: Final = 48
_UNITS: Final = (Level.UNIT, Level.WORK_CELL)
_BOUNDS: Final = (("_lower", "_upper"), ("_low", "_high"))


@dataclass(frozen=True)
class UnitsData:
    """All units: path, title, status, batch and phase, findings."""

    rows: Sequence[Mapping[str, Any]]


def load_units(asked: Asked) -> UnitsData:
    """Units of the plant with what goes on in each."""
    site, ledger = asked.site, asked.site.ledger
    running = ledger.select("phase", {"ended_at": None})
    status = {row["place"]: row for row in ledger.select("equipment")}
    found = ledger.select("finding", {"state": "open"}, ("-started_at",), 1000)
    rows = []
    for place in site.plant.places:
        if place.level not in _UNITS:
            continue
        here = [row for row in running if _is_in(row["place"], place.path)]
        open_ = [row for row in found if _is_in(row["place"], place.path)]
        worst = min((str(row["severity"]) for row in open_), key=_rank, default="")
        rows.append({
            "unit": place.path, "title": place.title or place.path.rpartition("/")[2],
            "status": str(status.get(place.path, {}).get("status", "")),
            "batch": str(here[-1]["batch"]) if here else "",
            "phase": ", ".join(str(row["phase"]) for row in here),
            "n_open": len(open_), "worst": worst,
        })  # fmt: skip
    return UnitsData(rows)


def _is_in(place: str, unit: str) -> bool:
    return place == unit or place.startswith(f"{unit}/")


def _rank(one: str) -> int:
    names = list(SEVERITIES)
    return names.index(one) if one in names else len(names)


def show_units(_view: View, data: UnitsData) -> None:
    """The units as a table; each leads to its live view."""

    def unit(value: Any, row: Mapping[str, Any]) -> None:
        elements.link(str(value), address("/units/{unit}", unit=row["unit"]))

    def batch(value: Any, row: Mapping[str, Any]) -> None:
        batch_link(value, row) if value else elements.text("span", _("none"))

    def findings(n: Any, row: Mapping[str, Any]) -> None:
        with elements.row():
            words = _("{n} open").format(n=n)
            if n:
                elements.link(words, address("/findings", state="open", area=row["unit"]))
                severity(row["worst"])
            else:
                elements.text("span", words)

    columns = [
        Column("title", _("Unit"), unit),
        Column("status", _("Equipment status"),
               lambda v, _row: elements.state(v or _("not recorded"))),
        Column("batch", _("Batch"), batch), Column("phase", _("Phase")),
        Column("n_open", _("Findings"), findings),
    ]  # fmt: skip
    elements.table(
        _("Units of the site"), columns, data.rows,
        nothing=_("The plant has no units. Add places of level unit to plant.toml."),
    )  # fmt: skip


@dataclass(frozen=True)
class UnitData:
    """A unit: what it is, what goes on, and its charts with their history."""

    unit: str
    title: str
    status: Mapping[str, Any]
    phases: Sequence[Mapping[str, Any]]
    findings: Sequence[Mapping[str, Any]]
    window: tuple[int, int]
    span: str
    charts: Sequence[tuple[Chart, Drawn]]
    others: Sequence[str] = field(default_factory=tuple)


def charts_of(names: Sequence[str], titles: Mapping[str, str]) -> list[Chart]:
    """Charts of the numbers of a unit: what an analyst computed stands beside what it is of.

    >>> one = charts_of(["u/glucose", "u/glucose_lower", "u/glucose_upper"], {})[0]
    >>> one.title, list(one.tags), one.intervals[0].lower
    ('glucose', ['u/glucose'], 'u/glucose_lower')
    """
    left, known, charts = set(names), set(names), []
    for name in sorted(names, key=lambda one: (one not in titles, one)):
        if name not in left:
            continue
        left.discard(name)
        tags, intervals = {name: titles.get(name) or name.rpartition("/")[2]}, []
        beside = [f"{name}{end}" for end in ("_twin", "_expected", "_predicted", "_estimate")]
        for other in [name, *(one for one in beside if one in known)]:
            if other != name:
                tags[other] = _("{name} as the model says").format(name=tags[name])
                left.discard(other)
            for low, high in _BOUNDS:
                if {other + low, other + high} <= known:
                    intervals.append(Interval(_("interval"), other + low, other + high))
                    left -= {other + low, other + high}
        charts.append(Chart(tags[name], tags, intervals))
    return charts


def load_unit(asked: Asked) -> UnitData:
    """The unit with its charts over the window that the query asks for."""
    site, unit = asked.site, asked.path["unit"]
    plant = site.plant
    place = plant.place(unit)
    if place.level not in _UNITS:
        raise NotFoundError(f"{unit!r} is no unit.", hint="Choose one under Units.")
    known = site.historian.tags()
    ours = [name for name in known if name.startswith(f"{unit}/")]
    numbers = [name for name in ours if known[name] == "number"]
    span = asked.value("span", "60")
    span = span if span in SPANS else "60"
    end = (newest_time(asked, numbers) or site.clock()) + 1
    window = (end - int(span) * MINUTE, end)
    spans, phases = spans_of(asked, unit, window)
    titles = {name: title_of(tag_of(plant, name), name) for name in numbers if plant.has_tag(name)}
    charts = [
        Chart(one.title, one.tags, one.intervals, spans)
        for one in charts_of(numbers, titles)[:MAX_CHARTS]
    ]
    known_samples = samples_by_tag(asked, all_tags(charts), window, 1600)
    status = site.ledger.select("equipment", {"place": unit})
    findings = site.ledger.select("finding", {"place": unit, "state": "open"}, ("-started_at",), 20)
    return UnitData(
        unit, place.title or unit, status[0] if status else {},
        [row for row in phases if row["ended_at"] is None], findings, window, span,
        [(one, drawn_of(asked, one, window, 1600, known_samples)) for one in charts],
        sorted(set(ours) - set(numbers)),
    )  # fmt: skip


def show_unit(view: View, data: UnitData) -> None:
    """What goes on, then the charts, then what capabilities add."""
    elements.heading(data.title)
    tags = [tag for chart, _drawn in data.charts for tag in chart.tags]
    follow(view, tags, view.again)
    _standing(view, data)
    here = address("/units/{unit}", unit=data.unit)
    words = [(name, f"{here}?span={value}") for value, name in SPANS.items()]
    elements.tabs(_("Time shown"), words, f"{here}?span={data.span}")
    with elements.section(_("Signals")):
        if not data.charts:
            elements.empty(
                _("No signal of this unit has readings yet."),
                _("Connect a source to its tags, or import a file."),
            )
        with elements.grid("gb-columns"):
            for chart, drawn in data.charts:
                _chart(view, data, chart, drawn)
    widgets(view, Place.UNIT, {"unit": data.unit})


def _chart(view: View, data: UnitData, chart: Chart, drawn: Drawn) -> None:
    to = address("/trends", tag=",".join(chart.tags))

    def finer(start: int, end: int, n_points: int) -> Drawn:
        return drawn_of(view.asked, chart, (start, end), n_points)

    def readings(chosen: Chosen) -> None:
        if chosen.at is not None:
            view.go("/trends/readings", tag=chosen.tag, at=chosen.at)

    trend(
        chart.title, drawn, load=finer, told=Told(pick=readings),
        settings=TrendSettings(view.zone, is_live=True, height=180, tools="none",
                               group=data.unit, link=to),
    )  # fmt: skip


def _standing(view: View, data: UnitData) -> None:
    status = str(data.status.get("status", "")) or _("not recorded")
    with elements.grid("gb-tiles"):
        elements.figure(_("Equipment status"), status)
        for row in data.phases:
            since = elements.short_time(int(row["started_at"]), view.zone)
            elements.figure(
                _("Running phase"), str(row["phase"]),
                address("/batches/{batch}", batch=row["batch"]),
                note=_("batch {batch}, since {time}").format(batch=row["batch"], time=since),
            )  # fmt: skip
        if not data.phases:
            elements.figure(_("Running phase"), _("none"))
        if data.status.get("expires_at"):
            until = elements.short_time(int(data.status["expires_at"]), view.zone)
            elements.figure(_("Status holds until"), until, tone="warn")
        elements.figure(
            _("Open findings"), str(len(data.findings)),
            address("/findings", state="open", area=data.unit),
            tone="warn" if data.findings else "good",
        )  # fmt: skip


UNITS = Page(
    "/units", "Units", Group.PRODUCTION, load_units, show_units,
    icon="precision_manufacturing", order=10, refresh_s=10,
)  # fmt: skip
UNIT = Page("/units/{unit:path}", "Unit", Group.PRODUCTION, load_unit, show_unit, in_menu=False)
