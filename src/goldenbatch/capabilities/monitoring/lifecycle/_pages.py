"""The page of the lifecycle: the validation of a product, its key figures, signed reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from nicegui import ui

from goldenbatch.capabilities.monitoring import _pages as parts
from goldenbatch.capabilities.monitoring._pages import Entry, act_form
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.elements import Column
from goldenbatch.ui.web.fields import text_field
from goldenbatch.ui.web.pages import Asked, Group, Page
from goldenbatch.ui.web.view import View
from goldenbatch.ui.web.words import _

Row = Mapping[str, Any]
PATH: Final = "/monitoring/lifecycle"
_PLAN: Final = """schema = "goldenbatch/lifecycle/1"
version = "1"
product = {product}
qualification = []
attributes = {attributes}
"""


@dataclass(frozen=True)
class Lifecycles:
    """Kept reports, and the plan that the form begins with."""

    reports: Sequence[Row]
    products: Sequence[Row]
    chosen: str
    plan: str


def _load(asked: Asked) -> Lifecycles:
    found = asked.api.get("/monitoring/lifecycle")
    products = found["products"]
    codes = [one["code"] for one in products]
    chosen = asked.value("product") if asked.value("product") in codes else (codes or [""])[0]
    own = [one for one in found["reports"] if one["product"] == chosen]
    return Lifecycles(own, products, chosen, own[0]["plan"] if own else _plan(products, chosen))


def _plan(products: Sequence[Row], chosen: str) -> str:
    import json

    names: list[str] = next((one["attributes"] for one in products if one["code"] == chosen), [])
    return _PLAN.format(product=json.dumps(chosen), attributes=json.dumps(names))


def _show(view: View, data: Lifecycles) -> None:
    if not data.chosen:
        elements.empty(_("The plant has no product."), _("Adopt a plant with products first."))
        return
    names = [(str(one["code"]), str(one["name"] or one["code"])) for one in data.products]
    field = parts.Field("product", _("Product"), data.chosen, names)
    parts.ask_form(_("Choose a product"), [field], _("Show"))
    with elements.section(_("Reports of {product}").format(product=data.chosen)):
        if not data.reports:
            elements.empty(_("No report is kept."), _("Look at one below, then keep it."))
        for one in data.reports[:10]:
            _report(view, one)
    _looking(view, data)
    with elements.section(_("Keep a report")):
        entries = (Entry("plan", _("Plan (TOML)"), data.plan, rows=12),
                   Entry("reason", _("Reason")))  # fmt: skip
        act_form(view, "monitoring.lifecycle-keep", _("Make and keep the report"), {}, entries)


def _report(view: View, one: Row) -> None:
    with elements.card(_("Version {version}").format(**one)):
        signed = ", ".join(f"{each['by']} ({each['meaning']})" for each in one["signatures"])
        elements.facts([
            (_("Kept"), lambda: elements.moment(one["at"], view.zone)),
            (_("Reason"), str(one["reason"])),
            (_("Batches of the qualification, of the verification"),
             f"{one['n_qualification']}, {one['n_verification']}"),
            (_("Signed by"), signed or _("nobody yet")),
            (_("Record"), lambda: parts.record_link(one["record"])),
        ])  # fmt: skip
        _said(one)
        name = f"lifecycle-{one['product']}"
        with elements.row():
            _copy(view, _("Take a copy: HTML"), f"{name}.html", one["page"], "text/html")
            _copy(view, _("Take a copy: PDF"), f"{name}.pdf", one["paper"], "application/pdf")
            if one["is_newest"]:
                _sign(view, one, "reviewed", _("Review"))
                _sign(view, one, "approved", _("Approve"))


def _said(told: Row) -> None:
    if told["faults"]:
        elements.state(_("{n} faults").format(n=len(told["faults"])), "bad")
    if told["gaps"]:
        elements.state(_("{n} gaps").format(n=len(told["gaps"])), "warn")
    if not told["faults"] and not told["gaps"]:
        elements.state(_("nothing speaks against the process"), "good")
    rows = [
        *({"kind": _("fault"), "what": one} for one in told["faults"]),
        *({"kind": _("gap"), "what": one} for one in told["gaps"]),
    ]
    if rows:
        columns = [Column("kind", _("Kind")), Column("what", _("What"))]
        elements.table(_("What speaks against it, what is missing"), columns, rows)


def _copy(view: View, words: str, name: str, digest: str, media_type: str) -> None:
    async def fetch() -> None:
        content = await view.run(lambda: view.asked.site.registry.get(digest))
        if content is not None:
            ui.download.content(content, name, media_type)

    elements.button(words, fetch)


def _sign(view: View, one: Row, meaning: str, words: str) -> None:
    async def sign() -> None:
        form = {"stream": one["stream"], "version": one["version"], "meaning": meaning,
                "reason": ""}  # fmt: skip
        if await view.sign(form) is not None:
            await view.again()

    elements.button(words, sign)


def _looking(view: View, data: Lifecycles) -> None:
    given = {"plan": data.plan}
    with elements.section(
        _("Look at it now"),
        note=_("By the three stages of process validation (FDA 2011); nothing is kept."),
    ):
        text_field(_("Plan (TOML)"), data.plan, lambda v: given.update(plan=str(v)), rows=10)
        below: list[Any] = []

        async def look() -> None:
            found = await view.run(
                lambda: view.asked.api.post("/monitoring/lifecycle", {"plan": given["plan"]})
            )
            if found is not None:
                below[0].clear()
                with below[0]:
                    show_look(found)

        elements.button(_("Look"), look, kind="main")
        below.append(parts.box_below())


def show_look(told: Row) -> None:
    """What a plan comes to: faults, gaps, key figures with their definitions."""
    found = told["summary"]
    elements.paragraph(
        _("{q} batches of the qualification, {v} of the continued verification.").format(
            q=found["n_qualification"], v=found["n_verification"]
        )
    )
    _said(found)
    columns = [
        Column("indicator", _("Key figure")), Column("shown", _("Value"), is_number=True),
        Column("unit", _("Unit")), Column("formula", _("Formula")), Column("trend", _("Better")),
        Column("source", _("Source")),
    ]  # fmt: skip
    rows = [{**one, "shown": parts.number(one["value"])} for one in told["indicators"]]
    elements.table(_("Key figures"), columns, rows)
    for caption, key in (
        (_("Findings without a decision"), "open_findings"),
        (_("Confirmed findings"), "confirmed_findings"),
    ):
        listed = [{"uid": uid, "title": title} for uid, title in told[key]]
        elements.table(caption, [Column("title", _("Finding"), parts.finding_link)], listed,
                       nothing=_("None."))  # fmt: skip


LIFECYCLE = Page(PATH, "Process validation", Group.QUALITY, _load, _show, icon="timeline", order=70,
                 classes=parts.CONFIDENTIAL)  # fmt: skip
