"""What may be done with a version next: acts with their reasons, the judging ones signed.

Which of them the person may do is decided by the node; here only those are offered that the
version's stage allows at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from goldenbatch.ui.web import elements, fields
from goldenbatch.ui.web.view import View
from goldenbatch.ui.web.words import _


@dataclass(frozen=True)
class ActOffered:
    """An act.

    Attributes:
        name: Full name.
        words: What its button says.
        note: What it does.
        field: Name of its text: `reason` or `statement`.
        is_signed: Whether it is a signature, with its ceremony.
        is_danger: Whether it takes something away.
    """

    name: str
    words: str
    note: str
    field: str = "reason"
    is_signed: bool = False
    is_danger: bool = False


def offered(card: Mapping[str, Any]) -> list[ActOffered]:
    """The acts that a version's stage allows."""
    stage, found = card["stage"], []
    if stage == "tested":
        if card["plan"]:
            found.append(ActOffered(
                "governance.judge", _("Ask the gate"),
                _("Whether this update is within its change plan; nobody decides by hand."), "",
            ))  # fmt: skip
        found.append(ActOffered(
            "governance.validate", _("Sign: validated"),
            _("The evidence shows it fit for its use. You sign as verified."), "statement", True,
        ))  # fmt: skip
    if stage == "validated":
        found.append(ActOffered(
            "governance.approve", _("Sign: approved"),
            _("Quality approves it for its use. You sign as approved."), "reason", True,
        ))  # fmt: skip
    if stage in ("approved", "suspended") or (stage == "active" and card["is_fallback"]):
        found.append(ActOffered(
            "governance.activate", _("Put it to work"),
            _("From now on its predictions count; what serves now is replaced."),
        ))  # fmt: skip
    if stage == "active":
        found.append(ActOffered(
            "governance.suspend", _("Suspend it"),
            _("It is taken from its work; the contingency or the chosen fallback takes over."),
            is_danger=True,
        ))  # fmt: skip
    if stage in ("approved", "suspended", "test failed", "validated"):
        found.append(ActOffered(
            "governance.retire", _("Retire it"), _("It will never serve again."), is_danger=True
        ))  # fmt: skip
    return found


def acts(view: View, card: Mapping[str, Any]) -> None:
    """The acts, each with its reason."""
    found = offered(card)
    with elements.section(_("What may be done")):
        if not found:
            elements.paragraph(
                _("Nothing by a button: its next step takes data or files, on the command line "
                  "(goldenbatch model --help)."),
            )  # fmt: skip
        for one in found:
            with elements.details(one.words):
                _act(view, card, one)


def _act(view: View, card: Mapping[str, Any], one: ActOffered) -> None:
    values: dict[str, Any] = {"use": card["use"], "version": card["version"]}

    def told(words: str) -> None:
        values[one.field] = words

    async def do() -> None:
        if one.field and not str(values.get(one.field, "")).strip():
            view.tell(_("Say why: it goes on record."), "warn")
            return
        if one.is_signed:
            done = await view.sign({"act": one.name, "values": dict(values)})
        else:
            done = await view.act(one.name, values)
        if done is not None:
            view.tell(_("Recorded."), "good")
            await view.again()

    elements.paragraph(one.note, is_note=True)
    if one.name == "governance.suspend":
        choices = {"0": _("the contingency")}
        choices |= {str(n): _("version {n}").format(n=n) for n in card["fallbacks"]}
        fields.choice_field(
            _("Takes over"), "0", choices, lambda n: values.__setitem__("fallback", int(n))
        )  # fmt: skip
    if one.name == "governance.approve" and not card["plan"] and card["follows"]:
        fields.text_field(
            _("Change control"), "", lambda text: values.__setitem__("change", text),
            note=_("Its number: an update outside a plan goes through it."),
        )  # fmt: skip
    if one.field:
        label = _("Statement") if one.field == "statement" else _("Reason")
        fields.text_field(label, "", told, rows=3)
    kind = "danger" if one.is_danger else "main"
    elements.button(one.words, do, kind=kind)  # type: ignore[arg-type]
