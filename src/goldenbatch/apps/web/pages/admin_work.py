"""Administration of what works by itself: analysts put to work and taken from it, and sources."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from goldenbatch.apps.web.pages import _admin_parts as parts
from goldenbatch.apps.web.pages import _forms as forms
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.elements import Tone
from goldenbatch.ui.web.pages import Asked, Group, Page
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _

Row = Mapping[str, Any]
TONES: Mapping[str, Tone] = {"running": "good", "stopped": "bad", "waiting": "warn"}


@dataclass(frozen=True)
class Work:
    """Analysts at work, those that are offered, and running sources."""

    at_work: list[Row]
    offered: list[Row]
    sources: list[Row]
    why_not: str


def _load(asked: Asked) -> Work:
    found = asked.api.get("/admin/analysts")
    sources = asked.api.get("/sources")["sources"]
    why_not = parts.why_not(asked, "adopt", stream="analyst/new")
    return Work(found["at_work"], found["offered"], sources, why_not)


def _show(view: View, data: Work) -> None:
    parts.tabs("/admin/analysts")
    _analysts(view, data)
    _adopt(view, data)
    _sources(data.sources)


def _analysts(view: View, data: Work) -> None:
    def settings(values: Any, row: Row) -> None:
        with elements.details(_("Settings of {name}").format(name=row["name"])):
            elements.text("pre", json.dumps(values, indent=1, ensure_ascii=False), "gb-mono")

    def record(name: Any, _row: Row) -> None:
        elements.link(_("Audit trail"), address("/trail", stream=f"analyst/{name}"))

    def do(name: Any, _row: Row) -> None:
        async def retire() -> None:
            given = await forms.ask(
                view, _("Take the analyst from its work"), [forms.reason_field()], _("Retire"),
                note=_("From the next tick on it says nothing more; what it said stays."),
            )  # fmt: skip
            path = parts.api_path("admin", "analysts", str(name), "retirement")
            if given and await view.run(lambda: view.asked.api.post(path, given)) is not None:
                await view.again()

        elements.button(_("Retire"), retire, kind="danger", label=f"{_('Retire')}: {name}")

    with elements.section(_("Analysts at work")):
        elements.table(
            _("Analysts"),
            [
                elements.Column("name", _("Name")),
                elements.Column("analyst", _("Kind")),
                elements.Column("version", _("Version")),
                elements.Column("settings", _("Settings"), settings),
                elements.Column("name", _("Record"), record),
                *([] if data.why_not else [elements.Column("name", _("Do"), do)]),
            ],
            data.at_work,
            nothing=_("No analyst is at work: put one to work below."),
        )


def _adopt(view: View, data: Work) -> None:
    kinds = {one["name"]: f"{one['name']}: {one['help']}" for one in data.offered}

    async def adopt(values: forms.Values) -> bool:
        try:
            settings = json.loads(values["settings"] or "{}")
        except ValueError as error:
            view.tell(_("The settings are no JSON: {why}").format(why=error), "bad")
            return False
        form = {"name": values["name"], "analyst": values["analyst"], "settings": settings}
        done = await view.run(lambda: view.asked.api.post("/admin/analysts", form))
        if done is not None and not done["is_new"]:
            view.tell(_("It is at work with just these settings already."), "info")
        return done is not None

    fields = [
        forms.Field("name", _("Name of its own in this home"), is_needed=True),
        forms.Field("analyst", _("Kind"), "choice", next(iter(kinds), ""), choices=kinds),
        forms.Field("settings", _("Settings as JSON"), "area", "{}",
                    note=_("The reference of settings says what each kind takes.")),
    ]  # fmt: skip
    with elements.section(
        _("Put an analyst to work"),
        note=_("It works from the next tick on; the same again is nothing."),
    ):
        if parts.is_offered(data.why_not):
            forms.form(view, "analyst", fields, _("Adopt"), adopt)


def _sources(rows: list[Row]) -> None:
    def stands(words: Any, row: Row) -> None:
        elements.state(_(str(words)), TONES.get(str(words), ""))
        if row["problem"]:
            elements.text("div", row["problem"], "gb-note")

    with elements.section(
        _("Sources"),
        note=_("What the node reads stands in connections/*.toml of the home. A card with "
               "`enabled = false` is not read from the next start of the node on."),
    ):  # fmt: skip
        elements.table(
            _("Sources"),
            [
                elements.Column("name", _("Source")),
                elements.Column("connector", _("Connector")),
                elements.Column("title", _("Title")),
                elements.Column("state", _("State"), stands),
            ],
            rows,
            nothing=_("This node reads no source."),
        )
        elements.link(_("What is missing of them"), "/completeness")


ANALYSTS = Page(
    "/admin/analysts", "Analysts and sources", Group.ADMINISTRATION, _load, _show, icon="memory",
    order=60, classes=("operational", "confidential"),
)  # fmt: skip
