"""Single fields: a label, a native control, a note; told of each change.

For forms whose entries outlive a reload see the pages' own forms; a field here keeps nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Literal

from nicegui.element import Element
from nicegui.events import GenericEventArguments

from goldenbatch.ui.web import elements

Told = Callable[[Any], Awaitable[None] | None]
_TAKE: Final = "(e) => emit(e.target.type === 'checkbox' ? e.target.checked : e.target.value)"
_numbers = itertools.count(1)


def text_field(
    label: str, value: str, told: Told, *, note: str = "", hidden: bool = False, rows: int = 0,
    placeholder: str = "",
) -> Element:  # fmt: skip
    """A line of text, or with `rows` an area.

    Args:
        label: What it is.
        value: What stands in it at first.
        told: Is given what stands in it after each change.
        note: What helps to fill it in.
        hidden: Whether only screen readers have the label, as in a table with headings.
        rows: Of an area; 0: one line.
        placeholder: What is meant where nothing is entered.
    """
    # `defaultValue`: what is typed must not be put back when the page is drawn again.
    with _field(label, note, hidden=hidden) as name:
        if rows:
            made = elements.box("gb-input gb-mono", "textarea", rows=str(rows), spellcheck="false")
        else:
            made = elements.box("gb-input", "input", type="text", autocomplete="off")
        made.props["defaultValue"] = value
        if placeholder:
            made.props["placeholder"] = placeholder
        return _finished(made, name, note, told)


def choice_field(
    label: str, value: str, choices: Mapping[str, str], told: Told, *, note: str = "",
    hidden: bool = False,
) -> Element:  # fmt: skip
    """One of several; `choices` maps values to words."""
    with _field(label, note, hidden=hidden) as name:
        with elements.box("gb-input", "select") as made:
            for each, words in choices.items():
                option = elements.text("option", words)
                option.props["value"] = each
                if each == value:
                    option.props["selected"] = True
        return _finished(made, name, note, told, event="change")


def check_field(label: str, value: bool, told: Told) -> Element:
    """A switch with its label behind it."""
    name = f"field-{next(_numbers)}"
    with elements.box("gb-check"):
        made = elements.box("", "input", type="checkbox")
        made.props["defaultChecked"] = value
        _finished(made, name, "", told, event="change")
        elements.text("label", label).props["for"] = name
    return made


class _field:  # noqa: N801 (a context manager that reads as one)
    def __init__(self, label: str, note: str, *, hidden: bool) -> None:
        self._label, self._note, self._hidden = label, note, hidden
        self._name = f"field-{next(_numbers)}"
        self._box = elements.box("gb-field")

    def __enter__(self) -> str:
        self._box.__enter__()
        label = elements.text("label", self._label, "gb-hidden" if self._hidden else "gb-label")
        label.props["for"] = self._name
        return self._name

    def __exit__(self, *error: object) -> None:
        if self._note and error[0] is None:
            note = elements.text("p", self._note, "gb-note")
            note.props["id"] = f"{self._name}-note"
        self._box.__exit__(*error)


def _finished(
    made: Element, name: str, note: str, told: Told, *, event: Literal["input", "change"] = "input"
) -> Element:
    made.props["id"] = name
    if note:
        made.props["aria-describedby"] = f"{name}-note"

    def tell(given: GenericEventArguments) -> Any:
        return told(given.args)

    return made.on(event, tell, js_handler=_TAKE, throttle=0.2 if event == "input" else 0.0)
