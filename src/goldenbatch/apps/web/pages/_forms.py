"""Forms of pages: labelled fields whose entries outlive a reload, and dialogs that ask.

What somebody has typed is kept in this process until it is entered or discarded, by person and
form, so that a reload, a lost connection or a look at another page loses nothing. Passwords are
never kept.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, Literal

from nicegui import ui
from nicegui.element import Element

from goldenbatch.ui.web import elements
from goldenbatch.ui.web.view import View
from goldenbatch.ui.web.words import _

Kind = Literal["text", "area", "choice", "check", "time", "password"]
Values = dict[str, Any]
Do = Callable[[Values], Awaitable[bool]]
_MAX_DRAFTS: Final = 2000
_TAKE: Final = "(e) => emit(e.target.type === 'checkbox' ? e.target.checked : e.target.value)"
_drafts: dict[tuple[str, str], Values] = {}


@dataclass(frozen=True)
class Field:
    """A field of a form.

    Attributes:
        name: Key of its value.
        label: What stands beside it.
        kind: What it takes; `time` is a local date and time of the site.
        value: What stands in it at first.
        choices: Of a choice: value to words.
        note: What helps to fill it in.
        is_needed: Whether it may not be empty.
    """

    name: str
    label: str
    kind: Kind = "text"
    value: Any = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    is_needed: bool = False


def form(
    view: View, key: str, fields: Sequence[Field], words: str, do: Do,
    *, button_kind: Literal["main", "danger"] = "main",
) -> None:  # fmt: skip
    """A form whose entries are kept until `do` says that they were taken.

    Args:
        view: The page.
        key: Names the form among all of this person's.
        fields: Its fields.
        words: What its button says.
        do: Takes the values; True: they were taken, the draft ends and the page is shown again.
        button_kind: How the button looks.
    """
    draft = _drafts.get((view.person.uid, key), {})
    values: Values = {one.name: draft.get(one.name, one.value) for one in fields}

    def changed(name: str, value: Any) -> None:
        values[name] = value
        kept = {one.name: values[one.name] for one in fields if one.kind != "password"}
        _keep(view.person.uid, key, kept)
        if "data-gb-kept" not in place.props:
            place.props["data-gb-kept"] = "true"

    async def press() -> None:
        if _is_filled(view, fields, values) and await do(dict(values)):
            _drafts.pop((view.person.uid, key), None)
            await view.again()

    async def discard() -> None:
        _drafts.pop((view.person.uid, key), None)
        await view.again()

    with elements.box("gb-form gb-noprint") as place:
        for one in fields:
            show_field(replace(one, value=values[one.name]), key, changed)
        with elements.row():
            elements.button(words, press, kind=button_kind)
            if draft:
                elements.button(_("Discard the draft"), discard)


def _keep(uid: str, key: str, values: Values) -> None:
    while len(_drafts) >= _MAX_DRAFTS and (uid, key) not in _drafts:
        del _drafts[next(iter(_drafts))]
    _drafts[uid, key] = values


def _is_filled(view: View, fields: Sequence[Field], values: Values) -> bool:
    for one in fields:
        if one.is_needed and not str(values[one.name]).strip():
            view.tell(_("“{field}” is empty.").format(field=one.label), "warn")
            return False
    return True


def show_field(one: Field, key: str, changed: Callable[[str, Any], None]) -> None:
    """One field with its label and its note; `changed(name, value)` is told each change."""
    name = f"{key}-{one.name}".replace(" ", "-")
    with elements.box("gb-check" if one.kind == "check" else "gb-field"):
        if one.kind == "check":
            made = _input(one, name)
        label = elements.text("label", one.label, "gb-label")
        label.props["for"] = name
        if one.kind != "check":
            made = _input(one, name)
        if one.note:
            elements.text("p", one.note, "gb-hint-text gb-note").props["id"] = f"{name}-note"
            made.props["aria-describedby"] = f"{name}-note"
    if one.is_needed:
        made.props["aria-required"] = "true"
    told = partial(changed, one.name)
    for event in ("input", "change"):
        made.on(event, lambda given: told(given.args), js_handler=_TAKE)


def _input(one: Field, name: str) -> Element:
    # `default…`: what is typed must not be put back to what stood there when the page is redrawn.
    if one.kind == "choice":
        with elements.box("gb-input", "select", id=name) as made:
            for value, words in one.choices.items():
                option = elements.text("option", words)
                option.props["value"] = value
                if value == one.value:
                    option.props["selected"] = True
        return made
    if one.kind == "area":
        made = elements.box("gb-input", "textarea", id=name, rows="4")
        made.props["defaultValue"] = str(one.value)
        return made
    kind = {"check": "checkbox", "time": "datetime-local", "password": "password"}
    made = elements.box("gb-input", "input", id=name, type=kind.get(one.kind, "text"))
    if one.kind == "check":
        made.props["defaultChecked"] = bool(one.value)
    else:
        made.props["defaultValue"] = str(one.value)
        made.props["autocomplete"] = "current-password" if one.kind == "password" else "off"
    return made


async def ask(
    view: View, title: str, fields: Sequence[Field], words: str, *, note: str = ""
) -> Values | None:
    """Ask for values in a dialog; None: the person gave up."""
    values: Values = {one.name: one.value for one in fields}
    view.n_busy += 1
    try:
        with ui.dialog() as dialog, ui.card().classes("gb-dialog-body"):
            elements.heading(title)
            if note:
                elements.paragraph(note, is_note=True)
            for one in fields:
                show_field(one, f"ask-{title}", values.__setitem__)

            def press() -> None:
                if _is_filled(view, fields, values):
                    dialog.submit(dict(values))

            with elements.row(is_end=True):
                elements.button(_("Cancel"), lambda: dialog.submit(None))
                elements.button(words, press, kind="main")
        given: Values | None = await dialog
        dialog.delete()
    finally:
        view.n_busy -= 1
    return given


def password_field() -> Field:
    """The person's own password: they prove who they are for this one act."""
    return Field(
        "password", _("Your password"), "password", is_needed=True,
        note=_("You prove who you are for this act; it is not kept."),
    )  # fmt: skip


def reason_field() -> Field:
    """Why; it goes on record."""
    return Field("reason", _("Reason"), "area", is_needed=True, note=_("It goes on record."))


def utc_text(view: View, local: str) -> str:
    """A local time of the site, as a browser's field gives it, as ISO 8601 with its offset.

    Empty stays empty; what is no time is given on as it is, for the node to refuse.
    """
    from datetime import datetime
    from zoneinfo import ZoneInfo

    if not local:
        return ""
    try:
        at = datetime.fromisoformat(local)
    except ValueError:
        return local
    return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(view.zone))).isoformat()
