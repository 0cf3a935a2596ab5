"""Forms of entry: labels, faults beside the fields and in a summary, drafts that are not lost.

    entry_form(view, "sample", [Field("sample", _("Sample"), is_needed=True)], take)

What is typed stays in the browser (by person and form) through a reload, the end of the session
and a restart of the web process or the node; it goes when it is sent, discarded, or they log out.
Passwords are never kept. While somebody is in the middle of an entry the page is not refreshed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from nicegui import ui
from nicegui.element import Element

from goldenbatch.ui.web import elements
from goldenbatch.ui.web.elements import short_time, text
from goldenbatch.ui.web.words import _, ngettext

if TYPE_CHECKING:
    from nicegui.events import GenericEventArguments

    from goldenbatch.ui.web.view import View

Kind = Literal["text", "area", "number", "choice", "check", "date", "time", "password"]
Values = Mapping[str, Any]
Submit = Callable[[Values], Awaitable[bool]]
Check = Callable[[Values], Mapping[str, str]]


@dataclass(frozen=True)
class Field:
    """A field of a form.

    Attributes:
        name: Key of its value.
        label: What stands above it.
        kind: What it takes; `time` is a local date and time; numbers stay text, as they are typed.
        unit: Unit of a number, shown behind its label.
        choices: Of a choice: value to words.
        note: What helps to fill it in.
        is_needed: Whether it may not be empty.
        value: What stands in it at first.
    """

    name: str
    label: str
    kind: Kind = "text"
    unit: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    is_needed: bool = False
    value: str = ""


class _Entry(Element, component="entry.js"):
    """The form element, with its draft in the browser."""


def entry_form(
    view: View, key: str, fields: Sequence[Field], submit: Submit, *,
    words: str = "", check: Check | None = None,
) -> Element:  # fmt: skip
    """A form of entry.

    Args:
        view: The page.
        key: Names the form, and the record that it is of: `deviation/B-7`.
        fields: Its fields, in their order.
        submit: Takes the values; True: they were taken and the draft goes. What goes wrong it
            tells itself (`View.act`, `View.sign`), and the entry stays.
        words: What the button does.
        check: Faults by field, beyond those of needs and numbers.
    """
    form = EntryForm(view, key, fields, submit, check)
    return form.make(words or _("Save"))


class EntryForm:
    """One form on a page; see `entry_form`."""

    def __init__(
        self, view: View, key: str, fields: Sequence[Field], submit: Submit, check: Check | None
    ) -> None:
        self._view, self._key, self._fields = view, key, fields
        self._submit, self._check = submit, check
        self._inputs: dict[str, Element] = {}
        self._faults: dict[str, Element] = {}
        self._is_busy = False
        self._form: Any = None
        self._summary: Any = None
        self._restored: Any = None

    def make(self, words: str) -> Element:
        """Make its elements."""
        self._form = _Entry()
        self._form.props["draft"] = f"gb-draft/{self._view.person.uid}/{self._key}"
        self._form.on("given", self._given).on("restored", self._tell_restored)
        self._form.on("busy", lambda event: self._set_busy(bool(event.args)))
        ui.context.client.on_delete(lambda: self._set_busy(False))
        with self._form:
            self._summary, self._restored = elements.box(), elements.box()
            for one in self._fields:
                self._field(one)
            with elements.row(is_end=True):
                made = elements.button(words, kind="main")
                made.props["type"] = "submit"
        return self._form  # type: ignore[no-any-return]

    def _field(self, one: Field) -> None:
        name = self._id(one.name)
        label = f"{one.label} ({one.unit})" if one.unit else one.label
        with elements.box("gb-check" if one.kind == "check" else "gb-field"):
            shown = text("label", label + (f" – {_('needed')}" if one.is_needed else ""))
            shown.props["for"] = name
            made = _input(one)
            made.props.update({"id": name, "name": one.name, "aria-describedby": f"{name}-told"})
            if one.is_needed:
                made.props["aria-required"] = "true"
            told = elements.box("", id=f"{name}-told")
            with told:
                if one.note:
                    text("span", one.note, "gb-note")
                self._faults[one.name] = text("div", "", "gb-field-error")
        self._inputs[one.name] = made

    def _id(self, name: str) -> str:
        safe = "".join(each if each.isalnum() else "-" for each in f"{self._key}-{name}")
        return f"gb-entry-{safe}"

    async def _given(self, event: GenericEventArguments) -> None:
        given = event.args if isinstance(event.args, dict) else {}
        values = {one.name: _value(one, given.get(one.name)) for one in self._fields}
        faults = _faults(self._fields, values)
        if self._check is not None and not faults:
            faults = dict(self._check(values))
        self._show(faults)
        if faults:
            return
        if await self._submit(values) and not self._form.is_deleted:
            self._form.run_method("done")
            self._set_busy(False)
            self._restored.clear()

    def _show(self, faults: Mapping[str, str]) -> None:
        self._summary.clear()
        for name, made in self._inputs.items():
            if name in faults:
                made.props["aria-invalid"] = "true"
            else:
                made.props.pop("aria-invalid", None)
            self._faults[name].set_text(faults.get(name, ""))  # type: ignore[attr-defined]
        if not faults:
            return
        labels = {one.name: one.label for one in self._fields}
        n_faults = len(faults)
        told = ngettext("{n} field needs a look.", "{n} fields need a look.", n_faults)
        with self._summary, elements.box("gb-problem", role="alert", tabindex="-1"):
            text("p", told.format(n=n_faults))
            with elements.box("", "ul"):
                for name, why in faults.items():
                    with elements.box("", "li"):
                        elements.link(f"{labels.get(name, name)}: {why}", f"#{self._id(name)}")
        self._form.run_method("point", f"#{self._id(next(iter(faults)))}")

    def _tell_restored(self, event: GenericEventArguments) -> None:
        self._restored.clear()
        at = int(float(event.args)) * 1000
        told = _("Your entry of {time} is here again; it has not been saved yet.")
        with self._restored, elements.box("gb-hint", role="status"):
            text("p", told.format(time=short_time(at, self._view.zone)))
            elements.button(_("Discard it"), self._discard)

    def _discard(self) -> None:
        self._form.run_method("done")
        self._restored.clear()
        self._show({})

    def _set_busy(self, is_busy: bool) -> None:
        if is_busy != self._is_busy:
            self._view.n_busy += 1 if is_busy else -1
            self._is_busy = is_busy


def _input(one: Field) -> Element:
    if one.kind == "area":
        made = text("textarea", one.value, "gb-input")
    elif one.kind == "choice":
        made = elements.box("gb-input", "select")  # type: ignore[assignment]
        with made:
            for value, words in {"": "", **one.choices}.items():
                option = text("option", words)
                option.props["value"] = value
                if value == one.value:
                    option.props["selected"] = True
    else:
        types = {"check": "checkbox", "date": "date", "time": "datetime-local",
                 "password": "password"}  # fmt: skip
        classes = "" if one.kind == "check" else "gb-input"
        made = elements.box(classes, "input", type=types.get(one.kind, "text"))  # type: ignore[assignment]
        if one.kind == "check":
            made.props["defaultChecked"] = one.value == "true"
        elif one.value:
            made.props["defaultValue"] = one.value
        if one.kind == "number":
            made.props["inputmode"] = "decimal"
    return made


def _value(one: Field, given: Any) -> Any:
    if one.kind == "check":
        return given is True
    return str(given or "").strip()


def _faults(fields: Sequence[Field], values: Values) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in fields:
        value = values[one.name]
        if one.is_needed and not value:
            found[one.name] = _("This is needed.")
        elif one.kind == "number" and value and not _is_number(value):
            found[one.name] = _("This is no number; write it like 12.5.")
        elif one.kind == "choice" and value and value not in one.choices:
            found[one.name] = _("This cannot be chosen.")
    return found


def _is_number(value: str) -> bool:
    from decimal import Decimal, InvalidOperation

    try:
        return Decimal(value).is_finite()
    except InvalidOperation:
        return False
