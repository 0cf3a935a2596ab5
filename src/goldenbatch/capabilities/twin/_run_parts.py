"""What came out of a run, by what was asked: figures, bands, maps, margins, shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from goldenbatch.capabilities.twin._run_charts import number, panel, spread
from goldenbatch.capabilities.twin._space_picture import space_picture
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.elements import Column
from goldenbatch.ui.web.words import _

Found = Mapping[str, Any]


def show_result(work: str, document: Found, plots: Found) -> None:
    """The result of a work; one that has no parts of its own shows its document."""
    _PARTS.get(work, _any)(document, plots)


def _numbers(*keys: str) -> Callable[[Found], dict[str, Any]]:
    def row(one: Found) -> dict[str, Any]:
        return {**one, **{key: number(one.get(key)) for key in keys}}

    return row


def _panels(plots: Found) -> None:
    if plots.get("panels"):
        with elements.section(_("Over time")), elements.grid():
            for one in plots["panels"]:
                panel(plots, one)


def _run(document: Found, plots: Found) -> None:
    _panels(plots)
    with elements.section(_("At the end ({end})").format(end=document.get("end", ""))):
        elements.table(
            _("Values at the end"),
            [Column("name", _("Column")), Column("value", _("Value"), is_number=True),
             Column("unit", _("Unit"))],
            [_numbers("value")(one) for one in document.get("final", [])], is_titled=False,
        )  # fmt: skip
    if plots.get("notes"):
        with elements.section(_("What happened")):
            elements.table(
                _("Notes of the run"),
                [Column("time", _("Time"), is_number=True), Column("text", _("What"))],
                [_numbers("time")(one) for one in plots["notes"]], is_titled=False,
            )  # fmt: skip


def _ensemble(document: Found, plots: Found) -> None:
    feasible = document.get("feasible", {})
    with elements.section(_("How surely")), elements.grid("gb-tiles"):
        elements.figure(
            _("Probability that all limits are met"), f"{feasible.get('share', 0):.0%}",
            note=_("exact interval {low} to {high}; {n} of {all} members").format(
                low=f"{feasible.get('lower', 0):.1%}", high=f"{feasible.get('upper', 0):.1%}",
                n=feasible.get("n_feasible", 0), all=document.get("n_members", 0)),
        )  # fmt: skip
        elements.figure(
            _("Members that failed"),
            str(document.get("n_failed", 0)),
            tone="warn" if document.get("n_failed") else "",
            note=_("they count as not meeting the limits"),
        )
        elements.figure(
            _("Outside the calibrated range"),
            f"{document.get('share extrapolated', 0):.0%}",
            tone="warn" if document.get("is_extrapolated") else "",
            note=_("of the members"),
        )
    shares = ("5%", "25%", "50%", "75%", "95%")
    with elements.section(_("Measures")):
        elements.table(
            _("Shares of the members that lie below"),
            [Column("measure", _("Measure")), Column("unit", _("Unit")),
             *(Column(one, one, is_number=True) for one in shares)],
            [_numbers(*shares)(one) for one in document.get("measures", [])],
        )  # fmt: skip
        with elements.grid():
            for one in plots.get("spreads", []):
                spread(one)
    _panels(plots)


def _space(document: Found, plots: Found) -> None:
    shares = document.get("share of the range", {})
    with elements.section(_("Design space")):
        with elements.grid("gb-tiles"):
            elements.figure(
                _("Share of the range, certain"), f"{shares.get('certain', 0):.0%}",
                note=_("estimated {estimated}, possible {possible}").format(
                    estimated=f"{shares.get('estimated', 0):.0%}",
                    possible=f"{shares.get('possible', 0):.0%}"),
            )  # fmt: skip
            at = ", ".join(f"{n} {number(v)}" for n, v in document.get("at", {}).items())
            elements.figure(
                _("Highest probability"), f"{document.get('highest probability', 0):.0%}", note=at
            )
        if plots.get("space"):
            space_picture(plots["space"])


def _stress(document: Found, plots: Found) -> None:
    def tone(_value: Any, row: Found) -> None:
        if row.get("breaks"):
            elements.state(_("breaks {what}").format(what=row["breaks"]), "bad")
        elif row.get("ended"):
            elements.state(_("ended: {why}").format(why=row["ended"]), "bad")
        else:
            elements.state(_("holds"), "good")

    with elements.section(_("Margins without a fault")):
        elements.table(
            _("Margins without a fault"),
            [Column("limit on", _("Limit on")), Column("value", _("Value"), is_number=True),
             Column("margin", _("Margin"), is_number=True),
             Column("margin in sd", _("in standard deviations"), is_number=True),
             Column("unit", _("Unit"))],
            [_numbers("value", "margin", "margin in sd")(one)
             for one in document.get("without a fault", [])], is_titled=False,
        )  # fmt: skip
    with elements.section(
        _("Faults"), note=_("For each: its least margin at the worst severity that was tried, and "
                            "the smallest severity that breaks a limit.")
    ):  # fmt: skip
        elements.table(
            _("Standard faults"),
            [Column("fault", _("Fault")), Column("holds", _("Outcome"), tone),
             Column("breaks at", _("Breaks at"), is_number=True),
             Column("holds at", _("Holds at"), is_number=True),
             Column("worst", _("Worst tried"), is_number=True), Column("unit", _("Unit")),
             Column("least margin at worst", _("Least margin"), is_number=True),
             Column("of", _("of"))],
            [_numbers("breaks at", "holds at", "worst", "least margin at worst")(one)
             for one in document.get("faults", [])], is_titled=False,
        )  # fmt: skip


def _sensitivity(document: Found, plots: Found) -> None:
    keys = ("first", "total", "total lower", "total upper")
    with elements.section(
        _("Shares of the variance"), note=_("Sobol' indices; the interval is of the total one.")
    ):
        elements.table(
            _("Shares of the variance"),
            [Column("measure", _("Measure")), Column("input", _("By")),
             Column("first", _("alone"), is_number=True),
             Column("total", _("with all it acts through"), is_number=True),
             Column("total lower", _("lower"), is_number=True),
             Column("total upper", _("upper"), is_number=True)],
            [_numbers(*keys)(one) for one in document.get("indices", [])], is_titled=False,
        )  # fmt: skip


def _footprint(document: Found, plots: Found) -> None:
    for key, title in (("dose", _("A dose")), ("batch", _("A batch"))):
        rows: Sequence[Found] = document.get(key) or []
        if not rows:
            continue
        names = [name for name in rows[0] if name != "of"]
        with elements.section(title):
            elements.table(
                title,
                [Column("of", _("Of")),
                 *(Column(name, name.replace("_", " "), is_number=True) for name in names)],
                [{**one, **{n: _cell(one[n]) for n in names}} for one in rows], is_titled=False,
            )  # fmt: skip
    with elements.section(_("Where it comes from")):
        stages = document.get("CO2e by stage, kg") or []
        elements.table(
            _("CO2e by stage"),
            [Column("stage", _("Stage")), Column("co2e", _("CO2e, kg"), is_number=True)],
            [{"stage": one["stage"], "co2e": _amount(one["co2e"])} for one in stages],
        )  # fmt: skip
        elements.paragraph(
            _("Factors: {factors}.").format(factors=document.get("factors", "–")), is_note=True
        )


def _amount(value: Any) -> str:
    """A number, or an amount with its interval."""
    if isinstance(value, Mapping):
        middle = value.get("value", value.get("mean"))
        low, high = value.get("lower"), value.get("upper")
        return f"{number(middle)} ({number(low)} – {number(high)})" if low is not None else number(
            middle
        )  # fmt: skip
    return _cell(value)


def _cell(value: Any) -> str:
    return number(value) if isinstance(value, int | float) else str(value or "–")


def _time_unit(document: Found) -> str:
    """The time unit of a plant; empty for lines whose figures name their units."""
    provenance = document.get("provenance") or {}
    first = next(iter(provenance.values()), None)
    return str(first.get("time_unit", "")) if isinstance(first, Mapping) else ""


def _figure_words(figure: str, time_unit: str) -> str:
    """A figure of a line with its unit."""
    units = {"throughput": _("lots/{time}"), "amount_rate": _("amount/{time}"),
             "cycle_time": "{time}", "makespan": "{time}", "work_in_progress": _("lots"),
             "n_finished": _("lots"), "n_lost": _("lots"), "hours": "h"}  # fmt: skip
    unit = units.get(figure, "") if time_unit or figure == "hours" else ""
    name = figure.replace("_", " ").removeprefix("n ")
    return f"{name}, {unit.format(time=time_unit)}" if unit else name


def _line(document: Found, plots: Found) -> None:
    scenarios = list(dict.fromkeys(one["scenario"] for one in document.get("figures", [])))
    with elements.section(_("Figures, each with its interval over runs")):
        elements.table(
            _("Figures"),
            [Column("figure", _("Figure")),
             *(Column(name, name, is_number=True) for name in scenarios)],
            _figures(document.get("figures", []), scenarios, _time_unit(document)),
            is_titled=False,
        )  # fmt: skip
    if document.get("differences"):
        with elements.section(
            _("Layouts compared"),
            note=_("Run by run with the same random numbers (paired); all intervals of a figure "
                   "hold together. “Clear” where the interval leaves out zero."),
        ):  # fmt: skip
            _differences(document["differences"], _time_unit(document))
    _bottlenecks(document.get("bottlenecks", []))
    if document.get("stations"):
        keys = [k for k in document["stations"][0] if k not in ("scenario", "station")]
        with elements.section(_("Stations, shares of the time")):
            elements.table(
                _("Stations"),
                [Column("scenario", _("Layout")), Column("station", _("Station")),
                 *(Column(k, k.replace("_", " "), is_number=True) for k in keys)],
                [_numbers(*keys)(one) for one in document["stations"]], is_titled=False,
            )  # fmt: skip
    for note in document.get("notes", []):
        elements.hint(str(note))


def _figures(rows: Sequence[Found], scenarios: Sequence[str], unit: str) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for one in rows:
        shown = str(one.get("note") or "–")
        value = one.get("mean", one.get("value"))
        if value is not None:
            shown = number(value)
            if one.get("lower") is not None:
                shown += f" ({number(one['lower'])} – {number(one['upper'])})"
            shown += f" {one.get('unit', '')}"
        key = one["figure"]
        row = found.setdefault(key, {"figure": _figure_words(key, unit)})
        row[one["scenario"]] = shown.strip()
    return list(found.values())


def _differences(rows: Sequence[Found], unit: str) -> None:
    def verdict(_value: Any, row: Found) -> None:
        if row["low"] is None or row["low"] <= 0 <= row["high"]:
            elements.state(_("not clear"), "quiet")
        else:
            elements.state(_("clear"), "good")

    shown = [
        {**_numbers("difference", "lower", "upper")(one), "low": one.get("lower"),
         "high": one.get("upper"), "figure": _figure_words(one["figure"], unit)}
        for one in rows
    ]  # fmt: skip
    elements.table(
        _("Difference to the line as declared"),
        [Column("scenario", _("Layout")), Column("figure", _("Figure")),
         Column("difference", _("Difference"), is_number=True),
         Column("lower", _("lower"), is_number=True), Column("upper", _("upper"), is_number=True),
         Column("clear", _("Is it clear?"), verdict)],
        shown,
    )  # fmt: skip


def _bottlenecks(rows: Sequence[Found]) -> None:
    if not rows:
        return
    with elements.section(_("What all else waits for")):
        elements.table(
            _("Bottlenecks"),
            [Column("scenario", _("Layout")), Column("unit", _("Unit")),
             Column("share", _("Share of the time or the runs"), is_number=True),
             Column("lower", _("lower"), is_number=True),
             Column("upper", _("upper"), is_number=True), Column("criterion", _("By"))],
            [_numbers("share", "lower", "upper")(one) for one in rows], is_titled=False,
        )  # fmt: skip


def _any(document: Found, plots: Found) -> None:
    elements.facts([(key, str(value)) for key, value in document.items()
                    if isinstance(value, str | int | float)])  # fmt: skip


_PARTS: Final[Mapping[str, Callable[[Found, Found], None]]] = {
    "run": _run, "ensemble": _ensemble, "design-space": _space, "stress": _stress,
    "sensitivity": _sensitivity, "footprint": _footprint, "line": _line,
}  # fmt: skip
