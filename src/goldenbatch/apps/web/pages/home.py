"""The first page."""

from __future__ import annotations

from typing import Any

from goldenbatch.ui.web import elements
from goldenbatch.ui.web.pages import Asked, Group, Page
from goldenbatch.ui.web.view import View


def _load(asked: Asked) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = asked.api.get("/findings", is_open=True, limit=50)["findings"]
    return found


def _show(view: View, rows: list[dict[str, Any]]) -> None:
    elements.table(
        "Findings that wait for a decision",
        [
            elements.Column("title", "Finding"),
            elements.Column("batch", "Batch"),
            elements.Column("severity", "Severity"),
            elements.Column("started_at", "Since", lambda at, _: elements.moment(at, view.zone)),
        ],
        rows,
    )


HOME = Page("/", "Overview", Group.OVERVIEW, _load, _show, icon="home", order=0)
