"""The shift logbook of an area: what is written, what is open, and the handover."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nicegui import ui

from goldenbatch.apps.web.pages import _forms as forms
from goldenbatch.apps.web.pages._logbook_parts import (
    corrections,
    item_table,
    shift_state,
    who,
)
from goldenbatch.apps.web.pages._shared import moment_cell, record_path
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.pages import Asked, Group, Page
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _

Row = Mapping[str, Any]
CATEGORIES = ("observation", "event", "instruction", "equipment", "safety")


def area_path(area: str, shift: int | None = None) -> str:
    """Address of the logbook of an area."""
    return address("/logbook/{area}", area=area, shift=shift)


# ---- all areas --------------------------------------------------------------------------------


def _load_all(asked: Asked) -> list[Row]:
    found: list[Row] = asked.api.get("/execution/logbook")["areas"]
    return found


def _show_all(view: View, rows: list[Row]) -> None:
    def newest(shift: Any, _row: Row) -> None:
        if shift is None:
            elements.text("span", _("no shift has begun"))
        else:
            elements.text("span", f"{shift['number']} {shift['title']} ")
            shift_state(shift)

    def begun(_value: Any, row: Row) -> None:
        elements.moment(row["shift"]["started_at"] if row["shift"] else None, view.zone)

    elements.table(
        _("Logbooks"),
        [
            elements.Column("area", _("Area"), lambda name, _: _area_link(name)),
            elements.Column("shift", _("Newest shift"), newest),
            elements.Column("begun", _("Begun"), begun),
            elements.Column("n_open_entries", _("Open entries"), is_number=True),
        ],
        rows,
        nothing=_("The plant has no areas: describe them in plant.toml and adopt the plant."),
    )


def _area_link(name: str) -> None:
    elements.link(name, area_path(name))


# ---- one area ---------------------------------------------------------------------------------


def _load(asked: Asked) -> Row:
    shift = asked.value("shift")
    found: Row = asked.api.get(
        "/execution/logbook/shift", area=asked.path["area"],
        shift=int(shift) if shift.isascii() and shift.isdigit() else 0,
    )  # fmt: skip
    return found


def _show(view: View, data: Row) -> None:
    area, shift = data["area"], data["shift"]
    is_newest = shift is None or shift["number"] == data["newest"]
    elements.heading(area)
    with elements.row():
        elements.link(_("All logbooks"), "/logbook")
        elements.button(_("Print"), lambda: ui.run_javascript("window.print()"))
    if shift is None:
        elements.empty(_("No shift of this area has begun."), _("Start the first one below."))
    else:
        _head(view, shift)
    if is_newest and shift is not None and not shift["is_over"]:
        _write(view, area, shift)
    if shift is not None:
        _entries(view, shift)
        _handover(view, data, shift)
    if is_newest:
        with elements.section(_("Open in the area now")):
            item_table(view, _("Open now"), data["open_now"], data["now"])
        _start(view, area, shift)
    _earlier(view, area, data["shifts"])


def _head(view: View, shift: Row) -> None:
    title = _("Shift {number}: {title}").format(number=shift["number"], title=shift["title"])
    with elements.section(title):
        shift_state(shift)
        if shift["unsigned"] and shift["is_over"]:
            elements.problem(
                _("This shift is unsigned: {how}.").format(how=shift["unsigned"]),
                _("Prepare its handover again, and have both sides sign."),
            )
        if shift["begun_without_handover"]:
            elements.problem(
                _("It began although the shift before was not taken over."),
                shift["begun_without_handover"],
            )
        for fault in shift["faults"]:
            elements.problem(fault, _("It counts for nothing. Tell quality."))
        record = f"{shift['stream']}, {_('version')} {shift['version']}"
        elements.facts(
            [
                (_("Begun"), lambda: elements.moment(shift["started_at"], view.zone)),
                (_("Begun by"), who(shift)),
                (_("Entries"), str(shift["n_entries"])),
                (_("Late entries"), str(shift["n_late"])),
                (_("Corrected entries"), str(shift["n_corrected"])),
                (_("Record"), lambda: _linked(record, record_path(shift["stream"]))),
            ]
        )


def _linked(words: str, to: str) -> None:
    elements.link(words, to)


def _write(view: View, area: str, shift: Row) -> None:
    fields = [
        forms.Field("text", _("What happened, or what was seen"), "area", is_needed=True),
        forms.Field(
            "category", _("It is about"), "choice", "observation",
            choices={one: _(one) for one in CATEGORIES},
        ),
        forms.Field("is_open", _("Somebody must see to it"), "check", value=False),
        forms.Field(
            "happened_at", _("When it happened, if not now"), "time",
            note=_("Time of the site, {zone}.").format(zone=view.zone),
        ),
        forms.Field(
            "late_reason", _("Why it is written only now"),
            note=_("Only of what happened more than 15 minutes ago: a late entry."),
        ),
    ]  # fmt: skip

    async def enter(values: forms.Values) -> bool:
        given = {**values, "area": area, "is_open": bool(values["is_open"])}
        given["happened_at"] = forms.utc_text(view, values["happened_at"])
        return await view.act("execution.logbook-write", given) is not None

    with elements.section(_("Write")):
        if shift["stage"] != "running":
            elements.hint(_("A handover is prepared: what you write now makes it lapse."))
        forms.form(view, f"logbook-{area}", fields, _("Enter"), enter)


def _entries(view: View, shift: Row) -> None:
    def shown(words: Any, row: Row) -> None:
        elements.text("div", str(words))
        corrections(view, row)
        if row["is_late"]:
            elements.state(_("late entry"), "warn")
            elements.text("span", f" {row['late_reason']}", "gb-note")
        for name in row["about"]:
            elements.link(name, record_path(name))

    def standing(_value: Any, row: Row) -> None:
        if row["settled"]:
            stream, _sep, version = row["settled"].rpartition("@")
            elements.state(_("settled"), "good")
            elements.link(row["settled"], record_path(stream, int(version)))
        elif row["is_open"]:
            elements.state(_("open"), "warn")

    def do(_value: Any, row: Row) -> None:
        elements.button(
            _("Correct"), lambda: _correct(view, row),
            label=_("Correct entry {n}").format(n=row["version"]),
        )  # fmt: skip
        if row["is_open"] and not row["settled"]:
            elements.button(
                _("Settle"), lambda: _settle(view, row),
                label=_("Settle entry {n}").format(n=row["version"]),
            )  # fmt: skip

    with elements.section(_("Entries")):
        elements.table(
            _("Entries of the shift"),
            [
                elements.Column("recorded_at", _("Written"), moment_cell(view.zone)),
                elements.Column("happened_at", _("Happened"), moment_cell(view.zone)),
                elements.Column("category", _("About"), lambda one, _r: _word(one)),
                elements.Column("text", _("Entry"), shown),
                elements.Column("by_name", _("By"), lambda _v, row: _by(row)),
                elements.Column("is_open", _("State"), standing),
                elements.Column("version", _("Do"), do),
            ],
            shift["entries"],
            nothing=_("Nothing is written yet."),
        )


def _word(words: str) -> None:
    elements.text("span", _(words))


def _by(row: Row) -> None:
    elements.text("span", who(row))


async def _correct(view: View, row: Row) -> None:
    given = await forms.ask(
        view, _("Correct an entry"),
        [forms.Field("text", _("It should read"), "area", row["text"], is_needed=True),
         forms.reason_field()],
        _("Correct"), note=_("What it said stays readable, with your reason."),
    )  # fmt: skip
    if given and await view.act("execution.logbook-correct", {**given, "entry": row["entry"]}):
        await view.again()


async def _settle(view: View, row: Row) -> None:
    fields = [forms.Field("comment", _("What was done"), "area", is_needed=True)]
    given = await forms.ask(view, _("Settle an open entry"), fields, _("Settle"), note=row["text"])
    if given and await view.act("execution.logbook-settle", {**given, "entry": row["entry"]}):
        await view.again()


# ---- handover ---------------------------------------------------------------------------------


def _handover(view: View, data: Row, shift: Row) -> None:
    made = shift["handover"]
    with elements.section(
        _("Handover"),
        note=_("What is open is frozen by reference; the leaving and the coming shift sign it."),
    ):
        if made is None:
            elements.empty(_("No handover is prepared."))
        else:
            _frozen(view, data, shift, made)
        if shift["is_taken_over"]:
            return
        at = {"area": data["area"], "shift": shift["number"]}
        if shift["stage"] == "handover prepared":
            _sign(view, _("Sign out"), "execution.logbook-sign-out", at)
        if shift["stage"] == "signed out":
            _sign(view, _("Take over and sign in"), "execution.logbook-sign-in", at)
        _prepare(view, at, is_again=made is not None)


def _prepare(view: View, at: Row, *, is_again: bool) -> None:
    async def prepare(values: forms.Values) -> bool:
        done = await view.act("execution.logbook-prepare", {**at, **values})
        return done is not None

    key = f"handover-{at['area']}-{at['shift']}"
    summary = forms.Field("summary", _("What the coming shift should know"), "area", is_needed=True)
    words = _("Prepare it again") if is_again else _("Prepare the handover")
    forms.form(view, key, [summary], words, prepare)


def _sign(view: View, words: str, act: str, at: Row) -> None:
    async def sign() -> None:
        if await view.sign({"act": act, "values": dict(at)}) is not None:
            await view.again()

    with elements.row():
        elements.button(words, sign, kind="main")


def _frozen(view: View, data: Row, shift: Row, made: Row) -> None:
    elements.paragraph(made["summary"])

    def signed(one: Row | None) -> Any:
        def show() -> None:
            if one is None:
                elements.state(_("not signed"), "warn")
                return
            elements.text("span", f"{who(one)}, ")
            elements.moment(one["at"], view.zone)
            if one["comment"]:
                elements.text("span", f" {one['comment']}", "gb-note")

        return show

    elements.facts(
        [
            (_("Prepared by"), who(made)),
            (_("Prepared"), lambda: elements.moment(made["at"], view.zone)),
            (_("Signed out"), signed(shift["signed_out"])),
            (_("Signed in"), signed(shift["signed_in"])),
            (_("Digest of the handover"), lambda: elements.digest(made["digest"])),
        ]
    )
    item_table(view, _("Open when it was prepared"), made["items"], made["at"])
    if shift["is_over"]:
        return
    for key, caption in (
        ("opened_since", _("Opened, or changed, since it was prepared")),
        ("changed_since", _("Closed, or changed, since it was prepared")),
    ):
        if made[key]:
            item_table(view, caption, made[key], data["now"])


# ---- the next shift, and those before ---------------------------------------------------------


def _start(view: View, area: str, shift: Row | None) -> None:
    needs_reason = shift is not None and not shift["is_taken_over"]
    fields = [forms.Field("title", _("Name of the shift"), note=_("Such as Early, Late or Night."),
                          is_needed=True)]  # fmt: skip
    if needs_reason:
        fields.append(
            forms.Field(
                "reason", _("Why it begins although the shift before is not taken over"),
                "area", is_needed=True,
            )
        )  # fmt: skip

    async def start(values: forms.Values) -> bool:
        if await view.act("execution.logbook-start", {**values, "area": area}) is None:
            return False
        view.go(area_path(area))
        return True

    title = _("Start the next shift") if shift else _("Start the first shift")
    if needs_reason:
        with elements.details(_("Start the next shift without a handover (an exception)")):
            forms.form(view, f"start-{area}", fields, title, start, button_kind="danger")
        return
    with elements.section(title):
        forms.form(view, f"start-{area}", fields, title, start)


def _earlier(view: View, area: str, rows: list[Row]) -> None:
    if len(rows) < 2:
        return
    with elements.section(_("Shifts of this area")):
        elements.table(
            _("Newest first"),
            [
                elements.Column(
                    "shift", _("Shift"), lambda n, _r: _linked(str(n), area_path(area, n))
                ),
                elements.Column("title", _("Name")),
                elements.Column("started_at", _("Begun"), moment_cell(view.zone)),
                elements.Column("reason", _("Begun without handover")),
            ],
            rows,
        )


LOGBOOKS = Page(
    "/logbook", "Shift logbook", Group.PRODUCTION, _load_all, _show_all, icon="menu_book",
    order=60, classes=("operational", "confidential"),
)  # fmt: skip
LOGBOOK = Page(
    "/logbook/{area:path}", "Shift logbook of an area", Group.PRODUCTION, _load, _show,
    in_menu=False, classes=("operational", "confidential"),
)  # fmt: skip
