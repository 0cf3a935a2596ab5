"""Two runs beside one another: their lines in one picture, their figures in one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from goldenbatch.capabilities.twin._pages_run import RunShown, loaded_run
from goldenbatch.capabilities.twin._run_charts import number, panel
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.elements import Column
from goldenbatch.ui.web.pages import Asked
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _


@dataclass(frozen=True)
class Compared:
    """Two runs; None where the address names none."""

    first: RunShown | None = None
    second: RunShown | None = None


def load_compared(asked: Asked) -> Compared:
    """The runs of the address."""
    if not (asked.value("first") and asked.value("second")):
        return Compared()
    return Compared(*(loaded_run(asked.api, asked.value(one)) for one in ("first", "second")))


def show_compared(view: View, data: Compared) -> None:
    """The page."""
    if data.first is None or data.second is None:
        elements.empty(_("No two runs are named."), _("Choose them in the list of runs."))
        elements.link(_("Runs"), "/twin/runs")
        return
    first, second = data.first, data.second
    _heads(view, first, second)
    rows = _rows(first.run["document"], second.run["document"])
    if rows:
        with elements.section(_("Figures")):
            elements.table(
                _("Figures of both"),
                [Column("name", _("Figure")), Column("unit", _("Unit")),
                 Column("a", "A", is_number=True), Column("b", "B", is_number=True),
                 Column("difference", "B − A", is_number=True)],
                rows, is_titled=False,
            )  # fmt: skip
    panels = {one["title"]: one for one in second.plots.get("panels", [])}
    both = [(one, panels[one["title"]]) for one in first.plots.get("panels", [])
            if one["title"] in panels]  # fmt: skip
    if both:
        with elements.section(_("Over time")), elements.grid():
            for one, other in both:
                panel(first.plots, _merged(one, other))
    if not rows and not both:
        elements.empty(
            _("These two runs have nothing in common."),
            _("Compare runs of one model, of which the same was asked."),
        )


def _heads(view: View, first: RunShown, second: RunShown) -> None:
    with elements.grid():
        for letter, one in (("A", first), ("B", second)):
            run = one.run
            with elements.card(f"{letter}: {run['name']}", level=2):
                elements.facts([
                    (_("Model"), run["model"] or "–"), (_("Seed"), str(run["seed"])),
                    (_("Study"), partial(elements.digest, run["digest"])),
                    (_("Asked at"), partial(elements.moment, run["asked_at"], view.zone)),
                ])  # fmt: skip
                elements.link(_("Open"), address("/twin/runs/{run}", run=run["run"]))
    if first.run["model"] != second.run["model"]:
        elements.hint(_("The models differ: columns of one name need not mean the same."))
    elif first.run["seed"] != second.run["seed"]:
        elements.hint(_("The seeds differ: a part of the difference is chance."))


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    lines = [{**one["lines"][0], "name": "A"}, {**other["lines"][0], "name": "B"}]
    return {"title": one["title"], "unit": one["unit"], "lines": lines}


def _rows(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[dict[str, Any]]:
    a, b = _figures(first), _figures(second)
    return [
        {"name": name, "unit": unit, "a": number(value), "b": number(b[name, unit]),
         "difference": number(b[name, unit] - value)}
        for (name, unit), value in a.items()
        if (name, unit) in b
    ]  # fmt: skip


def _figures(document: Mapping[str, Any]) -> dict[tuple[str, str], float]:
    """Figures of any work that have one number, by name and unit."""
    found: dict[tuple[str, str], Any] = {}
    for one in document.get("final", []):
        found[one["name"], one["unit"]] = one["value"]
    for one in document.get("measures", []):
        found[_("{measure}, median").format(measure=one["measure"]), one["unit"]] = one.get("50%")
    if isinstance(document.get("feasible"), Mapping):
        found[_("probability that all limits are met"), "1"] = document["feasible"].get("share")
    for key, share in (document.get("share of the range") or {}).items():
        found[_("share of the range, {which}").format(which=key), "1"] = share
    for one in document.get("faults", []):
        words = _("least margin under {fault}").format(fault=one["fault"])
        found[words, str(one.get("of", ""))] = one.get("least margin at worst")
    for one in document.get("figures", []):
        value = one.get("mean", one.get("value"))
        found[f"{one['figure'].replace('_', ' ')} ({one['scenario']})", one.get("unit", "")] = value
    return {key: float(value) for key, value in found.items() if isinstance(value, int | float)}
