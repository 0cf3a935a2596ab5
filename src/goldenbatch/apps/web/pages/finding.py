"""One finding: what is said, what it rests on, what was decided of its like, and the decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from goldenbatch.apps.web.pages import _finding_parts as parts
from goldenbatch.apps.web.pages import _finding_windows as windows
from goldenbatch.apps.web.pages._forms import Field, Values, form
from goldenbatch.apps.web.pages._shared import (
    VERDICTS,
    batch_link,
    batch_path,
    finding_link,
    record_path,
    severity,
    verdict,
)
from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.elements import Column
from goldenbatch.ui.web.pages import Asked, Group, Page, Place
from goldenbatch.ui.web.parts import widgets
from goldenbatch.ui.web.threads import in_thread
from goldenbatch.ui.web.view import View
from goldenbatch.ui.web.words import _

Data = Mapping[str, Any]
LOOK_S = 3.0
ALTERNATIVES = ("confirmed", "dismissed", "needs_laboratory")


@dataclass(frozen=True)
class FindingData:
    """The answer of the node, and the windows that are drawn."""

    page: Data
    seen: Sequence[windows.Seen]


def load(asked: Asked) -> FindingData:
    """The finding, and the readings of the windows that it names."""
    page = asked.api.get(f"/overview/findings/{asked.path['uid']}")
    return FindingData(page, windows.windows_of(asked, page["finding"]))


def show(view: View, data: FindingData) -> None:
    """Evidence first, then the decision."""
    page = data.page
    _changed(view, page)
    with elements.grid("gb-columns"):
        with elements.box(""):
            _statement(view, page)
        with elements.section(_("In short")):
            elements.facts(_facts(view, page))
    if data.seen:
        with elements.section(_("What was measured")):
            for one in data.seen:
                windows.draw(view, one, page["finding"])
    if page["finding"]["contributions"]:
        with elements.section(_("What contributes")):
            parts.contributions(page["finding"]["contributions"])
    with elements.section(_("How do you know")):
        parts.evidence(view, page)
    widgets(view, Place.FINDING, {"finding": page["row"]["uid"]})
    with elements.section(_("Similar findings before, and what was decided")):
        similar(view, page["similar"])
    with elements.section(_("Decisions")):
        decisions(view, page["decisions"])
    with elements.section(_("Your decision")):
        decide(view, page)


def _statement(view: View, page: Data) -> None:
    finding, row = page["finding"], page["row"]
    with elements.statement(
        by=finding["analyst"], version=finding["analyst_version"],
        confidence=finding["confidence"], in_domain=finding["in_domain"],
    ):  # fmt: skip
        elements.heading(finding["title"])
        with elements.row():
            severity(row["severity"])
            verdict(row["verdict"])
            if finding["in_domain"]:
                elements.state(_("inside what it was made for"), "good")
            if row["unsigned_since"] is not None:
                words = _("unsigned since version {n}").format(n=row["unsigned_since"])
                elements.state(words, "bad")
        elements.paragraph(finding["statement"])
        if finding["suggested_action"]:
            elements.hint(_("Suggested: {text}").format(text=finding["suggested_action"]))
        parts.measures(finding["measures"])
        parts.model(page["model"])


def _facts(view: View, page: Data) -> list[Any]:
    row, subject = page["row"], page["finding"]["subject"]
    stream = f"finding/{row['uid']}"
    found: list[Any] = []

    def batches() -> None:
        for name in page["batches"]:
            elements.link(name, batch_path(name))
            elements.text("span", " ")

    if page["batches"]:
        found.append((_("Batches"), batches))
    found += [
        (_("Place"), subject["place"]),
        (_("Signal"), subject["tag"]),
        (_("Attribute"), subject["attribute"]),
        (_("From"), lambda: elements.moment(row["started_at"], view.zone)),
        (_("To"), lambda: elements.moment(row["ended_at"], view.zone)),
        (_("State"), _("goes on") if row["state"] == "open" else _("has ended")),
    ]
    words = _("version {n}").format(n=page["version"])
    return [*(one for one in found if one[1]),
            (_("Record"), lambda: elements.link(words, record_path(stream)))]  # fmt: skip


def similar(view: View, rows: Sequence[Data]) -> None:
    """Earlier findings of the same analyst on the same thing."""
    columns = [
        Column("title", _("Finding"), finding_link),
        Column("batch", _("Batch"), batch_link),
        Column("started_at", _("Since"), lambda at, _row: elements.moment(at, view.zone)),
        Column("verdict", _("Decision"), lambda v, _row: verdict(str(v))),
        Column("comment", _("Reason given")),
    ]
    elements.table(
        _("Similar findings"), columns, rows,
        nothing=_("This analyst has said nothing like it before."),
    )  # fmt: skip


def decisions(view: View, rows: Sequence[Data]) -> None:
    """What people decided of its versions, and whether that still stands."""
    columns = [
        Column("verdict", _("Decision"), lambda v, _row: verdict(str(v))),
        Column("comment", _("Reason")),
        Column("action", _("Action")),
        Column("version", _("On version"), None, True),
        Column("by", _("Signed by")),
        Column("at", _("When"), lambda at, _row: elements.moment(at, view.zone)),
        Column("standing", _("Signature"),
               lambda v, row: elements.state(str(v), "good" if row["is_signed"] else "bad")),
    ]  # fmt: skip
    elements.table(_("Decisions"), columns, rows, nothing=_("Nobody has decided on it yet."))


def decision_fields() -> list[Field]:
    """What a decision needs."""
    words = {"confirmed": _("Accept: it is as the finding says"),
             "dismissed": _("Reject: it is not"),
             "needs_laboratory": _("Needs laboratory: ask for a test")}  # fmt: skip
    return [
        Field("verdict", _("Decision"), "choice", "confirmed",
              {one: words[one] for one in ALTERNATIVES}, is_needed=True),
        Field("comment", _("Reason"), "area", is_needed=True,
              note=_("It is signed with the decision and cannot be changed afterwards.")),
        Field("action", _("What is done about it"), "text", note=_("May be left empty.")),
    ]  # fmt: skip


def decide(view: View, page: Data) -> None:
    """The form of the decision; who may not decide is told why."""
    row, rights = page["row"], page["rights"]
    if not rights["may_decide"]:
        elements.empty(_("You cannot decide on this finding."), "; ".join(rights["why"]))
        return
    if row["verdict"]:
        elements.hint(_("It is decided; another decision stands beside the first."))

    async def do(values: Values) -> bool:
        said = {"finding": row["uid"], "version": page["version"], **values}
        view.n_busy += 1
        try:
            signed = await view.sign(said)
        finally:
            view.n_busy -= 1
        if signed is None:
            return False
        words = _("Signed: {verdict}.").format(verdict=_(VERDICTS[values["verdict"]]))
        view.tell(words, "good")
        return True

    form(view, f"finding-{row['uid']}", decision_fields(), _("Decide and sign"), do)


def _changed(view: View, page: Data) -> None:
    """Say so when the finding changes while somebody reads it; nothing is redrawn below them."""
    bar = elements.box("", role="alert")
    path = f"/overview/findings/{page['row']['uid']}"
    told: list[int] = []

    async def look() -> None:
        try:
            now = await in_thread(view.asked.api.get, path)
        except GoldenbatchError:  # the node is away, or the session over: the page says so itself
            return
        if bar.is_deleted or now["version"] in (page["version"], *told):
            return
        told.append(now["version"])
        bar.clear()
        with bar, elements.box("gb-problem"):
            words = _("This finding changed while you looked: version {old} is now version {new}. "
                      "A decision is made on what was seen: look at it again.")  # fmt: skip
            elements.text("p", words.format(old=page["version"], new=now["version"]))
            elements.button(_("Show the new version"), view.again)

    view.every(LOOK_S, look)


FINDING = Page("/findings/{uid}", "Finding", Group.QUALITY, load, show, in_menu=False)
