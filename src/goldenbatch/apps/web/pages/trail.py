"""The audit trail: who did what, when and why, old value and new; and its review."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from goldenbatch.apps.web.pages import _forms as forms
from goldenbatch.apps.web.pages import _shared as shared
from goldenbatch.apps.web.pages._logbook_parts import address_of
from goldenbatch.core.audit import Act
from goldenbatch.core.records import DataClass, from_iso
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.pages import Asked, Group, Page
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _

Row = Mapping[str, Any]
PATH = "/trail"
N_ROWS = 50
FILTERS = ("stream", "prefix", "batch", "actor", "kind", "act", "since", "until", "text", "flag")
FLAGS = {"late": "is_late", "unsigning": "is_unsigning"}


@dataclass(frozen=True)
class Trail:
    """A page of the trail.

    Attributes:
        wanted: The filter, as the node takes it.
        values: The filter, as the address has it.
        found: What the node answered.
        page: Number of the page, from 0.
    """

    wanted: Row
    values: Mapping[str, str]
    found: Row
    page: int


def wanted_of(values: Mapping[str, str]) -> dict[str, Any]:
    """The filter of an address, as the node takes it; what is empty does not restrict."""
    made: dict[str, Any] = {
        name: values[name] for name in ("prefix", "batch", "actor", "since", "until", "text")
        if values.get(name)
    }  # fmt: skip
    for name, key in (("stream", "streams"), ("kind", "kinds"), ("act", "acts")):
        if values.get(name):
            made[key] = [values[name]]
    if values.get("flag") in FLAGS:
        made[FLAGS[values["flag"]]] = True
    return made


def _load(asked: Asked) -> Trail:
    values = {name: asked.value(name) for name in FILTERS if asked.value(name)}
    number, wanted = shared.number(asked.values, "page"), wanted_of(values)
    form = {"wanted": wanted, "sort": "-seq", "offset": number * N_ROWS, "limit": N_ROWS}
    return Trail(wanted, values, asked.api.post("/trail", form), number)


def _show(view: View, data: Trail) -> None:
    _filters(data)
    found = data.found
    n_pages = -(-found["n_entries"] // N_ROWS)
    elements.paragraph(
        _("{n} entries fit, up to event {seq}; newest first.").format(
            n=found["n_entries"], seq=found["upto_seq"]
        )
    )
    elements.table(
        _("Audit trail"), _columns(view), found["entries"],
        nothing=_("No entry fits. Take filters away."),
    )  # fmt: skip
    shared.pages(PATH, data.values, data.page, n_pages)
    _review(view, data)


def _filters(data: Trail) -> None:
    acts = {"": _("anything"), **{one.value: _(one.value) for one in Act}}
    flags = {"": _("all entries"), "late": _("late entries only"),
             "unsigning": _("only what made signatures void")}  # fmt: skip
    fields = [
        shared.Filter("stream", _("Record (its stream)")),
        shared.Filter("batch", _("All records of batch")),
        shared.Filter("prefix", _("Records whose name begins with")),
        shared.Filter("actor", _("By (login or uid)")),
        shared.Filter("act", _("Act"), acts),
        shared.Filter("kind", _("Kind of event")),
        shared.Filter("since", _("From (ISO 8601 with offset)")),
        shared.Filter("until", _("Until (ISO 8601 with offset)")),
        shared.Filter("text", _("Text in name, values or reasons")),
        shared.Filter("flag", _("Show"), flags),
    ]
    shared.filters(PATH, fields, data.values)


def _columns(view: View) -> list[elements.Column]:
    def record(stream: Any, row: Row) -> None:
        elements.link(f"{stream}@{row['version']}", address_of(str(stream)))
        elements.text("div", f"#{row['seq']}", "gb-note")

    def who(_value: Any, row: Row) -> None:
        elements.text("div", row["printed_name"] or row["actor"])
        elements.text("div", row["role"], "gb-note")
        if row["acting_for"]:
            elements.text("div", _("for {name}").format(name=row["acting_for"]), "gb-note")

    def when(at: Any, row: Row) -> None:
        elements.moment(from_iso(str(at)), view.zone)
        if row["performed"]:
            told = _("performed {at}").format(at=row["performed"])
            elements.text("div", told, "gb-note")

    def what(act: Any, row: Row) -> None:
        elements.text("div", row["kind"])
        elements.state(_(str(act)), "warn" if act == "corrected" else "")
        if row["is_late"]:
            elements.state(_("late"), "warn")
        if row["is_unsigning"]:
            elements.state(_("made signatures void"), "bad")
        if row["unsigned_since"]:
            told = _("UNSIGNED since version {n}").format(n=row["unsigned_since"])
            elements.state(told, "bad")

    return [
        elements.Column("recorded_at", _("Recorded"), when),
        elements.Column("actor", _("Who"), who),
        elements.Column("act", _("What"), what),
        elements.Column("stream", _("Record"), record),
        elements.Column("changes", _("Old and new"), lambda some, _row: _changes(some)),
        elements.Column("reason", _("Why")),
    ]


def _changes(some: Any) -> None:
    if not some:
        elements.text("span", "–")
        return
    for one in some[:4]:
        _change(one)
    if len(some) > 4:
        with elements.details(_("{n} more").format(n=len(some) - 4)):
            for one in some[4:]:
                _change(one)


def _change(one: Row) -> None:
    with elements.box():
        elements.text("span", f"{one['field']}: ", "gb-note")
        if one["old"]:
            elements.text("del", one["old"])
            elements.text("span", " → ")
        elements.text("ins" if one["old"] else "span", one["new"] or "–")


# ---- review -----------------------------------------------------------------------------------


def _review(view: View, data: Trail) -> None:
    with elements.section(
        _("Review"),
        note=_("A review covers all entries that fit the filter above: they are shown to you "
               "whole, that is recorded, and you sign what you found."),
    ):  # fmt: skip
        if not view.person.may_read(tuple(one.value for one in DataClass)):
            elements.empty(
                _("Who reviews must be able to read all classes of data; you are not."),
                _("Ask a quality reviewer."),
            )
            return
        n_entries = data.found["n_entries"]
        fields = [
            forms.Field("comment", _("What you looked at, and found"), "area", is_needed=True),
            forms.Field(
                "is_satisfactory", _("Nothing was found that needs action"), "check", value=True
            ),
        ]

        async def review(values: forms.Values) -> bool:
            return await _sign_review(view, data.wanted, values)

        words = _("Show me all {n} entries and sign").format(n=n_entries)
        forms.form(view, f"review-{sorted(data.wanted.items())}", fields, words, review)


async def _sign_review(view: View, wanted: Row, values: forms.Values) -> bool:
    showing = await view.run(lambda: view.asked.api.post("/trail/showings", {"wanted": wanted}))
    if showing is None:
        return False
    form = {
        "trail": showing["review_stream"], "opened": showing["opened"],
        "comment": values["comment"], "is_satisfactory": bool(values["is_satisfactory"]),
    }  # fmt: skip
    done = await view.sign(form)
    if done is not None:
        view.tell(_("The review is signed and on record."), "good")
    return done is not None


def trail_path(**values: object) -> str:
    """Address of the trail with a filter."""
    return address(PATH, **values)


TRAIL = Page(
    PATH, "Audit trail", Group.RECORDS, _load, _show, icon="history", order=20,
)  # fmt: skip
