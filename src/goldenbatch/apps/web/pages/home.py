"""The first page: what waits for the person who looks, by role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from goldenbatch.apps.web.pages._shared import severity
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.elements import Column
from goldenbatch.ui.web.pages import Asked, Group, Page, Place
from goldenbatch.ui.web.parts import tiles
from goldenbatch.ui.web.view import View
from goldenbatch.ui.web.words import _, mark

WORDS: Mapping[str, tuple[str, str]] = {
    "findings": (mark("Findings to decide"), mark("Severity")),
    "signatures": (mark("Records to sign"), mark("Product")),
    "alarms": (mark("Alarms to acknowledge"), mark("Message")),
    "handovers": (mark("Handover to take"), mark("Area")),
    "tests": (mark("Tests to enter"), mark("Batch")),
    "release": (mark("Release tests that need somebody"), mark("State")),
    "models": (mark("Models to approve"), mark("Title")),
    "training": (mark("Training to complete"), ""),
    "sources": (mark("Sources that need a person"), mark("Problem")),
    "alerts": (mark("Alerts about accounts"), ""),
}
"""What waits: its heading, and what the note beside each is."""

Waiting = Sequence[Mapping[str, Any]]


def load(asked: Asked) -> Waiting:
    """What waits for the person."""
    found: Waiting = asked.api.get("/overview/waiting")["waiting"]
    return found


def show(view: View, found: Waiting) -> None:
    """Figures first, then the most pressing of each kind."""
    if not found:
        elements.empty(
            _("Nothing waits for you."),
            _("Findings, records and tests that you may act on appear here by themselves."),
        )
    with elements.grid("gb-tiles"):
        for one in found:
            title = _(WORDS[one["kind"]][0])
            is_urgent = one["kind"] in ("findings", "alarms", "sources", "alerts")
            elements.figure(
                title, str(one["n"]), one["to"] or f"#{one['kind']}",
                tone="warn" if is_urgent else "",
            )  # fmt: skip
    tiles(view, Place.HOME)
    for one in found:
        _kind(view, one)


def _kind(view: View, one: Mapping[str, Any]) -> None:
    title, note = WORDS[one["kind"]]
    columns = [
        Column("title", _("What"), _titled),
        Column("at", _("Since"), lambda at, _row: elements.moment(at, view.zone)),
    ]
    if note:
        graded = one["kind"] == "findings"
        columns.append(Column("note", _(note), (lambda v, _r: severity(v)) if graded else None))
    with elements.box("gb-section", "section", id=one["kind"]):
        elements.heading(_(title))
        elements.table(_(title), columns, one["rows"], is_titled=False)
        left = one["n"] - len(one["rows"])
        if left and one["to"]:
            elements.link(_("{n} more").format(n=left), one["to"])
        elif left:
            elements.paragraph(_("{n} more").format(n=left), is_note=True)


def _titled(title: Any, row: Mapping[str, Any]) -> None:
    if row["to"]:
        elements.link(str(title), row["to"])
    else:
        elements.text("span", str(title))


HOME = Page(
    "/", "What waits for me", Group.OVERVIEW, load, show, icon="home", order=0, refresh_s=15,
    classes=(),
)  # fmt: skip
