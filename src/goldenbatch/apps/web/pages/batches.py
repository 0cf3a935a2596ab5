"""The list of batches: filtered, sorted, paged; all of it in the address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from goldenbatch.apps.web.pages._shared import (
    Filter,
    batch_link,
    filters,
    moment_cell,
    number,
    pages,
    place_cell,
    sort_head,
)
from goldenbatch.apps.web.pages.site import open_findings
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.elements import Column
from goldenbatch.ui.web.pages import Asked, Group, Page
from goldenbatch.ui.web.view import View
from goldenbatch.ui.web.words import _, ngettext

PATH = "/batches"
SORTS = ("batch", "product", "place", "started_at", "ended_at", "outcome")


@dataclass(frozen=True)
class BatchList:
    """One page of the list, and what was asked for."""

    answer: Mapping[str, Any]
    values: Mapping[str, str]


def load(asked: Asked) -> BatchList:
    """The batches that the address asks for; a sort that there is not is the usual one."""
    sort = asked.value("sort")
    answer = asked.api.get(
        "/overview/batches",
        product=asked.value("product") or None,
        place=asked.value("place") or None,
        state=asked.value("state") or None,
        text=asked.value("text") or None,
        has_open=True if asked.value("has_open") else None,
        sort=sort if sort.lstrip("-") in SORTS else None,
        page=number(asked.values, "page") or None,
    )
    return BatchList(answer, dict(asked.values))


def show(view: View, data: BatchList) -> None:
    """Filter, list, pages."""
    answer, values = data.answer, data.values
    filters(PATH, _fields(answer), values)
    names = {"started_at": _("start"), "ended_at": _("end"), "batch": _("batch"),
             "product": _("product"), "place": _("place"), "outcome": _("outcome")}  # fmt: skip
    sort_head(PATH, values, values.get("sort", "-started_at"), names)
    n = answer["n_batches"]
    elements.table(
        ngettext("{n} batch", "{n} batches", n).format(n=n), _columns(view), answer["batches"],
        nothing=_("No batch fits. Clear the filter, or import batches: a card or a source brings "
                  "them."),
    )  # fmt: skip
    pages(PATH, values, answer["page"], answer["n_pages"])


def _fields(answer: Mapping[str, Any]) -> list[Filter]:
    states = {"": _("all"), "running": _("running"), "ended": _("ended"),
              "completed": _("completed"), "aborted": _("aborted")}  # fmt: skip
    return [
        Filter("text", _("Batch")),
        Filter("product", _("Product"), {"": _("all"), **{p: p for p in answer["products"]}}),
        Filter("state", _("State"), states),
        Filter("place", _("Place")),
        Filter("has_open", _("Findings"), {"": _("all"), "1": _("with open findings")}),
    ]


def _columns(view: View) -> list[Column]:
    return [
        Column("batch", _("Batch"), batch_link),
        Column("product", _("Product")),
        Column("size", _("Size"), _size),
        Column("place", _("Place"), place_cell),
        Column("started_at", _("Started"), moment_cell(view.zone)),
        Column("ended_at", _("Ended"), moment_cell(view.zone)),
        Column("outcome", _("State"), _state),
        Column("n_open", _("Open findings"), open_findings),
        Column("unsigned_since", _("Signatures"), _signed),
    ]


def _size(value: Any, _row: Mapping[str, Any]) -> None:
    elements.text("span", plain_quantity(str(value or "")) or "–")


def plain_quantity(text: str) -> str:
    """A quantity as people read it: UCUM annotations without their braces.

    >>> plain_quantity("240000 {tbl}")
    '240000 tbl'
    """
    return text.replace("{", "").replace("}", "")


def _state(outcome: Any, row: Mapping[str, Any]) -> None:
    if outcome:
        elements.state(_(str(outcome)), "bad" if outcome == "aborted" else "good")
    elif not row["is_running"]:
        elements.state(_("not begun"))
    else:
        words = _("running: {phase}").format(phase=row["phase"]) if row["phase"] else _("running")
        elements.state(words, "warn")


def _signed(since: Any, _row: Mapping[str, Any]) -> None:
    if since is None:
        elements.text("span", "–")
    else:
        elements.state(_("unsigned since version {n}").format(n=since), "bad")


BATCHES = Page(PATH, "Batches", Group.PRODUCTION, load, show, icon="inventory_2", order=10)
