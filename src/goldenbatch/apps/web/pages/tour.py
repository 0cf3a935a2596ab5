"""The guided tour: its start, and the way to each of its steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from goldenbatch.apps.web.tour import STEPS, unit_address
from goldenbatch.core.errors import NotFoundError
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.pages import Asked, Group, Page
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _

Row = Mapping[str, Any]


@dataclass(frozen=True)
class TourData:
    """What the tour leads to.

    Attributes:
        finding: The finding that it is about; None: nothing was found yet.
        is_decided: Whether somebody decided on it.
    """

    finding: Row | None
    is_decided: bool


@dataclass(frozen=True)
class StepData:
    """A step, and what it leads to."""

    number: int
    tour: TourData


def load(asked: Asked) -> TourData:
    """The finding that the tour is about: a twin's where there is one, else one to be decided.

    While batches run and nothing is found of them, what was decided long ago is no subject.
    """
    rows = [one for one in asked.api.get("/findings")["findings"] if one.get("batch")]
    rows.sort(key=_rank, reverse=True)
    newest = rows[0] if rows else None
    is_decided = bool(newest and newest.get("verdict"))
    if newest is not None and is_decided and not _is_of_twin(newest) and _runs(asked):
        return TourData(None, is_decided=False)
    return TourData(newest, is_decided)


def _is_of_twin(row: Row) -> bool:
    return "twin" in str(row.get("analyst", ""))


def _rank(row: Row) -> tuple[Any, ...]:
    is_open = row["state"] == "open"
    return (
        _is_of_twin(row), not row.get("verdict"), bool(row.get("place")), is_open,
        str(row.get("started_at") or ""),
    )  # fmt: skip


def _runs(asked: Asked) -> bool:
    batches = asked.api.get("/batches")["batches"]
    return any(one.get("started_at") and not one.get("ended_at") for one in batches)


def load_step(asked: Asked) -> StepData:
    """A step by its number.

    Raises:
        NotFoundError: There is none of that number.
    """
    number = asked.path["step"]
    if not (number.isascii() and number.isdigit() and 1 <= int(number) <= len(STEPS)):
        raise NotFoundError(
            f"the tour has no step {number!r}.", hint=f"It has steps 1 to {len(STEPS)}."
        )
    return StepData(int(number), load(asked))


def where(view: View, data: StepData) -> str:
    """Address of the page of a step; empty: what it shows is not there yet."""
    finding, number = data.tour.finding, data.number
    fixed = {1: "/site", 6: "/verification"}
    if number in fixed:
        return address(fixed[number], tour=number)
    if finding is None:
        return ""
    of_finding = address("/findings/{uid}", uid=finding["uid"], tour=number)
    if number == 2:
        unit = unit_address(getattr(view.parts, "pages", {}), str(finding.get("place") or ""))
        return address(unit, tour=number) if unit else of_finding
    if number == 4:
        return address("/batches/{batch}", batch=finding["batch"], tour=number)
    return of_finding


def show_step(view: View, data: StepData) -> None:
    """Go there; what is not there yet is waited for."""
    there = where(view, data)
    if there:
        view.go(there)
        return
    elements.empty(
        _("Nothing was found yet."),
        _("Analysts need a minute or two of readings. This page goes on by itself."),
    )
    elements.link(_("To the start of the tour"), "/tour")


def show(view: View, data: TourData) -> None:
    """The six steps, each with its way."""
    elements.paragraph(
        _("Six steps from the site to a signed decision and a verified trail. The bar above each "
          "page leads on; leave at any time, and come back here to go on.")
    )  # fmt: skip
    with elements.box("gb-tour-steps", "ol"):
        for number, (title, seen) in enumerate(STEPS, 1):
            with elements.box("gb-card", "li"):
                elements.heading(f"{number}. {_(title)}", 2)
                elements.paragraph(_(seen))
                if number == 5 and data.is_decided:
                    elements.state(_("decided and signed"), "good")
                elements.link(_("Go to step {n}").format(n=number), f"/tour/{number}")
    del view


TOUR = Page(
    "/tour", "Guided tour", Group.OVERVIEW, load, show, icon="tour", order=90, refresh_s=10,
    classes=("operational",),
)  # fmt: skip
STEP = Page(
    "/tour/{step}", "Step of the tour", Group.OVERVIEW, load_step, show_step, in_menu=False,
    refresh_s=2,
)  # fmt: skip
