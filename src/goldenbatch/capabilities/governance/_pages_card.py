"""The card of a model version: its life as steps, all sections of the card, what may be done."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from goldenbatch.capabilities.governance._card_acts import acts
from goldenbatch.capabilities.governance._pages_models import stage_state, version_link
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.echart import ChartTable, chart
from goldenbatch.ui.web.elements import Column, Tone
from goldenbatch.ui.web.pages import Asked
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _

_STATES: Final[Mapping[str, Tone]] = {
    "done": "good", "carried": "good", "void": "bad", "open": "quiet",
}  # fmt: skip
_TONES: Final[Mapping[str, Tone]] = {"good": "good", "bad": "bad", "quiet": "quiet"}
DAY_US: Final = 86_400_000_000


@dataclass(frozen=True)
class VersionShown:
    """What the page shows.

    Attributes:
        card: The card as plain data.
        predictions: What was predicted lately.
        history: Lines of the history, up to the day that was asked for.
        day: That day, as the address has it; empty: all days.
        then: How it stood at the end of the day; empty: no day was asked for.
    """

    card: Mapping[str, Any]
    predictions: Mapping[str, Any]
    history: Sequence[Mapping[str, Any]]
    day: str
    then: Mapping[str, Any]


def load_version(asked: Asked) -> VersionShown:
    """The card, what the model said lately, and its history, as of a day where one is named."""
    use, version = (quote(asked.path[one], safe="") for one in ("use", "version"))
    card = asked.api.get(f"/governance/models/{use}/{version}")
    number = card["version"]
    base = f"/governance/models/{use}/{number}"
    history = asked.api.get(f"/models/{use}/history", version=number)["lines"]
    end = day_end(asked.value("day"), asked.site.home.zone)
    then: Mapping[str, Any] = {}
    if end:
        then = asked.api.get(f"{base}/standing", at=end)
        history = [one for one in history if one["at"] <= end]
    predictions = asked.api.get(f"{base}/predictions")
    return VersionShown(card, predictions, history, asked.value("day") if end else "", then)


def day_end(day: str, zone: str) -> int:
    """The last microsecond of a day in a zone; 0 where the text is no day.

    >>> day_end("2026-11-23", "UTC"), day_end("x", "UTC")
    (1795478399999999, 0)
    """
    try:
        at = datetime.combine(datetime.fromisoformat(day).date(), time.max, ZoneInfo(zone))
    except ValueError:
        return 0
    return int(at.timestamp()) * 1_000_000 + at.microsecond


def show_version(view: View, data: VersionShown) -> None:
    """The page."""
    card = data.card
    with elements.box("gb-columns"):
        with elements.box("gb-stack"):
            _head(card)
            _life(view, card)
        with elements.box("gb-stack"):
            acts(view, card)
            _findings(view, card)
    if card["shadows"]:
        _shadows(view, card)
    _predictions(view, data)
    for one in card["sections"]:
        with elements.section(one["title"]):
            for block in one["blocks"]:
                show_block(block, one["title"])
    _history(view, data)


def _head(card: Mapping[str, Any]) -> None:
    with elements.section(card["title"], note=f"{card['use']}@{card['version']}"):
        with elements.row():
            stage_state(card["stage"])
            if card["is_fallback"] and card["active"] == card["version"]:
                elements.state(_("serves as the fallback"), "warn")
        elements.facts([
            (_("Owner"), card["owner"]), (_("Artefact"), lambda: elements.digest(card["digest"])),
            (_("Serves now"), lambda: _serving(card)),
            (_("Change plan"), lambda: _plan(card)),
        ])  # fmt: skip
        others = [one for one in card["versions"] if one["version"] != card["version"]]
        if others:
            with elements.row():
                elements.text("span", _("Other versions:"), "gb-note")
                for one in others:
                    version_link(card["use"], one["version"])


def _serving(card: Mapping[str, Any]) -> None:
    if card["active"]:
        version_link(card["use"], card["active"])
    else:
        elements.text("span", _("no version; the contingency holds"))


def _plan(card: Mapping[str, Any]) -> None:
    if card["plan"]:
        plan, _at, version = card["plan"].partition("@")
        elements.link(card["plan"], address("/governance/plans", plan=plan, version=version))
    else:
        elements.text("span", _("none: change control"))


# ---- life ---------------------------------------------------------------------------------------


def _life(view: View, card: Mapping[str, Any]) -> None:
    words = {"done": _("done"), "carried": _("as of version {n}"), "void": _("counts for nothing"),
             "open": _("open")}  # fmt: skip
    with elements.section(_("Life cycle")), elements.box("gb-stack", "ol"):
        for one in card["steps"]:
            with elements.box("gb-step", "li"):
                with elements.row():
                    elements.text("strong", _(one["words"]))
                    elements.state(words[one["state"]].format(n=one["from"]), _STATES[one["state"]])
                    if one["at"] is not None:
                        elements.moment(one["at"], view.zone)
                if one["who"]:
                    elements.paragraph(f"{one['who']} {one['what']}")
                if one["signed"]:
                    elements.paragraph(one["signed"], is_note=True)
                if one["fault"]:
                    elements.problem(one["fault"])


def _findings(view: View, card: Mapping[str, Any]) -> None:
    with elements.section(_("Watch")):
        if not card["findings"]:
            elements.empty(_("No finding on it is on record."))
        for one in card["findings"]:
            with elements.row():
                elements.state(f"{one['severity']}, {one['state']}",
                               "quiet" if one["state"] == "closed" else "warn")  # fmt: skip
                elements.link(one["title"], address("/findings/{uid}", uid=one["uid"]))
                elements.moment(one["start"], view.zone)


def _shadows(view: View, card: Mapping[str, Any]) -> None:
    with elements.section(
        _("Shadow"),
        note=_("The candidate runs beside what serves; nothing it says is acted upon. The "
               "comparison holds however often somebody looks."),
    ):  # fmt: skip
        for one in card["shadows"]:
            with elements.card(_("Ended") if one["is_end"] else _("Started")):
                elements.facts(_shadow_facts(view, one))


def _shadow_facts(view: View, one: Mapping[str, Any]) -> list[tuple[str, Any]]:
    def when() -> None:
        elements.moment(one["at"], view.zone)

    if not one["is_end"]:
        return [(_("At"), when), (_("Against version"), str(one["against"])),
                (_("Measure"), str(one["measure"])), (_("Margin"), f"{one['margin']:g}"),
                (_("Confidence"), f"{one['confidence']:.0%}"),
                (_("Why"), one["reason"])]  # fmt: skip
    interval = "–"
    if one["mean"] is not None:
        interval = f"{one['mean']:.4g} ({one['lower']:.4g} – {one['upper']:.4g})"
    return [(_("At"), when), (_("Verdict"), str(one["verdict"])),
            (_("New minus old loss, with its any-time interval"), interval),
            (_("Batches compared"), str(one["n_groups"])), (_("Results"), str(one["n_references"])),
            (_("Rows"), str(one["n_rows"])), (_("Why"), str(one.get("reason") or "–"))]  # fmt: skip


# ---- predictions --------------------------------------------------------------------------------


def _predictions(view: View, data: VersionShown) -> None:
    found = data.predictions
    with elements.section(_("Predictions lately")):
        if not found["times"]:
            elements.empty(
                _("Nothing that this model said is logged."),
                _("A prediction is logged where an analyst or a release acts on it."),
            )
            return
        times = [elements.short_time(at, view.zone) for at in found["times"]]
        series = [
            {"name": name, "type": "line", "showSymbol": key == "value", "data": found[key],
             "lineStyle": {"type": "solid" if key == "value" else "dashed"},
             "color": "var(--gb-chart-1)"}
            for key, name in (("value", _("prediction")), ("lower", _("lower end")),
                              ("upper", _("upper end")))
        ]  # fmt: skip
        outside = [at for at, one in zip(times, found["outside"], strict=True) if one]
        options = {
            "grid": {"left": 62, "right": 18, "top": 40, "bottom": 42}, "animation": False,
            "legend": {"top": 4}, "tooltip": {"trigger": "axis"},
            "xAxis": {"type": "category", "data": times},
            "yAxis": {"type": "value", "scale": True}, "series": series,
        }  # fmt: skip
        summary = _("{n} predictions, {outside} of them outside the domain").format(
            n=len(times), outside=len(outside)
        )
        rows = [
            {"at": at, "value": _number(value), "ci": f"{_number(low)} – {_number(high)}",
             "domain": _("outside") if out else _("inside")}
            for at, value, low, high, out in zip(
                times, found["value"], found["lower"], found["upper"], found["outside"], strict=True
            )
        ]  # fmt: skip
        columns = [Column("at", _("Time")), Column("value", _("Prediction"), is_number=True),
                   Column("ci", _("Interval")), Column("domain", _("Domain"))]  # fmt: skip
        chart(_("Predictions"), options, summary=summary, table=ChartTable(columns, rows))


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:.5g}"


# ---- sections of the card -----------------------------------------------------------------------


def show_block(block: Mapping[str, Any], title: str) -> None:
    """A block of the card's sheet; the PDF has the same."""
    kind = block["kind"]
    if kind == "text":
        elements.paragraph(block["text"])
    elif kind == "heading":
        elements.heading(block["text"], 3)
    elif kind == "bullets":
        with elements.box("gb-list", "ul"):
            for line in block["lines"]:
                elements.text("li", line)
    elif kind == "code":
        elements.text("pre", block["text"], "gb-mono gb-scroll").props["tabindex"] = "0"
    elif kind == "facts":
        elements.facts([(str(name), str(value)) for name, value in block["rows"]])
    elif kind == "grid":
        columns = [Column(str(k), name) for k, name in enumerate(block["header"])]
        rows = [{str(k): cell for k, cell in enumerate(row)} for row in block["rows"]]
        elements.table(block["caption"] or title, columns, rows, is_titled=bool(block["caption"]))
    elif kind == "figure":
        picture = base64.b64encode(block["svg"].encode()).decode()
        made = elements.box("gb-picture", "img", alt=block["caption"])
        made.props["src"] = f"data:image/svg+xml;base64,{picture}"
        elements.paragraph(block["caption"], is_note=True)


# ---- history ------------------------------------------------------------------------------------


def _history(view: View, data: VersionShown) -> None:
    card = data.card
    with elements.section(_("History")):
        with elements.box("gb-field"):
            label = elements.text("label", _("As of the end of the day"), "gb-label")
            label.props["for"] = "as-of-day"
            made = elements.box("gb-input", "input", id="as-of-day", type="date")
            made.props["defaultValue"] = data.day
            made.on("change", lambda given: view.go(
                "/governance/models/{use}/{version}", use=card["use"], version=card["version"],
                day=given.args,
            ), js_handler="(e) => emit(e.target.value)")  # fmt: skip
        if data.then:
            serves = data.then["serves"]
            elements.hint(
                _("At the end of {day} this version was: {stage}; version {n} served.").format(
                    day=data.day, stage=data.then["stage"] or _("not begun"),
                    n=serves or _("none"))
            )  # fmt: skip

        def at(value: Any, _row: Mapping[str, Any]) -> None:
            elements.moment(value, view.zone)

        elements.table(
            _("What happened, newest first"),
            [Column("at", _("When"), at), Column("who", _("Who")), Column("what", _("What")),
             Column("signed", _("Signed")), Column("fault", _("Counts for nothing because")),
             Column("ref", _("Record"))],
            list(reversed(data.history)), is_titled=False,
            nothing=_("Nothing had happened by then."),
        )  # fmt: skip
