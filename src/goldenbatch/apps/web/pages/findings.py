"""The findings inbox: what waits for a decision, new ones as they come, several in a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from goldenbatch.apps.web.pages._forms import Values, form
from goldenbatch.apps.web.pages._shared import (
    SEVERITIES,
    Filter,
    batch_link,
    filters,
    finding_link,
    number,
    pages,
    place_cell,
    severity,
    sort_head,
    verdict,
)
from goldenbatch.apps.web.pages.finding import decision_fields
from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.elements import Column
from goldenbatch.ui.web.pages import Asked, Group, Page
from goldenbatch.ui.web.threads import in_thread
from goldenbatch.ui.web.view import View
from goldenbatch.ui.web.words import _, ngettext

PATH = "/findings"
LOOK_S = 3.0
STATES = ("open", "decided", "all")
SORTS = ("severity", "age")


@dataclass
class Inbox:
    """One page of the list, what was asked for, and what is chosen in it."""

    answer: Mapping[str, Any]
    values: Mapping[str, str]
    chosen: dict[str, int] = field(default_factory=dict)


def load(asked: Asked) -> Inbox:
    """The findings that the address asks for; values that there are not are the usual ones."""
    return Inbox(_ask(asked), dict(asked.values))


def _ask(asked: Asked) -> Mapping[str, Any]:
    state, grave = asked.value("state", "open"), asked.value("severity")
    found: Mapping[str, Any] = asked.api.get(
        "/overview/findings",
        state={"all": "", "decided": "decided"}.get(state, "open"),
        mine=True if asked.value("mine") else None,
        area=asked.value("area") or None,
        severity=grave if grave in SEVERITIES else None,
        analyst=asked.value("analyst") or None,
        batch=asked.value("batch") or None,
        text=asked.value("text") or None,
        sort=asked.value("sort") if asked.value("sort") in SORTS else None,
        page=number(asked.values, "page") or None,
    )
    return found


def show(view: View, data: Inbox) -> None:
    """Filter, list, and the decision on what is chosen."""
    answer, values = data.answer, data.values
    filters(PATH, _fields(answer), values)
    sort_head(PATH, values, values.get("sort", "severity"),
              {"severity": _("severity"), "age": _("newest")}, can_turn=False)  # fmt: skip
    _news(view, data)
    n = answer["n_findings"]
    elements.table(
        ngettext("{n} finding", "{n} findings", n).format(n=n), _columns(view, data),
        answer["findings"],
        nothing=_("No finding fits. New ones appear here by themselves; clear the filter to see "
                  "the decided ones."),
    )  # fmt: skip
    pages(PATH, values, answer["page"], answer["n_pages"])
    if any(not one["verdict"] for one in answer["findings"]):
        _decide_several(view, data)


def _fields(answer: Mapping[str, Any]) -> list[Filter]:
    every = {"": _("all")}
    return [
        Filter("state", _("State"),
               {"open": _("open"), "decided": _("decided"), "all": _("all")}),
        Filter("mine", _("Whose"), {**every, "1": _("mine to decide")}),
        Filter("severity", _("Severity"), {**every, **{k: _(v) for k, v in SEVERITIES.items()}}),
        Filter("analyst", _("Analyst"), {**every, **{one: one for one in answer["analysts"]}}),
        Filter("area", _("Area or place")),
        Filter("batch", _("Batch")),
        Filter("text", _("In the title")),
    ]  # fmt: skip


def _columns(view: View, data: Inbox) -> list[Column]:
    def decided(value: Any, row: Mapping[str, Any]) -> None:
        verdict(str(value))
        if row["unsigned_since"] is not None:
            words = _("unsigned since version {n}").format(n=row["unsigned_since"])
            elements.state(words, "bad")

    def choose(_value: Any, row: Mapping[str, Any]) -> None:
        if row["verdict"]:
            return
        with elements.box("gb-checkcell", "label"):
            box = elements.box("", "input", type="checkbox")
            box.props["aria-label"] = _("Choose {title}").format(title=row["title"])
            box.props["defaultChecked"] = row["uid"] in data.chosen

        def told(given: Any, row: Mapping[str, Any] = row) -> None:
            if given.args:
                data.chosen[row["uid"]] = int(row["stream_version"])
            else:
                data.chosen.pop(row["uid"], None)

        box.on("change", told, js_handler="(e) => emit(e.target.checked)")

    return [
        Column("uid", _("Choose"), choose),
        Column("severity", _("Severity"), lambda v, _row: severity(str(v))),
        Column("title", _("Finding"), finding_link),
        Column("batch", _("Batch"), batch_link),
        Column("place", _("Place"), place_cell),
        Column("attribute", _("Signal or attribute"), place_cell),
        Column("analyst", _("Analyst")),
        Column("started_at", _("Since"), lambda at, _row: elements.moment(at, view.zone)),
        Column("verdict", _("Decision"), decided),
    ]


def _news(view: View, data: Inbox) -> None:
    """Tell new findings as they come; what somebody has chosen or typed stays."""
    bar = elements.box("", role="status")
    before = _signs(data.answer)

    async def look() -> None:
        if bar.is_deleted:
            return
        try:
            now = await in_thread(_ask, view.asked)
        except GoldenbatchError:  # the node is away, or the session over: the page says so itself
            return
        if _signs(now) == before or bar.is_deleted:
            return
        if not data.chosen:
            await view.again()
            return
        bar.clear()
        n = now["n_findings"] - data.answer["n_findings"]
        with bar, elements.row():
            words = _("The list has changed: {n} findings more.") if n > 0 else _(
                "The list has changed.")  # fmt: skip
            elements.text("span", words.format(n=n))
            elements.button(_("Show the new list"), view.again)

    view.every(LOOK_S, look)


def _signs(answer: Mapping[str, Any]) -> tuple[Any, ...]:
    return (answer["n_findings"], *((one["uid"], one["stream_version"], one["verdict"])
                                    for one in answer["findings"]))  # fmt: skip


def _decide_several(view: View, data: Inbox) -> None:
    """One verdict and one reason for all that are chosen, each signed by itself, in a row."""

    async def do(values: Values) -> bool:
        if not data.chosen:
            view.tell(_("Choose at least one finding in the list."), "warn")
            return False
        chosen, n_done = dict(data.chosen), 0
        view.n_busy += 1
        try:
            for uid, version in chosen.items():
                said = {"finding": uid, "version": version, **values}
                if await view.sign(said) is None:
                    break
                data.chosen.pop(uid, None)
                n_done += 1
        finally:
            view.n_busy -= 1
        words = _("{n} of {all} findings are decided and signed.")
        view.tell(words.format(n=n_done, all=len(chosen)), "good" if n_done else "warn")
        return n_done == len(chosen)

    note = _("Each is shown and signed by itself; after the first signature one proof is enough "
             "where the ceremony allows a series.")  # fmt: skip
    with elements.section(_("Decide on the chosen findings"), note=note):
        form(view, "decide-several", decision_fields(), _("Decide and sign"), do)


FINDINGS = Page(PATH, "Findings", Group.QUALITY, load, show, icon="inbox", order=0)
