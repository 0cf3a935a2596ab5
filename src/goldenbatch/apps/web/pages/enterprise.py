"""The enterprise: its sites, each with what runs and what waits there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from goldenbatch.apps.web.pages._shared import severity
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.elements import Column
from goldenbatch.ui.web.pages import Asked, Group, Page, Place
from goldenbatch.ui.web.parts import tiles
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _

Data = Mapping[str, Any]


def load(asked: Asked) -> Data:
    """The sites of the plant model of this node."""
    found: Data = asked.api.get("/overview/enterprise")
    return found


def show(view: View, data: Data) -> None:
    """A card a site."""
    elements.heading(str(data["enterprise"]))
    if not data["sites"]:
        elements.empty(
            _("The plant model names no site."),
            _("Give one place of `plant.toml` the level `site`, and adopt it."),
        )
    with elements.grid():
        for one in data["sites"]:
            _site(one, data["health"])
    tiles(view, Place.ENTERPRISE)
    if data["n_elsewhere"] > 0:
        words = _("{n} open findings name no place of a site.").format(n=data["n_elsewhere"])
        elements.paragraph(words, is_note=True)


def _site(one: Data, health: Data) -> None:
    with elements.card(one["title"]):
        with elements.grid("gb-tiles"):
            elements.figure(
                _("Running batches"), str(one["n_running"]), address("/batches", state="running")
            )
            elements.figure(
                _("Open findings"), str(one["n_open"]),
                address("/findings", state="open", area=one["path"]),
                tone="warn" if one["n_open"] else "good",
            )  # fmt: skip
        with elements.row():
            for name, n in one["by_severity"].items():
                severity(name)
                elements.text("span", str(n))
        is_good = health["node"]["is_ready"] and not health["node"]["problems"]
        elements.state(
            _("its node works") if is_good else _("its node has problems"),
            "good" if is_good else "bad",
        )
        elements.link(_("Overview of the site"), "/site")
        if one["areas"]:
            columns = [Column("title", _("Area"), _area)]
            elements.table(_("Areas"), columns, one["areas"])


def _area(title: Any, row: Mapping[str, Any]) -> None:
    elements.link(str(title), address("/findings", state="open", area=row["path"]))


ENTERPRISE = Page(
    "/enterprise", "Enterprise", Group.OVERVIEW, load, show, icon="public", order=5, refresh_s=30
)
