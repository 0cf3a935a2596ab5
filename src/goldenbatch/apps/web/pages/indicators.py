"""A key figure: its definition, and the batches behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from goldenbatch.apps.web.pages._shared import batch_link, finding_path, number, sample_path
from goldenbatch.apps.web.pages.site import indicator_value
from goldenbatch.core.errors import NotFoundError
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.elements import Column
from goldenbatch.ui.web.pages import Asked, Group, Page
from goldenbatch.ui.web.view import View, address
from goldenbatch.ui.web.words import _

Data = Mapping[str, Any]


def load(asked: Asked) -> Data:
    """One indicator of the answer of `/overview/indicators`.

    Raises:
        NotFoundError: There is none of that name.
    """
    found = asked.api.get(
        "/overview/indicators", product=asked.value("product") or None,
        place=asked.value("place") or None, last=number(asked.values, "last") or None,
    )  # fmt: skip
    wanted = asked.value("name", "right first time")
    for one in found["indicators"]:
        if one["name"] == wanted:
            return {**one, "asked": found["asked"],
                    "names": [each["name"] for each in found["indicators"]]}  # fmt: skip
    names = ", ".join(one["name"] for one in found["indicators"])
    raise NotFoundError(f"there is no key figure {wanted!r}.", hint=f"There are: {names}.")


def show(_view: View, data: Data) -> None:
    """The figure, what it means, and each batch."""
    asked = {name: value for name, value in data["asked"].items() if value}
    entries = [(_(one), address("/indicators", name=one, **asked)) for one in data["names"]]
    elements.tabs(_("Key figures"), entries, address("/indicators", name=data["name"], **asked))
    value, unit, note = indicator_value(data)
    with elements.grid("gb-tiles"):
        elements.figure(_(data["name"]), value, unit=unit, note=note)
    with elements.section(_("Definition")):
        elements.facts([
            (_("Formula"), data["formula"]), (_("Unit"), data["unit"]),
            (_("Direction"), data["trend"]), (_("Source"), data["source"]),
        ])  # fmt: skip
    with elements.section(_("Batches behind it")):
        columns = [Column("batch", _("Batch"), batch_link), Column("value", _("Counts as"), _value),
                   Column("reasons", _("Because of"), _reasons)]  # fmt: skip
        elements.table(
            _("Batches behind it"), columns, data["batches"],
            nothing=_("No batch is behind it yet."),
        )  # fmt: skip
        if data.get("n_open"):
            words = _("{n} batches cannot be judged yet and are in no figure.")
            elements.paragraph(words.format(n=data["n_open"]), is_note=True)


def _value(value: Any, row: Data) -> None:
    if row.get("text"):
        elements.text("span", row["text"])
    elif isinstance(value, bool):
        elements.state(_("right") if value else _("not right"), "good" if value else "bad")
    else:
        elements.text("span", _("open") if value is None else f"{value:.4g}")


def _reasons(reasons: Any, _row: Data) -> None:
    """Each reason, with the way to the finding or the sample that it names."""
    for one in reasons or ():
        words = str(one)
        kind, _space, rest = words.partition(" ")
        name = rest.split(" ")[0]
        if kind == "finding" and len(name) == 32:
            elements.link(words, finding_path(name))
        elif kind == "result" and "/" in name:
            elements.link(words, sample_path(rest.rpartition(" is ")[0].rpartition("/")[0]))
        else:
            elements.text("div", words)


INDICATORS = Page("/indicators", "Key figures", Group.OVERVIEW, load, show, icon="speed", order=20)
