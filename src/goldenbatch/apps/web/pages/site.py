"""The overview of the site: health, running batches, key figures, findings by severity and age."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from goldenbatch.apps.web.pages._shared import batch_link, length, severity, share
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.elements import Column, Tone
from goldenbatch.ui.web.pages import Asked, Group, Page, Place
from goldenbatch.ui.web.parts import tiles
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _, ngettext

FACTORS = ("availability", "effectiveness", "quality ratio")
"""Key figures whose product is another one."""


@dataclass(frozen=True)
class SiteData:
    """What the page shows: the answers of `/overview/site` and `/overview/indicators`."""

    site: Mapping[str, Any]
    indicators: Mapping[str, Any]


def load(asked: Asked) -> SiteData:
    """Health, batches, findings, and the key figures."""
    product = asked.value("product")
    figures = asked.api.get("/overview/indicators", product=product or None)
    return SiteData(asked.api.get("/overview/site"), figures)


def show(view: View, data: SiteData) -> None:
    """Figures, then what they are made of."""
    health_figures(data.site)
    with elements.section(_("Running batches")):
        running(view, data.site["running"])
    with elements.section(
        _("Key figures"),
        note=_("Of the last {n} ended batches; each leads to its definition and its batches.")
        .format(n=data.indicators["n_batches"]),
    ):  # fmt: skip
        indicator_figures(data.indicators)
    with elements.section(_("Open findings by severity and age")):
        findings(data.site["findings"])
    tiles(view, Place.SITE)
    with elements.grid("gb-columns"):
        with elements.section(_("Sources and data")):
            sources(view, data.site["health"])
        with elements.section(_("Equipment status")):
            equipment(view, data.site["equipment"])


def health_figures(site: Mapping[str, Any]) -> None:
    """The node, its sources, gaps and proof, as figures."""
    health, open_ = site["health"], site["findings"]["n_open"]
    node, sources_, gaps, proof = (health[one] for one in ("node", "sources", "gaps", "proof"))
    broken = len(sources_["broken"])
    tone: Tone = "good" if node["is_ready"] and not node["problems"] else "bad"
    word = _("works") if tone == "good" else _("has problems")
    waits = proof["n_events"] - proof["n_covered"]
    with elements.grid("gb-tiles"):
        elements.figure(
            _("Node"), word, "#sources", tone=tone,
            note=_("version {version}").format(version=node["version"]),
        )  # fmt: skip
        elements.figure(
            _("Sources"), f"{sources_['n'] - broken} / {sources_['n']}", "#sources",
            tone="bad" if broken else "good", note=_("running / all"),
        )  # fmt: skip
        elements.figure(
            _("Data gaps"), str(gaps["n_open"]), "#sources",
            tone="warn" if gaps["n_open"] else "good",
            note=_("not filled, of {n} in {days} days").format(n=gaps["n"], days=gaps["days"]),
        )  # fmt: skip
        elements.figure(
            _("Running batches"), str(len(site["running"])), address("/batches", state="running")
        )
        elements.figure(
            _("Open findings"), str(open_), address("/findings", state="open"),
            tone="warn" if open_ else "good",
        )  # fmt: skip
        elements.figure(
            _("Ledger"), f"{proof['n_covered']:,}", unit=_("events"), tone="" if waits else "good",
            note=_("signed; {n} wait for the next checkpoint").format(n=waits),
        )  # fmt: skip


def running(view: View, rows: Sequence[Mapping[str, Any]]) -> None:
    """Batches that run, with phase, elapsed time and when they may end."""

    def phase(_value: Any, row: Mapping[str, Any]) -> None:
        if not row["phases"]:
            elements.text("span", _("between phases"))
        for one in row["phases"]:
            expected = one["expected_us"]
            words = f"{one['phase']}: {length(one['elapsed_us'])}"
            if expected:
                words += " " + _("of about {time}").format(time=length(expected))
            elements.text("div", words)

    def elapsed(value: Any, row: Mapping[str, Any]) -> None:
        words = length(value)
        if not row["expected_us"]:
            elements.text("span", words)
            return
        done = value / row["expected_us"]
        elements.progress(words, min(1.0, done), share(done))

    def end(_value: Any, row: Mapping[str, Any]) -> None:
        if row["end_at"] is None:
            elements.text("span", _("not known: {n} earlier batches").format(n=row["n_earlier"]))
            return
        elements.moment(row["end_at"], view.zone)
        words = _("{low} to {high} after the start, as {n} earlier batches there took").format(
            low=length(row["end_low_at"] - row["started_at"]),
            high=length(row["end_high_at"] - row["started_at"]), n=row["n_earlier"],
        )  # fmt: skip
        elements.text("div", words, "gb-note")

    columns = [
        Column("batch", _("Batch"), batch_link), Column("product", _("Product")),
        Column("phase", _("Phase"), phase), Column("elapsed_us", _("Elapsed"), elapsed),
        Column("end", _("Expected end"), end), Column("n_open", _("Open findings"), open_findings),
    ]  # fmt: skip
    elements.table(
        _("Running batches"), columns, rows,
        nothing=_("No batch runs. One appears here as soon as its start is recorded."),
        is_titled=False,
    )  # fmt: skip


def open_findings(n: Any, row: Mapping[str, Any]) -> None:
    """A cell with the open findings of a batch and the worst severity."""
    if not n:
        elements.text("span", "0")
        return
    with elements.row():
        words = ngettext("{n} finding", "{n} findings", n).format(n=n)
        elements.link(words, address("/findings", state="open", batch=row["batch"]))
        severity(row["worst"])


def indicator_figures(found: Mapping[str, Any]) -> None:
    """Right first time, yield and OEE, each with the way to its batches."""
    with elements.grid("gb-tiles"):
        for one in found["indicators"]:
            if one["value"] is None and one["name"] in FACTORS:
                continue  # why, its product says
            asked = {name: value for name, value in found["asked"].items() if value}
            to = address("/indicators", name=one["name"], **asked)
            value, unit, note = indicator_value(one)
            elements.figure(_(one["name"]), value, to, unit=unit, note=note)


def indicator_value(one: Mapping[str, Any]) -> tuple[str, str, str]:
    """Words of a key figure: value, unit and note."""
    if one["value"] is None:
        return _("not known"), "", one["why"]
    n = _("n = {n}").format(n=one["n"])
    if one["unit"] != "1":
        spread = f", s = {one['spread']:.3g}" if one.get("spread") is not None else ""
        return f"{one['value']:.4g}", one["unit"], n + spread
    if one.get("lower") is not None:
        n += ", " + _("95 % from {low} to {high}").format(
            low=share(one["lower"]), high=share(one["upper"])
        )
    return f"{100 * one['value']:.1f}", "%", n


def findings(found: Mapping[str, Any]) -> None:
    """Open findings as a table of severities and ages; each number leads to its findings."""
    if not found["n_open"]:
        elements.empty(_("No finding is open."), _("New ones appear here by themselves."))
        return
    names = {"under a day": _("under a day"), "under a week": _("under a week"),
             "a week or more": _("a week or more")}  # fmt: skip

    def graded(value: Any, _row: Mapping[str, Any]) -> None:
        severity(str(value))

    def counted(n: Any, row: Mapping[str, Any]) -> None:
        to = address("/findings", state="open", severity=row["severity"])
        elements.link(str(n), to) if n else elements.text("span", "0")

    columns = [Column("severity", _("Severity"), graded), Column("n", _("All"), counted, True)]
    columns += [Column(one, names[one], None, True) for one in found["ages"]]
    rows = [
        {**one, **{name: str(n) for name, n in zip(found["ages"], one["by_age"], strict=True)}}
        for one in found["severities"]
    ]
    elements.table(_("Open findings by severity and age"), columns, rows, is_titled=False)


def sources(view: View, health: Mapping[str, Any]) -> None:
    """What is wrong with node, sources, gaps and imports; nothing wrong is said too."""
    elements.box("", id="sources")
    for one in health["node"]["problems"]:
        elements.problem(str(one))
    for one in health["sources"]["broken"]:
        elements.problem(f"{one['title'] or one['name']}: {one['state']}", str(one["problem"]))
    gaps = health["gaps"]["newest"]
    if gaps:
        columns = [
            Column("source", _("Source")),
            Column("start", _("From"), lambda at, _row: elements.moment(at, view.zone)),
            Column("end", _("To"), lambda at, _row: elements.moment(at, view.zone)),
            Column("cause", _("Cause")),
        ]
        elements.table(_("Newest gaps that are not filled"), columns, gaps)
    imports = health["imports"]
    if imports["n_conflicts"] or imports["n_quarantined"]:
        words = _("Imports: {n} rows contradict what is recorded, {m} files have rows set aside.")
        elements.hint(words.format(n=imports["n_conflicts"], m=imports["n_quarantined"]))
    if not (health["node"]["problems"] or health["sources"]["broken"] or gaps):
        elements.paragraph(_("Nothing is wrong with the node, its sources and their data."))


def equipment(view: View, rows: Sequence[Mapping[str, Any]]) -> None:
    """The status of each place, and since when."""
    columns = [
        Column("place", _("Place")),
        Column("status", _("Status"), lambda v, _row: elements.state(str(v))),
        Column("at", _("Since"), lambda at, _row: elements.moment(at, view.zone)),
        Column("expires_at", _("Until"), lambda at, _row: elements.moment(at, view.zone)),
    ]
    elements.table(
        _("Equipment status"), columns, rows, is_titled=False,
        nothing=_("No equipment status is recorded yet."),
    )  # fmt: skip


SITE = Page("/site", "Site", Group.OVERVIEW, load, show, icon="factory", order=10, refresh_s=10)
