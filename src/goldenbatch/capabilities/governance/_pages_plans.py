"""Change plans: which updates are allowed beforehand, how they are tested, and until when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from goldenbatch.ui.web import elements
from goldenbatch.ui.web.elements import Column, Tone
from goldenbatch.ui.web.pages import Asked
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _


@dataclass(frozen=True)
class Plans:
    """What the page shows: all plans, and one of them whole where the address names it."""

    plans: Sequence[Mapping[str, Any]]
    chosen: Mapping[str, Any] = field(default_factory=dict)


def load_plans(asked: Asked) -> Plans:
    """All change plans; `plan` and `version` choose one."""
    plans = asked.api.get("/plans")["plans"]
    name = asked.value("plan")
    if name not in {one["plan"] for one in plans}:
        return Plans(plans)
    return Plans(
        plans,
        asked.api.get(f"/plans/{quote(name, safe='')}", version=asked.value("version") or None),
    )


def show_plans(view: View, data: Plans) -> None:
    """The page."""

    def plan(value: Any, row: Mapping[str, Any]) -> None:
        to = address("/governance/plans", plan=value, version=row.get("version"))
        elements.link(f"{value}@{row.get('version', '')}", to)

    def state(value: Any, _row: Mapping[str, Any]) -> None:
        elements.state(str(value), _tone(str(value)))

    elements.table(
        _("Change plans"),
        [Column("plan", _("Plan"), plan), Column("use", _("Model")),
         Column("state", _("State"), state), Column("title", _("Title"))],
        data.plans, is_titled=False,
        nothing=_("There is no change plan: every update goes through change control."),
    )  # fmt: skip
    if data.chosen:
        _whole(data.chosen)


def _tone(state: str) -> Tone:
    return "good" if state == "in force" else "bad" if state == "withdrawn" else "quiet"


def _whole(plan: Mapping[str, Any]) -> None:
    plain = [(key, str(value)) for key, value in plan.items()
             if isinstance(value, str | int) and key not in ("text", "record")]  # fmt: skip
    with elements.section(f"{plan['plan']}@{plan.get('version', '')}"):
        elements.facts(plain)
        elements.paragraph(_("Record {ref}").format(ref=plan.get("record", "–")), is_note=True)
        elements.text("pre", str(plan.get("text", "")), "gb-mono gb-scroll").props["tabindex"] = "0"
